"""Figure 11: dA as the full convolution of dZ with the rotated kernel."""

import numpy as np

import jaxcnn
from experiments.figures.sheet import GRADIENT, KERNEL, Sheet, number
from experiments.figures.sliding import conv
from jaxcnn import window

W = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], np.float32)
dZ = np.array([[1, -2], [3, 1]], np.float32)
N = 4
STEPS = N * N


def gradient() -> np.ndarray:
    """dA by the library's rule."""
    return np.asarray(jaxcnn.conv_dA(dZ[..., None], W[..., None, None], input_size=N))[..., 0]


def slid() -> np.ndarray:
    """The rotated kernel moved over dZ and its border of zeros."""
    return conv(dZ, np.flip(W).copy(), padding="FULL")


def draw(step: int | None) -> Sheet:
    """Step k of the animation shows the first k + 1 entries of dA."""
    dA, by_sliding = gradient(), slid()
    (p, _), f = window.full_padding(W.shape[0]), W.shape[0]
    agrees = "are the same numbers" if np.array_equal(dA, by_sliding) else "differ"
    at = divmod(5 if step is None else step, dA.shape[1])
    padded, turned = np.pad(dZ, p), np.flip(W)
    seen = padded[at[0] : at[0] + f, at[1] : at[1] + f] * turned
    sheet = Sheet(
        9.6,
        "Figure 11 · The full convolution with the rotated kernel",
        f"dA by the sum over windows (L13) and by this picture {agrees}: give dZ a border of f − 1 = {p} "
        "zeros, turn W by 180°, move it over, multiply and add. L14 holds as printed for p = 0 and "
        "stride 1. With a stride, s − 1 zeros go between the numbers of dZ and the remainder r after "
        "them; with padding, p rows and columns of the result are cut off. It turns the kernel once: "
        "inside a true convolution it would turn twice.",
    )
    grid = sheet.matrix("dZ", padded, 0.5, 1.6, GRADIENT, border=p, label="dZ in a border of zeros")
    sheet.symbol(7.25, 4.6, "∗")
    sheet.matrix("W", W, 8.4, 0.9, KERNEL, label="W")
    sheet.arrow((11.6, 2.4), (11.6, 6.9), KERNEL, bend=-0.6)
    sheet.text(13.15, 4.65, "180°", size=13, align="left")
    turned_grid = sheet.matrix("turned", turned, 8.4, 5.9, KERNEL)
    sheet.text(9.9, 5.35, "rot180(W)", size=14)
    turned_grid.window((0, 0), (f, f), KERNEL)
    products = sheet.matrix("products", seen, 15.2, 3.1, GRADIENT, label="products")
    products.window((0, 0), (f, f), KERNEL)
    sheet.arrow((18.5, 4.6), (22.2, 4.6))
    sheet.text(20.3, 4.05, f"add: {number(dA[at])}", weight="bold")
    shown = None if step is None else step + 1
    out = sheet.matrix("dA", dA, 22.7, 2.6, GRADIENT, label="dA", shown=shown)
    grid.window(at, (f, f), KERNEL)
    out.window(at, (1, 1), KERNEL)
    return sheet
