"""Checks of arguments that the layers share: shapes, keys, and trees of parameters and state."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
from jax import Array

from jaxcnn._arrays import one_key
from jaxcnn._errors import integer, wrong_type, wrong_value

Shape = tuple[int, ...]


def shape_of(operation: str, input_shape: Any, expected: str) -> Shape:
    """`input_shape` as a tuple of integers of at least 1; `expected` describes it."""
    if not isinstance(input_shape, Sequence) or isinstance(input_shape, str):
        wrong_type(operation, f"input_shape is {input_shape!r}", expected)
    if not input_shape:
        wrong_value(operation, f"input_shape is {input_shape!r}", expected)
    return tuple(integer(operation, f"input_shape[{a}]", n, least=1) for a, n in enumerate(input_shape))


def keys_of(operation: str, key: Any, count: int) -> Sequence[Array | None] | Array:
    """As many keys, drawn from `key`; None for each where there is none."""
    return [None] * count if key is None else jax.random.split(one_key(operation, key), count)


def entries(operation: str, argument: str, tree: Any, names: Sequence[str]) -> None:
    """Refuse params or a state that is not a dict with entries of these names, as init makes it."""
    expected = f"a dict with the entries {list(names)}, as init makes it"
    if not isinstance(tree, Mapping):
        wrong_type(operation, f"{argument} is a {type(tree).__name__}", expected)
    if set(tree) != set(names):
        wrong_value(operation, f"{argument} has the entries {list(tree)}", expected)


def one_each(operation: str, argument: str, tree: Any, count: int) -> None:
    """Refuse params or a state that does not have one entry a layer."""
    expected = f"a tuple with an entry for each of the {count} layers, as init makes it"
    if not isinstance(tree, Sequence):
        wrong_type(operation, f"{argument} is a {type(tree).__name__}", expected)
    if len(tree) != count:
        wrong_value(operation, f"{argument} has {len(tree)} entries", expected)
