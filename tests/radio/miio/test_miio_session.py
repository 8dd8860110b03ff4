"""Sessions against a device on a virtual clock: no socket, any loss, delay, repeat and restart."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, TypeVar

import pytest

from setaria.facts.clock import MILLISECOND, MINUTE, SECOND, VirtualClock
from setaria.facts.refused import Refused
from setaria.home.ports import Done, Reading, Unreachable, Write
from setaria.radio.miio import payload
from setaria.radio.miio.codec import (
    CodecError,
    Fault,
    HelloReply,
    Keys,
    Push,
    decode,
    encode,
    encode_hello_reply,
    is_hello,
    parse_hello,
    parse_hello_reply,
)
from setaria.radio.miio.events import Answered, Happened, Informed, Lost, Observed, Reached, Settings
from setaria.radio.miio.requests import QUEUE_LIMIT, Kind, Request
from setaria.radio.miio.session import Session, State

DID = 123456
TOKEN = bytes(range(16))
READABLE = tuple((2, piid) for piid in range(1, 21))
HUB = 777

E = TypeVar("E")


class Device:
    """What a device does with a datagram; its knobs are the attributes below."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.keys = Keys(TOKEN)
        self.booted = clock.ticks() - 5000 * SECOND
        self.deaf = False
        self.mute = False  # hellos are answered, requests not
        self.choke = 64  # properties at once; beyond, error -9999
        self.gives_token = b""
        self.pushes = False
        self.subscribed_as = 0
        self.values: dict[tuple[int, int], Any] = {}
        self.requests: list[dict[str, Any]] = []
        self.hellos = 0
        self.spoil: Callable[[dict[str, Any]], object] = lambda answer: answer

    @property
    def stamp(self) -> int:
        return (self.clock.ticks() - self.booted) // SECOND

    def reboot(self) -> None:
        self.booted = self.clock.ticks()
        self.subscribed_as = 0

    def take(self, datagram: bytes) -> list[bytes]:
        if self.deaf:
            return []
        if is_hello(datagram):
            self.hellos += 1
            push = Push(self.subscribed_as) if self.pushes and parse_hello(datagram).virtual_did else None
            return [encode_hello_reply(HelloReply(DID, self.stamp, self.gives_token, push))]
        try:
            message = decode(self.keys, datagram)
        except CodecError:
            return []
        if self.mute or abs(message.stamp - self.stamp) > 10:
            return []
        asked = json.loads(message.payload)
        self.requests.append(asked)
        if "method" not in asked:
            return []
        return [self.say(self.spoil({"id": asked["id"], **self.answer(asked)}))]

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        params = asked["params"]
        if asked["method"] == "get_properties":
            if len(params) > self.choke:
                return {"error": {"code": -9999, "message": "user ack timeout"}}
            return {
                "result": [
                    {**param, "code": 0, "value": self.values.get((param["siid"], param["piid"]), param["piid"])}
                    for param in params
                ]
            }
        if asked["method"] == "set_properties":
            self.values.update({(param["siid"], param["piid"]): param["value"] for param in params})
            return {"result": [{"siid": param["siid"], "piid": param["piid"], "code": 0} for param in params]}
        if asked["method"] == "miIO.sub":
            self.subscribed_as = params["update_ts"]
            return {"result": {"code": 0}}
        if asked["method"] == "miIO.info":
            return {"result": {"model": "a.b.c", "ap": {"ssid": "home"}}}
        return {"error": {"code": -32601, "message": "Method not found."}}

    def say(self, message: object) -> bytes:
        written = message if isinstance(message, bytes) else json.dumps(message).encode()
        return encode(self.keys, DID, self.stamp, written)


