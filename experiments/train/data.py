"""The data sets: images and labels for training and for the test, and how each is augmented.

    digits          8×8, one channel     1797 images of scikit-learn, a fifth of them for the test
    mnist           28×28, one channel   IDX files in a folder
    fashion-mnist   28×28, one channel   IDX files in a folder
    cifar10         32×32, 3 channels    the binary version, in a folder

Files are read as bytes, checked and never unpickled.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.train import cifar, idx
from experiments.train.augmentation import Augmentation, crop_and_flip, random_crop
from experiments.train.errors import BadData, extra_installed, require

CLASSES = 10
DIGITS = tuple("0123456789")
CLOTHES = (
    "T-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
IDX_SIZE = (28, 28)
TEST_SIZE = 0.2
SPLIT_SEED = 0  # of the split of digits into training and test images, the same for every run


class Data(NamedTuple):
    """Images (N, h, w, C) and labels (N,) from 0 to 9.

    Attributes:
        images, labels: for training, uint8 and int32.
        test_images, test_labels: for the test.
        white: the greatest value of a pixel.
    """

    images: np.ndarray
    labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    white: int


class DataSet(NamedTuple):
    """Where data come from.

    Attributes:
        load: the data, of a folder unless they come with a package.
        needs_folder: whether it is given one.
        augment: what a training batch undergoes.
        classes: what the labels stand for.
    """

    load: Callable[..., Data]
    needs_folder: bool
    augment: Augmentation
    classes: tuple[str, ...] = DIGITS


def digits() -> Data:
    """Those of scikit-learn, split so that every class has its share in both parts."""
    with extra_installed():
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split
    images, labels = load_digits(return_X_y=True)
    images, test_images, labels, test_labels = train_test_split(
        images.reshape(-1, 8, 8, 1).astype(np.uint8),
        labels.astype(np.int32),
        test_size=TEST_SIZE,
        random_state=SPLIT_SEED,
        stratify=labels,
    )
    return Data(images, labels, test_images, test_labels, white=16)


def from_idx(folder: Path) -> Data:
    """MNIST or Fashion-MNIST, of its four files."""
    return Data(*_idx_part(folder, "train"), *_idx_part(folder, "t10k"), white=255)


def _idx_part(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    images_path, images = idx.read(folder, f"{part}-images-idx3-ubyte", axes=3)
    labels_path, labels = idx.read(folder, f"{part}-labels-idx1-ubyte", axes=1)
    if images.shape[1:] != IDX_SIZE:
        raise BadData(images_path, f"its images are {_size(images.shape[1:])}", _size(IDX_SIZE))
    if len(labels) != len(images):
        raise BadData(
            labels_path, f"it has {len(labels)} labels", f"{len(images)}, as {images_path} has images"
        )
    return images[..., None], _checked(labels_path, labels)


def from_cifar10(folder: Path) -> Data:
    """CIFAR-10, of its six files."""
    images, labels = [], []
    for name in (*cifar.TRAINING, cifar.TEST):
        path, part, part_labels = cifar.read(folder, name)
        images.append(part)
        labels.append(_checked(path, part_labels))
    return Data(np.concatenate(images[:-1]), np.concatenate(labels[:-1]), images[-1], labels[-1], white=255)


def _checked(path: Path, labels: np.ndarray) -> np.ndarray:
    wrong = np.flatnonzero(labels >= CLASSES)
    if wrong.size:
        raise BadData(path, f"label {wrong[0]} is {labels[wrong[0]]}", f"0 to {CLASSES - 1}")
    return labels.astype(np.int32)


def _size(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))


DATA_SETS = {
    "digits": DataSet(digits, needs_folder=False, augment=partial(random_crop, padding=1)),
    "mnist": DataSet(from_idx, needs_folder=True, augment=partial(random_crop, padding=2)),
    "fashion-mnist": DataSet(
        from_idx, needs_folder=True, augment=partial(crop_and_flip, padding=2), classes=CLOTHES
    ),
    "cifar10": DataSet(
        from_cifar10, needs_folder=True, augment=partial(crop_and_flip, padding=4), classes=CIFAR10
    ),
}


def load(name: str, folder: Path | None) -> Data:
    """The data set of this name, of the folder if it needs one.

    Raises:
        BadConfig: there is no folder where one is needed, or one where none is.
        BadData: a file is missing or damaged.
        MissingExtra: naming the extra to install.
    """
    data_set = DATA_SETS[name]
    if not data_set.needs_folder:
        require(folder is None, f"data dir is {folder}", f"none, as {name} come with scikit-learn")
        return data_set.load()
    require(folder is not None, "data dir is missing", f"the folder with the files of {name}")
    assert folder is not None
    require(folder.is_dir(), f"data dir is {folder}", "a folder that exists")
    return data_set.load(folder)
