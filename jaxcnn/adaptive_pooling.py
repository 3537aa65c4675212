"""Pools of a given output size, whatever the input's: adaptive ones by hand, global ones as output size 1.

Symbols as in `jaxcnn.pooling`. On each spatial axis window m of the n_out covers the pixels

    w(m) = [⌊m·n/n_out⌋, ⌈(m + 1)·n/n_out⌉)                                                       (P.8)

as in PyTorch: of uneven size where n_out does not divide n, and then neighbours may share a pixel.

    average    Z[m] = 1/|w(m)| Σ_{i ∈ w(m)} A[i]                                                  (P.9)
    its dA     dA[i] = Σ_{m: i ∈ w(m)} dZ[m]/|w(m)|                                               (P.10)
    maximum    Z[m] = max_{i ∈ w(m)} A[i]                  k[m] the first that reaches it         (P.11)
    its dA     dA[i] = Σ_{m: w(m)[k[m]] = i} dZ[m]                                                (P.12)

(P.9) and (P.10) are each other's adjoint; with k known so are (P.11) and (P.12). A window is reduced at
once, not tap by tap. Conventions: of several equal maxima the first in row-major order takes the gradient; a
NaN counts as greater than every number.
Sources: Lin, Chen and Yan, "Network in network", 2013, section 3.2 (global average); PyTorch's
AdaptiveAvgPool; article section "Pooling Layers Backpropagation", ledger L18 and L19.
"""

import functools
import math
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from jaxcnn._arrays import floating, some_pixels, with_batch
from jaxcnn._errors import integer, window_tuple, wrong_value
from jaxcnn.forms import axes
from jaxcnn.forms.windows import like, widened
from jaxcnn.window import adaptive_windows


def adaptive_avg_pool(A: ArrayLike, output_size: Sequence[int]) -> Array:
    """Z[m] = 1/|w(m)| Σ_{i ∈ w(m)} A[i], equation (P.9).

    Args:
        A: activations, (B, *n, C) or (*n, C).
        output_size: n_out, a tuple with one entry for each of the 1 to 3 spatial axes; an entry may
            exceed n, and then windows repeat pixels.

    Returns:
        Z, (B, *n_out, C) or (*n_out, C).

    Raises:
        ValueError, TypeError: naming the argument, what came and what was expected.

    Source: PyTorch's AdaptiveAvgPool.

    >>> adaptive_avg_pool(jnp.arange(5.0, dtype=jnp.float32)[:, None], (3,))[:, 0]
    Array([0.5, 2. , 3.5], dtype=float32)
    """
    spec, A, batched = _adaptive("adaptive_avg_pool", A, output_size)
    Z = _average(spec, A)
    return Z if batched else Z[0]


def adaptive_max_pool(A: ArrayLike, output_size: Sequence[int]) -> Array:
    """Z[m] = max_{i ∈ w(m)} A[i], equation (P.11).

    Arguments, returns and errors as in `adaptive_avg_pool`. The gradient goes to the first maximum of each
    window; residual: one unsigned integer a window. Source: PyTorch's AdaptiveMaxPool.

    >>> adaptive_max_pool(jnp.arange(5.0, dtype=jnp.float32)[:, None], (3,))[:, 0]
    Array([1., 3., 4.], dtype=float32)
    """
    spec, A, batched = _adaptive("adaptive_max_pool", A, output_size)
    Z, _ = _maximum(spec, A)
    return Z if batched else Z[0]


def global_avg_pool(A: ArrayLike, *, spatial: int) -> Array:
    """Z = 1/|n| Σ_i A[i], the mean of each channel: (P.9) at output size 1.

    Args:
        A: activations, (B, *n, C) or (*n, C).
        spatial: the number of spatial axes, 1 to 3.

    Returns:
        Z, (B, C) or (C,): the spatial axes are gone.

    Raises:
        ValueError, TypeError: naming the argument, what came and what was expected.

    Source: Lin, Chen and Yan, "Network in network", 2013, section 3.2.

    >>> global_avg_pool(jnp.arange(8.0, dtype=jnp.float32).reshape(2, 2, 2), spatial=2)
    Array([3., 4.], dtype=float32)
    """
    spec, A, batched = _global("global_avg_pool", A, spatial)
    Z = _average(spec, A).reshape(A.shape[0], A.shape[-1])
    return Z if batched else Z[0]


