"""What lies beside a kept report, for who keeps it and for who serves it: a hub reads this, so no numpy here."""

from __future__ import annotations

import msgspec


class Kept(msgspec.Struct, frozen=True):
    """One report. `at` is UTC microseconds; `how` is fitted (here, from the log) or given (made elsewhere)."""

    id: str
    at: int
    how: str
    name: str
    simulated: bool
    households: int
    facts: int
    tables: list[str]


class Behind(msgspec.Struct, frozen=True):
    """Where the facts of a touchpoint are: of `kind`, whose `fields` have these values, by an actor in `roles`."""

    kind: str
    fields: dict[str, str] = {}
    roles: list[str] = []
