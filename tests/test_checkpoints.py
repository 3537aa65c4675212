"""Runs that were stopped, whose files are damaged or whose disk is full: nothing is lost, nothing silent."""

import json
import re
import shutil
from contextlib import contextmanager
from dataclasses import replace

import jax
import numpy as np
import pytest
from jax.experimental.compilation_cache import compilation_cache

ocp = pytest.importorskip("orbax.checkpoint")
pytest.importorskip("optax")
pytest.importorskip("sklearn")
resource = pytest.importorskip("resource")  # not on Windows

from experiments.networks import NETWORKS, BatchNorm, Conv, Dense, GlobalAvgPool, Relu  # noqa: E402
from experiments.train import BadCheckpoint, CannotWrite, Config, main, run  # noqa: E402
from experiments.train.arrays import named  # noqa: E402
from experiments.train.checkpoints import Checkpoints  # noqa: E402
from experiments.train.history import HEADER, History  # noqa: E402

STEPS = 6

# a thread of orbax may fail long after another one has, and after that is told
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def tiny(**settings):
    """3 steps an epoch."""
    defaults = {"epochs": 2, "batch_size": 360, "checkpoint_every": 2, "channels": (2, 3)}
    return Config(**(defaults | settings))


@pytest.fixture(autouse=True)
def _promotion_as_optax_needs_it():
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


@pytest.fixture(scope="module", autouse=True)
def _a_program_is_compiled_once(tmp_path_factory):
    """Every run compiles its step, and most here have the same."""
    settings = {
        "jax_compilation_cache_dir": str(tmp_path_factory.mktemp("cache")),
        "jax_persistent_cache_min_compile_time_secs": 0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    before = {name: getattr(jax.config, name) for name in settings}
    for name, value in settings.items():
        jax.config.update(name, value)
    yield
    for name, value in before.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The result of a whole run, and its folder, to be copied."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        return run(tiny(out=folder)), folder


@pytest.fixture
def resumable(whole, tmp_path):
    """The settings to resume a copy of it, whose last checkpoints are of the steps 4 and 6."""
    return tiny(out=shutil.copytree(whole[1], tmp_path / "run"), resume=True)


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_same(a, b):
    a, b = named(a), named(b)
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name, strict=True)


class Stop(Exception):
    pass


def stop_at(step):
    def on_step(number, steps, loss, accuracy):
        if number == step:
            raise Stop

    return on_step


def stopped_at(step, config):
    with pytest.raises(Stop):
        run(config, stop_at(step))


@pytest.mark.parametrize("step", [1, 3, 5])
def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(step, whole, tmp_path):
    config = tiny(out=tmp_path)
    stopped_at(step, config)
    resumed = run(replace(config, resume=True))
    assert_same(resumed.training, whole[0].training)
    assert resumed.accuracy == whole[0].accuracy
    np.testing.assert_array_equal(resumed.losses, whole[0].losses[step - step % 2 :])
    assert (tmp_path / "history.csv").read_bytes() == (whole[1] / "history.csv").read_bytes()


def test_a_run_goes_on_on_other_devices(whole, resumable):
    shutil.rmtree(resumable.out / "checkpoints" / str(STEPS))
    resumed = run(replace(resumable, devices=4))
    np.testing.assert_allclose(resumed.losses, whole[0].losses[4:], rtol=1e-5)


@pytest.mark.parametrize(
    "settings",
    [
        {"dtype": "float64", "optimizer": "sgd", "schedule": "warmup-cosine"},
        {"dtype": "bfloat16", "optimizer": "adamw", "schedule": "constant", "accumulate": 2},
    ],
    ids=lambda settings: settings["dtype"],
)
def test_running_statistics_momenta_and_keys_are_kept(settings, tmp_path, monkeypatch):
    monkeypatch.setitem(NETWORKS, "small", (Conv(2), BatchNorm(), Relu(), GlobalAvgPool(), Dense(10)))
    config = tiny(model="small", out=tmp_path / "stopped", **settings)
    expected = run(replace(config, out=tmp_path / "whole"))
    stopped_at(3, config)
    assert_same(run(replace(config, resume=True)).training, expected.training)


