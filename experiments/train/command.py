"""The command line: arguments in, progress and the accuracy out."""

import argparse
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from experiments.train.config import CHOICES, Config
from experiments.train.data import load
from experiments.train.devices import first_process
from experiments.train.errors import BadCall, MissingExtra, RunFailed, extra_installed
from experiments.train.export import save
from experiments.train.loop import Result, run
from experiments.train.pictures import draw
from experiments.train.processes import Place, joined, start

LATEST = 20  # steps whose accuracy is told, as their mean


def main(argv: Sequence[str] | None = None) -> int:
    """The command line: 0; 1 where the run had to stop; 2 where the call was wrong or an extra is missing.

    3 of a process that cannot go on without the others.
    """
    parser = _parser()
    given = vars(parser.parse_args(argv))
    place = Place(*(given.pop(name) for name in Place._fields))
    given["devices"] = place.processes if given["devices"] is None else given["devices"]
    try:
        place.check(given["devices"])
        config = Config(**given)
    except BadCall as error:
        parser.error(str(error))
    if place.processes > 1 and place.process is None:
        return start(sys.argv[1:] if argv is None else argv, place.processes, config.devices)
    with joined(place, config.devices):
        return _train(parser, config)


def _train(parser: argparse.ArgumentParser, config: Config) -> int:
    try:
        if config.out is not None:
            with extra_installed():  # before the run, not after it
                import flatbuffers  # noqa: F401
                import matplotlib.figure  # noqa: F401
        result = _run_with_progress(config)
        if config.out is not None and first_process():
            data = load(config.data, config.data_dir)
            draw(config, result.training, data, config.out)
            save(config, result.training, data.images.shape[1:], config.out)
    except (BadCall, MissingExtra) as error:
        parser.error(str(error))
    except RunFailed as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    print(f"test accuracy: {result.accuracy:.2%}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m experiments.train", description="Train a CNN on images.")

    def choice(name: str, help: str) -> None:
        parser.add_argument(f"--{name}", choices=CHOICES[name], help=f"{help} [%(default)s]")

    def number(name: str, help: str, type: type = int) -> None:
        parser.add_argument(f"--{name}", type=type, metavar="N" if type is int else "X", help=help)

    choice("data", "the images")
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="the folder with the files of --data")
    choice("model", "the network")
    choice("gradients", "whose backward passes; autodiff with the cnn alone")
    number("epochs", "passes over the images [%(default)s]")
    number("batch-size", "images a step [%(default)s]")
    number("accumulate", "parts that a batch is gone through in [%(default)s]")
    choice("optimizer", "of optax")
    choice("schedule", "the course of the learning rate")
    number("learning-rate", "the greatest [%(default)s]", float)
    number("seed", "of parameters, order and augmentation [%(default)s]")
    choice("dtype", "of the computation; with bfloat16, parameters are in float32")
    number("devices", "that share every batch; a CPU stands for several [one for each process]")
    number("processes", "that share the devices, started on this host")
    parser.add_argument(
        "--coordinator", metavar="HOST:PORT", help="of process 0, where processes are started one by one"
    )
    number("process", "which one this is, from 0")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="where history, checkpoints, pictures and the network go"
    )
    number("checkpoint-every", "steps from one checkpoint to the next [only at the start and the end]")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint in --out")
    parser.set_defaults(**{field.name: field.default for field in fields(Config)} | {"devices": None})
    parser.set_defaults(**Place()._asdict())
    return parser


def _run_with_progress(config: Config) -> Result:
    with extra_installed():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True, quiet=not first_process())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("training", total=None, start=False, rate="")
        latest: deque[float] = deque(maxlen=LATEST)

        def on_step(step: int, steps: int, loss: Any, accuracy: float) -> None:
            task = progress.tasks[0]
            if task.total is None:  # time counts from here: the first step of this call has compiled
                progress.reset(bar, total=steps, completed=step)
            latest.append(accuracy)
            told = f"training, loss {loss:.4f}, accuracy {sum(latest) / len(latest):.1%}"
            rate = f"{task.speed * config.batch_size:.0f} images/s" if task.speed else ""
            progress.update(bar, completed=step, description=told, rate=rate)

        return run(config, on_step)
