"""The operations that PyTorch has too, against it: values and gradients, on random numbers without ties."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxcnn

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
F = torch.nn.functional


def first(x):
    """(B, *n, C) as (B, C, *n)."""
    return x.movedim(-1, 1)


def last(x):
    """(B, C, *n) as (B, *n, C)."""
    return x.movedim(1, -1)


def kernel(W):
    """(*f, C, K) as (K, C, *f): conv's weight; and conv_transpose's, whose input has the K channels."""
    return W.movedim((-1, -2), (0, 1))


def images(f: Callable) -> Callable:
    """A function from torch's images to torch's images, for images that have their channels last."""
    return lambda A, *rest: last(f(first(A), *rest))


A1, A2, A3 = (2, 9, 4), (2, 7, 6, 4), (2, 5, 6, 4, 4)  # B, *n, C
W1, W2, W3 = (3, 4, 6), (3, 2, 4, 6), (2, 3, 2, 4, 6)  # *f, C, K
B = (6,)
POOL = {"stride": 2, "padding": 1}  # of windows of 3 pixels

CONVOLUTIONS = {
    "conv in 1-D": (
        lambda A, W, b: jaxcnn.conv(A, W, b, stride=2, padding=1, dilation=2),
        images(lambda A, W, b: F.conv1d(A, kernel(W), b, stride=2, padding=1, dilation=2)),
        (A1, W1, B),
    ),
    "conv in 2-D": (
        lambda A, W, b: jaxcnn.conv(A, W, b, stride=(2, 1), padding=((2, 2), (1, 1)), dilation=(1, 2)),
        images(lambda A, W, b: F.conv2d(A, kernel(W), b, stride=(2, 1), padding=(2, 1), dilation=(1, 2))),
        (A2, W2, B),
    ),
    "conv in 3-D": (
        lambda A, W, b: jaxcnn.conv(A, W, b, stride=2, padding=1),
        images(lambda A, W, b: F.conv3d(A, kernel(W), b, stride=2, padding=1)),
        (A3, W3, B),
    ),
    "conv in groups": (
        lambda A, W: jaxcnn.conv(A, W, groups=2),
        images(lambda A, W: F.conv2d(A, kernel(W), groups=2)),
        (A2, (3, 2, 2, 6)),
    ),
    "conv depthwise": (
        lambda A, W: jaxcnn.conv(A, W, groups=4, stride=2, padding=1),
        images(lambda A, W: F.conv2d(A, kernel(W), groups=4, stride=2, padding=1)),
        (A2, (3, 3, 1, 8)),
    ),
    "conv same": (
        lambda A, W: jaxcnn.conv(A, W, padding="SAME", dilation=2),
        images(lambda A, W: F.conv2d(A, kernel(W), padding="same", dilation=2)),
        (A2, (3, 3, 4, 6)),
    ),
    "conv circular": (
        lambda A, W: jaxcnn.conv(A, W, padding="CIRCULAR"),
        images(lambda A, W: F.conv2d(F.pad(A, (0, 1, 1, 1), mode="circular"), kernel(W))),
        (A2, W2),
    ),
    "conv reflect": (
        lambda A, W: jaxcnn.conv(A, W, padding="REFLECT"),
        images(lambda A, W: F.conv2d(F.pad(A, (0, 1, 1, 1), mode="reflect"), kernel(W))),
        (A2, W2),
    ),
    "conv_dA": (
        lambda dZ, W: jaxcnn.conv_dA(dZ, W, input_size=(7, 6), stride=2, padding=1),
        images(lambda dZ, W: torch.nn.grad.conv2d_input((2, 4, 7, 6), kernel(W), dZ, stride=2, padding=1)),
        ((2, 4, 4, 6), W2),
    ),
    "conv_dW": (
        lambda A, dZ: jaxcnn.conv_dW(A, dZ, kernel_size=(3, 2), stride=2, padding=1),
        lambda A, dZ: torch.nn.grad.conv2d_weight(
            first(A), (6, 4, 3, 2), first(dZ), stride=2, padding=1
        ).movedim((0, 1), (-1, -2)),
        (A2, (2, 4, 4, 6)),
    ),
    "conv_transpose in 1-D": (
        lambda Z, W, b: jaxcnn.conv_transpose(Z, W, b, stride=3, padding=1, output_size=27),
        images(lambda Z, W, b: F.conv_transpose1d(Z, kernel(W), b, stride=3, padding=1, output_padding=2)),
        ((2, 9, 6), W1, (4,)),
    ),
    "conv_transpose in 2-D": (
        lambda Z, W: jaxcnn.conv_transpose(Z, W, stride=2, padding=1, output_size=(14, 11)),
        images(lambda Z, W: F.conv_transpose2d(Z, kernel(W), stride=2, padding=1, output_padding=1)),
        ((2, 7, 6, 6), W2),
    ),
    "conv_transpose in 3-D": (
        lambda Z, W: jaxcnn.conv_transpose(Z, W, stride=2),
        images(lambda Z, W: F.conv_transpose3d(Z, kernel(W), stride=2)),
        ((2, 2, 3, 2, 6), W3),
    ),
    "conv_transpose in groups, dilated": (
        lambda Z, W, b: jaxcnn.conv_transpose(Z, W, b, dilation=2, groups=2),
        images(lambda Z, W, b: F.conv_transpose2d(Z, kernel(W), b, dilation=2, groups=2)),
        ((2, 4, 3, 6), (3, 2, 2, 6), (4,)),
    ),
    "dense": (jaxcnn.dense, lambda A, W, b: F.linear(A, W.T, b), ((3, 5, 4), (4, 6), B)),
}

POOLS = {
    "max_pool in 1-D": (
        lambda A: jaxcnn.max_pool(A, (3,), **POOL),
        images(lambda A: F.max_pool1d(A, 3, **POOL)),
        (A1,),
    ),
    "max_pool, dilated": (
        lambda A: jaxcnn.max_pool(A, (3, 2), stride=(1, 2), dilation=(2, 3)),
        images(lambda A: F.max_pool2d(A, (3, 2), stride=(1, 2), dilation=(2, 3))),
        (A2,),
    ),
    "max_pool in 3-D": (
        lambda A: jaxcnn.max_pool(A, (3, 3, 3), **POOL),
        images(lambda A: F.max_pool3d(A, 3, **POOL)),
        (A3,),
    ),
    "max_pool ceil_mode": (
        lambda A: jaxcnn.max_pool(A, (3, 3), **POOL, ceil_mode=True),
        images(lambda A: F.max_pool2d(A, 3, **POOL, ceil_mode=True)),
        (A2,),
    ),
    "avg_pool in 1-D": (
        lambda A: jaxcnn.avg_pool(A, (3,), **POOL),
        images(lambda A: F.avg_pool1d(A, 3, **POOL, count_include_pad=False)),
        (A1,),
    ),
    "avg_pool in 3-D": (
        lambda A: jaxcnn.avg_pool(A, (3, 3, 3), **POOL, count_padding=True),
        images(lambda A: F.avg_pool3d(A, 3, **POOL)),
        (A3,),
    ),
    **{
        f"avg_pool, ceil_mode={ceil}, count_padding={count}": (
            lambda A, ceil=ceil, count=count: jaxcnn.avg_pool(
                A, (3, 3), **POOL, ceil_mode=ceil, count_padding=count
            ),
            images(
                lambda A, ceil=ceil, count=count: F.avg_pool2d(
                    A, 3, **POOL, ceil_mode=ceil, count_include_pad=count
                )
            ),
            (A2,),
        )
        for ceil in (False, True)
        for count in (False, True)
    },
    "lp_pool, order 1": (
        lambda A: jaxcnn.lp_pool(A, (3,), order=1, stride=2),
        images(lambda A: F.lp_pool1d(A.abs(), 1, 3, stride=2)),
        (A1,),
    ),
    "lp_pool, order 2": (
        lambda A: jaxcnn.lp_pool(A, (3, 2), order=2),
        images(lambda A: F.lp_pool2d(A, 2, (3, 2))),
        (A2,),
    ),
    "lp_pool, order 3": (
        lambda A: jaxcnn.lp_pool(A, (3, 2, 2), order=3, stride=1),
        images(lambda A: F.lp_pool3d(A.abs(), 3, (3, 2, 2), stride=1)),
        (A3,),
    ),
    **{
        f"adaptive_{kind}_pool in {len(size)}-D": (
            lambda A, kind=kind, size=size: getattr(jaxcnn, f"adaptive_{kind}_pool")(A, size),
            images(lambda A, kind=kind, size=size: getattr(F, f"adaptive_{kind}_pool{len(size)}d")(A, size)),
            (shape,),
        )
        for kind in ("avg", "max")
        for size, shape in (((4,), A1), ((3, 4), A2), ((3, 4, 2), A3))
    },
    **{
        f"global_{kind}_pool": (
            lambda A, kind=kind: getattr(jaxcnn, f"global_{kind}_pool")(A, spatial=2),
            lambda A, kind=kind: getattr(F, f"adaptive_{kind}_pool2d")(first(A), 1)[..., 0, 0],
            (A2,),
        )
        for kind in ("avg", "max")
    },
}

SIZES = {
    "upsample_nearest": (
        lambda A: jaxcnn.upsample_nearest(A, (2, 3)),
        images(lambda A: F.interpolate(A, scale_factor=(2, 3), mode="nearest")),
        (A2,),
    ),
    **{
        f"upsample_bilinear in {len(factor)}-D, align_corners={align}": (
            lambda A, factor=factor, align=align: jaxcnn.upsample_bilinear(A, factor, align_corners=align),
            images(
                lambda A, factor=factor, align=align, mode=mode: F.interpolate(
                    A, scale_factor=factor, mode=mode, align_corners=align
                )
            ),
            (shape,),
        )
        for factor, mode, shape in (
            ((3,), "linear", A1),
            ((2, 3), "bilinear", A2),
            ((2, 1, 3), "trilinear", A3),
        )
        for align in (False, True)
    },
    "pixel_shuffle": (
        lambda A: jaxcnn.pixel_shuffle(A, (2, 2)),
        images(lambda A: F.pixel_shuffle(A, 2)),
        ((2, 3, 4, 8),),
    ),
    "pixel_unshuffle": (
        lambda A: jaxcnn.pixel_unshuffle(A, (2, 2)),
        images(lambda A: F.pixel_unshuffle(A, 2)),
        ((2, 6, 4, 3),),
    ),
}

ACTIVATIONS = {
    **{
        name: (getattr(jaxcnn, name), getattr(F, name), ((50,),))
        for name in (
            *("relu", "leaky_relu", "relu6", "elu", "hardswish"),
            *("sigmoid", "tanh", "softplus", "silu", "gelu", "mish"),
        )
    },
    "leaky_relu, slope 0.3": (
        lambda Z: jaxcnn.leaky_relu(Z, 0.3),
        lambda Z: F.leaky_relu(Z, 0.3),
        ((50,),),
    ),
    "elu, alpha 0.7": (lambda Z: jaxcnn.elu(Z, 0.7), lambda Z: F.elu(Z, 0.7), ((50,),)),
    "gelu by tanh": (
        lambda Z: jaxcnn.gelu(Z, approximate=True),
        lambda Z: F.gelu(Z, approximate="tanh"),
        ((50,),),
    ),
    "glu": (lambda Z: jaxcnn.glu(Z, 1), lambda Z: F.glu(Z, 1), ((3, 4, 5),)),
    "softmax": (jaxcnn.softmax, lambda Z: F.softmax(Z, -1), ((3, 5),)),
    "log_softmax": (lambda Z: jaxcnn.log_softmax(Z, 0), lambda Z: F.log_softmax(Z, 0), ((3, 5),)),
}

C = (4,)
NORMS = {
    "batch_norm": (
        lambda A, g, b: jaxcnn.batch_norm(A, g, b)[0],
        images(lambda A, g, b: F.batch_norm(A, None, None, g, b, training=True)),
        (A2, C, C),
    ),
    "batch_norm_inference": (
        lambda A, g, b: jaxcnn.batch_norm_inference(A, g, b, jnp.arange(4.0), 1 + jnp.arange(4.0)),
        images(
            lambda A, g, b: F.batch_norm(
                A, torch.arange(4, dtype=torch.float64), 1 + torch.arange(4, dtype=torch.float64), g, b
            )
        ),
        (A2, C, C),
    ),
    "layer_norm": (jaxcnn.layer_norm, lambda A, g, b: F.layer_norm(A, C, g, b), (A2, C, C)),
    "instance_norm": (
        jaxcnn.instance_norm,
        images(lambda A, g, b: F.instance_norm(A, None, None, g, b)),
        (A2, C, C),
    ),
    "group_norm": (
        lambda A, g, b: jaxcnn.group_norm(A, g, b, groups=2),
        images(lambda A, g, b: F.group_norm(A, 2, g, b)),
        (A2, C, C),
    ),
    "rms_norm": (jaxcnn.rms_norm, lambda A, g: F.rms_norm(A, C, g, eps=1e-5), (A2, C)),
}

LABELS = [0, 2, 1, 1, 2]
WEIGHTS = [0.5, 2.0, 3.0]
LOSSES = {
    "softmax_cross_entropy of labels": (
        lambda Z: jaxcnn.softmax_cross_entropy(
            Z, jnp.array(LABELS), label_smoothing=0.1, weights=jnp.array(WEIGHTS)
        ),
        lambda Z: F.cross_entropy(
            Z,
            torch.tensor(LABELS),
            weight=torch.tensor(WEIGHTS, dtype=torch.float64),
            label_smoothing=0.1,
            reduction="none",
        ),
        ((5, 3),),
    ),
    "softmax_cross_entropy of distributions": (
        lambda Z, t: jaxcnn.softmax_cross_entropy(
            Z, jaxcnn.softmax(t), label_smoothing=0.1, weights=jnp.array(WEIGHTS)
        ),
        lambda Z, t: F.cross_entropy(
            Z,
            F.softmax(t, -1),
            weight=torch.tensor(WEIGHTS, dtype=torch.float64),
            label_smoothing=0.1,
            reduction="none",
        ),
        ((5, 3), (5, 3)),
    ),
    "binary_cross_entropy_with_logits": (
        jaxcnn.binary_cross_entropy_with_logits,
        lambda Z, t: F.binary_cross_entropy_with_logits(Z, t, reduction="none"),
        ((5, 3), (5, 3)),
    ),
    "squared_error": (
        jaxcnn.squared_error,
        lambda A, t: F.mse_loss(A, t, reduction="none"),
        ((5, 3), (5, 3)),
    ),
    "huber": (
        lambda A, t: jaxcnn.huber(A, t, 0.7),
        lambda A, t: F.huber_loss(A, t, delta=0.7, reduction="none"),
        ((5, 3), (5, 3)),
    ),
}

CASES = CONVOLUTIONS | POOLS | SIZES | ACTIVATIONS | NORMS | LOSSES


@pytest.mark.parametrize(("ours", "theirs", "shapes"), CASES.values(), ids=CASES)
def test_values_and_gradients_are_torch_s(ours, theirs, shapes):
    rng = np.random.default_rng(0)
    arrays = [2 * rng.standard_normal(shape) for shape in shapes]
    Z, pull = jax.vjp(ours, *map(jnp.asarray, arrays))
    dZ = rng.standard_normal(Z.shape)
    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    output = theirs(*tensors)
    output.backward(torch.tensor(dZ))
    expected = [output.detach(), *(tensor.grad for tensor in tensors)]
    for x, y in zip((Z, *pull(jnp.asarray(dZ))), expected, strict=True):
        np.testing.assert_allclose(x, y.numpy(), rtol=1e-10, atol=1e-12)
