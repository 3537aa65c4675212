"""Layers: pairs of functions (init, apply) over the operations, with explicit parameters, state and keys.

    init(key, input_shape, dtype=float32)                      → (params, state)
    apply(params, state, A, *, train=False, key=None)          → (A, state)

input_shape leaves the batch axis out; apply wants it in. params are what an optimiser changes, state is
what apply changes; both are pytrees, empty where a layer has none. `train` and `key` are for layers
that act otherwise while training, BatchNorm and Dropout, or draw, Dropout; the others ignore them.

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

from jaxcnn import activations, normalization, rectifiers, softmaxes
from jaxcnn._arrays import array, floating_dtype, one_key, same_dtype, same_shape
from jaxcnn._errors import boolean, integer, number, window_tuple, wrong_type, wrong_value
from jaxcnn._layers import Shape, entries, keys_of, one_each, shape_of
from jaxcnn.adaptive_pooling import adaptive_avg_pool, adaptive_max_pool, global_avg_pool, global_max_pool
from jaxcnn.convolution import conv
from jaxcnn.forms.windows import accumulator
from jaxcnn.linear import dense
from jaxcnn.normalization import AxisName, batch_norm, batch_norm_inference
from jaxcnn.pooling import avg_pool, max_pool
from jaxcnn.stochastic import dropout
from jaxcnn.transposed_convolution import conv_transpose
from jaxcnn.upsampling import pixel_shuffle, upsample_bilinear, upsample_nearest
from jaxcnn.window import Padding

Initializer = Callable[..., Array]
"""(key, shape, dtype) → array."""

he_normal = partial(initializers.he_normal, in_axis=-2, out_axis=-1)
"""Normal, of variance 2/fan_in; called, it gives the initialiser.

>>> round(float(he_normal()(jax.random.key(0), (3, 3, 16, 64)).std()), 2)
0.12
"""

he_uniform = partial(initializers.he_uniform, in_axis=-2, out_axis=-1)
"""Uniform, of variance 2/fan_in: up to √(6/fan_in); called, it gives the initialiser.

>>> round(float(he_uniform()(jax.random.key(0), (3, 3, 16, 64)).max()), 2)
0.2
"""

glorot_normal = partial(initializers.glorot_normal, in_axis=-2, out_axis=-1)
"""Normal, of variance 2/(fan_in + fan_out); called, it gives the initialiser.

>>> round(float(glorot_normal()(jax.random.key(0), (3, 3, 16, 64)).std()), 2)
0.05
"""

glorot_uniform = partial(initializers.glorot_uniform, in_axis=-2, out_axis=-1)
"""Uniform, of variance 2/(fan_in + fan_out): up to √(6/(fan_in + fan_out)); called, it gives the initialiser.

>>> round(float(glorot_uniform()(jax.random.key(0), (3, 3, 16, 64)).max()), 2)
0.09
"""

lecun_normal = partial(initializers.lecun_normal, in_axis=-2, out_axis=-1)
"""Normal, of variance 1/fan_in; called, it gives the initialiser.

>>> round(float(lecun_normal()(jax.random.key(0), (3, 3, 16, 64)).std()), 2)
0.08
"""

lecun_uniform = partial(initializers.lecun_uniform, in_axis=-2, out_axis=-1)
"""Uniform, of variance 1/fan_in: up to √(3/fan_in); called, it gives the initialiser.

