"""The visual language of the figures: what a number, a window, a tensor and a caption look like.

A sheet is measured in cells: a matrix entry is one cell wide, x goes to the right and y down. Every role has
one colour in all figures, out of the palette of Okabe and Ito, which readers with any colour vision tell
apart; a symbol stands above each matrix, so that no meaning hangs on colour alone.
"""

import re
import textwrap
from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, Polygon, Rectangle
from matplotlib.text import Text

INPUT, KERNEL, OUTPUT, GRADIENT = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
INK, QUIET, FAINT, PAPER = "#1A1A1A", "#6B6B6B", "#BDBDBD", "#FFFFFF"
WIDTH = 28.0  # cells, of every sheet
_CELL = 0.4  # inches
_NUMBER, _SYMBOL, _TEXT, _TITLE = 12, 14, 12, 17  # points
_LINE = 0.62  # cells, of a caption
_LETTERS = 130  # in a line of a caption
_TITLE_HEIGHT = 1.5

# The picture depends on nothing but the sheet: not on a user's matplotlibrc, the date or a random salt.
SETTINGS = {
    "font.family": "DejaVu Sans",
    "svg.hashsalt": "jaxcnn",
    "svg.fonttype": "path",
    "hatch.linewidth": 0.6,
}


class Grid:
    """A matrix on a sheet: its place, and the text in each of its cells."""

    def __init__(self, sheet: "Sheet", x: float, y: float, cell: float, texts: np.ndarray):
        """Of `texts`, an array of matplotlib's, with its upper left corner at x, y."""
        self._sheet, self.x, self.y, self.cell, self.texts = sheet, x, y, cell, texts

    @property
    def right(self) -> float:
        """x of the right edge."""
        return self.x + self.cell * self.texts.shape[1]

    def window(
        self, at: Sequence[int], size: Sequence[int], colour: str, *, width: float = 3.0, dashed: bool = False
    ) -> None:
        """A frame around `size` cells, the first at row and column `at`."""
        style = (0, (2, 1.5)) if dashed else "-"
        self._cover(at, size, fill=False, edgecolor=colour, linewidth=width, linestyle=style, zorder=5)

    def hatch(self, at: Sequence[int], size: Sequence[int]) -> None:
        """Strike `size` cells out."""
        self._cover(at, size, fill=False, edgecolor=FAINT, linewidth=0, hatch="////", zorder=1.5)

    def _cover(self, at: Sequence[int], size: Sequence[int], **style) -> None:
        corner = (self.x + at[1] * self.cell, self.y + at[0] * self.cell)
        self._sheet.add(Rectangle(corner, size[1] * self.cell, size[0] * self.cell, **style))

    def centre(self, row: int, column: int) -> tuple[float, float]:
        """x and y of a cell's middle."""
        return self.x + (column + 0.5) * self.cell, self.y + (row + 0.5) * self.cell


