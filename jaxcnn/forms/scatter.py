"""dA as the article's "Backpropagation" section writes it (L13), with its slice said:

    dA_pad[m·s + j·d, c] += Σ_o W[j,c,o] dZ[m,o]      for every window m and tap j, then crop p and q

One scatter-add of all the shares at once. Shares that fall on the padding are dropped.
"""

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxcnn.forms.windows import accumulator, group_kernel, join, pixel_index, split
from jaxcnn.window import Window


def conv_dA(
    dZ: Array, W: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """dA[i] += W[j] dZ[m] wherever m·s + j·d − p = i."""
    batch, channels = dZ.shape[0], W.shape[-2] * groups
    by_window = split(dZ.reshape(batch, -1, dZ.shape[-1]), groups)
    shares = join(
        jnp.einsum(
            "bmgk,jcgk->bmjgc",
            by_window,
            group_kernel(W, groups),
            precision=precision,
            preferred_element_type=accumulator(dZ.dtype),
        )
    )
    pixels = int(np.prod(window.input_size))
    dA = jnp.zeros((batch, pixels, channels), shares.dtype)
    dA = dA.at[:, pixel_index(window)].add(shares, mode="drop")
    return dA.reshape(batch, *window.input_size, channels)
