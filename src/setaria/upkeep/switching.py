"""From one version to another, with a way back that needs no one.

    1  the old version backs up, installs the new one, and tries it on a copy of its data
    2  it gives the order (`switching.json`), closes, and becomes the supervisor (supervise.py)
    3  the supervisor starts the new version; once that serves, it confirms (`confirmed`), and `current` leads to it
    4  otherwise the supervisor ends it and starts the old one again; a log that the new one has brought into a form
       that the old one cannot read is set aside, and that of the backup taken in 1 takes its place

Whatever breaks off in 2 or 3, `current` still leads to the old version, which finds the order and settles it as in 4.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, NoReturn, TypeVar

import msgspec

from setaria.facts.archive import LOG, VIEWS, log_version_of, restore
from setaria.facts.sqlite_file import FileLock
from setaria.home.upkeep.ports import Changed
from setaria.upkeep.versions import FOLDER, Versions

ORDER: Final = "switching.json"
CONFIRMED: Final = "confirmed"
CHANGED: Final = "changed.json"
SUPERVISED: Final = "SETARIA_SUPERVISED"  # set in the environment of whom the supervisor starts
AGAIN: Final = 75  # exit status: there is a new order

Kept = TypeVar("Kept")


class Order(msgspec.Struct, frozen=True):
    """`arguments` are those the hub was started with, `backup` the archive to go back with."""

    version: str
    was: str
    how: str
    by: str
    at: int
    backup: str
    arguments: tuple[str, ...] = ()


class Noted(msgspec.Struct, frozen=True):
    """A change of version, until it is `told` to the log."""

    changed: Changed
    by: str
    told: bool = False


def give(data: Path, order: Order) -> None:
    (data / FOLDER / CONFIRMED).unlink(missing_ok=True)
    _write(data / FOLDER / ORDER, order)


def given(data: Path) -> Order | None:
    return _read(data / FOLDER / ORDER, Order)


def noted(data: Path) -> Noted | None:
    return _read(data / FOLDER / CHANGED, Noted)


def note(data: Path, entry: Noted) -> None:
    _write(data / FOLDER / CHANGED, entry)


def confirm(data: Path) -> None:
    """Said by a version that serves, to the supervisor that waits for it."""
    if os.environ.get(SUPERVISED) and given(data) is not None:
        (data / FOLDER / CONFIRMED).touch()


def confirmed(data: Path) -> bool:
    return (data / FOLDER / CONFIRMED).exists()


def settle(data: Path) -> None:
    """Before a hub opens its log: an order that nobody carries out any more was broken off. Raises Refused."""
    order = given(data)
    if order is None or os.environ.get(SUPERVISED):
        return
    lock = FileLock.take(data / LOG)  # a supervisor at work has a hub that holds it
    try:
        go_back(data, order, "interrupted")
    finally:
        lock.release()


def go_on(data: Path) -> int | None:
    """After a hub has closed: None, or the status to end with, when the supervisor is to carry out an order. Where
    there is no supervisor yet, this process becomes it."""
    if given(data) is None:
        return None
    if not os.environ.get(SUPERVISED):
        _become_supervisor(data)
    return AGAIN


def _become_supervisor(data: Path) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-m", "setaria.upkeep.supervise", str(data)])  # noqa: S606  no shell


def keep_to(data: Path, order: Order) -> None:
    """The new version serves."""
    Versions(data).put_in_charge(order.version)
    note(data, Noted(Changed(order.version, order.was, order.how, _now()), order.by))
    _end(data)


def go_back(data: Path, order: Order, why: str) -> None:
    """The old version stays. Raises Refused when the log of the backup cannot be put in place: then nothing is lost,
    and `setaria restore` says what to do."""
    versions = Versions(data)
    log = data / LOG
    if log.exists() and log_version_of(log) > versions.log_known(order.was):
        _put_back_log(data, Path(order.backup))
    if versions.current != order.was:
        versions.put_in_charge(order.was)
    note(data, Noted(Changed(order.version, order.was, "went_back", _now(), why), order.by))
    _end(data)


def _put_back_log(data: Path, backup: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=".back-", dir=data) as made:
        restore(backup, Path(made) / "data", "")
        aside = next(path for number in range(1, 10_000) if not (path := data / f"before-going-back-{number}").exists())
        aside.mkdir(mode=0o700)
        for name in (LOG, f"{LOG}-wal", f"{LOG}-shm", VIEWS):
            if (data / name).exists():
                (data / name).rename(aside / name)
        (Path(made) / "data" / LOG).rename(data / LOG)


def _end(data: Path) -> None:
    (data / FOLDER / ORDER).unlink(missing_ok=True)
    (data / FOLDER / CONFIRMED).unlink(missing_ok=True)


def _now() -> int:
    return time.time_ns() // 1000  # the hub and its clock have ended


def _write(path: Path, content: Order | Noted) -> None:
    made = path.with_name(f".{path.name}")
    with made.open("wb") as file:
        file.write(msgspec.json.encode(content))
        file.flush()
        os.fsync(file.fileno())
    made.replace(path)


def _read(path: Path, kind: type[Kept]) -> Kept | None:
    with contextlib.suppress(OSError, msgspec.DecodeError):
        return msgspec.json.decode(path.read_bytes(), type=kind)
    return None
