"""What the checker must see, feature by feature: each test fails when its feature is taken out."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn.check import DerivationError, Verdict, assert_vjp, check_jvp, check_vjp, values
from jaxcnn.check.judge import missed
from jaxcnn.check.problem import Problem

QUICK = {"transformations": ("jit",), "cases": 24}


def rule(forward, backward):
    """A function with a hand-written backward pass (inputs, cotangent) → gradients."""
    function = jax.custom_vjp(forward)
    function.defvjp(lambda *x: (forward(*x), x), backward)
    return function


def square(x):
    return x * x


def dense(A, W):
    return A @ W


dense_by_hand = rule(dense, lambda x, dZ: (dZ @ x[1].T, x[0].T @ dZ))
A, W = np.zeros((3, 2)), np.zeros((2, 4))


# ---- 1: what goes in and out -------------------------------------------------------------------------


def layer(params, labels, key):
    del key
    return {"Z": params["W"] * 2 + params["b"], "picked": params["W"][labels]}


def layer_backward(inputs, cotangent, *, wrong=False):
    _, labels, _ = inputs
    dW = 2 * cotangent["Z"]
    dW = dW + (0 * dW if wrong else jnp.zeros_like(dW).at[labels].add(cotangent["picked"]))
    return {"W": dW, "b": jnp.sum(cotangent["Z"], keepdims=True)}, None, None


LAYER = ({"W": np.zeros(4), "b": np.zeros(1)}, np.array([0, 2, 2]), jax.random.key(0))


def test_pytrees_labels_and_keys():
    report = check_vjp(layer, None, *LAYER, backward=layer_backward)
    assert report.verdict is Verdict.PASS, report
    names = [part.name for part in report.evidence.parts]
    assert names == ["output 0", "output 1", "the gradient of params['W']", "the gradient of params['b']"]
    wrong = check_vjp(layer, None, *LAYER, backward=partial(layer_backward, wrong=True), **QUICK)
    assert wrong.verdict is Verdict.FAIL
    assert wrong.counterexample.what == "the gradient of params['W']"


@pytest.mark.parametrize(
    ("gradients", "message"),
    [
        (lambda dZ: dZ, "expected a tuple of 2, one for each argument"),
        (lambda dZ: (dZ,), "it returns 1 gradients; expected a tuple of 2"),
        (lambda dZ: ([dZ], dZ), "the gradient with x has structure"),
        (lambda dZ: (dZ[:1], dZ), r"the gradient of x is float64\[1\], expected float64\[3\]"),
        (lambda dZ: (dZ.astype(np.float32), dZ), r"the gradient of x is float32\[3\], expected float64\[3\]"),
    ],
)
def test_gradients_of_another_structure_shape_or_dtype(gradients, message):
    report = check_vjp(
        lambda x, y: x + y, None, np.zeros(3), np.zeros(3), backward=lambda inputs, dZ: gradients(dZ)
    )
    assert report.verdict is Verdict.FAIL
    with pytest.raises(DerivationError, match=message):
        report.assert_pass()


def tanh_of(A, W):
    return np.tanh(A @ W)


def tanh_backward(inputs, dZ):
    A, W = inputs
    dZ = dZ * (1 - np.tanh(A @ W) ** 2)
    return dZ @ W.T, A.T @ dZ


def test_numpy_against_central_differences_and_against_jax():
    assert check_vjp(tanh_of, None, A, W, backward=tanh_backward, cases=6).verdict is Verdict.PASS
    reference = lambda A, W: jnp.tanh(A @ W)  # noqa: E731
    assert check_vjp(tanh_of, reference, A, W, backward=tanh_backward).verdict is Verdict.PASS
    wrong = lambda inputs, dZ: (tanh_backward(inputs, dZ)[0], inputs[0].T @ dZ)  # noqa: E731
    for truth in (None, reference):
        report = check_vjp(tanh_of, truth, A, W, backward=wrong, cases=6)
        assert report.verdict is Verdict.FAIL
        assert report.counterexample.what == "the gradient of W"


def test_a_wrong_output_is_found_though_its_gradient_is_right():
    wrong = jax.custom_vjp(square)
    wrong.defvjp(lambda x: (x * x + 1, x), lambda x, dy: (2 * x * dy,))
    report = check_vjp(wrong, square, np.zeros(3), **QUICK)
    assert (report.verdict, report.counterexample.what) == (Verdict.FAIL, "the output")


def test_an_argument_or_cotangent_changed_in_place():
    def backward(inputs, dZ):
        dZ *= 2
        return dZ @ inputs[1].T, inputs[0].T @ dZ

    report = check_vjp(tanh_of, None, A, W, backward=backward, cases=4)
    assert (report.verdict, report.reason) == (
        Verdict.FAIL,
        "the backward pass is wrong: the cotangent 0 is changed in place",
    )


def test_a_backward_pass_that_is_not_deterministic():
    rng = np.random.default_rng(0)
    backward = lambda inputs, dZ: tuple(  # noqa: E731
        g * (1 + 1e-15 * rng.standard_normal()) for g in tanh_backward(inputs, dZ)
    )
    report = check_vjp(tanh_of, None, A, W, backward=backward, cases=4)
    assert report.verdict is Verdict.FAIL
    assert report.reason == "run twice on the same values, it differs (eager)"


# ---- 2: exact ------------------------------------------------------------------------------------------


def test_polynomials_are_found_and_the_bound_is_stated():
    report = check_vjp(dense_by_hand, dense, A, W, **QUICK)
    assert report.evidence.exact
    assert report.evidence.degree == 2
    assert report.evidence.chance == (2 / 1001) ** 12
    assert not report.evidence.proved
    assert "other polynomials of degree 2" in report.reason


def test_a_small_multilinear_map_is_checked_on_all_combinations_of_basis_vectors():
    report = check_vjp(dense_by_hand, dense, np.zeros((2, 1)), np.zeros((1, 2)), **QUICK)
    assert report.evidence.proved
    assert report.evidence.cases == 24 + 3 * 3 * 5
    assert "being multilinear, it is right for this size" in report.reason


def test_a_bound_counts_the_cases_that_were_drawn():
    """Large inputs get fewer than asked for: 4 here, 2 of them uniform."""
    report = check_vjp(square, square, np.zeros(500_000), transformations=("jit",))
    assert report.evidence.cases == 4
    assert report.evidence.chance == (2 / 1001) ** 2


def test_no_bound_is_claimed_of_what_is_not_polynomial():
    relu = rule(lambda x: jnp.maximum(x, 0), lambda x, dy: (jnp.where(x[0] > 0, dy, 0),))
    report = check_vjp(relu, jax.nn.relu, np.zeros(3), **QUICK)
    assert (report.verdict, report.evidence.chance) == (Verdict.PASS, None)
    sine = rule(jnp.sin, lambda x, dy: (jnp.cos(x[0]) * dy,))
    report = check_vjp(sine, jnp.sin, np.zeros(3), **QUICK)
    assert (report.verdict, report.evidence.exact, report.evidence.chance) == (Verdict.PASS, False, None)


def test_a_bound_counts_only_what_the_dtype_can_hold():
    """bfloat16 holds integers to 256: the set is smaller and the bound weaker than in float32."""
    chances = [
        check_vjp(square, square, jnp.zeros(2, dtype), **QUICK).evidence.chance
        for dtype in (jnp.float32, jnp.bfloat16)
    ]
    assert chances[0] < chances[1] <= 1


@pytest.mark.parametrize("f", [lambda x: x, lambda x: x * x, jnp.sin])
@pytest.mark.parametrize("shape", [(0,), (0, 3)])
def test_no_evidence_is_claimed_of_empty_arrays(f, shape):
    report = check_vjp(f, f, jnp.zeros(shape), **QUICK)
    assert report.verdict is Verdict.PASS
    assert report.reason.startswith("no number to compare: it runs, and all cotangents are empty in")


# ---- 4: values -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("threshold", [6.0, 1.05, -0.01, 731.0, 1e7])
def test_thresholds_are_mined_from_the_function_itself(threshold):
    """Wrong only where x is between the threshold and 1.001 of it."""

    def backward(x, dy):
        (x,) = x
        low, high = min(threshold, threshold * 1.001), max(threshold, threshold * 1.001)
        return (jnp.where((low <= x) & (x <= high), 0, dy * jnp.cos(x)),)

    report = check_vjp(rule(jnp.sin, backward), jnp.sin, np.zeros(4), transformations=("jit",))
    assert report.verdict is Verdict.FAIL


def test_a_threshold_whose_neighbours_a_narrow_dtype_rounds_to_it():
    """Beside 200 bfloat16 has 199 and 201."""

    def limited(x):
        return jnp.where(x > 200, jnp.asarray(200, x.dtype), x)

    wrong = rule(limited, lambda x, dy: (dy * (x[0] < 250).astype(dy.dtype),))
    assert check_vjp(wrong, limited, jnp.zeros(4, jnp.bfloat16), **QUICK).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    "nan_where",
    [lambda x: x == 0, lambda x: jnp.abs(x) > 700, lambda x: jnp.abs(x) > 1e150, lambda x: x == x[::-1]],
    ids=["zero", "exp overflows", "the square overflows", "ties"],
)
def test_a_nan_at_a_boundary_is_found(nan_where):
    sine = rule(jnp.tanh, lambda x, dy: (jnp.where(nan_where(x[0]), jnp.nan, dy / jnp.cosh(x[0]) ** 2),))
    report = check_vjp(sine, jnp.tanh, np.zeros(4), transformations=("jit",))
    assert report.verdict is Verdict.FAIL


def first_nan(x):
    """The largest of a row; the first NaN counts as the greatest."""
    return jnp.take_along_axis(x, jnp.argmax(x, -1, keepdims=True), -1)[..., 0]


drops_nan = rule(
    first_nan, lambda x, dy: (first(x[0] == jnp.max(x[0], -1, keepdims=True)).astype(float) * dy[..., None],)
)


@pytest.mark.parametrize("exact", [None, True, False])
def test_a_rule_that_drops_a_nan(exact):
    """The reference sends the gradient to the first NaN: a failure where NaN is judged, else a remark."""
    options = QUICK | {"exact": exact}
    report = check_vjp(drops_nan, first_nan, np.zeros((2, 3)), domain="nan", **options)
    assert report.verdict is Verdict.FAIL
    assert report.reason.endswith('each with an infinite or NaN input, which domain="finite" leaves out')
    assert np.isnan(report.counterexample.inputs["x"]).any()
    assert report.vote.sentence == "at an infinite or NaN input there are no differences to ask"
    report = check_vjp(drops_nan, first_nan, np.zeros((2, 3)), **options)
    assert report.verdict is Verdict.PASS
    assert report.remark.startswith("not judged: with NaN inputs the gradient of x at [")
    assert report.remark in str(report)
    assert report.as_dict()["remark"] == report.remark


def test_what_is_right_at_nan_passes_where_that_is_judged():
    by_hand = rule(
        first_nan,
        lambda x, dy: (jax.nn.one_hot(jnp.argmax(x[0], -1), 3, dtype=dy.dtype) * dy[..., None],),
    )
    report = check_vjp(by_hand, first_nan, np.zeros((2, 3)), domain="nan", **QUICK)
    assert (report.verdict, report.remark) == (Verdict.PASS, "")


def silu_backward(x, dy):
    s = jax.nn.sigmoid(x[0])
    return (dy * s * (1 + x[0] * (1 - s)),)  # 0·∞ at −∞


def silu(x):
    """Of slope 0 at −∞, for differentiation too."""
    return jnp.where(x == -jnp.inf, 0, x) * jax.nn.sigmoid(x)


def test_a_nan_out_of_an_infinite_input_fails():
    report = check_vjp(rule(silu, silu_backward), silu, np.zeros(3), **QUICK)
    assert report.verdict is Verdict.FAIL
    assert report.reason.endswith('each with an infinite or NaN input, which domain="finite" leaves out')
    assert (np.isnan(report.counterexample.got), report.counterexample.expected) == (True, 0)
    report = check_vjp(rule(silu, silu_backward), silu, np.zeros(3), domain="finite", **QUICK)
    assert report.verdict is Verdict.PASS
    assert report.remark.startswith("not judged: with infinite or NaN inputs the gradient of x")


def test_where_the_function_makes_a_nan_of_its_own_the_formula_may_spread_it():
    """By the product 0 · NaN, or not: a row whose output is NaN for numbers is no evidence of either."""

    def masked(x, y):
        return jnp.where(jnp.arange(3) < 2, x - y, 0)  # ∞ − ∞

    def spread(x, dy):
        seen = jnp.where(jnp.arange(3) < 2, dy, 0) + 0 * jnp.sum(masked(*x))
        return seen, -seen

    report = check_vjp(rule(masked, spread), masked, np.zeros(3), np.zeros(3), cases=200, domain="finite")
    assert report.verdict is Verdict.PASS
    infinite = np.full(3, np.inf)
    report = check_vjp(rule(masked, spread), masked, infinite, infinite, vary=False, transformations=("jit",))
    assert report.verdict is Verdict.UNCHECKED
    silent = rule(masked, lambda x, dy: (0 * dy, 0 * dy))
    report = check_vjp(silent, masked, infinite, infinite, vary=False, transformations=("jit",))
    assert report.verdict is Verdict.FAIL  # of numbers only a NaN is excused


def test_huge_numbers_are_in_one_array_of_a_row():
    points = [np.full((8, 2), 1e30), np.where(np.arange(8)[:, None] < 4, np.full((8, 3), -1e30), 1.0)]
    values.part_huge(points, [1e19, 1e19])
    first, second = (np.abs(x).max(axis=1) > 1e19 for x in points)
    assert (first ^ second).all() and second.any() and first[4:].all()
    assert np.abs(np.where(first[:, None], 0, points[0])).max() < 10


@pytest.mark.parametrize("exact", [None, True])
def test_minus_infinity_is_a_number_like_others(exact):
    """A max-pool that takes -inf for padding sends the gradient of a window of them nowhere."""
    wrong = rule(
        first_nan,
        lambda x, dy: (
            jax.nn.one_hot(jnp.argmax(x[0], -1), 3) * jnp.where(x[0] > -jnp.inf, dy[..., None], 0),
        ),
    )
    report = check_vjp(wrong, first_nan, np.zeros((1, 3)), exact=exact, transformations=("jit",))
    assert report.verdict is Verdict.FAIL
    assert (report.counterexample.inputs["x"] == -np.inf).all()


def test_infinities_and_nan_are_put_into_one_array_of_a_row():
    assert [values.not_finite_rows(rows) for rows in (4, 12, 48)] == [0, 4, 8]
    points = [np.zeros((8, 3)), np.zeros((8, 2, 2)), np.zeros((8, 0))]
    values.put_not_finite(np.random.default_rng(0), points)
    there = np.stack([(~np.isfinite(x.reshape(len(x), -1))).any(1) for x in points])
    assert (there.sum(0) == 1).all()
    assert {"nan", "inf", "-inf"} == {str(x) for point in points for x in point[~np.isfinite(point)]}
    assert any((row == -np.inf).all() for point in points[:2] for row in point)


def test_many_values_take_no_more_tracing():
    traced = []

    def count(x):
        traced.append(x.shape)
        return jnp.sin(x)

    for cases in (12, 96):
        before = len(traced)
        check_vjp(count, jnp.sin, np.zeros(3), cases=cases, transformations=("jit", "vmap", "scan"))
        assert len(traced) - before < 12


@pytest.mark.parametrize("shape", [(0,), (1,), (0, 3), (2, 1)])
def test_axes_of_size_0_and_1(shape):
    by_hand = rule(square, lambda x, dy: (2 * x[0] * dy,))
    assert check_vjp(by_hand, square, np.zeros(shape), **QUICK).verdict is Verdict.PASS


# ---- 5: the reference is the convention ----------------------------------------------------------------


def pool(share):
    """The largest of a row, with a tie's gradient shared out so."""
    return rule(
        lambda x: jnp.max(x, -1),
        lambda x, dy: (share(x[0] == jnp.max(x[0], -1, keepdims=True)) * dy[..., None],),
    )


