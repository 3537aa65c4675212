"""A counterexample from JSON gives the same numbers again, bit for bit."""

import json
import struct

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn.check import Verdict, check_jvp, check_vjp
from jaxcnn.check.question import EVERY_TRANSFORMATION
from jaxcnn.check.replay import replay, save
from jaxcnn.check.report import array_from_json, array_to_json


def rule(forward, backward):
    function = jax.custom_vjp(forward)
    function.defvjp(lambda x: (forward(x), x), lambda x, dy: (backward(x, dy),))
    return function


def wave(x):
    return jnp.sin(x) * jnp.exp(x)


wrong_wave = rule(wave, lambda x, dy: jnp.cos(x) * jnp.exp(x) * dy)


def square(x):
    return x * x


wrong_square = rule(square, lambda x, dy: x * dy)


def bits(number):
    return struct.pack("d", number)


def assert_replayed(tmp_path, report, fun, reference, *inputs, **options):
    """From a file, as well as from a dictionary that has been text."""
    found = report.counterexample
    save(report, tmp_path / "report.json")
    for record in (tmp_path / "report.json", json.loads(json.dumps(report.as_dict()))):
        got, expected = replay(record, fun, reference, *inputs, **options)
        assert (bits(got), bits(expected)) == (bits(found.got), bits(found.expected))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("exact", [True, False])
def test_dtypes(tmp_path, dtype, exact):
    fun, reference = (wrong_square, square) if exact else (wrong_wave, wave)
    report = check_vjp(fun, reference, jnp.zeros(3, dtype), exact=exact)
    assert report.counterexample.exact is exact
    assert_replayed(tmp_path, report, fun, reference, jnp.zeros(3, dtype))


@pytest.mark.parametrize("transformation", [t for t in EVERY_TRANSFORMATION if t != "second order"])
def test_transformations(tmp_path, transformation):
    x = np.zeros((2, 2), np.float32)
    report = check_vjp(wrong_wave, wave, x, transformations=(transformation,))
    assert report.counterexample.transformation == transformation
    assert_replayed(tmp_path, report, wrong_wave, wave, x)


def test_wrong_under_one_transformation_only(tmp_path):
    """What this kills: a replay that runs the function another way."""
    pull = jax.custom_batching.custom_vmap(lambda x, dy: 2 * x * dy)
    pull.def_vmap(lambda size, batched, x, dy: (2 * x * dy[:1], True))
    wrong = rule(square, pull)
    report = check_vjp(wrong, square, np.zeros(3))
    assert report.counterexample.transformation == "vmap"
    assert_replayed(tmp_path, report, wrong, square, np.zeros(3))


def test_the_second_order(tmp_path):
    """The gradient is right, its own derivative is not."""
    wrong = rule(square, lambda x, dy: 2 * jax.lax.stop_gradient(x) * dy)
    report = check_vjp(wrong, square, np.zeros(2, np.float32))
    found = report.counterexample
    assert (report.verdict, found.transformation) == (Verdict.FAIL, "second order")
    assert found.what == "the second derivative with respect to x"
    assert_replayed(tmp_path, report, wrong, square, np.zeros(2, np.float32))


def test_pytrees_and_labels(tmp_path):
    def loss(params, k):
        return {"loss": jnp.sum(params["W"][k] ** 2) + params["b"]}

    @jax.custom_vjp
    def wrong(params, k):
        return loss(params, k)

    def backward(rest, dy):
        params, k = rest
        dW = jnp.zeros_like(params["W"]).at[k].set(2 * params["W"][k] * dy["loss"])
        return {"W": dW, "b": dy["loss"]}, None

    wrong.defvjp(lambda params, k: (loss(params, k), (params, k)), backward)  # a label that comes twice
    inputs = {"W": np.zeros(3), "b": np.zeros(())}, np.array([1, 1])
    report = check_vjp(wrong, loss, *inputs)
    assert report.counterexample.what == "the gradient of params['W']"
    assert_replayed(tmp_path, report, wrong, loss, *inputs)


def test_numpy(tmp_path):
    def backward(inputs, dy):
        return (dy * inputs[0],)

    report = check_vjp(np.square, square, np.zeros(3), backward=backward)
    assert_replayed(tmp_path, report, np.square, square, np.zeros(3), backward=backward)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_got_is_not_finite(tmp_path, value):
    wrong = rule(square, lambda x, dy: jnp.where(x == 0, value, 2 * x * dy))
    report = check_vjp(wrong, square, np.zeros(2))
    assert not np.isfinite(report.counterexample.got)
    assert_replayed(tmp_path, report, wrong, square, np.zeros(2))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_arrays_come_back_bit_for_bit(dtype):
    rng = np.random.default_rng(0)
    info = jnp.finfo(dtype)
    special = [
        0.0,
        -0.0,
        np.inf,
        -np.inf,
        np.nan,
        float(info.max),
        float(info.tiny),
        float(info.smallest_subnormal),
    ]
    drawn = rng.standard_normal(92) * 10.0 ** rng.integers(-3, 3, 92)
    array = np.array([*special, *drawn]).astype(jnp.dtype(dtype)).reshape(4, 25)
    back = array_from_json(json.loads(json.dumps(array_to_json(array))))
    assert (back.dtype, back.shape, back.tobytes()) == (array.dtype, array.shape, array.tobytes())
    empty = array_from_json(json.loads(json.dumps(array_to_json(array[:0]))))
    assert (empty.dtype, empty.shape) == (array.dtype, (0, 25))


def test_a_changed_function_gives_other_numbers():
    report = check_vjp(wrong_square, square, np.zeros(2))
    assert replay(report.as_dict(), square, square, np.zeros(2)) == (2.0, 2.0)


def test_wrong_records_are_refused():
    x = np.zeros(2)
    failed = check_vjp(wrong_square, square, x).as_dict()
    passed = check_vjp(square, square, x, transformations=("jit",)).as_dict()
    with pytest.raises(ValueError, match="the record says PASS and has no counterexample"):
        replay(passed, square, square, x)
    with pytest.raises(ValueError, match=r"float64\[2\], float64\[2\]; the function takes float64\[3\]"):
        replay(failed, wrong_square, square, np.zeros(3))
    with pytest.raises(ValueError, match=r"the function takes float32\[2\]"):
        replay(failed, wrong_square, square, x.astype(np.float32))
    cube = jax.custom_jvp(square)
    cube.defjvp(lambda x, dx: (cube(*x), x[0] * dx[0]))
    tangents = check_jvp(cube, square, x).as_dict()
    with pytest.raises(
        ValueError, match="the record is of the tangent of the output; the function has the out"
    ):
        replay(tangents, cube, square, x)