>>> round(float(lecun_uniform()(jax.random.key(0), (3, 3, 16, 64)).max()), 2)
0.14
"""


class Layer(NamedTuple):
    """A layer as two pure functions.

    Attributes:
        init: (key, input_shape, dtype=float32) → (params, state); input_shape without the batch axis.
        apply: (params, state, A, *, train=False, key=None) → (A, state); A with a batch axis.

    >>> double = Layer(lambda key, shape, dtype=float: ((), ()), lambda params, state, A, **_: (2 * A, state))
    >>> double.apply((), (), jnp.ones((1, 2)))[0]
    Array([[2., 2.]], dtype=float32)
    """

    init: Callable[..., tuple[Any, Any]]
    apply: Callable[..., tuple[Array, Any]]


class _Affine:
    """How the parameters W and b of a layer are made and found, on behalf of `operation`."""

    def __init__(self, operation: str, use_bias: Any, kernel_init: Initializer, bias_init: Initializer):
        self.operation = operation
        self.names = ("W", "b") if boolean(operation, "use_bias", use_bias) else ("W",)
        self.kernel_init, self.bias_init = kernel_init, bias_init

    def init(self, key: Array, shape: Shape, features: int, dtype: DTypeLike) -> dict[str, Array]:
        """W of the shape, and b, one number for each of the features that come out."""
        W_key, b_key = jax.random.split(one_key(self.operation, key))
        W = self._draw("kernel_init", self.kernel_init, W_key, shape, dtype)
        if "b" not in self.names:
            return {"W": W}
        return {"W": W, "b": self._draw("bias_init", self.bias_init, b_key, (features,), dtype)}

    def _draw(self, argument: str, init: Initializer, key: Array, shape: Shape, dtype: DTypeLike) -> Array:
        dtype = floating_dtype(self.operation, "dtype", dtype)
        try:
            return init(key, shape, dtype)
        except TypeError as error:
            wrong_type(
                self.operation,
                f"{argument} cannot be called with (key, shape, dtype): {error}",
                "an initialiser, such as layers.he_normal() or jax.nn.initializers.zeros",
            )

    def of(self, params: Any) -> tuple[Array, Array | None]:
        """W and b."""
        entries(self.operation, "params", params, self.names)
        return params["W"], params.get("b")


def _check_layer(operation: str, argument: str, layer: Any) -> None:
    if not isinstance(layer, Layer):
        came = getattr(layer, "__name__", None) or f"a {type(layer).__name__}"
        wrong_type(operation, f"{argument} is {came}", "a Layer, such as Conv(8, (3, 3)), Flatten() or Relu")


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


def _with_its_batch(operation: str, rank: int, A: Array) -> Array:
    """A, of which the operation would else take the batch axis for a spatial one, or the other way round."""
    if array(operation, "A", A).ndim != rank + 2:
        wrong_value(
            operation, f"A has shape {A.shape}", f"(B, *n, C) with {rank} spatial axes and the batch axis"
        )
    return A


def _over_pixels(operation: str, rank: int, function: Callable[[Array], Array]) -> Layer:
    """The layer of a function of A alone, which has so many spatial axes."""
    return _parameterless(lambda A: function(_with_its_batch(operation, rank, A)))


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
    affine = _Affine("Conv", use_bias, he_normal() if kernel_init is None else kernel_init, bias_init)

    def init(key: Array, input_shape: Shape, dtype: DTypeLike = jnp.float32):
        channels = _channels("Conv", input_shape, len(f), groups)
        return affine.init(key, (*f, channels // groups, features), features, dtype), ()

    geometry: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}

    def apply(params: Any, A: Array) -> Array:
        return conv(_with_its_batch("Conv", len(f), A), *affine.of(params), **geometry)

    return Layer(init, _stateless(apply))


def ConvTranspose(
    features: int,
    kernel_size: Sequence[int],
    *,
    output_size: int | Sequence[int] | None = None,
    stride: int | Sequence[int] = 1,
    padding: Padding = "VALID",
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    use_bias: bool = True,
    kernel_init: Initializer | None = None,
    bias_init: Initializer = initializers.zeros,
) -> Layer:
    """The layer of `jaxcnn.conv_transpose`, a convolution's adjoint: (B, *n_out, K) → (B, *n, features).

    Args:
        features: C, the channels that come out.
        kernel_size: f, one entry for each spatial axis.
        output_size, stride, padding, dilation, groups: as in `jaxcnn.conv_transpose`.
        use_bias: whether b is added.
        kernel_init, bias_init: (key, shape, dtype) → array; by default zeros, and he_normal of what goes in
            here, fan_in f_1 ⋯ f_r K.

    params: {"W": (*f, C/groups, K), "b": (C,)}, without b where use_bias is False.

    >>> layer = ConvTranspose(3, (4, 4), stride=2, padding=1)
    >>> params, _ = layer.init(jax.random.key(0), (8, 8, 16))
    >>> params["W"].shape, layer.apply(params, (), jnp.ones((1, 8, 8, 16), jnp.float32))[0].shape
    ((4, 4, 3, 16), (1, 16, 16, 3))
    """
    operation = "ConvTranspose"
    features = integer(operation, "features", features, least=1)
    f = window_tuple(operation, "kernel_size", kernel_size)
    groups = integer(operation, "groups", groups, least=1)
    if features % groups:
        wrong_value(operation, f"features is {features}", f"a multiple of groups = {groups}")
    of_inputs = initializers.he_normal(in_axis=-1, out_axis=-2) if kernel_init is None else kernel_init
    affine = _Affine(operation, use_bias, of_inputs, bias_init)

    def init(key: Array, input_shape: Shape, dtype: DTypeLike = jnp.float32):
        channels = _channels(operation, input_shape, len(f), groups)
        params = affine.init(key, (*f, features // groups, channels), features, dtype)
        return params, ()

    geometry: dict[str, Any] = {
        "output_size": output_size,
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "groups": groups,
    }

    def apply(params: Any, Z: Array) -> Array:
        return conv_transpose(_with_its_batch(operation, len(f), Z), *affine.of(params), **geometry)

    return Layer(init, _stateless(apply))


def _channels(operation: str, input_shape: Any, rank: int, groups: int) -> int:
    """The channels of an input_shape (*n, C), a multiple of groups."""
    expected = f"(*n, C) with {rank} spatial axes, without the batch axis"
    input_shape = shape_of(operation, input_shape, expected)
    if len(input_shape) != rank + 1:
        wrong_value(operation, f"input_shape is {input_shape}", expected)
    if input_shape[-1] % groups:
        wrong_value(
            operation, f"input_shape has {input_shape[-1]} channels", f"a multiple of groups = {groups}"
        )
    return input_shape[-1]


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
    affine = _Affine("Dense", use_bias, lecun_normal() if kernel_init is None else kernel_init, bias_init)

    def init(key: Array, input_shape: Shape, dtype: DTypeLike = jnp.float32):
        input_shape = shape_of("Dense", input_shape, "(…, n_in), without the batch axis")
        return affine.init(key, (input_shape[-1], features), features, dtype), ()

    return Layer(init, _stateless(lambda params, A: dense(A, *affine.of(params))))


def MaxPool(
    window: Sequence[int],
    *,
    stride: int | Sequence[int] | None = None,
    padding: Padding = "VALID",
    dilation: int | Sequence[int] = 1,
) -> Layer:
    """The layer of `jaxcnn.max_pool`, with its arguments; no parameters.

    >>> MaxPool((2,)).apply((), (), jnp.array([[[1.0], [5.0], [3.0], [2.0]]]))[0][..., 0]
    Array([[5., 3.]], dtype=float32)
    """
    f = window_tuple("MaxPool", "window", window)
    geometry: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation}
    return _over_pixels("MaxPool", len(f), lambda A: max_pool(A, f, **geometry))


def AvgPool(
    window: Sequence[int],
    *,
    stride: int | Sequence[int] | None = None,
    padding: Padding = "VALID",
    dilation: int | Sequence[int] = 1,
    count_padding: bool = False,
) -> Layer:
    """The layer of `jaxcnn.avg_pool`, with its arguments; no parameters.

    >>> AvgPool((2,)).apply((), (), jnp.array([[[1.0], [5.0], [3.0], [2.0]]]))[0][..., 0]
    Array([[3. , 2.5]], dtype=float32)
    """
    f = window_tuple("AvgPool", "window", window)
    geometry: dict[str, Any] = {
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "count_padding": boolean("AvgPool", "count_padding", count_padding),
    }
    return _over_pixels("AvgPool", len(f), lambda A: avg_pool(A, f, **geometry))


def _over_space(name: str, pool: Callable[..., Array]) -> Layer:
    """The layer of a pool over all spatial axes of A (B, *n, C)."""

    def over_space(A: Array) -> Array:
        if array(name, "A", A).ndim < 3:
            wrong_value(name, f"A has shape {A.shape}", "(B, *n, C), with its batch axis")
        return pool(A, spatial=A.ndim - 2)

    return _parameterless(over_space)


GlobalAvgPool = _over_space("GlobalAvgPool", global_avg_pool)
"""The layer of `jaxcnn.global_avg_pool`: (B, *n, C) → (B, C).

