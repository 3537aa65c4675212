import itertools
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxcnn.window import (
    Window,
    adaptive_windows,
    ceil_padding,
    coverage,
    full_padding,
    output_size,
    resolve,
    same_padding,
    transposed_size,
    valid_convolutions,
    with_ceil,
)

SIZES = st.integers(1, 12)


def positions(n, f, stride, padding, dilation):
    """Every place where a window fits, by trying them all: the definition behind (W.2)."""
    span = dilation * (f - 1) + 1
    return [
        start - padding[0] for start in range(0, n + sum(padding), stride) if start + span <= n + sum(padding)
    ]


@given(SIZES, SIZES, st.integers(1, 4), st.tuples(SIZES, SIZES), st.integers(1, 3))
def test_output_size_counts_the_windows_that_fit(n, f, stride, padding, dilation):
    starts = positions(n, f, stride, padding, dilation)
    if not starts:
        with pytest.raises(ValueError, match="smaller than the window's extent"):
            output_size(n, f, stride=stride, padding=padding, dilation=dilation)
    else:
        keywords = {"stride": stride, "padding": padding, "dilation": dilation}
        assert output_size(n, f, **keywords) == len(starts)
        seen = [start + j * dilation for start in starts for j in range(f)]
        assert coverage(n, f, **keywords) == tuple(seen.count(i) for i in range(n))


@given(SIZES, SIZES, st.integers(1, 4), st.integers(1, 3), st.booleans())
def test_same_padding_gives_the_ceiling_with_the_least_padding(n, f, stride, dilation, lower):
    low, high = same_padding(n, f, stride=stride, dilation=dilation, lower=lower)
    assert (low >= high) if lower else (high >= low)
    assert abs(high - low) <= 1
    size = output_size(n, f, stride=stride, padding=(low, high), dilation=dilation)
    if n + low + high >= dilation * (f - 1) + 1:
        assert size >= math.ceil(n / stride)
        if low + high > 0:
            assert size == math.ceil(n / stride)


@pytest.mark.parametrize(
    ("n", "f", "keywords", "expected"),
    [
        (6, 3, {}, (1, 2, 3, 3, 2, 1)),
        (6, 3, {"padding": (1, 1)}, (2, 3, 3, 3, 3, 2)),
        (6, 3, {"padding": (2, 2)}, (3, 3, 3, 3, 3, 3)),
        (6, 3, {"padding": (2, 2), "stride": 2}, (2, 1, 2, 1, 2, 1)),
    ],
)
def test_coverage_of_the_article_figure_5(n, f, keywords, expected):
    assert coverage(n, f, **keywords) == expected


def test_28_pixels_survive_13_valid_convolutions_by_3():
    size, times = 28, 0
    while size >= 3:
        size, times = output_size(size, 3), times + 1
    assert (times, size) == (13, 2)
    assert valid_convolutions(28, 3) == 13
    assert valid_convolutions(28, 1) is None


@pytest.mark.parametrize(
    ("padding", "expected"),
    [
        ("VALID", ((0, 0), (0, 0))),
        ("SAME", ((0, 1), (1, 1))),
        ("SAME_LOWER", ((1, 0), (1, 1))),
        ("FULL", ((1, 1), (2, 2))),
        (2, ((2, 2), (2, 2))),
        ([(0, 3), (-1, 0)], ((0, 3), (-1, 0))),
    ],
    ids=str,
)
def test_every_padding_becomes_pairs(padding, expected):
    assert resolve("conv", (6, 6), (2, 3), padding=padding).padding == expected


def test_causal_padding_looks_back_only():
    assert resolve("conv", (6,), (3,), padding="CAUSAL", dilation=2).padding == ((4, 0),)


def test_full_padding_is_extent_minus_one():
    assert full_padding(3, dilation=2) == (4, 4)


