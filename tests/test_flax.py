"""The operations that flax's linen has too, against it: values and gradients, on numbers without ties."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxcnn

nn = pytest.importorskip("flax.linen", reason="flax is not installed")

A, W = (2, 7, 6, 4), (3, 2, 4, 6)  # (B, *n, C), (*f, C, K)
C, K = (4,), (6,)
DOUBLE = {"dtype": jnp.float64, "param_dtype": jnp.float64}
TWO_PASSES = {"epsilon": 1e-5, "use_fast_variance": False, **DOUBLE}


def layer(module, *names):
    """A linen layer as a function of its input and of the parameters with these names."""

    def apply(A, *values):
        return module.apply({"params": dict(zip(names, values, strict=True))}, A)

    return apply


def convolution(module=nn.Conv, *, f=(3, 2), features=6, **keywords):
    return layer(module(features, f, **DOUBLE, **keywords), "kernel", "bias")


def their_batch_norm(A, gamma, beta):
    module = nn.BatchNorm(use_running_average=False, **TWO_PASSES)
    statistics = {"mean": jnp.zeros(C), "var": jnp.ones(C)}
    params = {"scale": gamma, "bias": beta}
    return module.apply({"params": params, "batch_stats": statistics}, A, mutable=["batch_stats"])[0]


def their_batch_norm_inference(A, gamma, beta, mean, log_variance):
    module = nn.BatchNorm(use_running_average=True, **TWO_PASSES)
    statistics = {"mean": mean, "var": jnp.exp(log_variance)}
    return module.apply({"params": {"scale": gamma, "bias": beta}, "batch_stats": statistics}, A)


CASES = {
    **{
        f"conv {padding}": (
            partial(jaxcnn.conv, padding=padding),
            convolution(padding=padding),
            (A, W, K),
        )
        for padding in ("VALID", "SAME", "CIRCULAR", "REFLECT", ((1, 2), (0, 1)))
    },
    "conv CAUSAL": (
        partial(jaxcnn.conv, padding="CAUSAL", dilation=2),
        convolution(f=(3,), padding="CAUSAL", kernel_dilation=2),
        ((2, 9, 4), (3, 4, 6), K),
    ),
    "conv in groups": (
        partial(jaxcnn.conv, padding="SAME", groups=2),
        convolution(feature_group_count=2),
        (A, (3, 2, 2, 6), K),
    ),
    "conv in 3-D": (
        jaxcnn.conv,
        convolution(f=(2, 3, 2), padding="VALID"),
        ((2, 5, 6, 4, 4), (2, 3, 2, 4, 6), K),
    ),
    "conv_transpose": (
        partial(jaxcnn.conv_transpose, stride=2, padding="SAME"),
        convolution(nn.ConvTranspose, features=4, strides=(2, 2), transpose_kernel=True),
        ((2, 4, 3, 6), W, C),
    ),
    "dense": (jaxcnn.dense, layer(nn.Dense(6, **DOUBLE), "kernel", "bias"), ((3, 4), (4, 6), K)),
    **{
        f"max_pool {padding}": (
            partial(jaxcnn.max_pool, window=(3, 2), stride=2, padding=padding),
            partial(nn.max_pool, window_shape=(3, 2), strides=(2, 2), padding=padding),
            (A,),
        )
        for padding in ("VALID", "SAME", ((1, 1), (0, 1)))
    },
    **{
        f"avg_pool {padding}, count_padding={count}": (
            partial(jaxcnn.avg_pool, window=(3, 2), stride=2, padding=padding, count_padding=count),
            partial(
                nn.avg_pool, window_shape=(3, 2), strides=(2, 2), padding=padding, count_include_pad=count
            ),
            (A,),
        )
        for padding in ("VALID", "SAME", ((1, 1), (0, 1)))
        for count in (False, True)
    },
    "relu": (jaxcnn.relu, nn.relu, ((50,),)),
    "gelu": (partial(jaxcnn.gelu, approximate=True), nn.gelu, ((50,),)),
    "glu": (jaxcnn.glu, nn.glu, ((3, 4),)),
    "softmax": (jaxcnn.softmax, nn.softmax, ((3, 4),)),
    "batch_norm": (lambda *x: jaxcnn.batch_norm(*x)[0], their_batch_norm, (A, C, C)),
    "batch_norm_inference": (
        lambda A, g, b, m, v: jaxcnn.batch_norm_inference(A, g, b, m, jnp.exp(v)),
        their_batch_norm_inference,
        (A, C, C, C, C),
    ),
    "layer_norm": (jaxcnn.layer_norm, layer(nn.LayerNorm(**TWO_PASSES), "scale", "bias"), (A, C, C)),
    "instance_norm": (
        jaxcnn.instance_norm,
        layer(nn.InstanceNorm(**TWO_PASSES), "scale", "bias"),
        (A, C, C),
    ),
    "group_norm": (
        partial(jaxcnn.group_norm, groups=2),
        layer(nn.GroupNorm(num_groups=2, **TWO_PASSES), "scale", "bias"),
        (A, C, C),
    ),
    "rms_norm": (
        jaxcnn.rms_norm,
        layer(nn.RMSNorm(epsilon=1e-5, **DOUBLE), "scale"),
        (A, C),
    ),
}


@pytest.mark.parametrize(("ours", "theirs", "shapes"), CASES.values(), ids=CASES)
def test_values_and_gradients_are_flax_s(ours, theirs, shapes, agree):
    rng = np.random.default_rng(0)
    agree(ours, theirs, *(2 * rng.standard_normal(shape) for shape in shapes))


@pytest.mark.parametrize("spatial", [False, True])
def test_dropout_draws_flax_s_mask(spatial, agree):
    A = np.random.default_rng(0).standard_normal((3, 4, 5, 6)).astype(np.float32)
    key = jax.random.key(7)
    theirs = nn.Dropout(0.3, broadcast_dims=(1, 2) if spatial else (), deterministic=False)
    with jax.enable_x64(False):  # in float64 flax draws from other random bits
        agree(
            lambda A: jaxcnn.dropout(key, A, 0.3, spatial=spatial),
            lambda A: theirs.apply({}, A, rng=key),
            A,
            rtol=1e-6,
        )
