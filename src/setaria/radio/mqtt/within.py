"""The link to the broker inside the hub, which starts and stops with it.

Loading amqtt takes some tenths of a second that nobody should wait for: the port is claimed at once, the broker comes
up beside the rest, and who connects meanwhile is served then.
"""

from __future__ import annotations

import asyncio
import importlib
import socket
from collections.abc import Callable, Sequence
from random import Random
from typing import TYPE_CHECKING, Final

from setaria.facts.clock import MILLISECOND, SECOND, Clock
from setaria.facts.refused import Refused
from setaria.radio.mqtt.access import HUB, Access
from setaria.radio.mqtt.conversation import Ended, Event
from setaria.radio.mqtt.link import TcpLink
from setaria.radio.mqtt.options import Broker as Where
from setaria.radio.mqtt.packets import Will

if TYPE_CHECKING:
    from setaria.radio.mqtt.broker import Broker

ANYWHERE: Final = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  is compared with
LATER: Final = 300 * MILLISECOND  # the hub answers first
LOOKING: Final = 10 * SECOND  # how often whether a client was taken away from another process


class Within:
    def __init__(
        self, access: Access, host: str, port: int, client: str, will: Will, clock: Clock, random: Random
    ) -> None:
        self.access: Final = access
        self._host, self._port = host, port
        self._broker: Broker | None = None
        self._link: TcpLink | None = None
        self._work: asyncio.Task[None] | None = None
        self._client, self._will, self._clock, self._random = client, will, clock, random

    @property
    def ready(self) -> bool:
        return self._link is not None and self._link.ready

    @property
    def place(self) -> str:
        return f"[{self._host}]:{self._port}" if ":" in self._host else f"{self._host}:{self._port}"

    @property
    def connected(self) -> set[str]:
        return set() if self._broker is None else self._broker.connected - {HUB}

    def let_go(self, name: str) -> None:
        """Whoever is here by this name is not any more."""
        if self._broker is not None:
            self._broker.let_go(name)

    async def open(self, told: Callable[[Event], None]) -> None:
        """Raises Refused("radio_port_taken")."""
        listening = _claim(self._host, self._port)
        self._port = listening.getsockname()[1]
        self._work = asyncio.create_task(self._run(listening, told), name="mqtt broker")

    async def close(self) -> None:
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
            self._work = None
        if self._link is not None:
            await self._link.close()
            self._link = None
        if self._broker is not None:
            await self._broker.stop()
            self._broker = None

    async def _run(self, listening: socket.socket, told: Callable[[Event], None]) -> None:
        with listening:  # while it comes up; then the broker's server has it
            await self._clock.sleep(LATER)
            try:
                module = await asyncio.to_thread(importlib.import_module, "setaria.radio.mqtt.broker")
                broker: Broker = module.Broker(self.access, self._host, self._port, listening.dup())
                self._broker = broker
                await broker.start()
            except Exception:  # whatever somebody else's package does: the home goes on without MQTT
                told(Ended("broken"))
                raise
        host = "127.0.0.1" if self._host in ANYWHERE else self._host
        where = Where(host, self._port, username=HUB, password=self.access.own_password)
        self._link = TcpLink(where, self._client, self._will, self._clock, self._random)
        await self._link.open(told)
        while True:
            await self._clock.sleep(LOOKING)
            for name in broker.connected - {HUB}:
                if self.access.changed(name):
                    broker.let_go(name)

    def publish(self, topic: str, payload: bytes, qos: int, retain: bool, tag: int) -> None:
        if self._link is None:
            raise Refused("radio_busy", limit=0)
        self._link.publish(topic, payload, qos, retain, tag)

    def subscribe(self, filters: Sequence[str]) -> None:
        if self._link is not None:
            self._link.subscribe(filters)

    def unsubscribe(self, filters: Sequence[str]) -> None:
        if self._link is not None:
            self._link.unsubscribe(filters)


def _claim(host: str, port: int) -> socket.socket:
    """Raises Refused("radio_port_taken")."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=64)
    except OSError:
        raise Refused("radio_port_taken", address=host, port=port) from None
