"""Derivatives as flat functions of a row: what a check runs.

A row is (…live leaves, …directions). In reverse mode the directions are cotangents, one an output, and a
result is (…outputs, …gradients); in forward mode they are tangents, one a live leaf, and a result is
(…outputs, …tangents of the outputs).
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import lax
from jax.extend import core

from jaxcnn.check.call import Call
from jaxcnn.check.jaxprs import CALLS, bind, run_call
from jaxcnn.check.jaxprs import run as run_jaxpr

Flat = Callable[..., tuple[Any, ...]]
Backward = Callable[[tuple[Any, ...], Any], Any]


class GradientError(Exception):
    """A backward pass whose gradients do not fit its arguments, or that changes what it was given."""


def reverse(flat: Flat, live: int) -> Flat:
    """(…outputs, …gradients) of a flat function with so many live leaves."""

    def result(*row):
        outputs, pull = jax.vjp(flat, *row[:live])
        return (*outputs, *pull(tuple(row[live:])))

    return result


def forward(flat: Flat, live: int) -> Flat:
    """(…outputs, …tangents) of a flat function with so many live leaves."""

    def result(*row):
        outputs, tangents = jax.jvp(flat, row[:live], row[live:])
        return (*outputs, *tangents)

    return result


def looped(flat: Flat) -> Flat:
    """A flat function of stacked rows, in a loop of JAX."""
    return lambda *rows: lax.map(lambda row: flat(*row), rows)


def with_backward(call: Call, fun: Callable[..., Any], backward: Backward) -> Flat:
    """(…outputs, …gradients) of `fun`, with (inputs, cotangent) → gradients as its backward pass."""

    def result(*row):
        count = len(call.live)
        arguments = call.arguments(row[:count])
        outputs = fun(*arguments)
        leaves, tree = jax.tree.flatten(outputs)
        gradients = backward(arguments, jax.tree.unflatten(tree, row[count:]))
        return (*leaves, *gradient_leaves(call, gradients))

    return result


def on_host(result: Flat, call: Call) -> Flat:
    """A NumPy function of a row; raises GradientError where it changes the row in place."""

    def run(*row):
        given = [np.array(value) for value in row]
        with np.errstate(all="ignore"):  # values are drawn to overflow
            outcome = tuple(np.asarray(value) for value in result(*given))
        directions = [f"the cotangent {k}" for k in range(len(row) - len(call.names))]
        for name, before, after in zip([*call.names, *directions], row, given, strict=True):
            if not np.array_equal(before, after, equal_nan=True):
                raise GradientError(f"{name} is changed in place")
        return outcome

    return run


def gradient_leaves(call: Call, gradients: Any) -> list[Any]:
    """The gradients of the live leaves, out of one gradient an argument.

    Raises:
        GradientError: naming what does not fit.
    """
    arguments = jax.tree.unflatten(call.tree, call.leaves)
    if not isinstance(gradients, tuple | list) or len(gradients) != len(arguments):
        came = (
            f"{len(gradients)} gradients" if isinstance(gradients, tuple | list) else type(gradients).__name__
        )
        raise GradientError(f"it returns {came}; expected a tuple of {len(arguments)}, one for each argument")
    leaves: list[Any] = []
    for argument, gradient, span in zip(arguments, gradients, call.spans, strict=True):
        mine = [k for k in call.live if k in span]
        if not mine:
            continue
        came, expected = jax.tree.structure(gradient), jax.tree.structure(argument)
        if came != expected:
            name = call.names[call.live.index(mine[0])]
            raise GradientError(f"the gradient with {name} has structure {came}; the argument has {expected}")
        own = jax.tree.leaves(gradient)
        leaves.extend(own[k - span.start] for k in mine)
    return leaves


def stripped(flat: Flat) -> Flat:
    """The primal of a flat function, every custom rule in it taken out: jax differentiates what is left."""

    def run(*live):
        program = jax.make_jaxpr(flat)(*live)  # now, as the dtypes may be wider than the arguments' own
        return tuple(run_jaxpr(program.jaxpr, program.consts, live, _primal))

    return run


def _primal(equation: Any, operands: list[Any]) -> list[Any]:
    """A step without a rule: functions that have one are entered like any other call."""
    if equation.primitive.name in CALLS:
        return run_call(equation, operands, _primal)
    params = {key: _without_rules(value) for key, value in equation.params.items()}
    return bind(equation, operands, params)


def _without_rules(value: Any) -> Any:
    """The bodies of loops and branches, stripped as well."""
    if isinstance(value, core.ClosedJaxpr):
        return jax.make_jaxpr(lambda *x: run_jaxpr(value.jaxpr, value.consts, x, _primal))(*value.in_avals)
    if isinstance(value, tuple) and value and all(isinstance(v, core.ClosedJaxpr) for v in value):
        return tuple(map(_without_rules, value))
    return value
