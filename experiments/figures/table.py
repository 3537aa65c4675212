"""The figures by the article's numbers."""

from collections.abc import Callable
from dataclasses import dataclass

from experiments.figures import (
    connections,
    coverage,
    filters,
    full_convolution,
    layer,
    max_pool,
    pixels,
    sliding,
    tensors,
    volume,
)
from experiments.figures.sheet import Sheet


@dataclass(frozen=True)
class Figure:
    """A figure of the article.

    Attributes:
        stem: of the names of its files.
        draw: the sheet; of the still picture, None, or of one step of the animation.
        steps: of the animation; none where the article does not animate.
    """

    stem: str
    draw: Callable[[int | None], Sheet]
    steps: int = 0


FIGURES = {
    2: Figure("02-pixels", pixels.draw),
    3: Figure("03-kernel", sliding.draw_placed, sliding.STEPS),
    4: Figure("04-filters", filters.draw),
    5: Figure("05-coverage", coverage.draw),
    6: Figure("06-stride", sliding.draw_strided, sliding.STRIDED_STEPS),
    7: Figure("07-volume", volume.draw),
    8: Figure("08-tensors", tensors.draw),
    9: Figure("09-connections", connections.draw),
    10: Figure("10-layer", layer.draw),
    11: Figure("11-full-convolution", full_convolution.draw, full_convolution.STEPS),
    12: Figure("12-max-pool", max_pool.draw_forward, max_pool.STEPS),
    13: Figure("13-max-pool-backward", max_pool.draw_backward, max_pool.STEPS),
}
