import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as P

from jaxcnn import normalization
from jaxcnn.check import Verdict, check_vjp
from jaxcnn.normalization import (
    batch_norm,
    batch_norm_inference,
    group_norm,
    instance_norm,
    layer_norm,
    rms_norm,
)
from jaxcnn.oracles import normalization as oracles

EPSILON = 1e-5


def normal(*shape, seed=0, dtype=jnp.float64):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), dtype)


def leaves(pytree):
    return jax.tree.leaves(pytree)


def agree(got, expected, rtol=1e-12, atol=1e-12):
    for g, e in zip(leaves(got), leaves(expected), strict=True):
        np.testing.assert_allclose(g, e, rtol=rtol, atol=atol)


def cotangents(function, *inputs, seed=7):
    """The outputs and the gradients for drawn cotangents."""
    outputs, pull = jax.vjp(function, *inputs)
    drawn = [normal(*Z.shape, seed=seed + k).astype(Z.dtype) for k, Z in enumerate(leaves(outputs))]
    return outputs, pull(jax.tree.unflatten(jax.tree.structure(outputs), drawn))


def inference(A, gamma=None, beta=None):
    """batch_norm_inference with fixed statistics, called as the others."""
    mean, variance = (X.astype(A.dtype) for X in (normal(A.shape[-1]), 1 + normal(A.shape[-1]) ** 2))
    return batch_norm_inference(A, gamma, beta, mean, variance)


NORMS = {
    "batch_norm": batch_norm,
    "batch_norm_inference": inference,
    "layer_norm": layer_norm,
    "instance_norm": instance_norm,
    "group_norm": partial(group_norm, groups=2),
}
every_norm = pytest.mark.parametrize("norm", NORMS.values(), ids=NORMS)
everything = pytest.mark.parametrize(
    ("norm", "parameters"),
    [*((norm, 2) for norm in NORMS.values()), (rms_norm, 1)],
    ids=[*NORMS, "rms_norm"],
)

# ------------------------------------------------------------------ hand-computed examples

PAIR = jnp.array([[1.0, 5.0], [3.0, 5.0]])


def test_batch_norm_by_hand():
    (Z, mean, variance), pull = jax.vjp(
        partial(batch_norm, epsilon=3.0), PAIR, jnp.array([4.0, 1.0]), jnp.array([0.5, 0.0])
    )
    assert (mean.tolist(), variance.tolist()) == ([2, 5], [1, 0])
    assert Z.tolist() == [[-1.5, 0], [2.5, 0]]  # r = 1/2, Â = ∓1/2
    dZ = jnp.array([[1.0, 0.0], [0.0, 1.0]])
    dA, dgamma, dbeta = pull((dZ, jnp.zeros(2), jnp.zeros(2)))
    # channel 0: dÂ = (4, 0), r/2 (4 − 2 − Â mean(dÂ Â)), mean(dÂ Â) = −1
    np.testing.assert_allclose(dA[:, 0], [0.75, -0.75])
    np.testing.assert_allclose(dA[:, 1], np.array([-0.5, 0.5]) / np.sqrt(3))
    assert (dgamma.tolist(), dbeta.tolist()) == ([-0.5, 0], [1, 1])


def test_the_statistics_have_gradients_of_their_own():
    pull = jax.vjp(lambda A: batch_norm(A)[1:], PAIR)[1]
    assert pull((jnp.array([4.0, 2.0]), jnp.zeros(2)))[0].tolist() == [[2, 1], [2, 1]]  # dμ/N
    assert pull((jnp.zeros(2), jnp.array([4.0, 2.0])))[0].tolist() == [[-4, 0], [4, 0]]  # 2 (A − μ) dv/N


def test_the_others_by_hand():
    A = jnp.array([[[1.0, 3.0], [5.0, 5.0]]])
    close = partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-12)
    close(layer_norm(A)[0], [[-1, 1], [0, 0]])
    close(instance_norm(A)[0], [[-1, -1], [1, 1]])
    close(group_norm(A, groups=2)[0], instance_norm(A)[0])
    close(group_norm(A, groups=1)[0] * np.sqrt(2.75), A[0] - 3.5)
    close(rms_norm(A)[0], A[0] / np.sqrt([[5], [25]]))
    close(inference(jnp.zeros((1, 3))), -normal(1, 3) / np.sqrt(1 + normal(1, 3) ** 2))


