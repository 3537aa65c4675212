"""A depthwise convolution as multiply-adds over kernel taps: a filter sees one channel and sums over none.

With K = C·M filters, and A'[·, k] = A[·, ⌊k/M⌋] the channel that filter k sees,

    Z[m,k]  = Σ_j A'_pad[m·s + j·d, k] W[j,k]
    dA'     = Σ_j S_jᵀ (dZ W[j]), dA the sum of its every M neighbours
    dW[j,k] = Σ_{b,m} A'_pad[b, m·s + j·d, k] dZ[b,m,k]

Z unrolls the taps. With a stride few of them read the pixels as they lie: a padded copy would cost more than
all the rest. Without a stride it takes the copy, since XLA would compute what is not copied again for a pool
that follows (a small network's gradient: 42 ms with the copy, 98 without). Of very many taps it unrolls those
of a row.

Whatever is computed entry by entry XLA on a CPU may compute again wherever it is read: for every tap that
reads it, and in every operation after it, be it itself a sum of many taps. So Z is `written_out` if it has
more than few taps, or if a gradient is taken, whose backward pass reads what follows it again; and dZ is, for
dA and dW: with a stride by itself, else in the padded copy that dA reads. Three convolutions of 7×7 in a row,
64 channels, 16×16, batch 32, take 9 ms for their gradient, not 1,080, and one before a max-pool 3.5, not 34
(jaxlib 0.10.2); a small network with two of 3×3 before a ReLU and a max-pool 5.7, not 6.6 (on 0.12.0.1 7.9
and 8.4), a MobileNet-like one 30, not 33, and compiles in 1.2 of jax.grad's time, not 1.3.

dA with a stride is a Z of dZ for each phase of it.

dW is one kernel, in which every tap looks up the pixels that it sees: row by row, so that all taps read what
the first has brought into the cache, slabs of rows added up on the way. It looks up an axis after the other,
and asks once for a sum, not for each of its slabs, whether a column is inside (5×5, 64 channels, 16×16, batch
32: 0.44 ms, by one table of all pixels 0.70). Each slab has a table of its own: of one for all, XLA writes
the terms out if they are cut into more than 15. What is left XLA's library adds up (`sums.apart`). Tap by
tap, sliced, it takes a third longer, and each tap is a kernel to compile. A is computed again: a batch norm
and a ReLU cost less than an array of them kept since the forward pass (a MobileNet-like network's gradient:
35 ms, 38 with it; jaxlib 0.12.0.1). Very many taps are a loop over rows of them.
"""

import functools
import itertools
import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxcnn.forms import interleaving, sums
from jaxcnn.forms.windows import (
    filters,
    pad_once,
    pixels,
    placed,
    positions,
    tap,
    traced_tap,
    transposed,
    widened,
    written_out,
)
from jaxcnn.window import Window

_FEW_TAPS, _MOST_TAPS = 9, 64
_SLABS, _MORE_SLABS = 8, 16  # of rows
_MOST_LEFT = 2**22  # numbers of dW's terms, 16 MiB: more are cut into more slabs
_VERY_FEW = 8  # channels: with as few slabs as of more LLVM would make no vectors of them


def conv(
    A: Array,
    W: Array,
    window: Window,
    *,
    groups: int = 1,
    precision: lax.PrecisionLike = None,
    shared: bool = False,
) -> Array:
    """Z = Σ_j (S_j A') W[j]."""
    A, taps = _repeated(A, W.shape[-1]), math.prod(window.size)
    if max(window.stride) > 1 and taps <= _FEW_TAPS:
        return _conv_of_pixels(lax.optimization_barrier(A), W, window)
    A_pad = pad_once(A, window)
    if taps <= _FEW_TAPS and not shared:
        return _conv_of_padded(A_pad, window, W=W)
    if taps <= _MOST_TAPS:
        return written_out(_conv_of_padded(A_pad, window, W))
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
    shared: bool = False,
) -> Array:
    """dA', the `conv` of dZ and its taps of rot180(W), for each phase of the stride.

    With a stride, so few taps of a kernel read dZ without its padding.
    """
    of_phase: Callable[[Array, Array, Window], Array] = conv
    if max(window.stride) == 1:
        dZ = sums.apart(dZ)  # LLVM unrolls a mere copy into padding, of up to 64 channels: 0.1 s to compile
    elif math.prod(window.size) <= few_taps:
        dZ, of_phase = written_out(dZ) if shared else lax.optimization_barrier(dZ), _conv_of_pixels
    dA = interleaving.interleaved(dZ, jnp.flip(W, tuple(range(window.rank))), window, of_phase)
    multiplier = dA.shape[-1] // groups
    return functools.reduce(operator.add, (dA[..., q::multiplier] for q in range(multiplier)))


