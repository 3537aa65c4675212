"""A depthwise convolution as multiply-adds over kernel taps: a filter sees one channel and sums over none.

With K = C·M filters, and A'[·, k] = A[·, ⌊k/M⌋] the channel that filter k sees,

    Z[m,k]  = Σ_j A'_pad[m·s + j·d, k] W[j,k]
    dA'     = Σ_j S_jᵀ (dZ W[j]), dA the sum of its every M neighbours
    dW[j,k] = Σ_{b,m} A'_pad[b, m·s + j·d, k] dZ[b,m,k]

Z unrolls the taps. With a stride few of them read the pixels as they lie: a padded copy would cost more than
all the rest. Without a stride it takes the copy, since XLA would compute what is not copied again for a pool
that follows (a small network's gradient: 42 ms with the copy, 98 without). Of very many taps it unrolls those
of a row. dA is a Z of dZ for each phase of the stride.

dW is one kernel, in which every tap looks up the pixels that it sees: row by row, so that all taps read what
the first has brought into the cache, slabs of rows added up on the way. A product with ones adds up what is
left of each row, and the rows last. Tap by tap, sliced, it takes a third longer, and each tap is a kernel to
compile. Very many taps are a loop over parts of them.
"""

import functools
import itertools
import math
import operator
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxcnn.forms import interleaving, sums
from jaxcnn.forms.windows import filters, pad, pixel_index, pixels, placed, tap, traced_tap, widened
from jaxcnn.window import Window

_FEW_TAPS, _MOST_TAPS = 9, 64
_SLABS = 8  # of rows; of 16 XLA on a CPU writes the terms out


def conv(
    A: Array, W: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """Z = Σ_j (S_j A') W[j]."""
    A = _repeated(A, W.shape[-1])
    if max(window.stride) > 1 and math.prod(window.size) <= _FEW_TAPS:
        return _conv_of_pixels(lax.optimization_barrier(A), W, window)
    A_pad = lax.optimization_barrier(pad(A, window))
    if math.prod(window.size) <= _MOST_TAPS:
        taps = zip(window.taps(), filters(W), strict=True)
        return functools.reduce(operator.add, (widened(tap(A_pad, window, j)) * W_j for j, W_j in taps))
    rest = list(itertools.product(*map(range, window.size[1:])))

    def add_row(Z: Array, row: tuple[Array, Array]) -> tuple[Array, None]:
        first, W_row = row
        seen = (widened(traced_tap(A_pad, window, (first, *j))) for j in rest)
        terms = map(operator.mul, seen, filters(W_row[None]))
        return functools.reduce(operator.add, terms, Z), None

    zero = jnp.zeros_like(widened(tap(A_pad, window, (0,) * window.rank)))
    return lax.scan(add_row, zero, (jnp.arange(window.size[0]), W))[0]


def conv_dA(
    dZ: Array,
    W: Array,
    window: Window,
    *,
    groups: int = 1,
    precision: lax.PrecisionLike = None,
    few_taps: int = _FEW_TAPS,
) -> Array:
    """dA', the `conv` of dZ and its taps of rot180(W), for each phase of the stride.

    With a stride, so few taps of a kernel read dZ without its padding.
    """
    of_phase: Callable[[Array, Array, Window], Array] = conv
    if max(window.stride) > 1 and math.prod(window.size) <= few_taps:
        dZ, of_phase = lax.optimization_barrier(dZ), _conv_of_pixels
    dA = interleaving.interleaved(dZ, jnp.flip(W, tuple(range(window.rank))), window, of_phase)
    multiplier = dA.shape[-1] // groups
    return functools.reduce(operator.add, (dA[..., q::multiplier] for q in range(multiplier)))


def conv_dW(
    A: Array, dZ: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """dW[j] = Σ_{b,m} (S_j A') dZ, every tap looking up its pixels; of very many taps some at once."""
    A, dZ = lax.optimization_barrier((_repeated(A, dZ.shape[-1]), dZ))
    taps, size = math.prod(window.size), math.prod(window.input_size)
    parts = -(-taps // _MOST_TAPS)
    each = -(-taps // parts)
    table = np.pad(pixel_index(window).T, ((0, parts * each - taps), (0, 0)), constant_values=size)
    table = np.moveaxis(table.reshape(parts, each, *window.output_size), 1, window.rank)
    inside = table < size
    table = np.where(inside, table, 0).astype(np.int32)
    A = A.reshape(A.shape[0], size, A.shape[-1])
    if parts == 1:
        dW = _sums(A, dZ, table[0], inside[0])
    else:
        dW = lax.map(lambda part: _sums(A, dZ, *part), (table, inside)).reshape(-1, dZ.shape[-1])[:taps]
    return dW.reshape(*window.size, 1, dZ.shape[-1])


def _conv_of_pixels(A: Array, W: Array, window: Window) -> Array:
    """Z, the taps reading A without its padding."""
    taps = zip(window.taps(), filters(W), strict=True)
    terms = (placed(widened(pixels(A, window, j)) * W_j, window, j) for j, W_j in taps)
    return functools.reduce(operator.add, terms)


def _sums(A: Array, dZ: Array, pixel: np.ndarray | Array, inside: np.ndarray | Array) -> Array:
    """Σ_{b,m} A[b, pixel[j, m]] dZ[b, m] where it is inside, (F, K), of A (B, pixels, K).

    The tables have the taps before the last axis, as has what is added up: (B, m_0, …, F, m_last, K).
    """
    rank = dZ.ndim - 2
    seen = jnp.take(A, pixel, axis=1, mode="clip")
    seen = jnp.where(inside[None, ..., None], seen, jnp.zeros_like(seen))
    terms = widened(seen) * widened(jnp.expand_dims(dZ, rank))
    added = sums.added(terms, 1 if rank > 1 else 2, _slabs(dZ.shape[1]))
    return jnp.sum(sums.by_ones(added, 1 + rank), tuple(range(rank)))


def _slabs(rows: int) -> int:
    """Into how many slabs rows are cut: of one thickness, since XLA would add up a padded one slowly."""
    even = max(count for count in range(1, _SLABS + 1) if rows % count == 0)
    return even if even > _SLABS // 2 or even == rows else _SLABS


def _repeated(A: Array, count: int) -> Array:
    """A', the channels of A as often as filters see them, of which there are so many."""
    return A if count == A.shape[-1] else jnp.repeat(A, count // A.shape[-1], axis=-1)
