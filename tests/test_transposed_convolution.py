from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jax import lax

from jaxcnn.convolution import conv, conv_dA
from jaxcnn.derivations.geometry import output_size, windows
from jaxcnn.transposed_convolution import conv_transpose


def integers(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).integers(-4, 5, shape), jnp.float64)


# ------------------------------------------------------------------ hand-computed examples


def test_each_pixel_of_z_stamps_the_kernel():
    Z, W = jnp.array([1.0, 10.0])[:, None], jnp.array([1.0, 2.0, 3.0])[:, None, None]
    assert conv_transpose(Z, W)[:, 0].tolist() == [1, 12, 23, 30]
    assert conv_transpose(Z, W, stride=2)[:, 0].tolist() == [1, 2, 13, 20, 30]
    assert conv_transpose(Z, W, stride=2, output_size=6)[:, 0].tolist() == [1, 2, 13, 20, 30, 0]
    assert conv_transpose(Z, W, stride=2, padding=1)[:, 0].tolist() == [2, 13, 20]
    assert conv_transpose(Z, W, stride=2, padding="SAME")[:, 0].tolist() == [1, 2, 13, 20]
    assert conv_transpose(Z, W, dilation=2)[:, 0].tolist() == [1, 10, 2, 20, 3, 30]
    assert conv_transpose(Z, W, padding="CIRCULAR")[:, 0].tolist() == [42, 24]


def test_groups_and_the_bias_of_the_result_s_channels():
    Z, W = jnp.array([[1.0, 10.0]]), jnp.array([[[3.0, 5.0]]])
    b = jnp.array([100.0, 200.0])
    assert conv_transpose(Z, W, b, groups=2).tolist() == [[103, 250]]


@pytest.mark.parametrize(
    ("padding", "expected"),
    [("VALID", 9), ("SAME", 8), ("REFLECT", 8), ("FULL", 5), ("CAUSAL", 7), (1, 7), (((2, -1),), 8)],
    ids=str,
)
def test_the_default_size(padding, expected):
    """The smallest that gives n_out, but n_out·s where the padding is that of SAME."""
    Z, W = jnp.ones((4, 1)), jnp.ones((3, 1, 1))
    n = conv_transpose(Z, W, stride=2, padding=padding).shape[0]
    assert n == expected
    assert conv(jnp.ones((n, 1)), W, stride=2, padding=padding).shape == Z.shape
    if padding not in ("SAME", "REFLECT"):
        with pytest.raises(ValueError, match="expected"):
            conv_transpose(Z, W, stride=2, padding=padding, output_size=n - 1)


# ------------------------------------------------------------------------------ the law


@given(geometry=windows(filled=True), groups=st.sampled_from((1, 2)), seed=st.integers(0, 99))
def test_it_is_the_adjoint_of_conv_with_the_same_kernel(geometry, groups, seed):
    """⟨conv(A, W), Z⟩ = ⟨A, conv_transpose(Z, W)⟩, bit for bit on integers."""
    n, f, keywords = geometry
    keywords |= {"groups": groups}
    A, W = integers(seed, 2, *n, 3 * groups), integers(seed + 1, *f, 3, 2 * groups)
    Z = integers(
        seed + 2, 2, *output_size(n, f, {k: v for k, v in keywords.items() if k != "groups"}), 2 * groups
    )
    back = conv_transpose(Z, W, output_size=n, **keywords)
    assert jnp.vdot(conv(A, W, **keywords), Z) == jnp.vdot(A, back)
    np.testing.assert_array_equal(back, conv_dA(Z, W, input_size=n, **keywords))


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16, jnp.float32, jnp.float64])
def test_every_gradient_has_its_argument_s_dtype(dtype):
    Z, W, b = jnp.ones((2, 2, 2, 2), dtype), jnp.ones((3, 3, 3, 2), dtype), jnp.ones(3, dtype)
    A, pull = jax.vjp(partial(conv_transpose, stride=2, padding="REFLECT"), Z, W, b)
    assert [A.dtype, *(g.dtype for g in pull(A))] == [dtype] * 4


# ------------------------------------------------------------------------------ others


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_lax_conv_transpose_with_transpose_kernel_is_the_same(padding):
    Z, W = integers(0, 1, 3, 4, 2), integers(1, 3, 3, 5, 2)
    theirs = lax.conv_transpose(
        Z, W, (2, 1), padding, dimension_numbers=("NHWC", "HWIO", "NHWC"), transpose_kernel=True
    )
    np.testing.assert_array_equal(conv_transpose(Z, W, stride=(2, 1), padding=padding), theirs)


def test_flax_s_conv_transpose_takes_the_rotated_kernel():
    linen = pytest.importorskip("flax.linen")
    Z, W = integers(0, 1, 3, 4, 2), integers(1, 3, 3, 5, 2)
    layer = linen.ConvTranspose(5, (3, 3), (2, 2), "VALID", use_bias=False, param_dtype=jnp.float64)
    V = jnp.swapaxes(jnp.flip(W, (0, 1)), -1, -2)
    theirs = layer.apply({"params": {"kernel": V}}, Z)
    np.testing.assert_array_equal(conv_transpose(Z, W, stride=2), theirs)