@every_norm
def test_gamma_and_beta_left_out_are_one_and_zero(norm):
    A, one, zero = normal(2, 3, 4), jnp.ones(4), jnp.zeros(4)
    rounding = 0 if jax.default_backend() == "cpu" else 4e-16  # a GPU multiplies and adds in one step
    agree(norm(A), norm(A, one, zero), rtol=rounding, atol=rounding)
    agree(cotangents(norm, A)[1][0], cotangents(norm, A, one, zero)[1][0])
    agree(
        cotangents(lambda A, beta: norm(A, None, beta), A, zero)[1][1], cotangents(norm, A, one, zero)[1][2]
    )


@everything
def test_values_and_gradients_are_the_oracle_s(norm, parameters):
    A = normal(3, 2, 3, 4)
    affine = [normal(4, seed=k + 1) for k in range(parameters)]
    if norm is inference:
        mean, variance = normal(4), 1 + normal(4) ** 2
        ours = cotangents(batch_norm_inference, A, *affine, mean, variance)
        agree(ours, cotangents(oracles.batch_norm_inference, A, *affine, mean, variance))
    else:
        keywords = norm.keywords if isinstance(norm, partial) else {}
        name = getattr(norm, "__name__", "group_norm")
        agree(
            cotangents(norm, A, *affine), cotangents(partial(getattr(oracles, name), **keywords), A, *affine)
        )


def test_the_gradient_goes_through_the_statistics():
    """A and A·2 + 3 normalise alike, so the gradient is orthogonal to both directions."""
    A, dZ = normal(50, 3), normal(50, 3, seed=1)
    dA = jax.vjp(lambda A: batch_norm(A, epsilon=1e-12)[0], A)[1](dZ)[0]
    np.testing.assert_allclose(jnp.sum(dA, 0), 0, atol=1e-12)
    np.testing.assert_allclose(jnp.sum(dA * A, 0), 0, atol=1e-9)
    assert np.max(np.abs(dA)) > 0.1


def test_the_variance_does_not_cancel():
    A = jnp.asarray(1e4 + np.tile([0.0, 1.0], 50)[:, None], jnp.float32)
    assert batch_norm(A)[2].tolist() == [0.25]  # mean(A²) − μ² in float32 would give −8 or 0 or 8
    np.testing.assert_allclose(layer_norm(A.T), np.tile([-1.0, 1.0], 50)[None], rtol=1e-4)


def test_a_batch_of_one_value_is_its_beta():
    A, beta = normal(1, 3), normal(3, seed=1)
    Z, pull = jax.vjp(lambda A: batch_norm(A, None, beta)[0], A)
    assert (Z[0].tolist(), pull(jnp.ones((1, 3)))[0].tolist()) == (beta.tolist(), [[0, 0, 0]])


# ------------------------------------------------------------------------- several devices

MESH = partial(jax.make_mesh, (4,), ("batch",), axis_types=(AxisType.Auto,), devices=jax.devices("cpu")[:4])


def weighted(outputs, seed=20):
    """A number that depends on every output, Z's weights varying with the example."""
    Z, mean, variance = outputs
    return jnp.sum(Z * jnp.sin(3 * Z)) + jnp.sum(normal(4, seed=seed) * mean + jnp.exp(variance))


def on_one_device(A, gamma, beta):
    return weighted(batch_norm(A, gamma, beta))


@pytest.fixture
def batch():
    return normal(8, 3, 4), normal(4, seed=1), normal(4, seed=2)


def test_statistics_over_the_devices_of_shard_map(batch):
    @partial(jax.shard_map, mesh=MESH(), in_specs=(P("batch"), P(), P()), out_specs=(P("batch"), P(), P()))
    def sharded(A, gamma, beta):
        return batch_norm(A, gamma, beta, axis_name="batch")

    agree(sharded(*batch), batch_norm(*batch))
    every = (0, 1, 2)
    got = jax.jit(jax.grad(lambda *inputs: weighted(sharded(*inputs)), every))(*batch)
    agree(got, jax.grad(on_one_device, every)(*batch))


