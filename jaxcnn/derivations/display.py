"""The ledger and the operations as tables in a terminal, by rich."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from jaxcnn.check import Verdict as Check
from jaxcnn.derivations.ledger import Ruling, Verdict
from jaxcnn.derivations.proofs.identity import MISSING, Outcome, Proof
from jaxcnn.derivations.search import Row

_COLOURS = {
    Verdict.HOLDS: "green",
    Verdict.ON_A_DOMAIN: "yellow",
    Verdict.FAILS: "red",
    Verdict.NOT_PRINTED: "cyan",
    Verdict.UNDECIDED: "bold magenta",
    Check.PASS: "green",
    Check.FAIL: "bold red",
    Check.UNCHECKED: "bold magenta",
}
_PROOF_COLOURS = {Outcome.PROVED: "green", Outcome.REFUTED: "bold red", Outcome.UNDECIDED: "magenta"}
# A pipe or a file has no width of its own; this one keeps a row's cells readable.
_WIDTH_OF_A_FILE = 140


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else _WIDTH_OF_A_FILE, highlight=False)


@contextmanager
def progress(total: int) -> Iterator[Callable[[str], None]]:
    """A progress bar on standard error; call the yielded function as each of `total` steps begins."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        started = 0

        def step(what: str) -> None:
            nonlocal started
            bar.update(task, description=what, completed=started)
            started += 1

        yield step


def show_rulings(rulings: Sequence[Ruling], *, detail: bool) -> None:
    """One row a claim; with `detail` everything that is known of each instead."""
    console = _console()
    if detail:
        for ruling in rulings:
            console.print(_detail(ruling))
        return
    table = Table(title="The article's claims", title_justify="left", show_lines=True)
    for heading, ratio in (("claim", 5), ("verdict and domain", 4), ("evidence", 6)):
        table.add_column(heading, ratio=ratio, overflow="fold")
    for ruling in rulings:
        claim = ruling.claim
        table.add_row(
            Text.assemble((claim.name, "bold"), f" {claim.section}\n", (claim.statement, "")),
            _verdict_cell(ruling),
            _evidence_cell(ruling, detail=False),
        )
    console.print(table)


def _verdict_cell(ruling: Ruling) -> Text:
    cell = Text(ruling.verdict.value, _COLOURS[ruling.verdict])
    if ruling.domain:
        cell.append(f"\n{ruling.domain}", "default")
    if ruling.reason:
        cell.append(f"\n{ruling.reason}", "default")
    return cell


def _standing(ruling: Ruling) -> str:
    """How many of its statements rest on proved identities."""
    resting = [finding for finding in ruling.findings if finding.proofs]
    if not resting:
        return "tested only"
    if any(proof.reason == MISSING for finding in resting for proof in finding.proofs):
        return MISSING
    proved = sum(finding.proved for finding in resting)
    missed = f", of {len(resting) - proved} not" if proved < len(resting) else ""
    return (
        f"indices of {proved} of {len(ruling.findings)} statements proved for every size{missed}; all tested"
    )


def _evidence_cell(ruling: Ruling, *, detail: bool) -> Text:
    cell = Text()
    if ruling.printed:
        cell.append(f"{ruling.printed}")
        if detail:
            cell.append(f"\n{ruling.printed.basis}", "dim")
    if ruling.counterexample:
        cell.append("\nsmallest counterexample: ", "bold")
        cell.append(_counterexample(ruling.counterexample))
    if ruling.corrected:
        label = "\ncorrection: " if ruling.printed else "supplied: "
        cell.append(label, "bold")
        cell.append(f"{ruling.claim.correction} — {ruling.corrected}")
        if detail:
            cell.append(f"\n{ruling.corrected.basis}", "dim")
    if not detail:
        cell.append(f"\n{_standing(ruling)}", "dim")
    if ruling.parts and not detail:
        confirmed = sum(part.confirmed for part in ruling.parts)
        cell.append(f"\nalso {confirmed} of {len(ruling.parts)} further statements confirmed", "dim")
        cell.append(f" (--claim {ruling.claim.name} lists them)", "dim")
    return cell


