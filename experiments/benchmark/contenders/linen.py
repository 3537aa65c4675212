"""flax's linen layers, which are lax inside."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from experiments.benchmark.operations import Row


def function(row: Row) -> Callable[..., Any] | None:
    """The layer as a function of its input and parameters, or None."""
    keywords = row.keywords
    dtype: Any = {"dtype": row.dtype, "param_dtype": row.dtype}
    match row.operation:
        case "conv":
            module = nn.Conv(
                row.kernel[-1],
                row.kernel[:-1],
                strides=keywords["stride"],
                padding=keywords["padding"],
                kernel_dilation=keywords.get("dilation", 1),
                feature_group_count=keywords.get("groups", 1),
                use_bias=False,
                **dtype,
            )
            return lambda A, W: module.apply({"params": {"kernel": W}}, A)
        case "max_pool" | "avg_pool":
            edges = ((keywords["padding"],) * 2,) * row.rank
            stride = (keywords["stride"],) * row.rank
            if row.operation == "max_pool":
                return lambda A: nn.max_pool(A, keywords["window"], stride, edges)
            return lambda A: nn.avg_pool(A, keywords["window"], stride, edges, count_include_pad=False)
        case "dense":
            dense = nn.Dense(row.kernel[-1], **dtype)
            return lambda A, W, b: dense.apply({"params": {"kernel": W, "bias": b}}, A)
        case "batch_norm":
            norm = nn.BatchNorm(use_running_average=False, epsilon=1e-5, **dtype)
            C = row.shape[-1]
            running = {"mean": jnp.zeros(C), "var": jnp.ones(C)}

            def apply(A, gamma, beta):
                variables = {"params": {"scale": gamma, "bias": beta}, "batch_stats": running}
                return norm.apply(variables, A, mutable=["batch_stats"])[0]

            return apply
        case "layer_norm":
            return _scaled(nn.LayerNorm(epsilon=1e-5, **dtype))
        case "group_norm":
            return _scaled(nn.GroupNorm(keywords["groups"], epsilon=1e-5, **dtype))
    return None


def _scaled(module: nn.Module) -> Callable[..., Any]:
    return lambda A, gamma, beta: module.apply({"params": {"scale": gamma, "bias": beta}}, A)
