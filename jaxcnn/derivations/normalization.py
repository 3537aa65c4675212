"""What to check of `jaxcnn.normalization`: all gradients, through the statistics and with respect to them."""

import numpy as np
from hypothesis import strategies as st

from jaxcnn import normalization as operations
from jaxcnn.derivations.derivation import Case, Derivation, sample
from jaxcnn.derivations.geometry import DTYPES
from jaxcnn.oracles import normalization as oracles

_images = st.sampled_from(((2, 3, 4), (3, 2, 2, 2), (1, 4, 4), (2, 1, 2, 1, 4)))  # (B, *n, C)
_epsilons = st.sampled_from((1e-5, 1e-3, 0.3))
_VARIANCE = "the variance is the mean of the squares: divided by N, not N − 1"


@st.composite
def _cases(draw: st.DrawFn, *channelwise: str) -> Case:
    """A, and an array (C,) for each name."""
    A = np.zeros(draw(_images), draw(DTYPES))
    C = np.zeros(A.shape[-1:], A.dtype)
    return Case((A, *(C for _ in channelwise)), {"epsilon": draw(_epsilons)})


@st.composite
def _group_norm(draw: st.DrawFn) -> Case:
    case = draw(_cases("gamma", "beta"))
    C = np.shape(case.inputs[0])[-1]
    divisors = [g for g in (1, 2, 4) if C % g == 0]
    return Case(case.inputs, {**case.keywords, "groups": draw(st.sampled_from(divisors))})


DERIVATIONS = (
    Derivation(
        operations.batch_norm,
        oracles.batch_norm,
        ("A", "gamma", "beta"),
        _cases("gamma", "beta"),
        False,
        "Ioffe 2015",
        _VARIANCE,
        # the variance's gradient 2(A − μ)/N leaves out a sum that is zero but for the rounding of μ
        accurate=False,
        sample=sample((2, 3, 4), (4,), (4,)),
        shared=("gamma", "beta"),
    ),
    Derivation(
        operations.batch_norm_inference,
        oracles.batch_norm_inference,
        ("A", "gamma", "beta", "mean", "variance"),
        _cases("gamma", "beta", "mean", "variance"),
        False,
        "Ioffe 2015",
        sample=sample((2, 3, 4), (4,), (4,), (4,), (4,)),
        shared=("gamma", "beta", "mean", "variance"),
    ),
    Derivation(
        operations.layer_norm,
        oracles.layer_norm,
        ("A", "gamma", "beta"),
        _cases("gamma", "beta"),
        False,
        "Ba 2016",
        sample=sample((2, 3, 4), (4,), (4,)),
        shared=("gamma", "beta"),
    ),
    Derivation(
        operations.instance_norm,
        oracles.instance_norm,
        ("A", "gamma", "beta"),
        _cases("gamma", "beta"),
        False,
        "Ulyanov 2016",
        sample=sample((2, 3, 4), (4,), (4,)),
        shared=("gamma", "beta"),
    ),
    Derivation(
        operations.group_norm,
        oracles.group_norm,
        ("A", "gamma", "beta"),
        _group_norm(),
        False,
        "Wu 2018",
        sample=sample((2, 3, 4), (4,), (4,), groups=2),
        shared=("gamma", "beta"),
    ),
    Derivation(
        operations.rms_norm,
        oracles.rms_norm,
        ("A", "gamma"),
        _cases("gamma"),
        False,
        "Zhang 2019",
        sample=sample((2, 3, 4), (4,)),
        shared=("gamma",),
    ),
)
