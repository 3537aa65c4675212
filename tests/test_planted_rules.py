"""The property test can fail: for every operation a wrong rule is planted, and must be found.

Most of them are defects seen in hand-written CNN code in wide use.
"""

import itertools
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

import jaxcnn
from jaxcnn.check import DerivationError
from jaxcnn.derivations.derivation import Case
from jaxcnn.derivations.search import check_case
from jaxcnn.derivations.table import DERIVATIONS

BY_NAME = {derivation.name: derivation for derivation in DERIVATIONS}


def with_backward(operation: Callable, backward: Callable) -> Callable:
    """`operation` with another backward pass: backward(inputs, dZ, right gradients, keywords)."""

    def planted(*inputs, **keywords):
        rule = jax.custom_vjp(lambda *inputs: operation(*inputs, **keywords))

        def bwd(inputs, dZ):
            live = [k for k, x in enumerate(inputs) if jnp.issubdtype(x.dtype, jnp.floating)]

            def on_live(*values):
                full = list(inputs)
                for k, value in zip(live, values, strict=True):
                    full[k] = value
                return operation(*full, **keywords)

            right = jax.vjp(on_live, *(inputs[k] for k in live))[1](dZ)
            gradients = [None] * len(inputs)
            for k, gradient in zip(live, backward(inputs, dZ, right, keywords), strict=True):
                gradients[k] = gradient
            return tuple(gradients)

        rule.defvjp(lambda *inputs: (operation(*inputs, **keywords), inputs), bwd)
        return rule(*inputs)

    return planted


def scaled(position: int, by: Callable) -> Callable:
    """Gradient number `position` multiplied by what `by(inputs)` gives."""

    def backward(inputs, dZ, right, keywords):
        factor = jnp.asarray(by(inputs), right[position].dtype)
        return [g * factor if k == position else g for k, g in enumerate(right)]

    return backward


def one_batch_less(inputs):
    return 1 / inputs[0].shape[0]


def all_ties(operation):
    """A max-pool that credits every tied element, by counting each tap that equals the maximum."""

    def backward(inputs, dZ, right, keywords):
        pool = partial(operation, **keywords)
        tie = jnp.asarray(0.0, dZ.dtype)
        for shift in (1e-3, -1e-3):
            ramp = jnp.arange(inputs[0].size, dtype=dZ.dtype).reshape(inputs[0].shape) * shift
            tie = tie + jax.vjp(pool, inputs[0] + ramp)[1](dZ)[0]
        return (tie / 2,)

    return with_backward(operation, backward)


def first_axis_padding_for_both(A, W, b, *, padding, **keywords):
    if not isinstance(padding, str | int):
        padding = (padding[0],) * len(padding)
    return jaxcnn.conv(A, W, b, padding=padding, **keywords)


def unrotated(inputs, dZ, right, keywords):
    """dA with the kernel not rotated."""
    dZ_, W = inputs
    flipped = jnp.flip(W, tuple(range(W.ndim - 2)))
    return right[0], jax.vjp(lambda W: jaxcnn.conv_dA(dZ_, W, **keywords), flipped)[1](dZ)[0][::-1]


def border_dropped(inputs, dZ, right, keywords):
    """Circular or reflected padding whose share of dA is thrown away, as if the border were zeros."""
    if keywords["padding"] not in ("CIRCULAR", "REFLECT"):
        return right
    A, W, _ = inputs
    size = A.shape[-1 - (W.ndim - 2) : -1]
    return (jaxcnn.conv_dA(dZ, W, input_size=size, **{**keywords, "padding": "SAME"}), *right[1:])


def rotated_kernel(Z, W, b, **keywords):
    """What lax.conv_transpose does by default."""
    return jaxcnn.conv_transpose(Z, jnp.flip(W, tuple(range(W.ndim - 2))), b, **keywords)


