"""What the web asks of whoever keeps a hub's data and versions (upkeep/), and that one of a source of releases."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Protocol

import msgspec

from setaria.facts.refused import Refused
from setaria.rights import Principal


class Backup(msgspec.Struct, frozen=True):
    """`at` is UTC microseconds. Unless `sealed` it holds no key for its secrets, and opens without a passphrase."""

    id: str
    at: int
    bytes: int
    sealed: bool


class Version(msgspec.Struct, frozen=True):
    version: str
    current: bool
    installed_at: int


class Changed(msgspec.Struct, frozen=True):
    """The last change of version. how: upgrade, rollback; went_back, with why."""

    version: str
    was: str
    how: str
    at: int
    why: str = ""


class UpkeepState(msgspec.Struct, frozen=True):
    """`objection` is why there can be no upgrade, `doing` the stage of one: backup, install, trial, switch."""

    version: str
    versions: tuple[Version, ...]
    available: str
    objection: Refused | None
    doing: str
    failed: Refused | None
    changed: Changed | None
    backups: tuple[Backup, ...]
    data_bytes: int


class Upkeep(Protocol):
    """Rights are asked before. Everything may raise Refused."""

    async def state(self) -> UpkeepState: ...

    async def back_up(self, by: Principal, passphrase: str) -> Backup:
        """Without a passphrase, unsealed and without the key."""

    async def take_backup(self, by: Principal, backup: str) -> Path: ...

    async def remove_backup(self, by: Principal, backup: str) -> None: ...

    async def export(self, by: Principal) -> AsyncGenerator[bytes, None]:
        """A ZIP of all facts and a list of all media."""

    async def upgrade(self, by: Principal, version: str) -> None:
        """Begins; `state` tells how it goes on."""

    async def roll_back(self, by: Principal) -> None:
        """Begins to go back to the version before."""


class Release(msgspec.Struct, frozen=True):
    """A version to install: its wheel, and the lock file with the hashes of all that it needs, where there is one."""

    version: str
    wheel: Path
    lock: Path | None = None


class ReleaseSource(Protocol):
    """Where versions come from. One that fetches must check what it fetched before it hands it over."""

    async def available(self) -> list[str]: ...

    async def get(self, version: str) -> Release:
        """Raises Refused("version_unknown")."""
