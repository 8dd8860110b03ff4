"""Live updates as server-sent events (HTML Living Standard, section 9.2).

Each event is encoded once for everybody; each reader is told what he may see (home/sight.py), asked anew when the
arrangement changes and when a grant begins or ends. What there is to tell waits up to 20 ms for company, and of several
changes at one address only the last is told. Who does not read fast enough loses what was waiting, and is told so with
`gap`: reload then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final

import msgspec

from setaria.facts.clock import MILLISECOND, SECOND, Timer
from setaria.facts.fact import Fact
from setaria.facts.log import Cursor
from setaria.facts.refused import Refused
from setaria.home.live import LiveThing, Slot
from setaria.home.ports import Found, Value
from setaria.home.sight import LISTENING
from setaria.home.structure import ARRANGING
from setaria.home.telling.facts import NOT_TOLD
from setaria.rights import Act
from setaria.web import finds
from setaria.web.answers import ALWAYS
from setaria.web.frames import (
    ARRANGED,
    BEAT,
    CURSOR,
    MOST_QUEUED,
    Client,
    Frame,
    Standing,
    Wanted,
    cursor_frame,
    fact_frame,
    frame,
    kind_of,
)
from setaria.web.services import Services
from setaria.web.table import EVENT_STREAM, Call, Query, Route

FLUSH: Final = 20 * MILLISECOND
ARRANGED_AFTER: Final = 50 * MILLISECOND
NEWS_AFTER: Final = 300 * MILLISECOND
MOST_SUBJECTS: Final = 100  # of one such event; what shows more than these reads again all the same
# A command's end is told with the command: it changes what was told.
QUIET: Final = NOT_TOLD.keys() - {"home.command_ended"}
HEARTBEAT: Final = 15 * SECOND
LOOK_AGAIN: Final = SECOND  # how long, at most, a stream outlives what it is for
MOST_CLIENTS: Final = 64
MOST_REPLAYED: Final = 10_000
REPLAY_STEP: Final = 500

HEADERS: Final = [(b"content-type", EVENT_STREAM.encode()), *ALWAYS]


class StateEvent(msgspec.Struct, frozen=True, gc=False):
    """`changed` is UTC microseconds."""

    address: str
    value: Value | None
    changed: int


class ReachEvent(msgspec.Struct, frozen=True, gc=False):
    thing: str
    reachable: bool
    reason: str


class ToldEvent(msgspec.Struct, frozen=True):
    """Facts that people are told of were written down, of these kinds and aggregates: what shows them reads again."""

    kinds: list[str]
    subjects: list[str]


class Feed:
    """Listens to the home and its log for as long as it is open, and feeds the clients."""

    def __init__(self, services: Services, heartbeat: int = HEARTBEAT) -> None:
        """`heartbeat` in microseconds: how long a line is quiet."""
        self.services = services
        self.heartbeat = heartbeat
        self.clients: set[Client] = set()
        self._open = True
        self._changed: dict[str, Slot] = {}
        self._told: list[Frame] = []
        self._flushing = False
        self._arranging = False
        self._news: set[tuple[str, str]] = set()
        self._telling = False
        self._looking: Timer | None = None
        home = services.home
        self._undo = (
            services.writer.listen(self._committed),
            home.live.on_change(self._change),
            home.live.on_reach(self._reach),
            home.following.on_found(self._found),
        )

    def join(self, wanted: Wanted, standing: Standing, language: str) -> Client:
        """Raises Refused("live_full" | "not_allowed")."""
        if len(self.clients) >= MOST_CLIENTS or not self._open:
            raise Refused("live_full", most=MOST_CLIENTS)
        by = standing()
        if by is None:
            raise Refused("not_allowed", act=str(Act.HOME_SEE), why="not_granted")
        client = Client(wanted, standing, by, self.services.home.sights.require(by), language)
        self._flush()  # what is older is not for this one
        self.clients.add(client)
        if self._looking is None:
            self._look()
        return client

    def leave(self, client: Client) -> None:
        self.clients.discard(client)

    def close(self) -> None:
        if not self._open:
            return
        self._open = False
        for undo in self._undo:
            undo()
        if self._looking is not None:
            self._looking.cancel()
        for client in self.clients:
            client.close()

    def _look(self) -> None:
        """At all clients, now and then: time alone ends sessions and grants, and a quiet line needs a heartbeat."""
        clock = self.services.clock
        now = clock.ticks()
        for client in self.clients:
            self.renew(client)
            if now - client.taken >= self.heartbeat:
                client.awake.set()
        self._looking = clock.call_at(now + min(LOOK_AGAIN, self.heartbeat), self._look) if self.clients else None

    def renew(self, client: Client) -> None:
        """See with the client's eyes of now, if they may have changed. Who may see nothing any more is told goodbye."""
        by = client.standing()
        if by is None:
            client.close()
            return
        same = by == client.by and client.sight.good(self.services.clock.now())
        if same and not client.stale:
            return
        before, stale = client.sight, client.stale
        client.by, client.sight, client.stale = by, self.services.home.sights.of(by), False
        if client.sight.nothing:
            client.close()
        elif not stale and not client.sight.shows_as(before):
            client.push([ARRANGED])

    def _tell(self, frames: Sequence[Frame]) -> None:
        self._tell_each(lambda _: frames)

    def _tell_each(self, frames: Callable[[Client], Sequence[Frame]]) -> None:
        now = self.services.clock.now()
        for client in self.clients:
            if client.stale or not client.sight.good(now):
                self.renew(client)
            client.push(frames(client))

    # The log.

    def _committed(self, facts: Sequence[Fact], cursor: Cursor) -> None:
        """Only a batch's last event carries the cursor: whoever goes on from there repeats facts, and skips none."""
        if not self.clients:
            return
        if any(type(fact.body) in ARRANGING for fact in facts):
            self._arrange()
        if any(client.wanted.hears("told") for client in self.clients):
            self._news.update((kind, fact.aggregate) for fact in facts if (kind := kind_of(fact)) not in QUIET)
            self._tell_news_soon()
        hearing = [client.wanted for client in self.clients if client.wanted.facts]
        if not hearing:
            return
        every = any(each.every_fact for each in hearing)
        wanted = None if every else frozenset[str]().union(*(each.kinds for each in hearing))
        frames = [fact_frame(fact) for fact in facts if wanted is None or kind_of(fact) in wanted]
        frames.append(cursor_frame(cursor))
        if self._told and self._told[-1].name == CURSOR:
            self._told.pop()  # the newer one says it all
        self._told += frames
        self._flush_soon()

    def _arrange(self) -> None:
        for client in self.clients:
            client.stale = True
        if not self._arranging:
            self._arranging = True
            clock = self.services.clock
            clock.call_at(clock.ticks() + ARRANGED_AFTER, self._arranged)

    def _arranged(self) -> None:
        self._arranging = False
        self._tell([ARRANGED])

    def _tell_news_soon(self) -> None:
        if self._news and not self._telling:
            self._telling = True
            clock = self.services.clock
            clock.call_at(clock.ticks() + NEWS_AFTER, self._tell_news)

    def _tell_news(self) -> None:
        self._telling = False
        news, self._news = self._news, set()
        kinds, subjects = sorted({kind for kind, _ in news}), sorted({subject for _, subject in news})
        self._tell([frame("told", ToldEvent(kinds, subjects[:MOST_SUBJECTS]))])

    # State.

    def since(self, time: int) -> list[Frame]:
        """What has changed from then on, as it is now."""
        live = self.services.home.live
        changed = [state_frame(slot) for slot in live.slots.values() if slot.changed >= time]
        return changed + [reach_frame(each) for each in live.things.values() if each.moved >= time]

    def _change(self, slot: Slot) -> None:
        if not self.clients:
            return
        self._changed[slot.address] = slot
        self._flush_soon()

    def _flush_soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            clock = self.services.clock
            clock.call_at(clock.ticks() + FLUSH, self._flush_now)

    def _flush_now(self) -> None:
        self._flushing = False
        self._flush()

    def _flush(self) -> None:
        changed, self._changed = self._changed, {}
        told, self._told = self._told, []
        if any(client.wanted.hears("state") for client in self.clients):
            told = [*map(state_frame, changed.values()), *told]
        if told:
            self._tell(told)

    def _reach(self, live: LiveThing) -> None:
        if self.clients:
            self._tell([reach_frame(live)])

    def _found(self, found: Found) -> None:
        """In the words of each reader's language."""
        languages = {client.language for client in self.clients}
        told = {each: [frame("found", finds.found(self.services.home, found, each))] for each in languages}
        self._tell_each(lambda client: told[client.language])


