"""A linkage tried out on the home's own past: its facts are played to an engine that has this one linkage and no hands.

What it would have written changes nothing in the replay, since the past does not answer: it is counted, not followed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from setaria.facts.clock import DAY, HOUR, VirtualClock
from setaria.facts.fact import HUB, Actor, Fact
from setaria.facts.ids import IdSource
from setaria.facts.kinds import Body
from setaria.facts.log import Cursor, Log
from setaria.home import facts as f
from setaria.home.arranged import Arranged
from setaria.home.helpers import address_of
from setaria.home.home import Home
from setaria.home.linkage.engine import Engine
from setaria.home.linkage.rule import Rule
from setaria.home.linkage.sun import sun_times
from setaria.home.linkage.world import World
from setaria.home.live import Live, Slot
from setaria.home.ports import Act, Value, Write
from setaria.home.spec.model import Spec

FACTS_A_STEP: Final = 4_000
MOST_TIMES: Final = 200
MOST_SENT: Final = 200  # of one run
MOST_RAN: Final = 50_000
LONGEST_TURN: Final = HOUR  # of the past, before the loop gets its turn


class WouldHave(msgspec.Struct, frozen=True):
    """One run: when, set off by what, and what it would have sent; `told` says both in words, the trigger first."""

    at: int
    outcome: str
    trigger: dict[str, Any]
    sent: tuple[str, ...]
    deeds: tuple[dict[str, Any], ...] = ()  # as a trace has them
    told: tuple[str, ...] = ()


class DryRun(msgspec.Struct, frozen=True):
    """`since` and `until` are what was looked at; `first` is the oldest fact there was. `runs` has the newest only.

    A linkage that would have run without end is followed up to MOST_RAN runs; `until` then says how far that was.
    """

    linkage: str
    since: int
    until: int
    first: int
    facts: int
    ran: int
    at_night: int
    declined: Mapping[str, int]
    runs: tuple[WouldHave, ...]


class _Seen:
    """Effects without hands, and a recorder without a log."""

    def __init__(self) -> None:
        self.bodies: list[tuple[int, Body]] = []
        self.sent: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        self.spec_of: Callable[[str], Spec | None] = lambda thing: None
        self.clock = VirtualClock()

    def record(self, aggregate: str, body: Body, actor: Actor, time: int | None = None) -> Fact:
        self.bodies.append((self.clock.now(), body))
        return Fact(b"\0" * 16, self.clock.now(), aggregate, "", actor, body)

    def write(self, thing: str, writes: Sequence[Write], cause: str) -> None:
        spec = self.spec_of(thing)
        for each in writes:
            prop = spec.property(each.siid, each.piid) if spec else None
            address = f"{each.siid}.{each.piid}" if prop is None else prop.address
            what = f"{thing}: {each.siid}.{each.piid} = {each.value}"
            self._would(cause, what, {f"{thing}/{address}": each.value})

    def act(self, thing: str, act: Act, cause: str) -> None:
        spec = self.spec_of(thing)
        known = (
            next((each for each in spec.actions() if (each.siid, each.aiid) == (act.siid, act.aiid)), None)
            if spec
            else None
        )
        address = f"{act.siid}.{act.aiid}" if known is None else known.address
        self._would(cause, f"{thing}: {act.siid}.{act.aiid}()", {"act": f"{thing}/{address}"})

    def set_scene(self, scene: str, cause: str) -> None:
        self._would(cause, f"scene {scene}", {"scene": scene})

    def help(self, helper: str, operation: str, value: Value | None, cause: str) -> None:
        self._would(cause, f"helper {helper}: {operation}", {"helper": helper, "operation": operation})

    def notify(self, to: Sequence[str], title: str, message: str, cause: str) -> None:
        self._would(cause, f"notify: {message}", {"notify": list(to), "message": message})

    def fire(self, event: str, data: Mapping[str, Value], cause: str) -> None:
        self._would(cause, f"event {event}", {"event": event})

    def _would(self, cause: str, what: str, deed: dict[str, Any]) -> None:
        sent = self.sent.setdefault(cause, [])
        if len(sent) < MOST_SENT:
            sent.append((what, deed))

    def would_have(self, at: int, outcome: str, trigger: dict[str, Any], run: str) -> WouldHave:
        sent = self.sent.pop(run, [])
        return WouldHave(at, outcome, trigger, tuple(what for what, _ in sent), tuple(deed for _, deed in sent))

    def may(self, author: str, thing: str) -> bool:
        return True


async def dry_run(rule: Rule, home: Home, log: Log, days: int) -> DryRun:
    """Gives the loop a turn after every window of facts: a home goes on while its past is looked at."""
    until = home.clock.now()
    replay = _Replay(rule, home, until - days * DAY)
    cursor = Cursor((0,) * log.partitions)
    while not replay.full and (stored := await log.read(cursor, FACTS_A_STEP)):
        for each in stored:
            cursor = cursor.moved(each.partition, each.seq)
            if each.fact.time <= until:
                await replay.take(each.fact)
        await asyncio.sleep(0)
    return await replay.finish(until)


class _Replay:
    def __init__(self, rule: Rule, home: Home, since: int) -> None:
        self._since = since
        self._seen = _Seen()
        self._seen.spec_of = home.arranged.spec_of
        self._live = Live(self._seen, self._seen.clock.now)
        for thing in home.structure.things.values():
            spec = home.arranged.spec_of(thing.id)
            if spec is not None:
                self._live.add_thing(thing.id, thing.radio, spec)
        for address, slot in home.live.slots.items():
            if address not in self._live.slots:
                self._live.add_slot(address, slot.owner, None)
        for helper in home.structure.helpers.values():
            self._live.slots[address_of(helper)].value = helper.initial if helper.type == "counter" else False
        arranged = Arranged(home.structure, home.specs)
        self._world = World(self._live, self._seen.clock, self._seen, arranged)
        self._world.zone = home.world.zone
        self._world.latitude, self._world.longitude = home.world.latitude, home.world.longitude
        self._engine = Engine(self._world, IdSource(self._seen.clock))
        self._rule = rule
        self._armed = False
        self._first = 0
        self._facts = 0
        self._ran: list[WouldHave] = []
        self._count = 0
        self._at_night = 0
        self._declined: dict[str, int] = {}

    @property
    def full(self) -> bool:
        return self._count >= MOST_RAN

    async def take(self, fact: Fact) -> None:
        self._first = self._first or fact.time
        if fact.time < self._since:
            self._live.apply(fact)
            self._helper(fact, quiet=True)
            return
        if not self._armed:
            self._arm(self._since if self._first < self._since else fact.time)
        self._facts += 1
        await self._advance(fact.time)
        if not self.full:
            self._play(fact)
            self._harvest()

    def _arm(self, now: int) -> None:
        self._seen.clock.set(now)
        self._engine.arm(self._rule, "", 1, True)
        self._armed = True

    async def _advance(self, now: int) -> None:
        """Timers between two facts fall due at their own moments."""
        clock = self._seen.clock
        while clock.now() < now and not self.full:
            clock.advance(min(LONGEST_TURN, now - clock.now()))
            self._harvest()
            if clock.now() < now:
                await asyncio.sleep(0)

    def _play(self, fact: Fact) -> None:
        owner = fact.aggregate.partition("/")[2]
        body = fact.body
        if isinstance(body, f.Reading):
            self._change(f"{owner}/{body.property}", body.value)
        elif isinstance(body, f.PresenceChanged):
            self._change(f"member/{owner}.home", body.home)
        elif isinstance(body, f.HelperSet):
            self._helper(fact, quiet=False)
        elif isinstance(body, f.Happened):
            self._live.happened(owner, body.event, body.arguments)
        elif isinstance(body, f.EventFired):
            self._live.fire(body.event, body.data, HUB, "")

    def _helper(self, fact: Fact, quiet: bool) -> None:
        if not isinstance(fact.body, f.HelperSet):
            return
        for address in [each for each in self._live.slots if each.startswith(f"{fact.aggregate}.")]:
            if quiet:
                slot = self._live.slots[address]
                slot.value, slot.changed = fact.body.value, fact.time
            else:
                self._change(address, fact.body.value)

    def _change(self, address: str, value: Value) -> None:
        slot: Slot | None = self._live.slots.get(address)
        if slot is None or slot.value == value:
            return
        before, slot.value, slot.changed = slot.value, value, self._seen.clock.now()
        for watcher in slot.watchers:
            watcher(slot, before)
        self._engine.settle()

    def _harvest(self) -> None:
        for _, body in self._seen.bodies:
            if isinstance(body, f.RunEnded):
                self._count += 1
                self._at_night += self._is_night(body.began)
                self._ran.append(self._seen.would_have(body.began, body.outcome, body.trigger, body.run))
                del self._ran[:-MOST_TIMES]
            elif isinstance(body, f.RunDeclined):
                self._declined[body.reason] = self._declined.get(body.reason, 0) + 1
        self._seen.bodies.clear()

    def _is_night(self, moment: int) -> bool:
        local = datetime.fromtimestamp(moment / 1e6, self._world.zone)
        sunrise, sunset = sun_times(self._world, local.date())
        return not sunrise <= moment < sunset

    def _still_waiting(self) -> None:
        """Runs that would be under way now."""
        for armed in self._engine.armed.values():
            for run in armed.runs.values():
                self._count += 1
                self._at_night += self._is_night(run.began)
                self._ran.append(self._seen.would_have(run.began, "waiting", run.trigger, run.id))
        del self._ran[:-MOST_TIMES]

    async def finish(self, until: int) -> DryRun:
        if not self._armed:
            self._arm(self._since)
        await self._advance(until)
        if self.full:
            until = self._seen.clock.now()
        self._still_waiting()
        self._engine.close()
        return DryRun(
            self._rule.id,
            self._since,
            until,
            self._first,
            self._facts,
            self._count,
            self._at_night,
            self._declined,
            tuple(reversed(self._ran)),
        )
