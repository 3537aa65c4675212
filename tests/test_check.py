"""The checker itself: what it must find, what it must not, and what it says."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxcnn.check import DerivationError, Verdict, check_jvp, check_vjp
from jaxcnn.check.compare import error, excused, unit
from jaxcnn.check.evaluate import Evaluation
from jaxcnn.check.rounding import DELTA, sensitivity
from jaxcnn.check.shrink import shrink


def rule(forward, backward):
    """A function of one argument with a hand-written backward pass (input, cotangent) → gradient."""
    function = jax.custom_vjp(forward)
    function.defvjp(lambda x: (forward(x), x), lambda x, dy: (backward(x, dy),))
    return function


def square(x):
    return x * x


X = np.zeros((3, 2))


def test_a_right_rule_passes_exactly():
    report = check_vjp(rule(square, lambda x, dy: 2 * x * dy), square, X, exact=True)
    assert report.verdict is Verdict.PASS
    assert report.assert_pass() is report
    assert report.evidence.exact
    assert report.evidence.cases == 48 + 4 + 2 * 12
    assert report.evidence.compared == 2 * 76 * 6
    assert [part.name for part in report.evidence.parts] == ["the output", "the gradient of x"]


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("transformation", ["jit", "vmap", "eager"])
@pytest.mark.parametrize(
    "backward",
    [
        lambda x, dy: x * dy,
        lambda x, dy: -2 * x * dy,
        lambda x, dy: 2 * x * jnp.ones_like(dy),
        lambda x, dy: (2 * x * dy).at[0, 1].set(0.0),
        lambda x, dy: 2 * x * dy / x.shape[0],
        lambda x, dy: (2 * x * dy)[::-1],
        lambda x, dy: 2 * x * dy + jnp.where(x == 0, jnp.ones_like(x), jnp.zeros_like(x)),
    ],
    ids=["factor", "sign", "cotangent dropped", "one entry", "mean", "reversed", "at zero only"],
)
def test_a_wrong_rule_fails(backward, transformation, exact):
    report = check_vjp(
        rule(square, backward), square, X, exact=exact, transformations=(transformation,), cases=12
    )
    assert report.verdict is Verdict.FAIL
    assert report.counterexample.what == "the gradient of x"


def test_the_counterexample_is_small_and_true():
    report = check_vjp(rule(square, lambda x, dy: x * dy), square, X, exact=True)
    found = report.counterexample
    assert np.count_nonzero(found.inputs["x"]) == np.count_nonzero(found.cotangent[0]) == 1
    assert (found.got, found.expected) == (1.0, 2.0)
    with pytest.raises(DerivationError, match=re.escape("got 1.0, expected 2.0")):
        report.assert_pass()


def test_of_a_large_counterexample_what_is_not_zero_is_shown():
    report = check_vjp(rule(square, lambda x, dy: x * dy), square, np.zeros((10, 30)), exact=True)
    _, x, cotangent, *_ = str(report.counterexample).splitlines()
    assert re.fullmatch(r"  x float64\[10, 30\] = 0, but at \[\d+, \d+\] 1.0", x)
    assert re.fullmatch(r"  cotangent 0 float64\[10, 30\] = 0, but at \[\d+, \d+\] 1.0", cotangent)


def test_a_counterexample_shows_the_arguments_that_are_not_differentiated():
    def pick(x, labels):
        return 3 * x[labels["k"]]

    wrong = jax.custom_vjp(pick)
    wrong.defvjp(
        lambda x, labels: (pick(x, labels), (x, labels)),
        lambda kept, dy: (jnp.zeros_like(kept[0]).at[kept[1]["k"]].set(dy), None),
    )
    report = check_vjp(wrong, pick, np.zeros(3), {"k": np.array([2, 0], np.int32)})
    assert "\n  labels['k'] int32[2] = [2, 0]\n  cotangent 0 " in str(report)
    assert report.as_dict()["counterexample"]["fixed"]["labels['k']"]["values"] == [2, 0]


def test_a_large_counterexample_shows_minus_zero():
    wrong = rule(square, lambda x, dy: 2 * x * dy + jnp.where(jnp.signbit(x) & (x == 0), 1.0, 0.0))
    report = check_vjp(wrong, square, np.zeros((10, 10)), exact=False)
    assert re.search(r"\n  x float64\[10, 10\] = 0, but at .*\] -0.0", str(report))


@pytest.mark.parametrize(
    "other",
    ["SAME", b"ab", np.array(["a", "b"]), jnp.int32, np.dtype("f4"), jax.ShapeDtypeStruct((2,), "i4")],
)
def test_arguments_that_are_no_numbers_are_passed_on_and_not_shown(other):
    report = check_vjp(lambda x, other: x * x, lambda x, other: x, np.zeros(2), other)
    assert "other" not in str(report)
    assert report.as_dict()["counterexample"]["fixed"] == {}


def test_a_function_that_changes_its_integers_changes_a_copy():
    def f(x, k):
        k += 1
        return x * 2.0

    k = np.array([1, 2])
    check_vjp(f, None, np.zeros(2), k, backward=lambda inputs, dy: (2 * dy, None))
    assert k.tolist() == [1, 2]


def test_a_nan_never_passes():
    wrong = rule(square, lambda x, dy: jnp.where(x == 1, jnp.nan, 2 * x * dy))
    assert check_vjp(wrong, square, X, exact=True).verdict is Verdict.FAIL
    assert check_vjp(wrong, square, X).verdict is Verdict.FAIL


def test_where_the_reference_is_nan_nothing_is_claimed():
    def nowhere(x):
        return x * jnp.nan

    report = check_vjp(nowhere, nowhere, X, exact=True)
    assert report.verdict is Verdict.UNCHECKED
    assert report.evidence.compared == 0


@pytest.mark.parametrize(
    ("n", "scale", "dtype"),
    [
        (10, 1e-12, "float64"),
        (10, 1e12, "float64"),
        (10, 1e-35, "float32"),
        (10, 1e35, "float32"),
        (10, 1e-2, "float16"),
        (1000, 1e-12, "float64"),
        (1000, 1e12, "float64"),
        (100_000, 1, "float64"),
        (1_000_000, 1e-12, "float64"),
    ],
)
def test_a_gradient_three_times_too_large_is_found_at_every_size_and_scale(n, scale, dtype):
    """What this kills: a tolerance that grows with the array, and an absolute one."""
    wrong = rule(lambda x: scale * x, lambda x, dy: 3 * scale * dy)
    report = check_vjp(wrong, lambda x: scale * x, np.zeros(n, dtype), cases=4)
    assert report.verdict is Verdict.FAIL
    assert np.count_nonzero(report.counterexample.cotangent[0]) == 1


@pytest.mark.parametrize("n", [10, 100_000])
def test_a_gradient_off_by_a_thousandth_is_found_at_every_size(n):
    """What this kills: a tolerance in float32 that grows with the array by as little as its size."""
    wrong = rule(lambda x: 2 * x, lambda x, dy: 2.002 * dy)
    assert check_vjp(wrong, lambda x: 2 * x, np.zeros(n, "float32"), cases=4).verdict is Verdict.FAIL


def test_one_entry_in_many_is_found():
    wrong = rule(lambda x: 2 * x, lambda x, dy: (2 * dy).at[777].add(0.1 * dy[777]))
    assert check_vjp(wrong, lambda x: 2 * x, np.zeros(1000), cases=4).verdict is Verdict.FAIL


def test_rounding_is_not_an_error():
    """Two orders of one sum, in float32, with cancellation: legitimate differences pass."""
    x = np.zeros(200, np.float32)
    report = check_vjp(lambda x: jnp.sum(x[::-1] ** 3), lambda x: jnp.sum(x**3), x)
    assert report.verdict is Verdict.PASS, report


def test_what_the_reference_cancels_is_not_an_error():
    """What this kills: an estimate without the reference's own condition."""

    def cancelling(x):
        return (x + 1e4) - 1e4

    report = check_vjp(cancelling, cancelling, np.zeros(5, np.float32), exact=False, accurate=True)
    assert report.verdict is Verdict.PASS, report


