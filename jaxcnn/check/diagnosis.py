"""What a wrong gradient looks like: one plain sentence about the numbers, and what probably caused it.

Each hypothesis is one small function. It speaks only if it explains every number of every case, the right
ones as well as the wrong ones: a diagnosis is evidence, not a guess. They are asked in a fixed order, the
most specific first; where none fits there is no diagnosis. Shapes are given without the axis of cases.
"""

import enum
import functools
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

# How probable it may be that wrong numbers lie all in the subset by accident.
CHANCE = 1e-3
# From here on, exp saturates or overflows in some dtype.
LARGE = 10.0
# What costs an evaluation of the reference for each number of a cotangent stops here, …
CONTRIBUTIONS = 256
# … and what compares all pairs of numbers, here.
PAIRS = 1024


class Kind(enum.StrEnum):
    """The kinds of error that are told apart."""

    ACCUMULATED_TWICE = "accumulated twice"
    BATCH = "batch"
    BORDER = "border"
    BRANCH = "branch"
    CLIPPED = "clipped"
    COTANGENT_IGNORED = "cotangent ignored"
    COTANGENT_UNCHANGED = "cotangent unchanged"
    DTYPE = "dtype"
    FACTOR = "factor"
    FLIPPED = "flipped"
    KINK = "kink"
    MISPLACED = "misplaced"
    MISSING_TERM = "missing term"
    NAN = "NaN"
    NOT_ACCUMULATED = "not accumulated"
    NOT_SUMMED = "broadcast not summed"
    OFFSET = "constant offset"
    PERMUTED = "permuted axes"
    REMAINDER = "remainder"
    ROTATED = "rotated 180°"
    SATURATION = "saturation"
    SCALED = "scaled"
    SHIFTED = "shifted"
    SIGN = "sign"
    STALE = "stale"
    STRIDE = "stride"
    SWAPPED = "swapped"
    THRESHOLD = "threshold"
    TIES = "ties"
    TRANSPOSED = "transposed"
    WRONG_COTANGENT = "wrong cotangent"
    ZERO = "zero"


@dataclass(frozen=True)
class Diagnosis:
    """What was seen, and what probably caused it, in one sentence."""

    kind: Kind
    sentence: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.sentence}"


@dataclass(frozen=True)
class Sample:
    """One array that came out wrong, in many cases at once; every array has the cases as its first axis.

    Attributes:
        name: the argument whose gradient it is.
        got: (cases, *shape) what the function gave; its shape may be wrong as well.
        expected: (cases, *shape) the reference's.
        inputs: argument name → values (cases, *shape).
        cotangents: of each output (cases, *shape).
        outputs: of the reference (cases, *shape).
        others: the expected gradients of the other arguments, by name.
        tolerance: the difference from `expected` that rounding explains, one number or one for each.
        epsilon: the relative rounding of the function's dtype.
        compared: False where a number is excused; None: compare all.
        reference: (inputs, cotangents) → expected, to ask what would have come out for other values of
            the same shapes; None: hypotheses that need it are passed over.
    """

    name: str
    got: np.ndarray
    expected: np.ndarray
    inputs: Mapping[str, np.ndarray]
    cotangents: Sequence[np.ndarray]
    outputs: Sequence[np.ndarray] = ()
    others: Mapping[str, np.ndarray] = field(default_factory=dict)
    tolerance: np.ndarray | float = 0.0
    epsilon: float = 2.0**-52
    compared: np.ndarray | None = None
    reference: Callable[[dict[str, np.ndarray], tuple[np.ndarray, ...]], np.ndarray] | None = None

    @functools.cached_property
    def asked(self) -> np.ndarray:
        """The numbers that are compared at all."""
        finite = np.isfinite(self.expected)
        return np.asarray(finite if self.compared is None else finite & self.compared)

    @functools.cached_property
    def slack(self) -> np.ndarray:
        """The tolerance, one for each number."""
        return np.broadcast_to(np.asarray(self.tolerance, float), self.expected.shape)

    @functools.cached_property
    def wrong(self) -> np.ndarray:
        """The numbers that are compared and differ."""
        return np.asarray(self.asked & ~(np.abs(self.got - self.expected) <= self.slack))

    @functools.cached_property
    def ever(self) -> np.ndarray:
        """(*shape) the positions wrong in some case."""
        return np.asarray(self.wrong.any(axis=0))

    @functools.cached_property
    def live(self) -> np.ndarray:
        """(*shape) the positions where in some case there was something other than zero to see."""
        return (self.asked & ((self.got != 0) | (self.expected != 0))).any(axis=0)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the gradient, without the cases."""
        return self.expected.shape[1:]

    def agrees(
        self, candidate: np.ndarray, slack: np.ndarray | float | None = None, where: np.ndarray | bool = True
    ) -> bool:
        """Whether `candidate`, with its rounding error `slack`, is what came, in every compared number."""
        slack = self.slack if slack is None else slack
        with np.errstate(invalid="ignore", over="ignore"):
            room = 4 * (slack + 32 * self.epsilon * np.abs(candidate))
            same = np.abs(self.got - candidate) <= room
        return bool(np.all(same | ~(self.asked & where)))

    def moved(self, move: Callable[[np.ndarray], np.ndarray]) -> bool:
        """Whether `move`, which only puts numbers elsewhere, makes of the expected what came."""
        return self.agrees(move(self.expected), move(self.slack))

    def would_be(
        self, inputs: Mapping[str, np.ndarray] | None = None, cotangents: Sequence[np.ndarray] | None = None
    ) -> bool:
        """Whether the reference gives what came if some inputs or the cotangents are replaced."""
        if self.reference is None:
            return False
        asked = {**self.inputs, **(inputs or {})}
        return self.agrees(self.reference(asked, tuple(cotangents or self.cotangents)))

    def same_shaped(self) -> Iterator[tuple[str, np.ndarray]]:
        """The inputs of the gradient's shape with their names, the argument itself first."""
        for name in sorted(self.inputs, key=lambda name: name != self.name):
            if self.inputs[name].shape == self.expected.shape:
                yield name, self.inputs[name]

    def values(self) -> Iterator[tuple[str, np.ndarray]]:
        """Cotangents, inputs and outputs with their names."""
        yield from (
            (_numbered("the cotangent", k, self.cotangents), x) for k, x in enumerate(self.cotangents)
        )
        yield from self.inputs.items()
        yield from ((_numbered("the output", k, self.outputs), x) for k, x in enumerate(self.outputs))


