from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxcnn
from jaxcnn import (
    activations,
    adaptive_avg_pool,
    adaptive_max_pool,
    conv_transpose,
    global_avg_pool,
    global_max_pool,
    layers,
    normalization,
    pixel_shuffle,
    rectifiers,
    softmaxes,
    upsample_bilinear,
    upsample_nearest,
)
from jaxcnn.convolution import conv
from jaxcnn.layers import (
    Activation,
    AvgPool,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    GroupNorm,
    InstanceNorm,
    Layer,
    LayerNorm,
    MaxPool,
    Relu,
    RMSNorm,
    depthwise_separable,
    residual,
    sequential,
    squeeze_excite,
)
from jaxcnn.linear import dense
from jaxcnn.pooling import avg_pool, max_pool
from jaxcnn.rectifiers import relu

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


def test_a_transposed_convolution_s_kernel_is_that_of_the_convolution():
    layer = layers.ConvTranspose(6, (4, 3), stride=2, padding=1, groups=2, bias_init=jax.nn.initializers.ones)
    params, state = layer.init(KEY, (5, 4, 8))
    assert {name: x.shape for name, x in params.items()} == {"W": (4, 3, 3, 8), "b": (6,)}
    A = images(2, 5, 4, 8)
    expected = conv_transpose(A, params["W"], params["b"], stride=2, padding=1, groups=2)
    same(layer.apply(params, state, A)[0], expected)
    wide, _ = layers.ConvTranspose(4, (3, 3)).init(KEY, (5, 5, 512))
    assert abs(float(jnp.var(wide["W"])) * 3 * 3 * 512 / 2 - 1) < 0.05  # 2/fan_in


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
        (layers.GlobalAvgPool, partial(global_avg_pool, spatial=2)),
        (layers.GlobalMaxPool, partial(global_max_pool, spatial=2)),
        (layers.AdaptiveAvgPool((2, 5)), partial(adaptive_avg_pool, output_size=(2, 5))),
        (layers.AdaptiveMaxPool((2, 5)), partial(adaptive_max_pool, output_size=(2, 5))),
        (layers.UpsampleNearest((2, 3)), partial(upsample_nearest, factor=(2, 3))),
        (
            layers.UpsampleBilinear((2, 3), align_corners=True),
            partial(upsample_bilinear, factor=(2, 3), align_corners=True),
        ),
        (layers.PixelShuffle((1, 3)), partial(pixel_shuffle, factor=(1, 3))),
        (Flatten(), lambda A: A.reshape(2, 6 * 6 * 3)),
        (Relu, rectifiers.relu),
        (layers.LeakyRelu, rectifiers.leaky_relu),
        (layers.Relu6, rectifiers.relu6),
        (layers.Elu, rectifiers.elu),
        (layers.Hardswish, rectifiers.hardswish),
        (layers.Sigmoid, activations.sigmoid),
        (layers.Tanh, activations.tanh),
        (layers.Softplus, activations.softplus),
        (layers.Silu, activations.silu),
        (layers.Gelu, activations.gelu),
        (layers.Mish, activations.mish),
        (Activation(activations.glu, axis=1), partial(activations.glu, axis=1)),
        (layers.Softmax, softmaxes.softmax),
        (layers.LogSoftmax, softmaxes.log_softmax),
        (Activation(softmaxes.softmax, axis=1), partial(softmaxes.softmax, axis=1)),
    ],
)
def test_layers_without_parameters(layer, operation):
    assert layer.init(KEY, (6, 6, 3)) == ((), ())
    A = images(2, 6, 6, 3)
    Z, state = layer.apply((), (), A, train=True, key=KEY)
    same(Z, operation(A))
    assert state == ()


# ----------------------------------------------------------------- normalisation, dropout