class Air:
    """Carries datagrams between a session and a device, and rings the session at its due time."""

    def __init__(self, *, seed: int = 1, settings: Settings | None = None, token: bytes = TOKEN) -> None:
        self.clock = VirtualClock()
        self.clock.advance(100 * SECOND)
        self.random = Random(seed)
        self.device = Device(self.clock)
        self.session = Session(
            DID,
            Keys(token),
            random=Random(seed),
            readable=READABLE,
            settings=settings or Settings(),
            virtual_did=HUB,
        )
        self.loss = 0.0
        self.duplicate = 0.0
        self.delay = (1 * MILLISECOND, 1 * MILLISECOND)
        self.events: list[object] = []

    @property
    def now(self) -> int:
        return self.clock.ticks()

    def run(self, duration: int) -> None:
        until = self.now + duration
        self.flush()
        while True:
            due = max(self.session.due, self.now)
            target = min(due, until, self.now + 50 * MILLISECOND)
            self.clock.advance(target - self.now)
            if self.session.due <= self.now:
                self.session.tick(self.now)
            self.flush()
            if self.now >= until:
                return

    def flush(self) -> None:
        sent, self.session.outbox = self.session.outbox, []
        for datagram in sent:
            self.carry(datagram, to_device=True)
        self.events += self.session.events
        self.session.events.clear()

    def carry(self, datagram: bytes, to_device: bool) -> None:
        copies = 0 if self.random.random() < self.loss else 1 + (self.random.random() < self.duplicate)
        for _ in range(copies):
            at = self.now + self.random.randint(*self.delay)
            self.clock.call_at(at, lambda: self.arrive(datagram, to_device))

    def arrive(self, datagram: bytes, to_device: bool) -> None:
        if to_device:
            for answer in self.device.take(datagram):
                self.carry(answer, to_device=False)
        elif len(datagram) == 32:
            self.session.hello(self.now, parse_hello_reply(datagram))
        else:
            self.session.receive(self.now, datagram)
        self.flush()

    def push(self, message: dict[str, Any]) -> None:
        self.carry(self.device.say(message), to_device=False)

    def submit(self, kind: Kind = Kind.WRITE, value: int = 1, tag: object = "tag") -> None:
        writes = (Write(2, 1, value),)
        method = payload.SET_PROPERTIES if kind is Kind.WRITE else payload.INFO
        params = payload.set_params(str(DID), writes) if kind is Kind.WRITE else b"[]"
        self.session.submit(self.now, Request(kind, method, params, tag=tag, writes=writes))

    def start(self) -> None:
        self.session.start(self.now)
        self.run(SECOND)

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def observed(self) -> set[tuple[int, int]]:
        return {(reading.siid, reading.piid) for event in self.of(Observed) for reading in event.readings}

    def methods(self) -> list[str]:
        return [asked.get("method", "") for asked in self.device.requests]


def outcomes(air: Air) -> Sequence[object]:
    return [answered.outcome for answered in air.of(Answered)]


def test_a_device_is_greeted_and_read_in_full() -> None:
    air = Air()
    air.start()
    assert air.session.state is State.READY
    assert isinstance(air.events[0], Reached)
    assert air.observed() == set(READABLE)
    assert air.methods() == ["get_properties"] * 2
    assert [len(asked["params"]) for asked in air.device.requests] == [15, 5]
    assert len({asked["id"] for asked in air.device.requests}) == 2


def test_the_stamp_is_the_devices_own_clock() -> None:
    air = Air()
    air.start()
    air.device.booted -= 4_000_000 * SECOND  # as long as no restart is noticed, the old offset is used
    air.run(2 * MINUTE)
    assert air.device.requests[-1]["method"] == "get_properties"
    assert not air.of(Lost)


def test_a_write_is_answered_once() -> None:
    air = Air()
    air.start()
    air.submit(value=9)
    air.run(SECOND)
    assert outcomes(air) == [Done()]
    assert air.device.values == {(2, 1): 9}


def test_writes_keep_their_order_and_go_before_reads() -> None:
    air = Air(settings=Settings(pipeline=4))
    air.delay = (1 * MILLISECOND, 200 * MILLISECOND)
    air.start()
    air.session.read(air.now)
    for value in range(10):
        air.submit(value=value, tag=value)
    air.run(20 * SECOND)
    assert [answered.tag for answered in air.of(Answered)] == list(range(10))
    assert air.device.values[2, 1] == 9


