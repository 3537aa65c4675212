"""Data sets of files written here, damaged in every way; augmentation."""

import gzip
import struct

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.train import BadConfig, BadData, main
from experiments.train.augmentation import crop_and_flip, random_crop, random_flip
from experiments.train.data import DATA_SETS, load

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (12, 28, 28), np.uint8)
TEST_IMAGES = RNG.integers(0, 256, (5, 28, 28), np.uint8)
LABELS = np.arange(12, dtype=np.uint8) % 10
TEST_LABELS = np.arange(5, dtype=np.uint8)
KEY = jax.random.key(0)


def idx(array, *, zero=0, code=8, ndim=None, shape=None):
    shape = array.shape if shape is None else shape
    header = struct.pack(">HBB", zero, code, len(shape) if ndim is None else ndim)
    return header + struct.pack(f">{len(shape)}I", *shape) + array.tobytes()


@pytest.fixture
def mnist(tmp_path):
    """A folder with the four files, two of them gzipped."""
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(IMAGES)))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(LABELS))
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(TEST_IMAGES))
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(TEST_LABELS)))
    return tmp_path


def records(images, labels):
    """CIFAR-10's: images (N, 32, 32, 3)."""
    return b"".join(
        bytes([label]) + image.transpose(2, 0, 1).tobytes()
        for image, label in zip(images, labels, strict=True)
    )


