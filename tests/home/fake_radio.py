"""A radio without air: things in memory that answer after a while, refuse, stay silent, push and are found, as told."""

from __future__ import annotations

from collections.abc import Sequence

from setaria.facts.clock import MILLISECOND, SECOND, Clock
from setaria.facts.refused import Refused
from setaria.home.ports import (
    Act,
    Answer,
    Done,
    Followed,
    Found,
    Learnt,
    Observer,
    Outcome,
    RadioHealth,
    Reading,
    Unreachable,
    Value,
    Write,
)

SILENCE = 2 * SECOND  # how long one waits for a thing that says nothing


class FakeDevice:
    """`refuses` answers everything with it; `silent` answers nothing; `takes` is how long an answer takes."""

    def __init__(self, address: str, model: str, secret: bytes, values: dict[tuple[int, int], Value]) -> None:
        self.address = address
        self.model = model
        self.secret = secret
        self.values = values
        self.refuses: Refused | None = None
        self.silent = False
        self.takes = 20 * MILLISECOND
        self.results: tuple[Value, ...] = ()
        self.written: list[Write] = []
        self.acted: list[Act] = []


class FakeRadio:
    def __init__(self, clock: Clock, name: str = "fake") -> None:
        self.name = name
        self.devices: dict[str, FakeDevice] = {}
        self.followed: dict[str, Followed] = {}
        self.searches = 0
        self.forgotten: list[str] = []
        self.refuses_to_follow: Refused | None = None
        self._clock = clock
        self._observer: Observer | None = None

    @property
    def observer(self) -> Observer:
        assert self._observer is not None, "not started"
        return self._observer

    def device(
        self, address: str, model: str, values: dict[tuple[int, int], Value] | None = None, secret: bytes = b"k" * 16
    ) -> FakeDevice:
        made = self.devices[address] = FakeDevice(address, model, secret, dict(values or {}))
        return made

    def show(self, address: str, *, secret: bytes = b"") -> None:
        """The device is on the air: `secret` is what it gives away itself."""
        needs = "" if secret else "token"
        model = self.devices[address].model if secret else ""
        self.observer.found(Found(self.name, address, model, location=f"10.0.0.{address}", needs=needs, secret=secret))

    def push(self, address: str, values: dict[tuple[int, int], Value]) -> None:
        """The device changed by itself and says so."""
        self.devices[address].values.update(values)
        self._tell(address, values)

    def happen(self, address: str, siid: int, eiid: int, arguments: Sequence[tuple[int, Value]] = ()) -> None:
        for thing in self._things_at(address):
            self.observer.happened(thing, siid, eiid, arguments)

    def vanish(self, address: str) -> None:
        self.devices[address].silent = True
        for thing in self._things_at(address):
            self.observer.lost(thing, "unreachable")

    def _things_at(self, address: str) -> list[str]:
        return [each.thing for each in self.followed.values() if each.address == address]

    def _tell(self, address: str, values: dict[tuple[int, int], Value]) -> None:
        for thing in self._things_at(address):
            self.observer.observed(thing, [Reading(siid, piid, value) for (siid, piid), value in values.items()])

    # What the home asks (home/ports.py, Radio).

    async def start(self, observer: Observer) -> None:
        self._observer = observer

    async def stop(self) -> None:
        for thing in list(self.followed):
            self.observer.lost(thing, "stopped")
        self.followed.clear()
        self._observer = None

    def search(self) -> None:
        self.searches += 1

    def follow(self, followed: Followed) -> None:
        if self.refuses_to_follow is not None:
            raise self.refuses_to_follow
        self.followed[followed.thing] = followed
        self._clock.call_at(self._clock.ticks() + 10 * MILLISECOND, lambda: self._greet(followed))

    def _greet(self, followed: Followed) -> None:
        device = self.devices.get(followed.address)
        if device is None or device.silent or self.followed.get(followed.thing) is not followed:
            return
        if device.secret != followed.secret:
            self.observer.lost(followed.thing, "wrong_token")
            self.observer.found(Found(self.name, followed.address, location="10.0.0.9", needs="token"))
            return
        self.observer.reached(followed.thing)
        self._tell(followed.address, {key: device.values[key] for key in followed.readable if key in device.values})

    def forget(self, thing: str) -> None:
        self.followed.pop(thing, None)
        self.forgotten.append(thing)

    def write(self, thing: str, writes: Sequence[Write], answer: Answer) -> None:
        device = self._device_of(thing)
        if device is not None:
            device.written += writes
            if device.refuses is None and not device.silent:
                device.values.update({(each.siid, each.piid): each.value for each in writes})
        self._answer(device, Done(), answer)

    def act(self, thing: str, act: Act, answer: Answer) -> None:
        device = self._device_of(thing)
        if device is not None:
            device.acted.append(act)
        self._answer(device, Done(device.results if device is not None else ()), answer)

    def _device_of(self, thing: str) -> FakeDevice | None:
        followed = self.followed.get(thing)
        return None if followed is None else self.devices.get(followed.address)

    def _answer(self, device: FakeDevice | None, done: Done, answer: Answer) -> None:
        outcome: Outcome = done
        after = 0
        if device is None:
            outcome = Refused("thing_not_followed")
        elif device.silent:
            outcome, after = Unreachable("no_answer"), SILENCE
        else:
            outcome, after = device.refuses or done, device.takes
        self._clock.call_at(self._clock.ticks() + after, lambda: answer(outcome))

    def read(self, thing: str) -> None:
        device = self._device_of(thing)
        if device is not None and not device.silent:
            self._tell(device.address, device.values)

    def identify(self, address: str, location: str, secret: bytes, learnt: Learnt) -> None:
        device = self.devices.get(address)
        told: str | Refused | Unreachable = Unreachable("no_answer")
        if device is not None and not device.silent:
            told = device.model if device.secret == secret else Refused("device_token_wrong")
        self._clock.call_at(self._clock.ticks() + 10 * MILLISECOND, lambda: learnt(told))

    def health(self) -> RadioHealth:
        return RadioHealth(self.name, self._observer is not None, len(self.followed), 0, 0, 0, {})
