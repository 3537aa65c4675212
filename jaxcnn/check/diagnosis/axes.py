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


def orders(rank: int) -> list[tuple[int, ...]]:
    """Every other order of the axes 1 … rank, those that exchange the fewest first.

    Of more than five axes, whose orders are too many, only two are exchanged.
    """
    own = tuple(range(1, rank + 1))
    if rank > 5:
        pairs = itertools.combinations(own, 2)
        return [tuple({a: b, b: a}.get(k, k) for k in own) for a, b in pairs]
    every = itertools.permutations(own)
    return sorted(every, key=lambda order: sum(o != k for k, o in enumerate(order, start=1)))[1:]


def reordering(order: tuple[int, ...]) -> tuple[Kind, str]:
    """The kind, and the sentence, of the expected with its axes 1, 2, … put in this order."""
    exchanged = sum(o != k for k, o in enumerate(order, start=1))
    kind = Kind.TRANSPOSED if exchanged == 2 else Kind.PERMUTED
    return kind, f"got is the expected with its axes ordered {listed([o - 1 for o in order])}"
