"""All derivations, one for each public operation."""

from jaxcnn.derivations import (
    activations,
    adaptive_pooling,
    convolution,
    linear,
    losses,
    lp_pooling,
    normalization,
    pooling,
    rectifiers,
    softmaxes,
    stochastic,
    transposed_convolution,
    upsampling,
)
from jaxcnn.derivations.derivation import Derivation

DERIVATIONS: tuple[Derivation, ...] = (
    *convolution.DERIVATIONS,
    *transposed_convolution.DERIVATIONS,
    *pooling.DERIVATIONS,
    *lp_pooling.DERIVATIONS,
    *adaptive_pooling.DERIVATIONS,
    *upsampling.DERIVATIONS,
    *rectifiers.DERIVATIONS,
    *softmaxes.DERIVATIONS,
    *activations.DERIVATIONS,
    *linear.DERIVATIONS,
    *losses.DERIVATIONS,
    *normalization.DERIVATIONS,
    *stochastic.DERIVATIONS,
)
