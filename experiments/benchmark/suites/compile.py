"""Suite `compile`: how long tracing and compiling a gradient takes, and importing the library."""

import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

import jaxcnn
from experiments.benchmark.config import Config, Progress
from experiments.benchmark.measure import LAX, OURS
from experiments.benchmark.suites.nets import Net, nets
from experiments.benchmark.timing import interleave

ROUNDS, QUICK_ROUNDS = 3, 1
IMPORTS, QUICK_IMPORTS = 9, 1
JAX, WHOLE = "import jax", "import jaxcnn"
LARGE = "31×31 max-pool"


class Compiled(NamedTuple):
    """Seconds, least of a few, by library or by what is imported."""

    row: str
    seconds: dict[str, float]

    @property
    def ratio(self) -> float | None:
        """The first over the second, where there are two."""
        first, *second = self.seconds.values()
        return first / second[0] if second else None


def run(config: Config, progress: Progress) -> list[Compiled]:
    """The networks, a pool with a large window, and the imports."""
    measured = []
    for net in nets(config):
        progress(f"compile: {net.name}")
        measured.append(Compiled(net.name, compile_seconds(net, QUICK_ROUNDS if config.quick else ROUNDS)))
    if config.chosen(LARGE) and not config.quick:
        progress(f"compile: {LARGE}")
        A = jnp.ones((1, 64, 64, 1), jnp.float32)
        pooled = jax.grad(lambda A: jnp.sum(jaxcnn.max_pool(A, (31, 31), stride=1)))
        measured.append(Compiled(LARGE, {OURS: _compile(pooled, A)}))
    if config.chosen("import"):
        progress("import")
        measured.append(Compiled("import", import_seconds(QUICK_IMPORTS if config.quick else IMPORTS)))
    return measured


def compile_seconds(net: Net, rounds: int) -> dict[str, float]:
    """Tracing, lowering and compiling the gradient, with empty caches, in turn."""
    taken: dict[str, list[float]] = {OURS: [], LAX: []}
    for _ in range(rounds):
        for name, seconds in taken.items():
            seconds.append(_compile(net.gradient(name), *net.arguments))
    return {name: min(seconds) for name, seconds in taken.items()}


def _compile(f: Callable[..., Any], *arguments: Any) -> float:
    jax.clear_caches()
    start = time.perf_counter()
    jax.jit(f).lower(*arguments).compile()
    return time.perf_counter() - start


def import_seconds(rounds: int) -> dict[str, float]:
    """A fresh process that imports jaxcnn, and one that imports jax; the median of each."""
    calls = {text: partial(_process, text) for text in (WHOLE, JAX)}
    for call in calls.values():
        call()  # writes the compiled modules
    times = interleave(calls, seconds=float("inf"), most=rounds)
    return {name: times[name].median for name in calls}


def _process(text: str) -> None:
    subprocess.run([sys.executable, "-c", text], check=True)
