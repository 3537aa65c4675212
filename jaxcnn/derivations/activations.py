"""What to check of `jaxcnn.activations`: the pointwise ones, the softmaxes, and L12 over all."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from jaxcnn import activations as operations
from jaxcnn.derivations.derivation import Case, Derivation
from jaxcnn.derivations.geometry import DTYPES
from jaxcnn.oracles import activations as oracles

_AT_THE_KINK = "at 0 the derivative from the left; a NaN passes, and so does its cotangent"
_LOGITS = "a logit of −∞ is probability 0; a row with NaN or +∞, or of −∞ throughout, is NaN"

_shapes = st.sampled_from(((3, 4), (7,), (), (2, 1, 3)))
_tables = st.sampled_from(((3, 4), (5,), (2, 1, 3), (4, 1)))
_slopes = st.sampled_from((0.25, 0.0, -0.5))  # dyadic, so that products with integers are exact


@st.composite
def _pointwise(draw: st.DrawFn) -> Case:
    return Case((np.zeros(draw(_shapes), draw(DTYPES)),))


@st.composite
def _leaky_relu(draw: st.DrawFn) -> Case:
    return Case(draw(_pointwise()).inputs, {"negative_slope": draw(_slopes)})


@st.composite
def _over_an_axis(draw: st.DrawFn) -> Case:
    Z = np.zeros(draw(_tables), draw(DTYPES))
    return Case((Z,), {"axis": draw(st.integers(-Z.ndim, Z.ndim - 1))})


@st.composite
def _dZ(draw: st.DrawFn) -> Case:
    g = draw(st.sampled_from(("relu", "leaky_relu", "sigmoid", "tanh", "softplus")))
    case = draw(_leaky_relu() if g == "leaky_relu" else _pointwise())
    return Case(case.inputs * 2, {"g": g, **case.keywords})


def activation_dZ(Z: Any, dA: Any, *, g: str, **keywords: Any) -> Any:
    """The operation with the name of g as a keyword, since a case's inputs are arrays."""
    return operations.activation_dZ(getattr(operations, g), Z, dA, **keywords)


def _oracle_dZ(Z: Any, dA: Any, *, g: str, **keywords: Any) -> Any:
    return oracles.activation_dZ(getattr(oracles, g), Z, dA, **keywords)


DERIVATIONS = (
    Derivation(operations.relu, oracles.relu, ("Z",), _pointwise(), True, "L9, L12", _AT_THE_KINK),
    Derivation(operations.leaky_relu, oracles.leaky_relu, ("Z",), _leaky_relu(), True, "L12", _AT_THE_KINK),
    Derivation(operations.sigmoid, oracles.sigmoid, ("Z",), _pointwise(), False, "L12"),
    Derivation(operations.tanh, oracles.tanh, ("Z",), _pointwise(), False, "L12"),
    Derivation(operations.softplus, oracles.softplus, ("Z",), _pointwise(), False, "L12"),
    Derivation(operations.softmax, oracles.softmax, ("Z",), _over_an_axis(), False, "L12, L20", _LOGITS),
    Derivation(operations.log_softmax, oracles.log_softmax, ("Z",), _over_an_axis(), False, "L20", _LOGITS),
    Derivation(activation_dZ, _oracle_dZ, ("Z", "dA"), _dZ(), False, "L12", _AT_THE_KINK),
)
