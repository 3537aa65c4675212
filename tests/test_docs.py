"""The examples in docstrings and README run, as a user with JAX's default settings would see them."""

import doctest
import importlib
import pkgutil
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

import jaxcnn

ROOT = Path(__file__).parents[1]
MODULES = ["jaxcnn", *(m.name for m in pkgutil.walk_packages(jaxcnn.__path__, "jaxcnn."))]
EXAMPLES = [
    example
    for name in MODULES
    if not name.endswith("__main__")
    for example in doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(name))
    if example.examples
]


def run(example: doctest.DocTest) -> None:
    example.globs.update(jax=jax, jnp=jnp)
    with jax.enable_x64(False), jax.numpy_dtype_promotion("standard"):
        result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(example)
    assert result.failed == 0


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_docstring(example):
    run(example)


@pytest.mark.parametrize("path", ["README.md", "jaxcnn/check/README.md"])
def test_readme(path):
    text = (ROOT / path).read_text()
    run(doctest.DocTestParser().get_doctest(text, {}, path, path, 0))
