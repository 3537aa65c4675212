"""Activations by hand: A = g(Z) and the cotangent dZ = dA ⊙ g′(Z).

    Z  before the activation          y  the probabilities softmax(Z)
    A  after it, of Z's shape         M  the first largest entry along the axis
    dX the cotangent ∂L/∂X of X       R  Σ_{k≠M} exp(Z[k] − Z[M])

The product is elementwise (L12), not the article's convolution. For softmax and log_softmax, whose
Jacobian is not diagonal, dZ = Jᵀ dA takes its place. Neither changes when a constant is added to Z, so

    Σ_k dZ[k] = 0                                                                              (A.0)

which gives dZ[M] as minus the sum of the others. So 1 − y[M] is never computed: it would cancel
where the probabilities saturate.

Conventions. relu′(0) = 0 and leaky_relu′(0) = negative_slope: at the kink, the derivative from the left.
A NaN gives NaN; relu and leaky_relu pass its cotangent on, elsewhere that is NaN too. For the softmaxes
a logit of −∞ is a class of probability 0; a row with a NaN or +∞, or of −∞ throughout, is NaN.

A backward pass is a plain formula over these rules, so gradients of gradients run them too: σ, tanh and
softplus are closed under differentiation with σ′, (A.6).
Sources: article sections "Convolution Layers" and "Backpropagation"; ledger L9, L12.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike

from jaxcnn._arrays import floating, same_dtype
from jaxcnn._errors import integer, wrong_type, wrong_value
from jaxcnn.forms.windows import accumulator


def relu(Z: ArrayLike) -> Array:
    """A = max(Z, 0), equation (A.1). relu′(0) = 0; a NaN stays a NaN.

    Args:
        Z: an array of any shape and floating dtype.

    Returns:
        A, of Z's shape and dtype.

    Raises:
        TypeError: Z is not a floating array.

    Source: article "Convolution Layers", L9; its derivative "Backpropagation", L12.

    >>> relu(jnp.array([-2.0, 0.0, 3.0], jnp.float32))
    Array([0., 0., 3.], dtype=float32)
    """
    return _relu(floating("relu", "Z", Z))


def leaky_relu(Z: ArrayLike, negative_slope: float = 0.01) -> Array:
    """A = Z where Z > 0, else negative_slope · Z, equation (A.2). leaky_relu′(0) = negative_slope.

    Args:
        Z: an array of any shape and floating dtype.
        negative_slope: a Python number, not differentiated.

    Returns:
        A, of Z's shape and dtype.

    Raises:
        TypeError: Z is not a floating array, or negative_slope not a number.

    Source: Maas, Hannun and Ng, "Rectifier nonlinearities improve neural network acoustic models", 2013.

    >>> leaky_relu(jnp.array([-2.0, 0.0, 3.0], jnp.float32), negative_slope=0.25)
    Array([-0.5,  0. ,  3. ], dtype=float32)
    """
    if isinstance(negative_slope, bool) or not isinstance(negative_slope, int | float):
        wrong_type("leaky_relu", f"negative_slope is {negative_slope!r}", "a Python number")
    return _leaky_relu(float(negative_slope), floating("leaky_relu", "Z", Z))


def sigmoid(Z: ArrayLike) -> Array:
    """A = σ(Z) = 1/(1 + exp(−Z)), equation (A.3).

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
    """A = tanh(Z), equation (A.4).

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
    """A = log(1 + exp(Z)), equation (A.5).

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


def softmax(Z: ArrayLike, axis: int = -1) -> Array:
    """y[k] = exp(Z[k]) / Σ_j exp(Z[j]), equation (A.7).

    Args:
        Z: an array of at least 1 axis and floating dtype.
        axis: the axis of the classes.

    Returns:
        y, of Z's shape and dtype; sums are kept in float32 or wider.

    Raises:
        TypeError: Z is not a floating array, or axis not an integer.
        ValueError: Z has no such axis, or no entry along it.

    Source: article "Backpropagation", of which it is the exception: L12, L20.

    >>> softmax(jnp.array([1000.0, 1000.0, -jnp.inf], jnp.float32))
    Array([0.5, 0.5, 0. ], dtype=float32)
    """
    Z = floating("softmax", "Z", Z)
    return _softmax(_class_axis("softmax", Z, axis), Z)


def log_softmax(Z: ArrayLike, axis: int = -1) -> Array:
    """A[k] = Z[k] − log Σ_j exp(Z[j]), equation (A.8).

    Args:
        Z: an array of at least 1 axis and floating dtype.
        axis: the axis of the classes.

    Returns:
        A, of Z's shape and dtype; sums are kept in float32 or wider.

    Raises:
        TypeError: Z is not a floating array, or axis not an integer.
        ValueError: Z has no such axis, or no entry along it.

    Source: article "Backpropagation", by way of L20.

    >>> log_softmax(jnp.array([1000.0, 0.0, -jnp.inf], jnp.float32))
    Array([    0., -1000.,   -inf], dtype=float32)
    """
    Z = floating("log_softmax", "Z", Z)
    return _log_softmax(_class_axis("log_softmax", Z, axis), Z)


