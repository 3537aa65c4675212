"""Functions for the tests of `jaxcnn check` and of isolation: right, wrong, and hostile ones.

Hostile functions do what they do when they run, not when they are traced.
"""

import os
import time

import jax
import jax.numpy as jnp
import numpy as np


def square(x):
    """The reference."""
    return x * x


def _rule(forward, backward):
    function = jax.custom_vjp(forward)
    function.defvjp(lambda *x: (forward(*x), x), backward)
    return function


right = _rule(square, lambda x, dy: (2 * x[0] * dy,))
wrong = _rule(square, lambda x, dy: (x[0] * dy,))


def dense(A, W):
    """A W."""
    return A @ W


# the gradient of W is divided by the batch: right for a batch of one
mean_over_batch = _rule(dense, lambda x, dZ: (dZ @ x[1].T, x[0].T @ dZ / x[0].shape[0]))
# the last of more than four entries is forgotten
remainder = _rule(square, lambda x, dy: ((2 * x[0] * dy).at[4:].set(0),))


def scaled(x, factor, name):
    """A number and a string among the arguments."""
    return x * (factor if name == "times" else 1)


scaled_wrong = jax.custom_vjp(scaled, nondiff_argnums=(1, 2))
scaled_wrong.defvjp(lambda x, factor, name: (x * factor, None), lambda factor, name, _, dy: (dy,))


def scaled_backward(inputs, dy):
    """Of `scaled`, one gradient for each argument."""
    return dy * inputs[1], None, None


def pick(x, k):
    """x[k]; k integers."""
    return x[k]


def first(x):
    """Another output than that of `square`."""
    return x[:1]


def nowhere(x):
    """Nothing that could be compared."""
    return x * jnp.nan


# tangents
cube = jax.custom_jvp(lambda x: x**3)
cube.defjvp(lambda x, dx: (x[0] ** 3, 2 * x[0] ** 2 * dx[0]))


def cubed(x):
    """The reference of `cube`."""
    return x**3


def numpy_relu(x):
    """NumPy: cannot be traced."""
    return np.where(np.asarray(x) > 0, x, np.float32(0))


def numpy_relu_backward(inputs, dy):
    """Right, with 0 at the kink."""
    return (np.where(inputs[0] > 0, dy, np.float32(0)),)


def numpy_relu_wrong(inputs, dy):
    """The sign."""
    return (np.where(inputs[0] > 0, -dy, np.float32(0)),)


def relu(x):
    """Its reference: 0 at the kink."""
    return jnp.where(x > 0, x, 0)


# at infinity infinity by infinity, so NaN
relu_but_not_at_infinity = _rule(
    relu, lambda x, dy: (dy * (x[0] > 0) * x[0] / jnp.where(x[0] == 0, 1, x[0]),)
)


def _when_run(x, deed):
    return jax.pure_callback(lambda x: (deed(), x)[1], jax.ShapeDtypeStruct(x.shape, x.dtype), x)


def _hostile(deed):
    return _rule(square, lambda x, dy: (_when_run(2 * x[0] * dy, deed),))


aborts = _hostile(os.abort)
hangs = _hostile(lambda: time.sleep(60))
hoards = _hostile(lambda: np.ones(2**32))
