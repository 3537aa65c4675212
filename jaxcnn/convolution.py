"""Convolution by hand: Z = conv(A, W) + b and its cotangents dA, dW, db.

Symbols (channels last, kernels spatial-first, 1 to 3 spatial axes, an optional batch axis):

    A   activations in   (B, *n, C) or (*n, C)            s  stride      d  dilation
    W   kernel           (*f, C/groups, K)                p  padding (low side)
    b   bias             (K,)                             dX  the cotangent ∂L/∂X of X
    Z   before g         (B, *n_out, K) or (*n_out, K)

"Convolution" is used as in the article and in deep learning: a cross-correlation, the kernel not
rotated. The article's formula L1, the true convolution, is `convolve`.

The operation, its dA and its dW are three faces of one trilinear form,

    T(dZ, A, W) = Σ_{b,m,j,c,o} dZ[b,m,o] A_pad[b, m·s + j·d, c] W[j,c,o]                       (C.0)

    conv = ∂T/∂dZ          conv_dA = ∂T/∂A          conv_dW = ∂T/∂W

linear in each argument. So the gradient of each face is made of the other two, and gradients of
gradients need no further rule. With groups, o meets only the C/groups channels c of its group.
Sources: article sections "Strided Convolution", "The Third Dimension", "Convolution Layers"
and "Backpropagation"; ledger L1, L6–L9, L13–L16.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike, DTypeLike

from jaxcnn._arrays import (
    cotangent_shape,
    floating,
    known_precision,
    result_dtype,
    same_dtype,
    with_batch,
)
from jaxcnn._errors import integer, per_axis, window_tuple, wrong_value
from jaxcnn._sharding import layout, vary_alike
from jaxcnn.borders import fill, fold
from jaxcnn.forms import choice
from jaxcnn.forms.windows import accumulator
from jaxcnn.window import Padding, Window, resolve


def conv(
    A: ArrayLike,
    W: ArrayLike,
    b: ArrayLike | None = None,
    *,
    stride: int | Sequence[int] = 1,
    padding: Padding = "VALID",
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    precision: lax.PrecisionLike = None,
    preferred_element_type: DTypeLike | None = None,
) -> Array:
    """Z[m,o] = Σ_{j,c} A_pad[m·s + j·d, c] W[j,c,o] + b[o], equation (C.1).

    Args:
        A: activations, (B, *n, C) or (*n, C); W's rank tells which.
        W: kernel, (*f, C/groups, K), of A's dtype.
        b: bias, (K,), of A's dtype; one number a filter (L9).
        stride: an integer, or one for each spatial axis.
        padding: "VALID", "SAME" (n_out = ⌈n/s⌉, an odd pixel goes high), "SAME_LOWER" (low), "FULL",
            "CAUSAL" (1-D), an integer, or one (low, high) pair for each axis; negative pairs crop.
            "CIRCULAR" and "REFLECT" pad as much as "SAME" and fill the border from the image.
        dilation: distance between the kernel's taps; an integer, or one for each axis.
        groups: the channels are cut into this many groups that do not see each other; C for depthwise.
        precision: as in `jax.lax.conv_general_dilated`.
        preferred_element_type: dtype of Z; by default A's. Sums are kept in float32 or wider.

    Returns:
        Z, (B, *n_out, K) or (*n_out, K), n_out = ⌊(n + 2p − d(f−1) − 1)/s⌋ + 1 (L6).

    Raises:
        ValueError, TypeError: naming the argument, what came and what was expected.

    Differentiable by hand-written rules in reverse mode, to any order; forward mode (`jax.jvp`) is
    refused by JAX for every `custom_vjp`. Article "Convolution Layers", L9.

    >>> A = jnp.arange(16.0).reshape(4, 4, 1)
    >>> conv(A, jnp.ones((3, 3, 1, 1)))[..., 0]
    Array([[45., 54.],
           [81., 90.]], dtype=float32)
    """
    A, W = floating("conv", "A", A), floating("conv", "W", W)
    same_dtype("conv", A=A, W=W)
    rank = kernel_rank("conv", W)
    A, batched = with_batch("conv", "A", A, rank, f"W of shape {W.shape}")
    groups = integer("conv", "groups", groups, least=1)
    _check_channels("conv", A.shape[-1], W, groups)
    geometry: Any = {"stride": stride, "padding": padding, "dilation": dilation, "filled": True}
    window = resolve("conv", A.shape[1:-1], W.shape[:rank], **geometry)
    spec = _spec("conv", window, groups, precision, preferred_element_type, A)
    Z = _conv(spec, *vary_alike(fill(window, A), W))
    if b is not None:
        Z = biased("conv", Z, b, "one number a filter", A=A)
    return Z if batched else Z[0]


def conv_dA(
    dZ: ArrayLike,
    W: ArrayLike,
    *,
    input_size: int | Sequence[int],
    stride: int | Sequence[int] = 1,
    padding: Padding = "VALID",
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    precision: lax.PrecisionLike = None,
    preferred_element_type: DTypeLike | None = None,
) -> Array:
    """dA[i,c] = Σ_{m,j: m·s + j·d − p = i} Σ_o W[j,c,o] dZ[m,o], equation (C.2).

    Args:
        dZ: cotangent of Z, (B, *n_out, K) or (*n_out, K).
        W: kernel, (*f, C/groups, K), of dZ's dtype.
        input_size: n, the spatial size of A (several n give the same n_out where s > 1).
        stride, padding, dilation, groups, precision: those of the `conv`.
        preferred_element_type: dtype of dA; by default dZ's.

    Returns:
        dA, (B, *n, C) or (*n, C). Article "Backpropagation", L13 and L14.

    >>> conv_dA(jnp.ones((2, 2, 1)), jnp.ones((3, 3, 1, 1)), input_size=4)[..., 0]
    Array([[1., 2., 2., 1.],
           [2., 4., 4., 2.],
           [2., 4., 4., 2.],
           [1., 2., 2., 1.]], dtype=float32)
    """
    dZ, W = floating("conv_dA", "dZ", dZ), floating("conv_dA", "W", W)
    n = per_axis("conv_dA", "input_size", input_size, kernel_rank("conv_dA", W), least=1)
    geometry: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation}
    names = ("conv_dA", "dZ", "input size")
    return adjoint(names, dZ, W, n, groups, precision, preferred_element_type, **geometry)


def adjoint(
    names: tuple[str, str, str],
    dZ: Array,
    W: Array,
    n: tuple[int, ...],
    groups: int,
    precision: lax.PrecisionLike,
    preferred_element_type: DTypeLike | None,
    **geometry: Any,
) -> Array:
    """`conv_dA` on behalf of an operation; W and n have one rank.

    names: the operation's, and what it calls dZ and n.

    >>> names = "my_transpose", "Z", "output_size"
    >>> geometry = {"stride": 2, "padding": "VALID", "dilation": 1}
    >>> adjoint(names, jnp.ones((3, 1)), jnp.ones((2, 1, 1)), (6,), 1, None, None, **geometry)[:, 0]
    Array([1., 1., 1., 1., 1., 1.], dtype=float32)
    """
    operation, argument, size = names
    same_dtype(operation, **{argument: dZ, "W": W})
    dZ, batched = with_batch(operation, argument, dZ, len(n), f"W of shape {W.shape}")
    groups = integer(operation, "groups", groups, least=1)
    window = resolve(operation, n, W.shape[:-2], **geometry, filled=True)
    _check_channels(operation, W.shape[-2] * groups, W, groups)
    cotangent_shape(operation, dZ, window, W.shape[-1], argument=argument, size=size)
    spec = _spec(operation, window, groups, precision, preferred_element_type, dZ)
    dA = fold(window, _conv_dA(spec, *vary_alike(dZ, W)))
    return dA if batched else dA[0]


def conv_dW(
    A: ArrayLike,
    dZ: ArrayLike,
    *,
    kernel_size: Sequence[int],
    stride: int | Sequence[int] = 1,
    padding: Padding = "VALID",
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    precision: lax.PrecisionLike = None,
    preferred_element_type: DTypeLike | None = None,
) -> Array:
    """dW[j,c,o] = Σ_{b,m} A_pad[b, m·s + j·d, c] dZ[b,m,o], equation (C.3).

    The sum runs over the batch: no 1/B, which belongs to the loss (L16).

    Args:
        A: activations, (B, *n, C) or (*n, C).
        dZ: cotangent of Z, (B, *n_out, K) or (*n_out, K), of A's rank and dtype.
        kernel_size: f, the spatial size of W: a tuple, whose length tells the number of spatial axes.
        stride, padding, dilation, groups, precision: those of the `conv`.
        preferred_element_type: dtype of dW; by default A's.

    Returns:
        dW, (*f, C/groups, K). Promised in article "Backpropagation", never given: L15.

    >>> conv_dW(jnp.ones((1, 4, 4, 1)), jnp.ones((1, 2, 2, 1)), kernel_size=(3, 3))[..., 0, 0]
    Array([[4., 4., 4.],
           [4., 4., 4.],
           [4., 4., 4.]], dtype=float32)
    """
    A, dZ = floating("conv_dW", "A", A), floating("conv_dW", "dZ", dZ)
    same_dtype("conv_dW", A=A, dZ=dZ)
    f = window_tuple("conv_dW", "kernel_size", kernel_size)
    rank = len(f)
    if A.ndim != dZ.ndim:
        wrong_value(
            "conv_dW",
            f"A has rank {A.ndim} and dZ has rank {dZ.ndim}",
            "equal ranks: both with a batch axis or both without",
        )
    A, _ = with_batch("conv_dW", "A", A, rank, f"kernel_size {f}")
    dZ, _ = with_batch("conv_dW", "dZ", dZ, rank, f"kernel_size {f}")
    groups = integer("conv_dW", "groups", groups, least=1)
    for name, channels in (("A", A.shape[-1]), ("dZ", dZ.shape[-1])):
        if channels == 0:
            wrong_value("conv_dW", f"{name} has 0 channels", "at least 1")
        if channels % groups:
            wrong_value("conv_dW", f"{name} has {channels} channels", f"a multiple of groups = {groups}")
    geometry: Any = {"stride": stride, "padding": padding, "dilation": dilation, "filled": True}
    window = resolve("conv_dW", A.shape[1:-1], f, **geometry)
    if A.shape[0] != dZ.shape[0]:
        wrong_value("conv_dW", f"dZ has batch size {dZ.shape[0]}", f"A's, {A.shape[0]}")
    cotangent_shape("conv_dW", dZ, window, dZ.shape[-1])
    spec = _spec("conv_dW", window, groups, precision, preferred_element_type, A)
    return _conv_dW(spec, *vary_alike(fill(window, A), dZ))


def conv_db(dZ: ArrayLike) -> Array:
    """db[o] = Σ_{b,m} dZ[b,m,o], equation (C.4): the sum over batch and space, no 1/B.

    Args:
        dZ: cotangent of Z, (…, K) with any leading axes.

    Returns:
        db, (K,), of dZ's dtype. Promised in article "Backpropagation", never given: L16.

    >>> conv_db(jnp.ones((2, 3, 3, 4)))
    Array([18., 18., 18., 18.], dtype=float32)
    """
    dZ = floating("conv_db", "dZ", dZ)
    if dZ.ndim < 1:
        wrong_value("conv_db", "dZ is a scalar", "(…, K), the filters on the last axis")
    return _sum_leading(dZ)


def biased(operation: str, Z: Array, b: Any, each: str, /, **typed: Array) -> Array:
    """Z[…,o] + b[o] on behalf of `operation`; b, `each` of what it is, has the dtype of the array `typed`.

    >>> biased("my_layer", jnp.zeros((1, 2)), jnp.array([1.0, 2.0]), "one number a filter", W=jnp.ones(()))
    Array([[1., 2.]], dtype=float32)
    """
    b = floating(operation, "b", b)
    same_dtype(operation, **typed, b=b)
    if b.shape != Z.shape[-1:]:
        wrong_value(operation, f"b has shape {b.shape}", f"{Z.shape[-1:]}, {each}")
    return _add_bias(*vary_alike(Z, b))


def convolve(f: ArrayLike, h: ArrayLike, mode: str = "full") -> Array:
    """G[m] = Σ_j h[j] f[m − j]: the true convolution, the article's first formula (L1).

    Args:
        f: the signal or image, 1 to 3 axes, no channels.
        h: the kernel, as many axes, f's dtype.
        mode: "full" (size n + f − 1, zeros outside), "same" (the middle of it, f's size) or "valid" (only
            where h lies wholly on f); as in `scipy.signal.convolve`.

    A convolution layer's `conv` is this with h rotated by 180°, on the valid crop.

    >>> convolve(jnp.array([1.0, 2.0, 3.0]), jnp.array([0.0, 1.0, 0.5]))
    Array([0. , 1. , 2.5, 4. , 1.5], dtype=float32)
    """
    f, h = floating("convolve", "f", f), floating("convolve", "h", h)
    same_dtype("convolve", f=f, h=h)
    if not 1 <= f.ndim <= 3 or f.ndim != h.ndim:
        wrong_value(
            "convolve",
            f"f has {f.ndim} axes and h has {h.ndim}",
            "the same number of axes, 1 to 3",
        )
    for name, X in (("f", f), ("h", h)):
        if 0 in X.shape:
            wrong_value("convolve", f"{name} has shape {X.shape}", "at least 1 entry on every axis")
    reach = [size - 1 for size in h.shape]
    match mode:
        case "full":
            edges = [(r, r) for r in reach]
        case "same":
            edges = [(r - r // 2, r // 2) for r in reach]
        case "valid":
            edges = [(0, 0) for _ in reach]
        case _:
            wrong_value("convolve", f"mode is {mode!r}", "'full', 'same' or 'valid'")
    window = resolve("convolve", f.shape, h.shape, padding=edges)
    A, W = vary_alike(f[None, ..., None], jnp.flip(h)[..., None, None])
    Z = _conv(_Spec(window, 1, None, f.dtype), A, W)
    return Z[0, ..., 0]


# ------------------------------------------------------------------------------ the rules


class _Spec(NamedTuple):
    """What is static about a face, its result's dtype, and whether more of a gradient reads its Z or dZ."""

    window: Window
    groups: int
    precision: Any
    dtype: np.dtype
    shared: bool = False


