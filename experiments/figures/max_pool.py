"""Figures 12 and 13: max pooling, and its backward pass with the mask."""

import numpy as np

import jaxcnn
from experiments.figures.sheet import GRADIENT, INK, INPUT, KERNEL, OUTPUT, Sheet, number
from jaxcnn import window

A = np.array([[1, 3, 2, 1], [4, 6, 6, 8], [3, 1, 1, 0], [1, 2, 2, 4]], np.float32)
dZ = np.array([[2, -1], [5, 3]], np.float32)
PEAK = np.array([[1, 4, 2], [3, 9, 5], [2, 6, 1]], np.float32)  # one pixel, the maximum of four windows
F = 2
STEPS = 4
# (n, f, s): windows that tile, that overlap, and that leave a remainder
TILINGS = {"a partition": (4, 2, 2), "overlaps": (5, 3, 2), "a remainder": (5, 2, 2)}


def pooled(image: np.ndarray, stride: int) -> tuple[np.ndarray, np.ndarray]:
    """Z, and the mask of each window, (m, n, F, F)."""
    Z = jaxcnn.max_pool(image[..., None], (F, F), stride=stride)
    mask = jaxcnn.max_pool_mask(image[..., None], (F, F), stride=stride)
    return np.asarray(Z)[..., 0], np.asarray(mask)[..., 0]


def returned(image: np.ndarray, cotangent: np.ndarray, stride: int) -> np.ndarray:
    """dA of the pool."""
    index = jaxcnn.max_pool_index(image[..., None], (F, F), stride=stride)
    dA = jaxcnn.max_pool_dA(index, cotangent[..., None], (F, F), input_size=image.shape, stride=stride)
    return np.asarray(dA)[..., 0]


def seen(n: int, f: int, s: int) -> np.ndarray:
    """In how many windows each pixel lies."""
    along = np.array(window.coverage(n, f, stride=s), np.float32)
    return along[:, None] * along


def _maximum(mask: np.ndarray, m: tuple[int, ...], stride: int) -> tuple[int, int]:
    """The pixel that is the maximum of window m."""
    row, column = np.argwhere(mask[m])[0]
    return m[0] * stride + row, m[1] * stride + column


def draw_forward(step: int | None) -> Sheet:
    """Figure 12."""
    Z, mask = pooled(A, F)
    sheet = Sheet(
        8.6,
        "Figure 12 · Max pooling",
        "Divide the image into regions and keep the largest number of each. The regions are a partition, "
        "as the article draws them, only where s = f and f divides n, or n = f (L17). Elsewhere windows "
        "overlap, or a remainder is never seen and gets no gradient: the small matrices count in how "
        "many windows each pixel lies.",
    )
    shown = None if step is None else step + 1
    image = sheet.matrix("A", A, 0.8, 2, INPUT, label="A")
    sheet.arrow((5.3, 4), (7.6, 4))
    sheet.text(6.45, 3.45, f"max of {F}×{F}", size=11)
    out = sheet.matrix("Z", Z, 8.1, 3, OUTPUT, label="Z", shown=shown)
    windows = [*np.ndindex(Z.shape)]
    for m in windows:
        image.window((m[0] * F, m[1] * F), (F, F), INK, width=1.4)
    if step is not None:
        m = windows[step]
        image.window((m[0] * F, m[1] * F), (F, F), KERNEL)
        out.window(m, (1, 1), KERNEL)
    for m in windows[:shown]:
        image.window(_maximum(mask, m, F), (1, 1), OUTPUT)
    x = 12.3
    for name, (n, f, s) in TILINGS.items():
        count = seen(n, f, s)
        grid = sheet.matrix(name, count, x, 2 + (5 - n) / 2, INPUT, cell=0.9, size=11, shades=count / 4)
        sheet.text((x + grid.right) / 2, 1.1, name, size=12)
        sheet.text((x + grid.right) / 2, 7.3, f"n = {n}, f = {f}, s = {s}", size=11)
        grid.window((0, 0), (f, f), KERNEL)
        for row, column in np.argwhere(count == 0):
            grid.hatch((row, column), (1, 1))
        x = grid.right + 0.9
    return sheet


def draw_backward(step: int | None) -> Sheet:
    """Figure 13: windows that tile above, windows that overlap below."""
    most = int(max(np.bincount([_flat(PEAK, m) for m in np.ndindex(2, 2)])))
    sheet = Sheet(
        15.4,
        "Figure 13 · The backward pass of max pooling, with the mask",
        "The mask remembers which element was the maximum, and the gradient goes there alone. L18 holds "
        "as printed where every window has one maximum and no pixel is the maximum of two. Above, the "
        f"windows tile. Below, they overlap, and one pixel is the maximum of {most}: the mask belongs to "
        "a window, not to a pixel, and that pixel collects all that arrives. Of equal maxima, the first "
        "takes the gradient.",
    )
    _backward(sheet, "tiles", A, F, step, 1.3)
    _backward(sheet, "overlaps", PEAK, 1, step, 9.4)
    return sheet


def _flat(image: np.ndarray, m: tuple[int, ...]) -> int:
    row, column = _maximum(pooled(image, 1)[1], m, 1)
    return row * image.shape[1] + column


def _backward(sheet: Sheet, name: str, image: np.ndarray, stride: int, step: int | None, y: float) -> None:
    """One row: image, masks, dZ, dA; of the animation the first step + 1 windows."""
    _, mask = pooled(image, stride)
    arrived = dZ.copy()
    arrived.flat[len(dZ.flat) if step is None else step + 1 :] = 0
    dA = returned(image, arrived, stride)
    middle = y + 2.2
    A_grid = sheet.matrix(f"{name} A", image, 0.8, middle - len(image) / 2, INPUT, label="A")
    sheet.text(0.8, y - 1.0, f"windows {F}×{F}, stride {stride}", align="left", weight="bold", size=11)
    sheet.arrow((5.2, middle), (6.7, middle))
    gradients = sheet.matrix(f"{name} dZ", dZ, 15.4, middle - 1, GRADIENT, label="dZ")
    back = sheet.matrix(
        f"{name} dA", dA, 21.4, middle - len(image) / 2, GRADIENT, label="dA", shades=np.abs(dA) / 9
    )
    sheet.text(9.8, y - 0.55, "the mask of each window", size=14)
    for k, m in enumerate(np.ndindex(dZ.shape)):
        x, top = 7.2 + 2.8 * m[1], middle - 2.2 + 2.4 * m[0]
        grid = sheet.matrix(f"{name} mask {k}", mask[m].astype(np.float32), x, top, OUTPUT)
        if k == step:
            for frame, at, size in (
                (A_grid, (m[0] * stride, m[1] * stride), (F, F)),
                (grid, (0, 0), (F, F)),
                (gradients, m, (1, 1)),
            ):
                frame.window(at, size, KERNEL)
            back.window(_maximum(mask, m, stride), (1, 1), KERNEL)
    sheet.symbol(14, middle, "⊙")
    sheet.arrow((17.9, middle), (20.9, middle), GRADIENT)
    sheet.text(19.4, middle - 0.55, "add each in place", size=11)
    sheet.text(23.4, middle + 2.7, f"in all {number(arrived.sum())}, as much as came", size=11)
