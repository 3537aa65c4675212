"""By lax and jax.nn, for `jax.grad`."""

from typing import Any

import jax
import jax.numpy as jnp

from experiments import networks
from experiments.benchmark.contenders import plain
from experiments.networks import Network

MOMENTUM = 0.9


def loss(network: Network, params: Any, state: Any, images: jax.Array, labels: jax.Array) -> Any:
    """The mean cross-entropy, and the state after training on it."""
    logits, state = apply(network, params, state, images)
    return jnp.mean(plain.softmax_cross_entropy()(logits, labels)), state


def apply(network: Network, params: Any, state: Any, A: jax.Array) -> tuple[jax.Array, Any]:
    """Every block in turn; params and state as of `layers.sequential`."""
    states = []
    for block, p, s in zip(network, params, state, strict=True):
        A, after = _block(block, p, s, A)
        states.append(after)
    return A, tuple(states)


def _block(block: Any, p: Any, state: Any, A: jax.Array) -> tuple[jax.Array, Any]:
    match block:
        case networks.Conv(_, f, stride, groups, use_bias):
            Z = plain.conv(stride=stride, padding=(f - 1) // 2, groups=groups)(A, p["W"])
            return (Z + p["b"] if use_bias else Z), state
        case networks.Dense():
            return A @ p["W"] + p["b"], state
        case networks.BatchNorm():
            axes = tuple(range(A.ndim - 1))
            batch = {"mean": jnp.mean(A, axes), "variance": jnp.var(A, axes)}
            rate = jax.lax.rsqrt(batch["variance"] + plain.EPSILON)
            after = {name: MOMENTUM * state[name] + (1 - MOMENTUM) * batch[name] for name in batch}
            return (A - batch["mean"]) * rate * p["gamma"] + p["beta"], after
        case networks.Relu():
            return jax.nn.relu(A), state
        case networks.MaxPool(f):
            return plain.max_pool(window=(f, f), stride=f, padding=0)(A), state
        case networks.GlobalAvgPool():
            return jnp.mean(A, (1, 2)), state
        case networks.Flatten():
            return A.reshape(len(A), -1), state
        case networks.Residual(branch, shortcut):
            through, after = apply(branch, p["layer"], state["layer"], A)
            past, beside = A, ()
            if shortcut:
                past, beside = apply(shortcut, p["shortcut"], state["shortcut"], A)
            return through + past, {"layer": after, "shortcut": beside}
    raise TypeError(f"no block of a network: {block!r}")
