"""What checkers said of rows: counted by field, and shown."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Outcome:
    """What one checker said of one row.

    Attributes:
        row: its name.
        field: its field.
        correct: whether the row is right.
        checker: of CHECKERS.
        verdict: "pass", "fail", "unchecked", or "error".
        seconds: it took.
        note: what was raised, and in repeated runs the dtype and the seed.
    """

    row: str
    field: str
    correct: bool
    checker: str
    verdict: str
    seconds: float
    note: str = ""

    @property
    def good(self) -> bool:
        """Whether a right rule passed, or a wrong one failed."""
        return self.verdict == ("pass" if self.correct else "fail")


@dataclass(frozen=True)
class Count:
    """Of one checker in one field.

    Attributes:
        killed: planted errors that failed.
        planted: all of them.
        alarms: right rules that failed.
        right: all of them.
        errors: rows of which it said nothing.
        on_planted, on_right: seconds that these took.
    """

    killed: int
    planted: int
    alarms: int
    right: int
    errors: int
    on_planted: float
    on_right: float

    def __str__(self) -> str:
        errors = f", {self.errors} errors" if self.errors else ""
        verdicts = f"{self.killed}/{self.planted}, {self.alarms}/{self.right}{errors}"
        return f"{verdicts}, {self.on_planted:.0f} + {self.on_right:.0f} s"


def count(outcomes: Sequence[Outcome]) -> Count:
    """Add up."""
    return Count(
        killed=sum(not o.correct and o.verdict == "fail" for o in outcomes),
        planted=sum(not o.correct for o in outcomes),
        alarms=sum(o.correct and o.verdict == "fail" for o in outcomes),
        right=sum(o.correct for o in outcomes),
        errors=sum(o.verdict in ("error", "unchecked") for o in outcomes),
        on_planted=sum(o.seconds for o in outcomes if not o.correct),
        on_right=sum(o.seconds for o in outcomes if o.correct),
    )


def table(outcomes: Sequence[Outcome]) -> dict[str, dict[str, Count]]:
    """Field → checker → Count; the last field is "all"."""
    checkers = dict.fromkeys(o.checker for o in outcomes)
    fields = dict.fromkeys(o.field for o in outcomes)
    return {
        field: {
            checker: count([o for o in outcomes if o.checker == checker and field in (o.field, "all")])
            for checker in checkers
        }
        for field in (*fields, "all")
    }


def show(outcomes: Sequence[Outcome]) -> None:
    """The table, in Markdown, then by name whatever was judged wrongly."""
    counts = table(outcomes)
    print("killed/planted errors, false alarms/right rules, seconds on the first + the second\n")
    print(f"| field | {' | '.join(counts['all'])} |")
    print(f"|---{'|---' * len(counts['all'])}|")
    for field, by_checker in counts.items():
        print(f"| {field} | {' | '.join(map(str, by_checker.values()))} |")
    for checker in counts["all"]:
        bad = [o for o in outcomes if o.checker == checker and not o.good]
        for title, chosen in (
            ("survivors", [o for o in bad if not o.correct and o.verdict == "pass"]),
            ("false alarms", [o for o in bad if o.correct and o.verdict == "fail"]),
            ("errors", [o for o in bad if o.verdict in ("error", "unchecked")]),
        ):
            if chosen:
                print(f"\n{checker}, {title}:")
                for o in chosen:
                    print(f"  {o.field}, {o.row} {o.note}".rstrip())


def read(files: Sequence[Path]) -> list[Outcome]:
    """The outcomes that earlier runs wrote."""
    records = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    return [Outcome(**outcome) for record in records for outcome in record["outcomes"]]
