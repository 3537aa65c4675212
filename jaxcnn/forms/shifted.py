"""The three faces as a sum over kernel taps: shift, multiply, add.

    Z     = Σ_j (S_j A) W[j]            conv
    dA    = Σ_j S_jᵀ (dZ W[j]ᵀ)         conv_dA
    dW[j] = (S_j A)ᵀ dZ                 conv_dW

with S_j of `jaxcnn.forms.windows`. Few channels make this the fastest form on a CPU.
"""

import functools
import operator

import jax.numpy as jnp
from jax import Array, lax

from jaxcnn._sharding import sharded_as
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


def conv(
    A: Array, W: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """Z = Σ_j (S_j A) W[j]."""
    A_pad, taps = pad(A, window), group_kernel(W, groups)
    terms = (
        jnp.einsum(
            "...gc,cgk->...gk",
            split(tap(A_pad, window, j), groups),
            taps[flat],
            precision=precision,
            preferred_element_type=accumulator(A.dtype),
        )
        for flat, j in enumerate(window.taps())
    )
    return join(functools.reduce(operator.add, terms))


def conv_dA(
    dZ: Array, W: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """dA = Σ_j S_jᵀ (dZ W[j]ᵀ)."""
    by_group, taps = split(dZ, groups), group_kernel(W, groups)
    shares = (
        jnp.einsum(
            "...gk,cgk->...gc",
            by_group,
            taps[flat],
            precision=precision,
            preferred_element_type=accumulator(dZ.dtype),
        )
        for flat, _ in enumerate(window.taps())
    )
    placed = (untap(join(share), window, j) for j, share in zip(window.taps(), shares, strict=True))
    return functools.reduce(operator.add, placed)


def conv_dW(
    A: Array, dZ: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """dW[j] = (S_j A)ᵀ dZ."""
    A_pad, by_group = pad(A, window), split(dZ, groups)
    sharding = sharded_as((split(A, groups), -1), (by_group, -2), (by_group, -1))
    taps = [
        jnp.einsum(
            "...gc,...gk->cgk",
            split(tap(A_pad, window, j), groups),
            by_group,
            precision=precision,
            preferred_element_type=accumulator(A.dtype),
            out_sharding=sharding,
        )
        for j in window.taps()
    ]
    return ungroup_kernel(jnp.stack(taps), window)
