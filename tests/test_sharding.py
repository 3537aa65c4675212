"""Operations on several devices: 8 virtual CPUs, the batch sharded, parameters replicated.

Against the same computation on one device, under automatic sharding, `shard_map` and an explicit-axis mesh;
and the compiled program moves nothing but the sum of the parameters' gradients.
"""

import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

import jaxcnn
from experiments.collectives import collectives
from jaxcnn.forms import choice, pooling

DEVICES = 8


def network(params, A):
    """Every kind of operation that has parameters or a window, once, on a batch."""
    Z = jaxcnn.conv(A, params["W"], params["b"], stride=2, padding="SAME")
    Z = jaxcnn.conv(jaxcnn.relu(Z), params["dense conv"], padding="SAME")
    A = jaxcnn.max_pool(jaxcnn.relu(Z), (2, 2), stride=1)
    A = A - jaxcnn.max_pool(A, (9, 9), stride=1, padding="SAME")  # large windows take another form
    A = jaxcnn.conv(A, params["depthwise"], padding="SAME", groups=4)
    A = jaxcnn.conv(jaxcnn.relu(A), params["pointwise"])
    A = jaxcnn.avg_pool(jaxcnn.sigmoid(A), (2, 2), padding="SAME")
    return jaxcnn.log_softmax(jaxcnn.dense(A.reshape(len(A), -1), params["dense"], params["bias"]))


def loss(params, A):
    return jnp.sum(network(params, A) ** 2)


@pytest.fixture(params=["as it is", "as if it were large"])
def values(request, monkeypatch):
    """Parameters and a batch, computed by the forms for such sizes or for large ones, of a slow jaxlib."""
    if request.param == "as if it were large":
        monkeypatch.setattr(choice, "_NOT_SMALL", 1)
        monkeypatch.setattr(choice, "_LARGE", 1)
        monkeypatch.setattr(choice, "_SOME", 1)
        monkeypatch.setattr(choice, "_IS_0_10_2", True)
        monkeypatch.setattr(pooling, "_VERY_FEW", 1)
        monkeypatch.setattr(pooling, "_SOME", 1)
    jax.clear_caches()
    rng = np.random.default_rng(0)
    shapes = {
        "W": (3, 3, 2, 4),
        "b": (4,),
        "dense conv": (3, 3, 4, 4),
        "depthwise": (3, 3, 1, 4),
        "pointwise": (1, 1, 4, 4),
        "dense": (16, 3),
        "bias": (3,),
    }
    params = {name: jnp.asarray(rng.standard_normal(shape)) for name, shape in shapes.items()}
    return params, jnp.asarray(rng.standard_normal((2 * DEVICES, 8, 8, 2)))


def placed(mesh, params, A):
    return jax.device_put(params, NamedSharding(mesh, P())), jax.device_put(
        A, NamedSharding(mesh, P("batch"))
    )


def agree(got, expected):
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-12, atol=1e-12), got, expected)


def mesh_of(kind):
    return jax.make_mesh((DEVICES,), ("batch",), axis_types=(kind,))


def test_automatic_sharding(values):
    sharded = placed(mesh_of(AxisType.Auto), *values)
    agree(jax.jit(jax.grad(loss, (0, 1)))(*sharded), jax.grad(loss, (0, 1))(*values))


def test_only_the_gradients_of_parameters_travel(values):
    """Data parallelism: all-reduces of parameter-sized arrays, no activation gathered or exchanged."""
    sharded = placed(mesh_of(AxisType.Auto), *values)
    program = jax.jit(jax.grad(loss)).lower(*sharded).compile().as_text()
    for collective in ("all-gather", "all-to-all", "collective-permute", "reduce-scatter"):
        assert f"{collective}(" not in program
    reduced = re.findall(r"= \(?(.*?)\)? all-reduce\(", program)
    assert reduced
    found = [
        int(np.prod([int(n) for n in shape.split(",") if n]))
        for line in reduced
        for shape in re.findall(r"\w+\[([\d,]*)\]", line)
    ]
    params = values[0]
    assert sum(found) == sum(map(np.size, params.values()))


def test_shard_map_with_replicated_parameters(values):
    mesh = mesh_of(AxisType.Auto)

    @partial(jax.shard_map, mesh=mesh, in_specs=(P(), P("batch")), out_specs=P())
    def total(params, A):
        return jax.lax.psum(loss(params, A), "batch")

    agree(jax.jit(jax.grad(total, (0, 1)))(*values), jax.grad(loss, (0, 1))(*values))


def test_gradients_inside_shard_map(values):
    """Taken on each device, the gradient of a replicated parameter is already summed over the devices."""
    mesh = mesh_of(AxisType.Auto)
    gradient = partial(jax.shard_map, mesh=mesh, in_specs=(P(), P("batch")), out_specs=P())(jax.grad(loss))
    agree(jax.jit(gradient)(*values), jax.grad(loss)(*values))


def test_a_mesh_with_explicit_axes(values):
    mesh = mesh_of(AxisType.Explicit)
    with jax.set_mesh(mesh):
        got = jax.jit(jax.grad(loss, (0, 1)))(*placed(mesh, *values))
    agree(got, jax.grad(loss, (0, 1))(*values))
    assert got[1].sharding.spec[0] == "batch"


