import builtins
import gzip
import re
import struct
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.networks import NETWORKS, BatchNorm, Conv, Dense, GlobalAvgPool, Relu
from experiments.train import BadConfig, Config, MissingExtra, main, run
from experiments.train.augmentation import random_flip
from experiments.train.loop import batches, order
from experiments.train.models import MODELS, build
from experiments.train.optimizers import optimizer, schedule
from experiments.train.pictures import first_convolution
from experiments.train.step import compiled, initial

TINY = Config(epochs=1, batch_size=180, dtype="float64", channels=(2, 3))  # 7 steps


@pytest.fixture(autouse=True)
def _promotion_as_optax_needs_it():
    with jax.numpy_dtype_promotion("standard"):
        yield


def test_both_gradients_give_the_same_losses():
    manual, autodiff = run(TINY), run(replace(TINY, gradients="autodiff"))
    assert len(manual.losses) == 1437 // 180
    np.testing.assert_allclose(manual.losses, autodiff.losses, rtol=0, atol=1e-9)
    assert manual.accuracy == autodiff.accuracy


def test_a_seed_decides_a_run():
    first, again, other = run(TINY), run(TINY), run(replace(TINY, seed=1))
    np.testing.assert_array_equal(first.losses, again.losses)
    assert not np.any(first.losses == other.losses)


def test_it_learns_and_tells_of_every_step():
    told = []
    config = Config(epochs=2, batch_size=60, learning_rate=0.01, channels=(8, 16))
    result = run(config, lambda *step: told.append(step))
    assert [step[:3] for step in told] == [(k + 1, 46, loss) for k, loss in enumerate(result.losses)]
    first, last = (np.mean([step[3] for step in steps]) for steps in (told[:5], told[-5:]))
    assert 0 <= first < last <= 1  # the accuracy
    assert result.losses[-1] < 0.8 * result.losses[0]
    assert result.accuracy > 0.4  # chance is 0.1


def test_the_accuracy_is_printed_last(capsys):
    assert main(["--epochs", "1", "--batch-size", "700"]) == 0
    assert re.fullmatch(r"test accuracy: \d+\.\d\d%", capsys.readouterr().out.splitlines()[-1])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"gradients": "numeric"}, "gradients is 'numeric'; expected 'manual' or 'autodiff'"),
        ({"dtype": "float16"}, "dtype is 'float16'; expected 'float32' or 'float64' or 'bfloat16'"),
        ({"epochs": 0}, "epochs is 0; expected at least 1"),
        ({"batch_size": 0}, "batch size is 0; expected at least 1"),
        ({"batch_size": 1438}, "batch size is 1438; expected at most 1437"),
        ({"learning_rate": float("nan")}, "learning rate is nan; expected a positive number"),
        ({"learning_rate": -1.0}, "learning rate is -1.0; expected a positive number"),
        ({"seed": -1}, "seed is -1; expected 0 to 4294967295"),
        ({"accumulate": 7}, "accumulate is 7; expected a divisor of the batch size, 180"),
        ({"accumulate": 0}, "accumulate is 0; expected a divisor of the batch size, 180"),
        (
            {"gradients": "autodiff", "model": "small"},
            "gradients is 'autodiff' with model 'small'; expected 'manual', or model 'cnn', which has both",
        ),
        ({"optimizer": "lion"}, "optimizer is 'lion'; expected 'adam' or 'adamw' or 'sgd'"),
        ({"devices": 7}, "devices is 7; expected a divisor of the images that they share, 180"),
        (
            {"devices": 2, "accumulate": 60},
            "devices is 2; expected a divisor of the images that they share, 3",
        ),
        ({"schedule": "step"}, "schedule is 'step'; expected 'cosine' or 'constant' or 'warmup-cosine'"),
    ],
    ids=str,
)
def test_bad_settings(wrong, message):
    with pytest.raises(BadConfig, match=f"^{message}$"):
        run(replace(TINY, **wrong))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epochs", "0"], "error: epochs is 0; expected at least 1\n"),
        (["--epochs", "many"], "error: argument --epochs: invalid int value: 'many'\n"),
        (["--gradients", "none"], "error: argument --gradients: invalid choice: 'none'"),
        (["--model", "vgg"], "error: argument --model: invalid choice: 'vgg'"),
        (["--data", "imagenet"], "error: argument --data: invalid choice: 'imagenet'"),
        (["--data", "mnist"], "error: data dir is missing; expected the folder with the files of mnist\n"),
        (["--devices", "3"], "error: devices is 3; expected a divisor of the images that they share, 64\n"),
        (["--processes", "0"], "error: processes is 0; expected at least 1\n"),
        (
            ["--processes", "3", "--devices", "2"],
            "error: devices is 2 with 3 processes; expected a multiple of 3: as many for each process\n",
        ),
        (
            ["--process", "1"],
            "error: process is 1 without coordinator; expected both, or none to start all processes on this",
        ),
        (
            ["--processes", "2", "--process", "2", "--coordinator", "localhost:1"],
            "error: process is 2; expected 0 to 1\n",
        ),
        (
            ["--processes", "2", "--process", "0", "--coordinator", "localhost"],
            "error: coordinator is 'localhost'; expected HOST:PORT\n",
        ),
        (["--batch-size", "5000"], "error: batch size is 5000; expected at most 1437\n"),
    ],
    ids=" ".join,
)
def test_a_bad_command_line_exits_with_2_and_no_traceback(arguments, message, capsys):
    with pytest.raises(SystemExit) as exit:
        main(arguments)
    assert exit.value.code == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert "Traceback" not in printed


