"""Three spatial axes as two: the taps of the first one become channels, its windows images.

    X[(b,m₀), …, (j₀,c)] = A_pad[b, m₀·s₀ + j₀·d₀, …, c]

    Z  = conv of X and W[…, (j₀,c), :]          dW = conv_dW of X and dZ          both with the other axes

XLA's own convolution of three axes takes several times as long on a CPU as one of two.
"""

import jax.numpy as jnp
from jax import Array, lax

from jaxcnn._sharding import sharded_as
from jaxcnn.forms import correlation, eigen, interleaving
from jaxcnn.window import Window


def conv(
    A: Array, W: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """Z, of X."""
    if window.rank < 3 or groups > 1:
        return correlation.conv(A, W, window, groups=groups, precision=precision)
    f, *rest, c, k = W.shape
    V = jnp.moveaxis(W, 0, -3).reshape(*rest, f * c, k)
    Z = eigen.conv(_images(_stacked(A, window)), V, _plane(window), precision=precision)
    layout = sharded_as((Z, 0), *(None,) * window.rank, (Z, -1))
    return lax.reshape(Z, (A.shape[0], *window.output_size, k), out_sharding=layout)


def conv_dA(
    dZ: Array, W: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """dA, the `conv` of dZ and its taps of rot180(W), for each phase of the stride."""
    return interleaving.conv_dA(dZ, W, window, groups=groups, precision=precision, dense=conv)


def conv_dW(
    A: Array, dZ: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """dW, of X."""
    if window.rank < 3 or groups > 1:
        return correlation.conv_dW(A, dZ, window, groups=groups, precision=precision)
    dV = eigen.conv_dW(_images(_stacked(A, window)), _images(dZ), _plane(window), precision=precision)
    return jnp.moveaxis(dV.reshape(*window.size[1:], window.size[0], A.shape[-1], dZ.shape[-1]), -3, 0)


def _stacked(A: Array, window: Window) -> Array:
    """(B, m₀, …, f₀·C)."""
    s, d, m = window.stride[0], window.dilation[0], window.output_size[0]
    A_pad = lax.pad(
        A, jnp.zeros((), A.dtype), [(0, 0, 0), (*window.padding[0], 0), *[(0, 0, 0)] * window.rank]
    )
    taps = range(window.size[0])
    return jnp.concatenate(
        [lax.slice_in_dim(A_pad, j * d, j * d + (m - 1) * s + 1, s, axis=1) for j in taps], -1
    )


def _images(X: Array) -> Array:
    """(B, m₀, …) as (B·m₀, …)."""
    layout = sharded_as((X, 0), *(None,) * (X.ndim - 3), (X, -1))
    return lax.reshape(X, (X.shape[0] * X.shape[1], *X.shape[2:]), out_sharding=layout)


def _plane(window: Window) -> Window:
    """The window on the other axes."""
    return Window(
        window.input_size[1:],
        window.size[1:],
        window.stride[1:],
        window.padding[1:],
        window.dilation[1:],
    )
