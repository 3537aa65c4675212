"""A depthwise convolution as multiply-adds over kernel taps: a filter sees one channel and sums over none.

With K = C·M filters, and A'[·, k] = A[·, ⌊k/M⌋] the channel that filter k sees,

    Z[m,k]  = Σ_j A'_pad[m·s + j·d, k] W[j,k]
    dA'     = Σ_j S_jᵀ (dZ W[j]), dA the sum of its every M neighbours
    dW[j,k] = Σ_{b,m} A'_pad[b, m·s + j·d, k] dZ[b,m,k]

Z and dW unroll the taps. With a stride few of them read the pixels as they lie: a padded copy would cost more
than all the rest. Without a stride Z takes the copy, since XLA would compute what is not copied again for a
pool that follows (a small network's gradient: 42 ms with the copy, 98 without). Of very many taps, Z unrolls
those of a row, and dW is a loop, in which XLA vectorises less. dA is a Z of dZ for each phase of the stride.

dW sums slabs of rows multiply-add by multiply-add, and the rest by a product with ones (`jaxcnn.forms.sums`).
"""

import functools
import itertools
import math
import operator
from collections.abc import Callable

import jax.numpy as jnp
from jax import Array, lax

from jaxcnn.forms import interleaving, sums
from jaxcnn.forms.windows import images, pad, pixels, placed, seeing, tap, traced_tap, widened
from jaxcnn.window import Window

_FEW_TAPS, _SOME_TAPS, _MOST_TAPS = 9, 25, 64
_SLABS = 4  # of rows, or twice as many
_KEPT = 2**25  # bytes that C's allocator on Linux keeps from call to call; more are mapped anew at each


def conv(
    A: Array, W: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """Z = Σ_j (S_j A') W[j]."""
    A = _repeated(A, W.shape[-1])
    if max(window.stride) > 1 and math.prod(window.size) <= _FEW_TAPS:
        return _conv_of_pixels(lax.optimization_barrier(A), W, window)
    A_pad = lax.optimization_barrier(pad(A, window))
    if math.prod(window.size) <= _MOST_TAPS:
        terms = (widened(tap(A_pad, window, j)) * _filter(W[j], A_pad) for j in window.taps())
        return functools.reduce(operator.add, terms)
    rest = list(itertools.product(*map(range, window.size[1:])))

    def add_row(Z: Array, row: tuple[Array, Array]) -> tuple[Array, None]:
        first, W_row = row
        seen = (widened(traced_tap(A_pad, window, (first, *j))) for j in rest)
        terms = (A_j * _filter(W_row[j], A_pad) for A_j, j in zip(seen, rest, strict=True))
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
    """dW[j] = Σ_{b,m} (S_j A') dZ."""
    A, dZ = lax.optimization_barrier((_repeated(A, dZ.shape[-1]), dZ))
    taps = math.prod(window.size)
    if taps <= _SOME_TAPS:
        most = _most_slabs(dZ, taps)
        every = jnp.stack([_sum(pixels(A, window, j), seeing(dZ, window, j), most) for j in window.taps()])
    else:
        A_pad, every_tap = pad(A, window), jnp.array(list(window.taps()))
        every = lax.map(lambda j: _sum(traced_tap(A_pad, window, tuple(j)), dZ, _SLABS), every_tap)
    return every[:, 0].reshape(*window.size, 1, dZ.shape[-1])


def _conv_of_pixels(A: Array, W: Array, window: Window) -> Array:
    """Z, the taps reading A without its padding."""
    terms = (placed(widened(pixels(A, window, j)) * _filter(W[j], A), window, j) for j in window.taps())
    return functools.reduce(operator.add, terms)


def _most_slabs(dZ: Array, taps: int) -> int:
    """Twice as many where else the sums of all taps, which XLA computes side by side, are more than is kept.

    5×5, 64 channels, 32×32, batch 32 takes 22 of four slabs, 6.4 of eight; in a network eight are no faster.
    """
    size = images(dZ) * math.prod(dZ.shape[1:]) * widened(dZ).dtype.itemsize
    return _SLABS if taps * size <= _SLABS * _KEPT else 2 * _SLABS


def _sum(A: Array, dZ: Array, most: int) -> Array:
    """Σ_{b,m} A·dZ, twice, (2, K)."""
    rows = A.shape[1]
    if not rows:
        return jnp.zeros_like(widened(A), shape=(2, A.shape[-1]))
    slabs = rows if rows <= 2 * _SLABS else most
    return sums.slabs(lambda A, dZ: widened(A) * widened(dZ), A, dZ, axis=1, count=slabs)


def _repeated(A: Array, filters: int) -> Array:
    """A', the channels of A as often as filters see them."""
    return A if filters == A.shape[-1] else jnp.repeat(A, filters // A.shape[-1], axis=-1)


def _filter(W_j: Array, A: Array) -> Array:
    """W[j], of one number a filter, broadcast over the other axes of A."""
    return widened(W_j).reshape(*(1,) * (A.ndim - 1), A.shape[-1])
