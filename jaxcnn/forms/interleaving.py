"""dA as convolutions of stride 1, one a phase, interleaved; an axis of stride s has s phases.

Write (C.2)'s pixel as i = s·q + ρ − p, 0 ≤ ρ < s. It is seen by the taps with j·d ≡ ρ (mod s) alone: with
g = gcd(s, d), none unless g divides ρ, else j = j₀ + t·s/g, whose window is

    m = q − (j·d − ρ)/s = q − k₀ − t·d/g,        k₀ = (j₀·d − ρ)/s

so dA[s·q + ρ − p] = Σ_t dZ[q − k₀ − t·d/g] W[j₀ + t·s/g]ᵀ: dZ correlated with every s/g-th tap of the rotated
kernel, dilated by d/g. Nothing is multiplied by the zeros of a spread dZ, and XLA has none to fold into a
dilation, which it must not (`jaxcnn.forms.correlation`).
"""

import itertools
import math
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxcnn.forms import correlation
from jaxcnn.forms.windows import interleave
from jaxcnn.window import Window

Face = Callable[..., Array]
Taps = TypeVar("Taps", Array, np.ndarray)  # rot180(W), or another array of something for each tap


def conv_dA(
    dZ: Array,
    W: Array,
    window: Window,
    *,
    groups: int = 1,
    precision: lax.PrecisionLike = None,
    dense: Face = correlation.conv,
) -> Array:
    """dA, each phase by the form `dense` of conv."""

    def convolve(dZ: Array, taps: Array, phase: Window) -> Array:
        return dense(dZ, taps, phase, groups=groups, precision=precision)

    return interleaved(dZ, correlation.rotated(W, window, groups), window, convolve)


def interleaved(
    dZ: Array, rotated: Taps, window: Window, convolve: Callable[[Array, Taps, Window], Array]
) -> Array:
    """dA, each phase by `convolve` of dZ, its taps of rot180(W), and their window over dZ."""
    rank = window.rank
    phases = itertools.product(
        *([_phase(window, axis, rho) for rho in range(window.stride[axis])] for axis in range(rank))
    )
    parts: list[Array | None] = []
    for axes in phases:
        if None in axes:
            parts.append(None)
            continue
        taps, size, padding, dilation = zip(*(axis for axis in axes if axis), strict=True)
        over_dZ = Window(window.output_size, size, (1,) * rank, padding, dilation)
        parts.append(convolve(dZ, rotated[taps], over_dZ))
    some = next(part for part in parts if part is not None)
    whole = [jnp.zeros_like(some) if part is None else part for part in parts]
    for axis in reversed(range(rank)):
        s = window.stride[axis]
        whole = [interleave(whole[k : k + s], 1 + axis) for k in range(0, len(whole), s)]
    low: list[int] = [p % s for (p, _), s in zip(window.padding, window.stride, strict=True)]
    high: list[int] = [start + n for start, n in zip(low, window.input_size, strict=True)]
    dA = whole[0]
    return lax.slice(dA, (0, *low, 0), (dA.shape[0], *high, dA.shape[-1]))


class _Phase(NamedTuple):
    """One axis of one phase: which taps of the rotated kernel, how many, and how they slide over dZ."""

    taps: slice
    size: int
    padding: tuple[int, int]
    dilation: int


def _phase(window: Window, axis: int, rho: int) -> _Phase | None:
    """The taps of phase ρ and how they slide, for q from ⌊p/s⌋ to ⌊(n − 1 + p)/s⌋; None without a tap."""
    n, f, m = window.input_size[axis], window.size[axis], window.output_size[axis]
    s, d, p = window.stride[axis], window.dilation[axis], window.padding[axis][0]
    seen = [j for j in range(f) if j * d % s == rho]
    if not seen:
        return None
    step, dilation = s // math.gcd(s, d), d // math.gcd(s, d)
    first, last = p // s, (n - 1 + p) // s
    low = (seen[0] * d - rho) // s + (len(seen) - 1) * dilation - first
    high = last - first + (len(seen) - 1) * dilation + 1 - m - low
    # rotated, tap j is at f − 1 − j
    return _Phase(slice(f - 1 - seen[-1], f - seen[0], step), len(seen), (low, high), dilation)
