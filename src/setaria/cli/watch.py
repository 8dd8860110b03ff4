"""`watch`: what happens in the home, as it happens."""

from __future__ import annotations

import time
from typing import Annotated, Any

import msgspec
import typer

from setaria.cli.names import Names
from setaria.cli.resolve import thing_id
from setaria.cli.terminal import Terminal, terminal_of
from setaria.home.telling.state import reason_in_words
from setaria.words.format import clock

app = typer.Typer()


@app.command("watch")
def watch(
    context: typer.Context,
    things: Annotated[list[str] | None, typer.Option("--things", "-t", metavar="THING")] = None,
    facts: Annotated[bool, typer.Option("--facts")] = False,
    count: Annotated[int, typer.Option("--count", metavar="N")] = 0,
) -> None:
    terminal = terminal_of(context)
    wanted = {thing_id(terminal.client, each) for name in things or [] for each in name.split(",")}
    watcher = Watcher(terminal, wanted)
    told = 0
    for event in terminal.client.live("state,reach,found" + (",fact" if facts else "")):
        if event.name == "gap":
            terminal.line({"event": "gap"}, terminal.say("cli.watch.gap"))
        elif watcher.wants(event.name, event.data):
            terminal.line({"event": event.name, "data": event.data}, watcher.text(event.name, event.data))
            told += 1
            if told == count:
                return


class Watcher:
    def __init__(self, terminal: Terminal, wanted: set[str]) -> None:
        self.terminal = terminal
        self.wanted = wanted
        self.names = Names(terminal.client)

    def wants(self, name: str, data: Any) -> bool:
        if not self.wanted:
            return True
        if name == "fact":
            return str(data["subject"]).removeprefix("thing/") in self.wanted
        owner = str(data.get("address", "")).partition("/")[0] if name == "state" else data.get("thing", "")
        return owner in self.wanted

    def text(self, name: str, data: Any) -> str:
        at = data["changed"] if name == "state" else time.time_ns() // 1000
        return f"{clock(at, self.names.zone)}  {self._said(name, data)}"

    def _said(self, name: str, data: Any) -> str:
        terminal = self.terminal
        if name == "state":
            return f"{self.names.state(data['address'], data['value'])}  ({data['address']})"
        if name == "reach":
            thing = self.names.of("things", data["thing"])
            why = reason_in_words(data["reason"], terminal.language)
            key = "telling.happened.reached" if data["reachable"] else "telling.happened.lost"
            return terminal.say(key, name=thing, why=why)
        if name == "found":
            return terminal.say("cli.watch.found", model=data["model"] or "?", address=data["address"])
        return f"{data['type']}  {data['subject']}  {msgspec.json.encode(data['data']).decode()}"
