"""Convolution, its dA, dW and db as the article's formulas read, with what it leaves out said.

A (B, *n, C), W (*f, C, K), b (K,), Z and dZ (B, *n_out, K). Inside the loops `A[:, *i] @ W[j]` sums over the
channels, for all examples and filters at once.
"""

import itertools

import numpy as np

from jaxcnn.loops.window import output_size, walk


def convolve(f, h):
    """G[m] = Σ_j h[j] f[m − j], f zero outside: the true convolution, full size n + f − 1 (L1)."""
    G = np.zeros([n + k - 1 for n, k in zip(f.shape, h.shape, strict=True)])
    for m in itertools.product(*map(range, G.shape)):
        for j in itertools.product(*map(range, h.shape)):
            i = tuple(m[a] - j[a] for a in range(f.ndim))
            if all(0 <= i[a] < f.shape[a] for a in range(f.ndim)):
                G[m] += h[j] * f[i]
    return G


def rot180(W, rank):
    """The kernel rotated by 180°: its first `rank` axes reversed."""
    return np.flip(W, tuple(range(rank)))


def conv(A, W, *, s, p, d):
    """Z[m] = Σ_j A_pad[m·s + j·d] W[j]: place the kernel, multiply, sum (figures 3 and 7; L9 without b)."""
    n, f = A.shape[1:-1], W.shape[:-2]
    Z = np.zeros((A.shape[0], *output_size(n, f, s, p, d), W.shape[-1]))
    for m, j, i in walk(n, f, s, p, d):
        Z[:, *m] += A[:, *i] @ W[j]
    return Z


def conv_dA(dZ, W, *, n, s, p, d):
    """dA_pad[m·s : m·s + e : d] += Σ_o W[…,o] dZ[m,o] for every m, then the border is cropped (L13).

    The slice, the range 0 ≤ m < n_out and the crop are what the article leaves out. p, q ≥ 0.
    """
    axes, f = range(len(n)), W.shape[:-2]
    dA_pad = np.zeros((dZ.shape[0], *(n[a] + sum(p[a]) for a in axes), W.shape[-2]))
    for m in itertools.product(*map(range, dZ.shape[1:-1])):
        window = tuple(slice(m[a] * s[a], m[a] * s[a] + (f[a] - 1) * d[a] + 1, d[a]) for a in axes)
        dA_pad[:, *window] += np.einsum("...co,bo->b...c", W, dZ[:, *m])
    return dA_pad[:, *(slice(p[a][0], p[a][0] + n[a]) for a in axes)]


def conv_dA_sum(dZ, W):
    """Σ_m Σ_o W[…,o] dZ[m,o]: L13 to the letter, no slice."""
    return sum(
        np.einsum("...co,bo->b...c", W, dZ[:, *m]) for m in itertools.product(*map(range, dZ.shape[1:-1]))
    )


def spread(dZ, s):
    """dZ with s − 1 zeros between neighbours."""
    sizes = [(m - 1) * step + 1 for m, step in zip(dZ.shape[1:-1], s, strict=True)]
    wide = np.zeros((dZ.shape[0], *sizes, dZ.shape[-1]))
    wide[:, *(slice(None, None, step) for step in s)] = dZ
    return wide


def conv_dA_full(
    dZ,
    W,
    *,
    n,
    s,
    p,
    d,
    spreading=True,
    remainder=True,
    rotation=True,
    swap=True,
    crop="slice",
):
    """dA = full correlation of dZ with rot180(W), its channel axes swapped (L14, figure 11).

    Each keyword is one thing that the article's sentence says or leaves out; the defaults are right.

    Args:
        dZ, W, n, s, p, d: as in `conv_dA`.
        spreading: put s − 1 zeros between the elements of dZ.
        remainder: extend dZ by the r = (n + p + q − e) mod s padded pixels that no window reached.
        rotation: rotate W.
        swap: exchange W's channels and filters.
        crop: "slice" keeps [p : p + n], "sides" cuts p and q off the two ends, "none" keeps everything.
    """
    axes, f = range(len(n)), W.shape[:-2]
    e = [(f[a] - 1) * d[a] + 1 for a in axes]
    if spreading:
        dZ = spread(dZ, s)
    if remainder:
        r = [(n[a] + sum(p[a]) - e[a]) % s[a] for a in axes]
        dZ = np.pad(dZ, [(0, 0), *((0, r[a]) for a in axes), (0, 0)])
    if rotation:
        W = rot180(W, len(n))
    if swap:
        W = W.swapaxes(-2, -1)
    full = conv(dZ, W, s=(1,) * len(n), p=[(e[a] - 1, e[a] - 1) for a in axes], d=d)
    match crop:
        case "slice":
            return full[:, *(slice(p[a][0], p[a][0] + n[a]) for a in axes)]
        case "sides":
            return full[:, *(slice(p[a][0], full.shape[1 + a] - p[a][1]) for a in axes)]
    return full


def conv_dW(A, dZ, *, f, s, p, d):
    """dW[j,c,o] = Σ_{b,m} A_pad[b, m·s + j·d, c] dZ[b,m,o] (L15)."""
    dW = np.zeros((*f, A.shape[-1], dZ.shape[-1]))
    for m, j, i in walk(A.shape[1:-1], f, s, p, d):
        dW[j] += A[:, *i].T @ dZ[:, *m]
    return dW


def conv_dW_correlation(A, dZ, *, f, s, p, d, crop=True):
    """dW = A correlated with dZ, whose elements lie s apart, in steps of d, cropped to f (L15).

    A's channels play the batch and the batch plays the channels. Without `crop` the r padded
    pixels that no window reached add r // d rows.
    """
    wide = conv(A.swapaxes(0, -1), np.moveaxis(dZ, 0, -2), s=d, p=p, d=s)
    dW = np.moveaxis(wide, 0, -2)
    return dW[tuple(map(slice, f))] if crop else dW


def conv_db(dZ):
    """db[o] = Σ_{b,m} dZ[b,m,o]: batch and space, no 1/B (L16)."""
    db = np.zeros(dZ.shape[-1])
    for m in itertools.product(*map(range, dZ.shape[:-1])):
        db += dZ[m]
    return db
