"""When two numbers count as equal.

Exact: bit for bit (−0 equals 0). Else the reference is evaluated in float64, and a number may differ
from it by what rounding of its own inputs explains:

    |got − ref| ≤ ulps · ε(dtype) · (|ref| + κ),      κ = Σ_k |∂ref/∂x_k| |x_k|

κ, the condition, runs over all inputs and cotangents x_k; it is what cancellation in a sum amplifies.
It belongs to one number: it does not grow with the array, and where the reference is exactly zero
whatever its inputs, nothing but zero passes. Underflow, below the smallest normal number, is excused.
"""

import functools
import operator
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np


def exact(got: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Where two arrays are equal bit for bit, but for the sign of zero."""
    return np.asarray(got) == np.asarray(reference)


def error(got: np.ndarray, reference: np.ndarray, condition: np.ndarray | float = 0.0) -> np.ndarray:
    """|got − ref| in units of ε(dtype of got) · (|ref| + κ); infinite for a NaN."""
    limits = jnp.finfo(got.dtype)
    wide = np.asarray(got, np.float64)
    difference = np.abs(wide - reference)
    scale = float(limits.eps) * (np.abs(reference) + condition) + float(limits.smallest_normal)
    with np.errstate(over="ignore"):
        return np.where(np.isfinite(wide), difference / scale, np.inf)


def condition(function: Callable[..., jax.Array], inputs: Sequence[jax.Array]) -> jax.Array:
    """κ of the one number `function(*inputs)`. Traceable.

    Where a derivative is not finite it explains nothing, and κ is zero.
    """
    slopes = jax.grad(function, argnums=tuple(range(len(inputs))))(*inputs)
    terms = (jnp.sum(jnp.abs(slope * value)) for slope, value in zip(slopes, inputs, strict=True))
    kappa = functools.reduce(operator.add, terms)
    return jnp.where(jnp.isfinite(kappa), kappa, 0.0)
