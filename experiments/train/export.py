"""A trained network as files that need none of this code, in the folder of a run.

network.bin       the network with its parameters, of `jax.export`, for cpu, cuda and tpu:
                  images (B, h, w, C), float32 from 0, black, to 1, white → logits (B, 10), float32
parameters.npz    for `numpy.load`: every array by name, such as params.conv1.W (*f, C, K), params.conv1.b
                  (K,), params.dense.W (n_in, n_out); in a network of layers params.<layer>.W, counted from
                  0, and state.<layer>.mean and .variance of a BatchNorm
classes.json      the names of the classes, in the order of the logits
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, export

from experiments.train import models
from experiments.train.arrays import named
from experiments.train.config import Config
from experiments.train.data import DATA_SETS
from experiments.train.errors import BadData, CannotWrite, brief, extra_installed
from experiments.train.step import Training, forward

NETWORK, PARAMETERS, CLASSES = "network.bin", "parameters.npz", "classes.json"
PLATFORMS = ("cpu", "cuda", "tpu")


class Network(NamedTuple):
    """As it is read from the files.

    Attributes:
        exported: the function.
        classes: what the logits stand for.
    """

    exported: export.Exported
    classes: list[str]

    @property
    def shape(self) -> tuple[int, ...]:
        """(h, w, C) of its images."""
        return tuple(self.exported.in_avals[0].shape[1:])

    def logits(self, images: np.ndarray) -> np.ndarray:
        """Of images (B, h, w, C) from 0 to 1."""
        return np.asarray(self.exported.call(jnp.asarray(images, jnp.float32)))


def save(config: Config, training: Training, shape: tuple[int, ...], folder: Path) -> None:
    """All files, of a network that was trained on images of this shape (h, w, C).

    Raises:
        MissingExtra: flatbuffers is not installed.
        CannotWrite: the disk is full.
    """
    params, state = jax.tree.map(np.asarray, (training.params, training.state))
    arrays: dict[str, Any] = named({"params": params, "state": state})
    try:
        (folder / NETWORK).write_bytes(_serialized(config, params, state, shape))
        np.savez(folder / PARAMETERS, **arrays)
        (folder / CLASSES).write_text(json.dumps(DATA_SETS[config.data].classes) + "\n")
    except OSError as error:
        raise CannotWrite(f"the network could not be written in {folder}: {error.strerror}") from error


def _serialized(config: Config, params: Any, state: Any, shape: tuple[int, ...]) -> bytes:
    model = models.build(config.model, config.gradients, config.channels, shape[0])
    logits = forward(config, model, white=1)

    def network(images: Array) -> Array:
        return logits(params, state, images)[0].astype(jnp.float32)

    with jax.enable_x64(config.dtype == "float64"), extra_installed():
        sizes = export.symbolic_shape("B, " + ", ".join(map(str, shape)))
        images = jax.ShapeDtypeStruct(sizes, jnp.float32)
        return bytes(export.export(jax.jit(network), platforms=PLATFORMS)(images).serialize())


def load(folder: Path) -> Network:
    """The network of these files.

    Raises:
        BadData: one is missing or damaged.
        MissingExtra: flatbuffers is not installed.
    """
    path = folder / NETWORK
    try:
        contents, classes = path.read_bytes(), json.loads((folder / CLASSES).read_text())
    except (OSError, ValueError) as error:
        raise BadData(folder, brief(error), f"the {NETWORK} and {CLASSES} of a finished run") from error
    with extra_installed():  # jax.export needs it
        import flatbuffers  # noqa: F401
    try:
        return Network(export.deserialize(bytearray(contents)), classes)
    except Exception as error:  # whatever is met in a damaged file
        raise BadData(path, f"it cannot be read: {brief(error)}", "a network of jax.export") from error
