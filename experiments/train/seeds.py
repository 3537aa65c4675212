"""Hand-written gradients beside autodiff's, from the same seeds: `python -m experiments.train.seeds`.

With one seed both runs start from the same numbers and see the same images; rounding then leads them apart.
The test is exact and takes the seeds as pairs: were the two alike, each difference could as well have the
other sign, and p is the share of all choices of signs whose mean is at least as far from 0.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from experiments.train.config import Config
from experiments.train.errors import BadCall, CannotWrite, MissingExtra, RunFailed, extra_installed, require
from experiments.train.loop import run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GRADIENTS = ("manual", "autodiff")
LAST = 100  # steps at the end, whose mean loss is compared
FIRST = 20  # steps at the start, in which rounding has not yet grown
SMOOTHED = 50  # steps whose mean is a point of the plot


class Outcome(NamedTuple):
    """Of a run: its losses, and the fraction of test images that it recognises at the end."""

    losses: np.ndarray
    accuracy: float


class Pair(NamedTuple):
    """The outcomes of one seed."""

    manual: Outcome
    autodiff: Outcome


def pairs(config: Config, seeds: int, progress: Callable[[str], None] = lambda text: None) -> list[Pair]:
    """The runs of so many seeds, from 0."""
    found = []
    for seed in range(seeds):
        outcomes = []
        for gradients in GRADIENTS:
            progress(f"seed {seed} of 0 to {seeds - 1}, {gradients} gradients")
            result = run(replace(config, seed=seed, gradients=gradients))
            outcomes.append(Outcome(result.losses, result.accuracy))
        found.append(Pair(*outcomes))
    return found


def chance(differences: Sequence[float]) -> float:
    """p, of the two-sided test by all choices of signs.

    >>> chance([1.0, 2.0, 3.0])
    0.25
    """
    sums = [abs(np.dot(signs, differences)) for signs in product((1, -1), repeat=len(differences))]
    return float(np.mean(np.asarray(sums) >= sums[0] * (1 - 1e-9)))


def table(found: Sequence[Pair]) -> str:
    """What came out, in markdown."""
    rows = []
    columns = []
    for seed, (manual, autodiff) in enumerate(found):
        last = [float(np.mean(each.losses[-LAST:])) for each in (manual, autodiff)]
        apart = np.max(np.abs(manual.losses[:FIRST] - autodiff.losses[:FIRST]))
        rows.append(
            f"| {seed} | {manual.accuracy:.2%} | {autodiff.accuracy:.2%} "
            f"| {last[0]:.4f} | {last[1]:.4f} | {apart:.1e} |"
        )
        columns.append((manual.accuracy - autodiff.accuracy, last[0] - last[1]))
    accuracies, losses = (list(column) for column in zip(*columns, strict=True))
    return "\n".join(
        [
            "| seed | test accuracy, manual | autodiff | loss at the end, manual | autodiff "
            f"| largest difference of losses in the first {FIRST} steps |",
            "| --- | --- | --- | --- | --- | --- |",
            *rows,
            "",
            f"Manual less autodiff: accuracy {_mean(accuracies, '.2%')}, p = {chance(accuracies):.2f}; "
            f"loss {_mean(losses, '.4f')}, p = {chance(losses):.2f}. "
            f"The loss at the end is the mean of the last {LAST} steps.",
        ]
    )


def _mean(values: Sequence[float], form: str) -> str:
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    return f"{format(np.mean(values), form)} ± {format(error, form)}"


def plot(found: Sequence[Pair]) -> "Figure":
    """The losses of all runs."""
    with extra_installed():
        from matplotlib.figure import Figure
    figure = Figure((8, 4.5), layout="constrained")
    axes = figure.subplots()
    colors = {"manual": "tab:blue", "autodiff": "tab:orange"}
    for seed, pair in enumerate(found):
        for gradients, outcome in zip(GRADIENTS, pair, strict=True):
            width = min(SMOOTHED, len(outcome.losses))
            means = np.convolve(outcome.losses, np.full(width, 1 / width), "valid")
            axes.plot(
                np.arange(len(means)) + (width + 1) / 2,
                means,
                "-" if gradients == "manual" else "--",
                color=colors[gradients],
                alpha=0.8,
                linewidth=1,
                label=None if seed else f"{gradients} gradients",
            )
    axes.set(
        yscale="log",
        xlabel="step",
        ylabel=f"loss, mean of {SMOOTHED} steps",
        title=f"{len(found)} seeds, each with both gradients",
    )
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def main(argv: Sequence[str] | None = None) -> int:
    """The command line: 0; 1 where a run had to stop; 2 where the call was wrong or an extra is missing."""
    default = Config()
    parser = argparse.ArgumentParser(
        "python -m experiments.train.seeds", description="Hand-written gradients beside autodiff's."
    )
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="so many [%(default)s]")
    parser.add_argument("--epochs", type=int, default=default.epochs, metavar="N", help="[%(default)s]")
    parser.add_argument(
        "--batch-size", type=int, default=default.batch_size, metavar="N", help="[%(default)s]"
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="also draw the losses, as PNG")
    given = parser.parse_args(argv)
    try:
        with extra_installed():
            from rich.console import Console
        require(given.seeds >= 2, f"seeds is {given.seeds}", "at least 2")
        config = Config(epochs=given.epochs, batch_size=given.batch_size)
        with Console(stderr=True).status("starting") as status:
            found = pairs(config, given.seeds, status.update)
        print(table(found))
        if given.plot is not None:
            try:
                plot(found).savefig(given.plot, dpi=150)
            except OSError as error:
                raise CannotWrite(f"the plot {given.plot} could not be written: {error.strerror}") from error
    except (BadCall, MissingExtra) as error:
        parser.error(str(error))
    except RunFailed as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
