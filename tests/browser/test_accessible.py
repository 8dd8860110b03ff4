"""What axe says of every page (WCAG 2.0 to 2.2, A and AA) in light, dark and elder, on a desk and on a phone; that
nothing scrolls sideways from 320 px on; that in elder nothing to press is smaller than 44 px; and that a keyboard alone
comes everywhere and is seen there.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, StorageState, expect
from tests.browser.running import WITHIN, Opened, RunningHub

pytestmark = pytest.mark.journey

AXE: Final = files("axe_playwright_python").joinpath("axe.min.js").read_text()
LEVELS: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]
RULES: Final = {"type": "tag", "values": LEVELS}
COLOURS: Final = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
EXAMINE: Final = """async (rules) => {
    const told = await axe.run({runOnly: rules, resultTypes: ["violations"], preload: false});
    const said = (node) => `${node.target.join(" ")} (${[...node.any, ...node.all].map((each) => each.message)})`;
    return told.violations.map((each) => `${each.id}: ${each.nodes.slice(0, 5).map(said).join(", ")}`);
}"""
WIDTHS: Final = (320, 390, 760, 1280)
GO: Final = """(path) => {
    document.querySelector("main").firstElementChild.dataset.before = "";
    history.pushState(null, "", path);
    dispatchEvent(new PopStateEvent("popstate"));
}"""
QUIET: Final = """() => new Promise((quiet) => {
    let timer = setTimeout(quiet, 150);
    const seen = () => (clearTimeout(timer), (timer = setTimeout(quiet, 150)));
    new MutationObserver(seen).observe(document, {subtree: true, childList: true});
    setTimeout(quiet, 3000);
})"""
SIDEWAYS: Final = """async () => {
    const frame = () => new Promise((drawn) => requestAnimationFrame(drawn));
    for (let times = 0; times < 3; times += 1) await frame(); // what measures itself has done so
    const wide = document.scrollingElement;
    const sheet = [...document.querySelectorAll("dialog[open], dialog[open] .body")];
    return [wide, ...sheet].map((each) => each.scrollWidth - each.clientWidth).reduce((a, b) => Math.max(a, b));
}"""
LEAST_TARGET: Final = 44  # px
# What can be hit reaches at least that far around the middle: by itself, by what is drawn around it, or by its label.
TOO_SMALL: Final = """(least) => {
    const controls = "button, a[href], input, select, textarea, summary, [role=switch], [tabindex='0']";
    const within = document.querySelector("dialog[open]") ?? document;
    const reach = least / 2 - 0.75;
    const small = [];
    for (const each of within.querySelectorAll(controls)) {
        if (each.disabled || !each.checkVisibility({opacityProperty: false, visibilityProperty: true})) continue;
        const inline = each.tagName === "A" && getComputedStyle(each).display === "inline";
        const box = each.getBoundingClientRect();
        if (inline || box.width < 2 || box.height < 2 || (box.width >= least && box.height >= least)) continue;
        each.scrollIntoView({block: "center", inline: "center", behavior: "instant"});
        const at = each.getBoundingClientRect();
        const [x, y] = [at.x + at.width / 2, at.y + at.height / 2];
        const labels = each.labels ? [...each.labels] : [];
        const hits = (dx, dy) => {
            const found = document.elementFromPoint(x + dx, y + dy);
            return found !== null && (each.contains(found) || labels.some((label) => label.contains(found)));
        };
        const wide = at.width >= least || (hits(-reach, 0) && hits(reach, 0)) || labels.some((label) => hits(0, 0)
            && label.getBoundingClientRect().width >= least);
        const high = at.height >= least || (hits(0, -reach) && hits(0, reach)) || labels.some((label) =>
            label.getBoundingClientRect().height >= least);
        if (wide && high) continue;
        const name = each.getAttribute("aria-label") ?? each.textContent.trim().slice(0, 30) ?? "";
        const size = `${Math.round(at.width)} x ${Math.round(at.height)}`;
        small.push(`${each.tagName.toLowerCase()}.${each.className} "${name}" ${size}`);
    }
    return small;
}"""


@dataclasses.dataclass(frozen=True)
class Place:
    """Where to look: a path, what to press there, what must then be seen."""

    name: str
    path: str
    press: tuple[str, ...] = ()
    sheet: bool = False


SECTIONS: Final = ("found", "things", "rooms", "radios", "notices", "keeping", "upgrade", "look", "about")
PLACES: Final = (
    Place("home", "/"),
    Place("home, a reading", "/", ("main ul button[aria-haspopup=dialog]",), sheet=True),
    Place("home, being edited", "/", ("text=调整这一页",)),
    Place("a light", "/#thing=living_light", sheet=True),
    Place("an air conditioner", "/#thing=living_ac", sheet=True),
    Place("a lock and its life", "/#thing=door_lock", ("summary:has-text('它的经历')",), sheet=True),
    Place("linkages", "/linkages"),
    Place("a linkage", "/linkages/night_motion_light"),
    Place("a part of a linkage", "/linkages/night_motion_light", (".pill button",), sheet=True),
    Place("a linkage as text", "/linkages/night_motion_light", ("text=文本 (YAML)",)),
    Place("a new linkage", "/linkages/+new"),
    Place("import of linkages", "/linkages/+import"),
    Place("activity", "/activity"),
    Place("facts of an activity", "/activity", ("main li button:has(time)",), sheet=True),
    Place("members", "/members"),
    Place("a member", "/members", ("main button:has-text('王芳')",), sheet=True),
    Place("a new member", "/members", ("text=添加成员",), sheet=True),
    Place("a new token", "/members", ("text=新令牌",), sheet=True),
    Place("a thing's settings", "/settings/things", ("[aria-label='编辑空气净化器']",), sheet=True),
    *(Place(f"settings, {name}", f"/settings/{name}") for name in SECTIONS),
)


@dataclasses.dataclass(frozen=True)
class Look:
    name: str
    width: int
    dark: bool = False
    elder: bool = False


LOOKS: Final = (Look("light", 1280), Look("dark", 390, dark=True), Look("elder", 390, elder=True))


def context_of(browser: Browser, look: Look, state: StorageState | None) -> BrowserContext:
    context = browser.new_context(
        locale="zh-CN",
        viewport={"width": look.width, "height": 900},
        color_scheme="dark" if look.dark else "light",
        reduced_motion="reduce",
        service_workers="block",
        storage_state=state,
    )
    context.set_default_timeout(WITHIN)
    # Not as a <script>: the pages let none in.
    context.add_init_script(AXE)
    kept = json.dumps({"language": "zh-CN", "size": "elder" if look.elder else "usual"})
    context.add_init_script(f"localStorage.setItem('setaria-preferences', {json.dumps(kept)})")
    return context


def show(page: Page, url: str, place: Place, elder: bool) -> None:
    if page.url.startswith(url):
        # As somebody does who goes on from page to page; by another one, so that nothing stays open from before.
        page.keyboard.press("Escape")
        taken = {page.url.removeprefix(url).split("/")[1].split("#")[0], place.path.split("/")[1].split("#")[0]}
        between = next(f"/{each}" for each in ("activity", "members", "settings") if each not in taken)
        for path in (between, place.path):
            page.evaluate(GO, path)
            page.locator("main:not(:has([data-before])) :is(h1, h2):visible").first.wait_for()
    else:
        page.goto(url + place.path)
    page.locator("main h1:visible, main h2:visible").first.wait_for()
    if elder and place.path == "/" and place.press:
        page.get_by_role("button", name="显示全部").click()
    for each in place.press:
        page.locator(each).first.click()
    if place.sheet:
        page.locator("dialog[open] h2").wait_for()
    settle(page)


def settle(page: Page) -> None:
    """What was asked for has come, and is drawn."""
    page.evaluate(QUIET)
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    expect(page.get_by_text("正在读取…")).to_have_count(0)


def examine(page: Page, name: str, look: Look) -> Iterator[str]:
    where = f"{name}, {look.name}"
    # In dark the page is the same but for its colours.
    for told in page.evaluate(EXAMINE, COLOURS if look.dark else RULES):
        yield f"{where}: {told}"
    if look.elder:
        for told in page.evaluate(TOO_SMALL, LEAST_TARGET):
            yield f"{where}: too small: {told}"
    before = page.viewport_size
    for width in () if look.dark else WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        if (beyond := page.evaluate(SIDEWAYS)) > 0:
            yield f"{where}: {beyond} px sideways at {width}"
    if before is not None:
        page.set_viewport_size(before)


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
def test_nothing_stands_in_the_way(hub: RunningHub, owner: StorageState, browser: Browser, look: Look) -> None:
    context = context_of(browser, look, owner)
    page = context.new_page()
    problems: list[str] = []
    for place in PLACES:
        show(page, hub.url, place, look.elder)
        problems += examine(page, place.name, look)
    context.close()
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
@pytest.mark.parametrize(("way", "state"), [("setup", "setup"), ("sign-in", "sign_in"), ("join", "sign_in")])
def test_nothing_stands_in_the_way_of_coming_in(
    hub: RunningHub, browser: Browser, look: Look, way: str, state: str
) -> None:
    context = context_of(browser, look, None)
    page = context.new_page()
    nobody: dict[str, object] = {
        "state": state,
        "member": None,
        "acts": [],
        "household": "",
        "language": "zh-CN",
        "session": "",
    }
    page.route("**/api/session", lambda route: route.fulfill(json=nobody))
    page.goto(f"{hub.url}/{way}")
    page.locator("main h1").wait_for()
    problems = list(examine(page, way, look))
    context.close()
    assert not problems, "\n".join(problems)


# What can be reached in what is open; of radio buttons of one name, one.
REACHABLE: Final = """() => {
    const within = document.querySelector("dialog[open]") ?? document;
    const controls = "button, a[href], input, select, textarea, summary, [tabindex='0']";
    const groups = new Set();
    const found = [...within.querySelectorAll(controls)].filter((each) => {
        if (each.disabled || each.tabIndex < 0 || !each.checkVisibility({visibilityProperty: true})) return false;
        if (each.type !== "radio") return true;
        const first = !groups.has(each.name);
        groups.add(each.name);
        return first;
    });
    found.forEach((each, place) => (each.dataset.wanted = place));
    return found.map((each) => `${each.tagName} ${each.getAttribute("aria-label") ?? each.textContent.trim()}`);
}"""
# Something around the focus (the tile of a slider, the label of a box) has an outline that it has not otherwise.
FOCUSED: Final = """() => {
    const focus = document.activeElement;
    if (focus === null || focus === document.body) return null;
    const outlined = (each) => [null, "::before", "::after"].some((part) => {
        const style = getComputedStyle(each, part);
        return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1.5;
    });
    const near = [focus, focus.parentElement, focus.parentElement?.parentElement, focus.nextElementSibling];
    const radio = focus.type === "radio" ? document.querySelector(`[name="${focus.name}"][data-wanted]`) : focus;
    return {wanted: radio?.dataset.wanted ?? null, seen: near.some((each) => each && outlined(each))};
}"""


@pytest.mark.parametrize("path", ["/", "/linkages/night_motion_light", "/activity", "/members", "/settings/rooms"])
def test_the_tab_key_comes_to_everything_and_is_seen_there(open_page: Opened, path: str) -> None:
    page: Page = open_page(path)
    page.locator("main h1").wait_for()
    settle(page)
    walk(page)


def test_the_tab_key_comes_to_everything_in_a_sheet(open_page: Opened) -> None:
    page: Page = open_page("/#thing=living_light")
    page.locator("dialog[open] h3").first.wait_for()
    settle(page)
    walk(page)


def walk(page: Page) -> None:
    wanted: list[str] = page.evaluate(REACHABLE)
    assert len(wanted) > 3
    seen: set[int] = set()
    unseen: set[int] = set()
    for _ in range(len(wanted) + 8):
        page.keyboard.press("Tab")
        at: dict[str, Any] | None = page.evaluate(FOCUSED)
        if at is not None and at["wanted"] is not None:
            place = int(at["wanted"])
            (seen if at["seen"] else unseen).add(place)
    assert [wanted[place] for place in sorted(unseen)] == [], "focus is there and is not seen"
    assert [each for place, each in enumerate(wanted) if place not in seen] == [], "the Tab key does not come there"


def tab_to(page: Page, wanted: Locator, most: int = 120) -> None:
    """As somebody does who has no mouse."""
    wanted.wait_for(state="attached")
    for _ in range(most):
        if wanted.evaluate("(each) => each === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the Tab key does not come to {wanted}")


def value_of(page: Page, thing: str, address: str) -> Callable[[], Any]:
    ask = "(thing) => fetch(`/api/things/${thing}`).then((answer) => answer.json())"

    def read() -> Any:
        return page.evaluate(ask, thing)["values"][address]["value"]

    return read


def until(page: Page, read: Callable[[], Any], wanted: Any) -> None:
    for _ in range(100):
        if read() == wanted:
            return
        page.wait_for_timeout(100)
    assert read() == wanted


def test_a_light_is_switched_and_dimmed_by_keyboard(open_page: Opened) -> None:
    page: Page = open_page("/")
    switch = page.get_by_role("switch", name="客厅灯", exact=True)
    tab_to(page, switch)
    before = switch.get_attribute("aria-checked")
    page.keyboard.press("Space")
    expect(switch).to_have_attribute("aria-checked", "false" if before == "true" else "true")
    until(page, value_of(page, "living_light", "light.on"), before != "true")
    slider = page.get_by_role("slider", name="客厅灯")
    tab_to(page, slider)
    page.keyboard.press("Home")
    until(page, value_of(page, "living_light", "light.brightness"), 1)
    page.keyboard.press("ArrowRight")
    until(page, value_of(page, "living_light", "light.brightness"), 2)
    expect(slider).to_have_value("2")
    expect(switch).to_have_attribute("aria-checked", "true")


def test_a_sheet_opens_and_closes_by_keyboard_and_gives_the_focus_back(open_page: Opened) -> None:
    page: Page = open_page("/")
    details = page.get_by_role("button", name="客厅灯 的详情")
    tab_to(page, details)
    page.keyboard.press("Enter")
    sheet = page.get_by_role("dialog", name="客厅灯")
    expect(sheet).to_be_visible()
    assert page.evaluate("document.activeElement.closest('dialog') !== null")
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    expect(details).to_be_focused()


def test_a_linkage_is_changed_and_saved_by_keyboard(open_page: Opened) -> None:
    page: Page = open_page("/linkages/curtain_at_sunset")
    part = page.locator(".pill button").first
    tab_to(page, part)
    page.keyboard.press("Enter")
    sheet = page.get_by_role("dialog")
    expect(sheet).to_be_visible()
    minutes = sheet.get_by_label("分", exact=True)
    tab_to(page, minutes)
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("25")
    tab_to(page, sheet.get_by_role("button", name="完成", exact=True))
    page.keyboard.press("Enter")
    expect(sheet).to_have_count(0)
    expect(part).to_be_focused()
    expect(part).to_contain_text("25")
    save = page.get_by_role("button", name="保存", exact=True)
    expect(save).to_be_enabled()
    tab_to(page, save)
    page.keyboard.press("Enter")
    expect(save).to_have_count(0)
    page.reload()
    expect(page.locator(".pill button").first).to_contain_text("25")
