"""The log, read: from the running hub, or from the data folder."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final, Protocol

import msgspec
import typer

from setaria.cli.client import Client
from setaria.cli.exits import Exit
from setaria.cli.offline import open_log
from setaria.cli.places import LOG, data_folder
from setaria.cli.progress import Progress, progress
from setaria.cli.terminal import Terminal, terminal_of, usage
from setaria.facts.log import Cursor
from setaria.facts.refused import Refused
from setaria.facts.sqlite import SqliteLog

app = typer.Typer()

PAGE: Final = 1_000
MOST_TAILED: Final = 10_000
LOOK_AGAIN: Final = 0.5  # seconds

Data = Annotated[Path | None, typer.Option("--data", metavar="DIR")]
Event = dict[str, Any]


class Source(Protocol):
    def head(self) -> Cursor: ...

    def page(self, after: Cursor) -> tuple[list[Event], Cursor]: ...


class FromHub:
    def __init__(self, client: Client) -> None:
        self._client = client

    def head(self) -> Cursor:
        return parse_token(self._client.get("/api")["cursor"])

    def page(self, after: Cursor) -> tuple[list[Event], Cursor]:
        answer = self._client.get("/api/facts", after=after.token, limit=PAGE)
        return answer["facts"], parse_token(answer["cursor"])


class FromFolder:
    def __init__(self, log: SqliteLog) -> None:
        self._log = log

    def head(self) -> Cursor:
        return asyncio.run(self._log.head())

    def page(self, after: Cursor) -> tuple[list[Event], Cursor]:
        from setaria.facts.fact import to_cloud_event

        stored = self._log.read_now(after.seqs[0], PAGE)
        return [to_cloud_event(each.fact) for each in stored], Cursor((stored[-1].seq,)) if stored else after


def parse_token(token: str) -> Cursor:
    return Cursor.parse(token, token.count("-") + 1)


@contextmanager
def source_of(terminal: Terminal, data: Path | None) -> Iterator[Source]:
    """The folder when one is named, else the hub, else the default folder."""
    if data is None:
        hub = FromHub(terminal.client)
        try:
            hub.head()
        except Refused as refused:
            if refused.code != "no_hub" or not (data_folder(None) / LOG).exists():
                raise
        else:
            yield hub
            return
    import setaria.home.facts  # noqa: F401  the kinds of fact, so that they can be read

    log, _ = open_log(data)
    try:
        yield FromFolder(log)
    finally:
        log.close_now()


def events(source: Source, after: Cursor, head: Cursor, told: Progress) -> Iterator[Event]:
    """All up to `head`."""
    first, last = sum(after.seqs), sum(head.seqs)
    while any(seen < end for seen, end in zip(after.seqs, head.seqs, strict=True)):
        found, after = source.page(after)
        yield from found
        if not found:
            return
        told(sum(after.seqs) - first, last - first)


@app.command("tail")
def tail(
    context: typer.Context,
    follow: Annotated[bool, typer.Option("--follow", "-f")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", metavar="N")] = 20,
    data: Data = None,
) -> None:
    terminal = terminal_of(context)
    if not 0 <= lines <= MOST_TAILED:
        raise usage("--lines", lines)
    with source_of(terminal, data) as source:
        head = source.head()
        after = Cursor(tuple(max(0, seq - lines) for seq in head.seqs))
        for event in deque(events(source, after, head, lambda done, total: None), maxlen=lines):
            _line(terminal, event)
        while follow:
            found, head = source.page(head)
            for event in found:
                _line(terminal, event)
            if not found:
                time.sleep(LOOK_AGAIN)


def _line(terminal: Terminal, event: Event) -> None:
    data = msgspec.json.encode(event["data"]).decode()
    shown = data if len(data) <= 200 else data[:199] + "…"
    terminal.line(event, f"{event['time'][:19].replace('T', ' ')}  {event['type']}  {event['subject']}  {shown}")


@app.command("show")
def show(context: typer.Context, fact: Annotated[str, typer.Argument(metavar="ID")], data: Data = None) -> None:
    terminal = terminal_of(context)
    wanted = fact.lower()
    if len(wanted) < 8:
        raise usage("ID", fact)
    with source_of(terminal, data) as source, progress(terminal.say("cli.progress.looking")) as told:
        head = source.head()
        every = events(source, Cursor((0,) * len(head.seqs)), head, told)
        found = next((event for event in every if str(event["id"]).startswith(wanted)), None)
    if found is None:
        raise Refused("not_found", what="fact", id=fact[:80])
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n")


@app.command("export")
def export(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    damaged: Annotated[bool, typer.Option("--damaged")] = False,
    kind: Annotated[list[str] | None, typer.Option("--kind", metavar="KIND")] = None,
    data: Data = None,
) -> None:
    terminal = terminal_of(context)
    with _opened(file) as out:
        count = _salvage(terminal, out, data) if damaged else _export(terminal, out, tuple(kind or ()), data)
    if str(file) != "-":
        terminal.done({"facts": count, "file": str(file)}, "cli.done.exported", count=count, file=str(file))


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    """A new file, that nobody else may read: it is a home's diary."""
    if str(file) == "-":
        yield sys.stdout.buffer
        return
    try:
        with file.open("xb") as out:
            file.chmod(0o600)
            yield out
    except FileExistsError as error:
        raise Refused("file_exists", path=str(file)) from error
    except OSError as error:
        raise Refused("file_unwritable", path=str(file), why=error.strerror or "?") from error


def _export(terminal: Terminal, out: BinaryIO, kinds: tuple[str, ...], data: Path | None) -> int:
    count = 0
    with source_of(terminal, data) as source, progress(terminal.say("cli.progress.export")) as told:
        head = source.head()
        for event in events(source, Cursor((0,) * len(head.seqs)), head, told):
            name = str(event["type"])
            if not kinds or name in kinds or any(each.endswith(".") and name.startswith(each) for each in kinds):
                out.write(msgspec.json.encode(event) + b"\n")
                count += 1
    return count


def _salvage(terminal: Terminal, out: BinaryIO, data: Path | None) -> int:
    import setaria.home.facts  # noqa: F401  the kinds of fact, so that they can be read
    from setaria.facts.fact import to_cloud_event
    from setaria.facts.sqlite_verify import salvage

    path = data_folder(data) / LOG
    if not path.exists():
        raise Refused("log_missing", path=str(path))
    count = 0
    with progress(terminal.say("cli.progress.export")) as told:
        for fact in salvage(path):
            out.write(msgspec.json.encode(to_cloud_event(fact)) + b"\n")
            count += 1
            told(count, 0)
    return count


@app.command("verify")
def verify(context: typer.Context, data: Data = None) -> None:
    import setaria.home.facts  # noqa: F401  the kinds of fact, so that they can be read

    terminal = terminal_of(context)
    log, folder = open_log(data)
    try:
        with progress(terminal.say("cli.progress.verify")) as told:
            verdict = asyncio.run(log.verify(told))
    finally:
        log.close_now()

    def shown() -> None:
        key = "cli.verify.faulty" if verdict.faults else "cli.verify.whole"
        path = str(folder / LOG)
        terminal.print(
            terminal.say(key, path=path, facts=verdict.facts, readings=verdict.readings, digests=verdict.digests)
        )
        for fault in verdict.faults:
            terminal.print(f"  {fault}")

    terminal.answer(verdict, shown)
    if verdict.faults:
        raise typer.Exit(Exit.REFUSED)
