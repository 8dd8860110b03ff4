"""The keeping of one hub: its backups, its export, its versions (the port `home/upkeep/ports.py`, implemented)."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import Final

import setaria
from setaria.facts.archive import FOLDERS, KEY, LOG, SECRETS, log_version_of
from setaria.facts.clock import SECOND, Clock
from setaria.facts.fact import HUB, Actor
from setaria.facts.kinds import Body
from setaria.facts.log import LogFaulty
from setaria.facts.refused import Refused
from setaria.facts.sqlite import SqliteLog
from setaria.facts.writer import Writer
from setaria.home.upkeep import facts as f
from setaria.home.upkeep.ports import Backup, Release, ReleaseSource, UpkeepState
from setaria.rights import Principal
from setaria.upkeep import switching
from setaria.upkeep.backups import BEFORE, Backups
from setaria.upkeep.versions import Versions, order
from setaria.upkeep.wheels import WheelFolder

TRIAL: Final = ".trial"
TRIAL_WITHIN: Final = 60.0  # seconds
SETTLED_EVERY: Final = SECOND // 5
SETTLED_LOOKS: Final = 50

logger = logging.getLogger(__name__)


def end_this_process() -> None:
    signal.raise_signal(signal.SIGTERM)


class HubUpkeep:
    """`end` has the hub close and its process go on as `switching.go_on` says."""

    def __init__(
        self,
        data: Path,
        version: str,
        log: SqliteLog,
        clock: Clock,
        writer: Writer,
        source: ReleaseSource | None = None,
        end: Callable[[], None] = end_this_process,
        arguments: Sequence[str] = tuple(sys.argv[1:]),
    ) -> None:
        self.version = version
        self.versions = Versions(data)
        self.backups = Backups(log, data, clock, lambda made: self._note_backup(made, HUB))
        self._data = data
        self._log = log
        self._clock = clock
        self._writer = writer
        self._source = source or WheelFolder(data)
        self._end = end
        self._arguments = tuple(arguments)
        self._task: asyncio.Task[None] | None = None
        self._telling: asyncio.Task[None] | None = None
        self._doing = ""
        self._failed: Refused | None = None

    def start(self) -> None:
        shutil.rmtree(self._data / TRIAL, ignore_errors=True)
        self.backups.start()

    def served(self) -> None:
        """The API answers: a supervisor that waits for it may settle its order."""
        switching.confirm(self._data)
        self._telling = asyncio.create_task(self._tell_once_settled(), name="version")

    async def _tell_once_settled(self) -> None:
        for _ in range(SETTLED_LOOKS):
            if switching.given(self._data) is None:
                break
            await self._clock.sleep(SETTLED_EVERY)
        self._tell_change()

    async def stop(self) -> None:
        await self.backups.stop()
        tasks = [each for each in (self._task, self._telling) if each is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # What is asked (home/upkeep/ports.py).

    async def state(self) -> UpkeepState:
        available = await self._newest()
        versions, backups, size = await asyncio.to_thread(
            lambda: (self.versions.all(), self.backups.all(), _size(self._data))
        )
        changed = switching.noted(self._data)
        return UpkeepState(
            version=self.version,
            versions=tuple(versions),
            available=available,
            objection=self._objection() or (None if available else Refused("nothing_newer", version=self.version)),
            doing=self._doing,
            failed=self._failed,
            changed=None if changed is None else changed.changed,
            backups=tuple(backups),
            data_bytes=size,
        )

    async def back_up(self, by: Principal, passphrase: str) -> Backup:
        made = await self.backups.make(passphrase or None)
        self._note_backup(made, _actor(by))
        return made

    async def take_backup(self, by: Principal, backup: str) -> Path:
        path = self.backups.path(backup)
        self._note(f.DataTaken("backup", backup), _actor(by))
        return path

    async def remove_backup(self, by: Principal, backup: str) -> None:
        self.backups.remove(backup)
        self._note(f.BackupRemoved(backup), _actor(by))

    async def export(self, by: Principal) -> AsyncGenerator[bytes, None]:
        from setaria.upkeep.export import export

        self._note(f.DataTaken("export"), _actor(by))
        return export(self._log, self._data)

    async def upgrade(self, by: Principal, version: str) -> None:
        if objection := self._objection():
            raise objection
        if order(self.versions.path(version).name) <= order(self.version):
            raise Refused("version_not_newer", version=version[:40], current=self.version)
        release = await self._source.get(version)
        self._begin("upgrade", version, by, release)

    async def roll_back(self, by: Principal) -> None:
        if objection := self._objection():
            raise objection
        version = self._before()
        written, known = log_version_of(self._data / LOG), self.versions.log_known(version)
        if written > known:
            before = next((each.id for each in self.backups.all() if each.id.endswith(BEFORE)), "?")
            raise Refused("rollback_needs_backup", version=version, backup=before)
        self._begin("rollback", version, by, None)

    # Within.

    def _objection(self) -> Refused | None:
        """Why this program cannot be exchanged from within."""
        if self.versions.running():
            return None
        within = Path(setaria.__file__).resolve().is_relative_to(Path(sys.prefix).resolve())
        return Refused("upgrade_elsewhere" if within else "upgrade_from_checkout")

    async def _newest(self) -> str:
        found = [each for each in await self._source.available() if self._is_newer(each)]
        return max(found, key=order, default="")

    def _is_newer(self, version: str) -> bool:
        try:
            return order(self.versions.path(version).name) > order(self.version)
        except Refused:
            return False

    def _before(self) -> str:
        """The version to go back to. Raises Refused("nothing_to_go_back_to")."""
        last = switching.noted(self._data)
        upgraded = last is not None and (last.changed.how, last.changed.version) == ("upgrade", self.version)
        if last is not None and upgraded and self.versions.installed(last.changed.was):
            return last.changed.was
        older = [each.version for each in self.versions.all() if order(each.version) < order(self.version)]
        if not older:
            raise Refused("nothing_to_go_back_to", version=self.version)
        return older[0]

    def _begin(self, how: str, version: str, by: Principal, release: Release | None) -> None:
        if self._task is not None and not self._task.done():
            raise Refused("upkeep_under_way")
        self._failed = None
        self._task = asyncio.create_task(self._change(how, version, by, release), name=how)

    async def _change(self, how: str, version: str, by: Principal, release: Release | None) -> None:
        try:
            self._doing = "backup"
            backup = await self.backups.make(None, BEFORE)
            self._note_backup(backup, HUB)
            if release is not None:
                self._doing = "install"
                await asyncio.to_thread(self.versions.install, release, self._clock.now())
            self._doing = "trial"
            await self._try(version)
            self._doing = "switch"
            path = str(self.backups.path(backup.id))
            now = self._clock.now()
            switching.give(
                self._data, switching.Order(version, self.version, how, by.member, now, path, self._arguments)
            )
            self.versions.retire((self.version, version))
            self._end()
        except (Refused, LogFaulty, OSError) as error:
            self._failed = (
                error
                if isinstance(error, Refused)
                else error.refusal
                if isinstance(error, LogFaulty)
                else Refused("install_failed", version=version, why=str(error)[:200])
            )
            self._doing = ""
            logger.warning("%s to %s: %s", how, version, error)

    async def _try(self, version: str) -> None:
        """Have it open a copy of the data and answer. Raises Refused("trial_failed")."""
        folder = self._data / TRIAL
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        try:
            await self._log.copy_to(folder / LOG)
            for name in (SECRETS, KEY):
                if (self._data / name).exists():
                    shutil.copy2(self._data / name, folder / name)
            why = await _attempt(self.versions.program(version), folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        if why:
            raise Refused("trial_failed", version=version, why=why)

    def _tell_change(self) -> None:
        noted = switching.noted(self._data)
        if noted is None or noted.told:
            return
        changed = noted.changed
        actor = Actor(f"member/{noted.by}", "") if changed.how != "went_back" else HUB
        self._note(f.VersionChanged(changed.version, changed.was, changed.how, changed.why), actor)
        switching.note(self._data, switching.Noted(changed, noted.by, told=True))

    def _note_backup(self, made: Backup, actor: Actor) -> None:
        self._note(f.BackupMade(made.id, made.bytes, made.sealed), actor)

    def _note(self, body: Body, actor: Actor) -> None:
        self._writer.record(f"upkeep/{self._writer.household}", body, actor)


async def _attempt(program: Path, folder: Path) -> str:
    """What the trial complained of last, or empty when it went well."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    child = await asyncio.create_subprocess_exec(
        program,
        "-m",
        "setaria.cli.trial",
        str(folder),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
    try:
        async with asyncio.timeout(TRIAL_WITHIN):
            _, complaint = await child.communicate()
    except TimeoutError:
        return "not_up"
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    lines = complaint.decode(errors="replace").strip().splitlines()
    return "" if child.returncode == 0 else (lines[-1] if lines else "ended")[:200]


def _actor(by: Principal) -> Actor:
    return Actor(f"member/{by.member}", str(by.role))


def _size(data: Path) -> int:
    files = [data / LOG, data / f"{LOG}-wal", data / SECRETS]
    files += [path for folder in FOLDERS for path in (data / folder).rglob("*")]
    return sum(path.stat().st_size for path in files if path.is_file())
