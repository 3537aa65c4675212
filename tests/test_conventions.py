"""The README's table "Where conventions differ": every line of it, measured in every library it names.

A row holds for each library the README's words, a function of the library that measures them, and what it
must give. The table in the README is exactly what `table` makes of the rows.
"""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxcnn
from jaxcnn import layers

README = Path(__file__).parents[1] / "README.md"
LIBRARIES = {"jaxcnn": "jaxcnn", "flax": "flax.linen", "equinox": "equinox", "torch": "torch"}
KEY = jax.random.key(0)
LOG2 = np.log(2)


class Cell(NamedTuple):
    """What the README says of one library, and how it shows."""

    says: str
    measure: Callable[[Any], Any]
    expected: Any


# ---------------------------------------------------------- one call in each library's terms


def flax_apply(module, A, **params):
    return module.apply({"params": params}, A)


def equinox_apply(module, A, weight):
    return importlib.import_module("equinox").tree_at(lambda m: m.weight, module, weight)(A)


def flax_batch_norm(nn, A, **keywords):
    """Z, and the running statistics after one batch."""
    module = nn.BatchNorm(use_running_average=False, use_scale=False, use_bias=False, **keywords)
    statistics = {"mean": jnp.zeros(A.shape[-1:]), "var": jnp.ones(A.shape[-1:])}
    Z, after = module.apply({"batch_stats": statistics}, A, mutable=["batch_stats"])
    return Z, after["batch_stats"]


def equinox_batch_norm(eqx, A, **keywords):
    """Z, and the running mean and variance after one batch."""
    make = eqx.nn.make_with_state(eqx.nn.BatchNorm)
    module, state = make(A.shape[-1], "batch", mode="batch", **keywords)
    Z, state = jax.vmap(module, axis_name="batch", in_axes=(0, None), out_axes=(0, None))(A, state)
    return Z, state.get(module.batch_state_index)


def our_batch_norm(A, **keywords):
    layer = layers.BatchNorm(**keywords)
    params, state = layer.init(KEY, A.shape[1:])
    return layer.apply(params, state, A, train=True)


def torch_batch_norm(torch, A, **keywords):
    module = torch.nn.BatchNorm1d(np.shape(A)[-1], **keywords)
    return module(torch.tensor(A)), module


def slopes(*functions_and_points):
    return [float(jax.grad(f)(jnp.float32(x))) for f, x in functions_and_points]


def torch_slopes(torch, *functions_and_points):
    found = []
    for f, x in functions_and_points:
        x = torch.tensor(x, requires_grad=True)
        f(x).backward()
        found.append(float(x.grad))
    return found


def torch_gradient(torch, f, A):
    A = torch.tensor(A, requires_grad=True)
    f(A).sum().backward()
    return A.grad


def jax_kinks(nn):
    return slopes((nn.relu, 0.0), (nn.leaky_relu, 0.0), (nn.relu6, 6.0), (nn.hard_swish, 3.0))


def shapes(f, *arrays):
    """The shapes of what f makes of the arrays, one after the other."""
    return [n for A in arrays for n in f(A).shape]


def dropped(Z):
    """The fraction of zeros, and what is left of a 1."""
    Z = np.asarray(Z)
    return [round(float(np.mean(Z == 0)), 1), Z.max()]


def spread(W, fan_in):
    """The variance of weights, in units of 1/fan_in."""
    return round(float(np.var(np.asarray(W)) * fan_in), 1)


# -------------------------------------------------------------------------------- the inputs

RAMP = jnp.arange(1.0, 7.0, dtype=jnp.float32)
TAPS = jnp.array([1.0, 10.0, 100.0], jnp.float32)
ONES = jnp.ones((1, 3, 3, 1), jnp.float32)
TIE = jnp.ones((1, 2, 1), jnp.float32)
IMPULSE = jnp.ones((1, 1, 1), jnp.float32)
OFFSET = jnp.array(
    [[9999.0], [10001.0]], jnp.float32
)  # variance 1, and a square mean that float32 rounds away
PIXELS = jnp.array([[0.0, 2.0], [10.0, 12.0]], jnp.float32)  # two of two channels
ONE_THREE = jnp.array([[1.0], [3.0]], jnp.float32)
MANY = jnp.ones(10000, jnp.float32)
WEIGHTS = jnp.array([1.0, 3.0], jnp.float32)
LOW_HIGH = [321, 543, 65]  # of RAMP by TAPS with stride 2: zeros (0, 1)
BOTH = [210, 432, 654]  # zeros (1, 1)

