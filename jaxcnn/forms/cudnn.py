"""The three faces as XLA hands them to cuDNN on a GPU, each as `jax.grad` of lax writes it.

    conv      A with W
    conv_dA   dZ, dilated by s, with the rotated kernel
    conv_dW   A with dZ, dilated by s; for dilated kernels, phase by phase

XLA knows cuDNN's backward passes by these patterns: a dilation that is left to it, a kernel that is reversed
last, and a result in the operands' dtype, whose sums cuDNN keeps in float32 anyway. A dilation can abort the
process, on a GPU too (`jaxcnn.forms.correlation`): XLA lets pixels and kernel change places where the kernel
is the larger, and loses count of the window. `fits_dA` leaves such sizes to other forms.

The dW of a dilated kernel XLA does not know: 23 times slower than torch's. With m = d·q + ρ, 0 ≤ ρ < d,
(C.3) is

    dW[j] = Σ_ρ Σ_{b,q} A_pad[b, d·(q + j) + ρ] dZ[b, d·q + ρ]

which is the dW of a kernel without dilation, over d times as many images of every d-th pixel.
"""

import math

import jax.numpy as jnp
from jax import Array, lax

from jaxcnn._sharding import sharded_as
from jaxcnn.forms import phases
from jaxcnn.forms.correlation import Edges, cropped
from jaxcnn.forms.windows import pad
from jaxcnn.window import Window


def conv(
    A: Array, W: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """Z[m,o] = Σ_{j,c} A_pad[m·s + j·d, c] W[j,c,o]."""
    A, edges = cropped(A, window.padding)
    rank, pixels = window.rank, _pixels(window)
    return lax.conv_general_dilated(
        A,
        W,
        window.stride,
        edges,
        rhs_dilation=window.dilation,
        dimension_numbers=lax.ConvDimensionNumbers(pixels, (rank + 1, rank, *range(rank)), pixels),
        feature_group_count=groups,
        precision=precision,
    )


def fits_dA(window: Window) -> bool:
    """Whether dZ has as many pixels as the kernel along every axis with a stride."""
    axes = zip(window.output_size, window.extent, window.stride, strict=True)
    return all(s == 1 or m >= e for m, e, s in axes)


def conv_dA(
    dZ: Array, W: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """dA[i,c] = Σ_{u,o} spread(dZ)_pad[i + u·d, o] rot180(W)[u,o,c]; the padding as in `correlation`."""
    if groups > 1:  # (*f, c, G·k) as (*f, G·c, k)
        *f, c, K = W.shape
        apart = jnp.moveaxis(W.reshape(*f, c, groups, K // groups), -2, -3)
        W = apart.reshape(*f, groups * c, K // groups)
    reach = [e - 1 for e in window.extent]
    edges: Edges = [
        (t - p, t - q + r) for t, (p, q), r in zip(reach, window.padding, window.remainder, strict=True)
    ]
    if max(window.stride) == 1:
        dZ, edges = cropped(dZ, edges)
    rank, pixels = window.rank, _pixels(window)
    return lax.conv_general_dilated(
        dZ,
        jnp.flip(W, tuple(range(window.rank))),
        (1,) * rank,
        edges,
        lhs_dilation=window.stride,
        rhs_dilation=window.dilation,
        dimension_numbers=lax.ConvDimensionNumbers(pixels, (rank, rank + 1, *range(rank)), pixels),
        feature_group_count=groups,
        precision=precision,
    )


def conv_dW(
    A: Array, dZ: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """dW[j,c,o] = Σ_{b,m} A_pad[b, m·s + j·d, c] dZ[b,m,o]."""
    edges = [(p, q - r) for (p, q), r in zip(window.padding, window.remainder, strict=True)]
    dilation = window.dilation
    if max(window.dilation) > 1 == max(window.stride):
        A, dZ = _apart(pad(A, window), dilation), _apart(dZ, dilation)
        edges, dilation = [(0, 0)] * window.rank, (1,) * window.rank
    axes = range(1, 1 + window.rank)
    as_images = (window.rank + 1, 0, *axes)  # channels play the batch, and the batch the channels
    return lax.conv_general_dilated(
        A,
        dZ,
        dilation,
        edges,
        rhs_dilation=window.stride,
        dimension_numbers=lax.ConvDimensionNumbers(
            as_images, as_images, (window.rank, window.rank + 1, *range(window.rank))
        ),
        batch_group_count=groups,
        precision=precision,
        out_sharding=sharded_as(*(None,) * window.rank, (A, -1), (dZ, -1)),
    )


def _apart(X: Array, dilation: tuple[int, ...]) -> Array:
    """Every d-th pixel of X as an image of its own, (B·d_0·d_1·…, *⌈n/d⌉, C)."""
    n, rank = X.shape[1:-1], X.ndim - 2
    X = phases.cut(X, Window(n, (1,) * rank, dilation, ((0, 0),) * rank, (1,) * rank))
    X = X.transpose(0, *range(2, 2 * rank + 1, 2), *range(1, 2 * rank, 2), 2 * rank + 1)
    return lax.reshape(
        X,
        (X.shape[0] * math.prod(dilation), *X.shape[1 + rank :]),
        out_sharding=sharded_as((X, 0), *[None] * rank, (X, -1)),
    )


def _pixels(window: Window) -> tuple[int, ...]:
    """Where batch, channels and the axes of pixels lie."""
    return (0, window.rank + 1, *range(1, 1 + window.rank))
