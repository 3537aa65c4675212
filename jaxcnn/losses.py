"""Losses by hand: cross-entropy of softmax or sigmoid, squared error, Huber; a number an example or entry.

    Z  logits            (…, K)        t  targets: labels (…), or probabilities (…, K)
    y  softmax(Z)        (…, K)        T  the masses w[k] ((1 − s) t[k] + s/K), smoothed by s, weighted by w
                                       dX the cotangent ∂L/∂X of X

The mean over the batch is the caller's, and with it the 1/B, once (L16, L20).

    softmax_cross_entropy     dZ[k] = (Σ_j T[j] · y[k] − T[k]) dL                              (E.1)

which is the companion code's y − t where T = t and Σt = 1 (L20). Nothing is clipped, so value and gradient
agree also where the probabilities saturate.

Conventions. A class that cannot be (logit −∞) and has no mass (t = 0) is absent: it adds 0 to the
loss, to dZ and to dt. With mass, the loss is ∞. A label that no class has, NaN, or a row with a NaN or
+∞ gives a NaN loss and NaN gradients. Labels that can be looked at, outside of jit, are refused instead.
Source: the article's companion code; ledger L20.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from jaxcnn._arrays import array, floating, same_dtype, same_shape, visible, widened
from jaxcnn._errors import number, wrong_type, wrong_value
from jaxcnn._logistic import logistic
from jaxcnn._sharding import vary_alike
from jaxcnn._softmaxes import log_softmax, softmax, softmax_bwd
from jaxcnn.activations import softplus
from jaxcnn.forms import labelled, sums
from jaxcnn.forms.labelled import at_label
from jaxcnn.forms.logarithm import log1p
from jaxcnn.forms.platforms import by_platform


def softmax_cross_entropy(
    Z: ArrayLike, t: ArrayLike, *, label_smoothing: float = 0.0, weights: ArrayLike | None = None
) -> Array:
    """L = −Σ_k T[k] log softmax(Z)[k], one loss an example, over the last axis; T = t unless told otherwise.

    Args:
        Z: logits, (…, K).
        t: integer labels, (…), from 0 to K − 1; or a distribution of Z's shape and dtype, which need not sum
            to 1 and is differentiated too: dt = −log softmax(Z) dL.
        label_smoothing: s, a Python number from 0 to 1: T = (1 − s) t + s/K, as in torch.
        weights: w, (K,), of Z's dtype: T times the weight of each class, and nothing divided by their
            sum; differentiated too.

    Returns:
        L, (…), of Z's dtype; sums are kept in float32 or wider.

    Raises:
        TypeError: Z is not a floating array, t neither of Z's dtype nor integers, label_smoothing not a
            number, or weights not of Z's dtype.
        ValueError: the shape of t or weights does not fit Z's, label_smoothing is not from 0 to 1, or,
            outside of jit, a label is not one of the K.

    Source: the article's companion code, L20, as (E.1).

    >>> Z = jnp.array([[0.0, 0.0], [-1000.0, 1000.0]], jnp.float32)
    >>> softmax_cross_entropy(Z, jnp.array([1, 0], jnp.int32))
    Array([6.931472e-01, 2.000000e+03], dtype=float32)
    """
    Z = floating("softmax_cross_entropy", "Z", Z)
    if Z.ndim < 1 or Z.shape[-1] < 1:
        wrong_value("softmax_cross_entropy", f"Z has shape {Z.shape}", "(…, K) with at least 1 class")
    targets = array("softmax_cross_entropy", "t", t)
    smoothing = number(
        "softmax_cross_entropy", "label_smoothing", label_smoothing, "from 0 to 1", lambda s: 0 <= s <= 1
    )
    if weights is not None:
        weights = floating("softmax_cross_entropy", "weights", weights)
        same_dtype("softmax_cross_entropy", Z=Z, weights=weights)
        if weights.shape != Z.shape[-1:]:
            wrong_value(
                "softmax_cross_entropy",
                f"weights has shape {weights.shape}",
                f"({Z.shape[-1]},), one number a class",
            )
    if _are_labels(targets):
        return _softmax_cross_entropy(smoothing, *vary_alike(Z, _checked_labels(targets, Z.shape), weights))
    if targets.dtype != Z.dtype:
        wrong_type(
            "softmax_cross_entropy",
            f"t has dtype {targets.dtype}",
            f"integer labels, or a distribution of Z's dtype {Z.dtype}",
        )
    if targets.shape != Z.shape:
        wrong_value(
            "softmax_cross_entropy", f"t has shape {targets.shape}", f"Z's, {Z.shape}, or integer labels"
        )
    return _softmax_cross_entropy(smoothing, *vary_alike(Z, jnp.asarray(targets), weights))


def binary_cross_entropy_with_logits(Z: ArrayLike, t: ArrayLike) -> Array:
    """L = −t log σ(Z) − (1 − t) log(1 − σ(Z)), elementwise, equation (E.3).

    Args:
        Z: logits, of any shape and floating dtype.
        t: the probability that it is true, mostly 0 or 1, of Z's shape and dtype; differentiated too.

    Returns:
        L, of Z's shape and dtype.

    Raises:
        TypeError: Z or t is not a floating array, or their dtypes differ.
        ValueError: t does not have Z's shape.

    >>> Z = jnp.array([0.0, -1000.0, 1000.0], jnp.float32)
    >>> binary_cross_entropy_with_logits(Z, jnp.array([1.0, 0.0, 0.0], jnp.float32))
    Array([6.931472e-01, 0.000000e+00, 1.000000e+03], dtype=float32)
    """
    return _binary_cross_entropy(*_alike("binary_cross_entropy_with_logits", Z=Z, t=t))


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
    return _squared_error(*_alike("squared_error", A=A, t=t))


def huber(A: ArrayLike, t: ArrayLike, delta: float = 1.0) -> Array:
    """L = ½ (A − t)² where |A − t| ≤ δ, else δ (|A − t| − ½ δ), elementwise, equation (E.4).

    Args:
        A: an array of any shape and floating dtype.
        t: targets, of A's shape and dtype; differentiated too.
        delta: δ, a positive and finite Python number.

    Returns:
        L, of A's shape and dtype.

    Raises:
        TypeError: A or t is not a floating array, their dtypes differ, or delta is not a number.
        ValueError: t does not have A's shape, or delta is not positive and finite.

    Source: Huber, "Robust estimation of a location parameter", 1964.

    >>> huber(jnp.array([1.0, 5.0], jnp.float32), jnp.array([0.0, 0.0], jnp.float32))
    Array([0.5, 4.5], dtype=float32)
    """
    delta = number("huber", "delta", delta, "above 0", lambda d: d > 0)
    return _huber(delta, *_alike("huber", A=A, t=t))


# ------------------------------------------------------------------------------ the rules


# (E.1)  L = −Σ_k T[k] log y[k]          dZ[k] = (Σ_j T[j] · y[k] − T[k]) dL          dT[k] = −log y[k] dL
#        T[k] = w[k] u[k], u = (1 − s) t + s/K:          dt = (1 − s) w dT          dw = Σ_… u dT
#        Σ_k dZ[k] = 0, (S.0): the entry of the largest logit is minus the sum of the others.
#        With all the mass on one label, L = −log y[t], so dZ[t] = (exp(−L) − 1) dL, which does not cancel.
#        With R = Σ_{k≠t} exp(Z[k] − Z[M]) of the largest logit M, and e = exp(Z[t] − Z[M]), then
#            L = log1p(R + (e − 1)) − (Z[t] − Z[M])          y[k] = exp(Z[k] − Z[M])/(R + e)          (E.5)
#        which keeps its digits: e is 1 where t is M, and else R at least 1. No search for M tells one of
#        several from another.
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _softmax_cross_entropy(smoothing: float, Z: Array, t: Array, weights: Array | None) -> Array:
    if _one_label(smoothing, t, weights):
        return _of_labels_alone(Z, t)
    T = _weighted(_smoothed(smoothing, Z, t), weights)
    return jnp.sum(T * _surprisal(Z, T), -1).astype(Z.dtype)


def _softmax_cross_entropy_fwd(smoothing: float, Z: Array, t: Array, weights: Array | None):
    if _one_label(smoothing, t, weights):
        L, y = _of_labels(Z, t)
        return L, (y, t, None, L)
    L = _softmax_cross_entropy(smoothing, Z, t, weights)
    # with labels alone y is all that is needed of Z; dT needs log y where y is 0 to rounding
    return L, (softmax(Z.ndim - 1, Z) if _are_labels(t) and weights is None else Z, t, weights, None)


@partial(jax.jit, static_argnums=(0,))
def _softmax_cross_entropy_bwd(smoothing: float, residuals, dL: Array):
    kept, t, weights, L = residuals
    if L is not None:
        return _of_labels_dZ(kept, t, L, dL), None, None
    dL = widened(dL)[..., None]
    u = _smoothed(smoothing, kept, t)
    T = _weighted(u, weights)
    if _are_labels(t) and weights is None:
        y, dt, dw = widened(kept), None, None
    else:
        y, dT = softmax(kept.ndim - 1, widened(kept)), _surprisal(kept, T) * dL
        dt = None if _are_labels(t) else ((1 - smoothing) * _weighted(dT, weights)).astype(t.dtype)
        dw = None if weights is None else jnp.sum(u * dT, tuple(range(kept.ndim - 1))).astype(weights.dtype)
    dZ = (jnp.sum(T, -1, keepdims=True) * y - T) * dL
    return _balanced(y, dZ).astype(kept.dtype), dt, dw


# (E.2)  L = (A − t)²          dA = 2 (A − t) dL          dt = −dA
@jax.custom_vjp
def _squared_error(A: Array, t: Array) -> Array:
    return (A - t) * (A - t)


def _squared_error_fwd(A: Array, t: Array):
    return _squared_error(A, t), A - t


def _squared_error_bwd(difference: Array, dL: Array):
    dA = 2 * difference * dL
    return dA, -dA


# (E.3)  L = t softplus(−Z) + (1 − t) softplus(Z)
#        dZ = ((1 − t) σ(Z) − t σ(−Z)) dL          dt = −Z dL
#        Not softplus(Z) − t Z and σ(Z) − t, which cancel where the logit is right.
@jax.custom_vjp
@jax.jit
def _binary_cross_entropy(Z: Array, t: Array) -> Array:
    wide, t = widened(Z), widened(t)
    return (_mass_times(t, softplus(-wide)) + _mass_times(1 - t, softplus(wide))).astype(Z.dtype)


def _binary_cross_entropy_fwd(Z: Array, t: Array):
    return _binary_cross_entropy(Z, t), (Z, t)


@jax.jit
def _binary_cross_entropy_bwd(residuals, dL: Array):
    Z, t = residuals
    wide, wide_t = widened(Z), widened(t)
    dZ = ((1 - wide_t) * logistic(wide) - wide_t * logistic(-wide)) * widened(dL)
    return dZ.astype(Z.dtype), -Z * dL


def _mass_times(mass: Array, surprisal: Array) -> Array:
    """Their product, 0 where the mass is: the surprisal may be infinite there."""
    return jnp.where(mass == 0, 0, surprisal) * mass


# (E.4)  L = ½ D² where |D| ≤ δ, else δ (|D| − ½ δ), D = A − t
#        dA = max(−δ, min(D, δ)) dL          dt = −dA
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _huber(delta: float, A: Array, t: Array) -> Array:
    size = jnp.abs(A - t)
    return jnp.where(size <= delta, size * (size / 2), delta * (size - delta / 2))


def _huber_fwd(delta: float, A: Array, t: Array):
    return _huber(delta, A, t), A - t


def _huber_bwd(delta: float, difference: Array, dL: Array):
    slope = jnp.where(jnp.abs(difference) <= delta, difference, delta * jnp.sign(difference))
    return slope * dL, -slope * dL


_softmax_cross_entropy.defvjp(_softmax_cross_entropy_fwd, _softmax_cross_entropy_bwd)
_squared_error.defvjp(_squared_error_fwd, _squared_error_bwd)
_binary_cross_entropy.defvjp(_binary_cross_entropy_fwd, _binary_cross_entropy_bwd)
_huber.defvjp(_huber_fwd, _huber_bwd)


def _balanced(y: Array, dZ: Array) -> Array:
    """dZ with dZ[M] = −Σ_{k≠M} dZ[k], (S.0), where y[M] > ½: elsewhere 1 − y[M] loses nothing."""
    at_M = y > 0.5
    return jnp.where(at_M, -sums.kept(y.ndim - 1, jnp.where(at_M, 0, dZ)), dZ)


def _one_label(smoothing: float, t: Array, weights: Array | None) -> bool:
    """Whether all the mass of an example is 1 and on its label."""
    return _are_labels(t) and smoothing == 0 and weights is None


# (E.5)  L and y of labels
#        dZ of L as in (E.1), of y as in (S.3)
@jax.custom_vjp
@jax.jit
def _of_labels(Z: Array, t: Array) -> tuple[Array, Array]:
    above, R, y = labelled.with_softmax(Z, t)
    return _loss_of_label(Z, t, above, R), y.astype(Z.dtype)


def _of_labels_fwd(Z: Array, t: Array):
    L, y = _of_labels(Z, t)
    return (L, y), (y, t, L)


def _of_labels_bwd(residuals, cotangents):
    y, t, L = residuals
    dL, dy = cotangents
    return _of_labels_dZ(y, t, L, dL) + softmax_bwd(y.ndim - 1, y, dy)[0], None


def _of_labels_dZ(y: Array, t: Array, L: Array, dL: Array) -> Array:
    wide_L, wide_y, dL = widened(L)[..., None], widened(y), widened(dL)[..., None]
    dZ = jnp.where(at_label(y, t), jnp.expm1(-wide_L), jnp.where(jnp.isnan(wide_L), wide_L, wide_y)) * dL
    return dZ.astype(y.dtype)


_of_labels.defvjp(_of_labels_fwd, _of_labels_bwd)


def _of_labels_alone(Z: Array, t: Array) -> Array:
    """L of (E.5) without y."""

    def with_y(Z: Array, t: Array) -> Array:
        return _of_labels(Z, t)[0]

    form = labelled.alone(Z, t)
    return by_platform(Z, t, cpu=lambda Z, t: _loss_of_label(Z, t, *form(Z, t)), default=with_y)


def _loss_of_label(Z: Array, t: Array, above: Array, R: Array) -> Array:
    """L of (E.5) from above = Z[t] − Z[M] and R."""
    L = jnp.where(_known(Z, t), log1p(R + (jnp.exp(above) - 1)) - above, jnp.nan)
    return L.astype(Z.dtype)


def _known(Z: Array, label: Array) -> Array:
    return (label >= 0) & (label < Z.shape[-1])


def _smoothed(smoothing: float, Z: Array, t: Array) -> Array:
    """u = (1 − s) t + s/K of Z's shape, wide; t itself where nothing is smoothed."""
    mass = _distribution(Z, t)
    return mass if smoothing == 0 else (1 - smoothing) * mass + smoothing / Z.shape[-1]


