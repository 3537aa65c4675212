"""The notebooks run from top to bottom, are small, and hold the outputs of such a run."""

import json
import re
import sys
import warnings

import pytest

pytest.importorskip("nbclient", reason="nbclient is not installed: pip install 'jaxcnn[notebooks]'")
pytest.importorskip("ipykernel", reason="ipykernel is not installed: pip install 'jaxcnn[notebooks]'")

from experiments.notebooks import run

NOTEBOOKS = run.notebooks()
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def code_cells(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def printed(notebook):
    """What each cell printed; of numbers with a point the first digits, which no rounding moves."""
    # on file a text is a list of lines
    texts = ["".join("".join(o.get("text", "")) for o in cell["outputs"]) for cell in code_cells(notebook)]
    return [re.sub(r"(\d\.\d{4})\d+", r"\1", text) for text in texts]


def test_there_are_three():
    assert [path.stem[:1] for path in NOTEBOOKS] == ["1", "2", "3"]


@every_notebook
def test_its_outputs_are_in_place(path):
    assert path.stat().st_size < 300_000
    text = path.read_text(encoding="utf-8")
    assert str(run.ROOT) not in text
    notebook = json.loads(text)
    cells = code_cells(notebook)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert sum(bool(cell["outputs"]) for cell in cells) >= len(cells) - 1
    assert not any(o["output_type"] == "error" for cell in cells for o in cell["outputs"])


@every_notebook
def test_it_runs(path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(run.ROOT))
    with warnings.catch_warnings():  # Jupyter's own are not ours to mend
        warnings.simplefilter("ignore")
        notebook = run.execute(path)
    if path.stem == "1-the-article":  # whole numbers, the same on every machine
        assert printed(notebook) == printed(json.loads(path.read_text(encoding="utf-8")))


def test_every_claim_is_met_in_the_article_s_notebook():
    text = "".join(printed(json.loads(NOTEBOOKS[0].read_text(encoding="utf-8"))))
    assert re.findall(r"^L(\d+): ", text, re.M) == [str(number) for number in range(1, 21)]


def test_a_missing_extra_is_named(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "nbclient", None)
    assert run.main() == 2
    assert "pip install 'jaxcnn[notebooks]'" in capsys.readouterr().err
