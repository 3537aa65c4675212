"""Upsampling by hand: linear maps with fixed weights, so that the backward pass is the adjoint map.

Symbols: A (B, *n, C) or (*n, C), Z (B, *n·f, C), f the factor of an axis, i a pixel of Z, k one of A.

    nearest    Z[i] = A[⌊i/f⌋]                       dA[k] = Σ_{i: ⌊i/f⌋ = k} dZ[i]               (U.1), (U.2)
    bilinear   Z[i] = (1 − t) A[⌊x⌋] + t A[⌊x⌋ + 1],  t = x − ⌊x⌋                                 (U.3)
               dA[k] = Σ_i dZ[i] (the weight of A[k] in Z[i])                                     (U.4)
    shuffle    Z[k·f + r, c] = A[k, c·F + r],  0 ≤ r < f,  F = f_1·f_2·…                          (U.5)
               unshuffle is its inverse, and being a permutation its adjoint                      (U.6)

For bilinear x, the place of Z's pixel i in A, is

    (i + ½)/f − ½ held within [0, n − 1]            pixels are areas, of which f cover one of A
    i (n − 1)/(n·f − 1)                             align_corners: pixels are points, corners on corners

and the axes are treated one after the other: linear, bilinear or trilinear for 1, 2 or 3 of them.
Sources: Shi et al., "Real-time single image and video super-resolution using an efficient sub-pixel
convolutional neural network", 2016 (U.5); the conventions are those of PyTorch's Upsample and PixelShuffle.
"""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from jaxcnn._arrays import floating, some_pixels, with_batch
from jaxcnn._errors import boolean, window_tuple, wrong_value
from jaxcnn.forms import axes
from jaxcnn.forms.windows import widened


def upsample_nearest(A: ArrayLike, factor: Sequence[int]) -> Array:
    """Z[i] = A[⌊i/f⌋]: every pixel f times over, equation (U.1).

    Args:
        A: (B, *n, C) or (*n, C).
        factor: f, a tuple with one integer of at least 1 for each of the 1 to 3 spatial axes.

    Returns:
        Z, (B, *n·f, C) or (*n·f, C).

    Raises:
        ValueError, TypeError: naming the argument, what came and what was expected.

    >>> upsample_nearest(jnp.array([[1.0], [2.0]], jnp.float32), (3,))[:, 0]
    Array([1., 1., 1., 2., 2., 2.], dtype=float32)
    """
    A, batched, f = _input("upsample_nearest", A, factor)
    Z = _nearest(f, A)
    return Z if batched else Z[0]


def upsample_bilinear(A: ArrayLike, factor: Sequence[int], *, align_corners: bool = False) -> Array:
    """Z[i] = (1 − t) A[⌊x⌋] + t A[⌊x⌋ + 1] along every axis, equation (U.3).

    Args:
        A: (B, *n, C) or (*n, C).
        factor: f, a tuple with one integer of at least 1 for each of the 1 to 3 spatial axes.
        align_corners: False: x = (i + ½)/f − ½ held within the image, as in `jax.image.resize`; True: the
            first and the last pixels of A and Z coincide.

    Returns:
        Z, (B, *n·f, C) or (*n·f, C).

    Raises:
        ValueError, TypeError: naming the argument, what came and what was expected.

    >>> upsample_bilinear(jnp.array([[0.0], [4.0]], jnp.float32), (2,))[:, 0]
    Array([0., 1., 3., 4.], dtype=float32)
    >>> upsample_bilinear(jnp.array([[0.0], [3.0]], jnp.float32), (2,), align_corners=True)[:, 0]
    Array([0., 1., 2., 3.], dtype=float32)
    """
    A, batched, f = _input("upsample_bilinear", A, factor)
    corners = boolean("upsample_bilinear", "align_corners", align_corners)
    Z = _bilinear(_Bilinear(A.shape[1:-1], f, corners), A)
    return Z if batched else Z[0]


def pixel_shuffle(A: ArrayLike, factor: Sequence[int]) -> Array:
    """Z[k·f + r, c] = A[k, c·F + r]: channels become pixels, equation (U.5).

    Args:
        A: (B, *n, C·F) or (*n, C·F). As in PyTorch, the F = f_1·f_2·… channels of one channel of Z are
            neighbours (r, row by row, varies fastest); in TensorFlow's depth_to_space c varies fastest.
        factor: f, a tuple with one integer of at least 1 for each of the 1 to 3 spatial axes.

    Returns:
        Z, (B, *n·f, C) or (*n·f, C).

    Raises:
        ValueError, TypeError: naming the argument, what came and what was expected.

    Source: Shi et al., 2016.

    >>> pixel_shuffle(jnp.arange(4.0, dtype=jnp.float32).reshape(1, 1, 4), (2, 2))[..., 0]
    Array([[0., 1.],
           [2., 3.]], dtype=float32)
    """
    A, batched, f = _input("pixel_shuffle", A, factor)
    if A.shape[-1] % math.prod(f):
        wrong_value(
            "pixel_shuffle",
            f"A has {A.shape[-1]} channels",
            f"a multiple of {math.prod(f)}, the product of factor = {f}",
        )
    Z = _shuffle(f, A)
    return Z if batched else Z[0]


