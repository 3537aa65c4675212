"""A depthwise convolution as multiply-adds over kernel taps: a filter sees one channel and sums over none.

With K = C·M filters, and A'[·, k] = A[·, ⌊k/M⌋] the channel that filter k sees,

    Z[m,k]  = Σ_j A'_pad[m·s + j·d, k] W[j,k]
    dA'     = Σ_j S_jᵀ (dZ W[j]), dA the sum of its every M neighbours
    dW[j,k] = Σ_{b,m} A'_pad[b, m·s + j·d, k] dZ[b,m,k]

Z unrolls the taps. Few of them read the pixels as they lie and add zeros for the border, where a padded copy
would cost more than the rest (3×3 at stride 2: 0.67 ms with the copy, 0.33 without); of very many, those of a
row are unrolled. dA adds up the spread shares of few taps; of more, it is a Z of dZ for each phase
(`interleaving`). dW is a loop over taps. Each sums R rows multiply-add by multiply-add, and the R times
smaller rest by a product with ones, where XLA's own reduction on a CPU would read columns number by number.
The images are summed last, so that sharded ones are in one go.
"""

import functools
import itertools
import math
import operator

import jax.numpy as jnp
from jax import Array, lax

from jaxcnn.forms import interleaving
from jaxcnn.forms.windows import pad, tap, tap_inside, traced_tap, untap, widened
from jaxcnn.window import Window

_FEW_TAPS, _MOST_TAPS = 9, 64
_ROWS = 8  # R


def conv(
    A: Array, W: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """Z = Σ_j (S_j A') W[j]."""
    A = _repeated(A, W.shape[-1])
    if math.prod(window.size) <= _FEW_TAPS:
        terms = (widened(tap_inside(A, window, j)) * _filter(W[j], A) for j in window.taps())
        return functools.reduce(operator.add, terms)
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
    dZ: Array, W: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """dA' = Σ_j S_jᵀ (dZ W[j])."""
    if math.prod(window.size) <= _FEW_TAPS:
        shares = (untap(widened(dZ) * _filter(W[j], dZ), window, j) for j in window.taps())
        dA = functools.reduce(operator.add, shares)
    else:
        dA = interleaving.interleaved(dZ, jnp.flip(W, tuple(range(window.rank))), window, conv)
    multiplier = dA.shape[-1] // groups
    return functools.reduce(operator.add, (dA[..., q::multiplier] for q in range(multiplier)))


def conv_dW(
    A: Array, dZ: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """dW[j] = Σ_{b,m} (S_j A') dZ."""
    A_pad = lax.optimization_barrier(pad(_repeated(A, dZ.shape[-1]), window))
    pixels = tuple(range(1, dZ.ndim - 1))

    def of_each_image(j: Array) -> Array:
        """The summands of dW[j], (B, K)."""
        partial = _partial(traced_tap(A_pad, window, tuple(j)), dZ)
        ones = jnp.ones_like(partial[..., 0])
        axes = ((pixels, pixels), ((0,), (0,)))
        return lax.dot_general(ones, partial, axes, precision=lax.Precision.HIGHEST)

    taps = jnp.sum(lax.map(of_each_image, jnp.array(list(window.taps()))), axis=1)
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


def _filter(W_j: Array, A: Array) -> Array:
    """W[j], of one number a filter, broadcast over the other axes of A."""
    return widened(W_j).reshape(*(1,) * (A.ndim - 1), A.shape[-1])
