"""The arrangement with its specs, as linkages may name it (linkage.Catalogue)."""

from __future__ import annotations

from collections.abc import Collection

from setaria.facts.refused import Refused
from setaria.home.spec.capability import capability
from setaria.home.spec.kinds import Tile
from setaria.home.spec.library import SpecLibrary
from setaria.home.spec.model import Spec
from setaria.home.structure import Structure

SECURE: frozenset[Tile] = frozenset({Tile.LOCK, Tile.CAMERA})


class Arranged:
    """Reads the structure each time: it changes with the facts."""

    def __init__(self, structure: Structure, specs: SpecLibrary) -> None:
        self.structure = structure
        self.specs = specs

    def spec_of(self, thing: str) -> Spec | None:
        known = self.structure.things.get(thing)
        if known is None:
            return None
        try:
            return self.specs.get(known.model)
        except Refused:
            return None

    def secure(self, thing: str) -> bool:
        """Whether it guards the home: a lock, a door, a camera."""
        spec = self.spec_of(thing)
        return spec is not None and capability(spec).tile in SECURE

    def things(self) -> Collection[str]:
        return self.structure.things.keys()

    def find_thing(self, name: str) -> str | None:
        if name in self.structure.things:
            return name
        wanted = name.casefold()
        named = [each.id for each in self.structure.things.values() if each.name.casefold() == wanted]
        return named[0] if len(named) == 1 else None

    def things_in(self, room: str) -> Collection[str]:
        return [each.id for each in self.structure.things.values() if each.room == room]

    def things_labelled(self, label: str) -> Collection[str]:
        return [each.id for each in self.structure.things.values() if label in each.labels]

    def rooms(self) -> Collection[str]:
        return self.structure.rooms.keys()

    def find_room(self, name: str) -> str | None:
        if name in self.structure.rooms:
            return name
        wanted = name.casefold()
        named = [each.id for each in self.structure.rooms.values() if each.name.casefold() == wanted]
        return named[0] if len(named) == 1 else None

    def labels(self) -> Collection[str]:
        return {label for each in self.structure.things.values() for label in each.labels}

    def scenes(self) -> Collection[str]:
        return self.structure.scenes.keys()

    def scene_writes(self, scene: str) -> Collection[str]:
        known = self.structure.scenes.get(scene)
        return () if known is None else known.targets.keys()

    def helper_kind(self, helper: str) -> str | None:
        known = self.structure.helpers.get(helper)
        return None if known is None else known.type

    def helpers(self) -> Collection[str]:
        return self.structure.helpers.keys()

    def members(self) -> Collection[str]:
        return self.structure.members.keys()
