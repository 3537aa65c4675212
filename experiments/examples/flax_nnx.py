"""A flax nnx CNN that trains by jaxcnn's rules: two places change, the convolution and the pool.

    python -m experiments.examples.flax_nnx

It trains both and prints what a step takes. It needs the extras `train` and `compare`.
"""

from typing import Any

import jax.numpy as jnp
import optax
from flax import nnx
from jax import Array

import jaxcnn
from experiments.examples.common import Curve, digits, follow, tell
from jaxcnn.adapters import conv_general_dilated


class CNN(nnx.Module):
    """(B, 8, 8, 1) to (B, 10); by flax alone where not `ours`."""

    def __init__(self, rngs: nnx.Rngs, *, ours: bool = True):
        """Draw the parameters."""
        convolution: dict[str, Any] = {"conv_general_dilated": conv_general_dilated} if ours else {}
        self.ours = ours
        self.conv1 = nnx.Conv(1, 8, kernel_size=(3, 3), rngs=rngs, **convolution)
        self.conv2 = nnx.Conv(8, 16, kernel_size=(3, 3), rngs=rngs, **convolution)
        self.dense = nnx.Linear(2 * 2 * 16, 10, rngs=rngs)

    def __call__(self, A: Array) -> Array:
        """The logits."""
        for conv in (self.conv1, self.conv2):
            A = nnx.relu(conv(A))
            A = jaxcnn.max_pool(A, (2, 2)) if self.ours else nnx.max_pool(A, (2, 2), strides=(2, 2))
        return self.dense(A.reshape(len(A), -1))


def mean_loss(model: CNN, images: Array, labels: Array) -> Array:
    """The mean over the batch."""
    return optax.softmax_cross_entropy_with_integer_labels(model(images), labels).mean()


def run(steps: int = 50, examples: int | None = None, *, ours: bool = True) -> Curve:
    """Train on so many images at once; None: all."""
    images, labels = (jnp.asarray(x[:examples]) for x in digits())
    model = CNN(nnx.Rngs(0), ours=ours)
    optimizer = nnx.Optimizer(model, optax.adam(0.01), wrt=nnx.Param)

    @nnx.jit
    def update(model, optimizer):
        loss, gradient = nnx.value_and_grad(mean_loss)(model, images, labels)
        optimizer.update(model, gradient)
        return loss

    return follow(lambda state: (state, update(model, optimizer)), None, steps)  # nnx changes them in place


def main() -> None:
    """Train both and tell."""
    tell("flax nnx", run(ours=False))
    tell("flax nnx with jaxcnn", run())


if __name__ == "__main__":
    main()
