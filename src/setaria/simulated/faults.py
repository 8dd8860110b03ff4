"""What goes wrong on the way: datagrams lost, late, twice, overtaken; silent things; bad firmware's JSON."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from random import Random
from typing import Final

import msgspec

from setaria.facts.clock import MILLISECOND, Clock

Deliver = Callable[[bytes], None]

_HELD_MS: Final = 50  # how long a datagram waits for one to overtake it
_UNDERWAY: Final = 1_024  # datagrams delayed at once; those beyond are lost, as in any switch


class Broken(StrEnum):
    """All of these have been seen from real devices."""

    TRAILING_COMMA = "trailing_comma"
    MISSING_ID = "missing_id"
    DUPLICATED_KEY = "duplicated_key"


class Faults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Shares are probabilities for each datagram, in each direction; `delay` is (least, most) in milliseconds."""

    loss: float = 0.0
    delay: tuple[float, float] = (0.0, 0.0)
    duplicate: float = 0.0
    reorder: float = 0.0
    silent: bool = False
    wrong_token: bool = False
    broken: tuple[Broken, ...] = ()

    def __post_init__(self) -> None:
        if not all(0.0 <= share <= 1.0 for share in (self.loss, self.duplicate, self.reorder)):
            raise ValueError("a share lies between 0 and 1")
        if not 0.0 <= self.delay[0] <= self.delay[1] <= 60_000.0:
            raise ValueError("a delay is [least, most], at most 60000 ms")


CALM: Final = Faults()


class FaultyWay:
    """One direction of a thing's wire."""

    def __init__(self, clock: Clock, random: Random) -> None:
        self.faults = CALM
        self._clock = clock
        self._random = random
        self._underway = 0
        self._held: list[tuple[bytes, Deliver]] = []

    def carry(self, datagram: bytes, deliver: Deliver) -> None:
        faults = self.faults
        if faults is CALM:
            deliver(datagram)
            return
        chance = self._random.random
        if faults.silent or chance() < faults.loss:
            return
        for _ in range(2 if chance() < faults.duplicate else 1):
            if chance() < faults.reorder and not self._held:
                self._held.append((datagram, deliver))
                self._later(_HELD_MS, self._release)
            else:
                self._send(datagram, deliver)
                self._release()

    def _send(self, datagram: bytes, deliver: Deliver) -> None:
        wait = self._random.uniform(*self.faults.delay)
        if wait:
            self._later(wait, lambda: deliver(datagram))
        else:
            deliver(datagram)

    def _release(self) -> None:
        while self._held:
            datagram, deliver = self._held.pop()
            self._send(datagram, deliver)

    def _later(self, milliseconds: float, callback: Callable[[], None]) -> None:
        if self._underway >= _UNDERWAY:
            return
        self._underway += 1

        def fire() -> None:
            self._underway -= 1
            callback()

        self._clock.call_at(self._clock.ticks() + int(milliseconds * MILLISECOND), fire)


def spoil(payload: bytes, broken: tuple[Broken, ...]) -> bytes:
    """`payload` is a JSON object that begins with its `id`, and stays one that a tolerant reader can still make out."""
    for kind in broken:
        if kind is Broken.TRAILING_COMMA:
            payload = payload[:-1] + b",}"
        elif kind is Broken.MISSING_ID:
            payload = b"{" + payload[payload.index(b",") + 1 :]
        else:
            payload = b'{"exe_time":10,' + payload[1:-1] + b',"exe_time":20}\x00'
    return payload
