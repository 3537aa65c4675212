"""The figures show what independent loops compute, their words fit, and their command answers bad calls."""

import re
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from test_ledger import EXPECTED

from jaxcnn.derivations.claims import CLAIMS
from jaxcnn.derivations.ledger import Ruling, Verdict
from jaxcnn.loops import convolution as loops
from jaxcnn.loops import pooling
from jaxcnn.loops.window import coverage as covered

for library in ("matplotlib", "PIL", "sklearn"):
    pytest.importorskip(library, reason=f"{library} is not installed: pip install 'jaxcnn[figures]'")

from matplotlib.colors import to_hex  # noqa: E402
from PIL import Image  # noqa: E402

from experiments.figures import (  # noqa: E402
    command,
    connections,
    files,
    filters,
    full_convolution,
    layer,
    ledger,
    max_pool,
    pixels,
    sliding,
    volume,
)
from experiments.figures.command import NUMBERS, main  # noqa: E402
from experiments.figures.photograph import grey, photograph  # noqa: E402
from experiments.figures.sheet import Sheet, number, settings  # noqa: E402
from experiments.figures.table import FIGURES  # noqa: E402

ROOT = Path(__file__).parents[1]
CLAIMED = {
    2: "L7 L8",
    3: "L1 L2",
    4: "L2 L1",
    5: "L4",
    6: "L6",
    7: "L7 L8",
    8: "L9",
    9: "L10 L11",
    10: "L12 L13 L15 L16",
    11: "L13 L14",
    12: "L17",
    13: "L18",
}
PLAIN = {"s": (1, 1), "p": ((0, 0), (0, 0)), "d": (1, 1)}


@cache
def sheet(figure: int, step: int | None = None) -> Sheet:
    with settings():
        return FIGURES[figure].draw(step)


def shown(figure: int, name: str, step: int | None = None) -> np.ndarray:
    """The numbers that are to be read in a matrix; NaN in an empty cell."""

    def read(text) -> float:
        words = text.get_text().replace("−", "-")
        return float(words) if words else np.nan

    return np.vectorize(read)(sheet(figure, step).grids[name].texts)


def correlated(A, W, stride=1):
    """One channel in, one out."""
    return loops.conv(A[None, ..., None], W[..., None, None], **(PLAIN | {"s": (stride, stride)}))[0, ..., 0]


def test_the_figures_are_the_articles():
    assert tuple(FIGURES) == tuple(NUMBERS)


@pytest.mark.parametrize("figure", FIGURES)
def test_a_caption_states_its_claims_of_the_ledger(figure):
    named = set(re.findall(r"\bL\d+\b", sheet(figure).caption))
    assert set(CLAIMED[figure].split()) <= named <= {claim.name for claim in CLAIMS}


@pytest.mark.parametrize("figure", FIGURES)
def test_words_lie_within_the_sheet_and_apart(figure):
    assert_words_lie_apart(sheet(figure))


def assert_words_lie_apart(sheet: Sheet) -> None:
    drawn = sheet.figure
    drawn.set_dpi(72)
    with settings():
        files.FigureCanvasAgg(drawn).draw()
        boxes = [text.get_window_extent() for text in drawn.axes[0].texts if text.get_text()]
    edges = drawn.bbox
    assert all(edges.x0 <= b.x0 and b.x1 <= edges.x1 and edges.y0 <= b.y0 and b.y1 <= edges.y1 for b in boxes)
    for k, one in enumerate(boxes):
        for other in boxes[:k]:
            wide = min(one.x1, other.x1) - max(one.x0, other.x0)
            high = min(one.y1, other.y1) - max(one.y0, other.y0)
            assert wide <= 1 or high <= 2


def test_2_the_numbers_are_pixels_of_the_photograph():
    patch = np.stack([shown(2, name) for name in ("red", "green", "blue")], -1)
    (row, column), side = pixels.CORNER, pixels.SIDE
    np.testing.assert_array_equal(patch, photograph()[row : row + side, column : column + side])


def test_3_each_number_is_a_sum_of_products():
    Z = correlated(sliding.IMAGE, sliding.EDGE)
    np.testing.assert_array_equal(shown(3, "Z"), Z)
    assert shown(3, "products").sum() == Z[1, 2]
    partly = shown(3, "Z", step=7)
    np.testing.assert_array_equal(partly.flat[:8], Z.flat[:8])
    assert np.isnan(partly.flat[8:]).all()
    assert shown(3, "products", step=7).sum() == Z[1, 3]
    assert "exactly −Z" in sheet(3).caption
    h = sliding.EDGE
    np.testing.assert_array_equal(loops.convolve(sliding.IMAGE, h)[2:-2, 2:-2], -Z)


