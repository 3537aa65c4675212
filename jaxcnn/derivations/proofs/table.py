"""All identities."""

from jaxcnn.derivations.proofs import convolution, coverage, pooling, sizes
from jaxcnn.derivations.proofs.identity import Identity

IDENTITIES: tuple[Identity, ...] = (
    *sizes.IDENTITIES,
    *coverage.IDENTITIES,
    *convolution.IDENTITIES,
    *pooling.IDENTITIES,
)
