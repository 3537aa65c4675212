"""The first maximum of windows of uneven size, and the adjoint maps that go by its position.

Window m sees the pixels w(m) = w_0(m_0) × w_1(m_1) × …, a table of rows for each axis (`jaxcnn.forms.axes`),
whose entries j count row-major, as many along an axis as in its longest row. Over arrays (B, *n, C):

    first maximum   Z[m] = max_{i ∈ w(m)} A[i],   k[m] = the first j that reaches it
    place           dA[i] = Σ_{m: w(m)[k[m]] = i} dZ[m]      (linear in dZ once k is known)
    pick            Z[m] = A[w(m)[k[m]]]                      (its adjoint)

The maximum is taken along one axis after the other; in `place` every pixel looks up the windows that see it.
"""

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from functools import partial

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxcnn._sharding import whole
from jaxcnn.forms import axes, maxima, pooling
from jaxcnn.forms.phases import Look
from jaxcnn.forms.platforms import by_platform
from jaxcnn.forms.windows import narrowed, widened, written_out

_MOST_LOOKS, _MOST_ENTRIES = 25, 64  # unrolled
_SHORTEST, _LONGEST = 16, 32  # about: a run of entries whose maximum is one kernel's


def first_max(A: Array, tables: Sequence[axes.Rows]) -> tuple[Array, Array]:
    """Z and k; a NaN counts as the greatest value, so the first NaN of a window wins."""
    size = [rows.pixel.shape[1] for rows in tables]
    none = math.prod(size)  # no entry's number, but one that k can hold
    dtype = np.min_scalar_type(none)
    by_axes = partial(_by_axes, tables=tables, dtype=dtype)
    looked_up = partial(maxima.first_max, tables=tables, size=size, dtype=dtype)
    small = none <= _MOST_ENTRIES and not any(map(axes.at_once, tables))
    return by_platform(A, cpu=looked_up if small and maxima.may_look_up(A) else by_axes, default=by_axes)


def _by_axes(A: Array, tables: Sequence[axes.Rows], dtype: np.dtype) -> tuple[Array, Array]:
    """The last axis first: of a row's first maximum k is the position there, then of the first row."""
    Z, size = A, 1
    k = jnp.zeros((), dtype)  # a number: XLA would look up an array of zeros, and fold it
    for axis in reversed(range(len(tables))):
        along = _at_once if axes.at_once(tables[axis]) else _one_by_one
        Z, k = along(Z, k, tables[axis], 1 + axis, size)
        size *= tables[axis].pixel.shape[1]
    return narrowed(Z, A.dtype), k


def _one_by_one(Z: Array, k: Array, rows: axes.Rows, axis: int, size: int) -> tuple[Array, Array]:
    """The maximum of each row's entries and its position, `size` apart from entry to entry.

    k is the position along the axes before, or 0 if there are none.
    """
    values = [widened(value) for value in axes.entries(Z, rows, axis, absent=-math.inf)]
    Z = functools.reduce(jnp.maximum, values)
    before = axes.entries(k, rows, axis) if k.ndim else [jnp.zeros_like(Z, k.dtype)] * len(values)
    k = before[0]  # a row begins with a pixel, even if all are −inf
    for j in reversed(range(len(values))):
        reaches = (values[j] == Z) | jnp.isnan(values[j])
        k = jnp.where(reaches, before[j] + jnp.asarray(j * size, k.dtype), k)
    return Z, k


def _at_once(Z: Array, k: Array, rows: axes.Rows, axis: int, size: int) -> tuple[Array, Array]:
    """The same by reductions, which XLA on a CPU makes faster than those of argmax."""
    # apart from a reshape, or XLA would make a loop of several axes, without vectors
    values = widened(lax.optimization_barrier(axes.unfold(Z, rows, axis, absent=-math.inf)))
    Z = _largest(values, axis + 1)
    reaches = (values == jnp.expand_dims(Z, axis + 1)) | jnp.isnan(values)
    position = axes.unfold(k, rows, axis) if k.ndim else jnp.zeros_like(values, k.dtype)
    beyond = rows.pixel.shape[1] * size
    position += axes.along(np.arange(0, beyond, size, dtype=k.dtype), position, axis + 1)
    return Z, jnp.min(jnp.where(reaches, position, jnp.full_like(position, beyond)), axis + 1)


def _largest(values: Array, axis: int) -> Array:
    """The maximum along an axis, a NaN being the greatest.

    XLA's own is that, but on a CPU, where it drops the NaN of an array of many numbers (jaxlib 0.10.2 and
    0.12.0.1). For 32 images of 32×32, 64 channels, it takes 0.25 ms to look for one besides, 0.076 by maxima
    of runs, and of their maxima, and XLA's own 0.10 [0.085]. Devices that share the axis cannot cut it into
    runs.
    """

    largest = partial(jnp.max, axis=axis)

    def looked_for(values: Array) -> Array:
        Z = largest(values)
        return jnp.where(jnp.any(jnp.isnan(values), axis), jnp.full_like(Z, jnp.nan), Z)

    def by_runs(values: Array) -> Array:
        greatest = _by_squares
        while values.shape[axis] > 2:
            values = written_out(greatest(_runs(values, axis)))
            greatest = partial(_pairwise, jnp.maximum)  # of few numbers as fast, and a smaller program
        # of one number a channel nothing would keep XLA from computing it again wherever it is read
        ends = [lax.index_in_dim(values, j, axis, keepdims=False) for j in range(values.shape[axis])]
        return _pairwise(jnp.maximum, ends)

    return by_platform(values, cpu=by_runs if whole(values, axis) else looked_for, default=largest)


