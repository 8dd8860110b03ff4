"""What the interface claims: Home in Chromium, before `setaria up` with the sample home of simulated things.

    python bench/face.py [--runs N] [--taps N]

Bytes are what the network of a browser with nothing kept tells of (CDP, Network.loadingFinished: headers and bodies as
they came), until nothing more comes; live updates go on and are not counted. What the service worker then fetches
ahead, for a day without the hub, is counted apart: the files that the page has not read yet, asked for in the way the
browser asks. First tile: from the beginning of the navigation to the first frame with a tile, nothing kept. A tap: from
the press in one browser to the changed switch in the other's page, both in one machine and by one clock.

Peer: the same pages by NiceGUI (figures from the notes: measured on another day, not in this run).
"""

from __future__ import annotations

import argparse
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

sys.path.append(str(Path(__file__).parents[1]))

from playwright.sync_api import Browser, BrowserContext, Page, StorageState, sync_playwright
from tests.browser.running import CHROMIUM, FLAGS, PASSWORD, WITHIN, RunningHub

from bench.claims import Claims, percentile

SIZE_BAR: Final = 60_000  # bytes
FIRST_BAR: Final = 0.5  # seconds
TAP_BAR: Final = 0.15
QUIET: Final = 0.5  # seconds without anything coming
READERS: Final = 20
RATE: Final = 200
LAMP: Final = "客厅灯"
FIRST_TILE: Final = """new MutationObserver((_, observer) => {
    if (document.querySelector("[data-thing]") === null) return;
    observer.disconnect();
    requestAnimationFrame(() => (window.firstTile = performance.now()));
}).observe(document, {subtree: true, childList: true});"""
NOW: Final = "performance.timeOrigin + performance.now()"
PRESSED: Final = f"addEventListener('pointerdown', () => (window.pressed = {NOW}), {{capture: true}})"
CHANGED: Final = f"""(name) => {{
    const seen = document.querySelector(`[role=switch][aria-label="${{name}}"]`);
    window.changed = new Promise((tell) => {{
        new MutationObserver((_, observer) => (observer.disconnect(), tell({NOW})))
            .observe(seen, {{attributeFilter: ["aria-checked"]}});
    }});
}}"""


SHELL: Final = """async () => {
    const name = (await caches.keys()).find((each) => each.includes("shell"));
    return (await (await caches.open(name)).keys()).map((each) => new URL(each.url).pathname);
}"""
LARGEST: Final = 8  # answers that are named


class Wire:
    """Counts what comes to a page; a stream of events never finishes and so never counts."""

    def __init__(self, page: Page) -> None:
        self.sizes: dict[str, int] = {}
        self._paths: dict[str, str] = {}
        self._last = time.monotonic()
        session = page.context.new_cdp_session(page)
        session.on("Network.requestWillBeSent", self._asked)
        session.on("Network.loadingFinished", self._finished)
        session.send("Network.enable")

    def _asked(self, told: dict[str, Any]) -> None:
        self._paths[told["requestId"]] = "/" + told["request"]["url"].split("/", 3)[3]
        self._last = time.monotonic()

    def _finished(self, told: dict[str, Any]) -> None:
        path = self._paths.get(told["requestId"], "")
        self.sizes[path] = self.sizes.get(path, 0) + round(told["encodedDataLength"])
        self._last = time.monotonic()

    def until_quiet(self, page: Page) -> None:
        while time.monotonic() - self._last < QUIET:
            page.wait_for_timeout(50)


