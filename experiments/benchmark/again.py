"""A second look at what seems to lose, on a CPU in a process of its own.

Of two programs that take equally long one may seem a tenth slower all through a process: where its memory
lies differs, and after hundreds of programs more so. Of a few hundred faces some always seem to lose so, and
others in the next run. What does lose does so in a fresh process too.
"""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import jax

from experiments.benchmark.config import AGAIN, Config, as_other_libraries_need
from experiments.benchmark.measure import LAX, Measured

Measure = Callable[[Config], list[Measured]]


def with_second_look(measure: Measure, config: Config) -> list[Measured]:
    """What is measured; of a face in which ours seems to lose, what is measured once more, and longer.

    `measure` is called in another process, so that it must be one that pickle takes. An accelerator belongs
    to this one.
    """
    found = measure(config)
    if not any(one.loses for one in found):
        return found
    longer = config.longer(AGAIN, AGAIN)
    again = _in_a_fresh_process(measure, longer) if jax.default_backend() == "cpu" else measure(longer)
    return [
        replace(second, at_first=first.ratio(LAX)) if first.loses else first
        for first, second in zip(found, again, strict=True)
    ]


def _in_a_fresh_process(measure: Measure, config: Config) -> list[Measured]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes:
        return processes.submit(_as_run, measure, config).result()


def _as_run(measure: Measure, config: Config) -> list[Measured]:
    with as_other_libraries_need():
        return measure(config)
