"""The whole page."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxcnn.page.claims import badge, claim
from jaxcnn.page.elements import Markup, tag
from jaxcnn.page.tables import failures, identities, index, operations

_STYLE = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
_OUTCOMES = {
    0: "Everything is decided, and all corrections, identities and operations are right.",
    1: "Something is wrong.",
    3: "Something is undecided.",
}


def render(report: Mapping[str, Any], repository: str | None = None) -> str:
    """The report of `jaxcnn verify` as a page; `repository` is the way from the page to it, for links."""
    sections, links = [], []
    for name, heading, content in _sections(report, repository):
        labelled = f"{name}-title"
        inner = (tag("h2", heading, id=labelled), content)
        sections.append(tag("section", *inner, id=name, aria_labelledby=labelled))
        links.append(tag("li", tag("a", heading, href=f"#{name}")))
    title = "The ledger of jaxcnn"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("link", rel="icon", href="data:,"),
        tag("style", Markup(_STYLE)),
    )
    body = tag(
        "body",
        tag("a", "Skip to the content", href="#content", class_="skip"),
        tag("header", tag("h1", title), tag("p", _about(report))),
        tag("nav", tag("ul", links), aria_label="Sections"),
        tag("main", sections, id="content"),
        tag("footer", tag("p", "Made by ", tag("code", "jaxcnn verify --html"), ".")),
    )
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en')}\n"


def _about(report: Mapping[str, Any]) -> str:
    return (
        "The article is Gentle Dive into Math Behind Convolutional Neural Networks, by P. Skalski. A "
        "machine tried each of its claims on small cases, proved the index identities that they rest on, "
        f"and compared each operation of the library with jax.grad. {_OUTCOMES[report['exit_code']]}"
    )


def _sections(report: Mapping[str, Any], repository: str | None) -> list[tuple[str, str, Any]]:
    """(id, title, content) of each."""
    names = [ruling["claim"] for ruling in report["claims"]]
    found: list[tuple[str, str, Any]]
    found = [("summary", "Summary", [_counts(report), index(report["claims"])])]
    found.append(("claims", "Claims", [claim(ruling, repository) for ruling in report["claims"]]))
    if report["identities"]:
        content = [tag("p", _IDENTITIES), identities(report["identities"], names)]
        found.append(("identities", "Index identities", content))
    if report["operations"]:
        rows = report["operations"]
        content = [tag("p", _OPERATIONS), *failures(rows), operations(rows, names)]
        found.append(("operations", "Operations", content))
    found.append(("machine", "Machine and versions", _machine(report)))
    return found


_IDENTITIES = (
    "Which pixel meets which tap and window is linear arithmetic once stride and dilation are fixed; z3 "
    "decides it for all other sizes."
)
_OPERATIONS = (
    "Agreement is the largest error in float64 over all drawn geometries, in units of what rounding "
    "explains; “bit for bit” where whole numbers had to agree without any tolerance. The last columns: "
    "the largest error on one sample call in each dtype against the oracle in float64, in units in the "
    "last place of the largest entry."
)


def _counts(report: Mapping[str, Any]) -> Markup:
    verdicts = Counter(ruling["verdict"] for ruling in report["claims"])
    proofs = Counter(proof["verdict"] for proof in report["identities"])
    rows = Counter(row["verdict"] for row in report["operations"])
    groups: Sequence[tuple[str, Counter]] = (
        ("claims", verdicts),
        ("index identities", proofs),
        ("outputs and gradients", rows),
    )
    lines = []
    for what, counts in groups:
        if counts:
            each = [
                [" ", tag("span", tag("b", count), " ", badge(verdict))] for verdict, count in counts.items()
            ]
            lines.append(tag("li", f"{sum(counts.values())} {what}:", each))
    return tag("ul", lines, class_="counts")


def _machine(report: Mapping[str, Any]) -> Markup:
    facts = dict(report["versions"])
    facts["cases"] = "thorough" if report["thorough"] else "as by default"
    facts["seconds"] = report["seconds"]
    return tag(
        "dl", [tag("div", tag("dt", name), tag("dd", value)) for name, value in facts.items()], class_="case"
    )
