"""A depthwise convolution as multiply-adds over kernel taps: a filter sees one channel and sums over none.

With K = C·M filters, and A'[·, k] = A[·, ⌊k/M⌋] the channel that filter k sees,

    Z[m,k]  = Σ_j A'_pad[m·s + j·d, k] W[j,k]
    dA'     = the same of dZ, phase by phase (`jaxcnn.forms.interleaving`);  dA the sum of its every M neighbours
    dW[j,k] = Σ_{b,m} A'_pad[b, m·s + j·d, k] dZ[b,m,k]

dW sums R rows multiply-add by multiply-add, and a product with ones adds up the R times smaller rest, where
XLA's own reduction on a CPU reads columns number by number. Kernels of many taps are unrolled along all their
axes but the first, over which a loop runs.
"""

import functools
import math
import operator

import jax.numpy as jnp
from jax import Array, lax

from jaxcnn._sharding import sharded_as
from jaxcnn.forms import interleaving
from jaxcnn.forms.windows import pad, split, tap, widened
from jaxcnn.window import Window

_MOST_TAPS = 64  # unrolled
_ROWS = 8  # R


def conv(
    A: Array, W: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """Z = Σ_j (S_j A') W[j]."""
    A_pad = lax.optimization_barrier(pad(_repeated(A, W.shape[-1]), window))

    def total(A_pad: Array, W: Array, window: Window) -> Array:
        terms = (widened(tap(A_pad, window, j)) * _filter(W, j, A_pad) for j in window.taps())
        return functools.reduce(operator.add, terms)

    if math.prod(window.size) <= _MOST_TAPS:
        return total(A_pad, W, window)

    def add(Z: Array, row: tuple[Array, Array]) -> tuple[Array, None]:
        j, W_row = row
        return Z + total(_seen_by_row(A_pad, window, j), W_row[None], _one_row(window)), None

    zero = jnp.zeros_like(widened(tap(A_pad, window, (0,) * window.rank)))
    return lax.scan(add, zero, (jnp.arange(window.size[0]), W))[0]


def conv_dA(
    dZ: Array, W: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """dA' = Σ_j S_jᵀ (dZ W[j])."""
    dA = interleaving.interleaved(dZ, jnp.flip(W, tuple(range(window.rank))), window, conv)
    return dA if dA.shape[-1] == groups else jnp.sum(split(dA, groups), axis=-1)


def conv_dW(
    A: Array, dZ: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """dW[j] = Σ_{b,m} (S_j A') dZ."""
    A_pad = lax.optimization_barrier(pad(_repeated(A, dZ.shape[-1]), window))

    def sums(A_pad: Array, window: Window) -> Array:
        """dW of the window's taps, (F, K)."""
        partial = jnp.stack([_partial(tap(A_pad, window, j), dZ) for j in window.taps()], -2)
        axes = tuple(range(partial.ndim - 2))
        return lax.dot_general(
            jnp.ones_like(partial[..., 0, 0]),
            partial,
            ((axes, axes), ((), ())),
            precision=lax.Precision.HIGHEST,
            out_sharding=sharded_as(None, (dZ, -1)),
        )

    if math.prod(window.size) <= _MOST_TAPS:
        taps = sums(A_pad, window)
    else:
        rows = jnp.arange(window.size[0])
        taps = lax.map(lambda j: sums(_seen_by_row(A_pad, window, j), _one_row(window)), rows)
    return taps.reshape(*window.size, 1, dZ.shape[-1])


def _partial(A: Array, dZ: Array) -> Array:
    """A·dZ summed over the rows (axis 1) whose numbers agree modulo the height h of a slab of rows."""
    rows = A.shape[1]
    h = -(-rows // _ROWS)
    slabs = [slice(start, min(start + h, rows)) for start in range(0, rows, h)]
    terms = [widened(A[:, slab]) * widened(dZ[:, slab]) for slab in slabs]
    short = h - terms[-1].shape[1]
    edges = [(0, short if axis == 1 else 0, 0) for axis in range(A.ndim)]
    terms[-1] = lax.pad(terms[-1], jnp.zeros((), terms[-1].dtype), edges)
    return functools.reduce(operator.add, terms)


def _repeated(A: Array, filters: int) -> Array:
    """A', the channels of A as often as filters see them."""
    return A if filters == A.shape[-1] else jnp.repeat(A, filters // A.shape[-1], axis=-1)


def _filter(W: Array, j: tuple[int, ...], A: Array) -> Array:
    """W[j], (K,), broadcast over the other axes of A."""
    return widened(W[j]).reshape(*(1,) * (A.ndim - 1), -1)


def _one_row(window: Window) -> Window:
    """The window of the taps of one row, over what `_seen_by_row`."""
    span = (window.output_size[0] - 1) * window.stride[0] + 1
    return Window(
        (span, *window.padded_size[1:]),
        (1, *window.size[1:]),
        window.stride,
        ((0, 0),) * window.rank,
        window.dilation,
    )


def _seen_by_row(A_pad: Array, window: Window, j: Array) -> Array:
    """The part of A_pad that the taps of row j see."""
    span = (window.output_size[0] - 1) * window.stride[0] + 1
    return lax.dynamic_slice_in_dim(A_pad, j * window.dilation[0], span, axis=1)
