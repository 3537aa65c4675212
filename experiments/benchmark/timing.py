"""Round-robin timing: every contender of a row is sampled in turn, so that all meet the same noise.

A sample is as many calls as fill `BLOCK`. Of single calls in turn each would find its caches filled by
another library's arrays: 0.2 ms, which double a call of 0.2 and are nothing to one of 5. And the least of
single calls is below that of twenty: one of two equal programs, which had been slow at first and so was timed
call by call, seemed a sixth faster, 0.37 of 0.44 ms. On a CPU every call is waited for. On an accelerator a
sample is of queued calls, and the wait for the last: a wait after each would time the host.
"""

import math
import random
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax

BLOCK = 0.01  # seconds that a sample takes at least, on a CPU
TRIED = 2 * BLOCK  # seconds of calls whose least time tells how many fill a block
QUEUED = 10  # calls in a sample on an accelerator
SPIN = 0.01  # seconds after which threads that wait by spinning have gone to sleep; OpenMP's take 5 ms


class Times(NamedTuple):
    """Seconds a call of one contender: the least and the median of its samples, and how many there are."""

    least: float
    median: float
    samples: int


class Sample(NamedTuple):
    """What is timed at once: `run` makes so many `calls`, after which threads of `spins` keep a core busy."""

    run: Callable[[], None]
    calls: int = 1
    spins: bool = False


def together(first: Times, second: Times) -> Times:
    """Two runs as one, with the median of the longer."""
    longer = max(first, second, key=lambda times: times.samples)
    return Times(min(first.least, second.least), longer.median, first.samples + second.samples)


def sample(call: Callable[[], Any], wait: Callable[[Any], Any], spins: bool = False) -> Sample:
    """Of calls that `wait` waits for, on JAX's own device; some are made now, to see how long they take."""
    if jax.default_backend() != "cpu":
        return Sample(_queue(call, wait, QUEUED), QUEUED, spins)
    took: list[float] = []
    while sum(took) < TRIED or len(took) < 2:  # the first may be slow
        begun = time.perf_counter()
        wait(call())
        took.append(time.perf_counter() - begun)
    least = min(took)
    count = math.ceil(BLOCK / least)

    def run() -> None:
        for _ in range(count):
            wait(call())

    return Sample(run, count, spins)


def _queue(call: Callable[[], Any], wait: Callable[[Any], Any], count: int) -> Callable[[], None]:
    def run() -> None:
        for _ in range(count - 1):
            call()
        wait(call())

    return run


def interleave(samples: Mapping[str, Sample], *, seconds: float, most: int) -> dict[str, Times]:
    """The times of each contender's calls.

    A contender takes no more samples once its own have taken so many seconds in all, or are so many; each has
    at least one. Every round has an order of its own, so that none always follows the same.
    """
    orders = random.Random(0)
    taken: dict[str, list[float]] = {name: [] for name in samples}
    for _ in range(most):
        waiting = [name for name in samples if not taken[name] or sum(taken[name]) < seconds]
        if not waiting:
            break
        for name in orders.sample(waiting, len(waiting)):
            one = samples[name]
            begun = time.perf_counter()
            one.run()
            taken[name].append(time.perf_counter() - begun)
            if one.spins:
                time.sleep(SPIN)
    return {
        name: Times(min(t) / samples[name].calls, statistics.median(t) / samples[name].calls, len(t))
        for name, t in taken.items()
    }
