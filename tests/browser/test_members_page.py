"""Members: a guest is invited and sees what was lent and nothing else; a program's token is made and taken back."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

import pytest
from playwright.sync_api import Page, expect
from tests.browser.running import PASSWORD, Opened, RunningHub

pytestmark = pytest.mark.journey


def status_with(hub: RunningHub, token: str, path: str) -> int:
    request = urllib.request.Request(hub.url + path, headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def invite_guest(page: Page) -> str:
    """The invitation's link of a guest to whom the living room is lent for a day."""
    page.get_by_role("button", name="添加成员").click()
    sheet = page.get_by_role("dialog")
    sheet.get_by_label("名字").fill("小周")
    sheet.get_by_label("角色").select_option("guest")
    sheet.get_by_label("整个客厅").check()
    sheet.get_by_role("button", name="添加并邀请").click()
    link = sheet.get_by_text("/join#")
    link.wait_for()
    told = link.text_content()
    assert told is not None
    return told.strip()


def test_a_guest_is_invited_and_sees_what_was_lent(open_page: Opened, hub: RunningHub) -> None:
    link = invite_guest(open_page("/members"))
    path = link.removeprefix(hub.url)
    guest = open_page(path, signed_in=False)
    guest.get_by_label("密码", exact=True).fill(PASSWORD)
    guest.get_by_label("再输一次密码").fill(PASSWORD)
    guest.get_by_role("button", name="加入").click()
    expect(guest.get_by_role("heading", name="客厅")).to_be_visible()
    seen = guest.evaluate("() => fetch('/api/home').then((answer) => answer.json())")
    assert [room["name"] for room in seen["rooms"]] == ["客厅"]
    assert {thing["room"] for thing in seen["things"]} == {"living"}
    assert seen["household"]["latitude"] is None
    menu = guest.get_by_role("navigation").first
    assert "动态" not in menu.inner_text()


def test_a_token_is_shown_once_and_void_at_once_when_taken_back(open_page: Opened, hub: RunningHub) -> None:
    page = open_page("/members", language="en")
    page.get_by_role("button", name="New token").click()
    sheet = page.get_by_role("dialog")
    sheet.get_by_label("Name").fill("Kitchen screen")
    sheet.get_by_role("button", name="Make it").click()
    shown = sheet.get_by_text("setaria_")
    shown.wait_for()
    token = (shown.text_content() or "").strip()
    sheet.get_by_role("button", name="Done").click()
    assert status_with(hub, token, "/api/home") == 200
    assert status_with(hub, token, "/api/activity") == 403
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("Kitchen screen")).to_have_count(0)
    assert status_with(hub, token, "/api/home") == 401


def test_one_renames_oneself(open_page: Opened) -> None:
    page = open_page("/members")
    page.get_by_role("button", name="李伟").click()
    sheet = page.get_by_role("dialog")
    sheet.get_by_label("名字").fill("李大伟")
    sheet.get_by_role("button", name="保存").click()
    expect(page.get_by_role("button", name="李大伟")).to_be_visible()
    sheet.get_by_label("名字").fill("李伟")
    sheet.get_by_role("button", name="保存").click()
    expect(page.get_by_role("button", name="李大伟")).to_have_count(0)


def test_nobody_gets_in_by_guessing(open_page: Opened) -> None:
    page = open_page("/", signed_in=False, language="en")
    page.get_by_label("Name").fill("李伟")
    page.get_by_label("Password").fill("wrong wrong wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    answer = page.evaluate("() => fetch('/api/home').then((answer) => answer.status)")
    assert answer == 401
    assert json.loads(page.evaluate("() => fetch('/api/session').then((answer) => answer.text())"))["household"] == ""