Hypothesis = Callable[[Sample], Diagnosis | None]


def diagnose(sample: Sample) -> Diagnosis | None:
    """The first hypothesis that explains all numbers, or None."""
    with np.errstate(all="ignore"):  # what overflows agrees with nothing
        if sample.got.shape != sample.expected.shape:
            return next(filter(None, (hypothesis(sample) for hypothesis in SHAPES)), None)
        if not sample.wrong.any():
            return None
        return next(filter(None, (hypothesis(sample) for hypothesis in HYPOTHESES)), None)


# ---- of another shape -------------------------------------------------------------------------------------


def not_summed(sample: Sample) -> Diagnosis | None:
    """Summed over some axes, it is the expected."""
    got, shape = sample.got, sample.shape
    if not sample.expected.any():
        return None
    for axes in _subsets(range(1, got.ndim)):
        for keep in (True, False):
            total = got.sum(axis=axes, keepdims=keep)
            if total.shape == (len(got), *shape) and _equal(sample, total):
                return Diagnosis(
                    Kind.NOT_SUMMED,
                    f"got has the shape {_list(got.shape[1:])} and becomes the expected when summed over "
                    f"{_axes(axes)}: {sample.name} is broadcast, its gradient is a sum",
                )
    return None


def cropped_or_extended(sample: Sample) -> Diagnosis | None:
    """One is the beginning of the other, or every s-th number of it."""
    got, expected = sample.got, sample.expected
    if got.ndim != expected.ndim:
        return None
    common = tuple(slice(0, min(a, b)) for a, b in zip(got.shape, expected.shape, strict=True))
    axes = _axes([a for a in range(1, got.ndim) if got.shape[a] != expected.shape[a]])
    if expected[common].size and _equal(sample, got[common], common):
        more = "more" if got.size > expected.size else "less"
        return Diagnosis(
            Kind.REMAINDER,
            f"got is right but has the shape {_list(got.shape[1:])}, {more} than expected along {axes}: "
            "the remainder that no window reaches has been dropped, or counted in",
        )
    for step in range(2, 5):
        picks = tuple(
            slice(None, None, step if g > e else 1) for g, e in zip(got.shape, expected.shape, strict=True)
        )
        if got[picks].shape == expected.shape and _equal(sample, got[picks]):
            return Diagnosis(
                Kind.STRIDE,
                f"the expected is every number {step} apart along {axes} of got: a stride is missing",
            )
    return None


def transposed_shape(sample: Sample) -> Diagnosis | None:
    """The expected with its axes in another order."""
    for order in itertools.permutations(range(1, sample.expected.ndim)):
        other = sample.expected.transpose(0, *order)
        if other.shape == sample.got.shape and _equal(
            sample, sample.got.transpose(0, *np.argsort(order) + 1)
        ):
            return Diagnosis(*_order(order))
    return None


# ---- not finite, nothing at all, or something else altogether ---------------------------------------------


def not_finite(sample: Sample) -> Diagnosis | None:
    """NaN or infinite wherever it is wrong."""
    if np.isfinite(sample.got[sample.wrong]).any():
        return None
    what = "NaN" if np.isnan(sample.got[sample.wrong]).all() else "NaN or infinite"
    for name, x in sample.same_shaped():
        seen = x[sample.wrong]
        if np.all(seen == 0):
            return Diagnosis(Kind.NAN, f"got is {what} where {name} is 0: a division by zero or 0·∞ there")
        if np.all(np.abs(seen) >= LARGE):
            return Diagnosis(
                Kind.NAN,
                f"got is {what} only where |{name}| ≥ {_number(np.abs(seen).min())}: an overflow, as of exp",
            )
    return Diagnosis(Kind.NAN, f"wherever got is wrong it is {what}: an overflow, or a division by zero")


def zero(sample: Sample) -> Diagnosis | None:
    """Nothing came."""
    if sample.got[sample.asked].any():
        return None
    return Diagnosis(Kind.ZERO, "got is zero everywhere: nothing flows back to this argument")


def cotangent_unchanged(sample: Sample) -> Diagnosis | None:
    """It is a cotangent."""
    for k, cotangent in enumerate(sample.cotangents):
        if cotangent.shape == sample.expected.shape and sample.agrees(cotangent, 0.0):
            name = _numbered("the cotangent", k, sample.cotangents)
            return Diagnosis(Kind.COTANGENT_UNCHANGED, f"got is {name} itself, passed through unchanged")
    return None


def another_gradient(sample: Sample) -> Diagnosis | None:
    """It is the gradient of another argument."""
    for name, gradient in sample.others.items():
        if gradient.shape == sample.expected.shape and sample.agrees(gradient):
            return Diagnosis(
                Kind.SWAPPED, f"got is the gradient of {name}: two gradients are returned in the wrong order"
            )
    return None


def stale(sample: Sample) -> Diagnosis | None:
    """It is the expected of the case before."""
    before = np.roll(sample.expected, 1, axis=0)
    here = np.arange(len(before)).reshape(-1, *[1] * len(sample.shape)) > 0
    if sample.agrees(before, np.roll(sample.slack, 1, axis=0), here):
        return Diagnosis(
            Kind.STALE, "got is what was expected in the case before: something is kept from an earlier call"
        )
    return None


# ---- multiples of the expected ----------------------------------------------------------------------------