def test_gradients_of_gradients_through_shard_map(batch):
    @partial(jax.shard_map, mesh=MESH(), in_specs=(P("batch"), P(), P()), out_specs=(P("batch"), P(), P()))
    def sharded(A, gamma, beta):
        return batch_norm(A, gamma, beta, axis_name="batch")

    def product(function, A, *affine):
        gradient = jax.grad(lambda A: function(A, *affine))
        return jax.grad(lambda A: jnp.sum(gradient(A) * normal(8, 3, 4, seed=3)))(A)

    got = jax.jit(partial(product, lambda *inputs: weighted(sharded(*inputs))))(*batch)
    agree(got, product(on_one_device, *batch), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("check_vma", [True, False])
def test_gradients_inside_shard_map(batch, check_vma):
    """A device's own gradient of a loss summed over the devices."""

    def loss(A, gamma, beta):
        Z, mean, variance = batch_norm(A, gamma, beta, axis_name="batch")
        return jnp.sum(Z * jnp.sin(3 * Z)) + jnp.sum(normal(4) * mean + jnp.exp(variance)) / 4

    @partial(
        jax.shard_map,
        mesh=MESH(),
        in_specs=(P("batch"), P(), P()),
        out_specs=P("batch"),
        check_vma=check_vma,
    )
    def gradient(*inputs):
        return jax.grad(loss)(*inputs)

    def whole(A, gamma, beta):
        Z, mean, variance = batch_norm(A, gamma, beta)
        return jnp.sum(Z * jnp.sin(3 * Z)) + jnp.sum(normal(4) * mean + jnp.exp(variance))

    agree(jax.jit(gradient)(*batch), jax.grad(whole)(*batch))


@pytest.mark.parametrize("where", ["inside", "outside"])
def test_statistics_over_the_axis_of_vmap(batch, where):
    A, gamma, beta = batch
    parts = A.reshape(4, 2, 3, 4)
    if where == "outside":
        mapped = jax.vmap(
            partial(batch_norm, axis_name="batch"), (0, None, None), (0, None, None), axis_name="batch"
        )

        def loss(parts, gamma, beta):
            return weighted(mapped(parts, gamma, beta))

        agree(loss(parts, gamma, beta), on_one_device(*batch))
        got = jax.grad(loss, (0, 1, 2))(parts, gamma, beta)
        expected = jax.grad(on_one_device, (0, 1, 2))(*batch)
    else:

        def own_loss(part):
            Z, mean, variance = batch_norm(part, gamma, beta, axis_name="batch")
            return jnp.sum(Z * jnp.sin(3 * Z)) + jnp.sum(normal(4) * mean + jnp.exp(variance)) / 4

        def whole(A):
            Z, mean, variance = batch_norm(A, gamma, beta)
            return jnp.sum(Z * jnp.sin(3 * Z)) + jnp.sum(normal(4) * mean + jnp.exp(variance))

        got, expected = (jax.vmap(jax.grad(own_loss), axis_name="batch")(parts),), (jax.grad(whole)(A),)
    agree(got[0].reshape(A.shape), expected[0])
    agree(got[1:], expected[1:])


def test_automatic_sharding_sees_the_whole_batch(batch):
    from jax.sharding import NamedSharding

    A = jax.device_put(batch[0], NamedSharding(MESH(), P("batch")))
    agree(jax.jit(jax.grad(on_one_device))(A, *batch[1:]), jax.grad(on_one_device)(*batch))


@everything
def test_shard_map_with_replicated_parameters(norm, parameters):
    A, affine = normal(8, 3, 4), [normal(4, seed=k + 1) for k in range(parameters)]
    if norm is batch_norm:
        norm = partial(batch_norm, axis_name="batch")

    def loss(norm, A, *affine):
        return jnp.sum(jnp.sin(leaves(norm(A, *affine))[0]))

    @partial(jax.shard_map, mesh=MESH(), in_specs=(P("batch"), *[P()] * parameters), out_specs=P())
    def total(*inputs):
        return jax.lax.psum(loss(norm, *inputs), "batch")

    alone = batch_norm if isinstance(norm, partial) and norm.func is batch_norm else norm
    every = tuple(range(1 + parameters))
    agree(jax.jit(jax.grad(total, every))(A, *affine), jax.grad(partial(loss, alone), every)(A, *affine))


# -------------------------------------------------------- dtypes, transformations, residuals


@everything
@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16, jnp.float32, jnp.float64])
def test_dtypes(norm, parameters, dtype):
    A = normal(3, 5, 4).astype(dtype)
    affine = [normal(4, seed=k + 1).astype(dtype) for k in range(parameters)]
    outputs, gradients = cotangents(norm, A, *affine)
    wide, wide_gradients = cotangents(norm, *(x.astype(jnp.float64) for x in (A, *affine)))
    assert leaves(outputs)[0].dtype == dtype
    wide_dtype = jnp.float64 if dtype == jnp.float64 else jnp.float32
    assert all(X.dtype == wide_dtype for X in leaves(outputs)[1:])
    assert {X.dtype for X in gradients} == {jnp.dtype(dtype)}
    ulp = float(jnp.finfo(dtype).eps)
    for got, expected in zip(leaves((outputs, gradients)), leaves((wide, wide_gradients)), strict=True):
        np.testing.assert_allclose(got.astype(jnp.float64), expected, rtol=16 * ulp, atol=64 * ulp)


