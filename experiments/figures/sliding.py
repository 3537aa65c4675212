"""Figures 3 and 6: a kernel placed on the image, and one that moves by more than a pixel."""

import numpy as np

import jaxcnn
from experiments.figures.sheet import INPUT, KERNEL, OUTPUT, Sheet, number
from jaxcnn import window

EDGE = np.array([[1, 0, -1], [1, 0, -1], [1, 0, -1]], np.float32)
IMAGE = np.array(
    [
        [3, 0, 1, 2, 7, 4],
        [1, 5, 8, 9, 3, 1],
        [2, 7, 2, 5, 1, 3],
        [0, 1, 3, 1, 7, 8],
        [4, 2, 1, 6, 2, 8],
        [2, 4, 5, 2, 3, 9],
    ],
    np.float32,
)
LARGER = np.random.default_rng(6).integers(0, 10, (8, 8)).astype(np.float32)
STRIDE = 2
STEPS = 16
STRIDED_STEPS = 9


def conv(A: np.ndarray, W: np.ndarray, **geometry) -> np.ndarray:
    """One channel in, one out, by the library."""
    return np.asarray(jaxcnn.conv(A[..., None], W[..., None, None], **geometry))[..., 0]


def draw_placed(step: int | None) -> Sheet:
    """Figure 3. Step k of its animation shows the first k + 1 outputs."""
    Z = conv(IMAGE, EDGE)
    formula = np.asarray(jaxcnn.convolve(IMAGE, EDGE, "valid"))
    flips = "exactly −Z" if np.array_equal(formula, -Z) else "something else"
    at = divmod(6 if step is None else step, Z.shape[1])
    seen = IMAGE[at[0] : at[0] + 3, at[1] : at[1] + 3]
    sheet = Sheet(
        7.6,
        "Figure 3 · A kernel placed on the image",
        "Lay the kernel on the image, multiply each pair of numbers, add the products: one number of the "
        f"output. Then move on by a pixel. The {'×'.join(map(str, IMAGE.shape))} image gives a "
        f"{'×'.join(map(str, Z.shape))} output. The article calls this its formula G[m,n] = Σ h[j,k] "
        f"f[m−j, n−k], which rotates the kernel: on this edge kernel the formula gives {flips}. L1 and L2 "
        "hold as printed for kernels with rot180(h) = h; a layer computes the cross-correlation drawn "
        "here.",
    )
    A = sheet.matrix("A", IMAGE, 0.5, 1, INPUT, label="image A")
    sheet.symbol(7.2, 4, "∗")
    sheet.matrix("W", EDGE, 8, 2.5, KERNEL, label="kernel W")
    sheet.arrow((11.4, 4), (13.2, 4))
    sheet.text(12.3, 3.45, "multiply", size=11)
    products = sheet.matrix("products", seen * EDGE, 13.6, 2.5, OUTPUT, label="products")
    products.window((0, 0), (3, 3), KERNEL)
    sheet.arrow((17, 4), (21.2, 4))
    sheet.text(19.1, 3.45, f"add: {number(Z[at])}", size=12, weight="bold")
    shown = None if step is None else step + 1
    out = sheet.matrix("Z", Z, 21.8, 2, OUTPUT, label="output Z", shown=shown)
    A.window(at, (3, 3), KERNEL)
    out.window(at, (1, 1), KERNEL)
    return sheet


def draw_strided(step: int | None) -> Sheet:
    """Figure 6."""
    n, f = LARGER.shape[0], EDGE.shape[0]
    Z = conv(LARGER, EDGE, stride=STRIDE)
    n_out = window.output_size(n, f, stride=STRIDE)
    r = window.resolve("figure 6", (n,), (f,), stride=STRIDE).remainder[0]
    at = divmod(1 if step is None else step, Z.shape[1])
    sheet = Sheet(
        9.6,
        "Figure 6 · A strided convolution",
        f"With stride s = {STRIDE} the kernel moves by {STRIDE} pixels at a time, so the output shrinks "
        f"faster: n_out = ⌊(n + 2p − f)/s⌋ + 1 = ⌊({n} + 0 − {f})/{STRIDE}⌋ + 1 = {n_out}. The bars that "
        f"the article prints have to be read as floor, because ({n} − {f})/{STRIDE} is no whole number: "
        f"the kernel never reaches the last row and column (hatched; the remainder r = {r}). L6 holds so "
        "where n + 2p ≥ f − s.",
    )
    shades = LARGER / LARGER.max()
    shades[n - r :], shades[:, n - r :] = 0, 0
    A = sheet.matrix("A", LARGER, 2, 1, INPUT, label="image A", shades=shades)
    A.hatch((n - r, 0), (r, n))
    A.hatch((0, n - r), (n - r, r))
    row, column = (m * STRIDE for m in at)
    if column:
        A.window((row, column - STRIDE), (f, f), KERNEL, width=2, dashed=True)
        (x, _), (to, _) = A.centre(row, column - STRIDE + 1), A.centre(row, column + 1)
        sheet.arrow((x, A.y + row), (to, A.y + row), KERNEL, width=3)
    A.window((row, column), (f, f), KERNEL)
    sheet.symbol(11.2, 5, "∗")
    sheet.matrix("W", EDGE, 12.4, 3.5, KERNEL, label="kernel W")
    sheet.text(13.9, 7.1, f"stride s = {STRIDE}", size=12)
    sheet.arrow((16.4, 5), (19.6, 5))
    shown = None if step is None else step + 1
    out = sheet.matrix("Z", Z, 20.5, 3.5, OUTPUT, label="output Z", shown=shown)
    out.window(at, (1, 1), KERNEL)
    return sheet
