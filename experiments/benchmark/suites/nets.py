"""Suite `nets`: loss and gradient of whole networks, each made of jaxcnn's layers, of lax and of torch."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.benchmark import measure, reference
from experiments.benchmark.again import with_second_look
from experiments.benchmark.config import Config, Progress
from experiments.benchmark.networks import ours, plain
from experiments.networks import (
    CLASSES,
    NETWORKS,
    BatchNorm,
    Conv,
    Dense,
    Flatten,
    MaxPool,
    Network,
    Relu,
    Residual,
    build,
)
from jaxcnn.compiler import compiler_options

SIDE, BATCH = 32, 32
SECONDS = 4  # times as long as an operation
# Of networks: rounding moves a maximum or a kink here and there, whose gradient then jumps; TF32's the more.
TOLERANCE = {"cpu": 0.1}
LOOSEST = 0.2
QUICK_BATCH = 2
QUICK: dict[str, Network] = {
    "tiny": (
        *(Conv(4), BatchNorm(), Relu(), MaxPool(4)),
        *(Residual((Conv(4),), (Conv(4, 1),)), Flatten(), Dense(CLASSES)),
    )
}


class Net(NamedTuple):
    """A network with parameters and data."""

    name: str
    network: Network
    params: Any
    state: Any
    images: np.ndarray
    labels: np.ndarray

    @property
    def arguments(self) -> tuple[Any, ...]:
        """Of `objective`."""
        return self.params, self.state, self.images, self.labels

    def objective(self, library: str) -> Callable[..., Any]:
        """(params, state, images, labels) → (loss, state), by jaxcnn or by lax."""
        losses = {measure.OURS: ours.loss, measure.LAX: plain.loss}
        return partial(losses[library], self.network)

    def gradient(self, library: str) -> Callable[..., Any]:
        """Loss, state and the gradient of params."""
        return jax.value_and_grad(self.objective(library), has_aux=True)


def nets(config: Config) -> list[Net]:
    """The networks that are asked for, on normal images."""
    networks, batch = (QUICK, QUICK_BATCH) if config.quick else (NETWORKS, BATCH)
    batch *= config.images
    return [make(name, network, batch) for name, network in networks.items() if config.chosen(name)]


def make(name: str, network: Network, batch: int) -> Net:
    """The network, initialised."""
    rng = np.random.default_rng(0)
    images = rng.standard_normal((batch, SIDE, SIDE, 3)).astype(np.float32)
    labels = rng.integers(0, CLASSES, batch).astype(np.int32)
    params, state = build(network).init(jax.random.key(0), images.shape[1:], jnp.float32)
    return Net(name, network, params, state, images, labels)


def run(config: Config, progress: Progress) -> list[measure.Measured]:
    """A row for each network."""
    measured = []
    for net in nets(config):
        progress(f"net {net.name}")
        measured += with_second_look(partial(_measured, net), config.longer(SECONDS))
    return measured


def _measured(net: Net, config: Config) -> list[measure.Measured]:
    one = measure.Measured(net.name, "gradient", net.name)
    libraries: dict[str, Callable[[], measure.Call | None]] = {
        measure.OURS: lambda: _call(net, measure.OURS),
        measure.LAX: lambda: _call(net, measure.LAX),
        measure.OPTIONS: lambda: _call(net, measure.OURS, compiler_options()) if compiler_options() else None,
    }
    if measure.TORCH in measure.installed():
        libraries[measure.TORCH] = lambda: _torch(net)
    tolerance = TOLERANCE.get(jax.default_backend(), LOOSEST)
    measure.check_and_time(one, libraries, _expected(net), tolerance, config)
    return [one]


def _call(net: Net, library: str, options: dict[str, str] | None = None) -> measure.Call:
    gradient = jax.jit(net.gradient(library), compiler_options=options or None)
    arguments = jax.device_put(net.arguments)
    return measure.Call(partial(gradient, *arguments), _read)


def _read(results: Any) -> Sequence[np.ndarray]:
    (loss, _), gradients = results
    return [np.asarray(x) for x in (loss, *jax.tree.leaves(gradients))]


def _torch(net: Net) -> measure.Call:
    from experiments.benchmark.contenders.pytorch import wait
    from experiments.benchmark.networks import pytorch

    params = jax.tree.map(np.asarray, net.params)
    return measure.Call(
        pytorch.gradient(net.network, params, net.images, net.labels), pytorch.read, wait, spins=True
    )


def _expected(net: Net) -> list[reference.Expected]:
    """By lax in float64, with the same parameters; errors are measured by each gradient's largest entry."""
    with jax.enable_x64(True):
        wide = jax.tree.map(
            lambda x: x if np.issubdtype(x.dtype, np.integer) else np.asarray(x, np.float64), net.arguments
        )
        values = _read(jax.jit(net.gradient(measure.LAX))(*wide))
    largest = max(float(np.max(np.abs(x))) for x in values[1:])
    return [reference.Expected(x, max(float(np.max(np.abs(x))), 1e-3 * largest)) for x in values]
