"""What a diagnosis is made from, and what it is: samples, kinds, sentences."""

import enum
import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from jaxcnn.check.diagnosis.words import numbered

# (inputs, cotangents) → expected
Ask = Callable[[dict[str, np.ndarray], tuple[np.ndarray, ...]], np.ndarray]

# From here on, exp saturates or overflows in some dtype.
LARGE = 10.0
# What costs an evaluation of the reference for each number of an array stops at so many numbers, …
CONTRIBUTIONS = 256
# … or where all that comes of it are more than these; …
CONTRIBUTED = 4_000_000
# … and so many cases are asked for in one evaluation.
ASKED = 512
# What compares all pairs of numbers, here.
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
    reference: Ask | None = None

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

    @functools.cached_property
    def most_wrong(self) -> int:
        """The case with the most wrong numbers."""
        return int(np.argmax(self.wrong.reshape(len(self.wrong), -1).sum(axis=1)))

    @functools.cached_property
    def worst(self) -> "Sample":
        """That case alone: what does not explain it explains nothing, and is found out at little cost."""
        one = slice(self.most_wrong, self.most_wrong + 1)
        return Sample(
            self.name,
            self.got[one],
            self.expected[one],
            {name: x[one] for name, x in self.inputs.items()},
            [x[one] for x in self.cotangents],
            tolerance=self.slack[one],
            epsilon=self.epsilon,
            compared=self.asked[one],
        )

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

    def contributions(self, name: str | None) -> np.ndarray | None:
        """The reference for each number of an input, or of the only cotangent (None), alone.

        Returns:
            (numbers, cases, *shape); None if that is more than `CONTRIBUTIONS` or `CONTRIBUTED` allow.
        """
        source = self.cotangents[0] if name is None else self.inputs[name]
        size = math.prod(source.shape[1:])
        if self.reference is None or not 1 < size <= CONTRIBUTIONS or size * self.expected.size > CONTRIBUTED:
            return None
        if name not in self._contributions:
            together = max(1, ASKED // len(source))
            pieces = [
                self._alone(self.reference, name, source, k)
                for k in np.split(np.arange(size), range(together, size, together))
            ]
            self._contributions[name] = np.concatenate(pieces)
        return self._contributions[name]

    def _alone(self, ask: Ask, name: str | None, source: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """The reference with each of the chosen numbers alone: all of their cases in one call."""

        def again(array):
            return np.concatenate([array] * len(chosen))

        numbers = np.arange(math.prod(source.shape[1:])).reshape(source.shape[1:])
        alone = np.concatenate([np.where(numbers == k, source, 0.0) for k in chosen])
        inputs = {key: alone if key == name else again(x) for key, x in self.inputs.items()}
        cotangents = (alone,) if name is None else tuple(map(again, self.cotangents))
        return ask(inputs, cotangents).reshape(len(chosen), *self.expected.shape)

    @functools.cached_property
    def _contributions(self) -> dict[str | None, np.ndarray]:
        return {}

    def same_shaped(self) -> Iterator[tuple[str, np.ndarray]]:
        """The inputs of the gradient's shape with their names, the argument itself first."""
        for name in sorted(self.inputs, key=lambda name: name != self.name):
            if self.inputs[name].shape == self.expected.shape:
                yield name, self.inputs[name]

    def values(self) -> Iterator[tuple[str, np.ndarray]]:
        """Cotangents, inputs and outputs with their names."""
        yield from ((numbered("the cotangent", k, self.cotangents), x) for k, x in enumerate(self.cotangents))
        yield from self.inputs.items()
        yield from ((numbered("the output", k, self.outputs), x) for k, x in enumerate(self.outputs))
