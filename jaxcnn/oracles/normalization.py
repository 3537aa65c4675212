"""Normalisations as their definitions: the textbook formulas, differentiated through their statistics."""

import jax.numpy as jnp


def _statistics(A, axes):
    mean = jnp.mean(A, axes, keepdims=True)
    return mean, jnp.mean((A - mean) ** 2, axes, keepdims=True)


def _standard(A, axes, epsilon):
    mean, variance = _statistics(A, axes)
    return (A - mean) / jnp.sqrt(variance + epsilon)


def _affine(Z, gamma, beta):
    Z = Z if gamma is None else Z * jnp.broadcast_to(gamma, Z.shape)
    return Z if beta is None else Z + jnp.broadcast_to(beta, Z.shape)


def batch_norm(A, gamma=None, beta=None, *, epsilon=1e-5):
    """Over all axes but the channels; with the mean and the variance."""
    mean, variance = _statistics(A, tuple(range(A.ndim - 1)))
    Z = _affine((A - mean) / jnp.sqrt(variance + epsilon), gamma, beta)
    return Z, mean.reshape(-1), variance.reshape(-1)


def batch_norm_inference(A, gamma, beta, mean, variance, *, epsilon=1e-5):
    """With mean and variance given."""
    mean, variance = (jnp.broadcast_to(X, A.shape) for X in (mean, variance))
    return _affine((A - mean) / jnp.sqrt(variance + epsilon), gamma, beta)


def layer_norm(A, gamma=None, beta=None, *, epsilon=1e-5):
    """Over the channels."""
    return _affine(_standard(A, -1, epsilon), gamma, beta)


def instance_norm(A, gamma=None, beta=None, *, epsilon=1e-5):
    """Over space."""
    return _affine(_standard(A, tuple(range(1, A.ndim - 1)), epsilon), gamma, beta)


def group_norm(A, gamma=None, beta=None, *, groups, epsilon=1e-5):
    """Each group of channels on its own, as a layer norm over its pixels and channels."""
    everything = tuple(range(1, A.ndim))
    pieces = [_standard(piece, everything, epsilon) for piece in jnp.split(A, groups, -1)]
    return _affine(jnp.concatenate(pieces, -1), gamma, beta)


def rms_norm(A, gamma=None, *, epsilon=1e-5):
    """A over its root mean square."""
    return _affine(A / jnp.sqrt(jnp.mean(A**2, -1, keepdims=True) + epsilon), gamma, None)