def _evaluate(face: str, spec: _Spec, left: Array, right: Array) -> Array:
    if left.dtype != right.dtype:  # a cotangent in another preferred_element_type
        wide = accumulator(left.dtype, right.dtype)
        left, right = left.astype(wide), right.astype(wide)
    return choice.evaluate(
        face, left, right, spec.window, spec.groups, spec.precision, spec.dtype, spec.shared
    )


# (C.1)  Z[m,o] = Σ_{j,c} A_pad[m·s + j·d, c] W[j,c,o]
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _conv(spec: _Spec, A: Array, W: Array) -> Array:
    return _evaluate("conv", spec, A, W)


# (C.2)  dA[i,c] = Σ_{m,j: m·s + j·d − p = i} Σ_o W[j,c,o] dZ[m,o]
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _conv_dA(spec: _Spec, dZ: Array, W: Array) -> Array:
    return _evaluate("conv_dA", spec, dZ, W)


# (C.3)  dW[j,c,o] = Σ_{b,m} A_pad[b, m·s + j·d, c] dZ[b,m,o]
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _conv_dW(spec: _Spec, A: Array, dZ: Array) -> Array:
    return _evaluate("conv_dW", spec, A, dZ)


def _conv_fwd(spec: _Spec, A: Array, W: Array):
    return _conv(spec._replace(shared=True), A, W), (A, W)