def test_a_gradient_of_another_dtype_is_refused():
    wrong = rule(square, lambda x, dy: 2 * x * dy)

    def half(x):
        return wrong(x.astype(jnp.float32)).astype(jnp.bfloat16)

    assert check_vjp(half, square, jnp.zeros(2, jnp.bfloat16), exact=True).verdict is Verdict.PASS
    lax = jax.custom_vjp(square)
    lax.defvjp(lambda x: (square(x), x), lambda x, dy: ((2 * x * dy).astype(jnp.float32),))
    report = check_vjp(lax, square, jnp.zeros(2, jnp.bfloat16), exact=True)
    assert report.verdict is Verdict.FAIL
    assert "float32" in report.reason


def test_an_output_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=re.escape("returns float64[1, 2], the reference float64[3, 2]")):
        check_vjp(lambda x: x[:1], square, X, exact=True)
    with pytest.raises(ValueError, match=re.escape("check_jvp: the function returns float64[1, 2], the ref")):
        check_jvp(lambda x: x[:1], square, X)


def test_a_backward_pass_that_raises_is_reported():
    def broken(x, dy):
        raise RuntimeError("no")

    report = check_vjp(rule(square, broken), square, X, exact=True)
    assert (report.verdict, report.reason) == (Verdict.FAIL, "the backward pass raised RuntimeError: no")


def test_integer_inputs_pass_through():
    def pick(x, k):
        return x[k]

    report = check_vjp(pick, pick, np.zeros(4), np.array([2, 0]), exact=True)
    assert report.verdict is Verdict.PASS
    assert [part.name for part in report.evidence.parts] == ["the output", "the gradient of x"]


def test_bad_calls_are_refused():
    with pytest.raises(ValueError, match="no input is floating point; expected at least one"):
        check_vjp(square, square, np.zeros(2, int), exact=True)


# ------------------------------------------------------------------------------ the parts


