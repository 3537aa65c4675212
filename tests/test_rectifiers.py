from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn import rectifiers
from jaxcnn.check import Verdict, check_vjp
from jaxcnn.oracles import rectifiers as oracles
from jaxcnn.rectifiers import elu, hardswish, leaky_relu, relu, relu6

NAMES = ("relu", "leaky_relu", "relu6", "elu", "hardswish")
every_rectifier = pytest.mark.parametrize("name", NAMES)

EXTREMES = [0.0, -0.0, 1e-9, -1e-9, 1.0, -1.0, 3.0, -3.0, 6.0, 40.0, -40.0, 700.0, -700.0, 1e300, -1e300]


def both(name):
    return getattr(rectifiers, name), getattr(oracles, name)


def pull(g, Z, dA):
    return jax.vjp(g, Z)[1](dA)[0]


def close(got, expected, ulps=16):
    np.testing.assert_allclose(got, expected, rtol=ulps * float(jnp.finfo(got.dtype).eps), atol=0)


def normal(*shape, seed=0, scale=3.0):
    return jnp.asarray(scale * np.random.default_rng(seed).standard_normal(shape))


# ------------------------------------------------------------------ hand-computed examples


def test_values_by_hand():
    Z = jnp.array([-2.0, 0.0, 3.0, 9.0])
    assert relu(Z).tolist() == [0, 0, 3, 9]
    assert leaky_relu(Z, 0.25).tolist() == [-0.5, 0, 3, 9]
    assert relu6(Z).tolist() == [0, 0, 3, 6]
    close(elu(jnp.log(jnp.array([0.25, 1.0, 4.0])), 2.0), [-1.5, 0, jnp.log(4.0)])
    close(hardswish(jnp.array([-4.0, -1.5, 1.5, 4.0])), [0, -0.375, 1.125, 4])


def test_cotangents_by_hand():
    Z, dA = jnp.array([-2.0, 0.0, 3.0, 9.0]), jnp.full(4, 5.0)
    assert pull(relu, Z, dA).tolist() == [0, 0, 5, 5]
    assert pull(partial(leaky_relu, negative_slope=0.25), Z, dA).tolist() == [1.25, 1.25, 5, 5]
    assert pull(relu6, Z, dA).tolist() == [0, 0, 5, 0]
    close(pull(partial(elu, alpha=2.0), jnp.log(jnp.array([0.25, 4.0])), dA[:2]), [2.5, 5])
    close(pull(hardswish, jnp.array([-4.0, -1.5, 1.5, 4.0]), 2 * dA), [0, 0, 10, 10])


# ------------------------------------------------------------------ kinks, NaN and infinity


@pytest.mark.parametrize(
    ("g", "kink", "left", "right"),
    [
        (relu, 0, 0, 1),
        (partial(leaky_relu, negative_slope=0.25), 0, 0.25, 1),
        (relu6, 0, 0, 1),
        (relu6, 6, 1, 0),
        (partial(elu, alpha=0.25), 0, 0.25, 1),
        (hardswish, -3, 0, -0.5),
        (hardswish, 3, 1.5, 1),
    ],
)
def test_a_kink_takes_the_derivative_from_the_left(g, kink, left, right):
    kinks = jnp.array([kink, -0.0 if kink == 0 else kink, kink + 1e-12])
    close(pull(g, kinks, jnp.array([2.0, 3.0, 5.0])), [2 * left, 3 * left, 5 * right], ulps=1e4)


@every_rectifier
def test_rules_neither_cancel_nor_overflow(name):
    g, oracle = both(name)
    Z, dA = jnp.array(EXTREMES), jnp.linspace(1.0, 2.0, len(EXTREMES))
    close(g(Z), oracle(Z))
    close(pull(g, Z, dA), pull(oracle, Z, dA))
    assert np.all(np.isfinite(pull(partial(pull, g, dA=dA), Z, dA)))


@every_rectifier
def test_nan_and_infinity(name):
    g, oracle = both(name)
    Z, dA = jnp.array([jnp.nan, jnp.inf, -jnp.inf]), jnp.array([2.0, 3.0, 5.0])
    np.testing.assert_array_equal(g(Z), oracle(Z))
    np.testing.assert_array_equal(pull(g, Z, dA), pull(oracle, Z, dA))
    assert np.isnan(g(Z)[0])
    assert not np.any(np.isnan(pull(g, Z, dA)[1:]))


