"""One step of training, and the test: pure functions, compiled.

Parameters, their gradients and the optimiser's state have the parameters' dtype. The network computes in the
dtype of the run, to which parameters and images are cast at the top of the loss; the cast's own backward pass
widens the gradients again.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.sharding import Sharding

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


class Told(NamedTuple):
    """What a step tells of its images, as its parameters were before it.

    Attributes:
        loss: the mean.
        accuracy: the fraction that is recognised, of the images as they were augmented.
    """

    loss: Array
    accuracy: Array


class Steps(NamedTuple):
    """What is compiled.

    Attributes:
        train: (training, step's number, images, labels) → (training after the step, what it tells); images
            (parts, n, h, w, C) and labels (parts, n), to be gone through part by part.
        correct: (training, images, labels) → the number of images that are recognised.
    """

    train: Callable[[Training, Any, Any, Any], tuple[Training, Told]]
    correct: Callable[[Training, Any, Any], Array]


def initial(
    config: Config, model: Layer, optimizer: "optax.GradientTransformation", shape: tuple[int, ...]
) -> Training:
    """Where a run starts: images have this shape (h, w, C)."""
    init_key, key = jax.random.split(jax.random.key(config.seed))
    params, state = model.init(init_key, shape, config.parameter_dtype)
    return Training(params, state, optimizer.init(params), key)


def forward(config: Config, model: Layer, white: int) -> Callable[..., tuple[Array, Any]]:
    """(params, state, images, train=False) → (logits, state); pixels run from 0 to `white`."""

    def logits(params: Any, state: Any, images: Array, train: bool = False) -> tuple[Array, Any]:
        params = jax.tree.map(lambda W: W.astype(config.dtype), params)
        Z, state = model.apply(params, state, images.astype(config.dtype) / white, train=train)
        return Z.astype(config.parameter_dtype), state

    return logits


def compiled(
    config: Config,
    model: Layer,
    optimizer: "optax.GradientTransformation",
    augment: Augmentation,
    white: int,
    replicated: Sharding | None = None,
) -> Steps:
    """The step and the test; pixels run from 0 to `white`.

    replicated: where the results are, as parameters are; none where there is one device.
    """
    import optax

    cross_entropy = OPERATIONS[config.gradients].softmax_cross_entropy

    logits = forward(config, model, white)

    def mean_loss(params: Any, state: Any, images: Array, labels: Array) -> tuple[Array, Any]:
        """The mean over the images: the one place of 1/B."""
        Z, state = logits(params, state, images, train=True)
        return jnp.mean(cross_entropy(Z, labels)), (state, jnp.mean(recognised(Z, labels), dtype=Z.dtype))

    def recognised(Z: Array, labels: Array) -> Array:
        return jnp.argmax(Z, -1) == labels

    jit = partial(jax.jit, out_shardings=replicated)

    @jax.jit
    def augmented(key: Array, number: Any, images: Array) -> Array:
        return augment(jax.random.fold_in(key, number), images)

    @jit
    def nothing(params: Any) -> Any:
        zero = jnp.zeros((), config.parameter_dtype)
        return Told(zero, zero), jax.tree.map(jnp.zeros_like, params)

    @jit
    def added(params: Any, state: Any, total: Any, images: Array, labels: Array) -> tuple[Any, Any]:
        """The network's next state, and the total with what comes of these images added."""
        gradient_of = jax.value_and_grad(mean_loss, has_aux=True)
        (loss, (state, accuracy)), gradient = gradient_of(params, state, images, labels)
        return state, jax.tree.map(jnp.add, total, (Told(loss, accuracy), gradient))

    @jit
    def updated(training: Training, state: Any, total: Any) -> tuple[Training, Told]:
        told, gradient = jax.tree.map(lambda X: X / config.accumulate, total)
        updates, memory = optimizer.update(gradient, training.optimizer, training.params)
        params = optax.apply_updates(training.params, updates)
        return Training(params, state, memory, training.key), told

    def train(training: Training, number: Any, images: Any, labels: Any) -> tuple[Training, Told]:
        images, state = augmented(training.key, number, images), training.state
        total = nothing(training.params)
        for part in range(config.accumulate):
            state, total = added(training.params, state, total, images[part], labels[part])
        return updated(training, state, total)

    @jit
    def correct(training: Training, images: Array, labels: Array) -> Array:
        Z, _ = logits(training.params, training.state, images)
        return jnp.sum(recognised(Z, labels))

    # Parts are gone through from outside: within a loop of XLA's, convolutions run without threads on a
    # CPU, and with the loop unrolled the activations of all parts may be in memory at once.
    return Steps(jit(train) if config.accumulate == 1 else train, correct)