def floor_windows(A, output_size):
    for axis, n_out in enumerate(output_size, start=A.ndim - 1 - len(output_size)):
        n = A.shape[axis]
        edges = [m * n // n_out for m in range(n_out + 1)]
        pieces = (jnp.take(A, np.arange(*edge), axis) for edge in itertools.pairwise(edges))
        A = jnp.stack([jnp.sum(piece, axis) / max(piece.shape[axis], 1) for piece in pieces], axis)
    return A


def undivided(inputs, dZ, right, keywords):
    spatial = keywords["spatial"]
    return (jnp.broadcast_to(jnp.expand_dims(dZ, tuple(range(-1 - spatial, -1))), inputs[0].shape),)


def without_sign(inputs, dZ, right, keywords):
    return (right[0] * jnp.sign(inputs[0]),)


def last_copy(inputs, dZ, right, keywords):
    """The gradient of one copy of each pixel in place of the sum over all."""
    picks = [slice(step - 1, None, step) for step in keywords["factor"]]
    return (dZ[(..., *picks, slice(None))],)


def depth_to_space(A, factor):
    """pixel_shuffle with the channel, not the place, varying fastest."""
    F = int(np.prod(factor))
    apart = A.reshape(*A.shape[:-1], F, A.shape[-1] // F)
    return jaxcnn.pixel_shuffle(jnp.swapaxes(apart, -1, -2).reshape(A.shape), factor)


def mask_from_zero(inputs, dZ, right, keywords):
    return (jnp.where(inputs[0] >= 0, dZ, jnp.zeros_like(dZ)),)


def held_fast(gate: Callable) -> Callable:
    """The slope of a gated unit taken for its gate."""
    return lambda inputs, dZ, right, keywords: (dZ * gate(inputs[0]),)


def constant_statistics(inputs, cotangents, right, keywords):
    """The gradient of A as of γ (A − μ)/√(v + ε) + β with μ and v held fast."""
    A, gamma, beta = inputs
    _, mean, variance = jaxcnn.batch_norm(A, **keywords)
    given = {"gamma": gamma, "beta": beta, "mean": mean, "variance": variance}
    fixed = partial(jaxcnn.batch_norm_inference, **given, **keywords)
    return (jax.vjp(fixed, A)[1](cotangents[0])[0], *right[1:])


def mean_left_in(inputs, dZ, right, keywords):
    A, gamma, _ = inputs
    r = jax.lax.rsqrt(jnp.var(A, -1, keepdims=True) + keywords["epsilon"])
    mean = jnp.mean(dZ * jnp.broadcast_to(gamma, A.shape), -1, keepdims=True)
    return (right[0] + r * mean, *right[1:])


def passed_through(inputs, dZ, right, keywords):
    return (dZ, *right[1:])


def clipped_cross_entropy(Z, t, **keywords):
    """The loss clipped at ε = 1e-7, so that it is flat where the probability saturates."""
    return jnp.minimum(jaxcnn.softmax_cross_entropy(Z, t, **keywords), jnp.asarray(16.0, Z.dtype))


PLANTED = [
    ("conv", "dW divided by the first axis", with_backward(jaxcnn.conv, scaled(1, one_batch_less))),
    ("conv", "db divided by the first axis", with_backward(jaxcnn.conv, scaled(2, one_batch_less))),
    ("conv", "the first axis's padding used for all", first_axis_padding_for_both),
    ("conv_dA", "the kernel not rotated", with_backward(jaxcnn.conv_dA, unrotated)),
    ("conv_dW", "a sign", with_backward(jaxcnn.conv_dW, scaled(0, lambda inputs: -1.0))),
    ("conv_db", "the mean in place of the sum", lambda dZ: jaxcnn.conv_db(dZ) / max(dZ.shape[0], 1)),
    ("convolve", "the kernel rotated twice", lambda f, h, mode: jaxcnn.convolve(f, jnp.flip(h), mode)),
    ("conv", "what a filled border collects is dropped", with_backward(jaxcnn.conv, border_dropped)),
    ("conv_transpose", "the kernel rotated", rotated_kernel),
    (
        "conv_transpose",
        "db divided by the first axis",
        with_backward(jaxcnn.conv_transpose, scaled(2, one_batch_less)),
    ),
    ("max_pool", "every tied element credited", all_ties(jaxcnn.max_pool)),
    ("max_pool split", "the first takes all", lambda A, ties, **keywords: jaxcnn.max_pool(A, **keywords)),
    (
        "lp_pool",
        "the sign forgotten",
        with_backward(jaxcnn.lp_pool, without_sign),
    ),
    ("adaptive_avg_pool", "windows [⌊m·n/o⌋, ⌊(m+1)·n/o⌋)", floor_windows),
    ("adaptive_max_pool", "every tied element credited", all_ties(jaxcnn.adaptive_max_pool)),
    ("global_avg_pool", "the gradient not divided", with_backward(jaxcnn.global_avg_pool, undivided)),
    ("global_max_pool", "every tied element credited", all_ties(jaxcnn.global_max_pool)),
    ("upsample_nearest", "= where += belongs", with_backward(jaxcnn.upsample_nearest, last_copy)),
    (
        "upsample_bilinear",
        "corners aligned the other way round",
        lambda A, align_corners, **keywords: jaxcnn.upsample_bilinear(
            A, align_corners=not align_corners, **keywords
        ),
    ),
    ("pixel_shuffle", "the channels in TensorFlow's order", depth_to_space),
    (
        "pixel_unshuffle",
        "the adjoint of TensorFlow's order",
        with_backward(jaxcnn.pixel_unshuffle, lambda i, dZ, right, k: (depth_to_space(dZ, **k),)),
    ),
    (
        "max_pool_dA",
        "= where += belongs",
        lambda index, dZ, **keywords: jnp.clip(jaxcnn.max_pool_dA(index, dZ, **keywords), -4, 4),
    ),
    (
        "avg_pool",
        "padding counted the other way round",
        lambda A, count_padding, **keywords: jaxcnn.avg_pool(A, count_padding=not count_padding, **keywords),
    ),
    (
        "avg_pool_dA",
        "padding counted the other way round",
        lambda dZ, count_padding, **keywords: jaxcnn.avg_pool_dA(
            dZ, count_padding=not count_padding, **keywords
        ),
    ),
    ("relu", "the mask at ≥ 0", with_backward(jaxcnn.relu, mask_from_zero)),
    ("leaky_relu", "the mask at ≥ 0", with_backward(jaxcnn.leaky_relu, mask_from_zero)),
    (
        "leaky_relu",
        "a slope of 1.01 times the right one",
        with_backward(
            jaxcnn.leaky_relu,
            lambda inputs, dZ, right, keywords: (
                jnp.where(
                    inputs[0] > 0, dZ, dZ * jnp.asarray(keywords["negative_slope"] * 1.01 + 1e-4, dZ.dtype)
                ),
            ),
        ),
    ),
    (
        "relu6",
        "unbounded above",
        with_backward(jaxcnn.relu6, lambda inputs, dZ, right, keywords: (jnp.where(inputs[0] > 0, dZ, 0),)),
    ),
    ("elu", "the mask at ≥ 0", with_backward(jaxcnn.elu, mask_from_zero)),
    (
        "hardswish",
        "the gate held fast",
        with_backward(jaxcnn.hardswish, held_fast(lambda Z: jaxcnn.relu6(Z + 3) / 6)),
    ),
    ("silu", "the gate held fast", with_backward(jaxcnn.silu, held_fast(jaxcnn.sigmoid))),
    (
        "mish",
        "the gate held fast",
        with_backward(jaxcnn.mish, held_fast(lambda Z: jaxcnn.tanh(jaxcnn.softplus(Z)))),
    ),
    (
        "gelu",
        "the other of the two",
        lambda Z, approximate: jaxcnn.gelu(Z, not approximate),
    ),
    ("glu", "the halves exchanged", lambda Z, axis: jaxcnn.glu(jnp.flip(Z, axis), axis)),
    (
        "sigmoid",
        "the cotangent dropped",
        with_backward(jaxcnn.sigmoid, lambda inputs, dZ, right, keywords: (jaxcnn.sigmoid(inputs[0]),)),
    ),
    (
        "tanh",
        "1 − tanh instead of 1 − tanh²",
        with_backward(jaxcnn.tanh, lambda inputs, dZ, right, keywords: (dZ * (1 - jnp.tanh(inputs[0])),)),
    ),
    ("softplus", "the cotangent passed through", with_backward(jaxcnn.softplus, passed_through)),
    ("softmax", "the cotangent passed through", with_backward(jaxcnn.softmax, passed_through)),
    (
        "softmax",
        "its Jacobian taken for diagonal",
        with_backward(
            jaxcnn.softmax,
            lambda inputs, dZ, right, keywords: (
                dZ * jaxcnn.softmax(inputs[0], **keywords) * (1 - jaxcnn.softmax(inputs[0], **keywords)),
            ),
        ),
    ),
    ("log_softmax", "the cotangent passed through", with_backward(jaxcnn.log_softmax, passed_through)),
    ("activation_dZ", "the cotangent passed through", lambda Z, dA, **keywords: dA * jnp.ones_like(Z)),
    ("dense", "dW divided by the first axis", with_backward(jaxcnn.dense, scaled(1, lambda inputs: 0.5))),
    ("dense_dA", "a factor 1 + 1e-6", lambda dZ, W: jaxcnn.dense_dA(dZ, W) * (1 + 1e-6)),
    ("dense_dW", "a sign", with_backward(jaxcnn.dense_dW, scaled(1, lambda inputs: -1.0))),
    ("softmax_cross_entropy", "clipped at saturation", clipped_cross_entropy),
    (
        "softmax_cross_entropy",
        "divided by the batch",
        with_backward(jaxcnn.softmax_cross_entropy, scaled(0, lambda inputs: 0.5)),
    ),
    (
        "binary_cross_entropy_with_logits",
        "σ(Z) − t, which cancels",
        with_backward(
            jaxcnn.binary_cross_entropy_with_logits,
            lambda inputs, dZ, right, keywords: (dZ * (jaxcnn.sigmoid(inputs[0]) - inputs[1]), right[1]),
        ),
    ),
    (
        "huber",
        "the bound forgotten",
        with_backward(
            jaxcnn.huber,
            lambda inputs, dZ, right, keywords: (dZ * (inputs[0] - inputs[1]), right[1]),
        ),
    ),
    (
        "batch_norm",
        "the statistics taken for constants",
        with_backward(jaxcnn.batch_norm, constant_statistics),
    ),
    ("batch_norm", "dγ divided by two", with_backward(jaxcnn.batch_norm, scaled(1, lambda inputs: 0.5))),
    (
        "batch_norm_inference",
        "the gradient of the variance twice too large",
        with_backward(jaxcnn.batch_norm_inference, scaled(4, lambda inputs: 2.0)),
    ),
    (
        "layer_norm",
        "the mean of the cotangent not taken out",
        with_backward(jaxcnn.layer_norm, mean_left_in),
    ),
    (
        "instance_norm",
        "over batch and space",
        lambda A, gamma, beta, **keywords: jaxcnn.batch_norm(A, gamma, beta, **keywords)[0],
    ),
    (
        "group_norm",
        "as many groups as a group has channels",
        lambda A, gamma, beta, groups, **keywords: jaxcnn.group_norm(
            A, gamma, beta, groups=A.shape[-1] // groups, **keywords
        ),
    ),
    (
        "rms_norm",
        "the mean of the cotangent taken out",
        with_backward(
            jaxcnn.rms_norm,
            lambda inputs, dZ, right, keywords: (
                right[0] - jnp.mean(right[0], -1, keepdims=True),
                right[1],
            ),
        ),
    ),
    (
        "dropout",
        "another mask in the backward pass",
        with_backward(
            jaxcnn.dropout,
            lambda inputs, dZ, right, keywords: (jaxcnn.dropout(inputs[0][::-1], dZ, **keywords),),
        ),
    ),
    (
        "dropout",
        "not scaled",
        lambda key, A, rate, **keywords: jaxcnn.dropout(key, A, rate, **keywords) * (1 - rate),
    ),
    ("squared_error", "the 2 forgotten", with_backward(jaxcnn.squared_error, scaled(0, lambda inputs: 0.5))),
]


@pytest.mark.parametrize(("name", "defect", "wrong"), PLANTED, ids=[f"{n}: {d}" for n, d, _ in PLANTED])
def test_a_planted_defect_is_found(name, defect, wrong):
    derivation = replace(BY_NAME[name], operation=wrong)
    seeds = itertools.count()

    @settings(
        max_examples=40,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(derivation.cases)
    def search(case):
        check_case(derivation, case, seed=next(seeds)).assert_pass()

    with pytest.raises(DerivationError) as caught:
        search()
    found = caught.value.report.counterexample
    assert found is None or found.got != found.expected  # none where the shapes already differ


def test_every_operation_has_a_planted_defect():
    assert {name for name, _, _ in PLANTED} == set(BY_NAME)


def test_counterexamples_are_small():
    """On the ReLU mask: one live element, in value 0 and cotangent 1."""
    wrong = with_backward(jaxcnn.relu, mask_from_zero)
    report = check_case(replace(BY_NAME["relu"], operation=wrong), Case((np.zeros((3, 4)),)))
    assert np.count_nonzero(report.counterexample.inputs["Z"]) == 0
    assert np.count_nonzero(report.counterexample.cotangent[0]) == 1
