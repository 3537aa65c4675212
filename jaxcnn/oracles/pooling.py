"""Pools as their definitions: stack what the window sees, then take the first maximum or the mean."""

import functools
import math

import jax
import jax.numpy as jnp
from jax import lax

from jaxcnn.oracles.convolution import each, pairs, slices


def _stack(A, window, stride, padding, dilation, ceil_mode, border, counts=0.0):
    """(F, B, *n_out, C): the taps of every window, and whether each counts.

    Pixels count; `counts` tells whether the declared padding does. What ceil_mode adds never does.
    """
    rank, n = len(window), A.shape[1:-1]
    s, d = each(tuple(window) if stride is None else stride, rank), each(dilation, rank)
    edges = pairs(padding, n, window, s, d)
    extra = [0] * rank
    if ceil_mode:
        for a, (p, q) in enumerate(edges):
            span = d[a] * (window[a] - 1) + 1
            size = math.ceil((n[a] + p + q - span) / s[a]) + 1
            if (size - 1) * s[a] >= n[a] + p:
                size -= 1
            extra[a] = max(0, (size - 1) * s[a] + span - n[a] - p - q)
    padded = [(p, q + more) for (p, q), more in zip(edges, extra, strict=True)]
    values = jnp.stack(list(slices(A, window, stride=s, padding=padded, dilation=d, border=border)))
    declared = lax.pad(
        jnp.ones_like(A), jnp.asarray(counts, A.dtype), [(0, 0, 0), *((p, q, 0) for p, q in edges), (0, 0, 0)]
    )
    beyond = [(0, more) for more in extra]
    return values, jnp.stack(list(slices(declared, window, stride=s, padding=beyond, dilation=d))) > 0


def max_pool(A, window, *, stride=None, padding="VALID", dilation=1, ceil_mode=False, ties="first"):
    """The first maximum of each window, or the mean of all its maxima.

    A NaN is greater than every number; padding never counts.
    """
    if A.ndim == len(window) + 1:
        keywords = {"stride": stride, "padding": padding, "dilation": dilation, "ceil_mode": ceil_mode}
        return max_pool(A[None], window, ties=ties, **keywords)[0]
    values, inside = _stack(A, window, stride, padding, dilation, ceil_mode, -jnp.inf)
    top = functools.reduce(jnp.maximum, values)[None]  # jnp.max drops a NaN of many numbers, on a CPU
    maxima = inside & ((values == top) | jnp.isnan(values))
    if ties == "first":
        return jnp.take_along_axis(values, jnp.argmax(maxima, axis=0)[None], axis=0)[0]
    total = jnp.sum(jnp.where(maxima, values, jnp.zeros_like(values)), axis=0)
    return total / jnp.sum(maxima, axis=0).astype(A.dtype)


def max_pool_dA(index, dZ, window, *, input_size, stride=None, padding="VALID", dilation=1, ceil_mode=False):
    """The cotangent of picking tap index[m] of every window m, by `jax.vjp`."""
    n = each(input_size, len(window))
    batch = dZ.shape[: dZ.ndim - len(window) - 1]

    def pick(A):
        canonical = A.reshape(-1, *n, A.shape[-1])
        values, _ = _stack(canonical, window, stride, padding, dilation, ceil_mode, 0.0)
        values = values.reshape(values.shape[0], *dZ.shape)
        return jnp.take_along_axis(values, index[None].astype(int), axis=0)[0]

    return jax.vjp(pick, jnp.zeros((*batch, *n, dZ.shape[-1]), dZ.dtype))[1](dZ)[0]


def avg_pool(A, window, *, stride=None, padding="VALID", dilation=1, ceil_mode=False, count_padding=False):
    """The mean of each window over its taps that lie on a pixel, or on a pixel or the declared padding."""
    if A.ndim == len(window) + 1:
        keywords = {"stride": stride, "padding": padding, "dilation": dilation, "ceil_mode": ceil_mode}
        return avg_pool(A[None], window, count_padding=count_padding, **keywords)[0]
    counts = 1.0 if count_padding else 0.0
    values, counted = _stack(A, window, stride, padding, dilation, ceil_mode, 0.0, counts)
    return jnp.sum(values, axis=0) / jnp.sum(counted, axis=0).astype(A.dtype)


def avg_pool_dA(dZ, window, *, input_size, **keywords):
    """The cotangent of A, by `jax.vjp` of `avg_pool`."""
    batch = dZ.shape[: dZ.ndim - len(window) - 1]
    A = jnp.zeros((*batch, *each(input_size, len(window)), dZ.shape[-1]), dZ.dtype)
    return jax.vjp(lambda A: avg_pool(A, window, **keywords), A)[1](dZ)[0]
