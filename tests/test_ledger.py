"""The article's claims get the verdicts that a study by hand gave, and wrong claims do not pass."""

import dataclasses
import functools
import json

import numpy as np
import pytest

from jaxcnn.derivations import ledger
from jaxcnn.derivations.claims import CLAIMS, backpropagation, padding, sizes
from jaxcnn.derivations.ledger import (
    NOWHERE,
    Claim,
    Comparison,
    Domain,
    Part,
    Ruling,
    Verdict,
    judge,
    ordered,
    plain,
)

EXPECTED = {
    "L1": Verdict.ON_A_DOMAIN,
    "L2": Verdict.ON_A_DOMAIN,
    "L3": Verdict.ON_A_DOMAIN,
    "L4": Verdict.ON_A_DOMAIN,
    "L5": Verdict.ON_A_DOMAIN,
    "L6": Verdict.ON_A_DOMAIN,
    "L7": Verdict.ON_A_DOMAIN,
    "L8": Verdict.ON_A_DOMAIN,
    "L9": Verdict.HOLDS,
    "L10": Verdict.HOLDS,
    "L11": Verdict.ON_A_DOMAIN,
    "L12": Verdict.ON_A_DOMAIN,
    "L13": Verdict.FAILS,
    "L14": Verdict.ON_A_DOMAIN,
    "L15": Verdict.NOT_PRINTED,
    "L16": Verdict.NOT_PRINTED,
    "L17": Verdict.ON_A_DOMAIN,
    "L18": Verdict.ON_A_DOMAIN,
    "L19": Verdict.ON_A_DOMAIN,
    "L20": Verdict.ON_A_DOMAIN,
}

every_claim = pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)


@functools.cache
def ruling(name: str) -> Ruling:
    return judge(next(claim for claim in CLAIMS if claim.name == name))


def values(name: str) -> dict[str, object]:
    """What the single-case parts of a claim gave."""
    return {part.text: part.value for part in ruling(name).parts if part.value is not None}


def test_all_twenty_are_there_in_order():
    assert [claim.name for claim in CLAIMS] == list(EXPECTED)


@every_claim
def test_verdict(claim):
    found = ruling(claim.name)
    assert found.ok and not found.wrong, found.reason
    assert found.verdict is EXPECTED[claim.name]


@every_claim
def test_counterexample_fails_when_replayed_and_no_smaller_case_does(claim):
    found = ruling(claim.name).counterexample
    if found is None:
        assert EXPECTED[claim.name] in (Verdict.HOLDS, Verdict.NOT_PRINTED)
        return
    for case in ordered(claim.cases(False)):
        replayed = claim.printed(case)
        if plain(case) == found["case"]:
            break
        assert replayed.equal, f"{case} fails too, and is smaller"
    assert not replayed.equal
    assert replayed.as_dict(case) == found


@every_claim
def test_domain_is_confirmed_both_ways(claim):
    printed = ruling(claim.name).printed
    if claim.domain is not None:
        assert printed.inside > 0 and printed.inside_fails == 0 and printed.outside_fails > 0


@every_claim
def test_report_is_json(claim):
    report = json.loads(json.dumps(ruling(claim.name).as_dict(), allow_nan=False))
    assert report["verdict"] == EXPECTED[claim.name].value
    assert report["evidence"]
    assert report["correction"] or report["verdict"] == "HOLDS"


def test_numbers_of_the_article_s_examples():
    assert [13, 2] in values("L3").values()
    for coverage in ([1, 2, 3, 3, 2, 1], [2, 3, 3, 3, 3, 2], [2, 1, 2, 1, 2, 1]):
        assert coverage in values("L4").values()
    assert [4, 9, 16, 4] in values("L10").values()
    assert [32, 81] in values("L11").values()


def test_progress_runs_to_its_total():
    seen = []
    judge(padding.L3, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1] == len(seen)


# ------------------------------------------------------------------- planted: it can fail


def right(case):
    return Comparison(1, 1)


def wrong(case):
    return Comparison(0, 1)


def test_domain_too_wide_is_undecided():
    claim = dataclasses.replace(padding.L3, domain=Domain("f > 0", lambda case: case["f"] > 0))
    assert judge(claim).verdict is Verdict.UNDECIDED


def test_domain_too_narrow_is_undecided():
    claim = dataclasses.replace(padding.L3, domain=Domain("f > 2", lambda case: case["f"] > 2))
    found = judge(claim)
    assert found.verdict is Verdict.UNDECIDED
    assert found.printed.surprise["case"] == {"n": 1, "f": 2}


def test_domain_without_cases_is_undecided():
    assert judge(dataclasses.replace(padding.L3, domain=NOWHERE)).verdict is Verdict.UNDECIDED


def test_domain_that_need_not_be_sharp_may_be_narrow():
    narrow = Domain("f > 2", lambda case: case["f"] > 2, sharp=False)
    found = judge(dataclasses.replace(padding.L3, domain=narrow))
    assert found.verdict is Verdict.ON_A_DOMAIN and not found.printed.sharp