def test_half_precision_statistics_are_kept_in_float32():
    A = jnp.full((4096, 1), 100, jnp.float16)  # whose sum float16 does not hold
    _, mean, variance = batch_norm(A)
    assert (mean.tolist(), variance.tolist(), mean.dtype) == ([100], [0], jnp.float32)
    Z = batch_norm_inference(A[:2] + 1, None, None, mean, variance + 1)
    assert Z.dtype == jnp.float16
    np.testing.assert_allclose(Z, 1, rtol=1e-3)


@pytest.mark.parametrize("name", ["batch_norm", "layer_norm", "instance_norm", "group_norm"])
def test_a_mean_far_above_the_deviation_costs_no_digits(name):
    places = np.random.default_rng(0).integers(0, 1024, (2, 3, 4))  # units in the last place
    A = jnp.asarray(1000 + 2.0**-14 * places, jnp.float32)
    dZ = normal(*A.shape, seed=1)

    def dA(A):
        _, pull = jax.vjp(lambda A: leaves(partial(NORMS[name], epsilon=1e-12)(A))[0], A)
        return pull(dZ.astype(A.dtype))

    expected = dA(A.astype(jnp.float64))[0]
    agree(dA(A)[0], expected, rtol=1e-5, atol=1e-5 * float(jnp.abs(expected).max()))


@everything
def test_jit_vmap_and_checkpoint(norm, parameters):
    A, affine = normal(3, 2, 3, 4), [normal(4, seed=k + 1) for k in range(parameters)]
    expected = [cotangents(norm, A[k], *affine) for k in range(3)]
    agree(jax.jit(partial(cotangents, norm))(A[0], *affine), expected[0])
    agree(cotangents(jax.checkpoint(norm), A[0], *affine), expected[0])
    mapped = jax.vmap(partial(cotangents, norm), (0, *[None] * parameters))(A, *affine)
    agree(mapped, jax.tree.map(lambda *X: jnp.stack(X), *expected))
    mapped = jax.vmap(partial(cotangents, norm), (1, *[None] * parameters))(jnp.moveaxis(A, 0, 1), *affine)
    agree(mapped, jax.tree.map(lambda *X: jnp.stack(X), *expected))


@everything
def test_gradients_of_gradients(norm, parameters):
    A, affine = normal(2, 3, 4), [normal(4, seed=k + 1) for k in range(parameters)]
    keywords = {"groups": 2} if isinstance(norm, partial) else {}
    name = getattr(norm, "__name__", "group_norm")
    if norm is inference:
        return self_consistent(norm, A, *affine)
    oracle = partial(getattr(oracles, name), **keywords)
    weights = normal(2, 3, 4, seed=5)

    def total(function, *inputs):
        outputs = leaves(function(*inputs))
        return sum(
            jnp.sum(jnp.sin(Z) * weights[0, 0] if Z.ndim == 1 else jnp.sin(Z) * weights) for Z in outputs
        )

    every = tuple(range(1 + parameters))
    got = jax.jacrev(jax.grad(partial(total, norm), every), every)(A, *affine)
    return agree(got, jax.hessian(partial(total, oracle), every)(A, *affine), rtol=1e-10, atol=1e-11)


