"""Releases that somebody laid into the folder: `releases/setaria-1.2.3-py3-none-any.whl`, its lock file beside it as
`setaria-1.2.3.lock`. Who may write there may do all in this home anyway: nothing is signed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from setaria.facts.refused import Refused
from setaria.home.upkeep.ports import Release

FOLDER: Final = "releases"
MOST: Final = 100


class WheelFolder:
    def __init__(self, data: Path) -> None:
        self.folder = data / FOLDER

    async def available(self) -> list[str]:
        return [each.version for each in self._all()]

    async def get(self, version: str) -> Release:
        found = next((each for each in self._all() if each.version == version), None)
        if found is None:
            raise Refused("version_unknown", version=version[:40])
        return found

    def _all(self) -> list[Release]:
        wheels = sorted(self.folder.glob("setaria-*.whl"))[:MOST]
        return [described(each) for each in wheels if each.is_file()]


def described(wheel: Path) -> Release:
    """By its name (PyPA: binary distribution format)."""
    version = wheel.name.removesuffix(".whl").split("-")[1]
    lock = wheel.with_name(f"setaria-{version}.lock")
    return Release(version, wheel, lock if lock.is_file() else None)
