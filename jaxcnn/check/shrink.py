"""Make a failing case small: as many zeros as possible, then ones, then integers."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

Case = tuple[np.ndarray, ...]


def shrink(
    case: Case, fails: Callable[[Sequence[Case]], list[bool]], *, rounds: int = 200, at_once: int = 32
) -> Case:
    """The simplest case found that still fails.

    Args:
        case: arrays that fail together.
        fails: tells, for several candidates at once, which of them fail.
        rounds: how many times to simplify, at the most.
        at_once: how many candidates to try together.
    """
    for _ in range(rounds):
        simpler = _first_failing(case, fails, at_once)
        if simpler is None:
            break
        case = simpler
    return case


def _first_failing(case: Case, fails: Callable[[Sequence[Case]], list[bool]], at_once: int) -> Case | None:
    for batch in _batched(_candidates(case), at_once):
        for simple, failed in zip(batch, fails(batch), strict=True):
            if failed:
                return simple
    return None


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
            if flat[k] != np.rint(flat[k]):
                yield _with(case, position, k, np.rint(flat[k]))


def _with(case: Case, position: int, where, value: float) -> Case:
    changed = np.array(case[position])
    changed.reshape(-1)[where] = value
    return (*case[:position], changed, *case[position + 1 :])
