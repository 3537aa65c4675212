"""By jaxcnn's layers."""

from typing import Any

import jax
import jax.numpy as jnp

import jaxcnn
from experiments.networks import Network, build


def loss(network: Network, params: Any, state: Any, images: jax.Array, labels: jax.Array) -> Any:
    """The mean cross-entropy, and the state after training on it."""
    logits, state = build(network).apply(params, state, images, train=True)
    return jnp.mean(jaxcnn.softmax_cross_entropy(logits, labels)), state
