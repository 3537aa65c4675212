"""The rule of (S.1), for softmax and for the probabilities that its cross-entropy keeps."""

from functools import partial

import jax
from jax import Array

from jaxcnn._arrays import widened
from jaxcnn.forms import sums


@partial(jax.jit, static_argnums=(0,))
def softmax_bwd(axis: int, y: Array, dA: Array):
    """dZ of (S.1), from the probabilities y."""
    wide_y, wide_dA = widened(y), widened(dA)
    D = sums.less(axis, wide_dA, wide_y > 0.5)
    return ((wide_y * (D - sums.kept(axis, D * wide_y))).astype(y.dtype),)