def pixel_unshuffle(Z: ArrayLike, factor: Sequence[int]) -> Array:
    """A[k, c·F + r] = Z[k·f + r, c]: pixels become channels, the inverse of `pixel_shuffle`, (U.6).

    Args:
        Z: (B, *n·f, C) or (*n·f, C).
        factor: f, a tuple with one integer of at least 1 for each of the 1 to 3 spatial axes.

    Returns:
        A, (B, *n, C·F) or (*n, C·F).

    Raises:
        ValueError, TypeError: naming the argument, what came and what was expected.

    >>> pixel_unshuffle(jnp.arange(4.0, dtype=jnp.float32).reshape(2, 2, 1), (2, 2))
    Array([[[0., 1., 2., 3.]]], dtype=float32)
    """
    Z, batched, f = _input("pixel_unshuffle", Z, factor, argument="Z")
    for axis, (size, step) in enumerate(zip(Z.shape[1:-1], f, strict=True)):
        if size % step:
            wrong_value(
                "pixel_unshuffle",
                f"spatial axis {axis} of Z has {size} pixels",
                f"a multiple of factor[{axis}] = {step}",
            )
    A = _unshuffle(f, Z)
    return A if batched else A[0]


# ------------------------------------------------------------------------------ the rules

Factor = tuple[int, ...]
"""How many times larger the image becomes, along each spatial axis."""


# (U.1)  Z[i] = A[⌊i/f⌋], one axis after the other
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _nearest(f: Factor, A: Array) -> Array:
    for axis, copies in enumerate(f, start=1):
        before, n, after = A.shape[:axis], A.shape[axis], A.shape[axis + 1 :]
        A = jnp.broadcast_to(A.reshape(*before, n, 1, *after), (*before, n, copies, *after))
        A = A.reshape(*before, n * copies, *after)
    return A


# (U.2)  dA[k] = Σ_{i: ⌊i/f⌋ = k} dZ[i], one axis after the other
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _nearest_dA(f: Factor, dZ: Array) -> Array:
    dA = widened(dZ)
    for axis, copies in enumerate(f, start=1):
        n = dA.shape[axis] // copies
        dA = dA.reshape(*dA.shape[:axis], n, copies, *dA.shape[axis + 1 :]).sum(axis=axis + 1)
    return dA.astype(dZ.dtype)


class _Bilinear(NamedTuple):
    """What is static about the interpolation: n, f and where the pixels lie."""

    input_size: tuple[int, ...]
    factor: Factor
    align_corners: bool

    @property
    def tables(self) -> list[axes.Rows]:
        """Along each axis the pixels of A and their weights for each pixel of Z."""
        return [self._rows(n, f) for n, f in zip(self.input_size, self.factor, strict=True)]

    def _rows(self, n: int, f: int) -> axes.Rows:
        """(1 − t, t) at (⌊x⌋, ⌊x⌋ + 1)."""
        places = []
        for i in range(n * f):
            # x as a fraction, so that its floor is exact
            above, below = (i * (n - 1), max(n * f - 1, 1)) if self.align_corners else (2 * i + 1 - f, 2 * f)
            k, rest = divmod(min(max(above, 0), (n - 1) * below), below)
            places.append([(k, 1 - rest / below), (k + 1, rest / below)])
        return axes.table(places)


# (U.3)  Z[i] = (1 − t) A[⌊x⌋] + t A[⌊x⌋ + 1], one axis after the other
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _bilinear(spec: _Bilinear, A: Array) -> Array:
    return axes.apply_each(widened(A), spec.tables).astype(A.dtype)


# (U.4)  dA[k] = Σ_i dZ[i] (the weight of A[k] in Z[i]), one axis after the other
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _bilinear_dA(spec: _Bilinear, dZ: Array) -> Array:
    return axes.apply_each(widened(dZ), axes.adjoints(spec.tables, spec.input_size)).astype(dZ.dtype)


# (U.5)  Z[k·f + r, c] = A[k, c·F + r]
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _shuffle(f: Factor, A: Array) -> Array:
    batch, *n, channels = A.shape
    rank, c = len(f), channels // math.prod(f)
    pairs = [axis for a in range(rank) for axis in (1 + a, 2 + rank + a)]
    A = A.reshape(batch, *n, c, *f).transpose(0, *pairs, 1 + rank)  # (B, k_1, r_1, k_2, r_2, …, c)
    for axis in range(1, 1 + rank):
        k, r = A.shape[axis : axis + 2]
        A = A.reshape(*A.shape[:axis], k * r, *A.shape[axis + 2 :])
    return A


# (U.6)  A[k, c·F + r] = Z[k·f + r, c]
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _unshuffle(f: Factor, Z: Array) -> Array:
    batch, *size, c = Z.shape
    rank, n = len(f), [pixels // step for pixels, step in zip(size, f, strict=True)]
    for axis, (k, r) in enumerate(zip(n, f, strict=True)):
        Z = Z.reshape(*Z.shape[: 1 + 2 * axis], k, r, *Z.shape[2 + 2 * axis :])
    Z = Z.transpose(0, *range(1, 2 * rank, 2), 1 + 2 * rank, *range(2, 1 + 2 * rank, 2))
    return Z.reshape(batch, *n, c * math.prod(f))


def _adjoint(rule: Any, other: Any) -> None:
    """Declare that the backward pass of a linear rule is the other one."""
    rule.defvjp(lambda spec, A: (rule(spec, A), None), lambda spec, _, dZ: (other(spec, dZ),))


for _one, _two in ((_nearest, _nearest_dA), (_bilinear, _bilinear_dA), (_shuffle, _unshuffle)):
    _adjoint(_one, _two)
    _adjoint(_two, _one)


# ------------------------------------------------------------------------- argument checks


def _input(operation: str, A: Any, factor: Any, *, argument: str = "A") -> tuple[Array, bool, Factor]:
    """A with a batch axis, whether it came with one, and the factor."""
    A = floating(operation, argument, A)
    f = window_tuple(operation, "factor", factor)
    A, batched = with_batch(operation, argument, A, len(f), f"factor {f}")
    some_pixels(operation, argument, A)
    return A, batched, f
