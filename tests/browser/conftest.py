"""A hub with the sample home in a process of its own, and Debian's Chromium in front of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, StorageState, sync_playwright
from tests.browser.running import CHROMIUM, FLAGS, PASSWORD, WITHIN, Opened, RunningHub, is_fault


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Ended with its file: as long as it lives an event loop runs in this thread, and no asynchronous test could."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    running = RunningHub(tmp_path_factory.mktemp("home"))
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def hub_url(hub: RunningHub) -> str:
    return hub.url


@pytest.fixture(scope="module")
def owner(hub: RunningHub, browser: Browser) -> StorageState:
    """What a browser keeps of a signed-in owner: the first visit, with the terminal's code."""
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    page.goto(f"{hub.url}/setup#{hub.code}")
    page.get_by_label("名字").fill("李伟")
    page.get_by_label("密码", exact=True).fill(PASSWORD)
    page.get_by_label("再输一次密码").fill(PASSWORD)
    page.get_by_role("button", name="开始").click()
    page.get_by_role("navigation").first.wait_for()
    kept = context.storage_state()
    context.close()
    return kept


@pytest.fixture
def open_page(hub: RunningHub, owner: StorageState, browser: Browser) -> Iterator[Opened]:
    """`open_page("/activity", language="en", width=390)`: a browser of its own, signed in as the owner unless
    `signed_in` is false. What the page complains of fails the test at its end."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_one(
        path: str = "/",
        *,
        language: str = "zh-CN",
        width: int = 1280,
        height: int = 900,
        dark: bool = False,
        signed_in: bool = True,
    ) -> Page:
        context = browser.new_context(
            locale=language,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            storage_state=owner if signed_in else None,
        )
        context.set_default_timeout(WITHIN)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(f"{path}: {error}"))
        page.on("console", lambda said: complaints.append(f"{path}: {said.text}") if is_fault(said) else None)
        page.goto(hub.url + path)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def signed_in_page(open_page: Opened) -> Page:
    return open_page()
