from __future__ import annotations

import hashlib
import io
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.facts.log_engines import Facts, read_all

from setaria.facts import archive as archives
from setaria.facts.archive import backup, restore
from setaria.facts.clock import VirtualClock
from setaria.facts.log import Batch
from setaria.facts.refused import Refused
from setaria.facts.sealed import CHUNK, HEADER, SEAL, TAG, Opener, Sealer
from setaria.facts.secrets import KeyFile, SecretStore
from setaria.facts.sqlite import SqliteLog

WORDS = "correct horse battery"
WORK = 2**4
SEALED = CHUNK + SEAL
START = HEADER.size + TAG


@pytest.fixture
def home(tmp_path: Path, facts: Facts, clock: VirtualClock) -> Path:
    folder = tmp_path / "home"
    (folder / "media/clips").mkdir(parents=True)
    SecretStore(folder / "secrets", KeyFile(folder / "key")).put("a", b"token")
    (folder / "media/clips/door").write_bytes(bytes(range(256)) * 12_000)  # three chunks
    (folder / "media/empty").write_bytes(b"")
    (folder / "unrelated").write_text("not ours")
    return folder


async def filled(folder: Path, clock: VirtualClock, facts: Facts, count: int = 300) -> SqliteLog:
    log = await SqliteLog.open(folder / "log.db", clock)
    await log.append(0, Batch(facts=facts.notes(count)))
    return log


@pytest.fixture
async def made(home: Path, tmp_path: Path, clock: VirtualClock, facts: Facts) -> Path:
    log = await filled(home, clock, facts)
    await backup(log, home, tmp_path / "a.setaria", WORDS, work=WORK)
    await log.close()
    return tmp_path / "a.setaria"


def content_of(folder: Path) -> dict[str, bytes]:
    """Without the lock file, which stays wherever a log was opened."""
    found = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "log.db.lock"]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def refusal_of(archive: Path, folder: Path, passphrase: str = WORDS) -> str:
    before = content_of(folder) if folder.exists() else {}
    with pytest.raises(Refused) as refusal:
        restore(archive, folder, passphrase)
    assert (content_of(folder) if folder.exists() else {}) == before, "a refusal changes nothing"
    return refusal.value.code


async def test_all_comes_back(home: Path, made: Path, tmp_path: Path, clock: VirtualClock) -> None:
    told: list[tuple[int, int]] = []
    manifest = restore(made, tmp_path / "new", WORDS, progress=lambda done, total: told.append((done, total)))
    assert [entry.name for entry in manifest.entries] == ["log.db", "secrets", "key", "media/clips/door", "media/empty"]
    found = content_of(tmp_path / "new")
    assert {name: hashlib.sha256(content).hexdigest() for name, content in found.items()} == {
        entry.name: entry.sha256 for entry in manifest.entries
    }
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "new").rglob("*") if path.is_file())
    old, new = [await SqliteLog.open(folder / "log.db", clock) for folder in (home, tmp_path / "new")]
    assert await read_all(new) == await read_all(old)
    assert (await new.verify()).faults == []
    assert SecretStore(tmp_path / "new/secrets", KeyFile(tmp_path / "new/key")).get("a") == b"token"
    assert told[-1] == (made.stat().st_size, made.stat().st_size)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    await old.close()
    await new.close()


async def test_a_backup_is_made_while_the_log_is_written(
    home: Path, tmp_path: Path, clock: VirtualClock, facts: Facts
) -> None:
    log = await filled(home, clock, facts, 20)
    told: list[tuple[int, int]] = []
    copy = log.copy_to

    async def copy_to(target: Path) -> None:
        await copy(target)
        await log.append(0, Batch(facts=facts.notes(20)))

    log.copy_to = copy_to  # type: ignore[method-assign]
    target = tmp_path / "a.setaria"
    await backup(log, home, target, WORDS, work=WORK, progress=lambda done, total: told.append((done, total)))
    await log.close()
    restore(target, tmp_path / "new", WORDS)
    new = await SqliteLog.open(tmp_path / "new/log.db", clock)
    assert len(await read_all(new)) == 20
    await new.close()
    assert told[-1][0] == told[-1][1] > 0
    assert target.stat().st_mode & 0o777 == 0o600
    assert list((home / ".backup").iterdir()) == []


