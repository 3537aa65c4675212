"""A grouped convolution as dense ones: neighbouring groups merged, their kernels block-diagonal.

    face(left, right) = [face(left_1, right_1), …, face(left_S, right_S)]       S slices of the channels

for each of the three faces. A group of few channels alone makes products too thin to be fast on a CPU; q
groups together are one dense convolution with the kernel

    W_s[j, (g,c), (h,k)] = W[j, c, (g,k)] where g = h, else 0        1 ≤ g, h ≤ q

and dW is the dense dW's diagonal blocks: q times the multiplications, in less time. Zeros do not stop an
infinity or a NaN: one in a group's channels reaches the groups merged with it. lax's own grouped convolution
is 3 to 400 times slower on a CPU, and gathers the activations of a sharded batch on every device; but on a
GPU it is the faster, except for dW.
"""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxcnn.forms import correlation
from jaxcnn.window import Window

Face = Callable[..., Array]

_WIDTH = 16  # channels or filters that a slice has at least, on a CPU
_MOST_SLICES = 32  # unrolled


def merged(groups: int, channels: int, width: int = _WIDTH) -> int:
    """q: the least number of groups that makes slices of so many channels `width` wide, and few enough."""
    divisors = (q for q in range(1, groups) if groups % q == 0)
    wide = (q for q in divisors if q * channels >= width * groups and groups <= _MOST_SLICES * q)
    return next(wide, groups)


def conv(
    A: Array,
    W: Array,
    window: Window,
    *,
    groups: int = 1,
    precision: lax.PrecisionLike = None,
    dense: Face = correlation.conv,
) -> Array:
    """Z of each slice, by the form `dense`."""
    return _by_kernels(dense, A, W, window, groups, precision)


def conv_dA(
    dZ: Array,
    W: Array,
    window: Window,
    *,
    groups: int = 1,
    precision: lax.PrecisionLike = None,
    dense: Face = correlation.conv_dA,
) -> Array:
    """dA of each slice, by the form `dense`."""
    return _by_kernels(dense, dZ, W, window, groups, precision)


def conv_dW(
    A: Array,
    dZ: Array,
    window: Window,
    *,
    groups: int = 1,
    precision: lax.PrecisionLike = None,
    dense: Face = correlation.conv_dW,
    width: int = _WIDTH,
) -> Array:
    """dW of each slice, by the form `dense`: its diagonal blocks."""
    q = merged(groups, max(A.shape[-1], dZ.shape[-1]), width)
    pairs = zip(jnp.split(A, groups // q, -1), jnp.split(dZ, groups // q, -1), strict=True)
    return jnp.concatenate(
        [_diagonal_blocks(dense(*pair, window, precision=precision), q) for pair in pairs], -1
    )


def _by_kernels(
    dense: Face, X: Array, W: Array, window: Window, groups: int, precision: lax.PrecisionLike
) -> Array:
    """Z of X = A, or dA of X = dZ."""
    q = merged(groups, max(W.shape[-2] * groups, W.shape[-1]))
    pairs = zip(jnp.split(X, groups // q, -1), _kernels(W, groups, q), strict=True)
    return jnp.concatenate([dense(*pair, window, precision=precision) for pair in pairs], -1)


def _kernels(W: Array, groups: int, q: int) -> list[Array]:
    """W_s of each slice, (*f, q·C/G, q·K/G), made of W (*f, C/G, K)."""
    if q == 1:
        return jnp.split(W, groups, -1)
    *f, c, filters = W.shape
    k = filters // groups
    kernels = []
    for W_s in jnp.split(W, groups // q, -1):
        blocks = jnp.broadcast_to(W_s.reshape(*f, 1, c, q, k), (*f, q, c, q, k))
        kernels.append(_on_diagonal(blocks, q).reshape(*f, q * c, q * k))
    return kernels


def _diagonal_blocks(dW: Array, q: int) -> Array:
    """The diagonal blocks, (*f, c, q·k), of a dense dW (*f, q·c, q·k)."""
    if q == 1:
        return dW
    *f, c, k = dW.shape
    blocks = _on_diagonal(dW.reshape(*f, q, c // q, q, k // q), q)
    return jnp.sum(blocks, axis=-4).reshape(*f, c // q, k)


def _on_diagonal(blocks: Array, q: int) -> Array:
    """(…, q, c, q, k) with zeros off the diagonal of the two axes q."""
    diagonal = np.eye(q, dtype=bool).reshape(*(1,) * (blocks.ndim - 4), q, 1, q, 1)
    return jnp.where(diagonal, blocks, jnp.zeros_like(blocks))
