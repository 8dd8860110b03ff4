"""The page: whole by itself, safe with any name, and never a number without what belongs beside it."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import msgspec
import pytest
from tests.flywheel.report_example import CHINESE, ENGLISH, HOSTILE, bare, example, unbounded

from setaria.flywheel.report.html import to_html
from setaria.flywheel.report.report import Report
from setaria.words import languages

VOID = {"meta", "link", "br", "img", "input"}
KNOWN = {
    *(
        "html",
        "head",
        "meta",
        "link",
        "title",
        "style",
        "body",
        "a",
        "header",
        "p",
        "svg",
        "path",
        "h1",
        "h2",
        "h3",
        "strong",
    ),
    *(
        "main",
        "div",
        "section",
        "ul",
        "li",
        "span",
        "figure",
        "text",
        "rect",
        "circle",
        "line",
        "g",
        "table",
        "caption",
    ),
    *("thead", "tbody", "tfoot", "tr", "th", "td", "details", "summary", "small", "abbr", "footer"),
}


class Page(HTMLParser):
    """Every element, checked to be closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs), (tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def reports(language: str) -> dict[str, Report]:
    names = CHINESE if language == "zh-CN" else ENGLISH
    unsure = example(names, identified=False)
    return {"sure": example(names), "unsure": unsure, "hostile": example(HOSTILE), "bare": bare(), "free": unbounded()}


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("which", ["sure", "unsure", "hostile", "bare", "free"])
def test_a_whole_page_by_itself(which: str, language: str) -> None:
    text = to_html(reports(language)[which], language)
    page = Page(text)
    assert len(text.encode()) < 400_000
    assert {tag for tag, _ in page.elements} <= KNOWN
    assert "flywheel.report." not in text
    assert "nan" not in re.sub(r"base64,[^\"]*", "", text).lower().replace("financ", "")
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag
        for name in ("href", "src"):
            target = attributes.get(name)
            assert target is None or target.startswith(("#", "data:")), target
    assert page.all("html")[0]["lang"] == language
    names = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(names) == len(set(names))


def test_its_policy_allows_its_own_style_and_nothing_else() -> None:
    text = to_html(example(), "zh-CN")
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert style is not None
    assert policy is not None
    allowed = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy[1].startswith(f"default-src 'none'; style-src 'sha256-{allowed}'; ")
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_hostile_names_are_words() -> None:
    text = to_html(example(HOSTILE), "en")
    page = Page(text)
    assert not {"script", "img", "b"} & {tag for tag, _ in page.elements}
    assert len(page.all("style")) == 1
    assert '<script>alert("1")</script>' in page.words  # as a text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_first_screen_is_the_answer_then_values_then_the_rest() -> None:
    text = to_html(example(ENGLISH), "en")
    order = [
        "measured",
        "answer",
        "values-0",
        "explained-0",
        "weeks",
        "flow-0",
        "loops",
        "leads",
        "number",
        "verdict",
        "checks",
        "compared",
    ]
    places = [text.index(f'id="{name}"') for name in [*order, "back-test", "what-if", "rows", "next"]]
    assert places == sorted(places)
    assert 'role="note"' in text.split("<main>")[0]
    assert "these households do not exist" in text.split("<main>")[0]
    real = example(ENGLISH)
    real.source = msgspec.structs.replace(real.source, simulated=False)
    assert "do not exist" not in to_html(real, "en")


def card(text: str, name: str) -> str:
    return text.split(f'id="{name}"')[1].split("</section>")[0]


def test_the_flywheel_number_stands_with_its_five_specifications() -> None:
    number = card(to_html(example(ENGLISH), "en"), "number")
    assert '<p class="hero">0.39<small>0.35 to 0.43' in number
    shown = re.sub("<details.*?</details>", "", number)
    for name in ("Naive", "+ households differ", "+ each has its tastes", "+ some fall silent", "+ calendar"):
        assert shown.count(f">{name}</text>") == 2, name  # the picture for a desk and that for a phone
    alone = example(ENGLISH)
    alone.specified = []
    withheld = card(to_html(alone, "en"), "number")
    assert "is not shown" in withheld
    assert "0.39" not in withheld


def test_what_is_not_identified_says_so_beside_its_numbers() -> None:
    sure, unsure = (to_html(example(ENGLISH, identified=each), "en") for each in (True, False))
    assert 'class="doubt"' not in sure
    for name in ("answer", "values-0", "explained-0", "flow-0", "leads", "number", "loops", "what-if", "budget"):
        assert "not identified</span>" in card(unsure, name), name
        assert "not identified</span>" not in card(sure, name), name
    table = card(unsure, "values-0").split("<details")[0]
    assert table.count('<abbr class="doubt"') == 12 * 2 + 4


def test_each_picture_has_words_and_a_table_with_csv() -> None:
    page = Page(to_html(example(ENGLISH), "en"))
    pictures = [each for each in page.all("svg") if each.get("role") == "img"]
    assert len(pictures) >= 20
    assert all(each["aria-label"] for each in pictures)
    links = [each for each in page.all("a") if "download" in each]
    assert len(links) >= 15
    for each in links:
        head, _, encoded = str(each["href"]).partition("base64,")
        assert head == "data:text/csv;charset=utf-8;"
        assert base64.b64decode(encoded).startswith(b"\xef\xbb\xbf")
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(each.get("scope") in ("row", "col") for each in page.all("th"))


def test_the_total_is_there_to_the_cent() -> None:
    whole = card(to_html(example(CHINESE), "zh-CN"), "explained-0")
    for amount in (
        "¥3,647,301.97",
        "¥325,495.41",
        "¥1,736,677.18",
        "¥12,189.44",
        "¥715,207.97",
        "¥379.50",
        "¥6,437,251.47",
    ):
        assert amount in whole
