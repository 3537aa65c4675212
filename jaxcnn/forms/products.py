"""The faces of an ungrouped convolution as plain matrix products, pixels × channels.

    Z     = Σ_j (S_j A) W[j]
    dA    = Σ_j S_jᵀ V[j],   V = dZ · (W[1]ᵀ, …, W[F]ᵀ)      col2im: one product for all taps, and with a
                                                             stride the sum of each phase by itself
    dW[j] = (S_j A)ᵀ dZ                                      a product for each tap

with S_j of `jaxcnn.forms.windows`. `im2col` and `shifted` are the same sums for any number of groups, whose
axis, even of length 1, keeps XLA from calling the CPU's matrix product directly.
"""

import functools
import math
import operator

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxcnn._sharding import sharded_as
from jaxcnn.forms import interleaving
from jaxcnn.forms.windows import accumulator, computed_after, pad, pixels, placed, tap, untap
from jaxcnn.window import Window


def conv(
    A: Array, W: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """Z = Σ_j (S_j A) W[j]."""
    A_pad = pad(A, window)
    terms = (_times(tap(A_pad, window, j), W[j], precision) for j in window.taps())
    return functools.reduce(operator.add, terms)


def conv_dA(
    dZ: Array, W: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """dA = Σ_j S_jᵀ (dZ W[j]ᵀ)."""
    *f, channels, filters = W.shape
    V = _times(dZ, W.reshape(math.prod(f) * channels, filters).T, precision)

    def of_tap(k: int) -> Array:
        return V[..., k * channels : (k + 1) * channels]

    if max(window.stride) == 1:
        return functools.reduce(
            operator.add, (untap(of_tap(k), window, j) for k, j in enumerate(window.taps()))
        )

    def of_phase(_: Array, taps: np.ndarray, over_dZ: Window) -> Array:
        seen = zip(over_dZ.taps(), taps.flat, strict=True)
        return functools.reduce(
            operator.add, (placed(pixels(of_tap(k), over_dZ, j), over_dZ, j) for j, k in seen)
        )

    rotated = np.flip(np.arange(math.prod(f)).reshape(f))
    return interleaving.interleaved(dZ, rotated, window, of_phase)


def conv_dW(
    A: Array, dZ: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """dW[j] = (S_j A)ᵀ dZ, of all pixels in one row: those of three axes XLA on a CPU would transpose first.

    A network's A is computed after dZ, not kept from the forward pass beside the Z of which it is made.
    """
    A_pad, of_pixels = pad(computed_after(dZ, A), window), ((0,), (0,))
    taps = [
        lax.dot_general(
            _rows(tap(A_pad, window, j)),
            _rows(dZ),
            (of_pixels, ((), ())),
            precision=precision,
            preferred_element_type=accumulator(A.dtype),
            out_sharding=sharded_as((A, -1), (dZ, -1)),
        )
        for j in window.taps()
    ]
    return jnp.stack(taps).reshape(*window.size, A.shape[-1], dZ.shape[-1])


def _rows(X: Array) -> Array:
    """X (…, C) as (pixels, C)."""
    return X.reshape(-1, X.shape[-1])


def _times(X: Array, M: Array, precision: lax.PrecisionLike) -> Array:
    """X · M over X's last axis."""
    axes = (((X.ndim - 1,), (0,)), ((), ()))
    return lax.dot_general(X, M, axes, precision=precision, preferred_element_type=accumulator(X.dtype))
