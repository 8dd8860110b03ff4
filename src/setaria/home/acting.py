"""How linkages act on a home (linkage.Effects): in their author's rights, without waiting, leaving facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from setaria.facts.fact import Actor
from setaria.home import facts as f
from setaria.home.ports import Act, Value, Write

if TYPE_CHECKING:
    from setaria.home.home import Home

LINKAGE: Final = Actor("linkage", "linkage")

Notifier = Callable[[f.Notified], None]


class Acting:
    def __init__(self, home: Home) -> None:
        self._home = home
        self._notifiers: list[Notifier] = []

    def on_notify(self, notifier: Notifier) -> None:
        """Add a way by which people hear of things, beside the log itself."""
        self._notifiers.append(notifier)

    def may(self, author: str, thing: str) -> bool:
        return self._home.permits.linkage_may(author, thing)

    def write(self, thing: str, writes: Sequence[Write], cause: str) -> None:
        self._home.control.write(thing, writes, cause, LINKAGE)

    def act(self, thing: str, act: Act, cause: str) -> None:
        self._home.control.act(thing, act, cause, LINKAGE)

    def set_scene(self, scene: str, cause: str) -> None:
        self.scene(scene, cause, LINKAGE)

    def scene(self, scene: str, cause: str, actor: Actor) -> None:
        """Every target of a scene, the writes of one thing together. One that is gone is passed over."""
        home = self._home
        known = home.structure.scenes.get(scene)
        if known is None:
            return
        home.record(f"home/{home.household}", f.SceneSet(scene), actor)
        by_thing: dict[str, list[Write]] = {}
        for address, value in known.targets.items():
            owner, _, rest = address.partition("/")
            if owner == "helper":
                home.helpers.operate(rest.partition(".")[0], "set", value, actor)
                continue
            slot = home.live.slots.get(address)
            if slot is not None and slot.property is not None:
                by_thing.setdefault(owner, []).append(Write(slot.property.siid, slot.property.piid, value))
        for thing, writes in by_thing.items():
            home.control.write(thing, writes, cause, actor)

    def help(self, helper: str, operation: str, value: Value | None, cause: str) -> None:
        self._home.helpers.operate(helper, operation, value, Actor(f"run/{cause}", "linkage"))

    def notify(self, to: Sequence[str], title: str, message: str, cause: str) -> None:
        body = f.Notified(message, title, tuple(to))
        self._home.record(f"home/{self._home.household}", body, Actor(f"run/{cause}", "linkage"))
        for notifier in self._notifiers:
            notifier(body)

    def fire(self, event: str, data: Mapping[str, Value], cause: str) -> None:
        self._home.live.fire(event, data, Actor(f"run/{cause}", "linkage"), self._home.household)
