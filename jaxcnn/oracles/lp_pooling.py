"""Lp pooling as its definition. At a kink, |0| or the norm of zeros, the derivative is taken as 0."""

import jax.numpy as jnp

from jaxcnn.oracles.convolution import slices


def lp_pool(A, window, *, order, stride=None, padding="VALID", dilation=1):
    """(Σ_j |A_pad[m·s + j·d]|^order)^(1/order)."""
    stride = tuple(window) if stride is None else stride
    keywords = {"stride": stride, "padding": padding, "dilation": dilation}
    if A.ndim == len(window) + 1:
        return lp_pool(A[None], window, order=order, **keywords)[0]
    taps = slices(A, window, **keywords)
    exponent = jnp.asarray(order, A.dtype)
    total = sum(tap * tap if order == 2 else (tap * jnp.sign(tap)) ** exponent for tap in taps)
    zero = total == 0
    root = jnp.where(zero, jnp.ones_like(total), total) ** (1 / exponent)
    return jnp.where(zero, jnp.zeros_like(total), root)
