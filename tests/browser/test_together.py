"""Several people in front of one home: what one does the others see, two fingers on one slider come to one value, a
guest is shown out when the stay ends, and a clock that jumps harms nothing."""

from __future__ import annotations

import time
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser.running import PASSWORD, Opened

pytestmark = pytest.mark.journey

POST = """([path, body]) => fetch(path, {
    method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(body),
}).then((answer) => answer.json())"""
GET = "(path) => fetch(path).then((answer) => answer.json())"
# When the switch of a thing next changes, by the clock that both browsers share.
NEXT_CHANGE = """(name) => {
    const seen = document.querySelector(`[role=switch][aria-label="${name}"]`);
    window.changed = new Promise((tell) => {
        new MutationObserver(() => tell(Date.now())).observe(seen, {attributeFilter: ["aria-checked"]});
    });
}"""
STAY = 5  # seconds


def post(page: Page, path: str, **body: object) -> Any:
    told = page.evaluate(POST, [path, body])
    assert "refused" not in told, told
    return told


def brightness(page: Page) -> int:
    return int(page.evaluate(GET, "/api/things/living_light")["values"]["light.brightness"]["value"])


def switch_of(page: Page, name: str) -> Locator:
    return page.get_by_role("switch", name=name, exact=True)


def drag(page: Page, tile: Locator, shares: list[float]) -> list[tuple[float, float]]:
    """Where the finger goes, from the middle of the tile on."""
    box = tile.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] * 0.6
    return [(box["x"] + box["width"] * share, y) for share in shares]


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_tap_in_one_browser_is_seen_in_the_other(open_page: Opened, language: str) -> None:
    one: Page = open_page("/", language=language)
    other: Page = open_page("/", language=language, width=390)
    for name in ("床头灯", "门厅灯"):
        here, there = switch_of(one, name), switch_of(other, name)
        expect(there).to_be_visible()
        wanted = "false" if there.get_attribute("aria-checked") == "true" else "true"
        other.evaluate(NEXT_CHANGE, name)
        began = one.evaluate("Date.now()")
        here.click()
        expect(there).to_have_attribute("aria-checked", wanted)
        expect(here).to_have_attribute("aria-checked", wanted)
        print(f"{name}: seen in the other browser after {other.evaluate('window.changed') - began} ms")


def test_two_people_drag_the_same_slider_and_end_at_one_value(open_page: Opened) -> None:
    pages: list[Page] = [open_page("/"), open_page("/")]
    tiles = [page.locator("[data-thing=living_light]") for page in pages]
    paths = [drag(pages[0], tiles[0], [0.5, 0.6, 0.7, 0.8, 0.9]), drag(pages[1], tiles[1], [0.5, 0.4, 0.35, 0.3, 0.2])]
    for page, path in zip(pages, paths, strict=True):
        page.mouse.move(*path[0])
        page.mouse.down()
    for step in range(1, 5):
        for page, path in zip(pages, paths, strict=True):
            page.mouse.move(*path[step], steps=4)
            page.wait_for_timeout(60)
    for page in pages:
        page.mouse.up()
    sliders = [tile.get_by_role("slider") for tile in tiles]
    for _ in range(100):
        shown = {slider.input_value() for slider in sliders}
        if shown == {str(brightness(pages[0]))}:
            break
        pages[0].wait_for_timeout(100)
    value = brightness(pages[0])
    assert [int(slider.input_value()) for slider in sliders] == [value, value]
    # What is still under way when both seem to agree would move one of them now.
    pages[0].wait_for_timeout(500)
    assert [int(slider.input_value()) for slider in sliders] == [value, value]
    assert value == brightness(pages[1])


def test_a_guest_is_shown_out_when_the_stay_ends(open_page: Opened) -> None:
    owner: Page = open_page("/")
    day = 24 * 3600 * 1_000_000
    now = int(time.time() * 1e6)
    post(owner, "/api/arrange", command="SaveMember", member="xiao_zhou", name="小周", role="guest", until=now + day)
    lent = {
        "grant": "for_xiao_zhou",
        "member": "xiao_zhou",
        "acts": ["home.see", "thing.control"],
        "rooms": ["living"],
    }
    post(owner, "/api/arrange", command="GiveGrant", **lent, until=now + day)
    path = post(owner, "/api/members/xiao_zhou/invitation")["path"]
    guest: Page = open_page(path, signed_in=False)
    guest.get_by_label("密码", exact=True).fill(PASSWORD)
    guest.get_by_label("再输一次密码").fill(PASSWORD)
    guest.get_by_role("button", name="加入").click()
    expect(switch_of(guest, "客厅灯")).to_be_visible()
    ends = int((time.time() + STAY) * 1e6)
    post(owner, "/api/arrange", command="SaveMember", member="xiao_zhou", name="小周", role="guest", until=ends)
    expect(guest.get_by_role("button", name="登录")).to_be_visible(timeout=(STAY + 15) * 1000)
    expect(guest.get_by_text("客厅灯")).to_have_count(0)
    assert guest.evaluate("() => fetch('/api/home').then((answer) => answer.status)") == 401
    kept = "() => caches.match('/api/home', {ignoreVary: true}).then((found) => found === undefined)"
    assert guest.evaluate(kept), "what was lent is still kept"


@pytest.mark.parametrize("path", ["/", "/activity", "/linkages"])
def test_a_clock_that_jumps_breaks_nothing(open_page: Opened, path: str) -> None:
    page: Page = open_page(path)
    page.clock.install()
    page.reload()
    expect(page.locator("main h1")).to_be_visible()
    page.clock.fast_forward("26:00:00")
    page.clock.set_system_time("2019-01-01T00:00:00Z")
    page.clock.run_for(30_000)
    page.clock.set_system_time("2049-12-31T23:59:59Z")
    page.clock.run_for(30_000)
    page.clock.resume()
    page.goto(page.url.replace(path, "/") if path != "/" else page.url)
    light = switch_of(page, "客厅灯")
    expect(light).to_be_enabled()
    wanted = "false" if light.get_attribute("aria-checked") == "true" else "true"
    other: Page = open_page("/")
    expect(switch_of(other, "客厅灯")).not_to_have_attribute("aria-checked", wanted)
    light.click()
    expect(switch_of(other, "客厅灯")).to_have_attribute("aria-checked", wanted)
    # And what others do is still heard here.
    switch_of(other, "客厅灯").click()
    expect(light).not_to_have_attribute("aria-checked", wanted)
