"""A hub's backups in their folder, and the export of all there is."""

from __future__ import annotations

import hashlib
import io
import shutil
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from tests.home.notifying.notifying_place import NotifyingPlace

from setaria.facts import archive
from setaria.facts.clock import DAY, HOUR, MINUTE
from setaria.facts.fact import from_cloud_event
from setaria.facts.log import start
from setaria.facts.refused import Refused
from setaria.home.upkeep.ports import Backup
from setaria.upkeep.backups import ASKED, BEFORE, DAILY, KEPT, MOST_ASKED, Backups
from setaria.upkeep.export import export

WORDS = "correct horse battery"


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[NotifyingPlace]:
    (tmp_path / "home").mkdir()
    made = await NotifyingPlace(tmp_path / "home").open()
    yield made
    await made.close()


@pytest.fixture
def told() -> list[Backup]:
    return []


@pytest.fixture
async def backups(place: NotifyingPlace, told: list[Backup]) -> AsyncIterator[Backups]:
    made = Backups(place.log, place.folder, place.clock, told.append)
    made.start()
    yield made
    await made.stop()


async def test_made_listed_and_removed(place: NotifyingPlace, backups: Backups, tmp_path: Path) -> None:
    sealed = await backups.make(WORDS)
    place.clock.advance(MINUTE)
    plain = await backups.make(None)
    assert backups.all() == [plain, sealed], "newest first"
    assert (sealed.sealed, plain.sealed) == (True, False)
    assert sealed.at == place.clock.now() // 1_000_000 * 1_000_000 - MINUTE
    assert sealed.bytes == backups.path(sealed.id).stat().st_size
    archive.restore(backups.path(sealed.id), tmp_path / "new", WORDS)
    backups.remove(sealed.id)
    assert backups.all() == [plain]
    for unknown in (sealed.id, "../key", "", "x" * 300, "20261122T093000Z-asked/../../key"):
        with pytest.raises(Refused) as refused:
            backups.path(unknown)
        assert refused.value.code == "not_found"


async def test_one_a_day_and_the_last_seven_stay(place: NotifyingPlace, backups: Backups, told: list[Backup]) -> None:
    place.clock.advance(9 * MINUTE)
    await place.settle()
    assert told == []
    for day in range(1, 10):
        place.clock.advance(HOUR)
        await place.until(lambda count=day: len(told) == count)  # type: ignore[misc]
        await place.settle()
        place.clock.advance(HOUR)
        await place.settle()
        assert len(told) == day, "one a day"
        place.clock.advance(DAY - 2 * HOUR)
        await place.settle()
    daily = [each for each in backups.all() if each.id.endswith(DAILY)]
    assert len(daily) == KEPT[DAILY] == 7
    assert not any(each.sealed for each in daily)


async def test_a_clock_that_nobody_believes_makes_none(
    place: NotifyingPlace, backups: Backups, told: list[Backup]
) -> None:
    place.clock.set(place.clock.now(), trusted=False)
    place.clock.advance(3 * HOUR)
    await place.settle()
    assert told == []


async def test_those_before_an_upgrade_do_not_pile_up(place: NotifyingPlace, backups: Backups) -> None:
    asked = await backups.make(WORDS)
    for _ in range(KEPT[BEFORE] + 2):
        place.clock.advance(MINUTE)
        await backups.make(None, BEFORE)
    assert len([each for each in backups.all() if each.id.endswith(BEFORE)]) == KEPT[BEFORE]
    assert asked in backups.all(), "what somebody asked for stays"


async def test_what_is_refused(place: NotifyingPlace, backups: Backups, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refused) as refused:
        await backups.make("short")
    assert refused.value.code == "passphrase_short"
    assert list(backups.folder.iterdir()) == []
    for number in range(MOST_ASKED):
        (backups.folder / f"20200101T0000{number:02}Z-{ASKED}.setaria").write_bytes(b"x")
    with pytest.raises(Refused) as refused:
        await backups.make(WORDS)
    assert refused.value.code == "too_many"
    usage = shutil.disk_usage(place.folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1 << 20))
    with pytest.raises(Refused) as refused:
        await backups.make(None, DAILY)
    assert refused.value.code == "disk_nearly_full"


async def test_what_a_killed_backup_left_is_cleared_away(place: NotifyingPlace) -> None:
    left = place.folder / "backups/.20200101T000000Z-daily.setaria.part"
    left.parent.mkdir()
    left.write_bytes(b"half")
    (left.parent / "note.txt").write_text("not ours")
    made = Backups(place.log, place.folder, place.clock, lambda _: None)
    made.start()
    assert [path.name for path in left.parent.iterdir()] == ["note.txt"]
    assert made.all() == []
    await made.stop()


async def test_all_there_is_comes_out(place: NotifyingPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("setaria.upkeep.export.FACTS_A_STEP", 7)
    for number in range(40):
        place.say("".join(hashlib.sha256(f"{number}/{n}".encode()).hexdigest() for n in range(60)))
    await place.writer.flush()
    (place.folder / "media/clips").mkdir(parents=True)
    (place.folder / "media/clips/门").write_bytes(b"clip" * 1_000)
    (place.folder / "media/link").symlink_to("/etc/passwd")
    (place.folder / "tls").mkdir()
    (place.folder / "tls/hub.pem").write_text("private")
    parts: list[bytes] = []
    async for part in export(place.log, place.folder):
        parts.append(part)
        place.say("meanwhile")  # what comes after the beginning is no part of it
    assert len(parts) > 3, "it is sent as it is made"
    with zipfile.ZipFile(io.BytesIO(b"".join(parts))) as made:
        assert made.namelist() == ["facts.jsonl", "media.jsonl"]
        assert made.testzip() is None
        facts = [from_cloud_event(msgspec.json.decode(line)) for line in made.read("facts.jsonl").splitlines()]
        media = [msgspec.json.decode(line) for line in made.read("media.jsonl").splitlines()]
    await place.writer.flush()
    stored = [each.fact for each in await place.log.read(start(1), 10_000)]
    assert facts == stored[: len(facts)]
    assert 40 <= len(facts) < len(stored)
    assert media == [{"path": "media/clips/门", "bytes": 4_000, "sha256": hashlib.sha256(b"clip" * 1_000).hexdigest()}]
