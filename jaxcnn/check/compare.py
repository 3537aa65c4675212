"""When two numbers count as equal.

Exact: bit for bit (−0 equals 0). Else the reference is evaluated in float64, and a number may differ from
it by what rounding explains:

    |got − ref| ≤ ulps · unit,   unit = ε(dtype) · (|ref| + κ)

with κ, the reference's sensitivity to rounding on the way (`jaxcnn.check.rounding`). There is no absolute
term but underflow, below the smallest normal number, and nothing that grows with the array: where the
reference is zero whatever is rounded, nothing but zero passes. A number too large for the dtype agrees with
infinity.

Where the reference is no zero and yet so small that `ulps` units of underflow cover it, right and wrong look
the same: such numbers count as left out, not as compared.

Excused is what the reference cannot judge: where it is NaN, and where it overflows but the number does not
(another formula may overflow later). A NaN where the reference is a number never passes, unless the reference
itself made an output NaN out of numbers, and where function and reference are infinite alike, an infinite
derivative has to be infinite.
"""

import enum

import jax.numpy as jnp
import numpy as np


class Excuse(enum.StrEnum):
    """Why a number could not be judged."""

    NAN = "the reference is NaN"
    INFINITE = "the reference is infinite or overflows"
    KINK = "the function has a kink there"
    TINY = "the reference is below what the dtype can show"


def exact(got: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Where two arrays are equal bit for bit, but for the sign of zero."""
    return np.asarray(got) == np.asarray(reference)


def unit(dtype: np.dtype, reference: np.ndarray, sensitivity: np.ndarray | float = 0.0) -> np.ndarray:
    """What one rounding in `dtype` explains: ε (|ref| + κ), and underflow."""
    limits = jnp.finfo(dtype)
    with np.errstate(invalid="ignore", over="ignore"):
        return float(limits.eps) * (np.abs(reference) + sensitivity) + float(limits.smallest_normal)


def error(got: np.ndarray, reference: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """|got − ref| in units; infinite for a NaN or an infinity that is not the reference's."""
    wide = np.asarray(got, np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        beyond = np.abs(reference) > float(jnp.finfo(got.dtype).max) * (1 - 1e-3)
        same = np.isinf(wide) & beyond & (np.sign(wide) == np.sign(reference))
        comparable = np.isfinite(wide) & np.isfinite(reference)
        difference = np.where(comparable, np.abs(wide - reference) / unit, np.inf)
        return np.where(same, 0.0, difference)


def excused(got: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Where the reference cannot judge."""
    return np.isnan(np.asarray(reference, np.float64)) | overflowed(got, reference)


def tiny(dtype: np.dtype, reference: np.ndarray, ulps: float) -> np.ndarray:
    """Where the reference is no zero, but as small as what the dtype loses in `ulps` underflows."""
    size = np.abs(np.asarray(reference, np.float64))
    return (size > 0) & (size <= ulps * float(jnp.finfo(dtype).smallest_normal))


def overflowed(got: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Where the reference is infinite and the number is not."""
    return np.isinf(np.asarray(reference, np.float64)) & np.isfinite(np.asarray(got, np.float64))