def first(ties):
    return (jnp.cumsum(ties, -1) == 1) & ties


POOLS = {
    "first": pool(lambda ties: first(ties).astype(float)),
    "last": pool(lambda ties: first(ties[..., ::-1])[..., ::-1].astype(float)),
    "split": pool(lambda ties: ties.astype(float) / jnp.sum(ties, -1, keepdims=True, dtype=float)),
    "all": pool(lambda ties: ties.astype(float)),
}


@pytest.mark.parametrize("reference", POOLS)
@pytest.mark.parametrize("fun", POOLS)
def test_ties(fun, reference):
    report = check_vjp(POOLS[fun], POOLS[reference], np.zeros((2, 3)), **QUICK)
    assert report.verdict is (Verdict.PASS if fun == reference else Verdict.FAIL)


def relu(at_zero):
    return rule(lambda x: jnp.maximum(x, 0), lambda x, dy: (jnp.heaviside(x[0], at_zero) * dy,))


RELUS = {at_zero: relu(at_zero) for at_zero in (0.0, 0.5, 1.0)}


@pytest.mark.parametrize("reference", RELUS)
@pytest.mark.parametrize("fun", RELUS)
def test_kinks(fun, reference):
    report = check_vjp(RELUS[fun], RELUS[reference], np.zeros(3), **QUICK)
    assert report.verdict is (Verdict.PASS if fun == reference else Verdict.FAIL)
    if fun != reference:
        assert "a kink: the slope is 0 on the left and 1 on the right" in str(report)


