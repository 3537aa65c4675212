"""A second look at what seems to lose, on a CPU in a process of its own.

Of two programs that take equally long one may seem a tenth slower all through a process: where its memory
lies differs, and after hundreds of programs more so. Of a few hundred rows some always seem to lose so, and
no other does in the next run. A row that does lose loses in a fresh process too.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

import jax

from experiments.benchmark.config import Config
from experiments.benchmark.measure import LAX, Measured

Measure = Callable[[Config], list[Measured]]


def confirmed(measure: Measure, config: Config) -> list[Measured]:
    """What is measured; all of it once more, and longer, if ours seems to lose somewhere.

    `measure` is called in another process, so that it must be one that pickle takes. An accelerator belongs
    to this one.
    """
    found = measure(config)
    if not any(one.loses for one in found):
        return found
    again = (_in_a_fresh_process if jax.default_backend() == "cpu" else _lenient)(measure, config.longer())
    for one, before in zip(again, found, strict=True):
        one.at_first = before.ratio(LAX) if before.loses else None
    return again


def _in_a_fresh_process(measure: Measure, config: Config) -> list[Measured]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes:
        return processes.submit(_lenient, measure, config).result()


def _lenient(measure: Measure, config: Config) -> list[Measured]:
    with as_other_libraries_need():
        return measure(config)


@contextmanager
def as_other_libraries_need() -> Iterator[None]:
    """JAX's usual promotion of dtypes and ranks."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield
