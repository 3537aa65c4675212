"""Try gradient checkers on planted errors and on right rules: what they kill, their false alarms, their time.

    python -m experiments.checkers [--only FIELD_OR_NAME] [--checker NAME] [--time-limit S] [--json FILE]
    python -m experiments.checkers --correct-runs N [--dtype float32|float64]
    python -m experiments.checkers --read FILE …

The rows are in `experiments.planted`. Each is a function with a hand-written backward pass, beside its plain
definition. Every checker is called as its user would call it, with its defaults, in float64:

    jaxcnn              jaxcnn.check.check_vjp against the definition
    check_grads         jax.test_util.check_grads(f, normal inputs, order=1, modes=["rev"])
    gradcheck           torch.autograd.gradcheck(f, normal inputs), f called through NumPy
    gradcheck, fast     the same with fast_mode=True

"Killed" are planted errors that it fails, "false alarms" right rules that it fails. A checker that
raises something else, or is not done in time, has said nothing: that is an error. All run one after
another in one process apart, which is started anew when a row ends it. JAX's caches are emptied before each:
the seconds are those of a first call, compilation included, whoever comes first.

--correct-runs repeats the right rules through jaxcnn alone, with as many seeds as make N runs a dtype.
--read shows the outcomes of earlier runs, such as of one field each, in one table.
Exit code 0, or 1 if jaxcnn lets an error live or raises a false alarm, 2 where the call was wrong.
"""

import argparse
import inspect
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jax
import jax.test_util
import numpy as np

from experiments.planted.planted import Planted, rule
from experiments.planted.table import BY_NAME, FIELDS, ROWS
from jaxcnn._errors import missing_extra
from jaxcnn.check import Report, check_vjp
from jaxcnn.check.isolation import Died, Worker
from jaxcnn.check.judge import judge as settle
from jaxcnn.check.vjp import reverse_question

DTYPES = ("float32", "float64")
OnRow = Callable[[str], None]


class BadConfig(ValueError):
    """No run can be made of this: the message names the setting, what came and what was expected."""


def ours(row: Planted) -> str:
    """The verdict of `jaxcnn.check.check_vjp`."""
    return check_vjp(row.fun, row.reference, *row.examples("float64")).verdict.lower()


def ours_often(row: Planted, dtype: str, seeds: int) -> list[Report]:
    """The reports of `check_vjp` for one seed after another; everything is traced and compiled but once."""
    options = {
        name: parameter.default
        for name, parameter in inspect.signature(check_vjp).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and name not in ("backward", "names")
    }
    question = reverse_question(row.fun, row.reference, row.examples(dtype), None, None, **options)
    if isinstance(question, Report):
        return [question] * seeds
    reports = []
    for question.seed in range(seeds):
        reports.append(settle(question))
    return reports


def check_grads(row: Planted) -> str:
    """The verdict of `jax.test_util.check_grads`."""
    try:
        jax.test_util.check_grads(row.fun, row.normal(0), order=1, modes=["rev"])
    except AssertionError:
        return "fail"
    return "pass"


def gradcheck(row: Planted, *, fast: bool = False) -> str:
    """The verdict of `torch.autograd.gradcheck`."""
    import torch

    tensors = [torch.from_numpy(np.array(x)).requires_grad_() for x in row.normal(0)]
    passed = torch.autograd.gradcheck(torch_function(row.fun), tensors, fast_mode=fast, raise_exception=False)
    return "pass" if passed else "fail"


def gradcheck_fast(row: Planted) -> str:
    """The verdict of `torch.autograd.gradcheck` in fast mode."""
    return gradcheck(row, fast=True)


CHECKERS: dict[str, Callable[[Planted], str]] = {
    "jaxcnn": ours,
    "check_grads": check_grads,
    "gradcheck": gradcheck,
    "gradcheck, fast": gradcheck_fast,
}


def torch_function(fun: Callable[..., Any]) -> Callable[..., Any]:
    """A JAX function and its backward pass as a function of torch."""
    import torch

    forward = jax.jit(lambda *x: jax.tree.leaves(fun(*x)))
    pull = jax.jit(lambda x, dy: jax.vjp(lambda *x: jax.tree.leaves(fun(*x)), *x)[1](dy))

    def tensors(arrays):
        out = tuple(torch.from_numpy(np.array(x)) for x in arrays)
        return out if len(out) > 1 else out[0]

    class Function(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *x):
            ctx.save_for_backward(*x)
            return tensors(forward(*(t.detach().numpy() for t in x)))

        @staticmethod
        def backward(ctx, *dy):
            return tensors(pull([t.detach().numpy() for t in ctx.saved_tensors], [t.numpy() for t in dy]))

    return Function.apply


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


