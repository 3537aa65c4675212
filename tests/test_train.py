import builtins
import re
from dataclasses import replace

import jax
import numpy as np
import pytest

from experiments.train import BadConfig, Config, MissingExtra, main, run

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
    assert told == [(k + 1, 46, loss) for k, loss in enumerate(result.losses)]
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


@pytest.mark.parametrize("package", ["optax", "sklearn", "rich"])
def test_a_missing_package_names_the_extra(package, monkeypatch, capsys):
    importing = builtins.__import__

    def without(name, *arguments, **keywords):
        if name.partition(".")[0] == package:
            raise ModuleNotFoundError(f"No module named {name!r}", name=package)
        return importing(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", without)
    message = f"{package} is not installed: pip install 'jaxcnn[train]'"
    with pytest.raises(SystemExit) as exit:
        main(["--epochs", "1"])
    assert exit.value.code == 2
    assert message in capsys.readouterr().err
    if package != "rich":
        with pytest.raises(MissingExtra, match=message.replace("[", r"\[")):
            run(TINY)
