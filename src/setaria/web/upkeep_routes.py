"""The keeping of the hub: backups, the export of everything, versions."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final

import msgspec

from setaria.facts.refused import Refused
from setaria.home.upkeep.ports import Backup, Changed, Upkeep, Version
from setaria.rights import Act
from setaria.web.answers import ALWAYS
from setaria.web.table import Body, Call, Route
from setaria.web.views import Done
from setaria.words.catalogue import refusal, say

BLOCK: Final = 256 * 1024
LONGEST_PASSPHRASE: Final = 1_000
SEALED: Final = "application/octet-stream"
ZIP: Final = "application/zip"


class UpkeepView(msgspec.Struct, frozen=True):
    """`why` there can be no upgrade, `doing` what is under way, `failed` why the last attempt ended and `changed` the
    last change of version are sentences, or empty. `backups` are for who may make them."""

    version: str
    versions: list[Version]
    available: str
    can_upgrade: bool
    why: str
    doing: str
    failed: str
    changed: str
    backups: list[Backup]
    data_bytes: int


class PassphraseBody(Body, frozen=True):
    """Empty makes a backup that is not sealed, and holds no key for its secrets."""

    passphrase: str


class VersionBody(Body, frozen=True):
    version: str


async def see_upkeep(call: Call) -> UpkeepView:
    state = await _upkeep(call).state()
    objection = state.objection
    return UpkeepView(
        state.version,
        list(state.versions),
        state.available,
        objection is None,
        _sentence(objection, call.language),
        say(f"upkeep.doing.{state.doing}", call.language) if state.doing else "",
        _sentence(state.failed, call.language),
        _changed(state.changed, call.language),
        list(state.backups) if _may(call, Act.BACKUP) else [],
        state.data_bytes,
    )


async def make_backup(call: Call) -> Backup:
    body: PassphraseBody = call.body
    if len(body.passphrase) > LONGEST_PASSPHRASE:
        raise Refused("passphrase_long", longest=LONGEST_PASSPHRASE)
    return await _upkeep(call).back_up(call.by, body.passphrase)


async def take_backup(call: Call) -> None:
    path = await _upkeep(call).take_backup(call.by, call.parameters["backup"])
    try:
        file = path.open("rb")
    except OSError as error:
        raise Refused("not_found", what="backup", id=path.stem) from error
    with contextlib.closing(file):
        size = await asyncio.to_thread(lambda: path.stat().st_size)

        async def blocks() -> AsyncGenerator[bytes, None]:
            left = size  # no more than was said, whatever becomes of the file
            while left and (block := await asyncio.to_thread(file.read, min(BLOCK, left))):
                left -= len(block)
                yield block

        await _send(call, path.name, SEALED, blocks(), size)


async def remove_backup(call: Call) -> Done:
    await _upkeep(call).remove_backup(call.by, call.parameters["backup"])
    return Done()


async def take_export(call: Call) -> None:
    content = await _upkeep(call).export(call.by)
    await _send(call, "setaria-export.zip", ZIP, content, None)


async def upgrade(call: Call) -> Done:
    body: VersionBody = call.body
    await _upkeep(call).upgrade(call.by, body.version)
    return Done("begun")


async def roll_back(call: Call) -> Done:
    await _upkeep(call).roll_back(call.by)
    return Done("begun")


def _upkeep(call: Call) -> Upkeep:
    upkeep = call.services.upkeep
    if upkeep is None:
        raise Refused("not_served", what="upkeep")
    return upkeep


def _may(call: Call, act: Act) -> bool:
    try:
        call.services.home.permits.require(call.by, act)
    except Refused:
        return False
    return True


def _sentence(refused: Refused | None, language: str) -> str:
    if refused is None:
        return ""
    sentence, following = refusal(refused, language)
    return f"{sentence}{'' if language == 'zh-CN' else ' '}{following}".strip()


def _changed(changed: Changed | None, language: str) -> str:
    if changed is None:
        return ""
    why = say(f"upkeep.why.{changed.why}", language) if changed.why else ""
    return say(f"upkeep.changed.{changed.how}", language, version=changed.version, was=changed.was, why=why)


async def _send(call: Call, name: str, kind: str, content: AsyncGenerator[bytes, None], size: int | None) -> None:
    """A download, for as long as somebody takes it: who leaves, or may not any more, ends it."""
    headers = [
        (b"content-type", kind.encode()),
        (b"content-disposition", f'attachment; filename="{Path(name).name}"'.encode()),
        *ALWAYS,
    ]
    if size is not None:
        headers.append((b"content-length", str(size).encode()))
    gone = asyncio.create_task(_disconnected(call))
    try:
        await call.send({"type": "http.response.start", "status": 200, "headers": headers})
        async with contextlib.aclosing(content):
            async for part in content:
                if gone.done():
                    return
                await call.send({"type": "http.response.body", "body": part, "more_body": True})
        await call.send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()


async def _disconnected(call: Call) -> None:
    while (await call.receive())["type"] != "http.disconnect":
        pass


ROUTES: Final = (
    Route(
        "GET", "/api/upkeep", see_upkeep, (Act.RELEASE_INSTALL, Act.BACKUP), UpkeepView, "Versions, backups and size"
    ),
    Route("POST", "/api/backups", make_backup, Act.BACKUP, Backup, "Make a backup", PassphraseBody),
    Route(
        *("GET", "/api/backups/{backup}", take_backup, Act.BACKUP, bytes, "Download a backup"),
        stream=True,
        media=SEALED,
    ),
    Route("DELETE", "/api/backups/{backup}", remove_backup, Act.BACKUP, Done, "Delete a backup"),
    Route("GET", "/api/export", take_export, Act.FACTS_EXPORT, bytes, "Download all there is", stream=True, media=ZIP),
    Route("POST", "/api/upgrade", upgrade, Act.RELEASE_INSTALL, Done, "Begin to install a version", VersionBody),
    Route("POST", "/api/rollback", roll_back, Act.RELEASE_INSTALL, Done, "Begin to go back to the version before"),
)
