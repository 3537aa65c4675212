"""A whole step of training, by jaxcnn, lax, flax and torch: loss, gradient, update by SGD with momentum.

    python -m experiments.benchmark.suites.step [--network NAME]

All start from the same parameters. Who does not have the same loss after a step is not timed. The update is
optax's, or torch's own; torch leaves running statistics out.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from typing import Any

import jax
import numpy as np

from experiments.benchmark.measure import LAX, OPTIONS, OURS, TORCH
from experiments.benchmark.networks import ours, plain
from experiments.benchmark.suites.nets import BATCH, Net, make
from experiments.benchmark.timing import Times, interleave
from experiments.networks import NETWORKS
from jaxcnn._errors import missing_extra
from jaxcnn.compiler import compiler_options

FLAX = "flax + optax"
RATE, MOMENTUM = 1e-3, 0.9
TOLERANCE = 1e-3  # of the loss after a step
Stepping = Callable[[], float]


def contenders(net: Net) -> dict[str, Stepping]:
    """Each makes the next step, waits for it, and gives the loss before it."""
    start = net.params, net.state
    found = {
        OURS: _stepping(partial(ours.loss, net.network), *start, net),
        LAX: _stepping(partial(plain.loss, net.network), *start, net),
    }
    if options := compiler_options():
        found[OPTIONS] = _stepping(partial(ours.loss, net.network), *start, net, options)
    if find_spec("flax"):
        from experiments.benchmark.networks import linen

        found[FLAX] = _stepping(partial(linen.loss, net.network), *linen.variables(net.network, *start), net)
    if find_spec("torch"):
        found[TORCH] = _torch(net)
    return found


def _stepping(
    loss: Callable[..., Any], params: Any, state: Any, net: Net, options: dict[str, str] | None = None
) -> Stepping:
    import optax

    rule = optax.sgd(RATE, momentum=MOMENTUM)

    def step(params: Any, state: Any, memory: Any, images: Any, labels: Any) -> Any:
        (value, state), gradient = jax.value_and_grad(loss, has_aux=True)(params, state, images, labels)
        updates, memory = rule.update(gradient, memory, params)
        return value, (optax.apply_updates(params, updates), state, memory)

    compiled = jax.jit(step, compiler_options=options)
    images, labels = jax.device_put((net.images, net.labels))
    carried = params, state, rule.init(params)

    def next_step() -> float:
        nonlocal carried
        value, carried = jax.block_until_ready(compiled(*carried, images, labels))
        return float(value)

    return next_step


def _torch(net: Net) -> Stepping:
    import torch

    from experiments.benchmark.networks import pytorch

    params = jax.tree.map(np.asarray, net.params)
    tensors, loss = pytorch.objective(net.network, params, net.images, net.labels)
    rule = torch.optim.SGD(tensors, RATE, MOMENTUM)

    def next_step() -> float:
        rule.zero_grad()
        value = loss()
        value.backward()
        rule.step()
        return float(value.detach())

    return next_step


def measured(net: Net, *, seconds: float, most: int) -> dict[str, Times]:
    """The times of all whose losses of the first two steps are lax's."""
    stepping = contenders(net)
    losses = {name: (step(), step()) for name, step in stepping.items()}
    right = {
        name: step
        for name, step in stepping.items()
        if np.allclose(losses[name], losses[LAX], rtol=TOLERANCE)
    }
    return interleave(right, seconds=seconds, most=most)


def table(rows: dict[str, dict[str, Times]]) -> str:
    """Milliseconds, the least and the median in brackets, and the others' least times over ours; markdown."""
    names = list(dict.fromkeys(name for times in rows.values() for name in times))
    heads = [*(f"{name}, ms" for name in names), *(f"{name}/ours" for name in names if name != OURS)]
    lines = [f"|  | {' | '.join(heads)} |", f"| --- |{' --- |' * len(heads)}"]
    for network, times in rows.items():
        cells = [
            f"{1e3 * times[name].least:.3g} ({1e3 * times[name].median:.3g})" if name in times else "wrong"
            for name in names
        ]
        ratios = [
            f"{times[name].least / times[OURS].least:.2f}" if {name, OURS} <= times.keys() else "–"
            for name in names
            if name != OURS
        ]
        lines.append(f"| {' | '.join([network, *cells, *ratios])} |")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line: 0, or 2 where the call was wrong or an extra is missing."""
    parser = argparse.ArgumentParser("python -m experiments.benchmark.suites.step", description="Steps.")
    parser.add_argument("--network", choices=NETWORKS, action="append", help="one of them [all]")
    given = parser.parse_args(argv)
    try:
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            rows = {
                name: measured(make(name, NETWORKS[name], BATCH), seconds=8.0, most=40)
                for name in given.network or NETWORKS
            }
    except ModuleNotFoundError as error:
        print(missing_extra("experiments.benchmark.suites.step", error, "train"), file=sys.stderr)
        return 2
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
