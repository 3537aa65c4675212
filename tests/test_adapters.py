from operator import attrgetter

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import jaxcnn
from jaxcnn.adapters import avg_pool, conv_general_dilated, max_pool


def integers(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).integers(-4, 5, shape), jnp.float32)


@pytest.mark.parametrize(
    ("a", "w", "layout"),
    [
        ((2, 6, 7, 4), (3, 2, 2, 6), ("NHWC", "HWIO", "NHWC")),
        ((2, 4, 6, 7), (6, 2, 3, 2), None),
        ((6, 7, 2, 4), (6, 3, 2, 2), ("HWNC", "OHWI", "CNHW")),
        ((2, 4, 9), (6, 2, 3), ("NCW", "OIW", "NWC")),
    ],
    ids=str,
)
@pytest.mark.parametrize("padding", ["SAME", "VALID", "SAME_LOWER"])
def test_it_equals_lax_in_every_layout(a, w, layout, padding):
    A, W = integers(0, *a), integers(1, *w)
    rank = A.ndim - 2
    arguments = {
        "window_strides": (2,) * rank,
        "padding": padding,
        "rhs_dilation": (1,) * rank,
        "dimension_numbers": layout,
        "feature_group_count": 2,
    }
    expected = lax.conv_general_dilated(A, W, **arguments)
    np.testing.assert_array_equal(conv_general_dilated(A, W, **arguments), expected)


def test_its_gradients_run_the_hand_written_rules():
    program = jax.make_jaxpr(jax.grad(lambda A: conv_general_dilated(A, A[:1], (1, 1), "VALID").sum()))
    assert "_conv_dA" in str(program(jnp.ones((2, 3, 4, 4))))


@pytest.mark.parametrize(
    "keywords", [{}, {"strides": (2, 2), "padding": "SAME"}, {"padding": ((1, 0), (0, 1))}], ids=str
)
@pytest.mark.parametrize("leading", [(), (2,), (2, 3)])
def test_pools_stand_where_flax_s_stood(leading, keywords):
    nn = pytest.importorskip("flax.linen", reason="flax is not installed")
    A = integers(0, *leading, 6, 5, 3)
    for ours, theirs in ((max_pool, nn.max_pool), (avg_pool, nn.avg_pool)):
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            # flax, too, takes several leading axes, but not beside padding in numbers
            expected = theirs(A.reshape(-1, *A.shape[-3:]), (3, 2), **keywords)
        got = ours(A, (3, 2), **keywords)
        assert got.shape == (*leading, *expected.shape[1:])
        np.testing.assert_allclose(got.reshape(expected.shape), expected, rtol=1e-6)
    assert "_max_pool_dA" in str(jax.make_jaxpr(jax.grad(lambda A: max_pool(A, (3, 2), **keywords).sum()))(A))


def test_an_average_counts_the_padding_or_does_not():
    A = jnp.ones((1, 2, 2, 1))
    assert avg_pool(A, (3, 3), padding="SAME", count_include_pad=False).ravel().tolist() == [1] * 4


def test_a_pool_of_too_few_axes_is_refused():
    with pytest.raises(
        ValueError, match=r"inputs has shape \(4, 3\); expected \(…, \*n, C\), for window_shape \(2, 2\)"
    ):
        max_pool(jnp.ones((4, 3)), (2, 2))


def test_import_jaxcnn_is_enough_for_its_modules():
    assert jaxcnn.adapters.max_pool is max_pool
    with pytest.raises(AttributeError, match="no attribute 'adaptor'"):
        attrgetter("adaptor")(jaxcnn)


def test_flax_linen_trains_by_our_rules():
    nn = pytest.importorskip("flax.linen", reason="flax is not installed")
    A = integers(0, 2, 6, 6, 3)

    def gradients(**keywords):
        layer = nn.Conv(4, (3, 3), strides=2, padding="SAME", **keywords)
        params = layer.init(jax.random.key(0), A)
        return jax.grad(lambda p: jnp.sum(layer.apply(p, A) ** 2))(params)

    # flax itself promotes dtypes
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        got, expected = gradients(conv_general_dilated=conv_general_dilated), gradients()
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-4), got, expected)


def test_flax_nnx_trains_by_our_rules():
    nnx = pytest.importorskip("flax.nnx", reason="flax is not installed")
    A = integers(0, 2, 6, 6, 3)

    def gradients(**keywords):
        layer = nnx.Conv(3, 4, kernel_size=(3, 3), strides=2, rngs=nnx.Rngs(0), **keywords)
        return nnx.grad(lambda layer: jnp.sum(layer(A) ** 2))(layer)

    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        got, expected = gradients(conv_general_dilated=conv_general_dilated), gradients()
    for x, y in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-4)
