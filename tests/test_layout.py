"""The architecture, as far as a machine can hold it: four stems, rooms, and who may import whom."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import jaxcnn
from jaxcnn.derivations.table import DERIVATIONS

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "jaxcnn"
OPERATIONS = [
    "convolution",
    "transposed_convolution",
    "pooling",
    "lp_pooling",
    "adaptive_pooling",
    "upsampling",
    "activations",
    "linear",
    "losses",
    "rectifiers",
    "softmaxes",
    "normalization",
    "stochastic",
]
# what a room of the package may import from the package, from the ground up
ROOMS = {
    "_errors": set(),
    "window": {"_errors"},
    "_sharding": set(),
    "_arrays": {"_errors", "forms", "window"},
    "forms": {"_sharding", "window", "forms"},
    "oracles": {"oracles"},
    "loops": {"loops"},
    "check": {"check", "_errors"},
    "page": {"page"},
    "derivations/proofs": {"_errors", "derivations", "window"},
    "borders": {"forms", "window"},
    "_pools": {"_arrays", "_errors", "window"},
    "convolution": {"_arrays", "_errors", "_sharding", "borders", "forms", "window"},
    "transposed_convolution": {"_arrays", "_errors", "_sharding", "convolution", "window"},
    "pooling": {"_arrays", "_errors", "_pools", "_sharding", "forms", "window", "convolution"},
    "lp_pooling": {"_errors", "_pools", "forms", "window"},
    "adaptive_pooling": {"_arrays", "_errors", "forms", "window"},
    "upsampling": {"_arrays", "_errors", "forms"},
    "rectifiers": {"_arrays", "_errors"},
    "_logistic": set(),
    "_softmaxes": {"_arrays", "forms"},
    "softmaxes": {"_arrays", "_errors", "_softmaxes", "forms"},
    "activations": {"_arrays", "_errors", "_logistic", "forms", "rectifiers", "softmaxes"},
    "linear": {"_arrays", "_errors", "_sharding", "forms", "window", "convolution"},
    "losses": {"_arrays", "_errors", "_logistic", "_sharding", "_softmaxes", "activations", "forms"},
    "normalization": {"_arrays", "_errors", "_sharding", "forms"},
    "stochastic": {"_arrays", "_errors"},
    "spatial": {"_arrays", "_errors", "window", "convolution", "pooling"},
}


def modules_of(room: str) -> list[Path]:
    folder = PACKAGE / room
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [PACKAGE / f"{room}.py"]


def imports(path: Path) -> set[str]:
    """Every module that a file names in an import, `from a import b` as a.b and as a."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


@pytest.mark.parametrize("stem", OPERATIONS)
def test_an_operation_has_its_four_stems(stem):
    for path in (
        PACKAGE / f"{stem}.py",
        PACKAGE / "oracles" / f"{stem}.py",
        PACKAGE / "derivations" / f"{stem}.py",
        ROOT / "tests" / f"test_{stem}.py",
    ):
        assert path.is_file(), path


def test_every_public_operation_has_a_derivation():
    public = {name for name, value in vars(jaxcnn).items() if callable(value) and name[0] != "_"}
    # what max_pool remembers: integers and Booleans, which have no gradient
    assert public - {"max_pool_index", "max_pool_mask"} == {d.operation.__name__ for d in DERIVATIONS}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_from_the_rooms_below(room):
    for path in modules_of(room):
        for name in imports(path):
            if name.startswith("jaxcnn."):
                assert name.split(".")[1] in ROOMS[room], f"{path.name} imports {name}"


@pytest.mark.parametrize("path", modules_of("oracles"), ids=lambda path: path.name)
def test_oracles_have_no_rule_and_no_window_primitive(path):
    used = {n.attr for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Attribute)}
    banned = [
        name
        for name in used
        if "custom_" in name or "reduce_window" in name or "conv_general" in name or name == "nn"
    ]
    assert not banned


@pytest.mark.parametrize("room", ["window", "_errors", "loops"])
def test_integers_errors_and_loops_need_no_jax(room):
    for path in modules_of(room):
        assert not any(name.split(".")[0] == "jax" for name in imports(path))


def test_one_file_alone_needs_z3():
    files = [path for path in PACKAGE.rglob("*.py") if "z3" in imports(path)]
    assert files == [PACKAGE / "derivations" / "proofs" / "symbolic.py"]


def test_importing_jaxcnn_needs_jax_and_numpy_alone():
    extras = {"hypothesis", "rich", "optax", "sklearn", "matplotlib", "orbax", "z3", "pytest"}
    script = f"import sys, jaxcnn; print(sorted({extras!r} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
