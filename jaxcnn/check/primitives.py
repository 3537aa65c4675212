"""What each primitive of JAX does to degrees and grids. A primitive that is not here is inexact.

Sums may run in any order and with fused multiplications, but are taken to be sums of the plain products: no
fast matrix multiplication of the Strassen or Winograd kind.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxcnn.check.degrees import (
    Value,
    chosen,
    constant,
    counted,
    fitted,
    inexact,
    join,
    mantissa_bits,
    power,
    product,
    times,
    total,
    undyadic,
)
from jaxcnn.check.jaxprs import CALLS


@dataclass(frozen=True)
class Step:
    """One equation of a jaxpr, of which some operand depends on the inputs.

    Attributes:
        equation: the equation.
        values: the bounds of each operand; none is inexact.
        known: each operand that does not depend on the inputs, as an array; None for the others.
    """

    equation: Any
    values: Sequence[Value]
    known: Sequence[Any]

    @property
    def name(self) -> str:
        """The primitive's name."""
        return self.equation.primitive.name

    @property
    def dtype(self) -> Any:
        """The dtype of the first result."""
        return self.equation.outvars[0].aval.dtype

    @property
    def params(self) -> dict[str, Any]:
        """The primitive's parameters."""
        return self.equation.params

    def shape(self, operand: int) -> tuple[int, ...]:
        """The shape of an operand."""
        return self.equation.invars[operand].aval.shape

    def fixed(self, *operands: int) -> bool:
        """Whether none of these operands depends on the inputs."""
        return all(self.known[k] is not None for k in operands)


def result(step: Step) -> Value:
    """The bounds of every result of a step."""
    rule = _RULES.get(step.name)
    if rule is None:
        return inexact(step.name)
    if step.name in _ARITHMETIC:
        for array in step.known:
            if array is not None and (bad := undyadic(array, step.dtype)) is not None:
                return inexact(f"{step.name}: {bad:g} is not a small integer times a power of two")
        return fitted(rule(step), step.dtype, step.name)
    return rule(step)


# ------------------------------------------------------------------ moving and choosing


def _moved(step: Step) -> Value:
    return join(*step.values)


def _chosen(step: Step) -> Value:
    return chosen(join(*step.values), step.name)


def _clamped(step: Step) -> Value:
    low, _, high = step.known
    if step.fixed(0, 2) and np.array_equal(low, high) and jnp.issubdtype(step.dtype, jnp.integer):
        return constant(low, len(step.values[1].degrees))  # there is nothing between them
    return _chosen(step)


def _compared(step: Step) -> Value:
    if step.name in _LOGIC and step.dtype != bool:
        return inexact(f"{step.name} of {step.dtype}")
    return counted(join(*step.values), 1, step.name)


def _counted(step: Step) -> Value:
    return counted(step.values[0], math.prod(step.shape(0)), step.name)


def _top(step: Step) -> Value:
    return join(_chosen(step), _counted(step))  # values and places


def _rounded(step: Step) -> Value:
    a = step.values[0]
    if a.exponent >= 0:
        return chosen(a, step.name)
    return counted(a, (a.units >> -a.exponent) + 1, step.name)


def _select(step: Step) -> Value:
    cases = join(*step.values[1:])
    return cases if step.fixed(0) else chosen(cases, step.name)


def _gather(step: Step) -> Value:
    operand, reason = step.values[0], step.name
    if step.params["mode"] != lax.GatherScatterMode.FILL_OR_DROP:
        return operand if step.fixed(1) else chosen(operand, reason)
    if step.fixed(1):
        zeros = jnp.zeros(step.shape(0), step.dtype)
        filled = step.equation.primitive.bind(zeros, step.known[1], **step.params)
        if not bool(jnp.any(filled != 0)):
            return operand
        reason = f"{step.name} outside the array"
    fill = step.params["fill_value"]
    if fill is None:  # NaN, and for integers the extreme one
        fill = np.nan if jnp.issubdtype(step.dtype, jnp.floating) else jnp.iinfo(step.dtype).max
    return join(chosen(operand, reason), constant(fill, len(operand.degrees)))


def _dynamic(step: Step) -> Value:
    arrays = 2 if step.name == "dynamic_update_slice" else 1
    moved = join(*step.values[:arrays])
    return moved if step.fixed(*range(arrays, len(step.values))) else chosen(moved, step.name)


