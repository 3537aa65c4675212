"""What a run depends on."""

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from experiments.train.data import DATA_SETS
from experiments.train.errors import require
from experiments.train.models import MODELS, OPERATIONS
from experiments.train.optimizers import OPTIMIZERS, SCHEDULES

DTYPES = ("float32", "float64", "bfloat16")
CHOICES = {
    "data": tuple(DATA_SETS),
    "model": MODELS,
    "gradients": tuple(OPERATIONS),
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "dtype": DTYPES,
}
# these leave a run's numbers as they are; devices but for the rounding of sums over the batch
WHEREABOUTS = ("data_dir", "devices", "out", "checkpoint_every", "resume")


@dataclass(frozen=True)
class Config:
    """What a run depends on.

    Attributes:
        data: the data set.
        data_dir: the folder with its files; none for digits.
        model: the network; "cnn" is the little one that has both gradients.
        gradients: "manual", the hand-written rules, or "autodiff", `jax.grad` of the oracles.
        epochs: how often the training images are gone through.
        batch_size: images a step; those left over at the end of an epoch wait for the next shuffle.
        accumulate: the parts a batch is gone through in, for less memory; their gradients are averaged.
        optimizer: of optax.
        schedule: the course of the learning rate.
        learning_rate: the greatest.
        seed: of the initial parameters and of the order and augmentation of the images.
        dtype: of the computation; parameters are in float32, or in float64 with it.
        channels: the filters of the two convolutions of the "cnn".
        devices: how many share every batch.
        out: the folder for history and checkpoints; none: nothing is written.
        checkpoint_every: steps from one checkpoint to the next; none: at the start and the end alone.
        resume: whether to go on from the last checkpoint in `out`.
    """

    data: str = "digits"
    data_dir: Path | None = None
    model: str = "cnn"
    gradients: str = "manual"
    epochs: int = 90
    batch_size: int = 64
    accumulate: int = 1
    optimizer: str = "adam"
    schedule: str = "cosine"
    learning_rate: float = 3e-3
    seed: int = 0
    dtype: str = "float32"
    channels: tuple[int, int] = (32, 64)
    devices: int = 1
    out: Path | None = None
    checkpoint_every: int | None = None
    resume: bool = False

    def __post_init__(self):
        """Refuse what no run can be made of."""
        for name, known in CHOICES.items():
            value = getattr(self, name)
            require(value in known, f"{name} is {value!r}", " or ".join(map(repr, known)))
        require(
            self.gradients == "manual" or self.model == "cnn",
            f"gradients is {self.gradients!r} with model {self.model!r}",
            "'manual', or model 'cnn', which has both",
        )
        require(self.epochs >= 1, f"epochs is {self.epochs}", "at least 1")
        require(self.batch_size >= 1, f"batch size is {self.batch_size}", "at least 1")
        require(
            self.accumulate >= 1 and self.batch_size % self.accumulate == 0,
            f"accumulate is {self.accumulate}",
            f"a divisor of the batch size, {self.batch_size}",
        )
        part = self.batch_size // self.accumulate
        require(
            self.devices >= 1 and part % self.devices == 0,
            f"devices is {self.devices}",
            f"a divisor of the images that they share, {part}",
        )
        require(0 <= self.seed < 2**32, f"seed is {self.seed}", f"0 to {2**32 - 1}")
        require(
            0 < self.learning_rate < math.inf, f"learning rate is {self.learning_rate}", "a positive number"
        )
        require(
            self.checkpoint_every is None or self.checkpoint_every >= 1,
            f"checkpoint every is {self.checkpoint_every}",
            "at least 1",
        )
        for name in ("resume", "checkpoint_every"):
            given = f"{name.replace('_', ' ')} is {getattr(self, name)} without out"
            require(self.out is not None or not getattr(self, name), given, "the folder of the run as well")

    @property
    def parameter_dtype(self) -> str:
        """Of parameters, of their updates and of the loss."""
        return "float32" if self.dtype == "bfloat16" else self.dtype

    def decisive(self) -> dict[str, Any]:
        """The settings that decide the numbers of a run."""
        return {name: value for name, value in asdict(self).items() if name not in WHEREABOUTS}