@pytest.mark.parametrize("package", ["optax", "sklearn", "rich", "matplotlib", "flatbuffers"])
def test_a_missing_package_names_the_extra(package, monkeypatch, tmp_path, capsys):
    importing = builtins.__import__

    def without(name, *arguments, **keywords):
        if name.partition(".")[0] == package:
            raise ModuleNotFoundError(f"No module named {name!r}", name=package)
        return importing(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", without)
    message = f"{package} is not installed: pip install 'jaxcnn[train]'"
    with pytest.raises(SystemExit) as exit:
        main(["--epochs", "1", "--out", str(tmp_path / "run")])
    assert exit.value.code == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
    if package in ("optax", "sklearn"):
        with pytest.raises(MissingExtra, match=message.replace("[", r"\[")):
            run(TINY)


def leaves(tree):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


def test_a_batch_in_parts_is_the_whole_batch():
    whole, parts = run(TINY), run(replace(TINY, accumulate=4))
    np.testing.assert_allclose(parts.losses, whole.losses, rtol=1e-12)
    for a, b in zip(leaves(parts.training.params), leaves(whole.training.params), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-11)


def test_parts_pass_the_running_statistics_on(monkeypatch):
    monkeypatch.setitem(NETWORKS, "small", (Conv(2), BatchNorm(), Relu(), GlobalAvgPool(), Dense(10)))
    config = replace(TINY, model="small", batch_size=1436)  # one step
    (one,), (two,) = (
        [entry["mean"] for entry in run(each).training.state if entry]
        for each in (config, replace(config, accumulate=2))
    )
    assert np.all(one != 0)  # 0.1 of the batch's mean
    np.testing.assert_allclose(two, 1.9 * one, rtol=0.2)  # 0.09 of the first half's and 0.1 of the second's


@pytest.mark.parametrize("model", MODELS)
def test_every_network_computes_in_bfloat16_with_float32_parameters(model):
    config = Config(model=model, dtype="bfloat16", batch_size=4)
    with jax.enable_x64(False):
        layer, rule = build(model, "manual", (2, 3), 8), optimizer("adamw", schedule("cosine", 0.1, 10))
        training = jax.eval_shape(lambda: initial(config, layer, rule, (8, 8, 1)))
        images, labels = jnp.zeros((1, 4, 8, 8, 1), jnp.uint8), jnp.zeros((1, 4), jnp.int32)
        train = compiled(config, layer, rule, random_flip, 16).train
        after, told = jax.eval_shape(train, training, 0, images, labels)
    shapes = [[(X.shape, X.dtype) for X in jax.tree.leaves(each)] for each in (training, after)]
    assert shapes[0] == shapes[1]
    wide = jax.tree.leaves((training.params, training.state, told))
    assert {X.dtype for X in wide} == {jnp.dtype("float32")}


def test_bfloat16_computes_in_it():
    wide, narrow = run(replace(TINY, dtype="float32")), run(replace(TINY, dtype="bfloat16"))
    np.testing.assert_allclose(narrow.losses, wide.losses, rtol=0.02)
    assert np.all(narrow.losses != wide.losses)
    assert {leaf.dtype for leaf in leaves(narrow.training.params)} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("size", "model", "made"), [(8, "resnet", 32), (8, "mobilenet", 32), (8, "lenet", 8), (28, "resnet", 28)]
)
def test_small_images_are_enlarged_for_the_networks_that_need_it(size, model, made):
    layer, image = build(model, "manual", (2, 3), size), jax.ShapeDtypeStruct((2, size, size, 1), jnp.float32)
    params, state = jax.eval_shape(lambda: layer.init(jax.random.key(0), (size, size, 1)))
    sizes = {
        X.aval.shape[1]
        for equation in jax.make_jaxpr(layer.apply)(params, state, image).eqns
        for X in equation.outvars
        if X.aval.ndim == 4
    }
    assert max(sizes) in (made, made + 2, made + 4)  # padded or not


@pytest.mark.parametrize("model", MODELS)
def test_the_kernels_of_the_first_convolution_are_found(model):
    layer = build(model, "manual", (2, 3), 8)
    params, _ = jax.eval_shape(lambda: layer.init(jax.random.key(0), (8, 8, 1)))
    W, b = first_convolution(params)
    assert W.shape[2] == 1  # the channels of the image
    assert b is None or b.shape == W.shape[-1:]


