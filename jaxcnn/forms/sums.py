"""Sums along an axis of what is computed entry by entry.

On a CPU XLA fuses the entries into the loop that adds them up. Along the last axis that loop, whose order is
fixed, adds one number at a time; a product with a column of ones adds several at once. Milliseconds to sum
1,024 rows of 1,000 masked numbers on two cores (jaxlib 0.10.2): 0.48 by the loop, 0.25 by the product.
"""

import jax.numpy as jnp
from jax import Array, lax

from jaxcnn._sharding import sharded_as


def along(axis: int, X: Array) -> Array:
    """Σ over the axis of X, which stays as one of size 1."""

    def by_loop(X: Array) -> Array:
        return jnp.sum(X, axis, keepdims=True)

    if axis != X.ndim - 1:
        return by_loop(X)
    return lax.platform_dependent(X, cpu=by_product, default=by_loop)


def by_product(X: Array) -> Array:
    """X (…, K) times a column of ones: Σ over the last axis, (…, 1)."""
    ones = jnp.ones((X.shape[-1], 1), X.dtype)
    sharding = sharded_as(*((X, axis) for axis in range(X.ndim - 1)), None)
    return jnp.matmul(X, ones, precision=lax.Precision.HIGHEST, out_sharding=sharding)
