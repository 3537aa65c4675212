"""Arguments described in words, of any of a range of sizes: what `jaxcnn check` takes.

float32[n, 3]        an array; a size is a number, a range 1..4, or a name that stands for some sizes
int32[n] < 10        integers from 0 to 9
0.5, "SAME", (2, 2)  a Python literal, passed on as it is
"""

import ast
import itertools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxcnn.check.report import Report, Verdict

Sizes = Mapping[str, int]
Ranged = Sequence[int]
"""What a size may be, in order."""

_ARRAY = re.compile(r"(?P<dtype>[a-z]+\d*)\s*\[(?P<shape>[^\]]*)\](\s*<\s*(?P<below>\d+))?")
_RANGE = re.compile(r"(\d+)\s*\.\.\s*(\d+)")


@dataclass(frozen=True)
class Literal:
    """An argument that is passed on as it is, be it a number."""

    value: Any


@dataclass(frozen=True)
class Argument:
    """One argument.

    Attributes:
        dtype: of the array; None for a literal.
        shape: numbers and names of sizes.
        below: integers are drawn below it.
        literal: the value itself.
    """

    dtype: Any = None
    shape: tuple[int | str, ...] = ()
    below: int | None = None
    literal: Any = None

    def example(self, sizes: Sizes, rng: np.random.Generator) -> Any:
        """The argument at these sizes."""
        if self.dtype is None:
            return Literal(self.literal)
        shape = tuple(sizes[n] if isinstance(n, str) else n for n in self.shape)
        if jnp.issubdtype(self.dtype, jnp.floating):
            return np.zeros(shape, self.dtype)
        return rng.integers(0, 2 if self.below is None else self.below, shape).astype(self.dtype)


def read_range(text: str) -> range:
    """1..4 as a range, the end included; a number alone is a range of one.

    Raises:
        ValueError: if it is neither, or empty.
    """
    match = _RANGE.fullmatch(text.strip()) or re.fullmatch(r"((\d+))", text.strip())
    if match is None or int(match[2]) < int(match[1]):
        raise ValueError(f"{text!r} is not a size; expected a number, or a range such as 1..4")
    return range(int(match[1]), int(match[2]) + 1)


def read_named(text: str) -> tuple[str, Ranged]:
    """n=1..4, or n=2,4,8, as a name and the sizes that it stands for, in order.

    Raises:
        ValueError: if it is neither.
    """
    name, _, sizes = text.partition("=")
    if not name.strip().isidentifier():
        raise ValueError(f"{text!r} is not a named size; expected a name and a range, such as n=1..4")
    if "," not in sizes:
        return name.strip(), read_range(sizes)
    numbers = [number.strip() for number in sizes.split(",")]
    if not all(number.isdecimal() for number in numbers):
        raise ValueError(f"{sizes!r} are not sizes; expected numbers such as 2,4,8, or a range such as 1..4")
    return name.strip(), sorted({int(number) for number in numbers})


def read(texts: Sequence[str], named: Mapping[str, Ranged]) -> tuple[list[Argument], dict[str, Ranged]]:
    """Arguments and the ranges of all their sizes.

    Raises:
        ValueError: saying which description cannot be read, and what was expected.
    """
    ranges: dict[str, Ranged] = dict(named)
    arguments = []
    for k, text in enumerate(texts):
        match = _ARRAY.fullmatch(text.strip())
        if match is None:
            arguments.append(Argument(literal=_literal(text)))
            continue
        below = None if match["below"] is None else int(match["below"])
        dtype = _dtype(match["dtype"], text)
        if below is not None and (below < 1 or not jnp.issubdtype(dtype, jnp.integer)):
            raise ValueError(f"{text!r}: < {below}; expected a bound of at least 1, of an integer dtype")
        shape: list[int | str] = []
        for axis, size in enumerate(filter(None, map(str.strip, match["shape"].split(",")))):
            if size.isidentifier():
                if size not in named:
                    raise ValueError(f"{text!r}: there is no size {size!r}; expected --size {size}=1..4")
                shape.append(size)
            elif size.isdigit():
                shape.append(int(size))
            else:
                own = f"axis {axis} of argument {k}"
                ranges[own] = read_range(size)
                shape.append(own)
        arguments.append(Argument(dtype, tuple(shape), below))
    used = {size for argument in arguments for size in argument.shape}
    for name in named:
        if name not in used:
            raise ValueError(f"there is no argument of size {name!r}; expected one such as float32[{name}]")
    return arguments, ranges


