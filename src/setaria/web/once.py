"""The same request twice, told by its Idempotency-Key: done once, answered twice.

The log remembers what a command decided, for a week; this remembers, for some minutes, what came of sending it to a
thing, so that a request repeated over a broken connection does not start the vacuum twice. A refusal is not kept: it
is decided anew.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Final, NamedTuple

from setaria.facts.clock import MINUTE, Clock
from setaria.facts.refused import Refused

KEPT: Final = 10 * MINUTE
MOST_KEPT: Final = 1_000
LARGEST_KEPT: Final = 64 * 1024  # bytes of an answer


class _Kept(NamedTuple):
    request: bytes
    until: int
    answer: asyncio.Future[bytes]


class Once:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()

    async def run(
        self, who: str, key: str, request: tuple[str, str, bytes], make: Callable[[], Awaitable[bytes]]
    ) -> bytes:
        """`request` is method, path and body. Raises Refused("command_id_reused"), and what `make` raises."""
        self._forget()
        digest = sha256(b"\0".join((request[0].encode(), request[1].encode(errors="replace"), request[2]))).digest()
        kept = self._kept.get((who, key))
        if kept is not None:
            if kept.request != digest:
                raise Refused("command_id_reused", key=key[:80])
            return await asyncio.shield(kept.answer)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._kept[who, key] = _Kept(digest, self._clock.ticks() + KEPT, answer)
        try:
            made = await make()
        except BaseException as error:
            self._kept.pop((who, key), None)
            if isinstance(error, Exception):
                answer.set_exception(error)
                answer.exception()  # looked at: perhaps nobody else waits
            else:
                answer.cancel()
            raise
        answer.set_result(made)
        if len(made) > LARGEST_KEPT:
            self._kept.pop((who, key), None)
        return made

    def _forget(self) -> None:
        now = self._clock.ticks()
        while self._kept:
            oldest = next(iter(self._kept))
            if self._kept[oldest].until > now and len(self._kept) < MOST_KEPT:
                return
            del self._kept[oldest]
