"""check_laws: what every gradient obeys, whatever the function; no reference is needed.

    adjointness       ⟨J v, u⟩ = ⟨v, Jᵀ u⟩                           J of the primal, its rules taken out
    linearity         Jᵀ(2u + w) = 2 Jᵀu + Jᵀw
    Taylor remainder  R(h) = ⟨u, f(x + hv) − f(x)⟩ − h ⟨v, Jᵀu⟩ = O(h²)

They test the backward pass along drawn directions, not number by number: `check_vjp` with a reference sees
more and says which number is wrong. At kinks nothing holds; drawn points miss them, and steps become so small
that they miss them too. A gradient that is NaN or infinite where the function is finite breaks every law.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn.check import rules, values, vote
from jaxcnn.check.call import argument_names, call
from jaxcnn.check.report import Evidence, Part, Report, Verdict
from jaxcnn.check.rules import Backward, Flat, GradientError
from jaxcnn.check.vjp import output_shapes, traces

_STEPS = [2.0**-k for k in range(2, 25)]
_QUADRATIC = 0.36  # a quarter, and some room for higher terms; a wrong gradient gives a half


def check_laws(
    fun: Callable[..., Any],
    *inputs: Any,
    backward: Backward | None = None,
    cases: int = 24,
    seed: int = 0,
    ulps: float = 256.0,
    names: Sequence[str] | None = None,
) -> Report:
    """Check adjointness, linearity in the cotangent and the Taylor remainder of a backward pass.

    Args:
        fun, inputs, backward, names: as of `check_vjp`. For NumPy the first law is left out.
        cases: points and directions.
        seed: of the values.
        ulps: units of rounding allowed in a sum, relative to the sum of its absolute terms.

    Raises:
        ValueError: if no input can be differentiated.

    >>> square = jax.custom_vjp(lambda x: x * x)
    >>> square.defvjp(lambda x: (x * x, x), lambda x, dy: (x * dy,))
    >>> [part.name for part in check_laws(square, jnp.zeros(3)).evidence.parts if part.wrong]
    ['adjointness', 'the Taylor remainder']
    """
    arguments = call("check_laws", inputs, argument_names(fun, len(inputs)) if names is None else names)
    flat, live = arguments.flat(fun), len(arguments.live)
    one, host = rules.reverse(flat, live), False
    if backward is not None:
        one = rules.with_backward(arguments, fun, backward)
        host = not traces(one, flat, arguments)
    outputs = output_shapes(flat, arguments, host)
    one = rules.on_host(one, arguments) if host else jax.jit(one)
    rng = np.random.default_rng(seed)
    draws = [
        [values.smooth(rng, 1, x.shape)[0].astype(x.dtype) for x in (*arguments.like, *like)]
        for like in [[*arguments.like, *outputs, *outputs]] * cases
    ]
    laws: dict[str, Callable[..., float]] = {
        "linearity in the cotangent": _linearity,
        "the Taylor remainder": _taylor,
    }
    primal: Callable[..., Any] = flat
    if not host:
        stripped = rules.stripped(flat)
        laws = {"adjointness": _adjointness(stripped, live)} | laws
        primal = vote.primal_in_float64(stripped)
    errors: dict[str, list[float]] = {name: [] for name in laws}
    epsilon = max(float(jnp.finfo(x.dtype).eps) for x in (*arguments.like, *outputs))
    try:
        for row in draws:
            point = _Point(one, primal, row, arguments.names, len(outputs), epsilon)
            for name, law in laws.items():
                errors[name].append(law(point))
    except GradientError as error:
        return Report(Verdict.FAIL, f"the backward pass is wrong: {error}")
    parts = tuple(
        Part(
            name,
            compared=sum(not math.isnan(e) for e in found),
            excused=sum(math.isnan(e) for e in found),
            worst=max((e for e in found if not math.isnan(e)), default=0.0),
            wrong=sum(e > ulps for e in found),
        )
        for name, found in errors.items()
    )
    evidence = Evidence(cases, False, parts)
    if broken := [f"{part.name} in {part.wrong} of {cases} cases" for part in parts if part.wrong]:
        return Report(Verdict.FAIL, f"breaks {'; '.join(broken)}", evidence)
    if any(not part.compared for part in parts):
        return Report(Verdict.UNCHECKED, "no point was smooth and finite", evidence)
    return Report(Verdict.PASS, f"{', '.join(laws)} hold in {cases} cases", evidence)


class _Point:
    """A point x, directions v and u, w, and what the backward pass gives there."""

    def __init__(
        self,
        one: Flat,
        primal: Callable[..., Any],
        row: list[np.ndarray],
        names: Sequence[str],
        outputs: int,
        epsilon: float,
    ):
        live = len(names)
        self.names = names
        self.one, self.primal, self.epsilon, self.outputs = one, primal, epsilon, outputs
        self.x, self.v = row[:live], row[live : 2 * live]
        self.u, self.w = row[2 * live : 2 * live + outputs], row[2 * live + outputs :]
        self.gradients = self.pull(self.u)

    def pull(self, u: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Jᵀu."""
        gradients = [np.asarray(g, np.float64) for g in self.one(*self.x, *u)[self.outputs :]]
        for name, x, g in zip(self.names, self.x, gradients, strict=True):
            if g.shape != x.shape:
                raise GradientError(f"the gradient of {name} has shape {g.shape}; {name} has {x.shape}")
        return gradients


