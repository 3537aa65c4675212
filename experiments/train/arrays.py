"""A pytree as named arrays, for files that can be read without this code, and back."""

from typing import Any

import jax
import numpy as np


def named(tree: Any) -> dict[str, np.ndarray]:
    """Every leaf as a NumPy array by its path, such as params.conv1.W; a key as the numbers it is made of."""
    leaves, _ = jax.tree.flatten_with_path(tree)
    return {_name(path): np.asarray(_data(leaf)) for path, leaf in leaves}


def restored(arrays: dict[str, np.ndarray], like: Any) -> Any:
    """The pytree of these arrays with the structure of another, on the default device.

    Raises:
        ValueError: names, shapes or dtypes are not those of the other.
    """
    expected = named(like)
    for name in sorted({*arrays, *expected}):
        came, due = (_described(each.get(name)) for each in (arrays, expected))
        if came != due:
            raise ValueError(f"{name} is {came}; expected {due}")

    def leaf(path: Any, own: Any) -> jax.Array:
        data = jax.numpy.asarray(arrays[_name(path)])
        return jax.random.wrap_key_data(data) if _is_key(own) else data

    return jax.tree.map_with_path(leaf, like)


def _name(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator=".")


def _is_key(leaf: Any) -> bool:
    return jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _data(leaf: Any) -> Any:
    return jax.random.key_data(leaf) if _is_key(leaf) else leaf


def _described(array: np.ndarray | None) -> str:
    return "missing" if array is None else f"{array.dtype}{list(array.shape)}"
