"""An owner who cannot come in any more: by whoever has the hub's data folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from setaria.cli.places import LOG, data_folder
from setaria.cli.terminal import terminal_of
from setaria.facts.clock import MINUTE, SystemClock
from setaria.facts.refused import Refused

app = typer.Typer()


@app.callback()
def owner() -> None:
    """A group, though of one command for now."""


@app.command("code")
def code_(context: typer.Context, data: Annotated[Path | None, typer.Option("--data", metavar="DIR")] = None) -> None:
    from setaria.facts.secrets import KeyFile, SecretStore
    from setaria.home.accounts.owner_code import LEFT_GOOD_FOR, leave_code

    terminal = terminal_of(context)
    folder = data_folder(data)
    if not (folder / LOG).exists():
        raise Refused("log_missing", path=str(folder / LOG))
    store = SecretStore(folder / "secrets", KeyFile(folder / "key"))
    code, until = leave_code(store, SystemClock().now())
    minutes = LEFT_GOOD_FOR // MINUTE
    terminal.done({"code": code, "until": until}, "cli.done.owner_code", code=code, minutes=minutes)
