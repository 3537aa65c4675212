"""What rounding inside a function can do to its result: evaluate it again with noise in every step.

A floating-point evaluation rounds each intermediate number v to v(1 + ε ξ), |ξ| ≤ 1. Here the same
happens with a larger δ in place of ε, in float64, and with drawn ξ:

    κ = max over draws of |f_noisy(x) − f(x)| / δ

is how much the result feels rounding, through every cancellation on the way; ε κ is the error that rounding
explains. It belongs to one number: it does not grow with an array, and it is zero where the result is
computed without rounding. The inputs themselves are exact and stay as they are, so ties stay ties.

A draw that leaves a number infinite or NaN says nothing about it. Beside an infinity 1/P − 1 = 0 may be an
exponent, which one sign of the noise makes infinite and the other 0: so one draw is the opposite of another.

Steps that only move or choose numbers do not round. A sum hides its partial sums, so noise goes into its
terms; and a literal that the dtype does not hold is off by δ, as 0.3 is, and 0.5 is not. Underflow, at the
smallest normal number t of the dtype, acts as a noise of size t/ε on what is not zero. Of a loop that is
compiled, not evaluated on the host, only the results have noise.
"""

import functools
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.extend import core

from jaxcnn.check import host
from jaxcnn.check.jaxprs import CALLS, EXACT, bind, run, run_branch, run_call

DELTA = 2.0**-24
DRAWS = 8

_SUMS = frozenset({"reduce_sum", "dot_general", "conv_general_dilated", "cumsum", "scatter-add"})


def sensitivity(
    function: Callable[..., Sequence[Array]], inputs: Sequence[Array], dtype: np.dtype
) -> list[Array]:
    """κ of every number of `function(*inputs)`, the inputs in float64. Traceable.

    Args:
        function: returns arrays.
        inputs: where.
        dtype: the dtype whose smallest normal number underflows.
    """
    program = jax.make_jaxpr(function)(*inputs)
    floor = _floor(dtype)
    sizes: list[int] = []

    def recorded(value: Array) -> Array:
        sizes.append(value.size)
        return value

    # by jit, so that of a branch by platform both runs trace the same: not the branch alone that is taken
    plain = jax.jit(lambda: _evaluate(program, inputs, recorded, lambda _, operands: operands))()

    def draw(key_and_sign: tuple[Array, Array]) -> list[Array]:
        key, sign = key_and_sign
        bits = jax.random.bits(key, (sum(sizes),), jnp.uint16)  # one draw for all steps compiles fastest
        pieces = iter(jnp.split(bits, np.cumsum(sizes)[:-1]))

        def noisy(value: Array) -> Array:
            xi = (next(pieces).reshape(value.shape).astype(value.dtype) - (2**15 - 0.5)) / 2**15
            return _rounded(value, sign.astype(value.dtype) * xi, floor, jnp)

        again = _evaluate(program, inputs, noisy, functools.partial(_with_rounded_literals, dtype))
        return [jnp.abs(a - b) / DELTA for a, b in zip(again, plain, strict=True)]

    keys = jax.random.split(jax.random.key(0), DRAWS)
    drawn = jax.lax.map(draw, (keys.at[-1].set(keys[0]), jnp.ones(DRAWS, jnp.float32).at[-1].set(-1)))
    return [jnp.max(jnp.nan_to_num(d, nan=0.0, posinf=0.0), axis=0) for d in drawn]


def sensitivity_on_host(
    program: host.Program, rows: Sequence[np.ndarray], dtype: np.dtype
) -> list[np.ndarray]:
    """The same of many rows, in NumPy.

    Args:
        program: of the stacked rows.
        rows: stacked, as often as there are draws.
        dtype: as of `sensitivity`.
    """
    plain, floor = program.run(rows), _floor(dtype)

    def apart(sign: int) -> list[np.ndarray]:
        rng = np.random.default_rng(0)

        def noisy(value: np.ndarray) -> np.ndarray:
            if not np.issubdtype(value.dtype, np.floating):
                return value
            return _rounded(value, sign * rng.uniform(-1, 1, value.shape), floor, np)

        def step(equation, operands):
            name, operands = equation.primitive.name, _with_rounded_literals(dtype, equation, operands)
            results = host.step(equation, list(map(noisy, operands)) if name in _SUMS else operands, step)
            return results if name in EXACT or host.holds_jaxprs(equation) else list(map(noisy, results))

        with np.errstate(all="ignore"):
            noise = program.run(rows, step)
            far = [np.abs(a - b) / DELTA for a, b in zip(noise, plain, strict=True)]
        return [d.reshape(DRAWS, -1, *d.shape[1:]) for d in far]

    drawn = apart(1)
    finite = [np.isfinite(x).reshape(d.shape) for x, d in zip(plain, drawn, strict=True)]
    lost = (np.any(x & ~np.isfinite(d).any(axis=0)) for x, d in zip(finite, drawn, strict=True))
    if any(lost):  # what does not depend on the row has one noise in all draws
        drawn = [np.concatenate(both) for both in zip(drawn, apart(-1), strict=True)]
    return [np.max(np.nan_to_num(d, nan=0.0, posinf=0.0), axis=0) for d in drawn]


def _floor(dtype: np.dtype) -> float:
    """t/ε, the size of what underflow adds to a number."""
    limits = jnp.finfo(dtype)
    return float(limits.smallest_normal) / float(limits.eps)


def _rounded(value: Any, xi: Any, floor: float, numpy: ModuleType) -> Any:
    """v + δ ξ (v ± t/ε), for a finite v that is not zero; of JAX or NumPy."""
    size = value + numpy.where(value == 0, 0.0, numpy.copysign(floor, value))
    return numpy.where(numpy.isfinite(value), value + DELTA * xi * size, value)


def _with_rounded_literals(dtype: np.dtype, equation: Any, operands: Sequence[Any]) -> Sequence[Any]:
    """The operands of a step, its literals off by δ where the dtype does not hold them."""

    def rounded(atom: Any, operand: Any) -> Any:
        literal = isinstance(atom, core.Literal) and _is_float(operand)
        if not literal or equation.primitive.name in EXACT or np.asarray(operand, dtype) == operand:
            return operand
        return operand * (1 + DELTA)

    return [rounded(*pair) for pair in zip(equation.invars, operands, strict=True)]


def _evaluate(
    program: core.ClosedJaxpr, inputs: Sequence[Any], noisy: Callable, literals: Callable
) -> list[Any]:
    """Run a jaxpr step by step, `literals` on what a step takes, `noisy` on what it computes by rounding."""

    def perturbed(values):
        return [noisy(x) if _is_float(x) else x for x in values]

    def step(equation, operands):
        name, operands = equation.primitive.name, literals(equation, operands)
        if name in CALLS:
            return run_call(equation, operands, step)
        if name == "cond":
            return run_branch(equation, operands, step)
        results = bind(equation, perturbed(operands) if name in _SUMS else operands, equation.params)
        return results if name in EXACT else perturbed(results)

    return run(program.jaxpr, program.consts, inputs, step)


def _is_float(value: Any) -> bool:
    return jnp.issubdtype(jnp.result_type(value), jnp.floating)
