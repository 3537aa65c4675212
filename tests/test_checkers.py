"""The planted errors themselves, and the command that tries checkers on them."""

import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.checkers import command, runs
from experiments.checkers.checkers import CHECKERS, ours_often, torch_function
from experiments.checkers.command import main
from experiments.checkers.config import DTYPES, BadConfig, Config
from experiments.checkers.outcomes import Outcome, count, table
from experiments.checkers.runs import judge, run, run_correct
from experiments.planted.planted import DEFECTS, Planted, on, rule
from experiments.planted.table import BY_NAME, FIELDS, ROWS
from jaxcnn.check import check_vjp
from jaxcnn.check.isolation import Died, Worker

# One right rule and one planted error a field, such as compile fast.
SAMPLE = [
    ("causal conv: by taps", "causal conv: cropped on the other side"),
    ("global average pool: by a broadcast", "nearest upsampling: averaged"),
    ("relu: by a mask", "relu: the mask at > −0.01"),
    ("squared error: 2 (A − t)", "Huber: unbounded"),
    ("unit length: by projection", "batch norm: the mean taken for a constant"),
    ("embedding: by a scatter", "embedding: repeated rows overwritten"),
    ("rotary embedding: turned back", "rotary embedding: turned on"),
    ("1e-6 x: as it stands", "1e-6 x: ×3"),
]


@pytest.fixture(autouse=True)
def _promotion_as_users_have_it():
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def test_there_are_enough_rows():
    assert sum(not row.correct for row in ROWS) >= 120
    assert sum(row.correct for row in ROWS) >= 60
    assert len(BY_NAME) == len(ROWS)


def test_every_class_of_defects_is_planted():
    assert {row.defect for row in ROWS} - {None} == set(DEFECTS)
    assert set(range(1, 17)) < set(DEFECTS)
    assert not any(row.correct and row.defect for row in ROWS)


def test_every_field_has_both():
    assert len(FIELDS) == 8
    for field in FIELDS:
        assert {row.correct for row in ROWS if row.field == field} == {True, False}


def test_functions_and_references_have_the_same_outputs():
    for row in ROWS:
        fun, reference = (jax.eval_shape(f, *row.examples("float32")) for f in (row.fun, row.reference))
        assert fun == reference, row.name
        assert {leaf.dtype for leaf in jax.tree.leaves(fun)} == {np.dtype("float32")}, row.name


@pytest.mark.parametrize(("right", "wrong"), SAMPLE)
def test_ours_judges_a_sample_rightly(right, wrong):
    assert BY_NAME[right].correct
    assert not BY_NAME[wrong].correct
    assert judge("jaxcnn", right)[::2] == ("pass", "")
    assert judge("jaxcnn", wrong)[::2] == ("fail", "")


def test_a_spoilt_gradient_is_the_one_that_was_named():
    spoilt = rule(lambda a, b: a * b, on(1, lambda g, x, dy: g + 10 * x[0] + 100 * dy))
    np.testing.assert_array_equal(jax.vjp(spoilt, 2.0, 3.0)[1](1.0), (3.0, 2 + 20 + 100))


def test_torch_sees_the_function_and_its_backward_pass():
    torch = pytest.importorskip("torch")
    wrong = rule(lambda x, y: (x * y, x + y), lambda x, dy, g: (dy[0], 10 * dy[1]))
    x, y = (torch.tensor([v], dtype=torch.float64, requires_grad=True) for v in (2.0, 3.0))
    product, total = torch_function(wrong)(x, y)
    (product + 5 * total).sum().backward()
    assert (product.item(), total.item(), x.grad.item(), y.grad.item()) == (6, 5, 1, 50)


TINY = ("square: 2 x", "square: minus", "1e-6 x: ×3")


def test_a_run_gives_every_checkers_verdict():
    pytest.importorskip("torch")
    told = []
    outcomes = run(Config(only=TINY), told.append)
    verdicts = {(o.row, o.checker): o.verdict for o in outcomes}
    assert len(told) == len(outcomes) == len(verdicts) == 3 * len(CHECKERS)
    for checker in CHECKERS:
        assert verdicts["square: 2 x", checker] == "pass"
        assert verdicts["square: minus", checker] == "fail"
        assert verdicts["1e-6 x: ×3", checker] == ("fail" if checker == "jaxcnn" else "pass")


def test_right_rules_are_run_with_many_seeds():
    outcomes = run_correct(Config(only=("square:",), correct_runs=4))
    assert [o.note for o in outcomes] == [f"{d}, seed {s}" for _ in range(2) for d in DTYPES for s in (0, 1)]
    assert all(o.good for o in outcomes)


def test_many_seeds_at_once_say_what_one_says():
    row = BY_NAME["norm: x/‖x‖"]
    often = ours_often(row, "float32", 2)
    alone = check_vjp(row.fun, row.reference, *row.examples("float32"), seed=1)
    assert often[1].evidence == alone.evidence != often[0].evidence


