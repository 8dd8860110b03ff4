"""The pictures of the pages of the running program, phone and desk, light and dark; `make.py` makes them with the rest.

A picture that hardly differs from the one that is there is left as it is, and times of the past are made fixed ones, so
that making them again changes only what has changed. The home is the sample home of simulated things.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

sys.path.append(str(Path(__file__).parents[2]))

from PIL import Image, ImageChops
from playwright.sync_api import Browser, BrowserContext, Page, Route, StorageState, sync_playwright
from tests.browser.running import CHROMIUM, FLAGS, PASSWORD, WITHIN, RunningHub

from setaria.web.static_files import FOLDER

HERE: Final = Path(__file__).parent
EVENING: Final = "2026-11-22T19:42:00+08:00"
EVENING_US: Final = 1_795_347_720_000_000
APART: Final = 7 * 60_000_000  # microseconds between two things that happened
SEEN: Final = 24  # of 255: less is no difference to an eye
CHURN: Final = 0.004  # the share of pixels that may differ before a picture is made anew
COLOURS: Final = 256
LARGEST: Final = 150_000  # bytes
FORMS: Final = {"phone": ({"width": 390, "height": 844}, 2), "desk": ({"width": 1440, "height": 900}, 1)}
OWNER: Final = {"en": "Li Wei", "zh-CN": "李伟"}
# As on an evening at home: what is on, and in which colour.
SETTING: Final = (
    ("living_light", {"light.on": True, "light.brightness": 62}),
    ("living_strip", {"light.on": True, "light.brightness": 40}),
    ("living_curtain", {"curtain.target-position": 45}),
    ("living_purifier", {"air-purifier.on": True}),
    ("living_ac", {"air-conditioner.on": True, "air-conditioner.target-temperature": 24}),
    ("bedroom_lamp", {"light.on": True, "light.brightness": 25}),
)


@dataclass(frozen=True)
class Shot:
    name: str
    path: str
    elder: bool = False
    now: bool = False  # it shows what happened just now, and at another time of day would show nothing


USE_FONT: Final = """(url) => {
    const inter = new FontFace("Inter", `url("${url}")`, { weight: "400 650" });
    document.fonts.add(inter);
    return inter.load().then(() => undefined);
}"""
SHOTS: Final = (
    Shot("home", "/"),
    Shot("thing", "/#thing=living_light", now=True),
    Shot("linkages", "/linkages"),
    Shot("linkage", "/linkages/night_motion_light"),
    Shot("activity", "/activity"),
    Shot("members", "/members"),
    Shot("settings", "/settings/keeping"),
    Shot("elder", "/", elder=True),
)


def draw_pages(language: str, themes: tuple[str, ...]) -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        hub = RunningHub(Path(folder), language=language)
        hub.start()
        try:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            owner = set_up(hub, browser, language)
            for theme in themes:
                for form in FORMS:
                    draw_with(hub, browser, owner, (language, theme, form))
            browser.close()
        finally:
            hub.stop()


def set_up(hub: RunningHub, browser: Browser, language: str) -> StorageState:
    context = browser.new_context(locale=language)
    page = context.new_page()
    page.goto(f"{hub.url}/setup#{hub.code}")
    page.locator("input[autocomplete=username]").fill(OWNER[language])
    for field in page.locator("input[type=password]").all():
        field.fill(PASSWORD)
    page.locator("button[type=submit]").click()
    page.get_by_role("navigation").first.wait_for()
    for thing, writes in SETTING:
        page.evaluate(
            "([thing, body]) => fetch(`/api/things/${thing}/write`, {method: 'POST',"
            " headers: {'Content-Type': 'application/json'}, body})",
            [thing, json.dumps({"writes": writes})],
        )
    page.wait_for_timeout(3_000)  # a curtain takes its time
    kept = context.storage_state()
    context.close()
    return kept


def opened(browser: Browser, owner: StorageState, look: tuple[str, str, str], elder: bool) -> BrowserContext:
    language, theme, form = look
    viewport, scale = FORMS[form]
    context = browser.new_context(
        locale=language,
        timezone_id="Asia/Shanghai",
        viewport={"width": viewport["width"], "height": viewport["height"]},
        device_scale_factor=scale,
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
        service_workers="block",
        storage_state=owner,
    )
    context.set_default_timeout(WITHIN)
    context.route("**/api/activity*", with_fixed_times)
    kept = json.dumps({"language": language, "size": "elder" if elder else "usual"})
    context.add_init_script(f"localStorage.setItem('setaria-preferences', {json.dumps(kept)})")
    return context


def with_fixed_times(route: Route) -> None:
    answer = route.fetch()
    told: dict[str, Any] = answer.json()
    for place, entry in enumerate(told.get("entries", ())):
        entry["at"] = EVENING_US - (place + 1) * APART
    route.fulfill(response=answer, json=told)


def draw_with(hub: RunningHub, browser: Browser, owner: StorageState, look: tuple[str, str, str]) -> None:
    language, theme, form = look
    for shot in SHOTS:
        context = opened(browser, owner, look, shot.elder)
        page = context.new_page()
        if not shot.now:
            page.clock.set_fixed_time(EVENING)
        page.goto(hub.url + shot.path)
        page.locator("main h1:visible, main h2:visible").first.wait_for()
        page.evaluate(USE_FONT, font())
        page.wait_for_timeout(900)
        keep(HERE / f"{shot.name}.{form}.{theme}.{language}.png", taken(page))
        context.close()


def font() -> str:
    """Where the pages have Inter from, once a browser has come back to them."""
    (file,) = FOLDER.glob("assets/inter-*.woff2")
    return f"/assets/{file.name}"


def taken(page: Page) -> Image.Image:
    return Image.open(io.BytesIO(page.screenshot(animations="disabled", caret="hide"))).convert("RGB")


def keep(path: Path, picture: Image.Image) -> None:
    reduced = picture.quantize(palette=most_used(picture), dither=Image.Dither.NONE)
    if path.exists() and alike(Image.open(path).convert("RGB"), reduced.convert("RGB")):
        return
    reduced.save(path, optimize=True)
    if path.stat().st_size > LARGEST:
        raise SystemExit(f"{path.name} has become {path.stat().st_size:,} bytes")


def most_used(picture: Image.Image) -> Image.Image:
    """The palette of the colours that most of the picture has: what is plain stays exactly as it is."""
    counted = sorted(picture.getcolors(picture.size[0] * picture.size[1]) or (), reverse=True)[:COLOURS]
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for _, colour in counted for part in colour])
    return palette


def alike(old: Image.Image, new: Image.Image) -> bool:
    if old.size != new.size:
        return False
    counted = ImageChops.difference(old, new).convert("L").point([0] * SEEN + [255] * (256 - SEEN)).histogram()
    return counted[255] / (new.size[0] * new.size[1]) < CHURN


def draw() -> None:
    draw_pages("en", ("light", "dark"))
    draw_pages("zh-CN", ("light",))


if __name__ == "__main__":
    draw()