def _products(a: Sequence[np.ndarray], b: Sequence[np.ndarray]) -> tuple[float, float]:
    """⟨a, b⟩ and the sum of its absolute terms, in float64."""
    terms = [np.asarray(x, np.float64) * np.asarray(y, np.float64) for x, y in zip(a, b, strict=True)]
    return sum(float(t.sum()) for t in terms), sum(float(np.abs(t).sum()) for t in terms)


def _adjointness(stripped: Flat, live: int) -> Callable[[_Point], float]:
    forward = jax.jit(rules.forward(stripped, live))

    def law(point: _Point) -> float:
        left, left_size = _products(forward(*point.x, *point.v)[point.outputs :], point.u)
        right, right_size = _products(point.v, point.gradients)
        if not np.isfinite(left_size):
            return np.nan
        return _in_units(left - right, left_size + right_size, point.epsilon)

    return law


def _linearity(point: _Point) -> float:
    both = point.pull([(2 * u + w).astype(u.dtype) for u, w in zip(point.u, point.w, strict=True)])
    other = point.pull(point.w)
    if not all(np.isfinite(Z).all() for Z in point.primal(*(x.astype(np.float64) for x in point.x))):
        return np.nan
    return max(
        _in_units(
            np.max(np.abs(g - 2 * first - second), initial=0.0),
            np.max(2 * np.abs(first) + np.abs(second), initial=0.0),
            point.epsilon,
        )
        for g, first, second in zip(both, point.gradients, other, strict=True)
    )


def _taylor(point: _Point) -> float:
    """0 where the remainder shrinks as h² does, infinite where it does not."""
    slope, slope_size = _products(point.v, point.gradients)
    x, v = ([a.astype(np.float64) for a in side] for side in (point.x, point.v))
    start, start_size = _products(point.primal(*x), point.u)
    remainders = []
    for h in _STEPS:
        value, size = _products(point.primal(*(a + h * b for a, b in zip(x, v, strict=True))), point.u)
        noise = 2.0**-46 * (size + start_size) + 64 * point.epsilon * h * slope_size
        remainders.append((abs(value - start - h * slope), noise))
    if not np.isfinite(start_size):
        return np.nan
    if not np.isfinite(slope_size):
        return np.inf
    if not all(np.isfinite(r) for r, _ in remainders):
        return np.nan
    # within rounding for two steps; one may be where the remainder changes sign
    small = [remainder <= 8 * noise for remainder, noise in remainders]
    if any(map(all, itertools.pairwise(small))):
        return 0.0
    ratios = [after / max(before, 1e-300) for (before, _), (after, _) in itertools.pairwise(remainders)]
    return 0.0 if min(ratios[-3:]) <= _QUADRATIC else np.inf


def _in_units(difference: float, size: float, epsilon: float) -> float:
    """How many units of rounding; infinite where a gradient is not finite."""
    return abs(float(difference)) / (epsilon * float(size) + 1e-300) if np.isfinite(size) else np.inf
