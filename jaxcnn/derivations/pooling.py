"""What to check of `jaxcnn.pooling`: max and average pool and their cotangents."""

import math

import numpy as np
from hypothesis import strategies as st

from jaxcnn import pooling as operations
from jaxcnn.derivations.derivation import Case, Derivation, sample
from jaxcnn.derivations.geometry import BATCHES, DTYPES, output_size, sees_pixels, shape, windows
from jaxcnn.oracles import pooling as oracles

_FIRST = "the first maximum takes the gradient; a NaN counts as the greatest; padding never wins"

_SPLIT = "equal maxima share the gradient, and so do NaNs; padding never wins"


@st.composite
def _geometries(draw: st.DrawFn):
    n, f, keywords = draw(windows())
    return n, f, keywords | {"ceil_mode": draw(st.booleans())}


_pools = _geometries().filter(lambda geometry: sees_pixels(*geometry))


@st.composite
def _max_pool(draw: st.DrawFn, **more) -> Case:
    n, f, keywords = draw(_pools)
    A = np.zeros(shape(draw(BATCHES), n, draw(st.integers(1, 2))), draw(DTYPES))
    return Case((A,), keywords | {"window": f} | more)


@st.composite
def _max_pool_dA(draw: st.DrawFn) -> Case:
    n, f, keywords = draw(_pools)
    size = shape(draw(BATCHES), output_size(n, f, keywords), draw(st.integers(1, 2)))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    index = rng.integers(0, math.prod(f), size).astype(np.uint8)
    return Case((index, np.zeros(size, draw(DTYPES))), keywords | {"window": f, "input_size": n})


@st.composite
def _avg_pool(draw: st.DrawFn) -> Case:
    case = draw(_max_pool())
    return Case(case.inputs, {**case.keywords, "count_padding": draw(st.booleans())})


@st.composite
def _avg_pool_dA(draw: st.DrawFn) -> Case:
    case = draw(_max_pool_dA())
    return Case(case.inputs[1:], {**case.keywords, "count_padding": draw(st.booleans())})


DERIVATIONS = (
    Derivation(
        operations.max_pool,
        oracles.max_pool,
        ("A",),
        _max_pool(),
        True,
        "L17, L18",
        _FIRST,
        sample=sample((2, 5, 4, 2), window=(3, 2), stride=(2, 1), padding="SAME"),
    ),
    Derivation(
        operations.max_pool,
        oracles.max_pool,
        ("A",),
        _max_pool(ties="split"),
        False,
        "L17",
        _SPLIT,
        "split",
        sample=sample((2, 5, 4, 2), window=(3, 2), stride=(2, 1), padding="SAME", ties="split"),
    ),
    Derivation(
        operations.max_pool_dA,
        oracles.max_pool_dA,
        ("index", "dZ"),
        _max_pool_dA(),
        True,
        "L18",
        sample=Case(
            (np.full((2, 3, 4, 2), 3, np.uint8), np.zeros((2, 3, 4, 2))),
            {"window": (3, 2), "stride": (2, 1), "padding": "SAME", "input_size": (5, 4)},
        ),
    ),
    Derivation(
        operations.avg_pool,
        oracles.avg_pool,
        ("A",),
        _avg_pool(),
        False,
        "L19",
        sample=sample((2, 5, 4, 2), window=(3, 2), stride=(2, 1), padding="SAME"),
    ),
    Derivation(
        operations.avg_pool_dA,
        oracles.avg_pool_dA,
        ("dZ",),
        _avg_pool_dA(),
        False,
        "L19",
        sample=sample((2, 3, 4, 2), window=(3, 2), stride=(2, 1), padding="SAME", input_size=(5, 4)),
    ),
)
