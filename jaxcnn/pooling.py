"""Pooling by hand: max-pool with its index and mask, average pool, and their cotangents.

Symbols as in `jaxcnn.convolution`: A (B, *n, C) or (*n, C), Z (B, *n_out, C), windows of f taps at stride
s, padding p, dilation d; tap j of window m sees A_pad[m·s + j·d]. Channels do not meet.

    max_pool   Z[m] = max_j A_pad[m·s + j·d]                 k[m] the first j that reaches it     (P.1)
    its dA     dA[i] = Σ_{m: m·s + k[m]·d − p = i} dZ[m]                                          (P.2)
    avg_pool   Z[m] = 1/c[m] Σ_j A_pad[m·s + j·d]            c[m] = f, or the taps on pixels      (P.3)
    its dA     dA[i] = Σ_{m,j: m·s + j·d − p = i} dZ[m]/c[m]                                      (P.4)
    split      M[m] = {j : A_pad[m·s + j·d] = Z[m]},  dA[i] = Σ_{m, j ∈ M[m]: m·s + j·d − p = i} dZ[m]/|M[m]|
                                                                                                  (P.5)

Once the index k is known, max-pool is linear: (P.1) picks, (P.2) places, each the other's adjoint. So
are (P.3) and (P.4), and with the set M known (P.5) and the mean over M. The index belongs to a window, not
to a pixel: where windows overlap, a pixel that is the maximum of several collects from all of them (L18).

Declared conventions: of several equal maxima the first in row-major order takes the whole gradient, as
in XLA, or with ties="split" each an equal share, as in `jnp.max`; a NaN counts as greater than every
number, and the first NaN takes the gradient, or all NaNs share it; padding never wins.
Sources: article sections "Pooling Layers" and "Pooling Layers Backpropagation"; ledger L17–L19.
"""

from collections.abc import Callable, Sequence
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from jaxcnn._arrays import array, visible
from jaxcnn._errors import boolean, wrong_type, wrong_value
from jaxcnn._pools import ceiled, no_empty_window, pool_cotangent, pool_input
from jaxcnn._sharding import vary_alike
from jaxcnn.forms import halves, pooling
from jaxcnn.forms.windows import widened
from jaxcnn.window import Padding, Window


def max_pool(
    A: ArrayLike,
    window: Sequence[int],
    *,
    stride: int | Sequence[int] | None = None,
    padding: Padding = "VALID",
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    ties: str = "first",
) -> Array:
    """Z[m] = max_j A_pad[m·s + j·d], equation (P.1).

    Args:
        A: activations, (B, *n, C) or (*n, C).
        window: f, a tuple with one entry for each of the 1 to 3 spatial axes.
        stride: an integer, or one for each axis; None: the window, so that the windows tile A.
        padding: as in `conv`; the border holds −inf. A window on padding alone is an error.
        dilation: distance between taps; an integer, or one for each axis.
        ceil_mode: True rounds n_out up, as PyTorch does: the remainder gets a window too, if one starts
            on a pixel or on the low padding.
        ties: which of several equal maxima takes the gradient: the "first", or all, "split" evenly.

    Returns:
        Z, (B, *n_out, C) or (*n_out, C). Residual: one unsigned integer a window, with ties="split" one bit
        a tap. Article "Pooling Layers", L17 and L18.

    Raises:
        ValueError, TypeError: naming the argument, what came and what was expected.

    >>> max_pool(jnp.arange(16.0).reshape(4, 4, 1), (2, 2))[..., 0]
    Array([[ 5.,  7.],
           [13., 15.]], dtype=float32)
    """
    spec, A, batched = _max("max_pool", A, window, stride, padding, dilation, ceil_mode, ties)
    Z = _maximum(spec, A)
    return Z if batched else Z[0]


def max_pool_index(
    A: ArrayLike,
    window: Sequence[int],
    *,
    stride: int | Sequence[int] | None = None,
    padding: Padding = "VALID",
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
) -> Array:
    """k[m], the flat tap of each window's first maximum: all that the backward pass has to remember.

    Arguments as in `max_pool`. Returns an unsigned integer array of Z's shape, the smallest type that
    holds the window: tap (j_0, j_1) of a window of size (f_0, f_1) is j_0·f_1 + j_1.

    >>> max_pool_index(jnp.array([[[1.0], [2.0]], [[2.0], [0.0]]]), (2, 2))
    Array([[[1]]], dtype=uint8)
    """
    spec, A, batched = _max("max_pool_index", A, window, stride, padding, dilation, ceil_mode, "first")
    _, index = _max_pool(spec, A)
    return index if batched else index[0]


