import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxcnn.adapters import conv_general_dilated


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