def _runs(values: Array, axis: int) -> list[Array]:
    """The first entry of each of several runs of one length, the second, …: they overlap where they must."""
    size = values.shape[axis]
    counts = range(max(2, -(-size // _LONGEST)), max(2, size // _SHORTEST) + 1)
    runs = min(counts, key=lambda runs: size % runs)
    apart = size // runs
    end = (runs - 1) * apart + 1
    return [lax.slice_in_dim(values, j, j + end, apart, axis) for j in range(size - end + 1)]


def _by_squares(entries: Sequence[Array]) -> Array:
    """The greatest of at least two entries, by two instructions each: `maximum` takes four, 0.088 ms above.

    A comparison drops a NaN, but a sum of squares is NaN where a number is, and nowhere else. The squares
    make two sums, since each addition waits for the one before: in one 0.083 ms.
    """
    greatest = _pairwise(lambda X, Y: jnp.where(X > Y, X, Y), entries)
    squares = sum(X * X for X in entries[::2]) + sum(X * X for X in entries[1::2])
    return jnp.where(jnp.isnan(squares), squares, greatest)


def _pairwise(larger: Callable[[Array, Array], Array], entries: Sequence[Array]) -> Array:
    """The greatest of them, two by two: where each waits for the one before, 0.14 ms above, not 0.088."""
    found = list(entries)
    while len(found) > 1:
        one_left = found[len(found) // 2 * 2 :]
        found = [*map(larger, found[::2], found[1::2]), *one_left]
    return found[0]


def place(k: Array, dZ: Array, tables: Sequence[axes.Rows], n: Sequence[int]) -> Array:
    """dA[i] = Σ_{m: w(m)[k[m]] = i} dZ[m], over n pixels."""
    size = [rows.pixel.shape[1] for rows in tables]
    seen = [_seen(rows, pixels) for rows, pixels in zip(tables, n, strict=True)]
    if math.prod(look.tap.shape[1] for look in seen) > _MOST_LOOKS:
        return _place_at_once(k, dZ, seen, size)
    columns = ([Look(*column) for column in zip(look.window.T, look.tap.T, strict=True)] for look in seen)
    return pooling.place_by_looks(k, dZ, [list(looks) for looks in itertools.product(*columns)], size)


def _seen(rows: axes.Rows, n: int) -> Look:
    """Of each of n pixels along an axis all windows that see it, and by which entry, (n, windows)."""
    slots = axes.slots(rows, n)
    m, j = np.divmod(slots.pixel, rows.pixel.shape[1])
    present = slots.weight != 0
    return Look(np.where(present, m, len(rows.pixel)), np.where(present, j, 0))


def _place_at_once(k: Array, dZ: Array, seen: Sequence[Look], size: Sequence[int]) -> Array:
    """dA by one reduction: n and the windows of each axis side by side."""
    k, V = pooling.with_none(k, size), widened(dZ)
    for axis, look in enumerate(seen):
        k, V = (jnp.take(X, look.window, axis=1 + 2 * axis, mode="clip") for X in (k, V))
    tap = _flat([look.tap for look in seen], size)
    counts = pooling.is_index(k, tap[None, ..., None])
    return jnp.sum(jnp.where(counts, V, jnp.zeros((), V.dtype)), range(2, V.ndim - 1, 2))


def pick(k: Array, A: Array, tables: Sequence[axes.Rows]) -> Array:
    """Z[m] = A[w(m)[k[m]]]."""
    size = [rows.pixel.shape[1] for rows in tables]
    for axis, rows in enumerate(tables):
        A = axes.unfold(A, rows, 1 + 2 * axis)
    entry = _flat([np.arange(n)[None] for n in size], size)
    chosen = pooling.is_index(jnp.expand_dims(k, tuple(range(2, A.ndim - 1, 2))), entry[None, ..., None])
    return jnp.sum(jnp.where(chosen, A, jnp.zeros((), A.dtype)), range(2, A.ndim - 1, 2))


def _flat(entries: Sequence[np.ndarray], size: Sequence[int]) -> np.ndarray:
    """The flat entry of one of each axis (rows, entries), row-major: (rows_0, entries_0, rows_1, …)."""
    flat = np.ravel_multi_index(np.ix_(*(j.reshape(-1) for j in entries)), tuple(size))
    return flat.reshape(*itertools.chain(*(j.shape for j in entries)))