def test_the_first_update_of_each_optimiser():
    W, dW = jnp.array([2.0, -3.0], jnp.float32), jnp.array([0.5, -0.25], jnp.float32)

    def update(name):
        rule = optimizer(name, schedule("constant", 0.1, 10))
        return rule.update(dW, rule.init(W), W)[0]

    np.testing.assert_allclose(update("sgd"), -0.1 * dW, rtol=1e-5)
    np.testing.assert_allclose(update("adam"), -0.1 * np.sign(dW), rtol=1e-5)
    np.testing.assert_allclose(update("adamw"), -0.1 * (np.sign(dW) + 1e-4 * np.asarray(W)), rtol=1e-6)


def test_schedules():
    rates = {
        name: [float(schedule(name, 0.5, 100)(step)) for step in range(101)]
        for name in ("cosine", "constant", "warmup-cosine")
    }
    assert set(rates["constant"]) == {0.5}
    np.testing.assert_allclose(rates["cosine"], 0.25 * (1 + np.cos(np.pi * np.arange(101) / 100)), atol=1e-6)
    np.testing.assert_allclose(rates["warmup-cosine"][:6], 0.1 * np.arange(6), atol=1e-6)
    assert rates["warmup-cosine"][100] == pytest.approx(0, abs=1e-6)
    assert float(schedule("warmup-cosine", 0.5, 1)(0)) == 0.5  # too few steps to warm up


def test_an_epoch_has_every_image_once_in_an_order_of_its_own():
    first, again, next_epoch, other_seed = order(0, 0, 50), order(0, 0, 50), order(0, 1, 50), order(1, 0, 50)
    np.testing.assert_array_equal(np.sort(first), np.arange(50))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, next_epoch)
    assert not np.array_equal(first, other_seed)


def test_a_loss_that_is_not_finite_stops_the_run_and_leaves_its_batch(tmp_path, capsys):
    arguments = ["--epochs", "3", "--batch-size", "700", "--optimizer", "sgd", "--learning-rate", "1e30"]
    assert main([*arguments, "--out", str(tmp_path)]) == 1
    printed = capsys.readouterr().err
    told = re.search(
        r"the loss of step (\d) is (?:nan|inf); expected finite\. Its batch .* in (.*)\n", printed
    )
    assert "Traceback" not in printed
    step, path = int(told[1]), tmp_path / f"step-{told[1]}.npz"
    assert told[2] == str(path)
    assert len((tmp_path / "history.csv").read_text().splitlines()) == step  # a header, and the steps before

    kept = np.load(path, allow_pickle=False)
    names = ("conv1", "conv2", "dense")
    params = {name: {"W": kept[f"params.{name}.W"], "b": kept[f"params.{name}.b"]} for name in names}
    Z, _ = build("cnn", "manual", (32, 64), 8).apply(params, (), kept["images"].astype(np.float32) / 16)
    assert Z.shape == (len(kept["labels"]), 10) == (700, 10)
    assert not np.all(np.abs(Z) < 1e9)  # these parameters and images are at fault


def test_loss_accuracy_and_images_a_second_are_told(capsys):
    assert main(["--epochs", "2", "--batch-size", "700"]) == 0
    told = capsys.readouterr().err
    assert re.search(r"training, loss \d\.\d{4}, accuracy \d+\.\d% .* 4/4 \d+ images/s \d:\d\d:\d\d", told)


def test_mnist_from_files_is_learned(tmp_path, capsys):
    labels = np.arange(200, dtype=np.uint8) % 10
    images = np.zeros((200, 28, 28), np.uint8)
    images[np.arange(200), 4 + 2 * labels] = 255  # a stripe whose height is the label
    for part in ("train", "t10k"):
        header = struct.pack(">HBBIII", 0, 8, 3, *images.shape)
        (tmp_path / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(header + images.tobytes()))
        header = struct.pack(">HBBI", 0, 8, 1, len(labels))
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(header + labels.tobytes())
    arguments = ["--data", "mnist", "--data-dir", str(tmp_path), "--model", "lenet"]
    assert main([*arguments, "--epochs", "12", "--batch-size", "20"]) == 0
    accuracy = float(capsys.readouterr().out.split()[-1].rstrip("%"))
    assert accuracy > 50  # chance is 10


def test_a_resumed_run_has_the_batches_that_are_left():
    config = Config(epochs=3, batch_size=4)
    every = list(batches(config, 11, 0))
    assert [step for step, _ in every] == [1, 2, 3, 4, 5, 6]
    assert len(np.unique(np.concatenate([batch for _, batch in every[:2]]))) == 8
    for first in range(7):
        left = list(batches(config, 11, first))
        assert [step for step, _ in left] == list(range(first + 1, 7))
        for (_, a), (_, b) in zip(left, every[first:], strict=True):
            np.testing.assert_array_equal(a, b)
