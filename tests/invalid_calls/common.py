"""What the tables share: arguments that are right, and phrases of the messages."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxcnn import (
    elu,
    gelu,
    glu,
    hardswish,
    leaky_relu,
    log_softmax,
    mish,
    relu,
    relu6,
    sigmoid,
    silu,
    softmax,
    softplus,
    tanh,
)
from jaxcnn.layers import BatchNorm

F32 = jnp.float32
KEY = jax.random.key(0)
A, W, Z = jnp.ones((1, 4, 4, 6)), jnp.ones((3, 3, 6, 2)), jnp.ones((1, 2, 2, 2))  # Z = conv(A, W)
B, Z22, K22 = jnp.ones((1, 4, 4, 1)), jnp.ones((1, 2, 2, 1)), jnp.zeros((1, 2, 2, 1), jnp.uint8)
V, LABELS = jnp.ones((4, 3)), jnp.array([0, 1, 2, 0])
N, C = jnp.ones((2, 3, 3, 4)), jnp.ones(4)
FIRST = jnp.ones((1, 1, 4, 4))  # channels first
BARE_BATCH_NORM = BatchNorm(use_gamma=False, use_beta=False)
NO_BRANCHES = {"layer": (), "shortcut": ()}

FLOATING = "a floating dtype (float16, bfloat16, float32 or float64)"
PER_AXIS = "an integer of at least 1, or a tuple of 2, one for each spatial axis"
PAIRS = "an integer, or one (low, high) pair for each spatial axis"
POOL_PADDING = f"one of 'VALID', 'SAME', 'SAME_LOWER', 'FULL', 'CAUSAL', {PAIRS}"
CONV_PADDING = f"one of 'VALID', 'SAME', 'SAME_LOWER', 'FULL', 'CAUSAL', 'CIRCULAR', 'REFLECT', {PAIRS}"
PRECISION = "None, 'default', 'high', 'highest', a jax.lax.Precision, or a pair of these"
ONE_KEY = "one key: jax.random.key(0), or jax.random.PRNGKey(0)"
LAYER = "a Layer, such as Conv(8, (3, 3)), Flatten() or Relu"
ACTIVATIONS = (
    *(relu, leaky_relu, relu6, elu, hardswish),
    *(sigmoid, tanh, softplus, silu, gelu, mish, glu),
    *(softmax, log_softmax),
)
KNOWN = ", ".join(g.__name__ for g in ACTIVATIONS)

Call = tuple[Callable[[], object], type[Exception], str]
