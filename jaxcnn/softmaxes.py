"""Softmax and log-softmax by hand: activations whose Jacobian is not diagonal, so that dZ = Jᵀ dA.

    Z  logits                         M  the first largest entry along the axis
    y  the probabilities softmax(Z)   R  Σ_{k≠M} exp(Z[k] − Z[M])

Neither changes when a constant is added to Z, so

    Σ_k dZ[k] = 0                                                                              (S.0)

Where the probabilities saturate, y[M] near 1, a plain 1 − y[M] would cancel, and it is not computed: the
logarithm keeps R apart from its 1, softmax's cotangents are counted from dA[M], and the logarithm's for M
come of R and the sum of the others. Beyond y[M] = ½, which one class alone can reach, that is needed.

Conventions. A logit of −∞ is a class of probability 0; a row with a NaN or +∞, or of −∞ throughout, is NaN.
Source: article section "Backpropagation", of which they are the exception; ledger L12, L20.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from jaxcnn._arrays import axis_of, floating, widened
from jaxcnn._errors import wrong_value
from jaxcnn._softmaxes import softmax_bwd
from jaxcnn.forms import sums
from jaxcnn.forms.logarithm import log1p


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


# (S.1)  y[k] = exp(Z[k] − Z[M]) / Σ_j exp(Z[j] − Z[M])
#        dZ[k] = y[k] (D[k] − Σ_j D[j] y[j]) with D = dA, or D = dA − dA[M], of which M's own term is 0
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _softmax(axis: int, Z: Array) -> Array:
    wide = widened(Z)
    terms = jnp.exp(wide - jnp.max(wide, axis, keepdims=True))
    return (terms / jnp.sum(terms, axis, keepdims=True)).astype(Z.dtype)


def _softmax_fwd(axis: int, Z: Array):
    y = _softmax(axis, Z)
    return y, y


# (S.2)  A[k] = Z[k] − Z[M] − log1p(R)          dZ[k] = dA[k] − y[k] S, S = Σ_j dA[j]
#        of M, with r = R/(1 + R) = 1 − y[M]:    dZ[M] = r S − Σ_{k≠M} dA[k]
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _log_softmax(axis: int, Z: Array) -> Array:
    return _log_softmax_fwd(axis, Z)[0]


@partial(jax.jit, static_argnums=(0,))
def _log_softmax_fwd(axis: int, Z: Array):
    above, R = _from_largest(axis, Z)
    A, y = above - log1p(R), jnp.exp(above) / (1 + R)
    return A.astype(Z.dtype), (y.astype(Z.dtype), R / (1 + R))


@partial(jax.jit, static_argnums=(0,))
def _log_softmax_bwd(axis: int, residuals, dA: Array):
    y, r = residuals
    wide_y, wide_dA = widened(y), widened(dA)
    at_M = wide_y > 0.5
    S, others = sums.kept(axis, wide_dA), jnp.where(at_M, 0, wide_dA)
    less_others = others - sums.kept(axis, others)  # at M; one kernel on a GPU, as `sums.less`
    return (jnp.where(at_M, r * S + less_others, wide_dA - wide_y * S).astype(y.dtype),)


_softmax.defvjp(_softmax_fwd, softmax_bwd)
_log_softmax.defvjp(_log_softmax_fwd, _log_softmax_bwd)


def _from_largest(axis: int, Z: Array) -> tuple[Array, Array]:
    """Z − Z[M] and R = Σ_{k≠M} exp(Z[k] − Z[M]), wide, so that log Σ exp(Z) = Z[M] + log1p(R).

    Without a search for M: of n entries as large as Z[M] all but one are in R, as 1 each. A 1 is taken from
    each, which XLA on a GPU makes faster than a 0 in its place.
    """
    Z = widened(Z)
    # 0 nowhere if Z[M] is infinite or NaN: above[M] is NaN then, and so is R
    above = Z - jnp.max(Z, axis, keepdims=True)
    equal = (above == 0).astype(above.dtype)
    others, count = sums.along(axis, jnp.exp(above) - equal), sums.along(axis, equal)
    return above, jnp.expand_dims(others + jnp.maximum(count - 1, 0), axis)


# ------------------------------------------------------------------------- argument checks


def _class_axis(operation: str, Z: Array, axis: int) -> int:
    """`axis` counted from the front, with at least one entry along it."""
    front = axis_of(operation, "Z", Z, axis)
    if Z.shape[front] == 0:
        wrong_value(operation, f"Z has shape {Z.shape}", f"at least 1 entry along axis {axis}")
    return front