def _scatter(step: Step) -> Value:
    if step.params["update_jaxpr"] is not None:
        return inexact(f"{step.name} with a function")
    moved = join(step.values[0], step.values[2])
    if step.fixed(1) and (step.params["unique_indices"] or _hits(step) <= 1):
        return moved
    return chosen(moved, step.name)


def _scatter_add(step: Step) -> Value:
    operand, _, updates = step.values
    added = total(operand, times(updates, _hits(step)))
    return added if step.fixed(1) else chosen(added, step.name)


def _hits(step: Step) -> int:
    """The most updates that meet in one element."""
    if not step.fixed(1):
        return math.prod(step.shape(2))
    zeros, ones = jnp.zeros(step.shape(0), jnp.int32), jnp.ones(step.shape(2), jnp.int32)
    numbers, mode = step.params["dimension_numbers"], step.params["mode"]
    return int(jnp.max(lax.scatter_add(zeros, step.known[1], ones, numbers, mode=mode), initial=0))


def _converted(step: Step) -> Value:
    (a,), old, new = step.values, step.equation.invars[0].aval.dtype, step.dtype
    if jnp.issubdtype(new, jnp.bool_):
        return counted(a, 1, step.name)
    if jnp.issubdtype(new, jnp.floating):
        return fitted(a, new, step.name)
    if not jnp.issubdtype(new, jnp.integer):
        return inexact(f"{step.name} to {new}")
    if jnp.issubdtype(old, jnp.floating):
        signed = jnp.issubdtype(new, jnp.signedinteger)
        return fitted(_rounded(step), new, step.name) if signed else inexact(f"{step.name} to {new}")
    if jnp.issubdtype(old, jnp.bool_):
        return a
    wraps = jnp.issubdtype(new, jnp.unsignedinteger) or a.units.bit_length() > mantissa_bits(new)
    return counted(a, int(jnp.iinfo(new).max), step.name) if wraps else a


def _reduced_precision(step: Step) -> Value:
    own, kept = jnp.finfo(step.dtype), step.params
    whole = kept["exponent_bits"] >= own.nexp and kept["mantissa_bits"] >= own.nmant
    return step.values[0] if whole else inexact(f"{step.name} of {step.dtype}")


# ------------------------------------------------------------------ arithmetic


def _sum(step: Step) -> Value:
    if step.name in ("sub", "neg") and jnp.issubdtype(step.dtype, jnp.unsignedinteger):
        return inexact(f"{step.name} of {step.dtype}")
    return total(*step.values)


def _product(step: Step) -> Value:
    return product(*step.values)


def _quotient(step: Step) -> Value:
    if jnp.issubdtype(step.dtype, jnp.integer):
        return _chosen(step)
    divisor = step.known[1]
    if divisor is None:
        return inexact("div by what depends on the inputs")
    elements = np.asarray(divisor).astype(np.float64)
    odd = elements[np.abs(np.frexp(elements)[0]) != 0.5]
    if odd.size:
        return inexact(f"div by {odd.flat[0]:g}, no power of two")
    a, b = step.values[0], np.frexp(elements)[1] - 1
    if not b.size:
        return a
    extremes = (int(b.min()), int(b.max()))
    return fitted(join(*(replace(a, exponent=a.exponent - e) for e in extremes)), step.dtype, step.name)


def _integer_pow(step: Step) -> Value:
    exponent = step.params["y"]
    return power(step.values[0], exponent) if exponent >= 0 else inexact(f"{step.name} with {exponent}")


def _square(step: Step) -> Value:
    return power(step.values[0], 2)


def _reduced_sum(step: Step) -> Value:
    return times(step.values[0], math.prod(step.shape(0)[axis] for axis in step.params["axes"]))


def _cumulative_sum(step: Step) -> Value:
    return times(step.values[0], step.shape(0)[step.params["axis"]])


def _reduced_product(step: Step) -> Value:
    axes = step.params["axes"] if "axes" in step.params else (step.params["axis"],)
    count = math.prod(step.shape(0)[axis] for axis in axes)
    longest = power(step.values[0], count)
    # partial products are coarser or finer than the last, and 1 comes of none
    return join(step.values[0], longest) if count else power(step.values[0], 0)


