"""Few input channels, as in a network's first layer: the channels apart, each a plane of pixels.

    Z[m,·]    = Σ_{j,c} A_c[m·s + j·d] W[j,c,·]         multiply-adds: one number of A meets all filters
    dW[j,c,·] = Σ_{b,m} A_c[m·s + j·d] dZ[b,m,·]        one product over patches, a row a tap and channel

with A_c the padded plane of channel c. Products over C channels would be too thin for a CPU, and so would
patches whose rows lie C numbers apart in memory.
"""

import functools
import math
import operator
import platform
from pathlib import Path

import jax.numpy as jnp
from jax import Array, lax

from jaxcnn._sharding import sharded_as, whole
from jaxcnn.forms.windows import accumulator, filters, pad_once, tap, widened, written_out
from jaxcnn.window import Window

AT_ONCE = 16  # filters
_FEW_TERMS = 9


def conv(
    A: Array, W: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """Z = Σ_{j,c} A_c[m·s + j·d] W[j,c]: of many terms written out, or for so many filters at a time.

    A CPU of 16 registers has none for as many numbers of A as there are terms, and for few filters loads them
    seldom: 3 → 32, 32×32, batch 32, takes 1.1 ms for all filters at once there, and 0.7 by sixteens. One of
    32 has enough: 0.37, and 0.47 by sixteens, with AVX-512.
    """
    A_pad, count = pad_once(A, window), W.shape[-1]
    if math.prod(window.size) * A.shape[-1] <= _FEW_TERMS or count <= AT_ONCE:
        return _multiply_adds(A_pad, window, W)
    if not _few_registers():
        return written_out(_multiply_adds(A_pad, window, W))
    if count % AT_ONCE or not whole(W, -1):
        return _multiply_adds(A_pad, window, W)
    blocks = (W[..., k : k + AT_ONCE] for k in range(0, count, AT_ONCE))
    Z = jnp.stack([_multiply_adds(A_pad, window, block) for block in blocks], -2)
    layout = sharded_as((A, 0), *[None] * (window.rank + 1))
    return lax.reshape(Z, (*Z.shape[:-2], count), out_sharding=layout)


def conv_at_once(A: Array, W: Array, window: Window) -> Array:
    """The same as one sum, for a GPU."""
    return _multiply_adds(pad_once(A, window), window, W)


@functools.cache
def _few_registers() -> bool:
    """Whether this CPU has 16 vector registers, as an x86 without AVX-512, and not 32."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    features = Path("/proc/cpuinfo")
    return not features.exists() or "avx512vl" not in features.read_text()


def _multiply_adds(A_pad: Array, window: Window, W: Array) -> Array:
    """Z, each row of taps added up by itself: the sums are shorter, and XLA takes 0.9 of the time."""
    channels = [lax.slice_in_dim(A_pad, c, c + 1, axis=-1) for c in range(A_pad.shape[-1])]
    seen = (widened(tap(A_c, window, j)) for j in window.taps() for A_c in channels)
    terms = list(map(operator.mul, seen, filters(W)))
    each = len(terms) // W.shape[0]
    rows = (functools.reduce(operator.add, terms[k : k + each]) for k in range(0, len(terms), each))
    return functools.reduce(operator.add, rows)


def conv_dW(
    A: Array, dZ: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """dW[j,c] = Σ_{b,m} A_c[m·s + j·d] dZ[b,m]."""
    planes = [pad_once(A[..., c : c + 1], window) for c in range(A.shape[-1])]
    patches = jnp.stack([tap(plane, window, j)[..., 0] for j in window.taps() for plane in planes])
    pixels = tuple(range(dZ.ndim - 1))
    rows = lax.dot_general(
        lax.optimization_barrier(patches),
        dZ,
        ((tuple(axis + 1 for axis in pixels), pixels), ((), ())),
        precision=precision,
        preferred_element_type=accumulator(A.dtype),
        out_sharding=sharded_as(None, (dZ, -1)),
    )
    return rows.reshape(*window.size, A.shape[-1], dZ.shape[-1])
