"""When two numbers count as equal.

Exact: bit for bit (−0 equals 0). Else the reference is evaluated in float64, and a number may differ from
it by what rounding explains:

    |got − ref| ≤ ulps · ε(dtype) · (|ref| + κ)

with κ, the reference's sensitivity to rounding on the way (`jaxcnn.check.rounding`). There is no absolute
term but underflow, below the smallest normal number, and nothing that grows with the array: where the
reference is zero whatever is rounded, nothing but zero passes.
"""

import jax.numpy as jnp
import numpy as np


def exact(got: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Where two arrays are equal bit for bit, but for the sign of zero."""
    return np.asarray(got) == np.asarray(reference)


def error(got: np.ndarray, reference: np.ndarray, sensitivity: np.ndarray | float = 0.0) -> np.ndarray:
    """|got − ref| in units of ε(dtype of got) · (|ref| + κ); infinite for a NaN."""
    limits = jnp.finfo(got.dtype)
    wide = np.asarray(got, np.float64)
    scale = float(limits.eps) * (np.abs(reference) + sensitivity) + float(limits.smallest_normal)
    with np.errstate(over="ignore", invalid="ignore"):  # infinite on both sides: the caller excuses it
        difference = np.abs(wide - reference)
        return np.where(np.isfinite(wide), difference / scale, np.inf)