def test_another_passphrase_is_told_from_damage(made: Path, tmp_path: Path) -> None:
    assert refusal_of(made, tmp_path / "new", WORDS + "!") == "archive_locked"


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda content: b"",
    "half a header": lambda content: content[:40],
    "only a header": lambda content: content[:START],
    "cut in a chunk": lambda content: content[:-1],
    "cut between chunks": lambda content: content[: START + SEALED],
    "the last chunk missing": lambda content: content[: START + (len(content) - START - 1) // SEALED * SEALED],
    "more appended": lambda content: content + b"x",
    "a whole chunk appended": lambda content: content + content[START : START + SEALED],
    "chunks exchanged": lambda content: (
        content[:START]
        + content[START + SEALED : START + 2 * SEALED]
        + content[START : START + SEALED]
        + content[START + 2 * SEALED :]
    ),
    "a chunk doubled": lambda content: content[: START + SEALED] + content[START:],
    "a bit in the first chunk": lambda content: content[:START] + bytes([content[START] ^ 1]) + content[START + 1 :],
    "a bit at the end": lambda content: content[:-1] + bytes([content[-1] ^ 0x80]),
    "not an archive": lambda content: b"PK" + content[2:],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_found_before_anything_is_put_in_place(made: Path, tmp_path: Path, damage: str) -> None:
    made.write_bytes(DAMAGES[damage](made.read_bytes()))
    assert refusal_of(made, tmp_path / "new") == "archive_damaged"


def test_a_changed_header_does_not_open(made: Path, tmp_path: Path) -> None:
    content = made.read_bytes()
    for place in range(8, START, 3):
        changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        made.write_bytes(changed)
        assert refusal_of(made, tmp_path / "new") in {"archive_locked", "archive_damaged", "archive_newer"}


def test_a_header_cannot_ask_for_all_the_memory(made: Path, tmp_path: Path) -> None:
    content = bytearray(made.read_bytes())
    content[10] = 63
    made.write_bytes(content)
    assert refusal_of(made, tmp_path / "new") == "archive_damaged"


def test_a_newer_archive_is_refused(made: Path, tmp_path: Path) -> None:
    content = made.read_bytes()
    made.write_bytes(content[:8] + struct.pack(">H", 2) + content[10:])
    assert refusal_of(made, tmp_path / "new") == "archive_newer"


def test_a_log_is_not_written_over_unasked(made: Path, home: Path) -> None:
    assert refusal_of(made, home) == "log_exists"


async def test_with_replace_the_old_is_set_aside(made: Path, home: Path, clock: VirtualClock, facts: Facts) -> None:
    log = await SqliteLog.open(home / "log.db", clock)
    await log.append(0, Batch(facts=facts.notes(5)))
    with pytest.raises(Refused) as refusal:
        restore(made, home, WORDS, replace=True)
    assert refusal.value.code == "log_in_use"
    await log.close()
    (home / "states.view").write_text("a view of the log that goes")
    (home / "media/later").write_text("a clip made since")
    for number in (1, 2):
        restore(made, home, WORDS, replace=True)
        assert (home / f"before-restore-{number}/log.db").exists()
    assert not (home / "states.view").exists()
    assert (home / "before-restore-1/media/later").exists()
    assert (home / "unrelated").read_text() == "not ours"
    for path, count in ((home, 300), (home / "before-restore-1", 305)):
        log = await SqliteLog.open(path / "log.db", clock)
        assert len(await read_all(log)) == count
        await log.close()


async def test_what_a_backup_refuses(home: Path, made: Path, clock: VirtualClock, facts: Facts) -> None:
    log = await SqliteLog.open(home / "log.db", clock)
    for target, words, code in (
        (made.with_name("b"), "short", "passphrase_short"),
        (made, WORDS, "archive_exists"),
        (made.parent / "nowhere/b", WORDS, "archive_unwritable"),
    ):
        with pytest.raises(Refused) as refusal:
            await backup(log, home, target, words, work=WORK)
        assert refusal.value.code == code
    await log.close()
    assert list((home / ".backup").iterdir()) == []


async def test_one_backup_at_a_time_and_leftovers_go(
    home: Path, tmp_path: Path, clock: VirtualClock, facts: Facts
) -> None:
    (home / ".backup").mkdir()
    (home / ".backup/log.db").write_bytes(b"left by a process that was killed")
    log = await filled(home, clock, facts, 5)

    class Second:
        async def copy_to(self, target: Path) -> None:
            with pytest.raises(Refused) as refusal:
                await backup(log, home, tmp_path / "b", WORDS, work=WORK)
            assert refusal.value.code == "backup_under_way"
            await log.copy_to(target)

    await backup(Second(), home, tmp_path / "a", WORDS, work=WORK)
    assert not (tmp_path / "b").exists()
    await log.close()


def forged(path: Path, *entries: tuple[str, bytes, bytes]) -> None:
    """An archive by someone who knows the passphrase."""
    with path.open("wb") as out:
        sealer = Sealer(out, WORDS, WORK)
        stream: Any = sealer
        with tarfile.open(fileobj=stream, mode="w|") as tar:
            for name, content, type_ in entries:
                info = tarfile.TarInfo(name)
                info.type, info.size, info.linkname = type_, len(content), "/etc/passwd"
                tar.addfile(info, io.BytesIO(content))
        sealer.close()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("/etc/cron.d/x", tarfile.REGTYPE),
        ("../x", tarfile.REGTYPE),
        ("media/../../x", tarfile.REGTYPE),
        ("media/./x", tarfile.REGTYPE),
        ("media", tarfile.REGTYPE),
        ("config.toml", tarfile.REGTYPE),
        ("log.db-wal", tarfile.REGTYPE),
        ("media/link", tarfile.SYMTYPE),
        ("media/link", tarfile.LNKTYPE),
        ("media/pipe", tarfile.FIFOTYPE),
        ("media/folder", tarfile.DIRTYPE),
    ],
)
def test_only_known_names_are_written(tmp_path: Path, name: str, kind: bytes) -> None:
    content = b"" if kind != tarfile.REGTYPE else b"x"
    forged(tmp_path / "a", (name, content, kind))
    assert refusal_of(tmp_path / "a", tmp_path / "new") == "archive_unfit"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "new"]


