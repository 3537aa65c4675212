"""What a row must give: the rule-free oracle in float64, and how far a result is from it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import jaxcnn
from experiments.benchmark.operations import Row
from jaxcnn.derivations.table import DERIVATIONS
from jaxcnn.oracles import convolution

# Error over the largest entry that a right result stays below. Float32 may run in 10-bit TF32 on a GPU.
TOLERANCE = {("float32", "cpu"): 1e-4, ("float32", "gpu"): 5e-3, ("bfloat16", "cpu"): 3e-2}
LOOSEST = 3e-2
KINKED = 0.3  # off a CPU, where rounding before a relu opens it or shuts it, and its gradient jumps


class Expected(NamedTuple):
    """The value, and the size that errors are measured by."""

    value: np.ndarray
    scale: float


def oracle(row: Row) -> Any:
    """The row's definition as a function of its arrays."""
    if row.operation == "conv_bias_relu":
        return lambda A, W, b: jnp.maximum(convolution.conv(A, W, b, **row.keywords), 0)
    operation = getattr(jaxcnn, row.operation)
    function = next(d.oracle for d in DERIVATIONS if d.operation is operation)
    if row.operation == "dropout":
        return lambda A: function(jax.random.key(0), A, **row.keywords)
    if row.operation == "batch_norm":
        return lambda *x: function(*x, **row.keywords)[0]
    return lambda *x: function(*x, **row.keywords)


def expected(row: Row, arrays: Sequence[np.ndarray], dZ: np.ndarray) -> dict[str, list[Expected]]:
    """The results of each face, from arrays as every contender gets them, in float64."""

    def both(dZ, *x):
        Z, pull = jax.vjp(oracle(row), *x)
        return Z, [g for g in pull(dZ) if g.dtype != jax.dtypes.float0]

    with jax.enable_x64(True):
        wide = [x if np.issubdtype(x.dtype, np.integer) else x.astype(np.float64) for x in arrays]
        dZ = dZ.astype(np.float64)
        Z, gradients = jax.tree.map(np.asarray, jax.jit(both)(dZ, *wide))
    cotangents = [_measured(g) for g in gradients]
    return {
        "forward": [_measured(Z)],
        "dA": cotangents[:1],
        "dW": cotangents[1:2],
        "backward": cotangents,
        "gradient": [_measured(Z), *cotangents],
    }


def _measured(value: np.ndarray) -> Expected:
    return Expected(value, float(np.max(np.abs(value), initial=0)) or 1.0)


def error(results: Sequence[np.ndarray], expected: Sequence[Expected]) -> float:
    """The largest error of any entry, each result's over its scale; ∞ where a shape or a NaN is wrong."""
    worst = 0.0
    for got, (value, scale) in zip(results, expected, strict=True):
        if got.shape != value.shape:
            return float("inf")
        off = np.subtract(got, value, dtype=np.float64)
        largest = max(np.max(off, initial=0), -np.min(off, initial=0))
        worst = max(worst, float(largest) / scale) if np.isfinite(largest) else float("inf")
    return worst


def tolerance(row: Row, face: str) -> float:
    """Below which a result is right on this device."""
    device = jax.default_backend()
    if row.operation == "conv_bias_relu" and face != "forward" and device != "cpu":
        return KINKED
    return TOLERANCE.get((row.dtype, device), LOOSEST)
