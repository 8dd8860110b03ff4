"""Batches, keep-alive, ids, queue and alarms, each by itself."""

from __future__ import annotations

import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setaria.facts.clock import SECOND, VirtualClock
from setaria.facts.refused import Refused
from setaria.radio.miio.alarms import NEVER, Alarms
from setaria.radio.miio.batches import Batches
from setaria.radio.miio.codec import MESSAGE_LIMIT, Push, encoded_size
from setaria.radio.miio.liveness import FLAP_WINDOW, PING_INTERVAL, PINGS, STEADY_AFTER, Liveness
from setaria.radio.miio.payload import Envelope, request
from setaria.radio.miio.pushes import REPEAT_WINDOW, SEEN_LIMIT, Pushes
from setaria.radio.miio.requests import FIRST_ID, LAST_ID, QUEUE_LIMIT, Ids, Kind, Queue, Request

addresses = st.lists(st.tuples(st.integers(1, 10_000), st.integers(1, 10_000)), max_size=200, unique=True)


@given(addresses, st.integers(1, 100))
def test_batches_hold_each_property_once_and_fit_a_message(readable: list[tuple[int, int]], limit: int) -> None:
    batches = Batches("1" * 20, readable, limit)
    assert [address for batch in batches.cut for address in batch.addresses] == readable
    for batch in batches.cut:
        assert 1 <= len(batch.addresses) <= limit
        assert encoded_size(len(request(9999, "get_properties", batch.params))) <= MESSAGE_LIMIT
        assert [(asked["siid"], asked["piid"]) for asked in json.loads(batch.params)] == [*batch.addresses]


@given(addresses.filter(bool), st.integers(1, 30))
def test_shrinking_ends_and_loses_nothing(readable: list[tuple[int, int]], limit: int) -> None:
    batches = Batches("1", readable, limit)
    waiting, rounds = [*batches.cut], 0
    alone: list[tuple[int, int]] = []
    while waiting:
        batch = waiting.pop(0)
        smaller = batches.shrink(batch)
        if smaller:
            assert all(len(part.addresses) < len(batch.addresses) for part in smaller)
            waiting = [*smaller, *waiting]
        else:
            alone.extend(batch.addresses)
        rounds += 1
        assert rounds < 10 * len(readable)
    assert alone == readable
    batches.restore()
    assert batches.limit == limit


def test_pings_and_intervals() -> None:
    live = Liveness()
    live.found(0)
    intervals = []
    for _ in range(5):
        intervals.append(live.due - live.heard_at)
        now = live.due
        assert live.ping(now)
        live.heard(now + 1)
    assert intervals == [10 * SECOND, 20 * SECOND, 40 * SECOND, 50 * SECOND, 50 * SECOND]
    start = live.due
    for number in range(PINGS):
        assert live.due == start + number * PING_INTERVAL
        assert live.ping(live.due)
    assert not live.ping(live.due)


def test_flapping_is_three_losses_in_two_minutes() -> None:
    live = Liveness()
    for at in (0, SECOND):
        live.lost(at)
    assert live.steady_at(2 * SECOND) == 2 * SECOND
    live.lost(2 * SECOND)
    assert live.steady_at(3 * SECOND) == 3 * SECOND + STEADY_AFTER
    assert live.steady_at(FLAP_WINDOW) == FLAP_WINDOW


def test_ids_go_round() -> None:
    ids = Ids(Random(1))
    seen = [ids.next() for _ in range(2 * LAST_ID)]
    assert set(seen) == set(range(FIRST_ID, LAST_ID + 1))
    assert seen[:LAST_ID] == seen[LAST_ID:]
    assert Ids(Random(2)).next() != Ids(Random(3)).next()