def test_explicit_axes_outside_of_the_context_of_a_mesh(values):
    """As of a mesh by `jax.make_mesh`, whose axes are explicit."""

    def loss(params, A):
        Z = jaxcnn.conv(A, params["W"], params["b"], stride=2, padding="SAME")
        Z = jaxcnn.conv(jaxcnn.relu(Z), params["dense conv"], padding="SAME")
        Z = jaxcnn.conv(jaxcnn.sigmoid(Z), params["depthwise"], padding="SAME", groups=4)
        Z = jaxcnn.conv(jaxcnn.gelu(Z), params["pointwise"])
        A = jaxcnn.max_pool(Z, (2, 2))
        return jnp.sum(jaxcnn.log_softmax(jaxcnn.dense(A, params["pointwise"][0, 0])) ** 2)

    got = jax.jit(jax.grad(loss, (0, 1)))(*placed(mesh_of(AxisType.Explicit), *values))
    agree(got, jax.grad(loss, (0, 1))(*values))


def test_a_maximum_of_pixels_that_devices_share():
    """Their own reductions are of XLA's functions only; and a NaN counts."""
    A = jnp.asarray(np.random.default_rng(0).standard_normal((2, 8, 8, 4))).at[0, 3, 3, 1].set(jnp.nan)
    expected = jaxcnn.global_max_pool(A, spatial=2)
    shared = jax.device_put(A, NamedSharding(mesh_of(AxisType.Auto), P(None, "batch")))
    got = jax.jit(partial(jaxcnn.global_max_pool, spatial=2))(shared)
    np.testing.assert_array_equal(got, expected)


def test_long_rows_and_columns_that_devices_share():
    """Sums by slabs would cut across the devices' shares, which JAX refuses where the shares are explicit."""
    rng = np.random.default_rng(0)
    Z, A = (jnp.asarray(rng.standard_normal(shape)) for shape in ((5, 1048), (2, 3, 16, 4)))

    def results(Z, A):
        t = jax.nn.softmax(Z[:, ::-1])
        return jaxcnn.softmax_cross_entropy(Z, t), jaxcnn.batch_norm(A, jnp.ones(4), jnp.zeros(4))[0]

    expected = results(Z, A)
    mesh = mesh_of(AxisType.Explicit)
    with jax.set_mesh(mesh):
        shares = NamedSharding(mesh, P(None, "batch")), NamedSharding(mesh, P(None, None, "batch"))
        got = jax.jit(results)(*map(jax.device_put, (Z, A), shares))
    agree(got, expected)


def test_losses_whose_examples_are_shared_and_labels_are_not():
    Z, t = jnp.asarray(np.random.default_rng(0).standard_normal((128, 1000))), jnp.arange(128)
    mesh = mesh_of(AxisType.Explicit)
    with jax.set_mesh(mesh):
        shared = jax.device_put(Z, NamedSharding(mesh, P("batch")))
        got = jax.jit(alone_and_with_gradient)(shared, t)
    agree(got, alone_and_with_gradient(Z, t))


@pytest.mark.parametrize("type_", [AxisType.Auto, AxisType.Explicit], ids=["auto", "explicit"])
@pytest.mark.parametrize("examples, classes", [(16, 8), (128, 1000)], ids=["by classes", "taken out"])
def test_losses_of_labels_whose_examples_devices_share(type_, examples, classes):
    """Each device's own, whichever form they have: nothing moves."""
    rng = np.random.default_rng(0)
    Z, t = (
        jnp.asarray(rng.standard_normal((examples, classes))),
        jnp.asarray(rng.integers(0, classes, examples)),
    )
    mesh = mesh_of(type_)
    with jax.set_mesh(mesh):
        shared = [jax.device_put(x, NamedSharding(mesh, P("batch"))) for x in (Z, t)]
        program = jax.jit(alone_and_with_gradient).lower(*shared).compile()
        got = program(*shared)
    agree(got, alone_and_with_gradient(Z, t))
    assert not collectives(program.as_text())


def alone_and_with_gradient(Z, t):
    """The losses of labels in both forms, and dZ."""
    L, pull = jax.vjp(lambda Z: jaxcnn.softmax_cross_entropy(Z, t), Z)
    return jaxcnn.softmax_cross_entropy(Z, t), L, pull(L)


@pytest.mark.parametrize("classes", [8, 40])
def test_losses_of_labels_whose_classes_devices_share(classes):
    """One device has the label's logit: the sums that JAX can share are taken."""
    rng = np.random.default_rng(0)
    Z, t = jnp.asarray(rng.standard_normal((4, classes))), jnp.asarray([0, 7, 3, 3], jnp.int32)
    mesh = mesh_of(AxisType.Explicit)
    with jax.set_mesh(mesh):
        shared = jax.device_put(Z, NamedSharding(mesh, P(None, "batch")))
        got = jax.jit(alone_and_with_gradient)(shared, t)
    agree(got, alone_and_with_gradient(Z, t))
