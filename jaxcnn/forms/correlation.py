"""The three faces of a convolution as one cross-correlation each, by `lax.conv_general_dilated`.

    conv      A with W
    conv_dA   spread dZ with the rotated kernel   (L14; article "Backpropagation", figure 11)
    conv_dW   A with spread dZ                    (L15)

"Spread" means s − 1 zeros between neighbours. XLA can hold them implicitly as a dilation, and for dA that is
how `jax.grad` of lax writes it, but its algebraic simplifier then aborts the process on some geometries
("Window dimensions do not match RHS shape", seen on jaxlib 0.10.2 and 0.12.0.1). Here dZ is spread explicitly
and kept behind an optimisation barrier, so that the simplifier cannot fold the zeros back into a dilation.
"""

from collections.abc import Sequence

import jax.numpy as jnp
from jax import Array, lax

from jaxcnn._sharding import sharded_as
from jaxcnn.forms.windows import accumulator
from jaxcnn.window import Window

Edges = Sequence[tuple[int, int]]


def conv(
    A: Array, W: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """Z[m,o] = Σ_{j,c} A_pad[m·s + j·d, c] W[j,c,o]."""
    A, edges = cropped(A, window.padding)
    return lax.conv_general_dilated(
        A,
        W,
        window.stride,
        edges,
        rhs_dilation=window.dilation,
        dimension_numbers=_channels_last(window),
        feature_group_count=groups,
        precision=precision,
        preferred_element_type=accumulator(A.dtype),
    )


def conv_dA(
    dZ: Array, W: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """dA[i,c] = Σ_{u,o} spread(dZ)_pad[i + u·d, o] rot180(W)[u,o,c].

    From L13's dA[i,c] = Σ_{m,j: m·s + j·d − p = i} W[j,c,o] dZ[m,o]: put u = f − 1 − j, the rotated
    tap. Then m·s = i + p − (e − 1) + u·d, so spread(dZ), which holds dZ[m] at m·s, is padded by e − 1 − p
    below. Above, it is extended by the remainder r, then padded by e − 1 − q. p > e − 1 crops.
    """
    axes = range(window.rank)
    interior = [(0, 0, s - 1) for s in window.stride]
    spread = lax.pad(dZ, jnp.zeros((), dZ.dtype), [(0, 0, 0), *interior, (0, 0, 0)])
    if max(window.stride) > 1:
        spread = lax.optimization_barrier(spread)
    reach = [e - 1 for e in window.extent]
    edges: Edges = [
        (reach[a] - window.padding[a][0], reach[a] - window.padding[a][1] + window.remainder[a]) for a in axes
    ]
    spread, edges = cropped(spread, edges)
    return lax.conv_general_dilated(
        spread,
        rotated(W, window, groups),
        (1,) * window.rank,
        edges,
        rhs_dilation=window.dilation,
        dimension_numbers=_channels_last(window),
        feature_group_count=groups,
        precision=precision,
        preferred_element_type=accumulator(dZ.dtype),
    )


def conv_dW(
    A: Array, dZ: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """dW[j,c,o] = Σ_{b,m} A_pad[b, m·s + j·d, c] dZ[b,m,o]: dZ, dilated by s, slides over A in steps of d.

    The channels of A play the batch and the batch plays the channels. The r padded pixels that
    no window reached are cropped, so exactly f positions remain.
    """
    spatial = tuple(range(1, 1 + window.rank))
    edges: Edges = [(p, q - r) for (p, q), r in zip(window.padding, window.remainder, strict=True)]
    A, edges = cropped(A, edges)
    return lax.conv_general_dilated(
        A,
        dZ,
        window.dilation,
        edges,
        rhs_dilation=window.stride,
        dimension_numbers=lax.ConvDimensionNumbers(
            lhs_spec=(window.rank + 1, 0, *spatial),
            rhs_spec=(window.rank + 1, 0, *spatial),
            out_spec=(window.rank, window.rank + 1, *range(window.rank)),
        ),
        batch_group_count=groups,
        precision=precision,
        preferred_element_type=accumulator(A.dtype),
        out_sharding=sharded_as(*(None,) * window.rank, (A, -1), (dZ, -1)),
    )


def cropped(X: Array, edges: Edges) -> tuple[Array, Edges]:
    """X and the padding left to do, none where an axis is cropped, as a negative padding asks for.

    On the CPU of jaxlib 0.10.2 XLA's convolution of some sizes gives wrong numbers for negative padding.
    """
    now = [pair if min(pair) < 0 else (0, 0) for pair in edges]
    if not any(map(any, now)):
        return X, edges
    X = lax.pad(X, jnp.zeros((), X.dtype), [(0, 0, 0), *((p, q, 0) for p, q in now), (0, 0, 0)])
    return X, [(0, 0) if min(pair) < 0 else pair for pair in edges]


def rotated(W: Array, window: Window, groups: int) -> Array:
    """rot180(W) with its channel axes swapped within each group: (*f, C/G, G·K') → (*f, K', G·C/G)."""
    *f, c, k = W.shape
    axes = tuple(range(window.rank))
    W = jnp.flip(W, axes).reshape(*f, c, groups, k // groups)
    W = W.transpose(*axes, window.rank + 2, window.rank + 1, window.rank)
    return W.reshape(*f, k // groups, groups * c)


def _channels_last(window: Window) -> lax.ConvDimensionNumbers:
    spatial = tuple(range(1, 1 + window.rank))
    layout = (0, window.rank + 1, *spatial)
    kernel = (window.rank + 1, window.rank, *range(window.rank))
    return lax.ConvDimensionNumbers(layout, kernel, layout)
