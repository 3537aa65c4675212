"""Suite `context`: operations as a program has them, by jaxcnn and by lax.

A row of the suite `ops` ends with its result. In a program something reads it, and XLA on a CPU may compute
it again there, without vectors, or a sum may take it along for nothing: so the loss mean(Z²), alone and with
its gradient, of

    the loss reads it      Z the operation's result
    a norm reads it        Z the batch norm of it, by `jnp.mean`, as flax's is
    it reads a norm        Z the operation of ReLU of a batch norm

A contender that has not lax's loss is not timed; gradients are compared in the suite `ops`.
"""

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from experiments.benchmark.again import with_second_look
from experiments.benchmark.config import Config, Progress
from experiments.benchmark.contenders import ours, plain
from experiments.benchmark.measure import LAX, OURS, Measured, enter_times
from experiments.benchmark.operations import OPERATIONS, QUICK, Row
from experiments.benchmark.timing import sample

TOLERANCE = 1e-3  # of the loss
WITHOUT = ("dropout", "softmax_cross_entropy")  # of the operations: one draws, one is a loss itself
Operation = Callable[..., Array]

CONTEXTS: dict[str, Callable[..., Array]] = {
    "the loss reads it": lambda f, A, *others: f(A, *others),
    "a norm reads it": lambda f, A, *others: _normalized(f(A, *others)),
    "it reads a norm": lambda f, A, *others: f(jax.nn.relu(_normalized(A)), *others),
}


def run(config: Config, progress: Progress) -> list[Measured]:
    """Value and gradient of every float32 operation that lax has, in each context."""
    measured = []
    for row in config.of(QUICK if config.quick else OPERATIONS):
        if row.dtype != "float32" or row.operation in WITHOUT or plain.function(row) is None:
            continue
        progress(f"context: {row.name}")
        measured += with_second_look(partial(_measured, row), config)
        jax.clear_caches()
    return measured


def _measured(row: Row, config: Config) -> list[Measured]:
    functions: dict[str, Any] = {OURS: ours.function(row), LAX: plain.function(row)}
    arrays = list(map(jnp.asarray, row.rounded()))
    found = []
    for context, face in itertools.product(CONTEXTS, ("value", "gradient")):
        one = Measured(row.name, f"{context}: {face}")
        calls = {name: _call(f, context, face, arrays) for name, f in functions.items()}
        losses = {name: float(jax.tree.leaves(call())[0]) for name, call in calls.items()}
        if np.isclose(losses[OURS], losses[LAX], rtol=TOLERANCE):
            samples = {name: sample(call, jax.block_until_ready) for name, call in calls.items()}
            enter_times(one, samples, config)
        else:
            one.failed[OURS] = f"wrong: loss {losses[OURS]:.6g}; lax's is {losses[LAX]:.6g}"
        found.append(one)
    return found


def _call(f: Operation, context: str, face: str, arrays: list[Array]) -> Callable[[], Any]:
    def loss(arrays: list[Array]) -> Array:
        return jnp.mean(jnp.square(CONTEXTS[context](f, *arrays)))

    return partial(jax.jit(loss if face == "value" else jax.value_and_grad(loss)), arrays)


def _normalized(A: Array) -> Array:
    each = *(1,) * (A.ndim - 1), A.shape[-1]
    return plain.batch_norm()(A, jnp.ones(each, A.dtype), jnp.zeros(each, A.dtype))
