"""A home given once: for checking linkages without a running hub (imports, tests, the terminal)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from setaria.home.spec.model import Spec


class FixedThing(msgspec.Struct, frozen=True):
    id: str
    spec: Spec
    room: str = ""
    names: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


class FixedCatalogue:
    """`rooms` are ids with their names, `scenes` ids with the addresses they set, `helpers` ids with their kind."""

    def __init__(
        self,
        things: Collection[FixedThing],
        rooms: Mapping[str, Collection[str]] | None = None,
        members: Collection[str] = (),
        scenes: Mapping[str, Collection[str]] | None = None,
        helpers: Mapping[str, str] | None = None,
    ) -> None:
        self._things = {thing.id: thing for thing in things}
        self._rooms = dict(rooms or {})
        self._members = tuple(members)
        self._scenes = dict(scenes or {})
        self._helpers = dict(helpers or {})

    def spec_of(self, thing: str) -> Spec | None:
        found = self._things.get(thing)
        return None if found is None else found.spec

    def things(self) -> Collection[str]:
        return self._things.keys()

    def find_thing(self, name: str) -> str | None:
        if name in self._things:
            return name
        wanted = name.casefold()
        named = [t.id for t in self._things.values() if wanted in (each.casefold() for each in t.names)]
        return named[0] if len(named) == 1 else None

    def things_in(self, room: str) -> Collection[str]:
        return [thing.id for thing in self._things.values() if thing.room == room]

    def things_labelled(self, label: str) -> Collection[str]:
        return [thing.id for thing in self._things.values() if label in thing.labels]

    def rooms(self) -> Collection[str]:
        return self._rooms.keys()

    def find_room(self, name: str) -> str | None:
        if name in self._rooms:
            return name
        wanted = name.casefold()
        named = [room for room, names in self._rooms.items() if wanted in (each.casefold() for each in names)]
        return named[0] if len(named) == 1 else None

    def labels(self) -> Collection[str]:
        return {label for thing in self._things.values() for label in thing.labels}

    def scenes(self) -> Collection[str]:
        return self._scenes.keys()

    def scene_writes(self, scene: str) -> Collection[str]:
        return self._scenes.get(scene, ())

    def helper_kind(self, helper: str) -> str | None:
        return self._helpers.get(helper)

    def helpers(self) -> Collection[str]:
        return self._helpers.keys()

    def members(self) -> Collection[str]:
        return self._members
