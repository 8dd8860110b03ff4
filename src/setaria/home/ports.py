"""What a radio offers the home, and what the home offers a radio.

A thing is known to its radio by an `address` (for miIO the device id in decimal) and to the home by a `thing` id. The
home holds the pairing; a radio is told it by `follow` and uses the thing id from then on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from setaria.facts.refused import Refused

Value = bool | int | float | str


class Write(msgspec.Struct, frozen=True, array_like=True):
    siid: int
    piid: int
    value: Value


class Act(msgspec.Struct, frozen=True, array_like=True):
    """Arguments stand in the order of the action's `in` list of the spec, as (piid, value)."""

    siid: int
    aiid: int
    arguments: tuple[tuple[int, Value], ...] = ()


class Reading(msgspec.Struct, frozen=True, array_like=True):
    siid: int
    piid: int
    value: Value


class Done(msgspec.Struct, frozen=True):
    """The thing said yes. `values` are an action's results in the order of its `out` list."""

    values: tuple[Value, ...] = ()


class Unreachable(msgspec.Struct, frozen=True):
    """No answer came, or not in time: whether the thing did it is unknown."""

    reason: str = ""


Outcome = Done | Refused | Unreachable
Answer = Callable[[Outcome], None]


class Found(msgspec.Struct, frozen=True):
    """Something on the air that could become a thing.

    `needs` names what is missing before it can be followed (`token`, `wifi`), or is empty. `secret` is what the thing
    itself gave away (a reset miIO thing its token): the home stores it encrypted and never logs it. `spec` is the
    MIoT-Spec instance (JSON) of a thing that describes itself; it may be told anew at any time, ids and addresses in it
    staying what they were. `needs` "gone": it is not there any more.
    """

    radio: str
    address: str
    model: str = ""
    name: str = ""
    location: str = ""
    needs: str = ""
    secret: bytes = b""
    spec: bytes = b""


class Followed(msgspec.Struct, frozen=True):
    """What a radio must know to follow one thing.

    `readable` are the (siid, piid) to poll, `notified` those of them the thing pushes by itself. `spec` is what the
    radio told last of a thing that describes itself, also before a restart; such a thing has no secret.
    """

    thing: str
    address: str
    model: str
    location: str
    secret: bytes
    readable: tuple[tuple[int, int], ...]
    notified: tuple[tuple[int, int], ...] = ()
    spec: bytes = b""


class RadioHealth(msgspec.Struct, frozen=True):
    radio: str
    running: bool
    followed: int
    reachable: int
    sent: int
    received: int
    faults: Mapping[str, int]


Learnt = Callable[["str | Refused | Unreachable"], None]
"""Told the model of a found thing, or why it could not be learnt."""


class Observer(Protocol):
    """The home, as a radio sees it. None of these waits; all may be called from the event loop's thread only."""

    def found(self, found: Found) -> None: ...

    def located(self, thing: str, location: str) -> None: ...

    def reached(self, thing: str) -> None: ...

    def lost(self, thing: str, reason: str) -> None: ...

    def observed(self, thing: str, readings: Sequence[Reading]) -> None: ...

    def happened(self, thing: str, siid: int, eiid: int, arguments: Sequence[tuple[int, Value]]) -> None: ...


class Radio(Protocol):
    @property
    def name(self) -> str: ...

    async def start(self, observer: Observer) -> None: ...

    async def stop(self) -> None: ...

    def search(self) -> None:
        """Look for things now rather than at the next turn of the back-off."""

    def follow(self, followed: Followed) -> None: ...

    def forget(self, thing: str) -> None: ...

    def write(self, thing: str, writes: Sequence[Write], answer: Answer) -> None:
        """Send at once; `answer` is called exactly once, from the event loop, never before this returns."""

    def act(self, thing: str, act: Act, answer: Answer) -> None: ...

    def read(self, thing: str) -> None:
        """Poll everything readable soon; what is read comes back through `Observer.observed`."""

    def identify(self, address: str, location: str, secret: bytes, learnt: Learnt) -> None:
        """Ask a found thing what it is, and by that try its secret; `learnt` is called once, later. Raises Refused."""

    def health(self) -> RadioHealth: ...


class Notification(msgspec.Struct, frozen=True):
    """What one person is told. `id` is the same however often it is sent; `at` is UTC microseconds."""

    id: str
    at: int
    title: str
    message: str
    household: str


class Notifier(Protocol):
    """One way to reach one person: a browser, a mailbox, an address of a program."""

    async def send(self, notification: Notification) -> Outcome:
        """Unreachable is tried again; what is Refused is not. Refused("notifier_gone"): the target is no more."""
