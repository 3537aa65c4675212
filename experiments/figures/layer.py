"""Figure 10: what enters and leaves a layer, forward and backward."""

from functools import cache

import numpy as np

import jaxcnn
from experiments.figures.sheet import GRADIENT, INPUT, KERNEL, OUTPUT, QUIET, Sheet

A = np.array([[1, 0, 2, 1], [2, 1, 0, 1], [0, 2, 1, 2], [1, 1, 2, 0]], np.float32)
W = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]], np.float32)
b = np.array([1], np.float32)
dA_OUT = np.array([[2, -1], [3, 1]], np.float32)  # what comes from the next layer


@cache
def passes() -> dict[str, np.ndarray]:
    """Everything that the two passes make, by the article's symbols."""
    image, kernel = A[..., None], W[..., None, None]
    Z = jaxcnn.conv(image, kernel, b)
    dZ = jaxcnn.activation_dZ(jaxcnn.relu, Z, dA_OUT[..., None])
    return {
        "Z": np.asarray(Z)[..., 0],
        "g(Z)": np.asarray(jaxcnn.relu(Z))[..., 0],
        "dZ": np.asarray(dZ)[..., 0],
        "dA": np.asarray(jaxcnn.conv_dA(dZ, kernel, input_size=A.shape))[..., 0],
        "dW": np.asarray(jaxcnn.conv_dW(image, dZ, kernel_size=W.shape))[..., 0, 0],
        "db": np.asarray(jaxcnn.conv_db(dZ))[None],
    }


def draw(step: int | None) -> Sheet:
    """Forward above, from left to right; backward below, from right to left."""
    made = passes()
    closed = int(np.count_nonzero(made["Z"] <= 0))
    sheet = Sheet(
        14.8,
        "Figure 10 · What enters and leaves a layer, forward and backward",
        "Backward, every tensor gets a gradient of its own shape. dZ = dA ⊙ g′(Z) holds where g acts on "
        f"each element alone (L12); here {closed} of {made['Z'].size} elements of Z are not above zero, "
        "and let nothing through. dA is the sum over windows of the kernel times dZ (L13 prints it "
        "without saying where each window lies, and fails so). dW and db the article promises and does "
        "not give: L15 and L16 supply them.",
    )
    top, low = 1.7, 9.0
    sheet.text(0.5, 0.45, "forward", align="left", weight="bold", size=13)
    sheet.text(0.5, low - 1.5, "backward", align="left", weight="bold", size=13)
    sheet.outline(6.6, 0.5, 9.8, 13.6, QUIET)
    sheet.text(11.5, 1.1, "convolution layer", size=12, weight="bold")
    sheet.text(11.5, 6.6, "Z = conv(A, W) + b", size=13)
    sheet.outline(20.9, 0.5, 2.6, 13.6, QUIET)
    sheet.text(22.2, 1.1, "activation", size=12, weight="bold")
    sheet.text(22.2, top + 2, "g = relu", size=12)
    sheet.text(22.2, low + 2, "⊙ g′(Z)", size=12)

    sheet.matrix("A", A, 0.8, top, INPUT, label="A")
    sheet.matrix("W", W, 8, top + 0.8, KERNEL, label="W")
    sheet.matrix("b", b[None], 13.5, top + 1.8, KERNEL, label="b")
    sheet.matrix("Z", made["Z"], 17.7, top + 1, OUTPUT, label="Z")
    sheet.matrix("g(Z)", made["g(Z)"], 25.2, top + 1, OUTPUT, label="A, out")
    sheet.matrix("dA", made["dA"], 0.8, low, GRADIENT, label="dA")
    sheet.matrix("dW", made["dW"], 8, low + 0.5, GRADIENT, label="dW")
    sheet.matrix("db", made["db"], 13.5, low + 1.5, GRADIENT, label="db")
    sheet.matrix("dZ", made["dZ"], 17.7, low + 1, GRADIENT, label="dZ")
    sheet.matrix("dA_out", dA_OUT, 25.2, low + 1, GRADIENT, label="dA, in")
    for x, end in ((4.95, 6.5), (16.45, 17.6), (19.85, 20.8), (23.6, 25.1)):
        sheet.arrow((x, top + 2), (end, top + 2))
        sheet.arrow((end, low + 2), (x, low + 2), GRADIENT)
    sheet.text(9.5, low + 4.25, "A ∗ dZ", size=11)
    sheet.text(14, low + 3.25, "Σ dZ", size=11)
    sheet.text(2.8, low + 4.6, "from dZ and W", size=11)
    return sheet
