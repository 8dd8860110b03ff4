"""Settings: rooms, adding and replacing a thing, backup and export, language and look."""

from __future__ import annotations

import json
from zipfile import ZipFile

import pytest
from playwright.sync_api import expect
from tests.browser.running import Opened

pytestmark = pytest.mark.journey


def test_a_room_is_made_renamed_and_removed(open_page: Opened) -> None:
    page = open_page("/settings/rooms", language="en")
    page.get_by_placeholder("New room").fill("书房")
    page.get_by_role("button", name="Add").first.click()
    expect(page.get_by_role("button", name="Remove 书房")).to_be_visible()
    row = page.get_by_role("listitem").filter(has=page.get_by_role("button", name="Remove 书房"))
    row.get_by_label("Name of the room").fill("Study")
    row.get_by_label("Name of the room").press("Tab")
    page.get_by_role("button", name="Remove Study").click()
    expect(page.get_by_role("button", name="Remove Study")).to_have_count(0)


def test_a_thing_taken_out_is_found_again_and_added_in_three_taps(open_page: Opened) -> None:
    page = open_page("/settings/things")
    page.get_by_role("button", name="编辑空气净化器", exact=True).click()
    sheet = page.get_by_role("dialog")
    sheet.get_by_role("button", name="移出这个家").click()
    sheet.get_by_role("button", name="确定移出").click()
    expect(page.get_by_role("button", name="编辑空气净化器", exact=True)).to_have_count(0)
    page.goto(page.url.replace("/things", "/found"))
    page.get_by_role("button", name="搜索").click()
    page.get_by_role("button", name="添加", exact=True).first.click()
    page.get_by_role("dialog").get_by_label("房间").select_option(label="客厅")
    page.get_by_role("dialog").get_by_role("button", name="添加", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    home = page.evaluate("() => fetch('/api/home').then((answer) => answer.json())")
    assert "zhimi.airp.cpa4" in {thing["model"] for thing in home["things"]} or len(home["things"]) == 28


def test_a_backup_is_made_and_downloaded(open_page: Opened) -> None:
    page = open_page("/settings/keeping")
    page.get_by_label("口令").fill("a long passphrase")
    page.get_by_role("button", name="现在备份").click()
    link = page.get_by_role("link", name="下载").first
    link.wait_for()
    with page.expect_download() as download:
        link.click()
    assert download.value.path().stat().st_size > 10_000


def test_everything_is_exported(open_page: Opened) -> None:
    page = open_page("/settings/keeping", language="en")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export everything").click()
    with ZipFile(download.value.path()) as archive:
        lines = archive.read("facts.jsonl").splitlines()
    assert len(lines) > 50
    assert all(json.loads(line)["specversion"] == "1.0" for line in lines)


def test_language_theme_and_size_are_kept(open_page: Opened) -> None:
    page = open_page("/settings/look")
    page.get_by_role("main").get_by_role("button", name="English", exact=True).click()
    expect(page.get_by_role("heading", name="Language and look")).to_be_visible()
    page.get_by_role("button", name="Dark", exact=True).click()
    page.get_by_role("button", name="Large", exact=True).click()
    page.reload()
    expect(page.get_by_role("heading", name="Language and look")).to_be_visible()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "20px"


def test_radios_tell_how_they_fare(open_page: Opened) -> None:
    page = open_page("/settings/radios", language="en")
    expect(page.get_by_text("miIO")).to_be_visible()
    expect(page.get_by_text("of 28 things answer")).to_be_visible()
