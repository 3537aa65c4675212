"""Does the checker still find anything? A dozen planted errors and some right rules, one a mechanism.

A checker that was made to pass everything looks just like one that found nothing wrong. `run` tells
them apart, in pure jax.numpy, within seconds.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn.check.report import Report, Verdict
from jaxcnn.check.vjp import check_vjp


@dataclass(frozen=True)
class Trial:
    """A function whose verdict is known.

    Attributes:
        name: the mechanism.
        expected: the right verdict.
        fun: with a backward pass of its own.
        reference: its plain definition.
        shapes: of its inputs, in float64.
        options: for the checker.
    """

    name: str
    expected: Verdict
    fun: Callable[..., Any]
    reference: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...]
    options: dict[str, Any] = field(default_factory=dict)


def run(check: Callable[..., Report] = check_vjp) -> list[tuple[str, Verdict, Verdict]]:
    """Of every trial its name, the verdict expected and the one that `check` gives.

    It needs jax_enable_x64, as `check_vjp` does.

    Args:
        check: called as `check_vjp` is.
    """
    return [
        (
            trial.name,
            trial.expected,
            check(trial.fun, trial.reference, *map(np.zeros, trial.shapes), **trial.options).verdict,
        )
        for trial in TRIALS
    ]


def _rule(forward, backward):
    """`forward` with backward(inputs, cotangent) → gradients."""
    fun = jax.custom_vjp(forward)
    fun.defvjp(lambda *x: (forward(*x), x), backward)
    return fun


def _wrong(name, forward, backward, *shapes, **options):
    return Trial(name, Verdict.FAIL, _rule(forward, backward), forward, shapes, options)


def _right(name, forward, backward, *shapes, **options):
    return Trial(name, Verdict.PASS, _rule(forward, backward), forward, shapes, options)


def _square(x):
    return x * x


def _relu(x):
    return jnp.where(x > 0, x, 0)


def _dense(A, W):
    return A @ W


def _maxima(x):
    """The first maximum of x[m], x[m + 1], for every m."""
    return jnp.where(x[:-1] >= x[1:], x[:-1], x[1:])


def _sums(x):
    """x[m] + x[m + 1], for every m."""
    return x[:-1] + x[1:]


def _sums_overwritten(x, dy):
    zeros = jnp.zeros_like(x[0])
    return (zeros.at[:-1].set(dy).at[1:].set(dy),)


def _sums_accumulated(x, dy):
    zeros = jnp.zeros_like(x[0])
    return (zeros.at[:-1].add(dy).at[1:].add(dy),)


def _ties_credited(x, dy):
    (x,), zeros = x, jnp.zeros_like(x[0])
    left = jnp.where(x[:-1] >= x[1:], dy, 0)
    right = jnp.where(x[1:] >= x[:-1], dy, 0)
    return (zeros.at[:-1].add(left).at[1:].add(right),)


def _first_tie_credited(x, dy):
    (x,), zeros = x, jnp.zeros_like(x[0])
    left = x[:-1] >= x[1:]
    return (zeros.at[:-1].add(jnp.where(left, dy, 0)).at[1:].add(jnp.where(left, 0, dy)),)


def _in_a_batch(x, dy):
    """Right alone; in a batch the first cotangent goes to everybody."""
    pull = jax.custom_batching.custom_vmap(lambda x, dy: 2 * x * dy)
    pull.def_vmap(lambda size, batched, x, dy: (2 * x * dy[:1], True))
    return (pull(x[0], dy),)


TRIALS = (
    _wrong("a factor", _square, lambda x, dy: (x[0] * dy,), (3,)),
    _wrong("the sign", _square, lambda x, dy: (-2 * x[0] * dy,), (3,)),
    _wrong("an entry missing", _square, lambda x, dy: ((2 * x[0] * dy).at[-1].set(0),), (3,)),
    _wrong("every tie credited", _maxima, _ties_credited, (4,)),
    _wrong("the other side of a kink", _relu, lambda x, dy: (jnp.where(x[0] >= 0, dy, 0),), (3,)),
    _wrong("a threshold at −0.01", _relu, lambda x, dy: (jnp.where(x[0] > -0.01, dy, 0),), (3,)),
    _wrong("NaN at zero", _square, lambda x, dy: (2 * x[0] * dy * x[0] / x[0],), (3,)),
    _wrong("another dtype", _square, lambda x, dy: ((2 * x[0] * dy).astype(jnp.bfloat16),), (3,)),
    _wrong("wrong in a batch only", _square, _in_a_batch, (3,)),
    _wrong("not accumulated", _sums, _sums_overwritten, (4,)),
    _wrong(
        "over the batch",
        _dense,
        lambda x, dZ: (dZ @ x[1].T, x[0].T @ dZ / x[0].shape[0]),
        (3, 2),
        (2, 2),
    ),
    _wrong("×3 on a small output", lambda x: 1e-6 * x, lambda x, dy: (3e-6 * dy,), (3,)),
    _wrong("the cotangent ignored", _square, lambda x, dy: (2 * x[0],), (3,)),
    _right("a square", _square, lambda x, dy: (2 * x[0] * dy,), (3,)),
    _right("a kink", _relu, lambda x, dy: (dy * (x[0] > 0).astype(dy.dtype),), (3,)),
    _right("ties", _maxima, _first_tie_credited, (4,)),
    _right("overlapping sums", _sums, _sums_accumulated, (4,)),
    _right("a matrix product", _dense, lambda x, dZ: (dZ @ x[1].T, x[0].T @ dZ), (3, 2), (2, 2)),
    _right("rounding", jnp.arctan, lambda x, dy: (dy / (1 + x[0] * x[0]),), (4,)),
)
