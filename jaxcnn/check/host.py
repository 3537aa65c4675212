"""Run a jaxpr in NumPy, one primitive at a time: nothing is compiled, and nothing of the compiler is trusted.

A small program runs in a fraction of the time that it takes to compile it. What is only to be evaluated (the
reference, its sensitivity to rounding, a program that jax has transformed or dispatches eagerly) runs here if
it can; of the function in question, what its user compiles is compiled as well.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core

from jaxcnn.check.host_indexing import dynamic_slice, dynamic_update_slice, gather, scatter
from jaxcnn.check.jaxprs import CALLS, EXACT, bind, run, run_call, scan_parts

Rule = Callable[..., Any]

# A compilation takes about as long as so many steps, and so many more for each equation; and it does not pay
# for fewer numbers than these.
_STEPS, _STEPS_AN_EQUATION = 20_000, 150
_NUMBERS = 20_000_000
_DTYPES = frozenset(
    {"bool", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"}
)


class Program:
    """A function as it is traced for arguments of certain shapes and dtypes."""

    def __init__(self, function: Callable[..., Any], like: Sequence[Any]):
        """Trace it for arguments like these."""
        self.compiled = jax.jit(function)  # which traces no second time when it is called
        self.traced = self.compiled.trace(*like).jaxpr
        widths = [_width(v.aval) for v in self.traced.jaxpr.invars]
        self._equations, self._steps, self.numbers = _cost(self.traced.jaxpr, max(widths, default=0))

    def can_run(self, times: int = 1) -> bool:
        """Whether every primitive is known here, and so many runs are not better compiled."""
        compiled = _STEPS + _STEPS_AN_EQUATION * self._equations
        return self._steps * times <= compiled and self.numbers * times <= _NUMBERS

    def rounds_below(self, width: int) -> bool:
        """Whether some step rounds to floating-point numbers of fewer bytes."""
        return _some(self.traced.jaxpr, lambda equation: _rounds_below(width, equation))

    def run(
        self, inputs: Sequence[np.ndarray], one: Callable[..., Sequence[Any]] | None = None
    ) -> list[np.ndarray]:
        """The outputs, if it `can_run`; each equation's as `one` gives them, in place of `step`."""
        with np.errstate(all="ignore"):
            return [np.asarray(x) for x in _inside(self.traced, inputs, one or step)]

    def again(self, *inputs: Any) -> list[Any]:
        """The same as a function of JAX; it need not be traced from the beginning."""
        return run(self.traced.jaxpr, self.traced.consts, inputs, lambda e, x: bind(e, x, e.params))


def holds_jaxprs(equation: Any) -> bool:
    """Whether it is a call, a loop or a branch."""
    return equation.primitive.name in CALLS or equation.primitive.name in _CONTROL


def step(
    equation: Any, operands: Sequence[Any], inner: Callable[..., Sequence[Any]] | None = None
) -> Sequence[Any]:
    """The results of one equation; `inner` runs those of the jaxprs that it holds."""
    name, inner = equation.primitive.name, inner or step
    if name in CALLS:
        return run_call(equation, operands, inner)
    if name in _CONTROL:
        return _CONTROL[name](equation, operands, inner)
    results = _RULES[name](*operands, **equation.params)
    if not equation.primitive.multiple_results:
        results = (results,)
    return [np.asarray(x, v.aval.dtype) for x, v in zip(results, equation.outvars, strict=True)]


def compute(equation: Any, operands: Sequence[Any]) -> Sequence[Any]:
    """The results of one equation, whatever its primitive: of JAX, if they must be."""
    if not _has_rule(equation):
        return bind(equation, operands, equation.params)
    with np.errstate(all="ignore"):
        return step(equation, [np.asarray(x) for x in operands])


def can_step(equation: Any) -> bool:
    """Whether `step` knows how, and it is not better compiled."""
    width = max((_width(v.aval) for v in equation.invars), default=0)
    equations, steps, numbers = _cost_of(equation, width)
    return steps <= _STEPS + _STEPS_AN_EQUATION * equations and numbers <= _NUMBERS


