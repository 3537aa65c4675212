"""A CNN in bare JAX: pure functions of a dictionary of arrays, every gradient a hand-written rule.

    python -m experiments.examples.bare_jax

It needs the extra `train`.
"""

import jax
import jax.numpy as jnp
import optax
from jax import Array

import jaxcnn
from experiments.examples.common import Curve, digits, follow, tell
from jaxcnn.layers import he_normal

Parameters = dict[str, dict[str, Array]]


def initial(key: Array) -> Parameters:
    """He-normal weights and zero biases."""
    shapes = {"conv1": (3, 3, 1, 8), "conv2": (3, 3, 8, 16), "dense": (2 * 2 * 16, 10)}
    return {
        name: {"W": he_normal()(key, shape, jnp.float32), "b": jnp.zeros(shape[-1], jnp.float32)}
        for key, (name, shape) in zip(jax.random.split(key, 3), shapes.items(), strict=True)
    }


def logits(params: Parameters, A: Array) -> Array:
    """(B, 8, 8, 1) to (B, 10)."""
    for name in ("conv1", "conv2"):
        W, b = params[name]["W"], params[name]["b"]
        Z = jaxcnn.conv(A, W, b, padding="SAME")
        A = jaxcnn.max_pool(jaxcnn.relu(Z), (2, 2))
    return jaxcnn.dense(A.reshape(len(A), -1), params["dense"]["W"], params["dense"]["b"])


def mean_loss(params: Parameters, images: Array, labels: Array) -> Array:
    """The mean over the batch."""
    return jaxcnn.softmax_cross_entropy(logits(params, images), labels).mean()


def run(steps: int = 50, examples: int | None = None) -> Curve:
    """Train on so many images at once; None: all."""
    images, labels = (jnp.asarray(x[:examples]) for x in digits())
    optimizer = optax.adam(0.01)

    @jax.jit
    def step(state):
        params, moments = state
        loss, gradient = jax.value_and_grad(mean_loss)(params, images, labels)
        updates, moments = optimizer.update(gradient, moments)
        return (optax.apply_updates(params, updates), moments), loss

    params = initial(jax.random.key(0))
    return follow(step, (params, optimizer.init(params)), steps)


def main() -> None:
    """Train and tell."""
    tell("jaxcnn", run())


if __name__ == "__main__":
    main()
