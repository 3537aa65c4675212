import jax
import jax.numpy as jnp
import jaxlib
import pytest

from jaxcnn import compiler


def test_the_options_compile_on_this_jaxlib():
    options = compiler.compiler_options()
    assert options or not jaxlib.__version__.startswith("0.10.") or jax.default_backend() != "cpu"
    doubled = jax.jit(lambda x: 2 * x, compiler_options=options)(jnp.ones(2, jnp.float32))
    assert doubled.tolist() == [2, 2]


def test_another_platform_or_version_has_none(monkeypatch):
    assert compiler.compiler_options("tpu") == {}
    monkeypatch.setattr(jaxlib, "__version__", "99.0.1")
    assert compiler.compiler_options("cpu") == {}


@pytest.mark.parametrize("unknown", [{"xla_no_such_option": "1"}], ids=str)
def test_an_option_that_this_jaxlib_does_not_know_is_left_out(monkeypatch, unknown):
    version = tuple(int(part) for part in jaxlib.__version__.split(".")[:2])
    monkeypatch.setattr(compiler, "_OPTIONS", {(version, "cpu"): unknown})
    assert compiler.compiler_options("cpu") == {}


def test_the_answer_is_the_callers_own():
    compiler.compiler_options()["mine"] = "1"
    assert "mine" not in compiler.compiler_options()