# ---- 6: who is wrong -----------------------------------------------------------------------------------


wrong_square = rule(square, lambda x, dy: (3 * x[0] * dy,))


def test_the_vote():
    assert check_vjp(wrong_square, square, np.zeros(2), **QUICK).vote.culprit == "the function"
    assert check_vjp(square, wrong_square, np.zeros(2), **QUICK).vote.culprit == "the reference"
    other = rule(square, lambda x, dy: (5 * x[0] * dy,))
    assert check_vjp(other, wrong_square, np.zeros(2), **QUICK).vote.culprit == ""


@pytest.mark.parametrize("broken", ["fun", "reference"])
def test_a_wrong_compiled_result_is_the_compilers(broken):
    """Stands for a miscompiled program: wrong only when it is compiled."""

    def miscompiled(x):
        return 3 * x * x if isinstance(x, jax.core.Tracer) and not jax.config.jax_disable_jit else x * x

    functions = (miscompiled, square) if broken == "fun" else (square, miscompiled)
    report = check_vjp(*functions, np.zeros(2), exact=True, **QUICK)
    assert report.verdict is Verdict.FAIL
    assert report.vote.culprit == "the compiler"


def test_a_gradient_that_comes_out_otherwise_in_numpy_is_the_compilers(monkeypatch):
    right = Problem.run_fun

    def miscompiled(self, rows):
        Z, dx = right(self, rows)
        return [Z, 3 * dx]

    monkeypatch.setattr(Problem, "run_fun", miscompiled)
    report = check_vjp(rule(square, lambda x, dy: (2 * x[0] * dy,)), square, np.zeros(2), **QUICK)
    assert report.verdict is Verdict.FAIL
    assert report.vote.culprit == "the compiler"


