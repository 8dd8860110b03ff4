"""Backup and restoration; versions of the program that a hub keeps by itself."""

from __future__ import annotations

import asyncio
import getpass
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from setaria.cli.adding import read_text
from setaria.cli.offline import open_log
from setaria.cli.places import data_folder, hub_folder
from setaria.cli.progress import progress
from setaria.cli.terminal import Terminal, terminal_of
from setaria.facts.refused import Refused

app = typer.Typer()

File = Annotated[Path, typer.Argument(metavar="FILE")]
Data = Annotated[Path | None, typer.Option("--data", metavar="DIR")]
PassphraseFile = Annotated[Path | None, typer.Option("--passphrase-file", metavar="FILE")]


@app.command("backup")
def backup(context: typer.Context, file: File, data: Data = None, passphrase_file: PassphraseFile = None) -> None:
    from setaria.facts.archive import backup as make

    terminal = terminal_of(context)
    log, folder = open_log(data)
    try:
        if file.exists():
            raise Refused("archive_exists", path=str(file))
        passphrase = _passphrase(terminal, passphrase_file, twice=True)
        with progress(terminal.say("cli.progress.backup")) as told:
            manifest = asyncio.run(make(log, folder, file, passphrase, told))
    finally:
        log.close_now()
    size = file.stat().st_size
    document = {"file": str(file), "bytes": size, "entries": len(manifest.entries)}
    terminal.done(document, "cli.done.backup", file=str(file), size=_mebibytes(size), folder=str(folder))


@app.command("restore")
def restore(
    context: typer.Context,
    file: File,
    data: Data = None,
    replace: Annotated[bool, typer.Option("--replace")] = False,
    passphrase_file: PassphraseFile = None,
) -> None:
    from setaria.facts.archive import KEY, is_sealed
    from setaria.facts.archive import restore as put_back

    terminal = terminal_of(context)
    folder = data_folder(data)
    if not file.exists():
        raise Refused("archive_missing", path=str(file), why="")
    passphrase = _passphrase(terminal, passphrase_file, twice=False) if is_sealed(file) else ""
    with progress(terminal.say("cli.progress.restore")) as told:
        manifest = put_back(file, folder, passphrase, replace=replace, progress=told)
    keyed = any(entry.name == KEY for entry in manifest.entries) or (folder / KEY).exists()
    document = {"folder": str(folder), "entries": len(manifest.entries), "keyed": keyed}
    terminal.done(document, "cli.done.restored" if keyed else "cli.done.restored_without_key", folder=str(folder))


@app.command("install")
def install(
    context: typer.Context,
    wheel: Annotated[Path, typer.Argument(metavar="WHEEL")],
    data: Data = None,
) -> None:
    """The first version that a hub keeps by itself; from then on it upgrades from its own page."""
    from setaria.upkeep.versions import Versions
    from setaria.upkeep.wheels import described

    terminal = terminal_of(context)
    folder = data or hub_folder()
    if not wheel.is_file() or not wheel.name.startswith("setaria-") or wheel.suffix != ".whl":
        raise Refused("wheel_unusable", path=str(wheel))
    versions, release = Versions(folder), described(wheel.resolve())
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    terminal.print(terminal.say("cli.progress.install", version=release.version))
    versions.install(release, time.time_ns() // 1000)
    if not versions.current:
        versions.put_in_charge(release.version)
    program = str(versions.folder / "current" / "bin" / "setaria")
    document = {"version": release.version, "program": program}
    terminal.done(document, "cli.done.installed", version=release.version, program=program)


def _passphrase(terminal: Terminal, file: Path | None, *, twice: bool) -> str:
    """Raises Refused: passphrase_needed, passphrase_differs."""
    if file is not None:
        return read_text(file).rstrip("\r\n")
    if not sys.stdin.isatty():
        raise Refused("passphrase_needed")
    try:
        first = getpass.getpass(terminal.say("cli.ask.passphrase"))
        if twice and getpass.getpass(terminal.say("cli.ask.passphrase_again")) != first:
            raise Refused("passphrase_differs")
    except EOFError as error:
        raise Refused("passphrase_needed") from error
    return first


def _mebibytes(size: int) -> str:
    return f"{size / (1 << 20):.1f}"
