"""Losses by hand: softmax with cross-entropy, and the squared error, one number an example or entry.

    Z  logits            (…, K)        t  targets: labels (…), or probabilities (…, K)
    y  softmax(Z)        (…, K)        dX the cotangent ∂L/∂X of X

The mean over the batch is the caller's, and with it the 1/B, once (L16, L20).

    softmax_cross_entropy     dZ[k] = (Σ_j t[j] · y[k] − t[k]) dL                              (E.1)

which is the companion code's y − t where Σt = 1 (L20). Nothing is clipped, so value and gradient agree also
where the probabilities saturate.

Conventions. A class that cannot be (logit −∞) and has no mass (t = 0) is absent: it adds 0 to the
loss, to dZ and to dt. With mass, the loss is ∞. A label that no class has, NaN, or a row with a NaN or
+∞ gives a NaN loss and NaN gradients. Labels that can be looked at, outside of jit, are refused instead.
Source: the article's companion code; ledger L20.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike

from jaxcnn._arrays import floating, same_dtype
from jaxcnn._errors import wrong_type, wrong_value
from jaxcnn.activations import balanced, log_softmax, softmax, widened


def softmax_cross_entropy(Z: ArrayLike, t: ArrayLike) -> Array:
    """L = −Σ_k t[k] log softmax(Z)[k], one loss an example, over the last axis.

    Args:
        Z: logits, (…, K).
        t: integer labels, (…), from 0 to K − 1; or a distribution of Z's shape and dtype, which need not sum
            to 1 and is differentiated too: dt = −log softmax(Z) dL.

    Returns:
        L, (…), of Z's dtype; sums are kept in float32 or wider.

    Raises:
        TypeError: Z is not a floating array, or t neither of Z's dtype nor integers.
        ValueError: t's shape does not fit Z's, or, outside of jit, a label is not one of the K.

    Source: the article's companion code, L20, as (E.1).

    >>> Z = jnp.array([[0.0, 0.0], [-1000.0, 1000.0]], jnp.float32)
    >>> softmax_cross_entropy(Z, jnp.array([1, 0], jnp.int32))
    Array([6.931472e-01, 2.000000e+03], dtype=float32)
    """
    Z = floating("softmax_cross_entropy", "Z", Z)
    if Z.ndim < 1 or Z.shape[-1] < 1:
        wrong_value("softmax_cross_entropy", f"Z has shape {Z.shape}", "(…, K) with at least 1 class")
    if not hasattr(t, "shape") or not hasattr(t, "dtype"):
        wrong_type("softmax_cross_entropy", f"t is a {type(t).__name__}", "a JAX or NumPy array")
    if _are_labels(t):
        return _softmax_cross_entropy(Z, _checked_labels(t, Z.shape))
    if t.dtype != Z.dtype:
        wrong_type(
            "softmax_cross_entropy",
            f"t has dtype {t.dtype}",
            f"integer labels, or a distribution of Z's dtype {Z.dtype}",
        )
    t = jnp.asarray(t)
    if t.shape != Z.shape:
        wrong_value("softmax_cross_entropy", f"t has shape {t.shape}", f"Z's, {Z.shape}, for a distribution")
    return _softmax_cross_entropy(Z, t)


def squared_error(A: ArrayLike, t: ArrayLike) -> Array:
    """L = (A − t)², elementwise, equation (E.2).

    Args:
        A: an array of any shape and floating dtype.
        t: targets, of A's shape and dtype; differentiated too.

    Returns:
        L, of A's shape and dtype.

    Raises:
        TypeError: A or t is not a floating array, or their dtypes differ.
        ValueError: t does not have A's shape.

    >>> squared_error(jnp.array([1.0, 2.0], jnp.float32), jnp.array([0.0, 5.0], jnp.float32))
    Array([1., 9.], dtype=float32)
    """
    A, t = floating("squared_error", "A", A), floating("squared_error", "t", t)
    same_dtype("squared_error", A=A, t=t)
    if t.shape != A.shape:
        wrong_value("squared_error", f"t has shape {t.shape}", f"A's, {A.shape}")
    return _squared_error(A, t)


# ------------------------------------------------------------------------------ the rules


# (E.1)  L = −Σ_k t[k] log y[k]          dZ[k] = (Σ_j t[j] · y[k] − t[k]) dL          dt[k] = −log y[k] dL
#        Σ_k dZ[k] = 0, (A.0): the entry of the largest logit is minus the sum of the others.
@jax.custom_vjp
@jax.jit
def _softmax_cross_entropy(Z: Array, t: Array) -> Array:
    T = _distribution(Z, t)
    return jnp.sum(T * _surprisal(Z, T), -1).astype(Z.dtype)


def _softmax_cross_entropy_fwd(Z: Array, t: Array):
    return _softmax_cross_entropy(Z, t), (Z, t)


@jax.jit
def _softmax_cross_entropy_bwd(residuals, dL: Array):
    Z, t = residuals
    T, dL = _distribution(Z, t), widened(dL)[..., None]
    dZ = (jnp.sum(T, -1, keepdims=True) * softmax(widened(Z)) - T) * dL
    dt = None if _are_labels(t) else (_surprisal(Z, T) * dL).astype(t.dtype)
    return balanced(Z.ndim - 1, Z, dZ).astype(Z.dtype), dt


# (E.2)  L = (A − t)²          dA = 2 (A − t) dL          dt = −dA
@jax.custom_vjp
def _squared_error(A: Array, t: Array) -> Array:
    return (A - t) * (A - t)


def _squared_error_fwd(A: Array, t: Array):
    return _squared_error(A, t), A - t


def _squared_error_bwd(difference: Array, dL: Array):
    dA = 2 * difference * dL
    return dA, -dA


_softmax_cross_entropy.defvjp(_softmax_cross_entropy_fwd, _softmax_cross_entropy_bwd)
_squared_error.defvjp(_squared_error_fwd, _squared_error_bwd)


def _distribution(Z: Array, t: Array) -> Array:
    """t as masses of Z's shape, wide: all of it on the label; NaN where no class has that label."""
    if not _are_labels(t):
        return widened(t)
    label = t[..., None]
    known = (label >= 0) & (label < Z.shape[-1])
    here = lax.broadcasted_iota(t.dtype, Z.shape, Z.ndim - 1) == label
    return jnp.where(known, here.astype(widened(Z).dtype), jnp.nan)


