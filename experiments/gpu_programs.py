"""What XLA makes of the operations for a GPU, on a machine that has none: kernels, and the bytes they move.

    pip install "jax[cuda12]"
    JAX_PLATFORMS=cpu python -m experiments.gpu_programs [--rows PATTERN] [--markdown]

The CUDA plugin compiles for a described H100 (`jax.experimental.topologies`), and asks for no card or driver.
The rows are the benchmark's, with as many images as there on a GPU, beside what jax.grad makes of lax. A
kernel moves what it reads, once, and what it writes. Where that decides, as in pools, norms and softmaxes,
the ratio foretells that of the times, as of the gradients of a tree that had been timed: layer_norm's of 64
channels 1.10, measured 1.10, global_max_pool's 1.17 and 1.14, batch_norm's 1.38 and 1.35, group_norm's 1.22
and 1.18. Nothing is known of what happens in cuDNN and cuBLAS, or inside a loop, and little of programs that
take no longer than their launches.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.experimental import topologies
from jax.sharding import SingleDeviceSharding

from experiments.benchmark import reference
from experiments.benchmark.command import ON_ACCELERATOR
from experiments.benchmark.config import Config
from experiments.benchmark.measure import LAX, OURS, contender
from experiments.benchmark.operations import OPERATIONS, Row
from experiments.benchmark.report import ABSENT, Table
from experiments.benchmark.suites.nets import Net, nets
from experiments.collectives import array_bytes

FACES = ("forward", "gradient")
FREE = ("parameter", "constant", "bitcast", "tuple", "get-tuple-element")
# what the compiler asks of a card; the numbers are those of openxla/xla's target_config/specs/h100_sxm.txtpb
H100 = """
platform_name: "CUDA"
device_description_str: "NVIDIA H100 80GB HBM3"
dnn_version_info { major: 9 minor: 10 }
gpu_device_info {
  cuda_compute_capability { major: 9 }
  core_count: 132 fpus_per_core: 128 clock_rate_ghz: 1.98
  device_memory_size: 84942979072 memory_bandwidth: 3352320000000 l2_cache_size: 52428800
  threads_per_warp: 32 threads_per_block_limit: 1024 threads_per_core_limit: 2048
  shared_memory_per_block: 49152 shared_memory_per_block_optin: 232448 shared_memory_per_core: 233472
  registers_per_block_limit: 65536 registers_per_core_limit: 65536
  block_dim_limit_x: 2147483647 block_dim_limit_y: 65535 block_dim_limit_z: 65535
}
"""
_INSTRUCTION = re.compile(r"^ *(?:ROOT )?%(\S+) = (.*?) ([a-z][a-z-]*)\((.*?)\)", re.MULTILINE)
_COMMENT = re.compile(r"/\*.*?\*/")  # the index of every fifth operand


class Program(NamedTuple):
    """A compiled program.

    Attributes:
        kernels: how many are started.
        bytes: that they read and write.
        library: whether some are cuDNN's or cuBLAS's.
    """

    kernels: int
    bytes: int
    library: bool


def read(text: str) -> Program:
    """`compiled.as_text()`, scheduled HLO."""
    sizes: dict[str, int] = {}
    kernels = moved = 0
    library = False
    entry = _COMMENT.sub("", text[text.index("\nENTRY") :])
    for name, shape, kind, operands in _INSTRUCTION.findall(entry):
        sizes[name] = array_bytes(shape)
        if kind not in FREE:
            kernels += 1
            library |= kind == "custom-call"
            moved += sizes[name] + sum(sizes.get(one.strip().lstrip("%"), 0) for one in operands.split(","))
    return Program(kernels, moved, library)


def programs(row: Row, face: str, device: Any) -> dict[str, Program]:
    """By library; without lax's where it has no such operation."""
    arrays = list(map(jnp.asarray, row.rounded()))
    dZ = jnp.zeros(jax.eval_shape(reference.oracle(row), *arrays).shape, row.dtype)
    made = {}
    for name in (OURS, LAX):
        one = contender(name, row, face, arrays, dZ)
        if one is not None:
            made[name] = read(_compiled(one.call, device))
    return made


def gradients(net: Net, device: Any) -> dict[str, Program]:
    """Of a network's loss, by library."""
    return {
        name: read(_compiled(partial(jax.jit(net.gradient(name)), *net.arguments), device))
        for name in (OURS, LAX)
    }


def _compiled(call: Any, device: Any) -> str:
    """The text of a jitted function and its arguments, as `benchmark.faces.call` gives them."""
    sharding = SingleDeviceSharding(device)
    arguments = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding), call.args)
    return call.func.trace(*arguments).lower().compile().as_text()


def table(measured: Sequence[tuple[str, str, dict[str, Program]]]) -> Table:
    """A line for each."""
    rows = []
    for row, face, of in measured:
        ours, lax = of[OURS], of.get(LAX)
        cells = [str(ours.kernels), f"{ours.bytes / 1e6:.1f}"]
        cells += (
            [str(lax.kernels), f"{lax.bytes / 1e6:.1f}", f"{lax.bytes / ours.bytes:.2f}"]
            if lax
            else [ABSENT] * 3
        )
        rows.append((row, face, *cells, "cuDNN, cuBLAS" if ours.library else ""))
    return Table(
        f"Programs for an H100, jaxlib {version('jaxlib')}, {ON_ACCELERATOR} times the images",
        ("", "", "kernels", "MB", "lax's kernels", "MB", "lax/ours", "in part"),
        rows,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; 2 where there is no compiler for a GPU, or no such row."""
    parser = argparse.ArgumentParser(
        "python -m experiments.gpu_programs", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--rows", default="", metavar="PATTERN", help="a part of a row's name, or a pattern")
    parser.add_argument("--markdown", action="store_true", help="the table as markdown")
    given = parser.parse_args(argv)
    config = Config(rows=given.rows, images=ON_ACCELERATOR)
    rows, networks = config.of(OPERATIONS), nets(config)
    if not rows and not networks:
        print(f"rows is {given.rows!r}; expected a part of a row's name", file=sys.stderr)
        return 2
    try:
        device = topologies.get_topology_desc("", "cuda", topology="1x1x1", target_config=H100).devices[0]
    except Exception as problem:  # whatever a missing plugin, or one that wants a card, says
        print(
            f'No compiler for a GPU: {problem}\npip install "jax[cuda12]", and JAX_PLATFORMS=cpu',
            file=sys.stderr,
        )
        return 2
    measured = []
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        for row, face in ((row, face) for row in rows for face in FACES if face in row.faces):
            print(f"{row.name}, {face}", file=sys.stderr)
            measured.append((row.name, face, programs(row, face, device)))
        for net in networks:
            print(net.name, file=sys.stderr)
            measured.append((net.name, "gradient", gradients(net, device)))
    made = table(measured)
    if given.markdown:
        print(made.markdown())
    else:
        from rich.console import Console

        made.show(Console())
    return 0


if __name__ == "__main__":
    sys.exit(main())
