"""Train a CNN on the handwritten digits of scikit-learn, by hand-written gradients or by autodiff.

    python -m experiments.train [--gradients manual|autodiff] [--epochs N] [--batch-size N]
                                [--learning-rate X] [--seed N] [--dtype float32|float64]

1797 images of 8×8 pixels, a fifth of them kept for the test. The network is written once, over a namespace
of operations: "manual" are jaxcnn's, with their own backward passes, "autodiff" the rule-free definitions in
`jaxcnn.oracles`, which `jax.grad` differentiates. Both see the same numbers in the same order, so
their loss curves differ by rounding only. The last line printed is the test accuracy.
"""

import argparse
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import partial
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxcnn import convolution, layers, linear, losses, pooling, rectifiers
from jaxcnn.oracles import convolution as convolution_oracles
from jaxcnn.oracles import linear as linear_oracles
from jaxcnn.oracles import losses as loss_oracles
from jaxcnn.oracles import pooling as pooling_oracles
from jaxcnn.oracles import rectifiers as rectifier_oracles

OPERATIONS = {
    "manual": SimpleNamespace(
        conv=convolution.conv,
        max_pool=pooling.max_pool,
        relu=rectifiers.relu,
        dense=linear.dense,
        softmax_cross_entropy=losses.softmax_cross_entropy,
    ),
    "autodiff": SimpleNamespace(
        conv=convolution_oracles.conv,
        max_pool=pooling_oracles.max_pool,
        relu=rectifier_oracles.relu,
        dense=linear_oracles.dense,
        softmax_cross_entropy=loss_oracles.softmax_cross_entropy,
    ),
}
DTYPES = ("float32", "float64")
CLASSES = 10
TEST_SIZE = 0.2
SPLIT_SEED = 0  # of the split into training and test images, the same for every run

Parameters = dict[str, dict[str, Array]]
OnStep = Callable[[int, int, float], None]


class BadConfig(ValueError):
    """No run can be made of this: the message names the setting, what came and what was expected."""


class MissingExtra(ImportError):
    """A package that training needs is not installed: the message names the extra that brings it."""

    def __init__(self, cause: ImportError):
        """From the failed import."""
        super().__init__(f"{cause.name} is not installed: pip install 'jaxcnn[train]'")


@dataclass(frozen=True)
class Config:
    """What a run depends on.

    Attributes:
        gradients: "manual", the hand-written rules, or "autodiff", `jax.grad` of the oracles.
        epochs: how often the training images are gone through.
        batch_size: images a step; those left over at the end of an epoch wait for the next shuffle.
        learning_rate: Adam's at the start; it falls to 0 along a cosine.
        seed: of the initial parameters and of the order and shifts of the images.
        dtype: of images and parameters.
        channels: the filters of the two convolutions.
    """

    gradients: str = "manual"
    epochs: int = 90
    batch_size: int = 64
    learning_rate: float = 3e-3
    seed: int = 0
    dtype: str = "float32"
    channels: tuple[int, int] = (32, 64)

    def __post_init__(self):
        """Refuse what no run can be made of."""
        for name, value, known in (
            ("gradients", self.gradients, tuple(OPERATIONS)),
            ("dtype", self.dtype, DTYPES),
        ):
            _require(value in known, f"{name} is {value!r}", " or ".join(map(repr, known)))
        _require(self.epochs >= 1, f"epochs is {self.epochs}", "at least 1")
        _require(self.batch_size >= 1, f"batch size is {self.batch_size}", "at least 1")
        _require(0 <= self.seed < 2**32, f"seed is {self.seed}", f"0 to {2**32 - 1}")
        _require(
            0 < self.learning_rate < math.inf, f"learning rate is {self.learning_rate}", "a positive number"
        )


@dataclass(frozen=True)
class Result:
    """What came out of a run.

    Attributes:
        losses: the mean loss of each step's images, before the step.
        accuracy: the fraction of the test images that are recognised.
    """

    losses: np.ndarray
    accuracy: float


def initial(key: Array, config: Config) -> Parameters:
    """He-normal weights and zero biases."""
    first, second = config.channels
    shapes = {
        "conv1": (3, 3, 1, first),
        "conv2": (3, 3, first, second),
        "dense": (2 * 2 * second, CLASSES),
    }
    keys = jax.random.split(key, len(shapes))
    return {
        name: {
            "W": layers.he_normal()(key, shape, config.dtype),
            "b": jnp.zeros(shape[-1], config.dtype),
        }
        for key, (name, shape) in zip(keys, shapes.items(), strict=True)
    }


def logits(ops: SimpleNamespace, params: Parameters, images: Array) -> Array:
    """The network: twice convolution, ReLU and max-pool, 8×8 → 4×4 → 2×2 pixels, then a dense layer."""
    A = images
    for name in ("conv1", "conv2"):
        A = ops.relu(ops.conv(A, **params[name], padding="SAME"))
        A = ops.max_pool(A, (2, 2))
    return ops.dense(A.reshape(len(A), -1), **params["dense"])


