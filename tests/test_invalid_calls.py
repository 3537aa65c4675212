"""Calls that are wrong, each with the whole message that it gets: one table over all public operations.

A message names the operation, the argument, what came and what was expected, so that a newcomer can mend
the call. Its beginning, `operation: `, is the table's outer key. Nearly all calls are refused before anything
is traced, so that all of them together take seconds.
"""

import re
from collections.abc import Callable
from functools import partial
from inspect import isfunction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxcnn
from jaxcnn import (
    activation_dZ,
    adaptive_avg_pool,
    adaptive_max_pool,
    avg_pool,
    avg_pool_dA,
    batch_norm,
    batch_norm_inference,
    binary_cross_entropy_with_logits,
    conv,
    conv_dA,
    conv_db,
    conv_dW,
    conv_transpose,
    convolve,
    dense,
    dense_dA,
    dense_dW,
    dropout,
    elu,
    gelu,
    global_avg_pool,
    global_max_pool,
    glu,
    group_norm,
    hardswish,
    huber,
    instance_norm,
    layer_norm,
    layers,
    leaky_relu,
    log_softmax,
    lp_pool,
    max_pool,
    max_pool_dA,
    max_pool_index,
    max_pool_mask,
    mish,
    pixel_shuffle,
    pixel_unshuffle,
    relu,
    relu6,
    rms_norm,
    sigmoid,
    silu,
    softmax,
    softmax_cross_entropy,
    softplus,
    squared_error,
    tanh,
    upsample_bilinear,
    upsample_nearest,
    window,
)
from jaxcnn.adapters import conv_general_dilated
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
    LayerNorm,
    MaxPool,
    Relu,
    RMSNorm,
    depthwise_separable,
    he_normal,
    residual,
    sequential,
    squeeze_excite,
)

F32 = jnp.float32
KEY = jax.random.key(0)
A, W, Z = jnp.ones((1, 4, 4, 6)), jnp.ones((3, 3, 6, 2)), jnp.ones((1, 2, 2, 2))  # Z = conv(A, W)
B, Z22, K22 = jnp.ones((1, 4, 4, 1)), jnp.ones((1, 2, 2, 1)), jnp.zeros((1, 2, 2, 1), jnp.uint8)
V, LABELS = jnp.ones((4, 3)), jnp.array([0, 1, 2, 0])
N, C = jnp.ones((2, 3, 3, 4)), jnp.ones(4)
FIRST = jnp.ones((1, 1, 4, 4))  # channels first
BARE_BATCH_NORM = BatchNorm(use_gamma=False, use_beta=False)
NO_BRANCHES = {"layer": (), "shortcut": ()}

FLOATING = "a floating dtype (float16, bfloat16, float32 or float64)"
PER_AXIS = "an integer of at least 1, or a tuple of 2, one for each spatial axis"
PAIRS = "an integer, or one (low, high) pair for each spatial axis"
POOL_PADDING = f"one of 'VALID', 'SAME', 'SAME_LOWER', 'FULL', 'CAUSAL', {PAIRS}"
CONV_PADDING = f"one of 'VALID', 'SAME', 'SAME_LOWER', 'FULL', 'CAUSAL', 'CIRCULAR', 'REFLECT', {PAIRS}"
PRECISION = "None, 'default', 'high', 'highest', a jax.lax.Precision, or a pair of these"
ONE_KEY = "one key: jax.random.key(0), or jax.random.PRNGKey(0)"
LAYER = "a Layer, such as Conv(8, (3, 3)), Flatten() or Relu"
ACTIVATIONS = (
    *(relu, leaky_relu, relu6, elu, hardswish),
    *(sigmoid, tanh, softplus, silu, gelu, mish, glu),
    *(softmax, log_softmax),
)
KNOWN = ", ".join(g.__name__ for g in ACTIVATIONS)

Call = tuple[Callable[[], object], type[Exception], str]

