"""All derivations, one for each public operation."""

from jaxcnn.derivations import convolution, pooling
from jaxcnn.derivations.derivation import Derivation

DERIVATIONS: tuple[Derivation, ...] = (
    *convolution.DERIVATIONS,
    *pooling.DERIVATIONS,
)