>>> GlobalAvgPool.apply((), (), jnp.array([[[1.0], [5.0], [3.0]]], jnp.float32))[0]
Array([[3.]], dtype=float32)
"""

GlobalMaxPool = _over_space("GlobalMaxPool", global_max_pool)
"""The layer of `jaxcnn.global_max_pool`: (B, *n, C) → (B, C).

>>> GlobalMaxPool.apply((), (), jnp.array([[[1.0], [5.0], [3.0]]], jnp.float32))[0]
Array([[5.]], dtype=float32)
"""


def AdaptiveAvgPool(output_size: Sequence[int]) -> Layer:
    """The layer of `jaxcnn.adaptive_avg_pool`: (B, *n, C) → (B, *output_size, C).

    >>> AdaptiveAvgPool((2, 2)).apply((), (), jnp.ones((1, 7, 5, 3)))[0].shape
    (1, 2, 2, 3)
    """
    size = window_tuple("AdaptiveAvgPool", "output_size", output_size)
    return _over_pixels("AdaptiveAvgPool", len(size), lambda A: adaptive_avg_pool(A, size))


def AdaptiveMaxPool(output_size: Sequence[int]) -> Layer:
    """The layer of `jaxcnn.adaptive_max_pool`: (B, *n, C) → (B, *output_size, C).

    >>> AdaptiveMaxPool((2, 2)).apply((), (), jnp.ones((1, 7, 5, 3)))[0].shape
    (1, 2, 2, 3)
    """
    size = window_tuple("AdaptiveMaxPool", "output_size", output_size)
    return _over_pixels("AdaptiveMaxPool", len(size), lambda A: adaptive_max_pool(A, size))


def UpsampleNearest(factor: Sequence[int]) -> Layer:
    """The layer of `jaxcnn.upsample_nearest`: (B, *n, C) → (B, *n·f, C).

    >>> UpsampleNearest((2, 2)).apply((), (), jnp.ones((1, 7, 5, 3)))[0].shape
    (1, 14, 10, 3)
    """
    f = window_tuple("UpsampleNearest", "factor", factor)
    return _over_pixels("UpsampleNearest", len(f), lambda A: upsample_nearest(A, f))


def UpsampleBilinear(factor: Sequence[int], *, align_corners: bool = False) -> Layer:
    """The layer of `jaxcnn.upsample_bilinear`, with its arguments: (B, *n, C) → (B, *n·f, C).

    >>> UpsampleBilinear((2, 2)).apply((), (), jnp.ones((1, 7, 5, 3)))[0].shape
    (1, 14, 10, 3)
    """
    f = window_tuple("UpsampleBilinear", "factor", factor)
    corners = boolean("UpsampleBilinear", "align_corners", align_corners)
    return _over_pixels("UpsampleBilinear", len(f), lambda A: upsample_bilinear(A, f, align_corners=corners))


def PixelShuffle(factor: Sequence[int]) -> Layer:
    """The layer of `jaxcnn.pixel_shuffle`, with F = f_1·f_2·…: (B, *n, C·F) → (B, *n·f, C).

    >>> PixelShuffle((2, 2)).apply((), (), jnp.ones((1, 7, 5, 12)))[0].shape
    (1, 14, 10, 3)
    """
    f = window_tuple("PixelShuffle", "factor", factor)
    return _over_pixels("PixelShuffle", len(f), lambda A: pixel_shuffle(A, f))


def Flatten() -> Layer:
    """(B, …) → (B, the product of the others); no parameters.

    >>> Flatten().apply((), (), jnp.ones((2, 4, 4, 3)))[0].shape
    (2, 48)
    """

    def flatten(A: Array) -> Array:
        if array("Flatten", "A", A).ndim < 1:
            wrong_value("Flatten", f"A has shape {A.shape}", "(B, …), with its batch axis")
        return A.reshape(A.shape[0], math.prod(A.shape[1:]))

    return _parameterless(flatten)


def Activation(g: Callable[..., Array], **keywords: Any) -> Layer:
    """The layer A = g(Z, **keywords); no parameters.

    >>> leaky = Activation(rectifiers.leaky_relu, negative_slope=0.25)
    >>> leaky.apply((), (), jnp.array([[-4.0, 4.0]], jnp.float32))[0]
    Array([[-1.,  4.]], dtype=float32)
    """
    if not callable(g):
        wrong_type("Activation", f"g is {g!r}", "a function of A, such as jaxcnn.relu")
    return _parameterless(partial(g, **keywords))


Relu = Activation(rectifiers.relu)
"""The layer of `jaxcnn.relu`.

