"""Pools over the taps of a window: the first maximum and its position, the sum, and their adjoints.

With S_j of `jaxcnn.forms.windows`, all over canonical arrays (B, *n, C):

    maximum         Z = max_j S_j A
    first maximum   Z,   k = the first j that reaches it
    pick            Z = Σ_j [k = j] S_j A          (linear in A once k is known)
    place           dA = Σ_j S_jᵀ [k = j] dZ       (its adjoint: windows that overlap add up)
    all maxima      Z,   M = the set of all j that reach it
    mean            Z = Σ_{j ∈ M} S_j A / |M|      (linear in A once M is known)
    share           dA = Σ_j S_jᵀ [j ∈ M] dZ/|M|   (its adjoint)
    total           Z = Σ_j S_j A
    spread          dA = Σ_j S_jᵀ dZ               (its adjoint), or of dZ/c

The position of the maximum is one small unsigned integer a window, the set of all maxima one bit a tap,
packed in bytes: M (B, *n_out, ⌈F/8⌉, C). Keeping it makes the backward pass a sum of masked shifts,
where XLA's select-and-scatter would search every window again.
"""

import functools
import math
import operator
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxcnn.forms import axes, maxima, phases
from jaxcnn.forms.platforms import by_platform
from jaxcnn.forms.windows import (
    accumulator,
    like,
    narrowed,
    pad,
    pad_once,
    pixels,
    placed,
    tap,
    transposed,
    untap,
    widened,
    written,
)
from jaxcnn.window import Window

_VERY_FEW, _SOME, _FEW = 8, 16, 32  # channels
_MOST_READS = 25  # unrolled
_FEW_TAPS = 9  # so few XLA on a GPU adds up faster in one pass


def taps(window: Window) -> int:
    """The number of taps of a window, f_0·f_1·…"""
    return math.prod(window.size)


def index_dtype(window: Window) -> np.dtype:
    """The smallest unsigned integer that holds every flat tap index; the same on every platform."""
    return np.min_scalar_type(taps(window) - 1)


def inside_counts(window: Window, border: Sequence[tuple[int, int]]) -> list[np.ndarray]:
    """c_a of every axis, (n_out,): how many taps see a pixel or the (low, high) border next to the pixels."""
    return [np.sum(window.inside(axis, border[axis]), axis=1) for axis in range(window.rank)]


def divided(X: Array, counts: Sequence[np.ndarray]) -> Array:
    """X of windows over c, the product of their counts along the axes."""
    c = functools.reduce(np.multiply.outer, counts)[..., None]
    c = c.reshape(-1)[0] if np.all(c == c.reshape(-1)[0]) else c  # XLA multiplies by 1/4, a scalar
    return X / jnp.broadcast_to(jnp.asarray(c, X.dtype), X.shape)


def _inside(window: Window, j: Sequence[int]) -> np.ndarray:
    """Whether tap j of each window sees a pixel: (*n_out, 1)."""
    along = (np.asarray(window.inside(axis))[:, j[axis]] for axis in range(window.rank))
    return functools.reduce(np.logical_and.outer, along)[..., None]


def _first_inside(window: Window) -> np.ndarray:
    """The first flat tap of each window that sees a pixel: (*n_out, 1)."""
    first = np.zeros((), int)
    for axis in range(window.rank):
        along = np.argmax(window.inside(axis), axis=1)
        first = first[..., None] * window.size[axis] + along
    return first[..., None]


def maximum(A: Array, window: Window) -> Array:
    """Z alone, as no gradient asks for more: the maximum of each window, of which the padding is none."""

    def of_first(A: Array) -> Array:
        return first_max(A, window)[0]

    looked_up = len(phases.reads(window)) > 1 and A.shape[-1] > _VERY_FEW
    on_cpu = partial(maxima.maximum, tables=_tables(window)) if looked_up else of_first
    # what is narrowed is of integers, which a sum reads fast
    return by_platform(A, cpu=on_cpu if A.dtype.itemsize < 4 else written(on_cpu), default=of_first)