def activation_dZ(g: Callable[..., Array], Z: ArrayLike, dA: ArrayLike, **keywords: Any) -> Array:
    """dZ = dA ⊙ g′(Z), the article's L12, by the rule of g; for softmax and log_softmax dZ = Jᵀ dA.

    Args:
        g: an activation of this module.
        Z: what g was applied to.
        dA: the cotangent of g(Z), of Z's shape and dtype.
        **keywords: those of g, such as negative_slope or axis.

    Returns:
        dZ, of Z's shape and dtype.

    Raises:
        ValueError: g is not one of ours, or dA does not have Z's shape.
        TypeError: Z and dA are not floating arrays of one dtype.

    Source: article "Backpropagation", L12.

    >>> activation_dZ(relu, jnp.array([-2.0, 0.0, 3.0], jnp.float32), jnp.full(3, 5.0, jnp.float32))
    Array([0., 0., 5.], dtype=float32)
    """
    if not any(g is activation for activation in _ACTIVATIONS):
        known = ", ".join(activation.__name__ for activation in _ACTIVATIONS)
        wrong_value("activation_dZ", f"g is {getattr(g, '__name__', repr(g))}", f"one of {known}, of jaxcnn")
    Z, dA = floating("activation_dZ", "Z", Z), floating("activation_dZ", "dA", dA)
    same_dtype("activation_dZ", Z=Z, dA=dA)
    if dA.shape != Z.shape:
        wrong_value("activation_dZ", f"dA has shape {dA.shape}", f"Z's, {Z.shape}")
    _, pull_back = jax.vjp(partial(g, **keywords), Z)
    return pull_back(dA)[0]


_ACTIVATIONS = (relu, leaky_relu, sigmoid, tanh, softplus, softmax, log_softmax)


def _class_axis(operation: str, Z: Array, axis: int) -> int:
    """`axis` counted from the front, with at least one entry along it."""
    axis = integer(operation, "axis", axis)
    if not -Z.ndim <= axis < Z.ndim:
        wrong_value(
            operation, f"axis is {axis} for Z of shape {Z.shape}", f"an axis of Z, which has {Z.ndim}"
        )
    if Z.shape[axis] == 0:
        wrong_value(operation, f"Z has shape {Z.shape}", f"at least 1 entry along axis {axis}")
    return axis % Z.ndim


# ------------------------------------------------------------------------------ the rules


# (A.1)  A = max(Z, 0)          dZ = dA where Z > 0, else 0; the residual is that condition, a byte an entry
@jax.custom_vjp
def _relu(Z: Array) -> Array:
    return jnp.where(Z <= 0, 0, Z)


def _relu_fwd(Z: Array):
    return _relu(Z), Z <= 0


def _relu_bwd(off: Array, dA: Array):
    return (jnp.where(off, 0, dA),)


# (A.2)  A = Z where Z > 0, else αZ          dZ = dA where Z > 0, else α dA
@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _leaky_relu(alpha: float, Z: Array) -> Array:
    return jnp.where(Z <= 0, alpha * Z, Z)


def _leaky_relu_fwd(alpha: float, Z: Array):
    return _leaky_relu(alpha, Z), Z <= 0


def _leaky_relu_bwd(alpha: float, low: Array, dA: Array):
    return (jnp.where(low, alpha * dA, dA),)


# (A.3)  A = σ(Z) = 1/(1 + exp(−Z))          dZ = dA S(Z)
@jax.custom_vjp
@jax.jit
def _sigmoid(Z: Array) -> Array:
    e = jnp.exp(-jnp.abs(Z))
    return jnp.where(Z < 0, e, 1) / (1 + e)


def _sigmoid_fwd(Z: Array):
    return _sigmoid(Z), Z


def _sigmoid_bwd(Z: Array, dA: Array):
    return (dA * _slope(Z),)


# (A.4)  A = tanh(Z)          dZ = dA · 4 S(2Z)
@jax.custom_vjp
def _tanh(Z: Array) -> Array:
    return jnp.tanh(Z)


def _tanh_fwd(Z: Array):
    return _tanh(Z), Z


def _tanh_bwd(Z: Array, dA: Array):
    return (dA * (4 * _slope(2 * Z)),)


