"""The history of a run: a line for each step."""

from pathlib import Path
from typing import Any, NamedTuple

from experiments.train.errors import BadCheckpoint, CannotWrite

HEADER = "step,epoch,loss,accuracy,test_accuracy"


class Line(NamedTuple):
    """Of a step; it and its epoch count from 1.

    Attributes:
        step, epoch: this one.
        loss, accuracy: of the step's images, before it.
        test_accuracy: after the last step of an epoch.
    """

    step: int
    epoch: int
    loss: Any
    accuracy: float
    test_accuracy: float | None = None


class History:
    """A file of comma-separated values that a run appends to."""

    def __init__(self, path: Path, step: int):
        """With the lines that are there of the first steps, so many; the rest is written anew.

        Raises:
            BadCheckpoint: the file is no history.
            CannotWrite: the disk is full, or the file is not ours to write.
        """
        self.path = path
        kept = [line for line in self._lines() if int(line.partition(",")[0]) <= step]
        whole = path.with_suffix(".new")
        try:
            whole.write_text("".join(f"{line}\n" for line in (HEADER, *kept)))
            whole.replace(path)  # at once: a kill leaves the old file or the new one
            self._file = path.open("a", buffering=1)  # a line is in the file before the step's checkpoint is
        except OSError as error:
            raise self._cannot_write(error) from error

    def close(self) -> None:
        """No line follows."""
        self._file.close()

    def add(self, line: Line) -> None:
        """The line of a step.

        Raises:
            CannotWrite: the disk is full.
        """
        try:
            self._file.write(",".join("" if value is None else str(value) for value in line) + "\n")
        except OSError as error:
            raise self._cannot_write(error) from error

    def _lines(self) -> list[str]:
        """The whole lines; a kill may have cut the last."""
        if not self.path.exists():
            return []
        header, *lines = self.path.read_text(errors="replace").split("\n")[:-1] or [HEADER]
        if header != HEADER or not all(line.partition(",")[0].isdecimal() for line in lines):
            raise BadCheckpoint(f"{self.path} is no history; expected a line {HEADER!r}, then numbers")
        return lines

    def _cannot_write(self, error: OSError) -> CannotWrite:
        return CannotWrite(f"the history {self.path} could not be written: {error.strerror}")
