"""Live updates as server-sent events (HTML Living Standard, section 9.2).

Each event is encoded once for everybody. State changes wait up to 20 ms for company, and of several at one address only
the last is told. Who does not read fast enough loses what was waiting, and is told so with `gap`: reload then.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from setaria.facts.clock import MILLISECOND
from setaria.facts.fact import Fact, to_cloud_event
from setaria.facts.kinds import label_of, split_label
from setaria.facts.log import Cursor
from setaria.facts.refused import Refused
from setaria.home.live import LiveThing, Slot
from setaria.home.ports import Found, Value
from setaria.rights import Act
from setaria.web import describe
from setaria.web.answers import ALWAYS
from setaria.web.services import Services
from setaria.web.table import Call, Query, Route

FLUSH: Final = 20 * MILLISECOND
HEARTBEAT: Final = 15.0  # seconds
MOST_CLIENTS: Final = 64
MOST_QUEUED: Final = 1_000
MOST_QUEUED_BYTES: Final = 1 << 20
MOST_REPLAYED: Final = 10_000
REPLAY_STEP: Final = 500
MOST_KINDS: Final = 50
NAMES: Final = frozenset({"fact", "state", "reach", "found"})
CURSOR: Final = "cursor"  # a line with an id and nothing else: it moves Last-Event-ID and is no event

HEADERS: Final = [(b"content-type", b"text/event-stream"), *ALWAYS]
GAP: Final = b"event: gap\ndata: {}\n\n"
BEAT: Final = b":\n\n"

_encode = msgspec.json.Encoder().encode


class StateEvent(msgspec.Struct, frozen=True, gc=False):
    """`changed` is UTC microseconds."""

    address: str
    value: Value | None
    changed: int


class ReachEvent(msgspec.Struct, frozen=True, gc=False):
    thing: str
    reachable: bool
    reason: str


class Frame(NamedTuple):
    """`kind` is that of a fact, else ""; `id` a fact's id, else b""."""

    name: str
    kind: str
    id: bytes
    written: bytes


class Wanted:
    """What a client asked for with `kinds`: names of events, and kinds of fact. Nothing given is everything."""

    def __init__(self, kinds: str) -> None:
        given = [part for each in kinds.split(",") if (part := each.strip())]
        if len(given) > MOST_KINDS:
            raise Refused("live_kinds", most=MOST_KINDS)
        self.names = frozenset(given) & NAMES
        self.kinds = frozenset(given) - NAMES
        self.everything = not given

    def __contains__(self, frame: Frame) -> bool:
        if self.everything or frame.name in self.names or frame.kind in self.kinds:
            return True
        return frame.name == CURSOR and self.facts

    @property
    def facts(self) -> bool:
        return self.everything or bool(self.kinds) or "fact" in self.names


class Client:
    """One reader's queue."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.closed = False
        self.awake = asyncio.Event()
        self._queue: list[Frame] = []
        self._bytes = 0
        self._gap = False

    def push(self, frames: Iterable[Frame]) -> None:
        mine = [frame for frame in frames if frame in self.wanted]
        if not mine:
            return
        if self._queue and self._queue[-1].name == mine[0].name == CURSOR:
            self._bytes -= len(self._queue.pop().written)  # the newer one says it all
        self._queue += mine
        self._bytes += sum(len(frame.written) for frame in mine)
        if len(self._queue) > MOST_QUEUED or self._bytes > MOST_QUEUED_BYTES:
            self.gap()
        self.awake.set()

    def gap(self) -> None:
        self._queue.clear()
        self._bytes = 0
        self._gap = True
        self.awake.set()

    def take(self, known: frozenset[bytes] = frozenset()) -> bytes:
        """All that waits, without the facts that are known already."""
        frames, self._queue, self._bytes = self._queue, [], 0
        gap, self._gap = self._gap, False
        self.awake.clear()
        written = b"".join(frame.written for frame in frames if not frame.id or frame.id not in known)
        return GAP + written if gap else written

    def close(self) -> None:
        self.closed = True
        self.awake.set()


class Feed:
    """Listens to the home and its log for as long as it is open, and feeds the clients."""

    def __init__(self, services: Services, heartbeat: float = HEARTBEAT) -> None:
        self.services = services
        self.heartbeat = heartbeat
        self.clients: set[Client] = set()
        self._open = True
        self._changed: dict[str, Slot] = {}
        self._flushing = False
        home = services.home
        self._unlisten = services.writer.listen(self._committed)
        home.live.on_change(self._change)
        home.live.on_reach(self._reach)
        home.following.on_found(self._found)

    def join(self, wanted: Wanted) -> Client:
        """Raises Refused("live_full")."""
        if len(self.clients) >= MOST_CLIENTS or not self._open:
            raise Refused("live_full", most=MOST_CLIENTS)
        client = Client(wanted)
        self.clients.add(client)
        return client

    def leave(self, client: Client) -> None:
        self.clients.discard(client)

    def close(self) -> None:
        if not self._open:
            return
        self._open = False
        self._unlisten()
        for client in self.clients:
            client.close()

    def _tell(self, frames: Sequence[Frame]) -> None:
        for client in self.clients:
            client.push(frames)

    def _committed(self, facts: Sequence[Fact], cursor: Cursor) -> None:
        """Only a batch's last event carries the cursor: whoever goes on from there repeats facts, and skips none."""
        if not any(client.wanted.facts for client in self.clients):
            return
        frames = [fact_frame(fact) for fact in facts]
        frames.append(Frame(CURSOR, "", b"", f"id: {cursor.token}\n\n".encode()))
        self._tell(frames)

    # State.

    def _change(self, slot: Slot) -> None:
        if not self.clients or not self._open:
            return
        self._changed[slot.address] = slot
        if not self._flushing:
            self._flushing = True
            clock = self.services.clock
            clock.call_at(clock.ticks() + FLUSH, self._flush)

    def _flush(self) -> None:
        self._flushing = False
        changed, self._changed = self._changed, {}
        self._tell([frame("state", StateEvent(slot.address, slot.value, slot.changed)) for slot in changed.values()])

    def _reach(self, live: LiveThing) -> None:
        if self.clients and self._open:
            self._tell([frame("reach", ReachEvent(live.id, live.reachable, live.reason))])

    def _found(self, found: Found) -> None:
        if self.clients and self._open:
            self._tell([frame("found", describe.found(self.services.home, found))])


