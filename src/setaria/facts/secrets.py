"""Secrets at rest: a key file of mode 0600, and a small store of named values encrypted with it.

Each value is AES-256-GCM under a random nonce with its name as associated data, so that no value can be passed off as
another. Names are not secret.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from secrets import token_bytes, token_hex
from typing import TYPE_CHECKING, Final

import msgspec

from setaria.facts.refused import Refused

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
LONGEST_NAME: Final = 200
LARGEST_VALUE: Final = 64 * 1024
MOST_ENTRIES: Final = 20_000
LARGEST_FILE: Final = 64 * 1024 * 1024
VERSION: Final = 1


class _Stored(msgspec.Struct, frozen=True):
    version: int
    entries: dict[str, bytes]


class KeyFile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> bytes:
        """Raises Refused: key_file_missing, key_file_open (others may read it), key_file_damaged."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise Refused("key_file_missing", path=str(self.path)) from error
        except OSError as error:
            raise Refused("key_file_damaged", path=str(self.path)) from error
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise Refused("key_file_damaged", path=str(self.path))
            if found.st_mode & 0o077:
                raise Refused("key_file_open", path=str(self.path), mode=f"{stat.S_IMODE(found.st_mode):04o}")
            key = file.read(KEY_BYTES + 1)
        if len(key) != KEY_BYTES:
            raise Refused("key_file_damaged", path=str(self.path))
        return key

    def make(self) -> bytes:
        """A new key, or the one that another process made first. The file appears whole or not at all."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        made = self.path.with_name(f".{self.path.name}.{token_hex(4)}")
        _write_new(made, token_bytes(KEY_BYTES))
        try:
            os.link(made, self.path)
        except FileExistsError:
            pass
        finally:
            made.unlink()
        _sync_folder(self.path.parent)
        return self.read()


class SecretStore:
    """Names are paths in words: `thing/living_light/token`. Another process may use the same file."""

    def __init__(self, path: Path, key: KeyFile) -> None:
        """Raises what `KeyFile.read` does; a missing key is made anew only while there is nothing it would have opened.

        The key is read once and not kept anywhere else.
        """
        self._path = path
        self._key_path = key.path
        self._key = key.read() if key.path.exists() or path.exists() else key.make()
        self._seen: tuple[int, int, int] | None = None
        self._entries: dict[str, bytes] = {}
        self._load()

    def __repr__(self) -> str:
        return f"SecretStore({str(self._path)!r}, {len(self._entries)} names)"

    def names(self) -> list[str]:
        self._load()
        return sorted(self._entries)

    def get(self, name: str) -> bytes | None:
        """Raises Refused("secret_damaged") when the value is not what was put under this name with this key."""
        self._load()
        sealed = self._entries.get(name)
        if sealed is None:
            return None
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher().decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _bound_to(name))
        except (InvalidTag, ValueError) as error:
            raise Refused("secret_damaged", name=name) from error

    def put(self, name: str, value: bytes) -> None:
        self.put_many({name: value})

    def put_many(self, values: Mapping[str, bytes]) -> None:
        """All of them with one write to the disk, or none."""
        sealed = {name: self._sealed(name, value) for name, value in values.items()}
        if not sealed:
            return
        with self._changing():
            entries = {**self._entries, **sealed}
            if len(entries) > max(MOST_ENTRIES, len(self._entries)):
                raise Refused("secrets_full", most=MOST_ENTRIES)
            self._save(entries)

    def _sealed(self, name: str, value: bytes) -> bytes:
        if not 0 < len(name) <= LONGEST_NAME:
            raise Refused("secret_name_unfit", longest=LONGEST_NAME)
        if len(value) > LARGEST_VALUE:
            raise Refused("secret_too_large", name=name, size=len(value), largest=LARGEST_VALUE)
        nonce = token_bytes(NONCE_BYTES)
        return nonce + self._cipher().encrypt(nonce, value, _bound_to(name))

    def drop(self, name: str) -> None:
        with self._changing():
            if name in self._entries:
                self._save({each: sealed for each, sealed in self._entries.items() if each != name})

    def _cipher(self) -> AESGCM:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self._key)

    def _load(self) -> None:
        """Read the file again when it is another than last time."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            self._entries, self._seen = {}, None
            return
        seen = (found.st_ino, found.st_size, found.st_mtime_ns)
        if seen == self._seen:
            return
        if found.st_size > LARGEST_FILE:
            raise Refused("secrets_damaged", path=str(self._path))
        try:
            stored = msgspec.msgpack.decode(self._path.read_bytes(), type=_Stored)
        except (msgspec.DecodeError, ValueError) as error:  # a name may be no UTF-8
            raise Refused("secrets_damaged", path=str(self._path)) from error
        if stored.version > VERSION:
            raise Refused("secrets_newer", path=str(self._path), version=stored.version, known=VERSION)
        self._entries, self._seen = stored.entries, seen

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Changes of two processes come one after the other, each to what the other left."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(self._path.with_name(self._path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._load()
            yield
        finally:
            os.close(lock)

    def _save(self, entries: dict[str, bytes]) -> None:
        made = self._path.with_name(f".{self._path.name}.{token_hex(4)}")
        try:
            _write_new(made, msgspec.msgpack.encode(_Stored(VERSION, entries)))
            made.replace(self._path)
        except OSError as error:
            made.unlink(missing_ok=True)
            raise Refused("secrets_unwritable", path=str(self._path), why=error.strerror or "") from error
        _sync_folder(self._path.parent)
        self._load()


def _bound_to(name: str) -> bytes:
    return f"setaria secret {VERSION} {name}".encode()


def _write_new(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
