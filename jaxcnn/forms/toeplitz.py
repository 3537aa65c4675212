"""The three faces by the layer's matrix T (article "Connections cutting", figure 9; L10).

    vec Z = T vec A,   T[(m,o),(i,c)] = Σ_j [m·s + j·d − p = i] W[j,c,o]

T is sparse (a window sees f of n pixels) and shares its values along diagonals: the two properties
that the article draws. dA = Tᵀ dZ, and dW collects the entries of dZ ⊗ A that share a weight.
It costs n_out × n numbers for each pair of channels: a form to look at, not to train with.
"""

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxcnn.forms.windows import accumulator, group_kernel, join, pixel_index, split, ungroup_kernel
from jaxcnn.window import Window


def selection(window: Window) -> np.ndarray:
    """S[j,m,i] = 1 where tap j of window m sees pixel i, else 0; flat indices."""
    pixels = np.arange(int(np.prod(window.input_size)))
    return np.transpose(pixel_index(window)[..., None] == pixels, (1, 0, 2)).astype(np.uint8)


def matrix(W: Array, window: Window) -> Array:
    """T for one group, (n_out, K, n, C): Σ_j S[j] ⊗ W[j]ᵀ."""
    S = jnp.asarray(selection(window), W.dtype)
    return jnp.einsum("jmi,jck->mkic", S, W.reshape(S.shape[0], *W.shape[-2:]))


def conv(
    A: Array, W: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """vec Z = T vec A."""
    Z = jnp.einsum(
        "mkgic,bigc->bmgk",
        _grouped_matrix(W, window, groups),
        split(_flat(A), groups),
        precision=precision,
        preferred_element_type=accumulator(A.dtype),
    )
    return join(Z).reshape(A.shape[0], *window.output_size, W.shape[-1])


def conv_dA(
    dZ: Array, W: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """vec dA = Tᵀ vec dZ."""
    dA = jnp.einsum(
        "mkgic,bmgk->bigc",
        _grouped_matrix(W, window, groups),
        split(_flat(dZ), groups),
        precision=precision,
        preferred_element_type=accumulator(dZ.dtype),
    )
    return join(dA).reshape(dZ.shape[0], *window.input_size, groups * W.shape[-2])


def conv_dW(
    A: Array, dZ: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """dW[j,c,o] = Σ_{b,m,i} S[j,m,i] A[b,i,c] dZ[b,m,o]."""
    taps = jnp.einsum(
        "jmi,bigc,bmgk->jcgk",
        jnp.asarray(selection(window), A.dtype),
        split(_flat(A), groups),
        split(_flat(dZ), groups),
        precision=precision,
        preferred_element_type=accumulator(A.dtype),
    )
    return ungroup_kernel(taps, window)


def _grouped_matrix(W: Array, window: Window, groups: int) -> Array:
    """T of every group, (n_out, K/G, G, n, C/G)."""
    S = jnp.asarray(selection(window), W.dtype)
    return jnp.einsum("jmi,jcgk->mkgic", S, group_kernel(W, groups))


def _flat(A: Array) -> Array:
    """(B, *n, C) as (B, n_0·n_1·…, C)."""
    return A.reshape(A.shape[0], -1, A.shape[-1])
