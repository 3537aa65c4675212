"""The ledger's engine: give a claim of the article its verdict by trying it on every small case.

A claim is executable. `printed` runs what the article says on one case, `corrected` runs the corrected
statement, `domain` is the predicate under which the printed one is claimed, `parts` are what else is said
about it, and `cases` lists the small geometries. `judge` runs them all and lets the outcomes decide:

    HOLDS              printed is right on every case
    HOLDS ON A DOMAIN  right on every case inside the domain, wrong on some outside (`sharp`: on every one)
    FAILS AS PRINTED   wrong somewhere, and no domain is claimed
    NOT PRINTED        the article promises it and gives nothing; the one supplied is right on every case
    UNDECIDED          anything else, in particular whenever a correction or a part is contradicted

Trying covers the cases tried. Where a statement rests on an identity between indices, that part of it is
proved for every size (`jaxcnn.derivations.proofs`); `judge` is given the proofs and files each under its
statement.

The claims are in `jaxcnn.derivations.claims`.
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

import numpy as np

from jaxcnn.derivations.proofs.identity import Identity, Outcome, Proof

Case = dict[str, Any]
Cases = Callable[[bool], Iterable[Case]]


class Verdict(Enum):
    """What the machine says about a claim."""

    HOLDS = "HOLDS"
    ON_A_DOMAIN = "HOLDS ON A DOMAIN"
    FAILS = "FAILS AS PRINTED"
    NOT_PRINTED = "NOT PRINTED"
    UNDECIDED = "UNDECIDED"


@dataclass(frozen=True)
class Comparison:
    """What a statement gave on one case and what it should have given.

    Attributes:
        got, expected: arrays, numbers, tuples of numbers, or text.
        tolerance: 0 demands equality; else the largest error, relative to the largest expected entry or 1.
        inputs: the drawn arrays, for the counterexample.
    """

    got: Any
    expected: Any
    tolerance: float = 0.0
    inputs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def equal(self) -> bool:
        """Equal in shape and in every entry; NaN equals nothing."""
        if isinstance(self.got, str) or isinstance(self.expected, str):
            return type(self.got) is type(self.expected) and self.got == self.expected
        got, expected = np.asarray(self.got), np.asarray(self.expected)
        if got.shape != expected.shape:
            return False
        if not self.tolerance:
            return np.array_equal(got, expected)
        scale = max(1.0, float(np.max(np.abs(expected), initial=0.0)))
        return bool(np.all(np.abs(got - expected) <= self.tolerance * scale))

    def as_dict(self, case: Case) -> dict[str, Any]:
        """The case, its inputs, got and expected, in plain numbers and lists."""
        return {
            "case": plain(case),
            "inputs": plain(self.inputs),
            "got": plain(self.got),
            "expected": plain(self.expected),
        }


Test = Callable[[Case], Comparison]


@dataclass(frozen=True)
class Domain:
    """Where a statement is claimed to hold.

    Attributes:
        text: the predicate in words.
        contains: the predicate.
        sharp: it is claimed to fail on every case outside.
    """

    text: str
    contains: Callable[[Case], bool]
    sharp: bool = True


NOWHERE = Domain("nowhere", lambda case: False)


@dataclass(frozen=True)
class Part:
    """A further statement: right everywhere, or exactly where its domain says; the identities it rests on."""

    text: str
    test: Test
    cases: Cases
    domain: Domain | None = None
    identities: tuple[Identity, ...] = ()


@dataclass(frozen=True)
class Claim:
    """One entry of the ledger.

    Attributes:
        number: 1 for L1.
        section: of the article.
        statement: what the article says.
        reading: how the transcription was read.
        cases: the small cases, many more of them if its argument is True.
        printed: the article's statement, run on a case; None where nothing is printed.
        domain: where it is claimed to hold; None: everywhere, or nowhere that matters.
        correction: the corrected statement in words.
        corrected: the corrected statement, run on a case.
        parts: what else is said about it.
        printed_identities, corrected_identities: those that the two statements rest on.
    """

    number: int
    section: str
    statement: str
    reading: str
    cases: Cases
    printed: Test | None
    domain: Domain | None = None
    correction: str = ""
    corrected: Test | None = None
    parts: tuple[Part, ...] = ()
    printed_identities: tuple[Identity, ...] = ()
    corrected_identities: tuple[Identity, ...] = ()

    @property
    def name(self) -> str:
        """L1 and so on."""
        return f"L{self.number}"

    @property
    def identities(self) -> tuple[Identity, ...]:
        """All that the claim rests on."""
        parts = (identity for part in self.parts for identity in part.identities)
        return (*self.printed_identities, *self.corrected_identities, *parts)


@dataclass(frozen=True)
class Finding:
    """What came of running one statement on all of its cases.

    Attributes:
        text: the statement.
        domain: where it was claimed to hold; None: everywhere.
        inside, inside_fails, outside, outside_fails: numbers of cases.
        tolerance: the largest that a comparison used; 0: all were exact.
        failure: the smallest case on which it fails.
        surprise: the smallest case that contradicts the claim.
        value: what a statement with a single case gave, else None.
        proofs: of the identities that it rests on.
    """

    text: str
    domain: Domain | None
    inside: int
    inside_fails: int
    outside: int
    outside_fails: int
    tolerance: float
    failure: dict[str, Any] | None
    surprise: dict[str, Any] | None
    value: Any
    proofs: tuple[Proof, ...] = ()

    @property
    def confirmed(self) -> bool:
        """No case contradicts it, and a domain has a counterexample outside."""
        if self.surprise is not None or self.inside + self.outside == 0:
            return False
        return self.domain is None or self.outside_fails > 0

    @property
    def sharp(self) -> bool:
        """It fails on every case outside its domain."""
        return self.outside_fails == self.outside > 0

    @property
    def proved(self) -> bool:
        """It rests on identities, and all of them are proved."""
        return bool(self.proofs) and all(proof.verdict is Outcome.PROVED for proof in self.proofs)

    @property
    def basis(self) -> str:
        """What is proved and what is tested."""
        proofs = "".join(f"its indices {text}; " for text in dict.fromkeys(map(str, self.proofs)))
        return f"{proofs}tested on {self.inside + self.outside} cases"

    def __str__(self) -> str:
        total = self.inside + self.outside
        exactness = f"to {self.tolerance:g}" if self.tolerance else "exact"
        if self.domain is None:
            held = self.inside - self.inside_fails
            shown = "" if self.value is None or len(str(self.value)) > 60 else f": {self.value}"
            return f"holds on {held} of {total} ({exactness}){shown}"
        sharp = "sharp" if self.sharp else "not sharp"
        return (
            f"{total} cases ({exactness}): inside it holds on {self.inside - self.inside_fails} of "
            f"{self.inside}, outside it fails on {self.outside_fails} of {self.outside} ({sharp})"
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "statement": self.text,
            "domain": self.domain.text if self.domain else "",
            "confirmed": self.confirmed,
            "inside": self.inside,
            "inside_fails": self.inside_fails,
            "outside": self.outside,
            "outside_fails": self.outside_fails,
            "sharp": self.sharp,
            "tolerance": self.tolerance,
            "value": self.value,
            "basis": self.basis,
            "proved": self.proved,
            "proofs": [proof.as_dict() for proof in self.proofs],
            "counterexample": self.surprise or self.failure,
        }


@dataclass(frozen=True)
class Ruling:
    """The verdict on a claim and its evidence.

    Attributes:
        claim: what was judged.
        verdict: one of the five.
        reason: why it is undecided, else empty.
        printed, corrected: the findings; None where there was nothing to run.
        parts: one finding a part.
        wrong: something that this library asserts, a correction or a part, is contradicted.
        seconds: the time it took.
    """

    claim: Claim
    verdict: Verdict
    reason: str
    printed: Finding | None
    corrected: Finding | None
    parts: tuple[Finding, ...]
    wrong: bool
    seconds: float

    @property
    def ok(self) -> bool:
        """Decided; so the correction and all parts are right."""
        return self.verdict is not Verdict.UNDECIDED

    @property
    def domain(self) -> str:
        """Where the printed statement holds, or the supplied one, in words."""
        match self.verdict:
            case Verdict.HOLDS | Verdict.NOT_PRINTED:
                return "everywhere"
            case Verdict.FAILS:
                return "none"
            case Verdict.ON_A_DOMAIN if self.claim.domain is not None:
                return self.claim.domain.text
        return ""

    @property
    def counterexample(self) -> dict[str, Any] | None:
        """The smallest case on which the printed statement fails."""
        return self.printed.failure if self.printed else None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Of all its statements."""
        return (*(f for f in (self.printed, self.corrected) if f is not None), *self.parts)

    @property
    def evidence(self) -> str:
        """What was run and what came out, a line each."""
        lines = [f"printed: {self.printed}"] if self.printed else []
        lines += [f"correction: {self.corrected}"] if self.corrected else []
        for part in self.parts:
            iff = f" [iff {part.domain.text}]" if part.domain else ""
            lines.append(f"{part.text}{iff}: {part}")
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        claim = self.claim
        return {
            "claim": claim.name,
            "section": claim.section,
            "statement": claim.statement,
            "reading": claim.reading,
            "verdict": self.verdict.value,
            "ok": self.ok,
            "reason": self.reason,
            "domain": self.domain,
            "correction": claim.correction,
            "evidence": self.evidence,
            "printed": self.printed.as_dict() if self.printed else None,
            "corrected": self.corrected.as_dict() if self.corrected else None,
            "parts": [part.as_dict() for part in self.parts],
            "counterexample": self.counterexample,
            "seconds": round(self.seconds, 3),
        }


