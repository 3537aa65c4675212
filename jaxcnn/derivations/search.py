"""Check a derivation over many geometries: Hypothesis draws and shrinks them, the checker the values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import hypothesis
import numpy as np
from hypothesis import HealthCheck, Phase, given, settings

from jaxcnn.check import DerivationError, Report, Verdict, check_vjp
from jaxcnn.derivations.derivation import Case, Derivation


@dataclass(frozen=True)
class Row:
    """The verdict on one array of an operation: its output, or the gradient of one argument.

    Attributes:
        operation: its public name.
        part: "the output" or "the gradient of <argument>".
        source: ledger numbers or paper of the derivation.
        convention: what is declared at kinks and ties.
        verdict: PASS, FAIL, or UNCHECKED where no number could be compared.
        geometries: shapes and keywords tried.
        compared: single numbers compared.
        exact: whether they had to agree bit for bit.
        worst: the largest error, in units of what rounding explains.
        counterexample: on FAIL, the smallest found: keywords and the checker's report.
    """

    operation: str
    part: str
    source: str
    convention: str
    verdict: Verdict
    geometries: int
    compared: int
    exact: bool
    worst: float
    counterexample: tuple[Mapping[str, Any], Report] | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        found: dict[str, Any] | None = None
        if self.counterexample is not None:
            keywords, report = self.counterexample
            found = {"keywords": {name: repr(value) for name, value in keywords.items()}}
            found |= {"report": str(report)}
            if report.counterexample is not None:
                found |= report.counterexample.as_dict()
        return {
            "operation": self.operation,
            "part": self.part,
            "source": self.source,
            "convention": self.convention,
            "verdict": self.verdict.value,
            "geometries": self.geometries,
            "compared": self.compared,
            "exact": self.exact,
            "worst_ulp": self.worst if np.isfinite(self.worst) else None,
            "counterexample": found,
        }


def check_case(derivation: Derivation, case: Case, **options: Any) -> Report:
    """`check_vjp` of a derivation on one case; options as there, by default compiled only."""
    chosen: dict[str, Any] = {"transformations": ("jit",), "accurate": derivation.accurate, "domain": "nan"}
    chosen |= options
    return check_vjp(
        partial(derivation.operation, **case.keywords),
        partial(derivation.oracle, **case.keywords),
        *case.inputs,
        exact=derivation.exact,
        names=derivation.arguments,
        **chosen,
    )


def search(
    derivation: Derivation, *, geometries: int, on_case: Callable[[], None] = lambda: None
) -> list[Row]:
    """Check `geometries` cases and give one row for each output and argument.

    A failure stops the search; Hypothesis then shrinks the geometry, and the smallest failing one is
    the counterexample of every row that is wrong on it. Deterministic.
    """
    reports: list[tuple[Case, Report]] = []

    @settings(
        max_examples=geometries,
        database=None,
        deadline=None,
        derandomize=True,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        verbosity=hypothesis.Verbosity.quiet,
    )
    @given(derivation.cases)
    def run(case: Case) -> None:
        report = check_case(derivation, case, seed=len(reports))
        reports.append((case, report))
        on_case()
        report.assert_pass()

    smallest: tuple[Mapping[str, Any], Report] | None = None
    try:
        run()
    except DerivationError:
        case, report = next((c, r) for c, r in reversed(reports) if r.verdict is not Verdict.PASS)
        smallest = (case.keywords, report)
    return _rows(derivation, [report for _, report in reports], smallest)


def _rows(
    derivation: Derivation,
    reports: list[Report],
    smallest: tuple[Mapping[str, Any], Report] | None,
) -> list[Row]:
    evidence = [report.evidence for report in reports if report.evidence is not None]
    names = [part.name for part in evidence[0].parts] if evidence else ["the call"]
    rows = []
    for k, name in enumerate(names):
        parts = [e.parts[k] for e in evidence]
        compared = sum(part.compared for part in parts)
        wrong = any(part.wrong for part in parts) or not evidence
        broken = smallest is not None and (wrong or smallest[1].evidence is None)
        verdict = Verdict.FAIL if broken else Verdict.PASS if compared else Verdict.UNCHECKED
        rows.append(
            Row(
                operation=derivation.name,
                part=name,
                source=derivation.source,
                convention=derivation.convention,
                verdict=verdict,
                geometries=len(reports),
                compared=compared,
                exact=derivation.exact,
                worst=max((part.worst for part in parts), default=0.0),
                counterexample=smallest if broken else None,
            )
        )
    return rows
