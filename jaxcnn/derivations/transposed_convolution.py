"""What to check of `jaxcnn.transposed_convolution`: conv_transpose at its default size and at any other."""

import numpy as np
from hypothesis import strategies as st

from jaxcnn import transposed_convolution as operations
from jaxcnn.derivations.convolution import layers
from jaxcnn.derivations.derivation import Case, Derivation, sample
from jaxcnn.derivations.geometry import output_size, resolved
from jaxcnn.oracles import transposed_convolution as oracles
from jaxcnn.window import transposed_size


@st.composite
def _conv_transpose(draw: st.DrawFn) -> Case:
    arrays, n, f, keywords = draw(layers())
    Z, W = arrays["dZ"], arrays["W"]
    if draw(st.booleans()) or not _default_size_exists(n, f, keywords):
        keywords = keywords | {"output_size": n}
    return Case((Z, W, np.zeros(W.shape[-2] * keywords["groups"], W.dtype)), keywords)


def _default_size_exists(n, f, keywords) -> bool:
    """Whether padding leaves an image: with 1 window under much padding it does not."""
    geometry = {name: keywords[name] for name in ("stride", "padding", "dilation")}
    try:
        resolved(transposed_size("conv_transpose", output_size(n, f, geometry), f, **geometry), f, geometry)
    except ValueError:
        return False
    return True


DERIVATIONS = (
    Derivation(
        operations.conv_transpose,
        oracles.conv_transpose,
        ("Z", "W", "b"),
        _conv_transpose(),
        True,
        "Dumoulin and Visin, 2016, chapter 4",
        sample=sample((2, 3, 2, 4), (3, 2, 2, 4), (2,), stride=2),
        shared=("W", "b"),
    ),
)