def judge(
    claim: Claim,
    *,
    thorough: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
    proofs: Mapping[Identity, Proof] | None = None,
) -> Ruling:
    """Run a claim on all of its cases and decide.

    Args:
        claim: the claim.
        thorough: use the larger set of cases.
        progress: called with the number of cases run and their total.
        proofs: of the claim's identities, each to be filed under the statements that rest on it.

    Returns:
        The ruling. An exception inside a statement makes it undecided; it is not raised.
    """
    began = time.perf_counter()
    cases = ordered(claim.cases(thorough))
    jobs = [
        (Part(text, test, claim.cases, domain, identities), cases)
        for text, test, domain, identities in (
            (claim.statement, claim.printed, claim.domain, claim.printed_identities),
            (claim.correction, claim.corrected, None, claim.corrected_identities),
        )
        if test is not None
    ]
    jobs += [(part, ordered(part.cases(thorough))) for part in claim.parts]
    total = sum(len(cases) for _, cases in jobs)
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        progress(done, total)

    try:
        findings = [
            replace(
                examine(part.text, part.test, part.domain, cases, tick),
                proofs=tuple(proofs[identity] for identity in part.identities) if proofs is not None else (),
            )
            for part, cases in jobs
        ]
    except Exception as error:  # a library operation may raise anything; the table must still appear
        reason = f"{type(error).__name__}: {error}"
        return Ruling(claim, Verdict.UNDECIDED, reason, None, None, (), True, time.perf_counter() - began)
    printed = findings.pop(0) if claim.printed else None
    corrected = findings.pop(0) if claim.corrected else None
    verdict, reason, wrong = _decide(printed, corrected, findings)
    seconds = time.perf_counter() - began
    return Ruling(claim, verdict, reason, printed, corrected, tuple(findings), wrong, seconds)


