"""The self-test passes with the checker as it is, and fails with every checker that does not check."""

import numpy as np
import pytest

from jaxcnn.check import Report, Verdict, check_vjp, compare
from jaxcnn.check.self_test import TRIALS, run


def mistaken(results):
    return [name for name, expected, verdict in results if verdict is not expected]


def test_the_checker_gives_every_verdict_that_is_expected():
    results = run()
    assert mistaken(results) == []
    assert [expected for _, expected, _ in results].count(Verdict.FAIL) == 13
    assert len({name for name, _, _ in results}) == len(TRIALS) == 19


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_checker_that_says_always_the_same_is_found(verdict):
    results = run(lambda *arguments, **options: Report(verdict, "whatever it was"))
    wrong = [trial.name for trial in TRIALS if trial.expected is not verdict]
    assert mistaken(results) == wrong != []


def test_a_checker_whose_comparison_always_holds_is_found(monkeypatch):
    monkeypatch.setattr(compare, "exact", lambda got, reference: np.ones(np.shape(got), bool))
    monkeypatch.setattr(compare, "error", lambda got, reference, *sensitivity: np.zeros(np.shape(got)))
    found = mistaken(run())
    # a gradient of another dtype, or without a derivative, is refused before numbers are compared
    others = ("another dtype", "wrong in a batch only")
    assert found == [t.name for t in TRIALS if t.expected is Verdict.FAIL and t.name not in others]


def test_a_checker_that_looks_at_the_outputs_alone_is_found():
    def outputs_alone(fun, reference, *inputs, **options):
        return check_vjp(lambda *x: reference(*x), reference, *inputs, **options)

    assert mistaken(run(outputs_alone)) == [t.name for t in TRIALS if t.expected is Verdict.FAIL]