def max_pool_mask(
    A: ArrayLike,
    window: Sequence[int],
    *,
    stride: int | Sequence[int] | None = None,
    padding: Padding = "VALID",
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    ties: str = "first",
) -> Array:
    """mask[m, j] = (k[m] = j), or j ∈ M[m]: the article's mask, one for each window.

    Arguments as in `max_pool`. Returns a Boolean array (B, *n_out, *window, C) or (*n_out, *window, C), with
    exactly one True in each window, or with ties="split" one for each of its maxima. Article "Pooling Layers
    Backpropagation", figure 13, L18.

    >>> max_pool_mask(jnp.array([[[1.0], [2.0]], [[2.0], [0.0]]]), (2, 2))[0, 0, ..., 0]
    Array([[False,  True],
           [False, False]], dtype=bool)
    """
    spec, A, batched = _max("max_pool_mask", A, window, stride, padding, dilation, ceil_mode, ties)
    _, kept = _max_pool(spec, A)
    mask = (
        _ties(spec)
        .takes(kept, pooling.taps(spec.window))
        .reshape(*kept.shape[: 1 + spec.window.rank], *spec.window.size, A.shape[-1])
    )
    return mask if batched else mask[0]


def max_pool_dA(
    index: ArrayLike,
    dZ: ArrayLike,
    window: Sequence[int],
    *,
    input_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: Padding = "VALID",
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
) -> Array:
    """dA[i] = Σ_{m: m·s + k[m]·d − p = i} dZ[m], equation (P.2).

    Args:
        index: k, from `max_pool_index` with the same geometry. A tap that the window does not have is
            refused where it can be seen, outside of jit.
        dZ: cotangent of Z, of k's shape.
        input_size: n, the spatial size of A; an integer, or one for each axis.
        window, stride, padding, dilation, ceil_mode: those of the `max_pool`.

    Returns:
        dA, (B, *n, C) or (*n, C), of dZ's dtype. Article "Pooling Layers Backpropagation", L18.

    >>> k = jnp.array([[[3]]], dtype=jnp.uint8)
    >>> max_pool_dA(k, jnp.full((1, 1, 1), 7.0), (2, 2), input_size=2)[..., 0]
    Array([[0., 0.],
           [0., 7.]], dtype=float32)
    """
    where = (window, input_size, stride, padding, dilation, ceil_mode)
    dZ, batched, _, geometry = pool_cotangent("max_pool_dA", dZ, *where)
    k = array("max_pool_dA", "index", index)
    if not jnp.issubdtype(k.dtype, jnp.unsignedinteger):
        wrong_type("max_pool_dA", f"index has dtype {k.dtype}", "the unsigned integers of max_pool_index")
    expected = dZ.shape if batched else dZ.shape[1:]
    if k.shape != expected:
        wrong_value("max_pool_dA", f"index has shape {k.shape}", f"dZ's, {expected}")
    _check_taps(k, geometry)
    k = jnp.asarray(k if batched else k[None])
    dA = _max_pool_dA(_Max(geometry, "first"), *vary_alike(k, dZ))
    return dA if batched else dA[0]


def avg_pool(
    A: ArrayLike,
    window: Sequence[int],
    *,
    stride: int | Sequence[int] | None = None,
    padding: Padding = "VALID",
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    count_padding: bool = False,
) -> Array:
    """Z[m] = 1/c[m] Σ_j A_pad[m·s + j·d], equation (P.3).

    Args:
        A, window, stride, padding, dilation, ceil_mode: as in `max_pool`; the border holds zeros.
        count_padding: False: c[m] is the number of taps that see a pixel (haiku, stax); True: padding
            counts too (flax's and torch's default), so that it is f, but for what ceil_mode adds beyond the
            padding, which never counts. They differ only at a padded border.

    Returns:
        Z, (B, *n_out, C) or (*n_out, C). Article "Pooling Layers Backpropagation", L19.

    >>> avg_pool(jnp.ones((2, 2, 1)), (2, 2), stride=1, padding=((1, 0), (0, 0)))[..., 0]
    Array([[1.],
           [1.]], dtype=float32)
    """
    A, batched, declared = pool_input("avg_pool", A, window, stride, padding, dilation)
    geometry = ceiled("avg_pool", declared, ceil_mode)
    Z = _avg_pool(_mean("avg_pool", declared, geometry, count_padding), A)
    return Z if batched else Z[0]


