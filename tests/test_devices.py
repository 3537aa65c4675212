"""Training on several devices: the same numbers, and nothing travels but sums over the batch."""

from dataclasses import replace
from functools import partial

import jax
import numpy as np
import pytest

pytest.importorskip("optax")
pytest.importorskip("sklearn")

from experiments.collectives import Collective, collectives
from experiments.networks import NETWORKS, BatchNorm, Conv, Dense, GlobalAvgPool, Relu
from experiments.train import BadConfig, Config, run
from experiments.train.arrays import named
from experiments.train.data import DATA_SETS
from experiments.train.devices import Devices
from experiments.train.models import build
from experiments.train.optimizers import optimizer, schedule
from experiments.train.step import compiled, initial

TINY = Config(epochs=1, batch_size=176, dtype="float64", channels=(2, 3))  # 8 steps; 360 test images
NORMALISED = (Conv(2), BatchNorm(), Relu(), GlobalAvgPool(), Dense(10))


@pytest.fixture(autouse=True)
def _promotion_as_optax_needs_it():
    with jax.numpy_dtype_promotion("standard"):
        yield


def assert_same(result, expected):
    np.testing.assert_allclose(result.losses, expected.losses, rtol=1e-12)
    assert result.accuracy == expected.accuracy
    ours, theirs = named(result.training), named(expected.training)
    for name in theirs:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-8, atol=1e-10, err_msg=name)


@pytest.fixture(scope="module")
def one():
    with jax.numpy_dtype_promotion("standard"):
        return run(TINY)


@pytest.mark.parametrize("devices", [2, 4, 8])
def test_the_curve_is_that_of_one_device(devices, one):
    assert_same(run(replace(TINY, devices=devices)), one)


def test_every_device_has_its_share_of_every_part(one):
    assert_same(run(replace(TINY, devices=4, accumulate=2)), one)


def test_a_batch_is_normalised_by_the_statistics_of_all_devices(monkeypatch):
    """With and without parts: a part is made of the same images, however many devices share it."""
    monkeypatch.setitem(NETWORKS, "small", NORMALISED)
    config = replace(TINY, model="small", accumulate=2)
    assert_same(run(replace(config, devices=4)), run(config))


def test_test_images_that_do_not_fill_the_devices():
    """360 images on 7."""
    config = replace(TINY, batch_size=700)
    assert_same(run(replace(config, devices=7)), run(config))


def test_fewer_devices_than_asked_for():
    with pytest.raises(
        BadConfig,
        match=r"^devices is 16; expected at most 8, as many as there are; "
        "XLA_FLAGS=--xla_force_host_platform_device_count=16, set before JAX starts, makes more$",
    ):
        run(replace(TINY, devices=16))


def _placed(sharding, leaf):
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)


def step_of(model, devices):
    """The collectives of a training step, and its parameters."""
    config = Config(model=model, batch_size=16, devices=devices, channels=(4, 6))
    with jax.enable_x64(False):
        layer, rule = build(model, "manual", config.channels, 8), optimizer("adam", schedule("cosine", 1, 10))
        where = Devices(devices)
        training = jax.eval_shape(lambda: initial(config, layer, rule, (8, 8, 1)))
        images, labels = np.zeros((1, 16, 8, 8, 1), np.uint8), np.zeros((1, 16), np.int32)
        train = compiled(config, layer, rule, DATA_SETS["digits"].augment, 16, where.replicated).train
        shared = (where.shared(each, axis=1) for each in (images, labels))
        program = (
            train.lower(jax.tree.map(partial(_placed, where.replicated), training), 1, *shared)
            .compile()
            .as_text()
        )
        return collectives(program), training.params


def total_bytes(tree):
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def test_a_step_sends_gradients_loss_and_accuracy_and_nothing_else():
    sent, params = step_of("cnn", 8)
    assert [each.kind for each in sent] == ["all-reduce"]
    assert sent[0].bytes == total_bytes(params) + 4 + 4


def test_batch_normalisation_adds_its_sums(monkeypatch):
    monkeypatch.setitem(NETWORKS, "small", NORMALISED)
    sent, params = step_of("small", 4)
    assert {each.kind for each in sent} == {"all-reduce"}
    # forward the mean and the variance, backward the means of dÂ and dÂ Â, each of 2 channels; these two
    # are also the gradients of shift and scale, which are then not sent again
    extra = sum(each.bytes for each in sent) - total_bytes(params) - 4 - 4
    assert 2 * 2 * 4 <= extra <= 4 * 2 * 4


def test_one_device_sends_nothing():
    assert step_of("cnn", 1)[0] == []


def test_collectives_are_read():
    program = """
  %a = f32[3,4]{1,0} all-gather(%x), dimensions={0}
  ROOT %b = (bf16[5]{0}, /*index=1*/pred[], s64[2]{0}) all-reduce(%y, %z), to_apply=%sum
  %c = u8[2,2]{1,0} collective-permute(%w), source_target_pairs={{0,1}}
  %d = f32[7]{0} add(%all-reduce, %e)
"""
    assert collectives(program) == [
        Collective("all-gather", ((3, 4),), 48),
        Collective("all-reduce", ((5,), (), (2,)), 10 + 1 + 16),
        Collective("collective-permute", ((2, 2),), 4),
    ]
