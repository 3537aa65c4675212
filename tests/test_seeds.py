"""Hand-written gradients beside autodiff's, over seeds."""

import jax
import numpy as np
import pytest

pytest.importorskip("optax")
pytest.importorskip("rich")
pytest.importorskip("sklearn")

from experiments.train import Config
from experiments.train.seeds import Outcome, Pair, chance, main, pairs, plot, table


def test_both_gradients_run_from_one_seed():
    told = []
    with jax.numpy_dtype_promotion("standard"):
        (pair,) = pairs(Config(epochs=1, batch_size=700, channels=(2, 3)), 1, told.append)
    np.testing.assert_allclose(pair.manual.losses, pair.autodiff.losses, rtol=1e-5)
    assert told == ["seed 0 of 0 to 0, manual gradients", "seed 0 of 0 to 0, autodiff gradients"]


def test_chance():
    assert chance([1.0, 1.0, 1.0, 1.0]) == 2 / 16
    assert chance([1.0, -1.0, 1.0, -1.0]) == 1
    assert chance([3.0, 1.0, -1.0]) == 6 / 8  # of 5, 3, 3, 1 and their negatives those not nearer to 0 than 3


FOUND = [
    Pair(Outcome(np.full(200, 0.5 + seed), 0.9), Outcome(np.full(200, 0.4 + seed), 0.8)) for seed in range(3)
]


def test_the_table():
    head, _, *rows, empty, last = table(FOUND).splitlines()
    assert head.count("|") == rows[0].count("|") == 7
    assert rows[1] == "| 1 | 90.00% | 80.00% | 1.5000 | 1.4000 | 1.0e-01 |"
    assert not empty
    assert "accuracy 10.00% ± 0.00%, p = 0.25; loss 0.1000 ± 0.0000, p = 0.25" in last


def test_the_plot(tmp_path):
    pytest.importorskip("matplotlib")
    plot(FOUND).savefig(tmp_path / "seeds.png")
    assert (tmp_path / "seeds.png").stat().st_size > 10_000


def test_one_seed_is_too_few(capsys):
    with pytest.raises(SystemExit) as exit:
        main(["--seeds", "1"])
    assert exit.value.code == 2
    assert "error: seeds is 1; expected at least 2\n" in capsys.readouterr().err
