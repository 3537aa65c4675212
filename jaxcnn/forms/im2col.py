"""The three faces as one matrix product each, over patches: im2col and col2im.

P[b,m,(j,c)] = A_pad[b, m·s + j·d, c]      the patches: a row for each window
Z  = P · W        W as a matrix ((j,c), o)     the sense in which the article's W·A is a product (L9)
dW = Pᵀ · dZ
dA = col2im(dZ · Wᵀ)                           each row added back where its window lies
"""

import functools
import operator

import jax.numpy as jnp
from jax import Array, lax

from jaxcnn.forms.windows import (
    accumulator,
    group_kernel,
    join,
    pad,
    split,
    tap,
    ungroup_kernel,
    untap,
)
from jaxcnn.window import Window


def patches(A: Array, window: Window) -> Array:
    """P, (B, *n_out, F, C): for every window what its F taps see, row by row."""
    A_pad = pad(A, window)
    return jnp.stack([tap(A_pad, window, j) for j in window.taps()], axis=-2)


def unpatches(P: Array, window: Window) -> Array:
    """col2im, the adjoint of `patches`: (B, *n_out, F, C) → (B, *n, C), overlaps added."""
    shares = (untap(P[..., flat, :], window, j) for flat, j in enumerate(window.taps()))
    return functools.reduce(operator.add, shares)


def conv(
    A: Array, W: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """Z = P · W."""
    return join(
        jnp.einsum(
            "...jgc,jcgk->...gk",
            split(patches(A, window), groups),
            group_kernel(W, groups),
            precision=precision,
            preferred_element_type=accumulator(A.dtype),
        )
    )


def conv_dA(
    dZ: Array, W: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """dA = col2im(dZ · Wᵀ)."""
    dP = jnp.einsum(
        "...gk,jcgk->...jgc",
        split(dZ, groups),
        group_kernel(W, groups),
        precision=precision,
        preferred_element_type=accumulator(dZ.dtype),
    )
    return unpatches(join(dP), window)


def conv_dW(
    A: Array, dZ: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """dW = Pᵀ · dZ."""
    taps = jnp.einsum(
        "...jgc,...gk->jcgk",
        split(patches(A, window), groups),
        split(dZ, groups),
        precision=precision,
        preferred_element_type=accumulator(A.dtype),
    )
    return ungroup_kernel(taps, window)
