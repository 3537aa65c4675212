"""The loops on examples small enough to compute by hand."""

import numpy as np
import pytest

from jaxcnn.loops import activations, convolution, losses, pooling, window

# One axis: image 1 2 3 4 5, one example, one channel.
LINE = np.array([1.0, 2.0, 3.0, 4.0, 5.0]).reshape(1, 5, 1)
STEP = {"s": (1,), "p": ((0, 0),), "d": (1,)}


def kernel(*taps: float) -> np.ndarray:
    """One axis, one channel, one filter."""
    return np.array(taps, float).reshape(-1, 1, 1)


def signal(*values: float) -> np.ndarray:
    """One example, one axis, one channel."""
    return np.array(values, float).reshape(1, -1, 1)


# ---------------------------------------------------------------------------------- window


@pytest.mark.parametrize(
    ("n", "f", "options", "expected"),
    [
        (6, 3, {}, [0, 1, 2, 3]),
        (7, 3, {"s": 2}, [0, 2, 4]),
        (6, 3, {"s": 2, "p": (1, 1)}, [-1, 1, 3]),
        (5, 3, {"d": 2}, [0]),
        (4, 2, {"p": (-1, 0)}, [1, 2]),
        (2, 3, {}, []),
    ],
)
def test_starts(n, f, options, expected):
    assert window.starts(n, f, **options) == expected


def test_coverage():
    assert window.coverage(6, 3) == [1, 2, 3, 3, 2, 1]
    assert window.coverage(6, 3, p=(1, 1)) == [2, 3, 3, 3, 3, 2]
    assert window.coverage(6, 3, s=2, p=(2, 2)) == [2, 1, 2, 1, 2, 1]
    assert window.coverage(5, 2, s=3) == [1, 1, 0, 1, 1]


def test_walk_leaves_padding_out():
    seen = list(window.walk((2, 1), (2, 1), (1, 1), ((0, 1), (0, 0)), (1, 1)))
    assert seen == [
        ((0, 0), (0, 0), (0, 0)),
        ((0, 0), (1, 0), (1, 0)),
        ((1, 0), (0, 0), (1, 0)),
    ]


# ----------------------------------------------------------------------------- convolution


def test_convolve_flips_the_kernel():
    np.testing.assert_array_equal(
        convolution.convolve(np.array([1.0, 2, 3]), np.array([0, 1, 10.0])), [0, 1, 12, 23, 30]
    )


def test_convolve_in_two_dimensions():
    f, h = np.array([[1.0, 2], [3, 4]]), np.array([[0.0, 1], [10, 100]])
    np.testing.assert_array_equal(convolution.convolve(f, h), [[0, 1, 2], [10, 123, 204], [30, 340, 400]])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [21, 32, 43, 54]),
        ({"s": (2,)}, [21, 43]),
        ({"d": (3,)}, [41, 52]),
        ({"p": ((1, 1),)}, [10, 21, 32, 43, 54, 5]),
        ({"p": ((0, 1),), "s": (2,)}, [21, 43, 5]),
        ({"p": ((-1, -2),)}, [32]),
    ],
)
def test_conv(options, expected):
    Z = convolution.conv(LINE, kernel(1, 10), **STEP | options)
    np.testing.assert_array_equal(Z, signal(*expected))


def test_conv_sums_channels_and_stacks_filters():
    A = np.array([[[1.0, 2.0]], [[3.0, 4.0]]])  # two examples, one pixel, two channels
    W = np.array([[[1.0, 10.0, 100.0], [2.0, 20.0, 200.0]]])  # three filters
    Z = convolution.conv(A, W, **STEP)
    np.testing.assert_array_equal(Z, [[[5, 50, 500]], [[11, 110, 1100]]])


DA = [
    ({}, 4, (1, 2, 3), [1, 12, 23, 30]),
    ({"s": (2,)}, 4, (1, 2), [1, 10, 2, 20]),
    ({"s": (2,)}, 5, (1, 2), [1, 10, 2, 20, 0]),
    ({"p": ((1, 1),)}, 2, (1, 2, 3), [12, 23]),
    ({"d": (2,)}, 4, (1, 2), [1, 2, 10, 20]),
]


