"""Who may come to the hub's MQTT broker; works on the data folder, whether the hub runs or not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from setaria.cli.places import LOG, data_folder
from setaria.cli.terminal import terminal_of
from setaria.facts.refused import Refused

if TYPE_CHECKING:
    from setaria.facts.secrets import SecretStore
    from setaria.radio.mqtt.access import Access

app = typer.Typer()

Data = Annotated[Path | None, typer.Option("--data", metavar="DIR")]


@app.command("add")
def add(
    context: typer.Context,
    name: str,
    sort: Annotated[str, typer.Option("--for", metavar="KIND")] = "any",
    data: Data = None,
) -> None:
    from setaria.facts.clock import SystemClock

    password = _access(data).add(name, sort, SystemClock().now())
    told = {"name": name, "password": password, "for": sort}
    terminal_of(context).done(told, "cli.done.mqtt_added", name=name, password=password)


@app.command("list")
def list_(context: typer.Context, data: Data = None) -> None:
    access = _access(data)
    clients = [{"name": name, "for": access.sort_of(name)} for name in access.names()]
    terminal = terminal_of(context)
    rows = [(each["name"], each["for"]) for each in clients]
    terminal.answer(clients, lambda: terminal.table(("cli.column.name", "cli.column.sort"), rows, "cli.mqtt.none"))


@app.command("remove")
def remove(context: typer.Context, name: str, data: Data = None) -> None:
    _access(data).remove(name)
    terminal_of(context).done({"name": name}, "cli.done.mqtt_removed", name=name)


@app.command("password")
def password_(context: typer.Context, data: Data = None) -> None:
    from setaria.radio.mqtt.access import BROKER_PASSWORD

    terminal = terminal_of(context)
    given: str = typer.prompt(terminal.say("cli.mqtt.password"), hide_input=True)
    _store(data).put(BROKER_PASSWORD, given.encode())
    terminal.done({}, "cli.done.mqtt_password")


def _access(data: Path | None) -> Access:
    from setaria.radio.mqtt.access import Access

    return Access(_store(data))


def _store(data: Path | None) -> SecretStore:
    from setaria.facts.secrets import KeyFile, SecretStore

    folder = data_folder(data)
    if not (folder / LOG).exists():
        raise Refused("log_missing", path=str(folder / LOG))
    return SecretStore(folder / "secrets", KeyFile(folder / "key"))