def _cost(jaxpr: Any, width: int) -> np.ndarray:
    """Equations, steps (equations with their loops unrolled), and numbers computed; infinite if not known.

    Nor is known what is rounded to fewer bytes than the `width` of the inputs, such as a cosine in float32:
    XLA may round it otherwise, and beside numbers in float64 that is no longer rounding.
    """
    return sum((_cost_of(equation, width) for equation in jaxpr.eqns), np.zeros(3))


def _cost_of(equation: Any, width: int) -> np.ndarray:
    if holds_jaxprs(equation):
        inside = np.max([_cost(j, width) for j in _jaxprs(equation)], axis=0)
        times = max(equation.params.get("length", 1), 1)
        return np.asarray(inside * (1, times, times))
    if not _has_rule(equation) or _rounds_below(width, equation):
        return np.full(3, math.inf)
    numbers = sum(v.aval.size for v in equation.outvars)
    if equation.primitive.name == "dot_general":
        contracted = equation.params["dimension_numbers"][0][0]
        summed = math.prod(equation.invars[0].aval.shape[a] for a in contracted)
        numbers += equation.outvars[0].aval.size * summed
    return np.array([1, 1, numbers], float)


def _some(jaxpr: Any, found: Callable[[Any], bool]) -> bool:
    """Whether it is found of an equation, be it inside another."""
    return any(
        found(e) or any(_some(inner, found) for inner in core.jaxprs_in_params(e.params)) for e in jaxpr.eqns
    )


def _width(aval: Any) -> int:
    """Bytes of a floating-point number; 0 of any other."""
    return aval.dtype.itemsize if jnp.issubdtype(aval.dtype, jnp.floating) else 0


def _rounds_below(width: int, equation: Any) -> bool:
    return equation.primitive.name not in EXACT and any(0 < _width(v.aval) < width for v in equation.outvars)


def _has_rule(equation: Any) -> bool:
    return (
        equation.primitive.name in _RULES
        and equation.params.get("num_keys", 1) == 1
        and all(str(v.aval.dtype) in _DTYPES for v in (*equation.invars, *equation.outvars))
    )


def _jaxprs(equation: Any) -> list[Any]:
    if equation.primitive.name == "cond":
        return [branch.jaxpr for branch in equation.params["branches"]]
    inner = equation.params[{**CALLS, "scan": "jaxpr"}[equation.primitive.name]]
    return [inner.jaxpr if isinstance(inner, core.ClosedJaxpr) else inner]


# ---- control flow -----------------------------------------------------------------------------------------


def _cond(equation, operands, inner):
    index, *operands = operands
    branches = equation.params["branches"]
    return _inside(branches[min(max(int(index), 0), len(branches) - 1)], operands, inner)


def _scan(equation, operands, inner):
    body, length = equation.params["jaxpr"], equation.params["length"]
    consts, carries = scan_parts(equation)
    state, stacks = operands[consts : consts + carries], operands[consts + carries :]
    columns: list[list[Any]] = [[] for _ in equation.outvars[carries:]]
    reverse = equation.params["reverse"]
    for k in reversed(range(length)) if reverse else range(length):
        results = _inside(body, [*operands[:consts], *state, *(np.asarray(x[k]) for x in stacks)], inner)
        state = results[:carries]
        for column, y in zip(columns, results[carries:], strict=True):
            column.append(y)
    stacked = zip(columns, (v.aval for v in equation.outvars[carries:]), strict=True)
    return [
        *state,
        *(np.stack(y[::-1] if reverse else y) if y else np.zeros(a.shape, a.dtype) for y, a in stacked),
    ]


def _inside(program, operands, inner):
    return run(program.jaxpr, [np.asarray(c) for c in program.consts], operands, inner)


_CONTROL: dict[str, Callable[..., Sequence[Any]]] = {"cond": _cond, "scan": _scan}

# ---- one primitive each -----------------------------------------------------------------------------------


def _elementwise(function: Callable[..., Any]) -> Rule:
    return lambda *operands, **_: function(*operands)


