"""Every library's training step starts and goes on with the same losses."""

import jax
import numpy as np
import pytest

pytest.importorskip("optax")

from experiments.benchmark.measure import LAX, OURS
from experiments.benchmark.suites import step
from experiments.benchmark.suites.nets import QUICK, QUICK_BATCH, make
from experiments.benchmark.timing import Times


def test_all_train_alike():
    with jax.enable_x64(False), jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        stepping = step.contenders(make("tiny", QUICK["tiny"], QUICK_BATCH))
        losses = {name: [call() for _ in range(3)] for name, call in stepping.items()}
    assert {OURS, LAX} <= losses.keys()
    for name, curve in losses.items():
        np.testing.assert_allclose(curve, losses[LAX], rtol=1e-4, err_msg=name)
        assert curve[0] > curve[1] > curve[2]  # they learn


def test_the_table():
    ours, lax, slow = Times(0.001, 0.002, 3), Times(0.003, 0.004, 3), Times(0.01, 0.01, 1)
    assert step.table({"a": {OURS: ours, LAX: lax}, "b": {OURS: slow}}).splitlines() == [
        "|  | jaxcnn, ms | lax, ms | lax/ours |",
        "| --- | --- | --- | --- |",
        "| a | 1 (2) | 3 (4) | 3.00 |",
        "| b | 10 (10) | wrong | – |",
    ]
