"""The operations that JAX has too, in lax, jax.nn and jax.image, against it: values and gradients.

Random numbers meet no kink and no tie; there the conventions differ, see test_conventions.
"""

from functools import partial

import jax
import numpy as np
import pytest
from jax import lax

import jaxcnn

A, W = (2, 7, 6, 4), (3, 2, 4, 6)  # (B, *n, C), (*f, C, K)
LAYOUT = ("NHWC", "HWIO", "NHWC")


def sums(A):
    """lax's sums over windows of 3×2 with stride 2."""
    return lax.reduce_window(A, 0.0, lax.add, (1, 3, 2, 1), (1, 2, 2, 1), "VALID")


CASES = {
    "conv": (
        partial(jaxcnn.conv, padding="SAME"),
        partial(lax.conv_general_dilated, window_strides=(1, 1), padding="SAME", dimension_numbers=LAYOUT),
        (A, W),
    ),
    "conv, groups, dilated": (
        partial(jaxcnn.conv, padding=((2, 0), (1, -1)), dilation=(1, 2), groups=2),
        partial(
            lax.conv_general_dilated,
            window_strides=(1, 1),
            padding=((2, 0), (1, -1)),
            rhs_dilation=(1, 2),
            feature_group_count=2,
            dimension_numbers=LAYOUT,
        ),
        (A, (3, 2, 2, 6)),
    ),
    "conv_transpose": (
        partial(jaxcnn.conv_transpose, stride=(2, 1), padding="SAME"),
        partial(
            lax.conv_transpose,
            strides=(2, 1),
            padding="SAME",
            dimension_numbers=LAYOUT,
            transpose_kernel=True,
        ),
        ((2, 4, 3, 6), W),
    ),
    "dense": (jaxcnn.dense, lambda A, W, b: A @ W + b, ((3, 4), (4, 6), (6,))),
    "max_pool": (
        lambda A: jaxcnn.max_pool(A, (3, 2), stride=2),
        lambda A: lax.reduce_window(A, -np.inf, lax.max, (1, 3, 2, 1), (1, 2, 2, 1), "VALID"),
        (A,),
    ),
    "avg_pool": (lambda A: jaxcnn.avg_pool(A, (3, 2), stride=2), lambda A: sums(A) / 6, (A,)),
    "lp_pool": (
        lambda A: jaxcnn.lp_pool(A, (3, 2), order=4, stride=2),
        lambda A: sums(A**4) ** 0.25,
        (A,),
    ),
    "global_avg_pool": (
        partial(jaxcnn.global_avg_pool, spatial=2),
        lambda A: A.mean((1, 2)),
        (A,),
    ),
    "global_max_pool": (partial(jaxcnn.global_max_pool, spatial=2), lambda A: A.max((1, 2)), (A,)),
    **{
        name: (getattr(jaxcnn, name), getattr(jax.nn, theirs), ((50,),))
        for name, theirs in {
            "relu": "relu",
            "leaky_relu": "leaky_relu",
            "relu6": "relu6",
            "elu": "elu",
            "hardswish": "hard_swish",
            "sigmoid": "sigmoid",
            "tanh": "tanh",
            "softplus": "softplus",
            "silu": "silu",
            "mish": "mish",
        }.items()
    },
    **{
        f"gelu, approximate={tanh}": (
            partial(jaxcnn.gelu, approximate=tanh),
            partial(jax.nn.gelu, approximate=tanh),
            ((50,),),
        )
        for tanh in (False, True)
    },
    **{
        f"{name} over axis {axis}": (
            partial(getattr(jaxcnn, name), axis=axis),
            partial(getattr(jax.nn, name), axis=axis),
            ((3, 4, 6),),
        )
        for name in ("glu", "softmax", "log_softmax")
        for axis in (1, -1)
    },
    "layer_norm": (jaxcnn.layer_norm, partial(jax.nn.standardize, epsilon=1e-5), (A,)),
    "instance_norm": (
        jaxcnn.instance_norm,
        partial(jax.nn.standardize, axis=(1, 2), epsilon=1e-5),
        (A,),
    ),
    "softmax_cross_entropy": (
        lambda Z, t: jaxcnn.softmax_cross_entropy(Z, t),
        lambda Z, t: -(t * jax.nn.log_softmax(Z)).sum(-1),
        ((3, 5), (3, 5)),
    ),
    "upsample_nearest": (
        lambda A: jaxcnn.upsample_nearest(A, (2, 3)),
        lambda A: jax.image.resize(A, (2, 14, 18, 4), "nearest"),
        (A,),
    ),
    "upsample_bilinear": (
        lambda A: jaxcnn.upsample_bilinear(A, (2, 3)),
        lambda A: jax.image.resize(A, (2, 14, 18, 4), "linear"),
        (A,),
    ),
}


@pytest.mark.parametrize(("ours", "theirs", "shapes"), CASES.values(), ids=CASES)
def test_values_and_gradients_are_jax_s(ours, theirs, shapes, agree):
    rng = np.random.default_rng(0)
    agree(ours, theirs, *(2 * rng.standard_normal(shape) for shape in shapes))
