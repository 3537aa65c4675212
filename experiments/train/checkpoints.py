"""Checkpoints, of orbax: all that a run needs to go on as if it had never stopped.

    <folder>/<step>/arrays    parameters, state, optimiser's state and key, by name
    <folder>/<step>/run       the settings that decide the run, the position in the data, the arrays' digest

Orbax writes into a folder of another name and renames it when all is there, so a checkpoint is whole or it is
none, whenever the process is killed. It does not notice every changed byte; the digest does.
"""

import hashlib
import json
import logging
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from experiments.train.arrays import named, restored
from experiments.train.config import Config
from experiments.train.errors import BadCheckpoint, CannotWrite, brief, extra_installed
from experiments.train.step import Training

KEPT = 2  # the last, and the one before should the last be damaged
LATE = 0.2  # seconds in which orbax's other threads fail as well, once one has


class Checkpoints:
    """The checkpoints of one run in one folder."""

    def __init__(self, folder: Path, config: Config):
        """Of this run; the folder is made when it is missing."""
        with extra_installed():
            import orbax.checkpoint as ocp
        self.folder = folder.absolute()
        self.decisive = json.loads(json.dumps(config.decisive()))  # as it comes back: a tuple is a list
        self._args = ocp.args
        self._manager = ocp.CheckpointManager(
            self.folder,
            options=ocp.CheckpointManagerOptions(
                max_to_keep=KEPT, enable_async_checkpointing=False, cleanup_tmp_directories=True
            ),
        )

    def close(self) -> None:
        """Nothing is saved or restored afterwards."""
        self._manager.close()

    def save(self, step: int, epoch: int, training: Training) -> None:
        """After so many steps, in this epoch.

        Raises:
            CannotWrite: the disk is full, or the folder is not ours to write.
        """
        arrays = named(training)
        run = {"settings": self.decisive, "step": step, "epoch": epoch, "sha256": _digest(arrays)}
        args = self._args.Composite(arrays=self._args.StandardSave(arrays), run=self._args.JsonSave(run))
        try:
            with _told_once():
                self._manager.save(step, args=args)
        except (OSError, ValueError) as error:  # tensorstore's errors are ValueErrors
            raise CannotWrite(
                f"the checkpoint {self.folder / str(step)} could not be written: {brief(error)}. "
                f"The last good one is {self.folder / str(self._manager.latest_step())}"
            ) from error

    def restore(self, like: Training) -> tuple[int, Training]:
        """The steps made, and the state after them, of the last checkpoint.

        Raises:
            BadCheckpoint: there is none, or it is damaged, of something else or of another run.
        """
        steps = sorted(self._manager.all_steps())
        if not steps:
            raise BadCheckpoint(f"there is nothing to resume in {self.folder}; expected a checkpoint")
        path = self.folder / str(steps[-1])
        try:
            run = self._read(steps[-1], "run", self._args.JsonRestore())
            settings = run["settings"]
            self._require_ours(path, settings)
            arrays = self._read(steps[-1], "arrays", self._args.StandardRestore())
            if _digest(arrays) != run["sha256"]:
                raise ValueError("its arrays are not those whose digest it holds")
            return run["step"], restored(arrays, like)
        except BadCheckpoint:
            raise
        except Exception as error:  # whatever orbax meets in a damaged or foreign file
            earlier = f"; without it, {self.folder / str(steps[-2])} is the last" if len(steps) > 1 else ""
            raise BadCheckpoint(
                f"{path} cannot be read: {brief(error)}; expected a whole checkpoint of a run{earlier}"
            ) from error

    def _read(self, step: int, item: str, args: Any) -> Any:
        with _told_once():
            return self._manager.restore(step, args=self._args.Composite(**{item: args}))[item]

    def _require_ours(self, path: Path, settings: dict[str, Any]) -> None:
        differing = [
            name for name in {**settings, **self.decisive} if settings.get(name) != self.decisive.get(name)
        ]
        if differing:
            came = ", ".join(f"{name} {settings.get(name)!r}" for name in differing)
            expected = ", ".join(f"{name} {self.decisive.get(name)!r}" for name in differing)
            raise BadCheckpoint(f"{path} is of another run: it has {came}; expected {expected}")


def _digest(arrays: dict[str, np.ndarray]) -> str:
    sha = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        sha.update(f"{name} {array.dtype} {array.shape}".encode())
        sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()


@contextmanager
def _told_once() -> Iterator[None]:
    """What stops a thread of orbax is raised here as well; it is not to be logged and printed besides."""
    log = logging.getLogger("absl")
    before = threading.excepthook, sys.unraisablehook, log.disabled
    threading.excepthook = lambda args: None
    sys.unraisablehook = lambda args: None
    log.disabled = True
    try:
        yield
    except Exception:
        time.sleep(LATE)
        raise
    finally:
        threading.excepthook, sys.unraisablehook, log.disabled = before
