"""Comparing numbers as numeric triggers and conditions do."""

from __future__ import annotations

from collections.abc import Callable

from setaria.home.linkage import rule as r
from setaria.home.linkage.world import World
from setaria.home.ports import Value


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def bound(given: float | r.Ref | None, world: World) -> Callable[[], Value | None]:
    if isinstance(given, r.Ref):
        address = given.address
        return lambda: slot.value if (slot := world.slot(address)) is not None else None
    return lambda: given


def between(value: Value | None, above: Value | None, below: Value | None) -> bool:
    """In the open interval; a bound that is no number now lets nothing through."""
    if type(value) is not float and type(value) is not int:
        return False
    if above is not None and (not is_number(above) or not value > above):  # type: ignore[operator]
        return False
    return below is None or (is_number(below) and value < below)  # type: ignore[operator]
