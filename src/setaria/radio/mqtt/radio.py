"""The MQTT radio: devices announced on a broker, as `home/ports.py` wants them.

A device is known by its first identifier. It tells what it is by itself, so it needs no secret and brings its spec.
"""

from __future__ import annotations

import functools
import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from setaria.facts.clock import MILLISECOND, MINUTE, SECOND, Clock, Timer
from setaria.facts.refused import Refused
from setaria.home.ports import (
    Act,
    Answer,
    Followed,
    Found,
    Learnt,
    Observer,
    RadioHealth,
    Reading,
    Unreachable,
    Write,
)
from setaria.home.spec.library import BROUGHT
from setaria.radio.mqtt import announcing, tasmota
from setaria.radio.mqtt.announcing import Announcement, Discovery, Migration, Withdrawal
from setaria.radio.mqtt.components import part_of
from setaria.radio.mqtt.conversation import Ended, Event, Message, Ready, Sent, Turned
from setaria.radio.mqtt.device import Device
from setaria.radio.mqtt.link import Link
from setaria.radio.mqtt.options import PREFIX
from setaria.radio.mqtt.orders import Orders
from setaria.radio.mqtt.parts import Part
from setaria.radio.mqtt.registry import Finding, Known, Registry
from setaria.radio.mqtt.synthesis import Allotment, Allotter, instance, kept_in, kind_of
from setaria.radio.mqtt.templates import Heard

if TYPE_CHECKING:
    from setaria.radio.mqtt.within import Within

NAME: Final = "mqtt"
SETTLING: Final = 300 * MILLISECOND  # a device tells its entities one after another
LONGEST_SETTLING: Final = 5 * MINUTE  # for one that never stops telling other things of itself
CALM: Final = 10 * MINUTE
MOST_TOPICS: Final = 20_000
SAYING: Final = 2 * SECOND  # in which a broker tells what it keeps of a device's being there
ONLINE: Final = b"online"
OFFLINE: Final = b"offline"


class Talk(msgspec.Struct, eq=False):
    """One device: `thing` is "" until the home follows it. `spec` is what was told of it last."""

    address: str
    model: str = ""
    thing: str = ""
    spec: bytes = b""
    allotted: Allotment = msgspec.field(default_factory=Allotment)
    device: Device | None = None
    topics: tuple[str, ...] = ()
    reached: bool = False
    waited: bool = False
    settling: Timer | None = None
    settled: int = 0
    patience: int = SETTLING