def examine(
    text: str, test: Test, domain: Domain | None, cases: list[Case], tick: Callable[[], None] = lambda: None
) -> Finding:
    """Run one statement on every case, smallest first, and count."""
    count = {(inside, holds): 0 for inside in (True, False) for holds in (True, False)}
    tolerance, failure, surprise, value = 0.0, None, None, None
    for case in cases:
        inside = domain is None or domain.contains(case)
        comparison = test(case)
        holds = comparison.equal
        count[inside, holds] += 1
        tolerance = max(tolerance, comparison.tolerance)
        value = plain(comparison.got) if len(cases) == 1 else None
        if not holds and failure is None:
            failure = comparison.as_dict(case)
        contradicts = not holds if inside else holds and domain is not None and domain.sharp
        if contradicts and surprise is None:
            surprise = comparison.as_dict(case)
        tick()
    return Finding(
        text,
        domain,
        count[True, True] + count[True, False],
        count[True, False],
        count[False, True] + count[False, False],
        count[False, False],
        tolerance,
        failure,
        surprise,
        value,
    )


def _decide(
    printed: Finding | None, corrected: Finding | None, parts: list[Finding]
) -> tuple[Verdict, str, bool]:
    """(verdict, why it is undecided, whether something of ours is wrong)."""
    for finding in (printed, corrected, *parts):
        for proof in finding.proofs if finding is not None else ():
            if proof.verdict is Outcome.REFUTED:
                return Verdict.UNDECIDED, f"{proof.identity.statement} {proof}", True
    for part in parts:
        if not part.confirmed:
            return Verdict.UNDECIDED, f"contradicted: {part.text}: {part}; {part.surprise}", True
    if corrected is not None and not corrected.confirmed:
        return Verdict.UNDECIDED, f"the correction fails: {corrected}; {corrected.surprise}", True
    if printed is None:
        if corrected is None:
            return Verdict.UNDECIDED, "nothing was printed and nothing supplied", False
        return Verdict.NOT_PRINTED, "", False
    if not printed.inside:
        return Verdict.UNDECIDED, "no case was tried", False
    if printed.domain is not None:
        if not printed.confirmed:
            return Verdict.UNDECIDED, f"the domain is not confirmed: {printed}; {printed.surprise}", False
        return Verdict.ON_A_DOMAIN, "", False
    if printed.failure is None:
        return Verdict.HOLDS, "", False
    if corrected is None:
        return Verdict.UNDECIDED, "it fails and nothing corrects it", False
    return Verdict.FAILS, "", False


def ordered(cases: Iterable[Case]) -> list[Case]:
    """The cases by the sum of their integers, so that the first failure is a smallest one."""
    return sorted(cases, key=_magnitude)


def _magnitude(value: Any) -> int:
    match value:
        case int():
            return abs(value)
        case Mapping():
            return sum(map(_magnitude, value.values()))
        case tuple():
            return sum(map(_magnitude, value))
    return 0


def plain(value: Any) -> Any:
    """`value` in what JSON knows: whole numbers as integers, NaN and infinities as text."""
    match value:
        case Mapping():
            return {str(name): plain(entry) for name, entry in value.items()}
        case tuple() | list():
            return [plain(entry) for entry in value]
        case np.ndarray() | np.generic():
            return plain(value.tolist())
        case float() if not math.isfinite(value):
            return str(value)
        case float() if value.is_integer():
            return int(value)
    return value
