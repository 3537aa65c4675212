"""Normalisation by hand: Z = γ Â + β with Â of mean 0 and variance 1, and cotangents through the statistics.

    A   activations          μ, v  mean and variance over the axes that an operation names, N entries
    Â   (A − μ) r            r     1/√(v + ε)
    Z   γ Â + β              dX    the cotangent ∂L/∂X of X; dÂ = γ dZ

    μ = mean(A)       v = mean((A − μ)²)       Z = γ (A − μ) r + β                              (N.1)

v is computed by these two passes, not as mean(A²) − μ², which cancels. All statistics are kept in float32 or
wider.

μ and v depend on A, so dA has three parts: directly dÂ r; by v, of which Â has the derivative −½ Â r²,

    dv_all = dv − ½ r² Σ dÂ Â        and 2 (A − μ)/N dv_all goes on to A;

by μ, where the way over v gives nothing since Σ (A − μ) = 0: dμ_all = dμ − r Σ dÂ, and dμ_all/N goes on.
Together

    dA = r (dÂ − mean(dÂ) − Â mean(dÂ Â)) + dμ/N + 2 (A − μ) dv/N                               (N.2)
    dγ = Σ dZ Â          dβ = Σ dZ          (over all axes but γ's)                             (N.3)

rms_norm leaves the mean out, of A and so of dA:

    Z = γ A r,  r = 1/√(mean(A²) + ε)          dA = r (dÂ − Â mean(dÂ Â)),  Â = A r             (N.4)

and with statistics that are given, batch_norm_inference is linear in A:

    dA = r dÂ          dμ = −Σ dA          dv = −½ r² Σ dÂ Â = −½ γ r² dγ                       (N.5)

With statistics over several devices, too, batch_norm is (N.5) of the means over the devices, which JAX
transposes as the mapping demands, each of the device's own mean and of

    v = mean((A − μ)²) for a μ that is given          dA = 2 (A − μ)/N dv          dμ = −Σ dA          (N.6)

Residuals: A, which mostly lives on anyway, with μ, r and γ, which are small. Â is not kept: it would be one
more array of A's size, and is two operations an entry away. The backward passes are plain formulas in the
residuals, which JAX differentiates as they stand, by way of the rules above, for gradients of gradients.
dZ Â, of which dγ is a sum, must not overflow, also where γ is tiny.
Sources: Ioffe and Szegedy 2015; Ba et al. 2016; Ulyanov et al. 2016; Wu and He 2018; Zhang and Sennrich 2019.
"""

import math
from collections.abc import Hashable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.custom_derivatives import SymbolicZero
from jax.typing import ArrayLike

from jaxcnn._arrays import floating, same_dtype, widened
from jaxcnn._errors import integer, number, wrong_type, wrong_value
from jaxcnn._sharding import vary_alike
from jaxcnn.forms import sums
from jaxcnn.forms.platforms import by_platform

AxisName = Hashable | tuple[Hashable, ...]
"""The name of a mapped or mesh axis, or several: over them the batch is shared."""


def batch_norm(
    A: ArrayLike,
    gamma: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    *,
    axis_name: AxisName | None = None,
    epsilon: float = 1e-5,
) -> tuple[Array, Array, Array]:
    """Z = γ (A − μ)/√(v + ε) + β by each channel's statistics over batch and space, (N.1); for training.

    Args:
        A: activations, (…, C), with at least one axis before the channels.
        gamma: γ, (C,), of A's dtype; None for 1.
        beta: β, (C,), of A's dtype; None for 0.
        axis_name: the name, or a tuple of names, of mapped axes (`jax.shard_map`, `jax.pmap`, `jax.vmap`)
            over which the statistics are taken as well, so that several devices see one batch.
        epsilon: ε, a positive Python number.

    Returns:
        (Z, mean, variance): Z of A's shape and dtype; μ and v, (C,), in float32 or wider, for running
            averages. v is the mean of the squares (N, not N − 1). All three are differentiable.

    Raises:
        ValueError, TypeError: naming the argument, what came and what was expected.

    Source: Ioffe and Szegedy, "Batch normalization", 2015.

    >>> Z, mean, variance = batch_norm(jnp.array([[1.0, 5.0], [3.0, 5.0]], jnp.float32))
    >>> Z.round(2), mean, variance
    (Array([[-1.,  0.],
           [ 1.,  0.]], dtype=float32), Array([2., 5.], dtype=float32), Array([1., 0.], dtype=float32))
    """
    A = floating("batch_norm", "A", A)
    _needs("batch_norm", A, 2, "(…, C), with at least one axis before the channels")
    gamma, beta = _affine("batch_norm", A, gamma, beta)
    spec = _spec("batch_norm", A, tuple(range(A.ndim - 1)), epsilon)
    if axis_name is not None:
        _check_mapped(axis_name)
        mean = lax.pmean(jnp.mean(widened(A), spec.axes), axis_name)
        variance = lax.pmean(_mean_square(*vary_alike(A, mean)), axis_name)
        Z = _standardize(spec.epsilon, *vary_alike(A, gamma, beta, mean, variance))
        return Z, mean, variance
    Z, mean, variance = _normalize(spec, *vary_alike(A, gamma, beta))
    return Z, mean.reshape(A.shape[-1]), variance.reshape(A.shape[-1])