def kappa(function, *inputs, dtype=np.float64):
    """The sensitivity of a scalar function to rounding on the way, traced and on the host."""
    inputs = tuple(jnp.float64(x) for x in inputs)

    def one(*x):
        return (function(*x),)

    (traced,) = sensitivity(one, inputs, np.dtype(dtype))
    (on_host,) = Evaluation(one).sensitivity([np.array([x]) for x in inputs], np.dtype(dtype))
    assert on_host[0] / 10 <= traced <= 10 * on_host[0]
    return float(traced)


def test_what_is_computed_without_rounding_is_not_sensitive():
    assert kappa(lambda x, y: jnp.maximum(-x, y), 3.0, 3.0) == 0
    assert kappa(lambda x, y: (x - y) * x, 3.0, 3.0) == 0


def test_cancellation_on_the_way_is_felt_in_full():
    """(x² + 1) − x² at x = 1000 feels the rounding of a million, though it is 1 and smooth."""
    assert 3e5 < kappa(lambda x: (x * x + 1) - x * x, 1000.0) < 1e7


def test_the_terms_of_a_sum_are_felt():
    assert 1 < kappa(lambda x: jnp.sum(jnp.stack([x, 1.0, -x])), 1e3) / 1e3 < 10


@pytest.mark.parametrize(
    "branch",
    [
        lambda f, x: lax.cond(x > 0, f, lambda x: x, x),
        lambda f, x: lax.platform_dependent(x, default=f, tpu=lambda x: x),
        lambda f, x: lax.platform_dependent(x, default=jnp.sin, cpu=f, cuda=lambda x: f(x) + jnp.sin(x)),
    ],
    ids=["by a number", "the default platform's", "by platform"],
)
def test_rounding_inside_a_branch_is_felt(branch):
    def cancels(x):
        return (x * x + 1) - x * x

    assert 3e5 < kappa(lambda x: branch(cancels, x), 1000.0) < 1e7


@pytest.mark.parametrize("sign", [1, -1])
def test_a_draw_in_which_a_number_is_infinite_says_nothing(sign):
    """∞^(1/P − 1) is 1 at P = 1; noise makes the exponent positive or negative, and the power ∞ or 0."""

    def power(x):
        return x ** (sign * (1 / jnp.float64(1) - 1))

    assert kappa(power, jnp.inf) == pytest.approx(1 / DELTA)


def test_a_literal_that_the_dtype_does_not_hold_is_felt():
    """0.3 is not a float32; beside −0.3 in float32 that is all there is."""
    x = float(np.float32(-0.3))
    assert kappa(lambda x: x + 0.3, x, dtype=np.float32) == pytest.approx(0.3, rel=0.1)
    assert kappa(lambda x: x + 0.3, x) < 1e-6  # of a float64 the same 0.3 is meant
    assert kappa(lambda x: x + 0.5, -0.5, dtype=np.float32) == 0


def test_error_is_in_units_of_rounding_and_infinite_for_nan():
    eps = np.finfo(np.float32).eps
    got = np.array([1 + eps, 1.0, np.nan], np.float32)
    ones = np.ones(3)
    np.testing.assert_allclose(error(got, ones, unit(got.dtype, ones)), [1, 0, np.inf])
    assert error(got[:1], ones[:1], unit(got.dtype, ones[:1], 99.0)) == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("got", "reference", "expected"),
    [
        (np.inf, np.inf, 0),
        (-np.inf, np.inf, np.inf),
        (np.inf, 1e39, 0),  # more than float32 holds
        (np.inf, 1e37, np.inf),
        (np.nan, np.inf, np.inf),
        (1.0, np.inf, None),  # another formula may overflow later
        (1.0, np.nan, None),
        (np.nan, np.nan, None),
    ],
)
def test_infinities_and_nan(got, reference, expected):
    got, reference = np.array([got], np.float32), np.array([reference])
    if expected is None:
        assert excused(got, reference)
    else:
        assert not excused(got, reference)
        assert error(got, reference, unit(got.dtype, reference)) == expected


def test_shrink_finds_the_smallest_case():
    start = (np.arange(12.0).reshape(3, 4), np.float64(2.5))
    small = shrink(start, lambda candidates: [x[2, 1] > 0 and y > 0 for x, y in candidates])
    expected = np.zeros((3, 4))
    expected[2, 1] = 1
    np.testing.assert_array_equal(small[0], expected)
    assert small[1] == 1


@pytest.mark.parametrize("wrong", [123_456, 700_000])
def test_a_large_case_is_shrunk_in_few_calls(wrong):
    """Around the place where it fails, be what matters there or not."""
    asked = 0

    def fails(candidates):
        nonlocal asked
        asked += 1
        return [x[wrong] > 0 for (x,) in candidates]

    (small,) = shrink((np.full(1_000_000, 2.5),), fails, calls=12, at_once=1, place=0.123456)
    assert asked <= 12
    assert small[wrong] > 0
    assert np.count_nonzero(small) <= (1 if wrong == 123_456 else 200_000)
