"""From one version to another and back, with programs that are scripts: what the supervisor does with each of them."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from setaria.facts.archive import backup
from setaria.facts.clock import SystemClock
from setaria.facts.refused import Refused
from setaria.facts.sqlite import SqliteLog
from setaria.facts.sqlite_file import MIGRATIONS
from setaria.home.upkeep.ports import Changed, Release
from setaria.upkeep import switching
from setaria.upkeep.keeper import _attempt
from setaria.upkeep.supervise import Supervisor
from setaria.upkeep.switching import Order
from setaria.upkeep.versions import Installed, Versions, order
from setaria.upkeep.wheels import WheelFolder

SERVES = 'touch "$DATA/versions/confirmed"; echo "$0 $@" >> "$DATA/ran"; sleep 0.4; exit 0'
BREAKS = 'echo "$0 $@" >> "$DATA/ran"; exit 3'
HANGS = 'echo "$0 $@" >> "$DATA/ran"; exec sleep 60'


def version(data: Path, name: str, script: str, migrations: int = 1) -> None:
    path = data / "versions" / name
    (path / "bin").mkdir(parents=True)
    program = path / "bin/setaria"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o700)
    scripts = path / "lib/python3.11/site-packages/setaria/facts/migrations/sqlite"
    scripts.mkdir(parents=True)
    for number in range(migrations):
        (scripts / f"{number:04}.sql").touch()
    (path / "installed.json").write_bytes(msgspec.json.encode(Installed(name, 1, "x.whl")))


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATA", str(tmp_path))
    monkeypatch.delenv(switching.SUPERVISED, raising=False)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    version(tmp_path, "1.0", SERVES, len(list(MIGRATIONS.glob("[0-9]*.sql"))))
    Versions(tmp_path).put_in_charge("1.0")
    return tmp_path


def ordered(data: Path, backup_path: str = "") -> Order:
    made = Order("1.1", "1.0", "upgrade", "wei", 1, backup_path, ("hub", "--port", "1"))
    switching.give(data, made)
    return made


def ran(data: Path) -> list[str]:
    return [line.partition("/versions/")[2] for line in (data / "ran").read_text().splitlines()]


def last(data: Path) -> tuple[str, str, str, str]:
    noted = switching.noted(data)
    assert noted is not None
    found: Changed = noted.changed
    return found.how, found.version, found.was, found.why


def test_a_version_that_serves_is_put_in_charge(data: Path) -> None:
    version(data, "1.1", SERVES)
    ordered(data)
    assert Supervisor(data).run() == 0
    assert Versions(data).current == "1.1"
    assert ran(data) == ["1.1/bin/setaria hub --port 1"]
    assert last(data) == ("upgrade", "1.1", "1.0", "")
    assert switching.given(data) is None


@pytest.mark.parametrize(("script", "why"), [(BREAKS, "ended"), (HANGS, "not_up"), ("", "ended")])
def test_one_that_does_not_makes_way(data: Path, script: str, why: str) -> None:
    version(data, "1.1", script or SERVES)
    if not script:
        (data / "versions/1.1/bin/setaria").unlink()
    ordered(data)
    assert Supervisor(data, up_within=0.5).run() == 0
    assert Versions(data).current == "1.0"
    assert ran(data)[-1] == "1.0/bin/setaria hub --port 1"
    assert last(data) == ("went_back", "1.1", "1.0", why)
    assert switching.given(data) is None


def test_a_new_order_of_the_one_that_runs_is_carried_out(data: Path) -> None:
    """Exit status 75: the version that has just come wants another."""
    again = msgspec.json.encode(Order("1.2", "1.1", "upgrade", "wei", 1, "", ("hub",))).decode()
    version(
        data,
        "1.1",
        f'touch "$DATA/versions/confirmed"; sleep 0.5; echo \'{again}\' > "$DATA/versions/switching.json"; exit 75',
    )
    version(data, "1.2", SERVES)
    ordered(data)
    assert Supervisor(data).run() == 0
    assert Versions(data).current == "1.2"


async def filled(data: Path) -> SqliteLog:
    return await SqliteLog.open(data / "log.db", SystemClock())


async def test_a_log_that_the_old_one_cannot_read_is_put_back(data: Path) -> None:
    log = await filled(data)
    await backup(log, data, data / "before.setaria", None)
    await log.close()
    version(data, "1.1", BREAKS, 99)
    connection = sqlite3.connect(data / "log.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    ordered(data, str(data / "before.setaria"))
    assert Supervisor(data, up_within=0.5).run() == 0
    log = await filled(data)
    assert (await log.verify()).faults == []
    await log.close()
    assert (data / "before-going-back-1/log.db").exists(), "what the new one wrote stays beside it"
    assert last(data)[0] == "went_back"


def test_an_order_that_was_broken_off_is_settled_at_the_next_start(data: Path) -> None:
    version(data, "1.1", SERVES)
    ordered(data)
    switching.settle(data)
    assert last(data) == ("went_back", "1.1", "1.0", "interrupted")
    assert Versions(data).current == "1.0"
    switching.settle(data)


def test_who_is_supervised_settles_nothing_and_confirms(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ordered(data)
    switching.confirm(data)
    assert not switching.confirmed(data), "nobody waits for it"
    monkeypatch.setenv(switching.SUPERVISED, "1")
    switching.settle(data)
    assert switching.given(data) is not None
    switching.confirm(data)
    assert switching.confirmed(data)
    assert switching.go_on(data) == switching.AGAIN


async def test_a_second_hub_does_not_disturb_a_switch_under_way(data: Path) -> None:
    ordered(data)
    log = await filled(data)
    with pytest.raises(Refused) as refused:
        switching.settle(data)
    await log.close()
    assert refused.value.code == "log_in_use"
    assert switching.given(data) is not None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"version": 1}'])
def test_an_order_that_cannot_be_read_is_none(data: Path, content: bytes) -> None:
    (data / "versions/switching.json").write_bytes(content)
    assert switching.given(data) is None
    assert switching.go_on(data) is None


def test_signals_are_passed_on(tmp_path: Path) -> None:
    version(tmp_path, "1.0", SERVES)
    version(
        tmp_path,
        "1.1",
        'touch "$DATA/versions/confirmed"; trap "echo ended > $DATA/ran; exit 7" TERM; while :; do sleep 0.1; done',
    )
    Versions(tmp_path).put_in_charge("1.0")
    ordered(tmp_path)
    environment = {**os.environ, "DATA": str(tmp_path)}
    command = [sys.executable, "-m", "setaria.upkeep.supervise", str(tmp_path)]
    process = subprocess.Popen(command, env=environment)
    ends = time.monotonic() + 20
    while Versions(tmp_path).current != "1.1" and time.monotonic() < ends:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 7
    assert (tmp_path / "ran").read_text() == "ended\n"


# Versions and where they come from.


def test_versions_are_in_order() -> None:
    rising = ["0.9", "0.10", "1.0.dev3", "1.0a1", "1.0b2", "1.0rc1", "1.0", "1.0.post1", "1.0.1", "1.1", "10.0"]
    falling = rising[::-1]
    assert sorted(falling, key=order) == rising


@pytest.mark.parametrize("name", ["", "..", "../../etc", "1", "current", "1.0/../..", "1.0\n", "v1.0", "1.0.0.0.0"])
def test_what_is_no_version(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refused) as refused:
        Versions(tmp_path).path(name)
    assert refused.value.code == "version_unknown"
    assert not Versions(tmp_path).installed(name)


def test_a_wheel_that_is_none_leaves_nothing(tmp_path: Path) -> None:
    wheel = tmp_path / "setaria-9.9-py3-none-any.whl"
    wheel.write_bytes(b"no wheel")
    versions = Versions(tmp_path / "data")
    (tmp_path / "data").mkdir()
    with pytest.raises(Refused) as refused:
        versions.install(Release("9.9", wheel), 1)
    assert refused.value.code == "install_failed"
    assert versions.all() == []
    assert not (versions.folder / "9.9").exists()


def test_what_is_half_made_or_mislabelled_is_no_version(data: Path) -> None:
    (data / "versions/1.5").mkdir()
    version(data, "1.6", SERVES)
    (data / "versions/1.6/installed.json").write_bytes(msgspec.json.encode(Installed("1.7", 1, "x")))
    (data / "versions/1.7").mkdir()
    (data / "versions/1.7/installed.json").write_bytes(b"{")
    assert [(each.version, each.current) for each in Versions(data).all()] == [("1.0", True)]


def test_old_versions_are_retired_but_not_those_in_use(data: Path) -> None:
    for name in ("1.1", "1.2", "1.3", "1.4", "1.5"):
        version(data, name, SERVES)
    Versions(data).retire(("1.1",))
    assert [each.version for each in Versions(data).all()] == ["1.5", "1.4", "1.3", "1.1", "1.0"]


async def test_wheels_in_the_folder_are_offered(tmp_path: Path) -> None:
    source = WheelFolder(tmp_path)
    assert await source.available() == []
    (tmp_path / "releases").mkdir()
    for name in ("setaria-1.1-py3-none-any.whl", "setaria-1.1.lock", "other-1.0-py3-none-any.whl", "setaria-x.txt"):
        (tmp_path / "releases" / name).touch()
    assert await source.available() == ["1.1"]
    release = await source.get("1.1")
    assert release.lock == tmp_path / "releases/setaria-1.1.lock"
    with pytest.raises(Refused):
        await source.get("1.2")


async def test_a_trial_that_fails_says_why(tmp_path: Path) -> None:
    program = tmp_path / "python"
    program.write_text('#!/bin/sh\necho "first" >&2; echo "ValueError: broken" >&2; exit 1\n')
    program.chmod(0o700)
    assert await _attempt(program, tmp_path) == "ValueError: broken"
    program.write_text("#!/bin/sh\nexit 0\n")
    assert await _attempt(program, tmp_path) == ""
    program.write_text("#!/bin/sh\nexit 1\n")
    assert await _attempt(program, tmp_path) == "ended"
