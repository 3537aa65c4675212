"""Activations g and their derivatives g′, as the backward formula dZ = dA * g′(Z) needs them (L12).

Each g also accepts complex input, so that it can be differentiated by a complex step.
"""

import numpy as np


def relu(Z):
    """max(Z, 0)."""
    return Z * (Z.real > 0)


def relu_slope(Z):
    """1 above 0, else 0: relu′(0) = 0 is a convention."""
    return (Z > 0).astype(float)


def sigmoid(Z):
    """1 / (1 + e^−Z)."""
    return 1 / (1 + np.exp(-Z))


def sigmoid_slope(Z):
    """σ(Z) (1 − σ(Z))."""
    return sigmoid(Z) * (1 - sigmoid(Z))


def tanh(Z):
    """tanh Z."""
    return np.tanh(Z)


def tanh_slope(Z):
    """1 − tanh² Z."""
    return 1 - np.tanh(Z) ** 2


def softmax(Z):
    """e^Z / Σ e^Z over the last axis."""
    powers = np.exp(Z - Z.real.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def softmax_slope(Z):
    """y (1 − y): the diagonal of softmax's Jacobian, all of it that L12 can use."""
    return softmax(Z) * (1 - softmax(Z))


def activation_dZ(slope, Z, dA):
    """dZ = dA * g′(Z), element by element (L12)."""
    return dA * slope(Z)
