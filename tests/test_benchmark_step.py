"""Every library's training step starts and goes on with the same losses."""

from functools import partial
from itertools import chain, repeat

import jax
import numpy as np
import pytest

pytest.importorskip("optax")

from experiments.benchmark.config import Config
from experiments.benchmark.measure import LAX, OURS
from experiments.benchmark.suites import step
from experiments.benchmark.suites.nets import QUICK, QUICK_BATCH, make


def test_all_train_alike():
    with jax.enable_x64(False), jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        stepping = step.contenders(make("tiny", QUICK["tiny"], QUICK_BATCH))
        losses = {name: [call() for _ in range(3)] for name, call in stepping.items()}
    assert {OURS, LAX} <= losses.keys()
    for name, curve in losses.items():
        np.testing.assert_allclose(curve, losses[LAX], rtol=1e-4, err_msg=name)
        assert curve[0] > curve[1] > curve[2]  # they learn


def test_who_has_another_loss_is_not_timed(monkeypatch):
    curves = {
        OURS: chain([2.0, 1.0], repeat(0.5)),
        LAX: chain([2.0, 1.0], repeat(0.5)),
        "other": iter([2.0, 1.1]),
    }
    stepping = {name: partial(next, curve) for name, curve in curves.items()}
    monkeypatch.setattr(step, "contenders", lambda net: stepping)
    (one,) = step.run(Config(("step",), quick=True), lambda text: None)
    assert set(one.times) == {OURS, LAX}
    assert one.failed == {"other": "wrong: losses 2, 1.1; lax's are (2.0, 1.0)"}
