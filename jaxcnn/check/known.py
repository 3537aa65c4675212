"""What tracing tells of function and reference: how they compute, and which values are worth aiming at."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from jax.extend import core

from jaxcnn.check import branches
from jaxcnn.check.degrees import Kind
from jaxcnn.check.polynomial import Analysis, Output, followed, schwartz_zippel
from jaxcnn.check.question import Question

# Combinations of basis vectors, up to which a multilinear map is checked on all of them.
_BASIS = 600
# Integers up to the first of these that the dtype can hold the sums of.
_MAGNITUDES = (500, 30, 4, 1)
# Constants beyond stand for infinity.
_FARTHEST = 1e12
# If nothing is known.
_SAFE_MAGNITUDE = 4


@dataclass
class Known:
    """What is known of a question."""

    question: Question

    def __post_init__(self) -> None:
        """Look at function and reference, for integers as large as they hold.

        Where it was said how they compute, only for their constants and whether they choose.
        """
        question = self.question
        programs = question.programs()
        if question.exact is not None:
            self.magnitude, self.analyses = _SAFE_MAGNITUDE, [_UNTRACED]
            looked = [_look(branches.seen, program, question.like) for program in programs]
            seen = [found for found in looked if found is not None]
            self.chooses = any(found.chooses for found in seen)
            self.literals = {t for found in seen for t in found.literals}
            return
        for self.magnitude in _MAGNITUDES:
            follow = partial(followed, magnitude=self.magnitude)
            analysed = [_look(follow, program, question.like) for program in programs]
            self.analyses = [_UNTRACED if a is None else a for a in analysed]
            if self.kind is not Kind.INEXACT or not any("do not fit" in a.reason for a in self.analyses):
                break
        self.chooses = self.kind is Kind.PIECEWISE
        self.literals = {t for analysis in self.analyses for t in analysis.literals}

    @property
    def kind(self) -> Kind:
        """The worst of function and reference."""
        return max(analysis.kind for analysis in self.analyses)

    @property
    def is_polynomial(self) -> bool:
        """Whether integers tell everything: nothing is rounded to less than the dtype of the inputs."""
        return self.kind is Kind.POLYNOMIAL and not any(analysis.narrows for analysis in self.analyses)

    @property
    def is_exact(self) -> bool:
        """Whether to draw integers and demand equality."""
        if self.question.exact is None:
            return self.kind is not Kind.INEXACT and self.question.vary
        return self.question.exact

    @property
    def thresholds(self) -> list[float]:
        """The constants of function and reference that values are aimed at."""
        return sorted(t for t in self.literals if t and abs(t) < _FARTHEST)

    @property
    def multilinear(self) -> bool:
        """Whether the function is determined by its values at few enough basis vectors."""
        combinations = np.prod([np.size(x) + 1.0 for x in self.question.like])
        return bool(
            self.question.exact is None
            and combinations <= _BASIS
            and all(len(analysis.linear_in) == len(self.question.like) for analysis in self.analyses)
        )

    def strength(self, points: int) -> dict[str, Any]:
        """How much an exact agreement at so many uniform points says."""
        if not self.is_exact or not self.is_polynomial:
            return {}
        degree = max(analysis.degree or 0 for analysis in self.analyses)
        return {
            "chance": schwartz_zippel(degree, 2 * self.magnitude + 1, points),
            "degree": degree,
            "proved": self.multilinear,
        }


_UNTRACED = Analysis((Output(Kind.INEXACT, "not traced", (), None, np.inf),), (), ())


def _look(look: Callable[..., Any], program: core.ClosedJaxpr | None, like: Sequence[Any]) -> Any:
    """What a look at a program tells; None where there is none, or a step of it raises."""
    if program is None:
        return None
    try:
        return look(program, like)
    except Exception:  # whatever it raises is reported when it runs
        return None
