import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn import activations
from jaxcnn.activations import (
    activation_dZ,
    leaky_relu,
    log_softmax,
    relu,
    sigmoid,
    softmax,
    softplus,
    tanh,
)
from jaxcnn.check import Verdict, check_vjp
from jaxcnn.oracles import activations as oracles

POINTWISE = ("relu", "leaky_relu", "sigmoid", "tanh", "softplus")
SOFTMAXES = ("softmax", "log_softmax")
every_pointwise = pytest.mark.parametrize("name", POINTWISE)
every_softmax = pytest.mark.parametrize("name", SOFTMAXES)
every_activation = pytest.mark.parametrize("name", POINTWISE + SOFTMAXES)

EXTREMES = [0.0, -0.0, 1e-9, -1e-9, 1.0, -1.0, 40.0, -40.0, 700.0, -700.0, 1e300, -1e300]


def both(name):
    return getattr(activations, name), getattr(oracles, name)


def pull(g, Z, dA):
    return jax.vjp(g, Z)[1](dA)[0]


def close(got, expected, ulps=16):
    np.testing.assert_allclose(got, expected, rtol=ulps * float(jnp.finfo(got.dtype).eps), atol=0)


def normal(*shape, seed=0, scale=3.0):
    return jnp.asarray(scale * np.random.default_rng(seed).standard_normal(shape))


# ------------------------------------------------------------------ hand-computed examples


def test_values_by_hand():
    Z = jnp.array([-2.0, 0.0, 3.0])
    assert relu(Z).tolist() == [0, 0, 3]
    assert leaky_relu(Z, 0.25).tolist() == [-0.5, 0, 3]
    close(sigmoid(jnp.log(jnp.array([1 / 3, 1.0, 3.0]))), [0.25, 0.5, 0.75])
    close(tanh(jnp.log(jnp.array([0.5, 1.0, 2.0]))), [-0.6, 0, 0.6])
    close(softplus(jnp.log(jnp.array([1.0, 2.0]))), jnp.log(jnp.array([2.0, 3.0])))
    close(softmax(jnp.log(jnp.array([1.0, 3.0, 4.0]))), [0.125, 0.375, 0.5])
    close(log_softmax(jnp.log(jnp.array([1.0, 3.0]))), jnp.log(jnp.array([0.25, 0.75])))


def test_cotangents_by_hand():
    thrice, logs = jnp.full(3, 5.0), jnp.log(jnp.array([1 / 3, 1.0, 3.0]))
    Z = jnp.array([-2.0, 0.0, 3.0])
    assert activation_dZ(relu, Z, thrice).tolist() == [0, 0, 5]
    assert activation_dZ(leaky_relu, Z, thrice, negative_slope=0.25).tolist() == [1.25, 1.25, 5]
    close(activation_dZ(sigmoid, logs, thrice), [0.9375, 1.25, 0.9375])
    close(activation_dZ(tanh, jnp.log(jnp.array([0.5, 1.0, 2.0])), thrice), [3.2, 5, 3.2])
    close(activation_dZ(softplus, logs, thrice), [1.25, 2.5, 3.75])
    logs, dA = jnp.log(jnp.array([1.0, 3.0, 4.0])), jnp.array([8.0, 0.0, 0.0])
    close(activation_dZ(softmax, logs, dA), [0.875, -0.375, -0.5])
    close(activation_dZ(log_softmax, logs, dA), [7, -3, -4])


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


# ----------------------------------------------- kinks, ties, saturation, NaN and infinity


def test_the_kink_takes_the_derivative_from_the_left():
    zeros, dA = jnp.array([0.0, -0.0]), jnp.array([3.0, 5.0])
    assert pull(relu, zeros, dA).tolist() == [0, 0]
    assert pull(partial(leaky_relu, negative_slope=0.25), zeros, dA).tolist() == [0.75, 1.25]


@every_pointwise
def test_pointwise_rules_neither_cancel_nor_overflow(name):
    g, oracle = both(name)
    Z, dA = jnp.array(EXTREMES), jnp.linspace(1.0, 2.0, len(EXTREMES))
    close(g(Z), oracle(Z))
    close(pull(g, Z, dA), pull(oracle, Z, dA))
    assert np.all(np.isfinite(pull(partial(pull, g, dA=dA), Z, dA)))


def test_saturated_derivatives_keep_their_digits():
    Z = jnp.array([40.0, 300.0, -300.0])
    close(pull(sigmoid, Z, jnp.ones(3)), jnp.exp(-jnp.abs(Z)))
    close(pull(tanh, Z, jnp.ones(3)), 4 * jnp.exp(-2 * jnp.abs(Z)))
    row, first = jnp.array([60.0, 0.0]), jnp.array([1.0, 0.0])
    tiny = np.exp(-60.0)
    close(softmax(row), [1, tiny])
    close(log_softmax(row), [-tiny, -60])
    close(pull(softmax, row, first), [tiny, -tiny])
    close(pull(log_softmax, row, first), [tiny, -tiny])