@given(SIZES, SIZES, st.integers(1, 4), st.tuples(st.integers(-1, 5), st.integers(0, 5)), st.integers(1, 3))
def test_ceil_padding_adds_the_one_window_that_starts_on_a_pixel_or_low_padding(
    n, f, stride, padding, dilation
):
    keywords = {"stride": stride, "dilation": dilation}
    span = dilation * (f - 1) + 1
    if n + min(padding[0], 0) < 1 or n + sum(padding) < span:
        return
    low, high = ceil_padding(n, f, padding=padding, **keywords)
    assert low == padding[0]
    within = positions(n, f, stride, padding, dilation)
    after = within[-1] + stride  # where one more window would start; it is due if pixels or padding remain
    due = after < n and within[-1] + span < n + padding[1]
    assert output_size(n, f, padding=(low, high), **keywords) == len(within) + due
    assert high == (after + span - n if due else padding[1])


def test_ceil_padding_like_pytorch():
    """n_out = ⌈(n + 2p − e)/s⌉ + 1, less one where that window would start beyond the pixels."""
    sizes = [
        output_size(n, f, stride=s, padding=ceil_padding(n, f, stride=s, padding=(p, p)))
        for n, f, s, p in ((6, 3, 2, 0), (6, 3, 2, 1), (5, 2, 3, 1), (5, 2, 3, 0), (4, 1, 3, 0), (5, 1, 3, 0))
    ]
    assert sizes == [3, 4, 2, 2, 2, 2]
    window = with_ceil("max_pool", resolve("max_pool", (6, 5), (3, 2), stride=(2, 1), padding=1))
    assert window.padding == ((1, 2), (1, 1))


@given(SIZES, SIZES)
def test_adaptive_windows_cover_every_pixel_in_order(n, n_out):
    windows = adaptive_windows(n, n_out)
    assert len(windows) == n_out
    assert windows[0][0] == 0
    assert windows[-1][1] == n
    for (start, stop), (then, until) in itertools.pairwise(windows):
        assert start < stop
        assert start <= then <= stop <= until
        assert stop - then <= 1
    if n % n_out == 0:
        assert {stop - start for start, stop in windows} == {n // n_out}


@given(SIZES, st.integers(1, 5), st.integers(1, 4), st.integers(0, 3), st.integers(1, 3))
def test_the_transposed_size_is_the_smallest(n, f, stride, padding, dilation):
    keywords = {"stride": stride, "padding": padding, "dilation": dilation}
    n += max(0, dilation * (f - 1) + 1 - 2 * padding)
    sizes = resolve("conv_transpose", (n,), (f,), **keywords).output_size
    same = [
        k
        for k in range(max(1, dilation * (f - 1) + 1 - 2 * padding), n + 1)
        if resolve("conv_transpose", (k,), (f,), **keywords).output_size == sizes
    ]
    if (sizes[0] - 1) * stride + dilation * (f - 1) + 1 - 2 * padding >= 1:
        assert transposed_size("conv_transpose", sizes, (f,), **keywords) == (same[0],)


@pytest.mark.parametrize(("border", "expected"), [("CIRCULAR", "4501234501"), ("REFLECT", "2101234543")])
def test_filled_borders(border, expected):
    window = resolve("conv", (6,), (5,), padding=border, filled=True)
    assert (window.padding, window.filled.padding, window.filled.input_size) == (((2, 2),), ((0, 0),), (10,))
    sides = ["".join(map(str, range(*pixels))) for pixels in window.border_pixels(0)]
    if border == "REFLECT":
        sides = [side[::-1] for side in sides]
    assert sides[0] + "012345" + sides[1] == expected


@pytest.mark.parametrize(("border", "least"), [("CIRCULAR", 2), ("REFLECT", 3)])
def test_an_image_too_small_to_fill_its_border_is_refused(border, least):
    resolve("conv", (least,), (5,), padding=border, filled=True)
    message = (
        f"conv: padding is '{border}' and spatial axis 0 has {least - 1} pixels, of which a border of 2 is "
        f"filled; expected at least {least} pixels"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        resolve("conv", (least - 1,), (5,), padding=border, filled=True)


def test_a_window_lists_its_taps_row_by_row_and_where_they_see_pixels():
    window = Window((3, 2), (2, 2), (2, 1), ((1, 0), (0, 0)), (1, 1))
    assert list(window.taps()) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert window.inside(0) == ((False, True), (True, True))
    assert window.output_size == (2, 1)
    assert window.remainder == (0, 0)
