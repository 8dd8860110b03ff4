"""Lights in their three schemas: default (a topic a field), json (one object), template (text made by templates)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from setaria.facts.refused import Refused
from setaria.home.ports import Value
from setaria.home.spec.convert import numeric
from setaria.home.spec.formats import Format
from setaria.home.spec.model import Range
from setaria.radio.mqtt import colours, topics
from setaria.radio.mqtt.draft import Draft
from setaria.radio.mqtt.parts import Publication, Source
from setaria.radio.mqtt.templates import Heard, read, rendered, same, wire_text

SERVICE: Final = "light"
MIREDS: Final = (153, 500)
KELVINS: Final = (2000, 6535)
COLOURED: Final = frozenset({"hs", "xy", "rgb", "rgbw", "rgbww"})
RGB: Final[Range] = (0, 0xFFFFFF, 1)
_SCHEMAS: Final = frozenset({"default", "basic", "json", "template"})


class Brightness:
    """1..100 percent <-> 1..scale; both ways exact when the scale is finer, else the scale itself is used."""

    def __init__(self, scale: float) -> None:
        self.scale = max(round(scale), 1)
        self.percent = self.scale >= 100
        self.range: Range = (1, 100, 1) if self.percent else (1, self.scale, 1)
        self.unit = "percentage" if self.percent else ""

    def to_wire(self, value: float) -> int:
        return max(round(value * self.scale / 100), 1) if self.percent else round(value)

    def from_wire(self, wire: float) -> int | None:
        """0 is what a lamp that is off says of its brightness: nothing."""
        if wire <= 0:
            return None
        return min(max(round(wire * 100 / self.scale), 1), 100) if self.percent else min(round(wire), self.scale)


class Warmth:
    """Kelvin <-> what the lamp uses, mireds unless `color_temp_kelvin`."""

    def __init__(self, draft: Draft) -> None:
        self.kelvin = draft.flag("color_temp_kelvin")
        cold, warm = draft.number("min_mireds", MIREDS[0]), draft.number("max_mireds", MIREDS[1])
        low, high = draft.number("min_kelvin", 0), draft.number("max_kelvin", 0)
        if self.kelvin:
            low, high = low or KELVINS[0], high or KELVINS[1]
        else:
            low, high = low or 1e6 / max(warm, 1), high or 1e6 / max(cold, 1)
        self.range: Range = (round(min(low, high)), round(max(low, high)), 1)

    def to_wire(self, value: float) -> int:
        return round(value) if self.kelvin else round(1e6 / max(value, 1))

    def from_wire(self, wire: float) -> int | None:
        if wire <= 0:
            return None
        found = round(wire if self.kelvin else 1e6 / wire)
        low, high, _ = self.range
        return min(max(found, int(low)), int(high))


def light(draft: Draft) -> None:
    draft.kind = "light"
    schema = draft.text("schema", "default")
    if schema not in _SCHEMAS:
        raise Refused("mqtt_schema_unknown", schema=schema[:40])
    if schema == "json":
        _json(draft)
    elif schema == "template":
        _template(draft)
    else:
        _default(draft)


def _default(draft: Draft) -> None:
    on, off = draft.text("payload_on", "ON"), draft.text("payload_off", "OFF")
    template = "state_value_template" if draft.has("state_value_template") else "value_template"
    draft.switch("on", SERVICE, "on", ("state_topic", template), ("command_topic", ""), (on, off))
    bright = Brightness(draft.number("brightness_scale", 255))
    draft.quantity(
        "brightness",
        SERVICE,
        "brightness",
        ("brightness_state_topic", "brightness_value_template"),
        ("brightness_command_topic", "brightness_command_template"),
        form=Format.UINT16,
        unit=bright.unit,
        range=bright.range,
        to_wire=bright.to_wire,
        from_wire=bright.from_wire,
    )
    warm = Warmth(draft)
    draft.quantity(
        "color_temp",
        SERVICE,
        "color-temperature",
        ("color_temp_state_topic", "color_temp_value_template"),
        ("color_temp_command_topic", "color_temp_command_template"),
        form=Format.UINT32,
        unit="kelvin",
        range=warm.range,
        to_wire=warm.to_wire,
        from_wire=warm.from_wire,
    )
    _default_colour(draft)
    effects = draft.words("effect_list")
    draft.choice(
        "effect",
        SERVICE,
        "mode",
        ("effect_state_topic", "effect_value_template"),
        ("effect_command_topic", "effect_command_template"),
        effects,
    )
    how = draft.text("on_command_type", "last")
    draft.order = {"on": -1 if how == "first" else 1}
    if how == "brightness":
        _on_by_brightness(draft, bright)


def _on_by_brightness(draft: Draft, bright: Brightness) -> None:
    """Such a lamp knows no other way on than a brightness."""
    by_brightness, plain = draft.writers.get("brightness"), draft.writers.get("on")
    if by_brightness is None or plain is None:
        return

    def write(value: Value, known: Mapping[str, Value]) -> list[Publication]:
        if value and isinstance(known.get("brightness"), int | float):
            return by_brightness(known["brightness"], known)
        return by_brightness(bright.range[1], known) if value else plain(value, known)

    draft.writers["on"] = write


def _default_colour(draft: Draft) -> None:
    """Of several ways to say a colour the one that needs no conversion is taken."""
    ways: tuple[tuple[str, int, Callable[[list[float]], int], Callable[[int], dict[str, float]]], ...] = (
        ("rgb", 3, lambda v: colours.packed(*v[:3]), _rgb_names),
        ("rgbw", 3, lambda v: colours.packed(*v[:3]), lambda c: {**_rgb_names(c), "white": 0}),
        ("rgbww", 3, lambda v: colours.packed(*v[:3]), lambda c: {**_rgb_names(c), "cold_white": 0, "warm_white": 0}),
        (
            "hs",
            2,
            lambda v: colours.from_hs(*v[:2]),
            lambda c: dict(zip(("hue", "sat"), colours.to_hs(c), strict=True)),
        ),
        ("xy", 2, lambda v: colours.from_xy(*v[:2]), lambda c: dict(zip("xy", colours.to_xy(c), strict=True))),
    )
    for way, least, from_wire, to_wire in ways:
        publish = draft.publisher(f"{way}_command_topic", f"{way}_command_template")
        sources = draft.sources(f"{way}_state_topic", f"{way}_value_template", _decoding(least, from_wire))
        if publish is None and not sources:
            continue

        def write(
            value: Value, _: Mapping[str, Value], publish: Any = publish, to_wire: Any = to_wire
        ) -> list[Publication]:
            named = to_wire(int(value))
            return [publish(",".join(map(wire_text, named.values())), **named)]

        draft.field(
            "color",
            SERVICE,
            "color",
            Format.UINT32,
            sources,
            None if publish is None else write,
            unit="rgb",
            range=RGB,
        )
        return


def _decoding(least: int, from_wire: Callable[[list[float]], int]) -> Callable[[Any], Value | None]:
    def decode(wire: Any) -> Value | None:
        found = colours.numbers(wire, least)
        return None if found is None else from_wire(found)

    return decode


def _rgb_names(colour: int) -> dict[str, float]:
    return dict(zip(("red", "green", "blue"), colours.parts(colour), strict=True))


# The json schema.


def _json(draft: Draft) -> None:
    modes = frozenset(draft.words("supported_color_modes"))
    if not modes:  # as it was told before 2021
        modes = frozenset(each for each in ("brightness", "color_temp", *COLOURED) if draft.flag(each))
    coloured = bool(modes & COLOURED)
    bright = (
        Brightness(draft.number("brightness_scale", 255)) if draft.flag("brightness") or modes - {"onoff"} else None
    )
    warm = Warmth(draft) if "color_temp" in modes else None
    effects = draft.words("effect_list") if draft.flag("effect") or draft.has("effect_list") else ()
    publish = draft.publisher("command_topic")

    def told(key: str, decode: Callable[[Any], Value | None]) -> tuple[Source, ...]:
        def hear(heard: Heard) -> Value | None:
            found = heard.json
            if not isinstance(found, dict):
                return None
            value = found.get(key)
            return None if value is None else decode(value)

        topic = draft.config.get("state_topic")
        several = topic if isinstance(topic, tuple) else (topic,) if topic else ()
        return tuple(Source(topics.checked(each, draft.prefix), hear) for each in several)

    writer = None if publish is None else _never
    draft.field("on", SERVICE, "on", Format.BOOL, told("state", _on_or_off), writer)
    if bright is not None:
        draft.field(
            "brightness",
            SERVICE,
            "brightness",
            Format.UINT16,
            told("brightness", _number(bright.from_wire)),
            writer,
            unit=bright.unit,
            range=bright.range,
        )
    if warm is not None:
        draft.field(
            "color_temp",
            SERVICE,
            "color-temperature",
            Format.UINT32,
            told("color_temp", _number(warm.from_wire)),
            writer,
            unit="kelvin",
            range=warm.range,
        )
    if coloured:
        sources = told("color", colours.from_object)
        draft.field("color", SERVICE, "color", Format.UINT32, sources, writer, unit="rgb", range=RGB)
    if effects:
        draft.field(
            "effect",
            SERVICE,
            "mode",
            Format.UINT16,
            told("effect", lambda wire: wire if isinstance(wire, str) and wire in effects else None),
            writer,
            choices=effects,
        )
    if publish is not None:
        draft.encode = _JsonWriter(publish, bright, warm, modes)


def _on_or_off(wire: Any) -> bool | None:
    return True if same(wire, "ON") else False if same(wire, "OFF") else None


def _number(from_wire: Callable[[float], Value | None]) -> Callable[[Any], Value | None]:
    def decode(wire: Any) -> Value | None:
        found = numeric(wire)
        return None if found is None else from_wire(found)

    return decode


def _never(value: Value, known: Mapping[str, Value]) -> list[Publication]:
    raise AssertionError("a json or template light writes all at once")


class _JsonWriter:
    def __init__(
        self, publish: Callable[..., Publication], bright: Brightness | None, warm: Warmth | None, modes: frozenset[str]
    ) -> None:
        self._publish = publish
        self._bright, self._warm, self._modes = bright, warm, modes

    def __call__(self, writes: Mapping[str, Value], known: Mapping[str, Value]) -> list[Publication]:
        told: dict[str, Any] = {}
        on = writes.get("on", True if known.get("on") else None)
        if on is not None:
            told["state"] = "ON" if on else "OFF"
        if on is not False:
            for key, value in writes.items():
                told.update(self._told(key, value))
        return [self._publish(msgspec.json.encode(told).decode())]

    def _told(self, key: str, value: Value) -> dict[str, Any]:
        if key == "brightness" and self._bright is not None:
            return {"brightness": self._bright.to_wire(float(value))}
        if key == "color_temp" and self._warm is not None:
            return {"color_temp": self._warm.to_wire(float(value))}
        if key == "color":
            return {"color": self._colour(int(value))}
        return {"effect": value} if key == "effect" else {}

    def _colour(self, colour: int) -> dict[str, float]:
        for mode, extra in (("rgb", ""), ("rgbw", "w"), ("rgbww", "cw")):
            if mode in self._modes:
                return {**dict(zip("rgb", colours.parts(colour), strict=True)), **dict.fromkeys(extra, 0)}
        if "hs" in self._modes:
            return dict(zip("hs", colours.to_hs(colour), strict=True))
        return dict(zip("xy", colours.to_xy(colour), strict=True))


# The template schema.


def _template(draft: Draft) -> None:
    on_template, off_template = draft.template("command_on_template"), draft.template("command_off_template")
    if on_template is None or off_template is None:
        raise Refused("mqtt_discovery_incomplete", topic=draft.entity.key, missing="command_on_template")
    topic = topics.checked(draft.config.get("command_topic"), draft.prefix)
    bright, warm = Brightness(255), Warmth(draft)
    qos, retain = draft.qos, draft.flag("retain")
    effects = draft.words("effect_list")

    def encode(writes: Mapping[str, Value], known: Mapping[str, Value]) -> list[Publication]:
        variables: dict[str, Any] = {"state": "off" if writes.get("on") is False else "on"}
        if "brightness" in writes:
            variables["brightness"] = bright.to_wire(float(writes["brightness"]))
        if "color_temp" in writes:
            variables["color_temp"] = warm.to_wire(float(writes["color_temp"]))
            variables["color_temp_kelvin"] = int(writes["color_temp"])
        if "color" in writes:
            colour = int(writes["color"])
            variables |= _rgb_names(colour)
            variables["hue"], variables["sat"] = colours.to_hs(colour)
        if "effect" in writes:
            variables["effect"] = writes["effect"]
        template = off_template if writes.get("on") is False else on_template
        return [Publication(topic, rendered(template, None, variables), qos, retain)]

    draft.encode = encode
    draft.field("on", SERVICE, "on", Format.BOOL, draft.sources("state_topic", "state_template", _on_off_small), _never)
    uses = on_template.names
    if draft.has("brightness_template") or "brightness" in uses:
        sources = _only_with(draft, "brightness_template", _number(bright.from_wire))
        draft.field(
            "brightness",
            SERVICE,
            "brightness",
            Format.UINT16,
            sources,
            _never,
            unit="percentage",
            range=bright.range,
        )
    if draft.has("color_temp_template") or uses & {"color_temp", "color_temp_kelvin"}:
        sources = _only_with(draft, "color_temp_template", _number(warm.from_wire))
        draft.field(
            "color_temp",
            SERVICE,
            "color-temperature",
            Format.UINT32,
            sources,
            _never,
            unit="kelvin",
            range=warm.range,
        )
    if draft.has("red_template", "green_template", "blue_template") or "red" in uses:
        draft.field("color", SERVICE, "color", Format.UINT32, _three(draft), _never, unit="rgb", range=RGB)
    if effects:
        sources = _only_with(draft, "effect_template", lambda wire: wire if wire in effects else None)
        draft.field("effect", SERVICE, "mode", Format.UINT16, sources, _never, choices=effects)


def _only_with(draft: Draft, template: str, decode: Callable[[Any], Value | None]) -> tuple[Source, ...]:
    """Without its template the state says nothing of it."""
    return draft.sources("state_topic", template, decode) if draft.has(template) else ()


def _on_off_small(wire: Any) -> bool | None:
    return {"on": True, "off": False}.get(wire_text(wire).casefold())


def _three(draft: Draft) -> tuple[Source, ...]:
    templates = [draft.template(f"{each}_template") for each in ("red", "green", "blue")]
    if None in templates or not draft.has("state_topic"):
        return ()

    def hear(heard: Heard) -> Value | None:
        found = [numeric(read(each, heard)) for each in templates]
        kept = [each for each in found if each is not None]
        return colours.packed(*kept) if len(kept) == 3 else None

    return (Source(topics.checked(draft.config["state_topic"], draft.prefix), hear),)