# (A.5)  A = log(1 + exp(Z)) = max(Z, 0) + log1p(exp(−|Z|))          dZ = dA σ(Z)
@jax.custom_vjp
@jax.jit
def _softplus(Z: Array) -> Array:
    return jnp.maximum(Z, 0) + jnp.log1p(jnp.exp(-jnp.abs(Z)))


def _softplus_fwd(Z: Array):
    return _softplus(Z), Z


def _softplus_bwd(Z: Array, dA: Array):
    return (dA * _sigmoid(Z),)


# (A.6)  S(Z) = σ′(Z) = σ(Z) σ(−Z), with which 1 − σ and 1 − tanh² need not cancel
#        dZ = dA S′(Z) = −dA S(Z) tanh(Z/2)
@jax.custom_vjp
@jax.jit
def _slope(Z: Array) -> Array:
    e = jnp.exp(-jnp.abs(Z))
    return e / (1 + e) / (1 + e)


def _slope_fwd(Z: Array):
    return _slope(Z), Z


def _slope_bwd(Z: Array, dA: Array):
    return (-dA * _slope(Z) * _tanh(Z / 2),)


# (A.7)  y[k] = exp(Z[k] − Z[M]) / (1 + R)          dZ[k] = y[k] (dA[k] − Σ_j dA[j] y[j]), dZ[M] by (A.0)
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _softmax(axis: int, Z: Array) -> Array:
    above, R = _from_largest(axis, Z)
    return (jnp.exp(above) / (1 + R)).astype(Z.dtype)


def _softmax_fwd(axis: int, Z: Array):
    y = _softmax(axis, Z)
    return y, y


@partial(jax.jit, static_argnums=(0,))
def _softmax_bwd(axis: int, y: Array, dA: Array):
    wide_y, wide_dA = widened(y), widened(dA)
    dZ = wide_y * (wide_dA - jnp.sum(wide_dA * wide_y, axis, keepdims=True))
    return (balanced(axis, y, dZ).astype(y.dtype),)


# (A.8)  A[k] = Z[k] − Z[M] − log1p(R)          dZ[k] = dA[k] − y[k] Σ_j dA[j], dZ[M] by (A.0)
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _log_softmax(axis: int, Z: Array) -> Array:
    above, R = _from_largest(axis, Z)
    return (above - jnp.log1p(R)).astype(Z.dtype)


def _log_softmax_fwd(axis: int, Z: Array):
    return _log_softmax(axis, Z), Z


@partial(jax.jit, static_argnums=(0,))
def _log_softmax_bwd(axis: int, Z: Array, dA: Array):
    y, wide_dA = _softmax(axis, widened(Z)), widened(dA)
    dZ = wide_dA - y * jnp.sum(wide_dA, axis, keepdims=True)
    return (balanced(axis, Z, dZ).astype(Z.dtype),)


_relu.defvjp(_relu_fwd, _relu_bwd)
_leaky_relu.defvjp(_leaky_relu_fwd, _leaky_relu_bwd)
_sigmoid.defvjp(_sigmoid_fwd, _sigmoid_bwd)
_tanh.defvjp(_tanh_fwd, _tanh_bwd)
_softplus.defvjp(_softplus_fwd, _softplus_bwd)
_slope.defvjp(_slope_fwd, _slope_bwd)
_softmax.defvjp(_softmax_fwd, _softmax_bwd)
_log_softmax.defvjp(_log_softmax_fwd, _log_softmax_bwd)


# --------------------------------------------------------------- what the softmax rules share


def widened(X: Array) -> Array:
    """X in the dtype in which sums are kept: float32 or wider."""
    return X.astype(accumulator(X.dtype))


def balanced(axis: int, Z: Array, dZ: Array) -> Array:
    """dZ with dZ[M] = −Σ_{k≠M} dZ[k], equation (A.0); Z, or anything that orders alike, tells M."""
    at_M = _first_largest(axis, Z)
    others = jnp.where(at_M, 0, dZ)
    return jnp.where(at_M, -jnp.sum(others, axis, keepdims=True), others)


def _from_largest(axis: int, Z: Array) -> tuple[Array, Array]:
    """Z − Z[M] and R = Σ_{k≠M} exp(Z[k] − Z[M]), so that log Σ exp(Z) = Z[M] + log1p(R), in a wide dtype."""
    Z = widened(Z)
    above = Z - jnp.max(Z, axis, keepdims=True)
    # above[M] is 0, or NaN where Z[M] is infinite or NaN: either belongs in R
    return above, jnp.sum(jnp.where(_first_largest(axis, Z), above, jnp.exp(above)), axis, keepdims=True)


def _first_largest(axis: int, Z: Array) -> Array:
    """Whether an entry is M: the first of the largest along the axis."""
    index = lax.broadcasted_iota(np.int32, Z.shape, axis)
    return index == jnp.expand_dims(lax.argmax(Z, axis, np.int32), axis)
