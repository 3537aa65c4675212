"""Tables of what was measured: the same cells for a terminal, by rich, and for a README, as markdown."""

import math
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, NamedTuple

import jax

from experiments.benchmark import floor, targets
from experiments.benchmark.measure import LAX, OPTIONS, OURS, TORCH, Measured
from experiments.benchmark.suites.compile import WHOLE, Compiled
from experiments.benchmark.suites.memory import Memory
from experiments.benchmark.targets import TARGETS, Target
from jaxcnn.compiler import compiler_options

PACKAGES = ("jax", "jaxlib", "numpy", "flax", "equinox", "torch")
ABSENT = "–"
SAME = " ="


class Table(NamedTuple):
    """A table of text; a note stands below it."""

    title: str
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    note: str = ""

    def markdown(self) -> str:
        """As GitHub reads it."""
        lines = [f"**{self.title}**", "", *map(_line, (self.header, ("---",) * len(self.header), *self.rows))]
        return "\n".join([*lines, "", self.note] if self.note else lines)

    def show(self, console: Any) -> None:
        """On a rich console."""
        from rich.table import Table as RichTable

        shown = RichTable(*self.header, title=self.title, title_justify="left")
        for row in self.rows:
            shown.add_row(*row)
        console.print(shown)
        if self.note:
            console.print(self.note, markup=False, highlight=False)


class Results(NamedTuple):
    """What each suite gave, empty where it did not run, with `images` times those in a row's name."""

    rows: list[Measured]
    nets: list[Measured]
    steps: list[Measured]
    memory: list[Memory]
    compile: list[Compiled]
    contexts: list[Measured]
    images: int = 1

    @property
    def timed(self) -> list[Measured]:
        """All that was timed, whatever the suite."""
        return [*self.rows, *self.nets, *self.steps, *self.contexts]

    @property
    def anything(self) -> bool:
        """Whether there is a number."""
        return any((self.timed, self.memory, self.compile))


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def machine(images: int) -> dict[str, Any]:
    """What decides the numbers."""
    device = jax.devices()[0]
    return {
        "device": f"{device.platform} {device.device_kind}, {os.cpu_count()} cores, {platform.machine()}",
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES if find_spec(name) is not None},
        "images": f"{images} times as many as a row's name says",
        "XLA_FLAGS": os.environ.get("XLA_FLAGS", ""),
        "options": compiler_options(),
        "matmul GFLOP/s, float32": round(floor.flop_rate("float32") / 1e9, 1),
        "copy GB/s, 1 and 64 MiB": [
            round(size / floor.copy_seconds(size) / 1e9, 1) for size in (2**20, 2**26)
        ],
    }


def tables(results: Results) -> list[Table]:
    """All that there is something to say in."""
    measured = results.timed
    made = [
        *([_target_table(measured)] if jax.default_backend() == "cpu" else []),  # they were set for one
        *([_time_table("Operations", results.rows)] if results.rows else []),
        *([_time_table("Networks: loss and gradient", results.nets)] if results.nets else []),
        *([_time_table("Networks: a whole step of training", results.steps)] if results.steps else []),
        *([_time_table("Operations in a program", results.contexts)] if results.contexts else []),
        _looked_at_again(measured),
        _losses(measured),
        _inaccurate(measured),
        _failures(measured),
        _memory_table(results.memory),
        _compile_table(results.compile),
    ]
    return [table for table in made if table.rows]


def _target_table(measured: Sequence[Measured]) -> Table:
    rows = []
    for target in TARGETS:
        of = [one for one in measured if one.target == target.rows and one.face in target.faces]
        if any(one.held for one in of):
            rows.append(_target_row(target, of))
    return Table(
        "Targets",
        (
            "",
            "jax.grad's time over ours: must",
            "worst row",
            "",
            "were it at its floor",
            "mean",
            "other rows: worst",
            "mean",
            "our time over torch's: aim",
            "worst row",
            "",
            "mean",
        ),
        rows,
        "Ratios of least times; means are geometric. The numbers are demanded of the rows on which they were "
        "set; others are more rows of the kind. The floor is the worst row's: jax.grad's time over the least "
        "that the machine's measured rates of arithmetic and of copying allow.",
    )


def _target_row(target: Target, of: Sequence[Measured]) -> tuple[str, ...]:
    held = [one for one in of if one.held]
    ahead, others = _ahead(held), _ahead([one for one in of if not one.held])
    ours = OPTIONS if target.options and any(OPTIONS in one.times for one in held) else OURS
    behind = [1 / r for one in held if (r := one.ratio(TORCH, ours)) is not None]
    (least, mean), (most, mean_behind) = _worst(ahead, min), _worst(behind, max)
    must, aim = f"{target.must:g}", f"{target.aim:g}" + (", with options" if ours == OPTIONS else "")
    return (
        target.name,
        *(must, least, _verdict(ahead and min(ahead) >= target.must, ahead), _allowed(held), mean),
        *_worst(others, min),
        *(aim, most, _verdict(behind and max(behind) <= target.aim, behind), mean_behind),
    )


def _ahead(measured: Sequence[Measured]) -> list[float]:
    return [r for one in measured if (r := one.ratio(LAX)) is not None]


def _allowed(held: Sequence[Measured]) -> str:
    """What the floor allows in the worst row."""
    rows = [(r, one) for one in held if (r := one.ratio(LAX)) is not None]
    if not rows:
        return ABSENT
    _, worst = min(rows, key=lambda row: row[0])
    return _ratio(worst.times[LAX].least / worst.floor)


def _worst(ratios: Sequence[float], worst: Any) -> tuple[str, str]:
    return (_ratio(worst(ratios)), _ratio(geometric_mean(ratios))) if ratios else (ABSENT, ABSENT)


