"""Several processes that train together: all on this host, or one on each host of a cluster.

    --processes 2 --devices 8                                       two on this host, with 4 devices each
    --processes 2 --devices 8 --coordinator HOST:PORT --process I   the I-th of them

Every process runs the same program. The first one is the coordinator, writes and tells.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import IO, Any, NamedTuple, NoReturn

import jax

from experiments.train.devices import make_virtual
from experiments.train.errors import brief, require

COMMAND = (sys.executable, "-m", "experiments.train")
LOST = 3  # the exit code of a process that another one has left alone
PATIENCE = 2  # seconds in which the first process may tell why another has ended


class Place(NamedTuple):
    """Of a process among those that train together.

    Attributes:
        processes: how many there are.
        process: which one this is, from 0; none: it is alone, or starts the others.
        coordinator: host and port at which the first one is found.
    """

    processes: int = 1
    process: int | None = None
    coordinator: str | None = None

    def check(self, devices: int) -> None:
        """Refuse what no run of so many devices can be made of."""
        require(self.processes >= 1, f"processes is {self.processes}", "at least 1")
        require(
            devices % self.processes == 0,
            f"devices is {devices} with {self.processes} processes",
            f"a multiple of {self.processes}: as many for each process",
        )
        for name, other in (("process", "coordinator"), ("coordinator", "process")):
            value = getattr(self, name)
            require(
                value is None or getattr(self, other) is not None,
                f"{name} is {value!r} without {other}",
                "both, or none to start all processes on this host",
            )
        if self.coordinator is not None:
            host, _, port = self.coordinator.rpartition(":")
            require(bool(host) and port.isdecimal(), f"coordinator is {self.coordinator!r}", "HOST:PORT")
        require(
            self.process is None or 0 <= self.process < self.processes,
            f"process is {self.process}",
            f"0 to {self.processes - 1}",
        )


@contextmanager
def joined(place: Place, devices: int) -> Iterator[None]:
    """The process in its place, with its share of the devices.

    Who fails leaves at once: as JAX ends a process it waits for the others, and they wait for this one.
    """
    make_virtual(devices // place.processes)
    if place.process is None:
        yield
        return
    try:
        jax.distributed.initialize(place.coordinator, place.processes, place.process)
        yield
    except SystemExit as error:
        _leave(error.code)
    except jax.errors.JaxRuntimeError as error:
        print(f"process {place.process} had to stop, perhaps as another has: {brief(error)}", file=sys.stderr)
        _leave(LOST)
    except BaseException:
        traceback.print_exc()
        _leave(1)


def _leave(code: Any) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 1)


def start(arguments: Sequence[str], processes: int, devices: int) -> int:
    """The command with these arguments in each of several processes on this host; its exit code."""
    share, coordinator = devices // processes, f"localhost:{_free_port()}"
    with ExitStack() as stack:
        started, errors = [], []
        for process in range(processes):
            gpus = ",".join(map(str, range(process * share, (process + 1) * share)))
            errors.append(stack.enter_context(tempfile.TemporaryFile()))
            child = subprocess.Popen(
                [*COMMAND, *arguments, "--coordinator", coordinator, "--process", str(process)],
                env=os.environ | {"JAX_CUDA_VISIBLE_DEVICES": gpus},
                stdout=subprocess.DEVNULL if process else None,
                stderr=errors[-1] if process else None,
            )
            stack.enter_context(child)
            stack.callback(child.kill)
            started.append(child)
        return _waited(started, errors)


def _free_port() -> int:
    with socket.socket() as any_port:
        any_port.bind(("localhost", 0))
        return any_port.getsockname()[1]


def _waited(started: Sequence["subprocess.Popen[bytes]"], errors: Sequence[IO[bytes]]) -> int:
    """Until all have ended well, or one has not: 0, or the code of the first process, which tells why."""
    while None in (codes := [child.poll() for child in started]) and not any(codes):
        time.sleep(0.05)
    if not any(codes):
        return 0
    deadline = time.monotonic() + PATIENCE
    while (codes[0] is None or _cause(codes) is None) and time.monotonic() < deadline:
        time.sleep(0.05)
        codes = [child.poll() for child in started]
    failed = _cause(codes) or 0
    code = codes[failed]
    if failed == 0 and code is not None and code > 0:
        return code
    errors[failed].seek(0)
    told = errors[failed].read().decode(errors="replace")
    print(f"process {failed} of {len(started)} ended with {code}. {told}".strip(), file=sys.stderr)
    return 1


def _cause(codes: Sequence[int | None]) -> int | None:
    """The first process that has failed, and not because another one has."""
    return next((process for process, code in enumerate(codes) if code not in (None, 0, LOST)), None)
