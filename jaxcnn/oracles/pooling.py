"""Pools as their definitions: stack what the window sees, then take the first maximum or the mean."""

import math

import jax
import jax.numpy as jnp

from jaxcnn.oracles.convolution import each, slices


def _stack(A, window, stride, padding, dilation, border):
    """(F, B, *n_out, C): the taps of every window, and whether each lies on a pixel."""
    geometry = {
        "stride": tuple(window) if stride is None else stride,
        "padding": padding,
        "dilation": dilation,
    }
    values = jnp.stack(list(slices(A, window, border=border, **geometry)))
    inside = jnp.stack(list(slices(jnp.ones_like(A), window, **geometry))) > 0
    return values, inside


def _first_max(A, window, stride, padding, dilation):
    values, inside = _stack(A, window, stride, padding, dilation, -jnp.inf)
    top = jnp.max(values, axis=0, keepdims=True)
    return values, jnp.argmax(inside & ((values == top) | jnp.isnan(values)), axis=0)


def max_pool(A, window, *, stride=None, padding="VALID", dilation=1):
    """The first maximum of each window; a NaN is greater than every number; padding never counts."""
    if A.ndim == len(window) + 1:
        return max_pool(A[None], window, stride=stride, padding=padding, dilation=dilation)[0]
    values, index = _first_max(A, window, stride, padding, dilation)
    return jnp.take_along_axis(values, index[None], axis=0)[0]


def max_pool_dA(index, dZ, window, *, input_size, stride=None, padding="VALID", dilation=1):
    """The cotangent of picking tap index[m] of every window m, by `jax.vjp`."""
    n = each(input_size, len(window))
    batch = dZ.shape[: dZ.ndim - len(window) - 1]

    def pick(A):
        canonical = A.reshape(-1, *n, A.shape[-1])
        values, _ = _stack(canonical, window, stride, padding, dilation, 0.0)
        values = values.reshape(values.shape[0], *dZ.shape)
        return jnp.take_along_axis(values, index[None].astype(int), axis=0)[0]

    return jax.vjp(pick, jnp.zeros((*batch, *n, dZ.shape[-1]), dZ.dtype))[1](dZ)[0]


def avg_pool(A, window, *, stride=None, padding="VALID", dilation=1, count_padding=False):
    """The mean of each window, over all its taps or over those that lie on a pixel."""
    if A.ndim == len(window) + 1:
        keywords = {"stride": stride, "padding": padding, "dilation": dilation}
        return avg_pool(A[None], window, count_padding=count_padding, **keywords)[0]
    values, inside = _stack(A, window, stride, padding, dilation, 0.0)
    if count_padding:
        return jnp.sum(values, axis=0) / math.prod(window)
    return jnp.sum(values, axis=0) / jnp.sum(inside, axis=0).astype(A.dtype)


def avg_pool_dA(dZ, window, *, input_size, **keywords):
    """The cotangent of A, by `jax.vjp` of `avg_pool`."""
    batch = dZ.shape[: dZ.ndim - len(window) - 1]
    A = jnp.zeros((*batch, *each(input_size, len(window)), dZ.shape[-1]), dZ.dtype)
    return jax.vjp(lambda A: avg_pool(A, window, **keywords), A)[1](dZ)[0]
