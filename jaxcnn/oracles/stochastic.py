"""Dropout as its definition."""

import jax
import jax.numpy as jnp
import numpy as np


def dropout(key, A, rate, *, spatial=False):
    """A times the mask over the chance to be kept."""
    shape = (len(A), *[1] * (A.ndim - 2), A.shape[-1]) if spatial else A.shape
    kept = jax.random.bernoulli(key, np.float32(1 - rate), shape)
    scale = 0.0 if rate == 1 else 1 / (1 - rate)
    return A * (scale * jnp.broadcast_to(kept, A.shape).astype(A.dtype))