def test_the_queue_takes_one_command_at_a_time_and_has_a_limit() -> None:
    queue = Queue()
    for number in range(QUEUE_LIMIT):
        queue.add(Request(Kind.WRITE, "set_properties", b"[]", tag=number))
    with pytest.raises(Refused, match="radio_busy"):
        queue.add(Request(Kind.WRITE, "set_properties", b"[]"))
    queue.add_reads(Batches("1", [(2, 1)], 1).cut)
    first = queue.take("get_properties")
    assert first is not None
    first.id = 5
    queue.in_flight[5] = first
    second = queue.take("get_properties")
    assert second is not None
    assert second.kind is Kind.READ
    assert queue.take("get_properties") is None
    assert queue.finish(5) is first
    assert queue.finish(5) is None
    third = queue.take("get_properties")
    assert third is not None
    assert third.tag == 1
    assert [request.tag for request in queue.drain()] == list(range(2, QUEUE_LIMIT))
    assert not queue.waiting


def test_repeats_are_known_for_five_seconds_and_their_memory_is_bounded() -> None:
    pushes = Pushes("1")
    assert not pushes.repeated(7, 0)
    assert pushes.repeated(7, REPEAT_WINDOW - 1)
    assert not pushes.repeated(7, 2 * REPEAT_WINDOW)
    for identity in range(10 * SEEN_LIMIT):
        assert not pushes.repeated(100 + identity, 2 * REPEAT_WINDOW)
    assert len(pushes._seen) <= SEEN_LIMIT
    assert pushes.repeated(100 + 10 * SEEN_LIMIT - 1, 2 * REPEAT_WINDOW)


def test_late_pushes_are_those_a_little_behind() -> None:
    pushes = Pushes("1")
    assert [pushes.late(identity) for identity in (5000, 5001, 4990, 5002, 3, 4)] == [
        False, False, True, False, False, False,
    ]  # fmt: skip


def test_subscriptions() -> None:
    pushes = Pushes("1")
    assert pushes.wants(Push())
    assert not pushes.wants(Push(wildcard=False))
    assert not pushes.wants(Push(kind=9))
    asked = pushes.subscription(77, 1234)
    assert not pushes.holds(Push(1234))
    pushes.subscribed(True)
    assert pushes.holds(Push(1234))
    assert not pushes.holds(Push(0))
    assert asked.kind is Kind.SUBSCRIBE
    assert pushes.read(Envelope(method="nonsense")) == ([], [])


class Sleeper:
    def __init__(self, due: int) -> None:
        self.due = due
        self.alarm = NEVER
        self.rung: list[int] = []


def test_alarms_ring_at_the_due_time_however_it_moved() -> None:
    clock = VirtualClock()
    alarms = Alarms[Sleeper](clock, lambda sleeper, now: sleeper.rung.append(now))
    early, late, moved = Sleeper(5), Sleeper(50), Sleeper(10)
    for sleeper in (late, early, moved):
        alarms.set(sleeper)
    moved.due = 30
    clock.advance(20)
    assert (early.rung, moved.rung) == ([5], [])
    late.due = 22
    alarms.set(late)
    clock.advance(100)
    assert (late.rung, moved.rung) == ([22], [30])


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 100)), max_size=60))
def test_no_alarm_is_missed(steps: list[tuple[int, int]]) -> None:
    clock = VirtualClock()
    sleepers = [Sleeper(NEVER) for _ in range(4)]

    def ring(sleeper: Sleeper, now: int) -> None:
        assert sleeper.due <= now
        sleeper.rung.append(now)
        sleeper.due = NEVER

    alarms = Alarms[Sleeper](clock, ring)
    for which, ahead in steps:
        sleeper = sleepers[which]
        sleeper.due = clock.ticks() + ahead
        alarms.set(sleeper)
        clock.advance(7)
        assert all(other.due > clock.ticks() for other in sleepers)


def test_one_that_fails_does_not_silence_the_others() -> None:
    clock = VirtualClock()

    def ring(sleeper: Sleeper, now: int) -> None:
        if sleeper.due == 5:
            raise RuntimeError("a fault of the home's")
        sleeper.rung.append(now)

    alarms = Alarms[Sleeper](clock, ring)
    bad, good = Sleeper(5), Sleeper(6)
    alarms.set(bad)
    alarms.set(good)
    with pytest.raises(RuntimeError):
        clock.advance(10)
    clock.advance(10)
    assert good.rung == [6]
