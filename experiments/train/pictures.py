"""Pictures of a run, for its folder: how it learned, what it mistakes for what, what its kernels look for.

curves.png          loss and accuracy of every step, accuracy in the test of every epoch
confusion.png       how many test images of each class are taken for which
filters.png         the kernels of the first convolution
feature-maps.png    what the first convolution makes of one test image
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from experiments.train import models
from experiments.train.config import Config
from experiments.train.data import CLASSES, DATA_SETS, Data
from experiments.train.errors import CannotWrite, extra_installed
from experiments.train.loop import TEST_BATCH
from experiments.train.step import Training, forward
from jaxcnn import conv, upsample_bilinear

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 64  # kernels in a picture
BY = 8  # in a row
SMOOTHED = 1 / 50  # of all steps: the mean of so many is a point of the smooth curve


def draw(config: Config, training: Training, data: Data, folder: Path) -> None:
    """All of them, of a run whose history is in the folder.

    Raises:
        MissingExtra: matplotlib is not installed.
        CannotWrite: the disk is full.
    """
    params, state = jax.tree.map(np.asarray, (training.params, training.state))
    W, b = first_convolution(params)
    image = data.test_images[0]
    figures = {
        "curves": curves(folder / "history.csv"),
        "confusion": confusion(data.test_labels, predicted(config, params, state, data), config.data),
        "filters": filters(W),
        "feature-maps": feature_maps(config, W, b, image, data.white),
    }
    for name, figure in figures.items():
        path = folder / f"{name}.png"
        try:
            figure.savefig(path, dpi=150)
        except OSError as error:
            raise CannotWrite(f"the picture {path} could not be written: {error.strerror}") from error


def predicted(config: Config, params: Any, state: Any, data: Data) -> np.ndarray:
    """The class of each test image."""
    with jax.enable_x64(config.dtype == "float64"):
        model = models.build(config.model, config.gradients, config.channels, data.images.shape[1])
        logits = jax.jit(forward(config, model, data.white))
        parts = np.split(data.test_images, range(TEST_BATCH, len(data.test_images), TEST_BATCH))
        return np.concatenate([np.argmax(logits(params, state, part)[0], -1) for part in parts])


def first_convolution(params: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """W (f, f, C, K), and b if there is one, of the first convolution of any of the networks."""
    layers = jax.tree.leaves(params, is_leaf=lambda layer: isinstance(layer, dict) and "W" in layer)
    return layers[0]["W"], layers[0].get("b")


def curves(history: Path) -> "Figure":
    """Loss and accuracy against the steps."""
    figure, ((left, right),) = _panels(1, 2, (10, 4))
    lines = np.genfromtxt(history, delimiter=",", names=True, ndmin=1)
    step, tested = lines["step"], np.isfinite(lines["test_accuracy"])
    width = max(round(len(step) * SMOOTHED), 1)
    for axes, name in ((left, "loss"), (right, "accuracy")):
        axes.plot(step, lines[name], color="tab:blue", alpha=0.25, linewidth=0.8, label="a training step")
        axes.plot(
            _means(step, width), _means(lines[name], width), color="tab:blue", label=f"mean of {width} steps"
        )
        axes.set(xlabel="step", xlim=(0, step[-1]))
        axes.grid(alpha=0.3)
    right.plot(step[tested], lines["test_accuracy"][tested], "tab:orange", label="test, after each epoch")
    left.set(yscale="log", title="loss (cross-entropy)")
    right.set(title=f"accuracy; in the last test {lines['test_accuracy'][-1]:.2%}", ylim=(None, 1.005))
    right.yaxis.set_major_formatter(lambda fraction, _: f"{fraction:.0%}")
    right.legend(loc="lower right")
    return figure


def _means(x: np.ndarray, width: int) -> np.ndarray:
    """Of so many neighbours each."""
    return np.convolve(x, np.full(width, 1 / width), "valid")


def confusion(labels: np.ndarray, predictions: np.ndarray, name: str) -> "Figure":
    """How many images of each class, a row, are taken for which, a column."""
    figure, ((axes,),) = _panels(1, 1, (6.5, 6))
    counts = np.zeros((CLASSES, CLASSES), int)
    np.add.at(counts, (labels, predictions), 1)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            color = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=color)
    classes = DATA_SETS[name].classes
    turned = 45 if max(map(len, classes)) > 1 else 0
    axes.set_xticks(range(CLASSES), classes, rotation=turned, ha="right" if turned else "center")
    axes.set_yticks(range(CLASSES), classes)
    right = np.trace(counts)
    axes.set(
        xlabel="recognised as",
        ylabel="true class",
        title=f"{len(labels)} test images: {right} are recognised, {len(labels) - right} are not",
    )
    return figure


def filters(W: np.ndarray) -> "Figure":
    """The kernels: as colours where images have three, else as greys about zero."""
    kernels = np.moveaxis(W.astype(np.float32), -1, 0)[:MOST]
    largest = np.abs(kernels).max()
    figure = _grid(kernels / (2 * largest) + 0.5, range(len(kernels)))
    shown = f"{len(kernels)} of {W.shape[-1]} kernels" if W.shape[-1] > MOST else f"{W.shape[-1]} kernels"
    figure.suptitle(
        f"the first convolution's {shown}, {W.shape[0]}×{W.shape[1]}: "
        f"grey is 0, {'black' if W.shape[2] == 1 else 'no colour'} −{largest:.2g}, "
        f"{'white' if W.shape[2] == 1 else 'full colour'} {largest:.2g}"
    )
    return figure


def feature_maps(
    config: Config, W: np.ndarray, b: np.ndarray | None, image: np.ndarray, white: int
) -> "Figure":
    """A test image, and conv(A, W) + b of it for each kernel, before the nonlinearity."""
    factor = models.enlargement(config.model, len(image))
    A = jax.numpy.asarray(image[None], W.dtype) / white
    Z = np.asarray(conv(upsample_bilinear(A, (factor, factor)), W, b, padding="SAME"))[0]
    maps = np.moveaxis(Z.astype(np.float32), -1, 0)[:MOST]
    largest = np.abs(maps).max()
    pictures = [image / white, *(maps[..., None] / (2 * largest) + 0.5)]
    figure = _grid(pictures, ["image", *range(len(maps))])
    figure.suptitle(
        "a test image, and what each kernel of the first convolution makes of it\n"
        f"(in these maps grey is 0, black −{largest:.2g}, white {largest:.2g})",
        fontsize=11,
    )
    return figure


def _grid(pictures: Sequence[np.ndarray], titles: Sequence[Any]) -> "Figure":
    """Pictures (h, w, C) from 0 to 1, C 1 or 3, beneath their titles."""
    rows = -(-len(pictures) // BY)
    figure, panels = _panels(rows, BY, (BY * 1.1, rows * 1.3 + 0.5))
    for axes in panels.flat:
        axes.axis("off")
    for axes, picture, title in zip(panels.flat, pictures, titles, strict=False):
        gray = picture.shape[-1] == 1
        axes.imshow(picture[..., 0] if gray else picture, cmap="gray", vmin=0, vmax=1)
        axes.set_title(str(title), fontsize=8, pad=2)
    return figure


def _panels(rows: int, columns: int, size: tuple[float, float]) -> tuple["Figure", Any]:
    """A figure without a window, and an array of its axes."""
    with extra_installed():
        from matplotlib.figure import Figure
    figure = Figure(size, layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)
