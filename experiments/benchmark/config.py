"""What a run depends on, and its errors."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import jax

from experiments.benchmark.operations import Row

SUITES = ("ops", "scaling", "context", "nets", "step", "memory", "compile")
AGAIN = 4  # times as long is looked at what seems to lose
Progress = Callable[[str], None]


class BadConfig(ValueError):
    """No run can be made of this: the message names the setting, what came and what was expected."""


@contextmanager
def as_other_libraries_need() -> Iterator[None]:
    """JAX's usual promotion of dtypes and ranks."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


@dataclass(frozen=True)
class Config:
    """What a run depends on.

    Attributes:
        suites: of `SUITES`.
        rows: a pattern of rows, as of files, or a part of their names; "" for all.
        quick: few small rows and networks, few samples.
        seconds: what a contender's samples of a row may take together.
        samples: how many it may take.
        images: times as many as a row's name says; an accelerator needs more to be kept busy.
    """

    suites: tuple[str, ...] = SUITES
    rows: str = ""
    quick: bool = False
    seconds: float = 0.25
    samples: int = 30
    images: int = 1

    def __post_init__(self):
        """Refuse what no run can be made of."""
        for suite in self.suites:
            if suite not in SUITES:
                raise BadConfig(f"suite is {suite!r}; expected one of {', '.join(SUITES)}")
        if self.images < 1:
            raise BadConfig(f"images is {self.images}; expected 1 or more")
        if self.quick:
            object.__setattr__(self, "seconds", min(self.seconds, 0.02))
            object.__setattr__(self, "samples", min(self.samples, 3))

    def chosen(self, name: str) -> bool:
        """Whether the pattern holds for a row's name."""
        return self.rows in name or fnmatchcase(name, self.rows)

    def longer(self, seconds: int, samples: int = 1) -> "Config":
        """With so many times the seconds and samples."""
        return replace(self, seconds=seconds * self.seconds, samples=samples * self.samples)

    def of(self, rows: list[Row]) -> list[Row]:
        """The rows for which the pattern holds."""
        return [row.times(self.images) for row in rows if self.chosen(row.name)]