def mean_loss(ops: SimpleNamespace, params: Parameters, images: Array, labels: Array) -> Array:
    """The mean over the batch: the one place of 1/B."""
    return jnp.mean(ops.softmax_cross_entropy(logits(ops, params, images), labels))


def shifted(key: Array, images: Array) -> Array:
    """Every image moved by −1, 0 or 1 pixel along each axis, zeros moving in."""
    padded = jnp.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    moves = jax.random.randint(key, (len(images), 2), 0, 3)
    corners = jnp.pad(moves, ((0, 0), (0, 1)))
    return jax.vmap(lambda image, corner: lax.dynamic_slice(image, corner, images.shape[1:]))(padded, corners)


def digits(dtype: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Training images, test images (N, 8, 8, 1) from 0 to 1, training labels, test labels (N,)."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, labels = load_digits(return_X_y=True)
    images = (images / 16).reshape(-1, 8, 8, 1).astype(dtype)
    return train_test_split(
        images, labels.astype(np.int32), test_size=TEST_SIZE, random_state=SPLIT_SEED, stratify=labels
    )


def batches(rng: np.random.Generator, examples: int, config: Config) -> Iterator[np.ndarray]:
    """The indices of each step's images, shuffled anew each epoch."""
    for _ in range(config.epochs):
        order = rng.permutation(examples)
        for start in range(0, examples - config.batch_size + 1, config.batch_size):
            yield order[start : start + config.batch_size]


def run(config: Config, on_step: OnStep = lambda step, steps, loss: None) -> Result:
    """Train, then test. on_step is told the number of steps made, of all steps, and the last loss.

    Raises:
        BadConfig: the batch is larger than the training set.
        MissingExtra: naming the extra to install.
    """
    try:
        import optax

        images, test_images, labels, test_labels = digits(config.dtype)
    except ImportError as error:
        raise MissingExtra(error) from error
    _require(config.batch_size <= len(images), f"batch size is {config.batch_size}", f"at most {len(images)}")
    ops = OPERATIONS[config.gradients]
    steps = config.epochs * (len(images) // config.batch_size)
    optimizer = optax.adam(optax.cosine_decay_schedule(config.learning_rate, steps))

    @jax.jit
    def step(params, state, key, images, labels):
        loss, gradient = jax.value_and_grad(partial(mean_loss, ops))(params, shifted(key, images), labels)
        updates, state = optimizer.update(gradient, state)
        return optax.apply_updates(params, updates), state, loss

    @jax.jit
    def correct(params, images, labels):
        return jnp.mean(jnp.argmax(logits(ops, params, images), -1) == labels)

    with jax.enable_x64(config.dtype == "float64"):
        init_key, shift_key = jax.random.split(jax.random.key(config.seed))
        params = initial(init_key, config)
        state = optimizer.init(params)
        curve = np.zeros(steps, config.dtype)
        chosen = batches(np.random.default_rng(config.seed), len(images), config)
        for number, (key, batch) in enumerate(zip(jax.random.split(shift_key, steps), chosen, strict=True)):
            params, state, curve[number] = step(params, state, key, images[batch], labels[batch])
            on_step(number + 1, steps, curve[number])
        return Result(curve, float(correct(params, test_images, test_labels)))


def main(argv: Sequence[str] | None = None) -> int:
    """The command line: 0; or 2 where the call was wrong or an extra is missing."""
    parser = argparse.ArgumentParser("python -m experiments.train", description="Train a CNN on real digits.")
    parser.add_argument("--gradients", choices=tuple(OPERATIONS), help="whose backward passes [%(default)s]")
    parser.add_argument("--epochs", type=int, metavar="N", help="passes over the images [%(default)s]")
    parser.add_argument("--batch-size", type=int, metavar="N", help="images a step [%(default)s]")
    parser.add_argument("--learning-rate", type=float, metavar="X", help="Adam's at the start [%(default)s]")
    parser.add_argument("--seed", type=int, metavar="N", help="of parameters and order [%(default)s]")
    parser.add_argument("--dtype", choices=DTYPES, help="of images and parameters [%(default)s]")
    parser.set_defaults(**{field.name: field.default for field in fields(Config)})
    try:
        result = _run_with_progress(Config(**vars(parser.parse_args(argv))))
    except (BadConfig, MissingExtra) as error:
        parser.error(str(error))
    print(f"test accuracy: {result.accuracy:.2%}")
    return 0


def _run_with_progress(config: Config) -> Result:
    try:
        from rich.console import Console
        from rich.progress import Progress
    except ImportError as error:
        raise MissingExtra(error) from error
    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task("training", total=None)

        def on_step(step: int, steps: int, loss: float) -> None:
            progress.update(bar, completed=step, total=steps, description=f"training, loss {loss:.4f}")

        return run(config, on_step)


def _require(holds: bool, came: str, expected: str) -> None:
    if not holds:
        raise BadConfig(f"{came}; expected {expected}")


if __name__ == "__main__":
    sys.exit(main())
