"""A claim of the article on the page."""

from collections.abc import Mapping
from typing import Any

from jaxcnn.page.elements import Markup, table, tag
from jaxcnn.page.formulas import FORMULAS
from jaxcnn.page.mathml import formula
from jaxcnn.page.matrices import case, matrix
from jaxcnn.page.sources import source

SIGNS = {
    "HOLDS": "✓",
    "HOLDS ON A DOMAIN": "◐",
    "FAILS AS PRINTED": "✗",
    "NOT PRINTED": "+",
    "UNDECIDED": "?",
    "PASS": "✓",
    "FAIL": "✗",
    "UNCHECKED": "?",
    "PROVED": "✓",
    "REFUTED": "✗",
}


def badge(verdict: str) -> Markup:
    """A verdict, told by word, sign and colour."""
    kind = verdict.lower().replace(" ", "-")
    return tag("span", tag("span", SIGNS[verdict], aria_hidden="true"), " ", verdict, class_=f"badge {kind}")


def claim(ruling: Mapping[str, Any], repository: str | None) -> Markup:
    """All about one claim; `repository` is the way there, for the links to the source."""
    name = ruling["claim"]
    formulas = FORMULAS[name]
    return tag(
        "section",
        tag("h3", f"{name} · {ruling['section']}", id=f"{name}-title"),
        tag("p", badge(ruling["verdict"]), " ", _where(ruling), class_="verdict"),
        tag("blockquote", tag("p", ruling["statement"])),
        tag("p", tag("b", "Read as: "), ruling["reading"]),
        tag("p", tag("b", "Why undecided: "), ruling["reason"]) if ruling["reason"] else None,
        tag(
            "div",
            _formula("As printed", formulas.printed),
            _formula("As it holds", formulas.corrected),
            class_="formulas",
        ),
        tag("p", tag("b", "Corrected: "), ruling["correction"]) if ruling["correction"] else None,
        _counterexample(ruling),
        tag("h4", "Evidence"),
        evidence(ruling),
        tag("h4", "In the library"),
        [_function(name, *pair, repository) for pair in formulas.functions],
        id=name,
        class_="claim",
        aria_labelledby=f"{name}-title",
    )


def _where(ruling: Mapping[str, Any]) -> str:
    return f"Where it holds: {ruling['domain']}" if ruling["domain"] else ""


def _formula(title: str, text: str | None) -> Markup:
    content = tag("p", "Nothing is printed.") if text is None else map(formula, text.splitlines())
    label = f"Formula, {title.lower()}"
    shown = tag("div", content, class_="scroll", role="region", aria_label=label, tabindex="0")
    return tag("figure", tag("figcaption", title), shown)


def _counterexample(ruling: Mapping[str, Any]) -> list[Markup]:
    found = ruling["counterexample"]
    if found is None:
        return []
    inputs = [matrix(name, value) for name, value in found["inputs"].items()]
    got, expected = found["got"], found["expected"]
    return [
        tag("h4", "Smallest counterexample"),
        case(found["case"]),
        tag(
            "div",
            inputs,
            matrix("as printed", got, expected),
            matrix("right", expected),
            class_="matrices",
        ),
    ]


def evidence(ruling: Mapping[str, Any]) -> Markup:
    """One row a statement: the printed one, the corrected one, the further ones."""
    named = (("as printed", ruling["printed"]), ("corrected", ruling["corrected"]))
    rows = [_row(name, finding) for name, finding in named if finding]
    rows += [_row(part["statement"], part) for part in ruling["parts"]]
    headings = ("statement", "claimed where", "holds inside", "fails outside", "compared", "its indices")
    return table(f"Evidence on {ruling['claim']}", headings, rows)


def _row(name: str, finding: Mapping[str, Any]) -> tuple[Any, ...]:
    inside, outside = finding["inside"], finding["outside"]
    bound = finding["tolerance"]
    proofs = [
        [
            ", " if k else "",
            tag("a", proof["identity"], href=f"#{identity_id(proof)}"),
            f": {proof['verdict']}",
        ]
        for k, proof in enumerate(finding["proofs"])
    ]
    return (
        name,
        finding["domain"] or "everywhere",
        f"{inside - finding['inside_fails']} of {inside}" if inside else "–",
        f"{finding['outside_fails']} of {outside}" if outside else "–",
        f"to {bound:g} of the largest entry" if bound else "exactly",
        proofs or "tested only",
    )


def identity_id(proof: Mapping[str, Any]) -> str:
    """The id of an index identity's row."""
    return f"identity-{proof['source']}-{proof['identity']}".replace(" ", "-")


def _function(claim: str, function: str, equation: str, repository: str | None) -> Markup:
    found = source(function)
    label = f"{found.file}, line {found.line}"
    place = label if repository is None else tag("a", label, href=f"{repository}/{found.file}")
    number = f", equation ({equation})" if equation else ""
    return tag(
        "div",
        tag("p", tag("code", found.name), f"{number}: ", place),
        tag(
            "details",
            tag("summary", f"Source of {found.name}"),
            tag(
                "pre",
                tag("code", found.text),
                tabindex="0",
                role="region",
                aria_label=f"{found.name}, source",
            ),
        ),
        class_="function",
        id=f"{claim}-{found.name}",
    )