class Sheet:
    """One picture, with its title above and its caption below.

    Attributes:
        figure: matplotlib's.
        caption: the words below the picture.
        grids: every matrix by its name.
    """

    def __init__(self, height: float, title: str, caption: str):
        """`height` cells of picture; y counts from the top of the picture."""
        lines = textwrap.wrap(unbroken(caption), _LETTERS)
        below = _LINE * len(lines) + 0.5
        self.caption, self.grids = caption, dict[str, Grid]()
        self.figure = Figure(
            figsize=(WIDTH * _CELL, (_TITLE_HEIGHT + height + below) * _CELL), facecolor=PAPER
        )
        self._axes = self.figure.add_axes((0, 0, 1, 1))
        self._axes.set_xlim(0, WIDTH)
        self._axes.set_ylim(height + below, -_TITLE_HEIGHT)
        self._axes.axis("off")
        self.text(0.5, -0.75, title, size=_TITLE, weight="bold", align="left")
        for k, line in enumerate(lines):
            self.text(0.5, height + 0.25 + _LINE * k, line, align="left", size=11)

    def add(self, patch) -> None:
        """Any patch of matplotlib's, in cells."""
        self._axes.add_patch(patch)

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: float = _TEXT,
        colour: str = INK,
        weight: str = "normal",
        align: str = "center",
    ) -> Text:
        """Words, centred at y; `align` tells what of them is at x."""
        return self._axes.text(
            x, y, words, fontsize=size, color=colour, weight=weight, ha=align, va="center_baseline", zorder=6
        )

    def symbol(self, x: float, y: float, words: str) -> None:
        """What happens between two matrices."""
        self.text(x, y, words, size=_SYMBOL + 4)

    def matrix(
        self,
        name: str,
        values: np.ndarray,
        x: float,
        y: float,
        colour: str,
        *,
        label: str = "",
        cell: float = 1.0,
        border: int = 0,
        shown: int | None = None,
        shades: np.ndarray | None = None,
        size: float = _NUMBER,
        words: np.ndarray | None = None,
    ) -> Grid:
        """A matrix of numbers, the darker the farther from zero, and its label above.

        border: this many rows and columns around it are padding, drawn faintly.
        shown: only so many of its cells, in reading order; all.
        shades: from 0 to 1, in place of the numbers' own.
        words: in place of the numbers.
        """
        scale = max(float(np.abs(values).max()), 1e-9)
        shades = np.abs(values) / scale if shades is None else shades
        texts = np.empty(values.shape, dtype=object)
        inner = np.zeros(values.shape, bool)
        inner[border : values.shape[0] - border, border : values.shape[1] - border] = True
        fills, edges, squares = [], [], []
        for k, at in enumerate(np.ndindex(values.shape)):
            left, top = x + at[1] * cell, y + at[0] * cell
            visible = shown is None or k < shown
            squares.append([(left, top), (left + cell, top), (left + cell, top + cell), (left, top + cell)])
            fills.append(mixed(colour, 0.08 + 0.42 * float(shades[at])) if inner[at] and visible else PAPER)
            edges.append(colour if inner[at] else FAINT)
            entry = number(float(values[at])) if words is None else str(words[at])
            texts[at] = self.text(
                left + cell / 2,
                top + cell / 2,
                entry if visible else "",
                size=size,
                colour=INK if inner[at] else QUIET,
            )
        self._axes.add_collection(PolyCollection(squares, facecolors=fills, zorder=1), autolim=False)
        order = sorted(range(len(edges)), key=lambda k: edges[k] == colour)  # the padding's edges lie below
        lines = PolyCollection(
            [squares[k] for k in order], facecolors="none", edgecolors=[edges[k] for k in order]
        )
        lines.set(linewidth=0.8, zorder=2)
        self._axes.add_collection(lines, autolim=False)
        if label:
            self.text(x + values.shape[1] * cell / 2, y - 0.55, label, size=_SYMBOL)
        self.grids[name] = grid = Grid(self, x, y, cell, texts)
        grid.window((border, border), (inner.any(1).sum(), inner.any(0).sum()), colour, width=1.6)
        return grid

    def arrow(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        colour: str = QUIET,
        *,
        width: float = 1.6,
        bend: float = 0.0,
    ) -> None:
        """From one point to another, bent or straight."""
        self.add(
            FancyArrowPatch(
                start,
                end,
                arrowstyle="-|>",
                mutation_scale=14,
                color=colour,
                linewidth=width,
                connectionstyle=f"arc3,rad={bend}",
                shrinkA=0,
                shrinkB=0,
                zorder=4,
            )
        )

    def line(
        self, start: tuple[float, float], end: tuple[float, float], colour: str, style, width: float = 1.8
    ) -> None:
        """A plain line."""
        self._axes.plot(
            *zip(start, end, strict=True), color=colour, linestyle=style, linewidth=width, zorder=3
        )

    def block(
        self, x: float, y: float, size: Sequence[int], colour: str, *, cell: float, depth: float
    ) -> tuple[float, float]:
        """A box of rows × columns × channels cells, seen obliquely; returns its width and height.

        x, y: the upper left corner of all that is drawn; depth: how far each channel lies behind the last.
        """
        rows, columns, channels = size
        width, height, back = columns * cell, rows * cell, channels * depth
        y += back
        for k in range(rows):
            for j in range(columns):
                self._cell(
                    [(j, k, 0), (j + 1, k, 0), (j + 1, k + 1, 0), (j, k + 1, 0)],
                    x,
                    y,
                    cell,
                    depth,
                    colour,
                    0.2,
                )
        for c in range(channels):
            for j in range(columns):
                self._cell(
                    [(j, 0, c), (j + 1, 0, c), (j + 1, 0, c + 1), (j, 0, c + 1)],
                    x,
                    y,
                    cell,
                    depth,
                    colour,
                    0.4,
                )
            for k in range(rows):
                corners = [(columns, k, c), (columns, k + 1, c), (columns, k + 1, c + 1), (columns, k, c + 1)]
                self._cell(corners, x, y, cell, depth, colour, 0.6)
        return width + back, height + back

    def _cell(
        self, corners, x: float, y: float, cell: float, depth: float, colour: str, share: float
    ) -> None:
        points = [(x + j * cell + c * depth, y + k * cell - c * depth) for j, k, c in corners]
        face = mixed(colour, share)
        self.add(Polygon(points, closed=True, facecolor=face, edgecolor=colour, linewidth=0.7, zorder=2))

    def outline(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """The edge of a rectangle."""
        self.add(Rectangle((x, y), width, height, fill=False, edgecolor=colour, linewidth=1.6, zorder=5))

    def circle(self, x: float, y: float, radius: float, colour: str, *, fill: str) -> None:
        """A node of a graph."""
        self.add(Circle((x, y), radius, facecolor=fill, edgecolor=colour, linewidth=2, zorder=4))

    def picture(self, pixels: np.ndarray, x: float, y: float, width: float, *, smooth: bool = True) -> float:
        """An image, grey or in colour, its numbers from 0 to 1; returns its height in cells."""
        height = width * pixels.shape[0] / pixels.shape[1]
        self._axes.imshow(
            pixels,
            cmap="gray",
            vmin=0,
            vmax=1,
            extent=(x, x + width, y + height, y),
            interpolation="antialiased" if smooth else "nearest",
            aspect="auto",
            zorder=1,
        )
        self._axes.set_xlim(0, WIDTH)
        self._axes.set_autoscale_on(False)
        return height


def mixed(colour: str, share: float) -> tuple[float, ...]:
    """So much of a colour on white paper."""
    return tuple(1 - share * (1 - part) for part in to_rgb(colour))


def unbroken(caption: str) -> str:
    """With no line ending inside a formula or a list of numbers."""
    caption = re.sub(r" ([−+=≥≤*∗→⊙]) ", "\u00a0\\1\u00a0", caption)
    return re.sub(r"(?<=\d), (?=\d)", ",\u00a0", caption)


def number(value: float) -> str:
    """A whole number without a point, any other with one digit; with a real minus sign."""
    text = f"{value:.0f}" if float(value).is_integer() else f"{value:.1f}"
    return "0" if text == "-0" else text.replace("-", "−")


def settings():
    """Matplotlib's own defaults and ours, whatever the user's are, for as long as the context lasts."""
    return matplotlib.rc_context({**matplotlib.rcParamsDefault, "backend": "agg", **SETTINGS})
