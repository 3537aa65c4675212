"""`jaxcnn check`: what it prints and writes, its exit codes, and what it says to calls that make no sense."""

import json

import gradients_to_check as functions
import numpy as np
import pytest

from jaxcnn.check import Report, Verdict, self_test
from jaxcnn.check.replay import replay
from jaxcnn.check.report import array_from_json
from jaxcnn.cli import main

MODULE = "gradients_to_check"


def run(fun, *arguments, against="square", backward=None):
    """The exit code of the command; bad calls exit by themselves."""
    named = [f"{MODULE}:{fun}"]
    if against is not None:
        named += ["--against", f"{MODULE}:{against}"]
    if backward is not None:
        named += ["--backward", f"{MODULE}:{backward}"]
    try:
        return main(["check", *named, *arguments])
    except SystemExit as end:
        return end.code


def test_a_right_rule_is_exit_code_0(capsys):
    assert run("right", "--arg", "float32[2..3]") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        ["axis 0 of argument 0 = 2", "PASS"],
        ["axis 0 of argument 0 = 3", "PASS"],
    ]


def test_a_wrong_rule_is_exit_code_1_with_argument_smallest_sizes_and_diagnosis(capsys, tmp_path):
    path = tmp_path / "report.json"
    sizes = ["--arg", "float64[n,3]", "--arg", "float64[3,1..2]", "--size", "n=1..4"]
    assert run("mean_over_batch", *sizes, "--json", str(path), against="dense") == 1
    printed = capsys.readouterr().out
    assert (
        "n = 2: axis 1 of argument 1 = 1: FAIL: differs from the reference: the gradient of W in" in printed
    )
    assert "\n  W float64[3, 1] = " in printed
    assert "and 2 is the size of axis 0 of the cotangent: divided by it once too often" in printed
    record = json.loads(path.read_text())
    assert record["target"]["fun"] == f"{MODULE}:mean_over_batch"
    *passed, failed = record["reports"]
    assert {report["verdict"] for report in passed} == {"PASS"}
    assert (failed["verdict"], failed["sizes"]["n"]) == ("FAIL", 2)
    assert failed["counterexample"]["what"] == "the gradient of W"
    # and it can be replayed
    got, expected = replay(
        failed, functions.mean_over_batch, functions.dense, np.zeros((2, 3)), np.zeros((3, 1))
    )
    assert (got, expected) == (failed["counterexample"]["got"], failed["counterexample"]["expected"])


def test_integers_are_drawn_and_written(capsys, tmp_path):
    path = tmp_path / "report.json"
    records = []
    for seed in ("3", "3", "4"):
        json_seed = ["--json", str(path), "--seed", seed, "--cases", "4"]
        assert run("pick", "--arg", "float32[9]", "--arg", "int32[5] < 9", *json_seed, against="pick") == 0
        records.append(json.loads(path.read_text()))
    first, again, other = (record["reports"][0] for record in records)
    labels = array_from_json(first["integers"]["1"])
    assert (labels.dtype, labels.shape) == (np.int32, (5,))
    assert 2 <= labels.max() < 9
    assert first == again
    assert first["integers"] != other["integers"]


