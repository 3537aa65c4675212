"""What a run leaves in its folder: history.csv, and checkpoints/.

Of several processes the first one writes the history; for checkpoints orbax has all of them meet.

A checkpoint of the start comes first, so a run can be resumed whenever it was killed after that.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from experiments.train.checkpoints import Checkpoints
from experiments.train.config import Config
from experiments.train.devices import first_process, wait_for_all
from experiments.train.errors import BadCheckpoint, CannotWrite
from experiments.train.history import History, Line
from experiments.train.step import Training


class Records:
    """The folder of a run while it runs; `config.out` is that folder."""

    def __init__(self, history: History | None, checkpoints: Checkpoints, every: int | None):
        """As `recorded` makes it; without a history where another process writes it."""
        self._history, self._checkpoints, self._every = history, checkpoints, every

    def add(self, line: Line, after: Training, *, last: bool) -> None:
        """A step is made; last: of the run.

        Raises:
            CannotWrite: the disk is full.
        """
        if self._history is not None:
            self._history.add(line)
        if last or (self._every is not None and line.step % self._every == 0):
            self._checkpoints.save(line.step, line.epoch, after)


@contextmanager
def recorded(config: Config, start: Training) -> Iterator[tuple[int, Training, Records | None]]:
    """The steps already made, the state after them, and where to record the next; None without `config.out`.

    Raises:
        BadCheckpoint: nothing can be resumed, or something could be and it is not asked for.
        CannotWrite: the disk is full, or the folder is not ours to write.
    """
    if config.out is None:
        yield 0, start, None
        return
    history_path, folder = config.out / "history.csv", config.out / "checkpoints"
    if config.resume:
        if not folder.is_dir():
            raise BadCheckpoint(f"there is nothing to resume in {config.out}; expected {folder}")
    elif folder.exists() and any(path.name.isdecimal() for path in folder.iterdir()):
        raise BadCheckpoint(f"{folder} holds checkpoints; expected resume, or an out without a run")
    elif history_path.exists():
        raise BadCheckpoint(f"{history_path} exists; expected an out without a run")
    wait_for_all("look at what is there")
    _make(folder)
    with ExitStack() as stack:
        checkpoints = Checkpoints(folder, config)
        stack.callback(checkpoints.close)
        step, training = checkpoints.restore(start) if config.resume else (0, start)
        if not config.resume:
            checkpoints.save(0, 1, start)
        history = None
        if first_process():
            history = History(history_path, step)
            stack.callback(history.close)
        yield step, training, Records(history, checkpoints, config.checkpoint_every)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWrite(f"the folder {folder} could not be made: {error.strerror}") from error
