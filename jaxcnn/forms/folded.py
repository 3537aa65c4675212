"""Few filters: q neighbours of a row as one pixel of q times the filters.

    Z[m·q + t, o] = Σ_{j,c} A_pad[m·(q·s) + j, c] V[j,c,(t,o)],    V[t·s + j·d, c, (t,o)] = W[j,c,o], else 0

on the last axis, so the stride is q times as long, and the kernel longer by (q − 1)·s. Its zeros are
multiplied in vain, but a product with a few filters wastes more of a CPU. An infinite pixel meets them too,
and becomes a NaN for the neighbours.

The product is Eigen's, since YNNPACK stumbles over some of its shapes: 5×5, 3 → 6, 32×32, batch 32, on a CPU
with AVX-512 (jaxlib 0.10.2) takes 5.5 ms by YNNPACK, 0.44 by Eigen; lax's own 1.9.
"""

from dataclasses import replace

import jax.numpy as jnp
from jax import Array, lax

from jaxcnn._sharding import sharded_as
from jaxcnn.forms import correlation, eigen
from jaxcnn.window import Window

_FILTERS = 24  # the fewest that are wanted


def conv(
    A: Array, W: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """Z, q columns at a time."""
    if groups > 1:
        return correlation.conv(A, W, window, groups=groups, precision=precision)
    columns, filters = window.output_size[-1], W.shape[-1]
    q = min(-(-_FILTERS // filters), columns)
    steps = -(-columns // q)
    longer = _longer(window, q, steps)
    s, d = window.stride[-1], window.dilation[-1]
    taps = [
        lax.pad(W, jnp.zeros((), W.dtype), _edges(window.rank, t * s, longer.size[-1], window.extent[-1], d))
        for t in range(q)
    ]
    V = jnp.stack(taps, -2).reshape(*longer.size, W.shape[-2], q * filters)
    Z = eigen.conv(A, V, longer, precision=precision)
    size = (*window.output_size[:-1], steps * q)
    layout = sharded_as((Z, 0), *(None,) * window.rank, (W, -1))
    Z = lax.reshape(Z, (Z.shape[0], *size, filters), out_sharding=layout)
    return lax.slice_in_dim(Z, 0, columns, axis=-2)


def _longer(window: Window, q: int, steps: int) -> Window:
    """The window with the last axis of V."""
    s, (p, _) = window.stride[-1], window.padding[-1]
    f = (q - 1) * s + window.extent[-1]
    end = (steps - 1) * q * s + f - p - window.input_size[-1]
    return replace(
        window,
        size=(*window.size[:-1], f),
        stride=(*window.stride[:-1], q * s),
        padding=(*window.padding[:-1], (p, end)),
        dilation=(*window.dilation[:-1], 1),
    )


def _edges(rank: int, low: int, f: int, extent: int, dilation: int) -> list[tuple[int, int, int]]:
    """How W is padded on its last spatial axis to become f long, `low` zeros first."""
    edges = [(0, 0, 0)] * (rank + 2)
    edges[rank - 1] = (low, f - extent - low, dilation - 1)
    return edges