def _quotient(a, b, **_):
    """Integers are divided towards zero; by zero they give all bits, as XLA does."""
    if np.issubdtype(a.dtype, np.floating):
        return a / b
    safe = np.where(b == 0, 1, b)
    return np.where(b == 0, -1, (a - np.fmod(a, safe)) // safe)


def _remainder(a, b, **_):
    if np.issubdtype(a.dtype, np.floating):
        return np.fmod(a, b)
    return np.where(b == 0, a, np.fmod(a, np.where(b == 0, 1, b)))


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _select(which, *cases, **_):
    return np.where(which, cases[1], cases[0]) if which.dtype == bool else np.choose(which, cases)


def _round(x, *, rounding_method, **_):
    if int(rounding_method) == 1:  # to even
        return np.rint(x)
    return np.trunc(x + np.copysign(np.nextafter(np.asarray(0.5, x.dtype), 0), x))


def _converted(x, *, new_dtype, **_):
    if np.issubdtype(x.dtype, np.floating) and np.issubdtype(new_dtype, np.integer):
        limits = np.iinfo(new_dtype)  # XLA saturates, and makes 0 of NaN
        x = np.where(np.isnan(x), 0, x)
        inside = np.clip(x, float(limits.min), np.nextafter(float(limits.max), 0)).astype(new_dtype)
        return np.where(x >= float(limits.max), limits.max, inside)
    return x.astype(new_dtype)


def _broadcast(x, *, shape, broadcast_dimensions, **_):
    placed = [1] * len(shape)
    for n, axis in zip(x.shape, broadcast_dimensions, strict=True):
        placed[axis] = n
    return np.broadcast_to(x.reshape(placed), shape)


def _slice(x, *, start_indices, limit_indices, strides, **_):
    steps = strides or (1,) * x.ndim
    return x[tuple(map(slice, start_indices, limit_indices, steps))]


def _pad(x, value, *, padding_config, **_):
    for axis, (low, high, interior) in enumerate(padding_config):
        n = x.shape[axis]
        spread = n + max(n - 1, 0) * interior
        shape = list(x.shape)
        shape[axis] = max(spread, 0) + max(low, 0) + max(high, 0)
        padded = np.full(shape, value, x.dtype)
        inside: list[Any] = [slice(None)] * x.ndim
        inside[axis] = slice(max(low, 0), max(low, 0) + spread, interior + 1)
        padded[tuple(inside)] = x
        inside[axis] = slice(max(-low, 0), shape[axis] - max(-high, 0))
        x = padded[tuple(inside)]
    return x


def _iota(*, dtype, shape, dimension, **_):
    placed = [1] * len(shape)
    placed[dimension] = shape[dimension]
    return np.broadcast_to(np.arange(shape[dimension], dtype=dtype).reshape(placed), shape)


def _reduction(function: Callable[..., Any]) -> Rule:
    return lambda x, *, axes, **_: function(x, axis=tuple(axes))


def _extreme(function: Callable[..., Any], of_none: float) -> Rule:
    def rule(x, *, axes, **_):
        options = {"initial": of_none} if np.issubdtype(x.dtype, np.floating) else {}
        return function(x, axis=tuple(axes), **options)

    return rule


def _place(function: Callable[..., Any]) -> Rule:
    return lambda x, *, axes, **_: function(x, axis=axes[0])


def _cumulative(function: Callable[..., Any]) -> Rule:
    def rule(x, *, axis, reverse, **_):
        return np.flip(function(np.flip(x, axis), axis=axis), axis) if reverse else function(x, axis=axis)

    return rule


def _dot(a, b, *, dimension_numbers, preferred_element_type, **_):
    (a_sum, b_sum), (a_batch, b_batch) = dimension_numbers
    a_free = [k for k in range(a.ndim) if k not in (*a_sum, *a_batch)]
    b_free = [k for k in range(b.ndim) if k not in (*b_sum, *b_batch)]
    batch = [a.shape[k] for k in a_batch]
    summed = math.prod(a.shape[k] for k in a_sum)
    shape = (*batch, *(a.shape[k] for k in a_free), *(b.shape[k] for k in b_free))
    dtype = preferred_element_type or np.result_type(a, b)
    left = a.transpose(*a_batch, *a_free, *a_sum).reshape(*batch, -1, summed) if a.size else None
    right = b.transpose(*b_batch, *b_sum, *b_free).reshape(*batch, summed, -1) if b.size else None
    if left is None or right is None:
        return np.zeros(shape, dtype)
    return np.matmul(left.astype(dtype), right.astype(dtype)).reshape(shape)


def _sorted(*operands, dimension, **_):
    order = np.argsort(operands[0], axis=dimension, kind="stable")
    return [np.take_along_axis(x, order, dimension) for x in operands]


def _split(x, *, sizes, axis, **_):
    return np.split(x, np.cumsum(sizes)[:-1], axis)


_ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "abs": np.abs,
    "acos": np.arccos,
    "acosh": np.arccosh,
    "add": np.add,
    "add_any": np.add,
    "and": np.bitwise_and,
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "atanh": np.arctanh,
    "cbrt": np.cbrt,
    "ceil": np.ceil,
    "clamp": lambda low, x, high: np.minimum(np.maximum(x, low), high),
    "copy": np.array,
    "cos": np.cos,
    "cosh": np.cosh,
    "eq": np.equal,
    "erf": np.vectorize(math.erf, otypes=[float]),
    "erfc": np.vectorize(math.erfc, otypes=[float]),
    "exp": np.exp,
    "exp2": np.exp2,
    "expm1": np.expm1,
    "floor": np.floor,
    "ge": np.greater_equal,
    "gt": np.greater,
    "is_finite": np.isfinite,
    "le": np.less_equal,
    "log": np.log,
    "log1p": np.log1p,
    "logistic": _sigmoid,
    "lt": np.less,
    "max": np.maximum,
    "min": np.minimum,
    "mul": np.multiply,
    "ne": np.not_equal,
    "neg": np.negative,
    "nextafter": np.nextafter,
    "not": np.invert,
    "one_minus_square": lambda x: (1 + x) * (1 - x),
    "or": np.bitwise_or,
    "pow": np.power,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "sign": np.sign,
    "sin": np.sin,
    "sinh": np.sinh,
    "sqrt": np.sqrt,
    "square": np.square,
    "stop_gradient": np.array,
    "sub": np.subtract,
    "tan": np.tan,
    "tanh": np.tanh,
    "xor": np.bitwise_xor,
}

