"""Things that are found, added, given a token, replaced."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from setaria.cli.resolve import thing_id
from setaria.cli.terminal import Terminal, terminal_of, usage
from setaria.facts.refused import Refused

app = typer.Typer()

Address = Annotated[str, typer.Argument(metavar="ADDRESS")]


@app.command("found")
def found(context: typer.Context, search: Annotated[bool, typer.Option("--search")] = False) -> None:
    terminal = terminal_of(context)
    if search:
        terminal.client.post("/api/search")
    answer = terminal.client.get("/api/found")
    rows = [
        (
            each["address"],
            each["model"] or "?",
            each["location"],
            terminal.say(f"cli.needs.{each['needs']}") if each["needs"] else terminal.say("cli.needs.nothing"),
            each["radio"],
        )
        for each in answer["found"]
    ]
    columns = tuple(f"cli.column.{name}" for name in ("address", "model", "location", "needs", "radio"))
    terminal.answer(answer, lambda: terminal.table(columns, rows, "cli.empty.found"))


@app.command("add")
def add(
    context: typer.Context,
    address: Address,
    name: Annotated[str, typer.Option("--name", metavar="NAME")] = "",
    room: Annotated[str, typer.Option("--room", metavar="ROOM")] = "",
    thing: Annotated[str, typer.Option("--id", metavar="ID")] = "",
) -> None:
    terminal = terminal_of(context)
    each = _found(terminal, address)
    answer = terminal.client.arrange(
        "AddThing",
        radio=each["radio"],
        address=each["address"],
        model=each["model"],
        thing=thing,
        name=name,
        room=room,
    )
    added = answer["facts"][0]["data"]
    terminal.done(answer, "cli.done.added", name=added["name"], id=added["thing"])


def _found(terminal: Terminal, address: str) -> Any:
    for each in terminal.client.get("/api/found")["found"]:
        if address in (each["address"], each["location"], str(each["location"]).partition(":")[0]):
            if not each["model"]:
                raise Refused("found_needs_token", address=each["address"])
            return each
    raise Refused("not_found_on_air", address=address[:80])


@app.command("token")
def token(
    context: typer.Context,
    address: Annotated[str, typer.Argument(metavar="[ADDRESS")] = "",
    token: Annotated[str, typer.Argument(metavar="TOKEN]")] = "",
    list_: Annotated[Path | None, typer.Option("--import", metavar="FILE")] = None,
    radio: Annotated[str, typer.Option("--radio")] = "miio",
) -> None:
    terminal = terminal_of(context)
    if list_ is not None:
        answer = terminal.client.post("/api/secrets/import", {"text": read_text(list_)})
        terminal.done(answer, "cli.done.tokens", count=answer["taken"])
    elif address and token:
        answer = terminal.client.post("/api/secrets", {"radio": radio, "address": address, "token": token})
        terminal.done(answer, "cli.done.token", address=address)
    else:
        raise usage("ADDRESS TOKEN | --import FILE", "")


def read_text(path: Path) -> str:
    """A file, or what is piped in for `-`. Raises Refused("file_unreadable")."""
    try:
        return sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "UTF-8"
        raise Refused("file_unreadable", path=str(path), why=why or "?") from error


@app.command("replace")
def replace(context: typer.Context, thing: Annotated[str, typer.Argument(metavar="THING")], address: Address) -> None:
    terminal = terminal_of(context)
    known = thing_id(terminal.client, thing)
    each = _found(terminal, address)
    answer = terminal.client.arrange(
        "ReplaceThing", thing=known, radio=each["radio"], address=each["address"], model=each["model"]
    )
    terminal.done(answer, "cli.done.replaced", thing=known, address=each["address"])