def _detail(ruling: Ruling) -> Table:
    claim = ruling.claim
    table = Table(title=f"{claim.name}  {claim.section}", title_justify="left", show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(ratio=1, overflow="fold")
    table.add_row("claim", claim.statement)
    table.add_row("read as", claim.reading)
    table.add_row("verdict", _verdict_cell(ruling))
    table.add_row("evidence", _evidence_cell(ruling, detail=True))
    for k, part in enumerate(ruling.parts):
        held = "exactly where " + part.domain.text + " — " if part.domain else ""
        cell = Text.assemble(f"{part.text}: {held}{part}")
        if part.failure and part.domain:
            cell.append("\nfails first at: ", "bold")
            cell.append(_counterexample(part.failure))
        cell.append(f"\n{part.basis}", "dim")
        table.add_row("also" if k == 0 else "", cell)
    proofs = dict.fromkeys(proof for finding in ruling.findings for proof in finding.proofs)
    for k, proof in enumerate(proofs):
        cell = Text.assemble(f"{proof.identity.statement}\n", (str(proof), _PROOF_COLOURS[proof.verdict]))
        table.add_row("indices" if k == 0 else "", cell)
    table.add_row("seconds", f"{ruling.seconds:.1f}")
    return table


def _counterexample(found: Mapping[str, Any]) -> str:
    case = ", ".join(f"{name}={_short(value)}" for name, value in found["case"].items())
    return f"{case}: gives {_short(found['got'])} where {_short(found['expected'])} is right"


def _short(value: Any, limit: int = 60) -> str:
    """A value on one line, without spaces, cut where it is long."""
    text = value if isinstance(value, str) else str(value).replace(" ", "")
    return text if len(text) <= limit else text[: limit - 1] + "…"


def show_rows(rows: Sequence[Row]) -> None:
    """One row an operation and argument."""
    table = Table(title="Operations against jax.grad of their oracles", title_justify="left")
    for heading in ("operation", "compared", "source", "verdict"):
        table.add_column(heading)
    for heading in ("geometries", "numbers"):
        table.add_column(heading, justify="right")
    table.add_column("agreement")
    for k, row in enumerate(rows):
        first = k == 0 or rows[k - 1].operation != row.operation
        agreement = "bit for bit" if row.exact else f"within {row.worst:.1f} ulp"
        table.add_row(
            Text(row.operation if first else "", "bold"),
            row.part,
            row.source if first else "",
            Text(row.verdict, _COLOURS[row.verdict]),
            str(row.geometries),
            f"{row.compared:,}",
            agreement if row.verdict is Check.PASS else "",
        )
    console = _console()
    console.print(table)
    for row in rows:
        if row.counterexample is not None:
            keywords, report = row.counterexample
            console.print(Text.assemble((f"{row.operation}, {row.part}: ", "bold red")), end="")
            console.print(Text(f"{dict(keywords)}\n{report}"))


def show_summary(
    rulings: Sequence[Ruling],
    proofs: Sequence[Proof],
    rows: Sequence[Row],
    code: int,
    seconds: float,
    versions: Mapping[str, str],
) -> None:
    """The last lines: how many of what, how long, on what."""
    counts = [
        f"{n} {verdict.value}" for verdict in Verdict if (n := sum(r.verdict is verdict for r in rulings))
    ]
    console = _console()
    console.print(f"{len(rulings)} claims: {', '.join(counts)}.")
    if any(proof.reason == MISSING for proof in proofs):
        console.print(Text(f"{len(proofs)} index identities: {MISSING}."))
    elif proofs:
        counts = [
            f"{n} {outcome.value}" for outcome in Outcome if (n := sum(p.verdict is outcome for p in proofs))
        ]
        console.print(f"{len(proofs)} index identities, each for every size: {', '.join(counts)}.")
        for proof in proofs:
            if proof.verdict is not Outcome.PROVED:
                console.print(Text(f"{proof.identity.source}, {proof.identity.name}: {proof}"))
    if rows:
        passed = sum(row.verdict is Check.PASS for row in rows)
        operations = len({row.operation for row in rows})
        console.print(f"{operations} operations: {passed} of {len(rows)} outputs and gradients pass.")
    outcome = {
        0: "All decided, all corrections and operations right",
        1: "Something is wrong",
        3: "Something is undecided",
    }
    machine = ", ".join(f"{name} {version}" for name, version in versions.items())
    console.print(f"{outcome[code]}; {seconds:.0f} s on {machine}.")
