"""Softmax followed by cross-entropy, Z and t (B, classes); L20. Both also accept complex input."""

import numpy as np

from jaxcnn.loops.activations import softmax


def softmax_cross_entropy(Z, t, *, clip=0.0):
    """−Σ_k t[k] log y[k], y = softmax(Z) kept within [clip, 1 − clip]; one loss an example."""
    y = softmax(Z)
    y = np.where(y.real < clip, clip, np.where(y.real > 1 - clip, 1 - clip, y))
    return -(t * np.log(y)).sum(-1)


def softmax_cross_entropy_dZ(Z, t):
    """dZ = y − t: the formula in use (L20)."""
    return softmax(Z) - t
