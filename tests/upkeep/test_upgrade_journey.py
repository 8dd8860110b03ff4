"""A hub of a version that it keeps by itself goes to the next and back, and over a broken one: real wheels, real
environments, real processes."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import msgspec
import pytest

import setaria
from setaria.facts.clock import SystemClock
from setaria.facts.sqlite import SqliteLog
from setaria.home.upkeep.facts import VersionChanged
from setaria.upkeep.versions import SHARED, Versions
from setaria.upkeep.wheels import described

pytestmark = pytest.mark.journey
PROJECT = Path(setaria.__file__).parents[2]
WITHIN = 90.0
PORT = 18_162


def wheel(folder: Path, version: str, *changes: tuple[str, str, str]) -> Path:
    """Built from the checkout, under another number; `changes` are (file, what stands there, what shall)."""
    source = folder / f"source-{version}"
    for name in ("src", "examples"):
        shutil.copytree(PROJECT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(PROJECT / name, source / name)
    for name, old, new in (("src/setaria/__init__.py", setaria.__version__, version), *changes):
        text = (source / name).read_text(encoding="utf-8")
        assert old in text
        (source / name).write_text(text.replace(old, new), encoding="utf-8")
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    subprocess.run([*command, str(source)], check=True, capture_output=True)
    return folder / f"setaria-{version}-py3-none-any.whl"


class ManagedHub:
    def __init__(self, data: Path) -> None:
        self.data = data
        program = data / "versions/current/bin/setaria"
        options = ["--data", str(data), "--port", str(PORT), "--no-mdns", "--broadcast", "127.0.16.255:9"]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        self.process = subprocess.Popen([str(program), "hub", *options], env=environment)

    def ask(self, method: str, path: str, body: object = None) -> Any:
        token, address = (self.data / "terminal").read_text().split()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Accept-Language": "en"}
        content = None if body is None else msgspec.json.encode(body)
        request = urllib.request.Request(address + path, content, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return msgspec.json.decode(answer.read())
        except urllib.error.HTTPError as error:
            return msgspec.json.decode(error.read())

    def until(self, **wanted: object) -> Any:
        """The state of upkeep, once it is as `wanted`."""
        ends = time.monotonic() + WITHIN
        state: Any = None
        while time.monotonic() < ends:
            assert self.process.poll() is None, "the process that was started must stay"
            try:
                state = self.ask("GET", "/api/upkeep")
            except (OSError, ValueError):
                state = None
            if state is not None and all(re.search(str(value), str(state.get(key))) for key, value in wanted.items()):
                return state
            time.sleep(0.2)
        raise AssertionError(f"{wanted} never came: {state}")

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The libraries of this environment are shared with those that are made, so that nothing is fetched."""
    shared = tmp_path / SHARED
    shared.write_text(sysconfig.get_paths()["purelib"] + "\n")

    def share(path: Path) -> None:
        for folder in path.glob("lib/python*/site-packages"):
            shutil.copy(shared, folder / SHARED)

    monkeypatch.setattr(Versions, "_share", staticmethod(share))
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    versions = Versions(folder)
    versions.install(described(wheel(tmp_path, "0.1.1")), 1)
    versions.put_in_charge("0.1.1")
    return folder


async def test_there_and_back_and_over_a_broken_one(tmp_path: Path, data: Path) -> None:
    (data / "releases").mkdir()
    wheels = (
        wheel(tmp_path, "0.1.2"),
        # passes its trial, and then never serves
        wheel(tmp_path, "0.1.3", ("src/setaria/cli/hub.py", "switching.settle(data)", "raise SystemExit(3)")),
    )
    for each in wheels:
        shutil.move(each, data / "releases")
    hub = ManagedHub(data)
    try:
        hub.until(version="0.1.1", can_upgrade="True", available="0.1.3")
        assert hub.ask("POST", "/api/upgrade", {"version": "0.1.3"}) == {"outcome": "begun"}
        hub.until(version="0.1.1", changed="0.1.3 did not start properly")
        assert (data / "versions/current").readlink().name == "0.1.1"
        hub.ask("POST", "/api/upgrade", {"version": "0.1.2"})
        state = hub.until(version="0.1.2", changed="Upgraded from 0.1.1 to 0.1.2")
        assert (data / "versions/current").readlink().name == "0.1.2"
        assert [each["id"].endswith("before") for each in state["backups"]] == [True] * 2
        hub.ask("POST", "/api/rollback", {})
        hub.until(version="0.1.1", changed="Went back from 0.1.2 to 0.1.1")
        time.sleep(1)  # the hub tells its log once the supervisor has settled
    finally:
        assert hub.end() == 0
    log = await SqliteLog.open(data / "log.db", SystemClock())
    told = [each.fact.body for each in await log.latest("upkeep/home", 50)]
    await log.close()
    changes = [(each.how, each.version, each.was) for each in reversed(told) if isinstance(each, VersionChanged)]
    assert changes == [
        ("went_back", "0.1.3", "0.1.1"),
        ("upgrade", "0.1.2", "0.1.1"),
        ("rollback", "0.1.1", "0.1.2"),
    ]
