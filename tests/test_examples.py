"""The examples learn, and their gradients are those of the library that they replace."""

import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from experiments.examples.common import Curve

EXAMPLES = {"bare_jax": "jax", "flax_linen": "flax", "flax_nnx": "flax", "equinox_cnn": "equinox"}
KEY = jax.random.key(0)
IMAGES = np.random.default_rng(0).standard_normal((5, 8, 8, 1)).astype(np.float32)
LABELS = np.arange(5, dtype=np.int32)


@pytest.fixture(autouse=True)
def _settings_as_a_user_has_them():
    with jax.enable_x64(False), jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def example(name):
    for library in (EXAMPLES[name], "optax", "sklearn"):
        pytest.importorskip(library, reason=f"{library} is not installed")
    return importlib.import_module(f"experiments.examples.{name}")


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_learns(name):
    curve = example(name).run(steps=20, examples=64)
    assert len(curve.losses) == 20
    assert curve.losses[-1] < 0.8 * curve.losses[0]
    assert curve.milliseconds > 0


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_tells_of_the_library_alone_and_of_ours(name, monkeypatch, capsys):
    module = example(name)
    plain, by_ours = Curve([2.0, 1.5], 40.0), Curve([2.0, 1.25], 20.0)
    monkeypatch.setattr(module, "run", lambda *, ours=True: by_ours if ours else plain)
    module.main()
    *before, last = capsys.readouterr().out.splitlines()
    assert last.endswith("jaxcnn: loss 2.000 to 1.250, 20.0 ms a step")
    assert len(before) == (name != "bare_jax")
    assert all(line.endswith(": loss 2.000 to 1.500, 40.0 ms a step") for line in before)


def lax_logits(params, A):
    """The bare example's network without jaxcnn."""
    for name in ("conv1", "conv2"):
        layout = ("NHWC", "HWIO", "NHWC")
        Z = lax.conv_general_dilated(A, params[name]["W"], (1, 1), "SAME", dimension_numbers=layout)
        A = jax.nn.relu(Z + params[name]["b"])
        A = lax.reduce_window(A, -np.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    return A.reshape(len(A), -1) @ params["dense"]["W"] + params["dense"]["b"]


def lax_loss(params, images, labels):
    return -jnp.mean(jax.nn.log_softmax(lax_logits(params, images))[jnp.arange(len(labels)), labels])


def problem(name, *, ours):
    """The loss as a function of the parameters, and parameters."""
    module = example(name)
    if name == "bare_jax":
        loss = module.mean_loss if ours else lax_loss
        return lambda params: loss(params, IMAGES, LABELS), module.initial(KEY)
    if name == "flax_linen":
        model = module.CNN(ours)
        return lambda params: module.mean_loss(params, model, IMAGES, LABELS), model.init(KEY, IMAGES)
    if name == "flax_nnx":
        nnx = importlib.import_module("flax.nnx")
        graph, params = nnx.split(module.CNN(nnx.Rngs(0), ours=ours))
        return lambda params: module.mean_loss(nnx.merge(graph, params), IMAGES, LABELS), params
    eqx = importlib.import_module("equinox")
    params, rest = eqx.partition(module.CNN(KEY, ours=ours), eqx.is_array)
    first = np.moveaxis(IMAGES, -1, 1)
    return lambda params: module.mean_loss(eqx.combine(params, rest), first, LABELS), params


@pytest.mark.parametrize("name", EXAMPLES)
def test_its_gradients_are_those_of_the_library_alone(name):
    results = []
    for ours in (True, False):
        loss, params = problem(name, ours=ours)
        results.append(jax.tree.leaves(jax.jit(jax.value_and_grad(loss))(params)))
    for x, y in zip(*results, strict=True):
        assert np.any(np.asarray(y) != 0)
        np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", EXAMPLES)
def test_our_backward_passes_run_in_it(name):
    loss, params = problem(name, ours=True)
    program = str(jax.make_jaxpr(jax.grad(loss))(params))
    assert "_conv_dW" in program
    assert "_max_pool_dA" in program
