"""Wrong calls of layers."""

import jax.numpy as jnp

from invalid_calls.common import (
    BARE_BATCH_NORM,
    F32,
    FLOATING,
    KEY,
    LAYER,
    NO_BRANCHES,
    ONE_KEY,
    A,
    C,
    Call,
    N,
    V,
    W,
)
from jaxcnn import relu
from jaxcnn.layers import (
    Activation,
    AdaptiveAvgPool,
    AdaptiveMaxPool,
    AvgPool,
    BatchNorm,
    Conv,
    ConvTranspose,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    MaxPool,
    PixelShuffle,
    Relu,
    RMSNorm,
    UpsampleBilinear,
    UpsampleNearest,
    depthwise_separable,
    he_normal,
    residual,
    sequential,
    squeeze_excite,
)

WRONG: dict[str, dict[str, Call]] = {
    "Conv": {
        "no batch axis": (
            lambda: Conv(2, (3, 3), use_bias=False).apply({"W": W}, (), A[0]),
            ValueError,
            "A has shape (4, 4, 6); expected (B, *n, C) with 2 spatial axes and the batch axis",
        ),
        "no features": (
            lambda: Conv(0, (3, 3)),
            ValueError,
            "features is 0; expected an integer of at least 1",
        ),
        "an integer for the kernel size": (
            lambda: Conv(4, 3),
            TypeError,
            "kernel_size is 3; expected a tuple, one integer for each spatial axis",
        ),
        "no groups": (
            lambda: Conv(4, (3,), groups=0),
            ValueError,
            "groups is 0; expected an integer of at least 1",
        ),
        "a word for use_bias": (
            lambda: Conv(4, (3, 3), use_bias="no"),
            TypeError,
            "use_bias is 'no'; expected True or False",
        ),
        "an input shape of another rank": (
            lambda: Conv(4, (3, 3)).init(KEY, (8, 8)),
            ValueError,
            "input_shape is (8, 8); expected (*n, C) with 2 spatial axes, without the batch axis",
        ),
        "an input shape with the batch": (
            lambda: Conv(4, (3, 3)).init(KEY, (1, 8, 8, 3)),
            ValueError,
            "input_shape is (1, 8, 8, 3); expected (*n, C) with 2 spatial axes, without the batch axis",
        ),
        "a number for the input shape": (
            lambda: Conv(4, (3, 3)).init(KEY, 8),
            TypeError,
            "input_shape is 8; expected (*n, C) with 2 spatial axes, without the batch axis",
        ),
        "an input without channels": (
            lambda: Conv(4, (3, 3)).init(KEY, (8, 8, 0)),
            ValueError,
            "input_shape[2] is 0; expected an integer of at least 1",
        ),
        "an unknown size in the input shape": (
            lambda: Conv(4, (3, 3)).init(KEY, (8, None, 3)),
            TypeError,
            "input_shape[1] is None; expected an integer of at least 1",
        ),
        "channels that the groups do not divide": (
            lambda: Conv(4, (3, 3), groups=2).init(KEY, (8, 8, 3)),
            ValueError,
            "input_shape has 3 channels; expected a multiple of groups = 2",
        ),
        "a seed for the key": (
            lambda: Conv(4, (3, 3)).init(0, (8, 8, 3)),
            TypeError,
            f"key is a int; expected {ONE_KEY}",
        ),
        "an integer dtype": (
            lambda: Conv(4, (3, 3)).init(KEY, (8, 8, 3), int),
            TypeError,
            f"dtype is <class 'int'>; expected {FLOATING}",
        ),
        "an initialiser that was not made": (
            lambda: Conv(4, (3, 3), kernel_init=he_normal).init(KEY, (8, 8, 3)),
            TypeError,
            "kernel_init cannot be called with (key, shape, dtype): he_normal() got multiple values for "
            "argument 'in_axis'; expected an initialiser, such as layers.he_normal() or "
            "jax.nn.initializers.zeros",
        ),
        "an initialiser by name": (
            lambda: Conv(4, (3, 3), kernel_init="he").init(KEY, (8, 8, 3)),
            TypeError,
            "kernel_init cannot be called with (key, shape, dtype): 'str' object is not callable; "
            "expected an initialiser, such as layers.he_normal() or jax.nn.initializers.zeros",
        ),
        "no parameters": (
            lambda: Conv(4, (3, 3)).apply((), (), A),
            TypeError,
            "params is a tuple; expected a dict with the entries ['W', 'b'], as init makes it",
        ),
        "parameters without the bias": (
            lambda: Conv(2, (3, 3)).apply({"W": W}, (), A),
            ValueError,
            "params has the entries ['W']; expected a dict with the entries ['W', 'b'], as init makes it",
        ),
        "parameters of another name": (
            lambda: Conv(2, (3, 3)).apply({"W": W, "bias": C[:2]}, (), A),
            ValueError,
            "params has the entries ['W', 'bias']; expected a dict with the entries ['W', 'b'], as init "
            "makes it",
        ),
    },
    "ConvTranspose": {
        "no batch axis": (
            lambda: ConvTranspose(2, (3, 3), use_bias=False).apply({"W": W}, (), A[0]),
            ValueError,
            "A has shape (4, 4, 6); expected (B, *n, C) with 2 spatial axes and the batch axis",
        ),
        "features that groups do not divide": (
            lambda: ConvTranspose(3, (3, 3), groups=2),
            ValueError,
            "features is 3; expected a multiple of groups = 2",
        ),
        "channels that groups do not divide": (
            lambda: ConvTranspose(4, (3, 3), groups=2).init(KEY, (8, 8, 3)),
            ValueError,
            "input_shape has 3 channels; expected a multiple of groups = 2",
        ),
        "a batch axis": (
            lambda: ConvTranspose(4, (3, 3)).init(KEY, (1, 8, 8, 3)),
            ValueError,
            "input_shape is (1, 8, 8, 3); expected (*n, C) with 2 spatial axes, without the batch axis",
        ),
    },
    "GlobalAvgPool": {
        "no batch axis": (
            lambda: GlobalAvgPool.apply((), (), jnp.ones((8, 3))),
            ValueError,
            "A has shape (8, 3); expected (B, *n, C), with its batch axis",
        ),
    },
    "AdaptiveAvgPool": {
        "no batch axis": (
            lambda: AdaptiveAvgPool((2, 2)).apply((), (), A[0]),
            ValueError,
            "A has shape (4, 4, 6); expected (B, *n, C) with 2 spatial axes and the batch axis",
        ),
        "an integer for the size": (
            lambda: AdaptiveAvgPool(7),
            TypeError,
            "output_size is 7; expected a tuple, one integer for each spatial axis",
        ),
    },
    "AdaptiveMaxPool": {
        "no batch axis": (
            lambda: AdaptiveMaxPool((2, 2)).apply((), (), A[0]),
            ValueError,
            "A has shape (4, 4, 6); expected (B, *n, C) with 2 spatial axes and the batch axis",
        ),
        "an integer": (
            lambda: AdaptiveMaxPool(7),
            TypeError,
            "output_size is 7; expected a tuple, one integer for each spatial axis",
        ),
    },
    "UpsampleNearest": {
        "no batch axis": (
            lambda: UpsampleNearest((2, 2)).apply((), (), A[0]),
            ValueError,
            "A has shape (4, 4, 6); expected (B, *n, C) with 2 spatial axes and the batch axis",
        ),
        "an integer": (
            lambda: UpsampleNearest(2),
            TypeError,
            "factor is 2; expected a tuple, one integer for each spatial axis",
        ),
    },
    "PixelShuffle": {
        "no batch axis": (
            lambda: PixelShuffle((2, 2)).apply((), (), A[0]),
            ValueError,
            "A has shape (4, 4, 6); expected (B, *n, C) with 2 spatial axes and the batch axis",
        ),
        "an integer": (
            lambda: PixelShuffle(2),
            TypeError,
            "factor is 2; expected a tuple, one integer for each spatial axis",
        ),
    },
    "UpsampleBilinear": {
        "no batch axis": (
            lambda: UpsampleBilinear((2, 2)).apply((), (), A[0]),
            ValueError,
            "A has shape (4, 4, 6); expected (B, *n, C) with 2 spatial axes and the batch axis",
        ),
        "an integer for the factor": (
            lambda: UpsampleBilinear(2),
            TypeError,
            "factor is 2; expected a tuple, one integer for each spatial axis",
        ),
        "one for align_corners": (
            lambda: UpsampleBilinear((2, 2), align_corners=1),
            TypeError,
            "align_corners is 1; expected True or False",
        ),
    },
    "Dense": {
        "a float for the features": (
            lambda: Dense(2.5),
            TypeError,
            "features is 2.5; expected an integer of at least 1",
        ),
        "an empty input shape": (
            lambda: Dense(4).init(KEY, ()),
            ValueError,
            "input_shape is (); expected (…, n_in), without the batch axis",
        ),
        "no parameters": (
            lambda: Dense(4).apply({}, (), V),
            ValueError,
            "params has the entries []; expected a dict with the entries ['W', 'b'], as init makes it",
        ),
    },
    "MaxPool": {
        "no batch axis": (
            lambda: MaxPool((2, 2)).apply((), (), A[0]),
            ValueError,
            "A has shape (4, 4, 6); expected (B, *n, C) with 2 spatial axes and the batch axis",
        ),
        "an integer for the window": (
            lambda: MaxPool(2),
            TypeError,
            "window is 2; expected a tuple, one integer for each spatial axis",
        ),
    },
    "AvgPool": {
        "no batch axis": (
            lambda: AvgPool((2, 2)).apply((), (), A[0]),
            ValueError,
            "A has shape (4, 4, 6); expected (B, *n, C) with 2 spatial axes and the batch axis",
        ),
        "an integer for the window": (
            lambda: AvgPool(2),
            TypeError,
            "window is 2; expected a tuple, one integer for each spatial axis",
        ),
        "one for count_padding": (
            lambda: AvgPool((2, 2), count_padding=1),
            TypeError,
            "count_padding is 1; expected True or False",
        ),
    },
    "Flatten": {
        "no batch axis": (
            lambda: Flatten().apply((), (), jnp.ones(())),
            ValueError,
            "A has shape (); expected (B, …), with its batch axis",
        ),
    },
    "Activation": {
        "an activation by name": (
            lambda: Activation("relu"),
            TypeError,
            "g is 'relu'; expected a function of A, such as jaxcnn.relu",
        ),
    },
    "BatchNorm": {
        "a momentum above one": (
            lambda: BatchNorm(momentum=1.5),
            ValueError,
            "momentum is 1.5; expected a finite Python number from 0 to 1",
        ),
        "no momentum": (
            lambda: BatchNorm(momentum=None),
            TypeError,
            "momentum is None; expected a finite Python number from 0 to 1",
        ),
        "a number for use_gamma": (
            lambda: BatchNorm(use_gamma=2),
            TypeError,
            "use_gamma is 2; expected True or False",
        ),
        "an empty input shape": (
            lambda: BatchNorm().init(KEY, ()),
            ValueError,
            "input_shape is (); expected (…, C), without the batch axis",
        ),
        "no state": (
            lambda: BARE_BATCH_NORM.apply({}, (), N),
            TypeError,
            "state is a tuple; expected a dict with the entries ['mean', 'variance'], as init makes it",
        ),
        "a state of another name": (
            lambda: BARE_BATCH_NORM.apply({}, {"mean": C, "var": C}, N),
            ValueError,
            "state has the entries ['mean', 'var']; expected a dict with the entries ['mean', "
            "'variance'], as init makes it",
        ),
        "a state that would broadcast": (
            lambda: BARE_BATCH_NORM.apply({}, {"mean": C[:1], "variance": C[:1]}, N, train=True),
            ValueError,
            "state['mean'] has shape (1,); expected the batch's, (4,)",
        ),
        "a state of another dtype": (
            lambda: BARE_BATCH_NORM.apply({}, {"mean": C.astype(F32), "variance": C}, N, train=True),
            TypeError,
            "the batch has dtype float64, state['mean'] has dtype float32; expected one dtype; convert "
            "with .astype",
        ),
        "a word for train": (
            lambda: BARE_BATCH_NORM.apply({}, {"mean": C, "variance": C}, N, train="yes"),
            TypeError,
            "train is 'yes'; expected True or False",
        ),
    },
    "GroupNorm": {
        "a float for the groups": (
            lambda: GroupNorm(2.0),
            TypeError,
            "groups is 2.0; expected an integer of at least 1",
        ),
    },
    "LayerNorm": {
        "no parameters": (
            lambda: LayerNorm().apply((), (), N),
            TypeError,
            "params is a tuple; expected a dict with the entries ['gamma', 'beta'], as init makes it",
        ),
    },
    "InstanceNorm": {
        "parameters of another name": (
            lambda: InstanceNorm().apply({"scale": C, "bias": C}, (), N),
            ValueError,
            "params has the entries ['scale', 'bias']; expected a dict with the entries ['gamma', "
            "'beta'], as init makes it",
        ),
    },
    "RMSNorm": {
        "no parameters": (
            lambda: RMSNorm().apply((), (), N),
            TypeError,
            "params is a tuple; expected a dict with the entries ['gamma'], as init makes it",
        ),
    },
    "Dropout": {
        "a rate above one": (
            lambda: Dropout(1.5),
            ValueError,
            "rate is 1.5; expected a finite Python number from 0 to 1",
        ),
        "no key": (
            lambda: Dropout(0.5).apply((), (), V, train=True),
            TypeError,
            "key is None while train is True; expected a key of jax.random: apply(…, key=key)",
        ),
        "one for train": (
            lambda: Dropout(0.5).apply((), (), V, train=1, key=KEY),
            TypeError,
            "train is 1; expected True or False",
        ),
        "no key in a net": (
            lambda: sequential(Dropout(0.5), Relu).apply(((), ()), ((), ()), V, train=True),
            TypeError,
            "key is None while train is True; expected a key of jax.random: apply(…, key=key)",
        ),
    },
    "sequential": {
        "a function among the layers": (
            lambda: sequential(Dense(4), relu),
            TypeError,
            f"layers[1] is relu; expected {LAYER}",
        ),
        "a layer that was not made": (
            lambda: sequential(Flatten, Dense(4)),
            TypeError,
            f"layers[0] is Flatten; expected {LAYER}",
        ),
        "a list of layers": (
            lambda: sequential([Dense(4), Relu]),
            TypeError,
            f"layers[0] is a list; expected {LAYER}",
        ),
        "no key": (
            lambda: sequential(Dense(4)).init(None, (3,)),
            TypeError,
            f"key is a NoneType; expected {ONE_KEY}",
        ),
        "a number for the input shape": (
            lambda: sequential(Dense(4)).init(KEY, 3),
            TypeError,
            "input_shape is 3; expected a tuple of integers, without the batch axis",
        ),
        "parameters of another net": (
            lambda: sequential(Relu, Relu).apply(((),), ((), ()), V),
            ValueError,
            "params has 1 entries; expected a tuple with an entry for each of the 2 layers, as init makes it",
        ),
        "no state": (
            lambda: sequential(Relu, Relu).apply(((), ()), None, V),
            TypeError,
            "state is a NoneType; expected a tuple with an entry for each of the 2 layers, as init makes it",
        ),
        "a seed for the key": (
            lambda: sequential(Dropout(0.5)).apply(((),), ((),), V, train=True, key=0),
            TypeError,
            f"key is a int; expected {ONE_KEY}",
        ),
    },
    "residual": {
        "a function for the layer": (lambda: residual(relu), TypeError, f"layer is relu; expected {LAYER}"),
        "a function for the shortcut": (
            lambda: residual(Relu, relu),
            TypeError,
            f"shortcut is relu; expected {LAYER}",
        ),
        "branches of two shapes": (
            lambda: residual(Conv(4, (3, 3), use_bias=False)).apply(
                {"layer": {"W": jnp.ones((3, 3, 4, 4))}, "shortcut": ()}, NO_BRANCHES, N
            ),
            ValueError,
            "layer gives shape (2, 1, 1, 4); expected the shortcut's, (2, 3, 3, 4); a shortcut such as "
            "Conv(features, (1, 1), stride=s) fits it",
        ),
        "branches of two dtypes": (
            lambda: residual(Activation(lambda A: A.astype(F32))).apply(NO_BRANCHES, NO_BRANCHES, V),
            TypeError,
            "layer has dtype float32, shortcut has dtype float64; expected one dtype; convert with .astype",
        ),
        "no parameters": (
            lambda: residual(Relu).apply((), NO_BRANCHES, V),
            TypeError,
            "params is a tuple; expected a dict with the entries ['layer', 'shortcut'], as init makes it",
        ),
    },
    "depthwise_separable": {
        "no features": (
            lambda: depthwise_separable(0, (3, 3)),
            ValueError,
            "features is 0; expected an integer of at least 1",
        ),
        "an integer for the kernel size": (
            lambda: depthwise_separable(4, 3),
            TypeError,
            "kernel_size is 3; expected a tuple, one integer for each spatial axis",
        ),
        "an empty input shape": (
            lambda: depthwise_separable(4, (3, 3)).init(KEY, ()),
            ValueError,
            "input_shape is (); expected (*n, C), without the batch axis",
        ),
    },
    "squeeze_excite": {
        "a ratio of zero": (
            lambda: squeeze_excite(0),
            ValueError,
            "ratio is 0; expected an integer of at least 1",
        ),
        "no spatial axis": (
            lambda: squeeze_excite(2).apply((), (), V),
            ValueError,
            "A has shape (4, 3); expected (B, *n, C), with its batch axis",
        ),
    },
}
