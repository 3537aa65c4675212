"""Dense layers by hand: Z = A·W + b and its cotangents dA, dW, db.

    A  activations in   (…, n_in), any leading axes          Z   before g    (…, n_out)
    W  weights          (n_in, n_out)                        dX  the cotangent ∂L/∂X of X
    b  bias             (n_out,)

As in `jaxcnn.convolution`, the operation, its dA and its dW are three faces of one trilinear form,

    T(dZ, A, W) = Σ_{…,i,o} dZ[…,o] A[…,i] W[i,o]                                              (D.0)

    dense = ∂T/∂dZ         dense_dA = ∂T/∂A         dense_dW = ∂T/∂W

so the gradient of each face is made of the other two, and gradients of gradients need no further
rule. It is the convolution of an image of one pixel: here the article's "·" is a matrix product indeed.
Sources: article sections "Convolution Layers" and "Backpropagation"; ledger L9, L16.
"""

from functools import partial

import jax
from jax import Array, lax
from jax.typing import ArrayLike

from jaxcnn._arrays import floating, known_precision, same_dtype
from jaxcnn._errors import wrong_value
from jaxcnn._sharding import sharded_as, vary_alike
from jaxcnn.convolution import biased
from jaxcnn.forms.windows import accumulator


def dense(
    A: ArrayLike, W: ArrayLike, b: ArrayLike | None = None, *, precision: lax.PrecisionLike = None
) -> Array:
    """Z[…,o] = Σ_i A[…,i] W[i,o] + b[o], equation (D.1).

    Args:
        A: activations, (…, n_in) with any leading axes.
        W: weights, (n_in, n_out), of A's dtype.
        b: bias, (n_out,), of A's dtype. Its cotangent is `conv_db`.
        precision: as in `jax.lax.dot_general`.

    Returns:
        Z, (…, n_out), of A's dtype; sums are kept in float32 or wider.

    Raises:
        ValueError, TypeError: naming the argument, what came and what was expected.

    Source: article "Convolution Layers", L9.

    >>> A = jnp.array([1.0, 2.0], jnp.float32)
    >>> W = jnp.array([[1.0, 0.0, 2.0], [0.0, 1.0, 3.0]], jnp.float32)
    >>> dense(A, W, jnp.full(3, 0.5, jnp.float32))
    Array([1.5, 2.5, 8.5], dtype=float32)
    """
    A, W = floating("dense", "A", A), floating("dense", "W", W)
    same_dtype("dense", A=A, W=W)
    _check_weights("dense", W)
    _check_features("dense", "A", A, W.shape[0], "n_in", f"the rows of W {W.shape}")
    Z = _dense(known_precision("dense", precision), *vary_alike(A, W))
    if b is not None:
        Z = biased("dense", Z, b, "one number a column of W", A=A)
    return Z


def dense_dA(dZ: ArrayLike, W: ArrayLike, *, precision: lax.PrecisionLike = None) -> Array:
    """dA[…,i] = Σ_o dZ[…,o] W[i,o], equation (D.2): dZ·Wᵀ.

    Args:
        dZ: cotangent of Z, (…, n_out).
        W: weights, (n_in, n_out), of dZ's dtype.
        precision: as in `jax.lax.dot_general`.

    Returns:
        dA, (…, n_in), of dZ's dtype.

    Raises:
        ValueError, TypeError: naming the argument, what came and what was expected.

    Source: article "Backpropagation", L13 for an image of one pixel.

    >>> W = jnp.array([[1.0, 0.0, 2.0], [0.0, 1.0, 3.0]], jnp.float32)
    >>> dense_dA(jnp.ones(3, jnp.float32), W)
    Array([3., 4.], dtype=float32)
    """
    dZ, W = floating("dense_dA", "dZ", dZ), floating("dense_dA", "W", W)
    same_dtype("dense_dA", dZ=dZ, W=W)
    _check_weights("dense_dA", W)
    _check_features("dense_dA", "dZ", dZ, W.shape[1], "n_out", f"the columns of W {W.shape}")
    return _dense_dA(known_precision("dense_dA", precision), *vary_alike(dZ, W))


