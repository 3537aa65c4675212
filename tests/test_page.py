"""The ledger's page: well-formed, self-contained, complete, and every link within it leads somewhere."""

import itertools
import json
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from jaxcnn.cli import main
from jaxcnn.derivations.claims import CLAIMS
from jaxcnn.derivations.ledger import judge
from jaxcnn.derivations.precision import errors
from jaxcnn.derivations.proofs.identity import prove
from jaxcnn.derivations.search import search
from jaxcnn.derivations.table import DERIVATIONS
from jaxcnn.page.document import render
from jaxcnn.page.elements import tag
from jaxcnn.page.formulas import FORMULAS
from jaxcnn.page.mathml import formula
from jaxcnn.page.matrices import matrix
from jaxcnn.page.sources import ROOT, source, way_to_repository

VOID = {"meta", "link"}


def few(claim):
    """The claim on some of its cases: the page is tested here, not the verdicts."""

    def first(cases, count):
        return lambda thorough: list(itertools.islice(cases(thorough), count))

    parts = tuple(replace(part, cases=first(part.cases, 3)) for part in claim.parts[:1])
    return replace(claim, cases=first(claim.cases, 40), parts=parts)


def made() -> dict:
    """A report as `jaxcnn verify --html` makes it, on few cases."""
    proofs = {identity: prove(identity) for identity in CLAIMS[2].identities + CLAIMS[5].identities}
    rulings = []
    for claim in CLAIMS:
        known = proofs if claim.number in (3, 6) else None
        thin = claim if known else few(claim)
        rulings.append(judge(thin, proofs=known))
    operations = []
    for name in ("relu", "conv_db"):
        derivation = next(d for d in DERIVATIONS if d.name == name)
        by_part = errors(derivation)
        operations += [
            row.as_dict() | {"ulp_by_dtype": by_part[row.part]} for row in search(derivation, geometries=1)
        ]
    return {
        "versions": {"python": "3", "platform": "Linux x86_64"},
        "thorough": False,
        "seconds": 1.0,
        "exit_code": 0,
        "claims": [ruling.as_dict() for ruling in rulings],
        "identities": [proof.as_dict() for proof in proofs.values()],
        "operations": operations,
    }


@pytest.fixture(scope="module")
def report():
    return made()


@pytest.fixture(scope="module")
def text(report):
    return render(report, "..")


