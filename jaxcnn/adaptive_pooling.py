"""Pools of a given output size, whatever the input's: adaptive ones by hand, global ones as output size 1.

Symbols as in `jaxcnn.pooling`. On each spatial axis window m of the n_out covers the pixels

    w(m) = [⌊m·n/n_out⌋, ⌈(m + 1)·n/n_out⌉)                                                       (P.8)

as in PyTorch: of uneven size where n_out does not divide n, and then neighbours may share a pixel.

    average    Z[m] = 1/|w(m)| Σ_{i ∈ w(m)} A[i]                                                  (P.9)
    its dA     dA[i] = Σ_{m: i ∈ w(m)} dZ[m]/|w(m)|                                               (P.10)
    maximum    Z[m] = max_{i ∈ w(m)} A[i]                  k[m] the first that reaches it         (P.11)
    its dA     dA[i] = Σ_{m: w(m)[k[m]] = i} dZ[m]                                                (P.12)

(P.9) and (P.10) are each other's adjoint; with k known so are (P.11) and (P.12). Windows are reduced along
one axis after the other. Conventions: of several equal maxima the first in row-major order takes the
gradient; a NaN counts as greater than every number.
Sources: Lin, Chen and Yan, "Network in network", 2013, section 3.2 (global average); PyTorch's
AdaptiveAvgPool; article section "Pooling Layers Backpropagation", ledger L18 and L19.
"""

import functools
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from jaxcnn._arrays import floating, some_pixels, with_batch
from jaxcnn._errors import integer, window_tuple, wrong_value
from jaxcnn.forms import axes, uneven
from jaxcnn.forms.windows import widened
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
    A, n_out, batched = _adaptive("adaptive_avg_pool", A, output_size)
    Z = _pooled(_average, A, n_out)
    return Z if batched else Z[0]


def adaptive_max_pool(A: ArrayLike, output_size: Sequence[int]) -> Array:
    """Z[m] = max_{i ∈ w(m)} A[i], equation (P.11).

    Arguments, returns and errors as in `adaptive_avg_pool`. The gradient goes to the first maximum of each
    window; residual: one unsigned integer a window. Source: PyTorch's AdaptiveMaxPool.

    >>> adaptive_max_pool(jnp.arange(5.0, dtype=jnp.float32)[:, None], (3,))[:, 0]
    Array([1., 3., 4.], dtype=float32)
    """
    A, n_out, batched = _adaptive("adaptive_max_pool", A, output_size)
    Z = _pooled(_largest, A, n_out)
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
    A, batched = _global("global_avg_pool", A, spatial)
    Z = _pooled(_average, A, (1,) * (A.ndim - 2)).reshape(A.shape[0], A.shape[-1])
    return Z if batched else Z[0]


def global_max_pool(A: ArrayLike, *, spatial: int) -> Array:
    """Z = max_i A[i], the maximum of each channel: (P.11) at output size 1.

    Arguments, returns and errors as in `global_avg_pool`. The gradient goes to the first maximum; residual:
    one unsigned integer a channel. Article "Pooling Layers", L17 and L18.

    >>> global_max_pool(jnp.arange(8.0, dtype=jnp.float32).reshape(2, 2, 2), spatial=2)
    Array([6., 7.], dtype=float32)
    """
    A, batched = _global("global_max_pool", A, spatial)
    Z = _pooled(_largest, A, (1,) * (A.ndim - 2)).reshape(A.shape[0], A.shape[-1])
    return Z if batched else Z[0]


# ------------------------------------------------------------------------------ the rules


class _Adaptive(NamedTuple):
    """What is static about the pool: n and n_out."""

    input_size: tuple[int, ...]
    output_size: tuple[int, ...]

    @property
    def tables(self) -> list[axes.Rows]:
        """The pixels of each window, (P.8), for each axis."""
        sizes = zip(self.input_size, self.output_size, strict=True)
        return [axes.spans(adaptive_windows(n, n_out)) for n, n_out in sizes]


def _pooled(pool: Callable[[_Adaptive, Array], Array], A: Array, n_out: tuple[int, ...]) -> Array:
    """The pool of n_out windows, (B, *n_out, C); a single one takes all pixels as of one axis."""
    n = A.shape[1:-1]
    if math.prod(n_out) > 1:
        return pool(_Adaptive(n, n_out), A)
    Z = pool(_Adaptive((math.prod(n),), (1,)), A.reshape(A.shape[0], math.prod(n), A.shape[-1]))
    return Z.reshape(A.shape[0], *n_out, A.shape[-1])


def _largest(spec: _Adaptive, A: Array) -> Array:
    return _maximum(spec, A)[0]


# (P.9)  Z[m] = 1/|w(m)| Σ_{i ∈ w(m)} A[i]
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _average(spec: _Adaptive, A: Array) -> Array:
    total = axes.apply_each(widened(A), spec.tables)
    return (total / _sizes(spec, total)).astype(A.dtype)


# (P.10)  dA[i] = Σ_{m: i ∈ w(m)} dZ[m]/|w(m)|
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _average_dA(spec: _Adaptive, dZ: Array) -> Array:
    dA = widened(dZ)
    dA = dA / _sizes(spec, dA)
    return axes.apply_each(dA, axes.adjoints(spec.tables, spec.input_size)).astype(dZ.dtype)


def _sizes(spec: _Adaptive, like: Array) -> Array:
    """|w(m)|, of Z's shape."""
    sizes = functools.reduce(np.multiply.outer, (rows.weight.sum(axis=1) for rows in spec.tables))
    return jnp.broadcast_to(jnp.asarray(sizes[..., None], like.dtype), like.shape)


# (P.11)  Z[m] = max_{i ∈ w(m)} A[i], and k[m], the first that is as large
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _maximum(spec: _Adaptive, A: Array) -> tuple[Array, Array]:
    return uneven.first_max(A, spec.tables)


# (P.12)  dA[i] = Σ_{m: w(m)[k[m]] = i} dZ[m]
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _maximum_dA(spec: _Adaptive, k: Array, dZ: Array) -> Array:
    return uneven.place(k, dZ, spec.tables, spec.input_size).astype(dZ.dtype)


# (P.11) with k known: Z[m] = A[w(m)[k[m]]], the adjoint of (P.12)
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _maximum_pick(spec: _Adaptive, k: Array, A: Array) -> Array:
    return uneven.pick(k, A, spec.tables)


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


def _adaptive(operation: str, A: Any, output_size: Any) -> tuple[Array, tuple[int, ...], bool]:
    """A with a batch axis, the sizes, and whether it came with one."""
    A = floating(operation, "A", A)
    n_out = window_tuple(operation, "output_size", output_size)
    A, batched = _with_pixels(operation, A, len(n_out), f"output_size {n_out}")
    return A, n_out, batched


def _global(operation: str, A: Any, spatial: Any) -> tuple[Array, bool]:
    expected = "the number of spatial axes, 1, 2 or 3"
    rank = integer(operation, "spatial", spatial, forms=expected)
    if not 1 <= rank <= 3:
        wrong_value(operation, f"spatial is {rank}", expected)
    return _with_pixels(operation, floating(operation, "A", A), rank, f"spatial = {rank}")


def _with_pixels(operation: str, A: Array, rank: int, given: str) -> tuple[Array, bool]:
    A, batched = with_batch(operation, "A", A, rank, given)
    some_pixels(operation, "A", A)
    return A, batched
