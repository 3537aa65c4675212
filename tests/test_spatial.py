"""Images cut along a spatial axis over 4 virtual devices: as on one, and only the halo travels."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P

import jaxcnn
from experiments.collectives import collectives
from jaxcnn import spatial

DEVICES = 4
RNG = np.random.default_rng(0)


def normal(*shape):
    return jnp.asarray(RNG.standard_normal(shape))


# what is computed, the axis that is cut, and e − s, the rows that a device receives of others
CASES = {
    "conv 3×3": ("conv", (2, 8, 5, 2), (3, 3, 2, 3), {"padding": "SAME"}, 0, 2),
    "conv 3×3, second axis": ("conv", (2, 5, 8, 2), (3, 3, 2, 3), {"padding": "SAME"}, 1, 2),
    "conv 3×3/2, padded by (0, 1)": (
        "conv",
        (2, 8, 6, 2),
        (3, 3, 2, 3),
        {"padding": "SAME", "stride": 2},
        0,
        1,
    ),
    "conv 3×3/2, padded by (1, 1)": ("conv", (2, 8, 6, 2), (3, 3, 2, 3), {"padding": 1, "stride": 2}, 0, 1),
    "conv 3×3, dilated": ("conv", (1, 16, 5, 1), (3, 3, 1, 2), {"padding": "SAME", "dilation": 2}, 0, 4),
    "conv 1×1/2": ("conv", (2, 8, 4, 2), (1, 1, 2, 3), {"stride": 2}, 0, 0),
    "conv, depthwise": ("conv", (8, 5, 4), (3, 3, 1, 4), {"padding": "SAME", "groups": 4}, 0, 2),
    "conv, causal": ("conv", (2, 16, 2), (4, 2, 3), {"padding": "CAUSAL"}, 0, 3),
    "max_pool 2×2": ("max_pool", (2, 8, 4, 2), (2, 2), {}, 0, 0),
    "max_pool 3×3/2": ("max_pool", (2, 8, 6, 2), (3, 3), {"padding": 1, "stride": 2}, 0, 1),
    "max_pool 3×3": (
        "max_pool",
        (2, 8, 5, 2),
        (3, 3),
        {"padding": "SAME", "stride": 1, "ties": "split"},
        0,
        2,
    ),
    "avg_pool 3×3": ("avg_pool", (2, 8, 5, 2), (3, 3), {"padding": "SAME", "stride": 1}, 0, 2),
    "avg_pool 2×3/2": (
        "avg_pool",
        (2, 8, 6, 2),
        (2, 3),
        {"padding": ((0, 0), (1, 1)), "stride": 2, "count_padding": True},
        0,
        0,
    ),
}


def case(name):
    """The operation on A, and W and b if it has some; of one device and of several."""
    operation, shape, window, keywords, axis, _ = CASES[name]
    A = normal(*shape)
    if operation == "conv":
        others, arguments = (normal(*window), normal(window[-1])), ()
    else:
        others, arguments = (), (window,)
    where = P(*(None,) * (len(shape) - 1 - rank(window, operation) + axis), "part")

    def whole(A, *others):
        return getattr(jaxcnn, operation)(A, *others, *arguments, **keywords)

    @partial(
        jax.shard_map,
        mesh=jax.make_mesh((DEVICES,), ("part",), axis_types=(jax.sharding.AxisType.Auto,)),
        in_specs=(where, *(P() for _ in others)),
        out_specs=where,
    )
    def in_parts(A, *others):
        return getattr(spatial, operation)(A, *others, *arguments, over="part", axis=axis, **keywords)

    return whole, in_parts, (A, *others)


def rank(window, operation):
    return len(window) - 2 if operation == "conv" else len(window)


def differentiated(function, dZ, arguments):
    """Its value, and the gradients of all arguments."""

    def both(*arguments):
        Z, pull = jax.vjp(function, *arguments)
        return Z, pull(dZ)

    return jax.jit(both).lower(*arguments).compile()


@pytest.mark.parametrize("name", CASES)
def test_parts_make_the_whole_and_only_the_halo_travels(name):
    whole, in_parts, arguments = case(name)
    dZ = normal(*jax.eval_shape(whole, *arguments).shape)
    expected = differentiated(whole, dZ, arguments)(*arguments)
    program = differentiated(in_parts, dZ, arguments)
    for got, due in zip(*map(jax.tree.leaves, (program(*arguments), expected)), strict=True):
        np.testing.assert_allclose(got, due, rtol=1e-12, atol=1e-12)

    _, shape, _, _, axis, rows = CASES[name]
    A, *others = arguments
    cut = A.ndim - 1 - rank(CASES[name][2], CASES[name][0]) + axis
    row = A.nbytes // shape[cut]
    sent = collectives(program.as_text())
    halos = [each for each in sent if each.kind == "collective-permute"]
    assert sum(each.bytes for each in halos) == 2 * rows * row  # of A, and of dA back
    sums = [each for each in sent if each not in halos]
    assert {each.kind for each in sums} <= {"all-reduce"}
    assert sum(each.bytes for each in sums) == sum(each.nbytes for each in others)  # dW and db


def test_the_padding_of_a_max_pool_never_wins():
    _, in_parts, (A,) = case("max_pool 3×3")
    assert np.all(np.asarray(jax.jit(in_parts)(-jnp.ones_like(A))) == -1)


@pytest.mark.parametrize(
    ("shape", "keywords", "message"),
    [
        (
            (1, 8, 8, 1),
            {},
            r"spatial axis 0 has 8 pixels on 4 devices and 6 windows with stride 1 and padding \(0, 0\); "
            "expected 8 windows, such as padding 'SAME' gives",
        ),
        (
            (1, 4, 8, 1),
            {"stride": 2, "padding": "SAME"},
            "spatial axis 0 has 4 pixels on 4 devices, 1 on each, and stride 2; expected a multiple",
        ),
        (
            (1, 4, 8, 1),
            {"dilation": 2, "padding": "SAME"},
            r"spatial axis 0 has 4 pixels on 4 devices and a halo of \(2, 2\); expected at most the 1 pixels",
        ),
        ((1, 8, 8, 1), {"axis": 2, "padding": "SAME"}, "axis is 2; expected a spatial axis, 0 to 1"),
        ((8, 1), {"padding": "SAME"}, r"A has shape \(2, 1\); expected \(B, \*n, C\) or \(\*n, C\) with 2"),
        (
            (1, 8, 8, 1),
            {"padding": "SAME", "over": "columns"},
            "over is 'columns'; expected an axis of the mesh, inside jax.shard_map",
        ),
    ],
)
def test_what_cannot_be_cut(shape, keywords, message):
    mesh = jax.make_mesh((DEVICES,), ("part",), axis_types=(jax.sharding.AxisType.Auto,))
    where = P("part") if len(shape) == 2 else P(None, "part")

    @partial(jax.shard_map, mesh=mesh, in_specs=where, out_specs=where)
    def in_parts(A):
        return spatial.conv(A, jnp.ones((3, 3, 1, 1)), **({"over": "part"} | keywords))

    with pytest.raises(ValueError, match=f"^spatial.conv: {message}"):
        in_parts(jnp.ones(shape))
