"""What operations share about arrays: checks of kind, dtype, rank and shape, and the wide dtype of sums."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxcnn._errors import integer, wrong_type, wrong_value
from jaxcnn.forms.windows import widened as widened  # for operations that see no windows
from jaxcnn.window import Window


def floating(operation: str, argument: str, array: Any) -> Array:
    """`array` as a JAX array, refused unless it is an array of real floating-point numbers."""
    if not (hasattr(array, "shape") and hasattr(array, "dtype")):
        wrong_type(operation, f"{argument} is a {type(array).__name__}", "a JAX or NumPy array")
    if not jnp.issubdtype(array.dtype, jnp.floating):
        wrong_type(
            operation,
            f"{argument} has dtype {array.dtype}",
            "a floating dtype (float16, bfloat16, float32 or float64)",
        )
    return jnp.asarray(array)


def same_dtype(operation: str, **arrays: Array) -> None:
    """Refuse arrays of different dtypes, which JAX would promote silently."""
    dtypes = {name: array.dtype for name, array in arrays.items()}
    if len(set(dtypes.values())) > 1:
        came = ", ".join(f"{name} has dtype {dtype}" for name, dtype in dtypes.items())
        wrong_type(operation, came, "one dtype; convert with .astype")


def result_dtype(operation: str, preferred: Any, default: np.dtype) -> np.dtype:
    """The dtype that preferred_element_type asks for, or the default."""
    if preferred is None:
        return np.dtype(default)
    if not jnp.issubdtype(preferred, jnp.floating):
        wrong_type(operation, f"preferred_element_type is {preferred!r}", "a floating dtype")
    return np.dtype(jnp.dtype(preferred))


def same_shape(operation: str, **arrays: Array) -> None:
    """Refuse a second array whose shape is not the first's, which JAX might broadcast silently."""
    (first, X), (second, Y) = arrays.items()
    if Y.shape != X.shape:
        wrong_value(operation, f"{second} has shape {Y.shape}", f"{first}'s, {X.shape}")


def axis_of(operation: str, argument: str, X: Array, axis: Any) -> int:
    """`axis` of X, counted from the front."""
    axis = integer(operation, "axis", axis)
    if not -X.ndim <= axis < X.ndim:
        wrong_value(
            operation,
            f"axis is {axis} for {argument} of shape {X.shape}",
            f"an axis of {argument}, which has {X.ndim}",
        )
    return axis % X.ndim


def with_batch(operation: str, argument: str, X: Array, rank: int) -> tuple[Array, bool]:
    """X with a batch axis, and whether it came with one."""
    if X.ndim not in (rank + 1, rank + 2):
        wrong_value(
            operation,
            f"{argument} has shape {X.shape}, rank {X.ndim}",
            f"rank {rank + 2} (batch, {rank} spatial, channels) or {rank + 1} (no batch)",
        )
    batched = X.ndim == rank + 2
    return (X if batched else X[None]), batched


def cotangent_shape(
    operation: str, dZ: Array, window: Window, channels: int, *, argument: str = "dZ"
) -> None:
    """Refuse a dZ (B, *n_out, channels) whose shape is not what the forward operation gives."""
    expected = (*window.output_size, channels)
    if dZ.shape[1:] != expected:
        wrong_value(
            operation,
            f"{argument} has spatial size and channels {dZ.shape[1:]}",
            f"{expected} for input size {window.input_size}, window size {window.size}, stride "
            f"{window.stride}, padding {window.padding} and dilation {window.dilation}",
        )
