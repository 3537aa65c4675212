"""What to check of `jaxcnn.losses`: cross-entropy on labels and on distributions, and the squared error."""

import numpy as np
from hypothesis import strategies as st

from jaxcnn import losses as operations
from jaxcnn.derivations.derivation import Case, Derivation
from jaxcnn.derivations.geometry import DTYPES
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
def _squared_error(draw: st.DrawFn) -> Case:
    A = np.zeros(draw(st.sampled_from(((3, 4), (5,), (), (2, 1)))), draw(DTYPES))
    return Case((A, A))


DERIVATIONS = (
    Derivation(
        operations.softmax_cross_entropy,
        oracles.softmax_cross_entropy,
        ("Z", "t"),
        _softmax_cross_entropy(),
        False,
        "L20",
        _ABSENT,
    ),
    Derivation(operations.squared_error, oracles.squared_error, ("A", "t"), _squared_error(), True, "L20"),
)
