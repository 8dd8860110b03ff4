"""Time-ordered ids: UUID version 7 (RFC 9562, section 5.7), 16 bytes, rising whatever the clock does.

Time order is not for looks: an index on random ids costs SQLite three times the writes of an index on rising ones.
"""

from __future__ import annotations

import secrets
import uuid

from setaria.facts.clock import Clock

_COUNTER_LIMIT = 1 << 12


class IdSource:
    """48 bits of milliseconds, a 12-bit count within the millisecond, 62 bits that name this source.

    When the count runs out, or the clock goes back, the millisecond is carried on by counting: ids never go back and
    never repeat, and their time part is then ahead of the clock rather than wrong in order.
    """

    def __init__(self, clock: Clock, after: bytes = b"", source: int | None = None) -> None:
        self._clock = clock
        ours = len(after) == 16 and after[6] >> 4 == 7  # another's random id says nothing about time
        self._millisecond = int.from_bytes(after[:6], "big") if ours else 0
        self._count = _COUNTER_LIMIT - 1 if ours else -1
        named = secrets.randbits(62) if source is None else source
        self._tail = ((0b10 << 62) | (named & ((1 << 62) - 1))).to_bytes(8, "big")

    def next(self, now: int | None = None) -> bytes:
        """`now` spares a look at the clock."""
        millisecond = (self._clock.now() if now is None else now) // 1000
        if millisecond > self._millisecond:
            self._millisecond, self._count = millisecond, 0
        else:
            self._count += 1
            if self._count >= _COUNTER_LIMIT:
                self._millisecond += 1
                self._count = 0
        return (self._millisecond << 16 | 0x7000 | self._count).to_bytes(8, "big") + self._tail


def id_text(fact_id: bytes) -> str:
    return str(uuid.UUID(bytes=fact_id))


def id_bytes(text: str) -> bytes:
    return uuid.UUID(text).bytes
