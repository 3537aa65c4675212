"""An identity between integers, and its proof for every value of its variables.

An `Identity` is a predicate in Python, written once: on integers it says whether it holds there, on the
numbers of `jaxcnn.derivations.proofs.symbolic` it becomes a formula of linear integer arithmetic, which z3
decides. For that stride and dilation have to be fixed, since m·s and j·d are products: these are the
parameters, and each of their settings is decided by itself. n, f, p and the indices are variables.
"""

import importlib.util
import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from jaxcnn._errors import missing_extra

STEPS = range(1, 5)  # the strides and dilations that are decided
SECONDS = 20.0  # that an identity may take; the slowest takes about 1
MISSING = "not proved here: install jaxcnn[prove]"


class Outcome(Enum):
    """What became of an identity."""

    PROVED = "PROVED"
    REFUTED = "REFUTED"
    UNDECIDED = "UNDECIDED"


@dataclass(frozen=True, eq=False)
class Identity:
    """A statement about all integers in a domain.

    Attributes:
        name: short, unique.
        source: entry of the ledger, or the equation.
        statement: in words.
        variables: their names; first those of the geometry, then the indices.
        domain, claim: called with the parameters and variables as keywords; each gives a truth value.
            Where the claim raises a ValueError it does not hold.
        parameters: the settings to decide, for each parameter its values.
    """

    name: str
    source: str
    statement: str
    variables: tuple[str, ...]
    domain: Callable[..., Any]
    claim: Callable[..., Any]
    parameters: Mapping[str, Sequence[int]] = field(default_factory=lambda: {"s": STEPS, "d": STEPS})

    def settings(self) -> Iterator[dict[str, int]]:
        """Every setting of the parameters."""
        for values in itertools.product(*self.parameters.values()):
            yield dict(zip(self.parameters, values, strict=True))

    def holds(self, **values: Any) -> Any:
        """Whether the claim holds for these parameters and variables; not where the library refuses them."""
        try:
            return self.claim(**values)
        except ValueError:
            return False

    @property
    def scope(self) -> str:
        """For which values it is decided, as in "for all n, f, p, q at s, d in 1..4"."""
        sizes = [name for name in self.variables if name in ("n", "f", "p", "q", "n_out")]
        ranges: dict[str, list[str]] = {}
        for name, values in self.parameters.items():
            text = str(values[0]) if len(values) == 1 else f"{values[0]}..{values[-1]}"
            ranges.setdefault(text, []).append(name)
        fixed = ", ".join(
            f"{', '.join(names)} {'in' if '..' in text else '='} {text}" for text, names in ranges.items()
        )
        return f"for all {', '.join(sizes)}" + (f" at {fixed}" if fixed else "")


@dataclass(frozen=True, eq=False)
class Proof:
    """What came of deciding an identity.

    Attributes:
        identity: what was decided.
        verdict: PROVED only if z3 proved it for every setting.
        settings: how many settings of the parameters were proved.
        counterexample: on REFUTED, parameters and variables, of the least sum of magnitudes at its setting.
        reason: why it is UNDECIDED, else empty.
        seconds: the time it took.
    """

    identity: Identity
    verdict: Outcome
    settings: int
    counterexample: dict[str, int] | None = None
    reason: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        match self.verdict:
            case Outcome.PROVED:
                return f"proved {self.identity.scope}"
            case Outcome.REFUTED:
                values = ", ".join(f"{name}={value}" for name, value in (self.counterexample or {}).items())
                return f"REFUTED, smallest counterexample {values}"
        return self.reason if self.reason == MISSING else f"not proved: {self.reason}"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        identity = self.identity
        return {
            "identity": identity.name,
            "source": identity.source,
            "statement": identity.statement,
            "scope": identity.scope,
            "verdict": self.verdict.value,
            "settings": self.settings,
            "counterexample": self.counterexample,
            "reason": self.reason,
            "seconds": round(self.seconds, 3),
        }


def available() -> bool:
    """Whether z3 is installed."""
    return importlib.util.find_spec("z3") is not None


def prove(identity: Identity, *, seconds: float = SECONDS) -> Proof:
    """Decide an identity at every setting of its parameters, and stop at the first that is not proved.

    UNDECIDED, with the extra to install, where z3 is not installed.
    """
    began, proved = time.perf_counter(), 0
    if not available():
        return Proof(identity, Outcome.UNDECIDED, proved, reason=MISSING)
    for setting in identity.settings():
        left = seconds - (time.perf_counter() - began)
        proof = decide(identity, seconds=left, **setting)
        if proof.verdict is not Outcome.PROVED:
            break
        proved += 1
    else:
        proof = Proof(identity, Outcome.PROVED, proved)
    elapsed = time.perf_counter() - began
    return Proof(identity, proof.verdict, proved, proof.counterexample, proof.reason, elapsed)


def decide(identity: Identity, *, seconds: float = SECONDS, **setting: int) -> Proof:
    """Decide an identity at one setting of its parameters, as in `decide(identity, s=2, d=1)`.

    Args:
        identity: what to decide.
        seconds: that it may take.
        **setting: a value for each parameter.

    Returns:
        The proof. UNDECIDED, with the reason, where z3 ran out of time, where nothing is in the domain (the
        claim would be true of nothing), and where Python does not confirm the counterexample of z3.

    Raises:
        ModuleNotFoundError: z3 is not installed; names the extra.
        ValueError: the setting does not name the identity's parameters.
    """
    if set(setting) != set(identity.parameters):
        expected = ", ".join(identity.parameters)
        raise ValueError(f"decide: setting names {', '.join(setting) or 'nothing'}; expected {expected}")
    try:
        from jaxcnn.derivations.proofs import symbolic
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(missing_extra("decide", error, "prove")) from None
    began = time.perf_counter()

    def proof(verdict: Outcome, counterexample: dict[str, int] | None = None, reason: str = "") -> Proof:
        settings = int(verdict is Outcome.PROVED)
        return Proof(identity, verdict, settings, counterexample, reason, time.perf_counter() - began)

    def left() -> float:
        return seconds - (time.perf_counter() - began)

    free = symbolic.variables(identity.variables)
    domain = symbolic.explore(lambda: identity.domain(**setting, **free))
    claim = symbolic.explore(lambda: identity.holds(**setting, **free))
    try:
        if symbolic.example(identity.variables, [domain], left()) is None:
            return proof(Outcome.UNDECIDED, reason="nothing is in its domain")
        found = symbolic.smallest(identity.variables, [domain, symbolic.negation(claim)], left())
    except symbolic.Unknown as error:
        return proof(
            Outcome.UNDECIDED, reason=f"z3 gave up after {time.perf_counter() - began:.1f} s: {error}"
        )
    if found is None:
        return proof(Outcome.PROVED)
    if not identity.domain(**setting, **found) or identity.holds(**setting, **found):
        return proof(Outcome.UNDECIDED, reason=f"z3's counterexample {found} is none in Python")
    return proof(Outcome.REFUTED, setting | found)
