"""The right numbers in other places: reversed, axes in another order, shifted, or anyhow."""

import functools
import itertools
import math

import numpy as np

from jaxcnn.check.diagnosis.axes import long, orders, reordering, subsets
from jaxcnn.check.diagnosis.sample import PAIRS, Diagnosis, Kind, Sample
from jaxcnn.check.diagnosis.words import in_words, listed


def reversed_axes(sample: Sample) -> Diagnosis | None:
    """The expected, or what the reference gives for an input, with axes reversed."""
    for axes in subsets(long(sample.shape)):
        if sample.moved(functools.partial(np.flip, axis=axes)):
            return Diagnosis(
                _reversal(axes),
                f"got is the expected reversed along {in_words(axes)}: it is rotated, or the kernel is",
            )
    for name, x in sample.inputs.items():
        for axes in subsets(long(x.shape[1:])):
            if sample.would_be({name: np.flip(x, axes)}):
                return Diagnosis(
                    _reversal(axes),
                    f"got is what would be expected for {name} reversed along {in_words(axes)}: {name} is "
                    "rotated once too often, or not at all",
                )
    return None


def reordered_axes(sample: Sample) -> Diagnosis | None:
    """The expected, or what the reference gives for an input, with axes in another order."""
    expected = sample.expected
    for order in orders(expected.ndim - 1):
        turned = functools.partial(np.transpose, axes=(0, *order))
        kind, sentence = reordering(order)
        if turned(expected).shape == expected.shape and sample.moved(turned):
            return Diagnosis(kind, sentence)
        if sample.agrees(*(turned(X).reshape(X.shape) for X in (expected, sample.slack))):
            why = "a reshape stands where a transpose belongs"
            return Diagnosis(kind, f"{sentence}, then reshaped: {why}")
    for name, x in sample.inputs.items():
        for order in orders(x.ndim - 1):
            other = x.transpose(0, *order)
            if other.shape == x.shape and sample.would_be({name: other}):
                return Diagnosis(
                    reordering(order)[0],
                    f"got is what would be expected for {name} with its axes ordered "
                    f"{listed([o - 1 for o in order])}",
                )
    return None


def shifted(sample: Sample) -> Diagnosis | None:
    """The expected a few steps further along one or two axes; what enters at the edge is free."""
    longs = long(sample.shape)
    moves = [
        dict(zip(axes, steps, strict=True))
        for count in (1, 2)
        for axes in itertools.combinations(longs, count)
        for steps in itertools.product((1, -1, 2, -2, 3, -3), repeat=count)
        if all(2 * abs(step) <= sample.expected.shape[a] for a, step in zip(axes, steps, strict=True))
    ]
    for move in moves:
        inner = np.ones(sample.expected.shape, bool)
        for a, step in move.items():
            index = np.arange(sample.expected.shape[a]).reshape(-1, *[1] * (sample.expected.ndim - 1 - a))
            inner &= (index >= step) & (index < sample.expected.shape[a] + step)
        steps, axes = tuple(move.values()), tuple(move)
        if not np.any(sample.wrong & inner):
            continue
        if sample.agrees(
            np.roll(sample.expected, steps, axes), np.roll(sample.slack, steps, axes), where=inner
        ):
            where = " and ".join(f"{step:+d} along {in_words([a])}" for a, step in move.items())
            return Diagnosis(
                Kind.SHIFTED, f"got is the expected shifted by {where}: padding or an index is off"
            )
    return None


def misplaced(sample: Sample) -> Diagnosis | None:
    """Every number of it is some number of the expected, from the same other place in all cases."""
    size = math.prod(sample.shape)
    if not 1 < size <= PAIRS or not sample.asked.all():
        return None
    got, expected = sample.got.reshape(-1, size), sample.expected.reshape(-1, size)
    slack = sample.slack.reshape(-1, size)
    source = []
    for k in range(size):
        room = 4 * (slack + 32 * sample.epsilon * np.abs(expected))
        same = np.all(np.abs(got[:, [k]] - expected) <= room, axis=0)
        if not same.any() or (expected[:, k].any() and not got[:, k].any()):  # that one is missing
            return None
        source.append(k if same[k] else int(np.argmax(same)))
    moved = [k for k in range(size) if source[k] != k and expected[:, source[k]].any()]
    if not moved:
        return None
    to, origin = (listed(np.unravel_index(p, sample.shape)) for p in (moved[0], source[moved[0]]))
    return Diagnosis(
        Kind.MISPLACED,
        f"every number of got is one of the expected, {len(moved)} of {size} from another place "
        f"(at {to} the one of {origin}): an index is computed wrongly",
    )


def _reversal(axes: tuple[int, ...]) -> Kind:
    return Kind.ROTATED if len(axes) > 1 else Kind.FLIPPED