def scaled(sample: Sample) -> Diagnosis | None:
    """One factor for all numbers."""
    big = np.argmax(np.abs(np.where(sample.asked, sample.expected, 0)))
    ratio = float(sample.got.flat[big] / sample.expected.flat[big]) if sample.expected.flat[big] else math.nan
    if not math.isfinite(ratio) or not sample.agrees(ratio * sample.expected, abs(ratio) * sample.slack):
        return None
    if math.isclose(ratio, -1, rel_tol=64 * sample.epsilon):
        return Diagnosis(Kind.SIGN, "got is the expected with the opposite sign, everywhere")
    seen = f"got is {_number(ratio)} times the expected, everywhere"
    sizes = _sizes(sample)
    for size, what in sizes.items():
        if math.isclose(abs(ratio), size, rel_tol=1e-5):
            return Diagnosis(Kind.SCALED, f"{seen}, and {size} is {what}: a mean's 1/N is missing")
        if math.isclose(abs(ratio), 1 / size, rel_tol=1e-5):
            return Diagnosis(Kind.SCALED, f"{seen}, and {size} is {what}: divided by it once too often")
    if ratio in (2, 0.5):
        return Diagnosis(Kind.SCALED, f"{seen}: the 2 of a square's derivative, forgotten")
    for size, what in sizes.items():
        if math.isclose(abs(ratio), math.sqrt(size), rel_tol=1e-5):
            return Diagnosis(Kind.SCALED, f"{seen}, the root of {size}, {what}: 1/√N is missing")
        if math.isclose(abs(ratio), 1 / math.sqrt(size), rel_tol=1e-5):
            return Diagnosis(Kind.SCALED, f"{seen}, 1 over the root of {size}, {what}: 1/√N once too often")
    return Diagnosis(Kind.SCALED, seen)


def absolute(sample: Sample) -> Diagnosis | None:
    """The sign is lost."""
    for sign in (1, -1):
        if sample.agrees(sign * np.abs(sample.expected)):
            return Diagnosis(Kind.SIGN, "got is the expected without its sign, everywhere")
    return None


def clipped(sample: Sample) -> Diagnosis | None:
    """The expected, held between two bounds that are met again and again."""
    asked = np.where(sample.asked, sample.got, 0)
    low, high = float(asked.min()), float(asked.max())
    if np.sum(sample.wrong) >= 8 and sample.agrees(np.clip(sample.expected, low, high)):
        bounds = f"[{_number(low)}, {_number(high)}]"
        return Diagnosis(Kind.CLIPPED, f"got is the expected clipped to {bounds}")
    return None


_FACTORS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "{}": lambda T: T,
    "{}²": lambda T: T * T,
    "|{}|": np.abs,
    "the sign of {}": np.sign,
    "1 − {}": lambda T: 1 - T,
    "1 + {}": lambda T: 1 + T,
}


def factor(sample: Sample) -> Diagnosis | None:
    """A factor made of one cotangent, input or output is missing, or there once too often."""
    names = dict(sample.values())
    cotangents = [_numbered("the cotangent", k, sample.cotangents) for k in range(len(sample.cotangents))]
    for (name, T), (text, made) in itertools.product(names.items(), _FACTORS.items()):
        for aligned in _aligned(T, sample.expected.ndim):
            if not _broadcasts(aligned.shape, sample.expected.shape):
                continue
            F = np.broadcast_to(made(aligned), sample.expected.shape)
            said = text.format(name)
            # 1 ∓ T cancels; where too little of it is left, the expected must be as small
            blur = sample.epsilon * (1 + np.abs(aligned)) if text.startswith("1") else 0 * aligned
            sure = np.abs(F) > 1e4 * blur
            with np.errstate(divide="ignore", invalid="ignore"):
                quotient = np.where(sure, sample.expected / F, sample.got)
                slack = np.where(sure, (sample.slack + np.abs(quotient) * blur) / np.abs(F), 0)
            vanishes = np.abs(sample.expected) <= sample.slack + 1e5 * blur * np.abs(sample.got)
            if np.all(vanishes | sure | ~sample.asked) and sample.agrees(quotient, slack) and sure.any():
                if name in cotangents and text == "{}":
                    return Diagnosis(
                        Kind.COTANGENT_IGNORED, f"got times {name} is the expected: {name} is not used"
                    )
                return Diagnosis(Kind.FACTOR, f"got times ({said}) is the expected: that factor is missing")
            if sample.agrees(sample.expected * F, sample.slack * np.abs(F)):
                return Diagnosis(
                    Kind.FACTOR, f"got is the expected times ({said}): that factor is there once too often"
                )
    return None


