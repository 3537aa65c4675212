"""What no program goes below on this machine: FLOPs at the rate of a matrix product, bytes at that of a copy.

Both rates are measured where the floor is asked for. The larger of the two times is the floor.
"""

import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from experiments.benchmark.operations import Row
from experiments.benchmark.timing import interleave, sample

SIDE = 1024  # of the square matrix product
SECONDS, SAMPLES = 0.2, 20
BILINEAR = ("conv", "conv_transpose", "conv_bias_relu", "dense")
# operations whose dA needs A again; the others are linear or keep a byte or less an entry
NONLINEAR = ("batch_norm", "instance_norm", "group_norm", "layer_norm", "rms_norm", "lp_pool")


def seconds(row: Row, face: str, arrays: list[np.ndarray], Z: tuple[int, ...]) -> float:
    """The floor of a face of a row, whose result has the shape Z."""
    return max(flops(row, face, Z) / flop_rate(row.dtype), copy_seconds(bytes_moved(row, face, arrays, Z)))


def flops(row: Row, face: str, Z: tuple[int, ...]) -> float:
    """Multiplications and additions of the products; all else is counted by its bytes."""
    if row.operation not in BILINEAR:
        return 0
    if row.operation == "dense":
        once = 2 * math.prod(row.shape) * row.kernel[-1]
    else:
        *f, K = row.kernel
        outside = row.shape if row.operation == "conv_transpose" else Z
        per_window = math.prod(f) * (K if outside is row.shape else row.shape[-1])
        once = 2 * math.prod(outside) * per_window // row.keywords.get("groups", 1)
    return once * {"backward": 2, "gradient": 3}.get(face, 1)


def bytes_moved(row: Row, face: str, arrays: list[np.ndarray], Z: tuple[int, ...]) -> float:
    """Every array that the face must read or write, once for each of forward and backward."""
    size = jnp.dtype(row.dtype).itemsize
    A, *others = (math.prod(x.shape) * size for x in arrays)
    z, parameters = math.prod(Z) * size, sum(others)
    again = A if row.operation in (*BILINEAR, *NONLINEAR) else 0
    backward = {"dA": z + parameters + A, "dW": z + A + parameters}.get(face, z + again + A + 2 * parameters)
    forward = A + parameters + z
    return {"forward": forward, "gradient": forward + backward}.get(face, backward)


@functools.cache
def flop_rate(dtype: str) -> float:
    """FLOPs a second of a square matrix product."""
    X = jnp.ones((SIDE, SIDE), dtype)
    return 2 * SIDE**3 / _least(jax.jit(lambda X: X @ X), X)


def copy_seconds(count: float) -> float:
    """To read and write so many bytes in all, by the copy of the next power of two."""
    size = 2 ** math.ceil(math.log2(max(count, 2**12)))
    return _copy(size) * count / size


@functools.cache
def _copy(size: int) -> float:
    return _least(jax.jit(lambda X: X + 1), jnp.zeros(size // 8, jnp.float32))  # half is read, half written


def _least(compiled: Callable[[jax.Array], jax.Array], X: jax.Array) -> float:
    jax.block_until_ready(compiled(X))
    one = sample(lambda: compiled(X), jax.block_until_ready)
    return interleave({"": one}, seconds=SECONDS, most=SAMPLES)[""].least
