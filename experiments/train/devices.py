"""Where the arrays of a run are: a row of devices shares every batch, and each has all parameters.

    parameters, their updates, the key     on each device
    images and labels                      on each a share of them

What travels follows from that: the sums over a batch, which are the gradients of the parameters, the loss,
the number of recognised images, and the statistics of batch normalisation. The devices may belong to several
processes; all have the whole data at hand, and each passes on its share.
"""

from contextlib import suppress
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from experiments.train.errors import require


def make_virtual(count: int) -> None:
    """Let a CPU stand for so many devices of this process or more; once JAX has begun, all stays as it is."""
    config: Any = jax.config
    if count > max(config.jax_num_cpu_devices, 1):
        with suppress(RuntimeError):
            config.update("jax_num_cpu_devices", count)


class Devices:
    """So many devices, as many of each process."""

    def __init__(self, count: int):
        """The first ones.

        Raises:
            BadConfig: there are fewer.
        """
        share = count // jax.process_count()
        mine = len(jax.local_devices())
        virtual = (
            f"; XLA_FLAGS=--xla_force_host_platform_device_count={share}, set before JAX starts, makes more"
        )
        require(
            share <= mine,
            f"devices is {count}",
            f"at most {mine * jax.process_count()}, as many as there are"
            + (virtual if jax.default_backend() == "cpu" else f" of platform {jax.default_backend()}"),
        )
        chosen = [
            device
            for process in range(jax.process_count())
            for device in [each for each in jax.devices() if each.process_index == process][:share]
        ]
        self.count = count
        self._mesh = Mesh(np.asarray(chosen), ("batch",))
        self.replicated = NamedSharding(self._mesh, P())

    def everywhere(self, tree: Any) -> Any:
        """A pytree of arrays, the same in every process, on each device."""
        return jax.jit(lambda leaves: leaves, out_shardings=self.replicated)(tree)

    def shared(self, array: np.ndarray, *, axis: int = 0) -> jax.Array:
        """An array, the same in every process: on each device a share of it along this axis."""
        split = NamedSharding(self._mesh, P(*(None,) * axis, "batch"))
        return jax.make_array_from_callback(array.shape, split, array.__getitem__)


def first_process() -> bool:
    """Whether this process writes and tells; the others only compute."""
    return jax.process_index() == 0


def wait_for_all(what: str) -> None:
    """No process goes on before every one has done this."""
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices(what)