def _surprisal(Z: Array, T: Array) -> Array:
    """−log softmax(Z), wide; 0 for the classes that are absent."""
    surprisal = 0 - log_softmax(widened(Z))  # not −0 where a class is certain
    return jnp.where((T == 0) & (surprisal == jnp.inf), 0, surprisal)


# ------------------------------------------------------------------------- argument checks


def _are_labels(t: ArrayLike) -> bool:
    return jnp.issubdtype(jnp.result_type(t), jnp.integer)


def _checked_labels(t: ArrayLike, shape: tuple[int, ...]) -> Array:
    """Labels (…) for logits (…, K), each from 0 to K − 1 where that can be seen."""
    classes = shape[-1]
    if np.shape(t) != shape[:-1]:
        wrong_value(
            "softmax_cross_entropy", f"t has shape {np.shape(t)}", f"{shape[:-1]}, a label for each row of Z"
        )
    if not isinstance(t, jax.core.Tracer):
        labels = np.asarray(t)
        unknown = labels[(labels < 0) | (labels >= classes)]
        if unknown.size:
            wrong_value("softmax_cross_entropy", f"t has the label {unknown[0]}", f"0 to {classes - 1}")
    t = jnp.asarray(t)
    return t if t.dtype.itemsize >= 4 else t.astype(np.int32)  # K may be more than a small integer holds
