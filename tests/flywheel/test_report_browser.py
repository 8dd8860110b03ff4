"""The page in Chromium, as a phone and a desk show it: nothing fetched, nothing refused, nothing sideways, readable."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, sync_playwright
from tests.browser.running import CHROMIUM, FLAGS
from tests.flywheel.report_example import CHINESE, HOSTILE, example

from setaria.flywheel.report.html import to_html

pytestmark = pytest.mark.journey

AXE: Final = files("axe_playwright_python").joinpath("axe.min.js").read_text()
EXAMINE: Final = """async () => {
    const told = await axe.run({resultTypes: ["violations"], preload: false});
    return told.violations.map((each) => `${each.id}: ${each.nodes.map((node) => node.html.slice(0, 120))}`);
}"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.mark.parametrize(
    ("names", "language", "width", "dark"),
    [
        *((CHINESE, "zh-CN", 390, True), (CHINESE, "zh-CN", 1280, False)),
        *((HOSTILE, "en", 390, False), (HOSTILE, "en", 1280, True)),
    ],
)
def test_a_phone_and_a_desk(
    chromium: Browser, tmp_path: Path, names: tuple[str, ...], language: str, width: int, dark: bool
) -> None:
    file = tmp_path / "page.html"
    file.write_text(to_html(example(names, identified=False), language), encoding="utf-8")
    heard: list[str] = []
    for bypass in (False, True):  # what examines the page is a script, which its policy refuses
        context = chromium.new_context(
            viewport={"width": width, "height": 844}, color_scheme="dark" if dark else "light", bypass_csp=bypass
        )
        page = context.new_page()
        page.on("console", lambda said: heard.append(said.text))
        page.on("dialog", lambda asked: heard.append(asked.message))
        page.on("request", lambda sent: heard.append(sent.url) if not sent.url.startswith(("file:", "data:")) else None)
        page.goto(file.as_uri())
        assert page.evaluate("document.scrollingElement.scrollWidth") == width
        shown = page.locator("svg[role=img]:visible").count()
        assert 0 < shown < page.locator("svg[role=img]").count()
        if bypass:
            page.evaluate(AXE)
            assert page.evaluate(EXAMINE) == []
        context.close()
    assert heard == []


def test_csv_comes_without_a_network(chromium: Browser, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(to_html(example(), "zh-CN"), encoding="utf-8")
    page = chromium.new_page(accept_downloads=True)
    page.goto(file.as_uri())
    with page.expect_download() as coming:
        page.locator("a[download='values.csv']").click()
    coming.value.save_as(tmp_path / "values.csv")
    assert (tmp_path / "values.csv").read_text(encoding="utf-8-sig").startswith("触点,次数,直接,间接,间接 下限")
    page.close()
