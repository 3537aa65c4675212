"""Evaluate a function row by row: in NumPy as long as that is cheaper than a compilation, then compiled."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax import lax

from jaxcnn.check import rounding
from jaxcnn.check.host import Program
from jaxcnn.check.rules import Flat

# A small program spends its time in the compiler: it is then compiled unoptimised.
_SMALL = 10_000
# So many rows go together: one shape, one program.
_COMPILED_AT_ONCE = 4
_TOGETHER = 64
_LARGE = 2_000_000  # numbers, all steps taken together
_AT_ONCE = 200_000  # numbers, of all rows
# Up to so many runs it does not pay to put them together.
_ALONE = 16


class Evaluation:
    """A function of one row, of many rows one after another; traced once for each shape."""

    def __init__(self, function: Flat):
        """Nothing is traced as yet."""
        self._function = function
        self._programs: dict[Any, Program] = {}
        self._made: dict[Any, Any] = {}
        self._runs = 0

    def __call__(self, rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The results, stacked."""
        program = self.program([row[0] for row in rows])
        self._runs += len(rows[0])
        if self._runs > _ALONE and (together := self._together(program, rows, _TOGETHER)) is not None:
            return _in_parts(together.run, rows, _TOGETHER)
        if program.can_run(self._runs):
            return stack([program.run(row) for row in zip(*rows, strict=True)])
        run = self._compiled(_size(rows) <= _SMALL)
        return _in_parts(run, rows, _fewer(_COMPILED_AT_ONCE, rows))

    def as_users_do(self, rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The results by `jax.jit`, whatever that costs."""
        compiled = self.program([row[0] for row in rows]).compiled
        return one_by_one(compiled, rows)

    def program(self, row: Sequence[Any]) -> Program:
        """The function of a row like this one."""
        key = tuple((np.shape(x), np.asarray(x).dtype) for x in row)
        if key not in self._programs:
            self._programs[key] = Program(self._function, row)
        return self._programs[key]

    def sensitivity(self, rows: Sequence[np.ndarray], dtype: np.dtype) -> list[np.ndarray]:
        """How much each number of the results feels rounding; see `jaxcnn.check.rounding`."""
        program = self.program([row[0] for row in rows])
        for size in (_TOGETHER, rounding.DRAWS):
            together = self._together(program, rows, size)
            if together is not None:
                weigh = functools.partial(_weighed, together, dtype)
                return _in_parts(weigh, rows, size // rounding.DRAWS)
        return _in_parts(self._noisy(dtype, _size(rows) <= _SMALL), rows, _fewer(_COMPILED_AT_ONCE, rows))

    def anew(self) -> None:
        """Decide from here on as if nothing had been evaluated yet: so that a replay decides alike."""
        self._runs = 0

    def _together(self, program: Program, rows: Sequence[np.ndarray], size: int) -> Program | None:
        """The program of so many rows at once, as jax batches its primitives; None if that is not better."""

        def made():
            if not program.can_run(size) or (program.numbers * size > _LARGE and size > rounding.DRAWS):
                return None
            try:
                batched = Program(jax.vmap(program.again), [resized(row[:1], size) for row in rows])
            except Exception:  # not everything can be put under vmap
                return None
            return batched if batched.can_run() else None

        return self._kept((program, size), made)

    def _compiled(self, small: bool) -> Callable[..., Any]:
        return self._kept(small, lambda: one_after_another(self._function, **_options(small)))

    def _noisy(self, dtype: np.dtype, small: bool) -> Callable[..., Any]:
        def noisy(*row):
            return rounding.sensitivity(self._function, row, dtype)

        return self._kept((dtype, small), lambda: one_after_another(noisy, **_options(small)))

    def _kept(self, key: Any, make: Callable[[], Any]) -> Any:
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]


class Evaluations(dict[Flat, Evaluation]):
    """One for each function; and the batches of it."""

    def __init__(self):
        """None as yet."""
        super().__init__()
        self._batches: dict[Any, Batch] = {}

    def __missing__(self, function: Flat) -> Evaluation:
        return self.setdefault(function, Evaluation(function))

    def batch(self, stacked: Flat) -> "Batch":
        """A function of stacked rows."""
        return self._batches.setdefault(stacked, Batch(stacked))

    def vmapped(self, function: Flat) -> "Batch":
        """The function under vmap."""
        return self._batches.setdefault(("vmap", function), Batch(jax.vmap(function)))


class Batch:
    """A function of all rows at once."""

    def __init__(self, function: Callable[..., Any]):
        """The function takes stacked rows."""
        self._evaluation = Evaluation(function)

    def __call__(self, rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Its results."""
        program = self._evaluation.program(rows)
        if program.can_run():
            return program.run(rows)
        return [np.asarray(x) for x in program.compiled(*rows)]


def _weighed(together: Program, dtype: np.dtype, rows: Sequence[np.ndarray]) -> list[np.ndarray]:
    drawn = [np.concatenate([row] * rounding.DRAWS) for row in rows]
    return rounding.sensitivity_on_host(together, drawn, dtype)


def _in_parts(
    run: Callable[[Sequence[np.ndarray]], Sequence[Any]], rows: Sequence[np.ndarray], size: int
) -> list[np.ndarray]:
    """The results of all rows, run so many at a time."""
    count = len(rows[0])
    parts = [
        [np.asarray(x) for x in run([resized(row[start : start + size], size) for row in rows])]
        for start in range(0, count, size)
    ]
    return [np.concatenate(column)[:count] for column in zip(*parts, strict=True)]


def _size(rows: Sequence[np.ndarray]) -> int:
    return sum(x[0].size for x in rows)


def _fewer(most: int, rows: Sequence[np.ndarray]) -> int:
    """So many rows at once, or fewer if they are large: a row that fills up a batch costs as much as any."""
    return max(1, min(most, _AT_ONCE // max(1, _size(rows))))


def _options(small: bool) -> dict[str, Any]:
    return {"compiler_options": {"xla_backend_optimization_level": 0}} if small else {}


def one_after_another(one: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """`one` for each row in turn, in one compiled loop. Not vmapped: that would test another program."""
    return jax.jit(lambda rows: lax.map(lambda row: one(*row), tuple(rows)), **options)


def one_by_one(function: Callable[..., Any], rows: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The function's results of each row by itself, stacked."""
    return stack([function(*row) for row in zip(*rows, strict=True)])


def stack(results: Sequence[Sequence[Any]]) -> list[np.ndarray]:
    """Results of single rows, stacked."""
    return [np.stack([np.asarray(x) for x in column]) for column in zip(*results, strict=True)]


def resized(column: np.ndarray, rows: int) -> np.ndarray:
    """The first row again and again up to `rows`: one shape, one compilation."""
    return np.concatenate([column, np.repeat(column[:1], rows - len(column), axis=0)])
