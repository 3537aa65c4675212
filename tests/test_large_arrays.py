"""A NaN in an array of many numbers, of which XLA on a CPU reduces some as it does not reduce few.

Its maximum of 4,096 numbers and more drops a NaN, of `jnp.max` and `lax.reduce_window` (jaxlib 0.10 to 0.12).
An operation that took it at its word would give another result for an image alone than in a batch.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxcnn

IMAGES, SPOILT = 64, 37

OPERATIONS = {
    "max_pool": partial(jaxcnn.max_pool, window=(2, 2)),
    "max_pool, overlapping": partial(jaxcnn.max_pool, window=(3, 3), stride=1, padding="SAME"),
    "max_pool, split": partial(jaxcnn.max_pool, window=(2, 2), ties="split"),
    "max_pool, of a large window": partial(jaxcnn.max_pool, window=(7, 7), stride=1),
    "avg_pool": partial(jaxcnn.avg_pool, window=(2, 2)),
    "lp_pool": partial(jaxcnn.lp_pool, window=(2, 2), order=3),
    "adaptive_max_pool": partial(jaxcnn.adaptive_max_pool, output_size=(3, 5)),
    "adaptive_max_pool, one row": partial(jaxcnn.adaptive_max_pool, output_size=(1, 3)),
    "global_max_pool": partial(jaxcnn.global_max_pool, spatial=2),
    "global_avg_pool": partial(jaxcnn.global_avg_pool, spatial=2),
    "softmax": jaxcnn.softmax,
    "softmax, of a middle axis": partial(jaxcnn.softmax, axis=1),
    "log_softmax": jaxcnn.log_softmax,
    "cross_entropy": lambda A: jaxcnn.softmax_cross_entropy(A.reshape(len(A), -1), jnp.arange(len(A))),
    "layer_norm": lambda A: jaxcnn.layer_norm(A, None, None),
    "relu": jaxcnn.relu,
    "relu6": jaxcnn.relu6,
    "gelu": jaxcnn.gelu,
}


@pytest.mark.parametrize("where", [0, 5, 511])
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_nan_among_many_numbers(name, where):
    rng = np.random.default_rng(0)
    A = rng.normal(size=(IMAGES, 8, 8, 8)).astype(np.float32)
    A.reshape(IMAGES, -1)[SPOILT, where] = np.nan

    @jax.jit
    def results(A):
        Z, pull = jax.vjp(OPERATIONS[name], A)
        return Z, OPERATIONS[name](A), *pull(jnp.ones_like(Z))  # with a gradient, without, the gradient

    for many, alone in zip(results(A), results(A[SPOILT : SPOILT + 1]), strict=True):
        np.testing.assert_array_equal(np.isnan(many[SPOILT]), np.isnan(alone[0]))
        others = np.delete(many, SPOILT, axis=0)
        assert not np.isnan(others).any()
    assert np.isnan(results(A)[0][SPOILT]).any()
