"""Who wants to hear of something, in the order in which they came."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Told(Generic[T]):
    """`all` may be gone through while somebody comes or leaves: those who were there when it began are told."""

    __slots__ = ("_each", "all")

    def __init__(self) -> None:
        self._each: dict[object, Callable[[T], None]] = {}
        self.all: tuple[Callable[[T], None], ...] = ()

    def add(self, told: Callable[[T], None]) -> Callable[[], None]:
        """Returns what takes it out again; to call that twice does no more than once."""
        key = object()
        self._each[key] = told
        self.all = tuple(self._each.values())

        def undo() -> None:
            self._each.pop(key, None)
            self.all = tuple(self._each.values())

        return undo
