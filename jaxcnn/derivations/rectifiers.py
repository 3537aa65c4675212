"""What to check of `jaxcnn.rectifiers`: the activations in pieces."""

import numpy as np
from hypothesis import strategies as st

from jaxcnn import rectifiers as operations
from jaxcnn.derivations.derivation import Case, Derivation, sample
from jaxcnn.derivations.geometry import DTYPES, SHAPES
from jaxcnn.oracles import rectifiers as oracles

_AT_THE_KINK = "at a kink the derivative from the left; a NaN passes, and so does its cotangent"
_slopes = st.sampled_from((0.25, 0.0, -0.5))  # dyadic, so that products with integers are exact


@st.composite
def pointwise(draw: st.DrawFn) -> Case:
    """One array of any shape."""
    return Case((np.zeros(draw(SHAPES), draw(DTYPES)),))


@st.composite
def with_a_number(draw: st.DrawFn, name: str) -> Case:
    """One array, and a slope under that name."""
    return Case(draw(pointwise()).inputs, {name: draw(_slopes)})


DERIVATIONS = (
    Derivation(
        operations.relu,
        oracles.relu,
        ("Z",),
        pointwise(),
        True,
        "L9, L12",
        _AT_THE_KINK,
        sample=sample((2, 3, 4)),
    ),
    Derivation(
        operations.leaky_relu,
        oracles.leaky_relu,
        ("Z",),
        with_a_number("negative_slope"),
        True,
        "L12",
        _AT_THE_KINK,
        sample=sample((2, 3, 4)),
    ),
    # inexact: the integers of an exact check would not reach 6
    Derivation(
        operations.relu6,
        oracles.relu6,
        ("Z",),
        pointwise(),
        False,
        "Krizhevsky 2010",
        _AT_THE_KINK,
        sample=sample((2, 3, 4)),
    ),
    Derivation(
        operations.elu,
        oracles.elu,
        ("Z",),
        with_a_number("alpha"),
        False,
        "Clevert 2016",
        _AT_THE_KINK,
        sample=sample((2, 3, 4)),
    ),
    Derivation(
        operations.hardswish,
        oracles.hardswish,
        ("Z",),
        pointwise(),
        False,
        "Howard 2019",
        _AT_THE_KINK,
        sample=sample((2, 3, 4)),
    ),
)
