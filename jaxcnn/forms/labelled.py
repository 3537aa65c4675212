"""What the loss of a label needs of its logits, with and without the softmax that its gradient is made of.

Of logits Z (…, K), labels t (…) and the largest logit Z[M] of each row:

    above   Z[t] − Z[M]
    R       Σ_{k≠t} exp(Z[k] − Z[M])
    y       exp(Z[k] − Z[M])/(R + exp(above))

R has to do without the label's term, by a mask, which YNNPACK does not sum, or by taking the term out where
it lies, one number a row: out of the logits, as −∞, if the terms are only summed; out of the terms, as 0, if
they are written anyway, for y. That needs rows that lie whole on a device, with their labels.
"""

import functools
import operator
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from jaxcnn._sharding import layout, sharded_as, whole
from jaxcnn.forms import sums
from jaxcnn.forms.platforms import by_platform
from jaxcnn.forms.windows import widened

_FEW, _MANY = 2**16, 2**17  # logits, for `_by_taking_out`: no fewer, and no more unless rows are short
_SHORT = 63  # classes
_MANY_TERMS = 10**5  # for `_terms_taken_out`
_VECTORS = (16, 24, 32, 40)  # classes whose differences Z − Z[M] are better written than computed twice


def at_label(Z: Array, t: Array) -> Array:
    """Of Z's shape: which class is the example's label."""
    return lax.broadcasted_iota(t.dtype, Z.shape, Z.ndim - 1) == t[..., None]


def alone(Z: Array, t: Array) -> Callable[[Array, Array], tuple[Array, Array]]:
    """The form of above and R for a CPU.

    Milliseconds of the loss by it, by a mask, and by jax.grad's program (jaxlib 0.10.2):

        4,096 rows of 10 classes    by classes        0.044    0.061    0.050
        128 of 1,000                by taking out     0.043    0.060    0.042
        4,096 of 32                 by taking out     0.10     0.12     0.065
        16,384 of 32                by taking out     0.20     0.38     0.155
        64 of 1,000                 by taking out     0.054    0.042    0.036 to 0.053
        512 of 1,000                by taking out     0.16     0.13     0.11
        65,536 of 64                by taking out     1.7      1.5      1.3
    """
    if whole(Z, -1) and Z.shape[-1] <= sums.FEW_COLUMNS:
        return _by_classes
    logits = sums.numbers(Z)
    ahead = logits > _FEW and (logits <= _MANY or Z.shape[-1] <= _SHORT)
    return _by_taking_out if ahead and _can_take_out(Z, t) else _by_mask


def with_softmax(Z: Array, t: Array) -> tuple[Array, Array, Array]:
    """above, R and y, wide.

    Milliseconds of loss and gradient on a CPU, the terms taken out and by a mask (jaxlib 0.10.2; a row of few
    classes has its own sums, `sums.along`):

        128 rows of 1,000 classes    0.10     0.11          4,096 of 32     0.15    0.19
        1,024 of 1,000               0.43     0.74          8,192 of 16     0.16    0.22
        64 of 1,000                  0.094    0.045         16 of 30,000    0.18    0.19

    and of 16,384 rows of 32 classes 0.40 with differences that are written, 0.50 without.
    """
    many = Z.shape[-1] > sums.FEW_COLUMNS and sums.numbers(Z) >= _MANY_TERMS
    on_cpu = _terms_taken_out if many and _can_take_out(Z, t) else _terms_masked
    return by_platform(_logits(Z, t), cpu=on_cpu, default=_sums_in_one_kernel)


def _can_take_out(Z: Array, t: Array) -> bool:
    return whole(Z, -1) and layout(t) == sharded_as(*((Z, axis) for axis in range(t.ndim)))


class _Logits(NamedTuple):
    """Z, wide, with its labels, Z[M] and D = Z − Z[M]: traced once for the forms of all platforms."""

    Z: Array
    t: Array
    of_label: Array
    largest: Array
    D: Array


def _logits(Z: Array, t: Array) -> _Logits:
    wide = widened(Z)
    largest = jnp.max(wide, -1)
    return _Logits(wide, t, at_label(Z, t), largest, wide - largest[..., None])


# ------------------------------------------------------------------------------ above and R


def _by_classes(Z: Array, t: Array) -> tuple[Array, Array]:
    """Summed class by class in one kernel."""
    classes = [widened(lax.index_in_dim(Z, k, -1, keepdims=False)) for k in range(Z.shape[-1])]
    M = functools.reduce(jnp.maximum, classes)
    others = [jnp.where(t == k, 0, jnp.exp(logit - M)) for k, logit in enumerate(classes)]
    of_label = [jnp.where(t == k, logit, 0) for k, logit in enumerate(classes)]
    return functools.reduce(operator.add, of_label) - M, functools.reduce(operator.add, others)


def _by_taking_out(Z: Array, t: Array) -> tuple[Array, Array]:
    """The label's logit becomes −∞."""
    D = _logits(Z, t).D
    above = _looked_up(D, t)
    # an −∞ that waits until D is read, or it would be put into a copy of D
    return above, jnp.sum(jnp.exp(_put(D, t, above - jnp.inf)), -1)


def _by_mask(Z: Array, t: Array) -> tuple[Array, Array]:
    """Of all terms but the label's."""
    logits = _logits(Z, t)
    return _above(logits), _others(logits, jnp.exp(logits.D))


# --------------------------------------------------------------------------- above, R and y


def _terms_taken_out(logits: _Logits) -> tuple[Array, Array, Array]:
    D, t = logits.D, logits.t
    # what is looked up is written first
    above = _looked_up(D, t) if D.shape[-1] in _VECTORS else _above(logits)
    others = _put(jnp.exp(D), t, jnp.zeros_like(above))
    R, e = jnp.sum(others, -1), jnp.exp(above)
    return above, R, jnp.where(logits.of_label, e[..., None], others) / (R + e)[..., None]


def _terms_masked(logits: _Logits) -> tuple[Array, Array, Array]:
    above, terms = _above(logits), jnp.exp(logits.D)
    R = _others(logits, terms)
    return above, R, terms / (R + jnp.exp(above))[..., None]


def _sums_in_one_kernel(logits: _Logits) -> tuple[Array, Array, Array]:
    # of D all sums are parts of one kernel on a GPU, and one more costs less than to wait for above
    terms = jnp.exp(logits.D)
    above = jnp.sum(jnp.where(logits.of_label, logits.D, 0), -1)
    return above, _others(logits, terms), terms / jnp.sum(terms, -1, keepdims=True)


# --------------------------------------------------------------------------------- parts


def _above(logits: _Logits) -> Array:
    Z = logits.Z
    # the sums' kernel is slow if it looks up labels that are constants; a shared axis has no look-up
    if Z.shape[-1] <= sums.FEW_COLUMNS or not whole(Z, -1):
        return sums.along(Z.ndim - 1, jnp.where(logits.of_label, Z, 0)) - logits.largest
    return _looked_up(Z, logits.t) - logits.largest


def _others(logits: _Logits, terms: Array) -> Array:
    return sums.along(terms.ndim - 1, jnp.where(logits.of_label, 0, terms))


def _looked_up(X: Array, t: Array) -> Array:
    return jnp.take_along_axis(X, t[..., None], -1, mode="clip")[..., 0]


def _put(X: Array, k: Array, numbers: Array) -> Array:
    """X (…, K) with a number in place of X[k] in each row."""

    def put(row: Array, k: Array, number: Array) -> Array:
        return row.at[k].set(number, mode="clip")

    for _ in k.shape:
        put = jax.vmap(put)
    return put(X, k, numbers)