>>> Relu.apply((), (), jnp.array([[-1.0, 2.0]]))[0]
Array([[0., 2.]], dtype=float32)
"""

LeakyRelu = Activation(rectifiers.leaky_relu)
"""The layer of `jaxcnn.leaky_relu`.

>>> LeakyRelu.apply((), (), jnp.array([[-100.0, 2.0]]))[0]
Array([[-1.,  2.]], dtype=float32)
"""

Relu6 = Activation(rectifiers.relu6)
"""The layer of `jaxcnn.relu6`.

>>> Relu6.apply((), (), jnp.array([[-1.0, 8.0]]))[0]
Array([[0., 6.]], dtype=float32)
"""

Elu = Activation(rectifiers.elu)
"""The layer of `jaxcnn.elu`.

>>> Elu.apply((), (), jnp.array([[-jnp.inf, 2.0]]))[0]
Array([[-1.,  2.]], dtype=float32)
"""

Hardswish = Activation(rectifiers.hardswish)
"""The layer of `jaxcnn.hardswish`.

>>> Hardswish.apply((), (), jnp.array([[-4.0, 4.0]]))[0]
Array([[-0.,  4.]], dtype=float32)
"""

Sigmoid = Activation(activations.sigmoid)
"""The layer of `jaxcnn.sigmoid`.

