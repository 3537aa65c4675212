"""Inputs that Hypothesis draws: geometries, shrinking, labels, and strategies that yield nothing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gradients_to_check import dense, mean_over_batch, pick, remainder, right, square
from hypothesis import strategies as st

from jaxcnn.check import Verdict, check_vjp
from jaxcnn.check.strategies import check_strategies

VECTORS = st.integers(1, 9).map(np.zeros)


def test_a_right_rule_passes_on_all_geometries():
    shapes = []

    def reference(x):
        shapes.append(x.shape)
        return square(x)

    report = check_strategies(right, reference, VECTORS, geometries=5)
    assert report.verdict is Verdict.PASS
    assert len(set(shapes)) > 2
    assert report.reason.startswith(f"{len(set(shapes))} geometries; ")
    one = check_vjp(right, square, np.zeros(3))
    assert report.evidence.cases == len(set(shapes)) * one.evidence.cases


def test_a_failing_geometry_is_shrunk():
    """The rule forgets entries after the fourth: five is the smallest size that shows it."""
    report = check_strategies(remainder, square, VECTORS, geometries=20)
    assert report.verdict is Verdict.FAIL
    assert report.counterexample.inputs["x"].shape == (5,)
    assert report.counterexample.index == (4,)


def test_sizes_that_depend_on_each_other():
    def arrays(sizes):
        batch, width = sizes
        return {"A": np.zeros((batch, width)), "W": np.zeros((width, 2))}

    def ours(p):
        return mean_over_batch(p["A"], p["W"])

    both = st.tuples(st.integers(1, 4), st.integers(1, 4)).map(arrays)
    report = check_strategies(ours, lambda p: dense(p["A"], p["W"]), both, geometries=20)
    assert report.verdict is Verdict.FAIL
    assert report.counterexample.inputs["p['A']"].shape == (2, 1)


def test_labels_are_drawn_and_arrays_that_are_no_strategies_are_taken_as_they_are():
    labels = st.lists(st.integers(0, 3), min_size=1, max_size=3).map(np.array)
    seen = []

    def reference(x, k):
        seen.append(tuple(k.tolist()))
        return x[k]

    report = check_strategies(pick, reference, np.zeros(4), labels, geometries=4, names=["logits", "k"])
    assert report.verdict is Verdict.PASS
    assert len(set(seen)) > 2
    assert report.evidence.parts[1].name == "the gradient of logits"


def test_it_is_deterministic_and_the_seed_counts():
    def shapes(seed):
        seen = []

        def reference(x):
            seen.append(x.shape)
            return square(x)

        check_strategies(right, reference, st.integers(1, 99).map(np.zeros), seed=seed, geometries=3, cases=4)
        return seen

    assert shapes(0) == shapes(0)
    assert shapes(0) != shapes(1)


def test_a_geometry_is_checked_once():
    """Arrays that differ in their values only are one geometry, unless the values are what is checked."""
    calls = []

    def reference(x):
        calls.append(x)
        return square(x)

    drawn = st.floats(-9, 9, width=16).map(lambda value: np.full(2, value))
    check_strategies(right, reference, drawn, geometries=5, transformations=("jit",))
    once = len(calls)
    check_strategies(right, reference, drawn, geometries=5, transformations=("jit",), vary=False)
    assert len(calls) - once >= 2 * once


def test_what_could_not_be_checked_does_not_pass():
    def nowhere(x):
        return jnp.where(x.size > 1, x * jnp.nan, x)

    report = check_strategies(nowhere, nowhere, st.sampled_from([np.zeros(1), np.zeros(2)]))
    assert report.verdict is Verdict.UNCHECKED


@pytest.mark.parametrize(
    "empty", [st.nothing(), VECTORS.filter(lambda x: False)], ids=["nothing", "filtered"]
)
def test_a_strategy_that_yields_nothing(empty):
    with pytest.raises(ValueError, match="check_strategies: nothing can be drawn from"):
        check_strategies(right, square, empty)


def test_bad_calls():
    with pytest.raises(ValueError, match="geometries is 0; expected at least 1"):
        check_strategies(right, square, VECTORS, geometries=0)
    with pytest.raises(ValueError, match="no input is floating point"):
        check_strategies(right, square, VECTORS.map(lambda x: x.astype(int)))


def test_keys_tell_geometries_apart():
    def noisy(x, key):
        return x * jax.random.normal(key, x.shape, x.dtype)

    keys = st.integers(0, 9).map(jax.random.key)
    report = check_strategies(noisy, noisy, np.zeros(2), keys, geometries=3, transformations=("jit",))
    assert report.verdict is Verdict.PASS
    assert report.reason.startswith("3 geometries")