@pytest.mark.parametrize("narrow", [jnp.bfloat16, jnp.float32])
def test_a_gradient_rounded_to_a_narrower_dtype_is_found(narrow):
    """On integers it is exact."""
    rounded = rule(square, lambda x, dy: ((2 * x[0] * dy).astype(narrow).astype(dy.dtype),))
    report = check_vjp(rounded, square, np.zeros(2), **QUICK)
    assert report.verdict is Verdict.FAIL
    assert not report.evidence.exact


# ---- 8: transformations ----------------------------------------------------------------------------------


def only_in_a_batch(x, dy):
    pull = jax.custom_batching.custom_vmap(lambda x, dy: 2 * x * dy)
    pull.def_vmap(lambda size, batched, x, dy: (2 * x * dy[:1], True))
    return (pull(x[0], dy),)


def only_eager(x, dy):
    return ((2 if isinstance(dy, jax.core.Tracer) else 3) * x[0] * dy,)


def only_its_derivative(x, dy):
    return (2 * jax.lax.stop_gradient(x[0]) * dy,)


@pytest.mark.parametrize(
    ("backward", "named"),
    [(only_in_a_batch, "vmap"), (only_its_derivative, "second order"), (only_eager, "eager")],
)
def test_a_rule_broken_under_one_transformation_only(backward, named):
    report = check_vjp(rule(square, backward), square, np.zeros(3))
    assert report.verdict is Verdict.FAIL
    assert report.reason.startswith(f"differs from the reference ({named}):")
    others = [t for t in ("jit", "eager", "vmap", "scan") if t != named]  # custom_vmap has no second order
    assert (
        check_vjp(rule(square, backward), square, np.zeros(3), transformations=others).verdict is Verdict.PASS
    )


