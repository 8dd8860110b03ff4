"""The broker inside the hub: amqtt, behind a socket of our own that bounds what may come in.

amqtt itself bounds neither packets nor connections nor what it retains; here a packet has at most a mebibyte, a
connection must say who it is within seconds, and what is retained has a limit. Nothing is retained over a restart:
counterparts announce themselves again when they connect, and the hub has kept what it must know.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from typing import TYPE_CHECKING, Any, Final

from amqtt.adapters import ReaderAdapter, StreamReaderAdapter, StreamWriterAdapter, WriterAdapter
from amqtt.broker import Broker as Amqtt
from amqtt.broker import BrokerContext
from amqtt.contexts import Action, BaseContext
from amqtt.errors import AMQTTError
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.plugins.base import BaseAuthPlugin
from amqtt.session import Session
from amqtt.utils import gen_client_id

from setaria.facts.refused import Refused
from setaria.radio.mqtt.access import Access

if TYPE_CHECKING:
    from amqtt.broker import RetainedApplicationMessage

LISTENER: Final = "default"
LARGEST_PACKET: Final = 1 << 20
MOST_CONNECTIONS: Final = 300
MOST_RETAINED: Final = 20_000
MOST_RETAINED_BYTES: Final = 32 << 20
INTRODUCING: Final = 10.0  # seconds to say who one is
DECLINED: Final = bytes((0x20, 2, 0, 5))  # a CONNACK, not authorised
REFUSING: Final = 1.0  # seconds before a wrong password is answered

# It logs each refused or broken client with a traceback; the radio's health tells what a person should know.
logging.getLogger("amqtt").setLevel(logging.CRITICAL)
logging.getLogger("transitions").setLevel(logging.CRITICAL)


class Gate(BaseAuthPlugin):
    """amqtt makes it from its name. Who comes has been looked at before (`_Amqtt`); this bounds what is retained."""

    def __init__(self, context: BaseContext) -> None:
        super().__init__(context)
        self._retained: dict[str, int] = {}

    async def authenticate(self, *, session: Session) -> bool | None:
        return True

    async def on_broker_retained_message(
        self, *, client_id: str | None, retained_message: RetainedApplicationMessage
    ) -> None:
        topic, size = retained_message.topic, len(retained_message.data)
        self._retained[topic] = size
        if not size:
            del self._retained[topic]
        elif len(self._retained) > MOST_RETAINED or sum(self._retained.values()) > MOST_RETAINED_BYTES:
            assert isinstance(self.context, BrokerContext)
            await self.context.retain_message(topic, b"")


class _Amqtt(Amqtt):
    """What of amqtt 0.12 has to be otherwise here, each with a test:

    - whoever connects is looked at before anything is done in its name: amqtt first lets go of the session of the same
      client id, or takes it over, and then asks for the password;
    - a client id is the user's own, and no session outlives its connection: what amqtt queues for one has no bound;
    - what is allowed is decided without waiting: amqtt waits within a loop over its subscriptions and loses the message
      when they change meanwhile;
    - who connects is sent what is retained for its own subscriptions, not for everybody's.
    """

    access: Access

    async def _initialize_client_session(
        self, reader: ReaderAdapter, writer: WriterAdapter, remote_address: str, remote_port: int
    ) -> tuple[BrokerProtocolHandler, Session]:
        async with asyncio.timeout(INTRODUCING):
            handler, session = await BrokerProtocolHandler.init_from_connect(reader, writer, self.plugins_manager)
        if not self.access.admit(session.username, session.password):
            await asyncio.sleep(REFUSING)
            writer.write(DECLINED)
            await writer.drain()
            await writer.close()
            raise AMQTTError("declined")
        if isinstance(reader, _Bounded):
            reader.name = session.username or ""
        session.clean_session, session.parent = True, 0
        session.client_id = f"{session.username} {session.client_id or gen_client_id()}"
        before = self._sessions.get(session.client_id)
        if before is not None:
            await before[1].handle_connection_closed()
            await self._delete_session(session.client_id)
        return handler, session

    async def _topic_filtering(self, session: Session, topic: str, action: Action) -> bool:
        name = session.username or ""
        if action is Action.PUBLISH:
            return self.access.may_publish(name, topic)
        return action is not Action.SUBSCRIBE or self.access.may_subscribe(name, topic)

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Session
    ) -> None:
        if any(each is session for each, _ in self._subscriptions.get(subscription[0], ())):
            await super()._publish_retained_messages_for_subscription(subscription, session)


class Broker:
    """`listening` is a socket that was claimed for it already; without one it takes `host` and `port`."""

    def __init__(
        self, access: Access, host: str = "127.0.0.1", port: int = 1883, listening: socket.socket | None = None
    ) -> None:
        self.access = access
        self.host, self.port = host, port
        self._listening = listening
        self._readers: set[_Bounded] = set()
        self._amqtt: Amqtt | None = None
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Raises Refused("radio_port_taken"). Port 0 takes any free one; `port` then says which."""
        gate = f"{__name__}.{Gate.__name__}"
        config: dict[str, Any] = {
            "listeners": {LISTENER: {"type": "external", "bind": f"{self.host}:{self.port}"}},
            "plugins": {gate: {}},
        }
        self._amqtt = _Amqtt(config)
        self._amqtt.access = self.access
        await self._amqtt.start()
        try:
            if self._listening is not None:
                self._server = await asyncio.start_server(self._come, sock=self._listening)
            else:
                self._server = await asyncio.start_server(self._come, self.host, self.port)
        except OSError:
            await self.stop()
            raise Refused("radio_port_taken", address=self.host, port=self.port) from None
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in [*self._connections]:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        if self._amqtt is not None:
            await self._amqtt.shutdown()
            self._amqtt = None

    @property
    def connected(self) -> set[str]:
        """The names of those who are here now."""
        return {each.name for each in self._readers if each.name}

    def let_go(self, name: str) -> None:
        """End all connections of a client, at once."""
        for reader in self._readers:
            if reader.name == name:
                reader.abort()

    async def _come(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or self._amqtt is None or len(self._connections) >= MOST_CONNECTIONS:
            writer.close()
            return
        self._connections.add(task)
        bounded = _Bounded(reader, writer.transport)
        self._readers.add(bounded)
        try:
            await self._amqtt.external_connected(bounded, StreamWriterAdapter(writer), LISTENER)
        except (asyncio.CancelledError, TimeoutError, OSError):
            pass  # the broker stops, or who came said nothing; asyncio.start_server would log it as an error
        finally:
            self._connections.discard(task)
            self._readers.discard(bounded)
            with contextlib.suppress(OSError):
                writer.close()


class _Bounded(StreamReaderAdapter):
    """A packet that is too large ends its connection. `name` is the client's, once it was let in."""

    def __init__(self, reader: asyncio.StreamReader, transport: asyncio.WriteTransport) -> None:
        super().__init__(reader)
        self._transport = transport
        self.name = ""

    def abort(self) -> None:
        self._transport.abort()

    async def read(self, n: int = -1) -> bytes:
        if n > LARGEST_PACKET or n < 0:
            self._transport.abort()
            raise asyncio.IncompleteReadError(b"", n)  # as amqtt knows it from connections that end
        return await super().read(n)