def self_consistent(norm, *inputs):
    """The Hessian of a rule without an oracle here: symmetric, and by differences of the gradient."""

    def total(A):
        return jnp.sum(jnp.sin(norm(A, *inputs[1:])))

    A = inputs[0]
    direction = normal(*A.shape, seed=9)
    _, product = cotangents(jax.grad(total), A, seed=9)
    step = 1e-5 * direction
    np.testing.assert_allclose(
        product[0], (jax.grad(total)(A + step) - jax.grad(total)(A - step)) / 2e-5, rtol=1e-6, atol=1e-8
    )


def test_residuals_are_the_input_and_small_statistics():
    A, gamma, beta = normal(8, 5, 5, 4), normal(4), normal(4)

    def size(function, *inputs):
        return sum(residual.nbytes for residual in leaves(jax.vjp(function, *inputs)[1]))

    channels = gamma.nbytes
    assert size(lambda *inputs: batch_norm(*inputs)[0], A, gamma, beta) == A.nbytes + 4 * channels
    assert size(layer_norm, A, gamma, beta) == A.nbytes + 2 * A.nbytes // 4 + 2 * channels
    assert size(rms_norm, A, gamma) == A.nbytes + A.nbytes // 4 + channels


def test_empty_batches_where_no_mean_runs_over_them():
    A = jnp.zeros((0, 3, 4))
    for norm in (layer_norm, instance_norm, partial(group_norm, groups=2), rms_norm, inference):
        Z, (dA,) = cotangents(norm, A)
        assert Z.shape == dA.shape == A.shape


def test_a_gradient_is_exported_for_any_number_of_small_images():
    (images,) = jax.export.symbolic_shape("B")
    A = jax.ShapeDtypeStruct((images, 4, 4, 3), jnp.float32)
    gradient = jax.grad(lambda A: jnp.sum(jnp.sin(batch_norm(A)[0])))
    exported = jax.export.export(jax.jit(gradient))(A)
    batch = jnp.asarray(np.random.default_rng(0).standard_normal((2, 4, 4, 3)), jnp.float32)
    np.testing.assert_allclose(exported.call(batch), gradient(batch), rtol=0, atol=1e-5)


# -------------------------------------------------------------------- against other libraries


@jax.numpy_dtype_promotion("standard")
@jax.numpy_rank_promotion("allow")
def test_flax():
    linen = pytest.importorskip("flax.linen", reason="flax is not installed")
    A, gamma, beta = normal(4, 3, 3, 4), normal(4, seed=1), normal(4, seed=2)
    params = {"params": {"scale": gamma, "bias": beta}}
    exact = {"epsilon": EPSILON, "use_fast_variance": False, "dtype": jnp.float64}

    def theirs(module, A, gamma, beta):
        return module.apply({"params": {"scale": gamma, "bias": beta}}, A)

    def their_batch_norm(A, gamma, beta):
        module = linen.BatchNorm(use_running_average=False, momentum=0.0, **exact)
        statistics = {"mean": jnp.zeros(4), "var": jnp.ones(4)}
        Z, after = module.apply(
            {"params": {"scale": gamma, "bias": beta}, "batch_stats": statistics}, A, mutable=["batch_stats"]
        )
        return Z, after["batch_stats"]["mean"], after["batch_stats"]["var"]

    inputs = (A, gamma, beta)
    agree(cotangents(batch_norm, *inputs), cotangents(their_batch_norm, *inputs))
    for ours, module in (
        (layer_norm, linen.LayerNorm(**exact)),
        (partial(group_norm, groups=2), linen.GroupNorm(num_groups=2, **exact)),
        (instance_norm, linen.InstanceNorm(**exact)),
    ):
        agree(cotangents(ours, *inputs), cotangents(partial(theirs, module), *inputs))
    rms = linen.RMSNorm(epsilon=EPSILON, dtype=jnp.float64)
    agree(
        cotangents(rms_norm, A, gamma),
        cotangents(lambda A, gamma: rms.apply({"params": {"scale": gamma}}, A), A, gamma),
    )
    module = linen.BatchNorm(use_running_average=True, **exact)
    statistics = {"mean": normal(4, seed=3), "var": 1 + normal(4, seed=4) ** 2}
    agree(
        batch_norm_inference(*inputs, *statistics.values()),
        module.apply({**params, "batch_stats": statistics}, A),
    )


