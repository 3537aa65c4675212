"""Derivatives by central differences in float64, and whether there is one: the third opinion.

Of φ at x, with steps h, h/2, h/4, …, the quotients (φ(x + h) − φ(x − h))/2h differ from φ′(x) by a series in
h², which Ridders' scheme removes term by term (Ridders, 1982); the smallest spread in its tableau is the
uncertainty. At a kink the quotients from the left and from the right stay apart.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

_SHRINK, _STEPS = 2.0, 9
_APART = 1e-4


@dataclass(frozen=True)
class Slope:
    """A derivative at a point.

    Attributes:
        value: by central differences.
        uncertainty: how far off it may be.
        left, right: the one-sided quotients, at the smallest step.
    """

    value: float
    uncertainty: float
    left: float
    right: float

    @property
    def kink(self) -> bool:
        """Whether the two sides disagree, or no derivative could be estimated."""
        size = max(abs(self.left), abs(self.right), abs(self.value), 1e-300)
        return not abs(self.right - self.left) <= _APART * size + 4 * self.uncertainty


def slope(phi: Callable[[float], float], x: float) -> Slope:
    """φ′(x)."""
    h = 2.0**-5 * max(abs(x), 1.0) if x == 0 or abs(x) > 1e-3 else abs(x) / 4
    steps = [h / _SHRINK**k for k in range(_STEPS)]
    with np.errstate(all="ignore"):
        up, down, here = [phi(x + s) for s in steps], [phi(x - s) for s in steps], phi(x)
        column = [(u - d) / (2 * s) for u, d, s in zip(up, down, steps, strict=True)]
        best, uncertainty, factor = column[-1], np.inf, 1.0
        while len(column) > 1:
            factor *= _SHRINK**2
            refined = [(factor * b - a) / (factor - 1) for a, b in itertools.pairwise(column)]
            for previous, value, coarse in zip(column[1:], refined, column, strict=False):
                spread = max(abs(value - previous), abs(value - coarse))
                if spread < uncertainty:
                    best, uncertainty = value, spread
            column = refined
        noise = 2.0**-50 * abs(here) / steps[-1]
        left, right = (here - down[-1]) / steps[-1], (up[-1] - here) / steps[-1]
    curvature = abs(up[-1] - 2 * here + down[-1]) / steps[-1]
    halved = abs(up[-2] - 2 * here + down[-2]) / steps[-2]
    if curvature < 0.75 * halved:  # the two sides approach each other as the step does: smooth
        left = right = best
    return Slope(float(best), float(uncertainty + noise), float(left), float(right))


def gradient_entry(
    function: Callable[..., Sequence[np.ndarray]],
    row: Sequence[np.ndarray],
    live: int,
    argument: int,
    index: tuple[int, ...],
) -> Slope:
    """∂⟨u, f⟩/∂x[index] of one live leaf, with f a function of the live leaves in float64.

    Args:
        function: (…live) → outputs.
        row: (…live, …cotangents u).
        live: how many of them are live.
        argument: which live leaf.
        index: where in it.
    """
    wide = [np.asarray(value, np.float64) for value in row]

    def phi(value: float) -> float:
        inputs = [np.array(x) for x in wide[:live]]
        inputs[argument][index] = value
        outputs = function(*inputs)
        return float(sum(np.sum(u * np.asarray(Z, float)) for u, Z in zip(wide[live:], outputs, strict=True)))

    return slope(phi, float(wide[argument][index]))


def gradients(
    function: Callable[..., Sequence[np.ndarray]], row: Sequence[np.ndarray], live: int
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """All gradients of a row and their uncertainties; NaN at a kink."""
    values, uncertain = [], []
    for argument in range(live):
        value, doubt = np.zeros(row[argument].shape), np.zeros(row[argument].shape)
        for index in np.ndindex(value.shape):
            found = gradient_entry(function, row, live, argument, index)
            value[index] = np.nan if found.kink else found.value
            doubt[index] = found.uncertainty
        values.append(value)
        uncertain.append(doubt)
    return values, uncertain
