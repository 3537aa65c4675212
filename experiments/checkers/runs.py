"""Each checker on each row, in a process apart: an abort and a hang are errors like others."""

import math
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec

import jax
import numpy as np

from experiments.checkers.checkers import CHECKERS, ours_often
from experiments.checkers.config import Config
from experiments.checkers.outcomes import Outcome
from experiments.planted.planted import Planted, rule
from experiments.planted.table import BY_NAME
from jaxcnn.check.isolation import Died, Worker

OnRow = Callable[[str], None]


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
