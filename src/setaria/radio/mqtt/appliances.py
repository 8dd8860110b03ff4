"""The components with many parts: covers, climates, fans and vacuums."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from setaria.home.ports import Value
from setaria.home.spec.convert import numeric
from setaria.home.spec.formats import Format
from setaria.home.spec.model import Range
from setaria.radio.mqtt.classes import COVER_STATES, GUARDED_COVERS, HVAC_MODES, VACUUM_STATES
from setaria.radio.mqtt.draft import Draft
from setaria.radio.mqtt.parts import Publication
from setaria.radio.mqtt.templates import same, wire_text

PERCENT: Final[Range] = (0, 100, 1)
MOST_LEVELS: Final = 10  # a fan with more speeds has a percentage


class Scale:
    """Two ends of another scale, which may lie the wrong way round, <-> 0..100 percent, 100 being open."""

    def __init__(self, closed: float, opened: float) -> None:
        self._closed, self._span = closed, (opened - closed) or 1.0

    def from_wire(self, wire: float) -> int:
        return min(max(round((wire - self._closed) * 100 / self._span), 0), 100)

    def to_wire(self, percent: Any) -> int:
        return round(self._closed + float(percent) * self._span / 100)


def cover(draft: Draft) -> None:
    """`current-position` follows the cover, `target-position` moves it; `motor-control` opens, closes, stops."""
    guarded = draft.text("device_class") in GUARDED_COVERS
    service = draft.kind = "door" if guarded else "curtain"
    scale = Scale(draft.number("position_closed", 0), draft.number("position_open", 100))
    position = ("position_topic", "position_template")
    draft.quantity(
        "position",
        service,
        "current-position",
        position,
        form=Format.UINT8,
        unit="percentage",
        range=PERCENT,
        from_wire=scale.from_wire,
    )
    publish = draft.publisher("set_position_topic", "set_position_template")
    if publish is not None:

        def move(value: Value, _: Mapping[str, Value]) -> list[Publication]:
            return [publish(scale.to_wire(value), position=scale.to_wire(value))]

        draft.field("target", service, "target-position", Format.UINT8, (), move, unit="percentage", range=PERCENT)
    _motor(draft, service)
    state = ("state_topic", "value_template")
    named = {word: draft.text(f"state_{word}", word) for word in COVER_STATES}

    def standing(wire: Any) -> Value | None:
        return next((word for word, payload in named.items() if same(wire, payload)), None)

    draft.field("state", service, "status", Format.UINT16, draft.sources(*state, standing), choices=COVER_STATES)
    tilt = Scale(draft.number("tilt_min", 0), draft.number("tilt_max", 100))
    draft.quantity(
        "tilt",
        service,
        "tilt-position",
        ("tilt_status_topic", "tilt_status_template"),
        ("tilt_command_topic", "tilt_command_template"),
        form=Format.UINT8,
        unit="percentage",
        range=PERCENT,
        to_wire=tilt.to_wire,
        from_wire=tilt.from_wire,
    )


def _motor(draft: Draft, service: str) -> None:
    publish = draft.publisher("command_topic")
    if publish is None:
        return
    words = {
        name: draft.text(f"payload_{name}", name.upper())
        for name in ("open", "close", "stop")
        if draft.config.get(f"payload_{name}", "") is not None  # null: it cannot
    }

    def drive(value: Value, _: Mapping[str, Value]) -> list[Publication]:
        return [publish(words[str(value)])]

    draft.field("motor", service, "motor-control", Format.UINT16, (), drive, choices=tuple(words))


def climate(draft: Draft) -> None:
    """The mode `off` is the property `on`; the others stand under `mode`."""
    modes = draft.words("modes", HVAC_MODES)
    cooling = {"cool", "dry", "fan_only", "heat_cool"} & set(modes)
    service = draft.kind = "air-conditioner" if cooling else "thermostat"
    _climate_modes(draft, service, modes)
    unit = "fahrenheit" if draft.text("temperature_unit") == "F" else "celsius"
    low, high = (44.6, 95) if unit == "fahrenheit" else (7, 35)
    step = draft.number("temp_step", 1)
    found: Range = (draft.number("min_temp", low), draft.number("max_temp", high), step if step > 0 else 1)
    for key, name in (("", ""), ("_low", "-low"), ("_high", "-high")):  # one target, or the two ends to stay between
        state = (f"temperature{key}_state_topic", f"temperature{key}_state_template")
        command = (f"temperature{key}_command_topic", f"temperature{key}_command_template")
        draft.quantity(f"target{key}", service, f"target-temperature{name}", state, command, unit=unit, range=found)
    damp = (draft.number("min_humidity", 30), draft.number("max_humidity", 99), 1)
    draft.quantity(
        "target_humidity",
        service,
        "target-humidity",
        ("target_humidity_state_topic", "target_humidity_state_template"),
        ("target_humidity_command_topic", "target_humidity_command_template"),
        unit="percentage",
        range=damp,
    )
    current = ("current_temperature_topic", "current_temperature_template")
    draft.quantity("current", "environment", "temperature", current, unit=unit)
    humid = ("current_humidity_topic", "current_humidity_template")
    draft.quantity("humidity", "environment", "relative-humidity", humid, unit="percentage")
    for key, name, default in (
        ("fan_mode", "fan-level", ("auto", "low", "medium", "high")),
        ("swing_mode", "swing-mode", ("on", "off")),
        ("swing_horizontal_mode", "horizontal-swing-mode", ("on", "off")),
        ("preset_mode", "preset", ()),
    ):
        template = f"{key}_value_template" if key == "preset_mode" else f"{key}_state_template"
        choices = draft.words(f"{key}s", default)
        commands = (f"{key}_command_topic", f"{key}_command_template")
        draft.choice(key, service, name, (f"{key}_state_topic", template), commands, choices)
    actions = ("off", "heating", "cooling", "drying", "fan", "idle", "preheating", "defrosting")
    draft.choice("action", service, "status", ("action_topic", "action_template"), ("", ""), actions)


def _climate_modes(draft: Draft, service: str, modes: tuple[str, ...]) -> None:
    state = ("mode_state_topic", "mode_state_template")
    publish = draft.publisher("mode_command_topic", "mode_command_template")
    running = tuple(each for each in modes if each != "off")
    by_power = draft.publisher("power_command_topic", "power_command_template")
    power = (draft.text("payload_on", "ON"), draft.text("payload_off", "OFF"))

    def on(wire: Any) -> Value | None:
        text = wire_text(wire).casefold()
        return None if text in ("none", "") else text != "off"

    def turn(value: Value, known: Mapping[str, Value]) -> list[Publication]:
        if by_power is not None:
            return [by_power(power[0] if value else power[1])]
        if publish is None:
            return []
        if value and "mode" in known and str(known["mode"]) in running:
            return [publish(known["mode"])]
        return [publish(running[0] if value and running else "off")]

    can_turn = by_power is not None or (publish is not None and "off" in modes)
    draft.field("on", service, "on", Format.BOOL, draft.sources(*state, on), turn if can_turn else None)
    if len(running) > 1:
        draft.choice("mode", service, "mode", state, ("mode_command_topic", "mode_command_template"), running)
    if "mode" in draft.writers and by_power is None:
        _once(draft)


def _once(draft: Draft) -> None:
    """On and a mode together are one message: the mode."""
    on, mode = draft.writers.get("on"), draft.writers["mode"]
    if on is None:
        return

    def turn(value: Value, known: Mapping[str, Value]) -> list[Publication]:
        return on(value, known)

    def encode(writes: Mapping[str, Value], known: Mapping[str, Value]) -> list[Publication]:
        rest = {key: value for key, value in writes.items() if key not in ("on", "mode")}
        sent: list[Publication] = []
        if writes.get("on") is False:
            sent += turn(False, known)
        elif "mode" in writes:
            sent += mode(writes["mode"], known)
        elif "on" in writes:
            sent += turn(True, {**known, **writes})
        return sent + [each for key, value in rest.items() for each in draft.writers[key](value, {**known, **writes})]

    draft.encode = encode


def fan(draft: Draft) -> None:
    draft.kind = "fan"
    words = (draft.text("payload_on", "ON"), draft.text("payload_off", "OFF"))
    template = "state_value_template"
    draft.switch("on", "fan", "on", ("state_topic", template), ("command_topic", "command_template"), words)
    low, high = round(draft.number("speed_range_min", 1)), round(draft.number("speed_range_max", 100))
    state = ("percentage_state_topic", "percentage_value_template")
    command = ("percentage_command_topic", "percentage_command_template")
    if high - low < MOST_LEVELS:
        levels = tuple(str(each) for each in range(max(low, 1), high + 1))
        draft.choice(
            "speed", "fan", "fan-level", state, command, levels, to_wire=int
        )  # templates look it up as a number
    else:
        to_wire, from_wire = _speeds(low, high)
        draft.quantity(
            "speed",
            "fan",
            "speed-level",
            state,
            command,
            form=Format.UINT8,
            unit="percentage",
            range=(1, 100, 1),
            to_wire=to_wire,
            from_wire=from_wire,
        )
    presets = draft.words("preset_modes")
    preset = ("preset_mode_state_topic", "preset_mode_value_template")
    draft.choice(
        "preset", "fan", "mode", preset, ("preset_mode_command_topic", "preset_mode_command_template"), presets
    )
    swing = (
        draft.text("payload_oscillation_on", "oscillate_on"),
        draft.text("payload_oscillation_off", "oscillate_off"),
    )
    draft.switch(
        "oscillation",
        "fan",
        "horizontal-swing",
        ("oscillation_state_topic", "oscillation_value_template"),
        ("oscillation_command_topic", "oscillation_command_template"),
        swing,
    )
    draft.choice(
        "direction",
        "fan",
        "direction",
        ("direction_state_topic", "direction_value_template"),
        ("direction_command_topic", "direction_command_template"),
        ("forward", "reverse"),
    )


def _speeds(low: int, high: int) -> tuple[Callable[[Any], int], Callable[[float], int | None]]:
    """Home Assistant's rule: of n speeds, each is the n-th part of 100 %, and 0 is off."""
    count = high - low + 1

    def to_wire(percent: Any) -> int:
        return min(max(-(-round(float(percent)) * count // 100) + low - 1, low), high)

    def from_wire(wire: float) -> int | None:
        return None if wire < low else min(max(int((wire - low + 1) * 100 // count), 1), 100)

    return to_wire, from_wire


def vacuum(draft: Draft) -> None:
    """Its state is JSON: `{"state": "docked", "battery_level": 61, "fan_speed": "off"}`."""
    draft.kind = "vacuum"

    def told(key: str) -> Callable[[Any], Any]:
        def decode(wire: Any) -> Any:
            from setaria.radio.mqtt.templates import Heard

            found = Heard("", wire.encode()).json if isinstance(wire, str) else wire
            return found.get(key) if isinstance(found, dict) else None

        return decode

    state, battery, speed = told("state"), told("battery_level"), told("fan_speed")
    topic = ("state_topic", "value_template")

    def standing(wire: Any) -> Value | None:
        found = state(wire)
        return found if isinstance(found, str) and found in VACUUM_STATES else None

    def charge(wire: Any) -> Value | None:
        found = numeric(battery(wire))
        return None if found is None else round(found)

    speeds = draft.words("fan_speed_list")
    draft.field("state", "vacuum", "status", Format.UINT16, draft.sources(*topic, standing), choices=VACUUM_STATES)
    draft.field(
        "battery",
        "battery",
        "battery-level",
        Format.UINT8,
        draft.sources(*topic, charge),
        unit="percentage",
        range=PERCENT,
    )
    publish = draft.publisher("set_fan_speed_topic")
    if speeds:
        sources = draft.sources(*topic, lambda wire: found if (found := speed(wire)) in speeds else None)
        writer = None if publish is None else (lambda value, known: [publish(value)])
        draft.field("speed", "vacuum", "mode", Format.UINT16, sources, writer, choices=speeds)
    features = draft.words("supported_features", ("start", "stop", "return_home"))
    for feature, service, name, payload in (
        ("start", "vacuum", "start-sweep", draft.text("payload_start", "start")),
        ("pause", "vacuum", "pause", draft.text("payload_pause", "pause")),
        ("stop", "vacuum", "stop-sweeping", draft.text("payload_stop", "stop")),
        ("return_home", "battery", "start-charge", draft.text("payload_return_to_base", "return_to_base")),
        ("locate", "identify", "identify", draft.text("payload_locate", "locate")),
        ("clean_spot", "vacuum", "clean-spot", draft.text("payload_clean_spot", "clean_spot")),
    ):
        if feature in features:
            draft.deed(feature, service, name, "command_topic", payload)