def _weighted(mass: Array, weights: Array | None) -> Array:
    return mass if weights is None else mass * jnp.broadcast_to(widened(weights), mass.shape)


def _distribution(Z: Array, t: Array) -> Array:
    """t as masses of Z's shape, wide: all of it on the label; NaN where no class has that label."""
    if not _are_labels(t):
        return widened(t)
    masses = at_label(Z, t).astype(widened(Z).dtype)
    return jnp.where(_known(Z, t)[..., None], masses, jnp.nan)


def _surprisal(Z: Array, T: Array) -> Array:
    """−log softmax(Z), wide; 0 for the classes that are absent."""
    surprisal = 0 - log_softmax(Z.ndim - 1, widened(Z))  # not −0 where a class is certain
    return jnp.where((T == 0) & (surprisal == jnp.inf), 0, surprisal)


# ------------------------------------------------------------------------- argument checks


def _alike(operation: str, **arrays: ArrayLike) -> tuple[Array, ...]:
    """Two floating arrays of one shape and dtype, which vary alike over devices."""
    checked = {name: floating(operation, name, X) for name, X in arrays.items()}
    same_dtype(operation, **checked)
    same_shape(operation, **checked)
    return vary_alike(*checked.values())


def _are_labels(t: Any) -> bool:
    return jnp.issubdtype(t.dtype, jnp.integer)


def _checked_labels(t: Any, shape: tuple[int, ...]) -> Array:
    """Labels (…) for logits (…, K), each from 0 to K − 1 where that can be seen."""
    classes = shape[-1]
    if t.shape != shape[:-1]:
        wrong_value(
            "softmax_cross_entropy", f"t has shape {t.shape}", f"{shape[:-1]}, a label for each row of Z"
        )
    labels = visible(t)
    if labels is not None:
        labels = _counting(labels)
        unknown = labels[(labels < 0) | (labels >= classes)]
        if unknown.size:
            wrong_value("softmax_cross_entropy", f"t has the label {unknown[0]}", f"0 to {classes - 1}")
    return _counting(jnp.asarray(t))


def _counting(labels: Any) -> Any:
    """Labels in a dtype that holds K, which may be more than a small integer does."""
    return labels if labels.dtype.itemsize >= 4 else labels.astype(np.int32)
