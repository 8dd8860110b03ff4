"""Things: seeing them, setting them, having them do something."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from setaria.cli.resolve import (
    actions_of,
    assignment,
    find,
    full_thing,
    plain_value,
    properties_of,
    value_for,
)
from setaria.cli.terminal import Terminal, terminal_of
from setaria.facts.refused import Refused

if TYPE_CHECKING:
    from rich.text import Text

    from setaria.home.spec.library import SpecLibrary

app = typer.Typer()

Thing = Annotated[str, typer.Argument(metavar="THING")]


@app.command("things")
def things(context: typer.Context, room: Annotated[str, typer.Option("--room", metavar="ROOM")] = "") -> None:
    from setaria.cli.names import library

    terminal = terminal_of(context)
    home = terminal.client.get("/api/home")
    rooms = {each["id"]: each["name"] for each in home["rooms"]}
    shown = [each for each in home["things"] if not room or room in (each["room"], rooms.get(each["room"]))]
    order = list(rooms)
    shown.sort(key=lambda each: order.index(each["room"]) if each["room"] in rooms else len(order))
    columns = ("cli.column.name", "cli.column.state", "cli.column.room", "cli.column.id", "cli.column.model")
    specs = library()
    terminal.answer(
        {"things": shown},
        lambda: terminal.table(
            columns,
            [
                (
                    each["name"],
                    state_text(terminal, specs, each),
                    rooms.get(each["room"], ""),
                    each["id"],
                    each["model"],
                )
                for each in shown
            ],
            "cli.empty.things",
        ),
    )


def state_text(terminal: Terminal, specs: SpecLibrary, summary: Any) -> Text:
    """A summary's values as words; of a model that only the hub knows, bare."""
    from rich.text import Text

    from setaria.cli.styles import STYLES
    from setaria.home.telling.state import Tone, in_words, reason_in_words

    if not summary["reachable"]:
        return Text(reason_in_words(summary["reason"], terminal.language), style=STYLES[Tone.CARE])
    values = {address: value for address, value in summary["values"].items() if value is not None}
    try:
        words = in_words(specs.get(summary["model"]), values, terminal.language)
    except Refused:
        return Text(", ".join(f"{address} {value}" for address, value in list(values.items())[:3]))
    text = Text()
    for number, word in enumerate(words):
        text.append(terminal.say("telling.state.join") if number else "", style="bright_black")
        text.append(word.text, style=STYLES[word.tone])
    return text


@app.command("show")
def show(context: typer.Context, thing: Thing) -> None:
    terminal = terminal_of(context)
    full = full_thing(terminal.client, thing)
    terminal.answer(full, lambda: _show(terminal, full))


def _show(terminal: Terminal, full: Any) -> None:
    from setaria.home.telling.state import reason_in_words

    spec = full["spec"]
    kind = spec["names"][terminal.language] if spec else full["model"]
    terminal.print(f"{full['name']}  ({full['id']})")
    terminal.print(terminal.say("cli.show.model", kind=kind, model=full["model"]))
    there = "cli.show.there" if full["reachable"] else "cli.show.lost"
    reason = reason_in_words(full["reason"], terminal.language)
    terminal.print(terminal.say(there, radio=full["radio"], address=full["address"], at=full["location"], why=reason))
    terminal.print()
    rows = []
    for prop in properties_of(full):
        slot = full["values"].get(prop["address"])
        if prop["readable"] or prop["writable"]:
            value = "" if slot is None else _shown(prop, slot["value"], terminal.language)
            rows.append((prop["address"], prop["names"][terminal.language], value, _takes(terminal, prop)))
    columns = ("cli.column.property", "cli.column.name", "cli.column.value", "cli.column.takes")
    terminal.table(columns, rows, "cli.empty.properties")
    actions = [
        (each["address"], each["names"][terminal.language], ", ".join(each["inputs"])) for each in actions_of(full)
    ]
    if actions:
        terminal.print()
        terminal.table(("cli.column.action", "cli.column.name", "cli.column.arguments"), actions, "cli.empty.actions")


def _shown(prop: Any, value: Any, language: str) -> str:
    named = next((each["names"][language] for each in prop["choices"] if each["value"] == value), "")
    units = {"percentage": "%", "celsius": "°C", "kelvin": "K", "watt": "W"}
    bare = str(value).lower() if isinstance(value, bool) else f"{value}{units.get(prop['unit'], '')}"
    return f"{named} ({bare})" if named and not isinstance(value, bool) else named or bare


def _takes(terminal: Terminal, prop: Any) -> str:
    if not prop["writable"]:
        return terminal.say("cli.show.read_only")
    if prop["choices"]:
        return " | ".join(each["names"][terminal.language] or str(each["value"]) for each in prop["choices"])
    if prop["range"]:
        low, high, step = prop["range"]
        return f"{low}…{high}" + (f" / {step}" if step not in (0, 1) else "")
    return str(prop["format"])


@app.command("set")
def set_(
    context: typer.Context,
    thing: Thing,
    values: Annotated[list[str], typer.Argument(metavar="PROPERTY=VALUE...")],
) -> None:
    terminal = terminal_of(context)
    full = full_thing(terminal.client, thing)
    writes = typed(values, properties_of(full))
    answer = terminal.client.post(f"/api/things/{full['id']}/write", {"writes": writes})
    terminal.done(answer, "cli.done.set", name=full["name"])


def typed(values: Sequence[str], properties: Sequence[Any]) -> dict[str, Any]:
    """`on=off brightness=40` as addresses and values of the things' formats; what is not known goes as it is typed, for
    the hub to say what is near."""
    writes: dict[str, Any] = {}
    for each in values:
        name, text = assignment(each)
        prop = find(properties, name)
        writes[name if prop is None else prop["address"]] = plain_value(text) if prop is None else value_for(prop, text)
    return writes


@app.command("act")
def act(
    context: typer.Context,
    thing: Thing,
    action: Annotated[str, typer.Argument(metavar="ACTION")],
    arguments: Annotated[list[str] | None, typer.Argument(metavar="[ARGUMENT=VALUE]...")] = None,
) -> None:
    terminal = terminal_of(context)
    full = full_thing(terminal.client, thing)
    found = find(actions_of(full), action)
    inputs = [each for each in properties_of(full) if found is None or each["address"] in found["inputs"]]
    body = {
        "action": action if found is None else found["address"],
        "arguments": typed(arguments or [], inputs),
    }
    answer = terminal.client.post(f"/api/things/{full['id']}/act", body)
    values = ", ".join(map(str, answer.get("values", ())))
    terminal.done(answer, "cli.done.act_values" if values else "cli.done.act", name=full["name"], values=values)
