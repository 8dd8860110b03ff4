"""The kinds of fact about the keeping of a home's data, and of the program itself. Aggregate: `upkeep/<household>`."""

from __future__ import annotations

from setaria.facts.kinds import Body, kind


@kind("home.backup_made")
class BackupMade(Body, frozen=True, gc=False):
    """Without `sealed` the key of the secrets is not in it."""

    backup: str
    bytes: int
    sealed: bool


@kind("home.backup_removed")
class BackupRemoved(Body, frozen=True, gc=False):
    backup: str


@kind("home.data_taken")
class DataTaken(Body, frozen=True, gc=False):
    """Somebody carried data away. what: export, backup; `backup` is which."""

    what: str
    backup: str = ""


@kind("home.version_changed")
class VersionChanged(Body, frozen=True, gc=False):
    """how: upgrade, rollback; went_back when `version` failed its trial and `was` runs again, `why` a code."""

    version: str
    was: str
    how: str
    why: str = ""
