"""What more devices send each other, and how long they take: `python -m experiments.scaling`.

The model that this is compared with is in experiments/scaling.md. For each number of devices the training
step of `experiments.train` is compiled, what it sends is read from the program, and it is timed; likewise an
image that is cut into parts, and the all-reduce alone.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

import jaxcnn
from experiments.collectives import collectives
from experiments.networks import NETWORKS
from experiments.train import optimizers
from experiments.train.config import Config
from experiments.train.devices import Devices, make_virtual
from experiments.train.errors import BadCall, MissingExtra, require
from experiments.train.models import build
from experiments.train.step import compiled, initial
from jaxcnn import spatial

SHAPE = (32, 32, 3)
SECONDS, SAMPLES = 2.0, 20  # of timing, at most
IMAGE, KERNEL = (1, 64, 64, 32), (3, 3, 32, 32)  # that is cut, and convolved
WINDOWS: tuple[tuple[str, str, tuple[int, ...], dict[str, Any]], ...] = (
    ("conv 3×3", "conv", KERNEL, {"padding": "SAME"}),
    ("max_pool 3×3/2", "max_pool", (3, 3), {"padding": 1, "stride": 2}),
    ("avg_pool 3×3", "avg_pool", (3, 3), {"padding": "SAME", "stride": 1}),
)
SIZES = (1 << 10, 1 << 24)  # bytes of the all-reduces that are timed


class Step(NamedTuple):
    """A training step on so many devices.

    Attributes:
        devices: D.
        all_reduces: how many the program has.
        others: how many other collectives.
        sent: the bytes of all of them.
        gradients: the bytes of the parameters' gradients, of loss and accuracy.
        statistics: of a batch's normalisation, there and back: 4 numbers a channel.
        seconds: the least of the samples.
    """

    devices: int
    all_reduces: int
    others: int
    sent: int
    gradients: int
    statistics: int
    seconds: float


class Halo(NamedTuple):
    """A convolution of an image that is cut into so many parts, and its gradient.

    Attributes:
        devices: D.
        sent: bytes of collective-permutes, that a device receives.
        expected: of the halo: e − s rows of A, and as many of dA.
        summed: bytes of all-reduces: dW.
    """

    devices: int
    sent: int
    expected: int
    summed: int


class Exchange(NamedTuple):
    """Of windows over a cut image, without gradient: collectives, and bytes that a device receives.

    Attributes:
        operation: what.
        ours, bytes: by jaxcnn.spatial.
        left, left_bytes: of the operation on the whole image, left to XLA.
    """

    operation: str
    ours: int
    bytes: int
    left: int
    left_bytes: int


def step(network: str, devices: int, batch: int) -> Step:
    """Compiled, read and timed."""
    config = Config(data="cifar10", model=network, optimizer="sgd", batch_size=batch, devices=devices)
    model = build(network, config.gradients, config.channels, SHAPE[0])
    rule = optimizers.optimizer("sgd", optimizers.schedule("constant", 0.01, 1))
    where = Devices(devices)
    training = where.everywhere(initial(config, model, rule, SHAPE))
    rng = np.random.default_rng(0)
    images = where.shared(rng.integers(0, 256, (1, batch, *SHAPE), np.uint8), axis=1)
    labels = where.shared(rng.integers(0, 10, (1, batch), np.int32), axis=1)
    train: Any = compiled(config, model, rule, lambda key, images: images, 255, where.replicated).train
    program = train.lower(training, 1, images, labels).compile()
    found = collectives(program.as_text())
    return Step(
        devices,
        sum(each.kind == "all-reduce" for each in found),
        sum(each.kind != "all-reduce" for each in found),
        sum(each.bytes for each in found),
        _bytes(training.params) + 2 * 4,
        2 * _bytes(training.state),  # which holds 2 numbers a channel
        _least(partial(program, training, 1, images, labels)),
    )


def halo(devices: int) -> Halo:
    """Of a convolution with padding "SAME" and its gradient."""
    mesh = _mesh(devices)
    where = NamedSharding(mesh, P(None, "part"))
    layer = jax.shard_map(
        partial(spatial.conv, over="part", padding="SAME"),
        mesh=mesh,
        in_specs=(where.spec, P()),
        out_specs=where.spec,
    )
    A = jax.ShapeDtypeStruct(IMAGE, np.float32, sharding=where)
    W = jax.ShapeDtypeStruct(KERNEL, np.float32, sharding=NamedSharding(mesh, P()))
    loss = jax.jit(jax.grad(lambda A, W: jnp.sum(layer(A, W) ** 2), (0, 1)))
    found = collectives(loss.lower(A, W).compile().as_text() or "")
    row = 4 * int(np.prod(IMAGE)) // IMAGE[1]
    return Halo(
        devices,
        sum(each.bytes for each in found if each.kind == "collective-permute"),
        2 * (KERNEL[0] - 1) * row if devices > 1 else 0,
        sum(each.bytes for each in found if each.kind != "collective-permute"),
    )


def exchanges(devices: int) -> list[Exchange]:
    """Of windows over an image that is cut into so many parts."""
    mesh = _mesh(devices)
    where = NamedSharding(mesh, P(None, "part"))
    A = jax.ShapeDtypeStruct(IMAGE, np.float32, sharding=where)

    def sent(f: Callable[..., Any]) -> tuple[int, int]:
        program = jax.jit(f, out_shardings=where).lower(A).compile().as_text()
        found = collectives(program or "")
        return len(found), sum(each.bytes for each in found)

    rows = []
    for row, name, size, keywords in WINDOWS:
        window = np.ones(size, np.float32) if name == "conv" else size
        part = partial(_windowed, getattr(spatial, name), window, {**keywords, "over": "part"})
        ours = jax.shard_map(part, mesh=mesh, in_specs=where.spec, out_specs=where.spec)
        alone = partial(_windowed, getattr(jaxcnn, name), window, keywords)
        rows.append(Exchange(row, *sent(ours), *sent(alone)))
    return rows


def _windowed(operation: Callable[..., Any], window: Any, keywords: dict[str, Any], A: Any) -> Any:
    return operation(A, window, **keywords)


def all_reduce(devices: int, size: int) -> float:
    """The seconds in which so many bytes of each device are summed."""
    mesh = _mesh(devices)
    split = NamedSharding(mesh, P("part"))
    summed = jax.jit(
        jax.shard_map(lambda x: jax.lax.psum(x, "part"), mesh=mesh, in_specs=split.spec, out_specs=P())
    )
    return _least(partial(summed, jax.device_put(np.ones(devices * size // 4, np.float32), split)))


def _mesh(devices: int) -> jax.sharding.Mesh:
    return jax.make_mesh((devices,), ("part",), (AxisType.Auto,), devices=jax.devices()[:devices])


def _bytes(tree: Any) -> int:
    return sum(leaf.nbytes for leaf in jax.tree.leaves(tree))


def _least(call: Callable[[], Any]) -> float:
    """Seconds of a call, after one that warms up."""
    jax.block_until_ready(call())
    times: list[float] = []
    while len(times) < SAMPLES and sum(times) < SECONDS:
        start = time.perf_counter()
        jax.block_until_ready(call())
        times.append(time.perf_counter() - start)
    return min(times)


def report(network: str, batch: int, counts: Sequence[int]) -> str:
    """All tables, in markdown."""
    parts = [
        f"Step of {network}, batch {batch}, on virtual devices of one CPU",
        _table(
            "devices | all-reduces | other collectives | bytes sent | gradients, loss, accuracy "
            "| batch statistics | step, ms",
            [
                (*each[:4], each.gradients, each.statistics, f"{1e3 * each.seconds:.1f}")
                for each in (step(network, devices, batch) for devices in counts)
            ],
        ),
        f"Gradient of a {KERNEL[0]}×{KERNEL[1]} convolution of an image "
        f"{IMAGE[1]}×{IMAGE[2]}×{IMAGE[3]}, cut by rows",
        _table("devices | halo, bytes | expected | dW, bytes", [halo(devices) for devices in counts]),
        f"Windows over that image, cut into {counts[-1]}, without gradient: exchanges, and bytes received",
        _table(
            "operation | jaxcnn.spatial | bytes | left to XLA | bytes",
            exchanges(counts[-1]) if counts[-1] > 1 else [],
        ),
        "All-reduce, ms",
        _table(
            "devices | " + " | ".join(f"{size >> 10} KiB" for size in SIZES),
            [
                (devices, *(f"{1e3 * all_reduce(devices, size):.3f}" for size in SIZES))
                for devices in counts
                if devices > 1
            ],
        ),
    ]
    return "\n\n".join(parts)


def _table(head: str, rows: Sequence[Sequence[Any]]) -> str:
    heads = head.split(" | ")
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in (heads, ["---"] * len(heads), *rows))


def main(argv: Sequence[str] | None = None) -> int:
    """The command line: 0, or 2 where the call was wrong or an extra is missing."""
    parser = argparse.ArgumentParser("python -m experiments.scaling", description="What more devices cost.")
    parser.add_argument("--network", choices=NETWORKS, default="resnet", help="[%(default)s]")
    parser.add_argument("--batch", type=int, default=32, metavar="N", help="images a step [%(default)s]")
    parser.add_argument(
        "--devices", type=int, default=8, metavar="N", help="at most; 1, 2, 4, … [%(default)s]"
    )
    given = parser.parse_args(argv)
    try:
        require(given.devices >= 1, f"devices is {given.devices}", "at least 1")
        counts = [1 << power for power in range(given.devices.bit_length())]
        require(
            given.batch >= 1 and given.batch % counts[-1] == 0,
            f"batch is {given.batch}",
            f"a multiple of {counts[-1]}",
        )
        make_virtual(counts[-1])
        print(report(given.network, given.batch, counts))
    except (BadCall, MissingExtra) as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
