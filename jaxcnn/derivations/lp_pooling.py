"""What to check of `jaxcnn.lp_pooling`: orders of 1, 2, above, and between."""

import numpy as np
from hypothesis import strategies as st

from jaxcnn import lp_pooling as operations
from jaxcnn.derivations.derivation import Case, Derivation, sample
from jaxcnn.derivations.geometry import BATCHES, DTYPES, shape, windows
from jaxcnn.oracles import lp_pooling as oracles

_KINK = "the gradient is 0 where a window is all zeros, and for order 1 at every zero"


@st.composite
def _lp_pool(draw: st.DrawFn) -> Case:
    n, f, keywords = draw(windows())
    A = np.zeros(shape(draw(BATCHES), n, draw(st.integers(1, 2))), draw(DTYPES))
    return Case((A,), keywords | {"window": f, "order": draw(st.sampled_from((2, 3, 1, 2.5)))})


DERIVATIONS = (
    Derivation(
        operations.lp_pool,
        oracles.lp_pool,
        ("A",),
        _lp_pool(),
        False,
        "L19; Gulcehre et al., 2014",
        _KINK,
        sample=sample((2, 5, 4, 2), window=(3, 2), stride=(2, 1), padding="SAME", order=3),
    ),
)