def _conv_bwd(spec: _Spec, residuals, dZ: Array):
    A, W = residuals
    return (
        _conv_dA(spec._replace(dtype=A.dtype, shared=True), dZ, W),
        _conv_dW(spec._replace(dtype=W.dtype, shared=True), A, dZ),
    )


def _conv_dA_fwd(spec: _Spec, dZ: Array, W: Array):
    return _conv_dA(spec, dZ, W), (dZ, W)


def _conv_dA_bwd(spec: _Spec, residuals, A: Array):
    dZ, W = residuals  # the cotangent of dA stands where A stands in T
    return (
        _conv(spec._replace(dtype=dZ.dtype), A, W),
        _conv_dW(spec._replace(dtype=W.dtype), A, dZ),
    )


def _conv_dW_fwd(spec: _Spec, A: Array, dZ: Array):
    return _conv_dW(spec, A, dZ), (A, dZ)


def _conv_dW_bwd(spec: _Spec, residuals, W: Array):
    A, dZ = residuals  # the cotangent of dW stands where W stands in T
    return (
        _conv_dA(spec._replace(dtype=A.dtype), dZ, W),
        _conv(spec._replace(dtype=dZ.dtype), A, W),
    )


_conv.defvjp(_conv_fwd, _conv_bwd)
_conv_dA.defvjp(_conv_dA_fwd, _conv_dA_bwd)
_conv_dW.defvjp(_conv_dW_fwd, _conv_dW_bwd)


