"""Our convolution under other libraries' signatures.

flax's `nn.Conv`, linen and nnx, takes the function that convolves as an argument:

    nn.Conv(features=8, kernel_size=(3, 3), conv_general_dilated=jaxcnn.adapters.conv_general_dilated)

and then trains by the hand-written rules.
"""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike, DTypeLike

from jaxcnn._arrays import floating
from jaxcnn._errors import wrong_value
from jaxcnn.convolution import conv


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
    if lhs_dilation is not None and any(step != 1 for step in lhs_dilation):
        wrong_value(name, f"lhs_dilation is {tuple(lhs_dilation)}", "1 on every axis; see jaxcnn.conv_dA")
    if batch_group_count != 1:
        wrong_value(name, f"batch_group_count is {batch_group_count}", "1")
    if out_sharding is not None:
        wrong_value(name, f"out_sharding is {out_sharding}", "None; constrain the result instead")
    layout = lax.conv_dimension_numbers(lhs.shape, rhs.shape, dimension_numbers)
    last = (layout.out_spec[0], *layout.out_spec[2:], layout.out_spec[1])
    Z = conv(
        jnp.transpose(lhs, (layout.lhs_spec[0], *layout.lhs_spec[2:], layout.lhs_spec[1])),
        jnp.transpose(rhs, (*layout.rhs_spec[2:], layout.rhs_spec[1], layout.rhs_spec[0])),
        stride=tuple(window_strides),
        padding=padding,
        dilation=1 if rhs_dilation is None else tuple(rhs_dilation),
        groups=feature_group_count,
        precision=precision,
        preferred_element_type=preferred_element_type,
    )
    return jnp.transpose(Z, tuple(int(axis) for axis in np.argsort(last)))
