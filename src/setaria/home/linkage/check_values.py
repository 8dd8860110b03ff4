"""What people write for a value, as the values a property can have. The words are those of Home Assistant's states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from setaria.facts.refused import Refused
from setaria.home.linkage.check_refs import Found
from setaria.home.ports import Value
from setaria.home.spec.formats import Format
from setaria.home.spec.model import Property, slug

ABSENT: Final = frozenset(("unavailable", "unknown", "none"))
_TRUE: Final = frozenset(("on", "true", "yes", "detected", "active", "home", "locked", "1", "playing", "wet"))
_FALSE: Final = frozenset(
    ("off", "false", "no", "clear", "idle", "paused", "not_home", "away", "unlocked", "0", "dry", "standby")
)
_OPEN: Final = frozenset(("open", "opened"))
_CLOSED: Final = frozenset(("closed", "close", "shut"))

# A word of Home Assistant -> slugs of the spec's descriptions that mean it.
_LISTED: Final[Mapping[str, tuple[str, ...]]] = {
    "cleaning": (
        *("sweeping", "cleaning", "busy", "working", "mopping", "sweeping-and-mopping", "sweep-and-mop"),
        *("go-washing", "part-cleaning", "spot-cleaning", "room-cleaning", "zone-cleaning", "sweeping-mopping"),
    ),
    "docked": ("charging", "charging-completed", "charged", "fully-charged", "full", "charge-completed", "docked"),
    "returning": ("go-charging", "back-home", "returning", "go-home", "back-to-dock", "returning-home"),
    "idle": ("idle", "standby", "sleep", "sleeping", "stop", "stopped"),
    "paused": ("paused", "pause"),
    "error": ("error", "fault"),
    "playing": ("playing", "play"),
    "heat": ("heat", "heating"),
    "cool": ("cool", "cooling"),
    "dry": ("dry", "drying", "dehumidification", "dehumidify"),
    "fan_only": ("fan", "fan-only", "ventilation", "wind"),
    "heat_cool": ("auto",),
    "running": ("running", "busy", "working"),
    "open": ("open", "opened"),
    "closed": ("closed", "close", "closing-completed"),
    "opening": ("opening",),
    "closing": ("closing",),
    "locked": ("locked", "lock"),
    "unlocked": ("unlocked", "unlock"),
    "on": ("on", "open", "detected", "opened"),
    "off": ("off", "close", "closed", "not-detected", "clear"),
}


def literals(found: Found, value: Value) -> tuple[Value, ...]:
    """Several when the spec splits what one word means. Raises Refused: `value_*`, `state_unavailable`."""
    word = value.strip().casefold() if isinstance(value, str) else ""
    if word in ABSENT and found.format is not Format.STRING:
        raise Refused("state_unavailable", property=found.ref.address, value=word)
    if found.format is Format.BOOL:
        return (_bool(found, value, word),)
    prop = found.prop
    if prop is None:
        return (_number(found, value),)
    if prop.format is Format.STRING:
        return (prop.check(value if isinstance(value, str) else _text(value)),)
    if isinstance(value, bool):
        word = "on" if value else "off"
    if prop.values and word:
        return _listed(prop, word)
    return (prop.parse(_number(found, value)),)


def _bool(found: Found, value: Value, word: str) -> bool:
    if isinstance(value, bool):
        return _turned(found, value)
    if isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    if word in _OPEN or word in _CLOSED:
        return (word in _OPEN) is not _touches(found)
    if word in _TRUE or word in _FALSE:
        return _turned(found, word in _TRUE)
    raise Refused("value_wrong_type", property=found.ref.address, value=str(value)[:64], format="bool")


def _turned(found: Found, value: bool) -> bool:
    """A contact that touches is a door that is shut: the state `on` of a door sensor is the value false."""
    return not value if found.main and _touches(found) else value


def _touches(found: Found) -> bool:
    return found.prop is not None and found.prop.name == "contact-state"


def _listed(prop: Property, word: str) -> tuple[Value, ...]:
    named = prop.named(word)
    if named is not None:
        return (named,)
    try:
        return (prop.parse(int(word)),)
    except ValueError:
        pass
    slugs = _LISTED.get(word, ())
    meant = tuple(value for value, description in prop.values if slug(description) in slugs)
    return meant or (prop.parse(word),)


def _number(found: Found, value: Value) -> Value:
    if isinstance(value, str):
        try:
            number = float(value[:64])
        except ValueError:
            raise Refused(
                "value_wrong_type", property=found.ref.address, value=value[:64], format=found.format.value
            ) from None
        value = int(number) if number.is_integer() else number
    if isinstance(value, bool):
        raise Refused("value_wrong_type", property=found.ref.address, value=value, format=found.format.value)
    return value


def _text(value: Value) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)