@pytest.mark.parametrize("name", filters.FILTERS)
def test_4_the_photograph_by_both_formulas(name):
    A, W = filters.halved(), filters.FILTERS[name]
    np.testing.assert_allclose(A, grey()[:426].reshape(213, 2, 320, 2).mean((1, 3)), atol=1e-6)
    layer_s, formula = filters.photograph_through(name)
    assert layer_s.shape == formula.shape == (211, 318)
    some = A[60:72, 80:92]  # loops over all pixels would take a minute
    np.testing.assert_allclose(layer_s[60:70, 80:90], correlated(some, W), atol=1e-5)
    np.testing.assert_allclose(formula[60:70, 80:90], correlated(some, np.flip(W)), atol=1e-5)
    turned = "leaves as it is" if np.array_equal(W, np.flip(W)) else "negates"
    assert name in re.search(rf"half turn {turned} \((.*?)\)", sheet(4).caption).group(1)


@pytest.mark.parametrize(("name", "p"), [("valid", 0), ("same", 1), ("full", 2)])
def test_5_counts_are_those_of_walking_windows(name, p):
    along = np.array(covered(6, 3, p=(p, p)))
    inner = slice(p, p + 6)
    np.testing.assert_array_equal(shown(5, name)[inner, inner], along[:, None] * along)
    assert np.isnan(shown(5, name)).sum() == (6 + 2 * p) ** 2 - 36


def test_6_a_stride_skips():
    Z = correlated(sliding.LARGER, sliding.EDGE, 2)
    np.testing.assert_array_equal(shown(6, "Z"), Z)
    assert Z.shape == (3, 3)
    assert np.isnan(shown(6, "Z", step=4)).sum() == 4


@pytest.mark.parametrize("k", [0, 1])
def test_7_the_channels_add_up(k):
    Z = loops.conv(volume.A[None], volume.W, **PLAIN)[0]
    np.testing.assert_array_equal(shown(7, f"Z{k}"), Z[..., k])
    terms = [number(correlated(volume.A[..., c], volume.W[..., c, k])[volume.AT]) for c in range(3)]
    words = [text.get_text() for text in sheet(7).figure.axes[0].texts]
    assert all(f"→ {term}" in words for term in terms)


def test_8_the_sizes_are_those_of_the_layer():
    words = [text.get_text() for text in sheet(8).figure.axes[0].texts]
    assert words.count("6 × 6 × 4") == 2
    assert "8 × 8 × 3" in words and "3 × 3 × 3 × 4" in words
    assert "= 112 numbers" in sheet(8).caption.replace("\u00a0", " ")


def test_9_the_matrix_is_the_layer():
    A = np.random.default_rng(0).standard_normal((3, 3))
    Z = correlated(A, connections.W)
    np.testing.assert_allclose((connections.matrix() @ A.ravel()).reshape(2, 2), Z, atol=1e-12)
    texts = sheet(9).grids["T"].texts
    read = np.vectorize(lambda text: float(text.get_text().replace("w", "") or 0))(texts)
    np.testing.assert_array_equal(read, connections.matrix())
    for words in (
        "36 weights",
        "16 connections",
        "share 4 weights",
        "only A,",
        "A, B, C, D",
        "32 of 81 pairs",
    ):
        assert words in sheet(9).caption


def test_10_forward_and_backward():
    A, W = layer.A[None, ..., None], layer.W[..., None, None]
    Z = loops.conv(A, W, **PLAIN) + layer.b
    dZ = layer.dA_OUT[None, ..., None] * (Z > 0)
    expected = {
        "Z": Z[0, ..., 0],
        "g(Z)": np.maximum(Z, 0)[0, ..., 0],
        "dZ": dZ[0, ..., 0],
        "dA": loops.conv_dA(dZ, W, n=(4, 4), **PLAIN)[0, ..., 0],
        "dW": loops.conv_dW(A, dZ, f=(3, 3), **PLAIN)[..., 0, 0],
        "db": loops.conv_db(dZ)[None],
    }
    for name, values in expected.items():
        np.testing.assert_array_equal(shown(10, name), values, name)


