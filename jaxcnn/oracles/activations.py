"""Smooth activations as their definitions, so written that what `jax.grad` makes of them is accurate.

No `jax.nn`, whose functions carry rules of their own, and no primitive whose derivative in jax cancels where
that matters: 1 − tanh² and 1 − σ at saturation, σ″ near 0. A branch of `where` that could overflow
gets a harmless argument where it is not taken.
"""

import math

import jax
import jax.numpy as jnp
from jax import lax


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


def _times_gate(Z, gate):
    """Z gate(Z) for a gate that goes from 0 to 1, also where Z is infinite."""
    finite = jnp.where(jnp.isinf(Z), 0, Z)
    return jnp.where(jnp.isinf(Z), jnp.where(Z > 0, Z, 0), finite * gate(finite))


def silu(Z):
    """Z σ(Z)."""
    return _times_gate(Z, sigmoid)


def gelu(Z, approximate=False):
    """Z Φ(Z), or Z (1 + tanh(u))/2 as Z σ(2u), which does not cancel."""

    def by_tanh(Z):
        Z = jnp.clip(Z, -50, 50)
        return sigmoid(2 * math.sqrt(2 / math.pi) * (Z + 0.044715 * Z**3))

    return _times_gate(Z, by_tanh if approximate else lambda Z: lax.erfc(-Z * math.sqrt(1 / 2)) / 2)


def mish(Z):
    """Z tanh(softplus(Z)), the gate as (p² − 1)/(p² + 1) of p = 1 + exp(Z)."""

    def gate(Z):
        e = jnp.exp(-jnp.abs(Z))
        rising = e * (e + 2) / (e * (e + 2) + 2)
        return jnp.where(Z < 0, rising, 1 - 2 * e * e / (1 + 2 * e + 2 * e * e))

    return _times_gate(Z, gate)


def glu(Z, axis=-1):
    """The first half along the axis times σ of the second."""
    U, V = jnp.split(Z, 2, axis)
    return U * sigmoid(V)


def activation_dZ(g, Z, dA, **keywords):
    """The cotangent of Z, by `jax.vjp` of the definition g."""
    return jax.vjp(lambda Z: g(Z, **keywords), Z)[1](dA)[0]