class Reader(HTMLParser):
    """Every element with its attributes and words; a wrongly nested one is an error."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.elements = [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, name, attributes):
        assert len(dict(attributes)) == len(attributes)
        element = {"name": name, "in": [e["name"] for e in self.open], "words": "", **dict(attributes)}
        self.elements.append(element)
        if name not in VOID:
            self.open.append(element)

    def handle_endtag(self, name):
        assert self.open.pop()["name"] == name

    def handle_data(self, words):
        for element in self.open:
            element["words"] += words

    def all(self, name):
        return [element for element in self.elements if element["name"] == name]


@pytest.fixture(scope="module")
def page(text):
    return Reader(text)


def test_ids_are_unique_and_links_resolve(page):
    ids = Counter(element["id"] for element in page.elements if "id" in element)
    assert ids and max(ids.values()) == 1
    assert not [id_ for id_ in ids if re.search(r"\s", id_)]
    links = [element["href"] for element in page.all("a")]
    for link in links:
        if link.startswith("#"):
            assert link[1:] in ids, link
        else:
            assert link.startswith("../") and (ROOT / link[3:]).is_file(), link
    for element in page.elements:
        assert element.get("aria-labelledby", "content") in ids


def test_nothing_comes_from_elsewhere(page, text):
    assert not page.all("script") + page.all("img") + page.all("iframe")
    assert [element["href"] for element in page.all("link")] == ["data:,"]
    assert not re.search(r"url\(|@import|https?:", text)


def test_every_claim_has_its_verdict_formulas_and_functions(page, report):
    assert [ruling["claim"] for ruling in report["claims"]] == list(FORMULAS)
    sections = {e["id"]: e for e in page.all("section") if e.get("class") == "claim"}
    assert list(sections) == list(FORMULAS)
    for ruling in report["claims"]:
        words = sections[ruling["claim"]]["words"]
        for piece in (ruling["verdict"], ruling["statement"], ruling["reading"], ruling["correction"]):
            assert piece in words
        assert f"Where it holds: {ruling['domain']}" in words or not ruling["domain"]
        assert words.count("As printed") == words.count("As it holds") == 1
        assert ("Nothing is printed." in words) == (ruling["claim"] in ("L15", "L16"))
        assert ("Smallest counterexample" in words) == (ruling["counterexample"] is not None)
        for function, equation in FORMULAS[ruling["claim"]].functions:
            assert function.replace(":", ".") in words
            assert f"equation ({equation})" in words or not equation
            assert f"({equation})" in (ROOT / source(function).file).read_text() or not equation


def test_the_summary_counts_the_verdicts(page, report):
    counts = next(e["words"] for e in page.all("ul") if e.get("class") == "counts")
    for verdict, count in Counter(ruling["verdict"] for ruling in report["claims"]).items():
        assert re.search(rf"\b{count} \S {verdict}", counts)
    assert f"{len(report['identities'])} index identities" in counts


def test_headings_landmarks_and_tables_are_for_everybody(page):
    levels = [int(e["name"][1]) for e in page.elements if re.fullmatch(r"h\d", e["name"])]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in itertools.pairwise(levels))
    for landmark in ("header", "nav", "main", "footer"):
        assert len(page.all(landmark)) == 1
    assert page.all("html")[0]["lang"] == "en"
    assert page.all("a")[0]["href"] == "#content"
    assert all(e.get("scope") in ("col", "row") for e in page.all("th"))
    captions = sum("table" in e["in"] for e in page.all("caption"))
    assert captions == sum(e.get("class") != "numbers" for e in page.all("table"))
    for region in page.elements:
        if region.get("role") == "region":
            assert region["aria-label"] and region["tabindex"] == "0"


def test_mathml_is_well_formed(text):
    found = re.findall(r"<math.*?</math>", text, re.S)
    lines = [f for x in FORMULAS.values() for f in (x.printed or "").splitlines() + x.corrected.splitlines()]
    assert len(found) == len(lines)
    for markup in found:
        for element in ElementTree.fromstring(markup).iter():
            known = {"math", "mrow", "mi", "mn", "mo", "mtext", "mfrac", "mspace", "msub", "msup", "munder"}
            assert element.tag in known | {"munderover", "msubsup"}
            children = {"mfrac": 2, "msub": 2, "msup": 2, "munder": 2, "munderover": 3, "msubsup": 3}
            assert len(element) == children.get(element.tag, len(element))


def words_of(markup):
    return "".join(ElementTree.fromstring(markup).itertext())


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_loses_no_sign(name):
    for line in (FORMULAS[name].printed or "").splitlines() + FORMULAS[name].corrected.splitlines():
        plain = re.sub(r'frac|[{}"_^\s]', "", line)
        plain = plain.replace("floor", "⌊").replace("ceil", "⌈").replace("abs", "").replace("paren", "(")
        # the notation leaves closing brackets out
        shown, plain = (re.sub(r"[⌋⌉|) ]", "", text) for text in (words_of(formula(line)), plain))
        assert shown == plain


@pytest.mark.parametrize(
    ("line", "markup"),
    [
        ("n_{out}", "<msub><mi>n</mi><mrow><mi>out</mi></mrow></msub>"),
        ("g′", "<msup><mi>g</mi><mo>′</mo></msup>"),
        ("frac{1}{2}", "<mfrac><mrow><mn>1</mn></mrow><mrow><mn>2</mn></mrow></mfrac>"),
        ("W dZ", '<mi>W</mi><mspace width="0.25em"></mspace><mi>dZ</mi>'),
        ("a < b", "<mi>a</mi><mo>&lt;</mo><mi>b</mi>"),
    ],
)
def test_the_notation_of_formulas(line, markup):
    assert f"<mrow>{markup}</mrow></math>" in formula(line)


@pytest.mark.parametrize("line", ["frac{1", "a}", "frac 1", "{a"])
def test_a_formula_with_a_brace_amiss_is_refused(line):
    with pytest.raises(ValueError, match="formula: a"):
        formula(line)


def test_text_never_becomes_markup(report):
    (first, *others) = report["claims"]
    nasty = '<script>alert("1 & 2")</script>'
    changed = report | {"claims": [first | {"statement": nasty, "domain": nasty, "reason": nasty}, *others]}
    found = Reader(render(changed))
    assert not found.all("script")
    assert nasty in found.all("blockquote")[0]["words"]
    assert tag("p", nasty, title='"') == f'<p title="&quot;">{tag("b", nasty)[3:-4]}</p>'


def test_a_matrix_marks_what_differs():
    found = Reader(matrix("as printed", [[1, -2], [3, 4]], [[1, -2], [3, 5]]))
    assert [e["words"] for e in found.all("td")] == ["1", "−2", "3", "4"]
    assert [e["words"] for e in found.all("strong")] == ["4"]
    assert Reader(matrix("Z", [[[7]], [[8]]])).all("figcaption")[0]["words"] == "Z, 2 × 1 × 1"
    assert not Reader(matrix("Z", [1, 2], [1])).all("strong")
    deep = Reader(matrix("Z", [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]))
    assert len(deep.all("table")) == 2


def test_the_source_is_the_functions(page):
    found = source("jaxcnn.convolution:conv_dA")
    lines = (ROOT / found.file).read_text().splitlines()
    assert lines[found.line - 1].startswith("def conv_dA(")
    assert found.text.startswith("def conv_dA(")
    codes = [e["words"] for e in page.all("code")]
    assert found.text in codes and found.name in codes


def test_links_to_the_source_only_from_within_the_repository(tmp_path, report):
    assert way_to_repository(ROOT / "report.html") == "."
    assert way_to_repository(ROOT / "experiments" / "results" / "report.html") == "../.."
    assert way_to_repository(tmp_path / "report.html") is None
    links = [e["href"] for e in Reader(render(report)).all("a")]
    assert all(link.startswith("#") for link in links)


def test_a_wrong_operation_shows_its_counterexample(report):
    first, *others = report["operations"]
    found = {"keywords": {"stride": "2"}, "report": "the gradient of Z at [0]: got 2.0, expected 1.0"}
    wrong = first | {"verdict": "FAIL", "counterexample": found, "ulp_by_dtype": {}}
    text = render(report | {"operations": [wrong, *others], "exit_code": 1})
    assert f"stride=2\n{found['report']}" in Reader(text).all("pre")[-1]["words"]
    assert "Something is wrong." in text and "float16" in text


def test_one_claim_alone_makes_a_page(report):
    alone = report | {"claims": report["claims"][:1], "identities": [], "operations": []}
    found = Reader(render(alone))
    assert [e["id"] for e in found.all("section") if e.get("class") == "claim"] == ["L1"]
    ids = {e["id"] for e in found.elements if "id" in e}
    assert all(e["href"][1:] in ids for e in found.all("a") if e["href"].startswith("#"))


def test_nothing_tells_of_this_machine(text):
    import platform

    for secret in (str(ROOT), str(Path.home()), platform.node()):
        assert secret not in text


def test_the_command_writes_the_page(capsys, tmp_path):
    html, json_ = tmp_path / "report.html", tmp_path / "report.json"
    assert main(["verify", "--claim", "L6", "--html", str(html), "--json", str(json_)]) == 0
    found = Reader(html.read_text(encoding="utf-8"))
    verdict = json.loads(json_.read_text(encoding="utf-8"))["claims"][0]["verdict"]
    assert verdict in found.all("section")[-4]["words"]
    assert any(e["words"] == "output_size" for e in found.all("a"))


def test_a_file_that_cannot_be_written_is_told(capsys, tmp_path, monkeypatch):
    for path, message in (
        (tmp_path / "no" / "r.html", f"argument --html: there is no folder {tmp_path / 'no'}"),
        (tmp_path, f"argument --html: {tmp_path} is a folder; expected a file"),
    ):
        with pytest.raises(SystemExit) as exit_:
            main(["verify", "--html", str(path)])
        assert exit_.value.code == 2
        assert message in capsys.readouterr().err

    def full(self, *args, **keywords):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    path = tmp_path / "r.html"
    assert main(["verify", "--claim", "L3", "--html", str(path)]) == 2
    expected = f"jaxcnn verify: {path}: No space left on device; expected a file to write"
    assert expected in capsys.readouterr().err
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(SystemExit):
        main(["verify", "--html", str(path)])
    assert f"argument --html: {path} cannot be written; expected a file that can" in capsys.readouterr().err