WRONG: dict[str, dict[str, Call]] = {
    "conv": {
        "a list for A": (lambda: conv([[1.0]], W), TypeError, "A is a list; expected a JAX or NumPy array"),
        "None for W": (lambda: conv(A, None), TypeError, "W is a NoneType; expected a JAX or NumPy array"),
        "a shape for A": (
            lambda: conv(jax.ShapeDtypeStruct(A.shape, A.dtype), W),
            TypeError,
            "A is a ShapeDtypeStruct; expected a JAX or NumPy array",
        ),
        "integers": (lambda: conv(A.astype(int), W), TypeError, f"A has dtype int64; expected {FLOATING}"),
        "complex numbers": (
            lambda: conv(A.astype(complex), W),
            TypeError,
            f"A has dtype complex128; expected {FLOATING}",
        ),
        "floats of eight bits": (
            lambda: conv(A.astype(jnp.float8_e4m3fn), W),
            TypeError,
            f"A has dtype float8_e4m3fn; expected {FLOATING}",
        ),
        "two dtypes": (
            lambda: conv(A.astype(F32), W),
            TypeError,
            "A has dtype float32, W has dtype float64; expected one dtype; convert with .astype",
        ),
        "a kernel without space": (
            lambda: conv(A, W[0, 0]),
            ValueError,
            "W has shape (6, 2); expected (*f, C/groups, K) with 1 to 3 spatial axes",
        ),
        "a kernel without taps": (
            lambda: conv(A, W[:0]),
            ValueError,
            "W has shape (0, 3, 6, 2); expected at least 1 tap on every spatial axis",
        ),
        "a kernel that lacks an axis": (
            lambda: conv(A, W[..., 0]),
            ValueError,
            "A has shape (1, 4, 4, 6), rank 4; expected rank 3 (batch, 1 spatial, channels) or 2 (no "
            "batch), given W of shape (3, 3, 6)",
        ),
        "a batch axis too many": (
            lambda: conv(A[None], W),
            ValueError,
            "A has shape (1, 1, 4, 4, 6), rank 5; expected rank 4 (batch, 2 spatial, channels) or 3 (no "
            "batch), given W of shape (3, 3, 6, 2)",
        ),
        "an image without channels": (
            lambda: conv(A[0, ..., 0], W),
            ValueError,
            "A has shape (4, 4), rank 2; expected rank 4 (batch, 2 spatial, channels) or 3 (no batch), "
            "given W of shape (3, 3, 6, 2)",
        ),
        "channels that differ": (
            lambda: conv(A[..., :1], W),
            ValueError,
            "W has 6 input channels (shape (3, 3, 6, 2)); expected 1 = 1 channels of A / 1 groups",
        ),
        "channels that the groups do not divide": (
            lambda: conv(A, W, groups=4),
            ValueError,
            "A has 6 channels; expected a multiple of groups = 4",
        ),
        "filters that the groups do not divide": (
            lambda: conv(A, W, groups=3),
            ValueError,
            "W has 2 filters; expected a multiple of groups = 3",
        ),
        "no groups": (
            lambda: conv(A, W, groups=0),
            ValueError,
            "groups is 0; expected an integer of at least 1",
        ),
        "a float for groups": (
            lambda: conv(A, W, groups=2.0),
            TypeError,
            "groups is 2.0; expected an integer of at least 1",
        ),
        "True for groups": (
            lambda: conv(A, W, groups=True),
            TypeError,
            "groups is True; expected an integer of at least 1",
        ),
        "a number for b": (lambda: conv(A, W, 0.5), TypeError, "b is a float; expected a JAX or NumPy array"),
        "a bias that would broadcast": (
            lambda: conv(A, W, jnp.ones(1)),
            ValueError,
            "b has shape (1,); expected (2,), one number a filter",
        ),
        "a bias of another dtype": (
            lambda: conv(A, W, jnp.ones(2, F32)),
            TypeError,
            "A has dtype float64, b has dtype float32; expected one dtype; convert with .astype",
        ),
        "a kernel larger than the image": (
            lambda: conv(A, jnp.ones((5, 5, 6, 2))),
            ValueError,
            "spatial axis 0 has 4 pixels (4 with padding (0, 0)), smaller than the window's extent 5 "
            "(size 5, dilation 1); expected at least 5 pixels, so that one window fits",
        ),
        "a dilation too wide": (
            lambda: conv(A, W, dilation=2),
            ValueError,
            "spatial axis 0 has 4 pixels (4 with padding (0, 0)), smaller than the window's extent 5 "
            "(size 3, dilation 2); expected at least 5 pixels, so that one window fits",
        ),
        "stride zero": (
            lambda: conv(A, W, stride=0),
            ValueError,
            "stride is 0; expected an integer of at least 1",
        ),
        "a negative stride": (
            lambda: conv(A, W, stride=(1, -1)),
            ValueError,
            "stride[1] is -1; expected an integer of at least 1",
        ),
        "a float for the stride": (
            lambda: conv(A, W, stride=2.0),
            TypeError,
            f"stride is 2.0; expected {PER_AXIS}",
        ),
        "True for the stride": (
            lambda: conv(A, W, stride=True),
            TypeError,
            f"stride is True; expected {PER_AXIS}",
        ),
        "no stride": (lambda: conv(A, W, stride=None), TypeError, f"stride is None; expected {PER_AXIS}"),
        "an array of strides": (
            lambda: conv(A, W, stride=np.array([1, 1])),
            TypeError,
            f"stride is array([1, 1]); expected {PER_AXIS}",
        ),
        "a stride for each of the four axes": (
            lambda: conv(A, W, stride=(1, 2, 2, 1)),
            ValueError,
            "stride is (1, 2, 2, 1) with 4 entries; expected one integer, or 2, one for each spatial axis",
        ),
        "dilation zero": (
            lambda: conv(A, W, dilation=(1, 0)),
            ValueError,
            "dilation[1] is 0; expected an integer of at least 1",
        ),
        "a padding in lower case": (
            lambda: conv(A, W, padding="same"),
            ValueError,
            f"padding is 'same'; expected {CONV_PADDING}",
        ),
        "causal padding of an image": (
            lambda: conv(A, W, padding="CAUSAL"),
            ValueError,
            "padding is 'CAUSAL' with 2 spatial axes; expected 1 spatial axis, the time axis, for causal "
            "padding",
        ),
        "a float for the padding": (
            lambda: conv(A, W, padding=1.5),
            TypeError,
            f"padding is 1.5; expected {CONV_PADDING}",
        ),
        "no padding": (
            lambda: conv(A, W, padding=None),
            TypeError,
            f"padding is None; expected {CONV_PADDING}",
        ),
        "an array of paddings": (
            lambda: conv(A, W, padding=np.ones((1, 2), int)),
            TypeError,
            f"padding is array([[1, 1]]); expected {CONV_PADDING}",
        ),
        "a padding for each axis, not a pair": (
            lambda: conv(A, W, padding=(1, 1)),
            TypeError,
            "padding[0] is 1; expected a (low, high) pair of integers",
        ),
        "too few pairs of padding": (
            lambda: conv(A, W, padding=((1, 1),)),
            ValueError,
            f"padding is ((1, 1),) with 1 entries for 2 spatial axes; expected {CONV_PADDING}",
        ),
        "a pair of three": (
            lambda: conv(A, W, padding=((1, 1), (1, 1, 1))),
            TypeError,
            "padding[1] is (1, 1, 1); expected a (low, high) pair of integers",
        ),
        "a float in a pair": (
            lambda: conv(A, W, padding=((0, 0.5), (0, 0))),
            TypeError,
            "padding[0][1] is 0.5; expected an integer",
        ),
        "a padding that crops all": (
            lambda: conv(A, W, padding=((0, 0), (-2, -3))),
            ValueError,
            "spatial axis 1 has 4 pixels, padding (-2, -3) leaves none; expected at least 1 pixel on "
            "every spatial axis",
        ),
        "a border larger than the image": (
            lambda: conv(A[:, :1], W, padding="REFLECT"),
            ValueError,
            "padding is 'REFLECT' and spatial axis 0 has 1 pixels, of which a border of 1 is filled; "
            "expected at least 2 pixels",
        ),
        "an image of no pixels": (
            lambda: conv(A[:, :0], W),
            ValueError,
            "spatial axis 0 has 0 pixels, padding (0, 0) leaves none; expected at least 1 pixel on every "
            "spatial axis",
        ),
        "an unknown precision": (
            lambda: conv(A, W, precision="exact"),
            ValueError,
            f"precision is 'exact'; expected {PRECISION}",
        ),
        "an integer result": (
            lambda: conv(A, W, preferred_element_type=int),
            TypeError,
            f"preferred_element_type is <class 'int'>; expected {FLOATING}",
        ),
        "an unknown result": (
            lambda: conv(A, W, preferred_element_type="float31"),
            TypeError,
            f"preferred_element_type is 'float31'; expected {FLOATING}",
        ),
        "stride zero of the layer": (
            lambda: Conv(2, (3, 3), stride=0, use_bias=False).apply({"W": W}, (), A),
            ValueError,
            "stride is 0; expected an integer of at least 1",
        ),
        "channels that differ from the layer's parameters": (
            lambda: Conv(2, (3, 3), use_bias=False).apply({"W": W}, (), B),
            ValueError,
            "W has 6 input channels (shape (3, 3, 6, 2)); expected 1 = 1 channels of A / 1 groups",
        ),
    },
    "conv_dA": {
        "a list for dZ": (
            lambda: conv_dA([1.0], W, input_size=4),
            TypeError,
            "dZ is a list; expected a JAX or NumPy array",
        ),
        "integers": (
            lambda: conv_dA(Z.astype(int), W, input_size=4),
            TypeError,
            f"dZ has dtype int64; expected {FLOATING}",
        ),
        "a cotangent of another dtype": (
            lambda: conv_dA(Z.astype(F32), W, input_size=4),
            TypeError,
            "dZ has dtype float32, W has dtype float64; expected one dtype; convert with .astype",
        ),
        "a cotangent of another rank": (
            lambda: conv_dA(Z[0, 0], W, input_size=4),
            ValueError,
            "dZ has shape (2, 2), rank 2; expected rank 4 (batch, 2 spatial, channels) or 3 (no batch), "
            "given W of shape (3, 3, 6, 2)",
        ),
        "a cotangent of another size": (
            lambda: conv_dA(Z, W, input_size=5),
            ValueError,
            "dZ has spatial size and channels (2, 2, 2); expected (3, 3, 2) for input size (5, 5), "
            "window size (3, 3), stride (1, 1), padding ((0, 0), (0, 0)) and dilation (1, 1)",
        ),
        "a cotangent of other channels": (
            lambda: conv_dA(Z[..., :1], W, input_size=4),
            ValueError,
            "dZ has spatial size and channels (2, 2, 1); expected (2, 2, 2) for input size (4, 4), "
            "window size (3, 3), stride (1, 1), padding ((0, 0), (0, 0)) and dilation (1, 1)",
        ),
        "an input size with the batch and the channels": (
            lambda: conv_dA(Z, W, input_size=A.shape),
            ValueError,
            "input_size is (1, 4, 4, 6) with 4 entries; expected one integer, or 2, one for each spatial "
            "axis",
        ),
        "a float for the input size": (
            lambda: conv_dA(Z, W, input_size=4.0),
            TypeError,
            f"input_size is 4.0; expected {PER_AXIS}",
        ),
        "an input smaller than the kernel": (
            lambda: conv_dA(Z, W, input_size=2),
            ValueError,
            "spatial axis 0 has 2 pixels (2 with padding (0, 0)), smaller than the window's extent 3 "
            "(size 3, dilation 1); expected at least 3 pixels, so that one window fits",
        ),
        "filters that the groups do not divide": (
            lambda: conv_dA(Z, W, input_size=4, groups=3),
            ValueError,
            "W has 2 filters; expected a multiple of groups = 3",
        ),
        "an unknown precision": (
            lambda: conv_dA(Z, W, input_size=4, precision=3),
            ValueError,
            f"precision is 3; expected {PRECISION}",
        ),
    },
    "conv_dW": {
        "None for dZ": (
            lambda: conv_dW(A, None, kernel_size=(3, 3)),
            TypeError,
            "dZ is a NoneType; expected a JAX or NumPy array",
        ),
        "an integer for the kernel size": (
            lambda: conv_dW(A, Z, kernel_size=3),
            TypeError,
            "kernel_size is 3; expected a tuple, one integer for each spatial axis",
        ),
        "a kernel size with the channels": (
            lambda: conv_dW(A, Z, kernel_size=W.shape),
            ValueError,
            "kernel_size is (3, 3, 6, 2); expected 1 to 3 entries, one for each spatial axis",
        ),
        "a kernel size without a tap": (
            lambda: conv_dW(A, Z, kernel_size=(0, 3)),
            ValueError,
            "kernel_size[0] is 0; expected an integer of at least 1",
        ),
        "a kernel size of another rank": (
            lambda: conv_dW(A, Z, kernel_size=(3,)),
            ValueError,
            "A has shape (1, 4, 4, 6), rank 4; expected rank 3 (batch, 1 spatial, channels) or 2 (no "
            "batch), given kernel_size (3,)",
        ),
        "a batch axis in A only": (
            lambda: conv_dW(A, Z[0], kernel_size=(3, 3)),
            ValueError,
            "A has rank 4 and dZ has rank 3; expected equal ranks: both with a batch axis or both without",
        ),
        "a batch that does not fit": (
            lambda: conv_dW(A, jnp.ones((2, 2, 2, 2)), kernel_size=(3, 3)),
            ValueError,
            "dZ has batch size 2; expected A's, 1",
        ),
        "a cotangent of another size": (
            lambda: conv_dW(A, Z, kernel_size=(2, 2)),
            ValueError,
            "dZ has spatial size and channels (2, 2, 2); expected (3, 3, 2) for input size (4, 4), "
            "window size (2, 2), stride (1, 1), padding ((0, 0), (0, 0)) and dilation (1, 1)",
        ),
        "a cotangent of another dtype": (
            lambda: conv_dW(A, Z.astype(F32), kernel_size=(3, 3)),
            TypeError,
            "A has dtype float64, dZ has dtype float32; expected one dtype; convert with .astype",
        ),
        "channels that the groups do not divide": (
            lambda: conv_dW(A, Z, kernel_size=(3, 3), groups=4),
            ValueError,
            "A has 6 channels; expected a multiple of groups = 4",
        ),
        "filters that the groups do not divide": (
            lambda: conv_dW(A, Z, kernel_size=(3, 3), groups=3),
            ValueError,
            "dZ has 2 channels; expected a multiple of groups = 3",
        ),
    },
    "conv_db": {
        "a number": (lambda: conv_db(1.0), TypeError, "dZ is a float; expected a JAX or NumPy array"),
        "a scalar": (
            lambda: conv_db(jnp.ones(())),
            ValueError,
            "dZ is a scalar; expected (…, K), the filters on the last axis",
        ),
        "integers": (lambda: conv_db(Z.astype(int)), TypeError, f"dZ has dtype int64; expected {FLOATING}"),
    },
    "convolve": {
        "a list for h": (lambda: convolve(C, [1.0]), TypeError, "h is a list; expected a JAX or NumPy array"),
        "another dtype": (
            lambda: convolve(C, C.astype(F32)),
            TypeError,
            "f has dtype float64, h has dtype float32; expected one dtype; convert with .astype",
        ),
        "other axes": (
            lambda: convolve(C, V),
            ValueError,
            "f has 1 axes and h has 2; expected the same number of axes, 1 to 3",
        ),
        "an empty kernel": (
            lambda: convolve(C, C[:0]),
            ValueError,
            "h has shape (0,); expected at least 1 entry on every axis",
        ),
        "an empty image": (
            lambda: convolve(C[:0], C),
            ValueError,
            "f has shape (0,); expected at least 1 entry on every axis",
        ),
        "a kernel larger than the image": (
            lambda: convolve(C[:3], C, "valid"),
            ValueError,
            "spatial axis 0 has 3 pixels (3 with padding (0, 0)), smaller than the window's extent 4 "
            "(size 4, dilation 1); expected at least 4 pixels, so that one window fits",
        ),
        "an unknown mode": (
            lambda: convolve(C, C, "ful"),
            ValueError,
            "mode is 'ful'; expected 'full', 'same' or 'valid'",
        ),
    },
    "conv_transpose": {
        "None for Z": (
            lambda: conv_transpose(None, W),
            TypeError,
            "Z is a NoneType; expected a JAX or NumPy array",
        ),
        "two dtypes": (
            lambda: conv_transpose(Z, W.astype(F32)),
            TypeError,
            "Z has dtype float64, W has dtype float32; expected one dtype; convert with .astype",
        ),
        "a rank that does not fit": (
            lambda: conv_transpose(Z[0, 0], W),
            ValueError,
            "Z has shape (2, 2), rank 2; expected rank 4 (batch, 2 spatial, channels) or 3 (no batch), "
            "given W of shape (3, 3, 6, 2)",
        ),
        "the channels of the result": (
            lambda: conv_transpose(A, W),
            ValueError,
            "Z has spatial size and channels (4, 4, 6); expected (4, 4, 2) for output size (6, 6), "
            "window size (3, 3), stride (1, 1), padding ((0, 0), (0, 0)) and dilation (1, 1)",
        ),
        "no pixels": (
            lambda: conv_transpose(Z[:, :0], W),
            ValueError,
            "Z has spatial size (0, 2); expected at least 1 pixel on every spatial axis",
        ),
        "filters that the groups do not divide": (
            lambda: conv_transpose(Z, W, groups=3),
            ValueError,
            "W has 2 filters; expected a multiple of groups = 3",
        ),
        "a bias for Z's channels": (
            lambda: conv_transpose(Z, W, jnp.ones(2)),
            ValueError,
            "b has shape (2,); expected (6,), one number a channel",
        ),
        "an impossible output size": (
            lambda: conv_transpose(Z, W, stride=2, output_size=7),
            ValueError,
            "Z has spatial size and channels (2, 2, 2); expected (3, 3, 2) for output size (7, 7), "
            "window size (3, 3), stride (2, 2), padding ((0, 0), (0, 0)) and dilation (1, 1)",
        ),
        "an output size smaller than the kernel": (
            lambda: conv_transpose(Z, W, output_size=2),
            ValueError,
            "spatial axis 0 has 2 pixels (2 with padding (0, 0)), smaller than the window's extent 3 "
            "(size 3, dilation 1); expected at least 3 pixels, so that one window fits",
        ),
        "an output size of zero": (
            lambda: conv_transpose(Z, W, output_size=(4, 0)),
            ValueError,
            "output_size[1] is 0; expected an integer of at least 1",
        ),
        "a float for the output size": (
            lambda: conv_transpose(Z, W, output_size=4.0),
            TypeError,
            f"output_size is 4.0; expected {PER_AXIS}",
        ),
        "a padding that crops all": (
            lambda: conv_transpose(Z, W, padding=2),
            ValueError,
            "padding ((2, 2), (2, 2)) crops an output of size (0, 0); expected padding that leaves at "
            "least 1 pixel on every spatial axis",
        ),
        "a padding in lower case": (
            lambda: conv_transpose(Z, W, padding="same"),
            ValueError,
            f"padding is 'same'; expected {CONV_PADDING}",
        ),
    },
    "max_pool": {
        "None for A": (
            lambda: max_pool(None, (2, 2)),
            TypeError,
            "A is a NoneType; expected a JAX or NumPy array",
        ),
        "integers": (
            lambda: max_pool(B.astype(int), (2, 2)),
            TypeError,
            f"A has dtype int64; expected {FLOATING}",
        ),
        "an integer for the window": (
            lambda: max_pool(B, 2),
            TypeError,
            "window is 2; expected a tuple, one integer for each spatial axis",
        ),
        "a window with batch and channels": (
            lambda: max_pool(B, (1, 2, 2, 1)),
            ValueError,
            "window is (1, 2, 2, 1); expected 1 to 3 entries, one for each spatial axis",
        ),
        "a window of another rank": (
            lambda: max_pool(B, (2,)),
            ValueError,
            "A has shape (1, 4, 4, 1), rank 4; expected rank 3 (batch, 1 spatial, channels) or 2 (no "
            "batch), given window (2,)",
        ),
        "a window of size zero": (
            lambda: max_pool(B, (2, 0)),
            ValueError,
            "window[1] is 0; expected an integer of at least 1",
        ),
        "a float in the window": (
            lambda: max_pool(B, (2.0, 2)),
            TypeError,
            "window[0] is 2.0; expected an integer of at least 1",
        ),
        "a window larger than the image": (
            lambda: max_pool(B, (5, 5)),
            ValueError,
            "spatial axis 0 has 4 pixels (4 with padding (0, 0)), smaller than the window's extent 5 "
            "(size 5, dilation 1); expected at least 5 pixels, so that one window fits",
        ),
        "stride zero": (
            lambda: max_pool(B, (2, 2), stride=0),
            ValueError,
            "stride is 0; expected an integer of at least 1",
        ),
        "a negative dilation": (
            lambda: max_pool(B, (2, 2), dilation=-1),
            ValueError,
            "dilation is -1; expected an integer of at least 1",
        ),
        "a window on padding alone": (
            lambda: max_pool(B, (2, 2), padding=2),
            ValueError,
            "padding (2, 2) leaves window 0 of spatial axis 0 without a pixel (input size 4); expected "
            "every window to see at least one pixel",
        ),
        "a filled border": (
            lambda: max_pool(B, (2, 2), padding="REFLECT"),
            ValueError,
            f"padding is 'REFLECT', which fills the border of convolutions only; expected {POOL_PADDING}",
        ),
        "unknown ties": (
            lambda: max_pool(B, (2, 2), ties="last"),
            ValueError,
            "ties is 'last'; expected 'first' or 'split'",
        ),
        "an array of ties": (
            lambda: max_pool(B, (2, 2), ties=np.array(["first", "split"])),
            ValueError,
            "ties is array(['first', 'split'], dtype='<U5'); expected 'first' or 'split'",
        ),
        "a string for ceil_mode": (
            lambda: max_pool(B, (2, 2), ceil_mode="yes"),
            TypeError,
            "ceil_mode is 'yes'; expected True or False",
        ),
        "a window larger than the image of the layer before": (
            lambda: sequential(Conv(2, (3, 3)), MaxPool((4, 4))).init(KEY, (5, 5, 1)),
            ValueError,
            "spatial axis 0 has 3 pixels (3 with padding (0, 0)), smaller than the window's extent 4 "
            "(size 4, dilation 1); expected at least 4 pixels, so that one window fits",
        ),
    },
    "max_pool_index": {
        "an integer for the window": (
            lambda: max_pool_index(B, 2),
            TypeError,
            "window is 2; expected a tuple, one integer for each spatial axis",
        ),
        "integers": (
            lambda: max_pool_index(B.astype(int), (2, 2)),
            TypeError,
            f"A has dtype int64; expected {FLOATING}",
        ),
    },
    "max_pool_mask": {
        "a window larger than the image": (
            lambda: max_pool_mask(B, (2, 5)),
            ValueError,
            "spatial axis 1 has 4 pixels (4 with padding (0, 0)), smaller than the window's extent 5 "
            "(size 5, dilation 1); expected at least 5 pixels, so that one window fits",
        ),
        "unknown ties": (
            lambda: max_pool_mask(B, (2, 2), ties="all"),
            ValueError,
            "ties is 'all'; expected 'first' or 'split'",
        ),
    },
    "max_pool_dA": {
        "a list for the index": (
            lambda: max_pool_dA([0], Z22, (2, 2), input_size=4),
            TypeError,
            "index is a list; expected a JAX or NumPy array",
        ),
        "signed integers for the index": (
            lambda: max_pool_dA(K22.astype(int), Z22, (2, 2), input_size=4),
            TypeError,
            "index has dtype int64; expected the unsigned integers of max_pool_index",
        ),
        "the mask for the index": (
            lambda: max_pool_dA(max_pool_mask(B, (2, 2)), Z22, (2, 2), input_size=4),
            TypeError,
            "index has dtype bool; expected the unsigned integers of max_pool_index",
        ),
        "an index of another shape": (
            lambda: max_pool_dA(K22[0], Z22, (2, 2), input_size=4),
            ValueError,
            "index has shape (2, 2, 1); expected dZ's, (1, 2, 2, 1)",
        ),
        "an index of a larger window": (
            lambda: max_pool_dA(K22 + 6, Z22, (2, 2), input_size=4),
            ValueError,
            "index has the tap 6; expected 0 to 3, the taps of window (2, 2)",
        ),
        "an integer cotangent": (
            lambda: max_pool_dA(K22, Z22.astype(int), (2, 2), input_size=4),
            TypeError,
            f"dZ has dtype int64; expected {FLOATING}",
        ),
        "a cotangent of another size": (
            lambda: max_pool_dA(K22, Z22, (2, 2), input_size=6),
            ValueError,
            "dZ has spatial size and channels (2, 2, 1); expected (3, 3, 1) for input size (6, 6), "
            "window size (2, 2), stride (2, 2), padding ((0, 0), (0, 0)) and dilation (1, 1)",
        ),
        "no input size": (
            lambda: max_pool_dA(K22, Z22, (2, 2), input_size=None),
            TypeError,
            f"input_size is None; expected {PER_AXIS}",
        ),
        "None for ceil_mode": (
            lambda: max_pool_dA(K22, Z22, (2, 2), input_size=4, ceil_mode=None),
            TypeError,
            "ceil_mode is None; expected True or False",
        ),
    },
    "avg_pool": {
        "a list for A": (
            lambda: avg_pool([1.0], (2, 2)),
            TypeError,
            "A is a list; expected a JAX or NumPy array",
        ),
        "a window on padding alone": (
            lambda: avg_pool(B, (2, 2), padding=2),
            ValueError,
            "padding (2, 2) leaves window 0 of spatial axis 0 without a pixel (input size 4); expected "
            "every window to see at least one pixel",
        ),
        "one for count_padding": (
            lambda: avg_pool(B, (2, 2), count_padding=1),
            TypeError,
            "count_padding is 1; expected True or False",
        ),
        "ceil_mode where the padding crops": (
            lambda: avg_pool(B, (3, 3), padding=((0, -1), (0, 0)), ceil_mode=True),
            ValueError,
            "padding is ((0, -1), (0, 0)) with ceil_mode, which pads the high side; expected no negative "
            "high padding",
        ),
        "an unknown padding": (
            lambda: avg_pool(B, (2, 2), padding="ZERO"),
            ValueError,
            f"padding is 'ZERO'; expected {POOL_PADDING}",
        ),
    },
    "avg_pool_dA": {
        "None for dZ": (
            lambda: avg_pool_dA(None, (2, 2), input_size=4),
            TypeError,
            "dZ is a NoneType; expected a JAX or NumPy array",
        ),
        "an integer cotangent": (
            lambda: avg_pool_dA(Z22.astype(int), (2, 2), input_size=4),
            TypeError,
            f"dZ has dtype int64; expected {FLOATING}",
        ),
        "a cotangent of another rank": (
            lambda: avg_pool_dA(Z22[0, 0], (2, 2), input_size=4),
            ValueError,
            "dZ has shape (2, 1), rank 2; expected rank 4 (batch, 2 spatial, channels) or 3 (no batch), "
            "given window (2, 2)",
        ),
        "a cotangent of another size": (
            lambda: avg_pool_dA(Z22, (2, 2), input_size=8),
            ValueError,
            "dZ has spatial size and channels (2, 2, 1); expected (4, 4, 1) for input size (8, 8), "
            "window size (2, 2), stride (2, 2), padding ((0, 0), (0, 0)) and dilation (1, 1)",
        ),
        "an input size of zero": (
            lambda: avg_pool_dA(Z22, (2, 2), input_size=(4, 0)),
            ValueError,
            "input_size[1] is 0; expected an integer of at least 1",
        ),
        "two for count_padding": (
            lambda: avg_pool_dA(Z22, (2, 2), input_size=4, count_padding=2),
            TypeError,
            "count_padding is 2; expected True or False",
        ),
    },
    "lp_pool": {
        "a string for the order": (
            lambda: lp_pool(B, (2, 2), order="2"),
            TypeError,
            "order is '2'; expected a finite Python number of at least 1",
        ),
        "an order below one": (
            lambda: lp_pool(B, (2, 2), order=0.5),
            ValueError,
            "order is 0.5; expected a finite Python number of at least 1",
        ),
        "an infinite order": (
            lambda: lp_pool(B, (2, 2), order=float("inf")),
            ValueError,
            "order is inf; expected a finite Python number of at least 1",
        ),
        "an array for the order": (
            lambda: lp_pool(B, (2, 2), order=np.float32(2)),
            TypeError,
            "order is np.float32(2.0); expected a finite Python number of at least 1",
        ),
        "an integer for the window": (
            lambda: lp_pool(B, 2, order=2),
            TypeError,
            "window is 2; expected a tuple, one integer for each spatial axis",
        ),
        "a filled border": (
            lambda: lp_pool(B, (2, 2), order=2, padding="CIRCULAR"),
            ValueError,
            f"padding is 'CIRCULAR', which fills the border of convolutions only; expected {POOL_PADDING}",
        ),
    },
    "adaptive_avg_pool": {
        "an integer for the output size": (
            lambda: adaptive_avg_pool(B, 2),
            TypeError,
            "output_size is 2; expected a tuple, one integer for each spatial axis",
        ),
        "None for one axis": (
            lambda: adaptive_avg_pool(B, (2, None)),
            TypeError,
            "output_size[1] is None; expected an integer of at least 1",
        ),
    },
    "adaptive_max_pool": {
        "an output size of zero": (
            lambda: adaptive_max_pool(B, (0, 1)),
            ValueError,
            "output_size[0] is 0; expected an integer of at least 1",
        ),
        "an output size of another rank": (
            lambda: adaptive_max_pool(B, (1,)),
            ValueError,
            "A has shape (1, 4, 4, 1), rank 4; expected rank 3 (batch, 1 spatial, channels) or 2 (no "
            "batch), given output_size (1,)",
        ),
        "an image of no pixels": (
            lambda: adaptive_max_pool(B[:, :0], (1, 1)),
            ValueError,
            "A has spatial size (0, 4); expected at least 1 pixel on every spatial axis",
        ),
    },
    "global_avg_pool": {
        "no spatial axis": (
            lambda: global_avg_pool(B, spatial=0),
            ValueError,
            "spatial is 0; expected the number of spatial axes, 1, 2 or 3",
        ),
        "four spatial axes": (
            lambda: global_avg_pool(B, spatial=4),
            ValueError,
            "spatial is 4; expected the number of spatial axes, 1, 2 or 3",
        ),
        "the axes, not their number": (
            lambda: global_avg_pool(B, spatial=(1, 2)),
            TypeError,
            "spatial is (1, 2); expected the number of spatial axes, 1, 2 or 3",
        ),
        "another rank": (
            lambda: global_avg_pool(B, spatial=1),
            ValueError,
            "A has shape (1, 4, 4, 1), rank 4; expected rank 3 (batch, 1 spatial, channels) or 2 (no "
            "batch), given spatial = 1",
        ),
    },
    "global_max_pool": {
        "a float for the number of axes": (
            lambda: global_max_pool(B, spatial=2.0),
            TypeError,
            "spatial is 2.0; expected the number of spatial axes, 1, 2 or 3",
        ),
        "integers": (
            lambda: global_max_pool(B.astype(int), spatial=2),
            TypeError,
            f"A has dtype int64; expected {FLOATING}",
        ),
        "an image of no pixels": (
            lambda: global_max_pool(B[:, :0], spatial=2),
            ValueError,
            "A has spatial size (0, 4); expected at least 1 pixel on every spatial axis",
        ),
    },
    "upsample_nearest": {
        "an integer for the factor": (
            lambda: upsample_nearest(B, 2),
            TypeError,
            "factor is 2; expected a tuple, one integer for each spatial axis",
        ),
        "a float in the factor": (
            lambda: upsample_nearest(B, (1.5, 2)),
            TypeError,
            "factor[0] is 1.5; expected an integer of at least 1",
        ),
        "a factor of another rank": (
            lambda: upsample_nearest(B, (2,)),
            ValueError,
            "A has shape (1, 4, 4, 1), rank 4; expected rank 3 (batch, 1 spatial, channels) or 2 (no "
            "batch), given factor (2,)",
        ),
    },
    "upsample_bilinear": {
        "a factor of zero": (
            lambda: upsample_bilinear(B, (2, 0)),
            ValueError,
            "factor[1] is 0; expected an integer of at least 1",
        ),
        "one for align_corners": (
            lambda: upsample_bilinear(B, (2, 2), align_corners=1),
            TypeError,
            "align_corners is 1; expected True or False",
        ),
        "an image of no pixels": (
            lambda: upsample_bilinear(B[:, :0], (2, 2)),
            ValueError,
            "A has spatial size (0, 4); expected at least 1 pixel on every spatial axis",
        ),
    },
    "pixel_shuffle": {
        "channels that the factor does not divide": (
            lambda: pixel_shuffle(A, (2, 2)),
            ValueError,
            "A has 6 channels; expected a multiple of 4, the product of factor = (2, 2)",
        ),
        "a factor with batch and channels": (
            lambda: pixel_shuffle(A, (1, 2, 2, 1)),
            ValueError,
            "factor is (1, 2, 2, 1); expected 1 to 3 entries, one for each spatial axis",
        ),
    },
    "pixel_unshuffle": {
        "pixels that the factor does not divide": (
            lambda: pixel_unshuffle(Z22, (2, 3)),
            ValueError,
            "spatial axis 1 of Z has 2 pixels; expected a multiple of factor[1] = 3",
        ),
        "a factor of another rank": (
            lambda: pixel_unshuffle(Z22, (2,)),
            ValueError,
            "Z has shape (1, 2, 2, 1), rank 4; expected rank 3 (batch, 1 spatial, channels) or 2 (no "
            "batch), given factor (2,)",
        ),
    },
    "leaky_relu": {
        "a string for the slope": (
            lambda: leaky_relu(V, "steep"),
            TypeError,
            "negative_slope is 'steep'; expected a finite Python number",
        ),
        "True for the slope": (
            lambda: leaky_relu(V, True),
            TypeError,
            "negative_slope is True; expected a finite Python number",
        ),
        "an array for the slope": (
            lambda: leaky_relu(V, np.float32(0.5)),
            TypeError,
            "negative_slope is np.float32(0.5); expected a finite Python number",
        ),
        "a slope that is NaN": (
            lambda: leaky_relu(V, float("nan")),
            ValueError,
            "negative_slope is nan; expected a finite Python number",
        ),
    },
    "elu": {
        "None for alpha": (lambda: elu(V, None), TypeError, "alpha is None; expected a finite Python number"),
        "an infinite alpha": (
            lambda: elu(V, float("inf")),
            ValueError,
            "alpha is inf; expected a finite Python number",
        ),
    },
    "gelu": {
        "approximate by name": (
            lambda: gelu(V, "tanh"),
            TypeError,
            "approximate is 'tanh'; expected True or False",
        ),
    },
    "glu": {
        "an odd axis": (
            lambda: glu(V),
            ValueError,
            "Z has shape (4, 3); expected an even number of entries along axis -1",
        ),
        "no such axis": (
            lambda: glu(V, axis=2),
            ValueError,
            "axis is 2 for Z of shape (4, 3); expected an axis of Z, which has 2",
        ),
        "no axis": (lambda: glu(V, axis=None), TypeError, "axis is None; expected an integer"),
    },
    "softmax": {
        "an axis too high": (
            lambda: softmax(V, axis=2),
            ValueError,
            "axis is 2 for Z of shape (4, 3); expected an axis of Z, which has 2",
        ),
        "two axes": (lambda: softmax(V, axis=(0, 1)), TypeError, "axis is (0, 1); expected an integer"),
        "a float for the axis": (lambda: softmax(V, axis=0.5), TypeError, "axis is 0.5; expected an integer"),
        "no classes": (
            lambda: softmax(V[:, :0]),
            ValueError,
            "Z has shape (4, 0); expected at least 1 entry along axis -1",
        ),
        "a scalar": (
            lambda: softmax(jnp.zeros(())),
            ValueError,
            "axis is -1 for Z of shape (); expected an axis of Z, which has 0",
        ),
        "an axis too high by activation_dZ": (
            lambda: activation_dZ(softmax, V, V, axis=3),
            ValueError,
            "axis is 3 for Z of shape (4, 3); expected an axis of Z, which has 2",
        ),
    },
    "log_softmax": {
        "an axis too low": (
            lambda: log_softmax(V, axis=-3),
            ValueError,
            "axis is -3 for Z of shape (4, 3); expected an axis of Z, which has 2",
        ),
    },
    "activation_dZ": {
        "an activation of JAX": (
            lambda: activation_dZ(jax.numpy.sin, V, V),
            ValueError,
            f"g is jax.numpy.sin; expected one of {KNOWN}, of jaxcnn",
        ),
        "an activation by name": (
            lambda: activation_dZ("relu", V, V),
            ValueError,
            f"g is 'relu'; expected one of {KNOWN}, of jaxcnn",
        ),
        "a cotangent that would broadcast": (
            lambda: activation_dZ(relu, V, V[0]),
            ValueError,
            "dA has shape (3,); expected that of relu(Z), (4, 3)",
        ),
        "the shape of Z where A has another": (
            lambda: activation_dZ(glu, V, V, axis=0),
            ValueError,
            "dA has shape (4, 3); expected that of glu(Z), (2, 3)",
        ),
        "a cotangent of another dtype": (
            lambda: activation_dZ(relu, V, V.astype(F32)),
            TypeError,
            "Z has dtype float64, dA has dtype float32; expected one dtype; convert with .astype",
        ),
        "an integer cotangent": (
            lambda: activation_dZ(relu, V, V.astype(int)),
            TypeError,
            f"dA has dtype int64; expected {FLOATING}",
        ),
    },
    "dense": {
        "None for A": (lambda: dense(None, V), TypeError, "A is a NoneType; expected a JAX or NumPy array"),
        "integers for W": (
            lambda: dense(V, jnp.ones((3, 2), int)),
            TypeError,
            f"W has dtype int64; expected {FLOATING}",
        ),
        "two dtypes": (
            lambda: dense(V, V.T.astype(F32)),
            TypeError,
            "A has dtype float64, W has dtype float32; expected one dtype; convert with .astype",
        ),
        "features that differ": (
            lambda: dense(V, V),
            ValueError,
            "A has 3 features (shape (4, 3)); expected 4, the rows of W (4, 3)",
        ),
        "a vector for W": (lambda: dense(V, C), ValueError, "W has shape (4,); expected (n_in, n_out)"),
        "a scalar for A": (lambda: dense(jnp.ones(()), V), ValueError, "A is a scalar; expected (…, n_in)"),
        "a number for b": (
            lambda: dense(V, V.T, 1.0),
            TypeError,
            "b is a float; expected a JAX or NumPy array",
        ),
        "a bias that would broadcast": (
            lambda: dense(V, V.T, jnp.ones((1, 4))),
            ValueError,
            "b has shape (1, 4); expected (4,), one number a column of W",
        ),
        "a bias of another dtype": (
            lambda: dense(V, V.T, C.astype(F32)),
            TypeError,
            "A has dtype float64, b has dtype float32; expected one dtype; convert with .astype",
        ),
        "an unknown precision": (
            lambda: dense(V, V.T, precision=["high"]),
            ValueError,
            f"precision is ['high']; expected {PRECISION}",
        ),
        "features that differ from the layer's parameters": (
            lambda: Dense(3, use_bias=False).apply({"W": V}, (), V),
            ValueError,
            "A has 3 features (shape (4, 3)); expected 4, the rows of W (4, 3)",
        ),
    },
    "dense_dA": {
        "a cotangent of other features": (
            lambda: dense_dA(V, V.T),
            ValueError,
            "dZ has 3 features (shape (4, 3)); expected 4, the columns of W (3, 4)",
        ),
        "a cotangent of another dtype": (
            lambda: dense_dA(V.astype(F32), V),
            TypeError,
            "dZ has dtype float32, W has dtype float64; expected one dtype; convert with .astype",
        ),
        "an unknown precision": (
            lambda: dense_dA(V, V, precision="exact"),
            ValueError,
            f"precision is 'exact'; expected {PRECISION}",
        ),
    },
    "dense_dW": {
        "a batch that does not fit": (
            lambda: dense_dW(V, V[:2]),
            ValueError,
            "dZ has leading axes (2,); expected A's, (4,)",
        ),
        "a scalar cotangent": (
            lambda: dense_dW(V, jnp.ones(())),
            ValueError,
            "dZ is a scalar; expected (…, features)",
        ),
        "a list for dZ": (
            lambda: dense_dW(V, [1.0]),
            TypeError,
            "dZ is a list; expected a JAX or NumPy array",
        ),
        "an unknown precision": (
            lambda: dense_dW(V, V, precision="exact"),
            ValueError,
            f"precision is 'exact'; expected {PRECISION}",
        ),
    },
    "softmax_cross_entropy": {
        "a list of labels": (
            lambda: softmax_cross_entropy(V, [0, 1, 2, 0]),
            TypeError,
            "t is a list; expected a JAX or NumPy array",
        ),
        "words for labels": (
            lambda: softmax_cross_entropy(V, np.array(["a", "b", "c", "d"])),
            TypeError,
            "t has dtype <U1; expected integer labels, or a distribution of Z's dtype float64",
        ),
        "Boolean labels": (
            lambda: softmax_cross_entropy(V, C > 0),
            TypeError,
            "t has dtype bool; expected integer labels, or a distribution of Z's dtype float64",
        ),
        "float labels": (
            lambda: softmax_cross_entropy(V, C),
            ValueError,
            "t has shape (4,); expected Z's, (4, 3), or integer labels",
        ),
        "labels with an axis too many": (
            lambda: softmax_cross_entropy(V, LABELS[:, None]),
            ValueError,
            "t has shape (4, 1); expected (4,), a label for each row of Z",
        ),
        "a batch that does not fit": (
            lambda: softmax_cross_entropy(V, LABELS[:3]),
            ValueError,
            "t has shape (3,); expected (4,), a label for each row of Z",
        ),
        "a label too high": (
            lambda: softmax_cross_entropy(V, LABELS + 1),
            ValueError,
            "t has the label 3; expected 0 to 2",
        ),
        "a label below zero": (
            lambda: softmax_cross_entropy(V, LABELS - 1),
            ValueError,
            "t has the label -1; expected 0 to 2",
        ),
        "a distribution that would broadcast": (
            lambda: softmax_cross_entropy(V, V[:, :1]),
            ValueError,
            "t has shape (4, 1); expected Z's, (4, 3), or integer labels",
        ),
        "a distribution of another dtype": (
            lambda: softmax_cross_entropy(V, V.astype(F32)),
            TypeError,
            "t has dtype float32; expected integer labels, or a distribution of Z's dtype float64",
        ),
        "no classes": (
            lambda: softmax_cross_entropy(V[:, :0], LABELS),
            ValueError,
            "Z has shape (4, 0); expected (…, K) with at least 1 class",
        ),
        "integer logits": (
            lambda: softmax_cross_entropy(LABELS, LABELS),
            TypeError,
            f"Z has dtype int64; expected {FLOATING}",
        ),
        "a smoothing above one": (
            lambda: softmax_cross_entropy(V, V, label_smoothing=1.5),
            ValueError,
            "label_smoothing is 1.5; expected a finite Python number from 0 to 1",
        ),
        "a smoothing that is no number": (
            lambda: softmax_cross_entropy(V, V, label_smoothing="some"),
            TypeError,
            "label_smoothing is 'some'; expected a finite Python number from 0 to 1",
        ),
        "weights of examples": (
            lambda: softmax_cross_entropy(V, V, weights=C),
            ValueError,
            "weights has shape (4,); expected (3,), one number a class",
        ),
        "weights of another dtype": (
            lambda: softmax_cross_entropy(V, V, weights=C[:3].astype(F32)),
            TypeError,
            "Z has dtype float64, weights has dtype float32; expected one dtype; convert with .astype",
        ),
        "a list of weights": (
            lambda: softmax_cross_entropy(V, V, weights=[1.0, 1.0, 2.0]),
            TypeError,
            "weights is a list; expected a JAX or NumPy array",
        ),
    },
    "binary_cross_entropy_with_logits": {
        "Boolean truths": (
            lambda: binary_cross_entropy_with_logits(V, V > 0),
            TypeError,
            f"t has dtype bool; expected {FLOATING}",
        ),
        "truths that would broadcast": (
            lambda: binary_cross_entropy_with_logits(V, V[0]),
            ValueError,
            "t has shape (3,); expected Z's, (4, 3)",
        ),
    },
    "squared_error": {
        "a number for t": (
            lambda: squared_error(V, 0.0),
            TypeError,
            "t is a float; expected a JAX or NumPy array",
        ),
        "targets that would broadcast": (
            lambda: squared_error(V, V[:, :1]),
            ValueError,
            "t has shape (4, 1); expected A's, (4, 3)",
        ),
        "two dtypes": (
            lambda: squared_error(V, V.astype(F32)),
            TypeError,
            "A has dtype float64, t has dtype float32; expected one dtype; convert with .astype",
        ),
    },
    "huber": {
        "a delta of zero": (
            lambda: huber(V, V, 0),
            ValueError,
            "delta is 0; expected a finite Python number above 0",
        ),
        "no delta": (
            lambda: huber(V, V, None),
            TypeError,
            "delta is None; expected a finite Python number above 0",
        ),
        "an infinite delta": (
            lambda: huber(V, V, float("inf")),
            ValueError,
            "delta is inf; expected a finite Python number above 0",
        ),
        "targets that would broadcast": (
            lambda: huber(V, V[:, :1]),
            ValueError,
            "t has shape (4, 1); expected A's, (4, 3)",
        ),
    },
    "batch_norm": {
        "no batch axis": (
            lambda: batch_norm(C),
            ValueError,
            "A has shape (4,); expected (…, C), with at least one axis before the channels",
        ),
        "integers": (lambda: batch_norm(N.astype(int)), TypeError, f"A has dtype int64; expected {FLOATING}"),
        "an empty batch": (
            lambda: batch_norm(N[:0]),
            ValueError,
            "A has shape (0, 3, 3, 4); expected at least 1 entry along the axes of the mean",
        ),
        "a number for gamma": (
            lambda: batch_norm(N, 1.0),
            TypeError,
            "gamma is a float; expected a JAX or NumPy array",
        ),
        "a gamma with the axes of A": (
            lambda: batch_norm(N, N[:1, :1, :1]),
            ValueError,
            "gamma has shape (1, 1, 1, 4); expected (4,), one number a channel of A",
        ),
        "an epsilon of zero": (
            lambda: batch_norm(N, epsilon=0.0),
            ValueError,
            "epsilon is 0.0; expected a finite Python number above 0",
        ),
        "an infinite epsilon": (
            lambda: batch_norm(N, epsilon=float("inf")),
            ValueError,
            "epsilon is inf; expected a finite Python number above 0",
        ),
        "an axis that is not mapped": (
            lambda: batch_norm(N, axis_name="batch"),
            ValueError,
            "axis_name is 'batch', the name of no mapped axis here; expected the name of an axis of the "
            "jax.shard_map, jax.pmap or jax.vmap around the call, or None",
        ),
        "the number of an axis": (
            lambda: batch_norm(N, axis_name=0),
            ValueError,
            "axis_name is 0, the name of no mapped axis here; expected the name of an axis of the "
            "jax.shard_map, jax.pmap or jax.vmap around the call, or None",
        ),
    },
    "batch_norm_inference": {
        "no statistics": (
            lambda: batch_norm_inference(N, C, C, None, None),
            TypeError,
            "mean is a NoneType; expected a JAX or NumPy array",
        ),
        "a variance of another size": (
            lambda: batch_norm_inference(N, C, C, C, C[:3]),
            ValueError,
            "variance has shape (3,); expected (4,), one number a channel of A",
        ),
        "statistics of two dtypes": (
            lambda: batch_norm_inference(N, C, C, C, C.astype(F32)),
            TypeError,
            "mean has dtype float64, variance has dtype float32; expected one dtype; convert with .astype",
        ),
        "statistics narrower than A": (
            lambda: batch_norm_inference(N, C, C, C.astype(F32), C.astype(F32)),
            TypeError,
            "mean has dtype float32; expected float64 for A of float64",
        ),
        "statistics wider than sums": (
            lambda: batch_norm_inference(N.astype(jnp.bfloat16), None, None, C, C),
            TypeError,
            "mean has dtype float64; expected bfloat16 or float32 for A of bfloat16",
        ),
    },
    "layer_norm": {
        "a scalar": (lambda: layer_norm(jnp.ones(())), ValueError, "A has shape (); expected (…, C)"),
        "no channels": (
            lambda: layer_norm(N[..., :0]),
            ValueError,
            "A has shape (2, 3, 3, 0); expected at least 1 entry along the axes of the mean",
        ),
        "a gamma of another size": (
            lambda: layer_norm(N, C[:3]),
            ValueError,
            "gamma has shape (3,); expected (4,), one number a channel of A",
        ),
        "a negative epsilon": (
            lambda: layer_norm(N, epsilon=-1e-5),
            ValueError,
            "epsilon is -1e-05; expected a finite Python number above 0",
        ),
        "a negative epsilon by the layer": (
            lambda: LayerNorm(epsilon=-1, use_gamma=False, use_beta=False).apply({}, (), N),
            ValueError,
            "epsilon is -1; expected a finite Python number above 0",
        ),
    },
    "instance_norm": {
        "no spatial axis": (
            lambda: instance_norm(V),
            ValueError,
            "A has shape (4, 3); expected (B, *n, C) with its batch axis and at least one spatial axis",
        ),
        "a beta of another dtype": (
            lambda: instance_norm(N, C, C.astype(F32)),
            TypeError,
            "A has dtype float64, beta has dtype float32; expected one dtype; convert with .astype",
        ),
    },
    "group_norm": {
        "groups that do not divide": (
            lambda: group_norm(N, groups=3),
            ValueError,
            "A has 4 channels; expected a multiple of groups = 3",
        ),
        "no groups": (
            lambda: group_norm(N, groups=0),
            ValueError,
            "groups is 0; expected an integer of at least 1",
        ),
        "a float for the groups": (
            lambda: group_norm(N, groups=2.0),
            TypeError,
            "groups is 2.0; expected an integer of at least 1",
        ),
        "no batch axis": (
            lambda: group_norm(C, groups=2),
            ValueError,
            "A has shape (4,); expected (B, *n, C) with its batch axis",
        ),
        "no channels": (
            lambda: group_norm(N[..., :0], groups=2),
            ValueError,
            "A has shape (2, 3, 3, 0); expected at least 1 entry along the axes of the mean",
        ),
        "a gamma of groups": (
            lambda: group_norm(N, C[:2], groups=2),
            ValueError,
            "gamma has shape (2,); expected (4,), one number a channel of A",
        ),
    },
    "rms_norm": {
        "a gamma that would broadcast": (
            lambda: rms_norm(N, C[:1]),
            ValueError,
            "gamma has shape (1,); expected (4,), one number a channel of A",
        ),
        "an epsilon that is no number": (
            lambda: rms_norm(N, epsilon="small"),
            TypeError,
            "epsilon is 'small'; expected a finite Python number above 0",
        ),
    },
    "dropout": {
        "a seed for the key": (lambda: dropout(0, V, 0.5), TypeError, f"key is a int; expected {ONE_KEY}"),
        "no key": (lambda: dropout(None, V, 0.5), TypeError, f"key is a NoneType; expected {ONE_KEY}"),
        "several keys": (
            lambda: dropout(jax.random.split(KEY), V, 0.5),
            ValueError,
            f"key has shape (2,); expected {ONE_KEY}",
        ),
        "a raw key of another size": (
            lambda: dropout(jnp.zeros(3, jnp.uint32), V, 0.5),
            ValueError,
            f"key has shape (3,); expected {ONE_KEY}",
        ),
        "floats for a raw key": (
            lambda: dropout(jnp.zeros(2), V, 0.5),
            TypeError,
            f"key has dtype float64; expected {ONE_KEY}",
        ),
        "A and the key swapped": (
            lambda: dropout(V, KEY, 0.5),
            TypeError,
            f"A has dtype key<fry>; expected {FLOATING}",
        ),
        "integers": (lambda: dropout(KEY, LABELS, 0.5), TypeError, f"A has dtype int64; expected {FLOATING}"),
        "a rate above one": (
            lambda: dropout(KEY, V, 1.5),
            ValueError,
            "rate is 1.5; expected a finite Python number from 0 to 1",
        ),
        "a negative rate": (
            lambda: dropout(KEY, V, -0.1),
            ValueError,
            "rate is -0.1; expected a finite Python number from 0 to 1",
        ),
        "a rate that is NaN": (
            lambda: dropout(KEY, V, float("nan")),
            ValueError,
            "rate is nan; expected a finite Python number from 0 to 1",
        ),
        "a rate that is no number": (
            lambda: dropout(KEY, V, "half"),
            TypeError,
            "rate is 'half'; expected a finite Python number from 0 to 1",
        ),
        "an array for the rate": (
            lambda: dropout(KEY, V, np.float32(0.5)),
            TypeError,
            "rate is np.float32(0.5); expected a finite Python number from 0 to 1",
        ),
        "spatial without space": (
            lambda: dropout(KEY, V, 0.5, spatial=True),
            ValueError,
            "A has shape (4, 3); expected (B, *n, C) with at least one spatial axis, where spatial",
        ),
        "the spatial axes": (
            lambda: dropout(KEY, V, 0.5, spatial=2),
            TypeError,
            "spatial is 2; expected True or False",
        ),
    },
    "Conv": {
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
        "an integer for the window": (
            lambda: MaxPool(2),
            TypeError,
            "window is 2; expected a tuple, one integer for each spatial axis",
        ),
    },
    "AvgPool": {
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
    "conv_general_dilated": {
        "None for lhs": (
            lambda: conv_general_dilated(None, FIRST, (1, 1), "VALID"),
            TypeError,
            "lhs is a NoneType; expected a JAX or NumPy array",
        ),
        "two dtypes": (
            lambda: conv_general_dilated(FIRST, FIRST.astype(F32), (1, 1), "VALID"),
            TypeError,
            "lhs has dtype float64, rhs has dtype float32; expected one dtype; convert with .astype",
        ),
        "two ranks": (
            lambda: conv_general_dilated(FIRST[0], FIRST, (1, 1), "VALID"),
            ValueError,
            "lhs has rank 3 and rhs has rank 4; expected one rank, from 3 to 5",
        ),
        "no strides": (
            lambda: conv_general_dilated(FIRST, FIRST, None, "VALID"),
            TypeError,
            f"window_strides is None; expected {PER_AXIS}",
        ),
        "a stride too few": (
            lambda: conv_general_dilated(FIRST, FIRST, (1,), "VALID"),
            ValueError,
            "window_strides is (1,) with 1 entries; expected one integer, or 2, one for each spatial axis",
        ),
        "dilation zero": (
            lambda: conv_general_dilated(FIRST, FIRST, (1, 1), "VALID", rhs_dilation=(1, 0)),
            ValueError,
            "rhs_dilation[1] is 0; expected an integer of at least 1",
        ),
        "a transposed convolution": (
            lambda: conv_general_dilated(FIRST, FIRST, (1, 1), "VALID", lhs_dilation=(2, 1)),
            ValueError,
            "lhs_dilation is (2, 1); expected 1 on every axis; see jaxcnn.conv_transpose",
        ),
        "one layout for all": (
            lambda: conv_general_dilated(FIRST, FIRST, (1, 1), "VALID", dimension_numbers="NHWC"),
            ValueError,
            "dimension_numbers is 'NHWC'; expected None, or the layouts of lhs, rhs and result with 4 "
            "letters each, such as ('NHWC', 'HWIO', 'NHWC')",
        ),
        "no groups": (
            lambda: conv_general_dilated(FIRST, FIRST, (1, 1), "VALID", feature_group_count=0),
            ValueError,
            "feature_group_count is 0; expected an integer of at least 1",
        ),
        "groups of the batch": (
            lambda: conv_general_dilated(FIRST, FIRST, (1, 1), "VALID", batch_group_count=2),
            ValueError,
            "batch_group_count is 2; expected 1",
        ),
        "a sharding of the result": (
            lambda: conv_general_dilated(FIRST, FIRST, (1, 1), "VALID", out_sharding="x"),
            ValueError,
            "out_sharding is x; expected None; constrain the result instead",
        ),
    },
    "output_size": {
        "a window that does not fit": (
            lambda: window.output_size(3, 5),
            ValueError,
            "n is 3, 3 after padding (0, 0), smaller than the window's extent 5; expected n + padding of "
            "at least 5, so that one window fits",
        ),
        "stride zero": (
            lambda: window.output_size(6, 3, stride=0),
            ValueError,
            "stride is 0; expected an integer of at least 1",
        ),
        "a float": (
            lambda: window.output_size(6.0, 3),
            TypeError,
            "n is 6.0; expected an integer of at least 0",
        ),
        "a name for the padding": (
            lambda: window.output_size(6, 3, padding="SAME"),
            TypeError,
            "padding is 'SAME'; expected a (low, high) pair of integers",
        ),
    },
    "same_padding": {
        "stride zero": (
            lambda: window.same_padding(6, 3, stride=0),
            ValueError,
            "stride is 0; expected an integer of at least 1",
        ),
    },
    "full_padding": {
        "no tap": (lambda: window.full_padding(0), ValueError, "f is 0; expected an integer of at least 1"),
    },
    "coverage": {
        "a float": (
            lambda: window.coverage(6.0, 3),
            TypeError,
            "n is 6.0; expected an integer of at least 0",
        ),
    },
    "ceil_padding": {
        "a pair of one": (
            lambda: window.ceil_padding(6, 3, padding=(1,)),
            TypeError,
            "padding is (1,); expected a (low, high) pair of integers",
        ),
    },
    "adaptive_windows": {
        "no window": (
            lambda: window.adaptive_windows(5, 0),
            ValueError,
            "n_out is 0; expected an integer of at least 1",
        ),
    },
    "valid_convolutions": {
        "no tap": (
            lambda: window.valid_convolutions(28, 0),
            ValueError,
            "f is 0; expected an integer of at least 1",
        ),
    },
}

for g in ACTIVATIONS:
    WRONG.setdefault(g.__name__, {}).update(
        {
            "integers": (partial(g, LABELS), TypeError, f"Z has dtype int64; expected {FLOATING}"),
            "a list": (partial(g, [1.0, 2.0]), TypeError, "Z is a list; expected a JAX or NumPy array"),
        }
    )

ROWS = {
    f"{operation}: {mistake}": (call, kind, f"{operation}: {message}")
    for operation, mistakes in WRONG.items()
    for mistake, (call, kind, message) in mistakes.items()
}


@pytest.mark.parametrize(("call", "kind", "message"), ROWS.values(), ids=ROWS)
def test_a_wrong_call_is_refused_with_a_message_that_mends_it(call, kind, message):
    with pytest.raises(kind, match=rf"^{re.escape(message)}(\n|$)"):  # where it was traced JAX adds a note
        call()


def test_every_public_operation_has_two_rows():
    public = {name for name, value in vars(jaxcnn).items() if callable(value) and name[0] != "_"}
    assert {name for name in public if len(WRONG.get(name, ())) < 2} == set()


def test_every_layer_has_a_row():
    made_here = {
        name
        for name, value in vars(layers).items()
        if isfunction(value) and value.__module__ == layers.__name__ and name[0] != "_"
    }
    assert made_here - WRONG.keys() == set()