@pytest.mark.parametrize("g", [relu, leaky_relu, relu6, elu])
def test_the_cotangent_of_a_nan_passes(g):
    assert pull(g, jnp.array([jnp.nan]), jnp.array([7.0])).tolist() == [7]


# -------------------------------------------------------- dtypes, transformations, residuals


@every_rectifier
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


@every_rectifier
def test_jit_vmap_and_checkpoint(name):
    g, _ = both(name)
    Z, dA = normal(3, 2, 4), normal(3, 2, 4, seed=1)
    close(jax.jit(g)(Z), g(Z))
    close(jax.jit(partial(pull, g))(Z, dA), pull(g, Z, dA))
    close(jax.vmap(partial(pull, g))(Z, dA), pull(g, Z, dA))
    close(jax.vmap(partial(pull, g), 1, 1)(Z, dA), pull(g, Z, dA))
    close(pull(jax.checkpoint(g), Z, dA), pull(g, Z, dA))


@every_rectifier
def test_gradients_of_gradients(name):
    g, oracle = both(name)
    Z, weights = normal(6), normal(6, seed=1)
    by_hand = jax.jacrev(jax.grad(lambda Z: weights @ g(Z)))(Z)
    by_oracle = jax.hessian(lambda Z: weights @ oracle(Z))(Z)
    np.testing.assert_allclose(by_hand, by_oracle, rtol=1e-13, atol=1e-15)


def test_forward_mode_is_the_oracle_s():
    with pytest.raises(TypeError, match="can't apply forward-mode"):
        jax.jvp(relu, (jnp.ones(2),), (jnp.ones(2),))
    assert jax.jvp(oracles.relu, (jnp.ones(2),), (jnp.ones(2),))[1].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("g", "bytes_an_entry"), [(relu, 1), (leaky_relu, 1), (relu6, 1), (elu, 8), (hardswish, 8)]
)
def test_the_residual_is_a_condition_or_the_input(g, bytes_an_entry):
    Z = normal(8, 16)
    residuals = jax.tree.leaves(jax.vjp(g, Z)[1])
    assert sum(residual.nbytes for residual in residuals) == bytes_an_entry * Z.size


# -------------------------------------------------------------------- against other libraries


@every_rectifier
def test_values_and_slopes_are_those_of_jax_nn_away_from_the_kinks(name):
    g, theirs = both(name)[0], getattr(jax.nn, {"hardswish": "hard_swish"}.get(name, name))
    Z, dA = normal(50), normal(50, seed=1)
    np.testing.assert_allclose(g(Z), theirs(Z), rtol=1e-14)
    np.testing.assert_allclose(pull(g, Z, dA), pull(theirs, Z, dA), rtol=1e-12)


@every_rectifier
def test_values_and_slopes_are_those_of_torch_away_from_the_kinks(name):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    g, _ = both(name)
    Z, dA = normal(50), normal(50, seed=1)
    theirs = torch.tensor(np.asarray(Z), requires_grad=True)
    A = getattr(torch.nn.functional, name)(theirs)
    A.backward(torch.tensor(np.asarray(dA)))
    np.testing.assert_allclose(g(Z), A.detach().numpy(), rtol=1e-14)
    np.testing.assert_allclose(pull(g, Z, dA), theirs.grad.numpy(), rtol=1e-12)


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
    "relu6 without its upper bound": (relu6, lambda Z, dA: jnp.where(Z > 0, dA, 0), oracles.relu6, False),
    "elu's slope from the right": (
        partial(elu, alpha=0.5),
        lambda Z, dA: dA * jnp.where(Z < 0, 0.5 * jnp.exp(jnp.minimum(Z, 0)), 1),
        partial(oracles.elu, alpha=0.5),
        False,
    ),
    "hardswish's gate held fast": (
        hardswish,
        lambda Z, dA: dA * jnp.clip(Z + 3, 0, 6) / 6,
        oracles.hardswish,
        False,
    ),
}


@pytest.mark.parametrize(("function", "backward", "oracle", "exact"), PLANTED.values(), ids=PLANTED)
def test_a_wrong_rule_fails(function, backward, oracle, exact):
    planted = with_backward(function, backward)
    report = check_vjp(planted, oracle, jnp.zeros((2, 3)), exact=exact)
    assert report.verdict is Verdict.FAIL
    assert "the gradient of Z" in report.reason
