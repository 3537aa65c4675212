"""Rectifiers as their definitions, with the derivative from the left at each kink.

A branch of `where` that could overflow gets a harmless argument where it is not taken.
"""

import jax.numpy as jnp


def relu(Z):
    """max(Z, 0), with the derivative from the left at 0."""
    return jnp.where(Z <= 0, 0, Z)


def leaky_relu(Z, negative_slope=0.01):
    """Z, times negative_slope where it is not positive."""
    return jnp.where(Z <= 0, negative_slope * Z, Z)


def relu6(Z):
    """min(max(Z, 0), 6)."""
    return jnp.where(Z > 6, 6, relu(Z))


def elu(Z, alpha=1.0):
    """Z, or alpha (exp(Z) − 1) where it is not positive; near 0, alpha 2 exp(Z/2) sinh(Z/2).

    Not by `expm1`, whose derivative in jax is 1 + expm1(Z) and cancels.
    """
    near = jnp.where(jnp.abs(Z) < 1, Z, 0) / 2
    far = jnp.where(Z < 0, Z, 0)
    falling = jnp.where(Z > -1, 2 * jnp.exp(near) * jnp.sinh(near), jnp.exp(far) - 1)
    return jnp.where(Z <= 0, alpha * falling, Z)


def hardswish(Z):
    """Z relu6(Z + 3)/6; Z or 0 where that is constant."""
    outside = (Z <= -3) | (Z > 3)
    between = jnp.where(outside, 0, Z)
    return jnp.where(outside, relu(Z), between * relu6(between + 3) / 6)
