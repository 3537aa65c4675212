"""What to check of `jaxcnn.activations`: the smooth ones, and L12 over all pointwise ones."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

import jaxcnn
from jaxcnn import activations as operations
from jaxcnn.derivations.derivation import Case, Derivation, sample
from jaxcnn.derivations.geometry import DTYPES
from jaxcnn.derivations.rectifiers import pointwise, with_a_number
from jaxcnn.oracles import activations as oracles
from jaxcnn.oracles import rectifiers

_AT_INFINITY = "a gate that is 0 makes A = 0, also at −∞"
_halves = st.sampled_from((((4,), 0), ((3, 2), 1), ((2, 3, 4), -1), ((2, 3, 1), 0)))


@st.composite
def _gelu(draw: st.DrawFn) -> Case:
    return Case(draw(pointwise()).inputs, {"approximate": draw(st.booleans())})


@st.composite
def _glu(draw: st.DrawFn) -> Case:
    shape, axis = draw(_halves)
    return Case((np.zeros(shape, draw(DTYPES)),), {"axis": axis})


_POINTWISE = {
    "leaky_relu": with_a_number("negative_slope"),
    "elu": with_a_number("alpha"),
    "gelu": _gelu(),
    **dict.fromkeys(
        ("relu", "relu6", "hardswish", "sigmoid", "tanh", "softplus", "silu", "mish"), pointwise()
    ),
}


@st.composite
def _dZ(draw: st.DrawFn) -> Case:
    g = draw(st.sampled_from(tuple(_POINTWISE)))
    case = draw(_POINTWISE[g])
    return Case(case.inputs * 2, {"g": g, **case.keywords})


def activation_dZ(Z: Any, dA: Any, *, g: str, **keywords: Any) -> Any:
    """The operation with the name of g as a keyword, since a case's inputs are arrays."""
    return operations.activation_dZ(getattr(jaxcnn, g), Z, dA, **keywords)


def _oracle_dZ(Z: Any, dA: Any, *, g: str, **keywords: Any) -> Any:
    return oracles.activation_dZ(getattr(oracles, g, None) or getattr(rectifiers, g), Z, dA, **keywords)


DERIVATIONS = (
    Derivation(
        operations.sigmoid,
        oracles.sigmoid,
        ("Z",),
        pointwise(),
        False,
        "L12",
        accurate=False,  # 1 − A cancels where it saturates
        sample=sample((2, 3, 4)),
    ),
    Derivation(
        operations.tanh,
        oracles.tanh,
        ("Z",),
        pointwise(),
        False,
        "L12",
        accurate=False,  # so does 1 − A²
        sample=sample((2, 3, 4)),
    ),
    Derivation(
        operations.softplus, oracles.softplus, ("Z",), pointwise(), False, "L12", sample=sample((2, 3, 4))
    ),
    Derivation(
        operations.silu,
        oracles.silu,
        ("Z",),
        pointwise(),
        False,
        "Elfwing 2018",
        _AT_INFINITY,
        sample=sample((2, 3, 4)),
    ),
    Derivation(
        operations.gelu,
        oracles.gelu,
        ("Z",),
        _gelu(),
        False,
        "Hendrycks 2016",
        _AT_INFINITY,
        sample=sample((2, 3, 4)),
    ),
    Derivation(
        operations.mish,
        oracles.mish,
        ("Z",),
        pointwise(),
        False,
        "Misra 2020",
        _AT_INFINITY,
        sample=sample((2, 3, 4)),
    ),
    Derivation(operations.glu, oracles.glu, ("Z",), _glu(), False, "Dauphin 2017", sample=sample((2, 3, 4))),
    Derivation(
        activation_dZ,
        _oracle_dZ,
        ("Z", "dA"),
        _dZ(),
        False,
        "L12",
        "at a kink the derivative from the left",
        accurate=False,  # of sigmoid and tanh
        sample=sample((2, 3, 4), (2, 3, 4), g="silu"),
    ),
)
