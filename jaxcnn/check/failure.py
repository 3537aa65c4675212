"""What to say of a difference: where, how often, why, and who is wrong."""

from dataclasses import replace
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxcnn.check import numeric, rules, vote
from jaxcnn.check.diagnosis import Diagnosis, Sample, diagnose
from jaxcnn.check.problem import Problem, beside
from jaxcnn.check.question import Phase, Question
from jaxcnn.check.report import Evidence, Report, Verdict

# Diagnosis looks at so many numbers.
_DIAGNOSED = 20_000


def remark(question: Question, problem: Problem, judged: np.ndarray, results: Any) -> str:
    """What differs in rows that are not judged, at one place."""
    for name, got, truth, errors in zip(problem.parts, *results, strict=True):
        wrong = np.nan_to_num(errors) > question.ulps
        wrong &= ~beside(judged, wrong)
        if wrong.any():
            row, *index = map(int, np.argwhere(wrong)[0])
            at = (row, *index)
            inputs = {"finite": "infinite or NaN", "infinite": "NaN"}[question.domain]
            return (
                f"not judged: with {inputs} inputs {name} at {index} differs from the reference: "
                f"got {got[at].item()!r}, expected {truth[at].item()!r}"
            )
    return ""


def failure(question: Question, phase: Phase, problem: Problem, results: Any, evidence: Evidence) -> Report:
    """The report of what is wrong."""
    errors = results[2]
    # outputs come first: a wrong output explains a wrong gradient
    part = next(k for k, p in enumerate(evidence.parts) if p.wrong)
    counterexample, row = problem.smallest(phase.rows, errors, part)
    counterexample = replace(counterexample, fixed=question.call.fixed)
    wrong = "; ".join(f"{p.name} in {p.wrong} of {evidence.cases} cases" for p in evidence.parts if p.wrong)
    reason = f"differs from the reference{under(phase)}: {wrong}"
    finite = problem.inside(phase.rows, "finite")
    explicable = bool(finite[problem.wrong(errors)].any())
    if not explicable:
        reason += ', each with an infinite or NaN input, which domain="finite" leaves out'
    return Report(
        Verdict.FAIL,
        reason,
        evidence,
        counterexample,
        _diagnosed(question, phase, problem, results, part, np.flatnonzero(finite)) if explicable else None,
        _voted(question, phase, problem, counterexample, row, part),
    )


def _diagnosed(
    question: Question, phase: Phase, problem: Problem, results: Any, part: int, finite: np.ndarray
) -> Diagnosis | None:
    """What probably caused it, judged by the rows that are finite."""
    got, truth, errors, units = results
    if phase.transformation == "second order":
        return None
    live, outputs = len(question.call.live), len(question.outputs)
    # again and again, so that the reference is not compiled for fewer
    count = min(len(phase.rows[0]), max(2, _DIAGNOSED // max(1, sum(np.size(x) for x in question.like))))
    some = np.resize(finite, count)
    inputs = dict(zip(question.call.names, (np.asarray(r[some], float) for r in phase.rows), strict=False))
    directions = [np.asarray(r[some], float) for r in phase.rows[live:]]
    names = question.call.names if len(question.parts) == outputs + live else question.parts[outputs:]

    def reference(inputs, cotangents):
        rows = [*(inputs[name] for name in question.call.names), *cotangents]
        return problem.run_truth([np.asarray(r, x.dtype) for r, x in zip(rows, question.like, strict=True)])[
            part
        ]

    return diagnose(
        Sample(
            name=question.parts[part] if part < outputs else names[part - outputs],
            got=np.asarray(got[part][some], float),
            expected=np.asarray(truth[part][some], float),
            inputs=inputs,
            cotangents=directions,
            outputs=[np.asarray(t[some], float) for t in truth[:outputs]],
            others={
                name: np.asarray(truth[outputs + k][some], float)
                for k, name in enumerate(names)
                if outputs + k != part
            },
            tolerance=question.ulps * units[part][some],
            epsilon=float(jnp.finfo(got[part].dtype).eps),
            compared=~np.isnan(errors[part][some]),
            reference=None if question.primal is None else reference,
        )
    )


def _voted(question: Question, phase, problem, counterexample, row, part) -> vote.Vote | None:
    """Who is wrong at the counterexample; only of first derivatives in reverse mode."""
    outputs, live = len(question.outputs), len(question.call.live)
    if question.host or question.primal is None or phase.transformation == "second order":
        return None
    got, expected, index = counterexample.got, counterexample.expected, counterexample.index
    if phase.transformation != "eager":
        # an output has no slope to ask for: it is worth more
        run = vote.untraced if part < outputs else partial(vote.step_by_step, question.evaluations)
        try:
            fun = run(question.one, row, wide=False)[part][index].item()
            truth = run(problem.truth, row, wide=not phase.exact)[part][index].item()
        except Exception:  # what cannot run step by step has no voice
            fun, truth = got, expected
        if (verdict := vote.uncompiled(got, expected, fun, truth)) is not None:
            return verdict
    if part < outputs or question.derivative is not rules.reverse:
        return None
    if not all(np.isfinite(x).all() for x in row[:live]):
        return vote.Vote("", "at an infinite or NaN input there are no differences to ask")
    primal = vote.primal_in_float64(rules.stripped(question.primal))
    slope = numeric.gradient_entry(primal, row, live, part - outputs, index)
    return vote.differences(slope, got, expected)


def under(phase: Phase) -> str:
    """The transformation, where it is not the usual one."""
    return "" if phase.transformation == "jit" else f" ({phase.transformation})"
