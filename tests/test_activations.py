import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxcnn
from jaxcnn import activations
from jaxcnn._logistic import logistic
from jaxcnn.activations import (
    activation_dZ,
    gelu,
    glu,
    mish,
    sigmoid,
    silu,
    softmax,
    softplus,
    tanh,
)
from jaxcnn.check import Verdict, check_vjp
from jaxcnn.oracles import activations as oracles
from jaxcnn.oracles import rectifiers, softmaxes

GATED = {
    "silu": (silu, oracles.silu),
    "gelu": (gelu, oracles.gelu),
    "gelu by tanh": (partial(gelu, approximate=True), partial(oracles.gelu, approximate=True)),
    "mish": (mish, oracles.mish),
}
POINTWISE = {
    "sigmoid": (sigmoid, oracles.sigmoid),
    "tanh": (tanh, oracles.tanh),
    "softplus": (softplus, oracles.softplus),
    **GATED,
}
EVERY = {**POINTWISE, "glu": (glu, oracles.glu)}
every_gated = pytest.mark.parametrize(("g", "oracle"), GATED.values(), ids=GATED)
every_pointwise = pytest.mark.parametrize(("g", "oracle"), POINTWISE.values(), ids=POINTWISE)
every_smooth = pytest.mark.parametrize(("g", "oracle"), EVERY.values(), ids=EVERY)

# the rules that have g′ from A, and what rounding takes from 1 − A, times |dA|, in units of 1's last place
LOST = {sigmoid: 4, tanh: 8}
EXTREMES = [0.0, -0.0, 1e-9, -1e-9, 1.0, -1.0, 8.0, -8.0, 40.0, -40.0, 700.0, -700.0, 1e300, -1e300]


def pull(g, Z, dA):
    return jax.vjp(g, Z)[1](dA)[0]


def close(got, expected, ulps=16, lost=0):
    """To so many units in the last place; `lost`, of 1, where 1 − A cancels."""
    eps = float(jnp.finfo(got.dtype).eps)
    np.testing.assert_allclose(got, expected, rtol=ulps * eps, atol=lost * eps)


def normal(*shape, seed=0, scale=3.0):
    return jnp.asarray(scale * np.random.default_rng(seed).standard_normal(shape))


def like_output(g, Z, seed=1):
    return normal(*jax.eval_shape(g, Z).shape, seed=seed)


# ------------------------------------------------------------------ hand-computed examples


def test_values_by_hand():
    close(sigmoid(jnp.log(jnp.array([1 / 3, 1.0, 3.0]))), [0.25, 0.5, 0.75])
    close(tanh(jnp.log(jnp.array([0.5, 1.0, 2.0]))), [-0.6, 0, 0.6])
    close(softplus(jnp.log(jnp.array([1.0, 2.0]))), jnp.log(jnp.array([2.0, 3.0])))
    three = math.log(3)
    close(silu(jnp.array([-three, 0.0, three])), [-three / 4, 0, 3 * three / 4])
    close(glu(jnp.array([4.0, 8.0, -three, three])), [1, 6])
    close(mish(jnp.array([0.0, math.log(2)])), [0, 0.8 * math.log(2)])  # tanh(log 2) = 3/5, of log 3 4/5


@pytest.mark.parametrize("z", [-30.0, -8.0, -1.0, -1e-8, 0.0, 0.5, 3.0, 20.0])
def test_gelu_is_the_normal_distribution_function_times_z(z):
    Z = jnp.array([z])
    distribution = math.erfc(-z / math.sqrt(2)) / 2
    density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    close(gelu(Z), [z * distribution], ulps=64)
    close(pull(gelu, Z, jnp.ones(1)), [distribution + z * density], ulps=1024)


