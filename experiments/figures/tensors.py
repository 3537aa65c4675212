"""Figure 8: the tensors of a layer with their sizes."""

import numpy as np

import jaxcnn
from experiments.figures.sheet import INPUT, KERNEL, OUTPUT, Sheet

A = np.ones((8, 8, 3), np.float32)
W = np.ones((3, 3, 3, 4), np.float32)
b = np.ones(4, np.float32)
_CELL, _DEPTH = 0.55, 0.3


def outputs() -> tuple[np.ndarray, np.ndarray]:
    """Z and g(Z), of the layer."""
    Z = jaxcnn.conv(A, W, b)
    return np.asarray(Z), np.asarray(jaxcnn.relu(Z))


def draw(step: int | None) -> Sheet:
    """A, the filters, the biases, Z and what the activation makes of it."""
    Z, activated = outputs()
    filters = W.shape[-1]
    free = W.size + b.size
    sheet = Sheet(
        9.8,
        "Figure 8 · The tensors of a layer with their sizes",
        "Z = W·A + b, then A = g(Z). The “·” is the convolution over all channels, and b holds one "
        f"number a filter: {filters} filters, {filters} biases, {filters} channels of Z (L9, which holds "
        f"everywhere). The layer learns {' · '.join(map(str, W.shape))} + {b.size} = {free} numbers, "
        "whatever the size of the image.",
    )
    middle = 4.4

    def block(x: float, tensor: np.ndarray, colour: str, name: str) -> float:
        height = tensor.shape[0] * _CELL + tensor.shape[2] * _DEPTH
        width, _ = sheet.block(x, middle - height / 2, tensor.shape, colour, cell=_CELL, depth=_DEPTH)
        sheet.text(x + width / 2, 8.1, name, size=14)
        sheet.text(x + width / 2, 8.85, " × ".join(map(str, tensor.shape)), size=12)
        return x + width

    x = block(0.5, A, INPUT, "A, the input")
    sheet.symbol(x + 0.7, middle, "∗")
    x += 1.4
    for k in range(filters):
        top = 0.9 + 3.7 * (k // 2)
        sheet.block(x + 3.1 * (k % 2), top, W.shape[:3], KERNEL, cell=_CELL, depth=_DEPTH)
    sheet.text(x + 2.9, 8.1, f"W, {filters} filters", size=14)
    sheet.text(x + 2.9, 8.85, " × ".join(map(str, W.shape)), size=12)
    x += 6.2
    sheet.symbol(x, middle, "+")
    for k in range(filters):
        sheet.block(x + 0.6, middle - 1.1 + k * _CELL, (1, 1, 1), KERNEL, cell=_CELL, depth=0.12)
    sheet.text(x + 0.95, 8.1, "b", size=14)
    sheet.text(x + 0.95, 8.85, str(b.size), size=12)
    x += 2.0
    sheet.symbol(x, middle, "=")
    x = block(x + 0.6, Z, OUTPUT, "Z")
    sheet.arrow((x + 0.25, middle), (x + 1.85, middle))
    sheet.text(x + 1.05, middle - 0.55, "g", size=14)
    block(x + 2.1, activated, OUTPUT, "A, the output")
    return sheet
