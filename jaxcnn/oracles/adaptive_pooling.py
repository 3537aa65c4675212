"""Adaptive and global pools as their definitions: cut out each window, take its mean or first maximum."""

import itertools
import math

import jax.numpy as jnp


def _pool(reduce, A, n_out):
    """`reduce` of each window's pixels (B, pixels, C), put together as (B, *n_out, C)."""
    rank = len(n_out)
    if A.ndim == rank + 1:
        return _pool(reduce, A[None], n_out)[0]
    n, outputs = A.shape[1:-1], []
    for m in itertools.product(*map(range, n_out)):
        picks = [
            slice(m[a] * n[a] // n_out[a], ((m[a] + 1) * n[a] + n_out[a] - 1) // n_out[a])
            for a in range(rank)
        ]
        seen = A[(slice(None), *picks)]
        outputs.append(reduce(seen.reshape(A.shape[0], math.prod(seen.shape[1:-1]), A.shape[-1])))
    return jnp.stack(outputs, axis=1).reshape(A.shape[0], *n_out, A.shape[-1])


def _mean(pixels):
    return jnp.sum(pixels, axis=1) / pixels.shape[1]


def _first_max(pixels):
    nan = jnp.isnan(pixels)  # of several, argmax gives the first on a CPU and any on a GPU
    ranked = jnp.where(nan.any(axis=1, keepdims=True), nan.astype(pixels.dtype), pixels)
    first = jnp.argmax(ranked, axis=1, keepdims=True)
    return jnp.take_along_axis(pixels, first, axis=1)[:, 0]


def adaptive_avg_pool(A, output_size):
    """The mean of each window [⌊m·n/n_out⌋, ⌈(m + 1)·n/n_out⌉)."""
    return _pool(_mean, A, output_size)


def adaptive_max_pool(A, output_size):
    """The first maximum of each window [⌊m·n/n_out⌋, ⌈(m + 1)·n/n_out⌉)."""
    return _pool(_first_max, A, output_size)


def global_avg_pool(A, *, spatial):
    """The mean over all pixels."""
    return jnp.mean(A, axis=tuple(range(A.ndim - 1 - spatial, A.ndim - 1)))


def global_max_pool(A, *, spatial):
    """The first maximum over all pixels."""
    Z = _pool(_first_max, A, (1,) * spatial)
    return Z.reshape(*A.shape[: A.ndim - 1 - spatial], A.shape[-1])
