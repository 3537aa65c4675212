from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn import _softmaxes, softmaxes
from jaxcnn.check import Verdict, check_vjp
from jaxcnn.oracles import softmaxes as oracles
from jaxcnn.softmaxes import log_softmax, softmax

every_softmax = pytest.mark.parametrize("name", ["softmax", "log_softmax"])


def both(name):
    return getattr(softmaxes, name), getattr(oracles, name)


def pull(g, Z, dA):
    return jax.vjp(g, Z)[1](dA)[0]


def close(got, expected, ulps=16):
    np.testing.assert_allclose(got, expected, rtol=ulps * float(jnp.finfo(got.dtype).eps), atol=0)


def normal(*shape, seed=0, scale=3.0):
    return jnp.asarray(scale * np.random.default_rng(seed).standard_normal(shape))


# ------------------------------------------------------------------ hand-computed examples


def test_values_and_cotangents_by_hand():
    logs, dA = jnp.log(jnp.array([1.0, 3.0, 4.0])), jnp.array([8.0, 0.0, 0.0])
    close(softmax(logs), [0.125, 0.375, 0.5])
    close(log_softmax(jnp.log(jnp.array([1.0, 3.0]))), jnp.log(jnp.array([0.25, 0.75])))
    close(pull(softmax, logs, dA), [0.875, -0.375, -0.5])
    close(pull(log_softmax, logs, dA), [7, -3, -4])


@every_softmax
@pytest.mark.parametrize("axis", range(-3, 3))
def test_softmaxes_along_any_axis(name, axis):
    g, _ = both(name)
    Z, dA = normal(2, 3, 4), normal(2, 3, 4, seed=1)
    last = partial(jnp.moveaxis, source=axis, destination=-1)
    back = partial(jnp.moveaxis, source=-1, destination=axis)
    close(g(Z, axis=axis), back(g(last(Z))))
    close(pull(partial(g, axis=axis), Z, dA), back(pull(g, last(Z), last(dA))))


@every_softmax
def test_the_cotangent_of_a_softmax_sums_to_zero(name):
    dZ = pull(both(name)[0], normal(5, 7, scale=20.0), normal(5, 7, seed=1))
    np.testing.assert_allclose(jnp.sum(dZ, -1), 0, atol=1e-14)


# --------------------------------------------------------- saturation, NaN and infinity


def test_those_of_cross_entropy_keep_their_digits_where_they_saturate():
    row, first = jnp.array([60.0, 0.0]), jnp.array([1.0, 0.0])
    tiny = np.exp(-60.0)
    close(_softmaxes.softmax(0, row), [1, tiny])
    close(_softmaxes.log_softmax(0, row), [-tiny, -60])
    close(pull(partial(_softmaxes.softmax, 0), row, first), [tiny, -tiny])
    close(pull(partial(_softmaxes.log_softmax, 0), row, first), [tiny, -tiny])


@every_softmax
@pytest.mark.parametrize("gap", [3.0, 20.0, 60.0])
def test_where_they_saturate_as_many_digits_are_lost_as_by_jax_nn(name, gap):
    g, oracle = both(name)
    row, dA = jnp.array([gap, 0.0, -1.0]), jnp.array([1.0, 2.0, -3.0])
    for by_hand, exact in [(g(row), oracle(row)), (pull(g, row, dA), pull(oracle, row, dA))]:
        np.testing.assert_allclose(by_hand[1:], exact[1:], rtol=1e-13)  # where nothing cancels
        np.testing.assert_allclose(by_hand[0], exact[0], rtol=0, atol=4 * np.finfo(float).eps)
    np.testing.assert_allclose(g(row), getattr(jax.nn, name)(row), rtol=1e-15)


@every_softmax
@pytest.mark.parametrize(
    "row",
    [
        [1.0, -jnp.inf, 0.0],
        [1e308, -1e308, 0.0],
        [1000.0, 1000.0, -1000.0],
        [jnp.nan, 0.0, -jnp.inf],
        [jnp.inf, 0.0, 1.0],
        [jnp.inf, jnp.inf, 1.0],
        [-jnp.inf, -jnp.inf, -jnp.inf],
    ],
    ids=str,
)
def test_logits_that_are_huge_infinite_or_nan(name, row):
    g, oracle = both(name)
    Z, dA = jnp.array([row, [0.0, 1.0, 2.0]]), jnp.array([[2.0, 3.0, 5.0], [7.0, 1.0, 2.0]])
    close(g(Z), oracle(Z))
    close(jax.vjp(g, Z)[0], oracle(Z))  # beside its gradient it is another program
    close(pull(g, Z, dA), pull(oracle, Z, dA))
    spoilt = not np.isfinite(max(row, key=lambda z: (np.isnan(z), z)))
    assert np.all(np.isnan(g(Z)[0])) == np.all(np.isnan(pull(g, Z, dA)[0])) == spoilt
    assert np.all(np.isfinite(pull(g, Z, dA)[1]))


