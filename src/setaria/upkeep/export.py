"""All that a household has, for other programs to read: facts as lines of CloudEvents, and a list of its media, in one
ZIP that is made while it is sent."""

from __future__ import annotations

import asyncio
import hashlib
import zipfile
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import IO, Final

import msgspec

from setaria.facts.archive import FOLDERS
from setaria.facts.fact import to_cloud_event
from setaria.facts.log import Cursor, Log, Stored, start

FACTS_A_STEP: Final = 1_000
FILES_A_STEP: Final = 50
BLOCK: Final = 1 << 20
MEDIA: Final = tuple(folder for folder in FOLDERS if folder != "tls")


class _Outbox:
    """What a ZipFile writes to and cannot seek in; taken away after each step."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, content: bytes) -> int:
        self._parts.append(bytes(content))
        return len(content)

    def flush(self) -> None:
        pass

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


async def export(log: Log, folder: Path) -> AsyncGenerator[bytes, None]:
    """`facts.jsonl` up to what the log holds now, then `media.jsonl` with path, bytes and sha256 of each file.

    Raises LogFaulty, OSError.
    """
    outbox = _Outbox()
    head = await log.head()
    with zipfile.ZipFile(outbox, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:  # type: ignore[call-overload]
        with archive.open("facts.jsonl", "w", force_zip64=True) as file:
            cursor = start(log.partitions)
            while stored := await log.read(cursor, FACTS_A_STEP):
                within = [each for each in stored if each.seq <= head.seqs[each.partition]]
                await asyncio.to_thread(_write, file, within)
                cursor = _beyond(cursor, stored)
                if content := outbox.take():
                    yield content
                if not within:
                    break
        with archive.open("media.jsonl", "w", force_zip64=True) as file:
            listed = _listed(folder)
            while lines := await asyncio.to_thread(lambda: _some(listed)):
                file.write(lines)
                if content := outbox.take():
                    yield content
    yield outbox.take()


def _beyond(cursor: Cursor, stored: list[Stored]) -> Cursor:
    for each in stored:
        cursor = cursor.moved(each.partition, each.seq)
    return cursor


def _write(file: IO[bytes], stored: list[Stored]) -> None:
    encoder = msgspec.json.Encoder()
    file.write(b"".join(encoder.encode(to_cloud_event(each.fact)) + b"\n" for each in stored))


def _some(listed: Iterator[bytes]) -> bytes:
    return b"".join(line for line, _ in zip(listed, range(FILES_A_STEP), strict=False))


def _listed(folder: Path) -> Iterator[bytes]:
    for media in MEDIA:
        for path in sorted((folder / media).rglob("*")):
            if path.is_symlink() or not path.is_file():
                continue
            try:
                size, digest = _digest(path)
            except FileNotFoundError:
                continue  # a clip that has just been retired
            entry = {"path": path.relative_to(folder).as_posix(), "bytes": size, "sha256": digest}
            yield msgspec.json.encode(entry) + b"\n"


def _digest(path: Path) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            size += len(block)
    return size, digest.hexdigest()
