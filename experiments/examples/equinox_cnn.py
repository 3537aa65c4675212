"""An equinox CNN that trains by jaxcnn's rules: channels first, one image at a time.

    python -m experiments.examples.equinox_cnn

equinox's layers keep the parameters; how they are applied changes in two places. It trains both and prints
what a step takes. It needs the extras `train` and `compare`.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax import Array

import jaxcnn
from experiments.examples.common import Curve, digits, follow, tell
from jaxcnn.adapters import conv_general_dilated


def conv(layer: eqx.nn.Conv2d, A: Array) -> Array:
    """An equinox layer by our rules: the adapter's default layout is equinox's, but for the batch axis."""
    Z = conv_general_dilated(A[None], layer.weight, layer.stride, layer.padding)[0]
    return Z if layer.bias is None else Z + layer.bias


def max_pool(A: Array) -> Array:
    """2×2, of (C, *n)."""
    return jnp.moveaxis(jaxcnn.max_pool(jnp.moveaxis(A, 0, -1), (2, 2)), -1, 0)


class CNN(eqx.Module):
    """(1, 8, 8) to (10,); by equinox alone where not `ours`."""

    conv1: eqx.nn.Conv2d
    conv2: eqx.nn.Conv2d
    dense: eqx.nn.Linear
    ours: bool = eqx.field(static=True)

    def __init__(self, key: Array, *, ours: bool = True):
        """Draw the parameters."""
        keys = jax.random.split(key, 3)
        self.conv1 = eqx.nn.Conv2d(1, 8, 3, padding=1, key=keys[0])
        self.conv2 = eqx.nn.Conv2d(8, 16, 3, padding=1, key=keys[1])
        self.dense = eqx.nn.Linear(16 * 2 * 2, 10, key=keys[2])
        self.ours = ours

    def __call__(self, A: Array) -> Array:
        """The logits."""
        for layer in (self.conv1, self.conv2):
            if self.ours:
                A = max_pool(jaxcnn.relu(conv(layer, A)))
            else:
                A = eqx.nn.MaxPool2d(2, 2)(jax.nn.relu(layer(A)))
        return self.dense(A.ravel())


def mean_loss(model: CNN, images: Array, labels: Array) -> Array:
    """The mean over the batch, of images (B, 1, 8, 8)."""
    return optax.softmax_cross_entropy_with_integer_labels(jax.vmap(model)(images), labels).mean()


def run(steps: int = 50, examples: int | None = None, *, ours: bool = True) -> Curve:
    """Train on so many images at once; None: all."""
    images, labels = (jnp.asarray(x[:examples]) for x in digits())
    images = jnp.moveaxis(images, -1, 1)
    optimizer = optax.adam(0.01)

    @eqx.filter_jit
    def step(state):
        model, moments = state
        loss, gradient = eqx.filter_value_and_grad(mean_loss)(model, images, labels)
        updates, moments = optimizer.update(gradient, moments)
        return (eqx.apply_updates(model, updates), moments), loss

    model = CNN(jax.random.key(0), ours=ours)
    return follow(step, (model, optimizer.init(eqx.filter(model, eqx.is_array))), steps)


def main() -> None:
    """Train both and tell."""
    tell("equinox", run(ours=False))
    tell("equinox with jaxcnn", run())


if __name__ == "__main__":
    main()