def test_cotangents_by_hand():
    thrice, logs = jnp.full(3, 5.0), jnp.log(jnp.array([1 / 3, 1.0, 3.0]))
    close(activation_dZ(sigmoid, logs, thrice), [0.9375, 1.25, 0.9375])
    close(activation_dZ(tanh, jnp.log(jnp.array([0.5, 1.0, 2.0])), thrice), [3.2, 5, 3.2])
    close(activation_dZ(softplus, logs, thrice), [1.25, 2.5, 3.75])
    three = math.log(3)
    close(activation_dZ(silu, logs, 16 * thrice), [20 - 15 * three, 40, 60 + 15 * three])
    close(activation_dZ(glu, jnp.array([4.0, 8.0, -three, three]), jnp.array([16.0, 32.0])), [4, 24, 12, 48])
    for gated in (silu, gelu, partial(gelu, approximate=True)):
        assert pull(gated, jnp.zeros(1), jnp.ones(1)).tolist() == [0.5]  # γ(0)
    close(pull(mish, jnp.zeros(1), jnp.ones(1)), [0.6])


@pytest.mark.parametrize("axis", range(-3, 3))
def test_glu_halves_any_axis(axis):
    Z = normal(2, 4, 6)
    U, V = jnp.split(Z, 2, axis)
    close(glu(Z, axis), U * sigmoid(V))
    assert glu(Z, axis).shape[axis] == Z.shape[axis] // 2


# ----------------------------------------------------- saturation, NaN and infinity


@every_pointwise
def test_rules_neither_overflow_nor_cancel_but_where_they_say_so(g, oracle):
    Z, dA = jnp.array(EXTREMES), jnp.linspace(1.0, 2.0, len(EXTREMES))
    close(g(Z), oracle(Z), ulps=128)
    close(pull(g, Z, dA), pull(oracle, Z, dA), ulps=512, lost=LOST.get(g, 0))
    assert np.all(np.isfinite(pull(partial(pull, g, dA=dA), Z, dA)))


def test_saturated_derivatives_keep_their_digits():
    Z = jnp.array([40.0, 300.0, -300.0])
    close(pull(logistic, Z, jnp.ones(3)), jnp.exp(-jnp.abs(Z)))
    close(pull(sigmoid, Z[2:], jnp.ones(1)), jnp.exp(Z[2:]))
    close(pull(silu, Z[2:], jnp.ones(1)), -299 * jnp.exp(Z[2:]))
    close(pull(mish, Z[2:], jnp.ones(1)), -299 * jnp.exp(Z[2:]))
    z = -6.0  # where (1 + tanh u)/2 has lost all but six digits of its sixteen
    u = math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)
    close(gelu(jnp.array([z]), approximate=True), [z * math.exp(2 * u) / (1 + math.exp(2 * u))], ulps=64)


@pytest.mark.parametrize("z", [-11.0, -12.0, -15.0])
def test_in_half_precision_slopes_keep_their_digits_where_exp_overflows(z):
    Z, sigma = jnp.array([z], jnp.float16), 1 / (1 + math.exp(-z))
    many = jnp.full(1, 2.0**15, jnp.float16)  # as a scaled loss
    np.testing.assert_allclose(pull(softplus, Z, many), [2**15 * np.float16(sigma)], rtol=1e-3)
    pair = jnp.array([2.0**15, z], jnp.float16)
    np.testing.assert_allclose(glu(pair), [2**15 * sigma], rtol=1e-3)
    ones = jnp.ones(1, jnp.float16)
    np.testing.assert_allclose(pull(glu, pair, ones)[1], 2**15 * sigma * (1 - sigma), rtol=1e-3)


def test_the_second_derivative_of_tanh_keeps_its_digits_near_zero():
    Z = jnp.array([1e-9, 1e-6, 1e-4], jnp.float32)
    second = jax.vmap(jax.grad(jax.grad(tanh)))(Z)
    close(second, -2 * Z + 8 / 3 * Z**3)  # kills (1 − A) (1 + A), whose slope cancels


@every_pointwise
def test_nan_and_infinity(g, oracle):
    Z, dA = jnp.array([jnp.nan, jnp.inf, -jnp.inf]), jnp.array([2.0, 3.0, 5.0])
    np.testing.assert_array_equal(g(Z), oracle(Z))
    np.testing.assert_array_equal(pull(g, Z, dA), pull(oracle, Z, dA))
    assert np.isnan(g(Z)[0])
    assert not np.any(np.isnan(pull(g, Z, dA)[1:]))


