"""Smooth activations by hand: A = g(Z) and the cotangent dZ = dA ⊙ g′(Z); and L12 over all activations.

    Z  before the activation          A  after it, of Z's shape          dX the cotangent ∂L/∂X of X

The product is elementwise (L12), not the article's convolution. For σ and tanh A is kept, of which g′(Z) is a
polynomial; it cancels where they saturate, so there g′ has the digits that rounding leaves in 1 − A. Of the
others g′(Z) is kept, or Z for glu, and does not cancel: its σ and S = σ′ are those of `jaxcnn._logistic`. The
gated units are Z times a gate γ(Z) that goes from 0 to 1,

    A = Z γ(Z)          dZ = dA (γ(Z) + Z γ′(Z))                                               (A.5)

    silu    γ = σ(Z)                    γ′ = S(Z)                                              (A.6)
    gelu    γ = Φ(Z) = ½ erfc(−Z/√2)    γ′ = φ(Z) = exp(−Z²/2)/√(2π)                           (A.7)
            or, approximately, γ = σ(2u), γ′ = 2u′ S(2u), u = √(2/π) (Z + 0.044715 Z³)         (A.8)
    mish    γ = tanh(softplus(Z)) = σ(Z) (1 + q)/(1 + q²)     γ′ = 4 σ(Z) q²/(1 + q²)²         (A.9)

with q = 1 − σ(Z) = σ(−Z) by (A.12); and ½ (1 + tanh u) = σ(2u) keeps its digits as the gate shuts. They are
evaluated in float32 or wider. Every backward pass is a plain formula over functions with rules, so gradients
of gradients run these too. Beside γ = σ, S is σ (1 − σ), for which XLA computes σ once for A and dZ: where
1 − σ cancels, γ is 1 and Z γ′ small, so it costs a few units in the last place. γ″ is of (A.4).

Conventions. A NaN gives NaN, and its cotangent too. Where a gate is 0 so is A, also at −∞, where it is −0.
The activations in pieces are in `jaxcnn.rectifiers`, those along an axis in `jaxcnn.softmaxes`.
Sources: article section "Backpropagation"; ledger L12.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.typing import ArrayLike

from jaxcnn._arrays import axis_of, floating, same_dtype, widened
from jaxcnn._errors import boolean, wrong_value
from jaxcnn._logistic import logistic, logistic_rest, logistic_slope, times_slope
from jaxcnn.forms.logarithm import log1p
from jaxcnn.rectifiers import elu, hardswish, leaky_relu, relu, relu6
from jaxcnn.softmaxes import log_softmax, softmax


def sigmoid(Z: ArrayLike) -> Array:
    """A = σ(Z) = 1/(1 + exp(−Z)), equation (A.1).

    Args:
        Z: an array of any shape and floating dtype.

    Returns:
        A, of Z's shape and dtype.

    Raises:
        TypeError: Z is not a floating array.

    Source: article "Backpropagation", L12.

    >>> sigmoid(jnp.array([-1000.0, 0.0, 1000.0], jnp.float32))
    Array([0. , 0.5, 1. ], dtype=float32)
    """
    return _sigmoid(floating("sigmoid", "Z", Z))


def tanh(Z: ArrayLike) -> Array:
    """A = tanh(Z), equation (A.2).

    Args:
        Z: an array of any shape and floating dtype.

    Returns:
        A, of Z's shape and dtype.

    Raises:
        TypeError: Z is not a floating array.

    Source: article "Backpropagation", L12.

    >>> tanh(jnp.array([-1000.0, 0.0, 1000.0], jnp.float32))
    Array([-1.,  0.,  1.], dtype=float32)
    """
    return _tanh(floating("tanh", "Z", Z))


def softplus(Z: ArrayLike) -> Array:
    """A = log(1 + exp(Z)), equation (A.3).

    Args:
        Z: an array of any shape and floating dtype.

    Returns:
        A, of Z's shape and dtype.

    Raises:
        TypeError: Z is not a floating array.

    Source: Dugas et al., "Incorporating second-order functional knowledge", 2001.

    >>> softplus(jnp.array([-1000.0, 1000.0], jnp.float32))
    Array([   0., 1000.], dtype=float32)
    """
    return _softplus(floating("softplus", "Z", Z))


def silu(Z: ArrayLike) -> Array:
    """A = Z σ(Z), equation (A.6); also called swish.

    Args:
        Z: an array of any shape and floating dtype.

    Returns:
        A, of Z's shape and dtype.

    Raises:
        TypeError: Z is not a floating array.

    Source: Elfwing, Uchibe and Doya, "Sigmoid-weighted linear units", 2018.

    >>> silu(jnp.array([-jnp.inf, 0.0, 1000.0], jnp.float32))
    Array([  -0.,    0., 1000.], dtype=float32)
    """
    return _gated(_SILU, floating("silu", "Z", Z))


def gelu(Z: ArrayLike, approximate: bool = False) -> Array:
    """A = Z Φ(Z) with the normal distribution function Φ, equation (A.7), or its approximation (A.8).

    Args:
        Z: an array of any shape and floating dtype.
        approximate: False for Φ itself, as in torch; True for the formula with tanh, as in `jax.nn.gelu`.

    Returns:
        A, of Z's shape and dtype.

    Raises:
        TypeError: Z is not a floating array, or approximate not a bool.

    Source: Hendrycks and Gimpel, "Gaussian error linear units (GELUs)", 2016.

    >>> gelu(jnp.array([-jnp.inf, 0.0, 1000.0], jnp.float32))
    Array([  -0.,    0., 1000.], dtype=float32)
    """
    gate = _GELU_BY_TANH if boolean("gelu", "approximate", approximate) else _GELU
    return _gated(gate, floating("gelu", "Z", Z))


def mish(Z: ArrayLike) -> Array:
    """A = Z tanh(softplus(Z)), equation (A.9).

    Args:
        Z: an array of any shape and floating dtype.

    Returns:
        A, of Z's shape and dtype.

    Raises:
        TypeError: Z is not a floating array.

    Source: Misra, "Mish: a self regularized non-monotonic activation function", 2020.

    >>> mish(jnp.array([-jnp.inf, 0.0, 1000.0], jnp.float32))
    Array([  -0.,    0., 1000.], dtype=float32)
    """
    return _gated(_MISH, floating("mish", "Z", Z))


def glu(Z: ArrayLike, axis: int = -1) -> Array:
    """A = U σ(V) of the two halves U, V of Z along an axis, equation (A.10).

    Args:
        Z: an array of floating dtype with an even number of entries along the axis.
        axis: the axis that is halved.

    Returns:
        A, of Z's dtype and of its shape but for the axis, which has half the size.

    Raises:
        TypeError: Z is not a floating array, or axis not an integer.
        ValueError: Z has no such axis, or an odd number of entries along it.

    Source: Dauphin et al., "Language modeling with gated convolutional networks", 2017.

    >>> glu(jnp.array([3.0, 5.0, 0.0, 1000.0], jnp.float32))
    Array([1.5, 5. ], dtype=float32)
    """
    Z = floating("glu", "Z", Z)
    front = axis_of("glu", "Z", Z, axis)
    if Z.shape[front] % 2:
        wrong_value("glu", f"Z has shape {Z.shape}", f"an even number of entries along axis {axis}")
    return _glu(front, Z)


def activation_dZ(g: Callable[..., Array], Z: ArrayLike, dA: ArrayLike, **keywords: Any) -> Array:
    """dZ = dA ⊙ g′(Z), the article's L12, by the rule of g; for softmax, log_softmax and glu dZ = Jᵀ dA.

    Args:
        g: an activation of jaxcnn.
        Z: what g was applied to.
        dA: the cotangent of g(Z), of its shape and of Z's dtype.
        keywords: those of g, such as negative_slope or axis.

    Returns:
        dZ, of Z's shape and dtype.

    Raises:
        ValueError: g is not one of ours, or dA does not have the shape of g(Z).
        TypeError: Z and dA are not floating arrays of one dtype.

    Source: article "Backpropagation", L12.

    >>> activation_dZ(relu, jnp.array([-2.0, 0.0, 3.0], jnp.float32), jnp.full(3, 5.0, jnp.float32))
    Array([0., 0., 5.], dtype=float32)
    """
    if not any(g is activation for activation in _ACTIVATIONS):
        known = ", ".join(activation.__name__ for activation in _ACTIVATIONS)
        came = f"{g.__module__}.{g.__name__}" if hasattr(g, "__name__") else repr(g)
        wrong_value("activation_dZ", f"g is {came}", f"one of {known}, of jaxcnn")
    Z, dA = floating("activation_dZ", "Z", Z), floating("activation_dZ", "dA", dA)
    same_dtype("activation_dZ", Z=Z, dA=dA)
    A, pull_back = jax.vjp(partial(g, **keywords), Z)
    if dA.shape != A.shape:
        wrong_value("activation_dZ", f"dA has shape {dA.shape}", f"that of {g.__name__}(Z), {A.shape}")
    return pull_back(dA)[0]


_ACTIVATIONS = (
    *(relu, leaky_relu, relu6, elu, hardswish),
    *(sigmoid, tanh, softplus, silu, gelu, mish, glu),
    *(softmax, log_softmax),
)


# ------------------------------------------------------------------------------ the rules


# (A.1)  A = σ(Z) = 1/(1 + exp(−Z))          dZ = dA A (1 − A)
@jax.custom_vjp
@jax.jit
def _sigmoid(Z: Array) -> Array:
    return lax.logistic(Z)


def _sigmoid_fwd(Z: Array):
    A = _sigmoid(Z)
    return A, A


def _sigmoid_bwd(A: Array, dA: Array):
    return (dA * (A * (1 - A)),)


# (A.2)  A = tanh(Z)          dZ = dA (1 − A²), whose own slope −2 A does not cancel near 0
@jax.custom_vjp
def _tanh(Z: Array) -> Array:
    return jnp.tanh(Z)


def _tanh_fwd(Z: Array):
    A = _tanh(Z)
    return A, A


def _tanh_bwd(A: Array, dA: Array):
    return (dA * (1 - lax.square(A)),)


# (A.3)  A = log(1 + exp(Z)) = max(Z, 0) + log1p(exp(−|Z|))          dZ = dA σ(Z)
@jax.custom_vjp
@jax.jit
def _softplus(Z: Array) -> Array:
    wide = widened(Z)
    return (jnp.maximum(wide, 0) + log1p(jnp.exp(-jnp.abs(wide)))).astype(Z.dtype)


def _softplus_fwd(Z: Array):
    return _softplus(Z), logistic(widened(Z)).astype(Z.dtype)


class _Gate(NamedTuple):
    """γ and γ′ of a gated unit, and γ′ where γ is computed too; all take and give a wide dtype."""

    value: Callable[[Array], Array]
    slope: Callable[[Array], Array]
    slope_beside: Callable[[Array], Array]


# (A.5)  A = Z γ(Z)          dZ = dA (γ(Z) + Z γ′(Z))
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _gated(gate: _Gate, Z: Array) -> Array:
    wide = widened(Z)
    # no −∞, where the gate is 0; without a selection, which would keep a sum of A from YNNPACK
    finite = jnp.maximum(wide, jnp.finfo(wide.dtype).min)
    return (finite * gate.value(wide)).astype(Z.dtype)


def _gated_fwd(gate: _Gate, Z: Array):
    return _gated(gate, Z), _gated_slope(gate, Z)


def _gated_bwd(gate: _Gate, slope: Array, dA: Array):
    return times_slope(slope, dA)


# (A.13)  G(Z) = γ(Z) + Z γ′(Z)          dZ = dA (2 γ′(Z) + Z γ″(Z))
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _gated_slope(gate: _Gate, Z: Array) -> Array:
    wide = widened(Z)
    return (gate.value(wide) + _within(wide) * gate.slope_beside(wide)).astype(Z.dtype)


def _gated_slope_fwd(gate: _Gate, Z: Array):
    return _gated_slope(gate, Z), Z


@partial(jax.jit, static_argnums=(0,))
def _gated_slope_bwd(gate: _Gate, Z: Array, dA: Array):
    within = _within(widened(Z))
    slope, pull_back = jax.vjp(gate.slope, within)
    wide = widened(dA)
    return ((2 * wide * slope + pull_back(wide * within)[0]).astype(Z.dtype),)


def _within(Z: Array) -> Array:
    """Z, or ±1024 beyond that, where the slope of every gate is 0 in every dtype, and Z³ a number."""
    return jnp.clip(Z, -1024, 1024)


def _slope_beside(Z: Array) -> Array:
    """S(Z) where σ(Z) is computed too."""
    return logistic(Z) * (1 - logistic(Z))


def _normal_distribution(Z: Array) -> Array:
    return lax.erfc(_over_root_two(Z)) / 2


def _normal_density(Z: Array) -> Array:
    in_erfc_too = jnp.exp(-lax.square(_over_root_two(Z)))  # and XLA computes it once
    return in_erfc_too / math.sqrt(2 * math.pi)


def _over_root_two(Z: Array) -> Array:
    return -Z / math.sqrt(2)


def _twice_u(Z: Array) -> Array:
    return math.sqrt(8 / math.pi) * Z * (1 + 0.044715 * Z * Z)


def _twice_u_slope(Z: Array) -> Array:
    return math.sqrt(8 / math.pi) * (1 + 3 * 0.044715 * _within(Z) * _within(Z))


# γ of (A.9) by its γ′: where the gate is open, the quotient's own derivative would cancel
@jax.custom_vjp
@jax.jit
def _mish_gate(Z: Array) -> Array:
    q = logistic_rest(Z)
    return logistic(Z) * (1 + q) / (1 + lax.square(q))


def _mish_gate_fwd(Z: Array):
    return _mish_gate(Z), _mish_gate_slope(Z)


def _mish_gate_slope(Z: Array) -> Array:
    q = logistic_rest(Z)
    return 4 * logistic(Z) * lax.square(q / (1 + lax.square(q)))


_SILU = _Gate(logistic, logistic_slope, _slope_beside)
_GELU = _Gate(_normal_distribution, _normal_density, _normal_density)
_GELU_BY_TANH = _Gate(
    lambda Z: logistic(_twice_u(Z)),
    lambda Z: _twice_u_slope(Z) * logistic_slope(_twice_u(Z)),
    lambda Z: _twice_u_slope(Z) * _slope_beside(_twice_u(Z)),
)
_MISH = _Gate(_mish_gate, _mish_gate_slope, _mish_gate_slope)


# (A.10)  A = U σ(V), Z = (U, V)          dZ = (dA σ(V), dA U S(V))
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _glu(axis: int, Z: Array) -> Array:
    U, V = jnp.split(widened(Z), 2, axis)
    return (U * logistic(V)).astype(Z.dtype)


def _glu_fwd(axis: int, Z: Array):
    return _glu(axis, Z), Z


@partial(jax.jit, static_argnums=(0,))
def _glu_bwd(axis: int, Z: Array, dA: Array):
    (U, V), dA = jnp.split(widened(Z), 2, axis), widened(dA)
    return (jnp.concatenate([dA * logistic(V), dA * U * logistic_slope(V)], axis).astype(Z.dtype),)


_sigmoid.defvjp(_sigmoid_fwd, _sigmoid_bwd)
_tanh.defvjp(_tanh_fwd, _tanh_bwd)
_softplus.defvjp(_softplus_fwd, times_slope)
_mish_gate.defvjp(_mish_gate_fwd, times_slope)
_gated.defvjp(_gated_fwd, _gated_bwd)
_gated_slope.defvjp(_gated_slope_fwd, _gated_slope_bwd)
_glu.defvjp(_glu_fwd, _glu_bwd)
