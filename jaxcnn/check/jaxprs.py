"""Run a jaxpr step by step, with a say in what each step does."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jax import lax
from jax.extend import core

# Primitives that run a jaxpr once, and the parameter that holds it.
CALLS = {
    "pjit": "jaxpr",
    "jit": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "checkpoint": "jaxpr",
    "remat2": "jaxpr",
}

# Primitives that only move, choose, count or compare numbers: they do not round.
EXACT = frozenset(
    """
    abs and argmax argmin broadcast_in_dim ceil clamp concatenate convert_element_type copy copy_p
    dynamic_slice dynamic_update_slice eq floor gather ge gt iota is_finite le lt max min ne neg not
    optimization_barrier or pad reduce_and reduce_max reduce_min reduce_or reshape rev round scatter
    select_n sign slice sort split squeeze stop_gradient transpose xor
    """.split()  # noqa: SIM905
)

Step = Callable[[Any, list[Any]], Sequence[Any]]


def run(jaxpr: Any, consts: Sequence[Any], operands: Sequence[Any], step: Step) -> list[Any]:
    """The results of a jaxpr, each equation's as `step(equation, operands)` gives them."""
    known: dict[Any, Any] = dict(zip(jaxpr.constvars, consts, strict=True))
    known.update(zip(jaxpr.invars, operands, strict=True))

    def read(atom):
        if isinstance(atom, core.Literal):
            return np.asarray(atom.val, atom.aval.dtype)
        return known[atom]

    for equation in jaxpr.eqns:
        results = step(equation, [read(atom) for atom in equation.invars])
        known.update(zip(equation.outvars, results, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def run_call(equation: Any, operands: Sequence[Any], step: Step) -> list[Any]:
    """The results of an equation whose primitive is one of `CALLS`: those of the jaxpr it holds."""
    inner = equation.params[CALLS[equation.primitive.name]]
    if isinstance(inner, core.ClosedJaxpr):
        return run(inner.jaxpr, inner.consts, operands, step)
    return run(inner, (), operands, step)


def run_branch(equation: Any, operands: Sequence[Any], step: Step) -> list[Any]:
    """The results of a `cond`, by JAX: of one branch, by number, or by the platform it is compiled for."""
    index, *operands = operands

    def of(branch: core.ClosedJaxpr) -> Callable[..., list[Any]]:
        return lambda *operands: run(branch.jaxpr, branch.consts, operands, step)

    branches = list(map(of, equation.params["branches"]))
    platforms = equation.params.get("branches_platforms")
    if platforms is None:
        return lax.switch(index, branches, *operands)
    by_names = dict(zip(platforms, branches, strict=True))
    default = by_names.pop(None, None)
    named = {name: branch for names, branch in by_names.items() for name in names}
    return lax.platform_dependent(*operands, default=default, **named)


def bind(equation: Any, operands: Sequence[Any], params: dict[str, Any]) -> list[Any]:
    """The results of an equation's primitive itself."""
    results = equation.primitive.bind(*operands, **equation.primitive.get_bind_params(params))
    return results if equation.primitive.multiple_results else [results]


def scan_parts(equation: Any) -> tuple[int, int]:
    """How many constants and how many carries a scan has, on every version of JAX.

    What is stacked has one axis more outside than inside.
    """
    inner = equation.params["jaxpr"].jaxpr
    stacked = [a.aval.ndim > b.aval.ndim for a, b in zip(equation.invars, inner.invars, strict=True)]
    carries = sum(a.aval.ndim == b.aval.ndim for a, b in zip(equation.outvars, inner.outvars, strict=True))
    return stacked.count(False) - carries, carries
