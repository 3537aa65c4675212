"""Figure 4: a real photograph through several filters."""

import numpy as np

import jaxcnn
from experiments.figures.photograph import grey
from experiments.figures.sheet import INPUT, KERNEL, OUTPUT, Sheet
from experiments.figures.sliding import conv

FILTERS = {
    "blur": np.full((3, 3), 1 / 9, np.float32),
    "sharpen": np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]], np.float32),
    "outline": np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]], np.float32),
    "vertical edges": np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]], np.float32),
    "horizontal edges": np.array([[1, 2, 1], [0, 0, 0], [-1, -2, -1]], np.float32),
}


def photograph_through(name: str) -> tuple[np.ndarray, np.ndarray]:
    """What a layer makes of the photograph, and what the formula L1 makes of it."""
    A, W = halved(), FILTERS[name]
    return conv(A, W), np.asarray(jaxcnn.convolve(A, W, "valid"))


def halved() -> np.ndarray:
    """The photograph at half its size."""
    return np.asarray(jaxcnn.avg_pool(grey()[..., None], (2, 2)))[..., 0]


def draw(step: int | None) -> Sheet:
    """The photograph, the five filters, and one of them by the other formula."""
    results = {name: photograph_through(name) for name in FILTERS}
    gap = {name: float(np.abs(Z - formula).max()) for name, (Z, formula) in results.items()}
    flip = {name: float(np.abs(Z + formula).max()) for name, (Z, formula) in results.items()}
    same = [name for name in FILTERS if gap[name] < 1e-5]
    flipped = [name for name in FILTERS if flip[name] < 1e-5]
    sheet = Sheet(
        17.7,
        "Figure 4 · A photograph through several filters",
        "Each picture is one 3×3 kernel moved over the photograph. For a kernel that a half turn leaves "
        f"as it is ({', '.join(same)}) the article's formula (L1) and a layer's cross-correlation agree; "
        f"for one that a half turn negates ({', '.join(flipped)}) the formula as printed turns dark to "
        "light, as the last picture shows: L2 holds where rot180(h) = h.",
    )
    panels: list[tuple[str, np.ndarray | None, np.ndarray, str]]
    panels = [("the photograph, in grey", None, halved(), INPUT)]
    panels += [(name, FILTERS[name], results[name][0], OUTPUT) for name in FILTERS]
    name = flipped[0]
    panels += [(f"{name}, by the formula L1", FILTERS[name], results[name][1], OUTPUT)]
    for k, (title, W, Z, colour) in enumerate(panels):
        x, y = 0.5 + 6.9 * (k % 4), 0.3 + 8.8 * (k // 4)
        signed = W is not None and abs(W.sum()) < 1e-6
        height = sheet.picture(np.clip(Z / 2 + 0.5 if signed else Z, 0, 1), x, y, 6.3)
        sheet.outline(x, y, 6.3, height, colour)
        sheet.text(x, y + height + 0.5, title, align="left", weight="bold", size=11)
        if W is not None:
            words = None if W.max() >= 1 else np.full(W.shape, "1/9")
            sheet.matrix(f"W{k}", W, x + 0.02, y + height + 1.0, KERNEL, words=words, cell=0.85, size=11)
    sheet.text(21.2, 10.2, "In the pictures of edges", align="left", size=11)
    for k, line in enumerate(("light is above zero,", "middle grey is zero,", "dark is below zero.")):
        sheet.text(21.2, 11 + 0.7 * k, line, align="left", size=11)
    return sheet
