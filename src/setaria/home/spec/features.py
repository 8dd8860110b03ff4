"""Uniform names for what things have, do and tell, and where real specs keep it.

A place is `service.name`; `@` stands for a main service of the thing's kind, `*` for any. The first place that exists
and has the shape wins; of services of the same name the first. Names were counted in 231 real specs.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

import msgspec

from setaria.home.spec.kinds import Tile


class Shape(enum.Enum):
    BOOL = enum.auto()
    NUMBER = enum.auto()  # a number without a list of values
    CHOICE = enum.auto()  # a list of values, or a number
    STATE = enum.auto()  # a bool, a list of values or a number
    ANY = enum.auto()


class Feature(msgspec.Struct, frozen=True):
    shape: Shape
    places: tuple[str, ...]


class Deed(msgspec.Struct, frozen=True):
    """`inputs` is how many arguments the action takes; `tiles`, if any, are the only ones it means this for."""

    places: tuple[str, ...]
    inputs: int = 0
    tiles: tuple[Tile, ...] = ()


B, N, C, S, A = Shape.BOOL, Shape.NUMBER, Shape.CHOICE, Shape.STATE, Shape.ANY

FEATURES: Final[Mapping[str, Feature]] = {
    # control
    "on": Feature(B, ("@.on", "@.switch-status")),
    "brightness": Feature(N, ("@.brightness",)),
    "brightness_delta": Feature(N, ("light-extension.brightness-delta",)),
    "color_temperature": Feature(N, ("@.color-temperature",)),
    "color": Feature(N, ("@.color",)),
    "mode": Feature(C, ("@.mode", "@.cook-mode", "@.water-mode", "@.clean-mode")),
    "target_temperature": Feature(C, ("@.target-temperature",)),
    "target_humidity": Feature(C, ("@.target-humidity", "environment.target-humidity")),
    "target_time": Feature(C, ("@.target-time", "@.cook-time", "@.wash-time")),
    "fan_level": Feature(C, ("@.fan-level", "fan-control.fan-level", "ceiling-fan.fan-level", "fan.fan-level")),
    "speed": Feature(N, ("@.speed-level", "dm-service.speed-level", "@.speed")),
    "horizontal_swing": Feature(B, ("@.horizontal-swing", "fan-control.horizontal-swing")),
    "vertical_swing": Feature(B, ("@.vertical-swing", "fan-control.vertical-swing")),
    "swing_angle": Feature(C, ("@.horizontal-angle", "@.horizontal-swing-included-angle")),
    "position": Feature(N, ("@.current-position",)),
    "target_position": Feature(N, ("@.target-position",)),
    "motor_control": Feature(C, ("@.motor-control", "motor-controller.motor-control")),
    "locked": Feature(S, ("@.locked", "@.lock-state", "@.lock-action")),
    "child_lock": Feature(
        B,
        ("physical-controls-locked.physical-controls-locked", "child-lock.child-lock", "*.child-lock", "*.childlock"),
    ),
    "alarm": Feature(S, ("alarm.alarm", "@.alarm")),
    "indicator": Feature(B, ("indicator-light.on",)),
    "timer": Feature(
        N, ("countdown.countdown-time", "@.countdown-time", "@.off-delay-time", "*.off-delay-time", "delay.delay-time")
    ),
    "anion": Feature(B, ("@.anion",)),
    "eco": Feature(B, ("@.eco",)),
    "volume": Feature(N, ("speaker.volume", "@.volume", "audio.volume", "*.volume")),
    "mute": Feature(B, ("speaker.mute", "@.mute")),
    "mop_mode": Feature(C, ("vacuum-extend.mop-mode", "@.mop-mode", "*.mop-mode")),
    "arming": Feature(C, ("arming.arming-mode",)),
    "night_shot": Feature(C, ("@.night-shot",)),
    "recording": Feature(C, ("@.recording-mode",)),
    "motion_detection": Feature(B, ("motion-detection.motion-detection",)),
    "default_on": Feature(S, ("@.default-power-on-state", "*.default-power-on-state")),
    # state
    "status": Feature(C, ("@.status",)),
    "fault": Feature(A, ("@.fault",)),
    "playing": Feature(C, ("play-control.playing-state",)),
    "left_time": Feature(N, ("@.left-time", "*.left-time")),
    "door": Feature(S, ("@.door-state",)),
    "water_level": Feature(C, ("@.water-level", "*.water-level", "*.water-percentage")),
    "filter_life": Feature(N, ("filter.filter-life-level", "*.filter-life-level")),
    "brush_life": Feature(N, ("brush-cleaner.brush-life-level", "*.main-brush-life")),
    "cleaning_area": Feature(N, ("*.cleaning-area", "*.clean-area")),
    "cleaning_time": Feature(N, ("*.cleaning-time", "*.clean-time")),
    "battery": Feature(N, ("battery.battery-level", "*.battery-level")),
    "charging": Feature(S, ("battery.charging-state", "*.charging-state")),
    "mileage": Feature(N, ("@.mileage",)),
    # senses
    "temperature": Feature(N, ("environment.temperature", "temperature-humidity-sensor.temperature", "@.temperature")),
    "humidity": Feature(
        N, ("environment.relative-humidity", "temperature-humidity-sensor.relative-humidity", "@.relative-humidity")
    ),
    "pm25": Feature(N, ("environment.pm2.5-density", "*.pm2.5-density")),
    "pm10": Feature(N, ("environment.pm10-density", "*.pm10-density")),
    "co2": Feature(N, ("environment.co2-density", "*.co2-density")),
    "tvoc": Feature(N, ("environment.tvoc-density", "*.tvoc-density")),
    "air_quality": Feature(C, ("environment.air-quality", "environment.air-quality-index", "*.air-quality")),
    "motion": Feature(S, ("@.motion-state", "motion-sensor.motion-state", "@.occupancy-status")),
    "contact": Feature(S, ("magnet-sensor.contact-state", "door.door-state")),
    "illumination": Feature(C, ("illumination-sensor.illumination", "*.illumination")),
    "submersion": Feature(S, ("@.submersion-state",)),
    "smoke": Feature(S, ("@.smoke-state", "@.status")),
    "tds": Feature(N, ("tds-sensor.tds-out",)),
    "power": Feature(N, ("power-consumption.electric-power", "*.electric-power", "power.power")),
    "energy": Feature(N, ("power-consumption.power-consumption", "*.power-consumption")),
    "voltage": Feature(N, ("power-consumption.voltage", "switch.voltage")),
    "current": Feature(N, ("power-consumption.electric-current", "*.electric-current")),
}

# A feature whose fallback would mislead on other kinds is kept to these.
ONLY_FOR: Final[Mapping[str, tuple[str, ...]]] = {"smoke": ("smoke-sensor",)}

DEEDS: Final[Mapping[str, Deed]] = {
    "start": Deed(
        (
            "@.start-sweep",
            "@.start-clean",
            "@.start-sweep-mop",
            "@.start-wash",
            "@.start-cook",
            "@.start",
            "*.start-cook",
        )
    ),
    "stop": Deed(("@.stop-sweeping", "@.stop-clean", "@.cancel-cooking", "@.stop-working", "@.stop-wash", "@.stop")),
    "pause": Deed(("@.pause-sweeping", "@.pause", "play-control.pause")),
    "resume": Deed(("@.continue-sweep", "@.resume-cook", "*.continue-sweep", "*.resume-cook")),
    "return_to_dock": Deed(("battery.start-charge", "*.start-charge", "*.set-go-charging"), tiles=(Tile.VACUUM,)),
    "locate": Deed(("identify.identify", "@.identify", "*.find-robot", "audio.position")),
    "empty_bin": Deed(("*.start-dust", "*.start-collect")),
    "open": Deed(("@.open",)),
    "close": Deed(("@.close",)),
    "lock": Deed(("@.lock",)),
    "unlock": Deed(("@.unlock",)),
    "toggle": Deed(("@.toggle",)),
    "toggle_mode": Deed(("@.toggle-mode", "*.toggle-mode")),
    "brightness_up": Deed(("@.brightness-up",)),
    "brightness_down": Deed(("@.brightness-down",)),
    "turn_left": Deed(("@.turn-left",)),
    "turn_right": Deed(("@.turn-right",)),
    "play": Deed(("play-control.play", "@.play")),
    "next": Deed(("play-control.next", "@.next")),
    "previous": Deed(("play-control.previous", "@.previous")),
    "say": Deed(("intelligent-speaker.play-text",), inputs=1),
    "reset_filter": Deed(("filter.reset-filter-life",)),
}

HAPPENINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "motion": ("@.motion-detected", "*.motion-detected"),
    "opened": ("@.opened", "@.door-opened", "door.door-opened"),
    "closed": ("@.closed", "door.door-closed"),
    "clicked": ("@.click", "*.click"),
    "double_clicked": ("@.double-click", "*.double-click"),
    "held": ("@.long-press", "*.long-press"),
    "rang": ("doorbell.doorbell-ring", "*.doorbell-ring"),
    "lock_event": ("lock.lock-event",),
    "low_battery": ("battery.low-battery", "*.low-battery"),
    "finished": ("@.wash-end", "@.cooking-finished", "@.clean-completed", "*.cleanup-completed", "*.finish-clean"),
    "fault_occurred": ("@.fault-occurred", "@.exception-occurred"),
}