def _reduced(step: Step) -> Value:
    """A reduction by a function of its own, understood where that chooses one of two numbers."""
    if len(step.values) != 2 or not _chooses(step.params["jaxpr"]):
        return inexact(step.name)
    return _chosen(step)


def _chooses(program: Any) -> bool:
    """Whether the results of a jaxpr are among its arguments, chosen by comparing them."""
    return all(
        _chooses(e.params[CALLS[e.primitive.name]])
        if e.primitive.name in CALLS
        else e.primitive.name in _CHOOSING
        for e in getattr(program, "jaxpr", program).eqns
    )


def _window_sum(step: Step) -> Value:
    return times(step.values[0], math.prod(step.params["window_dimensions"]))


def _select_and_scatter_add(step: Step) -> Value:
    return chosen(times(step.values[0], math.prod(step.params["window_dimensions"])), step.name)


def _dot(step: Step) -> Value:
    (contracted, _), _ = step.params["dimension_numbers"]
    return _contraction(step, math.prod(step.shape(0)[axis] for axis in contracted))


def _convolution(step: Step) -> Value:
    features = step.params["dimension_numbers"].rhs_spec[0]
    return _contraction(step, math.prod(n for axis, n in enumerate(step.shape(1)) if axis != features))


def _contraction(step: Step, terms: int) -> Value:
    """A sum of `terms` products, of operands that the precision asked for may round first."""
    precision = step.params["precision"]
    pair = precision if isinstance(precision, tuple) else (precision, precision)
    if not all(p is None or isinstance(p, lax.Precision) for p in pair):
        return inexact(f"{step.name} with {precision}")
    operands = list(step.values)
    if jax.default_backend() != "cpu" and any(p is not lax.Precision.HIGHEST for p in pair):
        # an accelerator may round float32 operands to bfloat16 or TF32
        operands = [fitted(value, jnp.bfloat16, f"{step.name} of operands as bfloat16") for value in operands]
    return times(product(*operands), terms)


_ARITHMETIC: dict[str, Callable[[Step], Value]] = {
    **dict.fromkeys(("add", "add_any", "neg", "sub"), _sum),
    "mul": _product,
    "integer_pow": _integer_pow,
    "square": _square,
    "reduce": _reduced,
    "reduce_sum": _reduced_sum,
    "cumsum": _cumulative_sum,
    **dict.fromkeys(("reduce_prod", "cumprod"), _reduced_product),
    "reduce_window_sum": _window_sum,
    "select_and_scatter_add": _select_and_scatter_add,
    "dot_general": _dot,
    "conv_general_dilated": _convolution,
    "scatter-add": _scatter_add,
}
_MOVES = """
    broadcast_in_dim concatenate copy copy_p device_put pad reshape reshard rev sharding_constraint
    slice split squeeze stack stop_gradient tile transpose unstack
""".split()  # noqa: SIM905
_CHOICES = """
    abs cummax cummin max min reduce_max reduce_min reduce_window_max reduce_window_min rem
    sort
""".split()  # noqa: SIM905
_LOGIC = """
    and not or reduce_and reduce_or reduce_xor xor
""".split()  # noqa: SIM905
_COMPARISONS = """
    eq ge gt is_finite le lt ne sign
""".split()  # noqa: SIM905
_CHOOSING = frozenset("and eq ge gt le lt max min ne not or select_n".split())  # noqa: SIM905
_RULES: dict[str, Callable[[Step], Value]] = {
    **_ARITHMETIC,
    **dict.fromkeys(_MOVES, _moved),
    **dict.fromkeys(_CHOICES, _chosen),
    **dict.fromkeys((*_COMPARISONS, *_LOGIC), _compared),
    **dict.fromkeys(("argmax", "argmin"), _counted),
    **dict.fromkeys(("ceil", "floor", "round"), _rounded),
    **dict.fromkeys(("dynamic_slice", "dynamic_update_slice"), _dynamic),
    "clamp": _clamped,
    "convert_element_type": _converted,
    "div": _quotient,
    "gather": _gather,
    "reduce_precision": _reduced_precision,
    "scatter": _scatter,
    "select_n": _select,
    "top_k": _top,
}
