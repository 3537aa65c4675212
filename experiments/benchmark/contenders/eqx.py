"""equinox's layers, which see one example, channels first, under vmap."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
from jax import Array

from experiments.benchmark.operations import Row

KEY = 0  # of parameters that are replaced


def function(row: Row) -> Callable[..., Array] | None:
    """The layer as a function of its input (B, C, *n) and parameters, or None."""
    keywords = row.keywords
    match row.operation:
        case "conv":
            module = eqx.nn.Conv(
                row.rank,
                row.shape[-1],
                row.kernel[-1],
                row.kernel[:-1],
                keywords["stride"],
                keywords["padding"],
                keywords.get("dilation", 1),
                keywords.get("groups", 1),
                use_bias=False,
                dtype=row.dtype,
                key=jax.random.key(KEY),
            )
            return lambda A, W: jax.vmap(_with(module, weight=W))(A)
        case "max_pool":
            return jax.vmap(eqx.nn.MaxPool2d(keywords["window"], keywords["stride"], keywords["padding"]))
        case "avg_pool" if keywords["padding"] == 0:  # it counts the padding
            return jax.vmap(eqx.nn.AvgPool2d(keywords["window"], keywords["stride"]))
        case "dense":
            linear = eqx.nn.Linear(row.shape[-1], row.kernel[-1], key=jax.random.key(KEY))
            return lambda A, W, b: jax.vmap(_with(linear, weight=W, bias=b))(A)
        case "group_norm":
            norm = eqx.nn.GroupNorm(keywords["groups"], row.shape[-1])
            return lambda A, gamma, beta: jax.vmap(_with(norm, weight=gamma, bias=beta))(A)
    return None


def _with(module: Any, **parameters: Array) -> Any:
    return eqx.tree_at(lambda m: [getattr(m, name) for name in parameters], module, list(parameters.values()))
