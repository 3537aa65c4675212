"""The summary's table, the index identities and the operations on the page."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from jaxcnn.page.claims import badge, identity_id
from jaxcnn.page.elements import Markup, table, tag
from jaxcnn.page.matrices import shown


def index(rulings: Sequence[Mapping[str, Any]]) -> Markup:
    """One row a claim, linked to its section."""
    rows = [
        (
            tag("a", ruling["claim"], href=f"#{ruling['claim']}"),
            badge(ruling["verdict"]),
            ruling["domain"] or "–",
            ruling["section"],
        )
        for ruling in rulings
    ]
    headings = ("claim", "verdict", "where it holds", "of the article's section")
    return table("The claims and their verdicts", headings, rows, id="index")


def identities(proofs: Sequence[Mapping[str, Any]], named: Sequence[str]) -> Markup:
    """One row an identity, the anchor of the links from the evidence; `named` are the claims on the page."""
    rows = [
        (
            tag("span", proof["identity"], id=identity_id(proof)),
            _linked(proof["source"], named),
            badge(proof["verdict"]),
            proof["scope"],
            proof["statement"],
            _trouble(proof),
        )
        for proof in proofs
    ]
    headings = ("identity", "of", "verdict", "decided", "statement", "counterexample or reason")
    return table("Index identities, each for every size", headings, rows)


def _trouble(proof: Mapping[str, Any]) -> str:
    found = proof["counterexample"]
    text = ", ".join(f"{name} = {shown(value)}" for name, value in found.items()) if found else ""
    return text or proof["reason"] or "–"


def operations(rows: Sequence[Mapping[str, Any]], named: Sequence[str]) -> Markup:
    """One row an output or gradient; `named` are the claims on the page, to which sources link."""
    dtypes = list(dict.fromkeys(dtype for row in rows for dtype in row["ulp_by_dtype"]))
    body = [
        (
            f"{row['operation']}, {row['part'].removeprefix('the ')}",
            _linked(row["source"], named),
            badge(row["verdict"]),
            row["geometries"],
            f"{row['compared']:,}",
            "bit for bit" if row["exact"] else _ulp(row["worst_ulp"]),
            *(_ulp(row["ulp_by_dtype"].get(dtype)) for dtype in dtypes),
        )
        for row in rows
    ]
    headings = ("output or gradient", "source", "verdict", "geometries", "numbers", "agreement, ulp", *dtypes)
    return table("Operations against jax.grad of their oracles", headings, body)


def failures(rows: Sequence[Mapping[str, Any]]) -> list[Markup]:
    """The smallest counterexample of each row that has one, in the checker's own words."""
    found = []
    for row in rows:
        if row["counterexample"] is not None:
            keywords = ", ".join(
                f"{name}={value}" for name, value in row["counterexample"]["keywords"].items()
            )
            title = f"{row['operation']}, {row['part']}: {row['verdict']}"
            report = f"{keywords}\n{row['counterexample']['report']}".strip()
            words = tag("pre", report, tabindex="0", role="region", aria_label=title)
            found += [tag("h3", title), words]
    return found


def _ulp(error: float | None) -> str:
    return "–" if error is None else f"{error:.1f}"


def _linked(text: str, named: Sequence[str]) -> list[Any]:
    """The text, its ledger numbers linked where the page has their claims."""
    parts = re.split(r"(\bL\d+\b)", text)
    return [tag("a", part, href=f"#{part}") if part in named else part for part in parts]
