"""What a Tasmota device switches: relays, lights, shutters and a fan.

`rl` has one entry for each output: 1 a relay, 2 a light, 3 one of the two relays of a shutter. `lt_st` is what the
light can do: 1 dimmer, 2 cold and warm, 3 RGB, 4 RGBW, 5 RGB, cold and warm.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from setaria.radio.mqtt.announcing import Config, Entity, text_of
from setaria.radio.mqtt.tasmota_said import CMND, STAT, TELE, Said

RELAY, LIGHT, SHUTTER = 1, 2, 3
DIMMER, COLD_WARM, RGB, RGBW, RGB_COLD_WARM = 1, 2, 3, 4, 5
# Set options, as `so` names them.
RELAYS_ARE_LIGHTS: Final = "30"
ONE_LIGHT_A_CHANNEL: Final = "68"
NARROW_WARMTH: Final = "82"
MOST_SHUTTERS: Final = 16
INVERTED: Final = 1  # in `sho`


def outputs(said: Said) -> Iterator[Entity]:
    kinds = [each if isinstance(each, int) else 0 for each in said.listed("rl")]
    fan = said.flag("if")
    if fan:
        yield said.entity("fan", "FAN", "", _fan(said))
        kinds = [RELAY if kind == LIGHT else kind for kind in kinds]  # a lamp that cannot be dimmed
    lights = [place for place, kind in enumerate(kinds) if kind == LIGHT]
    several = sum(kind != 0 for kind in kinds) > 1
    for place, kind in enumerate(kinds):
        name = _name(said, place) if several else ""
        power = _power(said, place, several)
        if kind == LIGHT:
            yield said.entity("light", f"LI_{place + 1}", name, {**power, **_light(said, place, lights.index(place))})
        elif kind == RELAY:
            lamp = fan or said.option(RELAYS_ARE_LIGHTS)
            yield said.entity("light" if lamp else "switch", f"RL_{place + 1}", name, power)
    for number in range(1, _shutters(kinds) + 1):
        yield said.entity("cover", f"SHT_{number}", "", _shutter(said, number))


def _name(said: Said, place: int) -> str:
    names = said.listed("fn")
    return text_of(names[place]) if place < len(names) else ""


def _power(said: Said, place: int, several: bool) -> Config:
    """The only output is POWER, and may be called POWER1; of several each has its number."""
    number = place + 1
    power = f"POWER{number}" if several or place else "POWER"
    template = either(power, "POWER1" if power == "POWER" else "POWER" if number == 1 else "")
    return {
        "payload_on": said.word(1, "ON"),
        "payload_off": said.word(0, "OFF"),
        "state_topic": _states(said),
        "value_template": template,
        "state_value_template": template,
        "command_topic": said.topic(CMND, power),
    }


def _states(said: Said) -> tuple[str, ...]:
    return said.topic(STAT, "RESULT"), said.topic(TELE, "STATE")


def either(*keys: str) -> str:
    """The first of these keys that the state has; nothing when it has none."""
    first, *others = [each for each in keys if each]
    second = next((each for each in others if each != first), "")
    nothing = f"value_json['{second}'] | default('')" if second else "''"
    return f"{{{{ value_json['{first}'] if value_json['{first}'] is defined else {nothing} }}}}"


def _light(said: Said, place: int, which: int) -> Config:
    """Its light may be one lamp, one lamp a channel, or a coloured and a white one (`lk` 0)."""
    able = said.config.get("lt_st")
    if said.option(ONE_LIGHT_A_CHANNEL):
        return _brightness(said, f"Channel{place + 1}", f"Channel{place + 1}")
    if able in (RGBW, RGB_COLD_WARM) and "lk" in said.config and not said.flag("lk"):
        dimmer = _brightness(said, f"Dimmer{which + 1}", f"Dimmer{which + 1}")
        if which == 0:
            return {**dimmer, **_colour(said)}
        return {**dimmer, **_warmth(said)} if able == RGB_COLD_WARM else dimmer
    found: Config = {}
    if able in (DIMMER, COLD_WARM, RGB, RGBW, RGB_COLD_WARM):
        found |= _brightness(said, "Dimmer3" if said.flag("ty") else "Dimmer", "Dimmer")
    if able in (COLD_WARM, RGB_COLD_WARM):
        found |= _warmth(said)
    if able in (RGB, RGBW, RGB_COLD_WARM):
        found |= _colour(said)
    return found


def _brightness(said: Said, command: str, told: str) -> Config:
    return {
        "brightness_command_topic": said.topic(CMND, command),
        "brightness_state_topic": _states(said),
        "brightness_scale": 100,
        "brightness_value_template": either(told),
        "on_command_type": "last",
    }


def _warmth(said: Said) -> Config:
    cold, warm = (200, 380) if said.option(NARROW_WARMTH) else (153, 500)
    return {
        "color_temp_command_topic": said.topic(CMND, "CT"),
        "color_temp_state_topic": _states(said),
        "color_temp_value_template": either("CT"),
        "min_mireds": cold,
        "max_mireds": warm,
    }


def _colour(said: Said) -> Config:
    """`HSBColor` is hue, saturation, brightness. `HsbColor` takes all three or, numbered, one: the brightness is the
    dimmer's, so hue and saturation are sent each on its own, in one message."""
    return {
        "hs_command_topic": said.topic(CMND, "Backlog"),
        "hs_command_template": "NoDelay;HsbColor1 {{ hue | round }};NoDelay;HsbColor2 {{ sat | round }}",
        "hs_state_topic": _states(said),
        "hs_value_template": either("HSBColor"),
    }


