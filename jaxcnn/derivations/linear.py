"""What to check of `jaxcnn.linear`: the dense layer and its cotangents."""

import numpy as np
from hypothesis import strategies as st

from jaxcnn import linear as operations
from jaxcnn.derivations.derivation import Case, Derivation, sample
from jaxcnn.derivations.geometry import DTYPES
from jaxcnn.oracles import linear as oracles

_leading_axes = st.sampled_from(((3,), (2, 3), (), (1,)))
_features = st.sampled_from(((4, 3), (1, 5), (3, 1), (2, 2)))


@st.composite
def _layers(draw: st.DrawFn) -> dict[str, np.ndarray]:
    leading, (n_in, n_out), dtype = draw(_leading_axes), draw(_features), draw(DTYPES)
    shapes = {"A": (*leading, n_in), "W": (n_in, n_out), "b": (n_out,), "dZ": (*leading, n_out)}
    return {name: np.zeros(shape, dtype) for name, shape in shapes.items()}


def _cases(*names: str) -> st.SearchStrategy[Case]:
    return _layers().map(lambda arrays: Case(tuple(arrays[name] for name in names)))


DERIVATIONS = (
    Derivation(
        operations.dense,
        oracles.dense,
        ("A", "W", "b"),
        _cases("A", "W", "b"),
        True,
        "L9, L13–L16",
        sample=sample((2, 4), (4, 3), (3,)),
        shared=("W", "b"),
    ),
    Derivation(
        operations.dense_dA,
        oracles.dense_dA,
        ("dZ", "W"),
        _cases("dZ", "W"),
        True,
        "L13",
        sample=sample((2, 3), (4, 3)),
        shared=("W",),
    ),
    Derivation(
        operations.dense_dW,
        oracles.dense_dW,
        ("A", "dZ"),
        _cases("A", "dZ"),
        True,
        "L15",
        sample=sample((2, 4), (2, 3)),
    ),
)