def batch_norm_inference(
    A: ArrayLike,
    gamma: ArrayLike | None,
    beta: ArrayLike | None,
    mean: ArrayLike,
    variance: ArrayLike,
    *,
    epsilon: float = 1e-5,
) -> Array:
    """Z = γ (A − μ)/√(v + ε) + β with the statistics given, (N.5); for evaluation.

    Args:
        A: activations, (…, C).
        gamma: γ, (C,), of A's dtype; None for 1.
        beta: β, (C,), of A's dtype; None for 0.
        mean: μ, (C,), of A's dtype or in float32 or wider, as `batch_norm` gives it.
        variance: v, (C,), of mean's dtype.
        epsilon: ε, a positive Python number.

    Returns:
        Z, of A's shape and dtype.

    Raises:
        ValueError, TypeError: naming the argument, what came and what was expected.

    Source: Ioffe and Szegedy, "Batch normalization", 2015.

    >>> A = jnp.array([[1.0, 5.0], [3.0, 5.0]], jnp.float32)
    >>> batch_norm_inference(A, None, None, A[0], jnp.array([4.0, 4.0], jnp.float32)).round(2)
    Array([[0., 0.],
           [1., 0.]], dtype=float32)
    """
    A = floating("batch_norm_inference", "A", A)
    _needs("batch_norm_inference", A, 1, "(…, C)")
    gamma, beta = _affine("batch_norm_inference", A, gamma, beta)
    mean = floating("batch_norm_inference", "mean", mean)
    variance = floating("batch_norm_inference", "variance", variance)
    same_dtype("batch_norm_inference", mean=mean, variance=variance)
    if mean.dtype not in (A.dtype, widened(A).dtype):
        allowed = " or ".join(dict.fromkeys(str(dtype) for dtype in (A.dtype, widened(A).dtype)))
        wrong_type("batch_norm_inference", f"mean has dtype {mean.dtype}", f"{allowed} for A of {A.dtype}")
    for name, X in (("mean", mean), ("variance", variance)):
        _one_each("batch_norm_inference", name, X, A)
    epsilon = _epsilon("batch_norm_inference", epsilon)
    return _standardize(epsilon, *vary_alike(A, gamma, beta, mean, variance))


def layer_norm(
    A: ArrayLike,
    gamma: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    *,
    epsilon: float = 1e-5,
) -> Array:
    """Z = γ (A − μ)/√(v + ε) + β with the statistics of each pixel over its channels, (N.1).

    Args:
        A: activations, (…, C), with any leading axes.
        gamma: γ, (C,), of A's dtype; None for 1.
        beta: β, (C,), of A's dtype; None for 0.
        epsilon: ε, a positive Python number.

    Returns:
        Z, of A's shape and dtype.

    Raises:
        ValueError, TypeError: naming the argument, what came and what was expected.

    Source: Ba, Kiros and Hinton, "Layer normalization", 2016.

    >>> layer_norm(jnp.array([[1.0, 3.0], [5.0, 5.0]], jnp.float32)).round(2)
    Array([[-1.,  1.],
           [ 0.,  0.]], dtype=float32)
    """
    A = floating("layer_norm", "A", A)
    _needs("layer_norm", A, 1, "(…, C)")
    gamma, beta = _affine("layer_norm", A, gamma, beta)
    return _normalized(_spec("layer_norm", A, (A.ndim - 1,), epsilon), A, gamma, beta)


