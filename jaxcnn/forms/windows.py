"""The taps of a window and their adjoint: what the forms are made of.

By (W.1), tap j of window m sees pixel i = m·s + j·d − p. For a fixed j that is one strided slice of
the padded input, a linear map S_j from pixels to windows:

    (S_j A)[m]  = A_pad[m·s + j·d]                                   `tap`, or `placed` `pixels`
    (S_jᵀ V)[i] = V[m]  where m·s + j·d − p = i for some m, else 0    `untap`

A convolution is Z = Σ_j (S_j A) W[j] and its dA is Σ_j S_jᵀ (dZ W[j]ᵀ).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import DTypeLike
from jaxlib.version import __version_info__ as jaxlib_version

from jaxcnn._sharding import whole
from jaxcnn.forms.sums import apart
from jaxcnn.window import Window

_BARRIERS_HOLD = jaxlib_version >= (0, 11, 1)


def accumulator(*dtypes: DTypeLike) -> np.dtype:
    """The dtype in which sums are kept: the widest of float32 and those given."""
    return max(
        (np.dtype(np.float32), *(np.dtype(dtype) for dtype in dtypes)), key=lambda dtype: dtype.itemsize
    )


def widened(X: Array) -> Array:
    """X in the dtype in which its sums are kept: float32 or wider."""
    return X.astype(accumulator(X.dtype))


def narrowed(X: Array, dtype: DTypeLike) -> Array:
    """X in a dtype of which each of its numbers is one, as the greatest of some is.

    bfloat16 is the upper half of float32, but XLA on a CPU rounds to it: a max-pool 2×2 of 64 channels,
    32×32, batch 32, takes 0.115 ms then, and 0.07 without, lax's 0.095; 3×3 at stride 1 0.75 and 0.36.
    """
    if X.dtype != np.float32 or dtype != jnp.bfloat16:
        return X.astype(dtype)
    upper = lax.shift_right_logical(lax.bitcast_convert_type(X, np.uint32), np.uint32(16))
    return lax.bitcast_convert_type(upper.astype(np.uint16), dtype)


def images(X: Array) -> int:
    """How many images X (B, *n, C) has; of an export for any number 1."""
    return X.shape[0] if isinstance(X.shape[0], int) else 1


def like(values: np.ndarray, array: Array) -> Array:
    """Constant values broadcast to the shape of `array`, and laid out over devices as it is."""
    values = values.reshape(*[1] * (array.ndim - values.ndim), *values.shape)
    return jnp.maximum(jnp.asarray(values), jnp.full_like(array, values.min(), dtype=values.dtype))


def pad(A: Array, window: Window, value: float = 0.0) -> Array:
    """A_pad: A (B, *n, C) with its border of `value`; negative padding crops."""
    edges = [(0, 0, 0), *((p, q, 0) for p, q in window.padding), (0, 0, 0)]
    return lax.pad(A, jnp.asarray(value, A.dtype), edges)


def pad_once(A: Array, window: Window) -> Array:
    """A_pad, which XLA keeps as an array: it shall not be computed again for every tap."""
    return lax.optimization_barrier(pad(A, window))


def transposed(window: Window) -> Window:
    """The window over dZ, padded by e − 1 − p, whose taps are those that see a pixel; for a stride of 1."""
    edges = tuple((e - 1 - p, e - 1 - q) for e, (p, q) in zip(window.extent, window.padding, strict=True))
    return replace(window, input_size=window.output_size, padding=edges)


def tap(A_pad: Array, window: Window, j: Sequence[int]) -> Array:
    """S_j A, (B, *n_out, C): what tap j of every window sees of A_pad (B, *padded, C)."""
    axes = range(window.rank)
    start = [j[a] * window.dilation[a] for a in axes]
    limit = [start[a] + (window.output_size[a] - 1) * window.stride[a] + 1 for a in axes]
    return lax.slice(
        A_pad,
        (0, *start, 0),
        (A_pad.shape[0], *limit, A_pad.shape[-1]),
        (1, *window.stride, 1),
    )


def inside(window: Window, j: Sequence[int]) -> list[tuple[int, int, int]]:
    """Of each axis the windows whose tap j sees a pixel: first, one past the last, and the first's pixel."""
    found = []
    for a in range(window.rank):
        n, m, s = window.input_size[a], window.output_size[a], window.stride[a]
        offset = j[a] * window.dilation[a] - window.padding[a][0]  # window m sees pixel m·s + offset
        first = min(m, max(0, -(offset // s)))
        last = max(first, min(m, (n - 1 - offset) // s + 1))
        found.append((first, last, first * s + offset if first < last else 0))
    return found


def pixels(A: Array, window: Window, j: Sequence[int]) -> Array:
    """What tap j sees of A (B, *n, C), without the padding: one pixel for each window `inside`."""
    ranges = inside(window, j)
    start = [pixel for _, _, pixel in ranges]
    limit = [
        i + (last - first - 1) * s + 1 if first < last else i
        for (first, last, i), s in zip(ranges, window.stride, strict=True)
    ]
    return lax.slice(A, (0, *start, 0), (A.shape[0], *limit, A.shape[-1]), (1, *window.stride, 1))


def placed(V: Array, window: Window, j: Sequence[int]) -> Array:
    """V of the windows `inside`, and 0 of the others, (B, *n_out, C)."""
    ranges = zip(inside(window, j), window.output_size, strict=True)
    edges = [(first, m - last, 0) for (first, last, _), m in ranges]
    return lax.pad(V, jnp.zeros((), V.dtype), [(0, 0, 0), *edges, (0, 0, 0)])


def written_out(X: Array) -> Array:
    """X (B, *n, C), computed before anything reads it.

    A sum of taps XLA on a CPU may compute again in every operation that reads it, and there each time that it
    is read, unless it stands behind a barrier. Up to jaxlib 0.11.0 the barrier is gone before kernels are
    made; there a pixel of X is put into X once more, `apart`, for which XLA writes X out.
    """
    if _BARRIERS_HOLD or not X.size:
        return lax.optimization_barrier(X)
    wide = widened(X)  # of narrow numbers XLA would make a copy
    pixel = lax.slice(wide, (0,) * X.ndim, (X.shape[0], *(1,) * (X.ndim - 2), X.shape[-1]))
    return lax.dynamic_update_slice(wide, apart(pixel), (0,) * X.ndim).astype(X.dtype)


def written(form: Callable[..., Array]) -> Callable[..., Array]:
    """The form, its result `written_out`.

    What XLA on a CPU fuses into a sum, be it the next layer's mean or the loss, runs without vectors, all of
    its taps: value and gradient of mean(Z²), Z of avg_pool 3×3/1, 64 channels, 32×32, batch 32, took 14 ms
    (lax's 7), and now 1.6; max_pool 3×3/2 behind a batch norm of means and ReLU 26 (lax's 30), and now 3.4.
    """
    return lambda *operands: written_out(form(*operands))


def computed_after(first: Array, X: Array) -> Array:
    """X (B, …), which XLA on a CPU computes when `first` (B, …) is there, even if it has computed it before.

    Of a network's gradient it would keep X from the forward pass, or transposed what the forward pass makes
    of it. A factor of 1 for each image, which depends on `first`, stops that: a MobileNet-like network's
    gradient takes 45 MiB, not 54, and 28.4 ms, not 31.
    """
    others = range(1, first.ndim)
    if not first.size or not all(whole(first, axis) for axis in others):
        return X
    depends = (first[:, *(0 for _ in others)] > 0).astype(np.int32)
    one = lax.clamp(np.int32(1), depends, np.int32(1))  # whose bounds XLA does not compare
    return X * jnp.expand_dims(one.astype(X.dtype), range(1, X.ndim))


def traced_tap(A_pad: Array, window: Window, j: Sequence[int | Array]) -> Array:
    """`tap` of a j that is traced."""
    axes = range(window.rank)
    start = [0, *(j[a] * window.dilation[a] for a in axes), 0]
    span = [(window.output_size[a] - 1) * window.stride[a] + 1 for a in axes]
    seen = lax.dynamic_slice(A_pad, start, (A_pad.shape[0], *span, A_pad.shape[-1]))
    return lax.slice(seen, (0,) * seen.ndim, seen.shape, (1, *window.stride, 1))


def untap(V: Array, window: Window, j: Sequence[int]) -> Array:
    """S_jᵀ V, (B, *n, C): V (B, *n_out, C) put back where tap j of every window saw it."""
    edges = []
    for a in range(window.rank):
        n, m, s = window.input_size[a], window.output_size[a], window.stride[a]
        low = j[a] * window.dilation[a] - window.padding[a][0]
        edges.append((low, n - low - (m - 1) * s - 1, s - 1))
    return lax.pad(V, jnp.zeros((), V.dtype), [(0, 0, 0), *edges, (0, 0, 0)])


def positions(window: Window, axis: int) -> np.ndarray:
    """m·s + j·d − p, where tap j of window m lies along an axis, by (W.1): (windows, taps), beyond n too."""
    m = np.arange(window.output_size[axis])[:, None] * window.stride[axis]
    return m + np.arange(window.size[axis]) * window.dilation[axis] - window.padding[axis][0]


def pixel_index(window: Window) -> np.ndarray:
    """[m, j] → the flat index of the pixel that flat tap j of flat window m sees, by (W.1).

    Padding gets the index n_0·n_1·…, one past the last pixel.
    """
    index = np.zeros((1, 1), int)
    seen = np.ones((1, 1), bool)
    for a in range(window.rank):
        i = positions(window, a)
        inside = (i >= 0) & (i < window.input_size[a])
        M, F = index.shape[0] * i.shape[0], index.shape[1] * i.shape[1]
        index = (index[:, None, :, None] * window.input_size[a] + i[None, :, None, :]).reshape(M, F)
        seen = (seen[:, None, :, None] & inside[None, :, None, :]).reshape(M, F)
    return np.where(seen, index, int(np.prod(window.input_size)))


def filters(W: Array) -> list[Array]:
    """W[j, c] of W (*f, C, K) for every tap and channel, row-major, (1, *1, K) and wide."""
    rows = widened(W).reshape(-1, *(1,) * (W.ndim - 2), W.shape[-1])
    return [lax.slice_in_dim(rows, row, row + 1) for row in range(rows.shape[0])]


def group_kernel(W: Array, groups: int) -> Array:
    """W (*f, C/G, K) as (F, C/G, G, K/G): flat taps, and the filters of each group apart."""
    *f, c, k = W.shape
    return W.reshape(int(np.prod(f)), c, groups, k // groups)


def ungroup_kernel(W: Array, window: Window) -> Array:
    """The inverse of `group_kernel`: (F, C/G, G, K/G) as (*f, C/G, K)."""
    _, c, groups, k = W.shape
    return W.reshape(*window.size, c, groups * k)


def split(A: Array, groups: int) -> Array:
    """The channels of each group apart: (…, C) as (…, G, C/G)."""
    return A.reshape(*A.shape[:-1], groups, A.shape[-1] // groups)


def join(A: Array) -> Array:
    """The inverse of `split`: (…, G, C/G) as (…, C)."""
    return A.reshape(*A.shape[:-2], A.shape[-2] * A.shape[-1])


def interleave(parts: Sequence[Array], axis: int) -> Array:
    """Arrays of one shape, their entries in turn along the axis."""
    shape = parts[0].shape
    merged = (*shape[:axis], len(parts) * shape[axis], *shape[axis + 1 :])
    return parts[0] if len(parts) == 1 else jnp.stack(parts, axis + 1).reshape(merged)
