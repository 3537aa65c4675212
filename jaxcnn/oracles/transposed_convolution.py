"""Transposed convolution as its definition: the cotangent of A in the convolution, by `jax.vjp`."""

import jax.numpy as jnp

from jaxcnn.oracles.convolution import FILLED, conv_dA, each, pairs


def conv_transpose(Z, W, b=None, *, output_size=None, stride=1, padding="VALID", dilation=1, groups=1):
    """Σ_{m,j: m·s + j·d − p = i} Σ_o W[j,c,o] Z[m,o] + b[c]."""
    rank = W.ndim - 2
    s, d, windows = each(stride, rank), each(dilation, rank), Z.shape[-1 - rank : -1]
    if output_size is None and padding in ("SAME", "SAME_LOWER", *FILLED):
        output_size = [m * ss for m, ss in zip(windows, s, strict=True)]
    elif output_size is None:
        edges = pairs(padding, windows, W.shape[:rank], s, d)
        output_size = [
            (m - 1) * s[a] + d[a] * (W.shape[a] - 1) + 1 - sum(edges[a]) for a, m in enumerate(windows)
        ]
    geometry = {"stride": stride, "padding": padding, "dilation": dilation}
    A = conv_dA(Z, W, input_size=output_size, groups=groups, **geometry)
    return A if b is None else A + jnp.broadcast_to(b, A.shape)
