from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxcnn.derivations.geometry import windows
from jaxcnn.loops import pooling as loops
from jaxcnn.lp_pooling import lp_pool
from jaxcnn.pooling import avg_pool, max_pool
from jaxcnn.window import resolve


def pull(operation, A, dZ):
    return jax.vjp(operation, A)[1](dZ)[0]


def test_the_norm_of_3_and_4_and_its_gradient():
    A = jnp.array([3.0, -4, 0, 0])[:, None]
    assert lp_pool(A, (2,), order=2)[:, 0].tolist() == [5, 0]
    np.testing.assert_allclose(
        pull(partial(lp_pool, window=(2,), order=2), A, jnp.full((2, 1), 10.0))[:, 0], [6, -8, 0, 0]
    )
    assert lp_pool(A, (2,), order=1)[:, 0].tolist() == [7, 0]
    assert pull(partial(lp_pool, window=(2,), order=1), A, jnp.ones((2, 1)))[:, 0].tolist() == [1, -1, 0, 0]


@given(geometry=windows(), order=st.sampled_from((1, 2, 3, 2.5)), seed=st.integers(0, 99))
def test_lp_pool_equals_the_article_s_loops(geometry, order, seed):
    n, f, keywords = geometry
    window = resolve("lp_pool", n, f, **keywords)
    rng = np.random.default_rng(seed)
    A = rng.integers(-2, 3, (2, *n, 2)).astype(float)
    dZ = rng.integers(-4, 5, (2, *window.output_size, 2)).astype(float)
    loop = {"s": window.stride, "p": window.padding, "d": window.dilation, "order": order}
    pool = partial(lp_pool, window=f, order=order, **keywords)
    np.testing.assert_allclose(pool(A), loops.lp_pool(A, f, **loop), rtol=1e-14)
    np.testing.assert_allclose(
        pull(pool, jnp.asarray(A), jnp.asarray(dZ)),
        loops.lp_pool_dA(A, dZ, f=f, **loop),
        rtol=1e-12,
        atol=1e-13 * np.abs(dZ).max(),
    )


def test_between_the_sum_and_the_maximum():
    A = jnp.asarray(np.random.default_rng(0).standard_normal((2, 4, 4, 3)))
    np.testing.assert_allclose(lp_pool(A, (2, 2), order=1), 4 * avg_pool(jnp.abs(A), (2, 2)), rtol=1e-14)
    np.testing.assert_allclose(lp_pool(A, (2, 2), order=1000), max_pool(jnp.abs(A), (2, 2)), rtol=0.01)


@pytest.mark.parametrize("scale", [1e30, 1e-30])
def test_no_power_overflows_or_underflows(scale):
    """What this kills: Σ|a|^P before the root."""
    A = jnp.asarray([[3.0], [4.0]], jnp.float32) * jnp.asarray(scale, jnp.float32)
    Z, back = jax.vjp(partial(lp_pool, window=(2,), order=3), A)
    np.testing.assert_allclose(Z, [[scale * 91 ** (1 / 3)]], rtol=1e-6)
    np.testing.assert_allclose(back(jnp.ones_like(Z))[0][:, 0], np.array([9, 16]) / 91 ** (2 / 3), rtol=1e-6)


def test_infinities_and_nan():
    A = jnp.array([1.0, -jnp.inf, 1, jnp.nan])[:, None]
    Z = lp_pool(A, (2,), order=2)[:, 0]
    assert Z[0] == jnp.inf
    assert jnp.isnan(Z[1])


def test_a_window_on_padding_alone_is_zero():
    A = jnp.ones((1, 1))
    assert lp_pool(A, (1,), order=2, padding=1)[:, 0].tolist() == [0, 1, 0]


def test_a_high_order_does_not_multiply_what_a_half_precision_norm_is_rounded_by():
    A = jnp.array([1.0, 1.0, 1.0, 0.98], jnp.bfloat16)[None, :, None]
    pool, dZ = partial(lp_pool, window=(4,), order=64), jnp.ones((1, 1, 1))
    expected = pull(pool, A.astype(jnp.float32), dZ.astype(jnp.float32))
    got = pull(pool, A, dZ.astype(A.dtype))
    np.testing.assert_allclose(got.astype(jnp.float32), expected, rtol=2.0**-8)


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16, jnp.float32, jnp.float64])
@pytest.mark.parametrize("order", [1, 2, 2.5])
def test_gradients_have_the_input_s_dtype(order, dtype):
    A = jnp.ones((1, 4, 4, 1), dtype)
    pool = partial(lp_pool, window=(2, 2), order=order)
    Z = pool(A)
    assert Z.dtype == dtype
    assert pull(pool, A, Z).dtype == dtype
