"""What to check of `jaxcnn.stochastic`: dropout under a drawn key."""

import numpy as np
from hypothesis import strategies as st

from jaxcnn import stochastic as operations
from jaxcnn.derivations.derivation import Case, Derivation
from jaxcnn.derivations.geometry import DTYPES, SHAPES
from jaxcnn.oracles import stochastic as oracles

_rates = st.sampled_from((0.5, 0.75, 0.0, 1.0))  # dyadic, so that the scale is exact
_images = st.sampled_from(((2, 3, 4), (3, 2, 2, 2), (1, 4, 3)))


@st.composite
def _dropout(draw: st.DrawFn) -> Case:
    spatial = draw(st.booleans())
    key = np.array([0, draw(st.integers(0, 2**16))], np.uint32)
    A = np.zeros(draw(_images if spatial else SHAPES), draw(DTYPES))
    return Case((key, A), {"rate": draw(_rates), "spatial": spatial})


DERIVATIONS = (
    Derivation(
        operations.dropout,
        oracles.dropout,
        ("key", "A"),
        _dropout(),
        True,
        "Srivastava 2014",
        "where the mask is 0 so are Z and dA",
        sample=Case((np.array([0, 7], np.uint32), np.zeros((2, 3, 4))), {"rate": 0.5}),
        shared=("key",),
    ),
)