def frame(name: str, told: object, kind: str = "", fact_id: bytes = b"") -> Frame:
    return Frame(name, kind, fact_id, b"event: " + name.encode() + b"\ndata: " + _encode(told) + b"\n\n")


def fact_frame(fact: Fact) -> Frame:
    return frame("fact", to_cloud_event(fact), split_label(label_of(fact.body))[0], fact.id)


class LiveQuery(Query, frozen=True):
    """`kinds`: names of events (fact, state, reach, found) and kinds of fact, between commas. `after` is a cursor, for
    who cannot send Last-Event-ID."""

    kinds: str = ""
    after: str = ""


class Stream:
    """One client's connection, from its first byte to its last."""

    def __init__(self, feed: Feed, call: Call) -> None:
        self._feed = feed
        self._call = call
        self._log = feed.services.log

    async def run(self) -> None:
        call, feed = self._call, self._feed
        wanted = Wanted(call.query.kinds)
        given = call.scope["setaria.headers"].get(b"last-event-id", b"").decode("latin-1") or call.query.after
        cursor = Cursor.parse(given, self._log.partitions) if given else await self._log.head()
        client = feed.join(wanted)
        gone = asyncio.create_task(_disconnected(call.receive, client))
        try:
            await call.send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            known = await self._replay(cursor, client)
            while not client.closed:
                await self._send(client.take(known) or BEAT)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(feed.heartbeat):
                        await client.awake.wait()
            await call.send({"type": "http.response.body", "body": b""})
        finally:
            feed.leave(client)
            gone.cancel()

    async def _replay(self, cursor: Cursor, client: Client) -> frozenset[bytes]:
        """Send what the log holds beyond the cursor. Returns what of it may be waiting in the queue as well."""
        await self._send(b"id: " + cursor.token.encode() + b"\n\n")
        recent: list[bytes] = []
        sent = 0
        while not client.closed and (stored := await self._log.read(cursor, REPLAY_STEP)):
            if sent >= MOST_REPLAYED:
                client.gap()
                break
            for each in stored:
                cursor = cursor.moved(each.partition, each.seq)
            sent += len(stored)
            recent = [*recent[-MOST_QUEUED:], *(each.fact.id for each in stored)]
            if client.wanted.facts:
                frames = (fact_frame(each.fact) for each in stored)
                await self._send(b"".join(each.written for each in frames if each in client.wanted))
            await self._send(b"id: " + cursor.token.encode() + b"\n\n")
        return frozenset(recent)

    async def _send(self, written: bytes) -> None:
        if written:
            await self._call.send({"type": "http.response.body", "body": written, "more_body": True})


async def _disconnected(receive: Any, client: Client) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    client.close()


def routes(feed: Feed) -> tuple[Route, ...]:
    async def live(call: Call) -> None:
        await Stream(feed, call).run()

    summary = "Facts, state, reachability and finds as they come (server-sent events)"
    return (Route("GET", "/api/live", live, Act.HOME_SEE, str, summary, query=LiveQuery, stream=True),)
