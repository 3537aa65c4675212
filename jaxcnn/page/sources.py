"""Where a function of the library stands, and what it says."""

import inspect
import os
import pkgutil
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]  # the repository, or the folder that the package is installed in


@dataclass(frozen=True)
class Source:
    """A function: its public name, file in the repository, first line and text."""

    name: str
    file: str
    line: int
    text: str


def source(function: str) -> Source:
    """Of "module:name"."""
    found = inspect.unwrap(pkgutil.resolve_name(function))
    lines, first = inspect.getsourcelines(found)
    file = Path(inspect.getfile(found)).relative_to(ROOT).as_posix()
    return Source(function.replace(":", "."), file, first, inspect.cleandoc("".join(lines)))


def way_to_repository(page: Path) -> str | None:
    """The way from a page to the repository, "." or "../.."; none for a page that lies outside of it.

    Nor is there one where the package is installed: the page then names the files without links.
    """
    folder = page.resolve().parent
    if not (ROOT / "pyproject.toml").is_file() or not folder.is_relative_to(ROOT.resolve()):
        return None
    return Path(os.path.relpath(ROOT.resolve(), folder)).as_posix()
