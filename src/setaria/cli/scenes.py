"""Scenes."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from setaria.cli.resolve import assignment, find, full_thing, named, plain_value, properties_of, value_for
from setaria.cli.terminal import terminal_of, usage

app = typer.Typer()

Scene = Annotated[str, typer.Argument(metavar="SCENE")]


@app.command("list")
def list_(context: typer.Context) -> None:
    terminal = terminal_of(context)
    answer = terminal.client.get("/api/scenes")
    rows = [
        (
            each["id"],
            each["name"],
            "  ".join(f"{address}={_plain(value)}" for address, value in each["targets"].items()),
        )
        for each in answer["scenes"]
    ]
    columns = ("cli.column.id", "cli.column.name", "cli.column.targets")
    terminal.answer(answer, lambda: terminal.table(columns, rows, "cli.empty.scenes"))


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@app.command("set")
def set_(context: typer.Context, scene: Scene) -> None:
    terminal = terminal_of(context)
    known = named(terminal.client.get("/api/scenes")["scenes"], scene, "scene")
    answer = terminal.client.post(f"/api/scenes/{known['id']}/set")
    terminal.done(answer, "cli.done.scene_set", name=known["name"])


@app.command("save")
def save(
    context: typer.Context,
    scene: Scene,
    targets: Annotated[list[str], typer.Argument(metavar="THING/PROPERTY=VALUE...")],
    name: Annotated[str, typer.Option("--name", metavar="NAME")] = "",
) -> None:
    terminal = terminal_of(context)
    wanted: dict[str, Any] = {}
    things: dict[str, Any] = {}
    for each in targets:
        address, text = assignment(each)
        owner, slash, rest = address.partition("/")
        if not slash:
            raise usage("THING/PROPERTY=VALUE", each)
        if owner == "helper":
            wanted[address] = plain_value(text)
            continue
        full = things.get(owner) or full_thing(terminal.client, owner)
        things[owner] = full
        prop = find(properties_of(full), rest)
        value = plain_value(text) if prop is None else value_for(prop, text)
        wanted[f"{full['id']}/{rest if prop is None else prop['address']}"] = value
    answer = terminal.client.arrange("SaveScene", scene=scene, name=name or scene, targets=wanted)
    terminal.done(answer, "cli.done.scene_saved", name=name or scene, count=len(wanted))


@app.command("remove")
def remove(context: typer.Context, scene: Scene) -> None:
    terminal = terminal_of(context)
    known = named(terminal.client.get("/api/scenes")["scenes"], scene, "scene")
    terminal.done(terminal.client.arrange("RemoveScene", scene=known["id"]), "cli.done.removed", name=known["name"])
