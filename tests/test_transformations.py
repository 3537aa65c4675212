"""Every operation under every transformation, from its derivation's `sample` and `shared` alone.

What is compared is always the same: the outputs, and the gradients that a drawn cotangent pulls back to every
floating-point input. On several devices (8 virtual CPUs) the batch is sharded, shared inputs are replicated.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from jaxcnn.derivations.derivation import Derivation
from jaxcnn.derivations.table import DERIVATIONS
from jaxcnn.forms.windows import accumulator
from jaxcnn.normalization import batch_norm

every_derivation = pytest.mark.parametrize("derivation", DERIVATIONS, ids=lambda d: d.name)

DEVICES = 8
BATCH = 2 * DEVICES


def drawn_inputs(derivation: Derivation, batch: int, dtype=np.float64) -> list[np.ndarray]:
    """The sample with a batch of this size; drawn numbers, those of shared inputs positive."""
    rng = np.random.default_rng(0)
    inputs = []
    for name, value in zip(derivation.arguments, map(np.asarray, derivation.sample.inputs), strict=True):
        shared = name in derivation.shared
        shape = value.shape if shared else (batch, *value.shape[1:])
        if value.dtype.kind == "f":
            magnitudes = rng.uniform(0.1, 2.0, shape)
            signs = 1 if shared else rng.choice((-1, 1), shape)
            inputs.append((magnitudes * signs).astype(dtype))
        else:
            inputs.append(np.resize(value, shape))
    return inputs


def is_live(value) -> bool:
    return jnp.issubdtype(value.dtype, jnp.floating)


def bound(function: Callable[..., Any], derivation: Derivation) -> Callable[..., Any]:
    return partial(function, **derivation.sample.keywords)


def pulled(function: Callable[..., Any]) -> Callable[..., Any]:
    """(inputs, cotangents) → (outputs, gradients of the live inputs)."""

    def run(inputs, cotangents):
        def on_live(live):
            values = iter(live)
            return function(*(next(values) if is_live(x) else x for x in inputs))

        outputs, pull = jax.vjp(on_live, [x for x in inputs if is_live(x)])
        return outputs, pull(cotangents)[0]

    return run


def drawn_cotangents(function, inputs):
    rng = np.random.default_rng(1)
    return jax.tree.map(
        lambda Z: rng.standard_normal(Z.shape).astype(Z.dtype), jax.eval_shape(function, *inputs)
    )


def problem(derivation: Derivation, batch: int = 2, dtype=np.float64):
    """(the operation, its inputs, cotangents)."""
    operation = bound(derivation.operation, derivation)
    inputs = drawn_inputs(derivation, batch, dtype)
    return operation, inputs, drawn_cotangents(operation, inputs)


def agree(got, expected):
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-11, atol=1e-13), got, expected)


def scanned(function):
    """Each input twice along a new axis, and the second result."""
    return lambda *inputs: jax.tree.map(
        lambda Z: Z[1],
        lax.scan(lambda carry, x: (carry, function(*x)), None, [jnp.stack([x, x]) for x in inputs])[1],
    )


@every_derivation
@pytest.mark.parametrize("transformed", [jax.jit, jax.checkpoint, scanned], ids=lambda t: t.__name__)
def test_eager_equals(transformed, derivation):
    operation, inputs, cotangents = problem(derivation)
    inputs = [jnp.asarray(x) for x in inputs]
    agree(pulled(transformed(operation))(inputs, cotangents), pulled(operation)(inputs, cotangents))


@every_derivation
def test_vmap_over_each_axis_of_each_argument(derivation):
    operation, inputs, cotangents = problem(derivation)
    run = pulled(operation)
    rng = np.random.default_rng(2)
    variants, expected = [], []
    for k, value in enumerate(inputs):
        rows = [value, rng.permutation(value.reshape(-1)).reshape(value.shape), value[::-1]]
        each = [jax.jit(run)([*inputs[:k], row, *inputs[k + 1 :]], cotangents) for row in rows]
        for axis in range(value.ndim + 1):
            axes = [axis if j == k else None for j in range(len(inputs))]
            variants.append(([*inputs[:k], np.stack(rows, axis), *inputs[k + 1 :]], axes))
            expected.append(jax.tree.map(lambda *Z: np.stack(Z), *each))

    def all_variants(variants):
        return [
            jax.vmap(run, in_axes=(axes, None))(stacked, cotangents)
            for stacked, (_, axes) in zip(variants, axes_of, strict=True)
        ]

    axes_of = variants
    agree(jax.jit(all_variants)([stacked for stacked, _ in variants]), expected)


@every_derivation
def test_vmap_over_the_cotangent(derivation):
    operation, inputs, cotangents = problem(derivation)
    scales = np.array([1.0, -2.0])
    stacked = jax.tree.map(lambda Z: np.stack([s * Z for s in scales], -1), cotangents)
    _, got = jax.jit(jax.vmap(pulled(operation), in_axes=(None, -1), out_axes=-1))(inputs, stacked)
    _, once = jax.jit(pulled(operation))(inputs, cotangents)
    agree(got, jax.tree.map(lambda g: np.stack([s * g for s in scales], -1), once))


@every_derivation
def test_hessian_vector_products(derivation):
    """Reverse over reverse of the operation; forward over reverse of the oracle."""
    operation, inputs, cotangents = problem(derivation)
    live = [x for x in inputs if is_live(x)]
    directions = [np.random.default_rng(3).standard_normal(x.shape) for x in live]

    def gradient(function):
        def total(live):
            values = iter(live)
            outputs = function(*(next(values) if is_live(x) else x for x in inputs))
            squares = jax.tree.map(lambda Z, u: jnp.sum(Z**2 * u), outputs, cotangents)
            return sum(jax.tree.leaves(squares))

        return jax.grad(total)

    def along(live):
        pairs = zip(gradient(operation)(live), directions, strict=True)
        return sum(jnp.sum(g * v) for g, v in pairs)

    oracle = gradient(bound(derivation.oracle, derivation))
    _, expected = jax.jit(lambda live: jax.jvp(oracle, (live,), (directions,)))(live)
    agree(jax.jit(jax.grad(along))(live), expected)


@every_derivation
@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16, jnp.float32, jnp.float64])
def test_dtypes(derivation, dtype):
    """Gradients have their input's dtype, and numbers that differ from float64's by final rounding only."""
    operation, inputs, cotangents = problem(derivation, dtype=dtype)
    outputs, gradients = jax.jit(pulled(operation))(inputs, cotangents)
    first, *statistics = jax.tree.leaves(outputs)
    assert {first.dtype, *(g.dtype for g in gradients)} == {jnp.dtype(dtype)}
    assert all(Z.dtype == accumulator(dtype) for Z in statistics)

    def wide(x):
        return x.astype(np.float64) if is_live(x) else x

    expected = jax.jit(pulled(operation))([wide(x) for x in inputs], jax.tree.map(wide, cotangents))
    unit = float(jnp.finfo(dtype).eps)

    def close(got, expected):
        bound = 4 * unit * (np.abs(expected) + np.max(np.abs(expected)))
        np.testing.assert_array_less(np.abs(np.asarray(got, np.float64) - expected), bound + 1e-300)

    jax.tree.map(close, (outputs, gradients), expected)


@every_derivation
@pytest.mark.parametrize("batch", [0, 1])
def test_small_batches(derivation, batch):
    if batch == 0 and derivation.name == "batch_norm":
        with pytest.raises(ValueError, match="expected at least 1 entry along the axes of the mean"):
            problem(derivation, batch)
        return
    operation, inputs, cotangents = problem(derivation, batch)
    oracle = pulled(bound(derivation.oracle, derivation))
    agree(jax.jit(pulled(operation))(inputs, cotangents), jax.jit(oracle)(inputs, cotangents))


@every_derivation
@pytest.mark.parametrize("platform", ["cuda", "tpu"])
def test_lowers_for(platform, derivation):
    operation, inputs, cotangents = problem(derivation, dtype=np.float32)
    with jax.enable_x64(False):
        program = jax.jit(pulled(operation)).trace(inputs, cotangents).lower(lowering_platforms=(platform,))
    assert "custom_call_target" not in program.as_text().replace("annotate_device_placement", "")


@every_derivation
@pytest.mark.parametrize("platform", ["cuda", "tpu"])
def test_what_another_platform_computes(platform, derivation, monkeypatch):
    """Its forms, where operations choose one by platform, computed here."""

    def chosen(*operands, default, **forms):
        return forms.get(platform, default)(*operands)

    operation, inputs, cotangents = problem(derivation)
    expected = jax.jit(pulled(bound(derivation.oracle, derivation)))(inputs, cotangents)
    monkeypatch.setattr(lax, "platform_dependent", chosen)
    jax.clear_caches()  # of what was traced for all platforms, and then of this
    try:
        agree(jax.jit(pulled(operation))(inputs, cotangents), expected)
    finally:
        jax.clear_caches()


# Several devices.


def mesh_of(kind):
    return jax.make_mesh((DEVICES,), ("batch",), axis_types=(kind,))


def specs(derivation: Derivation):
    """How inputs and outputs are laid out: the batch in shards, what has none whole.

    An output carries the batch where its first axis grows with it.
    """
    operation = bound(derivation.operation, derivation)

    def shapes(batch):
        return jax.eval_shape(operation, *drawn_inputs(derivation, batch))

    of_inputs = [P() if name in derivation.shared else P("batch") for name in derivation.arguments]
    of_outputs = jax.tree.map(
        lambda small, large: P() if small.shape == large.shape else P("batch"), shapes(2), shapes(3)
    )
    return of_inputs, of_outputs


def placed(mesh, values, layout):
    return jax.tree.map(lambda spec, value: jax.device_put(value, NamedSharding(mesh, spec)), layout, values)


@every_derivation
def test_automatic_sharding_moves_no_activations(derivation):
    """Nothing travels but sums over the batch, as large as a shared input or an output without a batch.

    batch_norm's, on a CPU, twice: of a product with two rows of ones (`jaxcnn.forms.sums`).
    """
    operation, inputs, cotangents = problem(derivation, BATCH)
    of_inputs, of_outputs = specs(derivation)
    mesh = mesh_of(AxisType.Auto)
    sharded = placed(mesh, inputs, of_inputs), placed(mesh, cotangents, of_outputs)
    program = jax.jit(pulled(operation)).lower(*sharded).compile()
    agree(program(*sharded), jax.jit(pulled(operation))(inputs, cotangents))

    text = program.as_text()
    for collective in ("all-gather", "all-to-all", "collective-permute", "reduce-scatter"):
        assert f"{collective}(" not in text
    whole = {x.size for x, spec in zip(inputs, of_inputs, strict=True) if spec == P()}
    layout = zip(jax.tree.leaves(of_outputs), jax.tree.leaves(cotangents), strict=True)
    whole |= {Z.size for spec, Z in layout if spec == P()}
    travelling = [
        int(np.prod([int(n) for n in shape.split(",") if n]))
        for line in re.findall(r"= \(?(.*?)\)? all-reduce\(", text)
        for shape in re.findall(r"\w+\[([\d,]*)\]", line)
    ]
    times = 2 if derivation.operation is batch_norm else 1
    assert max(travelling, default=0) <= times * max(whole, default=0)


@every_derivation
def test_shard_map_with_shared_inputs_replicated(derivation):
    """Each device sees its part of the batch; gradients of shared inputs are summed over devices."""
    operation, inputs, cotangents = problem(derivation, BATCH)
    of_inputs, of_outputs = specs(derivation)
    of_live = [spec for spec, x in zip(of_inputs, inputs, strict=True) if is_live(x)]
    stacked = P("batch")  # also an output without a batch: it differs from device to device

    varies = stacked in of_inputs

    def vary(Z, spec):
        return lax.pcast(Z, "batch", to="varying") if varies and spec != stacked else Z

    def local(inputs, cotangents):
        cotangents = jax.tree.map(vary, cotangents, of_outputs)
        outputs, gradients = pulled(operation)(inputs, cotangents)
        return jax.tree.map(lambda Z, spec: Z if spec == stacked else Z[None], outputs, of_outputs), gradients

    def one(k):
        def part(value, spec):
            return np.split(value, DEVICES)[k] if spec == stacked else value

        return jax.jit(pulled(operation))(
            [part(x, spec) for x, spec in zip(inputs, of_inputs, strict=True)],
            jax.tree.map(part, cotangents, of_outputs),
        )

    got = jax.jit(
        jax.shard_map(
            local,
            mesh=mesh_of(AxisType.Auto),
            in_specs=(of_inputs, of_outputs),
            out_specs=(jax.tree.map(lambda _: stacked, of_outputs), of_live),
        )
    )(inputs, cotangents)
    outputs, gradients = jax.tree.map(lambda *parts: np.stack(parts), *map(one, range(DEVICES)))
    joined = jax.tree.map(lambda Z, spec: np.concatenate(Z) if spec == stacked else Z, outputs, of_outputs)
    summed = [
        np.concatenate(g) if spec == stacked else np.sum(g, axis=0) if varies else g[0]
        for g, spec in zip(gradients, of_live, strict=True)
    ]
    agree(got, (joined, summed))


@every_derivation
def test_a_mesh_with_explicit_axes(derivation):
    operation, inputs, cotangents = problem(derivation, BATCH)
    of_inputs, of_outputs = specs(derivation)
    mesh = mesh_of(AxisType.Explicit)
    with jax.set_mesh(mesh):
        got = jax.jit(pulled(operation))(
            placed(mesh, inputs, of_inputs), placed(mesh, cotangents, of_outputs)
        )
    agree(got, jax.jit(pulled(operation))(inputs, cotangents))
    of_live = [spec for spec, x in zip(of_inputs, inputs, strict=True) if is_live(x)]
    for gradient, spec in zip(got[1], of_live, strict=True):
        assert gradient.sharding.is_equivalent_to(NamedSharding(mesh, spec), gradient.ndim)
