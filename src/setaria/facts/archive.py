"""A backup in one file, and its restoration: a tar whose last entry is `manifest.json`, in a sealed stream (sealed.py).

Without a passphrase nothing seals it: then the key that opens the secrets is left out, and whatever else is secret by
itself. Such a file is for the same disk, and for going back.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol, cast

import msgspec

from setaria.facts.refused import Refused
from setaria.facts.sealed import CHUNK, SCRYPT_WORK, Opener, Sealer
from setaria.facts.sqlite_file import MIGRATIONS, FileLock, migrate
from setaria.facts.sqlite_read import reading_tables
from setaria.facts.sqlite_verify import verify

if TYPE_CHECKING:
    import tarfile

LOG: Final = "log.db"
SECRETS: Final = "secrets"
KEY: Final = "key"
WITHOUT_KEY: Final = "secrets.without-key"  # where secrets lie that nothing here can open
PLAIN_FOLDERS: Final = ("media", "firmware", "specs")
FOLDERS: Final = (*PLAIN_FOLDERS, "tls")  # the last holds a private key
VIEWS: Final = "views"  # made anew from the log: never archived, and set aside when another log is put in place
MANIFEST: Final = "manifest.json"

SHORTEST_PASSPHRASE: Final = 8
MOST_FILES: Final = 1_000_000
LARGEST_MANIFEST: Final = 512 << 20

Progress = Callable[[int, int], None]


class Copyable(Protocol):
    async def copy_to(self, target: Path) -> None: ...


class Entry(msgspec.Struct, frozen=True):
    name: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """`log_version` is the number of the log's last migration."""

    log_version: int
    entries: tuple[Entry, ...]


# Making one.


