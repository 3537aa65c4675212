"""HTML and MathML out of Python: `tag` nests and escapes, so that no text can become markup by accident."""

import html
from collections.abc import Iterable
from typing import Any


class Markup(str):
    """Text that is markup already."""


VOID = ("meta", "link")


def tag(name: str, /, *children: Any, **attributes: Any) -> Markup:
    """An element. Children are strings, which are escaped unless they are markup, and iterables of them.

    Attributes: an underscore at the end is dropped and others become hyphens (class_, aria_label); None
    leaves one out, True gives it without a value.
    """
    parts = [name]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        key = key.rstrip("_").replace("_", "-")
        parts.append(key if value is True else f'{key}="{html.escape(str(value))}"')
    opening = f"<{' '.join(parts)}>"
    return Markup(opening if name in VOID else f"{opening}{join(children)}</{name}>")


def join(children: Any) -> Markup:
    """Everything in one string, escaped where it is not markup."""
    match children:
        case None:
            return Markup("")
        case Markup():
            return children
        case str():
            return Markup(html.escape(children))
        case Iterable():
            return Markup("".join(map(join, children)))
    return Markup(html.escape(str(children)))


def table(
    caption: str, headings: Iterable[Any], rows: Iterable[Iterable[Any]], *, id: str | None = None
) -> Markup:
    """A table that scrolls by itself where the page is narrow; a row's first cell is its heading."""
    head = tag("tr", [tag("th", heading, scope="col") for heading in headings])
    body = [
        tag("tr", [tag("td", cell) if k else tag("th", cell, scope="row") for k, cell in enumerate(row)])
        for row in rows
    ]
    inner = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", body), id=id)
    return scroller(caption, inner)


def scroller(label: str, *children: Any) -> Markup:
    """Children that may be wider than the page; the keyboard can scroll them too."""
    return tag("div", children, class_="scroll", role="region", aria_label=label, tabindex="0")
