"""Round-robin timing: every contender of a row is sampled in turn, so that all meet the same noise.

On a CPU a sample is one call. On an accelerator it is several, queued, and the wait for the last: a wait
after each would time the host.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax

QUEUED = 10  # calls in a sample on an accelerator


class Times(NamedTuple):
    """Seconds a call of one contender: the least and the median of its samples, and how many there are."""

    least: float
    median: float
    samples: int


def together(first: Times, second: Times) -> Times:
    """Two runs as one, with the median of the longer."""
    longer = max(first, second, key=lambda times: times.samples)
    return Times(min(first.least, second.least), longer.median, first.samples + second.samples)


def calls_per_sample() -> int:
    """How many calls a sample is of, on JAX's own device."""
    return 1 if jax.default_backend() == "cpu" else QUEUED


def queue(call: Callable[[], Any], wait: Callable[[Any], Any], count: int) -> Callable[[], None]:
    """So many calls that do not wait for their results, and the wait for the last."""

    def run() -> None:
        for _ in range(count - 1):
            call()
        wait(call())

    return run


def interleave(
    calls: Mapping[str, Callable[[], Any]], *, seconds: float, most: int, per_sample: int = 1
) -> dict[str, Times]:
    """The times of each contender, whose call waits for its result, or of each of its calls `per_sample`.

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
    return {
        name: Times(min(t) / per_sample, statistics.median(t) / per_sample, len(t))
        for name, t in taken.items()
    }