>>> Sigmoid.apply((), (), jnp.array([[0.0, jnp.inf]]))[0]
Array([[0.5, 1. ]], dtype=float32)
"""

Tanh = Activation(activations.tanh)
"""The layer of `jaxcnn.tanh`.

>>> Tanh.apply((), (), jnp.array([[0.0, jnp.inf]]))[0]
Array([[0., 1.]], dtype=float32)
"""

Softplus = Activation(activations.softplus)
"""The layer of `jaxcnn.softplus`.

>>> Softplus.apply((), (), jnp.array([[-jnp.inf, 100.0]]))[0]
Array([[  0., 100.]], dtype=float32)
"""

Silu = Activation(activations.silu)
"""The layer of `jaxcnn.silu`.

>>> Silu.apply((), (), jnp.array([[0.0, 100.0]]))[0]
Array([[  0., 100.]], dtype=float32)
"""

Gelu = Activation(activations.gelu)
"""The layer of `jaxcnn.gelu`.

>>> Gelu.apply((), (), jnp.array([[0.0, 100.0]]))[0]
Array([[  0., 100.]], dtype=float32)
"""

Mish = Activation(activations.mish)
"""The layer of `jaxcnn.mish`.

>>> Mish.apply((), (), jnp.array([[0.0, 100.0]]))[0]
Array([[  0., 100.]], dtype=float32)
"""

Glu = Activation(activations.glu)
"""The layer of `jaxcnn.glu`.

>>> Glu.apply((), (), jnp.array([[4.0, 0.0]]))[0]
Array([[2.]], dtype=float32)
"""

Softmax = Activation(softmaxes.softmax)
"""The layer of `jaxcnn.softmax`.

>>> Softmax.apply((), (), jnp.array([[0.0, 0.0]]))[0]
Array([[0.5, 0.5]], dtype=float32)
"""

LogSoftmax = Activation(softmaxes.log_softmax)
"""The layer of `jaxcnn.log_softmax`.

