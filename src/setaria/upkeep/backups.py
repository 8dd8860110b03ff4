"""The backups of a hub, in its folder: those that people ask for, one a day, and one before each upgrade."""

from __future__ import annotations

import asyncio
import logging
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from setaria.facts.archive import Copyable, backup, is_sealed
from setaria.facts.clock import DAY, HOUR, MINUTE, SECOND, Clock, Timer
from setaria.facts.log import LogFaulty
from setaria.facts.refused import Refused
from setaria.home.upkeep.ports import Backup

FOLDER: Final = "backups"
ENDING: Final = ".setaria"
DAILY: Final = "daily"
ASKED: Final = "asked"
BEFORE: Final = "before"  # an upgrade
KEPT: Final = {DAILY: 7, BEFORE: 3}
MOST_ASKED: Final = 30
FIRST_LOOK: Final = 10 * MINUTE  # after a start, when there is other work
LEFT_FREE: Final = 256 << 20  # bytes of the disk that a daily backup leaves to the log
_NAME: Final = re.compile(r"([0-9]{8}T[0-9]{6}Z)-(asked|daily|before)")

logger = logging.getLogger(__name__)


class Backups:
    """`made` is told of each daily one."""

    def __init__(self, log: Copyable, folder: Path, clock: Clock, made: Callable[[Backup], None]) -> None:
        self.folder = folder / FOLDER
        self._data = folder
        self._log = log
        self._clock = clock
        self._made = made
        self._timer: Timer | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        for left in self.folder.glob(f".*{ENDING}.part"):
            left.unlink()
        self._look_in(FIRST_LOOK)

    async def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def all(self) -> list[Backup]:
        """Newest first."""
        found = [_described(path) for path in self.folder.glob(f"*{ENDING}") if _NAME.fullmatch(path.stem)]
        return sorted((each for each in found if each is not None), key=lambda each: each.id, reverse=True)

    def path(self, backup_id: str) -> Path:
        """Raises Refused("not_found")."""
        path = self.folder / f"{backup_id}{ENDING}"
        if not _NAME.fullmatch(backup_id) or not path.is_file():
            raise Refused("not_found", what="backup", id=backup_id[:80])
        return path

    def remove(self, backup_id: str) -> None:
        """Raises Refused("not_found")."""
        self.path(backup_id).unlink(missing_ok=True)

    async def make(self, passphrase: str | None, why: str = ASKED) -> Backup:
        """Raises Refused: too_many, disk_nearly_full, and as facts/archive.py does."""
        if why == ASKED and sum(each.id.endswith(ASKED) for each in self.all()) >= MOST_ASKED:
            raise Refused("too_many", what="backups", most=MOST_ASKED)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self._require_room()
        stamp = datetime.fromtimestamp(self._clock.now() / SECOND, UTC).strftime("%Y%m%dT%H%M%SZ")
        path = self.folder / f"{stamp}-{why}{ENDING}"
        await backup(self._log, self._data, path, passphrase)
        self._retire(why)
        described = _described(path)
        assert described is not None
        return described

    def _require_room(self) -> None:
        """Twice the log is needed for a moment: its copy, and the backup."""
        log = self._data / "log.db"
        needed = 2 * log.stat().st_size if log.exists() else 0
        if shutil.disk_usage(self.folder).free < needed + LEFT_FREE:
            raise Refused("disk_nearly_full", path=str(self.folder), needed=(needed + LEFT_FREE) >> 20)

    def _retire(self, why: str) -> None:
        alike = [each for each in self.all() if each.id.endswith(why)]
        for each in alike[KEPT.get(why, MOST_ASKED) :]:
            self.remove(each.id)

    def _look_in(self, pause: int) -> None:
        self._timer = self._clock.call_at(self._clock.ticks() + pause, self._look)

    def _look(self) -> None:
        self._task = asyncio.create_task(self._daily(), name="daily backup")

    async def _daily(self) -> None:
        try:
            newest = next((each.at for each in self.all() if each.id.endswith(DAILY)), 0)
            if self._clock.trusted() and not 0 <= self._clock.now() - newest < DAY:
                self._made(await self.make(None, DAILY))
        except (Refused, LogFaulty, OSError) as error:
            logger.warning("no backup today: %s", error)
        self._look_in(HOUR)


def _described(path: Path) -> Backup | None:
    """None when it has just gone."""
    try:
        stamp = datetime.strptime(path.stem.partition("-")[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return Backup(path.stem, int(stamp.timestamp()) * SECOND, path.stat().st_size, is_sealed(path))
    except (OSError, Refused, ValueError):
        return None
