"""A report in a file, and its counterexample run again, bit for bit."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jaxcnn.check.evaluate import resized
from jaxcnn.check.question import Phase
from jaxcnn.check.report import Report, array_from_json
from jaxcnn.check.rules import Backward
from jaxcnn.check.vjp import reverse_question


def save(report: Report, path: str | Path) -> None:
    """Write a report to a file."""
    Path(path).write_text(json.dumps(report.as_dict(), indent=1), encoding="utf-8")


def replay(
    record: dict[str, Any] | str | Path,
    fun: Callable[..., Any],
    reference: Callable[..., Any] | None,
    *inputs: Any,
    backward: Backward | None = None,
    ulps: float = 32.0,
) -> tuple[float, float]:
    """What function and reference give again at the counterexample of a report.

    Args:
        record: `Report.as_dict()`, or a file that `save` wrote.
        fun, reference, inputs, backward, ulps: as given to `check_vjp`; of the inputs structure and
            undifferentiated leaves count, the values are those of the record.

    Returns:
        (got, expected): bit for bit what the report says, as long as neither function has changed.

    Raises:
        ValueError: if the record has no counterexample, or one of other arguments, or one of `check_jvp`.
    """
    said = record if isinstance(record, dict) else json.loads(Path(record).read_text(encoding="utf-8"))
    found = said.get("counterexample")
    if not found:
        raise ValueError(f"replay: the record says {said.get('verdict')} and has no counterexample")
    options: dict[str, Any] = {
        "exact": found["exact"],
        "vary": True,
        "cases": 1,
        "seed": 0,
        "ulps": ulps,
        "accurate": False,
        "domain": "nan",
    }
    question = reverse_question(
        fun, reference, inputs, backward, None, transformations=(found["transformation"],), **options
    )
    if isinstance(question, Report):
        raise ValueError(f"replay: {question.reason}")
    row = [array_from_json(x) for x in (*found["inputs"].values(), *found["cotangent"])]
    phase = Phase([resized(x[None], found["rows"]) for x in row], found["exact"], found["transformation"])
    problem = question.problem(phase)
    came = [(x.shape, x.dtype) for x in row]
    if came != (wanted := [(x.shape, x.dtype) for x in problem.like]):
        raise ValueError(
            f"replay: the record is of {_described(came)}; the function takes {_described(wanted)}"
        )
    index, part = (0, *found["index"]), found["part"]
    if problem.parts[part : part + 1] != (found["what"],):
        raise ValueError(
            f"replay: the record is of {found['what']}; the function has {', '.join(problem.parts)}"
        )
    return tuple(
        result[part][index].item() for result in (problem.run_fun(phase.rows), problem.run_truth(phase.rows))
    )


def _described(arrays: list[tuple[tuple[int, ...], Any]]) -> str:
    return ", ".join(f"{dtype}{list(shape)}" for shape, dtype in arrays)