@dataclass(frozen=True)
class Outcome:
    """What one checker said of one row.

    Attributes:
        row: its name.
        field: its field.
        correct: whether the row is right.
        checker: of CHECKERS.
        verdict: "pass", "fail", "unchecked", or "error".
        seconds: it took.
        note: what was raised, and in repeated runs the dtype and the seed.
    """

    row: str
    field: str
    correct: bool
    checker: str
    verdict: str
    seconds: float
    note: str = ""

    @property
    def good(self) -> bool:
        """Whether a right rule passed, or a wrong one failed."""
        return self.verdict == ("pass" if self.correct else "fail")


def judge(checker: str, name: str) -> tuple[str, float, str]:
    """Verdict, seconds and what was raised, of a checker on the row of that name; in this process."""
    jax.clear_caches()  # or a checker inherits what another one has compiled
    began, note = time.perf_counter(), ""
    try:
        verdict = CHECKERS[checker](BY_NAME[name])
    except Exception as error:
        verdict, note = "error", f"{type(error).__name__}: {error}".splitlines()[0]
    return verdict, time.perf_counter() - began, note


def judge_apart(worker: Worker, checker: str, name: str, limit: float) -> tuple[str, float, str]:
    """As `judge`, in the worker: an abort and a hang are errors too."""
    began = time.perf_counter()
    try:
        return worker.call(judge, checker, name, limit=limit)
    except Died as end:
        return "error", time.perf_counter() - began, str(end)


def _verdicts(name: str, dtype: str, seeds: int) -> list[str]:
    return [report.verdict.lower() for report in ours_often(BY_NAME[name], dtype, seeds)]


def _prepare(checkers: Sequence[str]) -> None:
    """Settings of the worker; and each checker once, so that no row pays for imports."""
    jax.config.update("jax_enable_x64", True)
    square = rule(lambda x: x * x, lambda x, dy, g: (2 * x[0] * dy,))
    row = Planted("", "", True, square, lambda x: x * x, (np.zeros(2),))
    for checker in checkers:
        CHECKERS[checker](row)


def run(config: Config, on_row: OnRow = lambda text: None) -> list[Outcome]:
    """Every checker on every row. on_row is told what comes next."""
    checkers = _installed(config.checkers)
    outcomes = []
    with Worker(_prepare, checkers) as worker:
        for row in config.rows:
            for checker in checkers:
                on_row(f"{row.name} by {checker}")
                verdict, seconds, note = judge_apart(worker, checker, row.name, config.time_limit)
                outcomes.append(Outcome(row.name, row.field, row.correct, checker, verdict, seconds, note))
    return outcomes


def run_correct(config: Config, on_row: OnRow = lambda text: None) -> list[Outcome]:
    """The right rules through jaxcnn, with one seed after another, for each dtype."""
    rows = [row for row in config.rows if row.correct]
    seeds = math.ceil((config.correct_runs or 1) / len(rows)) if rows else 0
    outcomes: list[Outcome] = []
    with Worker(_prepare, ("jaxcnn",)) as worker:
        for row in rows:
            for dtype in config.dtypes:
                on_row(f"{row.name} in {dtype}")
                began, note = time.perf_counter(), ""
                try:
                    verdicts = worker.call(_verdicts, row.name, dtype, seeds, limit=config.time_limit * seeds)
                except Exception as error:
                    verdicts, note = ["error"] * seeds, f" {type(error).__name__}: {error}".splitlines()[0]
                seconds = (time.perf_counter() - began) / seeds
                outcomes.extend(
                    Outcome(row.name, row.field, True, "jaxcnn", v, seconds, f"{dtype}, seed {seed}{note}")
                    for seed, v in enumerate(verdicts)
                )
    return outcomes


def _installed(checkers: Sequence[str]) -> list[str]:
    torch = find_spec("torch") is not None
    return [checker for checker in checkers if torch or "gradcheck" not in checker]


@dataclass(frozen=True)
class Count:
    """Of one checker in one field.

    Attributes:
        killed: planted errors that failed.
        planted: all of them.
        alarms: right rules that failed.
        right: all of them.
        errors: rows of which it said nothing.
        on_planted, on_right: seconds that these took.
    """

    killed: int
    planted: int
    alarms: int
    right: int
    errors: int
    on_planted: float
    on_right: float

    def __str__(self) -> str:
        errors = f", {self.errors} errors" if self.errors else ""
        verdicts = f"{self.killed}/{self.planted}, {self.alarms}/{self.right}{errors}"
        return f"{verdicts}, {self.on_planted:.0f} + {self.on_right:.0f} s"