@pytest.mark.parametrize(("options", "n", "dZ", "expected"), DA)
@pytest.mark.parametrize("form", [convolution.conv_dA, convolution.conv_dA_full])
def test_conv_dA(form, options, n, dZ, expected):
    dA = form(signal(*dZ), kernel(1, 10), n=(n,), **STEP | options)
    np.testing.assert_array_equal(dA, signal(*expected))


def test_conv_dA_sum_has_the_kernel_s_size():
    np.testing.assert_array_equal(convolution.conv_dA_sum(signal(1, 2, 3), kernel(1, 10)), signal(6, 60))


def test_spread():
    np.testing.assert_array_equal(convolution.spread(signal(1, 2), (3,)), signal(1, 0, 0, 2))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, (1, 10, 2, 20, 0)),
        ({"spreading": False}, (1, 12, 20, 0)),
        ({"rotation": False}, (10, 1, 20, 2, 0)),
        ({"remainder": False}, (1, 10, 2, 20)),
        ({"remainder": False, "crop": "sides"}, (1, 10, 2, 20)),
    ],
)
def test_conv_dA_full_leaves_out_what_it_is_told_to(options, expected):
    where = {"n": (5,), "s": (2,), "p": ((0, 0),), "d": (1,)}
    dA = convolution.conv_dA_full(signal(1, 2), kernel(1, 10), **where, **options)
    np.testing.assert_array_equal(dA, signal(*expected))


@pytest.mark.parametrize(
    ("crop", "expected"),
    [("slice", (12, 23, 34)), ("sides", (12, 23, 34)), ("none", (1, 12, 23, 34, 40))],
)
def test_conv_dA_full_crops(crop, expected):
    where = {"n": (3,), "s": (1,), "p": ((1, 1),), "d": (1,)}
    dA = convolution.conv_dA_full(signal(1, 2, 3, 4), kernel(1, 10), crop=crop, **where)
    np.testing.assert_array_equal(dA, signal(*expected))


def test_conv_dA_full_swaps_channels_and_filters():
    W = np.array([[[1.0, 10.0, 100.0], [2.0, 20.0, 200.0]]])  # one tap, two channels, three filters
    dA = convolution.conv_dA_full(np.array([[[1.0, 2.0, 3.0]]]), W, n=(1,), **STEP)
    np.testing.assert_array_equal(dA, [[[321, 642]]])


@pytest.mark.parametrize("form", [convolution.conv_dW, convolution.conv_dW_correlation])
@pytest.mark.parametrize(
    ("options", "dZ", "expected"),
    [
        ({}, (1, 0, 0, 10), [41, 52]),
        ({"s": (2,)}, (1, 10), [31, 42]),
        ({"d": (3,)}, (1, 10), [21, 54]),
        ({"p": ((1, 0),)}, (1, 0, 0, 0, 10), [40, 51]),
    ],
)
def test_conv_dW(form, options, dZ, expected):
    dW = form(LINE, signal(*dZ), f=(2,), **STEP | options)
    np.testing.assert_array_equal(dW, kernel(*expected))


def test_conv_dW_without_the_crop_has_a_tap_too_many():
    dW = convolution.conv_dW_correlation(LINE, signal(1, 10), f=(2,), s=(2,), p=((0, 0),), d=(1,), crop=False)
    np.testing.assert_array_equal(dW, kernel(31, 42, 53))


def test_conv_db_sums_batch_and_space():
    dZ = np.arange(12.0).reshape(2, 3, 2)
    np.testing.assert_array_equal(convolution.conv_db(dZ), [0 + 2 + 4 + 6 + 8 + 10, 1 + 3 + 5 + 7 + 9 + 11])


# --------------------------------------------------------------------------------- pooling

PAIR = {"s": (1,), "p": ((0, 0),), "d": (1,)}


@pytest.mark.parametrize(
    ("A", "options", "Z", "index", "dA"),
    [
        ((1, 3, 2), {}, (3, 3), (1, 0), (0, 11, 0)),
        ((2, 2, 2), {}, (2, 2), (0, 0), (1, 10, 0)),
        ((1, 3, 2), {"s": (2,)}, (3,), (1,), (0, 1, 0)),
        ((-1, -3, -2), {"p": ((1, 0),)}, (-1, -1, -2), (1, 0, 1), (11, 0, 100)),
        ((1, np.nan, np.nan), {}, (np.nan, np.nan), (1, 0), (0, 11, 0)),
        ((-np.inf, -np.inf, 1), {}, (-np.inf, 1), (0, 1), (1, 0, 10)),
    ],
    ids=["overlap", "ties", "stride", "padding never wins", "NaN", "minus infinity"],
)
def test_max_pool(A, options, Z, index, dA):
    where = PAIR | options
    got, found = pooling.max_pool(signal(*A), (2,), **where)
    np.testing.assert_array_equal(got, signal(*Z))
    np.testing.assert_array_equal(found, signal(*index))
    dZ = signal(1, 10, 100)[:, : len(Z)]
    np.testing.assert_array_equal(pooling.max_pool_dA(found, dZ, n=(3,), f=(2,), **where), signal(*dA))


