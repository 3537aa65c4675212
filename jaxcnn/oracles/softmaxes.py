"""Softmax and log-softmax as their definitions, so written that `jax.grad` of them does not cancel."""

import jax.numpy as jnp
from jax import lax


def _from_largest(Z, axis):
    """D = Z − Z[M] for the first largest entry M, and R = Σ_{k≠M} exp(D[k]).

    D[M] is the constant 0 and exp(D[M]) the constant 1, which keeps the derivatives' sums free of
    terms that cancel.
    """
    at_M = lax.broadcasted_iota(jnp.int32, Z.shape, axis) == jnp.expand_dims(
        lax.argmax(Z, axis, jnp.int32), axis
    )
    D = Z - jnp.sum(jnp.where(at_M, Z, 0), axis, keepdims=True)
    fixed = at_M & jnp.isfinite(Z)
    D = jnp.where(fixed, 0, D)
    return D, jnp.sum(jnp.where(fixed, 0, jnp.exp(D)), axis, keepdims=True)


def softmax(Z, axis=-1):
    """exp(Z[k]) / Σ_j exp(Z[j]), both divided by exp(Z[M])."""
    D, R = _from_largest(Z, axis % Z.ndim)
    return jnp.exp(D) / (1 + R)


def log_softmax(Z, axis=-1):
    """Z[k] − log Σ_j exp(Z[j])."""
    D, R = _from_largest(Z, axis % Z.ndim)
    return D - jnp.log1p(R)
