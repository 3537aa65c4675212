"""Laws that need no reference: each catches what the others let through."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn.check import Verdict
from jaxcnn.check.laws import check_laws


def rule(forward, backward):
    function = jax.custom_vjp(forward)
    function.defvjp(lambda *x: (forward(*x), x), backward)
    return function


def cube(x):
    return x**3


def broken(report):
    return [part.name for part in report.evidence.parts if part.wrong]


X = np.zeros(5)


def test_adjointness_alone_sees_a_part_in_a_million():
    """The Taylor remainder is below its own curvature there."""
    report = check_laws(rule(cube, lambda x, dy: ((1 + 1e-8) * 3 * x[0] ** 2 * dy,)), X)
    assert broken(report) == ["adjointness"]
    assert report.verdict is Verdict.FAIL
    assert report.reason.startswith("breaks adjointness in 2")


def test_linearity_alone_sees_a_cotangent_that_is_clipped():
    """Right for all cotangents that are not large."""
    report = check_laws(rule(cube, lambda x, dy: (3 * x[0] ** 2 * jnp.clip(dy, -4, 4),)), X, seed=1)
    assert broken(report) == ["linearity in the cotangent"]


def test_the_taylor_remainder_alone_sees_a_primal_that_hides_its_derivative():
    """Rule and primal agree with each other, not with the function's values."""
    report = check_laws(
        rule(lambda x: x**2 * jax.lax.stop_gradient(x), lambda x, dy: (2 * x[0] ** 2 * dy,)), X
    )
    assert broken(report) == ["the Taylor remainder"]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize(
    "function",
    [lambda x: x**3, jnp.tanh, jax.nn.softmax, lambda x: jnp.sum(jnp.exp(x)) * x, lambda x: 2 * x],
    ids=["cube", "tanh", "softmax", "exp", "linear"],
)
def test_right_gradients_keep_all_laws(function, dtype):
    report = check_laws(function, jnp.zeros(7, dtype))
    assert report.verdict is Verdict.PASS, report
    assert [part.compared for part in report.evidence.parts] == [24, 24, 24]


@pytest.mark.parametrize("n", [10, 1000, 20_000])
def test_kinks_between_the_points_are_no_error(n):
    """Many kinks lie between x and x + hv for large h; a wrong slope is found all the same."""
    x = np.zeros(n)
    assert check_laws(jax.nn.relu, x).verdict is Verdict.PASS
    wrong = rule(jax.nn.relu, lambda x, dy: (jnp.where(x[0] > 0, 1.01 * dy, 0),))
    assert broken(check_laws(wrong, x)) == ["adjointness", "the Taylor remainder"]


def test_a_nan_breaks_the_laws_where_the_function_is_finite():
    """What this kills: leaving out every point at which something is not finite."""
    wrong = rule(cube, lambda x, dy: (jnp.where(x[0] > 1, jnp.nan, 3 * x[0] ** 2 * dy),))
    report = check_laws(wrong, X)
    assert broken(report) == ["adjointness", "linearity in the cotangent", "the Taylor remainder"]


def test_where_the_function_is_nan_nothing_is_claimed():
    report = check_laws(lambda x: x * jnp.nan, X)
    assert report.verdict is Verdict.UNCHECKED


def numpy_outer(a, b):
    return np.outer(a, b)


@pytest.mark.parametrize(
    ("backward", "expected"),
    [
        (lambda x, dZ: (dZ @ x[1], dZ.T @ x[0]), []),
        (lambda x, dZ: (dZ @ x[1], 2 * dZ.T @ x[0]), ["the Taylor remainder"]),
        (
            lambda x, dZ: (np.abs(dZ) @ x[1], dZ.T @ x[0]),
            ["linearity in the cotangent", "the Taylor remainder"],
        ),
    ],
    ids=["right", "twice", "not linear"],
)  # fmt: skip
def test_numpy_functions(backward, expected):
    report = check_laws(numpy_outer, np.zeros(3), np.zeros(2), backward=backward)
    assert broken(report) == expected
    assert [part.name for part in report.evidence.parts] == [
        "linearity in the cotangent",
        "the Taylor remainder",
    ]


def test_gradients_that_do_not_fit_are_reported():
    def short(x, dZ):
        return (dZ @ x[1], (dZ.T @ x[0])[:1])

    report = check_laws(numpy_outer, np.zeros(3), np.zeros(2), backward=short)
    assert report.verdict is Verdict.FAIL
    assert report.reason == "the backward pass is wrong: the gradient of b has shape (1,); b has (2,)"

    def mutates(x, dZ):
        dZ *= 2
        return (dZ @ x[1] / 2, dZ.T @ x[0] / 2)

    report = check_laws(numpy_outer, np.zeros(3), np.zeros(2), backward=mutates)
    assert report.reason == "the backward pass is wrong: the cotangent 0 is changed in place"


def test_bad_calls():
    with pytest.raises(ValueError, match="check_laws: no input is floating point"):
        check_laws(cube, np.zeros(2, int))
