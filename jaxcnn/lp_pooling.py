"""Lp pooling by hand: the p-norm of each window, between the sum of moduli and their maximum.

Symbols as in `jaxcnn.pooling`; the order is written P, as p is the padding.

    lp_pool   Z[m] = (Σ_j |A_pad[m·s + j·d]|^P)^(1/P)                                             (P.6)
    its dA    dA[i] = Σ_{m,j: m·s + j·d − p = i} dZ[m] sign(A[i]) (|A[i]|/Z[m])^(P−1)             (P.7)

(P.6) is computed as x (Σ_j (|A_pad|/x)^P)^(1/P) with x = max_j |A_pad|, and (P.7) is of ratios of at most
1: no power overflows. (P.7) is a plain formula in A, Z and dZ and differentiates as it stands.

Declared conventions: where a window is all zeros its norm has a kink; the gradient there is 0, and for
P = 1 it is 0 at every zero. Padding is zeros, and a window on padding alone gives 0. A NaN gives NaN.
Sources: Gulcehre, Cho, Pascanu and Bengio, "Learned-norm pooling for deep feedforward and recurrent neural
networks", 2014; article section "Pooling Layers Backpropagation", ledger L19.
"""

import functools
import operator
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.typing import ArrayLike

from jaxcnn._errors import number
from jaxcnn._pools import pool_input
from jaxcnn.forms import phases
from jaxcnn.forms.windows import accumulator, like, pad, tap, widened
from jaxcnn.window import Padding, Window


def lp_pool(
    A: ArrayLike,
    window: Sequence[int],
    *,
    order: float,
    stride: int | Sequence[int] | None = None,
    padding: Padding = "VALID",
    dilation: int | Sequence[int] = 1,
) -> Array:
    """Z[m] = (Σ_j |A_pad[m·s + j·d]|^order)^(1/order), equation (P.6).

    Args:
        A, window, stride, padding, dilation: as in `max_pool`; the border holds zeros.
        order: P, a finite Python number of at least 1, not differentiated.

    Returns:
        Z, (B, *n_out, C) or (*n_out, C). At order 1 and 2 it is the window's size, or its root, times the
        average of moduli or the root mean square; as the order grows it tends to the maximum of moduli.

    Raises:
        ValueError, TypeError: naming the argument, what came and what was expected.

    PyTorch's LPPool takes no modulus: for an odd order it differs where A is negative.
    Article "Pooling Layers Backpropagation", L19.

    >>> lp_pool(jnp.array([[3.0], [-4.0], [0.0], [0.0]], jnp.float32), (2,), order=2)[:, 0]
    Array([5., 0.], dtype=float32)
    """
    order = number("lp_pool", "order", order, "of at least 1", lambda P: P >= 1)
    A, batched, geometry = pool_input("lp_pool", A, window, stride, padding, dilation)
    Z = _lp_pool(_Norm(geometry, order), A).astype(A.dtype)
    return Z if batched else Z[0]


class _Norm(NamedTuple):
    """What is static about the pool: geometry and order."""

    window: Window
    order: float


# wide, for (P.7) multiplies what Z is rounded by with P − 1
# (P.6)  Z[m] = x[m] (Σ_j (|A_pad[m·s + j·d]|/x[m])^P)^(1/P),  x[m] = max_j |A_pad[m·s + j·d]|
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _lp_pool(spec: _Norm, A: Array) -> Array:
    window, order = spec
    moduli = pad(jnp.abs(widened(A)), window)
    taps = [tap(moduli, window, j) for j in window.taps()]
    largest = functools.reduce(jnp.maximum, taps)
    scale = jnp.where((largest > 0) & (largest < jnp.inf), largest, jnp.ones_like(largest))
    total = functools.reduce(operator.add, (_power(value / scale, order) for value in taps))
    return scale * _power(total, 1 / order)


# (P.7)  dA[i] = Σ_{m,j: m·s + j·d − p = i} dZ[m] sign(A[i]) (|A[i]|/Z[m])^(P−1)
def _lp_pool_dA(spec: _Norm, A: Array, Z: Array, dZ: Array) -> Array:
    window, order = spec
    wide = accumulator(A.dtype)
    value = phases.cut(A.astype(wide), window)
    shares = []
    for taps, (Z_t, dZ_t) in phases.gather(window, Z.astype(wide), dZ.astype(wide)):
        kink = phases.phased(Z_t, window) == 0  # or no window at all
        norm = jnp.where(kink, jnp.ones_like(value), phases.phased(Z_t, window))
        counts = ~kink & like(taps >= 0, kink)
        shares.append(jnp.where(counts, dZ_t * _slope(value, norm, order), jnp.zeros_like(value)))
    return phases.join(functools.reduce(operator.add, shares), window).astype(A.dtype)


def _slope(value: Array, Z: Array, order: float) -> Array:
    """sign(a) (|a|/Z)^(P−1), written so that its own derivative is right at a = 0."""
    if order == 1:
        return jnp.sign(value)
    if order == 2:
        return value / Z
    return jnp.sign(value) * _power(jnp.abs(value) / Z, order - 1)


def _power(x: Array, exponent: float) -> Array:
    """x^exponent for x ≥ 0, by products where the exponent is an integer."""
    if exponent == 0.5:
        return jnp.sqrt(x)
    return lax.integer_pow(x, int(exponent)) if exponent.is_integer() else x ** jnp.asarray(exponent, x.dtype)


def _lp_pool_fwd(spec: _Norm, A: Array):
    Z = _lp_pool(spec, A)
    return Z, (A, Z)


def _lp_pool_bwd(spec: _Norm, residuals, dZ: Array):
    A, Z = residuals
    return (_lp_pool_dA(spec, A, Z, dZ),)


_lp_pool.defvjp(_lp_pool_fwd, _lp_pool_bwd)
