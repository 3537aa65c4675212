"""By flax's linen layers, which are lax inside, and optax's loss."""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from experiments import networks
from experiments.networks import Network


class Net(nn.Module):
    """The network, its layers named by their place: "2", and in a residual block "3_layer_0"."""

    network: Network

    @nn.compact
    def __call__(self, A: jax.Array) -> jax.Array:
        """The logits."""
        return _apply(self.network, A, "")


def _apply(network: Network, A: jax.Array, prefix: str) -> jax.Array:
    for place, block in enumerate(network):
        A = _block(block, A, f"{prefix}{place}")
    return A


def _block(block: Any, A: jax.Array, name: str) -> jax.Array:
    match block:
        case networks.Conv(features, f, stride, groups, use_bias):
            return nn.Conv(
                *(features, (f, f), stride, (f - 1) // 2),
                feature_group_count=groups,
                use_bias=use_bias,
                name=name,
            )(A)
        case networks.Dense(features):
            return nn.Dense(features, name=name)(A)
        case networks.BatchNorm():
            return nn.BatchNorm(use_running_average=False, momentum=0.9, name=name)(A)
        case networks.Relu():
            return nn.relu(A)
        case networks.MaxPool(f):
            return nn.max_pool(A, (f, f), (f, f))
        case networks.GlobalAvgPool():
            return jnp.mean(A, (1, 2))
        case networks.Flatten():
            return A.reshape(len(A), -1)
        case networks.Residual(branch, shortcut):
            past = _apply(shortcut, A, f"{name}_shortcut_") if shortcut else A
            return _apply(branch, A, f"{name}_layer_") + past
    raise TypeError(f"no block of a network: {block!r}")


def variables(network: Network, params: Any, state: Any, prefix: str = "") -> tuple[dict, dict]:
    """The parameters and running statistics of jaxcnn's layers as flax's "params" and "batch_stats"."""
    theirs: dict[str, Any] = {}
    statistics: dict[str, Any] = {}
    for place, (block, p, s) in enumerate(zip(network, params, state, strict=True)):
        name = f"{prefix}{place}"
        match block:
            case networks.Conv() | networks.Dense():
                theirs[name] = {"kernel": p["W"]} | ({"bias": p["b"]} if "b" in p else {})
            case networks.BatchNorm():
                theirs[name] = {"scale": p["gamma"], "bias": p["beta"]}
                statistics[name] = {"mean": s["mean"], "var": s["variance"]}
            case networks.Residual(branch, shortcut):
                for role, inner in (("layer", branch), ("shortcut", shortcut)):
                    if inner:
                        below = variables(inner, p[role], s[role], f"{name}_{role}_")
                        theirs |= below[0]
                        statistics |= below[1]
    return theirs, statistics


def loss(network: Network, params: Any, state: Any, images: jax.Array, labels: jax.Array) -> Any:
    """The mean cross-entropy, and the running statistics after training on it; both as of `variables`."""
    Z, after = Net(network).apply({"params": params, "batch_stats": state}, images, mutable=["batch_stats"])
    return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(Z, labels)), after.get("batch_stats", {})
