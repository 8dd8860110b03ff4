"""Activity: what a person did is there within a moment, narrowed to the thing, and leads to its facts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect
from tests.browser.running import Opened

pytestmark = pytest.mark.journey

WRITE = """([thing, address, value]) => fetch(`/api/things/${thing}/write`, {
    method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify({writes: {[address]: value}}),
}).then((answer) => answer.status)"""


def set_brightness(page: Page, value: int) -> None:
    assert page.evaluate(WRITE, ["living_light", "light.brightness", value]) == 200


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_what_was_done_is_told_at_once(open_page: Opened, language: str) -> None:
    page = open_page("/activity?thing=living_light", language=language)
    other = open_page("/settings/about", language=language)
    set_brightness(other, 37 if language == "en" else 41)
    told = page.get_by_role("listitem").filter(has_text="李伟").filter(has_text="37" if language == "en" else "41")
    expect(told.first).to_be_visible()
    told.first.get_by_role("button").click()
    facts = page.get_by_role("dialog")
    expect(facts).to_contain_text("home.command_given")
    expect(facts).to_contain_text("living_light")


def test_narrowing_stands_in_the_address(open_page: Opened) -> None:
    page = open_page("/activity")
    page.get_by_label("设备", exact=True).select_option("balcony_washer")
    expect(page).to_have_url(re.compile(r"/activity\?thing=balcony_washer$"))
    page.reload()
    expect(page.get_by_label("设备", exact=True)).to_have_value("balcony_washer")
