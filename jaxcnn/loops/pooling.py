"""Pooling and its backward pass as the article describes them: figures 12 and 13, L17–L19.

A (B, *n, C), window size f, Z and dZ (B, *n_out, C). Examples and channels are independent, so every line
treats all of them at once.
"""

import numpy as np

from jaxcnn.loops.window import output_size, walk


def max_pool(A, f, *, s, p, d):
    """Z[m] = max_j A[m·s + j·d − p], and the tap that was the maximum: the mask, one entry a window.

    The tap is its row-major number. The first of several equal maxima counts; a NaN is larger than every
    number.
    """
    n = A.shape[1:-1]
    Z = np.full((A.shape[0], *output_size(n, f, s, p, d), A.shape[-1]), -np.inf)
    index = np.zeros(Z.shape, int)
    for m, j, i in walk(n, f, s, p, d):
        better = (A[:, *i] > Z[:, *m]) | (np.isnan(A[:, *i]) & ~np.isnan(Z[:, *m]))
        Z[:, *m] = np.where(better, A[:, *i], Z[:, *m])
        index[:, *m] = np.where(better, np.ravel_multi_index(j, f), index[:, *m])
    return Z, index


def max_pool_dA(index, dZ, *, n, f, s, p, d):
    """dA[i] += dZ[m] where pixel i was the maximum of window m (L18)."""
    dA = np.zeros((dZ.shape[0], *n, dZ.shape[-1]))
    for m, j, i in walk(n, f, s, p, d):
        dA[:, *i] += dZ[:, *m] * (index[:, *m] == np.ravel_multi_index(j, f))
    return dA


def max_pool_dA_pixels(A, dZ, *, f, s, p, d):
    """dA[i] = dZ[m] wherever A[i] equals the maximum of its region: L18 with one mask over the pixels."""
    n = A.shape[1:-1]
    Z, _ = max_pool(A, f, s=s, p=p, d=d)
    dA = np.zeros(A.shape)
    for m, _, i in walk(n, f, s, p, d):
        dA[:, *i] = np.where(A[:, *i] == Z[:, *m], dZ[:, *m], dA[:, *i])
    return dA


def counts(n, f, *, s, p, d, count_padding):
    """What an average divides by, one number a window: the window's taps, or those that see a pixel."""
    size = output_size(n, f, s, p, d)
    if count_padding:
        return np.full((*size, 1), float(np.prod(f)))
    count = np.zeros((*size, 1))
    for m, _, _ in walk(n, f, s, p, d):
        count[m] += 1
    return count


def avg_pool(A, f, *, s, p, d, count_padding=False):
    """Z[m] = Σ_j A[m·s + j·d − p] / count[m]."""
    n = A.shape[1:-1]
    Z = np.zeros((A.shape[0], *output_size(n, f, s, p, d), A.shape[-1]))
    for m, _, i in walk(n, f, s, p, d):
        Z[:, *m] += A[:, *i]
    return Z / counts(n, f, s=s, p=p, d=d, count_padding=count_padding)


def avg_pool_dA(dZ, *, n, f, s, p, d, count_padding=False):
    """dA[i] += dZ[m] / count[m] for every pixel i of window m: no mask (L19)."""
    share = dZ / counts(n, f, s=s, p=p, d=d, count_padding=count_padding)
    dA = np.zeros((dZ.shape[0], *n, dZ.shape[-1]))
    for m, _, i in walk(n, f, s, p, d):
        dA[:, *i] += share[:, *m]
    return dA


def lp_pool(A, f, *, s, p, d, order):
    """Z[m] = (Σ_j |A[m·s + j·d − p]|^order)^(1/order)."""
    n = A.shape[1:-1]
    Z = np.zeros((A.shape[0], *output_size(n, f, s, p, d), A.shape[-1]))
    for m, _, i in walk(n, f, s, p, d):
        Z[:, *m] += np.abs(A[:, *i]) ** order
    return Z ** (1 / order)


def lp_pool_dA(A, dZ, *, f, s, p, d, order, at_kink=0.0):
    """dA[i] += sign(A[i]) (|A[i]| / Z[m])^(order − 1) dZ[m] (L19).

    Without a derivative, where a window is all zeros or, for order 1, at any zero, `at_kink` takes its place.
    """
    Z = lp_pool(A, f, s=s, p=p, d=d, order=order)
    dA = np.zeros(A.shape)
    for m, _, i in walk(A.shape[1:-1], f, s, p, d):
        kink = (A[:, *i] if order == 1 else Z[:, *m]) == 0
        ratio = np.abs(A[:, *i]) / np.where(Z[:, *m] == 0, 1, Z[:, *m])
        dA[:, *i] += np.where(kink, at_kink, np.sign(A[:, *i]) * ratio ** (order - 1)) * dZ[:, *m]
    return dA