@pytest.mark.parametrize(
    ("layer", "operation", "parameters"),
    [
        (GroupNorm(2, epsilon=0.1), partial(normalization.group_norm, groups=2, epsilon=0.1), 2),
        (LayerNorm(epsilon=0.1), partial(normalization.layer_norm, epsilon=0.1), 2),
        (InstanceNorm(epsilon=0.1), partial(normalization.instance_norm, epsilon=0.1), 2),
        (RMSNorm(epsilon=0.1), partial(normalization.rms_norm, epsilon=0.1), 1),
        (LayerNorm(use_beta=False), normalization.layer_norm, 1),
        (InstanceNorm(use_gamma=False, use_beta=False), normalization.instance_norm, 0),
    ],
)
def test_normalisations_without_state(layer, operation, parameters):
    params, state = layer.init(KEY, (3, 3, 4))
    expected = {"gamma": [1] * 4, "beta": [0] * 4}
    assert {name: x.tolist() for name, x in params.items()} == dict(list(expected.items())[:parameters])
    A = images(2, 3, 3, 4)
    params = {name: x + 2 for name, x in params.items()}
    for train in (False, True):
        Z, after = layer.apply(params, state, A, train=train)
        same(Z, operation(A, **params))
        assert after == state == ()


def test_batch_norm_trains_on_the_batch_and_keeps_running_statistics():
    layer = BatchNorm(momentum=0.75, epsilon=0.1)
    params, state = layer.init(KEY, (3, 3, 2))
    assert {name: x.tolist() for name, x in state.items()} == {"mean": [0, 0], "variance": [1, 1]}
    A = images(5, 3, 3, 2) * 3 + 7
    Z, mean, variance = normalization.batch_norm(A, **params, epsilon=0.1)
    out, once = layer.apply(params, state, A, train=True)
    same(out, Z)
    np.testing.assert_allclose(once["mean"], mean / 4, rtol=1e-6)
    np.testing.assert_allclose(once["variance"], 0.75 + variance / 4, rtol=1e-6)
    _, twice = layer.apply(params, once, A, train=True)
    np.testing.assert_allclose(twice["mean"], mean * 7 / 16, rtol=1e-6)
    assert state["mean"].tolist() == [0, 0]  # the old state is left as it was


def test_batch_norm_evaluates_with_its_state_and_leaves_it():
    params, _ = BatchNorm(use_beta=False).init(KEY, (2,))
    state = {"mean": jnp.array([1.0, 2.0], jnp.float32), "variance": jnp.array([4.0, 9.0], jnp.float32)}
    A = images(5, 2)
    Z, after = BatchNorm(use_beta=False).apply(params, state, A)
    same(Z, normalization.batch_norm_inference(A, params["gamma"], None, **state))
    assert after is state


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16, jnp.float32, jnp.float64])
def test_running_statistics_are_kept_in_float32_or_wider(dtype):
    params, state = BatchNorm().init(KEY, (4,), dtype)
    A = images(6, 4, dtype=dtype)
    wide = jnp.float64 if dtype == jnp.float64 else jnp.float32
    for _ in range(2):
        Z, state = BatchNorm().apply(params, state, A, train=True)
        assert (Z.dtype, {x.dtype for x in state.values()}) == (dtype, {jnp.dtype(wide)})
    assert BatchNorm().apply(params, state, A)[0].dtype == dtype


def test_dropout_draws_while_training_alone():
    A = images(4, 3, 3, 8)
    for layer, spatial in ((Dropout(0.5), False), (Dropout(0.5, spatial=True), True)):
        assert layer.init(KEY, (3, 3, 8)) == ((), ())
        same(layer.apply((), (), A, key=KEY)[0], A)
        Z, state = layer.apply((), (), A, train=True, key=KEY)
        same(Z, jaxcnn.dropout(KEY, A, 0.5, spatial=spatial))
        assert state == ()


# -------------------------------------------------------------------------------- blocks


def test_residual():
    A = images(2, 6, 6, 3, dtype=jnp.float64)
    inner, past = Conv(5, (3, 3), stride=2, padding="SAME"), Conv(5, (1, 1), stride=2)
    block = residual(inner, past)
    params, state = block.init(KEY, (6, 6, 3), jnp.float64)
    assert set(params) == {"layer", "shortcut"}
    Z, after = block.apply(params, state, A)
    same(Z, inner.apply(params["layer"], (), A)[0] + past.apply(params["shortcut"], (), A)[0])
    assert after == state
    same(
        residual(Relu).apply({"layer": (), "shortcut": ()}, {"layer": (), "shortcut": ()}, A)[0], A + relu(A)
    )


