"""Pools over the taps of a window: the first maximum and its position, the sum, and their adjoints.

With S_j of `jaxcnn.forms.windows`, all over canonical arrays (B, *n, C):

    first maximum   Z = max_j S_j A,   k = the first j that reaches it
    pick            Z = Σ_j [k = j] S_j A          (linear in A once k is known)
    place           dA = Σ_j S_jᵀ [k = j] dZ       (its adjoint: windows that overlap add up)
    total           Z = Σ_j S_j A
    spread          dA = Σ_j S_jᵀ dZ               (its adjoint)

The position of the maximum is one small unsigned integer a window. Keeping it makes the backward pass
a sum of masked shifts, where XLA's select-and-scatter would search every window again.
"""

import functools
import math
import operator

import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxcnn.forms.windows import accumulator, pad, tap, untap
from jaxcnn.window import Window


def taps(window: Window) -> int:
    """The number of taps of a window, f_0·f_1·…"""
    return math.prod(window.size)


def index_dtype(window: Window) -> np.dtype:
    """The smallest unsigned integer that holds every flat tap index; the same on every platform."""
    return np.min_scalar_type(taps(window) - 1)


def inside_count(window: Window) -> np.ndarray:
    """How many taps of each window see a pixel rather than the padding: (*n_out, 1)."""
    counts = (np.sum(window.inside(axis), axis=1) for axis in range(window.rank))
    return functools.reduce(np.multiply.outer, counts)[..., None]


def _first_inside(window: Window) -> np.ndarray:
    """The first flat tap of each window that sees a pixel: (*n_out, 1)."""
    first = np.zeros((), int)
    for axis in range(window.rank):
        along = np.argmax(window.inside(axis), axis=1)
        first = first[..., None] * window.size[axis] + along
    return first[..., None]


def first_max(A: Array, window: Window) -> tuple[Array, Array]:
    """Z and k: the maximum of each window and the flat tap of the first pixel that reaches it.

    A NaN counts as the greatest value, so the first NaN of a window wins. The padding never wins, not
    even against pixels of −inf.
    """
    A_pad = pad(A, window, -jnp.inf)
    dtype = index_dtype(window)
    best = jnp.full_like(tap(A_pad, window, (0,) * window.rank), -jnp.inf)
    first = jnp.broadcast_to(jnp.asarray(_first_inside(window), dtype), best.shape)
    index = jnp.zeros_like(best, dtype) + first  # sharded as A is
    for flat, j in enumerate(window.taps()):
        value = tap(A_pad, window, j)
        wins = (value > best) | (jnp.isnan(value) & ~jnp.isnan(best))
        best = jnp.where(wins, value, best)
        index = jnp.where(wins, jnp.asarray(flat, dtype), index)
    return best, index


def pick(index: Array, A: Array, window: Window) -> Array:
    """Z = Σ_j [k = j] S_j A."""
    A_pad = pad(A, window)
    Z = jnp.zeros_like(index, A.dtype)
    for flat, j in enumerate(window.taps()):
        Z = jnp.where(_is(index, flat), tap(A_pad, window, j), Z)
    return Z


def place(index: Array, dZ: Array, window: Window) -> Array:
    """dA = Σ_j S_jᵀ [k = j] dZ."""
    wide = dZ.astype(accumulator(dZ.dtype))
    shares = (
        untap(jnp.where(_is(index, flat), wide, jnp.zeros((), wide.dtype)), window, j)
        for flat, j in enumerate(window.taps())
    )
    return functools.reduce(operator.add, shares)


def total(A: Array, window: Window) -> Array:
    """Z = Σ_j S_j A, the padding counting zero."""
    A_pad = pad(A.astype(accumulator(A.dtype)), window)
    return functools.reduce(operator.add, (tap(A_pad, window, j) for j in window.taps()))


def spread(dZ: Array, window: Window) -> Array:
    """dA = Σ_j S_jᵀ dZ."""
    wide = dZ.astype(accumulator(dZ.dtype))
    return functools.reduce(operator.add, (untap(wide, window, j) for j in window.taps()))


def _is(index: Array, flat: int) -> Array:
    return index == jnp.asarray(flat, index.dtype)
