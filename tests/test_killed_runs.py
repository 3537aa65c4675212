"""A run that is killed at random moments, and resumed each time, ends with the bits of one never killed."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

ocp = pytest.importorskip("orbax.checkpoint")
pytest.importorskip("flatbuffers")
pytest.importorskip("matplotlib")
pytest.importorskip("optax")
pytest.importorskip("rich")
pytest.importorskip("sklearn")

ROOT = Path(__file__).parents[1]
SERVER = """
import json, os, sys
import flatbuffers, matplotlib.figure
import optax, orbax.checkpoint, rich.progress, sklearn.datasets, sklearn.model_selection
from experiments.train import main

for line in sys.stdin:
    child = os.fork()
    if not child:
        os.dup2(2, 1)
        sys.exit(main(json.loads(line)))
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
KILLS = 20


@pytest.fixture
def start(tmp_path):
    """start(arguments of the command line) → its process id, and a function that waits for its exit code.

    Processes are forked from one that has imported everything, and share compiled programs: it costs little.
    """
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path / "cache"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    command = [sys.executable, "-c", SERVER]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with (
        (tmp_path / "errors").open("w") as errors,
        subprocess.Popen(command, env=environment, stderr=errors, **pipes) as server,
    ):

        def start(arguments):
            print(json.dumps(arguments), file=server.stdin, flush=True)
            return int(server.stdout.readline()), lambda: int(server.stdout.readline())

        yield start
        server.stdin.close()


def wait_until(holds):
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.001)


class Run:
    """The folder of a run, and the command line for it."""

    def __init__(self, start, folder):
        self.start, self.folder, self.history = start, folder, folder / "history.csv"

    def begin(self):
        """In the folder, or resumed from what is there."""
        folder = self.folder / "checkpoints"
        begun = folder.exists() and any(path.name.isdecimal() for path in folder.iterdir())
        arguments = ["--epochs", "240", "--batch-size", "360", "--checkpoint-every", "3"]  # 720 steps
        return self.start([*arguments, "--out", str(self.folder), *(["--resume"] if begun else [])])

    def written(self):
        """The moment at which the history was last written, and its size."""
        stat = self.history.stat() if self.history.exists() else None
        return (stat.st_mtime_ns, stat.st_size) if stat else (0, 0)

    def wait_for_steps(self, since, bytes):
        """Until something was written since, and then so many bytes; a step's line has about 25."""
        _wait_until(lambda: self.written() != since)
        _, size = self.written()
        _wait_until(lambda: self.written()[1] >= size + bytes)

    def last_checkpoint(self):
        """All arrays, by name, and the other entries."""
        last = self.folder / "checkpoints" / "720"
        arrays = ocp.StandardCheckpointer().restore(last / "arrays")
        return arrays, json.loads((last / "run" / "metadata").read_text())


def _wait_until(holds):
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_a_run_killed_at_random_moments_ends_with_the_same_bits(start, tmp_path):
    rng = random.Random(0)
    whole, killed = (Run(start, tmp_path / name) for name in ("whole", "killed"))
    _, exit_code = whole.begin()
    assert exit_code() == 0

    for kill in range(KILLS):
        since = killed.written()
        process, exit_code = killed.begin()
        if kill % 4 == 0:  # at any moment, most while the process starts
            time.sleep(rng.uniform(0, 1.5))
        else:  # after some steps, and anywhere in a step or a checkpoint
            killed.wait_for_steps(since, rng.randrange(200))
            time.sleep(rng.uniform(0, 0.1))
        os.kill(process, signal.SIGKILL)
        assert exit_code() == -signal.SIGKILL, "the run ended before it was killed often enough"
    _, exit_code = killed.begin()
    assert exit_code() == 0

    (arrays, run), (expected, expected_run) = killed.last_checkpoint(), whole.last_checkpoint()
    assert arrays.keys() == expected.keys()
    for name in arrays:
        np.testing.assert_array_equal(arrays[name], expected[name], err_msg=name, strict=True)
    assert run == expected_run
    assert killed.history.read_bytes() == whole.history.read_bytes()
