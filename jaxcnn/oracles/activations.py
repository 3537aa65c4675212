"""Activations as their definitions, written so that what `jax.grad` makes of them is accurate everywhere.

No `jax.nn`, whose functions carry rules of their own, and no primitive whose derivative in jax cancels
(1 − tanh², 1 − σ) where that matters. A branch of `where` that could overflow gets a harmless argument.
"""

import jax
import jax.numpy as jnp
from jax import lax


def relu(Z):
    """max(Z, 0), with the derivative from the left at 0."""
    return jnp.where(Z <= 0, 0, Z)


def leaky_relu(Z, negative_slope=0.01):
    """Z, times negative_slope where it is not positive."""
    return jnp.where(Z <= 0, negative_slope * Z, Z)


def _halves(Z):
    """exp(−Z) for Z > 0, and exp(Z) for the others: neither overflows."""
    return jnp.exp(-jnp.where(Z > 0, Z, 0)), jnp.exp(jnp.where(Z > 0, 0, Z))


def sigmoid(Z):
    """1/(1 + exp(−Z)) = exp(Z)/(1 + exp(Z))."""
    falling, rising = _halves(Z)
    return jnp.where(Z > 0, 1 / (1 + falling), rising / (1 + rising))


def tanh(Z):
    """tanh near 0, and 1 − 2σ(−2Z), odd, away from it."""
    near = jnp.abs(Z) < 1
    far = jnp.where(near, 1, Z)
    return jnp.where(
        near, lax.tanh(jnp.where(near, Z, 0)), jnp.sign(far) * (1 - 2 * sigmoid(-2 * jnp.abs(far)))
    )


def softplus(Z):
    """log(1 + exp(Z)) = Z + log(1 + exp(−Z))."""
    falling, rising = _halves(Z)
    return jnp.where(Z > 0, Z + jnp.log1p(falling), jnp.log1p(rising))


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


def activation_dZ(g, Z, dA, **keywords):
    """The cotangent of Z, by `jax.vjp` of one of the definitions above."""
    return jax.vjp(lambda Z: g(Z, **keywords), Z)[1](dA)[0]
