"""Where a program may change its course, at a glance: nothing is evaluated, so that it costs a tracing alone.

`jaxcnn.check.polynomial` finds more, at the price of evaluating whatever does not depend on the inputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.extend import core
from jax.typing import ArrayLike

from jaxcnn.check.jaxprs import CALLS, run, run_call

# Steps at which a constant beside an input is a place where the function may change its course.
THRESHOLDS = frozenset(
    {"add", "add_any", "clamp", "eq", "ge", "gt", "le", "lt", "max", "min", "ne", "select_n", "sub"}
)
# Steps whose result depends on which of two numbers is larger.
_CHOOSING = frozenset(
    """
    abs argmax argmin clamp cond cummax cummin eq ge gt le lt max min ne reduce_max reduce_min
    reduce_window_max select_and_gather_add select_and_scatter_add sign sort top_k while
    """.split()  # noqa: SIM905
)
_LIVE = object()


@dataclass
class Branches:
    """What was seen.

    Attributes:
        chooses: whether something that depends on the inputs is compared.
        literals: single numbers that are added to, compared with or put in place of such things.
    """

    chooses: bool = False
    literals: set[float] = field(default_factory=set)

    def step(self, equation: Any, operands: Sequence[Any]) -> Sequence[Any]:
        """One step: numbers alone are carried, and what depends on the inputs is marked."""
        name, results = equation.primitive.name, len(equation.outvars)
        if name in CALLS:
            return run_call(equation, operands, self.step)
        if not any(x is _LIVE for x in operands):
            return [operands[0] if name in ("broadcast_in_dim", "convert_element_type") else None] * results
        # of a branch's operands the first says which one: that may be the platform
        chosen = operands[:1] if name == "cond" else operands
        self.chooses |= name in _CHOOSING and any(x is _LIVE for x in chosen)
        if name in THRESHOLDS:
            numbers = [x for x in operands if x is not _LIVE and np.size(x) == 1 and x is not None]
            self.literals |= {
                float(x) for x in map(np.squeeze, numbers) if jnp.issubdtype(x.dtype, jnp.floating)
            }
        return [_LIVE] * results


def seen(program: core.ClosedJaxpr, inputs: Sequence[ArrayLike]) -> Branches:
    """Where a program, traced for such inputs, may change its course.

    >>> x = jnp.zeros(3)
    >>> program = jax.make_jaxpr(lambda x: (jnp.minimum(jnp.where(x > 0, x, 0.5), 6),))(x)
    >>> sorted(seen(program, [x]).literals)
    [0.0, 0.5, 6.0]
    """
    marked = [_LIVE if jnp.issubdtype(jnp.result_type(x), jnp.floating) else None for x in inputs]
    found = Branches()
    run(program.jaxpr, program.consts, marked, found.step)
    return found