def first_max(A: Array, window: Window) -> tuple[Array, Array]:
    """Z and k: the maximum of each window and the flat tap of the first pixel that reaches it.

    A NaN counts as the greatest value, so the first NaN of a window wins. The padding never wins, not
    even against pixels of −inf.
    """
    at_once, then, looked_up = (
        partial(form, window=window)
        for form in (_maximum_and_first, _maximum_then_first, _looked_up_maximum_and_first)
    )
    overlap = len(phases.reads(window)) > 1
    may = maxima.may_look_up(A) and _pixels_look_up(window, A.shape[-1])
    on_cpu = overlap and window.rank > 1 and may
    return by_platform(A, cpu=looked_up if on_cpu else at_once, cuda=then, default=at_once)


def _maximum_and_first(A: Array, window: Window) -> tuple[Array, Array]:
    """Z and k in one pass."""
    A_pad = pad(A, window, -jnp.inf)
    # wide, or XLA on a CPU would round a narrow maximum after every step
    values = [widened(tap(A_pad, window, j)) for j in window.taps()]
    Z = functools.reduce(jnp.maximum, values)
    return narrowed(Z, A.dtype), _first(values, Z, window)


def _maximum_then_first(A: Array, window: Window) -> tuple[Array, Array]:
    """Z and k in two: XLA on a GPU is slow to compute an array whose every entry has two uses."""
    A_pad = pad(A, window, -jnp.inf)
    Z = _reduced(A_pad, window, -math.inf, lax.max)
    return Z, _first([tap(A_pad, window, j) for j in window.taps()], Z, window)


def _looked_up_maximum_and_first(A: Array, window: Window) -> tuple[Array, Array]:
    """Z and k by tables, whose rows begin with the first tap that sees a pixel."""
    Z, k = maxima.first_max(A, _tables(window), window.size, index_dtype(window))
    return Z, k + like(_first_inside(window).astype(k.dtype), k)


def _tables(window: Window) -> list[axes.Rows]:
    """Of each axis the pixels that the windows see."""
    return [axes.windows(window, axis) for axis in range(window.rank)]


def _reduced(A_pad: Array, window: Window, start: float, reduce: Callable[[Any, Any], Any]) -> Array:
    """The windows of A_pad, each reduced."""
    no_edges = ((0, 0),) * A_pad.ndim
    size, stride, dilation = ((1, *x, 1) for x in (window.size, window.stride, window.dilation))
    first = np.asarray(start, A_pad.dtype)
    return lax.reduce_window(A_pad, first, reduce, size, stride, no_edges, window_dilation=dilation)


def _first(values: Sequence[Array], Z: Array, window: Window) -> Array:
    """k of the taps' values and their maximum."""
    index = jnp.zeros_like(Z, index_dtype(window))
    for flat, value in reversed(list(enumerate(values))):
        index = jnp.where((value == Z) | jnp.isnan(value), jnp.asarray(flat, index.dtype), index)
    return on_pixels(index, Z, window)


def on_pixels(index: Array, Z: Array, window: Window) -> Array:
    """k, where a window of −inf alone takes its first pixel instead of padding that equals it."""
    if not any(p > 0 or q > 0 for p, q in window.padding):
        return index
    first = like(_first_inside(window).astype(index.dtype), index)
    return jnp.where(jnp.isneginf(Z), first, index)


def pick(index: Array, A: Array, window: Window) -> Array:
    """Z = Σ_j [k = j] S_j A."""
    A_pad = pad(A, window)
    Z = jnp.zeros_like(index, A.dtype)
    for flat, j in enumerate(window.taps()):
        Z = jnp.where(is_index(index, flat), tap(A_pad, window, j), Z)
    return Z


