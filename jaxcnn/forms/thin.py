"""Few input channels, as in a network's first layer: the channels apart, each a plane of pixels.

    Z[m,·]    = Σ_{j,c} A_c[m·s + j·d] W[j,c,·]         multiply-adds: one number of A meets all filters
    dW[j,c,·] = Σ_{b,m} A_c[m·s + j·d] dZ[b,m,·]        one product over patches, a row a tap and channel

with A_c the padded plane of channel c. Products over C channels would be too thin for a CPU, and so would
patches whose rows lie C numbers apart in memory.
"""

import functools
import operator

import jax.numpy as jnp
from jax import Array, lax

from jaxcnn._sharding import sharded_as
from jaxcnn.forms.windows import accumulator, pad, tap, widened
from jaxcnn.window import Window


def conv(
    A: Array, W: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """Z = Σ_{j,c} A_c[m·s + j·d] W[j,c]."""
    planes, pixels = _planes(A, window), tuple(range(window.rank + 1))
    shape = (A.shape[0], *window.output_size, W.shape[-1])
    terms = []
    for j in window.taps():
        for c, plane in enumerate(planes):
            seen = lax.broadcast_in_dim(widened(tap(plane, window, j))[..., 0], shape, pixels)
            terms.append(seen * lax.broadcast_in_dim(widened(W[*j, c]), shape, (window.rank + 1,)))
    return functools.reduce(operator.add, terms)


def conv_dW(
    A: Array, dZ: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """dW[j,c] = Σ_{b,m} A_c[m·s + j·d] dZ[b,m]."""
    planes, pixels = _planes(A, window), tuple(range(dZ.ndim - 1))
    patches = jnp.stack([tap(plane, window, j)[..., 0] for j in window.taps() for plane in planes])
    rows = lax.dot_general(
        lax.optimization_barrier(patches),
        dZ,
        ((tuple(axis + 1 for axis in pixels), pixels), ((), ())),
        precision=precision,
        preferred_element_type=accumulator(A.dtype),
        out_sharding=sharded_as(None, (dZ, -1)),
    )
    return rows.reshape(*window.size, A.shape[-1], dZ.shape[-1])


def _planes(A: Array, window: Window) -> list[Array]:
    """A_c of each channel, (B, *padded, 1)."""
    return [lax.optimization_barrier(pad(A[..., c : c + 1], window)) for c in range(A.shape[-1])]
