"""The operations that PyTorch has too, against it: values and gradients, on random numbers without ties."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxcnn

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
F = torch.nn.functional

A = (2, 7, 6, 4)  # B, *n, C
W = (3, 2, 4, 6)  # *f, C, K


def channels_first(x: np.ndarray):
    return torch.tensor(np.moveaxis(x, -1, 1).copy(), requires_grad=True)


def kernel(x: np.ndarray):
    """(*f, C, K) as (K, C, *f): conv's weight, and conv_transpose's as it stands."""
    return torch.tensor(np.transpose(x, (3, 2, 0, 1)).copy(), requires_grad=True)


CASES: list[tuple[str, Callable, Callable, tuple]] = [
    (
        "conv circular",
        lambda A, W: jaxcnn.conv(A, W, padding="CIRCULAR"),
        lambda A, W: F.conv2d(F.pad(A, (0, 1, 1, 1), mode="circular"), W),
        (A, W),
    ),
    (
        "conv reflect",
        lambda A, W: jaxcnn.conv(A, W, padding="REFLECT"),
        lambda A, W: F.conv2d(F.pad(A, (0, 1, 1, 1), mode="reflect"), W),
        (A, W),
    ),
    (
        "conv_transpose",
        lambda Z, W: jaxcnn.conv_transpose(Z, W, stride=2, padding=1, output_size=(14, 11)),
        lambda Z, W: F.conv_transpose2d(Z, W, stride=2, padding=1, output_padding=(1, 1)),
        ((2, 7, 6, 6), W),
    ),
    (
        "max_pool ceil_mode",
        lambda A: jaxcnn.max_pool(A, (3, 3), stride=2, padding=1, ceil_mode=True),
        lambda A: F.max_pool2d(A, 3, 2, 1, ceil_mode=True),
        (A,),
    ),
    *(
        (
            f"avg_pool ceil_mode, count_padding={count}",
            lambda A, count=count: jaxcnn.avg_pool(
                A, (3, 3), stride=2, padding=1, ceil_mode=True, count_padding=count
            ),
            lambda A, count=count: F.avg_pool2d(A, 3, 2, 1, ceil_mode=True, count_include_pad=count),
            (A,),
        )
        for count in (False, True)
    ),
    (
        "lp_pool",
        lambda A: jaxcnn.lp_pool(A, (3, 2), order=2),
        lambda A: F.lp_pool2d(A, 2, (3, 2)),
        (A,),
    ),
    (
        "adaptive_avg_pool",
        lambda A: jaxcnn.adaptive_avg_pool(A, (3, 4)),
        lambda A: F.adaptive_avg_pool2d(A, (3, 4)),
        (A,),
    ),
    (
        "adaptive_max_pool",
        lambda A: jaxcnn.adaptive_max_pool(A, (3, 4)),
        lambda A: F.adaptive_max_pool2d(A, (3, 4)),
        (A,),
    ),
    (
        "upsample_nearest",
        lambda A: jaxcnn.upsample_nearest(A, (2, 3)),
        lambda A: F.interpolate(A, scale_factor=(2, 3), mode="nearest"),
        (A,),
    ),
    *(
        (
            f"upsample_bilinear, align_corners={align}",
            lambda A, align=align: jaxcnn.upsample_bilinear(A, (2, 3), align_corners=align),
            lambda A, align=align: F.interpolate(
                A, scale_factor=(2, 3), mode="bilinear", align_corners=align
            ),
            (A,),
        )
        for align in (False, True)
    ),
    ("pixel_shuffle", lambda A: jaxcnn.pixel_shuffle(A, (2, 2)), lambda A: F.pixel_shuffle(A, 2), (A,)),
    (
        "pixel_unshuffle",
        lambda A: jaxcnn.pixel_unshuffle(A, (2, 2)),
        lambda A: F.pixel_unshuffle(A, 2),
        ((2, 6, 4, 3),),
    ),
]


@pytest.mark.parametrize(
    ("ours", "theirs", "shapes"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_values_and_gradients_are_torch_s(ours, theirs, shapes):
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape) for shape in shapes]
    Z, pull = jax.vjp(ours, *map(jnp.asarray, arrays))
    dZ = rng.standard_normal(Z.shape)
    inputs = [channels_first(arrays[0]), *map(kernel, arrays[1:])]
    output = theirs(*inputs)
    output.backward(channels_first(dZ).detach())
    np.testing.assert_allclose(Z, np.moveaxis(output.detach().numpy(), 1, -1), rtol=1e-10, atol=1e-12)
    dA, *dW = pull(jnp.asarray(dZ))
    np.testing.assert_allclose(dA, np.moveaxis(inputs[0].grad.numpy(), 1, -1), rtol=1e-10, atol=1e-12)
    for got, weight in zip(dW, inputs[1:], strict=True):
        expected = np.transpose(weight.grad.numpy(), (2, 3, 1, 0))
        np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-12)