def test_one_mask_over_the_pixels_overwrites_and_credits_ties():
    overlap = pooling.max_pool_dA_pixels(signal(1, 3, 2), signal(1, 10), f=(2,), **PAIR)
    np.testing.assert_array_equal(overlap, signal(0, 10, 0))
    ties = pooling.max_pool_dA_pixels(signal(2, 2), signal(1), f=(2,), **PAIR)
    np.testing.assert_array_equal(ties, signal(1, 1))


@pytest.mark.parametrize(
    ("count_padding", "Z", "dA"), [(True, (1, 3, 2), (5.5, 55)), (False, (2, 3, 4), (6, 105))]
)
def test_avg_pool(count_padding, Z, dA):
    where = {"s": (1,), "p": ((1, 1),), "d": (1,), "count_padding": count_padding}
    np.testing.assert_array_equal(pooling.avg_pool(signal(2, 4), (2,), **where), signal(*Z))
    got = pooling.avg_pool_dA(signal(1, 10, 100), n=(2,), f=(2,), **where)
    np.testing.assert_array_equal(got, signal(*dA))


def test_lp_pool():
    Z = pooling.lp_pool(signal(3, -4), (2,), order=2, **PAIR)
    np.testing.assert_array_equal(Z, signal(5))
    dA = pooling.lp_pool_dA(signal(3, -4), signal(10), f=(2,), order=2, **PAIR)
    np.testing.assert_allclose(dA, signal(6, -8), rtol=1e-15)


@pytest.mark.parametrize(
    ("order", "A", "expected"),
    [(2, (0, 0), (np.nan, np.nan)), (2, (0, 1), (0, 1)), (1, (0, -2), (np.nan, -1))],
)
def test_lp_pool_at_a_kink(order, A, expected):
    dA = pooling.lp_pool_dA(signal(*A), signal(1), f=(2,), order=order, at_kink=np.nan, **PAIR)
    np.testing.assert_array_equal(dA, signal(*expected))


# -------------------------------------------------------------------- activations and loss


def test_activation_dZ():
    Z, dA = np.array([-2.0, 0.0, 3.0]), np.array([5.0, 7.0, 11.0])
    np.testing.assert_array_equal(activations.activation_dZ(activations.relu_slope, Z, dA), [0, 0, 11])
    np.testing.assert_array_equal(activations.activation_dZ(activations.tanh_slope, 0 * Z, dA), dA)
    np.testing.assert_array_equal(activations.activation_dZ(activations.sigmoid_slope, 0 * Z, dA), dA / 4)


def test_activations():
    Z = np.array([-1.0, 0.0, 2.0])
    np.testing.assert_array_equal(activations.relu(Z), [0, 0, 2])
    np.testing.assert_array_equal(activations.sigmoid(0 * Z), [0.5] * 3)
    np.testing.assert_array_equal(activations.tanh(0 * Z), [0] * 3)
    np.testing.assert_allclose(activations.softmax(np.log([[1.0, 3.0]])), [[0.25, 0.75]], rtol=1e-15)
    np.testing.assert_allclose(activations.softmax_slope(np.log([[1.0, 3.0]])), [[3 / 16] * 2], rtol=1e-15)


def test_softmax_cross_entropy():
    Z, t = np.log([[1.0, 3.0]]), np.array([[1.0, 0.0]])
    np.testing.assert_allclose(losses.softmax_cross_entropy(Z, t), [np.log(4)], rtol=1e-15)
    np.testing.assert_allclose(losses.softmax_cross_entropy_dZ(Z, t), [[-0.75, 0.75]], rtol=1e-15)
    np.testing.assert_allclose(losses.softmax_cross_entropy(Z, t, clip=0.4), [-np.log(0.4)], rtol=1e-15)
