"""What operations share about arrays: checks of kind, dtype, rank and shape, and the wide dtype of sums."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxcnn._errors import integer, wrong_type, wrong_value
from jaxcnn.forms.windows import widened as widened  # for operations that see no windows
from jaxcnn.window import Window

_FLOATING = ("float16", "bfloat16", "float32", "float64")
_A_FLOATING_DTYPE = f"a floating dtype ({', '.join(_FLOATING[:-1])} or {_FLOATING[-1]})"


def is_array(X: Any) -> bool:
    """Whether X is an array of JAX or NumPy, or says how to become one, as flax's variables do."""
    return isinstance(X, Array | np.ndarray | np.generic) or hasattr(X, "__jax_array__")


def array(operation: str, argument: str, X: Any) -> Any:
    """`X`, refused unless it is an array of JAX or NumPy."""
    if not is_array(X):
        wrong_type(operation, f"{argument} is a {type(X).__name__}", "a JAX or NumPy array")
    return X


def floating(operation: str, argument: str, X: Any) -> Array:
    """`X` as a JAX array, refused unless it is an array of real floating-point numbers."""
    dtype = array(operation, argument, X).dtype
    if str(dtype) not in _FLOATING:
        wrong_type(operation, f"{argument} has dtype {dtype}", _A_FLOATING_DTYPE)
    return jnp.asarray(X)


def same_dtype(operation: str, **arrays: Array) -> None:
    """Refuse arrays of different dtypes, which JAX would promote silently."""
    dtypes = {name: array.dtype for name, array in arrays.items()}
    if len(set(dtypes.values())) > 1:
        came = ", ".join(f"{name} has dtype {dtype}" for name, dtype in dtypes.items())
        wrong_type(operation, came, "one dtype; convert with .astype")


def floating_dtype(operation: str, argument: str, dtype: Any) -> np.dtype:
    """`dtype` as one of NumPy, refused unless it is that of real floating-point numbers."""
    try:
        known = np.dtype(jnp.dtype(dtype))
    except TypeError:
        known = None
    if str(known) not in _FLOATING:
        wrong_type(operation, f"{argument} is {dtype!r}", _A_FLOATING_DTYPE)
    return known


def result_dtype(operation: str, preferred: Any, default: np.dtype) -> np.dtype:
    """The dtype that preferred_element_type asks for, or the default."""
    if preferred is None:
        return np.dtype(default)
    return floating_dtype(operation, "preferred_element_type", preferred)


def known_precision(operation: str, precision: Any) -> Any:
    """`precision`, refused unless it is one of those of `jax.lax`, or a pair of them."""
    pair = isinstance(precision, tuple) and len(precision) == 2
    for one in precision if pair else (precision,):
        if isinstance(one, lax.DotAlgorithm | lax.DotAlgorithmPreset):
            continue
        try:
            lax.Precision(one)
        except (TypeError, ValueError):
            wrong_value(
                operation,
                f"precision is {precision!r}",
                "None, 'default', 'high', 'highest', a jax.lax.Precision, or a pair of these",
            )
    return precision


def one_key(operation: str, key: Any) -> Array:
    """`key`, refused unless it is one key, typed or raw."""
    expected = "one key: jax.random.key(0), or jax.random.PRNGKey(0)"
    if not is_array(key):
        wrong_type(operation, f"key is a {type(key).__name__}", expected)
    typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    if not typed and key.dtype != np.uint32:
        wrong_type(operation, f"key has dtype {key.dtype}", expected)
    if key.shape != (() if typed else jax.eval_shape(jax.random.PRNGKey, 0).shape):
        wrong_value(operation, f"key has shape {key.shape}", expected)
    return jnp.asarray(key)


def visible(X: Any) -> np.ndarray | None:
    """The values of an array, None while they are traced or lie on other hosts."""
    if isinstance(X, jax.core.Tracer) or not getattr(X, "is_fully_addressable", True):
        return None
    return np.asarray(X)


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


def with_batch(operation: str, argument: str, X: Array, rank: int, given: str) -> tuple[Array, bool]:
    """X with a batch axis, and whether it came with one; `given` is what tells the rank."""
    if X.ndim not in (rank + 1, rank + 2):
        wrong_value(
            operation,
            f"{argument} has shape {X.shape}, rank {X.ndim}",
            f"rank {rank + 2} (batch, {rank} spatial, channels) or {rank + 1} (no batch), given {given}",
        )
    batched = X.ndim == rank + 2
    return (X if batched else X[None]), batched


def some_pixels(operation: str, argument: str, X: Array) -> None:
    """Refuse an X (B, *n, C) without a pixel."""
    if 0 in X.shape[1:-1]:
        wrong_value(
            operation,
            f"{argument} has spatial size {X.shape[1:-1]}",
            "at least 1 pixel on every spatial axis",
        )


def cotangent_shape(
    operation: str,
    dZ: Array,
    window: Window,
    channels: int,
    *,
    argument: str = "dZ",
    size: str = "input size",
) -> None:
    """Refuse a dZ (B, *n_out, channels) whose shape is not what the forward operation gives.

    argument, size: what the operation calls dZ and n.
    """
    expected = (*window.output_size, channels)
    if dZ.shape[1:] != expected:
        wrong_value(
            operation,
            f"{argument} has spatial size and channels {dZ.shape[1:]}",
            f"{expected} for {size} {window.input_size}, window size {window.size}, stride "
            f"{window.stride}, padding {window.padding} and dilation {window.dilation}",
        )
