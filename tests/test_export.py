"""A trained network as files: run by JAX without our code, read by NumPy alone, asked on the command line."""

import json

import jax
import numpy as np
import pytest

flatbuffers = pytest.importorskip("flatbuffers")
Image = pytest.importorskip("PIL.Image")
pytest.importorskip("optax")
pytest.importorskip("sklearn")

from experiments.networks import NETWORKS, BatchNorm, Conv, Dense, GlobalAvgPool, Relu  # noqa: E402
from experiments.train import Config, run  # noqa: E402
from experiments.train.data import load as load_data  # noqa: E402
from experiments.train.export import load, save  # noqa: E402
from experiments.train.models import build  # noqa: E402
from experiments.train.optimizers import optimizer, schedule  # noqa: E402
from experiments.train.predict import main  # noqa: E402
from experiments.train.step import initial  # noqa: E402


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a run, and test images from 0 to 1."""
    config = Config(epochs=2, batch_size=60, learning_rate=0.01, channels=(8, 16))
    folder = tmp_path_factory.mktemp("trained")
    with jax.numpy_dtype_promotion("standard"), jax.enable_x64(False):
        save(config, run(config).training, (8, 8, 1), folder)
    data = load_data("digits", None)
    return folder, data.test_images[:50] / np.float32(data.white), data.test_labels[:50]


@pytest.fixture(autouse=True)
def _settings_as_a_user_has_them():
    with jax.enable_x64(False), jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def arrays(folder):
    with np.load(folder / "parameters.npz", allow_pickle=False) as kept:
        return dict(kept)


def by_numpy(folder, images):
    """The logits, recomputed from the numbers in the file."""
    kept = arrays(folder)
    A = images.astype(np.float64)
    for name in ("conv1", "conv2"):
        W, b = kept[f"params.{name}.W"], kept[f"params.{name}.b"]
        padded = np.pad(A, ((0, 0), (1, 1), (1, 1), (0, 0)))
        seen = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))  # (B, h, w, C, 3, 3)
        A = np.maximum(np.einsum("bhwcij,ijck->bhwk", seen, W) + b, 0)
        B, h, w, K = A.shape
        A = A.reshape(B, h // 2, 2, w // 2, 2, K).max((2, 4))
    return A.reshape(len(A), -1) @ kept["params.dense.W"] + kept["params.dense.b"]


@pytest.mark.parametrize("count", [1, 50])
def test_the_file_and_the_numbers_agree(count, trained):
    folder, images, labels = trained
    network = load(folder)
    assert network.exported.platforms == ("cpu", "cuda", "tpu")
    assert network.shape == (8, 8, 1)
    Z = network.logits(images[:count])
    np.testing.assert_allclose(Z, by_numpy(folder, images[:count]), rtol=1e-4, atol=1e-4)
    assert np.mean(np.argmax(Z, -1) == labels[:count]) > 0.4  # chance is 0.1


def test_jax_alone_runs_the_file(trained):
    folder, images, _ = trained
    exported = jax.export.deserialize(bytearray((folder / "network.bin").read_bytes()))
    np.testing.assert_array_equal(exported.call(images), load(folder).logits(images))
    assert json.loads((folder / "classes.json").read_text()) == list("0123456789")


def test_an_image_file_is_recognised(trained, tmp_path, capsys):
    folder, images, _ = trained
    path = tmp_path / "digit.png"
    pixels = np.kron(images[0, :, :, 0], np.ones((4, 4)))  # 32 × 32
    Image.fromarray(np.round(pixels * 255).astype(np.uint8)).convert("RGB").save(path)
    assert main([str(folder), str(path)]) == 0
    lines = [line.split(": ") for line in capsys.readouterr().out.splitlines()]
    Z = by_numpy(folder, images[:1])[0]
    due = np.exp(Z) / np.sum(np.exp(Z))
    assert [int(name) for name, _ in lines][:2] == list(np.argsort(-due)[:2])
    for name, percent in lines:
        assert float(percent.rstrip("%")) == pytest.approx(100 * due[int(name)], abs=0.5)  # 8 bits a pixel


def without(folder, name):
    (folder / name).unlink()


def cut(folder, name):
    path = folder / name
    path.write_bytes(path.read_bytes()[:1000])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda folder: without(folder, "network.bin"),
            "expected the network.bin and classes.json of a finish",
        ),
        (lambda folder: without(folder, "classes.json"), "expected the network.bin and classes.json of a"),
        (lambda folder: cut(folder, "network.bin"), "network.bin: it cannot be read: "),
        (lambda folder: without(folder, "digit.png"), "digit.png: it cannot be read: No such file"),
        (lambda folder: cut(folder, "digit.png"), "digit.png: it cannot be read: "),
    ],
    ids=["no network", "no classes", "half a network", "no image", "no whole image"],
)
def test_what_cannot_be_read(damage, message, trained, tmp_path, capsys):
    for path in trained[0].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    Image.fromarray(noise).save(tmp_path / "digit.png")
    damage(tmp_path)
    with pytest.raises(SystemExit) as exit:
        main([str(tmp_path), str(tmp_path / "digit.png")])
    assert exit.value.code == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert "Traceback" not in printed


def test_layers_are_counted_and_running_statistics_kept(tmp_path, monkeypatch):
    monkeypatch.setitem(NETWORKS, "small", (Conv(2), BatchNorm(), Relu(), GlobalAvgPool(), Dense(10)))
    config = Config(model="small", dtype="bfloat16")
    rule = optimizer("sgd", schedule("constant", 1, 1))
    start = initial(config, build("small", "manual", (2, 3), 8), rule, (8, 8, 1))
    save(config, start, (8, 8, 1), tmp_path)
    kept = arrays(tmp_path)
    assert {name: (array.shape, str(array.dtype)) for name, array in kept.items()} == {
        "params.0.W": ((3, 3, 1, 2), "float32"),
        "params.1.gamma": ((2,), "float32"),
        "params.1.beta": ((2,), "float32"),
        "params.4.W": ((2, 10), "float32"),
        "params.4.b": ((10,), "float32"),
        "state.1.mean": ((2,), "float32"),
        "state.1.variance": ((2,), "float32"),
    }
    assert load(tmp_path).logits(np.ones((3, 8, 8, 1))).shape == (3, 10)
