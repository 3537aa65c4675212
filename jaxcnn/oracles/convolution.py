"""Convolution as its definition: a sum over kernel taps of shifted, strided slices.

`jax.grad` of this is safe on every geometry; `jax.grad` of `lax.conv_general_dilated` is not (it can abort
the process, see `jaxcnn.forms.correlation`).
"""

import itertools
import math

import jax
import jax.numpy as jnp
from jax import lax

FILLED = {"CIRCULAR": "wrap", "REFLECT": "reflect"}


def pairs(padding, n, f, s, d):
    """The (low, high) pairs that a padding means, on each axis."""
    e = [dd * (ff - 1) + 1 for ff, dd in zip(f, d, strict=True)]
    if isinstance(padding, int):
        return [(padding, padding)] * len(n)
    if padding == "FULL":
        return [(span - 1, span - 1) for span in e]
    if padding == "CAUSAL":
        return [(span - 1, 0) for span in e]
    if isinstance(padding, str) and padding in FILLED:
        padding = "SAME"
    if isinstance(padding, str):
        return lax.padtype_to_pads(n, e, s, padding)
    return [tuple(pair) for pair in padding]


def each(value, rank):
    """One entry an axis."""
    return (value,) * rank if isinstance(value, int) else tuple(value)


def slices(A, f, *, stride=1, padding="VALID", dilation=1, border=0.0):
    """For each tap j in row-major order: A_pad at m·s + j·d for all m. A is (B, *n, C)."""
    rank = len(f)
    n, s, d = A.shape[1:-1], each(stride, rank), each(dilation, rank)
    edges = [(0, 0), *pairs(padding, n, f, s, d), (0, 0)]
    if isinstance(padding, str) and padding in FILLED:
        A = jnp.pad(A, edges, mode=FILLED[padding])
    else:
        A = lax.pad(A, jnp.asarray(border, A.dtype), [(p, q, 0) for p, q in edges])
    for j in itertools.product(*map(range, f)):
        picks = []
        for a in range(rank):
            m = (A.shape[1 + a] - d[a] * (f[a] - 1) - 1) // s[a]
            picks.append(slice(j[a] * d[a], j[a] * d[a] + m * s[a] + 1, s[a]))
        yield A[(slice(None), *picks)]


def conv(A, W, b=None, *, stride=1, padding="VALID", dilation=1, groups=1):
    """Z[m,o] = Σ_{j,c} A_pad[m·s + j·d, c] W[j,c,o] + b[o]."""
    rank = W.ndim - 2
    if A.ndim == rank + 1:
        return conv(A[None], W, b, stride=stride, padding=padding, dilation=dilation, groups=groups)[0]
    f, (c, k) = W.shape[:rank], W.shape[rank:]
    taps = W.reshape(math.prod(f), c, groups, k // groups)
    Z = sum(
        jnp.einsum("...gc,cgk->...gk", piece.reshape(*piece.shape[:-1], groups, c), tap)
        for piece, tap in zip(
            slices(A, f, stride=stride, padding=padding, dilation=dilation), taps, strict=True
        )
    )
    Z = Z.reshape(*Z.shape[:-2], k)
    return Z if b is None else Z + jnp.broadcast_to(b, Z.shape)


def conv_dA(dZ, W, *, input_size, groups=1, **window):
    """The cotangent of A, by `jax.vjp` of `conv`."""
    rank = W.ndim - 2
    batch = dZ.shape[: dZ.ndim - rank - 1]
    A = jnp.zeros((*batch, *each(input_size, rank), W.shape[-2] * groups), dZ.dtype)
    return jax.vjp(lambda A: conv(A, W, groups=groups, **window), A)[1](dZ)[0]


def conv_dW(A, dZ, *, kernel_size, groups=1, **window):
    """The cotangent of W, by `jax.vjp` of `conv`."""
    W = jnp.zeros((*kernel_size, A.shape[-1] // groups, dZ.shape[-1]), A.dtype)
    return jax.vjp(lambda W: conv(A, W, groups=groups, **window), W)[1](dZ)[0]


def conv_db(dZ):
    """The cotangent of b, by `jax.vjp` of Z + b."""
    b = jnp.zeros(dZ.shape[-1:], dZ.dtype)
    return jax.vjp(lambda b: jnp.zeros_like(dZ) + jnp.broadcast_to(b, dZ.shape), b)[1](dZ)[0]


def convolve(f, h, mode="full"):
    """G[m] = Σ_j h[j] f[m − j], by shifting f once for each j; then the part that `mode` asks for."""
    full = [n + k - 1 for n, k in zip(f.shape, h.shape, strict=True)]
    G = sum(
        h[j]
        * lax.pad(
            f,
            jnp.zeros((), f.dtype),
            [(jj, size - n - jj, 0) for jj, size, n in zip(j, full, f.shape, strict=True)],
        )
        for j in itertools.product(*map(range, h.shape))
    )
    match mode:
        case "full":
            return G
        case "same":
            return G[
                tuple(slice((k - 1) // 2, (k - 1) // 2 + n) for n, k in zip(f.shape, h.shape, strict=True))
            ]
    return G[tuple(slice(k - 1, n) for n, k in zip(f.shape, h.shape, strict=True))]
