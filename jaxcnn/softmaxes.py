"""Softmax and log-softmax by hand: activations whose Jacobian is not diagonal, so that dZ = Jᵀ dA.

    Z  logits          M  the largest along the axis          y  the probabilities softmax(Z)

Neither changes when a constant is added to Z, so

    Σ_k dZ[k] = 0                                                                              (S.0)

Where the probabilities saturate, (S.1) and (S.2) cancel, as in other libraries: of r = 1 − y[M] there
are the digits that rounding leaves in y[M]. `jaxcnn.softmax_cross_entropy` has all, in value and gradient.

Conventions. A logit of −∞ is a class of probability 0; a row with a NaN or +∞, or of −∞ throughout, is NaN.
Source: article section "Backpropagation", of which they are the exception; ledger L12, L20.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.typing import ArrayLike

from jaxcnn import _softmaxes
from jaxcnn._arrays import axis_of, floating, widened
from jaxcnn._errors import wrong_value
from jaxcnn.forms import sums
from jaxcnn.forms.platforms import by_platform


def softmax(Z: ArrayLike, axis: int = -1) -> Array:
    """y[k] = exp(Z[k]) / Σ_j exp(Z[j]), equation (S.1).

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
    """A[k] = Z[k] − log Σ_j exp(Z[j]), equation (S.2).

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


# ------------------------------------------------------------------------------ the rules


# (S.1)  y[k] = exp(Z[k] − Z[M]) / Σ_j exp(Z[j] − Z[M])          dZ[k] = y[k] (dA[k] − Σ_j dA[j] y[j])
@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _softmax(axis: int, Z: Array) -> Array:
    return _softmaxes.softmax(axis, Z)


def _softmax_fwd(axis: int, Z: Array):
    y = _softmax(axis, Z)
    return y, y


@partial(jax.jit, static_argnums=(0,))
def _softmax_bwd(axis: int, y: Array, dA: Array):
    def at_once(y: Array, dA: Array) -> Array:
        wide_y, wide_dA = widened(y), widened(dA)
        # apart, or YNNPACK makes all of it: 1,024 rows of 1,000 numbers take 0.18 ms then, 0.15 so
        total = sums.apart(jnp.sum(wide_y * wide_dA, axis, keepdims=True))
        return (wide_y * (wide_dA - total)).astype(y.dtype)

    def with_all_digits(y: Array, dA: Array) -> Array:
        return _softmaxes.softmax_bwd(axis, y, dA)[0]

    # on an H100 the latter takes 0.084 ms of 16,384 rows, and jax.grad's program 0.124
    return (by_platform(y, dA, cpu=at_once, default=with_all_digits),)


# (S.2)  A[k] = Z[k] − Z[M] − log Σ_j exp(Z[j] − Z[M])          dZ[k] = dA[k] − y[k] Σ_j dA[j]
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _log_softmax(axis: int, Z: Array) -> Array:
    above = widened(Z) - _largest(axis, Z)
    return (above - jnp.log(_total(axis, above))).astype(Z.dtype)


@partial(jax.jit, static_argnums=(0,))
def _log_softmax_fwd(axis: int, Z: Array):
    # Z − Z[M] twice: XLA on a CPU would write out what A shares with the sum. 1,024 rows of 1,000 numbers and
    # their gradient take 0.46 ms then, 0.35 so; on a GPU that makes three kernels more of the gradient's two
    wide, M = widened(Z), _largest(axis, Z)
    own = by_platform(M, cpu=sums.apart, default=lambda M: M)
    return ((wide - own) - jnp.log(_total(axis, wide - M))).astype(Z.dtype), _softmax(axis, Z)


@partial(jax.jit, static_argnums=(0,))
def _log_softmax_bwd(axis: int, y: Array, dA: Array):
    wide = widened(dA)
    total = sums.apart(jnp.sum(wide, axis, keepdims=True))
    return ((wide - widened(y) * total).astype(y.dtype),)


_softmax.defvjp(_softmax_fwd, _softmax_bwd)
_log_softmax.defvjp(_log_softmax_fwd, _log_softmax_bwd)


def _largest(axis: int, Z: Array) -> Array:
    """Z[M], wide: a constant to the derivatives, as nothing depends on it."""
    return lax.stop_gradient(jnp.max(widened(Z), axis, keepdims=True))


def _total(axis: int, above: Array) -> Array:
    return jnp.sum(jnp.exp(above), axis, keepdims=True)


# ------------------------------------------------------------------------- argument checks


def _class_axis(operation: str, Z: Array, axis: int) -> int:
    """`axis` counted from the front, with at least one entry along it."""
    front = axis_of(operation, "Z", Z, axis)
    if Z.shape[front] == 0:
        wrong_value(operation, f"Z has shape {Z.shape}", f"at least 1 entry along axis {axis}")
    return front
