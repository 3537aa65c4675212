"""Errors by dtype are small, and show an operation that is wrong."""

from dataclasses import replace

import jax
import pytest

from jaxcnn.derivations.precision import DTYPES, errors
from jaxcnn.derivations.table import DERIVATIONS


@pytest.mark.parametrize("name", ["conv", "batch_norm", "softmax_cross_entropy"])
def test_errors_by_dtype_are_small_and_show_what_is_wrong(name):
    derivation = next(d for d in DERIVATIONS if d.name == name)
    found = errors(derivation)
    assert {dtype for by_dtype in found.values() for dtype in by_dtype} == set(DTYPES)
    assert max(error for by_dtype in found.values() for error in by_dtype.values()) < 4
    if name == "conv":
        wrong = replace(
            derivation, operation=lambda A, W, b, **window: 2 * derivation.oracle(A, W, b, **window)
        )
        with jax.numpy_dtype_promotion("standard"):
            assert min(errors(wrong)["the output"].values()) > 50
