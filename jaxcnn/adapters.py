"""Our operations under other libraries' signatures.

flax's `nn.Conv`, linen and nnx, takes the function that convolves as an argument:

    nn.Conv(features=8, kernel_size=(3, 3), conv_general_dilated=jaxcnn.adapters.conv_general_dilated)

and then trains by the hand-written rules; `max_pool` and `avg_pool` stand where flax's stood.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike, DTypeLike

from jaxcnn._arrays import floating, same_dtype
from jaxcnn._errors import integer, per_axis, window_tuple, wrong_value
from jaxcnn.convolution import conv
from jaxcnn.pooling import avg_pool as _avg_pool
from jaxcnn.pooling import max_pool as _max_pool


def conv_general_dilated(
    lhs: ArrayLike,
    rhs: ArrayLike,
    window_strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: Any = None,
    feature_group_count: int = 1,
    batch_group_count: int = 1,
    precision: lax.PrecisionLike = None,
    preferred_element_type: DTypeLike | None = None,
    out_sharding: Any = None,
) -> Array:
    """`jaxcnn.conv` with the signature and the layouts of `jax.lax.conv_general_dilated`.

    Args:
        lhs: A, laid out as dimension_numbers say; channels first by default.
        rhs: W, likewise.
        window_strides: the stride of each spatial axis.
        padding: "SAME", "VALID", "SAME_LOWER" or (low, high) pairs.
        lhs_dilation: must be 1 on every axis: a transposed convolution is another operation.
        rhs_dilation: the dilation of each spatial axis; None: 1.
        dimension_numbers, precision, preferred_element_type: as in lax.
        feature_group_count: the groups.
        batch_group_count: must be 1.
        out_sharding: must be None.

    Returns:
        Z, laid out as dimension_numbers say.

    Raises:
        ValueError, TypeError: as `jaxcnn.conv`, and for what it does not do.

    >>> A, W = jnp.ones((1, 2, 5, 5)), jnp.ones((3, 2, 3, 3))
    >>> conv_general_dilated(A, W, (2, 2), "VALID").shape
    (1, 3, 2, 2)
    """
    name = "conv_general_dilated"
    lhs, rhs = floating(name, "lhs", lhs), floating(name, "rhs", rhs)
    same_dtype(name, lhs=lhs, rhs=rhs)
    rank = lhs.ndim - 2
    if lhs.ndim != rhs.ndim or not 1 <= rank <= 3:
        wrong_value(name, f"lhs has rank {lhs.ndim} and rhs has rank {rhs.ndim}", "one rank, from 3 to 5")
    strides = per_axis(name, "window_strides", window_strides, rank, least=1)
    gaps = 1 if rhs_dilation is None else per_axis(name, "rhs_dilation", rhs_dilation, rank, least=1)
    groups = integer(name, "feature_group_count", feature_group_count, least=1)
    spread = 1 if lhs_dilation is None else per_axis(name, "lhs_dilation", lhs_dilation, rank, least=1)
    if spread not in (1, (1,) * rank):
        wrong_value(name, f"lhs_dilation is {spread}", "1 on every axis; see jaxcnn.conv_transpose")
    if batch_group_count != 1:
        wrong_value(name, f"batch_group_count is {batch_group_count}", "1")
    if out_sharding is not None:
        wrong_value(name, f"out_sharding is {out_sharding}", "None; constrain the result instead")
    layout = _layout(name, lhs, rhs, dimension_numbers)
    last = (layout.out_spec[0], *layout.out_spec[2:], layout.out_spec[1])
    Z = conv(
        jnp.transpose(lhs, (layout.lhs_spec[0], *layout.lhs_spec[2:], layout.lhs_spec[1])),
        jnp.transpose(rhs, (*layout.rhs_spec[2:], layout.rhs_spec[1], layout.rhs_spec[0])),
        stride=strides,
        padding=padding,
        dilation=gaps,
        groups=groups,
        precision=precision,
        preferred_element_type=preferred_element_type,
    )
    return jnp.transpose(Z, tuple(int(axis) for axis in np.argsort(last)))


def max_pool(
    inputs: ArrayLike,
    window_shape: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: str | Sequence[tuple[int, int]] = "VALID",
) -> Array:
    """`jaxcnn.max_pool` with the signature and the defaults of `flax.linen.max_pool`.

    Args:
        inputs: A, with any number of axes before the spatial ones, and the channels last.
        window_shape: the window's size along each spatial axis.
        strides: the stride of each; None: 1, as in flax, where `jaxcnn.max_pool` takes the window's size.
        padding: "SAME", "VALID" or (low, high) pairs.

    Returns:
        Z, with A's axes. The padding never wins; of equal maxima the first takes the gradient.

    Raises:
        ValueError, TypeError: as `jaxcnn.max_pool`.

    >>> max_pool(jnp.ones((2, 3, 5, 5, 1)), (2, 2)).shape
    (2, 3, 4, 4, 1)
    """
    return _pooled("max_pool", _max_pool, inputs, window_shape, strides, padding)


def avg_pool(
    inputs: ArrayLike,
    window_shape: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: str | Sequence[tuple[int, int]] = "VALID",
    count_include_pad: bool = True,
) -> Array:
    """`jaxcnn.avg_pool` with the signature and the defaults of `flax.linen.avg_pool`.

    Arguments as in `max_pool`; count_include_pad: whether to divide by the whole window's size at the border,
    as flax does by default, where `jaxcnn.avg_pool` does not.

    >>> float(avg_pool(jnp.ones((1, 2, 2, 1)), (3, 3), padding="SAME")[0, 0, 0, 0])  # 4 of 9
    0.4444444477558136
    """
    pool = partial(_avg_pool, count_padding=count_include_pad)
    return _pooled("avg_pool", pool, inputs, window_shape, strides, padding)


def _pooled(
    operation: str, pool: Callable[..., Array], inputs: Any, window_shape: Any, strides: Any, padding: Any
) -> Array:
    """The pool of inputs (…, *n, C), whose leading axes become one."""
    inputs = floating(operation, "inputs", inputs)
    window = window_tuple(operation, "window_shape", window_shape)
    rank = len(window)
    if inputs.ndim < rank + 1:
        wrong_value(operation, f"inputs has shape {inputs.shape}", f"(…, *n, C), for window_shape {window}")
    first = inputs.ndim - rank - 1
    leading, image = inputs.shape[:first], inputs.shape[first:]
    batch = jnp.reshape(inputs, (math.prod(leading), *image))
    Z = pool(batch, window, stride=1 if strides is None else strides, padding=padding)
    return jnp.reshape(Z, (*leading, *Z.shape[1:]))


def _layout(operation: str, lhs: Array, rhs: Array, dimension_numbers: Any) -> lax.ConvDimensionNumbers:
    """Where batch, channels and space are in each array."""
    try:
        return lax.conv_dimension_numbers(lhs.shape, rhs.shape, dimension_numbers)
    except (TypeError, ValueError):
        wrong_value(
            operation,
            f"dimension_numbers is {dimension_numbers!r}",
            f"None, or the layouts of lhs, rhs and result with {lhs.ndim} letters each, such as "
            "('NHWC', 'HWIO', 'NHWC')",
        )
