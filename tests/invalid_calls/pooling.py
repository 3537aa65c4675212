"""Wrong calls of pools and their cotangents."""

import numpy as np

from invalid_calls.common import FLOATING, K22, KEY, PER_AXIS, POOL_PADDING, Z22, B, Call
from jaxcnn import (
    adaptive_avg_pool,
    adaptive_max_pool,
    avg_pool,
    avg_pool_dA,
    global_avg_pool,
    global_max_pool,
    lp_pool,
    max_pool,
    max_pool_dA,
    max_pool_index,
    max_pool_mask,
)
from jaxcnn.layers import Conv, MaxPool, sequential

WRONG: dict[str, dict[str, Call]] = {
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
}
