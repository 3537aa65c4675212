"""What to check of `jaxcnn.softmaxes`: along any axis."""

import numpy as np
from hypothesis import strategies as st

from jaxcnn import softmaxes as operations
from jaxcnn.derivations.derivation import Case, Derivation, sample
from jaxcnn.derivations.geometry import DTYPES
from jaxcnn.oracles import softmaxes as oracles

_LOGITS = "a logit of −∞ is probability 0; a row with NaN or +∞, or of −∞ throughout, is NaN"
_tables = st.sampled_from(((3, 4), (5,), (2, 1, 3), (4, 1)))


@st.composite
def _over_an_axis(draw: st.DrawFn) -> Case:
    Z = np.zeros(draw(_tables), draw(DTYPES))
    return Case((Z,), {"axis": draw(st.integers(-Z.ndim, Z.ndim - 1))})


DERIVATIONS = (
    Derivation(
        operations.softmax,
        oracles.softmax,
        ("Z",),
        _over_an_axis(),
        False,
        "L12, L20",
        _LOGITS,
        accurate=False,  # 1 − y[M] cancels where the probabilities saturate
        sample=sample((2, 3, 4)),
    ),
    Derivation(
        operations.log_softmax,
        oracles.log_softmax,
        ("Z",),
        _over_an_axis(),
        False,
        "L20",
        _LOGITS,
        accurate=False,  # 1 − y[M] cancels where the probabilities saturate
        sample=sample((2, 3, 4)),
    ),
)