def place(index: Array, dZ: Array, window: Window) -> Array:
    """dA = Σ_j S_jᵀ [k = j] dZ."""
    by_taps, by_phases, by_looks = (
        partial(form, window=window) for form in (_place_by_taps, _place_by_phases, _place_by_looks)
    )
    on_cpu = by_looks if _pixels_look_up(window, dZ.shape[-1]) else by_phases
    return by_platform(
        index,
        dZ,
        cpu=on_cpu if len(phases.reads(window)) == 1 else written(on_cpu),
        cuda=by_taps if max(window.stride) == 1 else by_phases,
        default=by_phases,
    )


def _pixels_look_up(window: Window, channels: int) -> bool:
    """Whether on a CPU `place` is by tables: the index of those is padded, so computed once."""
    reads = len(phases.reads(window))
    looked_up = channels <= _FEW if reads == 1 else channels > _SOME and reads <= _MOST_READS
    return looked_up and taps(window) <= np.iinfo(index_dtype(window)).max  # a number is left for no tap


def _place_by_taps(index: Array, dZ: Array, window: Window) -> Array:
    """dA, the taps put back one by one."""
    wide = widened(dZ)
    shares = (untap(_where(is_index(index, flat), wide), window, j) for flat, j in enumerate(window.taps()))
    return functools.reduce(operator.add, shares)


def _place_by_phases(index: Array, dZ: Array, window: Window) -> Array:
    """dA, every pixel reading from the windows that see it."""
    wide = accumulator(dZ.dtype)
    shares = (
        _where(is_index(k, taps) & (taps >= 0), phases.phased(V.astype(wide), window))
        for taps, (k, V) in phases.gather(window, index, dZ)
    )
    return phases.join(functools.reduce(operator.add, shares), window)


def _place_by_looks(index: Array, dZ: Array, window: Window) -> Array:
    """dA, every pixel looking up the windows that see it."""
    return place_by_looks(index, dZ, phases.looks(window), window.size)


def place_by_looks(index: Array, dZ: Array, looks: list[list[phases.Look]], size: Sequence[int]) -> Array:
    """dA of looks at windows of `size`, each a table for each axis: Σ over the looks of [k = j] dZ."""
    k = with_none(index, size)
    if len(looks) > 1:  # or XLA computes what dZ is made of again at every look
        dZ = lax.optimization_barrier(dZ)
    else:  # so short a loop over few channels LLVM unrolls before it would vectorise it
        nowhere = zip(looks[0], dZ.shape[1:-1], strict=True)
        looks = looks + [[phases.Look(np.full_like(m, n_out), j) for (m, j), n_out in nowhere]] * 2
    V, shares = widened(dZ), []
    for look in looks:
        tap = np.ravel_multi_index(np.ix_(*(j for _, j in look)), tuple(size))
        k_seen, V_seen = k, V
        for axis, (m, _) in enumerate(look):
            k_seen, V_seen = (_look_up(X, m, 1 + axis) for X in (k_seen, V_seen))
        shares.append(_where(is_index(k_seen, tap[None, ..., None]), V_seen))
    return functools.reduce(operator.add, shares)


def with_none(index: Array, size: Sequence[int]) -> Array:
    """k, and beyond the last window of each axis one without a maximum.

    Padded it is a copy, too: XLA would compute an index that is merely looked up again for every look.
    """
    none = jnp.asarray(math.prod(size), index.dtype)
    return lax.pad(index, none, [(0, 0, 0), *[(0, 1, 0)] * len(size), (0, 0, 0)])


def _look_up(X: Array, places: np.ndarray, axis: int) -> Array:
    """X at these places of the axis, a place beyond it the last."""
    if np.array_equal(places, np.arange(X.shape[axis])):
        return X
    return jnp.take(X, places, axis=axis, mode="clip")


def all_max(A: Array, window: Window) -> tuple[Array, Array]:
    """Z and M: the maximum of each window and, as bits, every tap that reaches it.

    As in `first_max`, a NaN counts as the greatest value, so the NaNs of a window make up its M; and no
    padding belongs to it.
    """
    Z, _ = first_max(A, window)
    A_pad = pad(A, window, -jnp.inf)
    members = []
    for j in window.taps():
        value = tap(A_pad, window, j)
        reaches = (value == Z) | (jnp.isnan(value) & jnp.isnan(Z))
        members.append(reaches & like(_inside(window, j), Z))
    bits = [member.astype(np.uint8) << np.uint8(flat % 8) for flat, member in enumerate(members)]
    return Z, jnp.stack([functools.reduce(operator.or_, bits[k : k + 8]) for k in range(0, len(bits), 8)], -2)