def conv_dW(
    A: Array,
    dZ: Array,
    window: Window,
    *,
    groups: int = 1,
    precision: lax.PrecisionLike = None,
    shared: bool = False,
) -> Array:
    """dW[j] = Σ_{b,m} (S_j A') dZ, every tap looking up its pixels; of very many taps some at once."""
    A, taps = _repeated(A, dZ.shape[-1]), math.prod(window.size)
    few = taps <= _FEW_TAPS
    if few and not shared:  # dZ is mostly given then, and written out would be a copy
        dZ = lax.optimization_barrier(dZ)
    elif (few and max(window.stride) > 1) or not shared:
        dZ = written_out(dZ)
    else:
        dZ = _inside_padded(sums.apart(dZ), window)
    first, rows = window.size[0], window.output_size[0]
    of_rest = math.prod(window.size[1:])
    each = max(1, min(first, _MOST_TAPS // of_rest))
    parts = -(-first // each)
    slabs = _slabs(rows, each * of_rest * sums.numbers(dZ), dZ.shape[-1])
    thick = -(-rows // slabs)

    def cut(table: np.ndarray | Array) -> np.ndarray:
        table = np.pad(np.asarray(table), [(0, parts * each - first), (0, slabs * thick - rows)])
        return np.moveaxis(table.reshape(parts, each, slabs, thick), 1, -1)

    of_first, *others = (_table(window, axis) for axis in range(window.rank))
    tables = _Table(*map(cut, of_first))
    if parts == 1:
        dW = _sums(A, dZ, _Table(*(table[0] for table in tables)), others)
    else:
        dW = lax.map(lambda table: _sums(A, dZ, table, others), tables)
        dW = dW.reshape(-1, *dW.shape[2:])[:first]
    return jnp.expand_dims(dW, -2)


def _inside_padded(dZ: Array, window: Window) -> Array:
    """dZ, inside of the copy that dA without a stride reads: padded by e − 1 − p, where that is no crop."""
    over_dZ = transposed(window)
    edges = tuple((max(low, 0), max(high, 0)) for low, high in over_dZ.padding)
    start = [low for low, _ in edges]
    limit = [low + m for low, m in zip(start, window.output_size, strict=True)]
    padded = pad_once(dZ, replace(over_dZ, padding=edges))
    return lax.slice(padded, (0, *start, 0), (dZ.shape[0], *limit, dZ.shape[-1]))


def _conv_of_padded(A_pad: Array, window: Window, W: Array) -> Array:
    """Z, the taps reading A_pad."""
    taps = zip(window.taps(), filters(W), strict=True)
    return functools.reduce(operator.add, (widened(tap(A_pad, window, j)) * W_j for j, W_j in taps))


def _conv_of_pixels(A: Array, W: Array, window: Window) -> Array:
    """Z, the taps reading A without its padding."""
    taps = zip(window.taps(), filters(W), strict=True)
    terms = (placed(widened(pixels(A, window, j)) * W_j, window, j) for j, W_j in taps)
    return functools.reduce(operator.add, terms)


class _Table(NamedTuple):
    """Of each tap and window along an axis the pixel that it sees, and whether there is one."""

    pixel: np.ndarray | Array
    inside: np.ndarray | Array


def _table(window: Window, axis: int) -> _Table:
    """(taps, windows)."""
    pixel = positions(window, axis).T
    inside = (pixel >= 0) & (pixel < window.input_size[axis])
    return _Table(np.where(inside, pixel, 0).astype(np.int32), inside)


def _sums(A: Array, dZ: Array, first: _Table, others: Sequence[_Table]) -> Array:
    """Σ_{b,m} (S_j A)[b, m] dZ[b, m], (f_0, f_1, …, K), for the taps of the first axis's table.

    That is cut into slabs, (slabs, m_0, f_0), and what is added up (B, m_0, f_0, f_1, m_1, …, K).
    """
    each_tap = [2, *range(3, 2 * dZ.ndim - 4, 2)]

    def of_slab(dZ: Array, rows: _Table) -> Array:
        seen = _present(jnp.take(A, rows.pixel, axis=1, mode="clip"), rows.inside, 1)
        for axis, table in enumerate(others):
            seen = jnp.take(seen, table.pixel, axis=3 + 2 * axis, mode="clip")
        return widened(seen) * widened(jnp.expand_dims(dZ, each_tap))

    slabs = zip(sums.cut(dZ, 1, len(first.pixel)), map(_Table, *first), strict=True)
    terms = functools.reduce(operator.add, itertools.starmap(of_slab, slabs))
    for axis, table in enumerate(others):
        terms = _present(terms, table.inside, 3 + 2 * axis)
    return jnp.sum(sums.apart(terms), [axis for axis in range(terms.ndim - 1) if axis not in each_tap])


def _present(X: Array, inside: np.ndarray | Array, axis: int) -> Array:
    """X, and 0 where nothing is inside of the two axes from this on."""
    if isinstance(inside, np.ndarray) and np.all(inside):
        return X
    shape = [1] * X.ndim
    shape[axis : axis + 2] = inside.shape
    return jnp.where(jnp.reshape(inside, shape), X, jnp.zeros_like(X))


def _slabs(rows: int, numbers: int, channels: int) -> int:
    """Into how many slabs rows are cut, of one thickness if these are not too few, for so many terms."""
    more = channels <= _VERY_FEW or numbers > _SLABS * _MOST_LEFT
    most = _MORE_SLABS if more else _SLABS
    even = max(count for count in range(1, most + 1) if rows % count == 0)
    return even if even > most // 2 or even == rows else -(-rows // -(-rows // most))


def _repeated(A: Array, count: int) -> Array:
    """A', the channels of A as often as filters see them, of which there are so many."""
    return A if count == A.shape[-1] else jnp.repeat(A, count // A.shape[-1], axis=-1)
