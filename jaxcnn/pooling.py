"""Pooling by hand: max-pool with its index and mask, average pool, and their cotangents.

Symbols as in `jaxcnn.convolution`: A (B, *n, C) or (*n, C), Z (B, *n_out, C), windows of f taps at stride
s, padding p, dilation d; tap j of window m sees A_pad[m·s + j·d]. Channels do not meet.

    max_pool   Z[m] = max_j A_pad[m·s + j·d]                 k[m] the first j that reaches it     (P.1)
    its dA     dA[i] = Σ_{m: m·s + k[m]·d − p = i} dZ[m]                                          (P.2)
    avg_pool   Z[m] = 1/c[m] Σ_j A_pad[m·s + j·d]            c[m] = f, or the taps on pixels      (P.3)
    its dA     dA[i] = Σ_{m,j: m·s + j·d − p = i} dZ[m]/c[m]                                      (P.4)

Once the index k is known, max-pool is linear: (P.1) picks, (P.2) places, each the other's adjoint. So
are (P.3) and (P.4). The index belongs to a window, not to a pixel: where windows overlap, a pixel that is
the maximum of several collects from all of them (L18).

Declared conventions: of several equal maxima the first in row-major order takes the whole gradient, as
in XLA; a NaN counts as greater than every number, and the first NaN takes it; padding never wins.
Sources: article sections "Pooling Layers" and "Pooling Layers Backpropagation"; ledger L17–L19.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.typing import ArrayLike

from jaxcnn._arrays import cotangent_shape, floating, with_batch
from jaxcnn._errors import per_axis, window_tuple, wrong_type, wrong_value
from jaxcnn._sharding import vary_alike
from jaxcnn.forms import pooling as forms
from jaxcnn.forms.windows import accumulator
from jaxcnn.window import Padding, Window, resolve


def max_pool(
    A: ArrayLike,
    window: Sequence[int],
    *,
    stride: int | Sequence[int] | None = None,
    padding: Padding = "VALID",
    dilation: int | Sequence[int] = 1,
) -> Array:
    """Z[m] = max_j A_pad[m·s + j·d], equation (P.1).

    Args:
        A: activations, (B, *n, C) or (*n, C).
        window: f, a tuple with one entry for each of the 1 to 3 spatial axes.
        stride: an integer, or one for each axis; None: the window, so that the windows tile A.
        padding: as in `conv`; the border holds −inf. A window on padding alone is an error.
        dilation: distance between taps; an integer, or one for each axis.

    Returns:
        Z, (B, *n_out, C) or (*n_out, C). Its gradient goes to the first maximum of each window; residual:
        one unsigned integer a window. Article "Pooling Layers", L17 and L18.

    Raises:
        ValueError, TypeError: naming the argument, what came and what was expected.

    >>> max_pool(jnp.arange(16.0).reshape(4, 4, 1), (2, 2))[..., 0]
    Array([[ 5.,  7.],
           [13., 15.]], dtype=float32)
    """
    A, batched, geometry = _input("max_pool", A, window, stride, padding, dilation)
    _no_empty_window("max_pool", geometry)
    Z, _ = _max_pool(geometry, A)
    return Z if batched else Z[0]


def max_pool_index(
    A: ArrayLike,
    window: Sequence[int],
    *,
    stride: int | Sequence[int] | None = None,
    padding: Padding = "VALID",
    dilation: int | Sequence[int] = 1,
) -> Array:
    """k[m], the flat tap of each window's first maximum: all that the backward pass has to remember.

    Arguments as in `max_pool`. Returns an unsigned integer array of Z's shape, the smallest type that
    holds the window: tap (j_0, j_1) of a window of size (f_0, f_1) is j_0·f_1 + j_1.

    >>> max_pool_index(jnp.array([[[1.0], [2.0]], [[2.0], [0.0]]]), (2, 2))
    Array([[[1]]], dtype=uint8)
    """
    A, batched, geometry = _input("max_pool_index", A, window, stride, padding, dilation)
    _no_empty_window("max_pool_index", geometry)
    _, index = _max_pool(geometry, A)
    return index if batched else index[0]


def max_pool_mask(
    A: ArrayLike,
    window: Sequence[int],
    *,
    stride: int | Sequence[int] | None = None,
    padding: Padding = "VALID",
    dilation: int | Sequence[int] = 1,
) -> Array:
    """mask[m, j] = (k[m] = j): the article's mask, one for each window, with exactly one True in it.

    Arguments as in `max_pool`. Returns a Boolean array (B, *n_out, *window, C) or (*n_out, *window, C).
    Article "Pooling Layers Backpropagation", figure 13, L18.

    >>> max_pool_mask(jnp.array([[[1.0], [2.0]], [[2.0], [0.0]]]), (2, 2))[0, 0, ..., 0]
    Array([[False,  True],
           [False, False]], dtype=bool)
    """
    A, batched, geometry = _input("max_pool_mask", A, window, stride, padding, dilation)
    _no_empty_window("max_pool_mask", geometry)
    _, index = _max_pool(geometry, A)
    k = index[..., None, :]
    mask = k == lax.broadcasted_iota(k.dtype, (*k.shape[:-2], forms.taps(geometry), k.shape[-1]), k.ndim - 2)
    mask = mask.reshape(*index.shape[:-1], *geometry.size, index.shape[-1])
    return mask if batched else mask[0]


def max_pool_dA(
    index: ArrayLike,
    dZ: ArrayLike,
    window: Sequence[int],
    *,
    input_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: Padding = "VALID",
    dilation: int | Sequence[int] = 1,
) -> Array:
    """dA[i] = Σ_{m: m·s + k[m]·d − p = i} dZ[m], equation (P.2).

    Args:
        index: k, from `max_pool_index` with the same geometry.
        dZ: cotangent of Z, of k's shape.
        input_size: n, the spatial size of A; an integer, or one for each axis.
        window, stride, padding, dilation: those of the `max_pool`.

    Returns:
        dA, (B, *n, C) or (*n, C), of dZ's dtype. Article "Pooling Layers Backpropagation", L18.

    >>> k = jnp.array([[[3]]], dtype=jnp.uint8)
    >>> max_pool_dA(k, jnp.full((1, 1, 1), 7.0), (2, 2), input_size=2)[..., 0]
    Array([[0., 0.],
           [0., 7.]], dtype=float32)
    """
    dZ, batched, geometry = _cotangent("max_pool_dA", dZ, window, input_size, stride, padding, dilation)
    if not hasattr(index, "dtype") or not jnp.issubdtype(index.dtype, jnp.unsignedinteger):
        came = getattr(index, "dtype", type(index).__name__)
        wrong_type("max_pool_dA", f"index is {came}", "the unsigned integers of max_pool_index")
    index = jnp.asarray(index)
    expected = dZ.shape if batched else dZ.shape[1:]
    if index.shape != expected:
        wrong_value("max_pool_dA", f"index has shape {index.shape}", f"dZ's, {expected}")
    index = index if batched else index[None]
    dA = _max_pool_dA(geometry, *vary_alike(index, dZ))
    return dA if batched else dA[0]


def avg_pool(
    A: ArrayLike,
    window: Sequence[int],
    *,
    stride: int | Sequence[int] | None = None,
    padding: Padding = "VALID",
    dilation: int | Sequence[int] = 1,
    count_padding: bool = False,
) -> Array:
    """Z[m] = 1/c[m] Σ_j A_pad[m·s + j·d], equation (P.3).

    Args:
        A, window, stride, padding, dilation: as in `max_pool`; the border holds zeros.
        count_padding: False: c[m] is the number of taps that see a pixel (haiku, stax); True: it is f,
            padding included (flax's and torch's default). They differ only at a padded border.

    Returns:
        Z, (B, *n_out, C) or (*n_out, C). Article "Pooling Layers Backpropagation", L19.

    >>> avg_pool(jnp.ones((2, 2, 1)), (2, 2), stride=1, padding=((1, 0), (0, 0)))[..., 0]
    Array([[1.],
           [1.]], dtype=float32)
    """
    A, batched, geometry = _input("avg_pool", A, window, stride, padding, dilation)
    _check_count("avg_pool", geometry, count_padding)
    Z = _avg_pool((geometry, count_padding), A)
    return Z if batched else Z[0]


def avg_pool_dA(
    dZ: ArrayLike,
    window: Sequence[int],
    *,
    input_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: Padding = "VALID",
    dilation: int | Sequence[int] = 1,
    count_padding: bool = False,
) -> Array:
    """dA[i] = Σ_{m,j: m·s + j·d − p = i} dZ[m]/c[m], equation (P.4).

    Args:
        dZ: cotangent of Z, (B, *n_out, C) or (*n_out, C).
        input_size: n, the spatial size of A; an integer, or one for each axis.
        window, stride, padding, dilation, count_padding: those of the `avg_pool`.

    Returns:
        dA, (B, *n, C) or (*n, C), of dZ's dtype. Article "Pooling Layers Backpropagation", L19.

    >>> avg_pool_dA(jnp.ones((1, 1, 1)), (2, 2), input_size=2)[..., 0]
    Array([[0.25, 0.25],
           [0.25, 0.25]], dtype=float32)
    """
    dZ, batched, geometry = _cotangent("avg_pool_dA", dZ, window, input_size, stride, padding, dilation)
    _check_count("avg_pool_dA", geometry, count_padding)
    dA = _avg_pool_dA((geometry, count_padding), dZ)
    return dA if batched else dA[0]


# ------------------------------------------------------------------------------ the rules


# (P.1)  Z[m] = max_j A_pad[m·s + j·d], and k[m]
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _max_pool(window: Window, A: Array) -> tuple[Array, Array]:
    return forms.first_max(A, window)


# (P.2)  dA[i] = Σ_{m: m·s + k[m]·d − p = i} dZ[m]
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _max_pool_dA(window: Window, index: Array, dZ: Array) -> Array:
    return forms.place(index, dZ, window).astype(dZ.dtype)


# (P.1) with k known: Z[m] = A_pad[m·s + k[m]·d], the adjoint of (P.2)
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _max_pool_pick(window: Window, index: Array, A: Array) -> Array:
    return forms.pick(index, A, window)


def _max_pool_fwd(window: Window, A: Array):
    Z, index = _max_pool(window, A)
    return (Z, index), index


def _max_pool_bwd(window: Window, index: Array, cotangents):
    dZ, _ = cotangents  # the index is an integer: no cotangent
    return (_max_pool_dA(window, index, dZ),)


def _max_pool_dA_fwd(window: Window, index: Array, dZ: Array):
    return _max_pool_dA(window, index, dZ), index


def _max_pool_dA_bwd(window: Window, index: Array, A: Array):
    return None, _max_pool_pick(window, index, A)


def _max_pool_pick_fwd(window: Window, index: Array, A: Array):
    return _max_pool_pick(window, index, A), index


def _max_pool_pick_bwd(window: Window, index: Array, dZ: Array):
    return None, _max_pool_dA(window, index, dZ)


_max_pool.defvjp(_max_pool_fwd, _max_pool_bwd)
_max_pool_dA.defvjp(_max_pool_dA_fwd, _max_pool_dA_bwd)
_max_pool_pick.defvjp(_max_pool_pick_fwd, _max_pool_pick_bwd)


# (P.3)  Z[m] = 1/c[m] Σ_j A_pad[m·s + j·d]
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _avg_pool(spec: tuple[Window, bool], A: Array) -> Array:
    window, count_padding = spec
    total = forms.total(A, window)
    return (total / _count(window, count_padding, total)).astype(A.dtype)


# (P.4)  dA[i] = Σ_{m,j: m·s + j·d − p = i} dZ[m]/c[m]
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _avg_pool_dA(spec: tuple[Window, bool], dZ: Array) -> Array:
    window, count_padding = spec
    wide = dZ.astype(accumulator(dZ.dtype))
    return forms.spread(wide / _count(window, count_padding, wide), window).astype(dZ.dtype)


def _count(window: Window, count_padding: bool, like: Array) -> Array:
    c = forms.taps(window) if count_padding else forms.inside_count(window)
    return jnp.broadcast_to(jnp.asarray(c, like.dtype), like.shape)


def _avg_pool_fwd(spec: tuple[Window, bool], A: Array):
    return _avg_pool(spec, A), None


def _avg_pool_bwd(spec: tuple[Window, bool], _, dZ: Array):
    return (_avg_pool_dA(spec, dZ),)


def _avg_pool_dA_fwd(spec: tuple[Window, bool], dZ: Array):
    return _avg_pool_dA(spec, dZ), None


def _avg_pool_dA_bwd(spec: tuple[Window, bool], _, A: Array):
    return (_avg_pool(spec, A),)


_avg_pool.defvjp(_avg_pool_fwd, _avg_pool_bwd)
_avg_pool_dA.defvjp(_avg_pool_dA_fwd, _avg_pool_dA_bwd)


# ------------------------------------------------------------------------- argument checks


def _input(
    operation: str, A: Any, window: Any, stride: Any, padding: Any, dilation: Any
) -> tuple[Array, bool, Window]:
    """A with a batch axis, whether it came with one, and the geometry."""
    A = floating(operation, "A", A)
    size = window_tuple(operation, "window", window)
    A, batched = with_batch(operation, "A", A, len(size))
    stride = size if stride is None else stride
    geometry = resolve(operation, A.shape[1:-1], size, stride=stride, padding=padding, dilation=dilation)
    return A, batched, geometry


def _cotangent(
    operation: str, dZ: Any, window: Any, input_size: Any, stride: Any, padding: Any, dilation: Any
) -> tuple[Array, bool, Window]:
    """dZ with a batch axis, whether it came with one, and the geometry, which dZ must fit."""
    dZ = floating(operation, "dZ", dZ)
    size = window_tuple(operation, "window", window)
    dZ, batched = with_batch(operation, "dZ", dZ, len(size))
    n = per_axis(operation, "input_size", input_size, len(size), least=1)
    stride = size if stride is None else stride
    geometry = resolve(operation, n, size, stride=stride, padding=padding, dilation=dilation)
    cotangent_shape(operation, dZ, geometry, dZ.shape[-1])
    return dZ, batched, geometry


def _check_count(operation: str, window: Window, count_padding: Any) -> None:
    if not isinstance(count_padding, bool):
        wrong_type(operation, f"count_padding is {count_padding!r}", "True or False")
    if not count_padding:
        _no_empty_window(operation, window)


def _no_empty_window(operation: str, window: Window) -> None:
    for axis in range(window.rank):
        for m, taps in enumerate(window.inside(axis)):
            if not any(taps):
                wrong_value(
                    operation,
                    f"padding {window.padding[axis]} leaves window {m} of spatial axis {axis} "
                    f"without a pixel (input size {window.input_size[axis]})",
                    "every window to see at least one pixel",
                )
