"""`doctor`: what is well with this hub and this machine, what is not, and what to do about it."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import stat
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from setaria.cli.exits import Exit
from setaria.cli.hub import HOST
from setaria.cli.language import said_by_hub
from setaria.cli.places import LOG, data_folder, is_free
from setaria.cli.terminal import Terminal, terminal_of
from setaria.facts.clock import SystemClock
from setaria.facts.refused import Refused
from setaria.words import refusal, say

app = typer.Typer()

LITTLE_SPACE: Final = 1 << 30
NO_SPACE: Final = 100 << 20
QUICK_CHECK_MOST: Final = 2 << 30  # bytes of a log that is looked through at once


class Health(StrEnum):
    OK = "ok"
    WARN = "warn"
    BAD = "bad"


class Check(msgspec.Struct, frozen=True):
    """`name` is a key below `cli.doctor.`; the sentences are in words already."""

    name: str
    health: Health
    sentence: str
    next: str = ""


class Patient:
    def __init__(self, terminal: Terminal, folder: Path) -> None:
        self.terminal = terminal
        self.folder = folder
        self.language = terminal.language
        self.hub_health: Any = None
        try:
            self.hub_health = terminal.client.get("/api/health")
        except Refused as refused:
            self.hub_refused = refused

    def check(self, name: str, health: Health, key: str, /, **details: object) -> Check:
        following = say(f"cli.doctor.{key}.next", self.language, **details)
        following = "" if following.startswith("cli.doctor.") else following
        return Check(name, health, say(f"cli.doctor.{key}", self.language, **details), following)

    def refused(self, name: str, refused: Refused, health: Health = Health.BAD) -> Check:
        sentence, following = said_by_hub(refused) or refusal(refused, self.language)
        return Check(name, health, sentence, following)


@app.command("doctor")
def doctor(context: typer.Context, data: Annotated[Path | None, typer.Option("--data", metavar="DIR")] = None) -> None:
    from rich.text import Text

    terminal = terminal_of(context)
    terminal.data = data
    patient = Patient(terminal, data_folder(data))
    found: list[Check] = []
    styles = {Health.OK: "green", Health.WARN: "yellow", Health.BAD: "red"}
    console = terminal.console()
    width = max(len(say(f"cli.doctor.health_{each}", terminal.language)) for each in Health) + 2
    for examine in CHECKS:
        for check in examine(patient):
            found.append(check)
            if terminal.json:
                continue
            mark = say(f"cli.doctor.health_{check.health}", terminal.language)
            line = Text(mark + " " * (width - len(mark)), style=styles[check.health])
            line.append(say(f"cli.doctor.name_{check.name}", terminal.language), style="bold")
            line.append(f"  {check.sentence}", style="none")
            console.print(line, soft_wrap=True)
            if check.next:
                console.print(Text(" " * width + check.next, style="bright_black"), soft_wrap=True)
    if terminal.json:
        terminal.answer({"checks": found}, lambda: None)
    if any(check.health is Health.BAD for check in found):
        raise typer.Exit(Exit.REFUSED)


def _folder(patient: Patient) -> Iterator[Check]:
    folder = patient.folder
    if not folder.exists():
        yield patient.check("folder", Health.WARN, "folder_missing", path=str(folder))
        return
    mode = stat.S_IMODE(folder.stat().st_mode)
    if not os.access(folder, os.W_OK | os.X_OK):
        yield patient.check("folder", Health.BAD, "folder_locked", path=str(folder))
    elif mode & 0o077:
        yield patient.check("folder", Health.WARN, "folder_open", path=str(folder), mode=f"{mode:04o}")
    else:
        yield patient.check("folder", Health.OK, "folder_well", path=str(folder))


def _space(patient: Patient) -> Iterator[Check]:
    here = next(path for path in (patient.folder.absolute(), *patient.folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(here).free
    health = Health.BAD if free < NO_SPACE else Health.WARN if free < LITTLE_SPACE else Health.OK
    key = "space_well" if health is Health.OK else "space_little"
    yield patient.check("space", health, key, free=f"{free / (1 << 30):.1f}")


def _log(patient: Patient) -> Iterator[Check]:
    from setaria.cli.offline import open_log

    path = patient.folder / LOG
    if not path.exists():
        yield patient.check("log", Health.OK, "log_none")
        return
    try:
        log, _ = open_log(patient.folder)
        log.close_now()
        size = path.stat().st_size
        damage = _quick_check(path) if size <= QUICK_CHECK_MOST else []
    except Refused as refused:
        yield patient.refused("log", refused)
        return
    except sqlite3.DatabaseError as error:
        damage = [str(error)]
    if damage:
        yield patient.refused("log", Refused("log_damaged", path=str(path), why=damage[0][:200]))
    else:
        yield patient.check("log", Health.OK, "log_well", size=f"{size / (1 << 20):.1f}")


def _quick_check(path: Path) -> list[str]:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        return [text for (text,) in connection.execute("PRAGMA quick_check(5)") if text != "ok"]
    finally:
        connection.close()


def _key(patient: Patient) -> Iterator[Check]:
    from setaria.facts.secrets import KeyFile

    if not (patient.folder / "key").exists() and not (patient.folder / "secrets").exists():
        yield patient.check("key", Health.OK, "key_none")
        return
    try:
        KeyFile(patient.folder / "key").read()
    except Refused as refused:
        yield patient.refused("key", refused)
        return
    yield patient.check("key", Health.OK, "key_well")


def _clock(patient: Patient) -> Iterator[Check]:
    from setaria.cli.offline import open_log

    clock = SystemClock()
    if (patient.folder / LOG).exists():
        try:
            log, _ = open_log(patient.folder)
        except Refused:
            pass  # told already
        else:
            clock.raise_floor(log.last_known()[1])
            log.close_now()
    trusted = clock.trusted()
    yield patient.check("clock", Health.OK if trusted else Health.WARN, "clock_well" if trusted else "clock_doubted")


def _zone(patient: Patient) -> Iterator[Check]:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo("Asia/Shanghai")
    except (OSError, LookupError, ValueError):
        yield patient.check("zone", Health.BAD, "zone_missing")
    else:
        yield patient.check("zone", Health.OK, "zone_well")


def _hub(patient: Patient) -> Iterator[Check]:
    client = patient.terminal.client
    if patient.hub_health is None:
        if patient.hub_refused.code != "no_hub":
            yield patient.refused("hub", patient.hub_refused)
        elif client.host in (HOST, "localhost") and not is_free(client.port, HOST, socket.SOCK_STREAM):
            yield patient.check("hub", Health.BAD, "port_taken", port=client.port)
        else:
            yield patient.check("hub", Health.OK, "hub_none", address=client.address)
    elif patient.hub_health["ok"]:
        yield patient.check("hub", Health.OK, "hub_well", address=client.address)
    else:
        faulty = patient.hub_health["faulty"]
        yield Check("hub", Health.BAD, faulty["sentence"], faulty["next"])


def _radios(patient: Patient) -> Iterator[Check]:
    if patient.hub_health is None:
        return
    for radio in patient.terminal.client.get("/api/radios")["radios"]:
        missing = radio["followed"] - radio["reachable"]
        key = "radio_stopped" if not radio["running"] else "radio_missing" if missing else "radio_well"
        health = Health.BAD if not radio["running"] else Health.WARN if missing else Health.OK
        details = {"radio": radio["radio"], "followed": radio["followed"], "missing": missing}
        yield patient.check("radio", health, key, **details)


def _loopback(patient: Patient) -> Iterator[Check]:
    """Only `setaria up` wants them."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.1.1", 0))
        except OSError:
            yield patient.check("loopback", Health.WARN, "loopback_one")
            return
    yield patient.check("loopback", Health.OK, "loopback_well")


CHECKS: Final[tuple[Callable[[Patient], Iterator[Check]], ...]] = (
    _folder,
    _space,
    _log,
    _key,
    _clock,
    _zone,
    _hub,
    _radios,
    _loopback,
)
