"""Which values are tried, in which order, under which transformations."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxcnn.check import values
from jaxcnn.check.known import Known
from jaxcnn.check.question import Phase, Question

# Cases under every transformation but the first, and of the second order; an eager one runs Python anew.
_FEWER = 12
_EAGER = 4
# Numbers in all cases together: large inputs get fewer cases.
_NUMBERS = 4_000_000
_LEAST_CASES = 4
# Directions also come times 2 to this power and its inverse, which half precision holds as well.
_POWERS = 8


def phases(question: Question, known: Known) -> Iterator[Phase]:
    """The rows to try, in order: all of them one way, then fewer under the other transformations."""
    rng = np.random.default_rng(question.seed)
    cases, kinds = drawn(question), []
    if known.is_exact:
        rows = [values.integers(rng, cases, x.shape, known.magnitude) for x in question.like]
        live = len(question.call.live)
        # a derivative is linear in its direction
        rows[live:] = [values.scaled(rng, row, _POWERS) for row in rows[live:]]
        if known.chooses:
            rows = _beyond(question, rows, values.uniform)
        rows = [row.astype(x.dtype) for row, x in zip(rows, question.like, strict=True)]
        kinds.append((_basis_rows(question.like, rows) if known.multilinear else rows, True))
    if not known.is_exact or (question.exact is None and not known.is_polynomial):
        thresholds = known.thresholds
        points = [
            values.mixed(rng, cases, x.shape, thresholds, *_extremes(x.dtype)) for x in question.call.like
        ]
        values.part_huge(points, [np.sqrt(float(jnp.finfo(x.dtype).max)) for x in question.call.like])
        directions = [values.mixed(rng, cases, x.shape) for x in question.directions]
        rows = _beyond(question, [*points, *directions], values.smooth)
        rows = [row.astype(x.dtype) for row, x in zip(rows, question.like, strict=True)]
        kinds.append((_held(question, rows), False))
    first_orders = [t for t in question.transformations if t != "second order"]
    for transformation in first_orders:
        for rows, exact in kinds:
            if transformation != first_orders[0]:
                rows = [_spread(row, _EAGER if transformation == "eager" else _FEWER) for row in rows]
            yield Phase(rows, exact, transformation)
    if "second order" in question.transformations:
        exact = known.is_exact and known.is_polynomial
        draw = values.integers if exact else values.smooth
        like = [*question.like, *(question.derivatives)]
        rows = [draw(rng, _FEWER, x.shape).astype(x.dtype) for x in like]
        yield Phase(rows if exact else _held(question, rows), exact, "second order")


def drawn(question: Question) -> int:
    """How many sets of values are drawn: fewer of large ones."""
    size = sum(max(np.size(x), 1) for x in question.like)
    return max(_LEAST_CASES, min(question.cases, _NUMBERS // max(size, 1)))


def _beyond(question: Question, rows: list[np.ndarray], draw: Callable[..., np.ndarray]) -> list[np.ndarray]:
    """The rows, and drawn ones with infinities and NaN in their points."""
    count = values.not_finite_rows(len(rows[0]))
    if not question.vary or question.primal is None or not count:  # there are no differences at infinity
        return rows
    rng = np.random.default_rng((question.seed, count))
    more = [draw(rng, count, x.shape) for x in question.like]
    values.put_not_finite(rng, more[: len(question.call.live)])
    return [np.concatenate(pair) for pair in zip(rows, more, strict=True)]


def _held(question: Question, rows: list[np.ndarray]) -> list[np.ndarray]:
    """The rows, with the live leaves as given unless they vary."""
    if question.vary:
        return rows
    own = [np.broadcast_to(x, row.shape) for x, row in zip(question.call.like, rows, strict=False)]
    return [*own, *rows[len(own) :]]


def _extremes(dtype: Any) -> tuple[tuple[float, ...], float]:
    """Where exp and the square overflow in a dtype, and a relative distance it just resolves."""
    largest = float(jnp.finfo(dtype).max)
    return (1e3, np.log(largest) + 1, 2 * np.sqrt(largest)), 4 * float(jnp.finfo(dtype).eps)


def _spread(rows: np.ndarray, count: int) -> np.ndarray:
    """So many of the rows, from all over."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int))]


def _basis_rows(like: Sequence[Any], rows: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The rows, and all combinations of zero and basis vectors."""
    choices = np.indices([np.size(x) + 1 for x in like]).reshape(len(like), -1)
    more = []
    for x, choice, row in zip(like, choices, rows, strict=True):
        vectors = np.concatenate([np.zeros((1, np.size(x))), np.eye(np.size(x))])[choice]
        more.append(np.concatenate([row, vectors.reshape(len(vectors), *x.shape).astype(row.dtype)]))
    return more
