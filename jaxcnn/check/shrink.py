"""Make a failing case small: as many zeros as possible, then ones, then integers.

A large case is first cut down to what lies around the place that is wrong, and tried a bounded number of
times.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

Case = tuple[np.ndarray, ...]

# More numbers than this are cut down to shares of them.
_LARGE = 10_000
_STRETCHES = (0.0, 0.0005, 0.01, 0.1)


def shrink(
    case: Case,
    fails: Callable[[Sequence[Case]], list[bool]],
    *,
    calls: int = 5000,
    at_once: int = 32,
    place: float = 0.0,
) -> Case:
    """The simplest case found that still fails.

    Args:
        case: arrays that fail together.
        fails: tells, for several candidates at once, which of them fail.
        calls: how often to ask that, at the most.
        at_once: how many candidates to try together.
        place: how far through the arrays they fail, from 0 to 1: large ones are cut down to there.
    """
    candidates = _around(case, place) if sum(map(np.size, case)) > _LARGE else iter(())
    while True:
        # the cuts only once
        for batch in _batched(itertools.chain(candidates, _candidates(case)), at_once):
            if calls == 0:
                return case
            calls -= 1
            if (first := next(itertools.compress(batch, fails(batch)), None)) is not None:
                case, candidates = first, iter(())
                break
        else:
            return case


def _around(case: Case, place: float) -> Iterator[Case]:
    """Everything zeroed but for a stretch of each array, the shortest first."""
    for share in _STRETCHES:
        yield tuple(_stretch(array, place, share) for array in case)


def _stretch(array: np.ndarray, place: float, share: float) -> np.ndarray:
    middle, width = int(place * array.size), int(share * array.size)
    cut = np.zeros(array.size, array.dtype)
    there = slice(max(middle - width, 0), middle + width + 1)
    cut[there] = array.reshape(-1)[there]
    return cut.reshape(array.shape)


def _batched(cases: Iterable[Case], size: int) -> Iterator[list[Case]]:
    """The cases in lists of `size`, made only as they are asked for: each may be large."""
    iterator = iter(cases)
    while batch := list(itertools.islice(iterator, size)):
        yield batch


def _candidates(case: Case) -> Iterator[Case]:
    """Simpler cases, the simplest first: whole stretches zeroed, then single numbers made 1 or rounded."""
    for position, array in enumerate(case):
        live = np.flatnonzero(array)
        size = len(live)
        while size >= 1:
            for start in range(0, len(live), size):
                yield _with(case, position, live[start : start + size], 0)
            size //= 2
    for position, array in enumerate(case):
        flat = array.reshape(-1)
        for k in np.flatnonzero(array):
            if flat[k] != 1:
                yield _with(case, position, k, 1)
            if np.isfinite(flat[k]) and flat[k] != np.rint(flat[k]):
                yield _with(case, position, k, np.rint(flat[k]))


def _with(case: Case, position: int, where, value: float) -> Case:
    changed = np.array(case[position])
    changed.reshape(-1)[where] = value
    return (*case[:position], changed, *case[position + 1 :])
