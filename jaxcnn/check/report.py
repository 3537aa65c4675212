"""What a check says: verdict, reason, evidence, and the smallest counterexample."""

import enum
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxcnn.check.diagnosis import Diagnosis
from jaxcnn.check.vote import Vote

_ALL = 64  # numbers of an array that is printed in full


class Verdict(enum.StrEnum):
    """PASS, FAIL, or UNCHECKED where nothing could be compared.

    >>> from jaxcnn.check import check_vjp
    >>> check_vjp(jnp.sin, jnp.sin, jnp.zeros(2)).verdict is Verdict.PASS
    True
    """

    PASS = "PASS"
    FAIL = "FAIL"
    UNCHECKED = "UNCHECKED"


class DerivationError(AssertionError):
    """A hand-written gradient that did not pass; `.report` says why.

    >>> try:
    ...     Report(Verdict.FAIL, "differs from the reference").assert_pass()
    ... except DerivationError as error:
    ...     print(error.report.reason)
    differs from the reference
    """

    def __init__(self, report: "Report"):
        """Carry `report`."""
        super().__init__(str(report))
        self.report = report


@dataclass(frozen=True)
class Part:
    """One array that was compared: an output, or the gradient of one argument.

    Attributes:
        name: "the output" or "the gradient of x", x an argument.
        compared: single numbers compared.
        excused: numbers left out because nothing can be said of them.
        excuses: how many of them for which reason (`jaxcnn.check.compare.Excuse`).
        worst: the largest error, in units of what rounding explains; in exact mode 0 or infinity.
        wrong: cases in which some number of it is wrong.

    >>> from jaxcnn.check import check_vjp
    >>> output, gradient = check_vjp(jnp.sin, jnp.cos, jnp.zeros(2)).evidence.parts
    >>> isinstance(gradient, Part), gradient.name, gradient.wrong > 0
    (True, 'the gradient of x', True)
    """

    name: str
    compared: int
    excused: int
    worst: float
    wrong: int
    excuses: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Evidence:
    """What was compared.

    Attributes:
        cases: inputs and cotangents tried, all of one shape.
        exact: whether they had to agree bit for bit.
        parts: the outputs, then the gradients.
        transformation: the last one under which they were compared.
        transformations: all of them.
        chance: of polynomials, the probability at most that two different ones agree so often.
        missed: the probability of missing an error that shows in one drawn case in ten.
        degree: of the polynomials.
        proved: whether it was tried on all combinations of basis vectors of a multilinear map.

    >>> from jaxcnn.check import check_vjp
    >>> evidence = check_vjp(jnp.dot, lambda x, y: jnp.sum(x * y), jnp.zeros(3), jnp.zeros(3)).evidence
    >>> isinstance(evidence, Evidence), evidence.exact, evidence.proved
    (True, True, True)
    """

    cases: int
    exact: bool
    parts: tuple[Part, ...]
    transformation: str = "jit"
    transformations: tuple[str, ...] = ()
    chance: float | None = None
    missed: float | None = None
    degree: int | None = None
    proved: bool = False

    @property
    def compared(self) -> int:
        """Single numbers compared, over all parts."""
        return sum(part.compared for part in self.parts)

    @property
    def worst(self) -> float:
        """The largest error of all parts."""
        return max((part.worst for part in self.parts), default=0.0)


def merged(evidence: Sequence[Evidence]) -> Evidence:
    """What was compared in all of them together; they have the same parts."""
    parts = tuple(
        Part(
            name=same[0].name,
            compared=sum(part.compared for part in same),
            excused=sum(part.excused for part in same),
            worst=max(part.worst for part in same),
            wrong=sum(part.wrong for part in same),
            excuses=dict(sum((Counter(part.excuses) for part in same), Counter())),
        )
        for same in zip(*(e.parts for e in evidence), strict=True)
    )
    return Evidence(sum(e.cases for e in evidence), all(e.exact for e in evidence), parts)