def state_frame(slot: Slot) -> Frame:
    return frame("state", StateEvent(slot.address, slot.value, slot.changed), slot.owner)


def reach_frame(live: LiveThing) -> Frame:
    return frame("reach", ReachEvent(live.id, live.reachable, live.reason), live.id)


class LiveQuery(Query, frozen=True):
    """`kinds`: names of events (fact, told, state, reach, found, arranged) and kinds of fact, between commas. `after`
    is a cursor, for who cannot send Last-Event-ID; `since` a time in UTC microseconds, from which on what has changed
    is told at once, so that a page that was read before misses nothing."""

    kinds: str = ""
    after: str = ""
    since: Annotated[int, msgspec.Meta(ge=0)] = 0


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
        client = feed.join(wanted, call.again, call.language)
        gone = asyncio.create_task(_disconnected(call.receive, client))
        try:
            await call.send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            if call.query.since:
                client.push(feed.since(call.query.since))
            known = await self._replay(cursor, client)
            await self._follow(client, known)
            await call.send({"type": "http.response.body", "body": b""})
        finally:
            feed.leave(client)
            gone.cancel()

    async def _follow(self, client: Client, known: frozenset[bytes]) -> None:
        ticks = self._feed.services.clock.ticks
        while not client.closed:
            await self._send(client.take(ticks(), known) or BEAT)
            await client.awake.wait()

    async def _replay(self, cursor: Cursor, client: Client) -> frozenset[bytes]:
        """Send what the log holds beyond the cursor. Returns what of it may be waiting in the queue as well."""
        await self._send(cursor_frame(cursor).written)
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
            await self._send(b"".join(client.pick(fact_frame(each.fact) for each in stored)))
            await self._send(cursor_frame(cursor).written)
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
    whole = ("GET", "/api/live", live, LISTENING, str, summary, None, LiveQuery)
    return (Route(*whole, home_asks=True, stream=True, media=EVENT_STREAM),)
