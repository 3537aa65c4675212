"""The article's claims L1–L20 on one sheet, each with the verdict that the machine gave it."""

import textwrap
from collections.abc import Sequence

from matplotlib.patches import Rectangle

from experiments.figures.sheet import GRADIENT, INK, INPUT, KERNEL, OUTPUT, WIDTH, Sheet, mixed, unbroken
from jaxcnn.derivations.ledger import Ruling, Verdict

# A sign for each verdict as well as a colour, and one sentence that says what it means.
LEGEND = {
    Verdict.HOLDS: ("✓", OUTPUT, "right on every case"),
    Verdict.ON_A_DOMAIN: ("◐", KERNEL, "right on every case inside the domain, wrong outside"),
    Verdict.FAILS: ("✗", "#D55E00", "wrong, and no domain is claimed"),
    Verdict.NOT_PRINTED: ("+", INPUT, "promised, not given; the one supplied is right on every case"),
    Verdict.UNDECIDED: ("?", GRADIENT, "anything else"),
}
_COLUMN = WIDTH / 2  # cells, of the two columns of claims
_CHIP = 1.9  # cells, of the coloured field with a claim's name
_LETTERS, _BOLD_LETTERS = 54, 45  # in a line beside it
_LINE, _GAP = 0.6, 0.55  # cells: from line to line, and between two claims


def draw(rulings: Sequence[Ruling]) -> Sheet:
    """All rulings in two columns, the first half on the left, below a legend that counts the verdicts."""
    half = -(-len(rulings) // 2)
    columns = rulings[:half], rulings[half:]
    present = [verdict for verdict in LEGEND if any(ruling.verdict is verdict for ruling in rulings)]
    top = 0.8 * len(present) + 0.7
    height = max(sum(_height(ruling) + _GAP for ruling in column) for column in columns)
    caption = (
        "Every claim was run on small cases, and the outcomes decided. jaxcnn verify does it again, with the "
        "evidence, the smallest counterexample and the correction of each."
    )
    sheet = Sheet(top + height, "The article's claims, judged by machine", caption)
    for k, verdict in enumerate(present):
        _, _, meaning = LEGEND[verdict]
        count = sum(ruling.verdict is verdict for ruling in rulings)
        y = 0.8 * k
        _chip(sheet, 0.5, y, 0.65, verdict, "")
        sheet.text(0.5 + _CHIP + 0.4, y + 0.33, f"{count} {verdict.value}", weight="bold", align="left")
        sheet.text(0.5 + _CHIP + 6.8, y + 0.33, meaning, align="left")
    for k, column in enumerate(columns):
        y = top
        for ruling in column:
            _entry(sheet, 0.5 + k * _COLUMN, y, ruling)
            y += _height(ruling) + _GAP
    return sheet


def words(rulings: Sequence[Ruling]) -> str:
    """What the sheet says of each claim, a line each; the picture carries it, so that it can be compared."""
    return "\n".join(f"{r.claim.name} {r.claim.statement} {_verdict(r)}" for r in rulings)


def _verdict(ruling: Ruling) -> str:
    more = {Verdict.ON_A_DOMAIN: ruling.domain, Verdict.UNDECIDED: ruling.reason}.get(ruling.verdict, "")
    return ruling.verdict.value + (f": {more}" if more else "")


def _lines(ruling: Ruling) -> tuple[list[str], list[str]]:
    """What the article says, and the verdict, as lines."""
    said, verdict = unbroken(ruling.claim.statement), unbroken(_verdict(ruling))
    return textwrap.wrap(said, _LETTERS), textwrap.wrap(verdict, _BOLD_LETTERS)


def _height(ruling: Ruling) -> float:
    return max(_LINE * sum(map(len, _lines(ruling))), 2 * _LINE)


def _entry(sheet: Sheet, x: float, y: float, ruling: Ruling) -> None:
    _chip(sheet, x, y, _height(ruling), ruling.verdict, ruling.claim.name)
    statement, verdict = _lines(ruling)
    for k, line in enumerate((*statement, *verdict)):
        weight = "normal" if k < len(statement) else "bold"
        sheet.text(x + _CHIP + 0.4, y + (k + 0.5) * _LINE, line, size=11, weight=weight, align="left")


def _chip(sheet: Sheet, x: float, y: float, height: float, verdict: Verdict, name: str) -> None:
    """A field in the verdict's colour, with its sign and a claim's name."""
    sign, colour, _ = LEGEND[verdict]
    sheet.add(
        Rectangle((x, y), _CHIP, height, facecolor=mixed(colour, 0.35), edgecolor=colour, linewidth=1.6)
    )
    sheet.text(x + _CHIP / 2, y + height / 2, f"{name} {sign}".strip(), size=13, colour=INK, weight="bold")
