"""Processes that train together, on this host."""

import os
import re
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

ocp = pytest.importorskip("orbax.checkpoint")
pytest.importorskip("flatbuffers")
pytest.importorskip("matplotlib")
pytest.importorskip("optax")
pytest.importorskip("rich")
pytest.importorskip("sklearn")

from experiments.train import Config, main, run  # noqa: E402
from experiments.train import processes as module  # noqa: E402
from experiments.train.arrays import named  # noqa: E402

ROOT = Path(__file__).parents[1]
SETTINGS = {"epochs": 2, "batch_size": 360, "dtype": "float64", "checkpoint_every": 4}  # 6 steps


def _lines(folder):
    return [line.split(",") for line in (folder / "history.csv").read_text().splitlines()]


def test_two_processes_train_as_one(tmp_path, monkeypatch, capfd):
    """Each on a device; the files are written once."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), *sys.path]))
    arguments = [
        text for name, value in SETTINGS.items() for text in (f"--{name.replace('_', '-')}", str(value))
    ]
    assert main([*arguments, "--processes", "2", "--out", str(tmp_path / "two")]) == 0
    printed = capfd.readouterr()
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        one = run(Config(out=tmp_path / "one", **SETTINGS))

    assert len(re.findall("accuracy: ", printed.out)) == 1
    assert printed.out.splitlines()[-1] == f"test accuracy: {one.accuracy:.2%}"
    assert "Traceback" not in printed.err
    two, expected = (_lines(tmp_path / name) for name in ("two", "one"))
    assert [row[:2] for row in two] == [row[:2] for row in expected]
    for row, other in zip(two[1:], expected[1:], strict=True):
        np.testing.assert_allclose([float(x or 0) for x in row], [float(x or 0) for x in other], rtol=1e-9)
    assert sorted(path.name for path in (tmp_path / "two" / "checkpoints").iterdir()) == ["4", "6"]
    arrays = ocp.StandardCheckpointer().restore(tmp_path / "two" / "checkpoints" / "6" / "arrays")
    for name, array in named(one.training).items():
        np.testing.assert_allclose(arrays[name], array, rtol=1e-7, atol=1e-9, err_msg=name)
    assert {path.name for path in (tmp_path / "two").iterdir()} == {
        *("history.csv", "checkpoints"),
        *("confusion.png", "curves.png", "feature-maps.png", "filters.png"),
        *("network.bin", "parameters.npz", "classes.json"),
    }


WAITS = "time.sleep(60)"


@pytest.mark.parametrize(
    ("first", "second", "code", "told"),
    [
        ("pass", "pass", 0, ""),
        ("sys.exit('no such file')", WAITS, 1, "no such file"),
        ("sys.exit(2)", "sys.exit('the same')", 2, ""),
        (WAITS, "sys.exit('out of luck')", 1, "process 1 of 2 ended with 1. out of luck"),
        (WAITS, "os.kill(os.getpid(), 9)", 1, "process 1 of 2 ended with -9."),
        ("sys.exit(3)", "os.kill(os.getpid(), 9)", 1, "process 1 of 2 ended with -9."),
        ("sys.exit(3)", "time.sleep(0.5); sys.exit('late')", 1, "process 1 of 2 ended with 1. late"),
        ("os.kill(os.getpid(), 9)", WAITS, 1, "process 0 of 2 ended with -9."),
    ],
)
def test_one_that_fails_ends_all(first, second, code, told, monkeypatch, capfd):
    script = f"import os, sys, time\nif sys.argv[-1] == '0': {first}\nelse: {second}"
    monkeypatch.setattr(module, "COMMAND", (sys.executable, "-c", script))
    assert module.start([], 2, 2) == code
    assert capfd.readouterr().err.strip() == told