@every_pointwise
def test_nan_and_infinity_pointwise(name):
    g, oracle = both(name)
    Z, dA = jnp.array([jnp.nan, jnp.inf, -jnp.inf]), jnp.array([2.0, 3.0, 5.0])
    np.testing.assert_array_equal(g(Z), oracle(Z))
    np.testing.assert_array_equal(pull(g, Z, dA), pull(oracle, Z, dA))
    assert np.isnan(g(Z)[0])
    assert not np.any(np.isnan(pull(g, Z, dA)[1:]))


@pytest.mark.parametrize("g", [relu, leaky_relu])
def test_the_cotangent_of_a_nan_passes_through_rectifiers(g):
    assert pull(g, jnp.array([jnp.nan]), jnp.array([7.0])).tolist() == [7]


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
    close(pull(g, Z, dA), pull(oracle, Z, dA))
    spoilt = not np.isfinite(max(row, key=lambda z: (np.isnan(z), z)))
    assert np.all(np.isnan(g(Z)[0])) == np.all(np.isnan(pull(g, Z, dA)[0])) == spoilt
    assert np.all(np.isfinite(pull(g, Z, dA)[1]))


@every_softmax
@pytest.mark.parametrize("value", [jnp.nan, jnp.inf, -jnp.inf])
def test_a_lone_logit_without_a_value_is_nan(name, value):
    assert np.isnan(both(name)[0](jnp.array([value])))[0]


# -------------------------------------------------------- dtypes, transformations, residuals


@every_activation
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


@every_activation
def test_jit_vmap_and_checkpoint(name):
    g, _ = both(name)
    Z, dA = normal(3, 2, 4), normal(3, 2, 4, seed=1)
    close(jax.jit(g)(Z), g(Z))
    close(jax.jit(partial(pull, g))(Z, dA), pull(g, Z, dA))
    close(jax.vmap(partial(pull, g))(Z, dA), pull(g, Z, dA))
    close(jax.vmap(partial(pull, g), 1, 1)(Z, dA), pull(g, Z, dA))
    close(pull(jax.checkpoint(g), Z, dA), pull(g, Z, dA))


@every_activation
def test_gradients_of_gradients(name):
    g, oracle = both(name)
    Z, weights = normal(4), normal(4, seed=1)
    by_hand = jax.jacrev(jax.grad(lambda Z: weights @ g(Z)))(Z)
    by_oracle = jax.hessian(lambda Z: weights @ oracle(Z))(Z)
    np.testing.assert_allclose(by_hand, by_oracle, rtol=1e-13, atol=1e-15)


def test_gradients_of_gradients_run_hand_written_rules():
    second = jax.grad(jax.grad(tanh))(jnp.array(40.0))
    close(second, -8 * np.exp(-80.0))  # jax's own rule for 1 − tanh² has nothing left there


def test_forward_mode_is_the_oracle_s():
    with pytest.raises(TypeError, match="can't apply forward-mode"):
        jax.jvp(relu, (jnp.ones(2),), (jnp.ones(2),))
    assert jax.jvp(oracles.relu, (jnp.ones(2),), (jnp.ones(2),))[1].tolist() == [1, 1]


@pytest.mark.parametrize("g", [relu, leaky_relu])
def test_the_residual_of_a_rectifier_is_a_byte_an_entry(g):
    Z = normal(8, 16)
    residuals = jax.tree.leaves(jax.vjp(g, Z)[1])
    assert sum(residual.nbytes for residual in residuals) == Z.size


@pytest.mark.parametrize("g", [sigmoid, tanh, softplus, softmax, log_softmax])
def test_the_residual_of_the_others_is_one_array(g):
    Z = normal(8, 16)
    residuals = jax.tree.leaves(jax.vjp(g, Z)[1])
    assert sum(residual.nbytes for residual in residuals) == Z.nbytes


# ---------------------------------------------------------------------------- activation_dZ


@every_activation
def test_activation_dZ_is_the_cotangent(name):
    g, oracle = both(name)
    Z, dA = normal(3, 4), normal(3, 4, seed=1)
    close(activation_dZ(g, Z, dA), oracles.activation_dZ(oracle, Z, dA), ulps=64)


def test_activation_dZ_is_no_product_with_the_diagonal_for_softmax():
    Z, dA = jnp.zeros(2), jnp.ones(2)
    diagonal = jnp.diagonal(jax.jacrev(softmax)(Z))
    assert (dA * diagonal).tolist() == [0.25, 0.25]  # the article's L12, taken literally
    assert activation_dZ(softmax, Z, dA).tolist() == [0, 0]


# ---------------------------------------------------------------------------------- errors

Z = jnp.zeros((2, 3))
FLOATING = "a floating dtype (float16, bfloat16, float32 or float64)"
KNOWN = "relu, leaky_relu, sigmoid, tanh, softplus, softmax, log_softmax"