def avg_pool_dA(
    dZ: ArrayLike,
    window: Sequence[int],
    *,
    input_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: Padding = "VALID",
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    count_padding: bool = False,
) -> Array:
    """dA[i] = Σ_{m,j: m·s + j·d − p = i} dZ[m]/c[m], equation (P.4).

    Args:
        dZ: cotangent of Z, (B, *n_out, C) or (*n_out, C).
        input_size: n, the spatial size of A; an integer, or one for each axis.
        window, stride, padding, dilation, ceil_mode, count_padding: those of the `avg_pool`.

    Returns:
        dA, (B, *n, C) or (*n, C), of dZ's dtype. Article "Pooling Layers Backpropagation", L19.

    >>> avg_pool_dA(jnp.ones((1, 1, 1)), (2, 2), input_size=2)[..., 0]
    Array([[0.25, 0.25],
           [0.25, 0.25]], dtype=float32)
    """
    where = (window, input_size, stride, padding, dilation, ceil_mode)
    dZ, batched, declared, geometry = pool_cotangent("avg_pool_dA", dZ, *where)
    dA = _avg_pool_dA(_mean("avg_pool_dA", declared, geometry, count_padding), dZ)
    return dA if batched else dA[0]


# ------------------------------------------------------------------------------ the rules


class _Max(NamedTuple):
    """What is static about a max-pool: geometry and ties."""

    window: Window
    ties: str


class _Ties(NamedTuple):
    """What is kept of a max-pool, k or M, and the maps that it makes linear: (P.1), (P.2), (P.5)."""

    maximum: Callable[..., tuple[Array, Array]]
    place: Callable[..., Array]
    pick: Callable[..., Array]
    takes: Callable[..., Array]


# Which form runs where. On a CPU windows and pixels look up what they read, unless channels are few
# (`pooling._VERY_FEW`, `_SOME`, `_FEW`) or windows apart; on a GPU index and maximum come in two passes and
# windows of stride 1 are put back tap by tap. Backward, milliseconds on two CPU cores (jaxlib 0.10.2,
# float32, batch 32, 32×32 pixels, 64 channels), jax.grad's of lax's pool against the form:
#             maximum              average
#   2×2 / 2    60, pooling 0.5     0.7, pooling 0.3
#   3×3 / 2    50, pooling 0.6      10, pooling 0.4
#   3×3 / 1   227, pooling 1.5      10, pooling 0.7
# and on an H100 (jaxlib 0.11.2, batch 512):
#   2×2 / 2   0.31, pooling 0.07    0.10, pooling 0.07
#   3×3 / 2   0.41, pooling 0.11    0.20, pooling 0.10
#   3×3 / 1   0.86, pooling 0.20    0.31, pooling 0.24
# They unroll the taps; beyond _MOST_TAPS, halves keep the program short (31×31 has 961) and the steps few.
_MOST_TAPS = 64


def _form(window: Window) -> ModuleType:
    """The form for a window; both have the same functions."""
    return pooling if pooling.taps(window) <= _MOST_TAPS else halves


def _ties(spec: _Max) -> _Ties:
    if spec.ties == "split":
        return _Ties(pooling.all_max, pooling.share, pooling.mean, pooling.members)
    form = _form(spec.window)
    return _Ties(form.first_max, form.place, form.pick, pooling.indices)


# (P.1)  Z[m] = max_j A_pad[m·s + j·d]
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _maximum(spec: _Max, A: Array) -> Array:
    return _form(spec.window).maximum(A, spec.window)


# (P.1)  Z[m], and k[m], or M[m]
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _max_pool(spec: _Max, A: Array) -> tuple[Array, Array]:
    return _ties(spec).maximum(A, spec.window)


# (P.2)  dA[i] = Σ_{m: m·s + k[m]·d − p = i} dZ[m], or (P.5)
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _max_pool_dA(spec: _Max, kept: Array, dZ: Array) -> Array:
    return _ties(spec).place(kept, dZ, spec.window).astype(dZ.dtype)


# (P.1) with k known: Z[m] = A_pad[m·s + k[m]·d], the adjoint of (P.2); or the mean over M[m], that of (P.5)
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _max_pool_pick(spec: _Max, kept: Array, A: Array) -> Array:
    return _ties(spec).pick(kept, A, spec.window).astype(A.dtype)


