"""The loop: all epochs of a run, the test after each, and what is recorded."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from experiments.train import models, optimizers
from experiments.train.arrays import named
from experiments.train.config import Config
from experiments.train.data import DATA_SETS, Data, load
from experiments.train.devices import Devices, first_process
from experiments.train.errors import NonFiniteLoss, require
from experiments.train.history import Line
from experiments.train.records import recorded
from experiments.train.step import Steps, Training, compiled, initial

TEST_BATCH = 500  # images of the test at a time, for their memory

NO_CLASS = -1  # the label of an image that only fills a batch

OnStep = Callable[[int, int, Any, float], None]


@dataclass(frozen=True)
class Result:
    """What came out of a run.

    Attributes:
        losses: the mean loss of each step's images, before the step; of the steps of this call.
        accuracy: the fraction of the test images that are recognised.
        training: parameters and all other state after the last step.
    """

    losses: np.ndarray
    accuracy: float
    training: Training


def run(config: Config, on_step: OnStep = lambda step, steps, loss, accuracy: None) -> Result:
    """Train, then test. on_step is told the number of steps made, of all steps, the last loss and accuracy.

    Raises:
        BadConfig: the batch is larger than the training set, or there are fewer devices.
        BadData: a file of the data is missing or damaged.
        BadCheckpoint: the run cannot be resumed, or would overwrite another.
        MissingExtra: naming the extra to install.
        NonFiniteLoss: naming the step, after its batch and parameters were saved.
        CannotWrite: the disk is full.
    """
    data = load(config.data, config.data_dir)
    examples, size = data.images.shape[:2]
    require(config.batch_size <= examples, f"batch size is {config.batch_size}", f"at most {examples}")
    an_epoch = examples // config.batch_size
    steps = config.epochs * an_epoch
    model = models.build(config.model, config.gradients, config.channels, size)
    optimizer = optimizers.optimizer(
        config.optimizer, optimizers.schedule(config.schedule, config.learning_rate, steps)
    )
    with jax.enable_x64(config.dtype == "float64"):
        devices = Devices(config.devices)
        start = initial(config, model, optimizer, data.images.shape[1:])
        augment = DATA_SETS[config.data].augment
        does = compiled(config, model, optimizer, augment, data.white, devices.replicated)
        with recorded(config, start) as (first, training, records):
            training = devices.everywhere(training)
            losses = np.zeros(steps - first, config.parameter_dtype)
            accuracy = None
            for step, batch in batches(config, examples, first):
                images, labels = data.images[batch], data.labels[batch]
                parts = [
                    devices.shared(X.reshape(config.accumulate, -1, *X.shape[1:]), axis=1)
                    for X in (images, labels)
                ]
                after, told = does.train(training, step, *parts)
                losses[step - 1 - first] = loss = np.asarray(told.loss)[()]
                if not np.isfinite(loss):
                    saved = _saved(config.out or Path(), step, images, labels, training)
                    raise NonFiniteLoss(f"the loss of step {step} is {loss}; expected finite. {saved}")
                training = after
                accuracy = tested(does, training, data, devices) if step % an_epoch == 0 else None
                if records is not None:
                    line = Line(step, math.ceil(step / an_epoch), loss, float(told.accuracy), accuracy)
                    records.add(line, training, last=step == steps)
                on_step(step, steps, loss, float(told.accuracy))
            if accuracy is None:
                accuracy = tested(does, training, data, devices)
        return Result(losses, accuracy, training)


def batches(config: Config, examples: int, first: int) -> Iterator[tuple[int, np.ndarray]]:
    """Each step's number, from 1, and the indices of its images; without the first so many steps."""
    an_epoch = examples // config.batch_size
    for epoch in range(first // an_epoch, config.epochs):
        indices = order(config.seed, epoch, examples)
        for place in range(max(first - epoch * an_epoch, 0), an_epoch):
            start = place * config.batch_size
            yield epoch * an_epoch + place + 1, indices[start : start + config.batch_size]


def order(seed: int, epoch: int, examples: int) -> np.ndarray:
    """The images of an epoch in their order, a function of seed and epoch alone: a run is resumed in it."""
    return np.random.default_rng((seed, epoch)).permutation(examples)


def tested(does: Steps, training: Training, data: Data, devices: Devices) -> float:
    """The fraction of the test images that are recognised."""
    correct = 0
    for start in range(0, len(data.test_labels), TEST_BATCH):
        images, labels = (X[start : start + TEST_BATCH] for X in (data.test_images, data.test_labels))
        missing = -len(labels) % devices.count
        images = np.pad(images, ((0, missing), (0, 0), (0, 0), (0, 0)))
        labels = np.pad(labels, (0, missing), constant_values=NO_CLASS)
        correct += int(does.correct(training, devices.shared(images), devices.shared(labels)))
    return correct / len(data.test_labels)


def _saved(folder: Path, step: int, images: np.ndarray, labels: np.ndarray, before: Training) -> str:
    """Keep what the step was given, and say where."""
    path = folder / f"step-{step}.npz"
    arrays: dict[str, Any] = {"images": images, "labels": labels, **named(before)}
    try:
        if first_process():
            folder.mkdir(parents=True, exist_ok=True)
            np.savez(path, **arrays)
    except OSError as error:
        return f"Its batch and its parameters could not be saved in {path}: {error.strerror}"
    return f"Its batch and its parameters are in {path}"
