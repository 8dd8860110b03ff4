"""What a session is told at its start, and what it tells."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from setaria.facts.clock import SECOND
from setaria.home.ports import Outcome, Reading, Value
from setaria.radio.miio.payload import Info


class Settings(msgspec.Struct, frozen=True):
    """Times in microseconds. `batch` is how many properties a device answers at once, `pipeline` how many requests it
    takes before it has answered the first."""

    batch: int = 15
    pipeline: int = 1
    poll: int = 10 * SECOND
    poll_pushed: int = 60 * SECOND


class Reached(msgspec.Struct, frozen=True):
    pass


class Lost(msgspec.Struct, frozen=True):
    """`reason` is unreachable or wrong_token."""

    reason: str


class Answered(msgspec.Struct, frozen=True):
    tag: object
    outcome: Outcome


class Informed(msgspec.Struct, frozen=True):
    tag: object
    info: Info


class Observed(msgspec.Struct, frozen=True):
    readings: Sequence[Reading]


class Happened(msgspec.Struct, frozen=True):
    siid: int
    eiid: int
    arguments: Sequence[tuple[int, Value]]


Event = Reached | Lost | Answered | Informed | Observed | Happened