def global_max_pool(A: ArrayLike, *, spatial: int) -> Array:
    """Z = max_i A[i], the maximum of each channel: (P.11) at output size 1.

    Arguments, returns and errors as in `global_avg_pool`. The gradient goes to the first maximum; residual:
    one unsigned integer a channel. Article "Pooling Layers", L17 and L18.

    >>> global_max_pool(jnp.arange(8.0, dtype=jnp.float32).reshape(2, 2, 2), spatial=2)
    Array([6., 7.], dtype=float32)
    """
    spec, A, batched = _global("global_max_pool", A, spatial)
    Z = _maximum(spec, A)[0].reshape(A.shape[0], A.shape[-1])
    return Z if batched else Z[0]


# ------------------------------------------------------------------------------ the rules


class _Adaptive(NamedTuple):
    """What is static about the pool: n and n_out."""

    input_size: tuple[int, ...]
    output_size: tuple[int, ...]

    @property
    def tables(self) -> list[axes.Rows]:
        """The pixels of each window, (P.8), for each axis."""
        return [
            axes.table([[(i, 1.0) for i in range(*pixels)] for pixels in adaptive_windows(n, n_out)])
            for n, n_out in zip(self.input_size, self.output_size, strict=True)
        ]


# (P.9)  Z[m] = 1/|w(m)| Σ_{i ∈ w(m)} A[i]
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _average(spec: _Adaptive, A: Array) -> Array:
    total = widened(A)
    for axis, rows in enumerate(spec.tables):
        total = axes.apply(total, rows, 1 + axis)
    return (total / _sizes(spec, total)).astype(A.dtype)


# (P.10)  dA[i] = Σ_{m: i ∈ w(m)} dZ[m]/|w(m)|
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _average_dA(spec: _Adaptive, dZ: Array) -> Array:
    dA = widened(dZ)
    dA = dA / _sizes(spec, dA)
    for axis, rows in enumerate(spec.tables):
        dA = axes.apply(dA, axes.transposed(rows, spec.input_size[axis]), 1 + axis)
    return dA.astype(dZ.dtype)


def _sizes(spec: _Adaptive, like: Array) -> Array:
    """|w(m)|, of Z's shape."""
    sizes = functools.reduce(np.multiply.outer, (rows.weight.sum(axis=1) for rows in spec.tables))
    return jnp.broadcast_to(jnp.asarray(sizes[..., None], like.dtype), like.shape)


# (P.11)  Z[m] = max_{i ∈ w(m)} A[i], and k[m], the first that is as large
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _maximum(spec: _Adaptive, A: Array) -> tuple[Array, Array]:
    values = _windows(spec, A)
    present = _present(spec)
    if not present.all():
        values = jnp.where(like(present, values), values, jnp.full_like(values, -jnp.inf))
    Z = jnp.max(values, axis=-2)
    # a NaN is the greatest, of equals the first; no window begins with a gap. XLA on a CPU makes these two
    # reductions fast, and not argmax
    found, size = (values == Z[..., None, :]) | jnp.isnan(values), values.shape[-2]
    taps = np.arange(size, dtype=np.min_scalar_type(size))[:, None]
    k = jnp.min(jnp.where(found, jnp.asarray(taps), size), axis=-2)
    return Z, k.astype(np.min_scalar_type(size - 1))


# (P.12)  dA[i] = Σ_{m: w(m)[k[m]] = i} dZ[m]
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _maximum_dA(spec: _Adaptive, k: Array, dZ: Array) -> Array:
    size = math.prod(rows.pixel.shape[1] for rows in spec.tables)
    wide = jnp.repeat(widened(dZ)[..., None, :], size, axis=-2)
    return _fold(spec, jnp.where(_is(k, size), wide, jnp.zeros_like(wide))).astype(dZ.dtype)


# (P.11) with k known: Z[m] = A[w(m)[k[m]]], the adjoint of (P.12)
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _maximum_pick(spec: _Adaptive, k: Array, A: Array) -> Array:
    return _pick(k, _windows(spec, A))


def _windows(spec: _Adaptive, A: Array) -> Array:
    """The pixels of each window, flat: (B, *n, C) as (B, *n_out, window, C), zero at a gap."""
    rank = len(spec.input_size)
    for axis, rows in enumerate(spec.tables):
        A = axes.unfold(A, rows, 1 + 2 * axis)
    A = A.transpose(0, *range(1, 2 * rank, 2), *range(2, 2 * rank + 1, 2), 2 * rank + 1)
    return A.reshape(A.shape[0], *spec.output_size, math.prod(A.shape[1 + rank : -1]), A.shape[-1])


