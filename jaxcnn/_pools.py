"""Checks of arguments that the pools over windows share."""

from typing import Any

from jax import Array

from jaxcnn._arrays import cotangent_shape, floating, with_batch
from jaxcnn._errors import boolean, per_axis, window_tuple, wrong_value
from jaxcnn.window import Window, resolve, with_ceil


def pool_input(
    operation: str, A: Any, window: Any, stride: Any, padding: Any, dilation: Any
) -> tuple[Array, bool, Window]:
    """A with a batch axis, whether it came with one, and the geometry; stride None: the window."""
    A = floating(operation, "A", A)
    size = window_tuple(operation, "window", window)
    A, batched = with_batch(operation, "A", A, len(size), f"window {size}")
    stride = size if stride is None else stride
    geometry = resolve(operation, A.shape[1:-1], size, stride=stride, padding=padding, dilation=dilation)
    return A, batched, geometry


def pool_cotangent(
    operation: str,
    dZ: Any,
    window: Any,
    input_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: Any,
) -> tuple[Array, bool, Window, Window]:
    """dZ with a batch axis, whether it came with one, and the geometry, without and with ceil_mode.

    dZ must fit the latter.
    """
    dZ = floating(operation, "dZ", dZ)
    size = window_tuple(operation, "window", window)
    dZ, batched = with_batch(operation, "dZ", dZ, len(size), f"window {size}")
    n = per_axis(operation, "input_size", input_size, len(size), least=1)
    stride = size if stride is None else stride
    declared = resolve(operation, n, size, stride=stride, padding=padding, dilation=dilation)
    geometry = ceiled(operation, declared, ceil_mode)
    cotangent_shape(operation, dZ, geometry, dZ.shape[-1])
    return dZ, batched, declared, geometry


def ceiled(operation: str, window: Window, ceil_mode: Any) -> Window:
    """The window, with its output size rounded up if ceil_mode says so."""
    return with_ceil(operation, window) if boolean(operation, "ceil_mode", ceil_mode) else window


def no_empty_window(operation: str, window: Window) -> None:
    """Refuse a geometry with a window that sees nothing but padding."""
    for axis in range(window.rank):
        for m, taps in enumerate(window.inside(axis)):
            if not any(taps):
                wrong_value(
                    operation,
                    f"padding {window.padding[axis]} leaves window {m} of spatial axis {axis} "
                    f"without a pixel (input size {window.input_size[axis]})",
                    "every window to see at least one pixel",
                )
