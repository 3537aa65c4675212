"""What to check of `jaxcnn.convolution`: conv, its three cotangents, and the true convolution."""

import numpy as np
from hypothesis import strategies as st

from jaxcnn import convolution as operations
from jaxcnn.derivations.derivation import Case, Derivation, sample
from jaxcnn.derivations.geometry import BATCHES, DTYPES, output_size, shape, windows
from jaxcnn.oracles import convolution as oracles


@st.composite
def layers(draw: st.DrawFn):
    """(dtype, shapes of A, W, b and Z, n, f, keywords with groups)."""
    n, f, keywords = draw(windows(filled=True))
    batch, dtype = draw(BATCHES), draw(DTYPES)
    groups = draw(st.sampled_from((1, 1, 2, 3)))
    c, k = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    shapes = {
        "A": shape(batch, n, c),
        "W": (*f, c // groups, k),
        "b": (k,),
        "dZ": shape(batch, output_size(n, f, keywords), k),
    }
    return {name: np.zeros(s, dtype) for name, s in shapes.items()}, n, f, keywords | {"groups": groups}


@st.composite
def _conv(draw: st.DrawFn) -> Case:
    arrays, _, _, keywords = draw(layers())
    return Case((arrays["A"], arrays["W"], arrays["b"]), keywords)


@st.composite
def _conv_dA(draw: st.DrawFn) -> Case:
    arrays, n, _, keywords = draw(layers())
    return Case((arrays["dZ"], arrays["W"]), keywords | {"input_size": n})


@st.composite
def _conv_dW(draw: st.DrawFn) -> Case:
    arrays, _, f, keywords = draw(layers())
    return Case((arrays["A"], arrays["dZ"]), keywords | {"kernel_size": f})


@st.composite
def _conv_db(draw: st.DrawFn) -> Case:
    size = tuple(draw(st.lists(st.integers(1, 4), max_size=3)))
    return Case((np.zeros((*size, draw(st.integers(1, 3))), draw(DTYPES)),))


@st.composite
def _convolve(draw: st.DrawFn) -> Case:
    rank, dtype = draw(st.integers(1, 3)), draw(DTYPES)
    h = tuple(draw(st.integers(1, 3)) for _ in range(rank))
    f = tuple(draw(st.integers(size, size + 2)) for size in h)
    mode = draw(st.sampled_from(("full", "same", "valid")))
    return Case((np.zeros(f, dtype), np.zeros(h, dtype)), {"mode": mode})


DERIVATIONS = (
    Derivation(
        operations.conv,
        oracles.conv,
        ("A", "W", "b"),
        _conv(),
        True,
        "L9, L13–L16",
        sample=sample((2, 5, 4, 2), (3, 2, 1, 4), (4,), stride=(2, 1), padding="SAME", groups=2),
        shared=("W", "b"),
    ),
    Derivation(
        operations.conv_dA,
        oracles.conv_dA,
        ("dZ", "W"),
        _conv_dA(),
        True,
        "L13, L14",
        sample=sample((2, 3, 4, 4), (3, 2, 1, 4), stride=(2, 1), padding="SAME", groups=2, input_size=(5, 4)),
        shared=("W",),
    ),
    Derivation(
        operations.conv_dW,
        oracles.conv_dW,
        ("A", "dZ"),
        _conv_dW(),
        True,
        "L15",
        sample=sample(
            (2, 5, 4, 2), (2, 3, 4, 4), stride=(2, 1), padding="SAME", groups=2, kernel_size=(3, 2)
        ),
    ),
    Derivation(
        operations.conv_db, oracles.conv_db, ("dZ",), _conv_db(), True, "L16", sample=sample((2, 3, 4))
    ),
    Derivation(
        operations.convolve,
        oracles.convolve,
        ("f", "h"),
        _convolve(),
        True,
        "L1",
        sample=sample((4, 3), (2, 3)),
        shared=("f", "h"),
    ),
)