ROWS: dict[str, dict[str, Cell]] = {
    "images": {
        "jaxcnn": Cell(
            "(B, *n, C), (*n, C)",
            lambda _: shapes(
                lambda A: jaxcnn.conv(A, jnp.ones((1, 1, 2, 3))), jnp.ones((7, 5, 6, 2)), jnp.ones((5, 6, 2))
            ),
            [*(7, 5, 6, 3), *(5, 6, 3)],
        ),
        "flax": Cell(
            "(…, *n, C)",
            lambda nn: shapes(
                lambda A: nn.Conv(3, (1, 1)).init_with_output(KEY, A)[0],
                jnp.ones((4, 7, 5, 6, 2)),
                jnp.ones((5, 6, 2)),
            ),
            [*(4, 7, 5, 6, 3), *(5, 6, 3)],
        ),
        "equinox": Cell(
            "(C, *n), by vmap (B, C, *n)",
            lambda eqx: shapes(jax.vmap(eqx.nn.Conv2d(2, 3, 1, key=KEY)), jnp.ones((7, 2, 5, 6))),
            [7, 3, 5, 6],
        ),
        "torch": Cell(
            "(B, C, *n), (C, *n)",
            lambda torch: shapes(torch.nn.Conv2d(2, 3, 1), torch.ones(7, 2, 5, 6), torch.ones(2, 5, 6)),
            [*(7, 3, 5, 6), *(3, 5, 6)],
        ),
    },
    "W of conv": {
        "jaxcnn": Cell(
            "(*f, C/groups, K)",
            lambda _: layers.Conv(6, (3, 2), groups=2).init(KEY, (5, 5, 4))[0]["W"].shape,
            (3, 2, 2, 6),
        ),
        "flax": Cell(
            "(*f, C/groups, K)",
            lambda nn: (
                nn.Conv(6, (3, 2), feature_group_count=2)
                .init(KEY, jnp.ones((1, 5, 5, 4)))["params"]["kernel"]
                .shape
            ),
            (3, 2, 2, 6),
        ),
        "equinox": Cell(
            "(K, C/groups, *f)",
            lambda eqx: eqx.nn.Conv2d(4, 6, (3, 2), groups=2, key=KEY).weight.shape,
            (6, 2, 3, 2),
        ),
        "torch": Cell(
            "(K, C/groups, *f)",
            lambda torch: tuple(torch.nn.Conv2d(4, 6, (3, 2), groups=2).weight.shape),
            (6, 2, 3, 2),
        ),
    },
    "W of dense": {
        "jaxcnn": Cell("(C, K)", lambda _: layers.Dense(3).init(KEY, (2,))[0]["W"].shape, (2, 3)),
        "flax": Cell(
            "(C, K)", lambda nn: nn.Dense(3).init(KEY, jnp.ones((1, 2)))["params"]["kernel"].shape, (2, 3)
        ),
        "equinox": Cell("(K, C)", lambda eqx: eqx.nn.Linear(2, 3, key=KEY).weight.shape, (3, 2)),
        "torch": Cell("(K, C)", lambda torch: tuple(torch.nn.Linear(2, 3).weight.shape), (3, 2)),
    },
    "variance of conv's W at first": {
        "jaxcnn": Cell(
            "2/fan_in",
            lambda _: spread(layers.Conv(256, (3, 3)).init(KEY, (5, 5, 16))[0]["W"], 144),
            2.0,
        ),
        "flax": Cell(
            "1/fan_in",
            lambda nn: spread(
                nn.Conv(256, (3, 3)).init(KEY, jnp.ones((1, 5, 5, 16)))["params"]["kernel"], 144
            ),
            1.0,
        ),
        "equinox": Cell(
            "1/(3 fan_in)", lambda eqx: spread(eqx.nn.Conv2d(16, 256, 3, key=KEY).weight, 144), 0.3
        ),
        "torch": Cell(
            "1/(3 fan_in)", lambda torch: spread(torch.nn.Conv2d(16, 256, 3).weight.detach(), 144), 0.3
        ),
    },
    "padding of conv unless told": {
        "jaxcnn": Cell("none", lambda _: jaxcnn.conv(RAMP[:, None], TAPS[:, None, None]).shape, (4, 1)),
        "flax": Cell(
            '`"SAME"`',
            lambda nn: nn.Conv(1, (3,)).init_with_output(KEY, RAMP[None, :, None])[0].shape,
            (1, 6, 1),
        ),
        "equinox": Cell("none", lambda eqx: eqx.nn.Conv1d(1, 1, 3, key=KEY)(RAMP[None]).shape, (1, 4)),
        "torch": Cell("none", lambda torch: tuple(torch.nn.Conv1d(1, 1, 3)(torch.ones(1, 6)).shape), (1, 4)),
    },
    '`"SAME"`, n = 6, f = 3, s = 2': {
        "jaxcnn": Cell(
            "pads (0, 1)",
            lambda _: jaxcnn.conv(RAMP[:, None], TAPS[:, None, None], stride=2, padding="SAME").ravel(),
            LOW_HIGH,
        ),
        "flax": Cell(
            "pads (0, 1)",
            lambda nn: flax_apply(
                nn.Conv(1, (3,), 2, padding="SAME", use_bias=False),
                RAMP[:, None],
                kernel=TAPS[:, None, None],
            ).ravel(),
            LOW_HIGH,
        ),
        "equinox": Cell(
            "pads (0, 1)",
            lambda eqx: equinox_apply(
                eqx.nn.Conv1d(1, 1, 3, 2, padding="SAME", use_bias=False, key=KEY),
                RAMP[None],
                TAPS[None, None],
            ).ravel(),
            LOW_HIGH,
        ),
        "torch": Cell("refused; the habit, `padding=1`, pads (1, 1)", lambda torch: torch_same(torch), BOTH),
    },
    "stride of a pool unless told": {
        "jaxcnn": Cell("the window", lambda _: jaxcnn.max_pool(RAMP[:, None], (3,)).shape, (2, 1)),
        "flax": Cell("1", lambda nn: nn.max_pool(RAMP[None, :, None], (3,)).shape, (1, 4, 1)),
        "equinox": Cell("1", lambda eqx: eqx.nn.MaxPool1d(3)(RAMP[None]).shape, (1, 4)),
        "torch": Cell(
            "the window", lambda torch: tuple(torch.nn.MaxPool1d(3)(torch.ones(1, 6)).shape), (1, 2)
        ),
    },
    "average of ones, 3×3, padded by 1, at a corner": {
        "jaxcnn": Cell(
            "1, of the pixels seen; `count_padding=True`: 4/9",
            lambda _: [
                jaxcnn.avg_pool(ONES, (3, 3), padding=1, stride=1, count_padding=count)[0, 0, 0, 0]
                for count in (False, True)
            ],
            [1, 4 / 9],
        ),
        "flax": Cell(
            "4/9; `count_include_pad=False`: 1",
            lambda nn: [
                nn.avg_pool(ONES, (3, 3), padding=((1, 1), (1, 1)), **keywords)[0, 0, 0, 0]
                for keywords in ({}, {"count_include_pad": False})
            ],
            [4 / 9, 1],
        ),
        "equinox": Cell(
            "4/9",
            lambda eqx: eqx.nn.AvgPool2d(3, padding=1)(ONES[..., 0])[0, 0, 0],
            4 / 9,
        ),
        "torch": Cell(
            "4/9; `count_include_pad=False`: 1",
            lambda torch: [
                torch.nn.AvgPool2d(3, padding=1, **keywords)(torch.ones(1, 3, 3))[0, 0, 0]
                for keywords in ({}, {"count_include_pad": False})
            ],
            [4 / 9, 1],
        ),
    },
    "adaptive windows, 7 to 3": {
        "jaxcnn": Cell(
            "overlap: 0–2, 2–4, 4–6",
            lambda _: jaxcnn.adaptive_avg_pool(jnp.arange(7.0)[:, None], (3,)).ravel(),
            [1, 3, 5],
        ),
        "equinox": Cell(
            "apart: 0–2, 3–4, 5–6",
            lambda eqx: eqx.nn.AdaptiveAvgPool1d(3)(jnp.arange(7.0)[None]).ravel(),
            [1, 3.5, 5.5],
        ),
        "torch": Cell(
            "overlap: 0–2, 2–4, 4–6",
            lambda torch: torch.nn.AdaptiveAvgPool1d(3)(torch.arange(7.0)[None])[0],
            [1, 3, 5],
        ),
    },
    "equal maxima in a window": {
        "jaxcnn": Cell(
            'the first takes the gradient; `ties="split"`: all share',
            lambda _: [
                jax.grad(lambda A, ties=ties: jaxcnn.max_pool(A, (2,), ties=ties).sum())(TIE).ravel()
                for ties in ("first", "split")
            ],
            [[1, 0], [0.5, 0.5]],
        ),
        "flax": Cell(
            "the first", lambda nn: jax.grad(lambda A: nn.max_pool(A, (2,)).sum())(TIE).ravel(), [1, 0]
        ),
        "equinox": Cell(
            "the first; adaptive: all share",
            lambda eqx: [
                jax.grad(lambda A, pool=pool: pool(A).sum())(TIE[..., 0]).ravel()
                for pool in (eqx.nn.MaxPool1d(2), eqx.nn.AdaptiveMaxPool1d(1))
            ],
            [[1, 0], [0.5, 0.5]],
        ),
        "torch": Cell(
            "the first",
            lambda torch: [
                torch_gradient(torch, pool, [[1.0, 1.0]])[0].tolist()
                for pool in (torch.nn.MaxPool1d(2), torch.nn.AdaptiveMaxPool1d(1))
            ],
            [[1, 0], [1, 0]],
        ),
    },
    "`lp_pool` of −1 and 2, order 1": {
        "jaxcnn": Cell(
            "3, of |A|",
            lambda _: jaxcnn.lp_pool(jnp.array([[-1.0], [2.0]]), (2,), order=1)[0, 0],
            3,
        ),
        "torch": Cell(
            "1, signed", lambda torch: torch.nn.LPPool1d(1, 2)(torch.tensor([[-1.0, 2.0]]))[0, 0], 1
        ),
    },
    "`conv_transpose` by W": {
        "jaxcnn": Cell(
            "adjoint of conv by W",
            lambda _: jaxcnn.conv_transpose(IMPULSE, TAPS[:, None, None]).ravel(),
            [1, 10, 100],
        ),
        "flax": Cell(
            "by W rotated; `transpose_kernel=True`: adjoint",
            lambda nn: [
                flax_apply(
                    nn.ConvTranspose(1, (3,), padding="VALID", use_bias=False, **keywords),
                    IMPULSE,
                    kernel=TAPS[:, None, None],
                ).ravel()
                for keywords in ({}, {"transpose_kernel": True})
            ],
            [[100, 10, 1], [1, 10, 100]],
        ),
        "equinox": Cell(
            "by W rotated",
            lambda eqx: equinox_apply(
                eqx.nn.ConvTranspose1d(1, 1, 3, use_bias=False, key=KEY), IMPULSE[0], TAPS[None, None]
            ).ravel(),
            [100, 10, 1],
        ),
        "torch": Cell(
            "adjoint of conv by W",
            lambda torch: torch.nn.functional.conv_transpose1d(
                torch.ones(1, 1, 1), torch.tensor(np.asarray(TAPS))[None, None]
            ).ravel(),
            [1, 10, 100],
        ),
    },
    "its size, n = 4, f = 2, s = 3": {
        "jaxcnn": Cell(
            "11; more by `output_size`",
            lambda _: [
                jaxcnn.conv_transpose(
                    jnp.ones((4, 1)), jnp.ones((2, 1, 1)), stride=3, output_size=size
                ).shape[0]
                for size in (None, 13)
            ],
            [11, 13],
        ),
        "flax": Cell(
            '12 by `"VALID"`',
            lambda nn: (
                nn.ConvTranspose(1, (2,), (3,), padding="VALID")
                .init_with_output(KEY, jnp.ones((1, 4, 1)))[0]
                .shape[1]
            ),
            12,
        ),
        "equinox": Cell(
            "11; more by `output_padding`",
            lambda eqx: [
                eqx.nn.ConvTranspose1d(1, 1, 2, 3, output_padding=more, key=KEY)(jnp.ones((1, 4))).shape[1]
                for more in (0, 2)
            ],
            [11, 13],
        ),
        "torch": Cell(
            "11; more by `output_padding`",
            lambda torch: [
                torch.nn.ConvTranspose1d(1, 1, 2, 3, output_padding=more)(torch.ones(1, 4)).shape[1]
                for more in (0, 2)
            ],
            [11, 13],
        ),
    },
    "slopes relu′(0), leaky_relu′(0), relu6′(6), hardswish′(3)": {
        "jaxcnn": Cell(
            "0, 0.01, 1, 1.5",
            lambda _: slopes(
                (jaxcnn.relu, 0.0), (jaxcnn.leaky_relu, 0.0), (jaxcnn.relu6, 6.0), (jaxcnn.hardswish, 3.0)
            ),
            [0, 0.01, 1, 1.5],
        ),
        "flax": Cell(
            "0, 1, 0, 1 (`jnp.maximum(x, 0)`: 0.5)",
            lambda nn: [*jax_kinks(nn), *slopes((lambda x: jnp.maximum(x, 0), 0.0))],
            [0, 1, 0, 1, 0.5],
        ),
        "equinox": Cell("0, 1, 0, 1", lambda _: jax_kinks(jax.nn), [0, 1, 0, 1]),
        "torch": Cell(
            "0, 0.01, 0, 1",
            lambda torch: torch_slopes(
                torch,
                (torch.nn.functional.relu, 0.0),
                (torch.nn.functional.leaky_relu, 0.0),
                (torch.nn.functional.relu6, 6.0),
                (torch.nn.functional.hardswish, 3.0),
            ),
            [0, 0.01, 0, 1],
        ),
    },
    "`gelu` unless told": {
        "jaxcnn": Cell("by erf", lambda _: jaxcnn.gelu(jnp.float32(1)), 0.841345),
        "flax": Cell("by tanh", lambda nn: nn.gelu(jnp.float32(1)), 0.841192),
        "equinox": Cell("by tanh", lambda _: jax.nn.gelu(jnp.float32(1)), 0.841192),
        "torch": Cell("by erf", lambda torch: torch.nn.GELU()(torch.tensor(1.0)), 0.841345),
    },
    "slope of `leaky_relu`; of PReLU at first": {
        "jaxcnn": Cell(
            "0.01; no PReLU",
            lambda _: [-jaxcnn.leaky_relu(jnp.float32(-1)), hasattr(jaxcnn, "prelu")],
            [0.01, 0],
        ),
        "flax": Cell(
            "0.01; 0.01",
            lambda nn: [
                -nn.leaky_relu(jnp.float32(-1)),
                -nn.PReLU().init_with_output(KEY, jnp.float32(-1))[0],
            ],
            [0.01, 0.01],
        ),
        "equinox": Cell(
            "0.01; 0.25",
            lambda eqx: [-jax.nn.leaky_relu(jnp.float32(-1)), -eqx.nn.PReLU()(jnp.float32(-1))],
            [0.01, 0.25],
        ),
        "torch": Cell(
            "0.01; 0.25",
            lambda torch: [-f(torch.tensor([-1.0])).item() for f in (torch.nn.LeakyReLU(), torch.nn.PReLU())],
            [0.01, 0.25],
        ),
    },
    "`momentum` of batch_norm": {  # the running mean after one batch of twos: unless told, and by 0.75
        "jaxcnn": Cell(
            "0.9 stays",
            lambda _: [our_batch_norm(ONE_THREE, **m)[1]["mean"][0] for m in ({}, {"momentum": 0.75})],
            [0.2, 0.5],
        ),
        "flax": Cell(
            "0.99 stays",
            lambda nn: [flax_batch_norm(nn, ONE_THREE, **m)[1]["mean"][0] for m in ({}, {"momentum": 0.75})],
            [0.02, 0.5],
        ),
        "equinox": Cell(
            "0.99 stays",
            lambda eqx: [equinox_batch_norm(eqx, ONE_THREE, **m)[1][0][0] for m in ({}, {"momentum": 0.75})],
            [0.02, 0.5],
        ),
        "torch": Cell(
            "0.1 comes",
            lambda torch: [
                torch_batch_norm(torch, np.asarray(ONE_THREE), **m)[1].running_mean[0]
                for m in ({}, {"momentum": 0.75})
            ],
            [0.2, 1.5],
        ),
    },
    "running variance of 1 and 3": {
        "jaxcnn": Cell("1: by N", lambda _: our_batch_norm(ONE_THREE, momentum=0.0)[1]["variance"][0], 1),
        "flax": Cell("1: by N", lambda nn: flax_batch_norm(nn, ONE_THREE, momentum=0.0)[1]["var"][0], 1),
        "equinox": Cell("1: by N", lambda eqx: equinox_batch_norm(eqx, ONE_THREE, momentum=0.0)[1][1][0], 1),
        "torch": Cell(
            "2: by N − 1",
            lambda torch: torch_batch_norm(torch, np.asarray(ONE_THREE), momentum=1.0)[1].running_var[0],
            2,
        ),
    },
    "variance of 9999 and 10001 in float32": {
        "jaxcnn": Cell("1: two passes", lambda _: jaxcnn.batch_norm(OFFSET)[2][0], 1),
        "flax": Cell(
            "0: E[A²] − E[A]²; `use_fast_variance=False`: 1",
            lambda nn: [
                flax_batch_norm(nn, OFFSET, momentum=0.0, **keywords)[1]["var"][0]
                for keywords in ({}, {"use_fast_variance": False})
            ],
            [0, 1],
        ),
        "equinox": Cell(
            "1: two passes", lambda eqx: equinox_batch_norm(eqx, OFFSET, momentum=0.0)[1][1][0], 1
        ),
        "torch": Cell(
            "1",
            lambda torch: (
                torch_batch_norm(torch, np.asarray(OFFSET), momentum=1.0)[1].running_var[0] / 2  # by N − 1
            ),
            1,
        ),
    },
    "epsilon of batch, layer, group, rms norm": {
        "jaxcnn": Cell(
            "1e-5",
            lambda _: [
                f.__kwdefaults__["epsilon"]
                for f in (jaxcnn.batch_norm, jaxcnn.layer_norm, jaxcnn.group_norm, jaxcnn.rms_norm)
            ],
            [1e-5] * 4,
        ),
        "flax": Cell(
            "1e-5, then 1e-6",
            lambda nn: [m().epsilon for m in (nn.BatchNorm, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)],
            [1e-5, 1e-6, 1e-6, 1e-6],
        ),
        "equinox": Cell(
            "1e-5",
            lambda eqx: [
                eqx.nn.BatchNorm(2, "batch", mode="batch").eps,
                eqx.nn.LayerNorm(2).eps,
                eqx.nn.GroupNorm(1, 2).eps,
                eqx.nn.RMSNorm(2).eps,
            ],
            [1e-5] * 4,
        ),
        "torch": Cell(
            "1e-5; rms the dtype's own",
            lambda torch: [
                torch.nn.BatchNorm1d(2).eps,
                torch.nn.LayerNorm(2).eps,
                torch.nn.GroupNorm(1, 2).eps,
                # Z² = A²/(A² + ε) is a half where A² = ε
                torch.nn.RMSNorm(1)(torch.tensor([torch.finfo(torch.float32).eps ** 0.5])).item() ** 2,
            ],
            [1e-5, 1e-5, 1e-5, 0.5],
        ),
    },
    "`layer_norm` of an image runs over": {  # the 2 of the first pixel is above its channels' mean
        "jaxcnn": Cell("C", lambda _: jnp.sign(jaxcnn.layer_norm(PIXELS)[0, 1]), 1),
        "flax": Cell(
            "C; others by `reduction_axes`",
            lambda nn: [
                jnp.sign(nn.LayerNorm(**k).init_with_output(KEY, PIXELS)[0][0, 1])
                for k in ({}, {"reduction_axes": (0, 1)})
            ],
            [1, -1],
        ),
        "equinox": Cell("all axes", lambda eqx: jnp.sign(eqx.nn.LayerNorm((2, 2))(PIXELS)[0, 1]), -1),
        "torch": Cell(
            "the last axes, as many as told",
            lambda torch: [
                torch.nn.LayerNorm(shape)(torch.tensor(np.asarray(PIXELS)))[0, 1].sign().item()
                for shape in ((2,), (2, 2))
            ],
            [1, -1],
        ),
    },
    "dropout's number": {
        "jaxcnn": Cell("chance to drop", lambda _: dropped(jaxcnn.dropout(KEY, MANY, 0.2)), [0.2, 1.25]),
        "flax": Cell(
            "chance to drop",
            lambda nn: dropped(nn.Dropout(0.2, deterministic=False).apply({}, MANY, rng=KEY)),
            [0.2, 1.25],
        ),
        "equinox": Cell(
            "chance to drop; unless told 0.5",
            lambda eqx: [dropped(f(MANY, key=KEY)) for f in (eqx.nn.Dropout(0.2), eqx.nn.Dropout())],
            [[0.2, 1.25], [0.5, 2]],
        ),
        "torch": Cell(
            "chance to drop; unless told 0.5",
            lambda torch: [
                dropped(f(torch.ones(10000))) for f in (torch.nn.Dropout(0.2), torch.nn.Dropout())
            ],
            [[0.2, 1.25], [0.5, 2]],
        ),
    },
    "channels that `pixel_shuffle` makes a 2×2 block of": {
        "jaxcnn": Cell(
            "neighbours: 0, 1, 2, 3 (TensorFlow: every C-th)",
            lambda _: jaxcnn.pixel_shuffle(jnp.arange(8.0)[None, None], (2, 2))[..., 0].ravel(),
            [0, 1, 2, 3],
        ),
        "torch": Cell(
            "neighbours: 0, 1, 2, 3",
            lambda torch: torch.nn.PixelShuffle(2)(torch.arange(8.0)[:, None, None])[0].ravel(),
            [0, 1, 2, 3],
        ),
    },
    "cross-entropy of a batch": {
        "jaxcnn": Cell(
            "one number an example, nothing divided by `weights`",
            lambda _: jaxcnn.softmax_cross_entropy(jnp.zeros((2, 2)), jnp.array([0, 1]), weights=WEIGHTS),
            [LOG2, 3 * LOG2],
        ),
        "flax": Cell(
            "optax: one number an example",
            lambda _: importlib.import_module("optax").softmax_cross_entropy_with_integer_labels(
                jnp.zeros((2, 2)), jnp.array([0, 1])
            ),
            [LOG2, LOG2],
        ),
        "torch": Cell(
            "the mean, by `weight` divided by the labels' weights",
            lambda torch: torch.nn.CrossEntropyLoss(torch.tensor([1.0, 3.0]))(
                torch.zeros(2, 2), torch.tensor([0, 1])
            ),
            LOG2,
        ),
    },
    "label smoothing by s": {  # the loss of logits 2, 0 with label 0 is log(1 + e⁻²) + s
        "jaxcnn": Cell(
            "(1 − s) t + s/K",
            lambda _: jaxcnn.softmax_cross_entropy(jnp.array([2.0, 0.0]), jnp.array(0), label_smoothing=0.2),
            np.log1p(np.exp(-2)) + 0.2,
        ),
        "flax": Cell(
            "optax: (1 − s) t + s/K",
            lambda _: importlib.import_module("optax").smooth_labels(jnp.array([1.0, 0.0]), 0.2),
            [0.9, 0.1],
        ),
        "torch": Cell(
            "(1 − s) t + s/K",
            lambda torch: torch.nn.CrossEntropyLoss(label_smoothing=0.2)(
                torch.tensor([2.0, 0.0]), torch.tensor(0)
            ),
            np.log1p(np.exp(-2)) + 0.2,
        ),
    },
}


