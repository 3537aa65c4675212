"""Sums of what is computed entry by entry.

On a CPU XLA leaves sums to a library, YNNPACK, which reads at the rate of memory, and what it adds up along
with them: arithmetic, `exp`, `sign`, a statistic repeated over pixels; not comparisons, selections, gathers,
`reduce_precision`. Two things it does not see. What something else uses too XLA writes out first, in a kernel
of its own, be it a mean repeated for every pixel. And arithmetic after a gather it takes from the gather's
loop, and writes out what is gathered. `apart` keeps a sum from either: batch_norm's variance of a mean apart,
64 channels, 32×32, batch 32, reads A and writes nothing; a MobileNet-like network's gradient takes 1.3 of the
time of jax.grad's to compile, not 1.5; depthwise dW of 128 channels, 16×16, batch 32, 0.52 ms, and 0.64 by a
product with ones (jaxlib 0.10.2; 0.10.0 leaves YNNPACK no sum of products, and batch norm's gradient takes
0.55 of jax.grad's time, not 0.4).

Along the last axis, of what YNNPACK does not compute, XLA's own loop, whose order is fixed, adds one number
at a time; a product with a column of ones adds several at once. Milliseconds to sum 1,024 rows of 1,000
masked numbers on two cores (jaxlib 0.10.2): 0.48 by the loop, 0.25 by the product. Of the terms of long rows
slabs are added up first, and fewer numbers are written out for the product: log_softmax's forward pass of
these rows takes 0.87 by products alone, 0.72 with the slabs. Of 32 rows of 10 numbers the loop is as fast,
and the gradient of cross-entropy compiles in 0.11 s instead of 0.14.
"""

import functools
import math
import operator

import jax.numpy as jnp
from jax import Array, lax

from jaxcnn._sharding import sharded_as, whole
from jaxcnn.forms.platforms import by_platform

_FEW_OF_ROWS = 2**12  # numbers that XLA's own loop adds up as fast
FEW_COLUMNS = 15  # XLA writes nothing out for them: it computes an entry at most so often in one kernel
_COLUMNS, _MOST_SLABS = 192, 5  # of a row: a slab has no fewer columns


def along(axis: int, X: Array) -> Array:
    """Σ over the axis of X, which is gone."""

    def by_loop(X: Array) -> Array:
        return jnp.sum(X, axis)

    def by_columns(X: Array) -> Array:
        columns = (lax.index_in_dim(X, k, axis, keepdims=False) for k in range(X.shape[-1]))
        return functools.reduce(operator.add, columns)

    def by_slabs(X: Array) -> Array:
        count = max(1, min(X.shape[-1] // _COLUMNS, _MOST_SLABS)) if whole(X, -1) else 1
        return by_product(added(X, axis, count))

    if axis != X.ndim - 1 or numbers(X) < _FEW_OF_ROWS:
        return by_loop(X)
    few = X.shape[-1] <= FEW_COLUMNS and whole(X, -1)
    return by_platform(X, cpu=by_columns if few else by_slabs, default=by_loop)


def kept(axis: int, X: Array) -> Array:
    """The same, the axis staying as one of size 1."""
    return jnp.expand_dims(along(axis, X), axis)


def less(axis: int, X: Array, chosen: Array) -> Array:
    """X − Σ over the axis of its chosen entries.

    Of an array less its own sum XLA on a GPU makes one kernel, and of what follows: the backward pass of
    softmax for 16,384 rows of 1,000 takes 0.17 ms on an H100 otherwise, and 0.085 so.
    """

    def by_sum(X: Array, chosen: Array) -> Array:
        return X - kept(axis, jnp.where(chosen, X, 0))

    def by_own_sum(X: Array, chosen: Array) -> Array:
        picked = jnp.where(chosen, X, 0)
        return jnp.where(chosen, 0, X) + (picked - jnp.sum(picked, axis, keepdims=True))

    return by_platform(X, chosen, cpu=by_sum, default=by_own_sum)


def weighted(X: Array, weights: Array) -> Array:
    """Σ over the last axis of X weights[k], the axis staying as one of size 1.

    For a product with ones X weights would be written out, 2.3 ms for the backward pass of layer_norm, 4,096
    rows of 768 numbers; for one with the weights X is read as it lies, 1.3.
    """

    def in_turn(X: Array, weights: Array) -> Array:
        return kept(X.ndim - 1, X * jnp.broadcast_to(weights, X.shape))

    def at_once(X: Array, weights: Array) -> Array:
        return by_product(X, weights)[..., None]

    if numbers(X) < _FEW_OF_ROWS or X.shape[-1] <= FEW_COLUMNS:
        return in_turn(X, weights)
    return by_platform(X, weights, cpu=at_once, default=in_turn)


def by_product(X: Array, weights: Array | None = None) -> Array:
    """X (…, K) times a column of weights, or ones: Σ over the last axis, which is gone."""
    column = jnp.ones((X.shape[-1], 1), X.dtype) if weights is None else weights[:, None]
    sharding = sharded_as(*((X, axis) for axis in range(X.ndim - 1)), None)
    return jnp.matmul(X, column, precision=lax.Precision.HIGHEST, out_sharding=sharding)[..., 0]


def numbers(X: Array) -> int:
    """How many numbers X has; of an export for any number of images those of one."""
    return math.prod(n for n in X.shape if isinstance(n, int))


def apart(X: Array) -> Array:
    """X, rounded to what it is: no array that XLA has elsewhere, and nothing that it leaves to YNNPACK."""
    own = jnp.finfo(X.dtype)
    return lax.reduce_precision(X, exponent_bits=own.nexp, mantissa_bits=own.nmant)


def separate(*Xs: Array) -> tuple[Array, ...]:
    """The arrays, each another value though some be one, for sums that widen bfloat16 as they read it.

    What two of them read XLA on a CPU would write out wide, once for both: batch_norm of bfloat16, 64
    channels, 32×32, batch 32, takes 0.55 ms then, and 0.40 so; its backward pass 1.15 and 0.57. Not for sums
    along the last axis: layer_norm's take 1.1 times as long so (jaxlib 0.12). YNNPACK does not widen float16.
    """
    if Xs[0].dtype != jnp.bfloat16:
        return Xs
    return by_platform(*Xs, cpu=lambda *Xs: lax.optimization_barrier(Xs), default=lambda *Xs: Xs)


def added(X: Array, axis: int, count: int) -> Array:
    """Σ over so many slabs of the axis, which keeps the size of one."""
    return functools.reduce(operator.add, cut(X, axis, count))


def cut(X: Array, axis: int, count: int) -> list[Array]:
    """So many slabs of the axis, all as thick as the first: zeros fill the last."""
    size = X.shape[axis]
    thick = -(-size // count)
    parts = [
        lax.slice_in_dim(X, start, min(start + thick, size), axis=axis) for start in range(0, size, thick)
    ]
    missing = thick - parts[-1].shape[axis]
    if missing:
        edges = [(0, missing if a == axis else 0, 0) for a in range(X.ndim)]
        parts[-1] = lax.pad(parts[-1], jnp.zeros((), X.dtype), edges)
    return parts
