"""The wording of errors: every check in the library reports through this file.

A message names the operation, the argument, what came and what was expected, so that the
reader can mend the call without opening the source:

    conv: W has 4 input channels; expected 3 = 6 channels of A / 2 groups

Wrong kinds of things are `TypeError`, wrong values and shapes `ValueError`, as in NumPy.
"""

import math
import operator
from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any, NoReturn


def wrong_value(operation: str, came: str, expected: str) -> NoReturn:
    """Raise ValueError: `operation: came; expected …`. `came` begins with the argument's name."""
    raise ValueError(f"{operation}: {came}; expected {expected}")


def wrong_type(operation: str, came: str, expected: str) -> NoReturn:
    """Raise TypeError: `operation: came; expected …`. `came` begins with the argument's name."""
    raise TypeError(f"{operation}: {came}; expected {expected}")


def integer(
    operation: str, argument: str, value: Any, *, least: int | None = None, forms: str | None = None
) -> int:
    """`value` as an int of at least `least`; a bool or a float is refused, not rounded.

    forms: all that might have come, where an integer is one form of several.

    A symbolic integer, an Integral without a value, passes: so the proofs can run the arithmetic of windows
    for every size at once.
    """
    what = "an integer" if least is None else f"an integer of at least {least}"
    try:
        if isinstance(value, bool):
            raise TypeError
        symbolic = isinstance(value, Integral) and not hasattr(value, "__index__")
        number = value if symbolic else operator.index(value)
    except TypeError:
        wrong_type(operation, f"{argument} is {value!r}", forms or what)
    if least is not None and number < least:
        wrong_value(operation, f"{argument} is {number}", what)
    return number


def boolean(operation: str, argument: str, value: Any) -> bool:
    """`value`, refused unless True or False."""
    if not isinstance(value, bool):
        wrong_type(operation, f"{argument} is {value!r}", "True or False")
    return value


def number(
    operation: str,
    argument: str,
    value: Any,
    what: str = "",
    within: Callable[[float], bool] | None = None,
) -> float:
    """`value` as a finite float for which `within` holds; `what` describes such numbers: "from 0 to 1"."""
    expected = f"a finite Python number {what}".rstrip()
    if isinstance(value, bool) or not isinstance(value, int | float):
        wrong_type(operation, f"{argument} is {value!r}", expected)
    if not math.isfinite(value) or (within is not None and not within(value)):
        wrong_value(operation, f"{argument} is {value!r}", expected)
    return float(value)


def per_axis(operation: str, argument: str, value: Any, rank: int, *, least: int) -> tuple[int, ...]:
    """One integer an axis: a lone integer stands for all `rank` axes."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) != rank:
            wrong_value(
                operation,
                f"{argument} is {tuple(value)} with {len(value)} entries",
                f"one integer, or {rank}, one for each spatial axis",
            )
        return tuple(
            integer(operation, f"{argument}[{axis}]", entry, least=least) for axis, entry in enumerate(value)
        )
    forms = f"an integer of at least {least}, or a tuple of {rank}, one for each spatial axis"
    return (integer(operation, argument, value, least=least, forms=forms),) * rank


def window_tuple(operation: str, argument: str, value: Any) -> tuple[int, ...]:
    """A window's size, whose length tells the number of spatial axes: 1 to 3 integers."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        wrong_type(operation, f"{argument} is {value!r}", "a tuple, one integer for each spatial axis")
    if not 1 <= len(value) <= 3:
        wrong_value(operation, f"{argument} is {tuple(value)}", "1 to 3 entries, one for each spatial axis")
    return per_axis(operation, argument, value, len(value), least=1)


def missing_extra(operation: str, error: ModuleNotFoundError, extra: str) -> str:
    """What to say where an optional dependency is missing."""
    return f"{operation} needs the package {error.name}; install it with: pip install 'jaxcnn[{extra}]'"