class Bench:
    def __init__(self, hub: RunningHub, browser: Browser, claims: Claims) -> None:
        self._hub = hub
        self._browser = browser
        self._claims = claims
        self._owner = self._set_up()

    def _set_up(self) -> StorageState:
        context = self._browser.new_context(locale="en")
        page = context.new_page()
        page.goto(f"{self._hub.url}/setup#{self._hub.code}")
        page.get_by_label("Name").fill("Li Wei")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.locator("input[type=password]").nth(1).fill(PASSWORD)
        page.locator("button[type=submit]").click()
        page.get_by_role("navigation").first.wait_for()
        kept = context.storage_state()
        context.close()
        return kept

    def _open(self, width: int = 390, worker: bool = True) -> BrowserContext:
        """With nothing kept but who it is."""
        context = self._browser.new_context(
            locale="en",
            viewport={"width": width, "height": 844},
            storage_state=self._owner,
            reduced_motion="reduce",
            service_workers="allow" if worker else "block",
        )
        context.set_default_timeout(WITHIN)
        return context

    def bytes_of_home(self) -> None:
        """Without the service worker, which would take over meanwhile and hide from the page what it fetches for it."""
        for name, width in (("phone", 390), ("desk", 1440)):
            context = self._open(width, worker=False)
            page = context.new_page()
            wire = Wire(page)
            page.goto(self._hub.url)
            page.locator("[data-thing]").first.wait_for()
            wire.until_quiet(page)
            context.close()
            size = sum(wire.sizes.values())
            ours = f"{kilobytes(size)} in {len(wire.sizes)} answers"
            self._claims.claim(f"Home on the wire, cold, {name}", ours, "388 kB NiceGUI, as noted", size <= SIZE_BAR)
            for path, each in sorted(wire.sizes.items(), key=lambda one: -one[1])[:LARGEST]:
                self._claims.note(f"{kilobytes(each):>8}  {path}")
            ahead = {path: self._asked_for(path) for path in {*self._shell(), "/sw.js"} - wire.sizes.keys()}
            more = kilobytes(sum(ahead.values()))
            self._claims.note(f"{more:>8}  more in {len(ahead)} files that the service worker fetches ahead")

    def _shell(self) -> list[str]:
        """The paths that the service worker keeps for a day without the hub."""
        context = self._open()
        page = context.new_page()
        page.goto(self._hub.url)
        page.wait_for_function("() => navigator.serviceWorker.controller !== null")
        found: list[str] = page.evaluate(SHELL)
        context.close()
        return found

    def _asked_for(self, path: str) -> int:
        """Bytes of an answer."""
        asked = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._hub.port}\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n"
        )
        with socket.create_connection(("127.0.0.1", self._hub.port)) as made:
            made.sendall(f"{asked}Connection: close\r\n\r\n".encode())
            return sum(len(part) for part in iter(lambda: made.recv(1 << 16), b""))

    def first_tile(self, runs: int) -> None:
        taken = []
        for _ in range(runs):
            context = self._open()
            context.add_init_script(FIRST_TILE)
            page = context.new_page()
            page.goto(self._hub.url)
            page.wait_for_function("() => window.firstTile !== undefined")
            taken.append(page.evaluate("window.firstTile") / 1e3)
            context.close()
        median = statistics.median(taken)
        ours = f"{median:.2f} s (best {min(taken):.2f}, of {runs})"
        self._claims.claim("first tile, cold, median", ours, "1.4 s NiceGUI, as noted", median <= FIRST_BAR)

    def taps(self, count: int) -> None:
        one, other = self._open().new_page(), self._open(1440).new_page()
        for page in (one, other):
            page.goto(self._hub.url)
            page.get_by_role("switch", name=LAMP, exact=True).wait_for()
        one.evaluate(PRESSED)
        taken = []
        for _ in range(count):
            other.evaluate(CHANGED, LAMP)
            one.get_by_role("switch", name=LAMP, exact=True).click()
            taken.append((other.evaluate("window.changed") - one.evaluate("window.pressed")) / 1e3)
            one.wait_for_timeout(300)
        median, late = statistics.median(taken), percentile(taken, 0.95)
        ours = f"{median * 1e3:.0f} ms, 95 %: {late * 1e3:.0f} ms, of {count}"
        self._claims.claim("a tap to the other browser's change, median", ours, "-", median <= TAP_BAR)
        one.context.close()
        other.context.close()


def kilobytes(size: int) -> str:
    return f"{size / 1e3:.1f} kB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--taps", type=int, default=20)
    given = parser.parse_args()
    claims = Claims("The interface: Chromium before the sample home of 28 simulated things")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        hub = RunningHub(Path(folder))
        hub.start()
        try:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            bench = Bench(hub, browser, claims)
            bench.bytes_of_home()
            bench.first_tile(given.runs)
            bench.taps(given.taps)
            browser.close()
        finally:
            hub.stop()
    live = [sys.executable, str(Path(__file__).with_name("live.py")), "--readers", str(READERS), "--rate", str(RATE)]
    claims.failed += subprocess.run(live, check=False).returncode != 0
    claims.end()


if __name__ == "__main__":
    main()
