"""The command: draw the article's figures 2 to 13 again, from computed numbers, or the ledger of its claims.

    python -m experiments.figures [--only N] [--out DIR]
    python -m experiments.figures --sheet FILE
    python -m experiments.figures --ledger FILE

Each becomes a PNG and an SVG, and a GIF where the article animates. --sheet puts all into one PNG instead.
--ledger judges the claims L1–L20 and draws their verdicts, also as one PNG; half a minute.
Exit code 0, or 2 where the call was wrong, a file cannot be written or an extra is missing.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jaxcnn._errors import missing_extra

if TYPE_CHECKING:
    from jaxcnn.derivations.ledger import Ruling

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
    parser.add_argument(
        "--ledger", type=Path, metavar="FILE", help="the verdicts on L1–L20 in one PNG, and nothing else"
    )
    given = parser.parse_args(argv)
    _check_files(parser, given)
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
        if given.ledger is not None:
            files.write_ledger(_rulings(), given.ledger)
            print(given.ledger)
            return 0
        given.out.mkdir(parents=True, exist_ok=True)
        for number in sorted(set(given.only or NUMBERS)):
            print(*files.write(number, given.out), sep="\n")
    except OSError as error:
        single = _files(given)
        option, path = single[0] if single else ("out", given.out)
        what = "a file" if single else "a folder"
        parser.error(f"argument --{option}: {path}: {error.strerror}; expected {what} that can be written")
    return 0


def _files(given: argparse.Namespace) -> list[tuple[str, Path]]:
    """The options that name a file for one picture, as far as they are given."""
    options = ((option, getattr(given, option)) for option in ("sheet", "ledger"))
    return [(option, path) for option, path in options if path is not None]


def _check_files(parser: argparse.ArgumentParser, given: argparse.Namespace) -> None:
    """Refuse two pictures at once, and a file that cannot be written, before the work begins."""
    if given.sheet is not None and given.only is not None:
        parser.error("argument --sheet: not allowed with argument --only; it shows all figures")
    if given.ledger is not None and (given.only is not None or given.sheet is not None):
        parser.error(
            "argument --ledger: not allowed with arguments --only and --sheet; it is a picture alone"
        )
    for option, path in _files(given):
        if not path.parent.is_dir():
            parser.error(f"argument --{option}: there is no folder {path.parent}")
        if path.is_dir():
            parser.error(f"argument --{option}: {path} is a folder; expected a file")


def _rulings() -> "list[Ruling]":
    """The verdicts on all claims, as `jaxcnn verify` finds them, without the proofs and the operations."""
    import jax

    from jaxcnn.derivations.claims import CLAIMS
    from jaxcnn.derivations.ledger import judge

    with jax.enable_x64(True):  # the claims are exact in float64
        return [judge(claim) for claim in CLAIMS]