def test_residual_hands_on_state_train_and_keys_of_their_own():
    block = residual(counter(), counter())
    params, state = block.init(KEY, (3,))
    A = jnp.zeros((2, 3), jnp.float32)
    Z, after = block.apply(params, state, A, train=True, key=KEY)
    assert after == {"layer": 1, "shortcut": 1}
    first, second = (counter().apply((), 0, A, key=k)[0] for k in jax.random.split(KEY))
    same(Z, first + second)
    assert not np.any(first == second)


def test_depthwise_separable():
    block = depthwise_separable(6, (3, 2), stride=2, padding="SAME", dilation=(1, 2))
    params, state = block.init(KEY, (7, 8, 4))
    assert [{name: x.shape for name, x in p.items()} for p in params] == [
        {"W": (3, 2, 1, 4)},
        {"W": (1, 1, 4, 6), "b": (6,)},
    ]
    A = images(2, 7, 8, 4)
    through = conv(A, params[0]["W"], stride=2, padding="SAME", dilation=(1, 2), groups=4)
    same(block.apply(params, state, A)[0], conv(through, params[1]["W"], params[1]["b"]))
    assert "b" not in depthwise_separable(6, (3,), use_bias=False).init(KEY, (7, 4))[0][1]


@pytest.mark.parametrize("size", [(5,), (4, 3), (2, 3, 2)])
def test_squeeze_excite(size):
    block = squeeze_excite(4)
    params, state = block.init(KEY, (*size, 8), jnp.float64)
    A = images(2, *size, 8, dtype=jnp.float64)
    mean = A.mean(tuple(range(1, A.ndim - 1)))
    gate = activations.sigmoid(dense(relu(dense(mean, **params[0])), **params[2]))
    Z, after = jax.jit(block.apply)(params, state, A)
    np.testing.assert_allclose(Z, A * gate.reshape(2, *[1] * len(size), 8), rtol=1e-13)
    assert after == state
    assert squeeze_excite(100).init(KEY, (3, 3, 8))[0][0]["W"].shape == (8, 1)


def test_a_network_of_blocks_trains():
    net = sequential(
        Conv(8, (3, 3), padding="SAME", use_bias=False),
        BatchNorm(),
        Relu,
        residual(sequential(depthwise_separable(8, (3, 3), padding="SAME"), GroupNorm(4), layers.Silu)),
        squeeze_excite(2),
        MaxPool((2, 2)),
        Flatten(),
        Dropout(0.2),
        Dense(3),
    )
    params, state = net.init(KEY, (6, 6, 1))
    A = images(12, 6, 6, 1)
    t = jnp.arange(12, dtype=jnp.int32) % 3

    @jax.jit
    def step(params, state, key):
        def loss(params):
            Z, after = net.apply(params, state, A, train=True, key=key)
            return jnp.mean(jaxcnn.softmax_cross_entropy(Z, t)), after

        (value, after), gradient = jax.value_and_grad(loss, has_aux=True)(params)
        return jax.tree.map(lambda p, g: p - 0.1 * g, params, gradient), after, value

    values = []
    for key in jax.random.split(KEY, 60):
        params, state, value = step(params, state, key)
        values.append(float(value))
    assert values[-1] < values[0] / 3
    assert jax.tree.map(jnp.shape, state[1]) == {"mean": (8,), "variance": (8,)}
    assert np.all(state[1]["mean"] != 0)
    same(net.apply(params, state, A)[0], net.apply(params, state, A, key=KEY)[0])  # evaluation does not draw


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
        A = max_pool(rectifiers.relu(conv(A, **params[0], padding="SAME")), (2, 2))
        A = rectifiers.relu(conv(A, **params[3], stride=2))
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
