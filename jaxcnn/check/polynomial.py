"""Is a program a polynomial in its inputs, evaluated without rounding? Read off its jaxpr.

Where it is, integer inputs give integer multiples of a power of two all the way, two such programs must agree
bit for bit, and agreement at random points bounds the chance that they differ: `schwartz_zippel`.

What does not depend on the inputs is evaluated; the rest is followed as bounds (`jaxcnn.check.degrees`), one
primitive at a time (`jaxcnn.check.primitives`). Calls are entered and loops of known length unrolled. The
answer errs on one side only: a degree or size may come out too large, and what is not understood is inexact.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core
from jax.typing import ArrayLike

from jaxcnn.check import host
from jaxcnn.check.branches import THRESHOLDS
from jaxcnn.check.degrees import Kind, Value, chosen, constant, inexact, join, mantissa_bits
from jaxcnn.check.jaxprs import CALLS, run_call, scan_parts
from jaxcnn.check.jaxprs import run as run_jaxpr
from jaxcnn.check.primitives import Step, result

_LITERALS_AT_ONCE = 16  # an array of more different numbers is data
_UNROLLED = 512


@dataclass(frozen=True)
class Output:
    """What is known of one output.

    Attributes:
        kind: polynomial, piecewise or inexact.
        reason: the first step that made it piecewise or inexact; empty for a polynomial.
        degrees: of a polynomial, its degree in each input; empty for the other kinds.
        degree: of a polynomial, its degree in all inputs together; None for the other kinds.
        largest: no finite element is larger in size, for the inputs allowed; infinity where inexact.
    """

    kind: Kind
    reason: str
    degrees: tuple[int, ...]
    degree: int | None
    largest: float


@dataclass(frozen=True)
class Analysis:
    """What is known of a function.

    Attributes:
        outputs: one entry an output.
        live: the positions of the inputs that vary, those that are not integers, truth values or keys.
        literals: the constants of its own that it adds to, compares with or puts in place of something that
            depends on the inputs, such as 6 in relu6; sorted. Values are worth aiming at and around them.
        narrows: whether something on the way is rounded to a dtype narrower than every varying input's: it
            may be exact on integers and nowhere else.
    """

    outputs: tuple[Output, ...]
    live: tuple[int, ...]
    literals: tuple[float, ...]
    narrows: bool = False

    @property
    def kind(self) -> Kind:
        """The worst of the outputs."""
        return max((output.kind for output in self.outputs), default=Kind.POLYNOMIAL)

    @property
    def reason(self) -> str:
        """Why the first of the worst outputs is what it is."""
        return next((output.reason for output in self.outputs if output.kind is self.kind), "")

    @property
    def degree(self) -> int | None:
        """The largest degree of any output; None unless all are polynomials."""
        if self.kind is not Kind.POLYNOMIAL:
            return None
        return max((output.degree or 0 for output in self.outputs), default=0)

    @property
    def linear_in(self) -> frozenset[int]:
        """The inputs in which every output is a polynomial of degree 1 or 0.

        In each of them, the others held, the function is determined by its values at 0 and at the basis
        vectors; in all of them together, by its values where each of them is 0 or a basis vector.
        """
        if self.kind is not Kind.POLYNOMIAL:
            return frozenset()
        return frozenset(k for k in self.live if all(output.degrees[k] <= 1 for output in self.outputs))


def analyse(function: Callable[..., Any], *inputs: ArrayLike, magnitude: int = 4) -> Analysis:
    """Whether `function` is a polynomial of its inputs, computed without rounding on integers.

    Args:
        function: takes the inputs, returns a flat tuple of arrays. It is traced, not run.
        inputs: arrays. The floating-point ones vary, and only their shapes and dtypes count (a
            `jax.ShapeDtypeStruct` will do); the others are constants with the values they have.
        magnitude: the varying inputs hold integers of at most this size. If the sums grow too large for
            the dtype, a smaller one may do.

    Returns:
        An Analysis; a list of degrees has one entry for every input, 0 for the constant ones.

    Raises:
        ValueError: if magnitude is not positive.

    >>> found = analyse(lambda A, W: (A @ W, A + 1), jnp.zeros((2, 3)), jnp.zeros((3, 2)))
    >>> found.kind.name, found.degree, [output.degrees for output in found.outputs]
    ('POLYNOMIAL', 2, [(1, 1), (1, 0)])
    >>> analyse(lambda x: (jnp.exp(x),), jnp.zeros(3)).reason
    'exp'
    """
    if magnitude < 1:
        raise ValueError(f"analyse: magnitude is {magnitude}; expected a positive integer")
    return followed(jax.make_jaxpr(function)(*inputs), inputs, magnitude)


def followed(program: core.ClosedJaxpr, inputs: Sequence[ArrayLike], magnitude: int) -> Analysis:
    """The same of a function that is traced already."""
    live = tuple(k for k, x in enumerate(inputs) if jnp.issubdtype(jnp.result_type(x), jnp.inexact))
    operands = [_variable(k, inputs, magnitude) if k in live else x for k, x in enumerate(inputs)]
    dtypes = [jnp.result_type(inputs[k]) for k in live]
    bits = [mantissa_bits(dtype) for dtype in dtypes if jnp.issubdtype(dtype, jnp.floating)]
    walk = _Walk(len(inputs), min(bits, default=0))
    results = [walk.bounds(value) for value in walk.run(program.jaxpr, program.consts, operands)]
    return Analysis(tuple(map(_output, results)), live, tuple(sorted(walk.literals)), walk.narrows)


def schwartz_zippel(degree: int, set_size: int, points: int) -> float:
    """The chance that two different polynomials agree at all of some random points: at most (d/|S|)^k.

    A polynomial of total degree d that is not identically zero vanishes with probability at most d/|S| at a
    point whose coordinates are drawn independently and uniformly from a set S of numbers; so the difference
    of two different polynomials does at k independent points with at most (d/|S|)^k (Schwartz, J. ACM 27,
    1980; Zippel, EUROSAM 1979). It says something only of points so drawn: rows of basis vectors, of ties, or
    of another set do not count. Of two arrays of polynomials it holds for each element that differs.

    Args:
        degree: d, the total degree of the difference: the larger of the two.
        set_size: |S|.
        points: k.

    Returns:
        The bound; 1 if d ≥ |S|, where nothing follows.
    """
    if degree < 0 or set_size < 1 or points < 0:
        raise ValueError(
            f"schwartz_zippel: degree, set_size and points are {degree}, {set_size}, {points}; "
            "expected no negative number, and a set that is not empty"
        )
    return float(min(1.0, degree / set_size) ** points)


def _variable(k: int, inputs: Sequence[Any], magnitude: int) -> Value:
    if jnp.issubdtype(jnp.result_type(inputs[k]), jnp.complexfloating):
        return inexact("complex numbers")
    degrees = tuple(int(k == j) for j in range(len(inputs)))
    return Value(Kind.POLYNOMIAL, "", degrees, 1, magnitude, 0)


def _output(value: Value) -> Output:
    if value.kind is Kind.INEXACT:
        return Output(value.kind, value.reason, (), None, math.inf)
    largest = float(value.units * Fraction(2) ** value.exponent)
    if value.kind is Kind.PIECEWISE:
        return Output(value.kind, value.reason, (), None, largest)
    return Output(value.kind, value.reason, value.degrees, value.degree, largest)


@dataclass
class _Walk:
    """Follows a jaxpr. What it passes on is a Value, or an array where the inputs play no part."""

    inputs: int
    bits: int
    narrows: bool = False
    literals: set[float] = field(default_factory=set)
    unrolled: int = 0

    def bounds(self, operand: Any) -> Value:
        return operand if isinstance(operand, Value) else constant(operand, self.inputs)

    def run(self, jaxpr: Any, consts: Sequence[Any], operands: Sequence[Any]) -> list[Any]:
        return run_jaxpr(jaxpr, consts, operands, self.step)

    def step(self, equation: Any, operands: Sequence[Any]) -> Sequence[Any]:
        name, results = equation.primitive.name, len(equation.outvars)
        if name in CALLS:
            return run_call(equation, operands, self.step)
        if equation.effects:
            return [inexact(name)] * results
        if not any(isinstance(x, Value) for x in operands):
            return host.compute(equation, operands)
        self.mine(equation, operands)
        if name == "convert_element_type" and jnp.issubdtype(equation.params["new_dtype"], jnp.floating):
            self.narrows |= mantissa_bits(equation.params["new_dtype"]) < self.bits
        match name:
            case "optimization_barrier":
                return operands
            case "cond":
                return self.cond(equation, operands)
            case "scan":
                return self.scan(equation, operands)
        values = [self.bounds(x) for x in operands]
        worst = max(values, key=lambda value: value.kind)
        if worst.kind is Kind.INEXACT:
            return [worst] * results
        arrays = [None if isinstance(x, Value) else x for x in operands]
        return [result(Step(equation, values, arrays))] * results

    def call(self, program: Any, operands: Sequence[Any]) -> list[Any]:
        if isinstance(program, core.ClosedJaxpr):
            return self.run(program.jaxpr, program.consts, operands)
        return self.run(program, (), operands)

    def cond(self, equation: Any, operands: Sequence[Any]) -> list[Any]:
        which, *rest = operands
        branches = equation.params["branches"]
        if not isinstance(which, Value):
            return self.call(branches[min(max(int(which), 0), len(branches) - 1)], rest)
        outcomes = [self.call(branch, rest) for branch in branches]  # for their literals, whatever chooses
        if which.kind is Kind.INEXACT:
            return [which] * len(equation.outvars)
        return [chosen(join(*map(self.bounds, ends)), "cond") for ends in zip(*outcomes, strict=True)]

    def scan(self, equation: Any, operands: Sequence[Any]) -> list[Any]:
        body, length = equation.params["jaxpr"], equation.params["length"]
        self.unrolled += length
        if self.unrolled > _UNROLLED:
            return [inexact(f"scan of {length} steps")] * len(equation.outvars)
        first, carries = scan_parts(equation)
        state, stacks = list(operands[: first + carries]), operands[first + carries :]
        reverse = equation.params["reverse"]
        columns: list[list[Any]] = [[] for _ in equation.outvars[carries:]]
        for k in reversed(range(length)) if reverse else range(length):
            outcome = self.call(body, [*state, *(x if isinstance(x, Value) else x[k] for x in stacks)])
            state[first:] = outcome[:carries]
            for column, y in zip(columns, outcome[carries:], strict=True):
                column.append(y)
        results = zip(columns, equation.outvars[carries:], strict=True)
        return [*state[first:], *(self.stack(y[::-1] if reverse else y, out.aval) for y, out in results)]

    def stack(self, column: Sequence[Any], aval: Any) -> Any:
        if any(isinstance(y, Value) for y in column):
            return join(*map(self.bounds, column))
        return jnp.stack(column) if column else np.zeros(aval.shape, aval.dtype)

    def mine(self, equation: Any, operands: Sequence[Any]) -> None:
        if equation.primitive.name not in THRESHOLDS:
            return
        for x in operands:
            if not isinstance(x, Value) and jnp.issubdtype(jnp.result_type(x), jnp.floating):
                numbers = np.unique(np.asarray(x).astype(np.float64))
                if numbers.size <= _LITERALS_AT_ONCE:
                    self.literals.update(map(float, numbers[np.isfinite(numbers)]))
