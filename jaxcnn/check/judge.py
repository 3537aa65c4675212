"""The verdict: every phase is run, compared and counted, up to the first thing wrong."""

from dataclasses import replace

import numpy as np

from jaxcnn.check import failure, values
from jaxcnn.check.cases import drawn, phases
from jaxcnn.check.failure import under
from jaxcnn.check.known import Known
from jaxcnn.check.problem import beside
from jaxcnn.check.question import Question
from jaxcnn.check.report import Evidence, Report, Verdict, merged
from jaxcnn.check.rules import GradientError

# What the chance of a miss is stated of: an error that shows in this share of the cases.
_SHOWS = 0.1


def judge(question: Question) -> Report:
    """Check everything that was asked for, and stop at the first thing wrong."""
    known = Known(question)
    found: list[Evidence] = []
    remark = ""
    for phase in phases(question, known):
        problem = question.problem(phase)
        try:
            got = problem.run_fun(phase.rows)
            again = got if found else problem.run_fun(phase.rows)
        except GradientError as error:
            return Report(Verdict.FAIL, f"the backward pass is wrong: {error}")
        except Exception as error:
            return Report(
                Verdict.FAIL,
                f"the backward pass raised {type(error).__name__}{under(phase)}: {error}",
            )
        if (mismatch := problem.mismatch(got, question.expected(phase))) is not None:
            return Report(Verdict.FAIL, mismatch)
        if not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(got, again, strict=True)):
            return Report(Verdict.FAIL, f"run twice on the same values, it differs{under(phase)}")
        truth = problem.run_truth(phase.rows)
        errors, units = problem.errors(phase.rows, got, truth)
        judged = problem.inside(phase.rows, question.domain if question.vary else "nan")
        remark = remark or failure.remark(question, problem, judged, (got, truth, errors))
        errors = [np.where(beside(judged, e), e, np.nan) for e in errors]
        found.append(problem.evidence(*([x[judged] for x in some] for some in (got, truth, errors))))
        if any(part.wrong for part in found[-1].parts):
            said = failure.failure(question, phase, problem, (got, truth, errors, units), found[-1])
            return replace(said, remark=remark)
    evidence = merged([e for e in found if e.transformation != "second order"] or found)
    transformations = tuple(dict.fromkeys(e.transformation for e in found))
    # the rows of the others are among those of the first
    tried = sum(e.cases for e in found if e.transformation == transformations[0])
    evidence = replace(
        evidence,
        transformations=transformations,
        missed=missed(_SHOWS, tried),
        **known.strength(values.uniform_rows(drawn(question))),
    )
    empty = [part for part in evidence.parts if part.excused and not part.compared]
    if empty:
        why = " or ".join(dict.fromkeys(max(part.excuses, key=part.excuses.__getitem__) for part in empty))
        reason = f"nothing could be compared of {', '.join(part.name for part in empty)}: {why}"
        return Report(Verdict.UNCHECKED, reason, evidence, remark=remark)
    return Report(Verdict.PASS, _agreement(evidence, question.ulps), evidence, remark=remark)


def missed(shows: float, cases: int) -> float:
    """The chance that none of so many cases shows an error that this share of all cases does."""
    return (1 - shows) ** cases


def _agreement(evidence: Evidence, ulps: float) -> str:
    if not evidence.compared:
        return f"no number to compare: it runs, and all cotangents are empty in {evidence.cases} cases"
    reason = f"{evidence.compared} numbers in {evidence.cases} cases agree"
    reason += " bit for bit" if evidence.exact else f" within {evidence.worst:.1f} of {ulps:g} ulp"
    if evidence.proved:
        return f"{reason}, on all combinations of basis vectors: being multilinear, it is right for this size"
    if evidence.chance is not None:
        return (
            f"{reason}; other polynomials of degree {evidence.degree}: by a chance of {evidence.chance:.0e}"
        )
    return (
        f"{reason}; an error that shows in one drawn case in {1 / _SHOWS:.0f} "
        f"is missed by a chance of {100 * (evidence.missed or 0.0):.1g} %"
    )
