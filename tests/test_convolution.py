from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxcnn.convolution import conv, conv_dA, conv_db, conv_dW, convolve
from jaxcnn.derivations.geometry import windows
from jaxcnn.forms import cudnn
from jaxcnn.loops import convolution as loops
from jaxcnn.oracles import convolution as oracles
from jaxcnn.window import resolve


def integers(seed, *shape, dtype=jnp.float64):
    return jnp.asarray(np.random.default_rng(seed).integers(-4, 5, shape), dtype)


# ------------------------------------------------------------------ hand-computed examples


def test_a_vertical_edge_is_found_where_it_is():
    image = jnp.array([[10.0, 10, 10, 0, 0, 0]] * 6)[..., None]
    kernel = jnp.array([[1.0, 0, -1]] * 3)[..., None, None]
    assert conv(image, kernel)[..., 0].tolist() == [[0, 30, 30, 0]] * 4


def test_stride_dilation_and_padding_by_hand():
    A = jnp.arange(1.0, 6.0)[:, None]
    W = jnp.array([1.0, 10.0])[:, None, None]
    assert conv(A, W, stride=2)[:, 0].tolist() == [21, 43]
    assert conv(A, W, dilation=2)[:, 0].tolist() == [31, 42, 53]
    assert conv(A, W, padding="SAME")[:, 0].tolist() == [21, 32, 43, 54, 5]
    assert conv(A, W, padding="SAME_LOWER")[:, 0].tolist() == [10, 21, 32, 43, 54]
    assert conv(A, W, padding="CAUSAL")[:, 0].tolist() == [10, 21, 32, 43, 54]
    assert conv(A, W, padding="FULL")[:, 0].tolist() == [10, 21, 32, 43, 54, 5]
    assert conv(A, W, padding=((-1, -1),))[:, 0].tolist() == [32, 43]


def test_borders_filled_from_the_image_by_hand():
    A, W = jnp.arange(1.0, 6.0)[:, None], jnp.array([1.0, 10.0, 100.0])[:, None, None]
    assert conv(A, W, padding="CIRCULAR")[:, 0].tolist() == [215, 321, 432, 543, 154]
    assert conv(A, W, padding="REFLECT")[:, 0].tolist() == [212, 321, 432, 543, 454]
    dZ = jnp.array([1.0, 0, 0, 0, 0])[:, None]
    assert conv_dA(dZ, W, input_size=5, padding="CIRCULAR")[:, 0].tolist() == [10, 100, 0, 0, 1]
    assert conv_dA(dZ, W, input_size=5, padding="REFLECT")[:, 0].tolist() == [10, 101, 0, 0, 0]
    assert conv_dW(A, dZ, kernel_size=(3,), padding="CIRCULAR")[:, 0, 0].tolist() == [5, 1, 2]


@pytest.mark.parametrize(("padding", "mode"), [("CIRCULAR", "wrap"), ("REFLECT", "reflect")])
def test_a_filled_border_is_numpy_s_pad(padding, mode):
    A, W = integers(0, 2, 4, 5, 2), integers(1, 4, 3, 2, 3)
    padded = np.pad(np.asarray(A), ((0, 0), (1, 2), (1, 1), (0, 0)), mode=mode)
    np.testing.assert_array_equal(conv(A, W, padding=padding), conv(padded, W))


@pytest.mark.parametrize("padding", ["CIRCULAR", "REFLECT"])
def test_flax_fills_borders_alike(padding):
    linen = pytest.importorskip("flax.linen")
    A, W = integers(0, 2, 5, 6, 2), integers(1, 3, 2, 2, 4)
    layer = linen.Conv(4, (3, 2), padding=padding, use_bias=False, param_dtype=jnp.float64)
    theirs = layer.apply({"params": {"kernel": W}}, A)
    np.testing.assert_array_equal(conv(A, W, padding=padding), theirs)


def test_groups_keep_channels_apart_and_b_is_one_number_a_filter():
    A = jnp.array([[1.0, 2.0]])
    W = jnp.array([[[3.0, 5.0]]])
    assert conv(A, W, jnp.array([100.0, 200.0]), groups=2).tolist() == [[103, 210]]


def test_the_cotangents_by_hand():
    A, W = jnp.array([1.0, 2.0, 3.0])[:, None], jnp.array([1.0, 10.0])[:, None, None]
    dZ = jnp.array([5.0, 7.0])[:, None]
    assert conv_dA(dZ, W, input_size=3)[:, 0].tolist() == [5, 57, 70]
    assert conv_dW(A, dZ, kernel_size=(2,))[:, 0, 0].tolist() == [19, 31]
    assert conv_db(dZ).tolist() == [12]


def test_gradients_sum_over_the_batch_without_dividing_by_it():
    A, W, b = integers(0, 3, 4, 1), integers(1, 2, 1, 2), jnp.zeros(2)
    dZ = integers(2, 3, 3, 2)
    one_by_one = [jax.vjp(lambda W, b, A=A[k]: conv(A, W, b), W, b)[1](dZ[k]) for k in range(3)]
    together = jax.vjp(lambda W, b: conv(A, W, b), W, b)[1](dZ)
    for got, parts in zip(together, zip(*one_by_one, strict=True), strict=True):
        np.testing.assert_array_equal(got, sum(parts))