def test_a_row_that_ends_the_process_is_as_many_errors(monkeypatch):
    def call(*arguments, **options):
        raise Died("ends it")

    monkeypatch.setattr(runs.Worker, "call", call)
    outcomes = run_correct(Config(only=("square:",), correct_runs=2, dtypes=("float32",)))
    assert {(o.verdict, o.note) for o in outcomes} == {("error", "float32, seed 0 Died: ends it")}


def planted(name, fun):
    return Planted(name, "", False, fun, lambda x: x, (np.zeros(2),))


def test_what_is_raised_is_an_error(monkeypatch):
    def raising(x):
        raise RuntimeError("no\nmore")

    monkeypatch.setitem(BY_NAME, "raising", planted("raising", raising))
    assert judge("check_grads", "raising")[::2] == ("error", "RuntimeError: no")


def test_a_hang_and_an_abort_are_errors():
    row = "check_grads", "square: 2 x"
    with Worker(runs._prepare, ("check_grads",)) as worker:
        verdict, _, note = runs.judge_apart(worker, *row, 1e-4)
        assert (verdict, note) == ("error", "is not done in 0.0001 s")
        worker._process.kill()
        verdict, _, note = runs.judge_apart(worker, *row, 60)
        assert (verdict, note[:25]) == ("error", "ends the process (SIGKILL")
        assert runs.judge_apart(worker, *row, 60)[::2] == ("pass", "")


def outcome(field, correct, verdict):
    return Outcome("", field, correct, "jaxcnn", verdict, 2.0)


def test_counts():
    outcomes = [
        outcome("a", False, "fail"),
        outcome("a", False, "pass"),
        outcome("a", True, "fail"),
        outcome("b", True, "pass"),
        outcome("b", False, "error"),
        outcome("b", True, "unchecked"),
    ]
    assert [o.good for o in outcomes] == [True, False, False, True, False, False]
    assert str(count(outcomes)) == "1/3, 1/3, 2 errors, 6 + 6 s"
    counts = table(outcomes)
    assert list(counts) == ["a", "b", "all"]
    assert str(counts["a"]["jaxcnn"]) == "1/2, 1/1, 4 + 2 s"


def test_the_command_prints_names_and_writes_json(tmp_path, capsys, monkeypatch):
    said = [
        Outcome("dense: ours", "dense", False, "jaxcnn", "fail", 1.0),
        Outcome("dense: theirs", "dense", False, "check_grads", "pass", 1.0),
        Outcome("dense: right", "dense", True, "check_grads", "fail", 1.0),
    ]
    monkeypatch.setattr(command, "run", lambda config, on_row: said)
    assert main(["--only", "dense", "--json", str(tmp_path / "f.json")]) == 0
    printed = capsys.readouterr().out
    assert "check_grads, survivors:\n  dense, dense: theirs" in printed
    assert "check_grads, false alarms:\n  dense, dense: right" in printed
    assert len(json.loads((tmp_path / "f.json").read_text())["outcomes"]) == 3
    assert main(["--read", *[str(tmp_path / "f.json")] * 2]) == 0
    assert "| all | 2/2, 0/0, 2 + 0 s | 0/2, 2/2, 2 + 2 s |" in capsys.readouterr().out
    said.append(Outcome("dense: alive", "dense", False, "jaxcnn", "pass", 1.0))
    assert main([]) == 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"checkers": ("none",)}, "checker is 'none'; expected 'jaxcnn' or "),
        ({"time_limit": 0.0}, "time limit is 0.0; expected more than 0 seconds"),
        ({"correct_runs": 0}, "correct runs is 0; expected at least 1"),
        ({"only": ("nothing",)}, "only is 'nothing'; expected convolution, pooling, "),
    ],
    ids=str,
)
def test_bad_settings(wrong, message):
    with pytest.raises(BadConfig, match=f"^{message}"):
        Config(**wrong)


def test_a_bad_command_line_exits_with_2(capsys):
    with pytest.raises(SystemExit) as exit:
        main(["--only", "nothing"])
    assert exit.value.code == 2
    assert "only is 'nothing'" in capsys.readouterr().err
    with pytest.raises(SystemExit) as exit:
        main(["--read", "nothing.json"])
    assert exit.value.code == 2
    assert "nothing.json" in capsys.readouterr().err


def test_without_rich_the_extra_is_named(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert main(["--only", "dense"]) == 2
    assert "jaxcnn[check]" in capsys.readouterr().err


def test_normal_inputs_are_drawn_by_seed():
    row = ROWS[0]
    first, again, other = row.normal(0), row.normal(0), row.normal(1)
    assert [x.shape for x in first] == [x.shape for x in row.inputs]
    assert all(jnp.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not jnp.array_equal(first[0], other[0])
