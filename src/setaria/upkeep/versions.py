"""Versions of Setaria side by side: each a virtual environment under `versions/`, and `current` a link to one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from setaria.facts.refused import Refused
from setaria.home.upkeep.ports import Release, Version

FOLDER: Final = "versions"
CURRENT: Final = "current"
MARK: Final = "installed.json"  # written last: a folder without it was left half made
SHARED: Final = "shared.pth"  # libraries of the machine's own, which each new version is given too
KEPT: Final = 3
INSTALL_WITHIN: Final = 600.0  # seconds
_VERSION: Final = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6}){1,3}((a|b|rc)[0-9]{1,4})?(\.(dev|post)[0-9]{1,6})?")


class Installed(msgspec.Struct, frozen=True):
    version: str
    at: int
    wheel: str


class Versions:
    def __init__(self, data: Path) -> None:
        self.folder = data / FOLDER

    def path(self, version: str) -> Path:
        """Raises Refused("version_unknown") for what is no version's name."""
        if not _VERSION.fullmatch(version):
            raise Refused("version_unknown", version=version[:40])
        return self.folder / version

    def program(self, version: str) -> Path:
        return self.path(version) / "bin" / "python"

    @property
    def current(self) -> str:
        """Empty when none has been put in charge yet."""
        try:
            named = (self.folder / CURRENT).readlink().name
        except OSError:
            return ""
        return named if _VERSION.fullmatch(named) else ""

    def all(self) -> list[Version]:
        """Newest first."""
        current = self.current
        found = [each for path in self.folder.glob(f"*/{MARK}") if (each := _marked(path)) is not None]
        ordered = sorted(found, key=lambda each: order(each.version), reverse=True)
        return [Version(each.version, each.version == current, each.at) for each in ordered]

    def installed(self, version: str) -> bool:
        return _VERSION.fullmatch(version) is not None and (self.folder / version / MARK).exists()

    def running(self) -> str:
        """The version here that this very process is, or empty when it came from elsewhere."""
        prefix = Path(sys.prefix).resolve()
        return prefix.name if prefix.parent == self.folder.resolve() and self.installed(prefix.name) else ""

    def log_known(self, version: str) -> int:
        """The newest form of the log that this version can read. Raises Refused("version_unknown")."""
        scripts = self.path(version).glob("lib/python*/site-packages/setaria/facts/migrations/sqlite/[0-9]*.sql")
        return sum(1 for _ in scripts)

    def put_in_charge(self, version: str) -> None:
        """In one step: there is a current version at every moment."""
        made = self.folder / f".{CURRENT}.{os.getpid()}"
        made.unlink(missing_ok=True)
        made.symlink_to(version)
        made.replace(self.folder / CURRENT)
        _sync(self.folder)

    def install(self, release: Release, at: int) -> None:
        """Make its environment, from nothing. Takes minutes on a small board.

        Raises Refused: install_failed, version_unknown.
        """
        path = self.path(release.version)
        if (path / MARK).exists():
            return
        self.folder.mkdir(mode=0o700, exist_ok=True)
        shutil.rmtree(path, ignore_errors=True)
        try:
            _run([sys.executable, "-m", "venv", str(path)])
            self._share(path)
            pip = [str(path / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
            if release.lock is not None:
                _run([*pip, "--require-hashes", "--requirement", str(release.lock)])
                _run([*pip, "--no-deps", str(release.wheel)])
            else:
                _run([*pip, str(release.wheel)])
            self._require(path, release.version)
            mark = Installed(release.version, at, release.wheel.name)
            (path / MARK).write_bytes(msgspec.json.encode(mark))
            _sync(path)
        except BaseException:
            shutil.rmtree(path, ignore_errors=True)
            raise

    def retire(self, keep: Sequence[str]) -> None:
        """Remove all but the newest few, and those in `keep`."""
        for each in [each.version for each in self.all()][KEPT:]:
            if each not in keep and each != self.current:
                shutil.rmtree(self.folder / each, ignore_errors=True)

    @staticmethod
    def _share(path: Path) -> None:
        for ours in Path(sys.prefix).glob(f"lib/python*/site-packages/{SHARED}"):
            for theirs in path.glob("lib/python*/site-packages"):
                shutil.copy(ours, theirs / SHARED)

    @staticmethod
    def _require(path: Path, version: str) -> None:
        """That what was installed is what was asked for."""
        told = _run(
            [str(path / "bin" / "python"), "-c", "import setaria; print(setaria.__version__, setaria.__file__)"]
        )
        found, _, where = told.strip().partition(" ")
        if found != version or not Path(where).is_relative_to(path):
            raise Refused("install_failed", version=version, why=f"it says it is {found[:40]}")


def order(version: str) -> tuple[object, ...]:
    """Rising with the version. Source: PyPA version specifiers, as far as `_VERSION` goes."""
    numbers, _, rest = re.sub(r"(a|b|rc|\.dev|\.post)", r"|\1", version, count=1).partition("|")
    release = tuple(int(part) for part in numbers.split("."))
    early = {".d": 0, "a": 1, "b": 2, "rc": 3}
    rank = next((early[start] for start in early if rest.startswith(start)), 4 if not rest else 5)
    return (*release, *(0,) * (4 - len(release)), rank, tuple(int(each) for each in re.findall(r"[0-9]+", rest)))


def _run(command: Sequence[str]) -> str:
    """Its output. Raises Refused("install_failed") with the last of what it complained of."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    try:
        done = subprocess.run(  # noqa: S603  a list, and no shell
            command, capture_output=True, text=True, timeout=INSTALL_WITHIN, env=environment, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Refused("install_failed", version="", why=str(error)[:200]) from error
    if done.returncode:
        why = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:] or ["?"]
        raise Refused("install_failed", version="", why=why[0][:200])
    return done.stdout


def _marked(path: Path) -> Installed | None:
    try:
        mark = msgspec.json.decode(path.read_bytes(), type=Installed)
    except (OSError, msgspec.DecodeError):
        return None
    return mark if mark.version == path.parent.name and _VERSION.fullmatch(mark.version) else None


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
