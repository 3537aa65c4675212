"""The command: draw the article's figures 2 to 13 again, from numbers that the library computes.

    python -m experiments.figures [--only N] [--out DIR]
    python -m experiments.figures --sheet FILE

Each becomes a PNG and an SVG, and a GIF where the article animates. --sheet puts all into one PNG instead.
Exit code 0, or 2 where the call was wrong, a file cannot be written or an extra is missing.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from jaxcnn._errors import missing_extra

NUMBERS = range(2, 14)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        "python -m experiments.figures", description="Draw the article's figures 2 to 13 from computed data."
    )
    parser.add_argument(
        "--only", type=int, action="append", choices=NUMBERS, metavar="N", help="this figure; may be repeated"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("figures"), metavar="DIR", help="where they go [%(default)s]"
    )
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="all figures in one PNG, and nothing else")
    given = parser.parse_args(argv)
    if given.sheet is not None and given.only is not None:
        parser.error("argument --sheet: not allowed with argument --only; it shows all figures")
    if given.sheet is not None and not given.sheet.parent.is_dir():
        parser.error(f"argument --sheet: there is no folder {given.sheet.parent}")
    if given.sheet is not None and given.sheet.is_dir():
        parser.error(f"argument --sheet: {given.sheet} is a folder; expected a file")
    try:
        from experiments.figures import files
    except ModuleNotFoundError as error:
        print(missing_extra(parser.prog, error, "figures"), file=sys.stderr)
        return 2
    try:
        if given.sheet is not None:
            files.write_gallery(given.sheet)
            print(given.sheet)
            return 0
        given.out.mkdir(parents=True, exist_ok=True)
        for number in sorted(set(given.only or NUMBERS)):
            print(*files.write(number, given.out), sep="\n")
    except OSError as error:
        option, path = ("--out", given.out) if given.sheet is None else ("--sheet", given.sheet)
        what = "a folder" if given.sheet is None else "a file"
        parser.error(f"argument {option}: {path}: {error.strerror}; expected {what} that can be written")
    return 0
