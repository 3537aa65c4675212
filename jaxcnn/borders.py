"""Borders filled from the image, for convolutions whose padding is "CIRCULAR" or "REFLECT".

The padded position i holds the pixel that (W.5) of `jaxcnn.window` names, i′. That is a linear map of the
image; its adjoint adds what arrives at the border back to the pixels that it was filled from:

    fill    A_pad[i] = A[i′]                                                                      (B.1)
    fold    dA[k] = Σ_{i: i′ = k} dA_pad[i]                                                       (B.2)

Each is the other's backward pass. The convolution itself then needs no padding.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, lax

from jaxcnn.forms.windows import widened
from jaxcnn.window import Window


def fill(window: Window, A: Array) -> Array:
    """A (B, *n, C) with its border, (B, *padded, C); A itself where the window's border is not filled.

    >>> from jaxcnn.window import resolve
    >>> window = resolve("conv", (4,), (3,), padding="CIRCULAR", filled=True)
    >>> fill(window, jnp.arange(4.0).reshape(1, 4, 1))[0, :, 0]
    Array([3., 0., 1., 2., 3., 0.], dtype=float32)
    """
    return A if window.border is None else _fill(window, A)


def fold(window: Window, dA: Array) -> Array:
    """The adjoint of `fill`: (B, *padded, C) as (B, *n, C).

    >>> from jaxcnn.window import resolve
    >>> window = resolve("conv", (4,), (3,), padding="CIRCULAR", filled=True)
    >>> fold(window, jnp.ones((1, 6, 1)))[0, :, 0]
    Array([2., 1., 1., 2.], dtype=float32)
    """
    return dA if window.border is None else _fold(window, dA)


# (B.1)  A_pad[i] = A[i′], one axis after the other
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _fill(window: Window, A: Array) -> Array:
    for axis in range(1, 1 + window.rank):
        low, high = (
            _turned(window, lax.slice_in_dim(A, *at, axis=axis), axis) for at in _sources(window, axis)
        )
        A = lax.concatenate([low, A, high], axis)
    return A


# (B.2)  dA[k] = Σ_{i: i′ = k} dA_pad[i], one axis after the other
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _fold(window: Window, dA: Array) -> Array:
    wide = widened(dA)
    for axis in range(1, 1 + window.rank):
        n, (p, q) = window.input_size[axis - 1], window.padding[axis - 1]
        total = lax.slice_in_dim(wide, p, p + n, axis=axis)
        for part, (start, stop) in zip(((0, p), (p + n, p + n + q)), _sources(window, axis), strict=True):
            piece = _turned(window, lax.slice_in_dim(wide, *part, axis=axis), axis)
            edges = [(start, n - stop, 0) if a == axis else (0, 0, 0) for a in range(wide.ndim)]
            total = total + lax.pad(piece, jnp.zeros((), wide.dtype), edges)
        wide = total
    return wide.astype(dA.dtype)


def _sources(window: Window, axis: int) -> tuple[tuple[int, int], tuple[int, int]]:
    return window.border_pixels(axis - 1)


def _turned(window: Window, piece: Array, axis: int) -> Array:
    return lax.rev(piece, (axis,)) if window.border == "REFLECT" else piece


def _fill_fwd(window: Window, A: Array):
    return _fill(window, A), None


def _fill_bwd(window: Window, _, dA: Array):
    return (_fold(window, dA),)


def _fold_fwd(window: Window, dA: Array):
    return _fold(window, dA), None


def _fold_bwd(window: Window, _, A: Array):
    return (_fill(window, A),)


_fill.defvjp(_fill_fwd, _fill_bwd)
_fold.defvjp(_fold_fwd, _fold_bwd)