def test_a_rule_broken_where_it_is_compiled():
    wrong = rule(square, lambda x, dy: ((3 if isinstance(dy, jax.core.Tracer) else 2) * x[0] * dy,))
    for named in ("jit", "scan"):
        report = check_vjp(wrong, square, np.zeros(3), transformations=("eager", named), cases=12)
        assert (report.verdict, report.counterexample.transformation) == (Verdict.FAIL, named)


def test_a_rule_that_is_broken_only_where_its_passes_lie_apart():
    """The backward pass takes what the forward pass left in Python: after a loop that is gone."""
    left = {}

    def forward(x):
        left["x"] = x
        return x * x, None

    square_by_memory = jax.custom_vjp(square)
    square_by_memory.defvjp(forward, lambda _, dy: (2 * left["x"] * dy,))
    report = check_vjp(
        square_by_memory, square, np.zeros(3), transformations=("jit", "eager", "vmap", "scan")
    )
    assert report.verdict is Verdict.FAIL
    assert report.reason.startswith("the backward pass raised") and "(scan)" in report.reason
    others = check_vjp(square_by_memory, square, np.zeros(3), transformations=("jit", "eager", "vmap"))
    assert others.verdict is Verdict.PASS


def test_every_transformation_is_in_the_evidence():
    report = check_vjp(dense_by_hand, dense, A, W)
    assert report.evidence.transformations == ("jit", "eager", "vmap", "scan", "second order")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"transformations": ("pmap",)},
            r"transformations is \('pmap',\); expected a tuple of some of jit, eager",
        ),
        ({"transformations": "jit"}, "transformations is jit; expected a tuple of some of jit, eager"),
        ({"domain": "positive"}, "domain is 'positive'; expected one of finite, infinite, nan"),
    ],
)
def test_unknown_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        check_vjp(square, square, A, **options)


