"""Windows over images that are cut along a spatial axis, a part on each device: what crosses is edge rows.

Inside `jax.shard_map`, where A is the part that a device holds:

    @partial(jax.shard_map, mesh=jax.make_mesh((4,), ("rows",)), in_specs=(P(None, "rows"), P()),
             out_specs=P(None, "rows"))
    def layer(A, W):
        return spatial.conv(A, W, padding="SAME", over="rows")

Of an axis with n pixels each of D devices holds b = n/D, the k-th those from k·b on. Where n_out = n/s and s
divides b, the device makes b/s windows, from m = k·b/s on. By (W.1) they see the pixels, counted from its
first,

    −p ≤ i ≤ b − 1 + h,     h = e − s − p                                               (H.1)

the same on every device: p pixels of the one before and h of the one after, the halo; a negative number is of
own pixels that no window sees. Before the first device and after the last lies the padding. In all a
device receives e − s rows, and the adjoint sends as many cotangents back, where they are added. (Left to
`jax.jit` and a sharding, XLA exchanges the rows anew for every tap of a pool.)
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike

from jaxcnn import convolution, pooling
from jaxcnn._arrays import floating
from jaxcnn._errors import integer, window_tuple, wrong_value
from jaxcnn.window import Padding, Window, resolve


def conv(
    A: ArrayLike,
    W: ArrayLike,
    b: ArrayLike | None = None,
    *,
    over: str,
    axis: int = 0,
    stride: int | Sequence[int] = 1,
    padding: Padding = "VALID",
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Array:
    """This device's part of `jaxcnn.conv`.

    Args:
        A: its part of the activations, (B, *n, C) or (*n, C).
        W, b, stride, padding, dilation, groups: as in `jaxcnn.conv`, the same on every device.
        over: the name of the mesh axis.
        axis: the spatial axis that is cut.

    Raises:
        ValueError: the devices' windows or halos do not match, by (H.1).

    On a mesh of one device, which holds all rows:

    >>> mesh = jax.make_mesh((1,), ("rows",), axis_types=(jax.sharding.AxisType.Auto,))
    >>> def layer(A, W): return conv(A, W, padding="SAME", over="rows")
    >>> rows, all_of_it = jax.P(None, "rows"), jax.P()
    >>> layer = jax.shard_map(layer, mesh=mesh, in_specs=(rows, all_of_it), out_specs=rows)
    >>> layer(jnp.ones((1, 4, 4, 1)), jnp.ones((3, 3, 1, 1)))[0, ..., 0]
    Array([[4., 6., 6., 4.],
           [6., 9., 9., 6.],
           [6., 9., 9., 6.],
           [4., 6., 6., 4.]], dtype=float32)
    """
    A, W = floating("spatial.conv", "A", A), floating("spatial.conv", "W", W)
    part = _part("spatial.conv", A, W.shape[:-2], over, axis, stride, padding, dilation)
    return convolution.conv(
        part.with_halo(A, 0.0), W, b, stride=stride, padding=part.padding, dilation=dilation, groups=groups
    )


def max_pool(
    A: ArrayLike,
    window: Sequence[int],
    *,
    over: str,
    axis: int = 0,
    stride: int | Sequence[int] | None = None,
    padding: Padding = "VALID",
    dilation: int | Sequence[int] = 1,
    ties: str = "first",
) -> Array:
    """This device's part of `jaxcnn.max_pool`; arguments as in `conv` and there.

    A window whose every pixel is −inf may give its gradient to the padding of the axis that is cut.

    >>> mesh = jax.make_mesh((1,), ("rows",), axis_types=(jax.sharding.AxisType.Auto,))
    >>> def pool(A): return max_pool(A, (2, 2), over="rows")
    >>> pool = jax.shard_map(pool, mesh=mesh, in_specs=jax.P(None, "rows"), out_specs=jax.P(None, "rows"))
    >>> pool(jnp.arange(16.0).reshape(1, 4, 4, 1))[0, ..., 0]
    Array([[ 5.,  7.],
           [13., 15.]], dtype=float32)
    """
    A, f, stride, part = _pooled("spatial.max_pool", A, window, over, axis, stride, padding, dilation)
    return pooling.max_pool(
        part.with_halo(A, -jnp.inf), f, stride=stride, padding=part.padding, dilation=dilation, ties=ties
    )


def avg_pool(
    A: ArrayLike,
    window: Sequence[int],
    *,
    over: str,
    axis: int = 0,
    stride: int | Sequence[int] | None = None,
    padding: Padding = "VALID",
    dilation: int | Sequence[int] = 1,
    count_padding: bool = False,
) -> Array:
    """This device's part of `jaxcnn.avg_pool`; arguments as in `conv` and there.

    >>> mesh = jax.make_mesh((1,), ("rows",), axis_types=(jax.sharding.AxisType.Auto,))
    >>> def pool(A): return avg_pool(A, (2, 2), over="rows")
    >>> pool = jax.shard_map(pool, mesh=mesh, in_specs=jax.P(None, "rows"), out_specs=jax.P(None, "rows"))
    >>> pool(jnp.arange(16.0).reshape(1, 4, 4, 1))[0, ..., 0]
    Array([[ 2.5,  4.5],
           [10.5, 12.5]], dtype=float32)
    """
    A, f, stride, part = _pooled("spatial.avg_pool", A, window, over, axis, stride, padding, dilation)
    Z = pooling.avg_pool(
        part.with_halo(A, 0.0),
        f,
        stride=stride,
        padding=part.padding,
        dilation=dilation,
        count_padding=count_padding,
    )
    seen = np.sum(part.whole.inside(axis), axis=1)
    if count_padding or np.all(seen == f[axis]):
        return Z
    # the pool divided by f along this axis, as if all its taps saw pixels
    windows = Z.shape[part.axis]
    share = lax.dynamic_slice_in_dim(jnp.asarray(f[axis] / seen, Z.dtype), part.number * windows, windows)
    return Z * jnp.expand_dims(share, [n for n in range(Z.ndim) if n != part.axis])


class _Part(NamedTuple):
    """A device's part of an image.

    Attributes:
        whole: the geometry over the whole image.
        axis: of the array, the one that is cut.
        over: the name of the mesh axis.
        devices: D.
        halo: p and h of (H.1).
        padding: what is left to pad on the device, along the other axes.
    """

    whole: Window
    axis: int
    over: str
    devices: int
    halo: tuple[int, int]
    padding: tuple[tuple[int, int], ...]

    @property
    def number(self) -> Array:
        """k, of this device."""
        return lax.axis_index(self.over)

    def with_halo(self, A: Array, border: float) -> Array:
        """A with the halo around it; `border`, 0 or −inf, outside the image. (H.1)"""
        b, (before, after), last = A.shape[self.axis], self.halo, self.devices - 1
        parts = [lax.slice_in_dim(A, max(-before, 0), b + min(after, 0), axis=self.axis)]
        onwards = [(k, k + 1) for k in range(last)]
        if before > 0:
            edge = lax.slice_in_dim(A, b - before, b, axis=self.axis)
            parts.insert(0, self._received(edge, onwards, border, 0))
        if after > 0:
            edge = lax.slice_in_dim(A, 0, after, axis=self.axis)
            parts.append(self._received(edge, [(to, k) for k, to in onwards], border, last))
        return lax.concatenate(parts, self.axis)

    def _received(self, edge: Array, ways: list[tuple[int, int]], border: float, outermost: int) -> Array:
        received = lax.ppermute(edge, self.over, ways) if ways else jnp.zeros_like(edge)
        if not border:
            return received  # zeros where nothing is sent
        return jnp.where(self.number == outermost, jnp.full_like(received, border), received)


def _pooled(
    operation: str, A: ArrayLike, window: Sequence[int], over: str, axis: int, stride: Any, *geometry: Any
) -> tuple[Array, tuple[int, ...], Any, _Part]:
    """What a pool begins with: A, f, the stride, which is f unless told, and the part."""
    A, f = floating(operation, "A", A), window_tuple(operation, "window", window)
    stride = f if stride is None else stride
    return A, f, stride, _part(operation, A, f, over, axis, stride, *geometry)


def _part(
    operation: str,
    A: Array,
    f: tuple[int, ...],
    over: str,
    axis: int,
    stride: int | Sequence[int],
    padding: Padding,
    dilation: int | Sequence[int],
) -> _Part:
    axis = integer(operation, "axis", axis, least=0)
    if axis >= len(f):
        wrong_value(operation, f"axis is {axis}", f"a spatial axis, 0 to {len(f) - 1}")
    if A.ndim not in (len(f) + 1, len(f) + 2):
        wrong_value(operation, f"A has shape {A.shape}", f"(B, *n, C) or (*n, C) with {len(f)} spatial axes")
    try:
        devices = jax.lax.axis_size(over)
    except NameError:
        wrong_value(operation, f"over is {over!r}", "an axis of the mesh, inside jax.shard_map")
    first = A.ndim - 1 - len(f)
    b = A.shape[first + axis]
    n = tuple(n * devices if each == axis else n for each, n in enumerate(A.shape[first:-1]))
    whole = resolve(operation, n, f, stride=stride, padding=padding, dilation=dilation)
    s, e, p = whole.stride[axis], whole.extent[axis], whole.padding[axis][0]
    cut = f"spatial axis {axis} has {n[axis]} pixels on {devices} devices"
    if b % s:
        wrong_value(operation, f"{cut}, {b} on each, and stride {s}", "a multiple of the stride on each")
    if whole.output_size[axis] * s != n[axis]:
        wrong_value(
            operation,
            f"{cut} and {whole.output_size[axis]} windows with stride {s} and padding {whole.padding[axis]}",
            f"{n[axis] // s} windows, such as padding 'SAME' gives",
        )
    halo = (p, e - s - p)
    if max(halo) > b or b + sum(min(side, 0) for side in halo) < 1:
        wrong_value(operation, f"{cut} and a halo of {halo}", f"at most the {b} pixels of the next device")
    left = tuple((0, 0) if each == axis else pair for each, pair in enumerate(whole.padding))
    return _Part(whole, first + axis, over, devices, halo, left)
