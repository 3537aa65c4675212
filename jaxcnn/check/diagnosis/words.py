"""Numbers, names and axes in words."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def number(value: float) -> str:
    """To seven digits."""
    return f"{float(value):.7g}"


def listed(numbers: Sequence[Any]) -> str:
    """Whole numbers, as a list."""
    return str([int(n) for n in numbers])


def numbered(what: str, k: int, several: Sequence[np.ndarray]) -> str:
    """With its number, if there are several."""
    return what if len(several) == 1 else f"{what} {k}"


def in_words(axes: Sequence[int]) -> str:
    """Axes, counted without the cases."""
    numbers = [str(a - 1) for a in axes]
    return f"axis {numbers[0]}" if len(numbers) == 1 else f"axes {' and '.join(numbers)}"
