"""What a run depends on, and its errors."""

from dataclasses import dataclass

from experiments.checkers.checkers import CHECKERS
from experiments.planted.planted import Planted
from experiments.planted.table import FIELDS, ROWS

DTYPES = ("float32", "float64")


class BadConfig(ValueError):
    """No run can be made of this: the message names the setting, what came and what was expected."""


@dataclass(frozen=True)
class Config:
    """What a run depends on.

    Attributes:
        only: fields, or beginnings of rows' names; empty: all.
        checkers: of CHECKERS.
        time_limit: seconds for one checker on one row.
        correct_runs: runs of right rules through jaxcnn for each dtype, in place of the table.
        dtypes: of those runs.
    """

    only: tuple[str, ...] = ()
    checkers: tuple[str, ...] = tuple(CHECKERS)
    time_limit: float = 60.0
    correct_runs: int | None = None
    dtypes: tuple[str, ...] = DTYPES

    def __post_init__(self):
        """Refuse what no run can be made of."""
        for checker in self.checkers:
            if checker not in CHECKERS:
                raise BadConfig(f"checker is {checker!r}; expected {' or '.join(map(repr, CHECKERS))}")
        if not self.time_limit > 0:
            raise BadConfig(f"time limit is {self.time_limit}; expected more than 0 seconds")
        if self.correct_runs is not None and self.correct_runs < 1:
            raise BadConfig(f"correct runs is {self.correct_runs}; expected at least 1")
        for only in self.only:
            if not any(_meant(row, only) for row in ROWS):
                raise BadConfig(
                    f"only is {only!r}; expected {', '.join(FIELDS)}, or the beginning of a row's name"
                )

    @property
    def rows(self) -> list[Planted]:
        """The rows that are meant."""
        return [row for row in ROWS if not self.only or any(_meant(row, only) for only in self.only)]


def _meant(row: Planted, only: str) -> bool:
    return row.field == only or row.name.startswith(only)
