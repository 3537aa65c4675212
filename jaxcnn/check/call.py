"""A call seen flat: which leaves of its arguments are differentiated, and how to put them back.

Arguments and outputs may be pytrees. Leaves that are floating point are live; all others (labels, indices,
keys) pass through as they came.
"""

import inspect
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


@dataclass(frozen=True)
class Call:
    """The arguments of a function.

    Attributes:
        leaves: of all arguments, in order; the live ones as NumPy arrays.
        live: the positions of the live leaves.
        names: of the live leaves, such as "x" or "params['W']".
        tree: how the leaves make up the tuple of arguments.
        fixed: the arrays of integers or conditions among the other leaves, by name.
    """

    leaves: tuple[Any, ...]
    live: tuple[int, ...]
    names: tuple[str, ...]
    tree: Any
    fixed: dict[str, np.ndarray]

    @property
    def like(self) -> list[np.ndarray]:
        """The live leaves."""
        return [self.leaves[k] for k in self.live]

    @property
    def spans(self) -> list[range]:
        """The positions of the leaves of each argument."""
        ends = list(itertools.accumulate(child.num_leaves for child in self.tree.children()))
        return [range(start, end) for start, end in zip([0, *ends], ends, strict=False)]

    def arguments(self, live: Sequence[Any]) -> tuple[Any, ...]:
        """The arguments, with these values in place of the live leaves."""
        leaves = list(self.leaves)
        for k, value in zip(self.live, live, strict=True):
            leaves[k] = value
        return jax.tree.unflatten(self.tree, leaves)

    def flat(self, function: Callable[..., Any]) -> Callable[..., tuple[Any, ...]]:
        """`function` of the live leaves alone, giving the leaves of its outputs."""
        return lambda *live: tuple(jax.tree.leaves(function(*self.arguments(live))))


def call(operation: str, inputs: Sequence[Any], names: Sequence[str]) -> Call:
    """The call of a function with these arguments, on behalf of `operation`.

    Raises:
        ValueError: if there are more or fewer names than arguments, none to differentiate, or a complex one.
    """
    if len(names) != len(inputs):
        raise ValueError(
            f"{operation}: names has {len(names)} entries; expected {len(inputs)}, one for each input"
        )
    paths, tree = jax.tree.flatten_with_path(tuple(inputs))
    leaves, live, live_names = [], [], []
    fixed: dict[str, np.ndarray] = {}
    for position, (path, leaf) in enumerate(paths):
        dtype = _dtype(leaf)
        name = names[path[0].idx] + jax.tree_util.keystr(path[1:])
        if dtype is not None and jnp.issubdtype(dtype, jnp.complexfloating):
            raise ValueError(
                f"{operation}: {names[path[0].idx]} is {dtype}; expected real numbers: "
                "complex gradients are not supported"
            )
        if dtype is not None and jnp.issubdtype(dtype, jnp.floating):
            live.append(position)
            live_names.append(name)
            leaf = np.asarray(leaf, dtype)
        elif isinstance(leaf, np.ndarray) and dtype is not None:
            leaf = leaf.astype(dtype)  # as an argument of JAX, so also where the reference runs in float64
        if isinstance(leaf, np.ndarray | np.generic | jax.Array) and _counts(dtype):
            fixed[name] = np.array(leaf)
        leaves.append(leaf)
    if not live:
        raise ValueError(f"{operation}: no input is floating point; expected at least one to differentiate")
    return Call(tuple(leaves), tuple(live), tuple(live_names), tree, fixed)


def argument_names(fun: Callable[..., Any], count: int) -> list[str]:
    """The names of the positional arguments, or argument 0, 1, … where the signature does not tell."""
    try:
        parameters = list(inspect.signature(fun).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    named = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [named[k] if k < len(named) else f"argument {k}" for k in range(count)]


def _counts(dtype: Any) -> bool:
    return dtype is not None and np.dtype(dtype).kind in "biu"


def _dtype(leaf: Any) -> Any:
    """The dtype that JAX gives to an array or Python number; None for anything else."""
    if isinstance(leaf, bool | int):
        return None
    dtype = getattr(leaf, "dtype", None)
    if dtype is not None and jnp.issubdtype(dtype, jax.dtypes.extended):  # a key
        return None
    try:
        return jax.dtypes.canonicalize_dtype(np.asarray(leaf).dtype if dtype is None else dtype)
    except TypeError:  # a string, an object
        return None
