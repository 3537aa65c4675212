"""A derivation: an operation, the oracle that `jax.grad` differentiates, and the cases to compare on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis.strategies import SearchStrategy
from jax.typing import ArrayLike


@dataclass(frozen=True)
class Case:
    """One call: example inputs (their shapes and dtypes count; the checker draws the values) and keywords.

    Inputs that are not floating point (labels, indices) are passed on as they are.
    """

    inputs: tuple[ArrayLike, ...]
    keywords: Mapping[str, Any] = field(default_factory=dict)


def sample(*shapes: tuple[int, ...], **keywords: Any) -> Case:
    """A call on float64 arrays of these shapes."""
    return Case(tuple(np.zeros(shape) for shape in shapes), keywords)


@dataclass(frozen=True, repr=False)
class Derivation:
    """An operation whose hand-written cotangents must equal `jax.vjp` of its oracle.

    Attributes:
        operation: the public function.
        oracle: its rule-free definition, called with the same inputs and keywords.
        arguments: the names of the positional inputs, differentiable or not.
        cases: few geometries, drawn by Hypothesis; the checker tries many values on each.
        exact: all involved are polynomials, so that integer values must agree bit for bit in float64.
        source: ledger numbers or the paper.
        convention: what is declared at kinks, ties and NaN; empty where there are none.
        variant: the keyword that sets this derivation apart where an operation has several.
        accurate: only the oracle's rounding excuses a difference; False where the operation's own formula may
            lose digits that the oracle's keeps.
        sample: one small call whose inputs carry a batch on axis 0, all but the shared ones.
        shared: the names of the inputs that all examples of a batch share, parameters foremost.
    """

    operation: Callable[..., Any]
    oracle: Callable[..., Any]
    arguments: tuple[str, ...]
    cases: SearchStrategy[Case]
    exact: bool
    source: str
    convention: str = ""
    variant: str = ""
    accurate: bool = field(kw_only=True, default=True)
    sample: Case = field(kw_only=True)
    shared: tuple[str, ...] = field(kw_only=True, default=())

    @property
    def name(self) -> str:
        """The operation's public name, and the variant."""
        return " ".join(filter(None, (self.operation.__name__, self.variant)))

    def __repr__(self) -> str:
        return f"<derivation of {self.name}>"
