"""Commands under way: done when they are published and, where the device tells its state, when it has told it.

    published, nothing awaited                  -> Done
    published, and the state came back          -> Done
    nothing of it within the time, or no broker -> Unreachable: whether it was done is not known
A state that was known to be so before is not awaited: many devices only tell changes.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from setaria.facts.clock import SECOND, Clock, Timer
from setaria.facts.refused import Refused
from setaria.home.ports import Answer, Done, Outcome, Reading, Unreachable, Value, Write
from setaria.radio.mqtt.device import close
from setaria.radio.mqtt.link import Link
from setaria.radio.mqtt.parts import Publication

PATIENCE: Final = 5 * SECOND
MOST_OF_A_THING: Final = 64


class _Order(msgspec.Struct, eq=False):
    address: str
    answer: Answer
    writes: Sequence[Write]
    awaited: dict[tuple[int, int], Value | None]
    unsent: set[int]
    timer: Timer | None = None


class Orders:
    """`done` is told of an order's writes before its answer is called."""

    def __init__(self, clock: Clock, link: Link, done: Callable[[str, Sequence[Write]], None]) -> None:
        self._clock = clock
        self._link = link
        self._done = done
        self._tags = itertools.count(1)
        self._by_tag: dict[int, _Order] = {}
        self._by_address: dict[str, list[_Order]] = {}

    def give(
        self,
        address: str,
        publications: Iterable[Publication],
        awaited: dict[tuple[int, int], Value | None],
        writes: Sequence[Write],
        answer: Answer,
    ) -> None:
        """`answer` is called later, never before this returns."""
        under_way = self._by_address.setdefault(address, [])
        if len(under_way) >= MOST_OF_A_THING:
            self.later(answer, Refused("radio_busy", limit=MOST_OF_A_THING))
            return
        order = _Order(address, answer, writes, awaited, set())
        under_way.append(order)
        order.timer = self._clock.call_at(
            self._clock.ticks() + PATIENCE, lambda: self._end(order, Unreachable("no_answer"))
        )
        sending = [(next(self._tags), each) for each in publications]
        order.unsent = {tag for tag, _ in sending}
        try:
            for tag, each in sending:
                self._by_tag[tag] = order
                self._link.publish(each.topic, each.payload.encode(), each.qos, each.retain, tag)
        except (Refused, ValueError) as problem:
            told = problem if isinstance(problem, Refused) else Refused("radio_message_too_long", limit=65_535)
            self._end(order, told)
            return
        self._look(order)

    def sent(self, tag: int) -> None:
        order = self._by_tag.pop(tag, None)
        if order is not None:
            order.unsent.discard(tag)
            self._look(order)

    def heard(self, address: str, readings: Iterable[Reading]) -> None:
        for order in [*self._by_address.get(address, ())]:
            for reading in readings:
                key = reading.siid, reading.piid
                if key in order.awaited and _told(reading.value, order.awaited[key]):
                    del order.awaited[key]
            self._look(order)

    def give_up(self, reason: str, address: str | None = None) -> None:
        for each in [address] if address is not None else [*self._by_address]:
            for order in [*self._by_address.get(each, ())]:
                self._end(order, Unreachable(reason))

    def later(self, answer: Answer, outcome: Outcome) -> None:
        self._clock.call_at(self._clock.ticks(), lambda: answer(outcome))

    def _look(self, order: _Order) -> None:
        if order.timer is not None and not order.unsent and not order.awaited:
            self._end(order, Done())

    def _end(self, order: _Order, outcome: Outcome) -> None:
        if order.timer is None:
            return
        order.timer.cancel()
        order.timer = None
        for tag in order.unsent:
            self._by_tag.pop(tag, None)
        under_way = self._by_address[order.address]
        under_way.remove(order)
        if not under_way:
            del self._by_address[order.address]
        if isinstance(outcome, Done):
            self._done(order.address, order.writes)
        self.later(order.answer, outcome)


def _told(value: Value, wanted: Value | None) -> bool:
    return wanted is None or close(value, wanted)
