"""The command line: arguments in, progress and the accuracy out."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from experiments.train.config import CHOICES, Config
from experiments.train.errors import BadCall, MissingExtra, RunFailed, extra_installed
from experiments.train.loop import Result, run


def main(argv: Sequence[str] | None = None) -> int:
    """The command line: 0; 1 where the run had to stop; 2 where the call was wrong or an extra is missing."""
    parser = _parser()
    try:
        result = _run_with_progress(Config(**vars(parser.parse_args(argv))))
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
    parser.add_argument("--out", type=Path, metavar="DIR", help="where history and checkpoints go")
    number("checkpoint-every", "steps from one checkpoint to the next [only at the start and the end]")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint in --out")
    parser.set_defaults(**{field.name: field.default for field in fields(Config)})
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
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("training", total=None, start=False, rate="")

        def on_step(step: int, steps: int, loss: Any) -> None:
            task = progress.tasks[0]
            if task.total is None:  # time counts from here: the first step of this call has compiled
                progress.reset(bar, total=steps, completed=step)
            rate = f"{task.speed * config.batch_size:.0f} images/s" if task.speed else ""
            progress.update(bar, completed=step, description=f"training, loss {loss:.4f}", rate=rate)

        return run(config, on_step)