def instance_norm(
    A: ArrayLike,
    gamma: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    *,
    epsilon: float = 1e-5,
) -> Array:
    """Z = γ (A − μ)/√(v + ε) + β with the statistics of each channel of each example over space, (N.1).

    Args:
        A: activations with a batch axis, (B, *n, C).
        gamma: γ, (C,), of A's dtype; None for 1.
        beta: β, (C,), of A's dtype; None for 0.
        epsilon: ε, a positive Python number.

    Returns:
        Z, of A's shape and dtype.

    Raises:
        ValueError, TypeError: naming the argument, what came and what was expected.

    Source: Ulyanov, Vedaldi and Lempitsky, "Instance normalization", 2016.

    >>> instance_norm(jnp.array([[[1.0], [3.0]], [[5.0], [5.0]]], jnp.float32))[..., 0].round(2)
    Array([[-1.,  1.],
           [ 0.,  0.]], dtype=float32)
    """
    A = floating("instance_norm", "A", A)
    _needs("instance_norm", A, 3, "(B, *n, C) with its batch axis and at least one spatial axis")
    gamma, beta = _affine("instance_norm", A, gamma, beta)
    return _normalized(_spec("instance_norm", A, tuple(range(1, A.ndim - 1)), epsilon), A, gamma, beta)


