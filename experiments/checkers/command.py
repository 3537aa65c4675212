"""The command: gradient checkers on planted errors and right rules: kills, false alarms, time.

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
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from experiments.checkers.checkers import CHECKERS
from experiments.checkers.config import DTYPES, BadConfig, Config
from experiments.checkers.outcomes import Outcome, read, show
from experiments.checkers.runs import run, run_correct
from jaxcnn._errors import missing_extra


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
