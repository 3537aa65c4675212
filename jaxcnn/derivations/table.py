"""All derivations, one for each public operation."""

from jaxcnn.derivations import (
    activations,
    convolution,
    linear,
    losses,
    normalization,
    pooling,
    rectifiers,
    softmaxes,
    stochastic,
)
from jaxcnn.derivations.derivation import Derivation

DERIVATIONS: tuple[Derivation, ...] = (
    *convolution.DERIVATIONS,
    *pooling.DERIVATIONS,
    *rectifiers.DERIVATIONS,
    *softmaxes.DERIVATIONS,
    *activations.DERIVATIONS,
    *linear.DERIVATIONS,
    *losses.DERIVATIONS,
    *normalization.DERIVATIONS,
    *stochastic.DERIVATIONS,
)
