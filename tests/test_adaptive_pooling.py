import itertools
import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxcnn
from jaxcnn.adaptive_pooling import adaptive_avg_pool, adaptive_max_pool, global_avg_pool, global_max_pool
from jaxcnn.oracles import adaptive_pooling as oracles
from jaxcnn.pooling import avg_pool, max_pool


def pull(operation, A, dZ):
    return jax.vjp(operation, A)[1](dZ)[0]


# ------------------------------------------------------------------ hand-computed examples

A5 = jnp.array([0.0, 1, 5, 3, 4])[:, None]


def test_uneven_windows_share_a_pixel():
    """n = 5 in 3 windows: [0, 2), [1, 4), [3, 5)."""
    assert adaptive_avg_pool(A5, (3,))[:, 0].tolist() == [0.5, 3, 3.5]
    assert adaptive_max_pool(A5, (3,))[:, 0].tolist() == [1, 5, 4]
    dZ = jnp.array([6.0, 12, 18])[:, None]
    assert pull(partial(adaptive_avg_pool, output_size=(3,)), A5, dZ)[:, 0].tolist() == [3, 7, 4, 13, 9]
    assert pull(partial(adaptive_max_pool, output_size=(3,)), A5, dZ)[:, 0].tolist() == [0, 6, 12, 0, 18]


def test_more_windows_than_pixels_repeat_them():
    A = jnp.array([1.0, 2])[:, None]
    assert adaptive_max_pool(A, (4,))[:, 0].tolist() == [1, 1, 2, 2]
    assert pull(partial(adaptive_avg_pool, output_size=(4,)), A, jnp.ones((4, 1)))[:, 0].tolist() == [2, 2]


def test_windows_that_tile_are_those_of_the_ordinary_pools():
    A = jnp.asarray(np.random.default_rng(0).integers(-2, 3, (2, 6, 4, 3)), jnp.float64)
    dZ = jnp.asarray(np.random.default_rng(1).integers(-2, 3, (2, 2, 2, 3)), jnp.float64)
    for adaptive, ordinary in ((adaptive_max_pool, max_pool), (adaptive_avg_pool, avg_pool)):
        ours, other = partial(adaptive, output_size=(2, 2)), partial(ordinary, window=(3, 2))
        np.testing.assert_allclose(ours(A), other(A), rtol=1e-15)
        np.testing.assert_allclose(pull(ours, A, dZ), pull(other, A, dZ), rtol=1e-15)


def test_global_pools_drop_the_spatial_axes():
    A = jnp.arange(24.0).reshape(2, 3, 2, 2)
    np.testing.assert_allclose(global_avg_pool(A, spatial=2), A.mean((1, 2)))
    np.testing.assert_array_equal(global_max_pool(A, spatial=2), A.max((1, 2)))
    assert global_max_pool(A, spatial=3).shape == (2,)


@pytest.mark.parametrize(
    ("n", "n_out"),
    [
        ((5, 7), (3, 2)),
        ((40, 3), (1, 2)),  # one window an axis: its entries are reduced at once
        ((70, 3), (2, 3)),  # so are those of rows as long
        ((4, 70), (3, 2)),
        ((2,), (60,)),  # and a pixel's windows where many see it
        ((2, 3), (13, 15)),
        ((3, 4, 5), (2, 3, 4)),
        ((16, 17), (1, 1)),
    ],
)
@pytest.mark.parametrize("channels", [1, 9])
def test_first_maxima_of_every_form(n, n_out, channels):
    rng = np.random.default_rng(0)
    values = jnp.array([-jnp.inf, -1, 0, 1, 2, jnp.inf, jnp.nan])
    A = rng.choice(values, (3, *n, channels), p=[0.2, 0.2, 0.2, 0.2, 0.1, 0.09, 0.01])
    A[2] = -np.inf
    dZ = jnp.asarray(rng.integers(-4, 5, (3, *n_out, channels)), A.dtype)
    ours, oracle = (partial(module.adaptive_max_pool, output_size=n_out) for module in (jaxcnn, oracles))
    np.testing.assert_array_equal(ours(A), oracle(A))
    np.testing.assert_array_equal(pull(ours, A, dZ), pull(oracle, A, dZ))
    direction = jnp.asarray(rng.integers(-4, 5, A.shape), A.dtype)
    pulls = (lambda dZ, pool=pool: pull(pool, A, dZ) for pool in (ours, oracle))
    picked, expected = (pull(back, dZ, direction) for back in pulls)
    np.testing.assert_array_equal(picked, expected)


# ------------------------------------------------------------------ ties, NaN, infinities


def test_the_first_of_equal_maxima_takes_all():
    dA = pull(partial(global_max_pool, spatial=2), jnp.ones((1, 2, 3, 1)), jnp.ones((1, 1)))
    assert dA[..., 0].tolist() == [[[1, 0, 0], [0, 0, 0]]]
    overlap = pull(partial(adaptive_max_pool, output_size=(3,)), jnp.zeros((5, 1)), jnp.ones((3, 1)))
    assert overlap[:, 0].tolist() == [1, 1, 0, 1, 0]


