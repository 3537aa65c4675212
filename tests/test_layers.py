import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn import activations, layers
from jaxcnn.convolution import conv
from jaxcnn.layers import Activation, AvgPool, Conv, Dense, Flatten, Layer, MaxPool, Relu, sequential
from jaxcnn.linear import dense
from jaxcnn.pooling import avg_pool, max_pool

KEY = jax.random.key(0)


def images(*shape, dtype=jnp.float32):
    return jnp.asarray(np.random.default_rng(0).standard_normal(shape), dtype)


def same(got, expected):
    np.testing.assert_array_equal(got, expected)


# ------------------------------------------------------------- each layer is its operation


def test_conv():
    geometry = {"stride": (2, 1), "padding": "SAME", "dilation": (1, 2), "groups": 2}
    layer = Conv(6, (3, 2), **geometry)
    params, state = layer.init(KEY, (9, 8, 4))
    assert {name: x.shape for name, x in params.items()} == {"W": (3, 2, 2, 6), "b": (6,)}
    A = images(2, 9, 8, 4)
    Z, after = layer.apply(params, state, A)
    same(Z, conv(A, params["W"], params["b"], **geometry))
    assert state == after == ()


def test_dense_keeps_every_axis_but_the_last():
    params, state = Dense(5).init(KEY, (3, 4))
    assert {name: x.shape for name, x in params.items()} == {"W": (4, 5), "b": (5,)}
    A = images(2, 3, 4)
    same(Dense(5).apply(params, state, A)[0], dense(A, params["W"], params["b"]))


@pytest.mark.parametrize(
    "layer", [Conv(3, (2,), use_bias=False), Dense(3, use_bias=False)], ids=["Conv", "Dense"]
)
def test_without_bias(layer):
    params, state = layer.init(KEY, (5, 4))
    assert set(params) == {"W"}
    assert layer.apply(params, state, images(2, 5, 4))[0].shape[-1] == 3


def test_biases_start_where_they_are_told():
    ones = jax.nn.initializers.ones
    assert Conv(2, (3,), bias_init=ones).init(KEY, (5, 1))[0]["b"].tolist() == [1, 1]
    assert Dense(2).init(KEY, (5,))[0]["b"].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("layer", "operation"),
    [
        (MaxPool((2, 3)), partial(max_pool, window=(2, 3))),
        (
            MaxPool((2, 2), stride=1, padding="SAME", dilation=2),
            partial(max_pool, window=(2, 2), stride=1, padding="SAME", dilation=2),
        ),
        (
            AvgPool((2, 2), stride=2, padding=1, count_padding=True),
            partial(avg_pool, window=(2, 2), stride=2, padding=1, count_padding=True),
        ),
        (Flatten(), lambda A: A.reshape(2, 6 * 6 * 3)),
        (Relu, activations.relu),
        (layers.LeakyRelu, activations.leaky_relu),
        (layers.Sigmoid, activations.sigmoid),
        (layers.Tanh, activations.tanh),
        (layers.Softplus, activations.softplus),
        (layers.Softmax, activations.softmax),
        (layers.LogSoftmax, activations.log_softmax),
        (Activation(activations.softmax, axis=1), partial(activations.softmax, axis=1)),
    ],
)
def test_layers_without_parameters(layer, operation):
    assert layer.init(KEY, (6, 6, 3)) == ((), ())
    A = images(2, 6, 6, 3)
    Z, state = layer.apply((), (), A, train=True, key=KEY)
    same(Z, operation(A))
    assert state == ()


# -------------------------------------------------------------------------- initialisers


@pytest.mark.parametrize(
    ("name", "variance"),
    [
        ("he", lambda fan_in, fan_out: 2 / fan_in),
        ("lecun", lambda fan_in, fan_out: 1 / fan_in),
        ("glorot", lambda fan_in, fan_out: 2 / (fan_in + fan_out)),
    ],
)
@pytest.mark.parametrize("kind", ["normal", "uniform"])
@pytest.mark.parametrize(("C", "K", "groups"), [(64, 32, 1), (64, 32, 2)])
def test_fans_are_those_of_the_layout(name, kind, variance, C, K, groups):
    init = getattr(layers, f"{name}_{kind}")()
    W = Conv(K, (5, 3), groups=groups, kernel_init=init).init(KEY, (8, 8, C))[0]["W"]
    expected = variance(5 * 3 * C // groups, 5 * 3 * K)
    np.testing.assert_allclose(np.var(W), expected, rtol=0.05)  # of 15,360 or more entries


def test_defaults_keep_the_second_moment_through_relu_and_make_unit_logits():
    W = Conv(64, (3, 3)).init(KEY, (8, 8, 64))[0]["W"]
    np.testing.assert_allclose(np.var(W), 2 / (9 * 64), rtol=0.05)
    W = Dense(100).init(KEY, (400,))[0]["W"]
    np.testing.assert_allclose(np.var(W), 1 / 400, rtol=0.05)


def test_other_keys_other_weights_and_the_same_key_the_same():
    def weights(key):
        return Dense(3).init(key, (4,))[0]["W"]

    same(weights(KEY), weights(jax.random.key(0)))
    assert not np.any(weights(KEY) == weights(jax.random.key(1)))


# ---------------------------------------------------------------------------- sequential

NET = sequential(
    Conv(4, (3, 3), padding="SAME"),
    Relu,
    MaxPool((2, 2)),
    Conv(6, (2, 2), stride=2),
    Relu,
    Flatten(),
    Dense(10),
)


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16, jnp.float32, jnp.float64])
def test_a_network_has_the_dtype_it_is_given(dtype):
    params, state = NET.init(KEY, (8, 9, 1), dtype)
    assert isinstance(params, tuple)
    assert len(params) == len(state) == 7
    assert {x.dtype for x in jax.tree.leaves(params)} == {jnp.dtype(dtype)}
    assert params[6]["W"].shape == (2 * 2 * 6, 10)
    A = images(3, 8, 9, 1, dtype=dtype)
    Z, after = NET.apply(params, state, A)
    assert (Z.shape, Z.dtype) == ((3, 10), dtype)
    assert after == state


