"""Linkages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from setaria.cli.adding import read_text
from setaria.cli.client import HubRefused
from setaria.cli.exits import Exit
from setaria.cli.names import Names
from setaria.cli.resolve import assignment
from setaria.cli.terminal import Terminal, terminal_of
from setaria.facts.clock import MILLISECOND
from setaria.facts.refused import Refused
from setaria.words.format import duration, when

app = typer.Typer()

Linkage = Annotated[str, typer.Argument(metavar="LINKAGE")]
File = Annotated[Path, typer.Argument(metavar="FILE")]


def linkage_id(terminal: Terminal, wanted: str) -> str:
    """By id, or by its alias."""
    known = terminal.client.get("/api/linkages")["linkages"]
    found = [each for each in known if wanted == each["id"]] or [each for each in known if wanted == each["alias"]]
    if not found:
        raise Refused("not_found", what="linkage", id=wanted[:80])
    return str(found[0]["id"])


@app.command("list")
def list_(context: typer.Context) -> None:
    from rich.text import Text

    terminal = terminal_of(context)
    answer = terminal.client.get("/api/linkages")
    zone = terminal.client.get("/api/home")["household"]["zone"]
    rows = []
    for each in answer["linkages"]:
        state = Text(terminal.say("cli.linkage.on" if each["enabled"] else "cli.linkage.off"))
        state.stylize("green" if each["enabled"] else "bright_black")
        last = when(each["last"], zone, terminal.language) if each["last"] else terminal.say("cli.linkage.never")
        rows.append((each["alias"] or each["id"], state, last, each["id"]))
    columns = tuple(f"cli.column.{name}" for name in ("name", "state", "last", "id"))
    terminal.answer(answer, lambda: terminal.table(columns, rows, "cli.empty.linkages"))


@app.command("show")
def show(context: typer.Context, linkage: Linkage) -> None:
    terminal = terminal_of(context)
    answer = terminal.client.get(f"/api/linkages/{linkage_id(terminal, linkage)}")

    def told() -> None:
        view = answer["linkage"]
        terminal.print(f"{view['alias'] or view['id']}  ({view['id']}, {view['author']}, #{view['revision']})")
        terminal.print(view["sentence"])
        terminal.print()
        terminal.print(answer["source"].rstrip())
        for each in answer["findings"]:
            terminal.print(f"\n{each['sentence']} {each['next']}".rstrip())

    terminal.answer(answer, told)


@app.command("add")
def add(context: typer.Context, file: File) -> None:
    terminal = terminal_of(context)
    text = read_text(file)
    try:
        answer = terminal.client.post("/api/linkages", {"text": text})
    except HubRefused as refused:
        problems = refused.details.get("problems")
        if isinstance(problems, list):
            for each in problems:
                terminal.console(error=True).print(problem_line(str(file), each), soft_wrap=True)
        raise
    terminal.done(answer, "cli.done.linkages_saved", ids=answer["saved"])


@app.command("check")
def check(
    context: typer.Context,
    file: File,
    data: Annotated[Path | None, typer.Option("--data", metavar="DIR")] = None,
) -> None:
    terminal = terminal_of(context)
    text = read_text(file)
    answer = drafts_of(terminal, text, data)
    terminal.answer(answer, lambda: _drafts(terminal, str(file), answer))
    if not answer["ok"]:
        raise typer.Exit(Exit.REFUSED)


def drafts_of(terminal: Terminal, text: str, data: Path | None) -> Any:
    """Asked of the hub; without one, of what its log says of the home."""
    if data is None:
        try:
            return terminal.client.post("/api/linkages/check", {"text": text})
        except Refused as refused:
            if refused.code != "no_hub":
                raise
    from setaria.cli.offline import check_offline

    return check_offline(text, data, terminal.language)


def problem_line(file: str, each: Any) -> Any:
    from rich.text import Text

    where = f"{file}:{each['line']}:{each['column']}: " if each["line"] else f"{file}: "
    line = Text(where, style="bright_black")
    line.append(each["sentence"], style="red" if each["severity"] == "error" else "yellow")
    return line + Text(f" {each['next']}") if each["next"] else line


def _drafts(terminal: Terminal, file: str, answer: Any) -> None:
    from rich.text import Text

    console = terminal.console()
    for each in answer["problems"]:
        console.print(problem_line(file, each), soft_wrap=True)
    for draft in answer["drafts"]:
        mark = Text("✓ ", style="green") if draft["ok"] else Text("✗ ", style="red")
        console.print(mark + Text(draft["alias"] or draft["id"], style="bold"))
        if draft["sentence"]:
            console.print(Text(f"  {draft['sentence']}"), soft_wrap=True)
        for each in draft["problems"]:
            console.print(Text("  ") + problem_line(file, each), soft_wrap=True)
    for each in answer["findings"]:
        console.print(Text(f"{each['sentence']} {each['next']}".rstrip(), style="yellow"), soft_wrap=True)


@app.command("dry-run")
def dry_run(
    context: typer.Context,
    linkage: Annotated[str, typer.Argument(metavar="FILE|LINKAGE")],
    days: Annotated[int, typer.Option("--days", metavar="N")] = 7,
) -> None:
    terminal = terminal_of(context)
    of_file = linkage == "-" or Path(linkage).is_file()
    body: dict[str, Any] = {"text": read_text(Path(linkage))} if of_file else {"linkage": linkage_id(terminal, linkage)}
    answer = terminal.client.post("/api/linkages/dry-run", {**body, "days": days})
    terminal.answer(answer, lambda: _would_have(terminal, answer))


def _would_have(terminal: Terminal, answer: Any) -> None:
    names = Names(terminal.client)
    since = when(answer["since"], names.zone, terminal.language)
    terminal.print(
        terminal.say("cli.dry_run.ran", since=since, facts=answer["facts"], ran=answer["ran"], night=answer["at_night"])
    )
    for reason, count in answer["declined"].items():
        terminal.print(terminal.say("cli.dry_run.declined", reason=_reason(terminal, reason), count=count))
    rows = [
        (when(each["at"], names.zone, terminal.language), names.trigger(each["trigger"]), ", ".join(each["sent"]))
        for each in answer["runs"]
    ]
    if rows:
        terminal.print()
        columns = tuple(f"cli.column.{name}" for name in ("time", "why", "would_send"))
        terminal.table(columns, rows, "cli.empty.runs")


def _reason(terminal: Terminal, reason: str) -> str:
    text = terminal.say(f"telling.declined.{reason}")
    return reason if text.startswith("telling.") else text


@app.command("trace")
def trace(
    context: typer.Context,
    linkage: Linkage,
    limit: Annotated[int, typer.Option("--limit", metavar="N")] = 5,
    declined: Annotated[bool, typer.Option("--declined")] = False,
) -> None:
    terminal = terminal_of(context)
    path = f"/api/linkages/{linkage_id(terminal, linkage)}/traces"
    answer = terminal.client.get(path, limit=limit, declined=declined)
    terminal.answer(answer, lambda: _traces(terminal, answer["traces"]))


def _traces(terminal: Terminal, traces: Any) -> None:
    from rich.text import Text

    if not traces:
        terminal.print(terminal.say("cli.empty.runs"))
        return
    names, console = Names(terminal.client), terminal.console()
    for each in traces:
        outcome = terminal.say(f"telling.outcome.{each['outcome']}")
        if each["reason"]:
            outcome += f" ({_reason(terminal, each['reason'])})"
        head = Text(when(each["at"], names.zone, terminal.language), style="bold")
        head.append(f"  {names.trigger(each['trigger'])}  ")
        head.append(
            outcome, style="red" if each["outcome"] == "failed" else "green" if each["outcome"] == "done" else ""
        )
        if each["took"]:
            head.append(f"  {milliseconds(each['took'], terminal.language)}", style="bright_black")
        console.print(head, soft_wrap=True)
        for path, what, *after in each["steps"]:
            at = milliseconds(after[0], terminal.language) if after else ""
            console.print(
                Text(f"  {at:>9}  {names.step(what)}").append(f"  {path}", style="bright_black"), soft_wrap=True
            )


def milliseconds(microseconds: int, language: str) -> str:
    """Below ten with a decimal: linkages take less."""
    if microseconds >= 10 * MILLISECOND:
        return duration(microseconds, language)
    from setaria.words import say

    return say("words.duration.millisecond", language, count=f"{microseconds / MILLISECOND:.1f}")


@app.command("run")
def run(context: typer.Context, linkage: Linkage) -> None:
    _post(terminal_of(context), linkage, "run", "cli.done.linkage_ran")


@app.command("undo")
def undo(context: typer.Context, linkage: Linkage) -> None:
    terminal = terminal_of(context)
    answer = terminal.client.post(f"/api/linkages/{linkage}/undo")  # one that was removed is in no list
    terminal.done(answer, "cli.done.linkage_undone", id=linkage)


@app.command("on")
def on(context: typer.Context, linkage: Linkage) -> None:
    _post(terminal_of(context), linkage, "switch", "cli.done.linkage_on", {"enabled": True})


@app.command("off")
def off(context: typer.Context, linkage: Linkage) -> None:
    _post(terminal_of(context), linkage, "switch", "cli.done.linkage_off", {"enabled": False})


def _post(terminal: Terminal, linkage: str, act: str, key: str, body: object | None = None) -> None:
    known = linkage_id(terminal, linkage)
    terminal.done(terminal.client.post(f"/api/linkages/{known}/{act}", body), key, id=known)


@app.command("remove")
def remove(context: typer.Context, linkage: Linkage) -> None:
    terminal = terminal_of(context)
    known = linkage_id(terminal, linkage)
    terminal.done(terminal.client.delete(f"/api/linkages/{known}"), "cli.done.linkage_removed", id=known)


@app.command("import-ha")
def import_ha(
    context: typer.Context,
    file: File,
    mapped: Annotated[list[str] | None, typer.Option("--map", metavar="ENTITY=THING")] = None,
    save: Annotated[bool, typer.Option("--save")] = False,
) -> None:
    terminal = terminal_of(context)
    mapping = dict(map(assignment, mapped or []))
    body = {"text": read_text(file), "mapping": mapping, "save": save}
    answer = terminal.client.post("/api/linkages/import-ha", body)

    def told() -> None:
        for line in answer["lines"]:
            terminal.print(line)
        key = "cli.import.saved" if save else "cli.import.not_saved"
        if answer["converted"]:
            terminal.print(terminal.say(key, ids=answer["converted"]))

    terminal.answer(answer, told)
