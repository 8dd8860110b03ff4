"""`setaria up` as somebody sees it: in a real terminal."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.journey

PROGRAM = "import sys; from setaria.cli import main; sys.argv[0] = 'setaria'; sys.exit(main())"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Terminal:
    """A tmux of its own with one window."""

    def __init__(self, folder: Path, width: int, height: int) -> None:
        self.name = f"setaria-{os.getpid()}-{width}"
        self.folder = folder
        self.size = ("-x", str(width), "-y", str(height))

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(["tmux", "-L", self.name, *arguments], capture_output=True, text=True, check=True)
        return done.stdout

    def run(self, *arguments: str, lang: str) -> None:
        self("-f", "/dev/null", "new-session", "-d", *self.size, "-c", str(self.folder), "sh")
        typed = " ".join(["exec env", f"SETARIA_LANG={lang}", "LC_ALL=C.UTF-8", sys.executable, "-c", f'"{PROGRAM}"'])
        self("send-keys", "-l", f"({typed} {' '.join(arguments)}); echo ended=$?")
        self("send-keys", "Enter")

    def screen(self) -> str:
        return self("capture-pane", "-p")

    def until(self, true: Callable[[str], bool], what: str) -> str:
        for _ in range(300):
            screen = self.screen()
            if true(screen):
                return screen
            time.sleep(0.1)
        pytest.fail(f"waited in vain for {what}:\n{self.screen()}")


@pytest.fixture
def terminal(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Terminal]:
    if shutil.which("tmux") is None:
        if os.environ.get("CI"):
            pytest.fail("tmux is missing")
        pytest.skip("tmux is missing")
    width, height = request.param
    made = Terminal(tmp_path, width, height)
    try:
        yield made
    finally:
        subprocess.run(["tmux", "-L", made.name, "kill-server"], capture_output=True, check=False)


def processes_in(folder: Path) -> list[str]:
    """What still runs with this working folder."""
    left = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == folder:
                left.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return left


@pytest.mark.parametrize(
    ("terminal", "lang", "home", "light", "linkage", "end"),
    [
        ((80, 24), "zh-CN", "李家", "客厅", "一键晚间", "已结束"),
        ((140, 40), "en", "The Li family", "Living room", "Evening at a touch", "Ended"),
    ],
    indirect=["terminal"],
)
def test_a_living_home_in_one_terminal(
    terminal: Terminal, lang: str, home: str, light: str, linkage: str, end: str
) -> None:
    port = free_port()
    terminal.run("up", "--port", str(port), "--no-lan", lang=lang)
    screen = terminal.until(lambda shown: home in shown and light in shown and "PM2.5" in shown, "the home")
    assert f"127.0.0.1:{port}" in screen
    terminal.until(lambda shown: "28" in shown, "all things, counted")
    written = subprocess.run(
        [sys.executable, "-c", PROGRAM, "set", "bedroom_switch", "switch#2.on=on"],
        cwd=terminal.folder,
        env={**os.environ, "SETARIA_HUB": f"http://127.0.0.1:{port}", "XDG_DATA_HOME": str(terminal.folder)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert written.returncode == 0, written.stderr
    terminal.until(lambda shown: linkage in shown, "the linkage")
    terminal.until(lambda shown: "30% · 2700K" in shown, "the light that it set")
    terminal("send-keys", "C-c")
    screen = terminal.until(lambda shown: re.search(r"^ended=[0-9]", shown, re.M) is not None, "the end")
    assert "\nended=0" in screen
    assert end in screen
    assert "Traceback" not in screen
    assert terminal("display-message", "-p", "#{cursor_flag} #{alternate_on}").split() == ["1", "0"]
    assert [line for line in processes_in(terminal.folder) if "setaria" in line] == []
    assert (terminal.folder / "var/sample/log.db").exists()