def _verdict(met: Any, ratios: Sequence[float]) -> str:
    return ("met" if met else "MISSED") if ratios else ""


def geometric_mean(ratios: Sequence[float]) -> float:
    """The root of the product."""
    return math.exp(math.fsum(map(math.log, ratios)) / len(ratios))


def _time_table(title: str, measured: Sequence[Measured]) -> Table:
    others = [name for name in dict.fromkeys(n for one in measured for n in one.times) if name != OURS]
    rows = []
    for one in measured:
        times = [_milliseconds(one.times.get(name)) for name in (OURS, *others)]
        ratios = [_ratio(one.ratio(name)) for name in (LAX, TORCH)]
        ratios[0] += SAME if one.same else ""
        base = one.floor / one.times[OURS].least if OURS in one.times else None
        rows.append((one.row, one.face, *times, *ratios, _ratio(base), _ratio(one.accuracy)))
    means = []
    for name in (LAX, TORCH):
        known = [r for one in measured if (r := one.ratio(name)) is not None]
        means.append(_ratio(geometric_mean(known)) if known else ABSENT)
    rows.append(("geometric mean", "", *[""] * (1 + len(others)), *means, "", ""))
    header = (
        "",
        "",
        *(f"{n}, ms" for n in (OURS, *others)),
        "lax/ours",
        "torch/ours",
        "floor/ours",
        "error/lax's",
    )
    note = "Milliseconds: the least, and the median in brackets."
    if any(one.same for one in measured):
        note += (
            f"{SAME}: ours seemed slower, and is the program that XLA makes of lax's: the times are of both."
        )
    return Table(title, header, rows, note)


def _looked_at_again(measured: Sequence[Measured]) -> Table:
    rows = [
        (one.row, one.face, _ratio(one.at_first), _ratio(one.ratio(LAX)))
        for one in measured
        if one.at_first is not None
    ]
    return Table(
        "Seemed to lose, and was looked at again",
        ("", "", "lax/ours at first", "again"),
        rows,
        "Measured once more, longer, on a CPU in a process of its own, and the tables have these numbers. "
        "What seems to win is not looked at again, which moves the mean of ratios a little.",
    )


def _losses(measured: Sequence[Measured]) -> Table:
    lost = [(one.row, one.face, _ratio(one.ratio(LAX))) for one in measured if one.loses]
    return Table(f"Below {targets.EVERYWHERE} of jax.grad", ("", "", "lax/ours"), lost)


def _inaccurate(measured: Sequence[Measured]) -> Table:
    rows = [
        (one.row, one.face, f"{one.errors[OURS]:.1e}", f"{one.errors[LAX]:.1e}")
        for one in measured
        if one.accuracy is not None and one.accuracy > targets.ACCURACY
    ]
    title = f"Error against float64 above {targets.ACCURACY:g} times lax's"
    return Table(title, ("", "", "ours", "lax's"), rows, "Over the largest entry.")


def _failures(measured: Sequence[Measured]) -> Table:
    rows = [(one.row, one.face, name, why) for one in measured for name, why in one.failed.items()]
    return Table("Not timed", ("", "", "", "why"), rows)


def _memory_table(memory: Sequence[Memory]) -> Table:
    rows = []
    for one in memory:
        limit = targets.RESIDUALS.get(one.row)
        met = one.ratio is not None and limit is not None and one.ratio <= limit
        rows.append(
            (
                one.row,
                *(_bytes(one.residuals[name]) for name in (OURS, LAX)),
                _ratio(one.ratio),
                f"{limit:g}, {'met' if met else 'MISSED'}" if limit else "",
                *(_bytes(one.temporary[name]) if one.temporary else ABSENT for name in (OURS, LAX)),
            )
        )
    header = ("", "residuals: ours", "jax.grad's", "ours/theirs", "must", "temporary: ours", "jax.grad's")
    return Table(
        "Memory of gradients",
        header,
        rows,
        "Residuals: arrays kept between forward and backward pass, without arguments and constants. "
        "Temporary: by the compiler's own analysis of loss and gradient in one program.",
    )


def _compile_table(compiled: Sequence[Compiled]) -> Table:
    rows = []
    for one in compiled:
        limit = targets.IMPORTING if WHOLE in one.seconds else targets.COMPILING
        first, *second = one.seconds.values()
        if one.ratio is None:
            verdict = f"{targets.LARGE_POOL:g} s, {'met' if first <= targets.LARGE_POOL else 'MISSED'}"
        else:
            verdict = f"{limit:g}, {'met' if one.ratio <= limit else 'MISSED'}"
        cells = (f"{first:.2f}", f"{second[0]:.2f}" if second else ABSENT)
        rows.append((one.row, *cells, _ratio(one.ratio), verdict))
    header = ("", "ours, s", "jax's, s", "ours/theirs", "at most")
    return Table("Compiling loss and gradient, and importing", header, rows)


def as_json(results: Results) -> dict[str, Any]:
    """All numbers."""
    timed = [
        {**asdict(one), "times": {name: t._asdict() for name, t in one.times.items()}}
        for one in results.timed
    ]
    return {
        "machine": machine(results.images),
        "targets": [target._asdict() for target in TARGETS],
        "times": timed,
        "memory": [one._asdict() for one in results.memory],
        "compile": [one._asdict() for one in results.compile],
    }


def _milliseconds(times: Any) -> str:
    return ABSENT if times is None else f"{1e3 * times.least:.3g} ({1e3 * times.median:.3g})"


def _ratio(value: float | None) -> str:
    if value is None or math.isnan(value):
        return ABSENT
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}" if value >= 10 else f"{value:.2f}"


def _bytes(count: int) -> str:
    return f"{count / 2**20:.2f} MiB" if count >= 2**14 else f"{count} B"
