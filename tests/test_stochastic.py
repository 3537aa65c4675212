from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn.oracles import stochastic as oracles
from jaxcnn.stochastic import dropout

KEY = jax.random.key(0)
KEYS = {"typed": KEY, "raw": jax.random.PRNGKey(0), "numpy": np.asarray(jax.random.PRNGKey(0))}


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape))


def pull(function, A, dZ):
    return jax.vjp(function, A)[1](dZ)[0]


# --------------------------------------------------------------------------------- the mask


def test_entries_are_dropped_or_scaled_and_the_mean_stays():
    Z = dropout(KEY, jnp.ones((100, 200)), 0.75)
    assert sorted(set(np.asarray(Z).ravel())) == [0, 4]
    np.testing.assert_allclose(jnp.mean(Z), 1, atol=0.05)


def test_the_backward_pass_has_the_same_mask():
    A, dZ = normal(20, 30), normal(20, 30, seed=1)
    drop = partial(dropout, KEY, rate=0.3)
    np.testing.assert_array_equal(pull(drop, A, dZ), drop(dZ))
    assert np.array_equal(drop(A) == 0, pull(drop, A, dZ) == 0)


def test_spatial_drops_whole_channels_of_an_example():
    Z = dropout(KEY, jnp.ones((20, 5, 6, 30)), 0.5, spatial=True)
    each = np.asarray(Z).reshape(20, 30, 30)
    np.testing.assert_array_equal(each, np.broadcast_to(each[:, :1], each.shape))
    np.testing.assert_allclose(np.mean(each), 1, atol=0.1)
    assert len(np.unique(each[:, 0], axis=0)) == 20  # every example its own


def test_other_keys_draw_other_masks_and_every_kind_of_key_the_same():
    A = normal(8, 8)
    same = [dropout(key, A, 0.5) for key in KEYS.values()]
    for Z in same[1:]:
        np.testing.assert_array_equal(Z, same[0])
    assert np.any(dropout(jax.random.key(1), A, 0.5) != same[0])


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16, jnp.float32])
def test_the_mask_does_not_depend_on_the_dtype(dtype):
    A = jnp.ones((8, 8))
    np.testing.assert_array_equal(dropout(KEY, A, 0.5), dropout(KEY, A.astype(dtype), 0.5).astype(A.dtype))


@pytest.mark.parametrize("x64", [True, False])
def test_the_mask_does_not_depend_on_the_width_of_numbers(x64):
    with jax.enable_x64(x64):
        Z = dropout(KEY, jnp.ones(16, jnp.float32), 0.3)
    assert (
        np.flatnonzero(np.asarray(Z) == 0).tolist()
        == np.flatnonzero(~np.asarray(jax.random.bernoulli(KEY, np.float32(0.7), (16,)))).tolist()
    )


def test_rates_zero_and_one():
    A, dZ = normal(4, 5), normal(4, 5, seed=1)
    for rate, factor in ((0, 1), (0.0, 1), (1, 0), (1.0, 0)):
        drop = partial(dropout, KEY, rate=rate)
        np.testing.assert_array_equal(drop(A), factor * A)
        np.testing.assert_array_equal(pull(drop, A, dZ), factor * dZ)


def test_a_dropped_nan_is_zero():
    A = jnp.full((6, 6), jnp.nan)
    Z = dropout(KEY, A, 0.5)
    assert set(np.unique(np.isnan(Z))) == {False, True}
    assert np.all(np.isnan(Z) | (Z == 0))
    assert np.all(dropout(KEY, A, 1.0) == 0)


def test_the_input_is_left_as_it_is():
    A = np.ones((4, 4))
    dropout(KEY, A, 0.5)
    assert np.all(A == 1)


# -------------------------------------------------------- dtypes, transformations, residuals


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16, jnp.float32, jnp.float64])
@pytest.mark.parametrize("spatial", [False, True])
def test_dtypes_and_the_oracle(dtype, spatial):
    A, dZ = normal(4, 3, 5).astype(dtype), normal(4, 3, 5, seed=1).astype(dtype)
    drop, oracle = (partial(f, KEY, rate=0.75, spatial=spatial) for f in (dropout, oracles.dropout))
    assert drop(A).dtype == pull(drop, A, dZ).dtype == dtype
    np.testing.assert_array_equal(drop(A), oracle(A))
    np.testing.assert_array_equal(pull(drop, A, dZ), pull(oracle, A, dZ))


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_jit_vmap_checkpoint_and_second_order(key):
    A, dZ = normal(3, 4, 5), normal(3, 4, 5, seed=1)

    def drop(A, key=key):
        return dropout(key, A, 0.5)

    np.testing.assert_array_equal(jax.jit(drop)(A, key), drop(A))
    np.testing.assert_array_equal(jax.jit(partial(pull, drop))(A, dZ), drop(dZ))
    np.testing.assert_array_equal(pull(jax.checkpoint(drop), A, dZ), drop(dZ))
    np.testing.assert_array_equal(jax.grad(lambda dZ: jnp.sum(A * pull(drop, A, dZ)))(dZ), drop(A))
    shared = jax.vmap(drop)(A)
    np.testing.assert_array_equal(shared[1], drop(A[1]))
    keys = jax.random.split(KEY, 3)
    own = jax.vmap(lambda key, A: dropout(key, A, 0.5))(keys, A)
    np.testing.assert_array_equal(own[2], dropout(keys[2], A[2], 0.5))


def test_the_residual_is_the_mask_as_drawn():
    A = normal(5, 8, 10)
    for spatial, size in ((False, 5 * 8 * 10), (True, 5 * 10)):
        residuals = jax.tree.leaves(jax.vjp(lambda A, s=spatial: dropout(KEY, A, 0.5, spatial=s), A)[1])
        assert [(r.dtype, r.nbytes) for r in residuals] == [(bool, size)]


def test_gradients_of_a_loss_of_key_and_input():
    gradient = jax.grad(lambda A: jnp.sum(dropout(KEY, A, 0.5) ** 2))(jnp.ones(10))
    assert set(np.asarray(gradient)) <= {0, 8}