def test_the_trilinear_form_has_one_value_from_all_three_sides():
    A, W, dZ = integers(0, 2, 7, 6, 4), integers(1, 3, 2, 2, 6), integers(2, 2, 4, 2, 6)
    geometry = {"stride": (2, 3), "padding": ((1, 1), (0, 1)), "groups": 2}
    value = jnp.vdot(dZ, conv(A, W, **geometry))
    assert value == jnp.vdot(conv_dA(dZ, W, input_size=(7, 6), **geometry), A)
    assert value == jnp.vdot(conv_dW(A, dZ, kernel_size=(3, 2), **geometry), W)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_convolve_is_numpy_s(mode):
    f, h = integers(0, 7), integers(1, 3)
    np.testing.assert_array_equal(convolve(f, h, mode), np.convolve(f, h, mode))


# --------------------------------------------------------------- the article's printed formulas


@given(geometry=windows(), seed=st.integers(0, 99))
def test_conv_and_its_cotangents_equal_the_article_s_loops(geometry, seed):
    n, f, keywords = geometry
    window = resolve("conv", n, f, **keywords)
    A, W, dZ = (
        np.asarray(integers(seed, *shape)) for shape in ((2, *n, 3), (*f, 3, 2), (2, *window.output_size, 2))
    )
    loop = {"s": window.stride, "p": window.padding, "d": window.dilation}
    np.testing.assert_array_equal(conv(A, W, **keywords), loops.conv(A, W, **loop))
    np.testing.assert_array_equal(
        conv_dW(A, dZ, kernel_size=f, **keywords), loops.conv_dW(A, dZ, f=f, **loop)
    )
    np.testing.assert_array_equal(conv_db(dZ), loops.conv_db(dZ))
    if min(map(min, window.padding)) >= 0:
        dA = conv_dA(dZ, W, input_size=n, **keywords)
        np.testing.assert_array_equal(dA, loops.conv_dA(dZ, W, n=n, **loop))
        np.testing.assert_array_equal(dA, loops.conv_dA_full(dZ, W, n=n, **loop))


# ----------------------------------------- geometries on which jax.grad of lax aborts the process

# (A, W, stride, padding, groups): found by writing dA of lax.conv_general_dilated as `jax.grad` does, with
# lhs_dilation, on CPU, jaxlib 0.10.2. There XLA's simplifier meets a fatal check ("Window dimensions do not
# match RHS shape"), as it must not here.
ABORTING = [
    ((2, 8, 3, 3), (2, 3, 3, 2), (2, 2), ((1, 1), (0, 2)), 1),
    ((2, 4, 4, 3), (2, 2, 3, 2), (3, 2), ((0, 0), (1, 2)), 1),
    ((1, 3, 4, 1), (3, 2, 1, 1), (2, 2), ((1, 1), (1, 1)), 1),
    ((2, 7, 6, 2), (4, 2, 1, 4), (2, 2), ((-1, -1), (1, 2)), 2),
]


@pytest.mark.parametrize(("a", "w", "stride", "padding", "groups"), ABORTING)
def test_on_a_gpu_they_are_not_left_to_xla_either(a, w, stride, padding, groups):
    """It aborts there too: seen on an H100, jaxlib 0.11.2."""
    assert not cudnn.fits_dA(resolve("conv_dA", a[1:-1], w[:2], stride=stride, padding=padding))


@pytest.mark.parametrize("jitted", [True, False], ids=["jit", "eager"])
@pytest.mark.parametrize(("a", "w", "stride", "padding", "groups"), ABORTING)
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_immune_to_the_abort_in_first_and_second_order(a, w, stride, padding, groups, dtype, jitted):
    layer = {"stride": stride, "padding": padding, "groups": groups}
    A, W = integers(0, *a, dtype=dtype), integers(1, *w, dtype=dtype)
    dZ = integers(2, *oracles.conv(A, W, **layer).shape, dtype=dtype)

    def both_orders(operation):
        def first(A, W, dZ):
            return jax.vjp(partial(operation, **layer), A, W)[1](dZ)

        def second(A, W, dZ):
            return jax.vjp(first, A, W, dZ)[1]((A, W))

        return lambda *x: (first(*x), second(*x))

    ours = both_orders(conv)
    got = (jax.jit(ours) if jitted else ours)(A, W, dZ)
    jax.tree.map(np.testing.assert_array_equal, got, both_orders(oracles.conv)(A, W, dZ))


# ------------------------------------------------------------------------------ dtypes


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16, jnp.float32, jnp.float64])
def test_every_gradient_has_its_argument_s_dtype(dtype):
    A, W, b = jnp.ones((2, 4, 4, 2), dtype), jnp.ones((3, 3, 2, 2), dtype), jnp.ones(2, dtype)
    Z, pull = jax.vjp(partial(conv, stride=2, padding="SAME"), A, W, b)
    assert [Z.dtype, *(g.dtype for g in pull(Z))] == [dtype] * 4


def test_preferred_element_type_sets_the_output_and_leaves_gradients_in_their_argument_s_dtype():
    A, W = jnp.ones((1, 3, 3, 1), jnp.bfloat16), jnp.ones((2, 2, 1, 1), jnp.bfloat16)
    b = jnp.ones(1, jnp.bfloat16)
    Z, pull = jax.vjp(partial(conv, preferred_element_type=jnp.float32), A, W, b)
    assert Z.dtype == jnp.float32
    assert [g.dtype for g in pull(Z)] == [jnp.bfloat16] * 3


def test_half_precision_sums_are_kept_in_float32():
    """4096 + 1 is lost in bfloat16 at every step; the sum of all is not."""
    A = jnp.ones((1, 4096, 1), jnp.bfloat16)
    assert conv(A, jnp.ones((4096, 1, 1), jnp.bfloat16)).item() == 4096
    assert conv_db(jnp.ones((4096, 1), jnp.bfloat16)).item() == 4096
