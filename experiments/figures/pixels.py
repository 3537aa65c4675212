"""Figure 2: the pixels of an image and its three channels."""

from experiments.figures.photograph import photograph
from experiments.figures.sheet import INK, INPUT, QUIET, Sheet

CORNER, SIDE = (106, 209), 6  # where the little square lies, and its pixels a side
# a channel is drawn in its own colour, and named
CHANNELS = {"red": "#C8102E", "green": "#1B7F3B", "blue": "#1F4FBF"}


def draw(step: int | None) -> Sheet:
    """The photograph, a few of its pixels, and their numbers."""
    image = photograph()
    row, column = CORNER
    patch = image[row : row + SIDE, column : column + SIDE]
    height, width, channels = image.shape
    sheet = Sheet(
        17.2,
        "Figure 2 · The pixels of an image and its three channels",
        f"A colour image is {channels} matrices of numbers from 0 to 255, one a channel. This photograph "
        f"has the shape [{height}, {width}, {channels}]: rows, columns, channels. L7 prints [n, n, c] and "
        "holds for square images; corrected, it counts each axis by itself. A kernel laid on it has "
        f"{channels} channels as well (L8).",
    )
    sheet.text(6.3, 0.45, f"the photograph: {height} rows, {width} columns", size=11)
    sheet.picture(image / 255, 0.5, 1, 11.6)
    scale = 11.6 / width
    x, y, square = 0.5 + column * scale, 1 + row * scale, SIDE * scale
    sheet.outline(x, y, square, square, INK)
    left, top = 17.0, 1.4
    for corner, there in ((0, 0), (square, SIDE)):  # two lines of sight to the enlarged square
        sheet.line((x + square, y + corner), (left, top + there), INK, "-", 1.0)
    sheet.text(left + SIDE / 2, top - 0.55, f"{SIDE}×{SIDE} of its pixels, enlarged", size=11)
    sheet.picture(patch / 255, left, top, SIDE, smooth=False)
    sheet.outline(left, top, SIDE, SIDE, INPUT)
    for k, (name, colour) in enumerate(CHANNELS.items()):
        numbers = patch[..., k]
        at = (1.5 + 9.5 * k, 10.8)
        label = f"{name}: A[:, :, {k}]"
        sheet.matrix(name, numbers, *at, colour, label=label, shades=numbers / 255, size=11)
        sheet.arrow((left + SIDE / 2, top + SIDE + 0.15), (at[0] + SIDE / 2, at[1] - 1.1), QUIET, width=1.0)
    return sheet