def _dtype(name: str, text: str) -> Any:
    try:
        dtype = jnp.dtype(name)
    except TypeError:
        dtype = None
    if dtype is None or not (jnp.issubdtype(dtype, jnp.number) or dtype.kind == "b"):
        raise ValueError(f"{text!r}: there is no dtype {name!r} of numbers; expected one such as float32")
    return dtype


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        raise ValueError(
            f"{text!r} is not an argument; expected DTYPE[SIZES] such as float32[3,4], or a Python literal"
        ) from None


def assignments(ranges: Mapping[str, Ranged], most: int, seed: int) -> list[dict[str, int]]:
    """So many choices of all sizes, in order: the smallest and the largest of all, and drawn ones."""
    rng = np.random.default_rng(seed)
    chosen = {tuple(r[0] for r in ranges.values()), tuple(r[-1] for r in ranges.values())}
    for _ in range(20 * most):
        if len(chosen) >= min(most, math.prod(map(len, ranges.values()))):
            break
        chosen.add(tuple(int(rng.choice(r)) for r in ranges.values()))
    ordered = sorted(chosen, key=lambda sizes: (sum(sizes), sizes))
    return [dict(zip(ranges, sizes, strict=True)) for sizes in ordered]


def smallest(
    ranges: Mapping[str, Ranged], sizes: Sizes, fails: Callable[[Sizes], bool], *, most: int
) -> dict[str, int]:
    """The smallest sizes found that still fail, in `most` trials about.

    All smaller ones in order, if they are that few; else one size after the other is bisected, until none
    gets smaller.
    """
    below = [r[: r.index(sizes[name]) + 1] for name, r in ranges.items()]
    if math.prod(map(len, below)) <= most + 1:
        for choice in sorted(itertools.product(*below), key=lambda choice: (sum(choice), choice)):
            fewer = dict(zip(ranges, choice, strict=True))
            if fewer == sizes or fails(fewer):
                return fewer
    best, trials = dict(sizes), 0
    while True:
        before = dict(best)
        for name, r in ranges.items():
            low, high, middle = 0, r.index(best[name]), 0
            while low < high and trials < most:
                trials += 1
                if fails(best | {name: r[middle]}):
                    high = middle
                    best[name] = r[high]
                else:
                    low = middle + 1
                middle = (low + high) // 2
        if best == before:
            return best


def examples(arguments: Sequence[Argument], sizes: Sizes, seed: int) -> list[Any]:
    """The arguments at these sizes; the same integers whenever it is the same seed."""
    rng = np.random.default_rng((seed, *sizes.values()))
    return [argument.example(sizes, rng) for argument in arguments]


def over_sizes(
    arguments: Sequence[Argument],
    ranges: Mapping[str, Ranged],
    check: Callable[[list[Any]], Report],
    *,
    geometries: int,
    seed: int = 0,
    most_smaller: int = 32,
) -> list[tuple[dict[str, int], Report]]:
    """Check at some sizes, the smallest first; after a failure at smaller ones, for the smallest.

    Returns:
        (sizes, report) in order; a report that failed comes last, at the smallest sizes found.

    Raises:
        ValueError: as `check` does, at the sizes chosen. On the way to smaller ones it is no failure.
    """
    reports: dict[tuple[int, ...], Report] = {}

    def fails(sizes: Sizes) -> bool:
        key = tuple(sizes.values())
        try:
            reports[key] = check(examples(arguments, sizes, seed))
        except ValueError as error:
            if not failed:
                at = ", ".join(f"{name} = {size}" for name, size in sizes.items())
                raise ValueError(f"at {at}: {error}" if at else str(error)) from error
            return False
        return reports[key].verdict is Verdict.FAIL

    outcomes, failed = [], False
    for sizes in assignments(ranges, geometries, seed):
        failed = fails(sizes)
        if failed:
            sizes = smallest(ranges, sizes, fails, most=most_smaller)
        outcomes.append((sizes, reports[tuple(sizes.values())]))
        if failed:
            break
    return outcomes