def test_inputs_before_the_function_are_refused():
    with pytest.raises(TypeError, match="fun is a ndarray; expected a function, and its inputs last"):
        check_vjp(A, square, square)


# ---- 9, 12, 13 -------------------------------------------------------------------------------------------


def test_what_the_reference_cannot_judge_is_unchecked():
    nowhere = rule(square, lambda x, dy: (x[0] * jnp.nan,))
    report = check_vjp(nowhere, nowhere, np.zeros(3), **QUICK)
    assert report.verdict is Verdict.UNCHECKED
    assert report.reason == "nothing could be compared of the gradient of x: the reference is NaN"


def test_unchecked_where_the_reference_is_infinite():
    report = check_vjp(lambda x: x, lambda x: x + np.inf, np.zeros(3), **QUICK)
    assert report.verdict is Verdict.UNCHECKED
    assert report.reason == "nothing could be compared of the output: the reference is infinite or overflows"
    assert report.evidence.parts[0].excuses["the reference is infinite or overflows"] > 60


def test_unchecked_at_a_kink():
    """Without a reference: differences tell nothing at a kink, and say so of it alone."""
    backward = lambda inputs, dy: (np.sign(inputs[0]) * dy,)  # noqa: E731
    at_kink = check_vjp(np.abs, None, np.zeros(2), backward=backward, vary=False)
    assert at_kink.verdict is Verdict.UNCHECKED
    assert at_kink.reason == "nothing could be compared of the gradient of x: the function has a kink there"
    at_nan = check_vjp(np.abs, None, np.full(2, np.nan), backward=backward, vary=False)
    assert at_nan.reason.endswith("the output, the gradient of x: the reference is NaN")
    assert check_vjp(np.abs, None, np.ones(2), backward=backward, vary=False).verdict is Verdict.PASS