def mean(M: Array, A: Array, window: Window) -> Array:
    """Z = Σ_{j ∈ M} S_j A / |M|."""
    A_pad = pad(widened(A), window)
    zero = jnp.zeros((), A_pad.dtype)
    terms = (
        jnp.where(is_member(M, flat), tap(A_pad, window, j), zero) for flat, j in enumerate(window.taps())
    )
    return functools.reduce(operator.add, terms) / _members(M, A_pad.dtype)


def share(M: Array, dZ: Array, window: Window) -> Array:
    """dA = Σ_j S_jᵀ [j ∈ M] dZ/|M|."""
    wide = widened(dZ)
    each = wide / _members(M, wide.dtype)
    shares = (
        untap(jnp.where(is_member(M, flat), each, jnp.zeros((), each.dtype)), window, j)
        for flat, j in enumerate(window.taps())
    )
    return functools.reduce(operator.add, shares)


def _members(M: Array, dtype: np.dtype) -> Array:
    """|M| of each window, (B, *n_out, C)."""
    return jnp.sum(lax.population_count(M), axis=-2, dtype=np.int32).astype(dtype)


def is_member(M: Array, flat: int) -> Array:
    """[j ∈ M] of each window."""
    return (M[..., flat // 8, :] >> np.uint8(flat % 8)) & np.uint8(1) == np.uint8(1)


def total(A: Array, window: Window) -> Array:
    """Z = Σ_j S_j A, the padding counting zero."""
    of_pixels, by_axes, of_padded, by_rows = (
        partial(form, window=window) for form in (_of_pixels, _by_axes, _of_padded, _by_rows)
    )
    return by_platform(
        widened(A),
        cpu=written(by_rows if A.shape[-1] > _VERY_FEW else of_padded),
        cuda=of_pixels if taps(window) <= _FEW_TAPS else by_axes,
        default=of_padded,
    )


def _by_rows(A: Array, window: Window) -> Array:
    """`total` of one axis after the other, each window looking up its pixels."""
    return axes.each(A, _tables(window))


def _of_padded(A: Array, window: Window) -> Array:
    """`total` of slices of A_pad."""
    A_pad = pad(A, window)
    return functools.reduce(operator.add, (tap(A_pad, window, j) for j in window.taps()))


def _of_pixels(A: Array, window: Window) -> Array:
    """`total` of slices of A, each put in its place."""
    terms = (placed(pixels(A, window, j), window, j) for j in window.taps())
    return functools.reduce(operator.add, terms)


def _by_axes(A: Array, window: Window) -> Array:
    """`total` of one axis after the other: f_0 + f_1 + … terms instead of f_0·f_1·…

    The last ones in one pass, which lays the rows out between their padding; the first in another.
    """
    for axis in reversed(range(window.rank)):
        line = _line(window, axis, A.shape[1:-1])
        if axis:
            terms = (placed(pixels(A, line, j), line, j) for j in line.taps())
        else:
            A_pad = pad_once(A, line)
            terms = (tap(A_pad, line, j) for j in line.taps())
        A = functools.reduce(operator.add, terms)
    return A


def spread(dZ: Array, window: Window, counts: Sequence[np.ndarray] | None = None) -> Array:
    """dA = Σ_j S_jᵀ dZ, or of dZ/c for the windows' counts along each axis."""

    @functools.cache
    def of_shares(form: Callable[..., Array]) -> Callable[[Array], Array]:
        return lambda dZ: form(dZ if counts is None else divided(dZ, counts), window)

    elsewhere = of_shares(_spread_by_total if max(window.stride) == 1 else _spread_by_phases)
    apart = len(phases.reads(window)) == 1
    by_rows = of_shares(_spread_by_rows)
    # of more entries a row is reduced at once, for which all weights are 1
    if counts is not None and max(window.size) <= axes.MOST_ENTRIES:
        by_rows = partial(_spread_by_rows, window=window, counts=counts)
    on_cpu = elsewhere if apart else written(elsewhere if dZ.shape[-1] <= _VERY_FEW else by_rows)
    at_once = max(window.stride) == 1 and taps(window) <= _FEW_TAPS
    on_gpu = of_shares(_spread_at_once) if at_once else elsewhere
    return by_platform(widened(dZ), cpu=on_cpu, cuda=on_gpu, default=elsewhere)


def _spread_by_total(dZ: Array, window: Window) -> Array:
    """dA without a stride, the `total` of dZ, padded by e − 1 − p."""
    return total(dZ, transposed(window))


def _spread_at_once(dZ: Array, window: Window) -> Array:
    """The same by XLA's own sum, which on a GPU takes what computes dZ along: 0.18 ms, and 0.25 by taps.

    3×3/1 of 512 images on an H100, dZ times the 1/c of an average.
    """
    seeing = transposed(window)
    return _reduced(pad(dZ, seeing), seeing, 0.0, lax.add)


def _spread_by_phases(dZ: Array, window: Window) -> Array:
    """dA, every pixel reading from the windows that see it."""
    shares = (_where(taps >= 0, phases.phased(V, window)) for taps, (V,) in phases.gather(window, dZ))
    return phases.join(functools.reduce(operator.add, shares), window)


def _spread_by_rows(dZ: Array, window: Window, counts: Sequence[np.ndarray] | None = None) -> Array:
    """dA, every pixel looking up the windows that see it, of one axis after the other.

    The 1/c are weights of the tables: dZ/c would be divided again for every tap that reads it.
    """
    tables = _tables(window)
    if counts is not None:
        tables = [
            rows._replace(weight=rows.weight / c[:, None]) for rows, c in zip(tables, counts, strict=True)
        ]
    return axes.each(dZ, axes.adjoints(tables, window.input_size))


def _line(window: Window, axis: int, n: tuple[int, ...]) -> Window:
    """The window along one axis, over n pixels."""
    size, stride, dilation = ([1] * window.rank for _ in range(3))
    padding = [(0, 0)] * window.rank
    size[axis], stride[axis], dilation[axis] = window.size[axis], window.stride[axis], window.dilation[axis]
    padding[axis] = window.padding[axis]
    return Window(n, tuple(size), tuple(stride), tuple(padding), tuple(dilation))


def _where(condition: Array | np.ndarray, V: Array) -> Array:
    """[condition] V; no operation where it holds throughout."""
    if isinstance(condition, np.ndarray):
        if np.all(condition):
            return V
        condition = like(condition, V)
    return jnp.where(condition, V, jnp.zeros((), V.dtype))


def is_index(index: Array, flat: int | np.ndarray) -> Array:
    """[k = j] of each window; flat taps broadcast against k."""
    return index == jnp.asarray(flat, index.dtype)


def indices(index: Array, taps: int) -> Array:
    """[k = j] for every flat tap j, (B, *n_out, F, C)."""
    return jnp.expand_dims(index, -2) == _last_but_one(np.arange(taps, dtype=index.dtype), index.ndim)


def members(M: Array, taps: int) -> Array:
    """[j ∈ M] for every flat tap j, (B, *n_out, F, C)."""
    one = np.uint8(1)
    bits = (jnp.expand_dims(M, -2) >> _last_but_one(np.arange(8, dtype=M.dtype), M.ndim)) & one
    every = bits.reshape(*M.shape[:-2], 8 * M.shape[-2], M.shape[-1])
    return lax.slice_in_dim(every, 0, taps, axis=-2) == one


def _last_but_one(values: np.ndarray, rank: int) -> np.ndarray:
    return values.reshape(*[1] * (rank - 1), -1, 1)
