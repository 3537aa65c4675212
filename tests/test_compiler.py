import jax
import jax.numpy as jnp
import jaxlib

from jaxcnn import compiler

VERSION = tuple(int(part) for part in jaxlib.__version__.split(".")[:2])


def test_the_options_compile_on_this_jaxlib():
    options = compiler.compiler_options()
    if jax.default_backend() == "cpu":
        assert ("xla_cpu_experimental_ynn_fusion_type" in options) == (VERSION == (0, 10))
        assert ("xla_cpu_prefer_vector_width" in options) == (VERSION < (0, 13))
    doubled = jax.jit(lambda x: 2 * x, compiler_options=options)(jnp.ones(2, jnp.float32))
    assert doubled.tolist() == [2, 2]


def test_another_platform_or_version_has_none(monkeypatch):
    assert compiler.compiler_options("tpu") == {}
    monkeypatch.setattr(jaxlib, "__version__", "99.0.1")
    assert compiler.compiler_options("cpu") == {}


def test_an_option_that_this_jaxlib_does_not_know_is_left_out(monkeypatch):
    unknown = compiler._Option("cpu", VERSION, (99, 0), "xla_no_such_option", "1")
    monkeypatch.setattr(compiler, "_OPTIONS", (unknown,))
    assert compiler.compiler_options("cpu") == {}


def test_the_answer_is_the_callers_own():
    compiler.compiler_options()["mine"] = "1"
    assert "mine" not in compiler.compiler_options()
