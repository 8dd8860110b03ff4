"""What a linkage may name: the home as the checker and the compiler see it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from setaria.home.spec.model import Spec


class Catalogue(Protocol):
    def spec_of(self, thing: str) -> Spec | None:
        """None when the home has no such thing."""

    def things(self) -> Collection[str]: ...

    def find_thing(self, name: str) -> str | None:
        """The thing with this id, or the only one with this name (in either language)."""

    def things_in(self, room: str) -> Collection[str]: ...

    def things_labelled(self, label: str) -> Collection[str]: ...

    def rooms(self) -> Collection[str]: ...

    def find_room(self, name: str) -> str | None: ...

    def labels(self) -> Collection[str]: ...

    def scenes(self) -> Collection[str]: ...

    def scene_writes(self, scene: str) -> Collection[str]:
        """Addresses that a scene sets."""

    def helper_kind(self, helper: str) -> str | None:
        """switch, counter or timer; None when there is no such helper."""

    def helpers(self) -> Collection[str]: ...

    def members(self) -> Collection[str]: ...