@every_softmax
@pytest.mark.parametrize("value", [jnp.nan, jnp.inf, -jnp.inf])
def test_a_lone_logit_without_a_value_is_nan(name, value):
    assert np.isnan(both(name)[0](jnp.array([value])))[0]


# -------------------------------------------------------- dtypes, transformations, residuals


@every_softmax
@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16, jnp.float32, jnp.float64])
def test_results_and_cotangents_have_the_dtype_of_the_input(name, dtype):
    g, oracle = both(name)
    Z, dA = normal(5, 4).astype(dtype), normal(5, 4, seed=1).astype(dtype)
    A, dZ = g(Z), pull(g, Z, dA)
    assert A.dtype == dZ.dtype == dtype
    wide_Z, wide_dA = Z.astype(jnp.float64), dA.astype(jnp.float64)
    ulp = float(jnp.finfo(dtype).eps)
    np.testing.assert_allclose(A.astype(jnp.float64), oracle(wide_Z), rtol=8 * ulp, atol=8 * ulp)
    np.testing.assert_allclose(
        dZ.astype(jnp.float64), pull(oracle, wide_Z, wide_dA), rtol=32 * ulp, atol=32 * ulp
    )


def test_half_precision_sums_are_kept_in_float32():
    Z = jnp.zeros(4096, jnp.float16)  # a float16 sum of ones stops at 2048
    assert softmax(Z)[0] == 2.0**-12
    assert log_softmax(Z)[0] == np.float16(-12 * np.log(2))


@every_softmax
def test_jit_vmap_and_checkpoint(name):
    g, _ = both(name)
    Z, dA = normal(3, 2, 4), normal(3, 2, 4, seed=1)
    close(jax.jit(g)(Z), g(Z))
    close(jax.jit(partial(pull, g))(Z, dA), pull(g, Z, dA))
    close(jax.vmap(partial(pull, g))(Z, dA), pull(g, Z, dA))
    close(jax.vmap(partial(pull, g), 1, 1)(Z, dA), pull(g, Z, dA))
    close(pull(jax.checkpoint(g), Z, dA), pull(g, Z, dA))


@every_softmax
def test_gradients_of_gradients(name):
    g, oracle = both(name)
    Z, weights = normal(4), normal(4, seed=1)
    by_hand = jax.jacrev(jax.grad(lambda Z: weights @ g(Z)))(Z)
    by_oracle = jax.hessian(lambda Z: weights @ oracle(Z))(Z)
    np.testing.assert_allclose(by_hand, by_oracle, rtol=1e-13, atol=1e-15)


@every_softmax
def test_the_residuals_are_the_probabilities(name):
    Z = normal(8, 16)
    residuals = jax.tree.leaves(jax.vjp(both(name)[0], Z)[1])
    assert sum(residual.size for residual in residuals) == Z.size


@every_softmax
def test_values_and_cotangents_are_those_of_jax_nn(name):
    g, theirs = both(name)[0], getattr(jax.nn, name)
    Z, dA = normal(5, 6), normal(5, 6, seed=1)
    np.testing.assert_allclose(g(Z), theirs(Z), rtol=1e-13)
    np.testing.assert_allclose(pull(g, Z, dA), pull(theirs, Z, dA), rtol=1e-11, atol=1e-14)


# ------------------------------------------------------------------- rules that are wrong


PLANTED = {
    "softmax hands dA on": (softmax, lambda Z, dA: dA, oracles.softmax),
    "softmax by its diagonal": (softmax, lambda Z, dA: dA * softmax(Z), oracles.softmax),
    "log_softmax forgets the sum": (log_softmax, lambda Z, dA: dA - softmax(Z), oracles.log_softmax),
}


@pytest.mark.parametrize(("function", "backward", "oracle"), PLANTED.values(), ids=PLANTED)
def test_a_wrong_rule_fails(function, backward, oracle):
    planted = jax.custom_vjp(lambda Z: function(Z))
    planted.defvjp(lambda Z: (function(Z), Z), lambda Z, dA: (backward(Z, dA),))
    report = check_vjp(planted, oracle, jnp.zeros((2, 3)))
    assert report.verdict is Verdict.FAIL
    assert "the gradient of Z" in report.reason
