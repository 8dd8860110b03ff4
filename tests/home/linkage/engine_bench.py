"""A home without a hub around it: the live state, an engine and what both write down, on a clock moved by hand.

Every fact goes through its JSON form before it is kept, so that `restart` finds exactly what a log would give back.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from setaria.facts.clock import SECOND, VirtualClock
from setaria.facts.fact import HUB, Actor, Fact, from_row, to_row
from setaria.facts.ids import IdSource
from setaria.facts.kinds import Body
from setaria.home import facts as f
from setaria.home.helpers import Helpers
from setaria.home.linkage.check import check
from setaria.home.linkage.engine import Engine
from setaria.home.linkage.fixed_catalogue import FixedCatalogue
from setaria.home.linkage.memory import Memory, thaw
from setaria.home.linkage.parse import parse
from setaria.home.linkage.rule import Rule
from setaria.home.linkage.stored import dump, load
from setaria.home.linkage.world import World
from setaria.home.live import Live
from setaria.home.ports import Act, Reading, Value, Write
from setaria.home.structure import Helper

BEIJING = ("Asia/Shanghai", 39.9, 116.4)
NOON = "2026-06-01 12:00"  # a Monday
_LINKAGE_FACTS = (f.RunEnded, f.RunDeclined, f.RunPaused, f.RunQueued, f.HoldBegan, f.HoldEnded)


class Kept(msgspec.Struct):
    rule: Rule
    author: str
    revision: int
    enabled: bool
    saved: int


class Bench:
    """`sent` is (what, whom, details) of everything that linkages did; `facts` is the log."""

    def __init__(self, catalogue: FixedCatalogue, at: str = NOON, place: tuple[str, float, float] = BEIJING) -> None:
        self.catalogue = catalogue
        self.place = place
        self.zone = ZoneInfo(place[0])
        self.facts: list[Fact] = []
        self.sent: list[tuple[str, str, Any]] = []
        self.forbidden: set[tuple[str, str]] = set()
        self.kept: dict[str, Kept] = {}
        self.clock = VirtualClock(self.moment(at))
        self.awake()

    def moment(self, text: str) -> int:
        """UTC microseconds of a local time."""
        return round(datetime.fromisoformat(text).replace(tzinfo=self.zone).timestamp() * 1e6)

    def local(self) -> str:
        return datetime.fromtimestamp(self.clock.now() / 1e6, self.zone).strftime("%Y-%m-%d %H:%M:%S")

    def awake(self) -> None:
        """The state and an engine, made anew of the facts; nothing is resumed yet."""
        self.ids = IdSource(self.clock, after=self.facts[-1].id if self.facts else b"")
        self.live = Live(self, self.clock.now)
        for thing in self.catalogue.things():
            spec = self.catalogue.spec_of(thing)
            assert spec is not None
            self.live.add_thing(thing, "miio", spec)
        self.helpers = Helpers(self.live, self.clock, "li")
        for helper in self.catalogue.helpers():
            kind = self.catalogue.helper_kind(helper)
            assert kind is not None
            self.helpers.save(Helper(helper, kind, helper, 60 if kind == "timer" else 0))
        for member in self.catalogue.members():
            self.live.add_slot(f"member/{member}.home", f"member/{member}", None)
        self.world = World(self.live, self.clock, self, self.catalogue)
        self.world.zone, self.world.latitude, self.world.longitude = self.zone, self.place[1], self.place[2]
        memory = Memory()
        for fact in self.facts:
            self.live.apply(fact)
            self.helpers.apply(fact)
            if isinstance(fact.body, _LINKAGE_FACTS):
                memory.apply(fact.aggregate.partition("/")[2], fact.body, fact.time)
        self.engine = Engine(self.world, self.ids)
        self.engine.remember(memory)

    def record(self, aggregate: str, body: Body, actor: Actor, time: int | None = None) -> Fact:
        now = self.clock.now() if time is None else time
        fact = from_row(*to_row(Fact(self.ids.next(), now, aggregate, "li", actor, body)))
        self.facts.append(fact)
        return fact

    # Effects.

    def write(self, thing: str, writes: Sequence[Write], cause: str) -> None:
        live = self.live.things[thing]
        for each in writes:
            address = live.by_key[each.siid << 16 | each.piid].address
            self.sent.append(("write", address, each.value))

    def act(self, thing: str, act: Act, cause: str) -> None:
        self.sent.append(("act", f"{thing}/{act.siid}.{act.aiid}", act.arguments))

    def set_scene(self, scene: str, cause: str) -> None:
        self.sent.append(("scene", scene, None))

    def help(self, helper: str, operation: str, value: Value | None, cause: str) -> None:
        self.sent.append(("help", helper, operation))
        self.helpers.operate(helper, operation, value, Actor(f"run/{cause}", "linkage"))

    def notify(self, to: Sequence[str], title: str, message: str, cause: str) -> None:
        self.sent.append(("notify", ",".join(to), message))

    def fire(self, event: str, data: Mapping[str, Value], cause: str) -> None:
        self.sent.append(("fire", event, dict(data)))
        self.live.fire(event, data, Actor(f"run/{cause}", "linkage"), "li")

    def may(self, author: str, thing: str) -> bool:
        return (author, thing) not in self.forbidden

    # What a test does.

    def save(self, text: str, author: str = "li_wei", enabled: bool = True) -> Rule:
        """Read, check and arm one linkage, as a hub does when it is saved."""
        (parsed,), loose = parse(textwrap.dedent(text))
        checked = check(parsed, self.catalogue)
        assert checked.sound, checked.problems
        assert loose == []
        rule = load(dump(checked.rule))
        revision = self.kept[rule.id].revision + 1 if rule.id in self.kept else 1
        self.kept[rule.id] = Kept(rule, author, revision, enabled, self.clock.now())
        self._arm(rule.id)
        return rule

    def _arm(self, linkage: str) -> None:
        kept = self.kept[linkage]
        self.engine.arm(kept.rule, kept.author, kept.revision, kept.enabled, kept.saved)

    def remove(self, linkage: str) -> None:
        self.engine.disarm(linkage, "removed")
        self.engine.memory.forget(linkage)
        del self.kept[linkage]

    def switch(self, linkage: str, enabled: bool) -> None:
        self.kept[linkage].enabled = enabled
        self.engine.switch(linkage, enabled)

    def observe(self, address: str, value: Value) -> None:
        """A thing reports a value, a member comes or goes, a helper is operated: by the address of what it changes."""
        owner, _, rest = address.partition("/")
        if owner == "member":
            member = rest.partition(".")[0]
            self.live.set(address, value, f"member/{member}", f.PresenceChanged(bool(value), "person"), HUB)
        elif owner == "helper":
            helper = rest.partition(".")[0]
            self.helpers.operate(helper, "set", value, HUB)
        else:
            prop = self.live.slots[address].property
            assert prop is not None
            self.live.observed(owner, [Reading(prop.siid, prop.piid, value)])

    def see(self, **values: Value) -> None:
        """First values of switches and motion sensors: `motion=False` is kitchen_motion."""
        for name, value in values.items():
            self.observe(NAMES[name], value)

    def wait(self, seconds: float) -> None:
        self.clock.advance(round(seconds * SECOND))

    def until(self, text: str) -> None:
        self.clock.advance(self.moment(text) - self.clock.now())

    def restart(self, off: float = 0, lost: int = 0) -> None:
        """The hub dies with its last `lost` facts not yet written, and starts again `off` seconds later."""
        self.die(lost)
        self.rise(off)

    def die(self, lost: int = 0) -> None:
        del self.facts[len(self.facts) - lost :]
        self.clock = VirtualClock(self.clock.now())  # the old clock's timers never fire

    def rise(self, off: float = 0) -> None:
        self.clock.advance(round(off * SECOND))
        self.awake()
        for linkage in self.kept:
            self._arm(linkage)
        self.helpers.resume()
        self.engine.resume()

    # What a test looks at.

    def bodies(self, *kinds: type[Any]) -> list[Any]:
        return [fact.body for fact in self.facts if isinstance(fact.body, kinds)]

    def ended(self, linkage: str = "") -> list[f.RunEnded]:
        return [
            fact.body
            for fact in self.facts
            if isinstance(fact.body, f.RunEnded) and linkage in ("", fact.aggregate.partition("/")[2])
        ]

    def outcomes(self, linkage: str = "") -> list[str]:
        return [body.outcome for body in self.ended(linkage)]

    def declined(self) -> list[str]:
        return [body.reason for body in self.bodies(f.RunDeclined)]

    def written(self) -> list[tuple[str, Value]]:
        return [(whom, value) for what, whom, value in self.sent if what == "write"]

    def messages(self) -> list[str]:
        return [value for what, _, value in self.sent if what == "notify"]

    def taken(self) -> list[tuple[str, str, Any]]:
        """What was done since the last look."""
        done, self.sent = self.sent, []
        return done

    def running(self) -> int:
        return sum(len(armed.runs) + len(armed.queue) for armed in self.engine.armed.values())

    def rebuilt(self) -> Memory:
        memory = Memory()
        for fact in self.facts:
            if isinstance(fact.body, _LINKAGE_FACTS):
                memory.apply(fact.aggregate.partition("/")[2], fact.body, fact.time)
        return memory

    def remembered(self) -> Memory:
        return thaw(self.engine.memory.freeze())


NAMES = {
    "motion": "kitchen_motion/motion-sensor.motion-state",
    "living": "living_motion/motion-sensor.motion-state",
    "lamp": "living_light/light.on",
    "pm": "living_purifier/environment.pm2.5-density",
    "temperature": "living_purifier/environment.temperature",
    "humidity": "living_purifier/environment.relative-humidity",
    "wei": "member/li_wei.home",
    "guest": "helper/guest_mode.on",
    "count": "helper/openings.count",
}