_RULES: dict[str, Rule] = {
    **{name: _elementwise(function) for name, function in _ELEMENTWISE.items()},
    "argmax": _place(np.argmax),
    "argmin": _place(np.argmin),
    "broadcast_in_dim": _broadcast,
    "concatenate": lambda *x, dimension, **_: np.concatenate(x, dimension),
    "convert_element_type": _converted,
    "cummax": _cumulative(np.maximum.accumulate),
    "cummin": _cumulative(np.minimum.accumulate),
    "cumprod": _cumulative(np.cumprod),
    "cumsum": _cumulative(np.cumsum),
    "div": _quotient,
    "dot_general": _dot,
    "dynamic_slice": dynamic_slice,
    "dynamic_update_slice": dynamic_update_slice,
    "gather": gather,
    "integer_pow": lambda x, *, y, **_: np.power(x, y) if y >= 0 else 1 / np.power(x, -y),
    "iota": _iota,
    "optimization_barrier": lambda *x, **_: x,
    "pad": _pad,
    "reduce_and": _reduction(np.all),
    "reduce_max": _extreme(np.max, -np.inf),
    "reduce_min": _extreme(np.min, np.inf),
    "reduce_or": _reduction(np.any),
    "reduce_prod": _reduction(np.prod),
    "reduce_sum": _reduction(np.sum),
    "rem": _remainder,
    "reshape": lambda x, *, new_sizes, **_: x.reshape(new_sizes),
    "rev": lambda x, *, dimensions, **_: np.flip(x, dimensions),
    "round": _round,
    "scatter": scatter(None),
    "scatter-add": scatter(np.add),
    "scatter-max": scatter(np.maximum),
    "scatter-min": scatter(np.minimum),
    "scatter-mul": scatter(np.multiply),
    "select_n": _select,
    "slice": _slice,
    "sort": _sorted,
    "split": _split,
    "squeeze": lambda x, *, dimensions, **_: np.squeeze(x, tuple(dimensions)),
    "stack": lambda *x, axis, **_: np.stack(x, axis),
    "tile": lambda x, *, reps, **_: np.tile(x, reps),
    "transpose": lambda x, *, permutation, **_: np.transpose(x, permutation),
    "unstack": lambda x, *, axis, **_: list(np.moveaxis(x, axis, 0)),
}

# What can be computed here, if dtypes and sizes are such.
KNOWN = frozenset({*_RULES, *CALLS, *_CONTROL})
