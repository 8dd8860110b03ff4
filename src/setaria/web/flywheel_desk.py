"""The flywheel beside the hub: fits are made by a process of their own, and only what it wrote is read here.

So the hub never imports numpy, and what a fit needs of memory goes with it (setaria.flywheel.refit says what it writes
where). A report that somebody hands over is judged there too.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from setaria.facts.clock import DAY, Clock, Timer
from setaria.facts.refused import Refused
from setaria.flywheel.refit.about import Behind, Kept
from setaria.words import say

NEEDED: Final = ("numpy", "scipy", "numba", "pyarrow")  # the extra setaria[flywheel]
PROCESS: Final = (sys.executable, "-m", "setaria.flywheel.refit")
FITTED: Final = "fitted"
EVERY: Final = 7 * DAY  # where a fit was made once, it is made again
FIT_WITHIN: Final = 6 * 3600.0  # seconds
JUDGED_WITHIN: Final = 60.0
LONGEST_LINE: Final = 64 * 1024  # of what the process tells
LARGEST: Final = 8 << 20  # bytes of one file of a report
MOST_KEPT: Final = 64
_ID: Final = re.compile(r"[0-9]{19}")
_CSV: Final = re.compile(r"[A-Za-z0-9_-]{1,80}\.csv")


class Doing(msgspec.Struct):
    """`done` from 0 to 1, `stage` a key of words."""

    what: str  # fit, judge
    stage: str = "flywheel.refit.starting"
    done: float = 0.0


class FlywheelDesk:
    """`folder` is the flywheel's own. One process at a time."""

    def __init__(self, folder: Path, log: Path, clock: Clock, process: Sequence[str] = PROCESS) -> None:
        self.folder = folder
        self.doing: Doing | None = None
        self.failed: Refused | None = None
        self._log = log
        self._clock = clock
        self._process = tuple(process)
        self._missing: list[str] | None = None
        self._kept: tuple[int, list[Kept]] = (-1, [])
        self._running: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: Timer | None = None

    def start(self) -> None:
        self._wait_for_the_next()

    async def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._running is not None:
            with contextlib.suppress(ProcessLookupError):
                self._running.kill()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def missing(self) -> list[str]:
        """What of the extra is not installed; looked up without importing it, once."""
        if self._missing is None:
            self._missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
        return self._missing

    @property
    def offered(self) -> bool:
        """Whether there is anything for the page to show or to do."""
        return not self.missing or bool(self.kept())

    def kept(self) -> list[Kept]:
        """Newest first."""
        try:
            changed = self.folder.stat().st_mtime_ns
        except OSError:
            return []
        if changed != self._kept[0]:
            names = sorted((each.name for each in self.folder.iterdir() if _ID.fullmatch(each.name)), reverse=True)
            found = [about for name in names[:MOST_KEPT] if (about := self._about(name)) is not None]
            self._kept = changed, found
        return self._kept[1]

    def find(self, report: str) -> Kept:
        """The newest for "". Raises Refused("not_found")."""
        found = next((each for each in self.kept() if report in ("", each.id)), None)
        if found is None:
            raise Refused("not_found", what="report", id=report[:40])
        return found

    def read(self, report: Kept, name: str) -> bytes:
        """Raises Refused("not_found")."""
        path = self.folder / report.id / name
        try:
            if path.stat().st_size > LARGEST:
                raise Refused("flywheel_report_large", most=LARGEST)
            return path.read_bytes()
        except OSError:
            raise Refused("not_found", what="report", id=report.id) from None

    def table(self, report: Kept, name: str, language: str) -> bytes:
        if not _CSV.fullmatch(name) or name not in report.tables:
            raise Refused("not_found", what="table", id=name[:80])
        return self.read(report, f"csv.{language}/{name}")

    def behind(self, report: Kept) -> dict[str, Behind]:
        """Empty for a report that was not made here."""
        if report.how != FITTED:
            return {}
        return msgspec.json.decode(self.read(report, "facts.json"), type=dict[str, Behind])

    @property
    def next_fit(self) -> int:
        """UTC microseconds; 0 when none is planned."""
        last = max((each.at for each in self.kept() if each.how == FITTED), default=0)
        return last + EVERY if last and not self.missing else 0

    def fit(self) -> None:
        """Begins. Raises Refused: flywheel_busy, flywheel_extra_missing."""
        if self.missing:
            raise Refused("flywheel_extra_missing", missing=self.missing)
        self._begin("fit")
        self._task = asyncio.create_task(self._fitted())

    async def give(self, document: bytes) -> str:
        """Keep a report made elsewhere; its id. Raises Refused: flywheel_busy, flywheel_report_…"""
        doing = self._begin("judge")
        part = self.folder / ".given.part"
        try:
            await asyncio.to_thread(_write, part, document)
            return await self._run(doing, JUDGED_WITHIN, "--given", str(part), "--keep", str(self.folder))
        finally:
            self.doing = None
            part.unlink(missing_ok=True)

    def forget(self, report: Kept) -> None:
        import shutil

        shutil.rmtree(self.folder / report.id, ignore_errors=True)

    def _begin(self, what: str) -> Doing:
        if self.doing is not None:
            raise Refused("flywheel_busy")
        self.doing, self.failed = Doing(what), None
        return self.doing

    async def _fitted(self) -> None:
        doing = self.doing
        assert doing is not None
        try:
            await self._run(doing, FIT_WITHIN, str(self._log), "--keep", str(self.folder))
        except Refused as refused:
            self.failed = refused
        except OSError as error:
            self.failed = Refused("flywheel_failed", why=error.strerror or "?")
        finally:
            self.doing = None
            self._wait_for_the_next()

    async def _run(self, doing: Doing, within: float, *arguments: str) -> str:
        """The id of what was kept."""
        made = await asyncio.create_subprocess_exec(
            *self._process,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=LONGEST_LINE,
        )
        self._running = made
        try:
            async with asyncio.timeout(within):
                last = await _heard(made, doing)
                await made.wait()
        except TimeoutError:
            raise Refused("flywheel_too_long", seconds=round(within)) from None
        finally:
            self._running = None
            if made.returncode is None:
                made.kill()
                await made.wait()
        if isinstance(told := last.get("refused"), dict):
            code, details = str(told.get("code")), told.get("details")
            raise Refused(code, **(details if isinstance(details, dict) else {}))
        if made.returncode or not isinstance(last.get("kept"), str):
            raise Refused("flywheel_failed", why=str(made.returncode))
        return str(last["kept"])

    def _wait_for_the_next(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if due := self.next_fit:
            wait = max(due - self._clock.now(), DAY // 24)
            self._timer = self._clock.call_at(self._clock.ticks() + wait, self._fit_again)

    def _fit_again(self) -> None:
        with contextlib.suppress(Refused):  # one is under way, which plans the next itself
            self.fit()

    def _about(self, name: str) -> Kept | None:
        try:
            return msgspec.json.decode((self.folder / name / "about.json").read_bytes(), type=Kept)
        except (OSError, msgspec.DecodeError):
            return None


async def _heard(process: asyncio.subprocess.Process, doing: Doing) -> dict[str, Any]:
    """The last line; those before it tell how far it is."""
    assert process.stdout is not None
    last: dict[str, Any] = {}
    try:
        async for line in process.stdout:
            told = msgspec.json.decode(line)
            if not isinstance(told, dict):
                continue
            last = told
            key, done = told.get("key"), told.get("done")
            if isinstance(key, str) and isinstance(done, int | float):
                doing.stage, doing.done = key, min(max(float(done), 0.0), 1.0)
    except ValueError:  # a line too long, or no JSON: whatever printed it is not the fit
        raise Refused("flywheel_failed", why="unreadable") from None
    return last


def stage_in_words(doing: Doing, language: str) -> str:
    text = say(doing.stage, language)
    return say("flywheel.refit.working", language) if text == doing.stage else text


def _write(path: Path, document: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(document)
    path.chmod(0o600)
