import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn.check import Verdict, check_vjp
from jaxcnn.convolution import conv, conv_db
from jaxcnn.linear import dense, dense_dA, dense_dW
from jaxcnn.oracles import linear as oracles

DTYPES = [jnp.float16, jnp.bfloat16, jnp.float32, jnp.float64]


def integers(seed, *shape, dtype=jnp.float64):
    return jnp.asarray(np.random.default_rng(seed).integers(-4, 5, shape), dtype)


def layer(*leading, dtype=jnp.float64):
    """A, W, b and dZ with 4 features in and 3 out."""
    return (
        integers(0, *leading, 4, dtype=dtype),
        integers(1, 4, 3, dtype=dtype),
        integers(2, 3, dtype=dtype),
        integers(3, *leading, 3, dtype=dtype),
    )


# ------------------------------------------------------------------ hand-computed examples

A = jnp.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
W = jnp.array([[1.0, 10.0], [100.0, 1000.0]])
dZ = jnp.array([[1.0, 0.0], [0.0, 1.0], [2.0, 3.0]])


def test_by_hand():
    assert dense(A, W).tolist() == [[201, 2010], [403, 4030], [605, 6050]]
    assert dense(A[0], W, jnp.array([5.0, 7.0])).tolist() == [206, 2017]
    assert dense_dA(dZ, W).tolist() == [[1, 100], [10, 1000], [32, 3200]]
    assert dense_dW(A, dZ).tolist() == [[11, 18], [14, 22]]


def test_the_gradient_is_made_of_the_other_faces():
    Z, pull = jax.vjp(dense, A, W, jnp.zeros(2))
    assert Z.tolist() == dense(A, W).tolist()
    for got, face in zip(pull(dZ), (dense_dA(dZ, W), dense_dW(A, dZ), conv_db(dZ)), strict=True):
        np.testing.assert_array_equal(got, face)


@pytest.mark.parametrize("leading", [(), (5,), (2, 3)], ids=str)
def test_the_trilinear_form_has_one_value_from_all_three_sides(leading):
    A, W, _, dZ = layer(*leading)
    value = jnp.sum(dZ * dense(A, W))
    assert value == jnp.sum(dense_dA(dZ, W) * A)
    assert value == jnp.sum(dense_dW(A, dZ) * W)


def test_it_is_the_convolution_of_an_image_of_one_pixel():
    A, W, b, _ = layer(5)
    np.testing.assert_array_equal(dense(A, W, b), conv(A[:, None, None], W[None, None], b)[:, 0, 0])


@pytest.mark.parametrize("leading", [(), (5,), (2, 3)], ids=str)
def test_cotangents_equal_those_of_the_oracle_bit_for_bit(leading):
    A, W, b, dZ = layer(*leading)
    for got, expected in zip(
        jax.vjp(dense, A, W, b)[1](dZ), jax.vjp(oracles.dense, A, W, b)[1](dZ), strict=True
    ):
        np.testing.assert_array_equal(got, expected)


# ------------------------------------------------------------------ dtypes, transformations


@pytest.mark.parametrize("dtype", DTYPES)
def test_results_and_cotangents_have_the_dtype_of_the_inputs(dtype):
    inputs = A, W, b, dZ = layer(5, dtype=dtype)
    Z, pull = jax.vjp(dense, A, W, b)
    exact = [x.astype(jnp.float64) for x in inputs]
    expected, wide_pull = jax.vjp(oracles.dense, *exact[:3])
    for got, want in zip((Z, *pull(dZ)), (expected, *wide_pull(exact[3])), strict=True):
        assert got.dtype == dtype
        np.testing.assert_array_equal(got.astype(jnp.float64), want)


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
def test_half_precision_sums_are_kept_in_float32(dtype):
    ones, halves = jnp.ones((1, 4096), dtype), jnp.full((4096, 1), 0.5, dtype)  # a bfloat16 sum stops at 256
    assert dense(ones, halves).item() == 2048
    assert dense_dA(ones, halves.T).item() == 2048
    assert dense_dW(ones.T, halves).item() == 2048


def test_jit_vmap_and_checkpoint():
    A, W, b, dZ = layer(2, 5)

    def gradients(A, dZ):
        return jax.vjp(dense, A, W, b)[1](dZ)

    plain = gradients(A, dZ)
    for got, expected in zip(jax.jit(gradients)(A, dZ), plain, strict=True):
        np.testing.assert_array_equal(got, expected)
    for got, expected in zip(jax.vmap(gradients)(A, dZ), plain, strict=True):
        np.testing.assert_array_equal(got if got.shape == expected.shape else got.sum(0), expected)
    for got, expected in zip(jax.vjp(jax.checkpoint(dense), A, W, b)[1](dZ), plain, strict=True):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(
    ("face", "oracle", "inputs"),
    [
        (dense, oracles.dense, (A, W)),
        (dense_dA, oracles.dense_dA, (dZ, W)),
        (dense_dW, oracles.dense_dW, (A, dZ)),
    ],
    ids=["dense", "dense_dA", "dense_dW"],
)
def test_gradients_of_gradients_bit_for_bit(face, oracle, inputs):
    def second(function):
        def first(*inputs):
            output, pull = jax.vjp(function, *inputs)
            return pull(integers(0, *output.shape))

        results, pull = jax.vjp(first, *inputs)
        return pull(tuple(integers(k, *x.shape) for k, x in enumerate(results)))

    for got, expected in zip(second(face), second(oracle), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_the_residuals_are_the_inputs():
    A, W, b, _ = layer(5)
    residuals = jax.tree.leaves(jax.vjp(dense, A, W, b)[1])
    assert sum(residual.nbytes for residual in residuals) == A.nbytes + W.nbytes


def test_precision_reaches_the_product():
    for face, inputs in ((dense, (A, W)), (dense_dA, (dZ, W)), (dense_dW, (A, dZ))):
        printed = str(jax.make_jaxpr(lambda x, y, face=face: face(x, y, precision="highest"))(*inputs))
        assert "Precision.HIGHEST" in printed


# ------------------------------------------------------------------- rules that are wrong

PLANTED = {
    "dW divided by the batch": lambda A, W, dZ: (dense_dA(dZ, W), dense_dW(A, dZ) / len(A)),
    "dA with W, not its transpose": lambda A, W, dZ: (dense(dZ, W), dense_dW(A, dZ)),
    "dW transposed": lambda A, W, dZ: (dense_dA(dZ, W), dense_dW(dZ, A)),
    "dA off by a millionth": lambda A, W, dZ: (dense_dA(dZ, W) * (1 + 1e-6), dense_dW(A, dZ)),
}


@pytest.mark.parametrize("backward", PLANTED.values(), ids=PLANTED)
def test_a_wrong_rule_fails(backward):
    planted = jax.custom_vjp(lambda A, W: dense(A, W))
    planted.defvjp(lambda A, W: (dense(A, W), (A, W)), lambda residuals, dZ: backward(*residuals, dZ))
    report = check_vjp(planted, oracles.dense, A, W, exact=True)
    assert report.verdict is Verdict.FAIL
    assert "the gradient of" in report.reason
