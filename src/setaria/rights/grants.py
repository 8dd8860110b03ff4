"""A right given by one member to another, or to a program: for some acts, somewhere, for a while."""

from __future__ import annotations

from typing import Final

import msgspec

from setaria.rights.table import Act

WEEK: Final = 7 * 24 * 60


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """Without `rooms` and `things` it holds everywhere, with either only there.

    `since` and `until` are UTC microseconds, `until` itself excluded; `windows` are [start, end) in minutes of the
    local week from Monday 00:00; one that starts after its end runs over Sunday midnight. None means at any time.
    """

    id: str
    member: str
    acts: tuple[Act, ...]
    rooms: tuple[str, ...] = ()
    things: tuple[str, ...] = ()
    since: int
    until: int | None = None
    windows: tuple[tuple[int, int], ...] = ()
    by: str


def covers(grant: Grant, act: Act, thing: str, room: str, now: int, minute: int | None) -> bool:
    """`minute` of the local week, or None when it is not known: then a grant with windows covers nothing."""
    return (
        act in grant.acts
        and grant.since <= now
        and (grant.until is None or now < grant.until)
        and _somewhere(grant, thing, room)
        and (not grant.windows or (minute is not None and any(_within(window, minute) for window in grant.windows)))
    )


def _somewhere(grant: Grant, thing: str, room: str) -> bool:
    if not grant.rooms and not grant.things:
        return True
    return (thing != "" and thing in grant.things) or (room != "" and room in grant.rooms)


def _within(window: tuple[int, int], minute: int) -> bool:
    start, end = window
    return start <= minute < end if start <= end else minute >= start or minute < end