CIFAR_IMAGES = RNG.integers(0, 256, (6, 2, 32, 32, 3), np.uint8)
CIFAR_LABELS = np.arange(12, dtype=np.uint8).reshape(6, 2) % 10
CIFAR_FILES = (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin")


@pytest.fixture(params=["", "cifar-10-batches-bin"], ids=["in the folder", "below it"])
def cifar10(tmp_path, request):
    """A folder with the six files, and the folder given to the program."""
    folder = tmp_path / request.param
    folder.mkdir(exist_ok=True)
    for name, images, labels in zip(CIFAR_FILES, CIFAR_IMAGES, CIFAR_LABELS, strict=True):
        (folder / name).write_bytes(records(images, labels))
    return folder, tmp_path


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_idx_files_hold_what_was_written(name, mnist):
    data = load(name, mnist)
    np.testing.assert_array_equal(data.images, IMAGES[..., None])
    np.testing.assert_array_equal(data.labels, LABELS)
    np.testing.assert_array_equal(data.test_images, TEST_IMAGES[..., None])
    np.testing.assert_array_equal(data.test_labels, TEST_LABELS)
    assert (data.white, data.images.dtype, data.labels.dtype) == (255, np.uint8, np.int32)


def test_cifar10_holds_what_was_written(cifar10):
    data = load("cifar10", cifar10[1])
    np.testing.assert_array_equal(data.images, CIFAR_IMAGES[:5].reshape(10, 32, 32, 3))
    np.testing.assert_array_equal(data.labels, CIFAR_LABELS[:5].ravel())
    np.testing.assert_array_equal(data.test_images, CIFAR_IMAGES[5])
    np.testing.assert_array_equal(data.test_labels, CIFAR_LABELS[5])
    assert (data.white, data.images.dtype, data.labels.dtype) == (255, np.uint8, np.int32)


def test_digits_are_split_with_every_class_in_both_parts():
    pytest.importorskip("sklearn")
    data = load("digits", None)
    assert (data.images.shape, data.test_images.shape) == ((1437, 8, 8, 1), (360, 8, 8, 1))
    assert (data.images.max(), data.white) == (16, 16)
    assert np.bincount(data.test_labels).min() >= 34


WHOLE = idx(IMAGES)
DAMAGED_IMAGES = {
    "empty": (b"", "it has 0 bytes; expected a header of 16"),
    "no sizes": (WHOLE[:10], "it has 10 bytes; expected a header of 16"),
    "truncated": (WHOLE[:-1], r"9407 bytes follow the header; expected 9408, for the shape \(12, 28, 28\)"),
    "too long": (WHOLE + b"\0", "9409 bytes follow the header; expected 9408"),
    "foreign": (b"\x80\x04\x95" + WHOLE, "its magic number starts with 0x8004; expected 0x0000"),
    "dtype": (idx(IMAGES, code=0x0D), "its dtype code is 0x0d; expected 0x08, unsigned bytes"),
    "axes": (idx(IMAGES.reshape(12, -1)), "its number of axes is 2; expected 3"),
    "size": (idx(IMAGES[:, :, :20]), "its images are 28×20; expected 28×28"),
    "none": (idx(IMAGES[:0]), r"its shape is \(0, 28, 28\); expected at least 1 along every axis"),
    "gzip, truncated": (gzip.compress(WHOLE)[:-20], "its gzip is damaged: .*; expected a whole gzip file"),
    "gzip, changed": (
        gzip.compress(WHOLE)[:-8] + bytes(8),
        "its gzip is damaged: CRC check failed.*; expected a whole gzip file",
    ),
    "gzip, garbage": (gzip.compress(WHOLE)[:10] + b"\xff" * 50, "its gzip is damaged: "),
}


@pytest.mark.parametrize(("contents", "message"), DAMAGED_IMAGES.values(), ids=DAMAGED_IMAGES)
def test_damaged_images(contents, message, mnist):
    path = mnist / "train-images-idx3-ubyte.gz"
    path.write_bytes(contents)
    with pytest.raises(BadData, match=f"^{path}: {message}"):
        load("mnist", mnist)


DAMAGED_LABELS = {
    "range": (idx(np.array([3, 10, 0, 0, 200], np.uint8)), "label 1 is 10; expected 0 to 9"),
    "count": (idx(LABELS), "it has 12 labels; expected 5, as .*t10k-images-idx3-ubyte has images"),
    "images": (idx(TEST_IMAGES), "its number of axes is 3; expected 1"),
}


@pytest.mark.parametrize(("contents", "message"), DAMAGED_LABELS.values(), ids=DAMAGED_LABELS)
def test_damaged_labels(contents, message, mnist):
    path = mnist / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(contents)
    with pytest.raises(BadData, match=f"^{path}: {message}"):
        load("mnist", mnist)


def test_a_missing_idx_file(mnist):
    (mnist / "t10k-images-idx3-ubyte").unlink()
    with pytest.raises(
        BadData, match=r"there is no t10k-images-idx3-ubyte; expected that file, or t10k-.*gz$"
    ):
        load("mnist", mnist)


def test_an_idx_file_that_is_a_folder(mnist):
    (mnist / "train-labels-idx1-ubyte").unlink()
    (mnist / "train-labels-idx1-ubyte").mkdir()
    with pytest.raises(BadData, match=r"it cannot be read: Is a directory; expected a file$"):
        load("mnist", mnist)


def test_damaged_cifar10(cifar10):
    folder, given = cifar10
    path = folder / "data_batch_3.bin"
    whole = path.read_bytes()
    for contents in (whole[:-1], b""):
        path.write_bytes(contents)
        with pytest.raises(
            BadData, match=f"^{path}: it has {len(contents)} bytes; expected records of 3073$"
        ):
            load("cifar10", given)
    path.write_bytes(b"\x0a" + whole[1:])
    with pytest.raises(BadData, match=f"^{path}: label 0 is 10; expected 0 to 9$"):
        load("cifar10", given)
    path.unlink()
    with pytest.raises(
        BadData, match=r"there is no data_batch_3.bin; expected that file, or cifar-10-batches-bin/"
    ):
        load("cifar10", given)


def test_bad_folders(tmp_path):
    with pytest.raises(
        BadConfig, match=r"^data dir is missing; expected the folder with the files of mnist$"
    ):
        load("mnist", None)
    with pytest.raises(BadConfig, match=r"^data dir is .*nowhere; expected a folder that exists$"):
        load("cifar10", tmp_path / "nowhere")
    with pytest.raises(BadConfig, match=r"^data dir is .*; expected none, as digits come with scikit-learn$"):
        load("digits", tmp_path)


def test_a_damaged_file_exits_with_2_and_no_traceback(mnist, capsys):
    (mnist / "train-labels-idx1-ubyte").write_bytes(b"\0\0\x08\x01")
    with pytest.raises(SystemExit) as exit:
        main(["--data", "mnist", "--data-dir", str(mnist)])
    assert exit.value.code == 2
    printed = capsys.readouterr().err
    assert f"error: {mnist / 'train-labels-idx1-ubyte'}: it has 4 bytes; expected a header of 8\n" in printed
    assert "Traceback" not in printed


def test_a_crop_is_a_shift_with_zeros_moving_in_and_every_shift_occurs():
    image = jnp.arange(1, 17, dtype=jnp.uint8).reshape(1, 4, 4, 1)
    crops = random_crop(KEY, jnp.repeat(image, 200, axis=0), padding=1)
    padded = np.pad(np.asarray(image[0, ..., 0]), 1)
    shifts = [padded[i : i + 4, j : j + 4] for i in range(3) for j in range(3)]
    seen = {
        next(k for k, shift in enumerate(shifts) if np.array_equal(crop[..., 0], shift)) for crop in crops
    }
    assert seen == set(range(9))


def test_a_flip_is_the_mirror_image_half_of_the_time():
    images = jnp.asarray(RNG.integers(0, 256, (400, 3, 5, 2), np.uint8))
    flipped = np.asarray(random_flip(KEY, images))
    same = np.array([np.array_equal(a, b) for a, b in zip(flipped, images, strict=True)])
    np.testing.assert_array_equal(flipped[~same], images[~same][:, :, ::-1])
    assert 150 < same.sum() < 250


@pytest.mark.parametrize("name", DATA_SETS)
def test_augmentation_is_a_pure_function_of_the_key(name):
    images = jnp.asarray(RNG.integers(1, 256, (8, 8, 8, 3), np.uint8))
    augment = jax.jit(DATA_SETS[name].augment)
    first = augment(KEY, images)
    np.testing.assert_array_equal(first, augment(KEY, images))
    assert (first.shape, first.dtype) == (images.shape, images.dtype)
    assert not np.array_equal(first, augment(jax.random.key(1), images))


def test_digits_are_never_mirrored():
    one = jnp.zeros((64, 8, 8, 1), jnp.uint8).at[:, 3:5, 3].set(1).at[:, 3, 4].set(1)  # a corner, with a hand
    mirrored = np.asarray(one[0, 3:5, 3:5, 0])[:, ::-1]

    def holds_the_mirror_image(images):
        windows = np.lib.stride_tricks.sliding_window_view(np.asarray(images)[..., 0], (2, 2), (1, 2))
        return bool((windows == mirrored).all((-1, -2)).any())

    assert not holds_the_mirror_image(DATA_SETS["digits"].augment(KEY, one))
    assert not holds_the_mirror_image(DATA_SETS["mnist"].augment(KEY, one))
    assert holds_the_mirror_image(crop_and_flip(KEY, one, padding=2))
