"""The connection to a broker: a socket, back-off, and the conversation's clock. As thin as possible."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from random import Random
from typing import Final, Protocol

from setaria.facts.clock import SECOND, Clock, Timer
from setaria.facts.refused import Refused
from setaria.radio.mqtt.conversation import MOST_UNSENT, Conversation, Credentials, Ended, Event
from setaria.radio.mqtt.options import Broker
from setaria.radio.mqtt.packets import Will

FIRST_WAIT: Final = 1 * SECOND
LONGEST_WAIT: Final = 60 * SECOND
SETTLED: Final = 30 * SECOND  # a connection that held this long starts the back-off anew
CONNECTING: Final = 10.0  # seconds


class Link(Protocol):
    """`told` hears Ready, messages, acknowledgements and Ended; calls while not ready are refused or passed over."""

    @property
    def ready(self) -> bool: ...

    async def open(self, told: Callable[[Event], None]) -> None: ...

    async def close(self) -> None: ...

    def publish(self, topic: str, payload: bytes, qos: int, retain: bool, tag: int) -> None:
        """Raises Refused("radio_busy")."""

    def subscribe(self, filters: Sequence[str]) -> None: ...

    def unsubscribe(self, filters: Sequence[str]) -> None: ...


class TcpLink:
    def __init__(self, broker: Broker, client: str, will: Will | None, clock: Clock, random: Random) -> None:
        self._broker = broker
        self._credentials = Credentials(client, broker.username, broker.password)
        self._will = will
        self._clock = clock
        self._random = random
        self._told: Callable[[Event], None] = lambda event: None
        self._wire: _Wire | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopped = False

    @property
    def ready(self) -> bool:
        return self._wire is not None and self._wire.conversation.ready

    async def open(self, told: Callable[[Event], None]) -> None:
        self._told = told
        self._stopped = False
        self._task = asyncio.create_task(self._keep(), name="mqtt link")

    async def close(self) -> None:
        self._stopped = True
        if self._wire is not None:
            self._wire.leave()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def publish(self, topic: str, payload: bytes, qos: int, retain: bool, tag: int) -> None:
        wire = self._wire
        if wire is None or not wire.conversation.ready or wire.unsent > MOST_UNSENT:
            raise Refused("radio_busy", limit=MOST_UNSENT)
        wire.conversation.publish(self._clock.ticks(), topic, payload, qos, retain, tag)
        wire.flush()

    def subscribe(self, filters: Sequence[str]) -> None:
        wire = self._wire
        if wire is not None and wire.conversation.ready and filters:
            wire.conversation.subscribe(self._clock.ticks(), list(filters))
            wire.flush()

    def unsubscribe(self, filters: Sequence[str]) -> None:
        wire = self._wire
        if wire is not None and wire.conversation.ready and filters:
            wire.conversation.unsubscribe(self._clock.ticks(), list(filters))
            wire.flush()

    async def _keep(self) -> None:
        wait = FIRST_WAIT
        while not self._stopped:
            began = self._clock.ticks()
            await self._once()
            if self._clock.ticks() - began > SETTLED:
                wait = FIRST_WAIT
            await self._clock.sleep(round(wait * self._random.uniform(0.5, 1.0)))
            wait = min(wait * 2, LONGEST_WAIT)

    async def _once(self) -> None:
        loop = asyncio.get_running_loop()
        broker = self._broker
        wire = _Wire(Conversation(self._credentials, self._will), self._clock, self._told)
        self._wire = wire  # before it connects: what it hears at once is answered through here
        try:
            secure = _context(broker) if broker.tls else None
            connecting = loop.create_connection(lambda: wire, broker.host, broker.port, ssl=secure)
            await asyncio.wait_for(connecting, CONNECTING)
            await wire.gone.wait()
        except (OSError, TimeoutError, ssl.SSLError):
            self._told(Ended("unreachable"))
        finally:
            self._wire = None
            wire.abort()


def _context(broker: Broker) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if broker.ca:
        context.load_verify_locations(broker.ca)
    return context


class _Wire(asyncio.Protocol):
    def __init__(self, conversation: Conversation, clock: Clock, told: Callable[[Event], None]) -> None:
        self.conversation = conversation
        self.gone = asyncio.Event()
        self._clock = clock
        self._told = told
        self._transport: asyncio.Transport | None = None
        self._timer: Timer | None = None
        self._said_ended = False

    @property
    def unsent(self) -> int:
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.conversation.open(self._clock.ticks())
        self.flush()
        self._tick()

    def data_received(self, data: bytes) -> None:
        self.conversation.receive(self._clock.ticks(), data)
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._end("closed")

    def flush(self) -> None:
        conversation, transport = self.conversation, self._transport
        if conversation.outbox and transport is not None and not transport.is_closing():
            transport.write(bytes(conversation.outbox))
        conversation.outbox.clear()
        while conversation.events:
            event = conversation.events.popleft()
            if isinstance(event, Ended):
                self._end(event.why)
                self.abort()
            else:
                self._told(event)

    def leave(self) -> None:
        self.conversation.close(self._clock.ticks())
        self._said_ended = True
        self.flush()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.abort()

    def _end(self, why: str) -> None:
        self.conversation.ended, self.conversation.ready = True, False
        self.gone.set()
        if not self._said_ended:
            self._said_ended = True
            self._told(Ended(why))

    def _tick(self) -> None:
        self.conversation.tick(self._clock.ticks())
        self.flush()
        if not self.gone.is_set():
            self._timer = self._clock.call_at(self._clock.ticks() + SECOND, self._tick)
