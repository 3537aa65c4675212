"""Suite `memory`: what the gradient keeps from the forward pass, and the peak that the compiler plans.

Residuals are the arrays that `jax.vjp` hands from the forward to the backward pass, each counted once.
Arguments of the function (parameters, images) live anyway, and arrays of one constant cost nothing: they are
not counted. Under one jit XLA may recompute some and keep others: its own count of temporary memory stands
beside.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Literal

from experiments.benchmark.config import Config, Progress
from experiments.benchmark.contenders import ours, plain
from experiments.benchmark.measure import LAX, OURS
from experiments.benchmark.operations import OPERATIONS, QUICK, Row
from experiments.benchmark.suites.nets import nets


class Memory(NamedTuple):
    """Bytes of a gradient by one library after another.

    Attributes:
        row: which operation or network.
        residuals: library → bytes kept.
        temporary: library → bytes of the compiled gradient's temporary memory; {} where it was not compiled.
        kept: library → the residuals, largest first, as "float32[32,16,16,64]".
    """

    row: str
    residuals: dict[str, int]
    temporary: dict[str, int]
    kept: dict[str, list[str]]

    @property
    def ratio(self) -> float | None:
        """Our residuals over jax.grad's; None where that keeps nothing."""
        return self.residuals[OURS] / self.residuals[LAX] if self.residuals[LAX] else None


def run(config: Config, progress: Progress) -> list[Memory]:
    """Every float32 operation of the suite `ops` that lax has too, then the networks."""
    measured = []
    for row in config.of(QUICK if config.quick else OPERATIONS):
        functions: dict[str, Any] = {OURS: ours.function(row), LAX: plain.function(row)}
        if row.dtype == "float32" and functions[LAX] is not None and "gradient" in row.faces:
            progress(f"memory: {row.name}")
            measured.append(_operation(row, functions))
    for net in nets(config):
        progress(f"memory: {net.name}")
        functions = {library: _with_data(net, library) for library in (OURS, LAX)}
        kept = {library: residuals(f, net.params) for library, f in functions.items()}
        temporary = {}
        for library in functions:
            compiled = jax.jit(net.gradient(library)).lower(*net.arguments).compile()
            temporary[library] = _temporary(compiled)
        measured.append(_memory(net.name, kept, temporary))
    return measured


def _with_data(net: Any, library: str) -> Callable[[Any], Any]:
    objective = net.objective(library)
    state, images, labels = jax.tree.map(jnp.asarray, net.arguments[1:])
    return lambda params: objective(params, state, images, labels)[0]


def _operation(row: Row, functions: Mapping[str, Any]) -> Memory:
    arrays = row.rounded()
    kept = {}
    for library, f in functions.items():
        floating = [x for x in arrays if np.issubdtype(x.dtype, np.floating)]
        others = arrays[len(floating) :]
        kept[library] = residuals(lambda *x, f=f, others=others: f(*x, *others), *floating)
    return _memory(row.name, kept, {})


def residuals(f: Callable[..., Any], *arguments: Any) -> list[jax.core.ShapedArray]:
    """The residuals of f's gradient, largest first, without what f was given."""
    traced = jax.make_jaxpr(lambda *x: jax.tree.leaves(jax.vjp(f, *x)[1]))(*arguments).jaxpr
    given = {id(v) for v in (*traced.invars, *traced.constvars)}
    for equation in traced.eqns:  # an array of zeros is made of nothing, and made again where it is used
        if all(isinstance(x, Literal) for x in equation.invars):
            given |= {id(v) for v in equation.outvars}
    made = {id(v): v.aval for v in traced.outvars if not isinstance(v, Literal) and id(v) not in given}
    return sorted(made.values(), key=_bytes, reverse=True)


def _bytes(aval: Any) -> int:
    return math.prod(aval.shape) * np.dtype(aval.dtype).itemsize if aval.shape else 0


def _temporary(compiled: Any) -> int:
    analysis = compiled.memory_analysis()
    return 0 if analysis is None else int(analysis.temp_size_in_bytes)


def _memory(name: str, kept: Mapping[str, Sequence[Any]], temporary: dict[str, int]) -> Memory:
    return Memory(
        name,
        {library: sum(map(_bytes, avals)) for library, avals in kept.items()},
        temporary,
        {library: [aval.str_short() for aval in avals] for library, avals in kept.items()},
    )