def _fold(spec: _Adaptive, V: Array) -> Array:
    """The adjoint of `_windows`: (B, *n_out, window, C) as (B, *n, C), pixels of several windows added up."""
    rank = len(spec.input_size)
    V = V.reshape(*V.shape[: 1 + rank], *(rows.pixel.shape[1] for rows in spec.tables), V.shape[-1])
    for axis, rows in enumerate(spec.tables):  # window and tap of one axis meet, and become its pixels
        V = jnp.moveaxis(V, 1 + rank, 2 + axis)
        V = V.reshape(*V.shape[: 1 + axis], rows.pixel.size, *V.shape[3 + axis :])
        V = axes.apply(V, axes.slots(rows, spec.input_size[axis]), 1 + axis)
    return V


def _present(spec: _Adaptive) -> np.ndarray:
    """Which entries of `_windows` are pixels, not gaps: (*n_out, window, 1)."""
    rank = len(spec.input_size)
    both = functools.reduce(np.multiply.outer, (rows.weight != 0 for rows in spec.tables))
    both = both.transpose(*range(0, 2 * rank, 2), *range(1, 2 * rank, 2))
    return both.reshape(*spec.output_size, -1, 1)


def _pick(k: Array, values: Array) -> Array:
    zero = jnp.zeros((), values.dtype)
    return jnp.sum(jnp.where(_is(k, values.shape[-2]), values, zero), axis=-2)


def _is(k: Array, size: int) -> Array:
    """[k[m] = j] with j on the last axis but one: (B, *n_out, size, C)."""
    taps = np.arange(size, dtype=k.dtype).reshape(*[1] * (k.ndim - 1), size, 1)
    return k[..., None, :] == jnp.asarray(taps)


def _average_fwd(spec: _Adaptive, A: Array):
    return _average(spec, A), None


def _average_bwd(spec: _Adaptive, _, dZ: Array):
    return (_average_dA(spec, dZ),)


def _average_dA_fwd(spec: _Adaptive, dZ: Array):
    return _average_dA(spec, dZ), None


def _average_dA_bwd(spec: _Adaptive, _, A: Array):
    return (_average(spec, A),)


def _maximum_fwd(spec: _Adaptive, A: Array):
    Z, k = _maximum(spec, A)
    return (Z, k), k


def _maximum_bwd(spec: _Adaptive, k: Array, cotangents):
    return (_maximum_dA(spec, k, cotangents[0]),)  # k is of integers: no cotangent


def _maximum_dA_fwd(spec: _Adaptive, k: Array, dZ: Array):
    return _maximum_dA(spec, k, dZ), k


def _maximum_dA_bwd(spec: _Adaptive, k: Array, A: Array):
    return None, _maximum_pick(spec, k, A)


def _maximum_pick_fwd(spec: _Adaptive, k: Array, A: Array):
    return _maximum_pick(spec, k, A), k


def _maximum_pick_bwd(spec: _Adaptive, k: Array, dZ: Array):
    return None, _maximum_dA(spec, k, dZ)


_average.defvjp(_average_fwd, _average_bwd)
_average_dA.defvjp(_average_dA_fwd, _average_dA_bwd)
_maximum.defvjp(_maximum_fwd, _maximum_bwd)
_maximum_dA.defvjp(_maximum_dA_fwd, _maximum_dA_bwd)
_maximum_pick.defvjp(_maximum_pick_fwd, _maximum_pick_bwd)


# ------------------------------------------------------------------------- argument checks


def _adaptive(operation: str, A: Any, output_size: Any) -> tuple[_Adaptive, Array, bool]:
    """The sizes, A with a batch axis, and whether it came with one."""
    A = floating(operation, "A", A)
    n_out = window_tuple(operation, "output_size", output_size)
    return _sized(operation, A, n_out, f"output_size {n_out}")


def _global(operation: str, A: Any, spatial: Any) -> tuple[_Adaptive, Array, bool]:
    expected = "the number of spatial axes, 1, 2 or 3"
    rank = integer(operation, "spatial", spatial, forms=expected)
    if not 1 <= rank <= 3:
        wrong_value(operation, f"spatial is {rank}", expected)
    return _sized(operation, floating(operation, "A", A), (1,) * rank, f"spatial = {rank}")


def _sized(operation: str, A: Array, n_out: tuple[int, ...], given: str) -> tuple[_Adaptive, Array, bool]:
    A, batched = with_batch(operation, "A", A, len(n_out), given)
    some_pixels(operation, "A", A)
    return _Adaptive(A.shape[1:-1], n_out), A, batched
