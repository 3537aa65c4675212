"""Strict numerics for every test, and the Hypothesis profiles.

JAXCNN_PROFILE=fast (the default, for CI) draws few geometries and compiles without LLVM's optimiser;
JAXCNN_PROFILE=thorough draws many and compiles as users do.
"""

import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from jaxcnn.forms import sums

sums._FEW_OF_ROWS = 1  # small arrays are added up as large ones are, not by XLA's own sums

jax.config.update("jax_num_cpu_devices", 8)  # for the tests of sharding
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

_COMMON = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.filter_too_much],
    "print_blob": True,
}
settings.register_profile("fast", max_examples=4, derandomize=True, **_COMMON)
settings.register_profile("thorough", max_examples=100, **_COMMON)
PROFILE = os.environ.get("JAXCNN_PROFILE", "fast")
settings.load_profile(PROFILE)

if PROFILE == "fast":
    # compiling takes most of the time, a quarter less without it; XLA reads its flags once, as it starts
    with pytest.MonkeyPatch.context() as patch:
        flags = os.environ.get("XLA_FLAGS", "")
        patch.setenv("XLA_FLAGS", f"{flags} --xla_backend_optimization_level=0".strip())
        jax.devices()


@pytest.fixture(autouse=True, scope="module")
def _compiled_programs_are_dropped():
    """Every geometry compiles programs of its own; kept, they would fill gigabytes."""
    yield
    jax.clear_caches()


@pytest.fixture
def agree():
    """agree(ours, theirs, *arrays): two functions of JAX arrays have the same values and gradients.

    The cotangent is drawn, and every argument differentiated. Foreign code promotes dtypes and ranks, so only
    ours runs strictly.
    """

    def check(ours, theirs, *arrays, rtol=1e-10, atol=1e-12):
        arrays = [jnp.asarray(array) for array in arrays]
        Z, pull = jax.vjp(ours, *arrays)
        dZ = jnp.asarray(np.random.default_rng(99).standard_normal(Z.shape), Z.dtype)
        got = (Z, *pull(dZ))
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            Z, pull = jax.vjp(theirs, *arrays)
            assert Z.shape == dZ.shape
            expected = (Z, *pull(dZ.astype(Z.dtype)))
        for x, y in zip(got, expected, strict=True):
            np.testing.assert_allclose(x, y, rtol=rtol, atol=atol)

    return check
