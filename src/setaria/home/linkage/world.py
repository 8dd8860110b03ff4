"""What a running linkage sees of the home, and what it may do to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from setaria.facts.clock import Clock
from setaria.home.linkage.catalogue import Catalogue
from setaria.home.live import Live, Slot
from setaria.home.ports import Act, Value, Write


class Effects(Protocol):
    """How a linkage acts. `cause` is the run's id; nothing here waits."""

    def write(self, thing: str, writes: Sequence[Write], cause: str) -> None: ...

    def act(self, thing: str, act: Act, cause: str) -> None: ...

    def set_scene(self, scene: str, cause: str) -> None: ...

    def help(self, helper: str, operation: str, value: Value | None, cause: str) -> None: ...

    def notify(self, to: Sequence[str], title: str, message: str, cause: str) -> None: ...

    def fire(self, event: str, data: Mapping[str, Value], cause: str) -> None: ...

    def may(self, author: str, thing: str) -> bool:
        """Whether this author may control this thing now."""


class World:
    """`zone` and the place may change while linkages run; they read it here each time."""

    __slots__ = ("catalogue", "clock", "effects", "latitude", "live", "longitude", "zone")

    def __init__(self, live: Live, clock: Clock, effects: Effects, catalogue: Catalogue) -> None:
        self.live = live
        self.clock = clock
        self.effects = effects
        self.catalogue = catalogue
        self.zone = ZoneInfo("UTC")
        self.latitude = 0.0
        self.longitude = 0.0

    def local_now(self) -> datetime:
        return datetime.fromtimestamp(self.clock.now() / 1e6, self.zone)

    def slot(self, address: str) -> Slot | None:
        return self.live.slots.get(address)


class Scope:
    """The environment in which a run's formulas are evaluated (expression.Environment)."""

    __slots__ = ("_world", "variables")

    def __init__(self, world: World, variables: Mapping[str, Any]) -> None:
        self._world = world
        self.variables = variables

    def state(self, address: str) -> Value | None:
        slot = self._world.live.slots.get(address)
        return None if slot is None else slot.value

    def attribute(self, address: str, name: str) -> Any:
        """`state_attr('thing/light.on', 'brightness')` reads a sibling property; `last_changed` the time of change."""
        slot = self._world.live.slots.get(address)
        if slot is None:
            return None
        if name in ("last_changed", "last_updated"):
            return datetime.fromtimestamp(slot.changed / 1e6, self._world.zone)
        service = address.rpartition(".")[0]
        sibling = self._world.live.slots.get(f"{service}.{name.replace('_', '-')}")
        return None if sibling is None else sibling.value

    def now(self) -> datetime:
        return self._world.local_now()
