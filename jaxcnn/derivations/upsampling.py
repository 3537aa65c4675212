"""What to check of `jaxcnn.upsampling`: both interpolations, and the shuffle with its inverse."""

import math

import numpy as np
from hypothesis import strategies as st

from jaxcnn import upsampling as operations
from jaxcnn.derivations.derivation import Case, Derivation, sample
from jaxcnn.derivations.geometry import BATCHES, DTYPES, shape
from jaxcnn.oracles import upsampling as oracles

_SHI = "Shi et al., 2016"


@st.composite
def _images(draw: st.DrawFn, grown: bool = False, deep: bool = False) -> Case:
    """An image of any size; `grown`: a multiple of the factor; `deep`: as many more channels."""
    rank = draw(st.sampled_from((2, 1, 3)))
    n = tuple(draw(st.integers(1, 2 if rank == 3 else 4)) for _ in range(rank))
    factor = tuple(draw(st.integers(1, 2 if rank == 3 else 3)) for _ in range(rank))
    size = tuple(k * f for k, f in zip(n, factor, strict=True)) if grown else n
    channels = draw(st.integers(1, 2)) * (math.prod(factor) if deep else 1)
    return Case((np.zeros(shape(draw(BATCHES), size, channels), draw(DTYPES)),), {"factor": factor})


@st.composite
def _bilinear(draw: st.DrawFn) -> Case:
    case = draw(_images())
    return Case(case.inputs, {**case.keywords, "align_corners": draw(st.booleans())})


DERIVATIONS = (
    Derivation(
        operations.upsample_nearest,
        oracles.upsample_nearest,
        ("A",),
        _images(),
        True,
        "(U.1)",
        sample=sample((2, 2, 3, 2), factor=(3, 2)),
    ),
    Derivation(
        operations.upsample_bilinear,
        oracles.upsample_bilinear,
        ("A",),
        _bilinear(),
        False,
        "(U.3)",
        sample=sample((2, 2, 3, 2), factor=(3, 2)),
    ),
    Derivation(
        operations.pixel_shuffle,
        oracles.pixel_shuffle,
        ("A",),
        _images(deep=True),
        True,
        _SHI,
        sample=sample((2, 2, 3, 6), factor=(3, 2)),
    ),
    Derivation(
        operations.pixel_unshuffle,
        oracles.pixel_unshuffle,
        ("Z",),
        _images(grown=True),
        True,
        _SHI,
        sample=sample((2, 6, 2, 2), factor=(3, 2)),
    ),
)
