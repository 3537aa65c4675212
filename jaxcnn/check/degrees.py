"""What is known of an array without computing it: its degrees as a polynomial, and the grid it lies on.

A value stands for an array that depends on the inputs. Every element of it is a multiple of 2^exponent and
at most units · 2^exponent in size, so it is exact in a floating-point format with p bits of mantissa if
units < 2^p. The bound of a sum is the sum of the bounds: it holds for every partial sum, in any order.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import jax.numpy as jnp
import numpy as np


class Kind(enum.IntEnum):
    """How an array comes from the inputs; the larger, the less is known.

    POLYNOMIAL: its elements are polynomials in the elements of the inputs, evaluated without rounding.
    PIECEWISE: still without rounding, but comparisons of the inputs choose among polynomials.
    INEXACT: neither could be shown.
    """

    POLYNOMIAL = 0
    PIECEWISE = 1
    INEXACT = 2


@dataclass(frozen=True)
class Value:
    """An array that depends on the inputs.

    Attributes:
        kind: the worst on the way.
        reason: the first step that made it so; empty for polynomials.
        degrees: in each input, the largest of any element; every element of one input counts alike.
        degree: in all inputs together.
        units: the largest size of an element, in units of 2^exponent.
        exponent: every element is a multiple of 2^exponent.
    """

    kind: Kind
    reason: str
    degrees: tuple[int, ...]
    degree: int
    units: int
    exponent: int


def inexact(reason: str) -> Value:
    """A value of which nothing is known."""
    return Value(Kind.INEXACT, reason, (), 0, 0, 0)


def constant(array: Any, inputs: int) -> Value:
    """The bounds of an array that does not depend on the inputs. Only finite elements count for them."""
    elements = np.asarray(array)
    if jnp.issubdtype(elements.dtype, jnp.floating):
        elements = elements.astype(np.float64)  # from every narrower format without rounding
        finite = elements[np.isfinite(elements)]
        kind = Kind.POLYNOMIAL if finite.size == elements.size else Kind.PIECEWISE
        mantissas, exponents = _odd(finite[finite != 0])
        exponent = int(exponents.min(initial=np.iinfo(np.int64).max)) if mantissas.size else 0
        largest = Fraction(float(np.abs(finite).max(initial=0.0))) / Fraction(2) ** exponent
        return Value(kind, "an infinite or NaN constant" * kind, (0,) * inputs, 0, int(largest), exponent)
    if elements.dtype == bool or jnp.issubdtype(elements.dtype, jnp.integer):
        units = max((abs(int(extreme)) for extreme in _extremes(elements)), default=0)
        return Value(Kind.POLYNOMIAL, "", (0,) * inputs, 0, units, 0)
    return inexact(f"a constant of dtype {elements.dtype}")


def undyadic(array: Any, dtype: Any) -> float | None:
    """The first element that is not a small integer times a power of two, in half the mantissa's bits.

    Numbers such as 0.1 fill the mantissa: a product with them rounds.
    """
    elements = np.asarray(array)
    if not jnp.issubdtype(elements.dtype, jnp.floating):
        return None
    elements = elements.astype(np.float64)
    mantissas, _ = _odd(np.where(np.isfinite(elements), elements, 0.0))
    bad = elements[np.abs(mantissas) >= 2 ** (mantissa_bits(dtype) // 2)]
    return float(bad.flat[0]) if bad.size else None


def mantissa_bits(dtype: Any) -> int:
    """Bits of the integers that a dtype holds without gaps, the hidden one included."""
    if jnp.issubdtype(dtype, jnp.floating):
        return int(jnp.finfo(dtype).nmant) + 1
    return int(jnp.iinfo(dtype).bits) - int(jnp.issubdtype(dtype, jnp.signedinteger))


def join(*values: Value) -> Value:
    """The bounds of an array whose elements come from any of these."""
    worst = max(values, key=lambda value: value.kind)
    if worst.kind is Kind.INEXACT:
        return worst
    exponent = _finest(values)
    return Value(
        kind=worst.kind,
        reason=worst.reason,
        degrees=tuple(map(max, *(v.degrees for v in values))) if len(values) > 1 else worst.degrees,
        degree=max(v.degree for v in values),
        units=max(_units(v, exponent) for v in values),
        exponent=exponent,
    )


def total(*values: Value) -> Value:
    """The bounds of a sum of one element of each."""
    joined = join(*values)
    if joined.kind is Kind.INEXACT:
        return joined
    return replace(joined, units=sum(_units(v, joined.exponent) for v in values))


def product(a: Value, b: Value) -> Value:
    """The bounds of the product of an element of a and one of b."""
    worst = max((a, b), key=lambda value: value.kind)
    if worst.kind is Kind.INEXACT:
        return worst
    return Value(
        kind=worst.kind,
        reason=worst.reason,
        degrees=tuple(x + y for x, y in zip(a.degrees, b.degrees, strict=True)),
        degree=a.degree + b.degree,
        units=a.units * b.units,
        exponent=a.exponent + b.exponent,
    )


def power(a: Value, exponent: int) -> Value:
    """The bounds of a product of `exponent` elements."""
    return replace(
        a,
        degrees=tuple(exponent * degree for degree in a.degrees),
        degree=exponent * a.degree,
        units=a.units**exponent,
        exponent=exponent * a.exponent,
    )


def times(a: Value, count: int) -> Value:
    """The bounds of a sum of `count` elements."""
    return replace(a, units=count * a.units)


def chosen(a: Value, reason: str) -> Value:
    """The same bounds, where the inputs decide which polynomial it is."""
    return a if a.kind is not Kind.POLYNOMIAL else replace(a, kind=Kind.PIECEWISE, reason=reason)


def counted(a: Value, units: int, reason: str) -> Value:
    """An integer or truth value found by comparing elements of `a`."""
    return replace(chosen(a, reason), degrees=tuple(0 for _ in a.degrees), degree=0, units=units, exponent=0)


def fitted(a: Value, dtype: Any, name: str) -> Value:
    """`a` if the dtype holds all of its grid, else inexact."""
    if a.kind is Kind.INEXACT or a.units == 0:
        return a
    bits, size = a.units.bit_length(), a.units.bit_length() + a.exponent
    bound = f"{name}: numbers up to 2^{size} in steps of 2^{a.exponent} do not fit {jnp.dtype(dtype).name}"
    if bits > mantissa_bits(dtype):
        return inexact(bound)
    if jnp.issubdtype(dtype, jnp.floating):
        limits = jnp.finfo(dtype)
        if a.exponent < limits.minexp or size > limits.maxexp:
            return inexact(bound)
    return a


def _odd(elements: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Odd integers m and exponents e with element = m · 2^e; 0 and 0 for 0."""
    fractions, exponents = np.frexp(elements)
    mantissas = (fractions * 2.0**53).astype(np.int64)
    lowest = mantissas & -mantissas
    shift = np.where(lowest > 0, np.frexp(lowest.astype(np.float64))[1] - 1, 0)
    return mantissas >> shift, np.where(lowest > 0, exponents - 53 + shift, 0).astype(np.int64)


def _extremes(elements: np.ndarray) -> Sequence[Any]:
    return (elements.min(), elements.max()) if elements.size else ()


def _finest(values: Sequence[Value]) -> int:
    return min((v.exponent for v in values if v.units), default=0)


def _units(value: Value, exponent: int) -> int:
    return value.units << (value.exponent - exponent) if value.units else 0
