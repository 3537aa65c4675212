"""Which axes there are: long ones, subsets of them, other orders of them."""

import itertools
from collections.abc import Iterator, Sequence

from jaxcnn.check.diagnosis.sample import Kind
from jaxcnn.check.diagnosis.words import listed


def long(shape: Sequence[int]) -> list[int]:
    """The axes, counted with the cases as axis 0, along which there is more than one number."""
    return [a for a, n in enumerate(shape, start=1) if n > 1]


def subsets(axes: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """All but the empty one, the smallest first."""
    for count in range(1, len(axes) + 1):
        yield from itertools.combinations(axes, count)


def reordering(order: tuple[int, ...]) -> tuple[Kind, str]:
    """The kind, and the sentence, of the expected with its axes 1, 2, … put in this order."""
    exchanged = sum(o != k for k, o in enumerate(order, start=1))
    kind = Kind.TRANSPOSED if exchanged == 2 else Kind.PERMUTED
    return kind, f"got is the expected with its axes ordered {listed([o - 1 for o in order])}"