# Z[…,o] + b[o]; db is (C.4)
@jax.custom_vjp
def _add_bias(Z: Array, b: Array) -> Array:
    return Z + jnp.broadcast_to(b.astype(Z.dtype), Z.shape)


def _add_bias_fwd(Z: Array, b: Array):
    return _add_bias(Z, b), b[:0]  # an empty array: b's dtype is all the backward pass needs


def _add_bias_bwd(b: Array, dZ: Array):
    return dZ, _sum_leading(dZ).astype(b.dtype)


_add_bias.defvjp(_add_bias_fwd, _add_bias_bwd)


# (C.4)  db[o] = Σ_{b,m} dZ[b,m,o]
def _sum_leading(dZ: Array) -> Array:
    return _sum_leading_of(dZ.shape, layout(dZ), dZ)


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _sum_leading_of(shape: tuple[int, ...], sharding, dZ: Array) -> Array:
    return jnp.sum(dZ, axis=tuple(range(len(shape) - 1)))


def _sum_leading_fwd(shape: tuple[int, ...], sharding, dZ: Array):
    return _sum_leading_of(shape, sharding, dZ), None


def _sum_leading_bwd(shape: tuple[int, ...], sharding, _, b: Array):
    return (jnp.broadcast_to(b, shape, out_sharding=sharding),)


