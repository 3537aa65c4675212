"""The operations that equinox has too, against it: values and gradients, on random numbers without ties.

Equinox knows no batch and has its channels first.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxcnn

eqx = pytest.importorskip("equinox", reason="equinox is not installed")

A1, A2, A3 = (2, 9, 4), (2, 7, 6, 4), (2, 5, 6, 4, 4)  # (B, *n, C)
W, K, C = (3, 2, 4, 6), (6,), (4,)  # (*f, C, K)
KEY = jax.random.key(0)  # of parameters that are replaced
DOUBLE = {"key": KEY, "dtype": jnp.float64}


def with_parameters(module, weight, bias=None):
    module = eqx.tree_at(lambda m: m.weight, module, weight)
    if bias is not None:
        module = eqx.tree_at(lambda m: m.bias, module, bias.reshape(module.bias.shape))
    return module


def images(module):
    """A layer as a function of images (B, *n, C)."""
    return lambda A: jnp.moveaxis(jax.vmap(module)(jnp.moveaxis(A, -1, 1)), 1, -1)


def convolution(module):
    """Likewise, and of a kernel (*f, C, K) and a bias."""

    def apply(A, W, b):
        return images(with_parameters(module, jnp.transpose(W, (3, 2, 0, 1)), b))(A)

    return apply


def transposed_convolution(Z, W, b):
    module = eqx.nn.ConvTranspose2d(6, 4, (3, 2), 2, padding=1, output_padding=(1, 1), **DOUBLE)
    rotated = jnp.flip(W, (0, 1))  # equinox correlates with W where the adjoint correlates with rot180(W)
    return images(with_parameters(module, jnp.transpose(rotated, (2, 3, 0, 1)), b))(Z)


def dense(A, W, b):
    return jax.vmap(with_parameters(eqx.nn.Linear(4, 6, **DOUBLE), W.T, b))(A)


def channelwise(module):
    """A norm over the channels of one pixel as a function of images and its parameters."""

    def apply(A, *parameters):
        f = with_parameters(module, *parameters)
        for _ in A.shape[:-1]:
            f = jax.vmap(f)
        return f(A)

    return apply


def batch_norm(A, gamma, beta):
    module, state = eqx.nn.make_with_state(eqx.nn.BatchNorm)(4, "batch", mode="batch", dtype=jnp.float64)
    module = with_parameters(module, gamma, beta)
    call = jax.vmap(module, axis_name="batch", in_axes=(0, None), out_axes=(0, None))
    return jnp.moveaxis(call(jnp.moveaxis(A, -1, 1), state)[0], 1, -1)


CASES = {
    "conv": (
        partial(jaxcnn.conv, stride=(2, 1), padding=1),
        convolution(eqx.nn.Conv2d(4, 6, (3, 2), (2, 1), padding=1, **DOUBLE)),
        (A2, W, K),
    ),
    "conv SAME": (
        partial(jaxcnn.conv, padding="SAME", dilation=(1, 2)),
        convolution(eqx.nn.Conv2d(4, 6, (3, 2), padding="SAME", dilation=(1, 2), **DOUBLE)),
        (A2, W, K),
    ),
    "conv in groups": (
        partial(jaxcnn.conv, groups=2),
        convolution(eqx.nn.Conv2d(4, 6, (3, 2), groups=2, **DOUBLE)),
        (A2, (3, 2, 2, 6), K),
    ),
    "conv_transpose": (
        partial(jaxcnn.conv_transpose, stride=2, padding=1, output_size=(8, 5)),
        transposed_convolution,
        ((2, 4, 3, 6), W, C),
    ),
    "dense": (jaxcnn.dense, dense, ((3, 4), (4, 6), K)),
    **{
        f"max_pool, ceil_mode={ceil}": (
            partial(jaxcnn.max_pool, window=(3, 2), stride=2, padding=1, ceil_mode=ceil),
            images(eqx.nn.MaxPool2d((3, 2), 2, padding=1, use_ceil=ceil)),
            (A2,),
        )
        for ceil in (False, True)
    },
    "max_pool in 1-D": (partial(jaxcnn.max_pool, window=(3,)), images(eqx.nn.MaxPool1d(3, 3)), (A1,)),
    "avg_pool": (
        partial(jaxcnn.avg_pool, window=(3, 2), stride=2, padding=1, count_padding=True),
        images(eqx.nn.AvgPool2d((3, 2), 2, padding=1)),
        (A2,),
    ),
    "avg_pool in 3-D": (
        partial(jaxcnn.avg_pool, window=(2, 2, 2)),
        images(eqx.nn.AvgPool3d(2, 2)),
        (A3,),
    ),
    "adaptive_avg_pool": (  # sizes that divide the image; see test_conventions for others
        partial(jaxcnn.adaptive_avg_pool, output_size=(7, 3)),
        images(eqx.nn.AdaptiveAvgPool2d((7, 3))),
        (A2,),
    ),
    "adaptive_max_pool": (
        partial(jaxcnn.adaptive_max_pool, output_size=(3,)),
        images(eqx.nn.AdaptiveMaxPool1d(3)),
        (A1,),
    ),
    "batch_norm": (lambda *x: jaxcnn.batch_norm(*x)[0], batch_norm, (A2, C, C)),
    "layer_norm": (jaxcnn.layer_norm, channelwise(eqx.nn.LayerNorm(4, dtype=jnp.float64)), (A2, C, C)),
    "group_norm": (
        partial(jaxcnn.group_norm, groups=2),
        lambda A, g, b: images(with_parameters(eqx.nn.GroupNorm(2, 4, dtype=jnp.float64), g, b))(A),
        (A2, C, C),
    ),
    "instance_norm": (
        jaxcnn.instance_norm,
        lambda A, g, b: images(with_parameters(eqx.nn.GroupNorm(4, 4, dtype=jnp.float64), g, b))(A),
        (A2, C, C),
    ),
    "rms_norm": (
        jaxcnn.rms_norm,
        channelwise(eqx.nn.RMSNorm(4, use_bias=False, dtype=jnp.float64)),
        (A2, C),
    ),
}


@pytest.mark.parametrize(("ours", "theirs", "shapes"), CASES.values(), ids=CASES)
def test_values_and_gradients_are_equinox_s(ours, theirs, shapes, agree):
    rng = np.random.default_rng(0)
    agree(ours, theirs, *(2 * rng.standard_normal(shape) for shape in shapes))


def test_dropout_draws_equinox_s_mask(agree):
    A = np.random.default_rng(0).standard_normal((3, 40)).astype(np.float32)
    theirs = eqx.nn.Dropout(0.3)
    with jax.enable_x64(False):  # in float64 equinox draws from other random bits
        agree(lambda A: jaxcnn.dropout(KEY, A, 0.3), lambda A: theirs(A, key=KEY), A, rtol=1e-6)