@dataclass(frozen=True)
class Counterexample:
    """One case on which function and reference differ, shrunk.

    Attributes:
        what: "the output" or "the gradient of x", x an argument.
        index: where in that array they differ first.
        got: the function's number there.
        expected: the reference's.
        inputs: argument name → value.
        cotangent: of each output, in order.
        part: the position of "what" in the result.
        transformation: under which they differ.
        exact: whether they were compared bit for bit, and in the inputs' dtype.
        rows: how many copies of the case were run at once.
        fixed: name → value of the arrays that are not differentiated.

    >>> from jaxcnn.check import check_vjp
    >>> case = check_vjp(lambda x: x * x, lambda x: x * x * x, jnp.zeros(2)).counterexample
    >>> isinstance(case, Counterexample), case.what, case.got, case.expected
    (True, 'the output', 64.0, 512.0)
    """

    what: str
    index: tuple[int, ...]
    got: float
    expected: float
    inputs: dict[str, np.ndarray]
    cotangent: tuple[np.ndarray, ...]
    part: int = 0
    transformation: str = "jit"
    exact: bool = True
    rows: int = 1
    fixed: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __str__(self) -> str:
        cotangents = ((f"cotangent {k}", value) for k, value in enumerate(self.cotangent))
        values = [*self.inputs.items(), *self.fixed.items(), *cotangents]
        lines = [
            f"{self.what} at {list(self.index)}: got {self.got!r}, expected {self.expected!r}",
            *(f"  {name} {array.dtype}{list(array.shape)} = {_flat(array)}" for name, array in values),
        ]
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "what": self.what,
            "index": list(self.index),
            "got": _plain(self.got),
            "expected": _plain(self.expected),
            "inputs": {name: array_to_json(value) for name, value in self.inputs.items()},
            "cotangent": [array_to_json(value) for value in self.cotangent],
            "part": self.part,
            "transformation": self.transformation,
            "exact": self.exact,
            "rows": self.rows,
            "fixed": {name: array_to_json(value) for name, value in self.fixed.items()},
        }


@dataclass(frozen=True)
class Report:
    """The outcome of one check.

    Attributes:
        verdict: PASS, FAIL or UNCHECKED.
        reason: one sentence.
        evidence: what was compared; None where it did not come so far.
        counterexample: on FAIL, where values were compared.
        diagnosis: what probably caused it, where one explanation fits all numbers.
        vote: what a third opinion says at the counterexample.
        remark: what differs at inputs of which the verdict does not speak.

    >>> print(Report(Verdict.UNCHECKED, "nothing could be compared"))
    UNCHECKED: nothing could be compared
    """

    verdict: Verdict
    reason: str
    evidence: Evidence | None = None
    counterexample: Counterexample | None = None
    diagnosis: Diagnosis | None = None
    vote: Vote | None = None
    remark: str = ""

    def assert_pass(self) -> "Report":
        """Return the report itself; raise DerivationError unless the verdict is PASS."""
        __tracebackhide__ = True  # pytest shows the report, not this frame
        if self.verdict is not Verdict.PASS:
            raise DerivationError(self)
        return self

    def as_dict(self) -> dict[str, Any]:
        """For JSON; `jaxcnn.check.replay` runs the counterexample again."""
        evidence = None
        if self.evidence is not None:
            evidence = asdict(self.evidence) | {"worst": _plain(self.evidence.worst)}
            for part in evidence["parts"]:
                part["worst"] = _plain(part["worst"])
        return {
            "verdict": self.verdict.value,
            "reason": self.reason,
            "evidence": evidence,
            "counterexample": self.counterexample and self.counterexample.as_dict(),
            "diagnosis": self.diagnosis
            and {"kind": self.diagnosis.kind.value, "sentence": self.diagnosis.sentence},
            "vote": self.vote and asdict(self.vote),
            "remark": self.remark,
        }

    def __str__(self) -> str:
        lines = [f"{self.verdict}: {self.reason}"]
        if self.counterexample is not None:
            lines.append(str(self.counterexample))
        if self.diagnosis is not None:
            lines.append(f"probably {self.diagnosis}")
        if self.vote is not None:
            lines.append(str(self.vote))
        if self.remark:
            lines.append(self.remark)
        return "\n".join(lines)


def array_to_json(array: np.ndarray) -> dict[str, Any]:
    """dtype, shape and numbers: decimals that determine them, or "nan", "inf", "-inf"."""
    flat = np.asarray(array, np.float64).reshape(-1)
    return {"dtype": str(array.dtype), "shape": list(array.shape), "values": [_plain(x) for x in flat]}


def array_from_json(record: dict[str, Any]) -> np.ndarray:
    """The inverse of `array_to_json`, bit for bit."""
    flat = np.array([float(x) for x in record["values"]], np.float64)
    return flat.reshape(record["shape"]).astype(jnp.dtype(record["dtype"]))


def _flat(array: np.ndarray) -> str:
    """All numbers of a small array; of a large one what it has beside zeros, if that is little."""
    places = np.argwhere((array != 0) | np.signbit(np.asarray(array, float)))
    if array.size > _ALL and len(places) <= _ALL // 4:
        others = ", ".join(f"{place} {array[tuple(place)]!s}" for place in places.tolist())
        return f"0, but at {others}" if others else "0 everywhere"
    return np.array2string(array, separator=", ", threshold=_ALL, precision=17).replace("\n", "")


def _plain(number: float) -> float | str:
    return float(number) if np.isfinite(number) else str(number)
