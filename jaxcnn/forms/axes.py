"""Linear maps along one axis, each row of few entries: pools, interpolation.

    (M A)[m] = Σ_k weight[m, k] A[pixel[m, k]]                               `apply`
    (V A)[m, k] = A[pixel[m, k]], 0 where weight[m, k] = 0                   `unfold`

A map is a table of pixels and weights, as many in each row as in the longest; a weight of 0 marks an
absent entry, whose pixel is never used, be it NaN. The adjoint is a table too (`transposed`): it gathers,
and scatters nothing.
"""

import functools
import operator
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxcnn.forms.platforms import by_platform
from jaxcnn.forms.windows import like, positions, written
from jaxcnn.window import Window

MOST_ENTRIES = 32  # of a row, unrolled


class Rows(NamedTuple):
    """pixel and weight, both (rows, entries)."""

    pixel: np.ndarray
    weight: np.ndarray


def table(rows: Sequence[Sequence[tuple[int, float]]]) -> Rows:
    """The (pixel, weight) pairs of each row as a table; weights of 0 are left out."""
    entries = [[(i, w) for i, w in row if w] for row in rows]
    pixel = np.zeros((len(rows), max(map(len, entries), default=0) or 1), int)
    weight = np.zeros(pixel.shape)
    for m, row in enumerate(entries):
        for k, (i, w) in enumerate(row):
            pixel[m, k], weight[m, k] = i, w
    return Rows(pixel, weight)


def spans(bounds: Sequence[tuple[int, int]]) -> Rows:
    """Of every (start, stop) the pixels from one up to the other, each with weight 1."""
    start, stop = np.array(bounds).T[..., None]
    pixel = start + np.arange((stop - start).max())
    present = pixel < stop
    return Rows(np.where(present, pixel, 0), present.astype(float))


def windows(window: Window, axis: int) -> Rows:
    """S_0 + S_1 + … along an axis: of every window the pixels that it sees, in the order of its taps."""
    n = window.input_size[axis]
    return table([[(int(i), 1.0) for i in seen if 0 <= i < n] for seen in positions(window, axis)])


def transposed(rows: Rows, n: int) -> Rows:
    """The table of Mᵀ, from len(rows.pixel) windows to n pixels."""
    m, k = np.nonzero(rows.weight)
    i = rows.pixel[m, k]
    order = np.argsort(i, kind="stable")
    m, k, i = m[order], k[order], i[order]
    count = np.bincount(i, minlength=n)
    entry = np.arange(len(i)) - np.repeat(np.cumsum(count) - count, count)
    pixel = np.zeros((n, max(1, count.max(initial=0))), int)
    weight = np.zeros(pixel.shape)
    pixel[i, entry], weight[i, entry] = m, rows.weight[m, k]
    return Rows(pixel, weight)


def adjoints(maps: Sequence[Rows], n: Sequence[int]) -> list[Rows]:
    """The tables of the maps' adjoints, to n pixels along each axis."""
    return [transposed(rows, pixels) for rows, pixels in zip(maps, n, strict=True)]


def slots(rows: Rows, n: int) -> Rows:
    """The table of `unfold`'s adjoint, from its slots (m, k), counted row by row, to n pixels."""
    present = (rows.weight != 0).astype(float)
    return transposed(Rows(rows.pixel.reshape(-1, 1), present.reshape(-1, 1)), n)


def take(A: Array, rows: Rows, axis: int) -> Array:
    """A[pixel[m, k]]: the axis becomes two, (rows, entries)."""
    if np.array_equal(rows.pixel.reshape(-1), np.arange(A.shape[axis])):
        return A.reshape(*A.shape[:axis], *rows.pixel.shape, *A.shape[axis + 1 :])
    return jnp.take(A, rows.pixel, axis=axis, mode="clip")


def unfold(A: Array, rows: Rows, axis: int, absent: float = 0.0) -> Array:
    """V A: the axis becomes two, (rows, entries); and `absent` where an entry is absent."""
    taken = take(A, rows, axis)
    if np.all(rows.weight):
        return taken
    return jnp.where(along(rows.weight != 0, taken, axis), taken, jnp.full_like(taken, absent))


def entries(A: Array, rows: Rows, axis: int, absent: float = 0.0) -> list[Array]:
    """Every row's first entry of A along the axis, every row's second, …; and `absent` where it has fewer."""
    every = []
    for k in range(rows.weight.shape[1]):
        entry = Rows(rows.pixel[:, k : k + 1], rows.weight[:, k : k + 1])
        every.append(jnp.squeeze(unfold(A, entry, axis, absent), axis + 1))
    return every


def at_once(rows: Rows) -> bool:
    """Whether to reduce the entries of a row at once, not one by one: of a single row, or of too many."""
    return len(rows.weight) == 1 or rows.weight.shape[1] > MOST_ENTRIES


def apply(A: Array, rows: Rows, axis: int) -> Array:
    """M A along the axis, in A's dtype.

    Of several rows with not too many entries these are added up one by one: of that XLA on a CPU makes one
    loop, without a copy of what is read, and reads channels as vectors. A reduction over the entries takes 3
    to 25 times as long, and with a product inside it, of rank 8, as under vmap, crashes jaxlib 0.10.2.
    """
    ones = np.all((rows.weight == 0) | (rows.weight == 1))
    if np.all(rows.weight == 1) and np.array_equal(rows.pixel, [np.arange(A.shape[axis])]):
        return jnp.sum(A, axis=axis, keepdims=True)  # with an axis of rows XLA makes a slow loop
    if ones and at_once(rows):
        return jnp.sum(unfold(A, rows, axis), axis=axis + 1)
    terms = entries(A, rows, axis)
    if not ones:
        columns = zip(rows.weight.T.astype(A.dtype), terms, strict=True)
        terms = [term * along(weight, term, axis) for weight, term in columns]
    return functools.reduce(operator.add, terms)


def apply_each(A: Array, maps: Sequence[Rows]) -> Array:
    """A map along each axis of A (B, *n, C), one axis after the other; what adds up entries is `written`."""
    form = partial(each, maps=maps)
    adds_up = any(rows.pixel.shape[1] > 1 and not at_once(rows) for rows in maps)
    return by_platform(A, cpu=written(form), default=form) if adds_up else form(A)


def each(A: Array, maps: Sequence[Rows]) -> Array:
    """The same, which may be computed where it is read."""
    for axis, rows in enumerate(maps, start=1):
        A = apply(A, rows, axis)
    return A


def along(values: np.ndarray, X: Array, axis: int) -> Array:
    """Values of the axis, or of two from it on, broadcast over the other axes of X."""
    shape = [1] * X.ndim
    shape[axis : axis + values.ndim] = values.shape
    return like(values.reshape(shape), X)