def _shutters(kinds: list[int]) -> int:
    """Each has two relays, one after the other."""
    return min(sum(kind == SHUTTER for kind in kinds) // 2, MOST_SHUTTERS)


def _shutter(said: Said, number: int) -> Config:
    states = (said.topic(STAT, "RESULT"), said.topic(TELE, "SENSOR"), said.topic(STAT, "STATUS10"))
    options, tilts = said.listed("sho"), said.listed("sht")
    inverted = number <= len(options) and isinstance(options[number - 1], int) and options[number - 1] & INVERTED
    own = f"Shutter{number}"
    found: Config = {
        "command_topic": said.topic(CMND, "Backlog"),
        "payload_open": f"ShutterOpen{number}",
        "payload_close": f"ShutterClose{number}",
        "payload_stop": f"ShutterStop{number}",
        "position_topic": states,
        "position_template": within(own, "Position"),
        "set_position_topic": said.topic(CMND, f"ShutterPosition{number}"),
    }
    if inverted:
        found |= {"position_open": 0, "position_closed": 100}
    low, high, takes = _tilt(tilts[number - 1] if number <= len(tilts) else None)
    if takes and low != high:
        found |= {
            "tilt_command_topic": said.topic(CMND, f"ShutterTilt{number}"),
            "tilt_status_topic": states,
            "tilt_status_template": within(own, "Tilt"),
            "tilt_min": low,
            "tilt_max": high,
        }
    return found


def _tilt(told: object) -> tuple[int, int, int]:
    """Lowest, highest, and how long it takes."""
    if isinstance(told, list) and len(told) == 3 and all(isinstance(each, int) for each in told):
        return told[0], told[1], told[2]
    return 0, 0, 0


def within(*path: str | int) -> str:
    """The value at this path of a `SENSOR` or a `STATUS10`, nothing when that has none."""
    first, whole = f"['{path[0]}']", "".join(f"['{each}']" if isinstance(each, str) else f"[{each}]" for each in path)
    return (
        "{% set told = value_json['StatusSNS'] if value_json['StatusSNS'] is defined else value_json %}"
        f"{{{{ told{whole} if told{first} is defined else '' }}}}"
    )


def _fan(said: Said) -> Config:
    """An iFan: three speeds, 0 is off."""
    speed = said.topic(CMND, "FanSpeed")
    known = "value_json['FanSpeed'] is defined"
    return {
        "command_topic": speed,
        "payload_on": "2",
        "payload_off": "0",
        "state_topic": _states(said),
        "state_value_template": f"{{{{ ('2' if value_json['FanSpeed'] > 0 else '0') if {known} else '' }}}}",
        "percentage_command_topic": speed,
        "percentage_state_topic": _states(said),
        "percentage_value_template": either("FanSpeed"),
        "speed_range_min": 1,
        "speed_range_max": 3,
    }
