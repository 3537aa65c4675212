"""A flax linen CNN that trains by jaxcnn's rules: two places change, the convolution and the pool.

    python -m experiments.examples.flax_linen

It trains both and prints what a step takes. It needs the extras `train` and `compare`.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from jax import Array

import jaxcnn
from experiments.examples.common import Curve, digits, follow, tell
from jaxcnn.adapters import conv_general_dilated


class CNN(nn.Module):
    """(B, 8, 8, 1) to (B, 10); by flax alone where not `ours`."""

    ours: bool = True

    @nn.compact
    def __call__(self, A: Array) -> Array:
        """The logits."""
        for features in (8, 16):
            if self.ours:
                A = nn.relu(nn.Conv(features, (3, 3), conv_general_dilated=conv_general_dilated)(A))
                A = jaxcnn.max_pool(A, (2, 2))
            else:
                A = nn.relu(nn.Conv(features, (3, 3))(A))
                A = nn.max_pool(A, (2, 2), strides=(2, 2))
        return nn.Dense(10)(A.reshape(len(A), -1))


def mean_loss(params, model: CNN, images: Array, labels: Array) -> Array:
    """The mean over the batch."""
    return optax.softmax_cross_entropy_with_integer_labels(model.apply(params, images), labels).mean()


def run(steps: int = 50, examples: int | None = None, *, ours: bool = True) -> Curve:
    """Train on so many images at once; None: all."""
    images, labels = (jnp.asarray(x[:examples]) for x in digits())
    model, optimizer = CNN(ours), optax.adam(0.01)

    @jax.jit
    def step(state):
        params, moments = state
        loss, gradient = jax.value_and_grad(mean_loss)(params, model, images, labels)
        updates, moments = optimizer.update(gradient, moments)
        return (optax.apply_updates(params, updates), moments), loss

    params = model.init(jax.random.key(0), images)
    return follow(step, (params, optimizer.init(params)), steps)


def main() -> None:
    """Train both and tell."""
    tell("flax", run(ours=False))
    tell("flax with jaxcnn", run())


if __name__ == "__main__":
    main()
