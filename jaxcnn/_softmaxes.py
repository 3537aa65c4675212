"""What softmaxes and their cross-entropy share: sums counted from the largest logit, and softmax by them."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, lax

from jaxcnn._arrays import widened
from jaxcnn.forms import sums


def from_largest(axis: int, Z: Array) -> tuple[Array, Array]:
    """Z − Z[M] and R = Σ_{k≠M} exp(Z[k] − Z[M]), wide, so that log Σ exp(Z) = Z[M] + log1p(R).

    Without a search for M: of n entries as large as Z[M] all but one are in R, as 1 each. A 1 is taken from
    each, which XLA on a GPU makes faster than a 0 in its place.
    """
    Z = widened(Z)
    # 0 nowhere if Z[M] is infinite or NaN: above[M] is NaN then, and so is R
    above = Z - jnp.max(Z, axis, keepdims=True)
    equal = (above == 0).astype(above.dtype)
    others = sums.along(axis, jnp.exp(above) - equal)
    return above, others + jnp.maximum(sums.along(axis, equal) - 1, 0)


def quotients(axis: int, Z: Array) -> Array:
    """y of (S.1), by a sum of its own."""
    wide = widened(Z)
    terms = jnp.exp(wide - jnp.max(wide, axis, keepdims=True))
    return (terms / jnp.sum(terms, axis, keepdims=True)).astype(Z.dtype)


# (S.3)  y[k] = exp(Z[k] − Z[M]) / (1 + R), which beside the logarithm takes no sum more than it; elsewhere
#        than on a CPU a sum of its own costs less than a kernel that waits for the logarithm's
#        dZ as in (S.1)
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def probabilities(axis: int, Z: Array) -> Array:
    def beside_the_logarithm(Z: Array) -> Array:
        above, R = from_largest(axis, Z)
        return (jnp.exp(above) / (1 + R)).astype(Z.dtype)

    return lax.platform_dependent(Z, cpu=beside_the_logarithm, default=partial(quotients, axis))


def _probabilities_fwd(axis: int, Z: Array):
    y = probabilities(axis, Z)
    return y, y


@partial(jax.jit, static_argnums=(0,))
def softmax_bwd(axis: int, y: Array, dA: Array):
    """dZ of (S.1), from the probabilities."""
    wide_y, wide_dA = widened(y), widened(dA)
    D = sums.less(axis, wide_dA, wide_y > 0.5)
    return ((wide_y * (D - sums.along(axis, D * wide_y))).astype(y.dtype),)


probabilities.defvjp(_probabilities_fwd, softmax_bwd)
