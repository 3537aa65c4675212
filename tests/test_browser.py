"""The ledger's page in a browser: formulas have a size, nothing overflows, links lead somewhere, no errors.

Needs playwright (extra `browser`) and a Chromium: `playwright install chromium`, or the system's own.
"""

import os
import shutil

import pytest
from test_page import made

from jaxcnn.page.document import render

HOW = "pip install 'jaxcnn[browser]', then `playwright install chromium` or install the system's chromium"
playwright = pytest.importorskip("playwright.sync_api", reason=f"playwright is not installed: {HOW}")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render(made()), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def browser():
    system = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    with playwright.sync_playwright() as running:
        try:
            # Chromium refuses its sandbox to root
            opened = running.chromium.launch(executable_path=system, args=["--no-sandbox"] if root else [])
        except playwright.Error as error:
            pytest.skip(f"no browser: {HOW} ({str(error).splitlines()[0]})")
        yield opened
        opened.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_the_page_in_a_window(browser, address, width, scheme):
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.append(request.url) if request.url != address else None)
    page.goto(address)
    boxes = page.eval_on_selector_all(
        "math, math *",
        "found => found.map(e => [e.tagName, ...[e.getBoundingClientRect()].map(b => b.width * b.height)])",
    )
    assert sum(name == "math" for name, _ in boxes) > 35
    assert all(area > 0 for name, area in boxes if name not in ("mspace",))
    assert page.evaluate("document.scrollingElement.scrollWidth") == width
    # what is wider than the window lies in a region that scrolls by itself
    outside = page.evaluate(
        """() => [...document.querySelectorAll("body *")].filter(e => {
            const box = e.getBoundingClientRect();
            return box.right > innerWidth + 1 && !e.closest(".scroll, pre, .skip");
        }).map(e => e.outerHTML.slice(0, 120))"""
    )
    assert outside == []
    dead = page.evaluate(
        """() => [...document.querySelectorAll("a")].map(a => a.getAttribute("href"))
            .filter(href => !href.startsWith("#") || document.getElementById(href.slice(1)) === null)"""
    )
    assert dead == []
    assert complaints == []
    page.close()


def contrast(one, other):
    """By the formula of WCAG 2."""

    def luminance(colour):
        parts = [int(part) / 255 for part in colour.removeprefix("rgb(").rstrip(")").split(",")]
        linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
        return sum(weight * x for weight, x in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_their_ground(browser, address, scheme):
    page = browser.new_page(color_scheme=scheme)
    page.goto(address)
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    inks = page.eval_on_selector_all(
        "p, a, h1, h2, h3, th, td, figcaption, caption, dt, .badge, strong",
        "found => [...new Set(found.map(e => getComputedStyle(e).color))]",
    )
    assert len(inks) > 4
    assert min(contrast(ink, paper) for ink in inks) >= 4.5
    page.close()


def test_printed_nothing_is_cut(browser, address):
    page = browser.new_page(viewport={"width": 794, "height": 1123})  # A4
    page.emulate_media(media="print")
    page.goto(address)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 794
    assert page.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    page.close()