class MqttRadio:
    """`prefix` is that of Home Assistant's discovery; what the hub says of itself goes to `<prefix>/status`. `within`
    is the link to a broker of the hub's own, `place` where another one is, HOST:PORT."""

    def __init__(
        self, clock: Clock, link: Link, prefix: str = PREFIX, within: Within | None = None, place: str = ""
    ) -> None:
        self.within: Final = within
        self._place: Final = place
        self._clock: Final = clock
        self._link: Final = link
        self._prefix: Final = prefix
        self._registry: Final = Registry(clock.now)
        self._tasmotas: Final = tasmota.Tasmotas()
        self._orders: Final = Orders(clock, link, self._ordered)
        self._observer: Observer | None = None
        self._talks: dict[str, Talk] = {}
        self._things: dict[str, Talk] = {}
        self._listening: dict[str, list[Talk]] = {}
        self._ending: dict[tuple[str, int, int], Timer] = {}
        self._faults: Counter[str] = Counter()
        self._sent = self._received = 0

    @property
    def name(self) -> str:
        return NAME

    @property
    def findings(self) -> list[Refused]:
        """What was announced and could not be used, newest last."""
        return [each.refused for each in self.found_wanting]

    @property
    def found_wanting(self) -> list[Finding]:
        return [*self._registry.findings.values()]

    @property
    def place(self) -> str:
        """Where its broker listens, HOST:PORT."""
        return self._place if self.within is None else self.within.place

    async def start(self, observer: Observer) -> None:
        self._observer = observer
        await self._link.open(self._heard)

    async def stop(self) -> None:
        if self._link.ready:
            self._publish_status(OFFLINE)
        for talk in self._talks.values():
            if talk.settling is not None:
                talk.settling.cancel()
        for timer in self._ending.values():
            timer.cancel()
        self._ending.clear()
        self._orders.give_up("stopped")
        self._observer = None
        await self._link.close()

    def search(self) -> None:
        """Devices that hear of a hub's birth announce themselves again; retained announcements come again too."""
        if self._link.ready:
            self._link.subscribe(self._discovery_filters())
            self._publish_status(ONLINE)

    def follow(self, followed: Followed) -> None:
        before = self._things.get(followed.thing)
        if before is not None and before.address != followed.address:
            self.forget(followed.thing)
        talk = self._talks.setdefault(followed.address, Talk(followed.address))
        talk.thing, talk.model, talk.reached = followed.thing, followed.model, False
        self._things[followed.thing] = talk
        if followed.spec and not talk.spec:
            kept = kept_in(followed.spec)
            talk.spec, talk.allotted = followed.spec, kept.allotted
            if followed.address not in self._registry.devices:
                for topic, payload in kept.announced.items():
                    self._discover(topic, bytes(payload))
        self._build(talk)

    def forget(self, thing: str) -> None:
        talk = self._things.pop(thing, None)
        if talk is None:
            return
        self._orders.give_up("forgotten", talk.address)
        talk.thing, talk.reached, talk.waited = "", False, False
        self._listen(talk, ())
        talk.model = ""
        if talk.address in self._registry.devices:
            self._settle(talk)  # it may be found anew
        else:
            self._drop(talk)

    def write(self, thing: str, writes: Sequence[Write], answer: Answer) -> None:
        device = self._device_for(thing, answer)
        if device is None:
            return
        try:
            order = device.order(writes)
        except Refused as refused:
            self._orders.later(answer, refused)
            return
        self._sent += len(order.publications)
        self._orders.give(self._things[thing].address, order.publications, order.awaited, writes, answer)

    def act(self, thing: str, act: Act, answer: Answer) -> None:
        device = self._device_for(thing, answer)
        if device is None:
            return
        try:
            publications = device.act(act)
        except Refused as refused:
            self._orders.later(answer, refused)
            return
        self._sent += len(publications)
        self._orders.give(self._things[thing].address, publications, {}, (), answer)

    def read(self, thing: str) -> None:
        """What the broker keeps comes again; few can be asked."""
        talk = self._things.get(thing)
        if talk is not None:
            self._link.subscribe(talk.topics)
            self._poll(talk)

    def _poll(self, talk: Talk) -> None:
        for poll in talk.device.polls if talk.device is not None else ():
            try:
                self._link.publish(poll.topic, poll.payload.encode(), poll.qos, poll.retain, 0)
            except Refused:
                self._faults["unsent"] += 1

    def identify(self, address: str, location: str, secret: bytes, learnt: Learnt) -> None:
        talk = self._talks.get(address)
        told = talk.model if talk is not None else Unreachable("not_announced")
        self._clock.call_at(self._clock.ticks(), lambda: learnt(told))

    def health(self) -> RadioHealth:
        faults = Counter(self._faults)
        for talk in self._talks.values():
            if talk.device is not None:
                faults.update(talk.device.faults)
        faults.update(finding.code for finding in self.findings)
        return RadioHealth(
            radio=NAME,
            running=self._link.ready,
            followed=len(self._things),
            reachable=sum(talk.reached for talk in self._things.values()),
            sent=self._sent,
            received=self._received,
            faults=dict(faults),
        )

    # The broker.

    def _discovery_filters(self) -> list[str]:
        one, two = f"{self._prefix}/+/+/config", f"{self._prefix}/+/+/+/config"
        return [one, two, *tasmota.FILTERS]

    def _heard(self, event: Event) -> None:
        if isinstance(event, Message):
            self._received += 1
            self._message(event)
        elif isinstance(event, Sent):
            self._orders.sent(event.tag)
        elif isinstance(event, Ready):
            self._link.subscribe([*self._discovery_filters(), *self._listening])
            self._publish_status(ONLINE)
            for talk in [*self._things.values()]:
                self._look_reach(talk)
        elif isinstance(event, Turned):
            self._faults["subscription_refused"] += 1
        elif isinstance(event, Ended):
            self._faults[f"broker_{event.why}"] += 1
            self._orders.give_up("broker_gone")
            for talk in [*self._things.values()]:
                talk.waited = False
                self._lose(talk, "broker_gone")

    def _publish_status(self, payload: bytes) -> None:
        try:
            self._link.publish(f"{self._prefix}/status", payload, 0, False, 0)
        except Refused:
            self._faults["unsent"] += 1

    def _message(self, message: Message) -> None:
        topic = message.topic
        announces = topic.endswith(("/config", "/sensors"))
        if message.payload is None:
            self._faults["too_large"] += 1
            if announces:
                self._registry.find(announcing.too_large(topic, message.size), topic)
            return
        if announces:
            self._discover(topic, message.payload)
        talks = self._listening.get(topic)
        if talks:
            heard = Heard(topic, message.payload, message.retain)
            for talk in [*talks]:
                self._hear(talk, heard)

    def _hear(self, talk: Talk, heard: Heard) -> None:
        observer, device = self._observer, talk.device
        if observer is None or device is None or not talk.thing:
            return
        told = device.hear(heard)
        if told.availability:
            self._look_reach(talk)
        if told.readings:
            observer.observed(talk.thing, told.readings)
            self._orders.heard(talk.address, told.readings)
            self._end_later(talk, told.readings, told.ending)
        for siid, eiid in told.happened:
            observer.happened(talk.thing, siid, eiid, ())

    def _end_later(self, talk: Talk, readings: Sequence[Reading], ending: Sequence[tuple[int, int, float]]) -> None:
        """A motion sensor that only tells motion: it is over some seconds after the last."""
        for reading in readings:
            timer = self._ending.pop((talk.address, reading.siid, reading.piid), None)
            if timer is not None:
                timer.cancel()
        for siid, piid, seconds in ending:
            due = self._clock.ticks() + round(seconds * SECOND)
            key = (talk.address, siid, piid)
            self._ending[key] = self._clock.call_at(due, functools.partial(self._over, *key))

    def _over(self, address: str, siid: int, piid: int) -> None:
        self._ending.pop((address, siid, piid), None)
        talk = self._talks.get(address)
        if talk is not None and talk.device is not None and talk.thing and self._observer is not None:
            talk.device.over(siid, piid)
            self._observer.observed(talk.thing, [Reading(siid, piid, False)])

    # Discovery.

    def _discover(self, topic: str, payload: bytes) -> None:
        try:
            told = self._read(topic, payload)
            if told is None:
                return
            if isinstance(told, Announcement):
                changed = self._registry.announce(told, payload)
                for fault in told.faults:
                    self._registry.find(fault, topic)
            elif isinstance(told, Withdrawal):
                changed = self._registry.withdraw(topic)
            else:
                assert isinstance(told, Migration)
                self._registry.migrate(topic)
                return
        except Refused as refused:
            self._registry.find(refused, topic)
            return
        for address in changed:
            self._settle(self._talks.setdefault(address, Talk(address)))
        held = self._tasmotas.held(topic)
        if held is not None:
            self._discover(*held)

    def _read(self, topic: str, payload: bytes) -> Discovery | None:
        if topic.startswith(tasmota.PREFIX):
            return self._tasmotas.read(topic, payload)
        place = announcing.place_of(topic, self._prefix)
        return None if place is None else announcing.read(place, payload)

    def _settle(self, talk: Talk) -> None:
        """Build it soon; one that keeps changing is looked at ever more rarely."""
        if talk.settling is None:
            due = self._clock.ticks() + talk.patience
            talk.settling = self._clock.call_at(due, lambda: self._settled(talk))

    def _settled(self, talk: Talk) -> None:
        talk.settling = None
        now = self._clock.ticks()
        calm = now - talk.settled > CALM
        talk.patience = SETTLING if calm else min(talk.patience * 2, LONGEST_SETTLING)
        talk.settled = now
        if self._talks.get(talk.address) is talk:
            self._build(talk)

    def _build(self, talk: Talk) -> None:
        known = self._registry.devices.get(talk.address)
        parts = self._parts(known) if known is not None else []
        if known is None or not parts:
            self._gone(talk)
            return
        try:
            allotter = Allotter(talk.allotted)
            announced = {topic: msgspec.Raw(known.payloads[topic]) for topic in sorted(known.payloads)}
            name = known.device.name or known.device.model or known.device.address
            spec = instance(parts, name, allotter, announced)
            device = Device(parts, allotter)
        except Refused as refused:
            self._registry.find(refused, talk.address)
            return
        if talk.device is not None:
            device.take_over(talk.device)
        talk.device = device
        talk.model = talk.model or f"{BROUGHT}{kind_of(parts)}.{_digest(talk.address)}"
        if spec != talk.spec or not talk.thing:
            talk.spec = spec
            if self._observer is not None:
                name = name[: announcing.LONGEST_NAME]
                self._observer.found(Found(NAME, talk.address, talk.model, name, known.device.area, spec=spec))
        if talk.thing:
            self._listen(talk, device.topics)
            self._look_reach(talk)

    def _parts(self, known: Known) -> list[Part]:
        parts: list[Part] = []
        for entity in known.entities.values():
            try:
                parts.append(part_of(entity, self._prefix))
            except Refused as refused:
                self._registry.find(refused, entity.key)
        return parts

    def _gone(self, talk: Talk) -> None:
        if talk.thing:
            talk.device = None
            self._listen(talk, ())
            self._lose(talk, "withdrawn")
            return
        if self._observer is not None and talk.spec:
            self._observer.found(Found(NAME, talk.address, talk.model, needs="gone"))
        self._drop(talk)

    def _drop(self, talk: Talk) -> None:
        if talk.settling is not None:
            talk.settling.cancel()
        self._talks.pop(talk.address, None)

    # What a followed thing needs.

    def _listen(self, talk: Talk, topics: Sequence[str]) -> None:
        """Subscribing again to what others listen to brings the retained message again, which is what is wanted."""
        wanted = tuple(topics)
        if wanted == talk.topics:
            return
        new = [each for each in wanted if each not in talk.topics]
        unheard = []
        for topic in set(talk.topics) - set(wanted):
            self._listening[topic].remove(talk)
            if not self._listening[topic]:
                del self._listening[topic]
                unheard.append(topic)
        talk.topics = tuple(each for each in wanted if each not in new)
        for topic in new:
            if topic not in self._listening and len(self._listening) >= MOST_TOPICS:
                self._registry.find(Refused("mqtt_too_many", what="topics", most=MOST_TOPICS), topic)
                continue
            self._listening.setdefault(topic, []).append(talk)
            talk.topics = (*talk.topics, topic)
        self._link.unsubscribe(unheard)
        self._link.subscribe(new)

    def _look_reach(self, talk: Talk) -> None:
        observer = self._observer
        if observer is None or not talk.thing or not self._link.ready:
            return
        if talk.device is None:
            self._lose(talk, "not_announced")
        elif talk.device.available():
            if not talk.reached:
                talk.reached = True
                observer.reached(talk.thing)
                self._poll(talk)
        elif talk.device.unsaid and not talk.waited:
            talk.waited = True
            self._clock.call_at(self._clock.ticks() + SAYING, lambda: self._look_reach(talk))
        else:
            self._lose(talk, "offline")

    def _lose(self, talk: Talk, reason: str) -> None:
        talk.reached = False
        if self._observer is not None and talk.thing:
            self._observer.lost(talk.thing, reason)

    def _device_for(self, thing: str, answer: Answer) -> Device | None:
        talk = self._things.get(thing)
        if talk is None:
            self._orders.later(answer, Refused("thing_not_followed"))
            return None
        if not self._link.ready:
            reason = "broker_gone"
        elif talk.device is None:
            reason = "not_announced"
        elif not talk.device.available():
            reason = "offline"
        else:
            return talk.device
        self._orders.later(answer, Unreachable(reason))
        return None

    def _ordered(self, address: str, writes: Sequence[Write]) -> None:
        talk = self._talks.get(address)
        if talk is not None and talk.device is not None and talk.thing and self._observer is not None:
            readings = talk.device.assume(writes)
            if readings:
                self._observer.observed(talk.thing, readings)


def _digest(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()[:16]
