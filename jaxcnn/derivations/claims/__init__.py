"""The article's claims L1–L20, by section."""

from jaxcnn.derivations.claims.backpropagation import L12, L13, L14, L15, L16
from jaxcnn.derivations.claims.convolution import L1, L2
from jaxcnn.derivations.claims.layer import L9, L10, L11
from jaxcnn.derivations.claims.loss import L20
from jaxcnn.derivations.claims.padding import L3, L4, L5
from jaxcnn.derivations.claims.pooling import L17, L18, L19
from jaxcnn.derivations.claims.sizes import L6, L7, L8
from jaxcnn.derivations.ledger import Claim

CLAIMS: tuple[Claim, ...] = (
    *(L1, L2, L3, L4, L5, L6, L7, L8, L9, L10),
    *(L11, L12, L13, L14, L15, L16, L17, L18, L19, L20),
)
