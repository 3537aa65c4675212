"""One derivative in question, and the comparisons that settle it."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np
from jax.extend import core

from jaxcnn.check import rules
from jaxcnn.check.call import Call
from jaxcnn.check.evaluate import Evaluations
from jaxcnn.check.problem import Differences, Domain, Problem, Transformation
from jaxcnn.check.rules import Flat

EVERY_TRANSFORMATION: tuple[Transformation, ...] = ("jit", "eager", "vmap", "scan", "second order")

# Differences cost two evaluations a number and step.
_DIFFERENCED = 256


@dataclass(frozen=True)
class Phase:
    """Rows of one kind, checked under one transformation."""

    rows: Sequence[np.ndarray]
    exact: bool
    transformation: Transformation


@dataclass
class Question:
    """What is asked.

    Attributes:
        operation: on whose behalf, for errors.
        call: the arguments.
        flat: the function, of the live leaves.
        one: its result, of a row; see `jaxcnn.check.rules`.
        loop: the same of stacked rows, in a loop.
        primal: what the truth is the derivative of; None: central differences of the function.
        derivative: how a result is made of a primal: `rules.reverse` or `rules.forward`.
        outputs: shapes and dtypes of the outputs.
        directions: those of the cotangents or tangents.
        parts: the names of the result's parts.
        derivatives: shapes and dtypes of the gradients or tangents.
        host: the function is NumPy.
        exact, vary, cases, seed, ulps, accurate, domain, transformations: as of `check_vjp`.
        evaluations: of its functions, each traced once.

    Raises:
        ValueError: for unknown transformations, and for differences of too many numbers.
    """

    operation: str
    call: Call
    flat: Flat
    one: Flat
    loop: Flat
    primal: Flat | None
    derivative: Callable[[Flat, int], Flat]
    outputs: Sequence[Any]
    directions: Sequence[Any]
    parts: tuple[str, ...]
    derivatives: Sequence[Any]
    host: bool
    exact: bool | None
    vary: bool
    cases: int
    seed: int
    ulps: float
    accurate: bool
    domain: Domain
    transformations: tuple[Transformation, ...]
    evaluations: Evaluations = field(default_factory=Evaluations)

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        unknown = set(self.transformations) - set(EVERY_TRANSFORMATION)
        if unknown or not self.transformations:
            raise ValueError(
                f"{self.operation}: transformations is {self.transformations}; "
                f"expected a tuple of some of {', '.join(EVERY_TRANSFORMATION)}"
            )
        if self.domain not in get_args(Domain):
            raise ValueError(
                f"{self.operation}: domain is {self.domain!r}; expected one of {', '.join(get_args(Domain))}"
            )
        if self.primal is None and (size := sum(x.size for x in self.call.like)) > _DIFFERENCED:
            raise ValueError(
                f"{self.operation}: reference is None for a NumPy function of {size} numbers; "
                f"expected a reference, or at most {_DIFFERENCED} numbers for central differences"
            )

    @property
    def like(self) -> list[Any]:
        """One row: live leaves, directions."""
        return [*self.call.like, *self.directions]

    @functools.cached_property
    def truth(self) -> Flat | None:
        """The result that `one` should have."""
        return None if self.primal is None else self.derivative(self.primal, len(self.call.live))

    @functools.cached_property
    def second_order(self) -> tuple[Flat, Flat]:
        """Derivatives of both derivatives, each as a function of the row."""

        def differentiated(derivative):
            return rules.reverse(lambda *row: derivative(*row)[len(self.outputs) :], len(self.like))

        return differentiated(self.one), differentiated(self.truth)

    def programs(self) -> list[core.ClosedJaxpr | None]:
        """Function and truth as they are traced; None for what cannot be."""
        programs: list[core.ClosedJaxpr | None] = []
        for function in (None if self.host else self.one, self.truth):
            try:
                traced = None if function is None else self.evaluations[function].program(self.like).traced
            except Exception:  # whatever tracing raises is reported when it runs
                traced = None
            programs.append(traced)
        return programs

    def problem(self, phase: Phase) -> Problem:
        """Function and reference, or their derivatives, to be compared on the phase's rows."""
        if self.truth is None:
            return Differences(
                fun=self.one,
                loop=self.loop,
                truth=self.flat,
                names=self.call.names,
                like=self.like,
                parts=self.parts,
                outputs=len(self.outputs),
                exact=False,
                ulps=self.ulps,
                transformation="eager",
                host=True,
            )
        one, truth, parts = self.one, self.truth, self.parts
        like, names, outputs = self.like, self.call.names, len(self.outputs)
        if phase.transformation == "second order":
            names = (*names, *(f"direction {k}" for k in range(len(self.directions))))
            parts = (*self.parts[outputs:], *(f"the second derivative with respect to {n}" for n in names))
            one, truth = self.second_order
            like, outputs = [*like, *self.derivatives], len(self.derivatives)
        return Problem(
            fun=one,
            loop=self.loop,
            truth=truth,
            names=names,
            like=like,
            parts=parts,
            outputs=outputs,
            exact=phase.exact,
            ulps=self.ulps,
            transformation=phase.transformation,
            host=self.host,
            accurate=self.accurate,
            evaluations=self.evaluations,
        )

    def expected(self, phase: Phase) -> list[Any]:
        """Shapes and dtypes of a result."""
        if phase.transformation == "second order":
            return [*self.derivatives, *self.like]
        return [*self.outputs, *self.derivatives]
