"""The command: what it prints, what it writes, and its exit codes."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest

import jaxcnn.derivations.claims
import jaxcnn.derivations.proofs.table
import jaxcnn.derivations.table
from jaxcnn.cli import main
from jaxcnn.derivations import search
from jaxcnn.derivations.claims import CLAIMS
from jaxcnn.derivations.ledger import Comparison
from jaxcnn.derivations.table import DERIVATIONS

L3 = next(claim for claim in CLAIMS if claim.number == 3)
L6 = next(claim for claim in CLAIMS if claim.number == 6)
RELU = next(derivation for derivation in DERIVATIONS if derivation.name == "relu")


@pytest.fixture
def ledger(monkeypatch):
    """Put these claims and derivations in place of all."""

    def put(claims, derivations):
        monkeypatch.setattr(jaxcnn.derivations.claims, "CLAIMS", claims)
        monkeypatch.setattr(jaxcnn.derivations.table, "DERIVATIONS", derivations)
        used = tuple(dict.fromkeys(identity for claim in claims for identity in claim.identities))
        monkeypatch.setattr(jaxcnn.derivations.proofs.table, "IDENTITIES", used)

    return put


def test_one_claim_in_detail(capsys, tmp_path):
    path = tmp_path / "report.json"
    assert main(["verify", "--claim", "L3", "--json", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "HOLDS ON A DOMAIN" in printed
    assert "f > 1" in printed
    assert "1 claims: 1 HOLDS ON A DOMAIN." in printed
    report = json.loads(path.read_text())
    (claim,) = report["claims"]
    assert (claim["claim"], claim["verdict"], claim["domain"]) == ("L3", "HOLDS ON A DOMAIN", "f > 1")
    assert claim["counterexample"]["case"]["f"] == 1
    assert report["exit_code"] == 0
    assert report["operations"] == []


def test_what_is_proved_is_told_from_what_is_tested(capsys, tmp_path):
    path = tmp_path / "report.json"
    assert main(["verify", "--claim", "L6", "--json", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "its indices proved for all n, f, p, q at s, d in 1..4; tested on 441 cases" in printed
    assert "4 index identities, each for every size: 4 PROVED." in printed
    report = json.loads(path.read_text())
    assert [proof["verdict"] for proof in report["identities"]] == ["PROVED"] * 4
    (claim,) = report["claims"]
    assert claim["corrected"]["proved"] and not claim["parts"][-1]["proved"]


@pytest.mark.parametrize("arguments", [["--claim", "L6"], []], ids=["one claim", "all"])
def test_without_z3_it_says_that_nothing_is_proved(capsys, monkeypatch, ledger, arguments):
    ledger((L6,), ())
    monkeypatch.setitem(sys.modules, "z3", None)
    assert main(["verify", *arguments]) == 0
    printed = capsys.readouterr().out
    assert "4 index identities: not proved here: install jaxcnn[prove]." in printed
    assert printed.count("install jaxcnn[prove]") > 1


def test_the_table_counts_what_is_proved(capsys, ledger):
    ledger((L6,), ())
    assert main(["verify"]) == 0
    assert "indices of 5 of 7 statements proved for every size" in capsys.readouterr().out.replace("\n", " ")


def test_a_refuted_identity_is_exit_code_1(capsys, ledger):
    (right,) = L3.corrected_identities
    ledger((replace(L3, corrected_identities=(replace(right, claim=lambda f, n: n < 2),)),), ())
    assert main(["verify"]) == 1
    assert "L3, valid_convolutions: REFUTED, smallest counterexample f=2, n=2" in capsys.readouterr().out


def test_a_row_for_each_output_and_gradient(capsys, ledger, tmp_path):
    ledger((L3,), (RELU,))
    assert main(["verify", "--json", str(tmp_path / "r.json")]) == 0
    printed = capsys.readouterr().out
    assert "the gradient of Z" in printed
    assert "1 operations: 2 of 2 outputs and gradients pass." in printed
    rows = json.loads((tmp_path / "r.json").read_text())["operations"]
    assert [row["part"] for row in rows] == ["the output", "the gradient of Z"]
    assert all(row["verdict"] == "PASS" and row["compared"] > 0 for row in rows)


def test_a_wrong_operation_is_exit_code_1(capsys, ledger, tmp_path):
    ledger((L3,), (replace(RELU, operation=lambda Z: jaxcnn.relu(Z) * 2),))
    files = ["--json", str(tmp_path / "r.json"), "--html", str(tmp_path / "r.html")]
    assert main(["verify", *files]) == 1
    assert "got 2.0, expected 1.0" in (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "got 2.0, expected 1.0" in capsys.readouterr().out
    failed = json.loads((tmp_path / "r.json").read_text())["operations"][0]
    assert failed["verdict"] == "FAIL"
    assert failed["counterexample"]["expected"] == 1.0


def test_a_wrong_correction_is_exit_code_1(capsys, ledger):
    ledger((replace(L3, corrected=lambda case: Comparison(0, 1)),), ())
    assert main(["verify"]) == 1
    assert "the correction fails" in capsys.readouterr().out


def test_an_undecided_claim_is_exit_code_3(capsys, ledger):
    ledger((replace(L3, domain=replace(L3.domain, contains=lambda case: True)),), ())
    assert main(["verify"]) == 3
    assert "UNDECIDED" in capsys.readouterr().out


def test_a_search_ends_with_the_smallest_geometry():
    broken = replace(RELU, operation=lambda Z: jaxcnn.relu(Z) * 2)
    rows = search.search(broken, geometries=5)
    _, report = rows[0].counterexample
    found = report.counterexample
    assert np.count_nonzero(found.inputs["Z"]) == 1
    assert (found.got, found.expected) == (2.0, 1.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["verify", "--claim", "L21"], "argument --claim: 'L21' is not a claim; expected one of L1 to L20"),
        (["verify", "--json", "no/such/folder/r.json"], "argument --json: there is no folder no/such/folder"),
        (["prove"], "invalid choice: 'prove'"),
        ([], "the following arguments are required: COMMAND"),
    ],
    ids=["claim", "folder", "command", "nothing"],
)
def test_a_wrong_call_is_exit_code_2(capsys, arguments, message):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err


def test_a_missing_extra_is_named(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.console", None)  # which makes importing it fail
    monkeypatch.delitem(sys.modules, "jaxcnn.derivations.display", raising=False)
    monkeypatch.delattr(jaxcnn.derivations, "display", raising=False)
    assert main(["verify"]) == 2
    message = capsys.readouterr().err
    assert "pip install 'jaxcnn[check]'" in message
