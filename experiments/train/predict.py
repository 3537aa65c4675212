"""What a trained network takes an image for: `python -m experiments.train.predict DIR IMAGE`.

DIR is the --out of a finished run. The image is shrunk or enlarged to the size that the network knows; like
the images that it was trained on, a digit should be light on dark and fill the picture.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np

from experiments.train.errors import BadCall, BadData, MissingExtra, extra_installed
from experiments.train.export import load

COLOURS = {1: "L", 3: "RGB"}  # channels → what Pillow calls it


def main(argv: Sequence[str] | None = None) -> int:
    """The command line: 0, or 2 where the call was wrong or an extra is missing."""
    parser = argparse.ArgumentParser(
        "python -m experiments.train.predict", description="What a trained network takes an image for."
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="the --out of a finished run")
    parser.add_argument("image", type=Path, metavar="IMAGE", help="a PNG or another image that Pillow reads")
    given = parser.parse_args(argv)
    try:
        network = load(given.folder)
        Z = network.logits(read(given.image, network.shape)[None])[0]
    except (BadCall, MissingExtra) as error:
        parser.error(str(error))
    probabilities = np.asarray(jax.nn.softmax(Z))
    for k in np.argsort(-probabilities, stable=True):
        print(f"{network.classes[k]}: {probabilities[k]:.2%}")
    return 0


def read(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """The image in this shape (h, w, C), from 0 to 1.

    Raises:
        BadData: it is missing, or no image.
        MissingExtra: Pillow is not installed.
    """
    with extra_installed():
        from PIL import Image
    height, width, C = shape
    try:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert(COLOURS[C]).resize((width, height), Image.Resampling.BOX))
    except OSError as error:  # of Pillow, too
        raise BadData(path, f"it cannot be read: {error.strerror or error}", "an image") from error
    return pixels.reshape(shape).astype(np.float32) / 255


if __name__ == "__main__":
    sys.exit(main())
