"""Wrong calls of convolutions, their cotangents and the stand-in for lax's."""

import jax
import jax.numpy as jnp
import numpy as np

from invalid_calls.common import (
    CONV_PADDING,
    F32,
    FIRST,
    FLOATING,
    PER_AXIS,
    PRECISION,
    A,
    B,
    C,
    Call,
    V,
    W,
    Z,
)
from jaxcnn import conv, conv_dA, conv_db, conv_dW, conv_transpose, convolve
from jaxcnn.adapters import conv_general_dilated
from jaxcnn.layers import Conv

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
            "W has shape (0, 3, 6, 2); expected at least 1 tap on every spatial axis, 1 channel and 1 filter",
        ),
        "a kernel without filters": (
            lambda: conv(A, W[..., :0]),
            ValueError,
            "W has shape (3, 3, 6, 0); expected at least 1 tap on every spatial axis, 1 channel and 1 filter",
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
        "no channels": (
            lambda: conv_dW(A[..., :0], Z, kernel_size=(3, 3)),
            ValueError,
            "A has 0 channels; expected at least 1",
        ),
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
}
