"""Suite `step`: a whole step of training, that is loss, gradient and update by SGD with momentum.

By jaxcnn, lax, flax and torch, from the same parameters. One that has not lax's loss after a step is not
timed. The update is optax's, or torch's own; torch leaves running statistics out.
"""

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

import jax
import numpy as np

from experiments.benchmark.again import with_second_look
from experiments.benchmark.config import Config, Progress
from experiments.benchmark.measure import LAX, OPTIONS, OURS, TORCH, Measured, enter_times
from experiments.benchmark.networks import ours, plain
from experiments.benchmark.suites.nets import Net, nets
from experiments.benchmark.timing import sample
from jaxcnn.compiler import compiler_options

FLAX = "flax + optax"
RATE, MOMENTUM = 1e-3, 0.9
TOLERANCE = 1e-3  # of the loss after a step
SECONDS = 16  # times as long as an operation
Stepping = Callable[[], float]


def run(config: Config, progress: Progress) -> list[Measured]:
    """A row for each network."""
    measured = []
    for net in nets(config):
        progress(f"step {net.name}")
        measured += with_second_look(partial(_measured, net), config.longer(SECONDS))
    return measured


def _measured(net: Net, config: Config) -> list[Measured]:
    one, stepping = Measured(net.name, "step"), contenders(net)
    losses = {name: (step(), step()) for name, step in stepping.items()}
    for name, pair in losses.items():
        if not np.allclose(pair, losses[LAX], rtol=TOLERANCE):
            one.failed[name] = f"wrong: losses {pair[0]:.6g}, {pair[1]:.6g}; lax's are {losses[LAX]}"
    right = {
        name: sample(step, lambda loss: None, spins=name == TORCH)
        for name, step in stepping.items()
        if name not in one.failed
    }
    enter_times(one, right, config)
    return [one]


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