def count(outcomes: Sequence[Outcome]) -> Count:
    """Add up."""
    return Count(
        killed=sum(not o.correct and o.verdict == "fail" for o in outcomes),
        planted=sum(not o.correct for o in outcomes),
        alarms=sum(o.correct and o.verdict == "fail" for o in outcomes),
        right=sum(o.correct for o in outcomes),
        errors=sum(o.verdict in ("error", "unchecked") for o in outcomes),
        on_planted=sum(o.seconds for o in outcomes if not o.correct),
        on_right=sum(o.seconds for o in outcomes if o.correct),
    )


def table(outcomes: Sequence[Outcome]) -> dict[str, dict[str, Count]]:
    """Field → checker → Count; the last field is "all"."""
    checkers = dict.fromkeys(o.checker for o in outcomes)
    fields = dict.fromkeys(o.field for o in outcomes)
    return {
        field: {
            checker: count([o for o in outcomes if o.checker == checker and field in (o.field, "all")])
            for checker in checkers
        }
        for field in (*fields, "all")
    }


def show(outcomes: Sequence[Outcome]) -> None:
    """The table, in Markdown, then by name whatever was judged wrongly."""
    counts = table(outcomes)
    print("killed/planted errors, false alarms/right rules, seconds on the first + the second\n")
    print(f"| field | {' | '.join(counts['all'])} |")
    print(f"|---{'|---' * len(counts['all'])}|")
    for field, by_checker in counts.items():
        print(f"| {field} | {' | '.join(map(str, by_checker.values()))} |")
    for checker in counts["all"]:
        bad = [o for o in outcomes if o.checker == checker and not o.good]
        for title, chosen in (
            ("survivors", [o for o in bad if not o.correct and o.verdict == "pass"]),
            ("false alarms", [o for o in bad if o.correct and o.verdict == "fail"]),
            ("errors", [o for o in bad if o.verdict in ("error", "unchecked")]),
        ):
            if chosen:
                print(f"\n{checker}, {title}:")
                for o in chosen:
                    print(f"  {o.field}, {o.row} {o.note}".rstrip())


def read(files: Sequence[Path]) -> list[Outcome]:
    """The outcomes that earlier runs wrote."""
    records = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    return [Outcome(**outcome) for record in records for outcome in record["outcomes"]]


def versions() -> dict[str, str]:
    """Of what decides the numbers."""
    return {
        name: version(name) for name in ("jax", "jaxlib", "numpy", "torch") if find_spec(name) is not None
    }


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        "python -m experiments.checkers",
        description="Try gradient checkers on planted errors and right rules.",
    )
    parser.add_argument("--only", action="append", default=[], metavar="FIELD", help="or beginning of names")
    parser.add_argument("--checker", action="append", default=[], help="jaxcnn, check_grads, …; all of them")
    parser.add_argument("--time-limit", type=float, default=60.0, metavar="S", help="a row [%(default)s]")
    parser.add_argument("--correct-runs", type=int, metavar="N", help="runs of right rules, for each dtype")
    parser.add_argument("--dtype", choices=DTYPES, help="of --correct-runs; both")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every verdict to FILE")
    parser.add_argument("--read", type=Path, nargs="+", metavar="FILE", help="run nothing: show such files")
    given = parser.parse_args(argv)
    try:
        config = Config(
            only=tuple(given.only),
            checkers=tuple(given.checker) or tuple(CHECKERS),
            time_limit=given.time_limit,
            correct_runs=given.correct_runs,
            dtypes=(given.dtype,) if given.dtype else DTYPES,
        )
    except BadConfig as error:
        parser.error(str(error))
    if given.read is not None:
        try:
            outcomes = read(given.read)
        except (OSError, ValueError, KeyError, TypeError) as error:
            parser.error(f"argument --read: {error}")
        show(outcomes)
        return _exit_code(outcomes)
    try:
        outcomes = _run_with_progress(config)
    except ModuleNotFoundError as error:
        print(missing_extra("experiments.checkers", error, "check"), file=sys.stderr)
        return 2
    show(outcomes)
    if given.json is not None:
        report = {"versions": versions(), "outcomes": [asdict(o) for o in outcomes]}
        given.json.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return _exit_code(outcomes)


def _exit_code(outcomes: Sequence[Outcome]) -> int:
    return int(any(o.checker == "jaxcnn" and not o.good for o in outcomes))


def _run_with_progress(config: Config) -> list[Outcome]:
    from rich.console import Console

    with Console(stderr=True).status("starting") as status:
        chosen = run if config.correct_runs is None else run_correct
        return chosen(config, lambda text: status.update(f"[{text}]".replace("[", r"\[")))


if __name__ == "__main__":
    sys.exit(main())
