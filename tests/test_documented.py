"""Every public name has a docstring with an example of itself that runs; every equation a line in the README.

Public is what `jaxcnn` exports, and what its modules and rooms define or export without an underscore. The
inside of a room, such as `jaxcnn.check.shrink`, is its own affair. A value is documented by a string below
it, as pdoc reads it; a number or a type has nothing to run.
"""

import ast
import doctest
import importlib
import inspect
import pkgutil
import re
import sys
import typing
from pathlib import Path
from types import ModuleType

import pytest
from test_docs import run

import jaxcnn

MODULES = ["jaxcnn", *(f"jaxcnn.{m.name}" for m in pkgutil.iter_modules(jaxcnn.__path__) if m.name[0] != "_")]

README = Path(__file__).parents[1] / "README.md"
PACKAGE = README.parent / "jaxcnn"
NUMBER = re.compile(r"\(([A-Z]\.\d+)[;)]")  # (W.2), or (W.2; L6)
LINK_OR_NUMBERS = re.compile(r"\((jaxcnn/[\w/]+\.py)\)|\(([A-Z])\.(\d+)\)(?:–\([A-Z]\.(\d+)\))?")


def public(module: ModuleType) -> dict[str, str | None]:
    """The docstring of each public name, None where it has none."""
    found = values(module)
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = ast.get_docstring(node)
        elif isinstance(node, ast.ImportFrom):
            exported = [alias.name for alias in node.names if alias.asname == alias.name]
            found |= {name: getattr(module, name).__doc__ for name in exported}
    return {name: text for name, text in found.items() if name[0] != "_"}


def values(module: ModuleType) -> dict[str, str | None]:
    """The string below each name that is assigned, None where there is none."""
    found = {}
    body = ast.parse(inspect.getsource(module)).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            match after:
                case ast.Expr(ast.Constant(str(text))):
                    found[ast.unparse(target)] = inspect.cleandoc(text)
                case _:
                    found[ast.unparse(target)] = None
    return found


def runs(value: object) -> bool:
    """Whether there is anything to run: a function, a class, a layer."""
    return not isinstance(value, int) and typing.get_origin(value) is None


def faults(module: ModuleType) -> list[str]:
    """What is wrong with the documentation of its public names."""
    found = []
    for name, text in public(module).items():
        if not (text or "").strip():
            found.append(f"{name} has no docstring")
        elif runs(getattr(module, name)):
            examples = doctest.DocTestParser().get_examples(text)
            if not any(name in example.source for example in examples):
                found.append(f"{name} has no example that uses it")
    return found


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_is_documented(name):
    found = faults(importlib.import_module(name))
    assert not found, "; ".join(found)


def examples_of_values() -> list[doctest.DocTest]:
    """The examples below values, which doctest does not look for."""
    found = []
    for name in MODULES:
        module = importlib.import_module(name)
        for value, text in values(module).items():
            scope, label = dict(vars(module)), f"{name}.{value}"
            found.append(doctest.DocTestParser().get_doctest(text or "", scope, label, name, 0))
    return [example for example in found if example.examples]


@pytest.mark.parametrize("example", examples_of_values(), ids=lambda example: example.name)
def test_the_example_of_a_value(example):
    run(example)


PLANTED = '''
"""A module."""
from collections.abc import Callable
from jaxcnn.linear import dense as dense

Alias = Callable[[int], int]
"""A type."""

TOLD = {}
"""A value.

>>> TOLD
{}
"""

SILENT = {}

def silent(): pass

def described():
    """Without an example."""

def elsewhere():
    """With the example of another.

    >>> 1 + 1
    2
    """

def shown():
    """With its own.

    >>> shown()
    """

def _private(): pass
'''


def test_what_is_not_documented_is_found(tmp_path, monkeypatch):
    (tmp_path / "planted_names.py").write_text(PLANTED)
    monkeypatch.syspath_prepend(tmp_path)
    planted = importlib.import_module("planted_names")
    monkeypatch.delitem(sys.modules, "planted_names")
    assert faults(planted) == [
        "SILENT has no docstring",
        "silent has no docstring",
        "described has no example that uses it",
        "elsewhere has no example that uses it",
    ]


def index() -> list[tuple[list[str], dict[str, str]]]:
    """Of each row of the README's index of equations the functions, and the file of each number."""
    table = README.read_text(encoding="utf-8").split("| equation | function |")[1].split("\n\n")[0]
    rows = []
    for line in table.splitlines()[2:]:
        _, _, functions, _, derivation, _ = re.split(r"(?<!\\) ?\| ?", line)
        numbers, path = dict[str, str](), ""
        for link, family, first, last in re.findall(LINK_OR_NUMBERS, derivation):
            path = link or path
            if family:
                numbers |= {f"{family}.{k}": path for k in range(int(first), int(last or first) + 1)}
        rows.append((re.findall(r"`([\w.]+)", functions), numbers))
    return rows


def test_every_equation_is_in_the_readmes_index_with_its_file():
    found = {number: path for _, numbers in index() for number, path in numbers.items()}
    written = {path: set(NUMBER.findall(path.read_text(encoding="utf-8"))) for path in PACKAGE.rglob("*.py")}
    assert set(found) == set().union(*written.values())
    assert not [number for number, path in found.items() if number not in written[README.parent / path]]


@pytest.mark.parametrize("functions", [functions for functions, _ in index()], ids=" ".join)
def test_the_functions_of_the_index_exist(functions):
    for name in functions:
        module, _, function = f"jaxcnn.{name}".rpartition(".")
        assert callable(getattr(importlib.import_module(module), function))
