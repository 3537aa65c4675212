"""Suite `compile`: how long tracing and compiling a gradient takes, and importing the library."""

import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

import jaxcnn
from experiments.benchmark.config import AGAIN, Config, Progress
from experiments.benchmark.measure import LAX, OURS
from experiments.benchmark.suites.nets import Net, nets
from experiments.benchmark.targets import COMPILING

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
    """Tracing, lowering and compiling the gradient, with empty caches, in turn; again where it seems slow."""
    least = {OURS: math.inf, LAX: math.inf}
    for turn in range((1 + AGAIN) * rounds):
        if turn >= rounds and least[OURS] <= COMPILING * least[LAX]:
            break
        for name, seconds in least.items():
            least[name] = min(seconds, _compile(net.gradient(name), *net.arguments))
    return least


def _compile(f: Callable[..., Any], *arguments: Any) -> float:
    jax.clear_caches()
    start = time.perf_counter()
    jax.jit(f).lower(*arguments).compile()
    return time.perf_counter() - start


def import_seconds(rounds: int) -> dict[str, float]:
    """Fresh processes that import jax and then jaxcnn: the time until both are there, and until jax is.

    Two processes differ by more than the library takes, so the one that has both soonest gives both numbers.
    They come from compiled modules, as installed ones do, whatever the environment says of writing them.
    """
    with tempfile.TemporaryDirectory() as modules:
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": modules}
        _imports(environment)  # writes the compiled modules
        both, jax_alone = min(_imports(environment) for _ in range(rounds))
    return {WHOLE: both, JAX: jax_alone}


def _imports(environment: dict[str, str]) -> tuple[float, float]:
    """Seconds until jaxcnn is imported after jax, and until jax is."""
    program = f"""
from time import perf_counter as now
start = now()
{JAX}
jax_alone = now() - start
{WHOLE}
print(now() - start, jax_alone)
"""
    command = [sys.executable, "-c", program]
    both, jax_alone = subprocess.run(
        command, check=True, env=environment, stdout=subprocess.PIPE
    ).stdout.split()
    return float(both), float(jax_alone)
