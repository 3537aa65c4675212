"""What the loss of a label needs of its logits, with and without the softmax that its gradient is made of.

Of logits Z (…, K), labels t (…) and the largest logit Z[M] of each row:

    above   Z[t] − Z[M]
    R       Σ_{k≠t} exp(Z[k] − Z[M])
    y       exp(Z[k] − Z[M])/(R + exp(above))
"""

import functools
import operator
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array, lax

from jaxcnn._sharding import layout, sharded_as, whole
from jaxcnn.forms import sums
from jaxcnn.forms.platforms import by_platform
from jaxcnn.forms.windows import widened

_FEW, _MANY = 2**16, 2**17  # numbers of Z between which `by_taking_out` is ahead,
_LONG = 64  # and beyond for shorter rows
_MANY_TERMS = 10**5  # numbers of Z from which on `with_softmax` takes the label's term out


def at_label(Z: Array, t: Array) -> Array:
    """Of Z's shape: which class is the example's label."""
    return lax.broadcasted_iota(t.dtype, Z.shape, Z.ndim - 1) == t[..., None]


def alone(Z: Array, t: Array) -> Callable[[Array, Array], tuple[Array, Array]] | None:
    """The form for a CPU; None where the sums that make softmax too are as fast.

    Milliseconds, jaxlib 0.10.2, and those of these sums and of jax.grad's program:

        4,096 rows of 10 classes    by_classes       0.044    0.061    0.050
        128 of 1,000                by_taking_out    0.043    0.060    0.042
        4,096 of 32                 by_taking_out    0.10     0.12     0.065
        16,384 of 32                by_taking_out    0.20     0.38     0.155
        64 of 1,000                 by_taking_out    0.054    0.042    0.036 to 0.053
        512 of 1,000                by_taking_out    0.16     0.13     0.11
        65,536 of 64                by_taking_out    1.7      1.5      1.3
    """
    if whole(Z, -1) and Z.shape[-1] <= sums.FEW_COLUMNS:
        return by_classes
    size = sums.numbers(Z)
    ahead = size > _FEW and (size <= _MANY or Z.shape[-1] < _LONG)
    return by_taking_out if ahead and _can_take_out(Z, t) else None


def with_softmax(Z: Array, t: Array) -> tuple[Array, Array, Array]:
    """above, R and y, wide.

    On a CPU the label's term becomes 0 where it lies, and YNNPACK sums the row, if there are many. Loss and
    gradient take so many milliseconds, and with the terms masked and summed by a product (jaxlib 0.10.2):

        128 rows of 1,000 classes    0.10    0.11        4,096 of 32     0.15    0.19
        1,024 of 1,000               0.43    0.74        8,192 of 16     0.16    0.22
        4,096 of 1,000               1.2     1.9         70 of 1,000     0.105   0.095
    """
    wide, of_label = widened(Z), at_label(Z, t)
    M = jnp.max(wide, -1)
    D = wide - M[..., None]
    terms = jnp.exp(D)

    def taken_out() -> tuple[Array, Array, Array]:
        above = looked_up()
        others = _put(terms, t, jnp.zeros_like(above))
        R, e = jnp.sum(others, -1), jnp.exp(above)
        return above, R, jnp.where(of_label, e[..., None], others) / (R + e)[..., None]

    def left_out() -> tuple[Array, Array, Array]:
        above, R = looked_up(), sums.along(Z.ndim - 1, jnp.where(of_label, 0, terms))
        return above, R, terms / (R + jnp.exp(above))[..., None]

    def looked_up() -> Array:
        # the sums' kernel is slow if it looks up labels that are constants; a shared axis has no look-up
        if Z.shape[-1] <= sums.FEW_COLUMNS or not whole(Z, -1):
            return sums.along(Z.ndim - 1, jnp.where(of_label, wide, 0)) - M
        return jnp.take_along_axis(wide, t[..., None], -1, mode="clip")[..., 0] - M

    def masked() -> tuple[Array, Array, Array]:
        # of D all sums are parts of one kernel on a GPU, and one more costs less than to wait for L
        R = jnp.sum(jnp.where(of_label, 0, terms), -1)
        return jnp.sum(jnp.where(of_label, D, 0), -1), R, terms / jnp.sum(terms, -1, keepdims=True)

    many = Z.shape[-1] > sums.FEW_COLUMNS and sums.numbers(Z) >= _MANY_TERMS
    return by_platform(cpu=taken_out if many and _can_take_out(Z, t) else left_out, default=masked)


def _can_take_out(Z: Array, t: Array) -> bool:
    return whole(Z, -1) and layout(t) == sharded_as(*((Z, axis) for axis in range(t.ndim)))


def by_classes(Z: Array, t: Array) -> tuple[Array, Array]:
    """above and R, summed class by class in one kernel."""
    classes = [widened(lax.index_in_dim(Z, k, -1, keepdims=False)) for k in range(Z.shape[-1])]
    M = functools.reduce(jnp.maximum, classes)
    others = [jnp.where(t == k, 0, jnp.exp(logit - M)) for k, logit in enumerate(classes)]
    of_label = [jnp.where(t == k, logit, 0) for k, logit in enumerate(classes)]
    return functools.reduce(operator.add, of_label) - M, functools.reduce(operator.add, others)


def by_taking_out(Z: Array, t: Array) -> tuple[Array, Array]:
    """above and R, whose label's logit becomes −∞ where it lies: YNNPACK sums the row."""
    wide = widened(Z)
    D = wide - jnp.max(wide, -1, keepdims=True)
    above = jnp.take_along_axis(D, t[..., None], -1, mode="clip")[..., 0]
    # an −∞ that waits until D is read, or it would be put into a copy of D
    return above, jnp.sum(jnp.exp(_put(D, t, above - jnp.inf)), -1)


def _put(X: Array, k: Array, numbers: Array) -> Array:
    """X (…, K) with a number in place of X[k] in each row."""

    def put(row: Array, k: Array, number: Array) -> Array:
        return row.at[k].set(number, mode="clip")

    for _ in k.shape:
        put = jax.vmap(put)
    return put(X, k, numbers)