def torch_same(torch):
    A, W = (torch.tensor(np.asarray(x))[None, None] for x in (RAMP, TAPS))
    with pytest.raises(RuntimeError, match="strided"):
        torch.nn.functional.conv1d(A, W, stride=2, padding="same")
    return torch.nn.functional.conv1d(A, W, stride=2, padding=1).ravel()


def table() -> str:
    lines = [f"| | {' | '.join(LIBRARIES)} |", "|---|" + "---|" * len(LIBRARIES)]
    for title, cells in ROWS.items():
        says = [cells[name].says.replace("|", "\\|") if name in cells else "" for name in LIBRARIES]
        lines.append(f"| {title} | {' | '.join(says)} |")
    return "\n".join(lines) + "\n"


def test_the_readme_has_this_table():
    assert table() in README.read_text()


@pytest.mark.parametrize(
    ("library", "cell"),
    [
        pytest.param(name, cell, id=f"{title}, {name}")
        for title, cells in ROWS.items()
        for name, cell in cells.items()
    ],
)
def test_it_is_as_the_readme_says(library, cell):
    module = pytest.importorskip(LIBRARIES[library], reason=f"{library} is not installed")
    # as users of these libraries have it
    with jax.enable_x64(False), jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        np.testing.assert_allclose(cell.measure(module), cell.expected, rtol=1e-5)
