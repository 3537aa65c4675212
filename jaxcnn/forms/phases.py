"""The adjoint of a window's taps, read pixel by pixel: each gathers from the windows that see it.

Write pixel i = q·s + r with a phase 0 ≤ r < s, and p = P·s + π. By (W.1) window m = q + P − t sees it by

    tap j,   j·d = t·s + r + π,   if there is one

so that dA[q·s + r] = Σ_t V[q + P − t] over the t with a tap for r. For a fixed t that is one slice of V,
read by all phases alike: an axis q becomes (q, r), and the sum (B, q_0, s_0, q_1, s_1, …, C) is dA with its
axes cut in two. It takes ⌈e/s⌉ slices an axis or one more, and windows that tile take one.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxcnn._sharding import sharded_as
from jaxcnn.window import Window


class Read(NamedTuple):
    """What pixels q·s + r read from window q + shift: tap [r_0, r_1, …], flat; −1 where it has none for r."""

    shift: tuple[int, ...]
    tap: np.ndarray


def reads(window: Window) -> list[Read]:
    """All reads of a window: one for each t that has a tap for some phase."""
    every = []
    for along in itertools.product(*(_along(window, axis) for axis in range(window.rank))):
        flat, seen = np.zeros((), int), np.ones((), bool)
        for axis, (_, j) in enumerate(along):
            flat = flat[..., None] * window.size[axis] + j
            seen = seen[..., None] & (j >= 0)
        every.append(Read(tuple(shift for shift, _ in along), np.where(seen, flat, -1)))
    return every


class Look(NamedTuple):
    """Of each pixel a window that sees it along an axis, n_out where there is none, and by which tap."""

    window: np.ndarray
    tap: np.ndarray


def looks(window: Window) -> list[list[Look]]:
    """The reads as tables, one for each axis, in which every pixel looks up what it reads."""
    return [list(axes) for axes in itertools.product(*(_looks(window, axis) for axis in range(window.rank)))]


def _looks(window: Window, axis: int) -> list[Look]:
    """The looks along one axis."""
    n_out = window.output_size[axis]
    step, phase = np.divmod(np.arange(window.input_size[axis]), window.stride[axis])
    every = []
    for shift, taps in _along(window, axis):
        m, j = step + shift, taps[phase]
        seen = (m >= 0) & (m < n_out) & (j >= 0)
        every.append(Look(np.where(seen, m, n_out), np.where(seen, j, 0)))
    return every


def _along(window: Window, axis: int) -> list[tuple[int, np.ndarray]]:
    """(P − t, j(r) or −1) of one axis."""
    f, s, d = window.size[axis], window.stride[axis], window.dilation[axis]
    P, offset = divmod(window.padding[axis][0], s)
    found = []
    for t in range(-((s - 1 + offset) // s), (window.extent[axis] - 1 - offset) // s + 1):
        j, gap = np.divmod(t * s + np.arange(s) + offset, d)
        j = np.where((gap == 0) & (j >= 0) & (j < f), j, -1)
        if np.any(j >= 0):
            found.append((P - t, j))
    return found


def gather(window: Window, *arrays: Array) -> Iterator[tuple[np.ndarray, list[Array]]]:
    """For every read its taps (1, 1, s_0, 1, s_1, …, 1) and of each array V[q + shift], (B, q_0, 1, …, C).

    Beyond the windows the arrays are zero. They are padded even where they need not be: XLA on the CPU
    computes a padded array once, but one that is merely sliced it computes again for every slice.
    """
    every, steps = reads(window), _steps(window)
    shifts = list(zip(*(read.shift for read in every), strict=True))
    low = [max(0, -min(along)) for along in shifts]
    high = [max(0, n + max(along) - m) for n, along, m in zip(steps, shifts, window.output_size, strict=True)]
    if len(every) > 1:
        high[0] = max(high[0], 1)
    if any(low) or any(high):
        edges = [(0, 0, 0), *((p, q, 0) for p, q in zip(low, high, strict=True)), (0, 0, 0)]
        arrays = tuple(lax.pad(V, jnp.zeros((), V.dtype), edges) for V in arrays)
    for shift, taps in every:
        start = [p + o for p, o in zip(low, shift, strict=True)]
        limit = [a + n for a, n in zip(start, steps, strict=True)]
        slices = (lax.slice(V, (0, *start, 0), (V.shape[0], *limit, V.shape[-1])) for V in arrays)
        axes = range(2, 2 + 2 * window.rank, 2)
        yield _cut(taps), [jnp.expand_dims(V, tuple(axes)) for V in slices]


def join(V: Array, window: Window) -> Array:
    """(B, q_0, s_0, q_1, s_1, …, C) as (B, *n, C), the last q's phases beyond n dropped."""
    size = [q * s for q, s in zip(_steps(window), window.stride, strict=True)]
    layout = sharded_as((V, 0), *[None] * window.rank, (V, -1))
    V = lax.reshape(V, (V.shape[0], *size, V.shape[-1]), out_sharding=layout)
    return lax.slice(V, (0,) * V.ndim, (V.shape[0], *window.input_size, V.shape[-1]))


def cut(A: Array, window: Window) -> Array:
    """The inverse of `join`: (B, *n, C) as (B, q_0, s_0, q_1, s_1, …, C), zero beyond n."""
    steps = _steps(window)
    more = [(0, q * s - n, 0) for q, s, n in zip(steps, window.stride, window.input_size, strict=True)]
    A = lax.pad(A, jnp.zeros((), A.dtype), [(0, 0, 0), *more, (0, 0, 0)])
    axes = itertools.chain(*zip(steps, window.stride, strict=True))
    layout = sharded_as((A, 0), *[None] * (2 * window.rank), (A, -1))
    return lax.reshape(A, (A.shape[0], *axes, A.shape[-1]), out_sharding=layout)


def phased(V: Array, window: Window) -> Array:
    """V (B, q_0, 1, q_1, 1, …, C) repeated for every phase, (B, q_0, s_0, …, C)."""
    shape = list(V.shape)
    shape[2:-1:2] = window.stride
    return jnp.broadcast_to(V, shape)


def _steps(window: Window) -> Sequence[int]:
    """The number of q of each axis, ⌈n/s⌉."""
    return [-(-n // s) for n, s in zip(window.input_size, window.stride, strict=True)]


def _cut(taps: np.ndarray) -> np.ndarray:
    """(s_0, s_1, …) as (1, 1, s_0, 1, s_1, …, 1)."""
    return taps.reshape(1, *itertools.chain(*((1, s) for s in taps.shape)), 1)