def dense_dW(A: ArrayLike, dZ: ArrayLike, *, precision: lax.PrecisionLike = None) -> Array:
    """dW[i,o] = Σ_… A[…,i] dZ[…,o], equation (D.3): the sum runs over the batch, no 1/B.

    Args:
        A: activations, (…, n_in).
        dZ: cotangent of Z, (…, n_out), of A's dtype and leading axes.
        precision: as in `jax.lax.dot_general`.

    Returns:
        dW, (n_in, n_out), of A's dtype.

    Raises:
        ValueError, TypeError: naming the argument, what came and what was expected.

    Source: article "Backpropagation", L15 for an image of one pixel.

    >>> dense_dW(jnp.array([1.0, 2.0], jnp.float32), jnp.array([1.0, 0.0, 3.0], jnp.float32))
    Array([[1., 0., 3.],
           [2., 0., 6.]], dtype=float32)
    """
    A, dZ = floating("dense_dW", "A", A), floating("dense_dW", "dZ", dZ)
    same_dtype("dense_dW", A=A, dZ=dZ)
    for name, array in (("A", A), ("dZ", dZ)):
        if array.ndim < 1:
            wrong_value("dense_dW", f"{name} is a scalar", "(…, features)")
    if A.shape[:-1] != dZ.shape[:-1]:
        wrong_value("dense_dW", f"dZ has leading axes {dZ.shape[:-1]}", f"A's, {A.shape[:-1]}")
    return _dense_dW(known_precision("dense_dW", precision), *vary_alike(A, dZ))


# ------------------------------------------------------------------------------ the rules


def _contract(precision, left: Array, right: Array, axes, sharding=None) -> Array:
    """The sum over the axes (of left, of right), kept in float32 or wider."""
    wide = accumulator(left.dtype, right.dtype)
    product = lax.dot_general(left, right, (axes, ((), ())), precision, wide, out_sharding=sharding)
    return product.astype(left.dtype)


# (D.1)  Z[…,o] = Σ_i A[…,i] W[i,o]
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _dense(precision, A: Array, W: Array) -> Array:
    return _contract(precision, A, W, ((A.ndim - 1,), (0,)))


# (D.2)  dA[…,i] = Σ_o dZ[…,o] W[i,o]
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _dense_dA(precision, dZ: Array, W: Array) -> Array:
    return _contract(precision, dZ, W, ((dZ.ndim - 1,), (1,)))


# (D.3)  dW[i,o] = Σ_… A[…,i] dZ[…,o]
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _dense_dW(precision, A: Array, dZ: Array) -> Array:
    leading = tuple(range(A.ndim - 1))
    return _contract(precision, A, dZ, (leading, leading), sharded_as((A, -1), (dZ, -1)))


def _dense_fwd(precision, A: Array, W: Array):
    return _dense(precision, A, W), (A, W)


def _dense_bwd(precision, residuals, dZ: Array):
    A, W = residuals
    return _dense_dA(precision, dZ, W), _dense_dW(precision, A, dZ)


def _dense_dA_fwd(precision, dZ: Array, W: Array):
    return _dense_dA(precision, dZ, W), (dZ, W)


def _dense_dA_bwd(precision, residuals, A: Array):
    dZ, W = residuals  # the cotangent of dA stands where A stands in T
    return _dense(precision, A, W), _dense_dW(precision, A, dZ)


def _dense_dW_fwd(precision, A: Array, dZ: Array):
    return _dense_dW(precision, A, dZ), (A, dZ)


def _dense_dW_bwd(precision, residuals, W: Array):
    A, dZ = residuals  # the cotangent of dW stands where W stands in T
    return _dense_dA(precision, dZ, W), _dense(precision, A, W)


_dense.defvjp(_dense_fwd, _dense_bwd)
_dense_dA.defvjp(_dense_dA_fwd, _dense_dA_bwd)
_dense_dW.defvjp(_dense_dW_fwd, _dense_dW_bwd)


# ------------------------------------------------------------------------- argument checks


def _check_weights(operation: str, W: Array) -> None:
    if W.ndim != 2:
        wrong_value(operation, f"W has shape {W.shape}", "(n_in, n_out)")


def _check_features(operation: str, name: str, X: Array, size: int, symbol: str, where: str) -> None:
    if X.ndim < 1:
        wrong_value(operation, f"{name} is a scalar", f"(…, {symbol})")
    if X.shape[-1] != size:
        wrong_value(operation, f"{name} has {X.shape[-1]} features (shape {X.shape})", f"{size}, {where}")
