"""Figures as files: the same bytes each time."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from experiments.figures import ledger
from experiments.figures.sheet import Sheet, settings
from experiments.figures.table import FIGURES, Figure
from jaxcnn.derivations.ledger import Ruling

STILL, MOVING, GALLERY, LEDGER = 150, 80, 72, 110  # dots an inch
_MILLISECONDS, _LAST_MILLISECONDS = 700, 2500  # that each frame of an animation stands, and the last
_GAP = 24  # pixels between the figures of the gallery


def write(number: int, folder: Path) -> list[Path]:
    """Draw a figure as PNG and SVG, and as GIF where the article animates; returns the files."""
    figure = FIGURES[number]
    png, svg, gif = (folder / f"{figure.stem}.{kind}" for kind in ("png", "svg", "gif"))
    with settings():
        sheet = figure.draw(None)
        sheet.figure.savefig(png, dpi=STILL, metadata={"Software": None})
        about = {"Date": None, "Creator": None, "Title": figure.stem, "Description": sheet.caption}
        sheet.figure.savefig(svg, metadata=about)
    if not figure.steps:
        return [png, svg]
    first, *others = frames(figure, MOVING)
    times = [_MILLISECONDS] * len(others) + [_LAST_MILLISECONDS]
    first.save(gif, save_all=True, append_images=others, duration=times, loop=0, optimize=True)
    return [png, svg, gif]


def frames(figure: Figure, dpi: float) -> list[Image.Image]:
    """The steps of an animation, in one palette: that of the last, on which everything is drawn."""
    with settings():
        pictures = [_pixels(figure.draw(step), dpi) for step in range(figure.steps)]
    palette = _in_few_colours(pictures[-1], 128)
    return [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]


def write_gallery(path: Path) -> None:
    """All figures in one PNG of two columns, each figure in the column that is the shorter so far."""
    with settings():
        pictures = [_pixels(figure.draw(None), GALLERY) for figure in FIGURES.values()]
    width = pictures[0].width
    ends, places = [_GAP, _GAP], []
    for picture in pictures:
        column = int(ends[1] < ends[0])
        places.append((_GAP + column * (width + _GAP), ends[column]))
        ends[column] += picture.height + _GAP
    gallery = Image.new("RGB", (2 * width + 3 * _GAP, max(ends)), "white")
    for picture, place in zip(pictures, places, strict=True):
        gallery.paste(picture, place)
    _save(gallery, path, 256)


def write_ledger(rulings: Sequence[Ruling], path: Path) -> None:
    """The claims and their verdicts as PNG, which says in words as well what it shows."""
    with settings():
        picture = _pixels(ledger.draw(rulings), LEDGER)
    _save(picture, path, 64, ledger.words(rulings))


def _save(picture: Image.Image, path: Path, colours: int, description: str = "") -> None:
    about = PngInfo()
    if description:
        about.add_itxt("Description", description)
    _in_few_colours(picture, colours).save(path, format="PNG", optimize=True, pnginfo=about)


def _in_few_colours(picture: Image.Image, colours: int) -> Image.Image:
    """The picture in the colours that stand best for all of its own, the paper exactly white."""
    palette = picture.quantize(colours, dither=Image.Dither.NONE)
    channels = palette.getpalette() or []
    whitest = max(range(0, len(channels), 3), key=lambda k: sum(channels[k : k + 3]))
    palette.putpalette([*channels[:whitest], 255, 255, 255, *channels[whitest + 3 :]])
    return palette


def _pixels(sheet: Sheet, dpi: float) -> Image.Image:
    sheet.figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(sheet.figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
