"""jaxcnn."""

from collections.abc import Callable

import jax

import jaxcnn
from experiments.benchmark.operations import Row


def function(row: Row) -> Callable[..., jax.Array]:
    """The operation itself."""
    if row.operation == "conv_bias_relu":
        return lambda A, W, b: jaxcnn.relu(jaxcnn.conv(A, W, b, **row.keywords))
    operation = getattr(jaxcnn, row.operation)
    if row.operation == "dropout":
        return lambda A: operation(jax.random.key(0), A, **row.keywords)
    if row.operation == "batch_norm":
        return lambda *x: operation(*x, **row.keywords)[0]
    return lambda *x: operation(*x, **row.keywords)
