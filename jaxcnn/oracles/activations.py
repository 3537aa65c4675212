"""Activations as their definitions, written so that what `jax.grad` makes of them is accurate everywhere.

No `jax.nn`, whose functions carry rules of their own, and no primitive whose derivative in jax cancels where
that matters: 1 − tanh² and 1 − σ at saturation, σ″ near 0. A branch of `where` that could overflow
gets a harmless argument where it is not taken.
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


def _parts(Z):
    """Whether Z is near 0, then Z, −|Z| and the sign of Z, each harmless where it is not used."""
    near = jnp.abs(Z) < 1
    far = jnp.where(near, 1, Z)
    return near, jnp.where(near, Z, 0), -jnp.abs(far), jnp.sign(far)


def sigmoid(Z):
    """1/(1 + exp(−Z)) = exp(Z)/(1 + exp(Z)); near 0, (1 + tanh(Z/2))/2."""
    near, Z, falling, sign = _parts(Z)
    e = jnp.exp(falling)
    far = jnp.where(sign > 0, 1 / (1 + e), e / (1 + e))
    return jnp.where(near, (1 + jnp.sinh(Z / 2) / jnp.cosh(Z / 2)) / 2, far)


def tanh(Z):
    """sinh/cosh; away from 0, ±(1 − 2 exp(∓2Z)/(1 + exp(∓2Z)))."""
    near, Z, falling, sign = _parts(Z)
    e = jnp.exp(2 * falling)
    return jnp.where(near, jnp.sinh(Z) / jnp.cosh(Z), sign * (1 - 2 * e / (1 + e)))


def softplus(Z):
    """log(1 + exp(Z)) = Z + log(1 + exp(−Z)); near 0, Z/2 + log(2 cosh(Z/2))."""
    near, small, falling, sign = _parts(Z)
    far = jnp.where(sign > 0, -falling, 0) + jnp.log1p(jnp.exp(falling))
    return jnp.where(near, small / 2 + jnp.log(2 * jnp.cosh(small / 2)), far)


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
