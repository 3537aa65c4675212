"""What to check of `jaxcnn.adaptive_pooling`: windows that tile, that overlap and that repeat pixels."""

import numpy as np
from hypothesis import strategies as st

from jaxcnn import adaptive_pooling as operations
from jaxcnn.derivations.derivation import Case, Derivation, sample
from jaxcnn.derivations.geometry import BATCHES, DTYPES, shape
from jaxcnn.oracles import adaptive_pooling as oracles

_FIRST = "the first maximum takes the gradient; a NaN counts as the greatest"
_NIN, _L17, _TORCH = "Lin, Chen and Yan, 2013, 3.2", "L17, L18", "PyTorch's adaptive pools"


@st.composite
def _images(draw: st.DrawFn) -> tuple[tuple[int, ...], np.ndarray]:
    """(n, A of n pixels)."""
    rank = draw(st.sampled_from((2, 1, 3)))
    n = tuple(draw(st.integers(1, 4 if rank == 3 else 7)) for _ in range(rank))
    return n, np.zeros(shape(draw(BATCHES), n, draw(st.integers(1, 2))), draw(DTYPES))


@st.composite
def _adaptive(draw: st.DrawFn) -> Case:
    n, A = draw(_images())
    return Case((A,), {"output_size": tuple(draw(st.integers(1, min(size + 1, 4))) for size in n)})


@st.composite
def _global(draw: st.DrawFn) -> Case:
    n, A = draw(_images())
    return Case((A,), {"spatial": len(n)})


DERIVATIONS = (
    Derivation(
        operations.adaptive_avg_pool,
        oracles.adaptive_avg_pool,
        ("A",),
        _adaptive(),
        False,
        f"L19; {_TORCH}",
        sample=sample((2, 5, 3, 2), output_size=(2, 2)),
    ),
    Derivation(
        operations.adaptive_max_pool,
        oracles.adaptive_max_pool,
        ("A",),
        _adaptive(),
        True,
        f"{_L17}; {_TORCH}",
        _FIRST,
        sample=sample((2, 5, 3, 2), output_size=(2, 2)),
    ),
    Derivation(
        operations.global_avg_pool,
        oracles.global_avg_pool,
        ("A",),
        _global(),
        False,
        _NIN,
        sample=sample((2, 3, 2, 2), spatial=2),
    ),
    Derivation(
        operations.global_max_pool,
        oracles.global_max_pool,
        ("A",),
        _global(),
        True,
        _L17,
        _FIRST,
        sample=sample((2, 3, 2, 2), spatial=2),
    ),
)
