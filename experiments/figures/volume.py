"""Figure 7: a convolution over volume, with several filters."""

import numpy as np

import jaxcnn
from experiments.figures.sheet import INPUT, KERNEL, OUTPUT, Sheet, number

_DRAW = np.random.default_rng(7)
A = _DRAW.integers(0, 6, (5, 5, 3)).astype(np.float32)
W = _DRAW.integers(-1, 2, (3, 3, 3, 2)).astype(np.float32)
AT = (1, 2)  # the output that is followed


def outputs() -> np.ndarray:
    """Z, one channel a filter."""
    return np.asarray(jaxcnn.conv(A, W))


def share(channel: int, filter: int) -> np.ndarray:
    """What one channel adds to one filter's output."""
    one = jaxcnn.conv(A[..., channel : channel + 1], W[:, :, channel : channel + 1, filter : filter + 1])
    return np.asarray(one)[..., 0]


def draw(step: int | None) -> Sheet:
    """Channels by rows, filters by columns; the outputs on the right."""
    Z = outputs()
    (n, _, c), (f, _, _, filters) = A.shape, W.shape
    sheet = Sheet(
        18.3,
        "Figure 7 · A convolution over volume, with several filters",
        "A filter has one kernel for each channel of the image; what they give is added up into one "
        f"matrix. {filters} filters make {filters} channels: [{n}, {n}, {c}] ∗ [{f}, {f}, {c}], {filters} "
        f"of them → {list(Z.shape)}. The article prints ⌈…⌉ around this size: it is a list, and nothing "
        "in it is rounded up (L7, for square images and kernels). The channels of image and filter are "
        "as many, unless they are cut into groups (L8: groups = 1).",
    )
    for channel in range(c):
        y = 1 + 6 * channel
        image = sheet.matrix(f"A{channel}", A[..., channel], 0.5, y, INPUT)
        image.window(AT, (f, f), KERNEL)
        sheet.text(3, y - 0.45, f"channel {channel} of A")
        for k in range(filters):
            x = 7.6 + 6.4 * k
            kernel = sheet.matrix(f"W{channel}{k}", W[..., channel, k], x, y + 1, KERNEL)
            sheet.text(x + 1.5, y + 0.55, f"filter {k}, channel {channel}", size=11)
            sheet.text(
                kernel.right + 0.35, y + 2.5, f"→ {number(share(channel, k)[AT])}", align="left", size=13
            )
        sheet.symbol(6.5, y + 2.5, "∗")
    for k in range(filters):
        terms = [number(share(channel, k)[AT]) for channel in range(c)]
        grid = sheet.matrix(f"Z{k}", Z[..., k], 22.8, 2.4 + 8 * k, OUTPUT, label=f"Z[:, :, {k}]")
        grid.window(AT, (1, 1), KERNEL)
        total = " + ".join(f"({term})" if term.startswith("−") else term for term in terms)
        sheet.text(24.3, 6.1 + 8 * k, f"{total} = {number(Z[(*AT, k)])}", size=12)
    return sheet