async def backup(
    log: Copyable,
    folder: Path,
    target: Path,
    passphrase: str | None,
    progress: Progress | None = None,
    work: int = SCRYPT_WORK,
) -> Manifest:
    """Archive the log as of now, with the secrets, their key and the folders beside it; with None for a passphrase
    without the key, unsealed. Readers and writers go on meanwhile. `progress` is told bytes on the event loop; `work`
    is scrypt's n, a power of two.

    Raises Refused: passphrase_short, archive_exists, backup_under_way, archive_unwritable.
    """
    if passphrase is not None and len(passphrase) < SHORTEST_PASSPHRASE:
        raise Refused("passphrase_short", shortest=SHORTEST_PASSPHRASE)
    loop = asyncio.get_running_loop()

    def told(done: int, total: int) -> None:
        if progress is not None:
            loop.call_soon_threadsafe(progress, done, total)

    try:
        with _scratch(folder) as scratch:
            await log.copy_to(scratch / LOG)
            return await asyncio.to_thread(_write, scratch / LOG, folder, target, passphrase, told, work)
    except OSError as error:
        raise Refused("archive_unwritable", path=str(target), why=error.strerror or str(error)) from error


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """A folder for the log's copy, on the log's own disk; what a killed backup left in it is cleared away."""
    scratch = folder / ".backup"
    scratch.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(scratch, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Refused("backup_under_way") from error
        _clear(scratch)
        try:
            yield scratch
        finally:
            _clear(scratch)
    finally:
        os.close(descriptor)


def _clear(folder: Path) -> None:
    for left in folder.iterdir():
        shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()


def _write(log: Path, folder: Path, target: Path, passphrase: str | None, told: Progress, work: int) -> Manifest:
    if target.exists():
        raise Refused("archive_exists", path=str(target))
    files = [(LOG, log), *_files_beside(folder, passphrase is not None)]
    total = sum(path.lstat().st_size for _, path in files if path.exists())
    part = target.with_name(f".{target.name}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as out:
            sealer = _Plain(out) if passphrase is None else Sealer(out, passphrase, work)
            manifest = _write_entries(sealer, files, log_version_of(log), told, total)
            sealer.close()
            out.flush()
            os.fsync(descriptor)
        part.rename(target)
        _sync_folder(target.parent)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return manifest


class _Plain:
    """Where a sealer would be."""

    def __init__(self, out: BinaryIO) -> None:
        self.write = out.write

    def close(self) -> None:
        pass


def _files_beside(folder: Path, sealed: bool) -> Iterator[tuple[str, Path]]:
    for name in (SECRETS, KEY) if sealed else (SECRETS,):
        if (folder / name).is_file():
            yield name, folder / name
    for beside in FOLDERS if sealed else PLAIN_FOLDERS:
        for path in sorted((folder / beside).rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(folder).as_posix(), path


def _write_entries(
    sealer: Sealer | _Plain, files: Sequence[tuple[str, Path]], log_version: int, told: Progress, total: int
) -> Manifest:
    import io
    import tarfile

    entries: list[Entry] = []
    done = 0
    with tarfile.open(fileobj=cast("Any", sealer), mode="w|", format=tarfile.PAX_FORMAT, bufsize=CHUNK) as tar:
        for name, path in files:
            try:
                file = path.open("rb")
            except FileNotFoundError:
                continue  # a clip that has just been retired
            with file:
                info = tarfile.TarInfo(name)
                info.size, info.mode = os.fstat(file.fileno()).st_size, 0o600
                reader = _Reader(file, hashlib.sha256(), done, total, told)
                tar.addfile(info, reader)
                done += info.size
                entries.append(Entry(name, info.size, reader.digest.hexdigest()))
        manifest = Manifest(log_version, tuple(entries))
        written = msgspec.json.encode(manifest)
        info = tarfile.TarInfo(MANIFEST)
        info.size, info.mode = len(written), 0o600
        tar.addfile(info, io.BytesIO(written))
    told(total, total)
    return manifest


class _Reader:
    """Counts and digests what tarfile reads of a file."""

    def __init__(self, file: BinaryIO, digest: hashlib._Hash, done: int, total: int, told: Progress) -> None:
        self._file = file
        self.digest = digest
        self._done = done
        self._total = total
        self._told = told

    def read(self, size: int = -1, /) -> bytes:
        content = self._file.read(size)
        self.digest.update(content)
        self._done += len(content)
        self._told(min(self._done, self._total), self._total)
        return content


def log_version_of(log: Path) -> int:
    connection = sqlite3.connect(f"{log.absolute().as_uri()}?mode=ro", uri=True)
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    finally:
        connection.close()
    return int(version)


# Restoring.


def is_sealed(archive: Path) -> bool:
    """Whether it takes a passphrase to open it. Raises Refused("archive_missing")."""
    try:
        with archive.open("rb") as source:
            return source.read(len(LOG)) != LOG.encode()
    except OSError as error:
        raise Refused("archive_missing", path=str(archive), why=error.strerror or "") from error


def restore(
    archive: Path, folder: Path, passphrase: str, *, replace: bool = False, progress: Progress | None = None
) -> Manifest:
    """Put an archive's content into the data folder, after all of it has been read and found whole, the log's chain of
    digests too. Where the archive holds no key, one that is in the folder stays there; without one the secrets are
    put aside as `secrets.without-key`.

    With `replace` what is there is set aside in `before-restore-N` beside it. The log comes last: a restoration that is
    cut off leaves no log in place. Raises Refused: log_exists, log_in_use, archive_missing, archive_locked,
    archive_damaged, archive_newer, archive_unfit, restore_failed.
    """
    sealed = is_sealed(archive)
    try:
        source = archive.open("rb")
    except OSError as error:
        raise Refused("archive_missing", path=str(archive), why=error.strerror or "") from error
    with source:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if (folder / LOG).exists() and not replace:
                raise Refused("log_exists", path=str(folder / LOG))
            lock = FileLock.take(folder / LOG)
            try:
                with tempfile.TemporaryDirectory(prefix=".restore-", dir=folder) as made:
                    opener = Opener(source, passphrase, progress) if sealed else _PlainOpener(source)
                    manifest = _unpack(opener, Path(made))
                    _put_in_place(Path(made), folder)
            finally:
                lock.release()
        except OSError as error:
            raise Refused("restore_failed", path=str(folder), why=error.strerror or str(error)) from error
    return manifest


class _PlainOpener:
    """Where an opener would be. The manifest alone tells that the file is whole; what follows it is not looked at."""

    def __init__(self, source: BinaryIO) -> None:
        self.read = source.read

    def finish(self) -> None:
        pass


def _unpack(opener: Opener | _PlainOpener, into: Path) -> Manifest:
    import tarfile

    found: dict[str, Entry] = {}
    manifest: Manifest | None = None
    try:
        with tarfile.open(fileobj=cast("Any", opener), mode="r|", bufsize=CHUNK) as tar:
            while (member := tar.next()) is not None:
                if manifest is not None or member.name in found or len(found) >= MOST_FILES:
                    raise Refused("archive_unfit", name=member.name[:200])
                if member.name == MANIFEST:
                    manifest = _read_manifest(tar, member)
                else:
                    found[member.name] = _extract(tar, member, into)
                tar.members = []  # type: ignore[attr-defined]  # not in typeshed; they would all be kept
        opener.finish()
    except (tarfile.TarError, EOFError) as error:
        raise Refused("archive_damaged", where=str(error)[:200]) from error
    if manifest is None or manifest.entries != tuple(found.values()):
        raise Refused("archive_damaged", where=MANIFEST)
    _check_log(into / LOG)
    return manifest


def _read_manifest(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Manifest:
    file = tar.extractfile(member) if member.isreg() and member.size <= LARGEST_MANIFEST else None
    try:
        return msgspec.json.decode(file.read() if file else b"", type=Manifest)
    except (msgspec.DecodeError, ValueError) as error:
        raise Refused("archive_damaged", where=MANIFEST) from error


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, into: Path) -> Entry:
    file = tar.extractfile(member) if member.isreg() and _known(member.name) else None
    if file is None:
        raise Refused("archive_unfit", name=member.name[:200])
    target = into / member.name
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest = hashlib.sha256()
    size = 0
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        while content := file.read(CHUNK):
            digest.update(content)
            size += len(content)
            out.write(content)
        out.flush()
        os.fsync(descriptor)
    return Entry(member.name, size, digest.hexdigest())


def _known(name: str) -> bool:
    path = PurePosixPath(name)
    if path.as_posix() != name or path.is_absolute() or ".." in path.parts or "\0" in name:
        return False
    return name in (LOG, SECRETS, KEY) or (len(path.parts) > 1 and path.parts[0] in FOLDERS)


def _check_log(log: Path) -> None:
    """That this program can read it, and that it is what was written. An old one is brought up to date on the way."""
    if not log.exists():
        raise Refused("archive_damaged", where=LOG)
    known = len(list(MIGRATIONS.glob("[0-9]*.sql")))
    try:
        version = log_version_of(log)
        if version > known:
            raise Refused("archive_newer", version=version, known=known)
        if version < known:
            migrate(log)
        connection = sqlite3.connect(f"{log.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
        try:
            verdict = verify(connection, log, reading_tables(connection))
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        raise Refused("archive_damaged", where=LOG) from error
    if verdict.faults:
        raise Refused("archive_damaged", where=verdict.faults[0][:200])


def _put_in_place(made: Path, folder: Path) -> None:
    """Old files go aside before new ones come; the log leaves first and comes last."""
    keyless = not (made / KEY).exists() and (made / SECRETS).exists()
    going = (LOG, f"{LOG}-wal", f"{LOG}-shm", SECRETS, *(() if keyless else (KEY,)), *FOLDERS, VIEWS)
    old = [path for path in (*(folder / name for name in going), *folder.glob("*.view*")) if path.exists()]
    if old:
        aside = next(path for number in range(1, 10_000) if not (path := folder / f"before-restore-{number}").exists())
        aside.mkdir(mode=0o700)
        for path in old:
            path.rename(aside / path.name)
        _sync_folder(aside)
    _sync_folder(folder)
    if keyless and not (folder / KEY).exists():
        (made / SECRETS).replace(folder / WITHOUT_KEY)
    for name in (*FOLDERS, KEY, SECRETS, LOG):
        if (made / name).exists():
            (made / name).rename(folder / name)
            _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
