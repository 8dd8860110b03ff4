"""What every command knows of the terminal it runs in, and how it answers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import typer

from setaria.cli.client import Client, hub_address
from setaria.cli.way_in import token_for
from setaria.facts.refused import Refused
from setaria.words import say

if TYPE_CHECKING:
    from rich.console import Console

PIPED_WIDTH = 400  # columns of a table that no screen limits


class Terminal:
    def __init__(self, language: str) -> None:
        self.language = language
        self.hub = ""
        self.json = False
        self.data: Path | None = None  # the hub's folder, when a command was given it
        self._client: Client | None = None

    @property
    def client(self) -> Client:
        if self._client is None:
            self._client = Client(hub_address(self.hub), self.language, lambda address: token_for(address, self.data))
        return self._client

    def say(self, key: str, /, **parameters: object) -> str:
        return say(key, self.language, **parameters)

    def console(self, *, error: bool = False) -> Console:
        from rich.console import Console

        stream = sys.stderr if error else sys.stdout
        return Console(file=stream, highlight=False, width=None if stream.isatty() else PIPED_WIDTH)

    def answer(self, document: object, show: Callable[[], None]) -> None:
        """One JSON document with --json, else what `show` prints."""
        if self.json:
            sys.stdout.write(msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n")
        else:
            show()

    def line(self, document: object, text: str) -> None:
        """One of many: a JSON line with --json, else a line of text; at once, for who watches a pipe."""
        sys.stdout.write((msgspec.json.encode(document).decode() if self.json else text) + "\n")
        sys.stdout.flush()

    def done(self, document: object, key: str, /, **parameters: object) -> None:
        self.answer(document, lambda: self.print(self.say(key, **parameters)))

    def print(self, text: str = "") -> None:
        sys.stdout.write(text + "\n")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[Any]], empty: str) -> None:
        """`columns` are keys; cells are texts or rich's Text. Without rows the sentence `empty`."""
        from rich.table import Table

        if not rows:
            self.print(self.say(empty))
            return
        table = Table(box=None, pad_edge=False, header_style="bright_black", padding=(0, 3, 0, 0))
        for key in columns:
            table.add_column(self.say(key), overflow="fold")
        for row in rows:
            table.add_row(*row)
        console = self.console()
        with console.capture() as written:
            console.print(table)
        self.print("\n".join(line.rstrip() for line in written.get().splitlines()))


def terminal_of(context: typer.Context) -> Terminal:
    terminal = context.find_root().obj
    assert isinstance(terminal, Terminal)
    return terminal


def usage(option: str, value: object) -> Refused:
    """A value that cannot be meant; ends with 2."""
    return Refused("option_unusable", option=option, value=str(value)[:80])
