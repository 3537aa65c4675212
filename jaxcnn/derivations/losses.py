"""What to check of `jaxcnn.losses`: cross-entropy on labels and on distributions, and errors."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from jaxcnn import losses as operations
from jaxcnn.derivations.derivation import Case, Derivation, sample
from jaxcnn.derivations.geometry import DTYPES, SHAPES
from jaxcnn.oracles import losses as oracles

_ABSENT = "a class of logit −∞ and mass 0 adds nothing; a label that no class has gives NaN"

_logits = st.sampled_from(((3, 4), (5,), (2, 2, 3), (1, 1)))


@st.composite
def _softmax_cross_entropy(draw: st.DrawFn) -> Case:
    Z = np.zeros(draw(_logits), draw(DTYPES))
    if draw(st.booleans()):
        return Case((Z, Z))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    return Case((Z, rng.integers(0, Z.shape[-1], Z.shape[:-1], np.int32)))


@st.composite
def _weighted_cross_entropy(draw: st.DrawFn) -> Case:
    Z = np.zeros(draw(_logits), draw(DTYPES))
    smoothing = draw(st.sampled_from((0.0, 0.1, 1.0)))
    return Case((Z, Z, np.zeros(Z.shape[-1:], Z.dtype)), {"label_smoothing": smoothing})


@st.composite
def _pairs(draw: st.DrawFn) -> Case:
    A = np.zeros(draw(SHAPES), draw(DTYPES))
    return Case((A, A))


@st.composite
def _huber(draw: st.DrawFn) -> Case:
    return Case(draw(_pairs()).inputs, {"delta": draw(st.sampled_from((1.0, 2.0, 0.5)))})


def softmax_cross_entropy(Z: Any, t: Any, weights: Any, **keywords: Any) -> Any:
    """The operation with weights as an input, so that their gradient is checked."""
    return operations.softmax_cross_entropy(Z, t, weights=weights, **keywords)


def _oracle_of_the_weighted(Z: Any, t: Any, weights: Any, **keywords: Any) -> Any:
    return oracles.softmax_cross_entropy(Z, t, weights=weights, **keywords)


DERIVATIONS = (
    Derivation(
        softmax_cross_entropy,
        _oracle_of_the_weighted,
        ("Z", "t", "weights"),
        _weighted_cross_entropy(),
        False,
        "Szegedy 2016",
        _ABSENT,
        sample=sample((2, 3, 4), (2, 3, 4), (4,), label_smoothing=0.1),
        shared=("weights",),
    ),
    Derivation(
        operations.softmax_cross_entropy,
        oracles.softmax_cross_entropy,
        ("Z", "t"),
        _softmax_cross_entropy(),
        False,
        "L20",
        _ABSENT,
        sample=Case((np.zeros((2, 3, 4)), np.array([[0, 3, 1], [2, 2, 0]]))),
    ),
    Derivation(
        operations.binary_cross_entropy_with_logits,
        oracles.binary_cross_entropy_with_logits,
        ("Z", "t"),
        _pairs(),
        False,
        "L20",
        "an outcome of probability 0 adds nothing",
        sample=sample((2, 3), (2, 3)),
    ),
    Derivation(
        operations.squared_error,
        oracles.squared_error,
        ("A", "t"),
        _pairs(),
        True,
        "L20",
        sample=sample((2, 3), (2, 3)),
    ),
    Derivation(
        operations.huber,
        oracles.huber,
        ("A", "t"),
        _huber(),
        True,
        "Huber 1964",
        sample=sample((2, 3), (2, 3)),
    ),
)