_sum_leading_of.defvjp(_sum_leading_fwd, _sum_leading_bwd)


# ------------------------------------------------------------------------- argument checks


def _spec(
    operation: str, window: Window, groups: int, precision: Any, preferred_element_type: Any, like: Array
) -> _Spec:
    """What is static, checked; `like` has the dtype of the result by default."""
    dtype = result_dtype(operation, preferred_element_type, like.dtype)
    return _Spec(window.filled, groups, known_precision(operation, precision), dtype)


def kernel_rank(operation: str, W: Array) -> int:
    """The number of spatial axes of W.

    >>> kernel_rank("my_layer", jnp.ones((3, 3, 1, 8)))
    2
    """
    rank = W.ndim - 2
    if not 1 <= rank <= 3:
        wrong_value(operation, f"W has shape {W.shape}", "(*f, C/groups, K) with 1 to 3 spatial axes")
    if 0 in W.shape:
        wrong_value(
            operation,
            f"W has shape {W.shape}",
            "at least 1 tap on every spatial axis, 1 channel and 1 filter",
        )
    return rank


def _check_channels(operation: str, channels: int, W: Array, groups: int) -> None:
    if channels % groups:
        wrong_value(operation, f"A has {channels} channels", f"a multiple of groups = {groups}")
    if W.shape[-1] % groups:
        wrong_value(operation, f"W has {W.shape[-1]} filters", f"a multiple of groups = {groups}")
    if W.shape[-2] != channels // groups:
        wrong_value(
            operation,
            f"W has {W.shape[-2]} input channels (shape {W.shape})",
            f"{channels // groups} = {channels} channels of A / {groups} groups",
        )
