"""The miIO radio: sessions with followed things over one link, as `home/ports.py` wants it."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from random import Random
from typing import Final

import msgspec

from setaria.facts.clock import MILLISECOND, Clock, Timer
from setaria.facts.refused import Refused
from setaria.home.ports import (
    Act,
    Answer,
    Followed,
    Found,
    Learnt,
    Observer,
    Outcome,
    RadioHealth,
    Unreachable,
    Write,
)
from setaria.radio.miio import payload
from setaria.radio.miio.alarms import Alarms
from setaria.radio.miio.codec import (
    HEADER_SIZE,
    MESSAGE_LIMIT,
    CodecError,
    HelloReply,
    Keys,
    encode_hello,
    encoded_size,
    is_hello,
    parse_hello_reply,
)
from setaria.radio.miio.discovery import Caller, Sighting, Sightings
from setaria.radio.miio.events import Answered, Event, Happened, Informed, Lost, Observed, Reached, Settings
from setaria.radio.miio.link import Link, Location, UdpLink, format_location, parse_location
from setaria.radio.miio.mdns import Browser
from setaria.radio.miio.requests import Kind, Request
from setaria.radio.miio.session import Session, State
from setaria.radio.miio.talk import CHALLENGE_EVERY, InfoLearnt, Talk, device_id_of, keys_of

NAME: Final = "miio"
STARTS_A_STEP: Final = 50  # a thousand hellos at once would overrun the socket with their answers
START_STEP: Final = 25 * MILLISECOND
ASKED_LIMIT: Final = 64  # devices asked what they are at the same time
MODELS_LIMIT: Final = 1024
LOST_TOKEN: Final = "wrong_token"  # noqa: S105  a reason


class MiioRadio:
    """`broadcast` are the addresses that hellos go to (broadcast ones or single devices), `batches` the number of
    properties that a model, by name, answers at once where that differs from `settings.batch`."""

    def __init__(
        self,
        clock: Clock,
        *,
        broadcast: Sequence[Location],
        random: Random,
        bind: str = "0.0.0.0",  # noqa: S104  devices are on any interface
        link: Link | None = None,
        settings: Settings = Settings(),  # noqa: B008  frozen
        batches: Mapping[str, int] | None = None,
        mdns: bool = False,
    ) -> None:
        self._clock: Final = clock
        self._random: Final = random
        self._link: Final = link if link is not None else UdpLink(bind)
        self._settings: Final = settings
        self._batches: Final = dict(batches or {})
        self._virtual_did: Final = random.randint(1, 2**48)
        self._observer: Observer | None = None
        self._things: dict[str, Talk] = {}
        self._devices: dict[int, Talk] = {}
        self._asked = 0
        self._starting: deque[Talk] = deque()
        self._start_timer: Timer | None = None
        self._alarms: Final = Alarms[Talk](clock, self._ring)
        self._caller: Final = Caller(clock, broadcast, self._call)
        self._sightings: Final = Sightings()
        self._models: dict[int, str] = {}
        self._browser: Final = Browser(self._noticed) if mdns else None
        self._sent = 0
        self._received = 0
        self._faults: Counter[str] = Counter()  # keys: Fault and the names used below, so bounded

    @property
    def name(self) -> str:
        return NAME

    async def start(self, observer: Observer) -> None:
        """Raises Refused(radio_port_taken)."""
        self._link.open(self._receive)
        self._observer = observer
        self._caller.start()
        self._start_some()
        if self._browser is not None:
            await self._browser.start()

    async def stop(self) -> None:
        for thing in [*self._things]:
            self._end(self._things[thing], "stopped")
        for talk in [*self._devices.values()]:
            self._end(talk, "stopped")
        self._caller.stop()
        self._alarms.close()
        if self._start_timer is not None:
            self._start_timer.cancel()
        self._starting.clear()
        self._link.close()
        self._observer = None
        if self._browser is not None:
            await self._browser.stop()

    def search(self) -> None:
        self._sightings.clear()
        self._caller.start()

    def follow(self, followed: Followed) -> None:
        """Raises Refused(miio_address_invalid | miio_token_invalid | location_invalid)."""
        device_id = device_id_of(followed.address)
        keys = keys_of(followed.secret)
        location = parse_location(followed.location)
        for old in (self._things.get(followed.thing), self._devices.get(device_id)):
            if old is not None:
                self._end(old, "followed_anew")
        session = Session(
            device_id,
            keys,
            random=self._random,
            readable=followed.readable,
            settings=self._settings_of(followed.model),
            virtual_did=self._virtual_did,
        )
        self._sightings.forget(device_id)
        self._begin(Talk(session, location, followed.thing))

    def forget(self, thing: str) -> None:
        talk = self._things.get(thing)
        if talk is not None:
            self._end(talk, "forgotten")

    def write(self, thing: str, writes: Sequence[Write], answer: Answer) -> None:
        talk = self._things.get(thing)
        params = payload.set_params(str(talk.session.device_id), writes) if talk is not None else b""
        self._submit(talk, Request(Kind.WRITE, payload.SET_PROPERTIES, params, tag=answer, writes=writes), answer)

    def act(self, thing: str, act: Act, answer: Answer) -> None:
        talk = self._things.get(thing)
        params = payload.action_params(str(talk.session.device_id), act) if talk is not None else b""
        self._submit(talk, Request(Kind.ACT, payload.ACTION, params, tag=answer), answer)

    def read(self, thing: str) -> None:
        talk = self._things.get(thing)
        if talk is not None and talk.location is not None:
            talk.session.read(self._clock.ticks())
            self._flush(talk)

    def identify(self, address: str, location: str, secret: bytes, learnt: Learnt) -> None:
        """Raises Refused(miio_address_invalid | miio_token_invalid | location_invalid | miio_followed | radio_busy)."""
        device_id = device_id_of(address)
        talk = self._devices.get(device_id)
        if talk is not None:
            raise Refused("miio_followed", address=address) if talk.thing else Refused("radio_busy", limit=1)
        place = parse_location(location)
        if place is None:
            raise Refused("location_invalid", location="")
        keys = keys_of(secret)
        self._ask(device_id, place, keys, lambda told: learnt(told.model if isinstance(told, payload.Info) else told))

    def health(self) -> RadioHealth:
        faults = {**self._faults, "unsent": self._link.failed}
        return RadioHealth(
            radio=NAME,
            running=self._observer is not None,
            followed=len(self._things),
            reachable=sum(talk.reached for talk in self._things.values()),
            sent=self._sent,
            received=self._received,
            faults={name: count for name, count in faults.items() if count},
        )

    # Talks

    def _settings_of(self, model: str) -> Settings:
        batch = self._batches.get(model)
        return self._settings if batch is None else msgspec.structs.replace(self._settings, batch=batch)

    def _begin(self, talk: Talk) -> None:
        self._devices[talk.session.device_id] = talk
        if talk.thing:
            self._things[talk.thing] = talk
        if talk.location is not None:
            self._starting.append(talk)
            if self._start_timer is None and self._observer is not None:
                self._start_timer = self._clock.call_at(self._clock.ticks(), self._start_some)

    def _start_some(self) -> None:
        self._start_timer = None
        now = self._clock.ticks()
        for _ in range(min(STARTS_A_STEP, len(self._starting))):
            talk = self._starting.popleft()
            if self._devices.get(talk.session.device_id) is talk:
                talk.session.start(now)
                self._flush(talk)
        if self._starting:
            self._start_timer = self._clock.call_at(now + START_STEP, self._start_some)

    def _end(self, talk: Talk, reason: str) -> None:
        self._things.pop(talk.thing, None)
        if self._devices.get(talk.session.device_id) is talk:
            del self._devices[talk.session.device_id]
        talk.session.close(reason)
        if talk.learnt is not None:
            self._learn(talk, Unreachable(reason))
        self._flush(talk)

    def _submit(self, talk: Talk | None, request: Request, answer: Answer) -> None:
        try:
            if talk is None:
                raise Refused("thing_not_followed")
            if encoded_size(len(payload.request(9999, request.method, request.params))) > MESSAGE_LIMIT:
                raise Refused("radio_message_too_long", limit=MESSAGE_LIMIT)
            if talk.location is None:
                self._later(answer, Unreachable("not_located"))
                return
            talk.session.submit(self._clock.ticks(), request)
        except Refused as refused:
            self._later(answer, refused)
            return
        self._flush(talk)

    def _later(self, answer: Answer, outcome: Outcome) -> None:
        self._clock.call_at(self._clock.ticks(), lambda: answer(outcome))

    def _ring(self, talk: Talk, now: int) -> None:
        talk.session.tick(now)
        self._flush(talk)

    def _flush(self, talk: Talk) -> None:
        session = talk.session
        if session.outbox:
            if talk.location is not None:
                for datagram in session.outbox:
                    self._link.send(datagram, talk.location)
                self._sent += len(session.outbox)
            session.outbox.clear()
        self._alarms.set(talk)
        if session.faults:
            self._faults.update(session.faults)
            session.faults.clear()
        if session.events:
            events, session.events = session.events, []
            for event in events:
                self._tell(talk, event)

    def _tell(self, talk: Talk, event: Event) -> None:
        observer, thing = self._observer, talk.thing
        if isinstance(event, Answered):
            if callable(event.tag):
                event.tag(event.outcome)
            elif talk.learnt is not None and event.outcome != Unreachable("no_answer"):  # then it is asked once more
                self._learn(talk, Refused("miio_info_unreadable"))
        elif isinstance(event, Informed):
            self._learn(talk, event.info)
        elif talk.learnt is not None:
            if isinstance(event, Lost):
                self._learn(talk, Refused("device_token_wrong") if event.reason == LOST_TOKEN else Unreachable())
        elif observer is None or not thing:
            return
        elif isinstance(event, Observed):
            observer.observed(thing, event.readings)
        elif isinstance(event, Happened):
            observer.happened(thing, event.siid, event.eiid, event.arguments)
        elif isinstance(event, Reached):
            talk.reached = True
            observer.reached(thing)
        else:
            self._lost(talk, event, observer)

    def _lost(self, talk: Talk, event: Lost, observer: Observer) -> None:
        talk.reached = False
        observer.lost(talk.thing, event.reason)
        if event.reason == LOST_TOKEN and talk.location is not None:
            address = str(talk.session.device_id)
            observer.found(Found(NAME, address, location=format_location(talk.location), needs="token"))

    # What comes in

    def _receive(self, datagram: bytes, sender: Location) -> None:
        self._received += 1
        if len(datagram) == HEADER_SIZE:
            self._hello(datagram, sender)
            return
        talk = self._devices.get(int.from_bytes(datagram[4:12], "big"))
        if talk is None:
            self._faults["stranger"] += 1
            return
        at_home = sender == talk.location
        if talk.session.receive(self._clock.ticks(), datagram, at_home) and not at_home:
            self._move(talk, sender)
        self._flush(talk)

    def _hello(self, datagram: bytes, sender: Location) -> None:
        if is_hello(datagram):  # our own broadcast, or another hub's
            return
        try:
            reply = parse_hello_reply(datagram)
        except CodecError as error:
            self._faults[error.fault] += 1
            return
        talk = self._devices.get(reply.device_id)
        if talk is None:
            self._sighted(reply, sender)
            return
        now = self._clock.ticks()
        if sender != talk.location:
            if talk.session.state is State.READY:
                self._challenge(talk, sender, now)
                return
            self._move(talk, sender)
        talk.session.hello(now, reply)
        self._flush(talk)
        if reply.token and reply.token != talk.session.keys.token:
            self._given(talk, reply, sender)

    def _given(self, talk: Talk, reply: HelloReply, sender: Location) -> None:
        """A followed device was reset: it is found anew, with the token it has now."""
        sighting = self._sightings.news(reply, sender)
        if sighting is not None and self._observer is not None and talk.thing:
            self._announce(sighting, "", "")

    def _challenge(self, talk: Talk, sender: Location, now: int) -> None:
        """Anyone can answer a hello; only the device itself can answer this, from where it is now."""
        if now - talk.challenged_at >= CHALLENGE_EVERY:
            talk.challenged_at = now
            self._link.send(talk.session.challenge(now), sender)
            self._sent += 1

    def _move(self, talk: Talk, sender: Location) -> None:
        talk.location = sender
        if talk.thing and self._observer is not None:
            self._observer.located(talk.thing, format_location(sender))

    # Discovery

    def _call(self, target: Location) -> None:
        self._link.send(encode_hello(self._virtual_did), target)
        self._sent += 1

    def _noticed(self, device_id: int, model: str, host: str) -> None:
        """An announcement by mDNS: only a hello tells what the device needs."""
        if len(self._models) < MODELS_LIMIT:
            self._models[device_id] = model
        location = parse_location(host)
        if location is not None:
            self._call(location)

    def _sighted(self, reply: HelloReply, sender: Location) -> None:
        sighting = self._sightings.news(reply, sender)
        if sighting is None:
            return
        if not reply.token:
            self._announce(sighting, self._models.get(reply.device_id, ""), "token")
            return
        try:
            self._ask(
                reply.device_id, sender, Keys(reply.token), lambda learnt: self._announce_learnt(sighting, learnt)
            )
        except Refused:  # too many at once: it is news again at the next hello
            self._sightings.forget(reply.device_id)

    def _announce_learnt(self, sighting: Sighting, learnt: payload.Info | Refused | Unreachable) -> None:
        if isinstance(learnt, payload.Info):
            self._announce(sighting, learnt.model, "" if learnt.in_wifi else "wifi")
        else:
            self._announce(sighting, self._models.get(sighting.device_id, ""), "")

    def _announce(self, sighting: Sighting, model: str, needs: str) -> None:
        if self._observer is not None:
            self._observer.found(
                Found(
                    NAME,
                    str(sighting.device_id),
                    model=model,
                    location=format_location(sighting.location),
                    needs=needs,
                    secret=sighting.token,
                )
            )

    def _ask(self, device_id: int, location: Location, keys: Keys, learnt: InfoLearnt) -> None:
        if self._asked >= ASKED_LIMIT:
            raise Refused("radio_busy", limit=ASKED_LIMIT)
        session = Session(device_id, keys, random=self._random)
        talk = Talk(session, location)
        talk.learnt = learnt
        self._asked += 1
        session.submit(self._clock.ticks(), Request(Kind.INFO, payload.INFO, b"[]", tag=talk))
        self._devices[device_id] = talk
        self._flush(talk)

    def _learn(self, talk: Talk, learnt: payload.Info | Refused | Unreachable) -> None:
        tell, talk.learnt = talk.learnt, None
        if tell is None:
            return
        self._asked -= 1
        if self._devices.get(talk.session.device_id) is talk:
            del self._devices[talk.session.device_id]
        talk.session.close("asked")
        tell(learnt)