def test_11_the_full_convolution_is_the_gradient():
    W, dZ = full_convolution.W[..., None, None], full_convolution.dZ[None, ..., None]
    dA = loops.conv_dA(dZ, W, n=(4, 4), **PLAIN)[0, ..., 0]
    np.testing.assert_array_equal(shown(11, "dA"), dA)
    np.testing.assert_array_equal(full_convolution.slid(), dA)
    np.testing.assert_array_equal(shown(11, "turned"), shown(11, "W")[::-1, ::-1])
    assert "are the same numbers" in sheet(11).caption
    for step in (0, 9):
        assert shown(11, "products", step).sum() == dA.flat[step]
        assert np.isnan(shown(11, "dA", step)).sum() == 15 - step


def test_12_each_region_keeps_its_largest():
    where = {"s": (2, 2), "p": ((0, 0), (0, 0)), "d": (1, 1)}
    Z, _ = pooling.max_pool(max_pool.A[None, ..., None], (2, 2), **where)
    np.testing.assert_array_equal(shown(12, "Z"), Z[0, ..., 0])
    for name, (n, f, s) in max_pool.TILINGS.items():
        along = np.array(covered(n, f, s=s))
        np.testing.assert_array_equal(shown(12, name), along[:, None] * along)


@pytest.mark.parametrize(("name", "image", "s"), [("tiles", max_pool.A, 2), ("overlaps", max_pool.PEAK, 1)])
def test_13_the_gradient_goes_to_the_maximum(name, image, s):
    where = {"s": (s, s), "p": ((0, 0), (0, 0)), "d": (1, 1)}
    _, index = pooling.max_pool(image[None, ..., None], (2, 2), **where)
    for k, tap in enumerate(index.ravel()):
        np.testing.assert_array_equal(shown(13, f"{name} mask {k}").ravel(), np.arange(4) == tap)
    for step in (None, 1):
        dZ = max_pool.dZ.copy()
        dZ.flat[4 if step is None else step + 1 :] = 0
        dA = pooling.max_pool_dA(index, dZ[None, ..., None], n=image.shape, f=(2, 2), **where)[0, ..., 0]
        np.testing.assert_array_equal(shown(13, f"{name} dA", step), dA)


