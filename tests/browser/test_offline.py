"""The hub is gone: the page says so, shows the last state and pretends nothing; it comes back: so does the page, by
itself; and who signs out leaves nothing of the home behind."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from tests.browser.running import WITHIN, Opened, RunningHub

pytestmark = pytest.mark.journey

LOST = "与网关断开，显示的是最后的状态"
BACK_WITHIN = 20_000  # milliseconds: a browser tries again each few seconds
CONTROLLED = "() => navigator.serviceWorker.controller !== null"
KEPT = """async () => {
    const found = {};
    for (const name of await caches.keys())
        for (const request of await (await caches.open(name)).keys())
            found[`${name} ${new URL(request.url).pathname}`] = await (await caches.match(request)).text();
    for (const store of [localStorage, sessionStorage])
        for (let place = 0; place < store.length; place += 1) found[store.key(place)] = store.getItem(store.key(place));
    for (const each of await indexedDB.databases()) found[each.name] = "a database";
    return found;
}"""


@pytest.fixture
def kept_page(open_page: Opened) -> Page:
    """A page whose service worker has seen the home."""
    page: Page = open_page("/")
    page.wait_for_function(CONTROLLED)
    page.reload()
    expect(page.get_by_role("switch", name="客厅灯", exact=True)).to_be_enabled()
    page.wait_for_function("() => caches.match('/api/home', {ignoreVary: true}).then((found) => found !== undefined)")
    return page


@pytest.fixture
def stopped(hub: RunningHub) -> Iterator[RunningHub]:
    """Whatever a test does to it, the next one finds a hub."""
    yield hub
    hub.stop()
    hub.start()


def shows_the_last_state(page: Page) -> None:
    expect(page.get_by_text(LOST)).to_be_visible(timeout=WITHIN)
    expect(page.get_by_role("heading", name="客厅", exact=True)).to_be_visible()
    light = page.get_by_role("switch", name="客厅灯", exact=True)
    expect(light).to_be_disabled()
    expect(page.get_by_role("slider", name="客厅灯")).to_be_disabled()
    before = light.get_attribute("aria-checked")
    tile = page.locator("[data-thing=living_light]")
    box = tile.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.8, box["y"] + box["height"] * 0.6)
    expect(light).to_have_attribute("aria-checked", before or "false")


def test_without_a_hub_the_last_state_is_shown_and_nothing_is_pretended(kept_page: Page, stopped: RunningHub) -> None:
    page = kept_page
    stopped.stop(signal.SIGKILL)
    shows_the_last_state(page)
    page.reload()
    shows_the_last_state(page)
    page.get_by_role("link", name="设置").first.click()
    expect(page.get_by_text(LOST)).to_be_visible()
    page.get_by_role("link", name="家", exact=True).first.click()
    stopped.start()
    expect(page.get_by_text(LOST)).to_have_count(0, timeout=BACK_WITHIN)
    light = page.get_by_role("switch", name="客厅灯", exact=True)
    expect(light).to_be_enabled()
    wanted = "false" if light.get_attribute("aria-checked") == "true" else "true"
    light.click()
    expect(light).to_have_attribute("aria-checked", wanted)
    asked = "() => fetch('/api/things/living_light').then((answer) => answer.json())"
    page.wait_for_timeout(300)
    assert page.evaluate(asked)["values"]["light.on"]["value"] is (wanted == "true")


def test_who_signs_out_leaves_nothing_of_the_home_behind(kept_page: Page, stopped: RunningHub) -> None:
    page = kept_page
    assert "living_light" in json.dumps(page.evaluate(KEPT)), "nothing was kept, so that nothing can be left"
    page.get_by_role("link", name="成员").first.click()
    page.get_by_role("button", name="退出登录").click()
    expect(page.get_by_role("button", name="登录", exact=True)).to_be_visible()
    page.wait_for_function("() => caches.has('setaria-kept').then((there) => !there)")
    left: dict[str, str] = page.evaluate(KEPT)
    assert [name for name, text in left.items() if "living_light" in text or "李伟" in text] == []
    stopped.stop(signal.SIGKILL)
    page.reload()
    expect(page.get_by_text("连不上网关。")).to_be_visible()
    expect(page.get_by_text("客厅灯")).to_have_count(0)
