"""A hub with the sample home in a process of its own, for tests in a browser."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import ConsoleMessage, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or "/usr/bin/chromium"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PASSWORD = "millet porridge at seven"
READY = ("样板家已布置好", "接着上次", "The sample home is arranged", "Going on from last time")
WITHIN = 15_000  # milliseconds


def free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


class RunningHub:
    """`setaria up --plain`, started and read until it tells its setup code and that its things are there."""

    def __init__(self, folder: Path, things: int | None = None, language: str = "zh-CN") -> None:
        self.folder = folder
        self.language = language
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[str] | None = None
        self._things = things
        self.code = ""

    def start(self) -> None:
        command = [str(Path(sys.executable).with_name("setaria")), "up", "--plain", "--no-lan", "--lang", self.language]
        command += ["--port", str(self.port), "--data", str(self.folder)]
        command += ["--things", str(self._things)] if self._things is not None else []
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            process_group=0,
        )
        self._read_until_ready()

    def _read_until_ready(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        said: list[str] = []
        for line in self._process.stdout:
            said.append(line)
            if found := re.search(r"\b([A-Z0-9]{4}-[A-Z0-9]{4})\b", line):
                self.code = found[1]
            if any(each in line for each in READY):
                threading.Thread(target=deque, args=(self._process.stdout, 0), daemon=True).start()
                return
        raise AssertionError("the hub did not come up:\n" + "".join(said))

    @property
    def process(self) -> int:
        assert self._process is not None
        return self._process.pid

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(5)
        self._process = None


Opened = Callable[..., Page]


def is_fault(said: ConsoleMessage) -> bool:
    """An answer of 4xx is told in the page; what else is complained of is a fault."""
    return said.type in ("error", "warning") and "Failed to load resource" not in said.text
