"""Gather, scatter and slices at computed places, in NumPy; for `jaxcnn.check.host`.

A window of the operand starts at each row of the indices. Both primitives come down to one array of
indices for every axis of the operand, of shape (…batch, …window), and to which windows are inside.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


def gather(x, indices, *, dimension_numbers, slice_sizes, mode, fill_value, **_):
    """The windows, their own axes at `offset_dims`."""
    numbers = dimension_numbers
    where, inside = _windows(
        x.shape,
        indices,
        slice_sizes,
        numbers.start_index_map,
        numbers.collapsed_slice_dims,
        numbers.operand_batching_dims,
        numbers.start_indices_batching_dims,
    )
    found = (
        x[where]
        if x.size
        else np.zeros(inside.shape[: indices.ndim - 1] + where[0].shape[indices.ndim - 1 :])
    )
    if "FILL" in str(mode):
        if fill_value is None:
            fill_value = _outside(x.dtype)
        found = np.where(inside, found, np.asarray(fill_value, x.dtype))
    axes = tuple(map(int, numbers.offset_dims))
    return np.moveaxis(found, range(found.ndim - len(axes), found.ndim), axes)


def scatter(combine: Callable[..., Any] | None) -> Callable[..., Any]:
    """The rule that puts updates in place of what is there, or combines them with it by a ufunc."""

    def rule(x, indices, updates, *, dimension_numbers, mode, **_):
        numbers = dimension_numbers
        axes = tuple(map(int, numbers.update_window_dims))
        updates = np.moveaxis(updates, axes, range(updates.ndim - len(axes), updates.ndim))
        missing = (*numbers.inserted_window_dims, *numbers.operand_batching_dims)
        sizes = iter(updates.shape[updates.ndim - len(axes) :])
        window = [1 if k in missing else next(sizes) for k in range(x.ndim)]
        where, inside = _windows(
            x.shape,
            indices,
            window,
            numbers.scatter_dims_to_operand_dims,
            numbers.inserted_window_dims,
            numbers.operand_batching_dims,
            numbers.scatter_indices_batching_dims,
        )
        result = np.array(x)
        kept = np.broadcast_to(inside | ("CLIP" in str(mode)), updates.shape)
        places = tuple(np.broadcast_to(i, updates.shape)[kept] for i in where)
        if combine is None:
            result[places] = updates[kept]
        else:
            combine.at(result, places, updates[kept])
        return result

    return rule


def dynamic_slice(x, *starts, slice_sizes, **_):
    """A window that is moved inside where it would stick out."""
    return x[_moved_inside(x.shape, starts, slice_sizes)]


def dynamic_update_slice(x, update, *starts, **_):
    """The same with an update written there."""
    result = np.array(x)
    result[_moved_inside(x.shape, starts, update.shape)] = update
    return result


def _moved_inside(shape: Sequence[int], starts: Sequence[Any], sizes: Sequence[int]) -> tuple[slice, ...]:
    lows = [min(max(int(s), 0), n - size) for n, s, size in zip(shape, starts, sizes, strict=True)]
    return tuple(slice(low, low + size) for low, size in zip(lows, sizes, strict=True))


def _windows(shape, indices, sizes, to_axes, collapsed, batching, indices_batching):
    """For each axis of the operand an array of indices (…batch, …window), and (…batch, 1 …) which are inside.

    Windows that stick out are moved inside.
    """
    batch = indices.ndim - 1
    kept = [k for k in range(len(shape)) if k not in (*collapsed, *batching)]
    starts: dict[int, Any] = {
        int(axis): indices[..., k].astype(np.int64) for k, axis in enumerate(map(int, to_axes))
    }
    inside = np.ones(indices.shape[:-1], bool)
    for axis, start in starts.items():
        last = shape[axis] - sizes[axis]
        inside &= (start >= 0) & (start <= last)
        starts[axis] = np.clip(start, 0, max(last, 0))
    for axis, of_indices in zip(batching, indices_batching, strict=True):
        placed = [1] * batch
        placed[of_indices] = shape[axis]
        starts[int(axis)] = np.arange(shape[axis]).reshape(placed)
    wide = (..., *[None] * len(kept))
    where = []
    for axis in range(len(shape)):
        along = np.asarray(starts.get(axis, np.zeros((1,) * batch, np.int64)))[wide]
        if axis in kept:
            placed = [1] * len(kept)
            placed[kept.index(axis)] = sizes[axis]
            along = along + np.arange(sizes[axis]).reshape(placed)
        where.append(along)
    return tuple(np.broadcast_arrays(*where)) if where else (), inside[wide]


def _outside(dtype: np.dtype) -> Any:
    """What jax fills with where nothing else is asked for."""
    if np.issubdtype(dtype, np.floating):
        return np.nan
    if not np.issubdtype(dtype, np.integer):
        return True
    return np.iinfo(dtype).min if np.issubdtype(dtype, np.signedinteger) else np.iinfo(dtype).max
