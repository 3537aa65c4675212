"""The logistic function σ with all the digits of its slope, for what is built on it: softplus, gates, losses.

    σ(Z) = 1/(1 + exp(−Z))          S(Z) = σ′(Z), (A.11), (A.4), (A.12): none cancels

`jaxcnn.sigmoid` itself has the slope σ (1 − σ), which takes no second exponential.
"""

import jax
import jax.numpy as jnp
from jax import Array, lax


# (A.11)  σ(Z) = 1/(1 + exp(−Z))          dZ = dA S(Z)
@jax.custom_vjp
@jax.jit
def logistic(Z: Array) -> Array:
    """σ(Z)."""
    return lax.logistic(Z)


def _logistic_fwd(Z: Array):
    return logistic(Z), logistic_slope(Z)


def times_slope(slope: Array, dA: Array):
    """dZ, for the slope g′(Z) that the forward pass of an activation g kept."""
    return (dA * slope,)


# (A.4)  S(Z) = σ(Z) σ(−Z) = e/(1 + e)² with e = exp(−|Z|), where 1 − σ would cancel
#        dZ = dA S′(Z) = −dA S(Z) tanh(Z/2)
@jax.custom_vjp
@jax.jit
def logistic_slope(Z: Array) -> Array:
    """S(Z)."""
    e = jnp.exp(-jnp.abs(Z))
    return e / ((1 + e) * (1 + e))


def _slope_fwd(Z: Array):
    return logistic_slope(Z), Z


def _slope_bwd(Z: Array, dA: Array):
    return (-dA * logistic_slope(Z) * jnp.tanh(Z / 2),)


# (A.12)  σ(−Z) = exp(−Z) σ(Z): beside σ(Z) it takes no other exponential
#         dZ = −dA S(Z)
@jax.custom_vjp
@jax.jit
def logistic_rest(Z: Array) -> Array:
    """1 − σ(Z), which is σ(−Z)."""
    return jnp.where(Z < -64, 1, jnp.exp(-Z) * logistic(Z))  # 1 in every dtype, where exp(−Z) may overflow


def _rest_fwd(Z: Array):
    return logistic_rest(Z), -logistic_slope(Z)


logistic.defvjp(_logistic_fwd, times_slope)
logistic_slope.defvjp(_slope_fwd, _slope_bwd)
logistic_rest.defvjp(_rest_fwd, times_slope)