def test_a_finished_run_is_only_tested_again(whole, resumable):
    result = run(resumable)
    assert (len(result.losses), result.accuracy) == (0, whole[0].accuracy)
    assert_same(result.training, whole[0].training)


def test_the_history_has_a_line_for_each_step_and_the_accuracy_of_each_epoch(whole):
    result, folder = whole
    header, *lines = (folder / "history.csv").read_text().splitlines()
    rows = [line.split(",") for line in lines]
    assert header == HEADER == "step,epoch,loss,accuracy,test_accuracy"
    assert [row[:2] for row in rows] == [[str(k + 1), str(k // 3 + 1)] for k in range(STEPS)]
    np.testing.assert_array_equal([np.float32(row[2]) for row in rows], result.losses)
    assert all(0 <= float(row[3]) <= 1 for row in rows)
    assert [bool(row[4]) for row in rows] == [False, False, True] * 2
    assert float(rows[-1][4]) == result.accuracy


def test_checkpoints_can_be_read_without_this_code(whole):
    result, folder = whole
    arrays = ocp.StandardCheckpointer().restore(folder / "checkpoints" / str(STEPS) / "arrays")
    np.testing.assert_array_equal(arrays["params.conv1.W"], result.training.params["conv1"]["W"])


def truncate(last):
    for path in (last / "arrays" / "d").iterdir():
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def change_a_number(last):
    """So that orbax finds nothing wrong, as with most changed bytes."""
    with ocp.StandardCheckpointer() as checkpointer:
        arrays = checkpointer.restore(last / "arrays")
        arrays["params.dense.b"] = arrays["params.dense.b"] + np.float32(1)
        shutil.rmtree(last / "arrays")
        checkpointer.save(last / "arrays", arrays)


def lose_the_settings(last):
    shutil.rmtree(last / "run")


def put_an_array_of_another_shape(last):
    arrays = {"params.conv1.W": np.zeros(3)}
    shutil.rmtree(last / "arrays")
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(last / "arrays", arrays)


def put_a_foreign_checkpoint(last):
    shutil.rmtree(last)
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(last, {"W": np.zeros(3)})


def put_other_settings(last):
    """Those of some other program."""
    (last / "run" / "metadata").write_text(json.dumps({"a": 1}))


@pytest.mark.parametrize(
    "damage",
    [
        truncate,
        change_a_number,
        lose_the_settings,
        put_an_array_of_another_shape,
        put_a_foreign_checkpoint,
        put_other_settings,
    ],
    ids=lambda damage: damage.__name__,
)
def test_a_damaged_or_foreign_checkpoint(damage, whole, resumable):
    folder = resumable.out / "checkpoints"
    damage(folder / str(STEPS))
    before = files(resumable.out)
    message = re.escape(f"{folder / '6'} cannot be read: ")
    with pytest.raises(BadCheckpoint, match=f"^{message}.*without it, {folder / '4'} is the last$"):
        run(resumable)
    assert files(resumable.out) == before
    shutil.rmtree(folder / "6")
    assert_same(run(resumable).training, whole[0].training)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"model": "lenet"}, "it has model 'cnn'; expected model 'lenet'"),
        ({"channels": (4, 3)}, r"it has channels \[2, 3\]; expected channels \[4, 3\]"),
        ({"epochs": 3, "seed": 7}, "it has epochs 2, seed 0; expected epochs 3, seed 7"),
    ],
    ids=str,
)
def test_a_checkpoint_of_another_run(setting, message, resumable):
    before = files(resumable.out)
    with pytest.raises(BadCheckpoint, match=f"checkpoints/6 is of another run: {message}$"):
        run(replace(resumable, **setting))
    assert files(resumable.out) == before