def _maximum_fwd(spec: _Max, A: Array):
    return _max_pool(spec, A)


def _maximum_bwd(spec: _Max, kept: Array, dZ: Array):
    return (_max_pool_dA(spec, kept, dZ),)


def _max_pool_fwd(spec: _Max, A: Array):
    Z, kept = _max_pool(spec, A)
    return (Z, kept), kept


def _max_pool_bwd(spec: _Max, kept: Array, cotangents):
    dZ, _ = cotangents  # what is kept is of integers: no cotangent
    return (_max_pool_dA(spec, kept, dZ),)


def _max_pool_dA_fwd(spec: _Max, kept: Array, dZ: Array):
    return _max_pool_dA(spec, kept, dZ), kept


def _max_pool_dA_bwd(spec: _Max, kept: Array, A: Array):
    return None, _max_pool_pick(spec, kept, A)


def _max_pool_pick_fwd(spec: _Max, kept: Array, A: Array):
    return _max_pool_pick(spec, kept, A), kept


def _max_pool_pick_bwd(spec: _Max, kept: Array, dZ: Array):
    return None, _max_pool_dA(spec, kept, dZ)


_maximum.defvjp(_maximum_fwd, _maximum_bwd)
_max_pool.defvjp(_max_pool_fwd, _max_pool_bwd)
_max_pool_dA.defvjp(_max_pool_dA_fwd, _max_pool_dA_bwd)
_max_pool_pick.defvjp(_max_pool_pick_fwd, _max_pool_pick_bwd)


class _Mean(NamedTuple):
    """What is static about an average pool: geometry, and how much of each side's padding counts."""

    window: Window
    border: tuple[tuple[int, int], ...]


# (P.3)  Z[m] = 1/c[m] Σ_j A_pad[m·s + j·d]
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _avg_pool(spec: _Mean, A: Array) -> Array:
    total = _form(spec.window).total(A, spec.window)
    return pooling.divided(total, pooling.inside_counts(*spec)).astype(A.dtype)


# (P.4)  dA[i] = Σ_{m,j: m·s + j·d − p = i} dZ[m]/c[m]
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _avg_pool_dA(spec: _Mean, dZ: Array) -> Array:
    counts = pooling.inside_counts(*spec)
    return _form(spec.window).spread(widened(dZ), spec.window, counts).astype(dZ.dtype)


def _avg_pool_fwd(spec: _Mean, A: Array):
    return _avg_pool(spec, A), None


def _avg_pool_bwd(spec: _Mean, _, dZ: Array):
    return (_avg_pool_dA(spec, dZ),)


def _avg_pool_dA_fwd(spec: _Mean, dZ: Array):
    return _avg_pool_dA(spec, dZ), None


def _avg_pool_dA_bwd(spec: _Mean, _, A: Array):
    return (_avg_pool(spec, A),)


_avg_pool.defvjp(_avg_pool_fwd, _avg_pool_bwd)
_avg_pool_dA.defvjp(_avg_pool_dA_fwd, _avg_pool_dA_bwd)


# ------------------------------------------------------------------------- argument checks


def _max(
    operation: str, A: Any, window: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: Any, ties: Any
) -> tuple[_Max, Array, bool]:
    if not isinstance(ties, str) or ties not in ("first", "split"):
        wrong_value(operation, f"ties is {ties!r}", "'first' or 'split'")
    A, batched, declared = pool_input(operation, A, window, stride, padding, dilation)
    geometry = ceiled(operation, declared, ceil_mode)
    no_empty_window(operation, geometry)
    return _Max(geometry, ties), A, batched


def _check_taps(index: ArrayLike, window: Window) -> None:
    """Refuse an index beyond the window's taps, where that can be seen: it would drop its dZ."""
    taps, values = pooling.taps(window), visible(index)
    if values is not None and values.max(initial=0) >= taps:
        wrong_value(
            "max_pool_dA",
            f"index has the tap {values.max()}",
            f"0 to {taps - 1}, the taps of window {window.size}",
        )


def _mean(operation: str, declared: Window, geometry: Window, count_padding: Any) -> _Mean:
    if boolean(operation, "count_padding", count_padding):
        return _Mean(geometry, declared.padding)
    no_empty_window(operation, geometry)
    return _Mean(geometry, ((0, 0),) * geometry.rank)
