"""Home Assistant's service calls, as what they do to the features of a thing.

Names and data keys are those of the domains' documentation (https://www.home-assistant.io/integrations/#actions).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

import msgspec

from setaria.home.ports import Value


class Scale(enum.Enum):
    """How a data key's value becomes the property's."""

    NUMBER = enum.auto()  # as it is, kept within the range
    FLAG = enum.auto()
    PERCENT = enum.auto()  # 0..100
    BYTE = enum.auto()  # 0..255
    FRACTION = enum.auto()  # 0..1
    MIRED = enum.auto()
    RGB = enum.auto()  # [red, green, blue] of 0..255, "#rrggbb" or an int
    NAME = enum.auto()  # the description of a listed value
    HVAC = enum.auto()  # off, or a mode and on
    SWING = enum.auto()  # off, on, vertical, horizontal, both


class Put(msgspec.Struct, frozen=True):
    feature: str
    value: Value


class PutPercent(msgspec.Struct, frozen=True):
    feature: str
    percent: int


class PutNamed(msgspec.Struct, frozen=True):
    feature: str
    names: tuple[str, ...]


class Run(msgspec.Struct, frozen=True):
    action: str


class Flip(msgspec.Struct, frozen=True):
    feature: str


Way = Put | PutPercent | PutNamed | Run | Flip


class Key(msgspec.Struct, frozen=True):
    """The first of these features that the thing has takes the value."""

    scale: Scale
    features: tuple[str, ...]


class Rule(msgspec.Struct, frozen=True):
    """`ways` are tried in order, the first the thing offers is taken; none given: only the data keys count. `keys`
    stand in the order in which they are sent.

    If `off_at_zero` is given and is 0 in the data, the call means to turn off.
    """

    ways: tuple[Way, ...] = ()
    keys: Mapping[str, Key] = {}
    needs: tuple[str, ...] = ()
    off_at_zero: tuple[str, ...] = ()


ON: Final = (Put("on", True),)
OFF: Final = (Put("on", False),)
TOGGLE: Final = (Run("toggle"), Flip("on"))

OPEN_NAMES: Final = ("open", "up", "打开", "开启", "开", "上升")
CLOSE_NAMES: Final = ("close", "down", "关闭", "关", "下降")
STOP_NAMES: Final = ("pause", "stop", "暂停", "停止", "停")
CYCLE_NAMES: Final = ("toggle", "cycle")

# What Home Assistant calls a value -> what specs call it.
SYNONYMS: Final[Mapping[str, tuple[str, ...]]] = {
    "auto": ("auto", "smart", "自动"),
    "heat_cool": ("auto", "smart", "自动"),
    "cool": ("cool", "cooling", "制冷"),
    "heat": ("heat", "heating", "warm", "制热"),
    "dry": ("dry", "除湿"),
    "fan_only": ("fan", "ventilate", "blow", "送风"),
    "low": ("low", "level1", "低"),
    "medium": ("medium", "middle", "mid", "level2", "中"),
    "high": ("high", "level3", "高"),
    "sleep": ("sleep", "sleep mode", "睡眠"),
    "silent": ("silent", "quiet", "silence", "安静"),
    "standard": ("standard", "basic", "标准"),
    "turbo": ("turbo", "full speed", "strong", "强力"),
    "natural": ("natural wind", "natural", "自然风"),
    "normal": ("normal", "straight wind", "standard"),
}

# Names in a list of levels that are no level.
NO_LEVELS: Final = frozenset(
    {
        "auto",
        "sleep",
        "favorite",
        "none",
        "off",
        "manual",
        "interval",
        "consthumidity",
        "const-humidity",
        "natural",
        "smart",
        "自动",
        "睡眠",
    }
)

# Said to every light or cover, and nothing a spec can express; leaving them out changes how, not what.
IGNORED: Final = frozenset({"transition", "flash", "entity_id", "device_id", "area_id"})

_LIGHT_KEYS: Final[Mapping[str, Key]] = {
    "brightness": Key(Scale.BYTE, ("brightness",)),
    "brightness_pct": Key(Scale.PERCENT, ("brightness",)),
    "brightness_step_pct": Key(Scale.NUMBER, ("brightness_delta",)),
    "color_temp_kelvin": Key(Scale.NUMBER, ("color_temperature",)),
    "kelvin": Key(Scale.NUMBER, ("color_temperature",)),
    "color_temp": Key(Scale.MIRED, ("color_temperature",)),
    "rgb_color": Key(Scale.RGB, ("color",)),
    "effect": Key(Scale.NAME, ("mode",)),
}
_SPEED: Final = Key(Scale.PERCENT, ("speed", "fan_level"))
_MODE: Final = Key(Scale.NAME, ("mode", "fan_level"))
_FAN_KEYS: Final[Mapping[str, Key]] = {"percentage": _SPEED, "preset_mode": _MODE}
_TARGET: Final = Key(Scale.NUMBER, ("target_temperature",))
_HVAC: Final = Key(Scale.HVAC, ("mode",))

RULES: Final[Mapping[str, Rule]] = {
    "homeassistant.turn_on": Rule(ON),
    "homeassistant.turn_off": Rule(OFF),
    "homeassistant.toggle": Rule(TOGGLE),
    "light.turn_on": Rule(ON, _LIGHT_KEYS, off_at_zero=("brightness", "brightness_pct")),
    "light.turn_off": Rule(OFF),
    "light.toggle": Rule(TOGGLE),
    "switch.turn_on": Rule(ON),
    "switch.turn_off": Rule(OFF),
    "switch.toggle": Rule(TOGGLE),
    "fan.turn_on": Rule(ON, _FAN_KEYS, off_at_zero=("percentage",)),
    "fan.turn_off": Rule(OFF),
    "fan.toggle": Rule(TOGGLE),
    "fan.set_percentage": Rule(ON, {"percentage": _SPEED}, ("percentage",), ("percentage",)),
    "fan.set_preset_mode": Rule((), {"preset_mode": _MODE}, ("preset_mode",)),
    "fan.oscillate": Rule(
        (), {"oscillating": Key(Scale.FLAG, ("horizontal_swing", "vertical_swing"))}, ("oscillating",)
    ),
    "cover.open_cover": Rule((PutNamed("motor_control", OPEN_NAMES), PutPercent("target_position", 100), Run("open"))),
    "cover.close_cover": Rule((PutNamed("motor_control", CLOSE_NAMES), PutPercent("target_position", 0), Run("close"))),
    "cover.stop_cover": Rule((PutNamed("motor_control", STOP_NAMES), Run("stop"))),
    "cover.toggle": Rule((PutNamed("motor_control", CYCLE_NAMES), Run("toggle"))),
    "cover.set_cover_position": Rule((), {"position": Key(Scale.PERCENT, ("target_position",))}, ("position",)),
    "climate.turn_on": Rule(ON),
    "climate.turn_off": Rule((*OFF, Run("stop"))),
    "climate.toggle": Rule(TOGGLE),
    "climate.set_temperature": Rule((), {"hvac_mode": _HVAC, "temperature": _TARGET}, ("temperature",)),
    "climate.set_hvac_mode": Rule((), {"hvac_mode": _HVAC}, ("hvac_mode",)),
    "climate.set_fan_mode": Rule((), {"fan_mode": Key(Scale.NAME, ("fan_level",))}, ("fan_mode",)),
    "climate.set_preset_mode": Rule((), {"preset_mode": Key(Scale.NAME, ("mode",))}, ("preset_mode",)),
    "climate.set_swing_mode": Rule((), {"swing_mode": Key(Scale.SWING, ())}, ("swing_mode",)),
    "climate.set_humidity": Rule((), {"humidity": Key(Scale.NUMBER, ("target_humidity",))}, ("humidity",)),
    "water_heater.turn_on": Rule(ON),
    "water_heater.turn_off": Rule(OFF),
    "water_heater.set_temperature": Rule((), {"temperature": _TARGET}, ("temperature",)),
    "water_heater.set_operation_mode": Rule((), {"operation_mode": Key(Scale.NAME, ("mode",))}, ("operation_mode",)),
    "humidifier.turn_on": Rule(ON),
    "humidifier.turn_off": Rule(OFF),
    "humidifier.toggle": Rule(TOGGLE),
    "humidifier.set_humidity": Rule((), {"humidity": Key(Scale.NUMBER, ("target_humidity",))}, ("humidity",)),
    "humidifier.set_mode": Rule((), {"mode": _MODE}, ("mode",)),
    "vacuum.start": Rule((Run("start"),)),
    # A robot whose only halt is "stop" halts: it stands still either way.
    "vacuum.pause": Rule((Run("pause"), Run("stop"))),
    "vacuum.stop": Rule((Run("stop"),)),
    "vacuum.return_to_base": Rule((Run("return_to_dock"),)),
    "vacuum.locate": Rule((Run("locate"),)),
    "vacuum.set_fan_speed": Rule((), {"fan_speed": Key(Scale.NAME, ("mode", "fan_level"))}, ("fan_speed",)),
    "lock.lock": Rule((Run("lock"), Put("locked", True), PutNamed("locked", ("lock", "locked")))),
    "lock.unlock": Rule((Run("unlock"), Put("locked", False), PutNamed("locked", ("unlock", "unlocked")))),
    "camera.turn_on": Rule(ON),
    "camera.turn_off": Rule(OFF),
    "media_player.turn_on": Rule(ON),
    "media_player.turn_off": Rule(OFF),
    "media_player.media_play": Rule((Run("play"),)),
    "media_player.media_pause": Rule((Run("pause"),)),
    "media_player.media_stop": Rule((Run("stop"), Run("pause"))),
    "media_player.media_next_track": Rule((Run("next"),)),
    "media_player.media_previous_track": Rule((Run("previous"),)),
    "media_player.volume_set": Rule((), {"volume_level": Key(Scale.FRACTION, ("volume",))}, ("volume_level",)),
    "media_player.volume_mute": Rule((), {"is_volume_muted": Key(Scale.FLAG, ("mute",))}, ("is_volume_muted",)),
}

# Services on an entity that is one property or action of the thing: it is named by its address under `property` or
# `action`. service -> (key of the address, key of the value, "" for none, the value if the call itself is the value).
ADDRESSED: Final[Mapping[str, tuple[str, str, Value | None]]] = {
    "number.set_value": ("property", "value", None),
    "select.select_option": ("property", "option", None),
    "text.set_value": ("property", "value", None),
    "switch.turn_on": ("property", "", True),
    "switch.turn_off": ("property", "", False),
    "switch.toggle": ("property", "", None),
    "button.press": ("action", "", None),
}