@every_gated
def test_gates_are_open_at_infinity_and_shut_at_minus_infinity(g, oracle):
    Z, ones = jnp.array([jnp.inf, -jnp.inf]), jnp.ones(2)
    assert g(Z).tolist() == [jnp.inf, 0]
    assert pull(g, Z, ones).tolist() == [1, 0]
    assert pull(partial(pull, g, dA=ones), Z, ones).tolist() == [0, 0]


# -------------------------------------------------------- dtypes, transformations, residuals


@every_smooth
@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16, jnp.float32, jnp.float64])
def test_results_and_cotangents_have_the_dtype_of_the_input(g, oracle, dtype):
    Z = normal(5, 4).astype(dtype)
    dA = like_output(g, Z).astype(dtype)
    A, dZ = g(Z), pull(g, Z, dA)
    assert A.dtype == dZ.dtype == dtype
    wide_Z, wide_dA = Z.astype(jnp.float64), dA.astype(jnp.float64)
    ulp = float(jnp.finfo(dtype).eps)
    np.testing.assert_allclose(A.astype(jnp.float64), oracle(wide_Z), rtol=8 * ulp, atol=8 * ulp)
    np.testing.assert_allclose(
        dZ.astype(jnp.float64), pull(oracle, wide_Z, wide_dA), rtol=32 * ulp, atol=32 * ulp
    )


@every_smooth
def test_jit_vmap_and_checkpoint(g, oracle):
    Z = normal(3, 2, 4)
    dA = like_output(g, Z)
    close(jax.jit(g)(Z), g(Z))
    dZ, lost = pull(g, Z, dA), LOST.get(g, 0)
    close(jax.jit(partial(pull, g))(Z, dA), dZ, lost=lost)
    close(jax.vmap(partial(pull, g))(Z, dA), dZ, lost=lost)
    close(jax.vmap(partial(pull, g), 1, 1)(Z, dA), dZ, lost=lost)
    close(pull(jax.checkpoint(g), Z, dA), dZ, lost=lost)


@every_smooth
def test_gradients_of_gradients(g, oracle):
    Z = normal(4)
    weights = like_output(g, Z)
    by_hand = jax.jacrev(jax.grad(lambda Z: weights @ g(Z)))(Z)
    by_oracle = jax.hessian(lambda Z: weights @ oracle(Z))(Z)
    np.testing.assert_allclose(by_hand, by_oracle, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("name", "rtol"), [("silu", 1e-14), ("gelu by tanh", 1e-14), ("mish", 1e-14), ("gelu", 1e-13)]
)
def test_second_derivatives_keep_their_digits_where_the_gate_is_open(name, rtol):
    """What this kills: a gate without a rule, whose derivative cancels to nothing there; σ (1 − σ) for γ″."""
    g, oracle = GATED[name]
    Z = jnp.array([3.0, 5.0, 13.0, 146.0])
    second, by_oracle = (jax.vmap(jax.grad(jax.grad(f)))(Z) for f in (g, oracle))
    np.testing.assert_allclose(second, by_oracle, rtol=1e-13)
    np.testing.assert_allclose(second[1:], by_oracle[1:], rtol=rtol)


def test_gradients_of_gradients_run_hand_written_rules():
    second = jax.grad(jax.grad(softplus))(jnp.array(40.0))
    close(second, np.exp(-40.0))  # jax's own rule for σ, σ (1 − σ), has nothing left there


@every_smooth
def test_the_residual_is_one_array(g, oracle):
    Z = normal(8, 16)
    residuals = jax.tree.leaves(jax.vjp(g, Z)[1])
    assert sum(residual.nbytes for residual in residuals) == Z.nbytes


# -------------------------------------------------------------------- against other libraries


