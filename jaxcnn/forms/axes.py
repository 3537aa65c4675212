"""Linear maps along one axis, each row of few entries: pools of uneven windows, interpolation.

    (M A)[m] = Σ_k weight[m, k] A[pixel[m, k]]                               `apply`
    (V A)[m, k] = A[pixel[m, k]], 0 where weight[m, k] = 0                   `unfold`

A map is a table of pixels and weights, as many in each row as in the longest; a weight of 0 marks an
absent entry, whose pixel is never used, be it NaN. The adjoint is a table too (`transposed`): it gathers,
and scatters nothing.
"""

import functools
import operator
from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxcnn.forms.windows import like


class Rows(NamedTuple):
    """pixel and weight, both (rows, entries)."""

    pixel: np.ndarray
    weight: np.ndarray


def table(rows: Sequence[Sequence[tuple[int, float]]]) -> Rows:
    """The (pixel, weight) pairs of each row as a table; weights of 0 are left out."""
    entries = [[(i, w) for i, w in row if w] for row in rows]
    pixel = np.zeros((len(rows), max(map(len, entries))), int)
    weight = np.zeros(pixel.shape)
    for m, row in enumerate(entries):
        for k, (i, w) in enumerate(row):
            pixel[m, k], weight[m, k] = i, w
    return Rows(pixel, weight)


def transposed(rows: Rows, n: int) -> Rows:
    """The table of Mᵀ, from len(rows.pixel) windows to n pixels."""
    entries: list[list[tuple[int, float]]] = [[] for _ in range(n)]
    for m, row in enumerate(rows.pixel):
        for i, w in zip(row, rows.weight[m], strict=True):
            entries[i].append((m, w))
    return table(entries)


def slots(rows: Rows, n: int) -> Rows:
    """The table of `unfold`'s adjoint, from its slots (m, k), counted row by row, to n pixels."""
    present = (rows.weight != 0).astype(float)
    return transposed(Rows(rows.pixel.reshape(-1, 1), present.reshape(-1, 1)), n)


def take(A: Array, rows: Rows, axis: int) -> Array:
    """A[pixel[m, k]]: the axis becomes two, (rows, entries)."""
    if np.array_equal(rows.pixel.reshape(-1), np.arange(A.shape[axis])):
        return A.reshape(*A.shape[:axis], *rows.pixel.shape, *A.shape[axis + 1 :])
    return jnp.take(A, rows.pixel, axis=axis, mode="clip")


def unfold(A: Array, rows: Rows, axis: int) -> Array:
    """V A: the axis becomes two, (rows, entries), zero where an entry is absent."""
    return _present(take(A, rows, axis), rows, axis)


def apply(A: Array, rows: Rows, axis: int) -> Array:
    """M A along the axis, in A's dtype.

    Rows of ones, however long, are one reduction. Other weights belong to interpolation, whose rows are
    short, and are added up entry by entry: a product inside a reduction of rank 8, as under vmap, crashes
    jaxlib 0.10.2 on the CPU (its fusion with a broadcast constant).
    """
    if np.all((rows.weight == 0) | (rows.weight == 1)):
        return jnp.sum(unfold(A, rows, axis), axis=axis + 1)
    terms = []
    for k in range(rows.weight.shape[1]):
        entry = Rows(rows.pixel[:, k : k + 1], rows.weight[:, k : k + 1])
        taken = unfold(A, entry, axis)
        terms.append(taken * _along(entry.weight.astype(A.dtype), taken, axis))
    return jnp.squeeze(functools.reduce(operator.add, terms), axis + 1)


def _present(taken: Array, rows: Rows, axis: int) -> Array:
    if np.all(rows.weight):
        return taken
    return jnp.where(_along(rows.weight != 0, taken, axis), taken, jnp.zeros_like(taken))


def _along(values: np.ndarray, taken: Array, axis: int) -> Array:
    """(rows, entries) broadcast over the other axes of `taken`."""
    shape = [1] * taken.ndim
    shape[axis : axis + 2] = values.shape
    return like(values.reshape(shape), taken)