def test_torch():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    functional = torch.nn.functional
    A, gamma, beta = normal(4, 3, 3, 4), normal(4, seed=1), normal(4, seed=2)
    first = jnp.moveaxis(A, -1, 1)  # torch's layout
    calls = {
        "batch_norm": lambda A, g, b: functional.batch_norm(A, None, None, g, b, training=True, eps=EPSILON),
        "instance_norm": lambda A, g, b: functional.instance_norm(A, None, None, g, b, eps=EPSILON),
        "group_norm": lambda A, g, b: functional.group_norm(A, 2, g, b, eps=EPSILON),
    }
    for name, call in calls.items():
        tensors = [torch.tensor(np.asarray(x), requires_grad=True) for x in (first, gamma, beta)]
        Z = call(*tensors)
        dZ = normal(*A.shape, seed=7)
        Z.backward(torch.tensor(np.asarray(jnp.moveaxis(dZ, -1, 1))))
        ours, pull = jax.vjp(lambda *x, name=name: leaves(NORMS[name](*x))[0], A, gamma, beta)
        dA, *rest = pull(dZ)
        agree(
            [jnp.moveaxis(ours, -1, 1), jnp.moveaxis(dA, -1, 1), *rest],
            [Z.detach().numpy(), *(x.grad.numpy() for x in tensors)],
        )


# ------------------------------------------------------------------- rules that are wrong


def with_backward(function, oracle, backward):
    planted = jax.custom_vjp(lambda A: function(A))
    planted.defvjp(lambda A: (function(A), A), lambda A, dZ: (backward(A, dZ),))
    return planted, oracle


def statistics(A, axis):
    mean = jnp.mean(A, axis, keepdims=True)
    r = 1 / jnp.sqrt(jnp.mean((A - mean) ** 2, axis, keepdims=True) + EPSILON)
    return (A - mean) * r, r


def held_fast(A, dZ, axis):
    """The statistics taken for constants."""
    return dZ * statistics(A, axis)[1]


def without_variance(A, dZ, axis):
    """The way over the variance forgotten."""
    return statistics(A, axis)[1] * (dZ - jnp.mean(dZ, axis, keepdims=True))


def by_one_less(A, dZ, axis):
    """N − 1 where N belongs."""
    A_hat, r = statistics(A, axis)
    correlation = jnp.sum(dZ * A_hat, axis, keepdims=True) / (A.shape[axis] - 1)
    return r * (dZ - jnp.mean(dZ, axis, keepdims=True) - A_hat * correlation)


@pytest.mark.parametrize("backward", [held_fast, without_variance, by_one_less])
@pytest.mark.parametrize(
    ("name", "axis"), [("batch_norm", 0), ("layer_norm", -1), ("rms_norm", -1)], ids=lambda value: value
)
def test_a_wrong_rule_fails(name, axis, backward):
    def first(function):
        return lambda A: leaves(function(A))[0]

    planted, oracle = with_backward(
        first(getattr(normalization, name)),
        first(getattr(oracles, name)),
        partial(backward, axis=axis),
    )
    report = check_vjp(planted, oracle, jnp.zeros((3, 4)))
    assert report.verdict is Verdict.FAIL
    assert "the gradient of A" in report.reason


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="reads the program of a CPU")
@pytest.mark.parametrize(("dtype", "short"), [(jnp.float32, "f32"), (jnp.bfloat16, "bf16")], ids=str)
def test_batch_norms_sums_write_nothing_of_its_size(dtype, short):
    """Value and gradient write Z and dA, and no A − μ, Â, repeated mean or widened A for a sum."""
    A, gamma = jnp.ones((4, 24, 24, 32), dtype), jnp.ones(32, dtype)

    def both(dZ, A, gamma, beta):
        Z, pull = jax.vjp(lambda *x: batch_norm(*x)[0], A, gamma, beta)
        return Z, *pull(dZ)

    program = jax.jit(both).lower(A, A, gamma, gamma).compile().as_text()
    written = re.findall(r"= (\w+)\[4,24,24,32\]\S* fusion\(", program[program.index("ENTRY") :])
    assert written == [short] * 2
