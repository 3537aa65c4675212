"""lax and jax.nn, differentiated by `jax.grad`: what a user writes without a library."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from experiments.benchmark.operations import Row
from jaxcnn.window import adaptive_windows

EPSILON = 1e-5


def function(row: Row) -> Callable[..., Array] | None:
    """The operation, or None."""
    make = OPERATIONS.get(row.operation)
    return None if make is None else make(**row.keywords)


def conv(*, stride=1, padding=0, dilation=1, groups=1) -> Callable[[Array, Array], Array]:
    """lax.conv_general_dilated, channels last."""

    def apply(A, W):
        rank = A.ndim - 2
        return lax.conv_general_dilated(
            A,
            W,
            (stride,) * rank,
            ((padding, padding),) * rank,
            rhs_dilation=(dilation,) * rank,
            dimension_numbers=_channels_last(rank),
            feature_group_count=groups,
        )

    return apply


def conv_transpose(*, stride, padding) -> Callable[[Array, Array], Array]:
    """lax.conv_transpose as the adjoint."""

    def apply(Z, W):
        rank = Z.ndim - 2
        edges = [(f - 1 - padding,) * 2 for f in W.shape[:rank]]
        numbers = _channels_last(rank)
        return lax.conv_transpose(
            Z, W, (stride,) * rank, edges, dimension_numbers=numbers, transpose_kernel=True
        )

    return apply


def conv_bias_relu(**geometry) -> Callable[[Array, Array, Array], Array]:
    """Three operations for XLA to fuse."""
    apply = conv(**geometry)
    return lambda A, W, b: jax.nn.relu(apply(A, W) + b)


def max_pool(*, window, stride, padding) -> Callable[[Array], Array]:
    """lax.reduce_window."""
    return lambda A: lax.reduce_window(A, -jnp.inf, lax.max, *_window(A, window, stride, padding))


def avg_pool(*, window, stride, padding) -> Callable[[Array], Array]:
    """lax.reduce_window over the number of pixels, which is a constant."""

    def apply(A):
        where = _window(A, window, stride, padding)
        with jax.ensure_compile_time_eval():
            count = lax.reduce_window(jnp.ones((1, *A.shape[1:-1], 1), A.dtype), 0.0, lax.add, *where)
        return lax.reduce_window(A, 0.0, lax.add, *where) / count

    return apply


def lp_pool(*, window, stride, padding, order) -> Callable[[Array], Array]:
    """Likewise, of powers."""

    def apply(A):
        where = _window(A, window, stride, padding)
        return lax.reduce_window(jnp.abs(A) ** order, 0.0, lax.add, *where) ** (1 / order)

    return apply


def _normalization(axes: Callable[[int], tuple[int, ...]]) -> Callable[..., Callable[..., Array]]:
    def make() -> Callable[..., Array]:
        def apply(A, gamma, beta):
            wide = A.astype(jnp.promote_types(A.dtype, jnp.float32))
            mean = jnp.mean(wide, axes(A.ndim), keepdims=True)
            variance = jnp.var(wide, axes(A.ndim), keepdims=True)
            return ((wide - mean) * lax.rsqrt(variance + EPSILON) * gamma + beta).astype(A.dtype)

        return apply

    return make


batch_norm = _normalization(lambda ndim: tuple(range(ndim - 1)))
layer_norm = _normalization(lambda ndim: (ndim - 1,))
instance_norm = _normalization(lambda ndim: tuple(range(1, ndim - 1)))


def group_norm(*, groups) -> Callable[..., Array]:
    """Statistics over space and the channels of a group."""

    def apply(A, gamma, beta):
        apart = A.reshape(*A.shape[:-1], groups, -1)
        axes = (*range(1, A.ndim - 1), A.ndim)
        mean, variance = jnp.mean(apart, axes, keepdims=True), jnp.var(apart, axes, keepdims=True)
        return ((apart - mean) * lax.rsqrt(variance + EPSILON)).reshape(A.shape) * gamma + beta

    return apply


def rms_norm() -> Callable[..., Array]:
    """By the root of the mean square."""
    return lambda A, gamma: A * lax.rsqrt(jnp.mean(A * A, -1, keepdims=True) + EPSILON) * gamma


def softmax_cross_entropy() -> Callable[..., Array]:
    """Minus the label's log-softmax."""
    return lambda Z, t: -jnp.take_along_axis(jax.nn.log_softmax(Z), t[..., None], -1)[..., 0]


