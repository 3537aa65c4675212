"""What runs eagerly in NumPy, against JAX itself: the same numbers, dtypes, weak types, Python branches."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import monitoring

from jaxcnn.check.eager import eagerly
from tests.test_host import CASES, X


@pytest.mark.parametrize("case", CASES)
def test_it_gives_what_jax_gives(case):
    function, *inputs = CASES[case]
    expected = jax.tree.leaves(function(*map(jnp.asarray, inputs)))
    for a, b in zip(jax.tree.leaves(eagerly(function)(*inputs)), expected, strict=True):
        assert isinstance(a, jax.Array)
        assert (a.shape, a.dtype, a.weak_type) == (b.shape, b.dtype, b.weak_type)
        np.testing.assert_allclose(a, b, rtol=4e-6, atol=1e-37)


def test_nothing_is_compiled():
    x = np.ones((7, 3), np.float32)
    eagerly(lambda x: x + 1)(x)
    compiled = []
    monitoring.register_event_duration_secs_listener(lambda event, *_, **__: compiled.append(event))
    try:
        jax.tree.map(np.asarray, eagerly(lambda x: jax.vjp(lambda y: jnp.tanh(y @ y.T), x)[0])(x))
    finally:
        monitoring.clear_event_listeners()
    assert not [event for event in compiled if "backend_compile" in event]


def test_python_sees_concrete_arrays():
    def leaky(x):
        return x if float(x.sum()) > 0 else x / 100

    assert eagerly(leaky)(X).tolist() == X.tolist()
    assert eagerly(leaky)(-X).tolist() == (-X / 100).tolist()


def test_weak_numbers_stay_weak():
    def half(x):
        return jnp.asarray(2.0) * 3.0 * x

    assert eagerly(half)(X.astype(jnp.bfloat16)).dtype == jnp.bfloat16


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.astype(jnp.bfloat16) * 2,
        lambda x: jax.random.uniform(jax.random.key(0), x.shape, x.dtype) + x,
        lambda x: jax.lax.while_loop(lambda y: y.sum() < 9, lambda y: y + 1, x),
        lambda x: jax.vmap(jax.jit(jnp.sort))(x),
        lambda x: jax.lax.conv(x[None, None], x[None, None], (1, 1), "SAME"),
    ],
    ids=["bfloat16", "random", "unbounded", "vmap of jit", "convolution"],
)
def test_what_numpy_does_not_know_jax_computes(function):
    got, expected = eagerly(function)(X), function(jnp.asarray(X))
    assert got.dtype == expected.dtype
    np.testing.assert_allclose(np.asarray(got, float), np.asarray(expected, float), rtol=1e-6)
