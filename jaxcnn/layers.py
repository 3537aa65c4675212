"""Layers: pairs of functions (init, apply) over the operations, with explicit parameters, state and keys.

    init(key, input_shape, dtype=float32)                      → (params, state)
    apply(params, state, A, *, train=False, key=None)          → (A, state)

input_shape leaves the batch axis out; apply wants it in. params are what an optimiser changes, state is
what apply changes; both are pytrees, empty where a layer has none. `train` and `key` are for layers
that act otherwise while training, or draw; the others ignore them.

Shapes are found by tracing apply (`jax.eval_shape`), so a size is computed in one place only.

Initialisers are those of `jax.nn.initializers`, told of our kernels (*f, C/groups, K) and (n_in, n_out): the
last axis but one goes in, the last comes out, and the spatial axes are the receptive field,

    fan_in = f_1 ⋯ f_r C/groups          fan_out = f_1 ⋯ f_r K

Convolutions start from he_normal, variance 2/fan_in, since a ReLU mostly follows and halves the second
moment; dense layers from lecun_normal, 1/fan_in, as the last of them makes logits and has no ReLU after it.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.nn import initializers
from jax.typing import DTypeLike

from jaxcnn import activations
from jaxcnn._errors import integer, window_tuple, wrong_value
from jaxcnn.convolution import conv
from jaxcnn.linear import dense
from jaxcnn.pooling import avg_pool, max_pool
from jaxcnn.window import Padding

Shape = tuple[int, ...]
Initializer = Callable[..., Array]

he_normal = partial(initializers.he_normal, in_axis=-2, out_axis=-1)
he_uniform = partial(initializers.he_uniform, in_axis=-2, out_axis=-1)
glorot_normal = partial(initializers.glorot_normal, in_axis=-2, out_axis=-1)
glorot_uniform = partial(initializers.glorot_uniform, in_axis=-2, out_axis=-1)
lecun_normal = partial(initializers.lecun_normal, in_axis=-2, out_axis=-1)
lecun_uniform = partial(initializers.lecun_uniform, in_axis=-2, out_axis=-1)


class Layer(NamedTuple):
    """A layer as two pure functions.

    Attributes:
        init: (key, input_shape, dtype=float32) → (params, state); input_shape without the batch axis.
        apply: (params, state, A, *, train=False, key=None) → (A, state); A with a batch axis.
    """

    init: Callable[..., tuple[Any, Any]]
    apply: Callable[..., tuple[Array, Any]]


def _affine(
    key: Array,
    shape: Shape,
    dtype: DTypeLike,
    use_bias: bool,
    kernel_init: Initializer,
    bias_init: Initializer,
) -> dict[str, Array]:
    """W of the shape, and b, one number for each entry of its last axis."""
    W_key, b_key = jax.random.split(key)
    W = kernel_init(W_key, shape, dtype)
    return {"W": W, "b": bias_init(b_key, shape[-1:], dtype)} if use_bias else {"W": W}


def _stateless(function: Callable[[Any, Array], Array]) -> Callable[..., tuple[Array, Any]]:
    """The apply of a layer that needs params and A alone."""

    def apply(params: Any, state: Any, A: Array, *, train: bool = False, key: Array | None = None):
        del train, key
        return function(params, A), state

    return apply


def _parameterless(function: Callable[[Array], Array]) -> Layer:
    """The layer of a function of A alone."""

    def init(key: Array, input_shape: Shape, dtype: DTypeLike = jnp.float32):
        del key, input_shape, dtype
        return (), ()

    return Layer(init, _stateless(lambda params, A: function(A)))


def Conv(
    features: int,
    kernel_size: Sequence[int],
    *,
    stride: int | Sequence[int] = 1,
    padding: Padding = "VALID",
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    use_bias: bool = True,
    kernel_init: Initializer | None = None,
    bias_init: Initializer = initializers.zeros,
) -> Layer:
    """The convolution layer, `jaxcnn.conv`: (B, *n, C) → (B, *n_out, features); article L9.

    Args:
        features: K, the number of filters.
        kernel_size: f, one entry for each spatial axis.
        stride, padding, dilation, groups: as in `jaxcnn.conv`.
        use_bias: whether b is added.
        kernel_init, bias_init: (key, shape, dtype) → array; by default he_normal and zeros.

    params: {"W": (*f, C/groups, K), "b": (K,)}, without b where use_bias is False.

    >>> params, _ = Conv(8, (3, 3)).init(jax.random.key(0), (28, 28, 1))
    >>> params["W"].shape, params["b"].shape
    ((3, 3, 1, 8), (8,))
    """
    features = integer("Conv", "features", features, least=1)
    f = window_tuple("Conv", "kernel_size", kernel_size)
    groups = integer("Conv", "groups", groups, least=1)
    kernel_init = he_normal() if kernel_init is None else kernel_init

    def init(key: Array, input_shape: Shape, dtype: DTypeLike = jnp.float32):
        if len(input_shape) != len(f) + 1:
            wrong_value(
                "Conv",
                f"input_shape is {input_shape}",
                f"(*n, C) with {len(f)} spatial axes, without the batch axis",
            )
        if input_shape[-1] % groups:
            wrong_value(
                "Conv", f"input_shape has {input_shape[-1]} channels", f"a multiple of groups = {groups}"
            )
        shape = (*f, input_shape[-1] // groups, features)
        return _affine(key, shape, dtype, use_bias, kernel_init, bias_init), ()

    geometry: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return Layer(init, _stateless(lambda params, A: conv(A, params["W"], params.get("b"), **geometry)))


def Dense(
    features: int,
    *,
    use_bias: bool = True,
    kernel_init: Initializer | None = None,
    bias_init: Initializer = initializers.zeros,
) -> Layer:
    """The dense layer, `jaxcnn.dense`: (B, …, n_in) → (B, …, features).

    Args:
        features: n_out.
        use_bias: whether b is added.
        kernel_init, bias_init: (key, shape, dtype) → array; by default lecun_normal and zeros.

    params: {"W": (n_in, n_out), "b": (n_out,)}, without b where use_bias is False.

    >>> params, _ = Dense(10).init(jax.random.key(0), (128,))
    >>> params["W"].shape, params["b"].shape
    ((128, 10), (10,))
    """
    features = integer("Dense", "features", features, least=1)
    kernel_init = lecun_normal() if kernel_init is None else kernel_init

    def init(key: Array, input_shape: Shape, dtype: DTypeLike = jnp.float32):
        if len(input_shape) < 1:
            wrong_value("Dense", "input_shape is ()", "(…, n_in), the features on the last axis")
        shape = (input_shape[-1], features)
        return _affine(key, shape, dtype, use_bias, kernel_init, bias_init), ()

    return Layer(init, _stateless(lambda params, A: dense(A, params["W"], params.get("b"))))


def MaxPool(
    window: Sequence[int],
    *,
    stride: int | Sequence[int] | None = None,
    padding: Padding = "VALID",
    dilation: int | Sequence[int] = 1,
) -> Layer:
    """The layer of `jaxcnn.max_pool`, with its arguments; no parameters."""
    geometry: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation}
    return _parameterless(lambda A: max_pool(A, window, **geometry))


def AvgPool(
    window: Sequence[int],
    *,
    stride: int | Sequence[int] | None = None,
    padding: Padding = "VALID",
    dilation: int | Sequence[int] = 1,
    count_padding: bool = False,
) -> Layer:
    """The layer of `jaxcnn.avg_pool`, with its arguments; no parameters."""
    geometry: dict[str, Any] = {
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "count_padding": count_padding,
    }
    return _parameterless(lambda A: avg_pool(A, window, **geometry))


def Flatten() -> Layer:
    """(B, …) → (B, the product of the others); no parameters."""
    return _parameterless(lambda A: A.reshape(A.shape[0], math.prod(A.shape[1:])))


def Activation(g: Callable[..., Array], **keywords: Any) -> Layer:
    """The layer A = g(Z, **keywords); no parameters.

    >>> leaky = Activation(activations.leaky_relu, negative_slope=0.25)
    >>> leaky.apply((), (), jnp.array([[-4.0, 4.0]], jnp.float32))[0]
    Array([[-1.,  4.]], dtype=float32)
    """
    return _parameterless(partial(g, **keywords))


Relu = Activation(activations.relu)
LeakyRelu = Activation(activations.leaky_relu)
Sigmoid = Activation(activations.sigmoid)
Tanh = Activation(activations.tanh)
Softplus = Activation(activations.softplus)
Softmax = Activation(activations.softmax)
LogSoftmax = Activation(activations.log_softmax)


def sequential(*layers: Layer) -> Layer:
    """The layers one after another, itself a layer; params and state are tuples with an entry for each.

    >>> net = sequential(Conv(4, (3, 3)), Relu, MaxPool((2, 2)), Flatten(), Dense(10))
    >>> params, state = net.init(jax.random.key(0), (8, 8, 1))
    >>> net.apply(params, state, jnp.ones((5, 8, 8, 1), jnp.float32))[0].shape
    (5, 10)
    """

    def init(key: Array, input_shape: Shape, dtype: DTypeLike = jnp.float32):
        pairs, shape = [], tuple(input_shape)
        for layer, layer_key in zip(layers, jax.random.split(key, len(layers)), strict=True):
            params, state = layer.init(layer_key, shape, dtype)
            pairs.append((params, state))
            A, _ = jax.eval_shape(layer.apply, params, state, jax.ShapeDtypeStruct((1, *shape), dtype))
            shape = A.shape[1:]
        return tuple(params for params, _ in pairs), tuple(state for _, state in pairs)

    def apply(params: Any, state: Any, A: Array, *, train: bool = False, key: Array | None = None):
        keys = [None] * len(layers) if key is None else jax.random.split(key, len(layers))
        states = []
        for layer, *own, layer_key in zip(layers, params, state, keys, strict=True):
            A, after = layer.apply(*own, A, train=train, key=layer_key)
            states.append(after)
        return A, tuple(states)

    return Layer(init, apply)