def test_a_network_is_the_operations_in_a_row_also_under_jit_and_grad():
    params, state = NET.init(KEY, (8, 9, 1), jnp.float64)
    A = images(3, 8, 9, 1, dtype=jnp.float64)

    def by_operations(params, A):
        A = max_pool(activations.relu(conv(A, **params[0], padding="SAME")), (2, 2))
        A = activations.relu(conv(A, **params[3], stride=2))
        return dense(A.reshape(3, -1), **params[6])

    def by_layers(params, A):
        return NET.apply(params, state, A)[0]

    np.testing.assert_allclose(jax.jit(by_layers)(params, A), by_operations(params, A), rtol=1e-13)
    dZ = images(3, 10, dtype=jnp.float64)
    gradients = (jax.vjp(jax.jit(f), params, A)[1](dZ) for f in (by_layers, by_operations))
    for got, expected in zip(*map(jax.tree.leaves, gradients), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-13)


def test_every_layer_gets_a_key_of_its_own():
    params, _ = sequential(Dense(3), Dense(3)).init(KEY, (3,))
    assert not np.any(params[0]["W"] == params[1]["W"])


def test_networks_nest_and_may_be_empty():
    nested = sequential(sequential(Dense(3), Relu), sequential(), Dense(2))
    params, state = nested.init(KEY, (4,))
    assert (len(params), len(params[0]), params[1]) == (3, 2, ())
    assert nested.apply(params, state, images(5, 4))[0].shape == (5, 2)


def counter():
    """A layer that counts its calls while training, and adds noise where it is given a key."""

    def apply(params, state, A, *, train=False, key=None):
        if key is not None:
            A = A + jax.random.normal(key, A.shape, A.dtype)
        return A, state + 1 if train else state

    return Layer(lambda key, input_shape, dtype=jnp.float32: ((), jnp.zeros((), jnp.int32)), apply)


def test_state_train_and_keys_go_through():
    net = sequential(counter(), Relu, counter())
    params, state = net.init(KEY, (3,))
    A = jnp.ones((2, 3), jnp.float32)
    same(net.apply(params, state, A)[0], A)
    _, after = net.apply(params, state, A, train=True)
    assert [jax.tree.leaves(s) for s in after] == [[1], [], [1]]
    assert [jax.tree.leaves(s) for s in state] == [[0], [], [0]]
    noisy, after = net.apply(params, state, jnp.full((2, 3), 9, jnp.float32), key=KEY)
    first, second = (
        counter().apply((), 0, jnp.zeros((2, 3), jnp.float32), key=k)[0]
        for k in jax.random.split(KEY, 3)[::2]
    )
    np.testing.assert_allclose(noisy, 9 + first + second, rtol=1e-6)
    assert not np.any(first == second)
    assert [jax.tree.leaves(s) for s in after] == [[0], [], [0]]


# -------------------------------------------------------------------------------- errors

WRONG = {
    "features": (
        lambda: Conv(0, (3, 3)),
        ValueError,
        "Conv: features is 0; expected an integer of at least 1",
    ),
    "dense features": (
        lambda: Dense(2.5),
        TypeError,
        "Dense: features is 2.5; expected an integer of at least 1",
    ),
    "kernel size": (
        lambda: Conv(4, 3),
        TypeError,
        "Conv: kernel_size is 3; expected a tuple, one entry for each spatial axis",
    ),
    "groups": (
        lambda: Conv(4, (3,), groups=0),
        ValueError,
        "Conv: groups is 0; expected an integer of at least 1",
    ),
    "input shape": (
        lambda: Conv(4, (3, 3)).init(KEY, (8, 8)),
        ValueError,
        "Conv: input_shape is (8, 8); expected (*n, C) with 2 spatial axes, without the batch axis",
    ),
    "channels and groups": (
        lambda: Conv(4, (3, 3), groups=2).init(KEY, (8, 8, 3)),
        ValueError,
        "Conv: input_shape has 3 channels; expected a multiple of groups = 2",
    ),
    "dense input": (
        lambda: Dense(4).init(KEY, ()),
        ValueError,
        "Dense: input_shape is (); expected (…, n_in), the features on the last axis",
    ),
    "a window that does not fit the layer before it": (
        lambda: sequential(Conv(2, (3, 3)), MaxPool((4, 4))).init(KEY, (5, 5, 1)),
        ValueError,
        "max_pool: spatial axis 0 has 3 pixels (3 with padding (0, 0)), smaller than the window's extent 4 "
        "(size 4, dilation 1); expected at least 4 pixels, so that one window fits",
    ),
}


@pytest.mark.parametrize(("call", "kind", "message"), WRONG.values(), ids=WRONG)
def test_errors(call, kind, message):
    with pytest.raises(kind, match=rf"^{re.escape(message)}(\n|$)"):  # traced: JAX adds a note
        call()
