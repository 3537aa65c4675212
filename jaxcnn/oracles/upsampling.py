"""Upsampling as its definitions: pixels repeated, read off by their formula, or a matrix for each axis."""

import itertools
import math

import jax.numpy as jnp
import numpy as np


def upsample_nearest(A, factor):
    """Each pixel f times over."""
    for axis, f in enumerate(factor, start=A.ndim - 1 - len(factor)):
        A = jnp.repeat(A, f, axis=axis)
    return A


def upsample_bilinear(A, factor, *, align_corners=False):
    """Weights 1 − |x − k| on the pixels k nearest to x, the pixel's place in A, along every axis."""
    for axis, f in enumerate(factor, start=A.ndim - 1 - len(factor)):
        n, i = A.shape[axis], np.arange(A.shape[axis] * f)
        x = i * (n - 1) / max(n * f - 1, 1) if align_corners else np.clip((i + 0.5) / f - 0.5, 0, n - 1)
        M = np.maximum(0, 1 - np.abs(x[:, None] - np.arange(n)))
        A = jnp.moveaxis(jnp.tensordot(jnp.asarray(M, A.dtype), A, axes=(1, axis)), 0, axis)
    return A


def pixel_shuffle(A, factor):
    """Z at every factor-th pixel from r on: the channels r, r + F, r + 2F, … of A."""
    first = A.ndim - 1 - len(factor)
    F = math.prod(factor)
    size = [n * f for n, f in zip(A.shape[first:-1], factor, strict=True)]
    Z = jnp.zeros((*A.shape[:first], *size, A.shape[-1] // F), A.dtype)
    for flat, r in enumerate(itertools.product(*map(range, factor))):
        at = [slice(start, None, step) for start, step in zip(r, factor, strict=True)]
        Z = Z.at[(..., *at, slice(None))].set(A[..., flat::F])
    return Z


def pixel_unshuffle(Z, factor):
    """The pixels r, r + f, r + 2f, … of Z as the channels r, r + F, r + 2F, …."""
    pieces = [
        Z[(..., *(slice(start, None, step) for start, step in zip(r, factor, strict=True)), slice(None))]
        for r in itertools.product(*map(range, factor))
    ]
    stacked = jnp.stack(pieces, axis=-1)
    return stacked.reshape(*stacked.shape[:-2], stacked.shape[-2] * stacked.shape[-1])
