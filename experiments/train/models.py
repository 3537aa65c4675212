"""The networks that can be trained: those of `experiments.networks`, and a small one in two versions.

"cnn" is written once, over a namespace of operations: "manual" are jaxcnn's, with their own backward passes,
"autodiff" the rule-free definitions in `jaxcnn.oracles`, which `jax.grad` differentiates. Both see the
same numbers in the same order, so their loss curves differ by rounding only.
"""

import math
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike

from experiments.networks import NETWORKS
from experiments.networks import build as build_network
from experiments.train.data import CLASSES
from jaxcnn import convolution, layers, linear, losses, pooling, rectifiers, upsampling
from jaxcnn.oracles import convolution as convolution_oracles
from jaxcnn.oracles import linear as linear_oracles
from jaxcnn.oracles import losses as loss_oracles
from jaxcnn.oracles import pooling as pooling_oracles
from jaxcnn.oracles import rectifiers as rectifier_oracles

OPERATIONS = {
    "manual": SimpleNamespace(
        conv=convolution.conv,
        max_pool=pooling.max_pool,
        relu=rectifiers.relu,
        dense=linear.dense,
        softmax_cross_entropy=losses.softmax_cross_entropy,
    ),
    "autodiff": SimpleNamespace(
        conv=convolution_oracles.conv,
        max_pool=pooling_oracles.max_pool,
        relu=rectifier_oracles.relu,
        dense=linear_oracles.dense,
        softmax_cross_entropy=loss_oracles.softmax_cross_entropy,
    ),
}
MODELS = ("cnn", *NETWORKS)
MADE_FOR = {"resnet": 32, "mobilenet": 32}  # pixels along an axis; smaller images are enlarged towards it


def cnn(operations: SimpleNamespace, channels: tuple[int, int]) -> layers.Layer:
    """Twice convolution, ReLU and max-pool, such as 8×8 → 4×4 → 2×2 pixels, then a dense layer."""

    def init(key: Array, input_shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> tuple[Any, Any]:
        height, width, C = input_shape
        first, second = channels
        shapes = {
            "conv1": (3, 3, C, first),
            "conv2": (3, 3, first, second),
            "dense": ((height // 4) * (width // 4) * second, CLASSES),
        }
        keys = jax.random.split(key, len(shapes))
        params = {
            name: {"W": layers.he_normal()(key, shape, dtype), "b": jnp.zeros(shape[-1], dtype)}
            for key, (name, shape) in zip(keys, shapes.items(), strict=True)
        }
        return params, ()

    def apply(params: Any, state: Any, A: Array, *, train: bool = False, key: Array | None = None):
        del train, key
        for name in ("conv1", "conv2"):
            A = operations.relu(operations.conv(A, **params[name], padding="SAME"))
            A = operations.max_pool(A, (2, 2))
        A = A.reshape(A.shape[0], math.prod(A.shape[1:]))  # the number of images is open in an export
        return operations.dense(A, **params["dense"]), state

    return layers.Layer(init, apply)


def build(name: str, gradients: str, channels: tuple[int, int], size: int) -> layers.Layer:
    """The network of this name for images of size × size pixels; channels are those of the "cnn"."""
    if name == "cnn":
        return cnn(OPERATIONS[gradients], channels)
    network = build_network(NETWORKS[name])
    factor = enlargement(name, size)
    if factor == 1:
        return network
    enlarge = layers.Activation(upsampling.upsample_bilinear, factor=(factor, factor))
    return layers.sequential(enlarge, network)


def enlargement(name: str, size: int) -> int:
    """How many times larger, along an axis, a network sees images of size × size pixels."""
    return max(MADE_FOR.get(name, size) // size, 1)