def group_norm(
    A: ArrayLike,
    gamma: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    *,
    groups: int,
    epsilon: float = 1e-5,
) -> Array:
    """Z = γ (A − μ)/√(v + ε) + β with the statistics of each group of channels over it and space, (N.1).

    Args:
        A: activations with a batch axis, (B, *n, C).
        gamma: γ, (C,), of A's dtype; None for 1.
        beta: β, (C,), of A's dtype; None for 0.
        groups: the channels are cut into this many groups of neighbours; it divides C.
        epsilon: ε, a positive Python number.

    Returns:
        Z, of A's shape and dtype.

    Raises:
        ValueError, TypeError: naming the argument, what came and what was expected.

    Source: Wu and He, "Group normalization", 2018.

    >>> group_norm(jnp.array([[1.0, 3.0, 5.0, 5.0]], jnp.float32), groups=2).round(2)
    Array([[-1.,  1.,  0.,  0.]], dtype=float32)
    """
    A = floating("group_norm", "A", A)
    _needs("group_norm", A, 2, "(B, *n, C) with its batch axis")
    gamma, beta = _affine("group_norm", A, gamma, beta)
    groups = integer("group_norm", "groups", groups, least=1)
    C = A.shape[-1]
    if C % groups:
        wrong_value("group_norm", f"A has {C} channels", f"a multiple of groups = {groups}")
    spec = _spec("group_norm", A, tuple(range(1, A.ndim)), epsilon)
    return _normalized(spec._replace(axes=spec.axes[:-1], group=C // groups), A, gamma, beta)


def rms_norm(A: ArrayLike, gamma: ArrayLike | None = None, *, epsilon: float = 1e-5) -> Array:
    """Z = γ A/√(mean(A²) + ε) with the mean of each pixel over its channels, (N.4).

    Args:
        A: activations, (…, C), with any leading axes.
        gamma: γ, (C,), of A's dtype; None for 1.
        epsilon: ε, a positive Python number.

    Returns:
        Z, of A's shape and dtype.

    Raises:
        ValueError, TypeError: naming the argument, what came and what was expected.

    Source: Zhang and Sennrich, "Root mean square layer normalization", 2019.

    >>> rms_norm(jnp.array([[3.0, -3.0], [0.0, 0.0]], jnp.float32)).round(2)
    Array([[ 1., -1.],
           [ 0.,  0.]], dtype=float32)
    """
    A = floating("rms_norm", "A", A)
    _needs("rms_norm", A, 1, "(…, C)")
    gamma, _ = _affine("rms_norm", A, gamma, None)
    spec = _spec("rms_norm", A, (A.ndim - 1,), epsilon)
    return _rms_norm(spec, *vary_alike(A, gamma))


# ------------------------------------------------------------------------------ the rules


_FEW = 64  # entries of a statistic


class _Spec(NamedTuple):
    """What is static: the axes of the statistics, ε, and how many channels share one."""

    axes: tuple[int, ...]
    epsilon: float
    group: int = 1


def _mean(spec: _Spec, X: Array) -> Array:
    """The mean over the axes, which stay with size 1, and over the channels of a group."""
    return _of_group(spec, jnp.mean(X, spec.axes, keepdims=True))


def _of_group(spec: _Spec, X: Array) -> Array:
    """Of each channel the mean over its group, which is that of X over the channels.

    So no array of A's size has an axis of a group's few channels, along which XLA on a CPU is slow: value and
    gradient of group_norm, 64 channels in 8 groups, 32×32, batch 32, take 1.6 instead of 5.2 ms.
    """
    if spec.group == 1:
        return X
    groups = X.reshape(*X.shape[:-1], X.shape[-1] // spec.group, spec.group)
    return jnp.broadcast_to(jnp.mean(groups, -1, keepdims=True), groups.shape).reshape(X.shape)


def _mean_scaled(spec: _Spec, X: Array, gamma: Array | None) -> Array:
    """The mean of γ X, of what a cotangent is made of: of rows by a product, on a CPU.

    XLA's own sum there takes what follows along, and for that writes every factor out in full. The backward
    pass of rms_norm, 4,096 rows of 768 numbers, takes 2.1 ms by it, 1.7 by a product with ones, and 1.1 by
    one with γ, whose factor dZ Â is also (N.3)'s.
    """
    if spec.axes != (X.ndim - 1,):
        return _mean(spec, _scaled(X, gamma))
    total = sums.kept(X.ndim - 1, X) if gamma is None else sums.weighted(X, widened(gamma))
    return total / X.shape[-1]


def _total(spec: _Spec, X: Array) -> Array:
    """The sum over the axes, which stay with size 1."""
    return jnp.sum(X, spec.axes, keepdims=True)


def _over_pixels(spec: _Spec, A: Array) -> bool:
    """Whether the statistics are of channels, as batch norm's are."""
    return spec.axes == tuple(range(A.ndim - 1))


def _entries(spec: _Spec, A: Array) -> int:
    """N, of one channel."""
    return math.prod(A.shape[axis] for axis in spec.axes)


def _along(X: Array, like: Array) -> Array:
    """γ or what has its shape, wide, broadcast from the last axes to `like`."""
    return jnp.broadcast_to(widened(X), like.shape)


def _scaled(X: Array, gamma: Array | None) -> Array:
    return X if gamma is None else X * _along(gamma, X)


def _shifted(X: Array, beta: Array | None) -> Array:
    return X if beta is None else X + _along(beta, X)


# (N.3)  dγ = Σ dZ Â          dβ = Σ dZ
def _gathered(X: Array, parameter: Array | None) -> Array | None:
    """The parameter's cotangent, if there is one."""
    return None if parameter is None else _gather(X, parameter)


def _gather(X: Array, parameter: Array) -> Array:
    """The sum over all axes but those of the parameter, in its dtype."""
    return jnp.sum(X, tuple(range(X.ndim - parameter.ndim))).astype(parameter.dtype)


# (N.1)  μ = mean(A)          v = mean((A − μ)²)          Z = γ (A − μ) r + β
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _normalize(spec: _Spec, A: Array, gamma: Array | None, beta: Array | None) -> tuple[Array, Array, Array]:
    over_pixels = _over_pixels(spec, A)
    for_mean, for_variance = map(widened, sums.separate(A, A) if over_pixels else (A, A))
    mean = _mean(spec, for_mean)
    variance = _mean(spec, jnp.square(for_variance - (sums.apart(mean) if over_pixels else mean)))
    Z = _shifted(_scaled((widened(A) - mean) * lax.rsqrt(variance + spec.epsilon), gamma), beta)
    return Z.astype(A.dtype), mean, variance


def _normalize_fwd(spec: _Spec, *primals: Any):
    A, gamma, beta = (None if x is None else x.value for x in primals)
    Z, mean, variance = _normalize(spec, A, gamma, beta)
    # apart, or XLA on a GPU computes them again for each of the cotangents: layer_norm's gradient of 65,536
    # rows of 768 numbers takes 0.90 ms on an H100, and 0.65 so
    kept = lax.optimization_barrier((mean, lax.rsqrt(variance + spec.epsilon)))
    return (Z, mean, variance), (A, *kept, gamma, beta)


# μ and v mostly go to running averages, which are not differentiated: then they have no cotangent, None.
def _normalize_bwd(spec: _Spec, residuals, cotangents):
    return _normalize_dA(
        spec, residuals, *(None if isinstance(dX, SymbolicZero) else dX for dX in cotangents)
    )


# (N.2)  dA = r (dÂ − mean(dÂ) − Â mean(dÂ Â)) + dμ/N + 2 (A − μ) dv/N
#        Where γ is one number along the axes of the statistics, unlike in layer norm, Σ dZ and Σ dZ Â over
#        these axes make dA and (N.3) alike.
#        A rounded μ shifts all of Â alike. In Â mean(dÂ Â) that does not cancel; for jax.grad it does, which
#        takes off a mean once more; it shrinks as mean(dÂ Â) does. Of few entries Â is centred again.
@partial(jax.jit, static_argnums=(0,))
def _normalize_dA(
    spec: _Spec, residuals, dZ: Array | None, dmean: Array | None, dvariance: Array | None
) -> tuple[Array, Array | None, Array | None]:
    A, mean, r, gamma, beta = residuals
    centred, N = widened(A) - mean, _entries(spec, A)
    few = isinstance(N, int) and N * spec.group <= _FEW  # of an export for any number of images unknown
    if few:
        # the barrier keeps XLA on a GPU from writing this out
        centred = centred - lax.optimization_barrier(_mean(spec, centred))
    dZ = jnp.zeros_like(A) if dZ is None else dZ
    dZ_of_total, dZ_of_product, A_of_product = map(widened, sums.separate(dZ, dZ, A))
    dZ, A_hat = widened(dZ), centred * r
    if all(axis < A.ndim - X.ndim for X in (gamma, beta) if X is not None for axis in spec.axes):
        total = _total(spec, dZ_of_total)
        if _over_pixels(spec, A) and not few:
            product = r * _total(spec, dZ_of_product * (A_of_product + sums.apart(-mean)))
        else:
            product = _total(spec, dZ * A_hat)
        of_mean, of_variance = (_of_group(spec, _scaled(X, gamma)) / N for X in (total, product))
        dA = r * (_scaled(dZ, gamma) - of_mean - A_hat * of_variance)
        dgamma, dbeta = _gathered(product, gamma), _gathered(total, beta)
    else:
        of_mean, of_variance = (_mean_scaled(spec, X, gamma) for X in (dZ, dZ * A_hat))
        dA = r * (_scaled(dZ, gamma) - of_mean - A_hat * of_variance)
        dgamma, dbeta = _gathered(dZ * A_hat, gamma), _gathered(dZ_of_total, beta)
    if dmean is not None:
        dA = dA + _of_group(spec, dmean) / N
    if dvariance is not None:
        dA = dA + 2 * centred * _of_group(spec, dvariance) / N
    return dA.astype(A.dtype), dgamma, dbeta


# (N.4)  Z = γ A r          dA = r (dÂ − Â mean(dÂ Â))
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _rms_norm(spec: _Spec, A: Array, gamma: Array | None) -> Array:
    wide = widened(A)
    return _scaled(wide * _rms_rate(spec, wide), gamma).astype(A.dtype)


def _rms_norm_fwd(spec: _Spec, A: Array, gamma: Array | None):
    return _rms_norm(spec, A, gamma), (A, _rms_rate(spec, widened(A)), gamma)


@partial(jax.jit, static_argnums=(0,))
def _rms_norm_bwd(spec: _Spec, residuals, dZ: Array):
    A, r, gamma = residuals
    wide, dZ = widened(A), widened(dZ)

    def by_A_hat(r: Array) -> tuple[Array, Array]:
        A_hat = wide * sums.apart(r)  # or XLA on jaxlib 0.10.2 writes r out in full
        product = dZ * A_hat
        return product, A_hat * _mean_scaled(spec, product, gamma)

    def by_A(r: Array) -> tuple[Array, Array]:
        # both sums over A are parts of one kernel on a GPU
        A_hat = wide * r
        return dZ * A_hat, A_hat * (r * _mean_scaled(spec, dZ * wide, gamma))

    product, of_square = by_platform(r, cpu=by_A_hat, default=by_A)
    dA = r * (_scaled(dZ, gamma) - of_square)
    return dA.astype(A.dtype), _gathered(product, gamma)


@partial(jax.jit, static_argnums=(0,))
def _rms_rate(spec: _Spec, A: Array) -> Array:
    return lax.rsqrt(_mean(spec, A * A) + spec.epsilon)


# (N.5)  Z = γ (A − μ) r + β          dA = r dÂ          dμ = −Σ dA          dv = −½ γ r² Σ dZ Â
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _standardize(
    epsilon: float, A: Array, gamma: Array | None, beta: Array | None, mean: Array, variance: Array
) -> Array:
    A_hat = _standard(A, mean, lax.rsqrt(widened(variance) + epsilon))
    return _shifted(_scaled(A_hat, gamma), beta).astype(A.dtype)


def _standardize_fwd(epsilon: float, A: Array, gamma, beta, mean: Array, variance: Array):
    return _standardize(epsilon, A, gamma, beta, mean, variance), (A, gamma, beta, mean, variance)


@partial(jax.jit, static_argnums=(0,))
def _standardize_bwd(epsilon: float, residuals, dZ: Array):
    A, gamma, beta, mean, variance = residuals
    dZ, r = widened(dZ), lax.rsqrt(widened(variance) + epsilon)
    dA = _scaled(dZ, gamma) * _along(r, dZ)
    dZ_A_hat = dZ * _standard(A, mean, r)
    dvariance = _scaled(_gather(dZ_A_hat, r), gamma) * r * r / -2
    return (
        dA.astype(A.dtype),
        _gathered(dZ_A_hat, gamma),
        _gathered(dZ, beta),
        -_gather(dA, mean),
        dvariance.astype(variance.dtype),
    )


def _standard(A: Array, mean: Array, r: Array) -> Array:
    """Â."""
    return _centred(A, mean) * _along(r, A)


def _centred(A: Array, mean: Array) -> Array:
    return widened(A) - _along(mean, A)


# (N.6)  v = mean((A − μ)²)          dA = 2 (A − μ)/N dv          dμ = −Σ dA
@jax.custom_vjp
@jax.jit
def _mean_square(A: Array, mean: Array) -> Array:
    return jnp.mean(_centred(A, mean) ** 2, tuple(range(A.ndim - mean.ndim)))


def _mean_square_fwd(A: Array, mean: Array):
    return _mean_square(A, mean), (A, mean)


@jax.jit
def _mean_square_bwd(residuals, dvariance: Array):
    A, mean = residuals
    dA = 2 * _centred(A, mean) * _along(dvariance, A) / math.prod(A.shape[: A.ndim - mean.ndim])
    return dA.astype(A.dtype), -_gather(dA, mean)


_normalize.defvjp(_normalize_fwd, _normalize_bwd, symbolic_zeros=True)
_rms_norm.defvjp(_rms_norm_fwd, _rms_norm_bwd)
_standardize.defvjp(_standardize_fwd, _standardize_bwd)
_mean_square.defvjp(_mean_square_fwd, _mean_square_bwd)


def _normalized(spec: _Spec, A: Array, gamma: Array | None, beta: Array | None) -> Array:
    """(N.1) for a caller who wants Z alone."""
    return _normalize(spec, *vary_alike(A, gamma, beta))[0]


# ------------------------------------------------------------------------- argument checks


def _check_mapped(axis_name: AxisName) -> None:
    """Refuse names that no mapped axis has where the operation is called."""
    try:
        lax.axis_size(axis_name)
    except (NameError, TypeError, ValueError):
        wrong_value(
            "batch_norm",
            f"axis_name is {axis_name!r}, the name of no mapped axis here",
            "the name of an axis of the jax.shard_map, jax.pmap or jax.vmap around the call, or None",
        )


def _needs(operation: str, A: Array, rank: int, shape: str) -> None:
    if A.ndim < rank:
        wrong_value(operation, f"A has shape {A.shape}", shape)


def _spec(operation: str, A: Array, axes: tuple[int, ...], epsilon: float) -> _Spec:
    """What is static, checked."""
    if any(A.shape[axis] == 0 for axis in axes):
        wrong_value(operation, f"A has shape {A.shape}", "at least 1 entry along the axes of the mean")
    return _Spec(axes, _epsilon(operation, epsilon))


def _affine(
    operation: str, A: Array, gamma: ArrayLike | None, beta: ArrayLike | None
) -> tuple[Array | None, Array | None]:
    """γ and β, each None or (C,) of A's dtype."""
    checked: list[Array | None] = []
    for name, value in (("gamma", gamma), ("beta", beta)):
        if value is not None:
            value = floating(operation, name, value)
            same_dtype(operation, A=A, **{name: value})
            _one_each(operation, name, value, A)
        checked.append(value)
    return checked[0], checked[1]


def _one_each(operation: str, name: str, X: Array, A: Array) -> None:
    if X.shape != A.shape[-1:]:
        wrong_value(operation, f"{name} has shape {X.shape}", f"({A.shape[-1]},), one number a channel of A")


def _epsilon(operation: str, epsilon: float) -> float:
    return number(operation, "epsilon", epsilon, "above 0", lambda e: e > 0)