@pytest.mark.parametrize("value", [jnp.nan, -jnp.inf])
def test_nan_is_the_greatest_and_minus_infinity_a_pixel_like_any(value):
    """In 3 windows of 5 pixels the outer two are shorter: a gap in the table must not win."""
    A = jnp.full((5, 1), value)
    Z, back = jax.vjp(partial(adaptive_max_pool, output_size=(3,)), A)
    np.testing.assert_array_equal(Z, jnp.full((3, 1), value))
    assert back(jnp.ones((3, 1)))[0][:, 0].tolist() == [1, 1, 0, 1, 0]


@pytest.mark.parametrize("pool", [adaptive_max_pool, adaptive_avg_pool])
def test_a_nan_spoils_only_the_windows_that_see_it(pool):
    """Gaps of the table point at some pixel, which must not be read."""
    Z = pool(A5.at[0].set(jnp.nan), (3,))
    assert jnp.isnan(Z[:, 0]).tolist() == [True, False, False]
    dA = pull(partial(pool, output_size=(3,)), A5, jnp.array([jnp.nan, 1, 1])[:, None])
    assert not jnp.isnan(dA[2:]).any()


# ------------------------------------------------------------------------------ size and dtype


@pytest.mark.parametrize("pool", [global_avg_pool, global_max_pool])
def test_a_large_image_is_reduced_not_unrolled(pool):
    """Runs of pixels are unrolled, 32 at a time: 64 times the pixels are not twice the runs' lengths."""

    def program(A):
        return jax.vjp(partial(pool, spatial=2), A)[1](jnp.ones((1, 8)))[0]

    small, large = (jax.jit(program).lower(jnp.ones((1, n, n, 8))).as_text() for n in (64, 512))
    assert small.count("slice ") < 64 * 64 / 32
    assert len(large.splitlines()) < 1.5 * len(small.splitlines())


@pytest.mark.parametrize(
    "shape", [(2, 1, 1, 3), (2, 2, 1, 3), (2, 3, 1, 1), (1, 7, 7, 5), (1, 13, 37, 2), (1, 33, 31, 1)], ids=str
)
def test_the_maximum_may_be_any_pixel(shape):
    """Of runs that overlap, too; and a NaN counts as greater than every number."""
    values = np.random.default_rng(0).standard_normal((shape[0], math.prod(shape[1:-1]), shape[-1]))

    @jax.jit
    def with_gradient(A):
        Z, pull = jax.vjp(partial(global_max_pool, spatial=2), A.reshape(shape))
        return Z, pull(jnp.ones_like(Z))[0].reshape(A.shape)

    pixels = values.shape[1]
    for pixel, number in itertools.product(range(0, pixels, 1 + pixels // 100), (7.0, np.nan)):
        A, expected = values.copy(), np.zeros_like(values)
        A[:, pixel], expected[:, pixel] = number, 1
        Z, dA = with_gradient(jnp.asarray(A))
        np.testing.assert_array_equal(Z, np.full_like(Z, number))
        np.testing.assert_array_equal(dA, expected)


@pytest.mark.parametrize(("pool", "size"), [(adaptive_max_pool, 2 * 2 * 2 * 3), (adaptive_avg_pool, 0)])
def test_residual_bytes(pool, size):
    _, backward = jax.vjp(partial(pool, output_size=(2, 2)), jnp.ones((2, 7, 8, 3)))
    assert sum(leaf.nbytes for leaf in jax.tree.leaves(backward)) == size


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16, jnp.float32, jnp.float64])
@pytest.mark.parametrize("pool", [adaptive_max_pool, adaptive_avg_pool])
def test_gradients_have_the_input_s_dtype(pool, dtype):
    A = jnp.ones((1, 5, 4, 1), dtype)
    Z = pool(A, (2, 3))
    assert Z.dtype == dtype
    assert pull(partial(pool, output_size=(2, 3)), A, Z).dtype == dtype


def test_half_precision_means_are_summed_in_float32():
    assert global_avg_pool(jnp.ones((4096, 1), jnp.bfloat16), spatial=1).item() == 1


@pytest.mark.parametrize("output_size", [(3, 2, 5), (7, 3, 2)])
def test_three_axes_under_vmap_twice(output_size):
    """On such shapes a product inside a reduction crashed jaxlib 0.10.2."""
    A = jnp.asarray(np.random.default_rng(0).integers(-3, 4, (2, 5, 7, 4, 3)), jnp.float32)

    def both(A):
        return jax.vjp(lambda A: adaptive_max_pool(A, output_size) + adaptive_avg_pool(A, output_size), A)[1](
            jnp.ones((2, *output_size, 3), jnp.float32)
        )[0]

    many = jax.jit(jax.vmap(jax.vmap(both)))(jnp.broadcast_to(A, (2, 1, *A.shape)))
    np.testing.assert_allclose(many[1, 0], both(A), rtol=1e-6)
