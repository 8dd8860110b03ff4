"""How linkages act on a home (linkage.Effects): in their author's rights, without waiting, leaving facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from setaria.facts.fact import Actor
from setaria.facts.ids import id_text
from setaria.facts.refused import Refused
from setaria.home import facts as f
from setaria.home.ports import Act, Value, Write

if TYPE_CHECKING:
    from setaria.home.home import Home

MOST_FIT: Final = 4_096
LINKAGE: Final = Actor("linkage", "linkage")


class Acting:
    def __init__(self, home: Home) -> None:
        self._home = home
        # Checked against the present specs. By identity, which is sound as long as they are held here: a compiled
        # step sends the same tuple to the same thing every time.
        self._fit: dict[int, Sequence[Write]] = {}

    def may(self, author: str, thing: str) -> bool:
        return self._home.permits.linkage_may(author, thing)

    def write(self, thing: str, writes: Sequence[Write], cause: str) -> None:
        if self._fit.get(id(writes)) is not writes:
            unfit = self._unfit(thing, writes)
            if unfit is not None:
                self._home.control.refuse(thing, unfit, cause, LINKAGE)
                return
            if len(self._fit) >= MOST_FIT:
                self._fit.clear()
            self._fit[id(writes)] = writes
        self._home.control.write(thing, writes, cause, LINKAGE)

    def forget(self) -> None:
        """After any change of the arrangement."""
        self._fit.clear()

    def act(self, thing: str, act: Act, cause: str) -> None:
        live = self._home.live.things.get(thing)
        if live is None or live.spec.action(act.siid, act.aiid) is not None:
            self._home.control.act(thing, act, cause, LINKAGE)
        else:
            self._home.control.refuse(thing, Refused("unknown_action"), cause, LINKAGE)

    def _unfit(self, thing: str, writes: Sequence[Write]) -> Refused | None:
        """What a linkage was bound to may be gone: another device has taken the thing's place since."""
        live = self._home.live.things.get(thing)
        if live is None:
            return None
        for each in writes:
            known = live.spec.property(each.siid, each.piid)
            if known is None:
                return Refused("unknown_property")
            if not known.writable:
                return Refused("property_not_writable")
            try:
                known.check(each.value)
            except Refused as refused:
                return refused
        return None

    def set_scene(self, scene: str, cause: str) -> None:
        self.scene(scene, cause, LINKAGE)

    def scene(self, scene: str, cause: str, actor: Actor) -> None:
        """Every target of a scene, the writes of one thing together. One that is gone is passed over.

        `cause` is empty for a person's: then it is the scene's own fact.
        """
        home = self._home
        known = home.structure.scenes.get(scene)
        if known is None:
            return
        fact = home.record(f"home/{home.household}", f.SceneSet(scene), actor)
        cause = cause or id_text(fact.id)
        by_thing: dict[str, list[Write]] = {}
        for address, value in known.targets.items():
            owner, _, rest = address.partition("/")
            slot = home.live.slots.get(address)
            if slot is None:
                continue
            try:
                if owner == "helper":
                    home.helpers.set_to(rest.partition(".")[0], value, actor)
                elif slot.property is not None:
                    fit = slot.property.check(value)
                    by_thing.setdefault(owner, []).append(Write(slot.property.siid, slot.property.piid, fit))
            except Refused as refused:  # another device that takes its place may take other values
                home.control.refuse(owner, refused, cause, actor)
        for thing, writes in by_thing.items():
            home.control.write(thing, writes, cause, actor)

    def help(self, helper: str, operation: str, value: Value | None, cause: str) -> None:
        self._home.helpers.operate(helper, operation, value, Actor(f"run/{cause}", "linkage"))

    def notify(self, to: Sequence[str], title: str, message: str, cause: str) -> None:
        body = f.Notified(message, title, tuple(to))
        self._home.record(f"home/{self._home.household}", body, Actor(f"run/{cause}", "linkage"))

    def fire(self, event: str, data: Mapping[str, Value], cause: str) -> None:
        self._home.live.fire(event, data, Actor(f"run/{cause}", "linkage"), self._home.household)