def dropout(*, rate) -> Callable[[Array], Array]:
    """By the bits that jaxcnn draws."""

    def apply(A):
        kept = jax.random.bernoulli(jax.random.key(0), np.float32(1 - rate), A.shape)
        return jnp.where(kept, A / (1 - rate), 0)

    return apply


def resize(method: str) -> Callable[..., Callable[[Array], Array]]:
    """jax.image.resize."""

    def make(*, factor):
        def apply(A):
            n = (size * f for size, f in zip(A.shape[1:-1], factor, strict=True))
            return jax.image.resize(A, (A.shape[0], *n, A.shape[-1]), method)

        return apply

    return make


def adaptive_pool(reduce: Callable[..., Array]) -> Callable[..., Callable[[Array], Array]]:
    """Every window cut out and reduced by itself."""

    def pool(*, output_size):
        def apply(A):
            spans = [adaptive_windows(*sizes) for sizes in zip(A.shape[1:-1], output_size, strict=True)]
            windows = (A[:, slice(*p), slice(*q)] for p, q in itertools.product(*spans))
            Z = jnp.stack([reduce(seen, (1, 2)) for seen in windows], axis=1)
            return Z.reshape(A.shape[0], *output_size, A.shape[-1])

        return apply

    return pool


def pixel_shuffle(*, factor) -> Callable[[Array], Array]:
    """Two reshapes and a transposition."""

    def apply(A):
        B, h, w, C = A.shape
        c = C // math.prod(factor)
        apart = A.reshape(B, h, w, c, *factor).transpose(0, 1, 4, 2, 5, 3)
        return apart.reshape(B, h * factor[0], w * factor[1], c)

    return apply


def _pointwise(g: Callable[[Array], Array]) -> Callable[[], Callable[[Array], Array]]:
    return lambda: g


OPERATIONS: dict[str, Callable[..., Callable[..., Array]]] = {
    "conv": conv,
    "conv_transpose": conv_transpose,
    "conv_bias_relu": conv_bias_relu,
    "max_pool": max_pool,
    "avg_pool": avg_pool,
    "lp_pool": lp_pool,
    "adaptive_avg_pool": adaptive_pool(jnp.mean),
    "adaptive_max_pool": adaptive_pool(jnp.max),
    "global_avg_pool": lambda *, spatial: lambda A: jnp.mean(A, tuple(range(1, 1 + spatial))),
    "global_max_pool": lambda *, spatial: lambda A: jnp.max(A, tuple(range(1, 1 + spatial))),
    "batch_norm": batch_norm,
    "layer_norm": layer_norm,
    "instance_norm": instance_norm,
    "group_norm": group_norm,
    "rms_norm": rms_norm,
    "dense": lambda: lambda A, W, b: A @ W + b,
    "softmax_cross_entropy": softmax_cross_entropy,
    "softmax": _pointwise(jax.nn.softmax),
    "log_softmax": _pointwise(jax.nn.log_softmax),
    "dropout": dropout,
    "upsample_nearest": resize("nearest"),
    "upsample_bilinear": resize("linear"),
    "pixel_shuffle": pixel_shuffle,
    "relu": _pointwise(jax.nn.relu),
    "leaky_relu": _pointwise(jax.nn.leaky_relu),
    "relu6": _pointwise(jax.nn.relu6),
    "elu": _pointwise(jax.nn.elu),
    "hardswish": _pointwise(jax.nn.hard_swish),
    "sigmoid": _pointwise(jax.nn.sigmoid),
    "tanh": _pointwise(jnp.tanh),
    "softplus": _pointwise(jax.nn.softplus),
    "silu": _pointwise(jax.nn.silu),
    "gelu": _pointwise(lambda A: jax.nn.gelu(A, approximate=False)),
    "mish": _pointwise(jax.nn.mish),
}


def _channels_last(rank: int) -> lax.ConvDimensionNumbers:
    spatial = tuple(range(1, 1 + rank))
    layout = (0, rank + 1, *spatial)
    return lax.ConvDimensionNumbers(layout, (rank + 1, rank, *range(rank)), layout)


def _window(A: Array, window: tuple[int, ...], stride: int, padding: int) -> Any:
    rank = A.ndim - 2
    return (1, *window, 1), (1, *(stride,) * rank, 1), ((0, 0), *((padding, padding),) * rank, (0, 0))
