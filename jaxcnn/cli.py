"""The `jaxcnn` command. Thin: arguments in, reports out.

    jaxcnn verify    give every claim of the article its verdict, and check every operation
    jaxcnn check     check anybody's hand-written gradient: module:function against module:reference

With z3 (extra `prove`) `verify` also proves the index identities that the claims rest on, for every size;
without it, it says so. Exit codes of `verify`: 0 when every claim is decided and every correction, identity
and operation is right, whatever the article's own verdicts; 1 when one is wrong; 2 when the call was wrong; 3
when a claim is undecided or an operation could not be checked. Of `check`: 0 PASS, 1 FAIL, 2 the call was
wrong, 3 UNCHECKED.
"""

import argparse
import json
import os
import platform
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jaxlib
import numpy as np

from jaxcnn import command_check
from jaxcnn._errors import missing_extra

GEOMETRIES = 3
"""Geometries tried for each operation: enough to meet every rank, padding and stride, few enough to compile
within two minutes."""
GEOMETRIES_THOROUGH = 100
"""The same with `--thorough`."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    >>> main(["verify", "--claim", "L21"])  # there is no such claim
    Traceback (most recent call last):
    SystemExit: 2
    """
    parser = argparse.ArgumentParser(
        prog="jaxcnn", description="Hand-derived gradients of convolutional networks, checked by machine."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    verify = commands.add_parser(
        "verify",
        help="judge the article's claims L1–L20 and check every operation",
        description="Judge the article's claims L1–L20 and check every operation against jax.grad. "
        "Exit code 0: all decided and right; 1: something is wrong; 3: something is undecided.",
    )
    verify.add_argument(
        "--claim",
        action="append",
        type=_claim_number,
        metavar="L14",
        help="judge this claim only, in full detail, and skip the operations; may be repeated",
    )
    verify.add_argument("--thorough", action="store_true", help="many more cases; takes many minutes")
    verify.add_argument("--json", type=Path, metavar="FILE", help="also write everything to FILE as JSON")
    verify.add_argument(
        "--html",
        type=Path,
        metavar="FILE",
        help="also write everything to FILE as a page, with errors by dtype",
    )
    check = commands.add_parser(
        "check",
        help="check a hand-written gradient of your own",
        description="Check a hand-written gradient: FUN has a custom_vjp or custom_jvp, or is a forward "
        "pass with --backward. Exit code 0: PASS; 1: FAIL; 2: the call was wrong; 3: UNCHECKED.",
    )
    command_check.add_arguments(check)
    arguments = parser.parse_args(argv)
    for option in ("json", "html"):
        path = getattr(arguments, option, None)
        if path is not None:
            _check_file(parser, option, path)
    if arguments.command == "check":
        return command_check.run(check, arguments)
    try:
        return _verify(arguments.claim, arguments.thorough, arguments.json, arguments.html)
    except ModuleNotFoundError as error:
        print(missing_extra("jaxcnn verify", error, "check"), file=sys.stderr)
        return 2


def _check_file(parser: argparse.ArgumentParser, option: str, path: Path) -> None:
    """Refuse a file that cannot be written, before the work begins."""
    if not path.parent.is_dir():
        parser.error(f"argument --{option}: there is no folder {path.parent}")
    if path.is_dir():
        parser.error(f"argument --{option}: {path} is a folder; expected a file")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        parser.error(f"argument --{option}: {path} cannot be written; expected a file that can")


def _claim_number(text: str) -> int:
    match = re.fullmatch(r"[Ll]?(\d{1,2})", text)
    if match is None or not 1 <= int(match[1]) <= 20:
        raise argparse.ArgumentTypeError(f"{text!r} is not a claim; expected one of L1 to L20")
    return int(match[1])


def _verify(numbers: Sequence[int] | None, thorough: bool, json_: Path | None, html: Path | None) -> int:
    # the rows are exact in float64, and inexact ones are judged against it
    jax.config.update("jax_enable_x64", True)
    from jaxcnn.check import Verdict as Check
    from jaxcnn.derivations import display
    from jaxcnn.derivations.claims import CLAIMS
    from jaxcnn.derivations.ledger import judge
    from jaxcnn.derivations.precision import errors
    from jaxcnn.derivations.proofs.identity import Outcome, prove
    from jaxcnn.derivations.proofs.table import IDENTITIES
    from jaxcnn.derivations.search import Row, search
    from jaxcnn.derivations.table import DERIVATIONS
    from jaxcnn.page.document import render
    from jaxcnn.page.sources import way_to_repository

    began = time.perf_counter()
    claims = [claim for claim in CLAIMS if numbers is None or claim.number in numbers]
    derivations = DERIVATIONS if numbers is None else ()
    used = {identity for claim in claims for identity in claim.identities}
    identities = [i for i in IDENTITIES if numbers is None or i in used]
    geometries = GEOMETRIES_THOROUGH if thorough else GEOMETRIES
    with display.progress(len(identities) + len(claims) + len(derivations)) as step:
        proofs = {}
        for identity in identities:
            step(f"{identity.name} for every size")
            proofs[identity] = prove(identity)
        rulings = []
        for claim in claims:
            step(f"{claim.name} {claim.section}")
            rulings.append(judge(claim, thorough=thorough, proofs=proofs))
        rows: list[Row] = []
        precision: list[dict[str, float]] = []
        for derivation in derivations:
            step(f"{derivation.name} against jax.grad")
            found = search(derivation, geometries=geometries)
            rows.extend(found)
            if html is not None:
                by_part = errors(derivation) if all(row.verdict is Check.PASS for row in found) else {}
                precision.extend(by_part.get(row.part, {}) for row in found)

    wrong = any(r.wrong for r in rulings) or any(r.verdict is Check.FAIL for r in rows)
    wrong = wrong or any(proof.verdict is Outcome.REFUTED for proof in proofs.values())
    open_ = not all(r.ok for r in rulings) or any(r.verdict is Check.UNCHECKED for r in rows)
    code = 1 if wrong else 3 if open_ else 0
    seconds = time.perf_counter() - began
    display.show_rulings(rulings, detail=numbers is not None)
    if rows:
        display.show_rows(rows)
    display.show_summary(rulings, list(proofs.values()), rows, code, seconds, _versions())
    report: dict[str, Any] = {
        "versions": _versions(),
        "thorough": thorough,
        "seconds": round(seconds, 1),
        "exit_code": code,
        "claims": [ruling.as_dict() for ruling in rulings],
        "identities": [proof.as_dict() for proof in proofs.values()],
        "operations": [row.as_dict() for row in rows],
    }
    texts: dict[Path, str] = {}
    if html is not None:
        for row, by_dtype in zip(report["operations"], precision, strict=True):
            row["ulp_by_dtype"] = by_dtype
        texts[html] = render(report, way_to_repository(html))
    if json_ is not None:
        texts[json_] = json.dumps(report, indent=1, ensure_ascii=False) + "\n"
    for path, text in texts.items():
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            print(f"jaxcnn verify: {path}: {error.strerror}; expected a file to write", file=sys.stderr)
            return 2
    return code


def _versions() -> dict[str, str]:
    return {
        "python": sys.version.split()[0],
        "jax": jax.__version__,
        "jaxlib": jaxlib.__version__,
        "numpy": np.__version__,
        "platform": f"{platform.system()} {platform.machine()}",
        "device": jax.devices()[0].device_kind,
    }
