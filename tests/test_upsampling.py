from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn.upsampling import pixel_shuffle, pixel_unshuffle, upsample_bilinear, upsample_nearest


def pull(operation, A, dZ):
    return jax.vjp(operation, A)[1](dZ)[0]


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape))


# ------------------------------------------------------------------ hand-computed examples


def test_nearest_copies_and_its_gradient_adds_up():
    A = jnp.array([[1.0, 2]])[..., None]
    assert upsample_nearest(A, (2, 2))[..., 0].tolist() == [[1, 1, 2, 2], [1, 1, 2, 2]]
    dZ = jnp.arange(8.0).reshape(2, 4, 1)
    assert pull(partial(upsample_nearest, factor=(2, 2)), A, dZ)[..., 0].tolist() == [[10, 18]]


def test_bilinear_with_pixels_as_areas():
    A = jnp.array([0.0, 4, 8])[:, None]
    assert upsample_bilinear(A, (2,))[:, 0].tolist() == [0, 1, 3, 5, 7, 8]
    dA = pull(partial(upsample_bilinear, factor=(2,)), A, jnp.ones((6, 1)))
    assert dA[:, 0].tolist() == [2, 2, 2]


def test_bilinear_with_pixels_as_points():
    A = jnp.array([0.0, 5])[:, None]
    up = partial(upsample_bilinear, factor=(3,), align_corners=True)
    np.testing.assert_allclose(up(A)[:, 0], [0, 1, 2, 3, 4, 5], rtol=1e-15)
    np.testing.assert_allclose(pull(up, A, jnp.arange(6.0)[:, None])[:, 0], [4, 11], rtol=1e-15)


@pytest.mark.parametrize("align_corners", [False, True])
def test_one_pixel_and_factor_one(align_corners):
    A = normal(0, 3, 1, 2)
    np.testing.assert_array_equal(upsample_bilinear(A, (1, 1), align_corners=align_corners), A)
    one = upsample_bilinear(A, (1, 4), align_corners=align_corners)
    np.testing.assert_array_equal(one, np.repeat(A, 4, axis=1))


def test_a_pixel_on_the_grid_does_not_see_its_neighbour():
    """A weight of 0 is no entry: 0·NaN would be NaN."""
    A = jnp.array([0.0, jnp.nan, 2])[:, None]
    Z = upsample_bilinear(A, (3,))
    assert jnp.isnan(Z[:, 0]).tolist() == [False, False, *[True] * 5, False, False]


def test_pixel_shuffle_takes_the_channels_of_a_pixel_row_by_row():
    A = jnp.arange(8.0).reshape(1, 1, 8)
    Z = pixel_shuffle(A, (2, 2))
    assert Z[..., 0].tolist() == [[0, 1], [2, 3]]
    assert Z[..., 1].tolist() == [[4, 5], [6, 7]]


@pytest.mark.parametrize(("n", "factor"), [((3,), (4,)), ((2, 3), (3, 2)), ((2, 1, 3), (1, 2, 3))])
def test_pixel_unshuffle_is_inverse_and_adjoint(n, factor):
    A = normal(0, 2, *n, 2 * np.prod(factor))
    Z = pixel_shuffle(A, factor)
    assert Z.shape == (2, *np.multiply(n, factor), 2)
    np.testing.assert_array_equal(pixel_unshuffle(Z, factor), A)
    dZ = normal(1, *Z.shape)
    np.testing.assert_array_equal(
        pull(partial(pixel_shuffle, factor=factor), A, dZ), pixel_unshuffle(dZ, factor)
    )
    np.testing.assert_array_equal(
        pull(partial(pixel_unshuffle, factor=factor), Z, A), pixel_shuffle(A, factor)
    )


# ------------------------------------------------------------------------------ others


@pytest.mark.parametrize(("ours", "method"), [(upsample_nearest, "nearest"), (upsample_bilinear, "linear")])
@pytest.mark.parametrize(("n", "factor"), [((5,), (3,)), ((3, 4), (2, 3)), ((2, 3, 2), (2, 2, 2))])
def test_jax_image_resize_agrees_in_value_and_gradient(ours, method, n, factor):
    A = normal(0, 2, *n, 3)
    shape = (2, *np.multiply(n, factor), 3)
    theirs = partial(jax.image.resize, shape=shape, method=method, antialias=False)
    up, dZ = partial(ours, factor=factor), normal(1, *shape)
    np.testing.assert_allclose(up(A), theirs(A), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(pull(up, A, dZ), pull(theirs, A, dZ), rtol=1e-12, atol=1e-13)


# ------------------------------------------------------------------------------ dtype and memory

OPERATIONS = [
    partial(upsample_nearest, factor=(2, 2)),
    partial(upsample_bilinear, factor=(2, 2)),
    partial(upsample_bilinear, factor=(3, 2), align_corners=True),
    partial(pixel_shuffle, factor=(2, 2)),
    partial(pixel_unshuffle, factor=(2, 2)),
]


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16, jnp.float32, jnp.float64])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_gradients_have_the_input_s_dtype(operation, dtype):
    A = jnp.ones((1, 2, 4, 4), dtype)
    Z = operation(A)
    assert Z.dtype == dtype
    assert pull(operation, A, Z).dtype == dtype


@pytest.mark.parametrize("operation", OPERATIONS)
def test_nothing_is_remembered(operation):
    _, backward = jax.vjp(operation, jnp.ones((1, 2, 4, 4)))
    assert not jax.tree.leaves(backward)
