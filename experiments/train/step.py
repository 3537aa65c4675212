"""One step of training, and the test: pure functions, compiled.

Parameters, their gradients and the optimiser's state have the parameters' dtype. The network computes in the
dtype of the run, to which parameters and images are cast at the top of the loss; the cast's own backward pass
widens the gradients again.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from experiments.train.augmentation import Augmentation
from experiments.train.config import Config
from experiments.train.models import OPERATIONS
from jaxcnn.layers import Layer

if TYPE_CHECKING:
    import optax


class Training(NamedTuple):
    """All that changes from step to step, but the number of the step, and the key.

    Attributes:
        params: of the network.
        state: of the network, such as running means.
        optimizer: its state.
        key: of all augmentation; a step's is folded from it and the step's number.
    """

    params: Any
    state: Any
    optimizer: Any
    key: Array


class Steps(NamedTuple):
    """What is compiled.

    Attributes:
        train: (training, number, images, labels) → (training after the step, the mean loss before it).
        correct: (training, images, labels) → the number of images that are recognised.
    """

    train: Callable[[Training, Any, Any, Any], tuple[Training, Array]]
    correct: Callable[[Training, Any, Any], Array]


def initial(
    config: Config, model: Layer, optimizer: "optax.GradientTransformation", shape: tuple[int, ...]
) -> Training:
    """Where a run starts: images have this shape (h, w, C)."""
    init_key, key = jax.random.split(jax.random.key(config.seed))
    params, state = model.init(init_key, shape, config.parameter_dtype)
    return Training(params, state, optimizer.init(params), key)


def compiled(
    config: Config,
    model: Layer,
    optimizer: "optax.GradientTransformation",
    augment: Augmentation,
    white: int,
) -> Steps:
    """The step and the test; pixels run from 0 to `white`."""
    import optax

    cross_entropy = OPERATIONS[config.gradients].softmax_cross_entropy

    def logits(params: Any, state: Any, images: Array, train: bool) -> tuple[Array, Any]:
        params = jax.tree.map(lambda W: W.astype(config.dtype), params)
        Z, state = model.apply(params, state, images.astype(config.dtype) / white, train=train)
        return Z.astype(config.parameter_dtype), state

    def mean_loss(params: Any, state: Any, images: Array, labels: Array) -> tuple[Array, Any]:
        """The mean over the images: the one place of 1/B."""
        Z, state = logits(params, state, images, train=True)
        return jnp.mean(cross_entropy(Z, labels)), state

    def gradient(params: Any, state: Any, images: Array, labels: Array) -> tuple[Array, Any, Any]:
        """The mean loss, the network's next state and the gradient, in as many parts as are asked for."""

        def part(state: Any, batch: tuple[Array, Array]) -> tuple[Any, tuple[Array, Any]]:
            (loss, state), gradient = jax.value_and_grad(mean_loss, has_aux=True)(params, state, *batch)
            return state, (loss, gradient)

        if config.accumulate == 1:
            state, (loss, mean) = part(state, (images, labels))
            return loss, state, mean

        def accumulated(carry: Any, batch: Any) -> tuple[Any, None]:
            state, total = carry
            state, results = part(state, batch)
            return (state, jax.tree.map(jnp.add, total, results)), None

        parts = tuple(X.reshape(config.accumulate, -1, *X.shape[1:]) for X in (images, labels))
        nothing = (jnp.zeros((), config.parameter_dtype), jax.tree.map(jnp.zeros_like, params))
        carry: Any = (state, nothing)
        (state, total), _ = lax.scan(accumulated, carry, parts)
        loss, mean = jax.tree.map(lambda X: X / config.accumulate, total)
        return loss, state, mean

    @jax.jit
    def train(training: Training, number: Any, images: Array, labels: Array) -> tuple[Training, Array]:
        params, state, memory, key = training
        images = augment(jax.random.fold_in(key, number), images)
        loss, state, mean = gradient(params, state, images, labels)
        updates, memory = optimizer.update(mean, memory, params)
        return Training(optax.apply_updates(params, updates), state, memory, key), loss

    @jax.jit
    def correct(training: Training, images: Array, labels: Array) -> Array:
        Z, _ = logits(training.params, training.state, images, train=False)
        return jnp.sum(jnp.argmax(Z, -1) == labels)

    return Steps(train, correct)
