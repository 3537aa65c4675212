"""Functions run eagerly, each primitive as JAX dispatches it, computed in NumPy: nothing has to be compiled.

The function meets what it meets without `jax.jit`: concrete arrays, Python's own branches, one primitive at a
time. Only the arithmetic is that of `jaxcnn.check.host`; what this does not know, JAX computes. Otherwise XLA
would compile each primitive by itself, for each shape, which takes longer than all the rest of a check.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core

from jaxcnn.check import host
from jaxcnn.check.rules import Flat

with jax.ensure_compile_time_eval(), core.take_current_trace() as _trace:
    _Eager: Any = type(_trace)  # how JAX evaluates outside of all transformations


@dataclass(frozen=True)
class Bound:
    """One primitive with its arguments, as an equation of a jaxpr has it: `host` reads no more of it."""

    primitive: Any
    params: dict[str, Any]
    invars: Sequence[Any]
    outvars: Sequence[Any]


class _InNumPy(_Eager):
    """The trace of eager evaluation, by the rules of `host` where they know how."""

    def process_primitive(self, primitive, args, params, /):
        """The results of one primitive."""
        equation = _bound(primitive, args, params)
        if equation is None or not host.can_step(equation):
            return super().process_primitive(primitive, args, params)
        with np.errstate(all="ignore"):
            results = host.step(equation, [np.asarray(x) for x in args])
        arrays = [jax.device_put(x) for x in results]
        return arrays if primitive.multiple_results else arrays[0]


def eagerly(function: Flat) -> Flat:
    """The function of a row of NumPy arrays, run eagerly."""

    def run(*row):
        arrays = [jnp.asarray(x) for x in row]
        with core.set_current_trace(_InNumPy()):
            return function(*arrays)

    return run


def _bound(primitive, args, params) -> Bound | None:
    """What `host` is to compute; None for what it cannot: keys, weak types, primitives of another kind."""
    if primitive.name not in host.KNOWN:
        return None
    try:
        operands = [jax.typeof(x) for x in args]
        results = _results(primitive, operands, params)
    except TypeError:
        return None
    if any(getattr(aval, "weak_type", True) for aval in results):  # NumPy's results would no longer be weak
        return None
    return Bound(primitive, params, _variables(operands), _variables(results))


def _results(primitive, operands, params) -> Sequence[Any]:
    if primitive.name in host.CALLS:
        inner = params[host.CALLS[primitive.name]]
        return inner.out_avals if hasattr(inner, "out_avals") else [v.aval for v in inner.outvars]
    results, _ = primitive.abstract_eval(*operands, **params)
    return results if primitive.multiple_results else [results]


def _variables(avals: Sequence[Any]) -> list[Any]:
    return [SimpleNamespace(aval=aval) for aval in avals]
