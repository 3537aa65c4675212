"""All derivations, one for each public operation."""

from jaxcnn.derivations import activations, convolution, linear, losses, pooling
from jaxcnn.derivations.derivation import Derivation

DERIVATIONS: tuple[Derivation, ...] = (
    *convolution.DERIVATIONS,
    *pooling.DERIVATIONS,
    *activations.DERIVATIONS,
    *linear.DERIVATIONS,
    *losses.DERIVATIONS,
)
