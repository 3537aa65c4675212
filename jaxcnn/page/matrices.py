"""Numbers as small tables."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxcnn.page.elements import Markup, scroller, tag

_WIDEST = 9  # columns of a matrix that is drawn whole


def matrix(name: str, value: Any, other: Any = None) -> Markup:
    """A number, text or array with its name; entries that are not those of `other` are marked."""
    if isinstance(value, str) or not isinstance(value, list):
        return _captioned(name, tag("p", shown(value), class_="value"))
    array = np.array(value, dtype=object)
    planes = np.squeeze(array)
    size = " × ".join(map(str, array.shape))
    marks = _marks(array, other).reshape(planes.shape)
    label = f"{name}, {size}" if array.ndim > 1 else name
    if planes.size == 0:
        return _captioned(label, tag("p", "nothing", class_="value"))
    if planes.ndim > 2:
        leading = planes.shape[:-2]
        parts = [_plane(planes[at], marks[at], f"{name} {list(at)}") for at in np.ndindex(leading)]
        return _captioned(label, parts)
    return _captioned(label, _plane(planes, marks, name))


def case(values: Mapping[str, Any]) -> Markup:
    """The geometry of a case as a list of terms."""
    pairs = [tag("div", tag("dt", name), tag("dd", shown(value))) for name, value in values.items()]
    return tag("dl", pairs, class_="case")


def shown(value: Any) -> str:
    """A value on one line, with real minus signs and six digits at most."""
    match value:
        case list():
            return f"({', '.join(map(shown, value))})"
        case bool() | str():
            return str(value)
        case float():
            return f"{value:.6g}".replace("-", "−")
    return str(value).replace("-", "−")


def _captioned(label: str, content: Any) -> Markup:
    return tag("figure", tag("figcaption", label), content, class_="matrix")


def _plane(numbers: np.ndarray, marks: np.ndarray, label: str) -> Markup:
    rows, flags = np.atleast_2d(numbers), np.atleast_2d(marks)
    body = [
        tag(
            "tr",
            [tag("td", tag("strong", shown(x)) if flag else shown(x)) for x, flag in zip(*row, strict=True)],
        )
        for row in zip(rows, flags, strict=True)
    ]
    drawn = tag("table", tag("tbody", body), class_="numbers")
    return scroller(label, drawn) if rows.shape[1] > _WIDEST else drawn


def _marks(array: np.ndarray, other: Any) -> np.ndarray:
    """Which entries differ from the other's; none where the shapes do, or there is no other."""
    theirs = np.array(other, dtype=object) if isinstance(other, list) else None
    if theirs is None or theirs.shape != array.shape:
        return np.zeros(array.shape, bool)
    return np.asarray(array != theirs, bool)
