"""Figure 9: cut connections and shared parameters, as a graph and as the matrix."""

import jax.numpy as jnp
import numpy as np

from experiments.figures.sheet import FAINT, INK, INPUT, KERNEL, OUTPUT, PAPER, Sheet
from jaxcnn.forms import toeplitz
from jaxcnn.window import resolve

W = np.array([[1, 2], [3, 4]], np.float32)  # the number of each weight
N = 3
OUTPUTS = "ABCD"
# of each weight: by colour, by line and by name
COLOURS = {1: KERNEL, 2: "#D55E00", 3: "#56B4E9", 4: INK}
LINES = {1: "-", 2: (0, (6, 2)), 3: (0, (5, 1.5, 1, 1.5)), 4: (0, (1.2, 1.5))}


def matrix() -> np.ndarray:
    """The layer's matrix, outputs by inputs; each entry is the number of its weight, or 0."""
    window = resolve("figure 9", (N, N), W.shape)
    return np.asarray(toeplitz.matrix(jnp.asarray(W)[..., None, None], window))[:, 0, :, 0]


def untouched() -> tuple[int, int]:
    """Of a 3×3 kernel on a 3×3 image with same padding: pairs of output and weight that never meet; all."""
    meets = toeplitz.selection(resolve("figure 9", (N, N), (3, 3), padding="SAME")).any(-1)
    return int((~meets).sum()), meets.size


def draw(step: int | None) -> Sheet:
    """The graph on the left, the matrix on the right."""
    T = matrix()
    used, (apart, pairs) = int(np.count_nonzero(T)), untouched()
    distinct = len(np.unique(T[T != 0]))
    corner = [OUTPUTS[m] for m in np.flatnonzero(T[:, 0])]
    centre = [OUTPUTS[m] for m in np.flatnonzero(T[:, T.shape[1] // 2])]
    sheet = Sheet(
        13.3,
        "Figure 9 · Cut connections and shared parameters",
        f"A dense layer would join every input to every output, {T.size} weights. Here {used} connections "
        f"remain, and they share {distinct} weights (L10, which holds everywhere): input 1 touches only "
        f"{' and '.join(corner)}, input {T.shape[1] // 2 + 1} touches {', '.join(centre)}. “Every weight "
        "affects every output” (L11) holds where no tap sees padding: with same padding and a 3×3 kernel "
        f"on this image, {apart} of {pairs} pairs never meet.",
    )
    nodes_in = [(2.2, 0.9 + 1.3 * i) for i in range(T.shape[1])]
    nodes_out = [(9.4, 2.2 + 2.6 * m) for m in range(T.shape[0])]
    for m, i in np.ndindex(T.shape):
        weight = int(T[m, i])
        if weight:
            sheet.line(nodes_in[i], nodes_out[m], COLOURS[weight], LINES[weight], 2.2)
        else:
            sheet.line(nodes_in[i], nodes_out[m], FAINT, "-", 0.5)
    for i, (x, y) in enumerate(nodes_in):
        _node(sheet, x, y, str(i + 1), INPUT)
    for (x, y), name in zip(nodes_out, OUTPUTS, strict=True):
        _node(sheet, x, y, name, OUTPUT)
    sheet.text(2.2, 12.2, "inputs", size=12)
    sheet.text(9.4, 12.2, "outputs", size=12)

    pixels = np.arange(1, N * N + 1).reshape(N, N)
    flat = np.zeros(pixels.shape)
    sheet.matrix("A", pixels, 12.6, 1.2, INPUT, label="input", shades=flat)
    sheet.symbol(16.4, 2.7, "∗")
    kernel = np.vectorize(lambda weight: f"w{weight:.0f}")(W)
    sheet.matrix("W", W, 17.2, 1.7, KERNEL, label="kernel", words=kernel, shades=np.zeros(W.shape))
    sheet.symbol(20, 2.7, "=")
    names = np.array(list(OUTPUTS)).reshape(2, 2)
    sheet.matrix("names", np.zeros((2, 2)), 20.8, 1.7, OUTPUT, label="output", words=names)
    for k, weight in enumerate(COLOURS):
        y = 1.3 + 0.8 * k
        sheet.line((24.4, y), (26.2, y), COLOURS[weight], LINES[weight], 2.6)
        sheet.text(26.5, y, f"w{weight}", align="left")
    words = np.vectorize(lambda weight: f"w{weight:.0f}" if weight else "")(T)
    grid = sheet.matrix("T", T, 14.2, 7, KERNEL, cell=1.4, words=words, shades=(T > 0) * 0.6)
    for m, name in enumerate(OUTPUTS):
        sheet.text(13.6, grid.centre(m, 0)[1], name)
    for i in range(T.shape[1]):
        sheet.text(grid.centre(0, i)[0], 6.5, str(i + 1))
    sheet.text((grid.x + grid.right) / 2, 5.7, "the layer as a matrix T: vec Z = T vec A", size=13)
    return sheet


def _node(sheet: Sheet, x: float, y: float, name: str, colour: str) -> None:
    sheet.circle(x, y, 0.5, colour, fill=PAPER)
    sheet.text(x, y, name, weight="bold")
