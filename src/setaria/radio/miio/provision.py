"""Bringing a reset device into the Wi-Fi.

1  hello to the device, in its own access point         it answers with its token
2  miIO.config_router {ssid, passwd, uid, gmt_offset}   it says ok and leaves
3  hello by broadcast in the home's network             it answers from its new address
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

import msgspec

from setaria.facts.clock import SECOND, Clock, Timer
from setaria.facts.refused import Refused
from setaria.home.ports import Outcome
from setaria.radio.miio import payload
from setaria.radio.miio.alarms import NEVER
from setaria.radio.miio.codec import (
    HEADER_SIZE,
    CodecError,
    HelloReply,
    Keys,
    encode_hello,
    is_hello,
    parse_hello_reply,
)
from setaria.radio.miio.events import Answered
from setaria.radio.miio.link import Link, Location, format_location, parse_location
from setaria.radio.miio.requests import Kind, Request
from setaria.radio.miio.session import Session

HELLO_EVERY: Final = 2 * SECOND
HELLO_FOR: Final = 20 * SECOND
RETURN_WITHIN: Final = 90 * SECOND
SSID_BYTES: Final = range(1, 33)
PASSWORD_BYTES: Final = range(8, 64)


class Provisioned(msgspec.Struct, frozen=True):
    address: str
    location: str
    token: bytes

    def __repr__(self) -> str:
        return f"Provisioned(address={self.address!r}, location={self.location!r})"


async def provision(
    clock: Clock,
    link: Link,
    random: Random,
    *,
    location: str,
    wifi: payload.RouterConfig,
    broadcast: Sequence[Location],
    token: bytes = b"",
    step: Callable[[str], None] = lambda _step: None,
) -> Provisioned:
    """`link` must not be open yet. `token` is for devices that no longer give theirs away. `step` is told `calling`,
    `telling` and `returning` as they begin.

    Raises Refused(wifi_name_invalid | wifi_password_invalid | wifi_thing_silent | miio_token_hidden |
    miio_token_invalid | device_refused | wifi_thing_gone | location_invalid | radio_port_taken).
    """
    _check(wifi)
    place = parse_location(location)
    if place is None:
        raise Refused("location_invalid", location="")
    run = _Run(clock, link, random)
    link.open(run.receive)
    try:
        step("calling")
        reply, _ = await run.call([place], HELLO_FOR, lambda _reply, sender: sender == place, "wifi_thing_silent")
        token = token or reply.token
        if not token:
            raise Refused("miio_token_hidden", address=str(reply.device_id))
        step("telling")
        await run.tell(reply, place, token, wifi)
        step("returning")
        back, now_at = await run.call(
            broadcast,
            RETURN_WITHIN,
            lambda found, sender: (
                found.device_id == reply.device_id and (sender != place or bool(reply.token and not found.token))
            ),
            "wifi_thing_gone",
        )
        return Provisioned(str(back.device_id), format_location(now_at), token)
    finally:
        run.stop()
        link.close()


def _check(wifi: payload.RouterConfig) -> None:
    if len(wifi.ssid.encode()) not in SSID_BYTES:
        raise Refused("wifi_name_invalid", limit=SSID_BYTES.stop - 1)
    if wifi.passwd and len(wifi.passwd.encode()) not in PASSWORD_BYTES:  # none: an open network
        raise Refused("wifi_password_invalid", least=PASSWORD_BYTES.start, most=PASSWORD_BYTES.stop - 1)


class _Run:
    def __init__(self, clock: Clock, link: Link, random: Random) -> None:
        self._clock: Final = clock
        self._link: Final = link
        self._random: Final = random
        self._wanted: Callable[[HelloReply, Location], bool] = lambda _reply, _sender: False
        self._found: asyncio.Future[tuple[HelloReply, Location]] | None = None
        self._session: Session | None = None
        self._outcome: asyncio.Future[Outcome] | None = None
        self._place: Location = ("", 0)
        self._timer: Timer | None = None

    async def call(
        self,
        targets: Sequence[Location],
        patience: int,
        wanted: Callable[[HelloReply, Location], bool],
        refusal: str,
    ) -> tuple[HelloReply, Location]:
        self._wanted = wanted
        self._found = asyncio.get_running_loop().create_future()
        until = self._clock.ticks() + patience
        self._say_hello(targets, until, refusal)
        try:
            return await self._found
        finally:
            self._cancel()

    def _say_hello(self, targets: Sequence[Location], until: int, refusal: str) -> None:
        now = self._clock.ticks()
        if self._found is None or self._found.done():
            return
        if now >= until:
            self._found.set_exception(Refused(refusal))
            return
        for target in targets:
            self._link.send(encode_hello(), target)
        self._timer = self._clock.call_at(now + HELLO_EVERY, lambda: self._say_hello(targets, until, refusal))

    async def tell(self, reply: HelloReply, place: Location, token: bytes, wifi: payload.RouterConfig) -> None:
        try:
            keys = Keys(token)
        except ValueError:
            raise Refused("miio_token_invalid", size=len(token)) from None
        self._place = place
        self._outcome = asyncio.get_running_loop().create_future()
        self._session = Session(reply.device_id, keys, random=self._random)
        request = Request(Kind.CALL, payload.CONFIGURE_WIFI, msgspec.json.encode(wifi), tag=self)
        now = self._clock.ticks()
        self._session.submit(now, request)
        self._session.hello(now, reply)
        self._flush()
        try:
            outcome = await self._outcome
        finally:
            self._cancel()
            self._session = None
        if isinstance(outcome, Refused):
            raise outcome  # Unreachable is no bad sign: many leave before their answer is out

    def receive(self, datagram: bytes, sender: Location) -> None:
        now = self._clock.ticks()
        session = self._session
        if len(datagram) != HEADER_SIZE:
            if session is not None and sender == self._place:
                session.receive(now, datagram)
        elif not is_hello(datagram):
            try:
                reply = parse_hello_reply(datagram)
            except CodecError:
                return
            if session is not None and sender == self._place and reply.device_id == session.device_id:
                session.hello(now, reply)
            elif self._found is not None and not self._found.done() and self._wanted(reply, sender):
                self._found.set_result((reply, sender))
        self._flush()

    def stop(self) -> None:
        self._cancel()
        self._session = None

    def _flush(self) -> None:
        session = self._session
        if session is None:
            return
        for datagram in session.outbox:
            self._link.send(datagram, self._place)
        session.outbox.clear()
        for event in session.events:
            if (
                isinstance(event, Answered)
                and event.tag is self
                and self._outcome is not None
                and not self._outcome.done()
            ):
                self._outcome.set_result(event.outcome)
        session.events.clear()
        self._cancel()
        if session.due < NEVER:
            self._timer = self._clock.call_at(session.due, self._tick)

    def _tick(self) -> None:
        if self._session is not None:
            self._session.tick(self._clock.ticks())
            self._flush()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