>>> LogSoftmax.apply((), (), jnp.array([[0.0, -jnp.inf]]))[0]
Array([[  0., -inf]], dtype=float32)
"""


def BatchNorm(
    *,
    momentum: float = 0.9,
    epsilon: float = 1e-5,
    axis_name: AxisName | None = None,
    use_gamma: bool = True,
    use_beta: bool = True,
) -> Layer:
    """`jaxcnn.batch_norm` while training, `jaxcnn.batch_norm_inference` with running statistics otherwise.

    Args:
        momentum: how much of a running statistic stays, a Python number from 0 to 1:
            state ← momentum · state + (1 − momentum) · the batch's, as in flax; torch's is 1 − momentum.
        epsilon, axis_name: as in `jaxcnn.batch_norm`.
        use_gamma, use_beta: whether Z is scaled, and shifted.

    params: {"gamma": (C,), "beta": (C,)}, without those that are not used.
    state: {"mean": (C,), "variance": (C,)}, in float32 or wider, at first 0 and 1.

    >>> layer = BatchNorm(momentum=0.5)
    >>> params, state = layer.init(jax.random.key(0), (2,))
    >>> A = jnp.array([[1.0, 5.0], [3.0, 5.0]], jnp.float32)
    >>> Z, state = layer.apply(params, state, A, train=True)
    >>> state["mean"], state["variance"]
    (Array([1. , 2.5], dtype=float32), Array([1. , 0.5], dtype=float32))
    """
    keep = number("BatchNorm", "momentum", momentum, "from 0 to 1", lambda m: 0 <= m <= 1)
    scale = _Scale("BatchNorm", use_gamma, use_beta)

    def init(key: Array, input_shape: Shape, dtype: DTypeLike = jnp.float32):
        params, _ = scale.init(key, input_shape, dtype)
        size, wide = input_shape[-1:], accumulator(dtype)
        return params, {"mean": jnp.zeros(size, wide), "variance": jnp.ones(size, wide)}

    def apply(params: Any, state: Any, A: Array, *, train: bool = False, key: Array | None = None):
        del key
        affine = scale.of(params)
        entries("BatchNorm", "state", state, ("mean", "variance"))
        if not boolean("BatchNorm", "train", train):
            return batch_norm_inference(A, *affine, **state, epsilon=epsilon), state
        Z, mean, variance = batch_norm(A, *affine, axis_name=axis_name, epsilon=epsilon)
        batch = {"mean": mean, "variance": variance}
        for name in batch:
            both = {"the batch": batch[name], f"state['{name}']": state[name]}
            same_shape("BatchNorm", **both)
            same_dtype("BatchNorm", **both)
        return Z, {name: keep * state[name] + (1 - keep) * batch[name] for name in batch}

    return Layer(init, apply)


def GroupNorm(groups: int, *, epsilon: float = 1e-5, use_gamma: bool = True, use_beta: bool = True) -> Layer:
    """The layer of `jaxcnn.group_norm`; params as in `BatchNorm`.

    >>> GroupNorm(2).init(jax.random.key(0), (8, 8, 4))[0]["gamma"].shape
    (4,)
    """
    return _normalization(
        _Scale("GroupNorm", use_gamma, use_beta),
        normalization.group_norm,
        groups=integer("GroupNorm", "groups", groups, least=1),
        epsilon=epsilon,
    )


def LayerNorm(*, epsilon: float = 1e-5, use_gamma: bool = True, use_beta: bool = True) -> Layer:
    """The layer of `jaxcnn.layer_norm`; params as in `BatchNorm`.

    >>> norm = LayerNorm(use_beta=False)
    >>> params, state = norm.init(jax.random.key(0), (2,))
    >>> norm.apply(params, state, jnp.array([[1.0, 5.0]]))[0].round(2)
    Array([[-1.,  1.]], dtype=float32)
    """
    return _normalization(_Scale("LayerNorm", use_gamma, use_beta), normalization.layer_norm, epsilon=epsilon)


def InstanceNorm(*, epsilon: float = 1e-5, use_gamma: bool = True, use_beta: bool = True) -> Layer:
    """The layer of `jaxcnn.instance_norm`; params as in `BatchNorm`.

    >>> norm = InstanceNorm()
    >>> params, state = norm.init(jax.random.key(0), (2, 1))
    >>> norm.apply(params, state, jnp.array([[[1.0], [5.0]]]))[0][..., 0].round(2)
    Array([[-1.,  1.]], dtype=float32)
    """
    return _normalization(
        _Scale("InstanceNorm", use_gamma, use_beta), normalization.instance_norm, epsilon=epsilon
    )


def RMSNorm(*, epsilon: float = 1e-5, use_gamma: bool = True) -> Layer:
    """The layer of `jaxcnn.rms_norm`; params {"gamma": (C,)}, or none.

    >>> norm = RMSNorm()
    >>> params, state = norm.init(jax.random.key(0), (2,))
    >>> norm.apply(params, state, jnp.array([[-2.0, 2.0]]))[0].round(2)
    Array([[-1.,  1.]], dtype=float32)
    """
    return _normalization(_Scale("RMSNorm", use_gamma, False), normalization.rms_norm, epsilon=epsilon)


class _Scale:
    """How the parameters γ = 1 and β = 0 of a normalisation are made and found, or what is used of them."""

    def __init__(self, operation: str, use_gamma: Any, use_beta: Any):
        used = {
            "gamma": boolean(operation, "use_gamma", use_gamma),
            "beta": boolean(operation, "use_beta", use_beta),
        }
        self.operation = operation
        self.names = tuple(name for name in used if used[name])

    def init(self, key: Array, input_shape: Shape, dtype: DTypeLike = jnp.float32):
        del key
        size = shape_of(self.operation, input_shape, "(…, C), without the batch axis")[-1:]
        dtype = floating_dtype(self.operation, "dtype", dtype)
        make = {"gamma": jnp.ones, "beta": jnp.zeros}
        return {name: make[name](size, dtype) for name in self.names}, ()

    def of(self, params: Any) -> tuple[Array | None, Array | None]:
        """γ and β."""
        entries(self.operation, "params", params, self.names)
        return params.get("gamma"), params.get("beta")


def _normalization(scale: _Scale, operation: Callable[..., Array], **keywords: Any) -> Layer:
    """The layer of a normalisation that has no state."""

    def function(params: Any, A: Array) -> Array:
        scale.of(params)
        return operation(A, **params, **keywords)

    return Layer(scale.init, _stateless(function))


def Dropout(rate: float, *, spatial: bool = False) -> Layer:
    """`jaxcnn.dropout` while training, for which apply needs a key; else A. No parameters.

    >>> Dropout(0.5).apply((), (), jnp.ones((1, 4), jnp.float32), train=True, key=jax.random.key(0))[0]
    Array([[0., 0., 2., 2.]], dtype=float32)
    """
    rate = number("Dropout", "rate", rate, "from 0 to 1", lambda q: 0 <= q <= 1)
    spatial = boolean("Dropout", "spatial", spatial)

    def apply(params: Any, state: Any, A: Array, *, train: bool = False, key: Array | None = None):
        del params
        if not boolean("Dropout", "train", train):
            return A, state
        if key is None:
            wrong_type("Dropout", "key is None while train is True", "a key of jax.random: apply(…, key=key)")
        return dropout(key, A, rate, spatial=spatial), state

    return Layer(lambda key, input_shape, dtype=jnp.float32: ((), ()), apply)


def sequential(*layers: Layer) -> Layer:
    """The layers one after another, itself a layer; params and state are tuples with an entry for each.

    >>> net = sequential(Conv(4, (3, 3)), Relu, MaxPool((2, 2)), Flatten(), Dense(10))
    >>> params, state = net.init(jax.random.key(0), (8, 8, 1))
    >>> net.apply(params, state, jnp.ones((5, 8, 8, 1), jnp.float32))[0].shape
    (5, 10)
    """
    for place, layer in enumerate(layers):
        _check_layer("sequential", f"layers[{place}]", layer)

    def init(key: Array, input_shape: Shape, dtype: DTypeLike = jnp.float32):
        pairs, shape = [], shape_of("sequential", input_shape, "a tuple of integers, without the batch axis")
        keys = jax.random.split(one_key("sequential", key), len(layers))
        for layer, layer_key in zip(layers, keys, strict=True):
            params, state = layer.init(layer_key, shape, dtype)
            pairs.append((params, state))
            A, _ = jax.eval_shape(layer.apply, params, state, jax.ShapeDtypeStruct((1, *shape), dtype))
            shape = A.shape[1:]
        return tuple(params for params, _ in pairs), tuple(state for _, state in pairs)

    def apply(params: Any, state: Any, A: Array, *, train: bool = False, key: Array | None = None):
        one_each("sequential", "params", params, len(layers))
        one_each("sequential", "state", state, len(layers))
        keys = keys_of("sequential", key, len(layers))
        states = []
        for layer, *own, layer_key in zip(layers, params, state, keys, strict=True):
            A, after = layer.apply(*own, A, train=train, key=layer_key)
            states.append(after)
        return A, tuple(states)

    return Layer(init, apply)


def residual(layer: Layer, shortcut: Layer | None = None) -> Layer:
    """layer(A) + shortcut(A), or layer(A) + A; He et al., "Deep residual learning", 2016.

    params and state: {"layer": …, "shortcut": …}; () for a shortcut that is None.

    >>> block = residual(Conv(4, (3, 3), padding="SAME"))
    >>> params, state = block.init(jax.random.key(0), (8, 8, 4))
    >>> block.apply(params, state, jnp.ones((5, 8, 8, 4), jnp.float32))[0].shape
    (5, 8, 8, 4)
    """
    _check_layer("residual", "layer", layer)
    if shortcut is not None:
        _check_layer("residual", "shortcut", shortcut)
    branches = {"layer": layer, "shortcut": _parameterless(lambda A: A) if shortcut is None else shortcut}

    def init(key: Array, input_shape: Shape, dtype: DTypeLike = jnp.float32):
        keys = jax.random.split(one_key("residual", key))
        pairs = {
            name: branch.init(k, input_shape, dtype)
            for (name, branch), k in zip(branches.items(), keys, strict=True)
        }
        return tuple({name: pair[part] for name, pair in pairs.items()} for part in (0, 1))

    def apply(params: Any, state: Any, A: Array, *, train: bool = False, key: Array | None = None):
        entries("residual", "params", params, tuple(branches))
        entries("residual", "state", state, tuple(branches))
        keys = keys_of("residual", key, 2)
        results, states = {}, {}
        for (name, branch), k in zip(branches.items(), keys, strict=True):
            results[name], states[name] = branch.apply(params[name], state[name], A, train=train, key=k)
        through, past = results["layer"], results["shortcut"]
        if through.shape != past.shape:
            wrong_value(
                "residual",
                f"layer gives shape {through.shape}",
                f"the shortcut's, {past.shape}; a shortcut such as Conv(features, (1, 1), stride=s) fits it",
            )
        same_dtype("residual", layer=through, shortcut=past)
        return through + past, states

    return Layer(init, apply)


def depthwise_separable(
    features: int,
    kernel_size: Sequence[int],
    *,
    stride: int | Sequence[int] = 1,
    padding: Padding = "VALID",
    dilation: int | Sequence[int] = 1,
    use_bias: bool = True,
) -> Layer:
    """A convolution of each channel alone, without bias, then one of 1×1: (B, *n, C) → (B, *n_out, features).

    Args:
        features: K, the channels that come out.
        kernel_size: f, one entry for each spatial axis.
        stride, padding, dilation: of the first convolution, as in `jaxcnn.conv`.
        use_bias: whether the second adds b.

    params: those of the two, in a tuple. Source: Chollet, "Xception", 2017.

    >>> params, _ = depthwise_separable(8, (3, 3)).init(jax.random.key(0), (28, 28, 4))
    >>> params[0]["W"].shape, params[1]["W"].shape
    ((3, 3, 1, 4), (1, 1, 4, 8))
    """
    features = integer("depthwise_separable", "features", features, least=1)
    f = window_tuple("depthwise_separable", "kernel_size", kernel_size)
    pointwise = Conv(features, (1,) * len(f), use_bias=use_bias)
    geometry: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation}
    return _by_channels(
        "depthwise_separable",
        lambda C: sequential(Conv(C, f, groups=C, use_bias=False, **geometry), pointwise),
    )


def squeeze_excite(ratio: int = 16) -> Layer:
    """A times a gate for each channel, σ(dense(relu(dense(mean of A over space)))): (B, *n, C) → the same.

    Args:
        ratio: the hidden layer has C/ratio features, rounded down, at least 1.

    params: those of the gate, as of `sequential`. Source: Hu et al., "Squeeze-and-excitation networks", 2018.

    >>> params, _ = squeeze_excite(4).init(jax.random.key(0), (28, 28, 8))
    >>> params[0]["W"].shape, params[2]["W"].shape
    ((8, 2), (2, 8))
    """
    ratio = integer("squeeze_excite", "ratio", ratio, least=1)
    squeeze = _over_space("squeeze_excite", global_avg_pool)
    gate = _by_channels(
        "squeeze_excite", lambda C: sequential(Dense(max(1, C // ratio)), Relu, Dense(C), Sigmoid)
    )

    def apply(params: Any, state: Any, A: Array, *, train: bool = False, key: Array | None = None):
        mean, _ = squeeze.apply((), (), A)
        opening, state = gate.apply(params, state, mean, train=train, key=key)
        return A * jnp.expand_dims(opening, range(1, A.ndim - 1)), state

    return Layer(gate.init, apply)


def _by_channels(operation: str, make: Callable[[int], Layer]) -> Layer:
    """The layer that make(C) gives for an input of C channels."""

    def init(key: Array, input_shape: Shape, dtype: DTypeLike = jnp.float32):
        input_shape = shape_of(operation, input_shape, "(*n, C), without the batch axis")
        return make(input_shape[-1]).init(key, input_shape, dtype)

    def apply(params: Any, state: Any, A: Array, *, train: bool = False, key: Array | None = None):
        if array(operation, "A", A).ndim < 1:
            wrong_value(operation, f"A has shape {A.shape}", "(B, *n, C), with its batch axis")
        return make(A.shape[-1]).apply(params, state, A, train=train, key=key)

    return Layer(init, apply)
