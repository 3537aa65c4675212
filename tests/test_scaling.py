"""What the command measures is what the model says."""

import jax
import pytest

pytest.importorskip("optax")

from experiments import scaling


def tables(printed):
    """The rows of each table, without their heads."""
    blocks = [block.splitlines()[2:] for block in printed.split("\n\n") if block.startswith("|")]
    return [[[number(cell) for cell in row.strip("| ").split(" | ")] for row in rows] for rows in blocks]


def number(cell):
    return float(cell) if cell[0].isdigit() else cell


def test_what_is_sent_is_what_the_model_says(capsys, monkeypatch):
    monkeypatch.setattr(scaling, "SECONDS", 0.01)
    with jax.enable_x64(False), jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        assert scaling.main(["--devices", "3", "--network", "lenet", "--batch", "4"]) == 0
    steps, halos, exchanges, all_reduces = tables(capsys.readouterr().out)
    assert [row[0] for row in steps] == [1, 2]
    for devices, _, others, sent, gradients, statistics, milliseconds in steps:
        assert others == 0
        assert sent == (gradients + statistics if devices > 1 else 0)
        assert milliseconds > 0
    assert [row[1] for row in halos] == [row[2] for row in halos] == [0, 2 * 2 * 64 * 32 * 4]
    row = 64 * 32 * 4
    assert [each[:3] for each in exchanges] == [
        ["conv 3×3", 2, 2 * row],
        ["max_pool 3×3/2", 1, row],
        ["avg_pool 3×3", 2, 2 * row],
    ]
    assert exchanges[0][3:] == [2, 2 * row]  # XLA does as well for a convolution
    assert [row[0] for row in all_reduces] == [2]


def test_a_bad_call(capsys):
    with pytest.raises(SystemExit) as exit:
        scaling.main(["--devices", "0"])
    assert exit.value.code == 2
    assert "error: devices is 0; expected at least 1\n" in capsys.readouterr().err
    with pytest.raises(SystemExit) as exit:
        scaling.main(["--devices", "2", "--batch", "3"])
    assert exit.value.code == 2
    assert "error: batch is 3; expected a multiple of 2\n" in capsys.readouterr().err