def test_files_are_written_and_come_out_the_same(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(files, "STILL", 20)
    first, second = tmp_path / "new" / "first", tmp_path / "second"
    assert main(["--only", "12", "--only", "5", "--out", str(first)]) == 0
    printed = capsys.readouterr().out.split()
    expected = ["05-coverage.png", "05-coverage.svg", "12-max-pool.png", "12-max-pool.svg", "12-max-pool.gif"]
    assert printed == [str(first / name) for name in expected]
    second.mkdir()
    files.write(12, second)
    for name in expected[2:]:
        assert (first / name).read_bytes() == (second / name).read_bytes()
    with Image.open(first / "12-max-pool.gif") as animation:
        assert animation.n_frames == FIGURES[12].steps
    svg = (first / "12-max-pool.svg").read_text()
    assert "<dc:date>" not in svg and "L17" in svg


def test_the_gallery_shows_all_figures(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(files, "GALLERY", 20)
    monkeypatch.setattr(files, "FIGURES", {k: FIGURES[k] for k in (3, 5, 12)})
    path = tmp_path / "all.png"
    assert main(["--sheet", str(path)]) == 0
    assert capsys.readouterr().out.split() == [str(path)]
    left, upper, lower = (sheet(k).figure.get_size_inches()[1] * 20 for k in (3, 5, 12))
    with Image.open(path) as image:
        assert image.width == 2 * 224 + 3 * 24
        assert abs(image.height - max(upper, left + lower + 24) - 2 * 24) < 3


def test_the_committed_gallery_is_small_and_in_the_readme():
    path = ROOT / "experiments" / "figures" / "gallery.png"
    assert path.stat().st_size < 600_000
    with Image.open(path) as image:
        assert image.width == 2 * 806 + 3 * 24
        assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
    assert "](experiments/figures/gallery.png)" in (ROOT / "README.md").read_text()


def planted(verdict=None) -> list[Ruling]:
    """A ruling on each claim without judging it: one verdict for all, or those that test_ledger finds."""
    return [
        Ruling(claim, verdict or EXPECTED[claim.name], "for a reason", None, None, (), False, 0.0)
        for claim in CLAIMS
    ]


def words_of(sheet: Sheet) -> str:
    return " ".join(text.get_text().replace("\u00a0", " ") for text in sheet.figure.axes[0].texts)


def test_the_ledger_shows_every_claim_with_its_verdict():
    rulings = planted()
    with settings():
        drawn = ledger.draw(rulings)
    assert_words_lie_apart(drawn)
    words = words_of(drawn)
    for ruling in rulings:
        sign, _, meaning = ledger.LEGEND[ruling.verdict]
        assert f"{ruling.claim.name} {sign} {ruling.claim.statement} {ruling.verdict.value}" in words
        assert meaning in words
        if ruling.verdict is Verdict.ON_A_DOMAIN:
            assert f"{ruling.verdict.value}: {ruling.domain}" in words
    for verdict, number_ in Counter(EXPECTED.values()).items():
        assert f"{number_} {verdict.value}" in words


@pytest.mark.parametrize("verdict", Verdict)
def test_the_ledger_has_a_sign_and_a_colour_for_each_verdict(verdict):
    with settings():
        drawn = ledger.draw(planted(verdict))
    sign, colour, _ = ledger.LEGEND[verdict]
    assert_words_lie_apart(drawn)
    assert words_of(drawn).count(sign) >= 21  # the claims and the legend
    assert {to_hex(chip.get_edgecolor()).upper() for chip in drawn.figure.axes[0].patches} == {colour}
    others = [legend for other, legend in ledger.LEGEND.items() if other is not verdict]
    assert sign not in [legend[0] for legend in others] and colour not in [legend[1] for legend in others]


def test_the_ledger_as_a_file(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(command, "_rulings", planted)
    monkeypatch.setattr(files, "LEDGER", 20)
    path = tmp_path / "ledger.png"
    assert main(["--ledger", str(path)]) == 0
    assert capsys.readouterr().out.split() == [str(path)]
    with Image.open(path) as image:
        assert image.width == 224 and image.info["Description"] == ledger.words(planted())


def test_the_committed_ledger_is_small_and_in_the_readme_and_says_what_the_machine_finds():
    path = ROOT / "experiments" / "figures" / "ledger.png"
    assert path.stat().st_size < 200_000
    with Image.open(path) as image:
        assert image.width == 1232
        assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
        # test_ledger judges the claims and expects these verdicts
        assert image.info["Description"] == ledger.words(planted()), "draw it again with --ledger"
    assert "](experiments/figures/ledger.png)" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "14"], "argument --only: invalid choice: 14"),
        (["--only", "one"], "argument --only: invalid int value: 'one'"),
        (["--only", "3", "--sheet", "x.png"], "argument --sheet: not allowed with argument --only"),
        (
            ["--out", __file__],
            f"argument --out: {__file__}: File exists; expected a folder that can be written",
        ),
        (
            ["--sheet", "no/such/folder/x.png"],
            "argument --sheet: there is no folder no/such/folder",
        ),
        (["--sheet", str(ROOT)], f"argument --sheet: {ROOT} is a folder; expected a file"),
        (
            ["--ledger", "x", "--sheet", "y"],
            "argument --ledger: not allowed with arguments --only and --sheet",
        ),
        (["--ledger", str(ROOT)], f"argument --ledger: {ROOT} is a folder; expected a file"),
    ],
    ids=["unknown", "no number", "both", "a file as folder", "no folder", "a folder", "two", "a folder too"],
)
def test_a_wrong_call_is_exit_code_2(capsys, arguments, message):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_exit_code_2(capsys, monkeypatch, tmp_path):
    def full(path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "write_gallery", full)
    with pytest.raises(SystemExit) as exit_:
        main(["--sheet", str(tmp_path / "x.png")])
    assert exit_.value.code == 2
    assert "x.png: No space left on device; expected a file that can be written" in capsys.readouterr().err


def test_a_missing_extra_is_named(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for name in [name for name in sys.modules if name.startswith("experiments.figures.")]:
        if not name.endswith("command"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(sys.modules["experiments.figures"], "files")
    assert main([]) == 2
    message = capsys.readouterr().err
    assert "python -m experiments.figures needs the package matplotlib" in message
    assert "pip install 'jaxcnn[figures]'" in message