@pytest.mark.parametrize("factor", [1, 3])
def test_unchecked_below_what_the_dtype_can_show(factor):
    """1e-60 is no number of float32: whatever the rule makes of it, it is 0."""

    def small(x):
        return x * 1e-30 * 1e-30

    by_hand = rule(lambda x: (small(x), x), lambda x, dy: (factor * small(dy[0]) + dy[1],))
    reference = lambda x: (small(x), x)  # noqa: E731
    report = check_vjp(by_hand, reference, np.zeros(3, np.float32), **QUICK)
    assert report.verdict is Verdict.UNCHECKED
    assert report.reason == (
        "nothing could be compared of output 0: the reference is below what the dtype can show"
    )
    assert check_vjp(by_hand, reference, np.zeros(3), **QUICK).verdict is (
        Verdict.PASS if factor == 1 else Verdict.FAIL
    )


def test_infinite_derivatives_have_to_be_infinite():
    """1/x at 0 is infinite, and so is its derivative: 0 there is wrong."""
    wrong = rule(lambda x: 1 / x, lambda x, dy: (jnp.where(x[0] == 0, 0, -dy / x[0] ** 2),))
    assert check_vjp(wrong, lambda x: 1 / x, np.zeros(3), **QUICK).verdict is Verdict.FAIL


def test_a_large_input_takes_a_constant_number_of_calls():
    calls = 0

    def count(x):
        nonlocal calls
        calls += 1
        return np.sin(x)

    def backward(inputs, dy):
        return (np.cos(inputs[0]) * dy,)

    for size in (10, 1_000_000):
        calls = 0
        check_vjp(count, jnp.sin, np.zeros(size), backward=backward, cases=4).assert_pass()
        assert calls == 2 + 2 * 4


@pytest.mark.parametrize("size", [10, 1000, 100_000])
def test_one_wrong_entry_of_the_jacobian_is_found(size):
    """A dense cotangent shows it, however many there are, but for the chance that its number is near 0."""
    wrong = rule(jnp.sin, lambda x, dy: ((jnp.cos(x[0]) * dy).at[3].add(0.1 * dy[7]),))
    report = check_vjp(wrong, jnp.sin, np.zeros(size), transformations=("jit",), cases=4)
    assert report.verdict is Verdict.FAIL
    assert report.counterexample.index == (3,)


def test_the_measured_chance_of_a_miss_is_the_stated_one():
    """An entry is missed in a uniform row if its cotangent is 0: once in 2·magnitude + 1 rows."""
    rows = values.integers(np.random.default_rng(0), 20_000, (1,), 4)[:10_000]
    assert np.mean(rows == 0) == pytest.approx(1 / 9, rel=0.1)


