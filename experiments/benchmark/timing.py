"""Round-robin timing: every contender of a row is sampled in turn, so that all meet the same noise."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Times(NamedTuple):
    """Seconds of one contender: the least and the median of its samples, and how many there are."""

    least: float
    median: float
    samples: int


def together(first: Times, second: Times) -> Times:
    """Two runs as one, with the median of the longer."""
    longer = max(first, second, key=lambda times: times.samples)
    return Times(min(first.least, second.least), longer.median, first.samples + second.samples)


def interleave(calls: Mapping[str, Callable[[], Any]], *, seconds: float, most: int) -> dict[str, Times]:
    """The times of each call, which waits for its result.

    A contender takes no more samples once its own have taken so many seconds in all, or are so many; each has
    at least one. Every round starts with another contender.
    """
    names = list(calls)
    taken: dict[str, list[float]] = {name: [] for name in names}
    for number in range(most):
        start = number % len(names)
        waiting = [name for name in names[start:] + names[:start] if not number or sum(taken[name]) < seconds]
        if not waiting:
            break
        for name in waiting:
            begun = time.perf_counter()
            calls[name]()
            taken[name].append(time.perf_counter() - begun)
    return {name: Times(min(t), statistics.median(t), len(t)) for name, t in taken.items()}
