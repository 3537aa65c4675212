"""Pools of large windows: f taps are two runs of f/2 side by side, so an axis takes about 2 log₂ f steps.

The maps of `jaxcnn.forms.pooling`, one axis after the other, the last first. With R_w[i] the sum of the w
taps from i on, or their maximum and its first tap,

    R_{v+w}[i] = R_v[i] ∘ R_w[i + v·d]

and the binary digits of f say which runs make up a window. Where the windows of an axis do not overlap,
its taps are taken one by one instead, each pixel once. The sum is its own adjoint but for stride and
padding; a maximum's gradient is one scatter-add, and its adjoint a gather, at the pixel that k names.
"""

import operator
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxcnn._sharding import vary_alike
from jaxcnn.forms.pooling import divided, index_dtype, on_pixels
from jaxcnn.forms.windows import pad, widened
from jaxcnn.window import Window

_MOST_APART = 64  # the most taps that are taken one by one: each is an operation of the program


def maximum(A: Array, window: Window) -> Array:
    """Z alone."""
    return first_max(A, window)[0]


def first_max(A: Array, window: Window) -> tuple[Array, Array]:
    """Z and k: the maximum of each window and the flat tap of the first pixel that reaches it."""
    Z = pad(A, window, -jnp.inf)
    index = jnp.zeros_like(Z, index_dtype(window))
    for axis in reversed(range(window.rank)):
        below = int(np.prod(window.size[axis + 1 :]))

        def first(left: Sequence[Array], right: Sequence[Array], taps: int, below: int = below):
            (best, index), (value, other) = left, right
            wins = (value > best) | (jnp.isnan(value) & ~jnp.isnan(best))
            other = other + jnp.asarray(taps * below, other.dtype)
            return jnp.where(wins, value, best), jnp.where(wins, other, index)

        Z, index = _windows((Z, index), window, axis, first)
    return Z, on_pixels(index, Z, window)


def total(A: Array, window: Window) -> Array:
    """Z = Σ_j S_j A, the padding counting zero."""
    Z = pad(widened(A), window)
    for axis in reversed(range(window.rank)):
        (Z,) = _windows((Z,), window, axis, _added)
    return Z


def spread(dZ: Array, window: Window, counts: Sequence[np.ndarray] | None = None) -> Array:
    """dA = Σ_j S_jᵀ dZ: the sum over the windows of dZ, or dZ/c, spread out with zeros, at stride 1."""
    if counts is not None:
        dZ = divided(dZ, counts)
    edges = [(0, 0, 0)]
    for n, m, e, s, (p, _) in zip(
        window.input_size, window.output_size, window.extent, window.stride, window.padding, strict=True
    ):
        edges.append((e - 1 - p, n - 1 + p - (m - 1) * s, s - 1))
    wide = widened(dZ)
    spaced = lax.pad(wide, jnp.zeros((), wide.dtype), [*edges, (0, 0, 0)])
    none = ((0, 0),) * window.rank
    return total(spaced, Window(spaced.shape[1:-1], window.size, (1,) * window.rank, none, window.dilation))


def place(index: Array, dZ: Array, window: Window) -> Array:
    """dA = Σ_j S_jᵀ [k = j] dZ."""
    pixel, wide = _pixel(index, window), _flat(widened(dZ))
    zeros, _ = vary_alike(jnp.zeros(int(np.prod(window.input_size)), wide.dtype), wide)

    def one(pixel: Array, dZ: Array) -> Array:
        return zeros.at[pixel].add(dZ, mode="drop")

    every = jax.vmap(jax.vmap(one, in_axes=1, out_axes=1))
    return every(pixel, wide).reshape(dZ.shape[0], *window.input_size, dZ.shape[-1])


def pick(index: Array, A: Array, window: Window) -> Array:
    """Z = Σ_j [k = j] S_j A."""

    def one(pixel: Array, A: Array) -> Array:
        return A.at[pixel].get(mode="fill", fill_value=0)

    every = jax.vmap(jax.vmap(one, in_axes=1, out_axes=1))
    return every(_pixel(index, window), _flat(A)).reshape(index.shape)


def _windows(
    parts: Sequence[Array], window: Window, axis: int, join: Callable[..., Sequence[Array]]
) -> Sequence[Array]:
    """The join of the taps of each window along one axis of the padded parts."""
    f, d, s = window.size[axis], window.dilation[axis], window.stride[axis]

    def joined(left: Sequence[Array], right: Sequence[Array], taps: int) -> Sequence[Array]:
        right = [lax.slice_in_dim(X, taps * d, None, axis=1 + axis) for X in right]
        n = min(left[0].shape[1 + axis], right[0].shape[1 + axis])
        left, right = ([lax.slice_in_dim(X, 0, n, axis=1 + axis) for X in side] for side in (left, right))
        return join(left, right, taps)

    last = (window.output_size[axis] - 1) * s + 1

    def each(parts: Sequence[Array], start: int) -> Sequence[Array]:
        return [lax.slice_in_dim(X, start, start + last, s, axis=1 + axis) for X in parts]

    if s >= f and f <= _MOST_APART:
        whole = each(parts, 0)
        for j in range(1, f):
            whole = join(whole, each(parts, j * d), j)
        return whole
    run, taps = parts, 1
    while not f & taps:
        run, taps = joined(run, run, taps), 2 * taps
    whole, covered = run, taps
    while covered < f:
        run, taps = joined(run, run, taps), 2 * taps
        if f & taps:
            whole, covered = joined(whole, run, covered), covered + taps
    return each(whole, 0)


def _added(left: Sequence[Array], right: Sequence[Array], taps: int) -> Sequence[Array]:
    return list(map(operator.add, left, right))


def _pixel(index: Array, window: Window) -> Array:
    """The flat pixel that tap k of each window sees, (B, M, C); their number where it sees padding."""
    tap, flat, inside = index.astype(np.int32), jnp.zeros_like(index, np.int32), jnp.ones_like(index, bool)
    below, size = int(np.prod(window.size)), int(np.prod(window.input_size))
    inside &= tap < below
    for axis in range(window.rank):
        n, f, (p, _) = window.input_size[axis], window.size[axis], window.padding[axis]
        below //= f
        j = (tap // below) % f
        m = lax.broadcasted_iota(np.int32, index.shape, 1 + axis)
        i = m * window.stride[axis] + j * window.dilation[axis] - p
        inside &= (i >= 0) & (i < n)
        flat = flat * n + i
    return _flat(jnp.where(inside, flat, jnp.full_like(flat, size)))


def _flat(X: Array) -> Array:
    """(B, *n, C) as (B, N, C)."""
    return X.reshape(X.shape[0], -1 if X.size else int(np.prod(X.shape[1:-1])), X.shape[-1])
