"""The radio against simulated things over a network made of function calls, on a virtual clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import pytest

from setaria.facts.clock import MILLISECOND, MINUTE, SECOND, VirtualClock
from setaria.facts.refused import Refused
from setaria.home.ports import Act, Done, Followed, Found, Outcome, Radio, Reading, Unreachable, Value, Write
from setaria.home.spec.library import SpecLibrary
from setaria.radio.miio.codec import HelloReply, Keys, encode, encode_hello_reply
from setaria.radio.miio.discovery import SEEN_LIMIT, Sightings
from setaria.radio.miio.link import Location, Receiver
from setaria.radio.miio.mdns import parse_name
from setaria.radio.miio.radio import ASKED_LIMIT, MiioRadio
from setaria.simulated.assembly import SimulatedHome, token_of
from setaria.simulated.endpoint import Endpoint
from setaria.simulated.faults import CALM, Faults
from setaria.simulated.sample_home import SAMPLE, SampleThing

BROADCAST: Location = ("10.0.0.255", 54321)
LIBRARY = SpecLibrary()
SEED = 5
LIGHT = next(thing for thing in SAMPLE.things if thing.model == "yeelink.light.lamp22")


class Net:
    """Every datagram takes a millisecond. `places` tells where a thing is; the hub is at `HUB`."""

    HUB: Location = ("10.0.0.2", 4000)

    def __init__(self, clock: VirtualClock, things: Sequence[SampleThing], **knobs: Any) -> None:
        self.clock = clock
        self.failed = 0
        self.sent = 0
        self.home = SimulatedHome(things, LIBRARY, clock, SEED, still=True)
        self.places: dict[Location, Endpoint] = {}
        self._receive: Receiver | None = None
        for place, (did, thing) in enumerate(self.home.things.items()):
            self.places[f"10.0.{1 + place // 250}.{1 + place % 250}", 54321] = Endpoint(
                thing, clock, Random(f"{did}"), self._answer_of(did), **knobs
            )

    def _answer_of(self, did: str) -> Callable[[bytes, Location], None]:
        return lambda datagram, _to: self.inject(datagram, self.place_of(did))

    def place_of(self, did: str) -> Location:
        return next(place for place, endpoint in self.places.items() if endpoint.thing.did == did)

    def move(self, did: str, to: Location) -> None:
        self.places[to] = self.places.pop(self.place_of(did))

    def open(self, receive: Receiver) -> None:
        self._receive = receive

    def close(self) -> None:
        self._receive = None

    def send(self, datagram: bytes, to: Location) -> None:
        self.sent += 1
        for place, endpoint in [*self.places.items()]:
            if to in (place, BROADCAST):
                self.later(lambda endpoint=endpoint: endpoint.receive(datagram, self.HUB))  # type: ignore[misc]

    def inject(self, datagram: bytes, sender: Location) -> None:
        self.later(lambda: self._receive(datagram, sender) if self._receive is not None else None)

    def later(self, what: Callable[[], object]) -> None:
        self.clock.call_at(self.clock.ticks() + MILLISECOND, lambda: (what(), None)[1])


class Home:
    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.values: dict[tuple[str, int, int], Value] = {}

    def found(self, found: Found) -> None:
        self.told.append(("found", found))

    def located(self, thing: str, location: str) -> None:
        self.told.append(("located", thing, location))

    def reached(self, thing: str) -> None:
        self.told.append(("reached", thing))

    def lost(self, thing: str, reason: str) -> None:
        self.told.append(("lost", thing, reason))

    def observed(self, thing: str, readings: Sequence[Reading]) -> None:
        self.values.update({(thing, reading.siid, reading.piid): reading.value for reading in readings})

    def happened(self, thing: str, siid: int, eiid: int, arguments: Sequence[tuple[int, Value]]) -> None:
        self.told.append(("happened", thing, siid, eiid, tuple(arguments)))

    def finds(self) -> list[Found]:
        return [told[1] for told in self.told if told[0] == "found"]


class Rig:
    def __init__(self, things: Sequence[SampleThing] = (LIGHT,), **knobs: Any) -> None:
        self.clock = VirtualClock()
        self.net = Net(self.clock, things, **knobs)
        self.home = Home()
        self.radio: Radio = MiioRadio(
            self.clock,
            broadcast=[BROADCAST],
            random=Random(1),
            link=self.net,
        )
        self.answers: list[Outcome] = []

    async def start(self, **changed: Any) -> None:
        await self.radio.start(self.home)
        self.radio.follow(self.followed(**changed))
        self.clock.advance(SECOND)

    def followed(self, thing: SampleThing = LIGHT, **changed: Any) -> Followed:
        spec = LIBRARY.get(thing.model)
        fields: dict[str, Any] = {
            "thing": thing.id,
            "address": thing.did,
            "model": thing.model,
            "location": self.net.place_of(thing.did)[0],
            "secret": token_of(SEED, thing.did),
            "readable": tuple((prop.siid, prop.piid) for prop in spec.properties() if prop.readable),
        }
        return Followed(**{**fields, **changed})

    def write(self, *writes: Write) -> None:
        self.radio.write(LIGHT.id, writes, self.answers.append)

    @property
    def light(self) -> Endpoint:
        return self.net.places[self.net.place_of(LIGHT.did)]


@pytest.fixture
def rig() -> Rig:
    return Rig()


ON = LIBRARY.get(LIGHT.model).find_property("light.on")


async def test_a_followed_thing_is_reached_and_read(rig: Rig) -> None:
    await rig.start()
    assert ("reached", LIGHT.id) in rig.home.told
    expected = {(LIGHT.id, siid, piid) for siid, piid in rig.followed().readable}
    assert set(rig.home.values) == expected
    health = rig.radio.health()
    assert (health.running, health.followed, health.reachable) == (True, 1, 1)
    assert dict(health.faults) == {}
    await rig.radio.stop()
    assert not rig.radio.health().running


async def test_writes_end_done_or_refused_with_what_was_refused(rig: Rig) -> None:
    await rig.start()
    rig.write(Write(ON.siid, ON.piid, True))
    assert rig.answers == []  # never before it returns
    rig.clock.advance(SECOND)
    assert rig.answers == [Done()]
    assert rig.light.thing.values[ON.siid, ON.piid] is True
    rig.write(Write(ON.siid, ON.piid, False), Write(99, 1, 1))
    rig.clock.advance(SECOND)
    assert rig.answers[1] == Refused(
        "device_refused", device_code=-4003, reason="does_not_exist", refused=[[99, 1, -4003]], done=1
    )


async def test_acts_and_their_refusals(rig: Rig) -> None:
    await rig.start()
    toggle = LIBRARY.get(LIGHT.model).find_action("light.toggle")
    rig.radio.act(LIGHT.id, Act(toggle.siid, toggle.aiid), rig.answers.append)
    rig.radio.act(LIGHT.id, Act(99, 1), rig.answers.append)
    rig.clock.advance(SECOND)
    assert rig.answers[0] == Done()
    assert rig.answers[1] == Refused("device_refused", device_code=-4003, reason="does_not_exist")


async def test_answers_that_need_no_packet_still_come_later(rig: Rig) -> None:
    await rig.start()
    rig.radio.write("nothing", [Write(1, 1, 1)], rig.answers.append)
    rig.write(*[Write(2, piid, "x" * 60) for piid in range(20)])
    assert rig.answers == []
    rig.clock.advance(0)
    assert [answer.code for answer in rig.answers if isinstance(answer, Refused)] == [
        "thing_not_followed",
        "radio_message_too_long",
    ]


async def test_what_the_thing_tells_by_itself_arrives(rig: Rig) -> None:
    await rig.start()
    rig.light.thing.handle(ON.siid, ON.piid, not rig.home.values[LIGHT.id, ON.siid, ON.piid])
    rig.clock.advance(100 * MILLISECOND)
    assert rig.home.values[LIGHT.id, ON.siid, ON.piid] == rig.light.thing.values[ON.siid, ON.piid]
    assert rig.light.pusher.tally.acknowledged == rig.light.pusher.tally.pushed == 1


async def test_a_thing_that_falls_silent_is_unreachable(rig: Rig) -> None:
    await rig.start()
    rig.light.faults = Faults(silent=True)
    rig.write(Write(ON.siid, ON.piid, True))
    rig.clock.advance(8 * SECOND)
    assert rig.answers == [Unreachable("no_answer")]
    rig.clock.advance(MINUTE)
    assert ("lost", LIGHT.id, "unreachable") in rig.home.told
    assert rig.radio.health().reachable == 0
    rig.light.faults = CALM
    rig.clock.advance(2 * MINUTE)
    assert rig.home.told[-1] == ("reached", LIGHT.id)


async def test_a_wrong_token_is_told_and_the_thing_found_anew(rig: Rig) -> None:
    await rig.start(secret=bytes(16))
    rig.clock.advance(MINUTE)
    assert ("lost", LIGHT.id, "wrong_token") in rig.home.told
    last = rig.home.finds()[-1]
    assert (last.address, last.needs, last.secret) == (LIGHT.did, "token", b"")
    rig.radio.follow(rig.followed())
    rig.clock.advance(SECOND)
    assert rig.home.told[-1] == ("reached", LIGHT.id)


async def test_a_thing_that_was_reset_is_found_with_its_new_token(rig: Rig) -> None:
    await rig.start()
    place = rig.net.place_of(LIGHT.did)
    rig.light.faults = Faults(silent=True)
    token = bytes(range(16))
    rig.net.inject(encode_hello_reply(HelloReply(int(LIGHT.did), 5, token)), place)
    rig.clock.advance(SECOND)
    assert ("lost", LIGHT.id, "wrong_token") in rig.home.told
    assert rig.home.finds()[-1].secret == token


async def test_search_finds_what_is_there_once_and_again_when_asked() -> None:
    rig = Rig(SAMPLE.things[:3])
    await rig.radio.start(rig.home)
    rig.clock.advance(5 * MINUTE)
    assert {found.address for found in rig.home.finds()} == {thing.did for thing in SAMPLE.things[:3]}
    assert len(rig.home.finds()) == 3
    assert {(found.radio, found.needs, found.location) for found in rig.home.finds()} == {
        ("miio", "token", f"10.0.1.{n}") for n in (1, 2, 3)
    }
    rig.radio.search()
    rig.clock.advance(SECOND)
    assert len(rig.home.finds()) == 6


async def test_hellos_back_off_from_5_to_45_seconds(rig: Rig) -> None:
    times: list[int] = []
    send = rig.net.send
    rig.net.send = lambda datagram, to: (times.append(rig.clock.ticks() // SECOND), send(datagram, to))[1]  # type: ignore[method-assign, func-returns-value]
    await rig.radio.start(rig.home)
    rig.clock.advance(3 * MINUTE)
    assert times == [0, 5, 15, 35, 75, 120, 165]
    rig.radio.search()
    rig.clock.advance(6 * SECOND)
    assert times[7:] == [180, 185]


async def test_a_reset_thing_gives_its_token_and_says_what_it_is() -> None:
    rig = Rig(reset=True)
    await rig.radio.start(rig.home)
    rig.clock.advance(SECOND)
    assert rig.home.finds() == [
        Found("miio", LIGHT.did, LIGHT.model, "", "10.0.1.1", needs="wifi", secret=token_of(SEED, LIGHT.did))
    ]


async def test_a_found_thing_is_identified_by_its_token(rig: Rig) -> None:
    await rig.radio.start(rig.home)
    rig.clock.advance(SECOND)
    learnt: list[str | Refused | Unreachable] = []
    found = rig.home.finds()[0]
    rig.radio.identify(found.address, found.location, token_of(SEED, LIGHT.did), learnt.append)
    rig.clock.advance(SECOND)
    assert learnt == [LIGHT.model]
    rig.radio.identify(found.address, found.location, bytes(16), learnt.append)
    with pytest.raises(Refused, match="radio_busy"):
        rig.radio.identify(found.address, found.location, bytes(16), learnt.append)
    rig.clock.advance(MINUTE)
    assert learnt[1:] == [Refused("device_token_wrong")]
    rig.radio.follow(rig.followed())
    with pytest.raises(Refused, match="miio_followed"):
        rig.radio.identify(found.address, found.location, bytes(16), learnt.append)


async def test_identifying_is_bounded_and_always_answered(rig: Rig) -> None:
    await rig.radio.start(rig.home)
    learnt: list[object] = []
    for number in range(ASKED_LIMIT):
        rig.radio.identify(str(number), "10.9.9.9", bytes(16), learnt.append)
    with pytest.raises(Refused, match="radio_busy"):
        rig.radio.identify("999", "10.9.9.9", bytes(16), learnt.append)
    rig.clock.advance(10 * SECOND)
    assert learnt == [Unreachable()] * ASKED_LIMIT
    rig.radio.identify("999", "10.9.9.9", bytes(16), learnt.append)
    await rig.radio.stop()
    assert learnt[-1] == Unreachable("stopped")


async def test_a_thing_that_moved_while_it_was_away_is_followed(rig: Rig) -> None:
    await rig.start()
    rig.net.move(LIGHT.did, ("10.0.7.7", 54321))
    rig.clock.advance(3 * MINUTE)
    assert ("located", LIGHT.id, "10.0.7.7") in rig.home.told
    rig.write(Write(ON.siid, ON.piid, True))
    rig.clock.advance(SECOND)
    assert rig.answers == [Done()]


async def test_a_thing_that_moved_is_followed_at_the_next_hello_without_being_lost(rig: Rig) -> None:
    await rig.start()
    rig.net.move(LIGHT.did, ("10.0.7.7", 5000))
    rig.radio.search()
    rig.clock.advance(SECOND)
    assert ("located", LIGHT.id, "10.0.7.7:5000") in rig.home.told
    assert not [told for told in rig.home.told if told[0] == "lost"]


async def test_a_stranger_cannot_pull_a_thing_away(rig: Rig) -> None:
    await rig.start()
    for _ in range(30):
        rig.net.inject(encode_hello_reply(HelloReply(int(LIGHT.did), 5)), ("10.6.6.6", 54321))
        rig.net.inject(encode(Keys(bytes(16)), int(LIGHT.did), 5, b'{"id":1,"result":[]}'), ("10.6.6.6", 54321))
        rig.clock.advance(SECOND)
    assert [told for told in rig.home.told if told[0] in ("located", "lost")] == []
    rig.write(Write(ON.siid, ON.piid, True))
    rig.clock.advance(SECOND)
    assert rig.answers == [Done()]


async def test_packets_of_strangers_and_noise_are_counted_and_dropped(rig: Rig) -> None:
    await rig.start()
    told = len(rig.home.told)
    place = rig.net.place_of(LIGHT.did)
    good = encode(Keys(token_of(SEED, LIGHT.did)), int(LIGHT.did), 5, b'{"id":"x"}')
    for datagram, sender in [
        (encode(Keys(bytes(16)), 424242, 5, b"{}"), ("10.6.6.6", 1)),
        (b"", place),
        (b"\x21\x31", place),
        (bytes(32), place),
        (good[:-1], place),
        (good[:40] + b"!" + good[41:], place),
        (good, place),
        (bytes(5000), place),
    ]:
        rig.net.inject(datagram, sender)
    rig.clock.advance(SECOND)
    faults = rig.radio.health().faults
    assert faults["stranger"] == 4  # noise has no device id that we follow
    assert faults["wrong_magic"] == 1
    assert faults["wrong_length"] == 1
    assert faults["wrong_checksum"] == 1
    assert faults["bad_shape"] == 1
    assert len(rig.home.told) == told


def test_sightings_are_bounded() -> None:
    sightings = Sightings()
    for number in range(SEEN_LIMIT + 10):
        assert sightings.news(HelloReply(number, 1), ("10.0.0.1", 1)) is not None
    assert len(sightings) == SEEN_LIMIT
    assert sightings.news(HelloReply(SEEN_LIMIT, 2), ("10.0.0.1", 1)) is None
    assert sightings.news(HelloReply(0, 2), ("10.0.0.1", 1)) is not None


async def test_forgetting_answers_what_waits_and_stops_asking(rig: Rig) -> None:
    await rig.start()
    rig.light.faults = Faults(silent=True)
    rig.write(Write(ON.siid, ON.piid, True))
    rig.radio.forget(LIGHT.id)
    assert rig.answers == [Unreachable("forgotten")]
    rig.clock.advance(2 * MINUTE)
    sent = rig.net.sent
    rig.clock.advance(MINUTE)
    assert rig.net.sent - sent <= 2  # only the search goes on
    assert rig.radio.health().followed == 0
    rig.radio.forget("nothing")


async def test_stopping_answers_everything_once(rig: Rig) -> None:
    await rig.start()
    rig.light.faults = Faults(silent=True)
    for _ in range(5):
        rig.write(Write(ON.siid, ON.piid, True))
    await rig.radio.stop()
    rig.clock.advance(MINUTE)
    assert rig.answers == [Unreachable("stopped")] * 5


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"address": "x"}, "miio_address_invalid"),
        ({"address": str(2**64)}, "miio_address_invalid"),
        ({"secret": b"short"}, "miio_token_invalid"),
        ({"location": "10.0.0.1:x"}, "location_invalid"),
        ({"location": "10.0.0.1:70000"}, "location_invalid"),
    ],
)
async def test_what_cannot_be_followed_is_refused(rig: Rig, changed: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused, match=code):
        rig.radio.follow(rig.followed(**changed))
    assert rig.radio.health().followed == 0


async def test_a_thing_without_a_location_waits_for_discovery(rig: Rig) -> None:
    await rig.radio.start(rig.home)
    rig.radio.follow(rig.followed(location=""))
    rig.write(Write(ON.siid, ON.piid, True))
    rig.clock.advance(6 * SECOND)
    assert rig.answers == [Unreachable("not_located")]
    assert ("located", LIGHT.id, "10.0.1.1") in rig.home.told
    assert ("reached", LIGHT.id) in rig.home.told


async def test_starts_and_polls_of_many_things_are_spread() -> None:
    things = [SampleThing(f"t{n}", str(1000 + n), LIGHT.model, "", "", "living") for n in range(200)]
    rig = Rig(things, push=False)
    await rig.radio.start(rig.home)
    for thing in things:
        rig.radio.follow(rig.followed(thing))
    first = rig.net.sent
    rig.clock.advance(SECOND)
    assert first <= 51
    assert rig.radio.health().reachable == 200
    rig.clock.advance(30 * SECOND)
    busiest = 0
    for _ in range(100):
        before = rig.net.sent
        rig.clock.advance(100 * MILLISECOND)
        busiest = max(busiest, rig.net.sent - before)
    calls = len(LIBRARY.get(LIGHT.model).services)  # not more batches than services in this model
    assert busiest < 200 * calls / 10
    await rig.radio.stop()


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        ("yeelink-light-lamp4_miio234567890._miio._udp.local.", ("yeelink.light.lamp4", 234567890)),
        ("zhimi-airp-mb5-pro_miio1._miio._udp.local.", ("zhimi.airp.mb5-pro", 1)),
        ("yeelink-light-lamp4_mibt1234._miio._udp.local.", None),
        ("x" * 5000, None),
        ("a-b-c_miio99999999999999999999._miio._udp.local.", None),
    ],
)
def test_names_of_announcements(name: str, parsed: tuple[str, int] | None) -> None:
    assert parse_name(name) == parsed
