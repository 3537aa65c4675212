"""What can go wrong, and how it is told: each message names the thing, what came and what was expected."""

from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike


class BadCall(ValueError):
    """A run cannot begin as it is asked for."""


class BadConfig(BadCall):
    """No run can be made of this: the message names the setting, what came and what was expected."""


class BadData(BadCall):
    """A file of data is missing or damaged: the message names it."""

    def __init__(self, path: str | PathLike[str], came: str, expected: str):
        """Of this file."""
        super().__init__(f"{path}: {came}; expected {expected}")


class BadCheckpoint(BadCall):
    """A run cannot be resumed from what lies there: the message names it."""


class MissingExtra(ImportError):
    """A package that training needs is not installed: the message names the extra that brings it."""

    def __init__(self, cause: ImportError):
        """From the failed import."""
        super().__init__(f"{cause.name} is not installed: pip install 'jaxcnn[train]'")


class RunFailed(RuntimeError):
    """A run that was well begun had to stop."""


class NonFiniteLoss(RunFailed):
    """The loss of a step is NaN or infinite: the message names the step, and where its batch was saved."""


class CannotWrite(RunFailed):
    """A file of the run could not be written: the message names it, and what is left to resume from."""


def require(holds: bool, came: str, expected: str) -> None:
    """BadConfig unless it holds."""
    if not holds:
        raise BadConfig(f"{came}; expected {expected}")


def brief(error: BaseException) -> str:
    """What another library says, in a line."""
    lines = str(error).splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:200]}"


@contextmanager
def extra_installed() -> Iterator[None]:
    """MissingExtra in place of a failed import."""
    try:
        yield
    except ImportError as error:
        raise MissingExtra(error) from error
