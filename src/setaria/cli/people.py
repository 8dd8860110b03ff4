"""Members and rooms."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import typer

from setaria.cli.resolve import named
from setaria.cli.terminal import Terminal, terminal_of, usage
from setaria.facts.clock import DAY, HOUR, MINUTE
from setaria.words.format import when

members = typer.Typer()
rooms = typer.Typer()

Member = Annotated[str, typer.Argument(metavar="MEMBER")]
Name = Annotated[str, typer.Argument(metavar="NAME")]
Room = Annotated[str, typer.Argument(metavar="ROOM")]

_SPAN: Final = re.compile(r"([0-9]{1,4})\s*(m|min|h|d|w|分钟|小时|天|周)")
_SPANS: Final = {"m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY, "分": MINUTE, "小": HOUR, "天": DAY, "周": 7 * DAY}


@members.command("list")
def list_members(context: typer.Context) -> None:
    terminal = terminal_of(context)
    home = terminal.client.get("/api/home")
    zone = home["household"]["zone"]
    rows = [
        (
            each["name"],
            terminal.say(f"cli.role.{each['role']}"),
            terminal.say(
                {True: "cli.presence.home", False: "cli.presence.away"}.get(each["home"], "cli.presence.unknown")
            ),
            when(each["until"], zone, terminal.language) if each["until"] else "",
            each["id"],
        )
        for each in home["members"]
    ]
    columns = tuple(f"cli.column.{name}" for name in ("name", "role", "where", "until", "id"))
    terminal.answer({"members": home["members"]}, lambda: terminal.table(columns, rows, "cli.empty.members"))


@members.command("add")
def add_member(
    context: typer.Context,
    member: Member,
    name: Name,
    role: Annotated[str, typer.Option("--role", metavar="owner|adult|child|elder")] = "adult",
) -> None:
    terminal = terminal_of(context)
    answer = terminal.client.arrange("SaveMember", member=member, name=name, role=role)
    terminal.done(answer, "cli.done.member_saved", name=name, role=terminal.say(f"cli.role.{role}"))


@members.command("guest")
def guest(
    context: typer.Context,
    member: Member,
    name: Name,
    until: Annotated[str, typer.Option("--until", metavar="WHEN")],
) -> None:
    terminal = terminal_of(context)
    zone = terminal.client.get("/api/home")["household"]["zone"]
    end = moment(until, zone, datetime.now(ZoneInfo(zone)))
    answer = terminal.client.arrange("SaveMember", member=member, name=name, role="guest", until=end)
    terminal.done(answer, "cli.done.guest", name=name, until=when(end, zone, terminal.language))


def moment(text: str, zone: str, now: datetime) -> int:
    """`3d`, `12h`, `2026-12-01`, `2026-12-01 20:00`, `20:00` -> UTC microseconds; a date alone is its end. Raises
    Refused("option_unusable")."""
    span = _SPAN.fullmatch(text.strip())
    if span is not None:
        return round(now.timestamp() * 1e6) + int(span[1]) * _SPANS[span[2][0]]
    try:
        if re.fullmatch(r"\d{1,2}:\d{2}", text):
            hour, minute = map(int, text.split(":"))
            at = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
            at += timedelta(days=at <= now)
        else:
            at = datetime.fromisoformat(text)
            if len(text) <= len("2026-12-01"):
                at += timedelta(days=1)
            if at.tzinfo is None:
                at = at.replace(tzinfo=ZoneInfo(zone))
    except ValueError as error:
        raise usage("--until", text) from error
    return round(at.timestamp() * 1e6)


@members.command("role")
def role_(context: typer.Context, member: Member, role: Annotated[str, typer.Argument(metavar="ROLE")]) -> None:
    terminal = terminal_of(context)
    known = _member(terminal, member)
    answer = terminal.client.arrange(
        "SaveMember", member=known["id"], name=known["name"], role=role, language=known["language"]
    )
    terminal.done(answer, "cli.done.member_saved", name=known["name"], role=terminal.say(f"cli.role.{role}"))


@members.command("home")
def home_(context: typer.Context, member: Member) -> None:
    _presence(terminal_of(context), member, True)


@members.command("away")
def away(context: typer.Context, member: Member) -> None:
    _presence(terminal_of(context), member, False)


def _presence(terminal: Terminal, member: str, home: bool) -> None:
    known = _member(terminal, member)
    answer = terminal.client.post(f"/api/members/{known['id']}/presence", {"home": home})
    terminal.done(answer, "telling.happened.came" if home else "telling.happened.left", name=known["name"])


@members.command("phone")
def phone(
    context: typer.Context,
    member: Member,
    address: Annotated[str, typer.Argument(metavar="ADDRESS")],
    remove: Annotated[bool, typer.Option("--remove")] = False,
) -> None:
    terminal = terminal_of(context)
    known = _member(terminal, member)
    command = "RemovePresenceSource" if remove else "SavePresenceSource"
    answer = terminal.client.arrange(command, member=known["id"], type="network", address=address)
    done = "cli.done.phone_removed" if remove else "cli.done.phone"
    terminal.done(answer, done, name=known["name"], address=address)


@members.command("remove")
def remove_member(context: typer.Context, member: Member) -> None:
    terminal = terminal_of(context)
    known = _member(terminal, member)
    terminal.done(terminal.client.arrange("RemoveMember", member=known["id"]), "cli.done.removed", name=known["name"])


def _member(terminal: Terminal, wanted: str) -> Any:
    return named(terminal.client.get("/api/members")["members"], wanted, "member")


@rooms.command("list")
def list_rooms(context: typer.Context) -> None:
    terminal = terminal_of(context)
    home = terminal.client.get("/api/home")
    storeys = {each["id"]: each["name"] for each in home["storeys"]}
    rows = [
        (
            each["name"],
            storeys.get(each["storey"], ""),
            str(sum(thing["room"] == each["id"] for thing in home["things"])),
            each["id"],
        )
        for each in home["rooms"]
    ]
    columns = tuple(f"cli.column.{name}" for name in ("name", "storey", "things", "id"))
    terminal.answer({"rooms": home["rooms"]}, lambda: terminal.table(columns, rows, "cli.empty.rooms"))


@rooms.command("add")
def add_room(
    context: typer.Context,
    room: Room,
    name: Name,
    storey: Annotated[str, typer.Option("--storey", metavar="STOREY")] = "",
) -> None:
    terminal = terminal_of(context)
    answer = terminal.client.arrange("SaveRoom", room=room, name=name, storey=storey)
    terminal.done(answer, "cli.done.room_saved", name=name)


@rooms.command("remove")
def remove_room(context: typer.Context, room: Room) -> None:
    terminal = terminal_of(context)
    known = named(terminal.client.get("/api/home")["rooms"], room, "room")
    terminal.done(terminal.client.arrange("RemoveRoom", room=known["id"]), "cli.done.removed", name=known["name"])