def test_the_chance_to_miss_a_rare_error_is_stated_and_measured():
    """The rule errs where 0.7 < |x| < 1.1, whose share of the drawn cases is counted; nothing is compiled."""

    def backward(inputs, dy):
        there = (np.abs(inputs[0]) > 0.7) & (np.abs(inputs[0]) < 1.1)
        return (dy * np.where(there, 3, np.cos(inputs[0])),)

    cases, seeds = 6, 250
    check = partial(check_vjp, np.sin, None, np.zeros(()), backward=backward, cases=cases)
    reports = [check(seed=seed) for seed in range(seeds)]
    share = sum(report.evidence.parts[1].wrong for report in reports) / (cases * seeds)
    passed = [report for report in reports if report.verdict is Verdict.PASS]
    assert {report.evidence.missed for report in passed} == {missed(0.1, cases)} == {0.9**cases}
    assert 0.1 < share < 0.3
    assert len(passed) / seeds == pytest.approx(missed(share, cases), abs=0.08)
    assert passed[0].reason.endswith("that shows in one drawn case in 10 is missed by a chance of 5e+01 %")


def test_jvp_rules():
    def cube(factor):
        fun = jax.custom_jvp(lambda x: x**3)
        fun.defjvp(lambda x, dx: (x[0] ** 3, factor * x[0] ** 2 * dx[0]))
        return fun

    assert check_jvp(cube(3), lambda x: x**3, np.zeros(3)).verdict is Verdict.PASS
    report = check_jvp(cube(2), lambda x: x**3, np.zeros(3))
    assert (report.verdict, report.counterexample.what) == (Verdict.FAIL, "the tangent of the output")
    assert check_vjp(cube(2), lambda x: x**3, np.zeros(3), **QUICK).verdict is Verdict.FAIL


def test_assert_vjp_shows_the_report():
    assert assert_vjp(dense_by_hand, dense, A, W, **QUICK).verdict is Verdict.PASS
    with pytest.raises(DerivationError, match=r"the gradient of x at \[\d\]: got"):
        assert_vjp(wrong_square, square, np.zeros(3), **QUICK)


def test_without_a_reference_the_primal_is_the_reference():
    assert check_vjp(dense_by_hand, None, A, W, **QUICK).verdict is Verdict.PASS
    assert check_vjp(wrong_square, None, np.zeros(2), **QUICK).verdict is Verdict.FAIL
    looped = rule(
        lambda x: jax.lax.fori_loop(0, 3, lambda _, y: wrong_square(y), x),
        lambda x, dy: (8 * x[0] ** 7 * dy,),
    )
    assert check_vjp(looped, None, np.zeros(2), **QUICK).verdict is Verdict.PASS


def test_float32_without_double_precision_enabled():
    with jax.enable_x64(False):
        sine = rule(jnp.sin, lambda x, dy: (jnp.cos(x[0]) * dy,))
        assert check_vjp(sine, jnp.sin, np.zeros(3, np.float32), **QUICK).verdict is Verdict.PASS
        wrong = rule(jnp.sin, lambda x, dy: (jnp.cos(x[0]) * dy * (1 + 1e-5),))
        assert check_vjp(wrong, jnp.sin, np.zeros(3, np.float32), **QUICK).verdict is Verdict.FAIL


def test_as_many_names_as_inputs():
    with pytest.raises(ValueError, match="check_vjp: names has 2 entries; expected 1, one for each input"):
        check_vjp(square, square, A, names=["x", "y"])
    with pytest.raises(ValueError, match="check_jvp: names has 0 entries; expected 1, one for each input"):
        check_jvp(square, square, A, names=[])


def test_complex_inputs_are_refused():
    with pytest.raises(ValueError, match="x is complex128; expected real numbers"):
        check_vjp(square, square, np.zeros(2, complex))