@every_activation
def test_integers_are_refused(name):
    with pytest.raises(TypeError, match=re.escape(f"{name}: Z has dtype int32; expected {FLOATING}")):
        both(name)[0](jnp.zeros(3, jnp.int32))


@every_activation
def test_lists_are_refused(name):
    with pytest.raises(TypeError, match=re.escape(f"{name}: Z is a list; expected a JAX or NumPy array")):
        both(name)[0]([1.0])


WRONG = {
    "axis too high": (
        lambda: softmax(Z, axis=2),
        ValueError,
        "softmax: axis is 2 for Z of shape (2, 3); expected an axis of Z, which has 2",
    ),
    "axis too low": (
        lambda: log_softmax(Z, axis=-3),
        ValueError,
        "log_softmax: axis is -3 for Z of shape (2, 3); expected an axis of Z, which has 2",
    ),
    "axis not an integer": (
        lambda: softmax(Z, axis=0.5),
        TypeError,
        "softmax: axis is 0.5; expected an integer",
    ),
    "no classes": (
        lambda: softmax(jnp.zeros((2, 0))),
        ValueError,
        "softmax: Z has shape (2, 0); expected at least 1 entry along axis -1",
    ),
    "a scalar": (
        lambda: softmax(jnp.zeros(())),
        ValueError,
        "softmax: axis is -1 for Z of shape (); expected an axis of Z, which has 0",
    ),
    "a slope that is no number": (
        lambda: leaky_relu(Z, "steep"),
        TypeError,
        "leaky_relu: negative_slope is 'steep'; expected a Python number",
    ),
    "an unknown activation": (
        lambda: activation_dZ(jnp.sin, Z, Z),
        ValueError,
        f"activation_dZ: g is sin; expected one of {KNOWN}, of jaxcnn",
    ),
    "an activation by name": (
        lambda: activation_dZ("relu", Z, Z),
        ValueError,
        f"activation_dZ: g is 'relu'; expected one of {KNOWN}, of jaxcnn",
    ),
    "shapes that differ": (
        lambda: activation_dZ(relu, Z, Z[0]),
        ValueError,
        "activation_dZ: dA has shape (3,); expected Z's, (2, 3)",
    ),
    "dtypes that differ": (
        lambda: activation_dZ(relu, Z, Z.astype(jnp.float32)),
        TypeError,
        "activation_dZ: Z has dtype float64, dA has dtype float32; expected one dtype; convert with .astype",
    ),
}


@pytest.mark.parametrize(("call", "kind", "message"), WRONG.values(), ids=WRONG)
def test_errors(call, kind, message):
    with pytest.raises(kind, match=f"^{re.escape(message)}$"):
        call()


# ------------------------------------------------------------------- rules that are wrong


def with_backward(function, backward):
    """`function` with a backward pass of Z and dA."""
    planted = jax.custom_vjp(lambda Z: function(Z))
    planted.defvjp(lambda Z: (function(Z), Z), lambda Z, dA: (backward(Z, dA),))
    return planted


PLANTED = {
    "relu's mask is Z >= 0": (relu, lambda Z, dA: jnp.where(Z >= 0, dA, 0), oracles.relu, True),
    "relu's mask is Z > -0.01": (relu, lambda Z, dA: jnp.where(Z > -0.01, dA, 0), oracles.relu, False),
    "a slope of 0.0101": (
        leaky_relu,
        lambda Z, dA: jnp.where(Z > 0, dA, 0.0101 * dA),
        oracles.leaky_relu,
        False,
    ),
    "sigma without 1 - sigma": (sigmoid, lambda Z, dA: dA * sigmoid(Z), oracles.sigmoid, False),
    "1 - tanh": (tanh, lambda Z, dA: dA * (1 - tanh(Z)), oracles.tanh, False),
    "1 - tanh^2, which cancels": (tanh, lambda Z, dA: dA * (1 - tanh(Z) ** 2), oracles.tanh, False),
    "softplus with sigmoid(-Z)": (softplus, lambda Z, dA: dA * sigmoid(-Z), oracles.softplus, False),
    "softmax hands dA on": (softmax, lambda Z, dA: dA, oracles.softmax, False),
    "softmax by its diagonal": (softmax, lambda Z, dA: dA * softmax(Z), oracles.softmax, False),
    "log_softmax forgets the sum": (log_softmax, lambda Z, dA: dA - softmax(Z), oracles.log_softmax, False),
}


@pytest.mark.parametrize(("function", "backward", "oracle", "exact"), PLANTED.values(), ids=PLANTED)
def test_a_wrong_rule_fails(function, backward, oracle, exact):
    planted = with_backward(function, backward)
    report = check_vjp(planted, oracle, jnp.zeros((2, 3)), exact=exact)
    assert report.verdict is Verdict.FAIL
    assert "the gradient of Z" in report.reason