@pytest.mark.parametrize("seed", range(8))
def test_loss_delay_and_repeats_are_survived(seed: int) -> None:
    air = Air(seed=seed, settings=Settings(pipeline=3))
    air.loss, air.duplicate, air.delay = 0.2, 0.3, (1 * MILLISECOND, 400 * MILLISECOND)
    air.session.start(air.now)
    air.run(30 * SECOND)
    for value in range(20):
        air.submit(value=value, tag=value)
    air.run(3 * MINUTE)
    assert [answered.tag for answered in air.of(Answered)] == list(range(20))
    assert outcomes(air).count(Done()) >= 17
    assert air.observed() == set(READABLE)
    assert "wrong_token" not in [lost.reason for lost in air.of(Lost)]


def test_a_request_is_sent_three_times_with_one_id_and_then_unreachable() -> None:
    air = Air()
    air.start()
    air.device.mute = True
    sent: list[bytes] = []
    arrive = air.arrive

    def arrived(datagram: bytes, to_device: bool) -> None:
        if to_device:
            sent.append(datagram)
        arrive(datagram, to_device)

    air.arrive = arrived  # type: ignore[method-assign]
    begun = air.now
    air.submit()
    while not air.of(Answered):
        air.run(100 * MILLISECOND)
    assert outcomes(air) == [Unreachable("no_answer")]
    assert 7 * SECOND <= air.now - begun < 7.3 * SECOND
    asked = [json.loads(decode(Keys(TOKEN), datagram).payload) for datagram in sent if len(datagram) > 32]
    writes = [ask["id"] for ask in asked if ask["method"] == "set_properties"]
    assert len(writes) == 3
    assert len(set(writes)) == 1


def test_a_silent_device_is_lost_and_comes_back() -> None:
    air = Air()
    air.start()
    air.device.deaf = True
    air.run(MINUTE)
    assert [lost.reason for lost in air.of(Lost)] == ["unreachable"]
    air.device.deaf = False
    air.events.clear()
    air.run(2 * MINUTE)
    assert len(air.of(Reached)) == 1
    assert air.observed() == set(READABLE)


def test_a_device_that_never_answers_is_said_to_be_unreachable_once() -> None:
    air = Air()
    air.device.deaf = True
    air.session.start(air.now)
    air.run(10 * MINUTE)
    assert [lost.reason for lost in air.of(Lost)] == ["unreachable"]
    air.submit()
    air.run(8 * SECOND)
    assert outcomes(air) == [Unreachable("no_answer")]


def test_calls_to_a_silent_device_thin_out() -> None:
    air = Air()
    air.device.deaf = True
    sent = 0
    carry = air.carry

    def counted(datagram: bytes, to_device: bool) -> None:
        nonlocal sent
        sent += 1
        carry(datagram, to_device)

    air.carry = counted  # type: ignore[method-assign]
    air.session.start(air.now)
    air.run(60 * MINUTE)
    assert 3 * 50 <= sent <= 3 * 60


def test_a_restarted_device_is_asked_again_at_once_with_its_new_clock() -> None:
    air = Air()
    air.start()
    air.device.reboot()
    air.submit()
    air.run(1_100 * MILLISECOND)
    assert outcomes(air) == [Done()]


def test_a_wrong_token_is_told_and_tried_again_later() -> None:
    air = Air(token=bytes(16))
    air.session.start(air.now)
    air.run(20 * SECOND)
    assert [lost.reason for lost in air.of(Lost)] == ["wrong_token"]
    assert air.session.state is State.BARRED
    with pytest.raises(Refused, match="device_token_wrong"):
        air.submit()
    hellos = air.device.hellos
    air.run(10 * MINUTE)
    assert [lost.reason for lost in air.of(Lost)] == ["wrong_token"]
    assert hellos < air.device.hellos < hellos + 60
    assert not air.of(Reached)


def test_a_device_that_was_barred_for_a_while_is_taken_back() -> None:
    air = Air()
    air.start()
    air.device.mute = True
    air.run(MINUTE)
    assert [lost.reason for lost in air.of(Lost)] == ["wrong_token"]
    air.device.mute = False
    air.run(2 * MINUTE)
    assert len(air.of(Reached)) == 2


def test_a_reset_device_that_gives_another_token_is_barred_at_once() -> None:
    air = Air()
    air.start()
    air.device.gives_token = bytes(16)
    air.device.deaf = False
    air.submit()
    air.session.hello(air.now, HelloReply(DID, air.device.stamp, bytes(16)))
    air.flush()
    assert [lost.reason for lost in air.of(Lost)] == ["wrong_token"]
    assert outcomes(air) == [Refused("device_token_wrong")]


