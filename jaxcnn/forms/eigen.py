"""`correlation` on a plane, in shapes that XLA on a CPU computes by Eigen.

XLA hands most convolutions to the library YNNPACK, which takes up to eight times as long as XLA's own code,
by Eigen: for dW in every jaxlib from 0.10.0 to 0.12.0.1, for Z and dA in 0.10.2, the last for Python 3.11.
But those with more results, or more taps, than pixels along an axis stay with XLA. So these are longer than
they need be, by a row or so:

    Z, dA     have further rows, which are cut off
    dW        slides a dZ with further rows of zeros over A, and is the same

An infinite pixel meets those zeros, and so becomes a NaN in taps that do not see it.

Where it would take many rows, as with a stride, this is `correlation` as it is.
"""

from dataclasses import replace

import jax.numpy as jnp
from jax import Array, lax

from jaxcnn._sharding import sharded_as
from jaxcnn.forms import correlation, interleaving
from jaxcnn.forms.windows import accumulator
from jaxcnn.window import Window

_FEWEST_TIMES = 4  # as many rows as are added there are at least


def conv(
    A: Array, W: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """Z, of more rows than A along one axis."""
    share = {axis: rows / window.output_size[axis] for axis, rows in _rows(window).items()}
    if not share:
        return correlation.conv(A, W, window, groups=groups, precision=precision)
    axis = min(reversed(share), key=share.__getitem__)  # rather the last, as devices share the first
    Z = correlation.conv(A, W, _longer(window, axis), groups=groups, precision=precision)
    return lax.slice_in_dim(Z, 0, window.output_size[axis], axis=1 + axis)


def conv_dA(
    dZ: Array, W: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """dA, the `conv` of dZ and its taps of rot180(W), for each phase of the stride."""
    return interleaving.conv_dA(dZ, W, window, groups=groups, precision=precision, dense=conv)


def fits_dW(window: Window) -> bool:
    """Whether there is an axis along which dZ can have more rows than A."""
    return _dW_axis(window) is not None


def conv_dW(
    A: Array, dZ: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """dW, of a dZ with more rows than A along one axis."""
    axis = _dW_axis(window)
    if axis is None or groups > 1:
        return correlation.conv_dW(A, dZ, window, groups=groups, precision=precision)
    longer = _longer(window, axis)
    now, later = [(0, 0, 0)] * 4, [(0, 0)] * 2
    for a, (edges, r) in enumerate(zip(longer.padding, longer.remainder, strict=True)):
        p, q = edges[0], edges[1] - r
        if a == axis:  # cut A here, and leave to the convolution what is to add
            now[1 + a], later[a] = (min(p, 0), min(q, 0), 0), (max(p, 0), max(q, 0))
        else:
            now[1 + a] = (p, q, 0)
    zero, more = jnp.zeros((), A.dtype), [(0, 0, 0)] * 4
    more[axis] = (0, _rows(window)[axis], 0)
    # XLA would undo the padding and the transposition that it finds at a convolution. dZ transposed and then
    # padded is one pass, since its channels stay the last axis; A takes longer so
    pixels = lax.optimization_barrier(lax.transpose(lax.pad(A, zero, now), (3, 1, 2, 0)))
    kernel = lax.optimization_barrier(lax.pad(lax.transpose(dZ, (1, 2, 0, 3)), zero, more))
    return lax.conv_general_dilated(
        pixels,
        kernel,
        window.dilation,
        later,
        rhs_dilation=window.stride,
        dimension_numbers=("NHWC", "HWIO", "HWNC"),
        precision=precision,
        preferred_element_type=accumulator(A.dtype),
        out_sharding=sharded_as(None, None, (A, -1), (dZ, -1)),
    )


def _rows(window: Window) -> dict[int, int]:
    """Of each axis where they are not too many: how many more results make more than there are pixels."""
    rows = {}
    for axis, (n, m) in enumerate(zip(window.input_size, window.output_size, strict=True)):
        more = max(n + 1 - m, 0)
        if window.rank == 2 and window.stride[axis] == 1 and _FEWEST_TIMES * more <= m:
            rows[axis] = more
    return rows


def _longer(window: Window, axis: int) -> Window:
    """The window with so many more results along the axis."""
    padding = list(window.padding)
    p, q = padding[axis]
    padding[axis] = (p, q + _rows(window)[axis])
    return replace(window, padding=tuple(padding))


def _dW_axis(window: Window) -> int | None:
    """The axis along which dZ is made longer, if there is one.

    XLA takes the larger of dZ and A for the pixels and the smaller for the kernel; dZ must be the smaller, so
    A is given its padding along the other axis before.
    """
    for axis, more in _rows(window).items():
        other = 1 - axis
        padded = window.padded_size[other] - window.remainder[other]
        longer = (window.output_size[axis] + more) * window.output_size[other]
        if longer <= window.input_size[axis] * padded:
            return axis
    return None
