"""Rectifiers by hand: activations A = g(Z) that are put together from pieces, and dZ = dA ⊙ g′(Z).

    Z  before the activation          A  after it, of Z's shape          dX the cotangent ∂L/∂X of X

Conventions. At a kink, the derivative from the left: relu′(0) = relu6′(0) = hardswish′(−3) = 0,
relu6′(6) = 1, hardswish′(3) = 3/2, leaky_relu′(0) = negative_slope and elu′(0) = alpha. A NaN gives NaN,
and its cotangent passes on; hardswish makes that NaN too.

The products are elementwise (L12). Every backward pass is a formula in pieces as well, and differentiates as
it stands. Sources: article sections "Convolution Layers" and "Backpropagation"; ledger L9, L12.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from jaxcnn._arrays import floating
from jaxcnn._errors import number


def relu(Z: ArrayLike) -> Array:
    """A = max(Z, 0), equation (R.1). relu′(0) = 0; a NaN stays a NaN.

    Args:
        Z: an array of any shape and floating dtype.

    Returns:
        A, of Z's shape and dtype.

    Raises:
        TypeError: Z is not a floating array.

    Source: article "Convolution Layers", L9; its derivative "Backpropagation", L12.

    >>> relu(jnp.array([-2.0, 0.0, 3.0], jnp.float32))
    Array([0., 0., 3.], dtype=float32)
    """
    return _relu(floating("relu", "Z", Z))


def leaky_relu(Z: ArrayLike, negative_slope: float = 0.01) -> Array:
    """A = Z where Z > 0, else negative_slope · Z, equation (R.2). leaky_relu′(0) = negative_slope.

    Args:
        Z: an array of any shape and floating dtype.
        negative_slope: a Python number, not differentiated.

    Returns:
        A, of Z's shape and dtype.

    Raises:
        TypeError: Z is not a floating array, or negative_slope not a number.
        ValueError: negative_slope is not finite.

    Source: Maas, Hannun and Ng, "Rectifier nonlinearities improve neural network acoustic models", 2013.

    >>> leaky_relu(jnp.array([-2.0, 0.0, 3.0], jnp.float32), negative_slope=0.25)
    Array([-0.5,  0. ,  3. ], dtype=float32)
    """
    slope = number("leaky_relu", "negative_slope", negative_slope)
    return _leaky_relu(slope, floating("leaky_relu", "Z", Z))


def relu6(Z: ArrayLike) -> Array:
    """A = min(max(Z, 0), 6), equation (R.3). relu6′(0) = 0 and relu6′(6) = 1; a NaN stays a NaN.

    Args:
        Z: an array of any shape and floating dtype.

    Returns:
        A, of Z's shape and dtype.

    Raises:
        TypeError: Z is not a floating array.

    Source: Krizhevsky, "Convolutional deep belief networks on CIFAR-10", 2010.

    >>> relu6(jnp.array([-2.0, 3.0, 8.0], jnp.float32))
    Array([0., 3., 6.], dtype=float32)
    """
    return _relu6(floating("relu6", "Z", Z))


def elu(Z: ArrayLike, alpha: float = 1.0) -> Array:
    """A = Z where Z > 0, else α (exp(Z) − 1), equation (R.4). elu′(0) = α.

    Args:
        Z: an array of any shape and floating dtype.
        alpha: α, a Python number, not differentiated.

    Returns:
        A, of Z's shape and dtype.

    Raises:
        TypeError: Z is not a floating array, or alpha not a number.
        ValueError: alpha is not finite.

    Source: Clevert, Unterthiner and Hochreiter, "Fast and accurate deep network learning by exponential
    linear units (ELUs)", 2016.

    >>> elu(jnp.array([-1000.0, 0.0, 3.0], jnp.float32), alpha=2.0)
    Array([-2.,  0.,  3.], dtype=float32)
    """
    return _elu(number("elu", "alpha", alpha), floating("elu", "Z", Z))


def hardswish(Z: ArrayLike) -> Array:
    """A = Z min(max(Z + 3, 0), 6) / 6, equation (R.5). hardswish′(−3) = 0 and hardswish′(3) = 3/2.

    Args:
        Z: an array of any shape and floating dtype.

    Returns:
        A, of Z's shape and dtype; 0 at −∞.

    Raises:
        TypeError: Z is not a floating array.

    Source: Howard et al., "Searching for MobileNetV3", 2019.

    >>> hardswish(jnp.array([-4.0, 1.5, 5.0], jnp.float32))
    Array([-0.   ,  1.125,  5.   ], dtype=float32)
    """
    return _hardswish(floating("hardswish", "Z", Z))


# ------------------------------------------------------------------------------ the rules


# (R.1)  A = max(Z, 0)          dZ = dA where Z > 0, else 0; the residual is that condition, a byte an entry
@jax.custom_vjp
def _relu(Z: Array) -> Array:
    return jnp.maximum(Z, 0)  # so written, a GPU's convolution takes bias and relu along


def _relu_fwd(Z: Array):
    return _relu(Z), ~(Z <= 0)  # so that a NaN passes dA on


def _relu_bwd(on: Array, dA: Array):
    return (jnp.where(on, dA, 0),)  # on a CPU a sixth faster than the condition's opposite


# (R.2)  A = Z where Z > 0, else αZ          dZ = dA where Z > 0, else α dA
@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _leaky_relu(alpha: float, Z: Array) -> Array:
    return jnp.where(Z <= 0, alpha * Z, Z)


def _leaky_relu_fwd(alpha: float, Z: Array):
    return _leaky_relu(alpha, Z), Z <= 0


def _leaky_relu_bwd(alpha: float, low: Array, dA: Array):
    return (jnp.where(low, alpha * dA, dA),)


# (R.3)  A = min(max(Z, 0), 6)          dZ = dA where 0 < Z ≤ 6, else 0; the residual is that condition
@jax.custom_vjp
def _relu6(Z: Array) -> Array:
    return jnp.where(Z <= 0, 0, jnp.where(Z > 6, 6, Z))


def _relu6_fwd(Z: Array):
    return _relu6(Z), ~(Z <= 0) & ~(Z > 6)  # of a NaN, too


# (R.4)  A = Z where Z > 0, else α (exp(Z) − 1)          dZ = dA where Z > 0, else dA α exp(Z)
@partial(jax.custom_vjp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=(0,))
def _elu(alpha: float, Z: Array) -> Array:
    return jnp.where(Z <= 0, alpha * jnp.expm1(Z), Z)


def _elu_fwd(alpha: float, Z: Array):
    fall = jnp.exp(jnp.where(Z <= 0, Z, 0))  # harmless where it is not used: this line is differentiated
    return _elu(alpha, Z), jnp.where(Z <= 0, alpha * fall, 1)


def _elu_bwd(alpha: float, slope: Array, dA: Array):
    return (dA * slope,)


# (R.5)  A = 0 where Z ≤ −3, Z where Z > 3, else Z (Z + 3)/6          dZ = dA · (0, 1, (2Z + 3)/6)
@jax.custom_vjp
@jax.jit
def _hardswish(Z: Array) -> Array:
    Z = jnp.maximum(Z, -3)  # then Z + 3 is 0 at least, and −∞ gives −3 · 0
    return Z * (jnp.minimum(Z + 3, 6) / 6)


def _hardswish_fwd(Z: Array):
    return _hardswish(Z), Z


def _hardswish_bwd(Z: Array, dA: Array):
    return (dA * jnp.where(Z <= -3, 0, jnp.where(Z > 3, 1, (2 * Z + 3) / 6)),)


_relu.defvjp(_relu_fwd, _relu_bwd)
_leaky_relu.defvjp(_leaky_relu_fwd, _leaky_relu_bwd)
_relu6.defvjp(_relu6_fwd, _relu_bwd)
_elu.defvjp(_elu_fwd, _elu_bwd)
_hardswish.defvjp(_hardswish_fwd, _hardswish_bwd)