def test_domain_without_a_counterexample_is_undecided():
    assert judge(dataclasses.replace(padding.L3, printed=right)).verdict is Verdict.UNDECIDED


def test_true_everywhere_without_a_domain_holds():
    assert judge(dataclasses.replace(padding.L3, printed=right, domain=None)).verdict is Verdict.HOLDS


def test_false_somewhere_without_a_domain_fails():
    assert judge(dataclasses.replace(padding.L3, domain=None)).verdict is Verdict.FAILS


def test_false_without_a_correction_is_undecided():
    claim = dataclasses.replace(padding.L3, domain=None, corrected=None)
    assert judge(claim).verdict is Verdict.UNDECIDED


def test_no_cases_is_undecided():
    claim = Claim(0, "", "", "", lambda thorough: [], printed=right)
    assert judge(claim).verdict is Verdict.UNDECIDED


@pytest.mark.parametrize("claim", [padding.L3, sizes.L6, backpropagation.L15, backpropagation.L16])
def test_wrong_correction_is_undecided_and_wrong(claim):
    found = judge(dataclasses.replace(claim, corrected=wrong, parts=()))
    assert found.verdict is Verdict.UNDECIDED and found.wrong


@pytest.mark.parametrize(
    "part",
    [
        Part("false", wrong, padding.lengths),
        Part("true outside its domain", right, padding.lengths, Domain("f > 1", lambda case: case["f"] > 1)),
        Part("false inside its domain", wrong, padding.lengths, Domain("f > 1", lambda case: case["f"] > 1)),
        Part("without cases", right, lambda thorough: []),
    ],
    ids=lambda part: part.text,
)
def test_contradicted_part_is_undecided_and_wrong(part):
    found = judge(dataclasses.replace(padding.L3, parts=(part,)))
    assert found.verdict is Verdict.UNDECIDED and found.wrong
    assert part.text in found.reason


def test_exception_is_undecided_and_named():
    def broken(case):
        raise RuntimeError("planted")

    found = judge(dataclasses.replace(padding.L3, corrected=broken))
    assert found.verdict is Verdict.UNDECIDED and found.wrong
    assert found.reason == "RuntimeError: planted"
    json.dumps(found.as_dict())


def test_defect_in_the_library_s_arithmetic_is_found(monkeypatch):
    size = sizes.window.output_size
    monkeypatch.setattr(sizes.window, "output_size", lambda n, f, **window: size(n, f, **window) + 1)
    assert judge(sizes.L6).wrong


@pytest.mark.parametrize(
    ("claim", "face"),
    [(backpropagation.L13, "dA"), (backpropagation.L15, "dW"), (backpropagation.L16, "db")],
    ids=["dA", "dW", "db"],
)
def test_defect_in_the_library_s_cotangents_is_found(monkeypatch, claim, face):
    faces = backpropagation.library_vjp
    monkeypatch.setattr(
        backpropagation, "library_vjp", lambda case: faces(case) | {face: faces(case)[face] / 2}
    )
    assert judge(claim).wrong


def test_defect_in_a_loop_is_found(monkeypatch):
    loop = backpropagation.loops.conv_dA
    monkeypatch.setattr(
        backpropagation.loops,
        "conv_dA",
        lambda dZ, W, **window: loop(dZ, W, **window | {"d": (1, 1)[: W.ndim - 2]}),
    )
    assert judge(backpropagation.L13).wrong


# --------------------------------------------------------------------------- comparisons


@pytest.mark.parametrize(
    ("got", "expected", "tolerance", "equal"),
    [
        (1, 1, 0, True),
        ([1, 2], np.array([1.0, 2.0]), 0, True),
        ([1, 2], [1, 3], 0, False),
        ([1], [1, 1], 0, False),
        ([[1]], [1], 0, False),
        (np.nan, np.nan, 0, False),
        (np.nan, 0.0, 1e-3, False),
        (0.0, np.nan, 1e-3, False),
        (1 + 1e-12, 1, 0, False),
        (1 + 1e-12, 1, 1e-11, True),
        (1e6 + 1, 1e6, 1e-5, True),
        ("ValueError", "ValueError", 0, True),
        ("ValueError", np.ones(2), 0, False),
        (3, "ValueError", 0, False),
    ],
)
def test_comparison(got, expected, tolerance, equal):
    assert Comparison(got, expected, tolerance).equal is equal


def test_plain_has_what_json_knows():
    value = {"a": np.array([1.0, np.nan, 0.5]), "b": (np.int64(2), -np.inf), "c": "text", "d": True}
    assert plain(value) == {"a": [1, "nan", 0.5], "b": [2, "-inf"], "c": "text", "d": True}


def test_cases_are_ordered_by_size():
    cases = [{"n": (3,), "p": ((-2, 2),)}, {"n": (4,), "p": ((0, 0),)}, {"n": (1,), "p": ((1, 1),)}]
    assert ledger.ordered(cases) == [cases[2], cases[1], cases[0]]
