"""Evaluate a function row by row: in NumPy as long as that is cheaper than a compilation, then compiled."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax import lax
from jax.extend import core

from jaxcnn.check import host
from jaxcnn.check.rules import Flat


class Evaluation:
    """A function of one row, of many rows one after another."""

    def __init__(self, function: Flat, **options: Any):
        """With options for the compiler, where it comes to that."""
        self._function, self._options = function, options
        self._programs: dict[Any, core.ClosedJaxpr] = {}
        self._runs = 0

    def __call__(self, rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The results, stacked."""
        program = self.program([row[0] for row in rows])
        self._runs += len(rows[0])
        if not host.can_run(program, self._runs):
            return [np.asarray(x) for x in self._compiled(rows)]
        return stack([host.execute(program, row) for row in zip(*rows, strict=True)])

    def program(self, row: Sequence[Any]) -> core.ClosedJaxpr:
        """The function of a row like this one, traced once."""
        key = tuple((np.shape(x), np.asarray(x).dtype) for x in row)
        if key not in self._programs:
            self._programs[key] = jax.make_jaxpr(self._function)(*row)
        return self._programs[key]

    def anew(self) -> None:
        """Decide from here on as if nothing had been evaluated yet: so that a replay decides alike."""
        self._runs = 0

    @functools.cached_property
    def _compiled(self) -> Callable[..., Any]:
        return one_after_another(self._function, **self._options)


class Batch:
    """A function of all rows at once."""

    def __init__(self, function: Callable[..., Any]):
        """The function takes stacked rows."""
        self._evaluations = Evaluation(function)
        self._compiled = jax.jit(function)

    def __call__(self, rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Its results."""
        program = self._evaluations.program(rows)
        if host.can_run(program):
            return host.execute(program, rows)
        return [np.asarray(x) for x in self._compiled(*rows)]


def one_after_another(one: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """`one` for each row in turn, in one compiled loop. Not vmapped: that would test another program."""
    return jax.jit(lambda rows: lax.map(lambda row: one(*row), tuple(rows)), **options)


def stack(results: Sequence[Sequence[Any]]) -> list[np.ndarray]:
    """Results of single rows, stacked."""
    return [np.stack([np.asarray(x) for x in column]) for column in zip(*results, strict=True)]