def test_single_forged_messages_do_not_bar_a_device() -> None:
    air = Air()
    air.start()
    forged = encode(Keys(bytes(16)), DID, 1, b"{}")
    for _ in range(20):
        air.session.receive(air.now, forged)
        air.session.receive(air.now, forged)
        air.session.receive(air.now, forged, from_its_place=False)
        air.session.read(air.now)
        air.run(SECOND)
    assert not air.of(Lost)
    assert air.session.faults.count(Fault.WRONG_CHECKSUM) == 60


def test_batches_are_halved_when_the_device_chokes_and_stay_so() -> None:
    air = Air()
    air.device.choke = 4
    air.start()
    assert air.observed() == set(READABLE)
    air.device.requests.clear()
    air.session.read(air.now)
    air.run(SECOND)
    assert {len(asked["params"]) for asked in air.device.requests} <= {1, 2, 3}


def test_a_property_that_always_fails_costs_no_other() -> None:
    air = Air()
    answer = air.device.answer

    def picky(asked: dict[str, Any]) -> dict[str, Any]:
        if asked["method"] == "get_properties" and any(param["piid"] == 7 for param in asked["params"]):
            return {"error": {"code": -9999, "message": "user ack timeout"}}
        return answer(asked)

    air.device.answer = picky  # type: ignore[method-assign]
    air.start()
    assert air.observed() == set(READABLE) - {(2, 7)}


def test_an_answer_that_cannot_be_read_is_asked_for_in_smaller_parts() -> None:
    air = Air()
    air.device.spoil = lambda answer: (
        b'{"id":%d,"result":"' % answer["id"] + b'x"}' if len(str(answer)) > 600 else answer
    )
    air.start()
    assert air.observed() == set(READABLE)
    assert Fault.BAD_SHAPE in air.session.faults


def test_an_answer_without_id_goes_to_the_only_request() -> None:
    air = Air()
    air.device.spoil = lambda answer: {"result": answer["result"]}
    air.start()
    assert air.observed() == set(READABLE)


def test_a_device_that_pushes_is_subscribed_to_and_polled_slowly() -> None:
    air = Air()
    air.device.pushes = True
    air.start()
    assert air.methods().count("miIO.sub") == 1
    sub = next(asked for asked in air.device.requests if asked["method"] == "miIO.sub")
    assert sub["params"] == {
        "did": str(HUB),
        "update_ts": air.device.subscribed_as,
        "sub_method": ".",
        "version": "2.0",
    }
    assert air.session.pushing
    air.run(30 * SECOND)
    air.device.requests.clear()
    air.run(10 * MINUTE)
    assert 18 <= air.methods().count("get_properties") <= 22
    assert "miIO.sub" not in air.methods()
    assert air.session.pushing


def test_a_device_that_does_not_push_is_polled_every_ten_seconds() -> None:
    air = Air()
    air.start()
    air.run(30 * SECOND)
    air.device.requests.clear()
    air.run(MINUTE)
    assert 10 <= air.methods().count("get_properties") <= 14


def test_a_restart_ends_the_subscription_and_it_is_made_anew() -> None:
    air = Air()
    air.device.pushes = True
    air.start()
    air.device.reboot()
    air.run(3 * MINUTE)
    assert air.device.subscribed_as
    assert air.session.pushing


def test_pushes_are_acknowledged_and_repeats_dropped_for_five_seconds() -> None:
    air = Air()
    air.start()
    air.events.clear()
    changed = {
        "id": 5000,
        "method": "properties_changed",
        "params": [{"did": str(DID), "siid": 2, "piid": 3, "value": 8}],
    }
    for _ in range(3):
        air.push(changed)
        air.run(SECOND)
    assert air.of(Observed) == [Observed([Reading(2, 3, 8)])]
    assert [asked for asked in air.device.requests if asked["id"] == 5000] == [{"id": 5000, "result": {"code": 0}}] * 3
    air.run(6 * SECOND)
    air.events.clear()
    air.push(changed)
    air.run(100 * MILLISECOND)
    assert Observed([Reading(2, 3, 8)]) in air.events