@every_smooth
def test_values_and_slopes_are_those_of_jax_nn(g, oracle, request):
    theirs = {
        "tanh": jnp.tanh,
        "gelu": partial(jax.nn.gelu, approximate=False),
        "gelu by tanh": partial(jax.nn.gelu, approximate=True),
    }
    name = request.node.callspec.id
    theirs = theirs.get(name) or getattr(jax.nn, name)
    Z = normal(50)
    dA = like_output(g, Z)
    np.testing.assert_allclose(g(Z), theirs(Z), rtol=1e-11, atol=1e-14)
    # in theirs 1 + tanh u and 1 − tanh² u cancel; ours: test_saturated_derivatives_keep_their_digits
    lost = 1e-13 if name == "gelu by tanh" else 1e-14
    np.testing.assert_allclose(pull(g, Z, dA), pull(theirs, Z, dA), rtol=1e-11, atol=lost)


@every_smooth
def test_values_and_slopes_are_those_of_torch(g, oracle, request):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    name = request.node.callspec.id
    theirs = getattr(torch.nn.functional, name.split()[0])
    keywords = {"approximate": "tanh"} if name == "gelu by tanh" else {}
    Z = normal(50)
    dA = like_output(g, Z)
    leaf = torch.tensor(np.asarray(Z), requires_grad=True)
    A = theirs(leaf, **keywords)
    A.backward(torch.tensor(np.asarray(dA)))
    np.testing.assert_allclose(g(Z), A.detach().numpy(), rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(pull(g, Z, dA), leaf.grad.numpy(), rtol=1e-11, atol=1e-14)


# ---------------------------------------------------------------------------- activation_dZ

NAMES = tuple(g.__name__ for g in activations._ACTIVATIONS)


@pytest.mark.parametrize("name", NAMES)
def test_activation_dZ_is_the_cotangent(name):
    g = getattr(jaxcnn, name)
    oracle = next(getattr(room, name) for room in (oracles, rectifiers, softmaxes) if hasattr(room, name))
    Z = normal(3, 4)
    dA = like_output(g, Z)
    close(activation_dZ(g, Z, dA), oracles.activation_dZ(oracle, Z, dA), ulps=512)


def test_activation_dZ_passes_keywords_on():
    Z = normal(4, 3)
    dA = like_output(partial(glu, axis=0), Z)
    close(activation_dZ(glu, Z, dA, axis=0), pull(partial(glu, axis=0), Z, dA))


def test_activation_dZ_is_no_product_with_the_diagonal_for_softmax():
    Z, dA = jnp.zeros(2), jnp.ones(2)
    diagonal = jnp.diagonal(jax.jacrev(softmax)(Z))
    assert (dA * diagonal).tolist() == [0.25, 0.25]  # the article's L12, taken literally
    assert activation_dZ(softmax, Z, dA).tolist() == [0, 0]


# ------------------------------------------------------------------- rules that are wrong


PLANTED = {
    "sigma without 1 - sigma": (sigmoid, lambda Z, dA: dA * sigmoid(Z), oracles.sigmoid),
    "1 - tanh": (tanh, lambda Z, dA: dA * (1 - tanh(Z)), oracles.tanh),
    "1 - tanh^2, which cancels, as (A.2) does": (tanh, lambda Z, dA: dA * (1 - tanh(Z) ** 2), oracles.tanh),
    "softplus with sigmoid(-Z)": (softplus, lambda Z, dA: dA * sigmoid(-Z), oracles.softplus),
    "silu's gate held fast": (silu, lambda Z, dA: dA * sigmoid(Z), oracles.silu),
    "the other gelu": (gelu, lambda Z, dA: pull(partial(gelu, approximate=True), Z, dA), oracles.gelu),
    "mish as silu": (mish, lambda Z, dA: pull(silu, Z, dA), oracles.mish),
}


@pytest.mark.parametrize(("function", "backward", "oracle"), PLANTED.values(), ids=PLANTED)
def test_a_wrong_rule_fails(function, backward, oracle):
    planted = jax.custom_vjp(lambda Z: function(Z))
    planted.defvjp(lambda Z: (function(Z), Z), lambda Z, dA: (backward(Z, dA),))
    report = check_vjp(planted, oracle, jnp.zeros((2, 3)), accurate=True)
    assert report.verdict is Verdict.FAIL
    assert "the gradient of Z" in report.reason