def factor_along(sample: Sample) -> Diagnosis | None:
    """A factor of its own for each case, example, channel or position."""
    rank = sample.expected.ndim
    groups = {
        "each position, the same in all cases": (0,),
        "each case": tuple(range(1, rank)),
        **{
            f"the case and the index along {_axes([a])}": tuple(b for b in range(1, rank) if b != a)
            for a in range(1, rank)
        },
    }
    for what, axes in groups.items():
        mass = np.where(sample.asked, np.abs(sample.expected), 0)
        total = np.sum(mass * mass, axis=axes, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            product = np.where(sample.asked, sample.got * sample.expected, 0)
            ratio = np.where(total > 0, np.sum(product, axis=axes, keepdims=True) / total, 0)
        spare = np.sum(mass > 0) - np.sum(total > 0)  # numbers beyond those that fix the factors
        if spare >= max(20, np.sum(total > 0) / 2) and sample.agrees(
            ratio * sample.expected, np.abs(ratio) * sample.slack
        ):
            seen = ", ".join(_number(r) for r in np.unique(np.round(ratio[total > 0], 6))[:4])
            return Diagnosis(
                Kind.FACTOR, f"got is the expected times a factor that depends on {what} alone ({seen}, …)"
            )
    return None


# ---- numbers in other places ------------------------------------------------------------------------------


def reversed_axes(sample: Sample) -> Diagnosis | None:
    """The expected, or what the reference gives for an input, with axes reversed."""
    for axes in _subsets(_long(sample.shape)):
        if sample.moved(functools.partial(np.flip, axis=axes)):
            return Diagnosis(
                _reversal(axes),
                f"got is the expected reversed along {_axes(axes)}: it is rotated, or the kernel is",
            )
    for name, x in sample.inputs.items():
        for axes in _subsets(_long(x.shape[1:])):
            if sample.would_be({name: np.flip(x, axes)}):
                return Diagnosis(
                    _reversal(axes),
                    f"got is what would be expected for {name} reversed along {_axes(axes)}: {name} is "
                    "rotated once too often, or not at all",
                )
    return None


def reordered_axes(sample: Sample) -> Diagnosis | None:
    """The expected, or what the reference gives for an input, with axes in another order."""
    expected = sample.expected
    for order in _orders(expected.ndim - 1):
        turned = functools.partial(np.transpose, axes=(0, *order))
        kind, sentence = _order(order)
        if turned(expected).shape == expected.shape and sample.moved(turned):
            return Diagnosis(kind, sentence)
        if sample.agrees(*(turned(X).reshape(X.shape) for X in (expected, sample.slack))):
            why = "a reshape stands where a transpose belongs"
            return Diagnosis(kind, f"{sentence}, then reshaped: {why}")
    for name, x in sample.inputs.items():
        for order in _orders(x.ndim - 1):
            other = x.transpose(0, *order)
            if other.shape == x.shape and sample.would_be({name: other}):
                return Diagnosis(
                    _order(order)[0],
                    f"got is what would be expected for {name} with its axes ordered "
                    f"{_list([o - 1 for o in order])}",
                )
    return None


def shifted(sample: Sample) -> Diagnosis | None:
    """The expected a few steps further along one or two axes; what enters at the edge is free."""
    longs = _long(sample.shape)
    moves = [
        dict(zip(axes, steps, strict=True))
        for count in (1, 2)
        for axes in itertools.combinations(longs, count)
        for steps in itertools.product((1, -1, 2, -2, 3, -3), repeat=count)
        if all(2 * abs(step) <= sample.expected.shape[a] for a, step in zip(axes, steps, strict=True))
    ]
    for move in moves:
        inner = np.ones(sample.expected.shape, bool)
        for a, step in move.items():
            index = np.arange(sample.expected.shape[a]).reshape(-1, *[1] * (sample.expected.ndim - 1 - a))
            inner &= (index >= step) & (index < sample.expected.shape[a] + step)
        steps, axes = tuple(move.values()), tuple(move)
        if not np.any(sample.wrong & inner):
            continue
        if sample.agrees(
            np.roll(sample.expected, steps, axes), np.roll(sample.slack, steps, axes), where=inner
        ):
            where = " and ".join(f"{step:+d} along {_axes([a])}" for a, step in move.items())
            return Diagnosis(
                Kind.SHIFTED, f"got is the expected shifted by {where}: padding or an index is off"
            )
    return None


def misplaced(sample: Sample) -> Diagnosis | None:
    """Every number of it is some number of the expected, from the same other place in all cases."""
    size = math.prod(sample.shape)
    if not 1 < size <= PAIRS or not sample.asked.all():
        return None
    got, expected = sample.got.reshape(-1, size), sample.expected.reshape(-1, size)
    slack = sample.slack.reshape(-1, size)
    source = []
    for k in range(size):
        room = 4 * (slack + 32 * sample.epsilon * np.abs(expected))
        same = np.all(np.abs(got[:, [k]] - expected) <= room, axis=0)
        if not same.any() or (expected[:, k].any() and not got[:, k].any()):  # that one is missing
            return None
        source.append(k if same[k] else int(np.argmax(same)))
    moved = [k for k in range(size) if source[k] != k and expected[:, source[k]].any()]
    if not moved:
        return None
    to, origin = (_list(np.unravel_index(p, sample.shape)) for p in (moved[0], source[moved[0]]))
    return Diagnosis(
        Kind.MISPLACED,
        f"every number of got is one of the expected, {len(moved)} of {size} from another place "
        f"(at {to} the one of {origin}): an index is computed wrongly",
    )


# ---- another cotangent, other inputs ----------------------------------------------------------------------


def cotangent_replaced(sample: Sample) -> Diagnosis | None:
    """What the reference gives for cotangents of ones, of zeros or exchanged."""
    cotangents = list(sample.cotangents)
    for k, cotangent in enumerate(cotangents):
        name = _numbered("the cotangent", k, cotangents)
        for value, text in ((1.0, "ones"), (0.0, "zeros")):
            other = [*cotangents[:k], np.full_like(cotangent, value), *cotangents[k + 1 :]]
            if sample.would_be(cotangents=other):
                return Diagnosis(
                    Kind.COTANGENT_IGNORED,
                    f"got is what would be expected if {name} were all {text}: it is not used",
                )
    for j, k in itertools.combinations(range(len(cotangents)), 2):
        if cotangents[j].shape == cotangents[k].shape:
            other = list(cotangents)
            other[j], other[k] = other[k], other[j]
            if sample.would_be(cotangents=other):
                return Diagnosis(
                    Kind.WRONG_COTANGENT,
                    f"got is what would be expected with cotangents {j} and {k} exchanged",
                )
    return None


def input_replaced(sample: Sample) -> Diagnosis | None:
    """What the reference gives if one input were ones, zeros, negated, or exchanged with another."""
    for name, x in sample.inputs.items():
        for value, kind, text in (
            (np.ones_like(x), Kind.FACTOR, "all ones: a factor of it is missing"),
            (np.zeros_like(x), Kind.MISSING_TERM, "all zeros: what it adds is missing"),
            (-x, Kind.SIGN, "negated: it enters with the wrong sign"),
        ):
            if sample.would_be({name: value}):
                return Diagnosis(kind, f"got is what would be expected if {name} were {text}")
    for (a, x), (b, y) in itertools.combinations(sample.inputs.items(), 2):
        if x.shape == y.shape and sample.would_be({a: y, b: x}):
            return Diagnosis(Kind.SWAPPED, f"got is what would be expected with {a} and {b} exchanged")
    return None


def part_of_the_cotangent(sample: Sample) -> Diagnosis | None:
    """The sum runs over a part of the cotangent only, or over a part of it twice."""
    if sample.reference is None:
        return None
    for k, cotangent in enumerate(sample.cotangents):
        name = _numbered("the cotangent", k, sample.cotangents)
        for axis in _long(cotangent.shape[1:]):
            index = np.arange(cotangent.shape[axis]).reshape(-1, *[1] * (cotangent.ndim - 1 - axis))
            last = cotangent.shape[axis] - 1
            kind = Kind.BATCH if axis == 1 and cotangent.ndim > 2 else Kind.REMAINDER
            for kept, text in (
                (index == 0, "only the first index"),
                (index == last, "only the last index"),
                (index < last, "all but the last index"),
                (index > 0, "all but the first index"),
            ):
                others = [np.zeros_like(c) for c in sample.cotangents]
                others[k] = np.where(kept, 0, cotangent)
                lost = sample.reference(dict(sample.inputs), tuple(others))
                if sample.agrees(sample.expected - lost):
                    return Diagnosis(kind, f"got is right if {text} along {_axes([axis])} of {name} counted")
                if np.sum(kept) == last and sample.agrees(sample.expected + lost):
                    return Diagnosis(
                        Kind.ACCUMULATED_TWICE,
                        f"got is the expected with a part of {name} counted twice, right for {text} "
                        f"along {_axes([axis])}",
                    )
    return None


def diagonal(sample: Sample) -> Diagnosis | None:
    """Each number has come from the cotangent's number at the same index alone."""
    if len(sample.cotangents) != 1 or sample.cotangents[0].shape != sample.expected.shape:
        return None
    pieces = _contributions(sample, None)
    if pieces is None:
        return None
    own = np.einsum("kck->ck", pieces.reshape(*pieces.shape[:2], -1)).reshape(sample.expected.shape)
    if sample.agrees(own):
        return Diagnosis(
            Kind.MISSING_TERM,
            "each number of got is what the cotangent's number at the same index contributes, and nothing of "
            "the others: a Jacobian is taken for diagonal",
        )
    return None


def not_accumulated(sample: Sample) -> Diagnosis | None:
    """Where several contributions overlap, it is one of them and not their sum."""
    if len(sample.cotangents) != 1:
        return None
    cotangent = sample.cotangents[0]
    pieces = _contributions(sample, None)
    if pieces is None:
        return None
    apart = pieces.reshape(*cotangent.shape[1:], *sample.expected.shape)
    for axes in [(), *_subsets(range(cotangent.ndim - 1))][:-1]:
        parts = apart.sum(axis=axes).reshape(-1, *sample.expected.shape)
        # which of them reach a position at all, seen over all cases; one that does may be zero by its values
        reach = np.any(parts != 0, axis=1, keepdims=True)
        if np.any(sample.wrong & ~(np.sum(reach, axis=0) > 1)):
            continue
        room = 4 * (sample.slack + 32 * sample.epsilon * np.abs(parts))
        one = np.any((np.abs(sample.got - parts) <= room) & reach, axis=0)
        if np.all(one | ~sample.wrong) and np.sum(sample.wrong & (sample.got != 0)) >= 8:
            summed = f" (each summed over {_axes([a + 1 for a in axes])})" if axes else ""
            return Diagnosis(
                Kind.NOT_ACCUMULATED,
                f"wrong only where several numbers of the cotangent contribute{summed}, and got is one "
                "contribution in place of their sum: = stands where += belongs",
            )
    return None


def slipped(sample: Sample) -> Diagnosis | None:
    """Each contribution of a cotangent or input lies a multiple of its index away from its place."""
    sources: list[tuple[str | None, np.ndarray]] = [*sample.inputs.items()]
    if len(sample.cotangents) == 1:
        sources.insert(0, (None, sample.cotangents[0]))
    for name, source in sources:
        if name == sample.name or (pieces := _contributions(sample, name)) is None:
            continue
        if not np.allclose(pieces.sum(axis=0), sample.expected):  # not linear in this input
            continue
        indices = list(np.ndindex(*source.shape[1:]))
        # axis a of the gradient belongs to axis a of the source, or to the next or last one
        for offset in (0, -1, 1):
            axes = [
                a
                for a in _long(sample.shape)
                if 1 <= a + offset < source.ndim and 1 < source.shape[a + offset] != sample.expected.shape[a]
            ][:2]
            for slips in itertools.product((0, -1, -2, -3, 1), repeat=len(axes)):
                if not any(slips):
                    continue
                total = np.zeros_like(sample.expected)
                for index, piece in zip(indices, pieces, strict=True):
                    steps = {
                        a: slip * index[a + offset - 1] for a, slip in zip(axes, slips, strict=True) if slip
                    }
                    total += _moved_by(piece, steps)
                if sample.agrees(total):
                    where = ", ".join(
                        f"{slip:+d} along {_axes([a])}" for a, slip in zip(axes, slips, strict=True) if slip
                    )
                    return Diagnosis(
                        Kind.STRIDE,
                        f"with each step of {name or 'the cotangent'}'s index its contribution slips by "
                        f"{where}: a stride or dilation is wrong",
                    )
    return None


# ---- where the inputs have certain values -----------------------------------------------------------------


def at_a_kink(sample: Sample) -> Diagnosis | None:
    """Wrong only where an input has one value, or one of two."""
    for name, x in sample.same_shaped():
        values = np.unique(x[sample.wrong] + 0.0)
        # a boundary value is rare among all numbers drawn, though one case may hold little else
        cases = np.sum(sample.wrong.reshape(len(x), -1).any(axis=1))
        rare = np.mean(np.isin(x, values)[sample.asked]) ** cases < CHANCE
        if len(values) <= 2 and (rare or _telling(sample, np.isin(x, values))):
            text = " or ".join(_number(v) for v in values)
            return Diagnosis(
                Kind.KINK,
                f"wrong only where {name} is exactly {text}: the derivative at a kink is another one there",
            )
    return None


def beyond_a_threshold(sample: Sample) -> Diagnosis | None:
    """Wrong exactly where an input lies in an interval."""
    for name, x in sample.same_shaped():
        seen = sample.asked.copy()
        for cotangent in sample.cotangents:
            if cotangent.shape == x.shape:
                seen &= cotangent != 0
        right = x[seen & ~sample.wrong]
        low, high = x[sample.wrong].min(), x[sample.wrong].max()
        below, above = right[right < low], right[right > high]
        if len(right) < 8 or len(below) + len(above) < len(right) or np.sum(sample.wrong) < 4:
            continue
        with np.errstate(invalid="ignore", divide="ignore"):
            ratios = sample.got[sample.wrong] / sample.expected[sample.wrong]
        ratio = np.median(ratios)
        told = f" (got is {_number(ratio)} times the expected there)" if np.allclose(ratios, ratio) else ""
        if len(below) and len(above):
            where = f"{_number(below.max())} < {name} < {_number(above.min())}"
            return Diagnosis(
                Kind.THRESHOLD,
                f"wrong exactly where {where}{told}: a threshold or mask lies at another value",
            )
        side, edge = (">", below.max()) if len(below) else ("<", above.min())
        outward = edge if side == ">" else -edge
        if outward <= -LARGE:  # wrong all but where it saturates
            continue
        if outward >= LARGE:
            return Diagnosis(
                Kind.SATURATION, f"wrong exactly where {name} {side} {_number(edge)}{told}: saturation"
            )
        kind = Kind.SIGN if told and math.isclose(ratio, -1) else Kind.BRANCH
        return Diagnosis(
            kind, f"wrong exactly where {name} {side} {_number(edge)}{told}: that branch's formula is wrong"
        )
    return None


def at_ties(sample: Sample) -> Diagnosis | None:
    """Wrong only where another number of the input, not far away, is the same."""
    for name, x in sample.same_shaped():
        if not 1 < math.prod(sample.shape) <= PAIRS:
            continue
        ties = _ties(x)
        if np.any(sample.wrong & ~functools.reduce(np.logical_or, ties.values())):
            continue
        for reach in sorted(
            itertools.product(*map(range, sample.shape)), key=lambda r: (math.prod(np.add(r, 1)), r)
        ):
            within = [
                t for apart, t in ties.items() if all(a <= r for a, r in zip(apart, reach, strict=True))
            ]
            if not within:
                continue
            tied = functools.reduce(np.logical_or, within)
            if not np.any(sample.wrong & ~tied):
                if not _telling(sample, tied):
                    break
                axes = tuple(range(1, x.ndim))
                got, expected = (
                    np.sum(np.where(sample.asked, g, 0), axes) for g in (sample.got, sample.expected)
                )
                kept = np.allclose(got, expected)
                rule = (
                    "another of the tied ones is credited, or several share"
                    if kept
                    else "each tied one is credited"
                )
                return Diagnosis(
                    Kind.TIES,
                    f"wrong only where {name} has equal numbers at most {_list(reach)} apart: the tie rule "
                    f"differs ({rule})",
                )
    return None


def at_saturation(sample: Sample) -> Diagnosis | None:
    """Zero, or not finite, where an input or its spread along the last axis is large, and right elsewhere."""
    came = sample.got[sample.wrong]
    if np.any(np.isfinite(came) & (np.abs(came) > np.abs(sample.expected[sample.wrong]))):
        return None
    for name, x in sample.same_shaped():
        spread = np.max(x, axis=-1, keepdims=True) - np.min(x, axis=-1, keepdims=True)
        for what, size in ((f"|{name}|", np.abs(x)), (f"{name}'s spread along the last axis", spread)):
            size = np.broadcast_to(size, x.shape)
            edge = float(size[sample.wrong].min())
            inside = np.mean(size[sample.asked] >= edge)
            cases = np.sum(sample.wrong.any(axis=tuple(range(1, x.ndim))))
            if edge >= LARGE and inside**cases < CHANCE:
                return Diagnosis(
                    Kind.SATURATION,
                    f"wrong, and too small, only where {what} ≥ {_number(edge)}: clipped or underflown",
                )
    return None


# ---- at certain positions ---------------------------------------------------------------------------------


def at_the_edge(sample: Sample) -> Diagnosis | None:
    """The positions that are right form a box."""
    right, wrong = sample.live & ~sample.ever, sample.ever
    if not right.any():
        return None
    box = [(int(k.min()), int(k.max()) + 1) for k in np.nonzero(right)]
    # rows where nothing but zeros was seen belong to neither side
    inner = np.zeros(sample.shape, bool)
    inner[tuple(slice(*bounds) for bounds in box)] = True
    if np.any(wrong & inner):
        return None
    cut = [
        (a, low, n - high)
        for a, ((low, high), n) in enumerate(zip(box, sample.shape, strict=True))
        if (low, high) != (0, n)
    ]
    if len(cut) == 1 and cut[0][0] == 0 and len(sample.shape) > 1 and box[0][1] - box[0][0] == 1:
        return Diagnosis(
            Kind.BATCH,
            f"right only at index {box[0][0]} of axis 0 of {sample.shape[0]}: only that example is handled",
        )
    if any(2 * max(low, high) >= sample.shape[a] for a, low, high in cut):
        return None
    outside = sample.live & ~inner
    if not outside.any() or np.any(outside & ~wrong) or _few(sample):
        return None
    ends = [
        (a, end, count) for a, low, high in cut for end, count in (("first", low), ("last", high)) if count
    ]
    said = " and ".join(f"the {end} {count if count > 1 else 'index'} of axis {a}" for a, end, count in ends)
    kind = Kind.BORDER if any(low for _, low, _ in cut) else Kind.REMAINDER
    return Diagnosis(kind, f"wrong only at {said}: the border (padding) or a remainder is handled wrongly")


def at_every_other(sample: Sample) -> Diagnosis | None:
    """Right only at every s-th position along an axis."""
    for axis in range(len(sample.shape)):
        index = np.arange(sample.shape[axis]).reshape(-1, *[1] * (len(sample.shape) - 1 - axis))
        for step, start in ((s, r) for s in (2, 3, 4) for r in range(s) if sample.shape[axis] >= 2 * s):
            on = np.broadcast_to(index % step == start, sample.shape)
            for hit in (on, ~on):
                if (
                    np.array_equal(sample.ever, hit & sample.live)
                    and np.any(sample.live & ~hit)
                    and not _few(sample)
                ):
                    return Diagnosis(
                        Kind.STRIDE,
                        f"wrong only where the index along axis {axis} modulo {step} is "
                        f"{'' if hit is on else 'not '}{start}: a stride is handled wrongly",
                    )
    return None


# ---- a difference with a form of its own ------------------------------------------------------------------


def narrower(sample: Sample) -> Diagnosis | None:
    """Close, and of fewer bits."""
    got, expected = sample.got[sample.asked], sample.expected[sample.asked]
    for name, bits in (("bfloat16", 8), ("float16", 11), ("float32", 24)):
        close = np.abs(sample.got - sample.expected) <= 2.0 ** (4 - bits) * _case_scale(sample)
        few, many = (np.ldexp(np.frexp(v)[0], bits) for v in (got, expected))
        if np.all(close | ~sample.asked) and np.all(few == np.rint(few)) and np.any(many != np.rint(many)):
            return Diagnosis(Kind.DTYPE, f"got is close, but its numbers have the {bits} bits of {name}")
    return None


def term(sample: Sample) -> Diagnosis | None:
    """The difference is c, or c·T + d for an input, output or cotangent T; c, d constant along axes."""
    if not np.isfinite(sample.got[sample.asked]).all() or not sample.asked.all():
        return None
    difference = sample.got - sample.expected
    rank = sample.expected.ndim
    everywhere = tuple(range(rank))
    spans = [
        everywhere,
        *([(a,) for a in range(1, rank)]),
        *(s for s in _subsets(range(1, rank)) if len(s) > 1),
    ]
    ones = np.ones_like(difference)
    forms: list[tuple[str, str, list[np.ndarray]]] = [("d", "d", [ones])]
    for name, T in sample.values():
        if T.shape == sample.expected.shape:
            forms += [(f"c·{name}", "c", [T]), (f"c·{name} + d", "c and d", [ones, T])]
    for (text, constants, parts), axes in itertools.product(forms, spans):
        count = math.prod(sample.expected.shape[a] for a in axes)
        if (count - len(parts)) * difference.size // count < 20 or count < 2 * len(parts):
            continue
        fit, condition = _fit(difference, parts, axes)
        size = np.max(np.abs(sample.expected) + np.abs(sample.got), axes, keepdims=True)
        room = 4 * np.max(sample.slack, axes, keepdims=True) + 256 * sample.epsilon * condition * size
        if not np.all(np.abs(difference - fit) <= room):
            continue
        if text == "d" and axes == everywhere:
            seen = _number(difference.flat[0])
            return Diagnosis(Kind.OFFSET, f"got is the expected plus {seen} everywhere: a constant is added")
        along = "everywhere" if axes == everywhere else f"along {_axes(axes)}"
        why = "a mean or sum over it" if text == "d" else "a term"
        return Diagnosis(
            Kind.MISSING_TERM,
            f"got minus expected is {text}, with the same {constants} "
            f"{along}: {why} is left out or there too often",
        )
    return None


SHAPES: tuple[Hypothesis, ...] = (not_summed, transposed_shape, cropped_or_extended)

# The most specific first.
HYPOTHESES: tuple[Hypothesis, ...] = (
    not_finite,
    zero,
    scaled,
    cotangent_unchanged,
    another_gradient,
    absolute,
    at_a_kink,
    beyond_a_threshold,
    reversed_axes,
    reordered_axes,
    shifted,
    misplaced,
    cotangent_replaced,
    input_replaced,
    factor,
    part_of_the_cotangent,
    diagonal,
    not_accumulated,
    slipped,
    stale,
    clipped,
    narrower,
    at_ties,
    at_the_edge,
    at_every_other,
    at_saturation,
    factor_along,
    term,
)


# ---- what they share --------------------------------------------------------------------------------------


def _equal(sample: Sample, got: np.ndarray, at: tuple[slice, ...] = ()) -> bool:
    """Whether numbers brought into the expected's shape are the expected."""
    room = 4 * (sample.slack[at] + 32 * sample.epsilon * np.abs(sample.expected[at]))
    return bool(np.all((np.abs(got - sample.expected[at]) <= room) | ~sample.asked[at]))


def _telling(sample: Sample, subset: np.ndarray) -> bool:
    """Whether all wrong numbers lie in the subset, and hardly by accident.

    Were they anywhere among the numbers of their case, each would lie in it with the subset's share of the
    case. Numbers of one case depend on each other: three of them count, at the most.
    """
    if np.any(sample.wrong & ~subset):
        return False
    axes = tuple(range(1, subset.ndim))
    share = np.sum(subset & sample.asked, axes) / np.maximum(np.sum(sample.asked, axes), 1)
    return float(np.prod(share ** np.minimum(np.sum(sample.wrong, axes), 3))) < CHANCE


def _few(sample: Sample) -> bool:
    """Whether too few cases are wrong to speak of positions."""
    return bool(np.sum(sample.wrong.reshape(len(sample.wrong), -1).any(axis=1)) < 4)


def _contributions(sample: Sample, name: str | None) -> np.ndarray | None:
    """(numbers, cases, *shape): the reference for each number of an input, or of the cotangent, alone."""
    source = sample.cotangents[0] if name is None else sample.inputs[name]
    size = math.prod(source.shape[1:])
    if sample.reference is None or not 1 < size <= CONTRIBUTIONS:
        return None
    pieces = []
    for k in range(size):
        only = np.arange(size).reshape(source.shape[1:]) == k
        alone = np.where(only, source, 0.0)
        inputs = dict(sample.inputs) if name is None else {**sample.inputs, name: alone}
        pieces.append(sample.reference(inputs, (alone,) if name is None else tuple(sample.cotangents)))
    return np.stack(pieces)


def _moved_by(X: np.ndarray, steps: dict[int, int]) -> np.ndarray:
    """X shifted, with zeros entering and what leaves lost."""
    result = np.zeros_like(X)
    to, origin = [slice(None)] * X.ndim, [slice(None)] * X.ndim
    for a, step in steps.items():
        n = X.shape[a]
        to[a] = slice(min(max(step, 0), n), max(min(n + step, n), 0))
        origin[a] = slice(min(max(-step, 0), n), max(min(n - step, n), 0))
    result[tuple(to)] = X[tuple(origin)]
    return result


def _ties(x: np.ndarray) -> dict[tuple[int, ...], np.ndarray]:
    """Distance along each axis → where x has an equal that far away."""
    ties: dict[tuple[int, ...], np.ndarray] = {}
    for offset in itertools.product(*(range(1 - n, n) for n in x.shape[1:])):
        if any(offset):
            here = [slice(max(-o, 0), n - max(o, 0)) for o, n in zip(offset, x.shape[1:], strict=True)]
            there = [slice(max(o, 0), n - max(-o, 0)) for o, n in zip(offset, x.shape[1:], strict=True)]
            apart = tuple(map(abs, offset))
            mask = ties.setdefault(apart, np.zeros(x.shape, bool))
            mask[(slice(None), *here)] |= x[(slice(None), *here)] == x[(slice(None), *there)]
    return ties


def _fit(
    difference: np.ndarray, parts: Sequence[np.ndarray], axes: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """The best Σ_k c_k·parts[k] with c_k constant along the axes, and how much rounding grows in it."""
    fit, condition = np.zeros_like(difference), np.ones_like(difference)
    basis: list[np.ndarray] = []
    for part in parts:
        size = np.max(np.abs(part), axes, keepdims=True)
        rest = part / np.where(size > 0, size, 1)
        for other in basis:
            rest = rest - np.sum(rest * other, axes, keepdims=True) * other
        left = np.sqrt(np.sum(rest * rest, axes, keepdims=True))
        basis.append(rest / np.where(left > 0, left, 1))
        condition = condition / np.where(left > 0, np.minimum(left, 1), 1)
        fit = fit + np.sum(difference * basis[-1], axes, keepdims=True) * basis[-1]
    return fit, condition


def _sizes(sample: Sample) -> dict[int, str]:
    """Sizes in play that could be the N of a mean: of single axes, then of products of axes."""
    sizes: dict[int, str] = {}
    for wanted in (1, 2, 3):
        for name, array in sample.values():
            shape = array.shape[1:]
            for axes in itertools.combinations(range(len(shape)), wanted):
                size = math.prod(shape[a] for a in axes)
                text = (
                    f"the size of axis {axes[0]}"
                    if wanted == 1
                    else f"the size of axes {_list(axes)} together"
                )
                if size > 1:
                    sizes.setdefault(size, f"{text} of {name}")
    return sizes


def _case_scale(sample: Sample) -> np.ndarray:
    """The largest number expected in each case."""
    axes = tuple(range(1, sample.expected.ndim))
    return np.max(np.where(sample.asked, np.abs(sample.expected), 0), axes, keepdims=True)


def _aligned(T: np.ndarray, rank: int) -> Iterator[np.ndarray]:
    """T with axes of size 1 put behind, then before its own (but the cases), up to that rank."""
    missing = rank - T.ndim
    if missing >= 0:
        yield T.reshape(*T.shape, *[1] * missing)
    if missing > 0:
        yield T.reshape(len(T), *[1] * missing, *T.shape[1:])


def _broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    return all(n in (1, m) for n, m in zip(shape, to, strict=True))


def _long(shape: Sequence[int]) -> list[int]:
    """The axes, counted with the cases as axis 0, along which there is more than one number."""
    return [a for a, n in enumerate(shape, start=1) if n > 1]


def _subsets(axes: Sequence[int]) -> Iterator[tuple[int, ...]]:
    for count in range(1, len(axes) + 1):
        yield from itertools.combinations(axes, count)


def _orders(rank: int) -> Iterator[tuple[int, ...]]:
    """Every other order of the axes 1 … rank, those that exchange the fewest first."""
    orders = itertools.permutations(range(1, rank + 1))
    return iter(sorted(orders, key=lambda order: sum(o != k for k, o in enumerate(order, start=1)))[1:])


def _reversal(axes: tuple[int, ...]) -> Kind:
    return Kind.ROTATED if len(axes) > 1 else Kind.FLIPPED


def _order(order: tuple[int, ...]) -> tuple[Kind, str]:
    exchanged = sum(o != k for k, o in enumerate(order, start=1))
    kind = Kind.TRANSPOSED if exchanged == 2 else Kind.PERMUTED
    return kind, f"got is the expected with its axes ordered {_list([o - 1 for o in order])}"


def _axes(axes: Sequence[int]) -> str:
    """In words, counted without the cases."""
    numbers = [str(a - 1) for a in axes]
    return f"axis {numbers[0]}" if len(numbers) == 1 else f"axes {' and '.join(numbers)}"


def _numbered(what: str, k: int, several: Sequence[np.ndarray]) -> str:
    return what if len(several) == 1 else f"{what} {k}"


def _list(numbers: Sequence[Any]) -> str:
    return str([int(n) for n in numbers])


def _number(value: float) -> str:
    return f"{float(value):.7g}"