def test_nothing_to_resume(tmp_path):
    with pytest.raises(BadCheckpoint, match=f"there is nothing to resume in {tmp_path}/none; expected"):
        run(tiny(out=tmp_path / "none", resume=True))
    assert not (tmp_path / "none").exists()
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(
        BadCheckpoint, match=f"there is nothing to resume in {tmp_path}/checkpoints; expected"
    ):
        run(tiny(out=tmp_path, resume=True))


def test_nothing_is_overwritten(resumable):
    config = replace(resumable, resume=False)
    before = files(config.out)
    with pytest.raises(BadCheckpoint, match=r"checkpoints holds checkpoints; expected resume, or an out"):
        run(config)
    assert files(config.out) == before
    shutil.rmtree(config.out / "checkpoints")
    before = files(config.out)
    with pytest.raises(BadCheckpoint, match=r"history.csv exists; expected an out without a run$"):
        run(config)
    assert files(config.out) == before


def test_a_history_that_is_none(resumable):
    (resumable.out / "history.csv").write_text("a,b\n1,2\n")
    with pytest.raises(BadCheckpoint, match=r"history.csv is no history; expected a line 'step,epoch,loss"):
        run(resumable)


@contextmanager
def files_at_most(size):
    """No file can grow beyond so many bytes: the system refuses, as it does on a full disk."""
    _, hard = limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("size", [0, 500])
def test_a_full_disk_while_a_checkpoint_is_written(size, whole, tmp_path, monkeypatch, capfd):
    save = Checkpoints.save

    def save_on_a_full_disk(self, step, epoch, training):
        with files_at_most(size if step == 4 else resource.RLIM_INFINITY):
            save(self, step, epoch, training)

    config = tiny(out=tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "save", save_on_a_full_disk)
        with pytest.raises(CannotWrite) as raised:
            run(config)
    folder = tmp_path / "checkpoints"
    assert str(raised.value).startswith(f"the checkpoint {folder / '4'} could not be written: ")
    assert str(raised.value).endswith(f"The last good one is {folder / '2'}")
    assert "Traceback" not in capfd.readouterr().err
    assert_same(run(replace(config, resume=True)).training, whole[0].training)


def test_a_full_disk_while_the_history_is_written(whole, tmp_path, monkeypatch):
    add = History.add

    def add_on_a_full_disk(self, line):
        with files_at_most(self.path.stat().st_size if line.step == 4 else resource.RLIM_INFINITY):
            add(self, line)

    config = tiny(out=tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(History, "add", add_on_a_full_disk)
        with pytest.raises(CannotWrite, match=r"history.csv could not be written: .+"):
            run(config)
    assert_same(run(replace(config, resume=True)).training, whole[0].training)
    assert (tmp_path / "history.csv").read_bytes() == (whole[1] / "history.csv").read_bytes()


def test_the_command_line_tells_errors_without_a_traceback(resumable, tmp_path, capsys):
    for arguments, code, message in (
        (["--out", str(resumable.out)], 2, "checkpoints holds checkpoints; expected resume"),
        (["--out", str(resumable.out), "--resume"], 2, "checkpoints/6 is of another run"),
        (["--out", str(tmp_path / "new"), "--resume"], 2, "there is nothing to resume"),
        (["--resume"], 2, "resume is True without out; expected the folder of the run as well"),
        (
            ["--checkpoint-every", "2"],
            2,
            "checkpoint every is 2 without out; expected the folder of the run",
        ),
        (["--out", "x", "--checkpoint-every", "0"], 2, "checkpoint every is 0; expected at least 1"),
        (["--out", str(resumable.out / "history.csv")], 1, "could not be made: Not a directory"),
    ):
        try:
            came = main(arguments)
        except SystemExit as exit:
            came = exit.code
        printed = capsys.readouterr().err
        assert came == code, printed
        assert message in printed
        assert "Traceback" not in printed