def test_events_and_what_others_push() -> None:
    air = Air()
    air.start()
    air.events.clear()
    arguments = [{"piid": 1, "value": 3}]
    air.push(
        {"id": 1, "method": "event_occured", "params": {"did": str(DID), "siid": 4, "eiid": 1, "arguments": arguments}}
    )
    air.push({"id": 2, "method": "event_occured", "params": {"did": "child", "siid": 4, "eiid": 1, "arguments": []}})
    air.push({"id": 3, "method": "properties_changed", "params": [{"did": "child", "siid": 2, "piid": 1, "value": 1}]})
    air.push({"id": 4, "method": "_otc.log", "params": {}})
    air.run(100 * MILLISECOND)
    assert air.events == [Happened(4, 1, [(1, 3)])]


def test_a_push_that_comes_after_a_newer_one_is_not_believed() -> None:
    air = Air()
    air.start()
    air.device.values[2, 3] = 20
    for identity, value in ((101, 20), (100, 10)):
        air.session.receive(
            air.now,
            air.device.say(
                {"id": identity, "method": "properties_changed", "params": [{"siid": 2, "piid": 3, "value": value}]}
            ),
        )
    air.run(100 * MILLISECOND)
    seen = [reading.value for event in air.of(Observed) for reading in event.readings if reading.piid == 3]
    assert seen == [3, 20, 20]


def test_keep_alive_asks_a_device_with_nothing_to_poll() -> None:
    air = Air(settings=Settings(poll=24 * 60 * MINUTE))
    air.start()
    hellos = air.device.hellos
    air.run(20 * MINUTE)
    assert 20 <= air.device.hellos - hellos <= 30
    air.device.deaf = True
    air.run(50 * SECOND + 16 * SECOND)
    assert [lost.reason for lost in air.of(Lost)] == ["unreachable"]


def test_a_device_that_comes_and_goes_is_called_back_only_when_it_stays() -> None:
    air = Air()
    air.start()
    for _ in range(3):
        air.session._live.lost(air.now)
    air.device.deaf = True
    air.run(45 * SECOND)
    assert len(air.of(Lost)) == 1
    air.device.deaf = False
    air.session.read(air.now)
    air.run(20 * SECOND)
    assert len(air.of(Reached)) == 1
    air.run(31 * SECOND)
    assert len(air.of(Reached)) == 2


def test_the_queue_is_bounded() -> None:
    air = Air()
    air.device.deaf = True
    for number in range(QUEUE_LIMIT):
        air.submit(tag=number)
    with pytest.raises(Refused, match="radio_busy"):
        air.submit()
    air.run(10 * SECOND)
    assert [answered.tag for answered in air.of(Answered)] == list(range(QUEUE_LIMIT))


def test_no_more_requests_are_in_flight_than_allowed() -> None:
    air = Air(settings=Settings(batch=1, pipeline=4))
    air.delay = (50 * MILLISECOND, 50 * MILLISECOND)
    air.session.start(air.now)
    most = 0
    for _ in range(200):
        air.run(10 * MILLISECOND)
        most = max(most, len(air.session._queue.in_flight))
    assert most == 4
    assert air.observed() == set(READABLE)


def test_a_device_says_what_it_is() -> None:
    air = Air()
    air.start()
    air.submit(Kind.INFO)
    air.run(SECOND)
    assert [informed.info.model for informed in air.of(Informed)] == ["a.b.c"]
    assert air.of(Informed)[0].info.in_wifi


def test_closing_answers_what_waits() -> None:
    air = Air()
    air.device.deaf = True
    air.submit(tag=1)
    air.submit(tag=2)
    air.session.close("forgotten")
    air.flush()
    assert outcomes(air) == [Unreachable("forgotten")] * 2


@pytest.mark.parametrize("seed", range(4))
def test_the_same_seed_gives_the_same_events(seed: int) -> None:
    def run() -> list[str]:
        air = Air(seed=seed)
        air.loss, air.duplicate, air.delay = 0.3, 0.2, (1, 900 * MILLISECOND)
        air.device.pushes = True
        air.session.start(air.now)
        air.run(MINUTE)
        return [repr(event) for event in air.events]

    assert run() == run()