def test_sizes_that_were_not_tried_are_told(capsys):
    arguments = "check", "jaxcnn:relu", "--against", "jax.nn:relu", "--arg", "float32[n]", "--cases", "10"
    assert main([*arguments, "--size", "n=1..6", "--geometries", "2"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "2 of 6 sizes tried; --geometries 6 tries all"
    assert main([*arguments, "--size", "n=1..2"]) == 0
    assert "tried" not in capsys.readouterr().out


def test_listed_sizes_and_transformations(capsys):
    arguments = "--arg", "float32[n]", "--size", "n=2,6", "--transformations", "jit, second order"
    assert run("right", *arguments) == 0
    assert [line.split(": ")[0] for line in capsys.readouterr().out.splitlines()] == ["n = 2", "n = 6"]
    assert run("right", "--arg", "float32[2]", "--transformations", "jit,pmap") == 2
    assert "expected a tuple of some of jit, eager" in capsys.readouterr().err


def test_the_domain(capsys):
    arguments = "--arg", "float32[2]"
    assert run("relu_but_not_at_infinity", *arguments, against="relu") == 1
    assert run("relu_but_not_at_infinity", *arguments, "--domain", "finite", against="relu") == 0
    assert run("right", *arguments, "--domain", "all") == 2
    assert "domain is 'all'; expected one of finite, infinite, nan" in capsys.readouterr().err


def test_the_seed_draws_the_values(capsys):
    printed = []
    for seed in ("0", "0", "1"):
        assert run("wrong", "--arg", "float32[3]", "--seed", seed) == 1
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1] != printed[2]


def test_what_cannot_be_compared_is_exit_code_3(capsys):
    assert run("nowhere", "--arg", "float32[2]", against="nowhere") == 3
    assert capsys.readouterr().out.startswith("UNCHECKED: nothing could be compared of the output")


@pytest.mark.parametrize(("backward", "code"), [("numpy_relu_backward", 0), ("numpy_relu_wrong", 1)])
def test_numpy(capsys, backward, code):
    assert run("numpy_relu", "--arg", "float32[3]", against="relu", backward=backward) == code
    assert ("the gradient of x at" in capsys.readouterr().out) is bool(code)


def test_tangents(capsys):
    assert run("cube", "--jvp", "--arg", "float32[]", against="cubed") == 1
    assert "the tangent of the output at []" in capsys.readouterr().out


def test_numbers_and_strings_are_passed_on(capsys):
    literals = ["--arg", "float32[2]", "--arg", "2.5", "--arg", "'times'"]
    assert run("scaled_wrong", *literals, against="scaled") == 1
    assert "expected 2.5" in capsys.readouterr().out


def test_an_abort_is_reported(capfd):
    assert run("aborts", "--arg", "float32[2]") == 1
    assert capfd.readouterr().out == "FAIL: the function ends the process (SIGABRT)\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no_such_module:f", "--arg", "float32[2]"], "'no_such_module:f': importing it raises ModuleNotFou"),
        ([f"{MODULE}:gone", "--arg", "float32[2]"], f"'{MODULE}:gone': '{MODULE}' has no 'gone'"),
        ([f"{MODULE}:pick", "--arg", "int32[2]", "--arg", "0"], "no input is floating point; expected at le"),
        (
            [f"{MODULE}:right", "--against", f"{MODULE}:first", "--arg", "float32[2]"],
            "check_vjp: the function returns float32[2], the reference float32[1]; expected the same",
        ),
        (
            [f"{MODULE}:right", "--against", f"{MODULE}:dense", "--arg", "float32[2]"],
            f"'{MODULE}:dense' of float32[2] raises TypeError: dense() missing 1 required",
        ),
        (
            [f"{MODULE}:dense", "--arg", "float32[n,3]", "--arg", "float32[2,3]", "--size", "n=1..2"],
            f"at n = 1: '{MODULE}:dense' of float32[1, 3], float32[2, 3] raises TypeError: ",
        ),
    ],
    ids=["module", "function", "no differentiable input", "other outputs", "arguments", "impossible shapes"],
)  # fmt: skip
def test_calls_that_the_worker_finds_wrong(capsys, arguments, message):
    assert_refused(capsys, arguments, message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "expected FUN and at least one --arg, or --self-test"),
        (["m:f"], "expected FUN and at least one --arg, or --self-test"),
        (["m:f", "--arg", "float33[2]"], "there is no dtype 'float33'"),
        (["m:f", "--arg", "float32[n]"], "there is no size 'n'; expected --size n=1..4"),
        (["m:f", "--arg", "float32[n]", "--size", "n"], "'' is not a size; expected a number, or a range"),
        (["m:f", "--arg", "float32[n]", "--size", "n=1", "--size", "n=2"], "argument --size: n=1, n=2; ex"),
        (["m:f", "--arg", "float32[2]", "--size", "n=1"], "there is no argument of size 'n'"),
        (["m:f", "--arg", "float32[2]", "--cases", "0"], "argument --cases: 0; expected at least 1"),
        (["m:f", "--arg", "float32[2]", "--geometries", "0"], "argument --geometries: 0; expected at"),
        (["m:f", "--arg", "float32[2]", "--time-limit", "0"], "argument --time-limit: 0.0; expected more"),
        (["m:f", "--arg", "float32[2]", "--memory-limit", "-1"], "argument --memory-limit: -1.0; expected"),
        (["m:f", "--arg", "float32[2]", "--seed", "-1"], "argument --seed: -1; expected at least 0"),
        (["m:f", "--arg", "float32[2]", "--jvp", "--backward", "m:b"], "argument --backward: not allowed"),
        (["m:f", "--arg", "float32[2]", "--json", "no/folder/x"], "argument --json: there is no folder no/"),
        (["m:f", "--arg", "float32[2]", "--json", "/"], "argument --json: / is a folder; expected a file"),
    ],
)  # fmt: skip
def test_calls_that_make_no_sense(capsys, arguments, message):
    assert_refused(capsys, arguments, message)


def assert_refused(capsys, arguments, message):
    with pytest.raises(SystemExit) as end:
        main(["check", *arguments])
    printed = capsys.readouterr()
    assert end.value.code == 2
    assert message in printed.err
    assert "Traceback" not in printed.err
    assert printed.out == ""


def test_the_self_test_is_exit_code_0(capsys):
    assert main(["check", "--self-test"]) == 0
    assert capsys.readouterr().out.endswith(f"{len(self_test.TRIALS)} trials, 0 wrong\n")


def test_the_self_test_of_a_broken_checker_is_exit_code_1(capsys, monkeypatch):
    """A checker that passes everything."""
    run = self_test.run
    monkeypatch.setattr(self_test, "run", lambda: run(lambda *a, **k: Report(Verdict.PASS, "")))
    assert main(["check", "--self-test"]) == 1
    printed = capsys.readouterr().out
    assert "WRONG a factor: PASS, expected FAIL\n" in printed
    assert "19 trials, 13 wrong" in printed
