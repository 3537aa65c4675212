"""Dropout by hand: a linear map of A once its mask is drawn, and its own adjoint.

    A   activations          m  the mask, 1 with probability 1 − q, else 0
    Z   after dropout        q  the rate            dX  the cotangent ∂L/∂X of X

    Z = m A/(1 − q)          dA = m dZ/(1 − q)                                                  (K.1)

so the backward pass is the operation itself, with the same mask, applied to dZ, to any order. The residual
is the mask, a byte an entry: to draw it anew would take twenty times as long as to read it. The mean of Z
over the masks is A.

Conventions. Where m = 0, Z and dA are 0, whatever A and dZ are, a NaN too; q = 1 gives 0 throughout. The
mask depends on the key, the rate and the shape, not on the dtype.
Source: Srivastava et al. 2014; whole channels: Tompson et al. 2015.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from jaxcnn._arrays import floating, one_key
from jaxcnn._errors import boolean, number, wrong_value


def dropout(key: Array, A: ArrayLike, rate: float, *, spatial: bool = False) -> Array:
    """Z = m A/(1 − rate), (K.1): each entry 0 with probability `rate`, the others scaled up.

    Args:
        key: one key of `jax.random`, typed (`jax.random.key`) or raw (`jax.random.PRNGKey`).
        A: activations of any shape; (B, *n, C) where spatial.
        rate: q, a Python number from 0 to 1.
        spatial: drop whole channels of an example: one draw for all of its pixels.

    Returns:
        Z, of A's shape and dtype.

    Raises:
        ValueError, TypeError: naming the argument, what came and what was expected.

    Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014.

    >>> dropout(jax.random.key(0), jnp.ones(6, jnp.float32), 0.5)
    Array([0., 0., 2., 2., 0., 2.], dtype=float32)
    """
    A = floating("dropout", "A", A)
    rate = number("dropout", "rate", rate, "from 0 to 1", lambda q: 0 <= q <= 1)
    if boolean("dropout", "spatial", spatial) and A.ndim < 3:
        wrong_value(
            "dropout", f"A has shape {A.shape}", "(B, *n, C) with at least one spatial axis, where spatial"
        )
    key = one_key("dropout", key)
    shape = (A.shape[0], *(1 for _ in A.shape[1:-1]), A.shape[-1]) if spatial else A.shape
    return A if rate == 0 else _dropout(_Spec(rate, shape), key, A)


# ------------------------------------------------------------------------------ the rule


class _Spec(NamedTuple):
    """What is static: the rate and the shape of the mask, which is broadcast to A's."""

    rate: float
    shape: tuple[int, ...]


@partial(jax.jit, static_argnums=(0,))
def _dropout(spec: _Spec, key: Array, A: Array) -> Array:
    keep = np.float32(1 - spec.rate)
    return _masked(1 - spec.rate, jax.random.bernoulli(key, keep, spec.shape), A)


# (K.1)  Z = m A/(1 − q)          dA = m dZ/(1 − q)
@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _masked(keep: float, mask: Array, A: Array) -> Array:
    return jnp.where(jnp.broadcast_to(mask, A.shape), A / (keep or 1), 0)


def _masked_fwd(keep: float, mask: Array, A: Array):
    return _masked(keep, mask, A), mask


def _masked_bwd(keep: float, mask: Array, dZ: Array):
    return None, _masked(keep, mask, dZ)


_masked.defvjp(_masked_fwd, _masked_bwd)
