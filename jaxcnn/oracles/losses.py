"""Losses as their definitions."""

import jax.numpy as jnp
from jax import lax

from jaxcnn.oracles.activations import softplus
from jaxcnn.oracles.softmaxes import log_softmax


def softmax_cross_entropy(Z, t, *, weights=None, label_smoothing=0.0):
    """−Σ_k T[k] log softmax(Z)[k]; t: labels or masses. An impossible class without mass adds nothing."""
    if jnp.issubdtype(t.dtype, jnp.integer):
        label = t.astype(jnp.int32)[..., None]
        chosen = (lax.broadcasted_iota(jnp.int32, Z.shape, Z.ndim - 1) == label).astype(Z.dtype)
        t = jnp.where((label < 0) | (label >= Z.shape[-1]), jnp.nan, chosen)
    T = (1 - label_smoothing) * t + label_smoothing / Z.shape[-1]
    T = T if weights is None else T * jnp.broadcast_to(weights, T.shape)
    log_y = log_softmax(Z)
    return -jnp.sum(T * jnp.where((T == 0) & jnp.isneginf(log_y), 0, log_y), axis=-1)


def squared_error(A, t):
    """(A − t)²."""
    return (A - t) ** 2


def binary_cross_entropy_with_logits(Z, t):
    """The two surprisals, weighted by t and 1 − t."""
    return t * softplus(-Z) + (1 - t) * softplus(Z)


def huber(A, t, delta=1.0):
    """Half the square near 0, the absolute value further off."""
    D = jnp.abs(A - t)
    return jnp.where(delta >= D, 0.5 * (A - t) ** 2, delta * (D - 0.5 * delta))
