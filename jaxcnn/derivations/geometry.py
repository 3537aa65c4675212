"""Hypothesis strategies for geometries: small windows of every kind over small inputs.

Small, because every geometry costs a compilation and every defect of window arithmetic shows on a few
pixels; of every kind, because defects hide where sizes are square, divisible or of one channel.
"""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from jaxcnn.window import Window, extent, resolve, with_ceil

DTYPES = st.sampled_from((np.float64, np.float32))
SHAPES = st.sampled_from(((3, 4), (7,), (), (2, 1, 3)))
BATCHES = st.sampled_from((2, 3, 1, None))


@st.composite
def windows(
    draw: st.DrawFn, *, filled: bool = False
) -> tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]:
    """(input size n, window size f, keywords stride, padding and dilation) that fit together.

    filled: also borders filled from the image.
    """
    rank = draw(st.sampled_from((2, 2, 1, 3)))
    largest = 4 if rank == 3 else 6

    def each(most: int) -> tuple[int, ...]:
        return tuple(draw(st.integers(1, most)) for _ in range(rank))

    n, f, stride = each(largest), each(2 if rank == 3 else 3), each(3)
    dilation = draw(st.sampled_from((1, 1, 2)))
    spans = [extent(size, dilation) for size in f]
    names = ["VALID", "SAME", "SAME_LOWER", "FULL", *(["CAUSAL"] if rank == 1 else [])]
    if filled:
        names += ["CIRCULAR", "REFLECT"]
    kind = draw(st.sampled_from(("pairs", "integer", *names)))
    padding: Any = kind
    if kind == "pairs":
        low = [draw(st.integers(-1 if size > 1 else 0, span)) for size, span in zip(n, spans, strict=True)]
        high = [draw(st.integers(0, span)) for span in spans]
        padding = tuple(zip(low, high, strict=True))
        n = tuple(max(size, span - sum(pair)) for size, span, pair in zip(n, spans, padding, strict=True))
    elif kind == "integer":
        padding = draw(st.integers(0, 2))
        n = tuple(max(size, span - 2 * padding) for size, span in zip(n, spans, strict=True))
    elif kind == "VALID":
        n = tuple(map(max, n, spans))
    elif kind in ("CIRCULAR", "REFLECT"):
        n = tuple(max(size, span // 2 + 1) for size, span in zip(n, spans, strict=True))
    lone = len(set(stride)) == 1 and draw(st.booleans())
    keywords = {
        "stride": stride[0] if lone else stride,
        "padding": padding,
        "dilation": dilation if draw(st.booleans()) else (dilation,) * rank,
    }
    return n, f, keywords


def resolved(n: tuple[int, ...], f: tuple[int, ...], keywords: dict[str, Any]) -> Window:
    """A drawn geometry as a `Window`; keywords as of a pool."""
    geometry = {name: value for name, value in keywords.items() if name != "ceil_mode"}
    window = resolve("geometry", n, f, **geometry, filled=True)
    return with_ceil("geometry", window) if keywords.get("ceil_mode") else window


def output_size(n: tuple[int, ...], f: tuple[int, ...], keywords: dict[str, Any]) -> tuple[int, ...]:
    """n_out of a drawn geometry."""
    return resolved(n, f, keywords).output_size


def sees_pixels(n: tuple[int, ...], f: tuple[int, ...], keywords: dict[str, Any]) -> bool:
    """Whether every window sees a pixel, as pools demand."""
    window = resolved(n, f, keywords)
    return all(any(taps) for axis in range(window.rank) for taps in window.inside(axis))


def shape(batch: int | None, size: tuple[int, ...], channels: int) -> tuple[int, ...]:
    """(B, *size, C), or (*size, C) without a batch axis."""
    return (*(() if batch is None else (batch,)), *size, channels)
