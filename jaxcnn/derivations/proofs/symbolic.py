"""Integers and truth values that stand for every value at once, over z3's linear integer arithmetic.

A `Number` is added, multiplied by an integer, divided by a positive one and compared as an int is, and the
result is a `Number` or a `Truth`. So a function of integers, ours to prove or the library's own, runs
on them as it stands. Where it asks which of two ways to go (`if`, `and`, `max`), `explore` goes both.
"""

import numbers
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import z3

# A function with more than these does not end, or not soon.
_MOST_CHOICES = 200  # on one path
_MOST_PATHS = 500


@dataclass(frozen=True, eq=False, repr=False)  # errors print numbers, and z3 prints slowly
class Number:
    """An integer of any value."""

    expression: Any

    def __add__(self, other: Any) -> "Number":
        return Number(self.expression + _expression(other))

    def __sub__(self, other: Any) -> "Number":
        return Number(self.expression - _expression(other))

    def __rsub__(self, other: Any) -> "Number":
        return Number(_expression(other) - self.expression)

    def __neg__(self) -> "Number":
        return Number(-self.expression)

    def __mul__(self, other: int) -> "Number":
        if not isinstance(other, int):
            raise TypeError("a product of two variables is not linear")
        return Number(self.expression * other)

    __radd__, __rmul__ = __add__, __mul__

    # z3 divides by a positive number as Python does: rounding down, the remainder not negative
    def __floordiv__(self, other: int) -> "Number":
        return Number(self.expression / _divisor(other))

    def __mod__(self, other: int) -> "Number":
        return Number(self.expression % _divisor(other))

    def __lt__(self, other: Any) -> "Truth":
        return Truth(self.expression < _expression(other))

    def __le__(self, other: Any) -> "Truth":
        return Truth(self.expression <= _expression(other))

    def __gt__(self, other: Any) -> "Truth":
        return Truth(self.expression > _expression(other))

    def __ge__(self, other: Any) -> "Truth":
        return Truth(self.expression >= _expression(other))

    def __eq__(self, other: Any) -> "Truth":  # type: ignore[override]
        return Truth(self.expression == _expression(other))

    def __ne__(self, other: Any) -> "Truth":  # type: ignore[override]
        return Truth(self.expression != _expression(other))

    def __bool__(self) -> bool:
        return bool(self != 0)

    __hash__ = None  # type: ignore[assignment]


numbers.Integral.register(Number)


@dataclass(frozen=True, eq=False, repr=False)  # errors print numbers, and z3 prints slowly
class Truth:
    """True or False, depending on the variables. Asked which, it is both, one after the other."""

    expression: Any

    def __and__(self, other: Any) -> "Truth":
        return Truth(z3.And(self.expression, _expression(other)))

    def __or__(self, other: Any) -> "Truth":
        return Truth(z3.Or(self.expression, _expression(other)))

    def __xor__(self, other: Any) -> "Truth":
        return Truth(z3.Xor(self.expression, _expression(other)))

    def __eq__(self, other: Any) -> "Truth":  # type: ignore[override]
        return Truth(self.expression == _expression(other))

    def __ne__(self, other: Any) -> "Truth":  # type: ignore[override]
        return self ^ other

    def pick(self, a: Any, b: Any) -> Number:
        """The integer a where this is true, else b."""
        return Number(z3.If(self.expression, _expression(a), _expression(b)))

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__
    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        return _path.choose(self.expression)


class _Path:
    """One way through a function: the choices to make first, those made, and what they assume."""

    def __init__(self, choices: tuple[bool, ...] = ()):
        self.given, self.choices, self.conditions = choices, list[bool](), list[Any]()
        self.known: dict[int, bool] = {}

    def choose(self, condition: Any) -> bool:
        condition = z3.simplify(condition)
        if z3.is_true(condition) or z3.is_false(condition):
            return z3.is_true(condition)
        if (name := condition.get_id()) in self.known:
            return self.known[name]
        made = len(self.choices)
        if made == _MOST_CHOICES:
            raise RecursionError(f"more than {_MOST_CHOICES} choices on one path")
        choice = self.given[made] if made < len(self.given) else True
        self.choices.append(choice)
        self.conditions.append(condition if choice else z3.Not(condition))
        self.known[name] = choice
        return choice


_path = _Path()


def explore(function: Callable[[], Any]) -> Any:
    """The truth value that `function` returns, as one formula: path ⇒ result, for all paths through it."""
    global _path
    pending: list[tuple[bool, ...]] = [()]
    clauses = []
    while pending:
        _path = _Path(pending.pop())
        result = function()
        taken = tuple(_path.choices)
        pending += [(*taken[:k], False) for k in range(len(_path.given), len(taken))]
        clauses.append(z3.Implies(z3.And(_path.conditions), _expression(result)))
        if len(clauses) > _MOST_PATHS:
            raise RecursionError(f"more than {_MOST_PATHS} paths")
    return z3.And(clauses)


def variables(names: Sequence[str]) -> dict[str, Number]:
    """Free integers of these names."""
    return {name: Number(z3.Int(name)) for name in names}


class Unknown(Exception):
    """z3 could not tell within its time."""


def example(names: Sequence[str], formulas: Sequence[Any], seconds: float) -> dict[str, int] | None:
    """Some integers that satisfy all formulas; None: there are none.

    Raises Unknown where z3 cannot tell within `seconds`.
    """
    solver = z3.SimpleSolver()  # on these formulas the quickest, and with the fewest unknowns
    solver.set("timeout", max(1, int(1000 * seconds)))
    solver.add(*formulas)
    answer = solver.check()
    if answer == z3.unknown:
        raise Unknown(solver.reason_unknown())
    if answer == z3.unsat:
        return None
    model = solver.model()
    return {name: model.eval(z3.Int(name), model_completion=True).as_long() for name in names}


def smallest(names: Sequence[str], formulas: Sequence[Any], seconds: float) -> dict[str, int] | None:
    """The example whose magnitudes add up to the least, by bisection; each question may take `seconds`."""
    found, least = example(names, formulas, seconds), 0
    total = z3.Sum([z3.If(z3.Int(name) >= 0, z3.Int(name), -z3.Int(name)) for name in names])
    while found is not None and (most := sum(map(abs, found.values()))) > least:
        middle = (least + most) // 2
        smaller = example(names, [*formulas, total <= middle], seconds)
        if smaller is None:
            least = middle + 1
        else:
            found = smaller
    return found


def negation(formula: Any) -> Any:
    """¬ formula."""
    return z3.Not(formula)


def _expression(value: Any) -> Any:
    match value:
        case Number() | Truth():
            return value.expression
        case bool():
            return z3.BoolVal(value)
        case int():
            return z3.IntVal(value)
    raise TypeError(f"{value!r} is neither an integer nor a truth value")


def _divisor(value: Any) -> int:
    if not isinstance(value, int) or value < 1:
        raise TypeError(f"division by {value!r}; only by a positive number is it linear")
    return value