def test_the_manifest_must_agree(tmp_path: Path, made: Path, home: Path) -> None:
    log = (home / "log.db").read_bytes()
    entry = {"name": "log.db", "size": len(log), "sha256": hashlib.sha256(log).hexdigest()}

    def attempt(entries: list[dict[str, object]], *more: tuple[str, bytes, bytes]) -> None:
        manifest = msgspec.json.encode({"log_version": 1, "entries": entries})
        forged(tmp_path / "a", ("log.db", log, tarfile.REGTYPE), ("manifest.json", manifest, tarfile.REGTYPE), *more)

    attempt([entry | {"sha256": "0" * 64}])
    assert refusal_of(tmp_path / "a", tmp_path / "new") == "archive_damaged"
    attempt([])
    assert refusal_of(tmp_path / "a", tmp_path / "new") == "archive_damaged"
    attempt([entry], ("media/late", b"", tarfile.REGTYPE))
    assert refusal_of(tmp_path / "a", tmp_path / "new") == "archive_unfit"
    attempt([entry])
    restore(tmp_path / "a", tmp_path / "new", WORDS)


def test_a_log_of_a_newer_program_is_refused(tmp_path: Path, home: Path) -> None:
    import sqlite3

    connection = sqlite3.connect(home / "log.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    log = (home / "log.db").read_bytes()
    entry = {"name": "log.db", "size": len(log), "sha256": hashlib.sha256(log).hexdigest()}
    manifest = msgspec.json.encode({"log_version": 99, "entries": [entry]})
    forged(tmp_path / "a", ("log.db", log, tarfile.REGTYPE), ("manifest.json", manifest, tarfile.REGTYPE))
    assert refusal_of(tmp_path / "a", tmp_path / "new") == "archive_newer"


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK])
def test_a_stream_of_any_length_comes_back(tmp_path: Path, size: int) -> None:
    content = bytes(number % 251 for number in range(1000)) * (size // 1000 + 1)
    content = content[:size]
    with (tmp_path / "s").open("wb") as out:
        sealer = Sealer(out, WORDS, WORK)
        for first in range(0, size, 300_000):
            sealer.write(content[first : first + 300_000])
        sealer.close()
    with (tmp_path / "s").open("rb") as source:
        opener = Opener(source, WORDS, None)
        assert opener.read(size + 1) == content
        opener.finish()


def test_memory_is_bounded(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    largest = 0
    seal = Sealer._seal

    def watched(self: Sealer, chunk: bytes, *, last: bool) -> None:
        nonlocal largest
        largest = max(largest, len(self._waiting))
        seal(self, chunk, last=last)

    monkeypatch.setattr(Sealer, "_seal", watched)
    (home / "log.db").write_bytes(b"")
    (home / "media/film").write_bytes(bytes(20 * CHUNK))
    archives._write(home / "log.db", home, tmp_path / "a", WORDS, lambda done, total: None, WORK)
    assert largest <= 3 * CHUNK


async def test_a_clip_that_goes_meanwhile_is_left_out(
    home: Path, tmp_path: Path, clock: VirtualClock, facts: Facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = archives._files_beside

    def and_gone(folder: Path, sealed: bool) -> list[tuple[str, Path]]:
        found = list(listed(folder, sealed))
        (folder / "media/empty").unlink()
        return found

    monkeypatch.setattr(archives, "_files_beside", and_gone)
    log = await filled(home, clock, facts, 5)
    manifest = await backup(log, home, tmp_path / "a", WORDS, work=WORK)
    await log.close()
    assert [entry.name for entry in manifest.entries][-1] == "media/clips/door"
    assert restore(tmp_path / "a", tmp_path / "new", WORDS) == manifest


@pytest.mark.parametrize("chunks", [1, 2])
def test_a_stream_that_ends_at_the_border_of_a_chunk_is_not_whole(tmp_path: Path, chunks: int) -> None:
    with (tmp_path / "s").open("wb") as out:
        sealer = Sealer(out, WORDS, WORK)
        sealer.write(bytes(3 * CHUNK))
        sealer.close()
    (tmp_path / "s").write_bytes((tmp_path / "s").read_bytes()[: START + chunks * SEALED])
    with (tmp_path / "s").open("rb") as source:
        opener = Opener(source, WORDS, None)
        with pytest.raises(Refused) as refusal:
            opener.finish()
    assert refusal.value == Refused("archive_damaged", where=f"byte {START + (chunks - 1) * SEALED}")


# Without a passphrase.


async def test_without_a_passphrase_no_key_leaves(
    home: Path, tmp_path: Path, clock: VirtualClock, facts: Facts
) -> None:
    (home / "tls").mkdir()
    (home / "tls/hub.pem").write_text("private")
    (home / "specs").mkdir()
    (home / "specs/lamp.json").write_text("{}")
    log = await filled(home, clock, facts)
    manifest = await backup(log, home, tmp_path / "plain", None)
    sealed = await backup(log, home, tmp_path / "sealed", WORDS, work=WORK)
    await log.close()
    assert not archives.is_sealed(tmp_path / "plain")
    assert archives.is_sealed(tmp_path / "sealed")
    names = [entry.name for entry in manifest.entries]
    assert names == ["log.db", "secrets", "media/clips/door", "media/empty", "specs/lamp.json"]
    assert {entry.name for entry in sealed.entries} - set(names) == {"key", "tls/hub.pem"}
    content = (tmp_path / "plain").read_bytes()
    assert (home / "key").read_bytes() not in content
    assert b"private" not in content
    assert (tmp_path / "plain").stat().st_mode & 0o777 == 0o600


async def test_without_a_key_the_secrets_are_put_aside(
    home: Path, tmp_path: Path, clock: VirtualClock, facts: Facts
) -> None:
    log = await filled(home, clock, facts)
    await backup(log, home, tmp_path / "plain", None)
    await log.close()
    restore(tmp_path / "plain", tmp_path / "new", "")
    assert "secrets" not in content_of(tmp_path / "new")
    assert content_of(tmp_path / "new")["secrets.without-key"] == (home / "secrets").read_bytes()
    fresh = SecretStore(tmp_path / "new/secrets", KeyFile(tmp_path / "new/key"))
    assert fresh.get("a") is None, "a hub can start on it"
    restore(tmp_path / "plain", home, "", replace=True)
    assert SecretStore(home / "secrets", KeyFile(home / "key")).get("a") == b"token", "the key of the folder stays"


PLAIN_DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda content: content[:-20_000],
    "cut to its first entry": lambda content: content[:4_096],
    "no end": lambda content: content.rstrip(b"\0"),
    "a bit": lambda content: content[:9_000] + bytes([content[9_000] ^ 1]) + content[9_001:],
}


@pytest.mark.parametrize("damage", PLAIN_DAMAGES)
async def test_a_damaged_plain_one_changes_nothing(
    damage: str, home: Path, tmp_path: Path, clock: VirtualClock, facts: Facts
) -> None:
    log = await filled(home, clock, facts)
    await backup(log, home, tmp_path / "plain", None)
    await log.close()
    damaged = PLAIN_DAMAGES[damage]((tmp_path / "plain").read_bytes())
    (tmp_path / "plain").write_bytes(damaged)
    assert refusal_of(tmp_path / "plain", tmp_path / "new", "") in ("archive_damaged", "archive_unfit")


async def test_a_log_that_is_not_what_was_written_is_not_put_in_place(
    home: Path, tmp_path: Path, clock: VirtualClock, facts: Facts
) -> None:
    """Its digests are followed: somebody changed a fact before the backup was made."""
    log = await filled(home, clock, facts)
    log._write.execute("UPDATE facts SET time = time + 1 WHERE seq = 7")
    await backup(log, home, tmp_path / "a", WORDS, work=WORK)
    await log.close()
    assert refusal_of(tmp_path / "a", tmp_path / "new") == "archive_damaged"
