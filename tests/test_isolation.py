"""What aborts, hangs or eats all memory costs one case, and the right one is blamed."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn.check import Verdict
from jaxcnn.check.isolation import Died, Target, Worker, check, find, load, prepare
from jaxcnn.check.sizes import Literal

MODULE = "gradients_to_check"
X = np.zeros(2, np.float32)


def target(fun, reference="square", backward=None):
    return Target(*(name and f"{MODULE}:{name}" for name in (fun, reference, backward)))


@pytest.fixture(scope="module")
def worker():
    """One process for all tests; who ends it costs a new one."""
    with Worker(prepare, False, 6.0) as worker:
        yield worker


def test_a_right_and_a_wrong_rule(worker):
    assert check(worker, target("right"), [X], limit=60).verdict is Verdict.PASS
    report = check(worker, target("wrong"), [X], limit=60)
    assert (report.verdict, report.counterexample.what) == (Verdict.FAIL, "the gradient of x")


def test_a_function_that_aborts(worker):
    report = check(worker, target("aborts"), [X], limit=60)
    assert (report.verdict, report.reason) == (Verdict.FAIL, "the function ends the process (SIGABRT)")
    # and the next one is checked
    assert check(worker, target("right"), [X], limit=60).verdict is Verdict.PASS


def test_a_reference_that_aborts(worker):
    report = check(worker, target("right", "aborts"), [X], limit=60)
    assert (report.verdict, report.reason) == (
        Verdict.UNCHECKED,
        "the reference ends the process (SIGABRT)",
    )


def test_a_function_that_hangs(worker):
    check(worker, target("right"), [X], limit=60)  # so that the limit is not spent on imports
    report = check(worker, target("hangs"), [X], limit=5)
    assert (report.verdict, report.reason) == (Verdict.FAIL, "the function is not done in 5 s")
    assert worker.call(abs, -3, limit=60) == 3


@pytest.mark.parametrize(("fun", "reference"), [("hoards", "square"), ("right", "hoards")])
def test_exhausted_memory(worker, fun, reference):
    """The limit is 6 GiB, a backward pass wants 32."""
    report = check(worker, target(fun, reference), [X], limit=60)
    assert report.verdict is (Verdict.FAIL if fun == "hoards" else Verdict.UNCHECKED)
    assert "Unable to allocate 32.0 GiB" in report.reason
    blamed = "the backward pass raised" if fun == "hoards" else "the reference or the checker raised"
    assert report.reason.startswith(blamed)
    assert check(worker, target("right"), [X], limit=60).verdict is Verdict.PASS


def test_numbers_and_strings_are_passed_on(worker):
    """What this kills: a Python number taken for an argument to differentiate."""
    inputs = [X, Literal(2.5), Literal("times")]
    assert check(worker, target("scaled", "scaled"), inputs, limit=60).verdict is Verdict.PASS
    report = check(worker, target("scaled_wrong", "scaled"), inputs, limit=60)
    assert (report.counterexample.what, report.counterexample.expected) == ("the gradient of x", 2.5)
    backward = target("scaled", "scaled", "scaled_backward")
    assert check(worker, backward, inputs, limit=60).verdict is Verdict.PASS


def test_shapes_that_the_reference_does_not_take(worker):
    with pytest.raises(ValueError, match=rf"'{MODULE}:dense' of float32\[2\], float32\[3\] raises TypeError"):
        check(worker, target("dense", "dense"), [X, np.zeros(3, np.float32)], limit=60)


def test_what_cannot_be_found(worker):
    find(worker, target("right"), limit=60)
    with pytest.raises(ValueError, match=f"'{MODULE}:gone': '{MODULE}' has no 'gone'"):
        find(worker, target("right", "gone"), limit=60)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("square", "'square' is not a function's name; expected module:function"),
        (":square", "':square' is not a function's name"),
        ("no_such_module:f", "'no_such_module:f': importing it raises ModuleNotFoundError"),
        ("math:pi", "'math:pi' is float; expected a function"),
        ("math:sin.x", "'math:sin.x': 'sin' has no 'x'"),
    ],
)
def test_names(path, message):
    with pytest.raises(ValueError) as raised:
        load(path)
    assert str(raised.value).startswith(message)
    assert load("jax.numpy:linalg.norm") is jnp.linalg.norm


def test_a_limit_too_low_to_start_with_is_nobodys_fault(capfd):
    with pytest.raises(Died, match="does not start"):
        Worker(prepare, False, 0.01)
    capfd.readouterr()  # what the dying process prints
