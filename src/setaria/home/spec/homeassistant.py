"""Home Assistant's service calls on a thing, as writes and actions that its spec allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from setaria.facts.refused import Refused
from setaria.home.ports import Value
from setaria.home.spec.capability import Capability, capability, capability_in
from setaria.home.spec.convert import named, numeric, percent_of, rgb_of, within
from setaria.home.spec.formats import Format
from setaria.home.spec.model import Action, Property, Spec, near_matches, shown
from setaria.home.spec.services_table import (
    ADDRESSED,
    IGNORED,
    OFF,
    ON,
    RULES,
    Flip,
    Key,
    PutNamed,
    PutPercent,
    Rule,
    Run,
    Scale,
    Way,
)

Data = Mapping[str, Value | Sequence[Value]]
KEYS: Final = 32  # of one call


class ServiceWrite(msgspec.Struct, frozen=True):
    property: Property
    value: Value


class ServiceAct(msgspec.Struct, frozen=True):
    action: Action
    arguments: tuple[tuple[int, Value], ...] = ()


class ServiceToggle(msgspec.Struct, frozen=True):
    """Write the opposite of what this bool is now."""

    property: Property


Step = ServiceWrite | ServiceAct | ServiceToggle


def translate(spec: Spec, service: str, data: Data | None = None, part: str = "") -> tuple[Step, ...]:
    """The steps in the order they should be sent. `part` narrows to one service of the spec, such as `switch#2`.

    Raises Refused: `service_unknown`, `service_not_offered`, `service_data_missing`, `service_data_unknown`,
    `service_data_wrong`, `unknown_property`, `unknown_action`, `unknown_service`, or what `Property.check` refuses.
    """
    given = {key: value for key, value in (data or {}).items() if key not in IGNORED}
    call = _Call(spec, service, given)
    if len(given) > KEYS:
        raise call.wrong("…", len(given))
    addressed = ADDRESSED.get(service)
    if addressed is not None and (addressed[0] in given or service not in RULES):
        return _addressed(call, *addressed)
    rule = RULES.get(service)
    if rule is None:
        near = near_matches(service, [*RULES, *ADDRESSED])
        raise Refused("service_unknown", service=service[:64], near=", ".join(near))
    domain = service.partition(".")[0]
    if domain == "homeassistant" and not part:
        seen: Capability | None = capability(spec)
    else:
        seen = capability_in(spec, domain, part)
    if seen is None:
        raise call.not_offered()
    return _steps(call, seen, rule)


def services_of(spec: Spec) -> tuple[str, ...]:
    """The services that `translate` takes for this thing, apart from what their data may still be refused for."""
    offered = []
    for service, rule in RULES.items():
        domain = service.partition(".")[0]
        seen = capability(spec) if domain == "homeassistant" else capability_in(spec, domain)
        if seen is None:
            continue
        call = _Call(spec, service, {})
        by_way = any(_way(call, seen, way) for way in rule.ways)
        by_key = all(_target(call, seen, rule.keys[key]) for key in rule.needs)
        if by_key and (by_way or not rule.ways):
            offered.append(service)
    return tuple(offered)


class _Call(msgspec.Struct, frozen=True):
    spec: Spec
    service: str
    data: Data

    def not_offered(self) -> Refused:
        return Refused("service_not_offered", service=self.service[:64], model=self.spec.model)

    def wrong(self, key: str, value: object) -> Refused:
        return Refused("service_data_wrong", service=self.service[:64], key=key[:64], value=str(shown(value)))

    def need(self, key: str) -> Value | Sequence[Value]:
        if key not in self.data:
            raise Refused("service_data_missing", service=self.service[:64], key=key)
        return self.data[key]

    def only(self, known: Sequence[str]) -> None:
        for key in self.data:
            if key not in known:
                raise Refused(
                    "service_data_unknown", service=self.service[:64], key=key[:64], known=", ".join(known) or "-"
                )


def _addressed(call: _Call, address_key: str, value_key: str, fixed: Value | None) -> tuple[Step, ...]:
    call.only([address_key, value_key] if value_key else [address_key])
    address = str(call.need(address_key))
    if address_key == "action":
        action = call.spec.find_action(address)
        if action.inputs:  # a button has no arguments to give
            raise call.not_offered()
        return (ServiceAct(action),)
    prop = call.spec.find_property(address)
    if not prop.writable:
        raise call.not_offered()
    if value_key:
        value = call.need(value_key)
        if not isinstance(value, bool | int | float | str):
            raise call.wrong(value_key, value)
        return (ServiceWrite(prop, prop.parse(value)),)
    if prop.format is not Format.BOOL:
        raise call.not_offered()
    return (ServiceToggle(prop),) if fixed is None else (ServiceWrite(prop, prop.check(fixed)),)


def _steps(call: _Call, seen: Capability, rule: Rule) -> tuple[Step, ...]:
    call.only(list(rule.keys))
    for key in rule.needs:
        call.need(key)
    if any(key in call.data and numeric(call.data[key]) == 0 for key in rule.off_at_zero):
        return (_first_way(call, seen, OFF),)
    steps: list[Step] = [_first_way(call, seen, rule.ways)] if rule.ways else []
    for key in rule.keys:
        if key in call.data:
            steps += _keyed(call, seen, rule.keys[key], key, call.data[key])
    return tuple(steps)


def _first_way(call: _Call, seen: Capability, ways: Sequence[Way]) -> Step:
    for way in ways:
        step = _way(call, seen, way)
        if step is not None:
            return step
    raise call.not_offered()


def _way(call: _Call, seen: Capability, way: Way) -> Step | None:
    if isinstance(way, Run):
        action = seen.actions.get(way.action)
        return ServiceAct(action) if action is not None and not action.inputs else None
    prop = seen.features.get(way.feature)
    if prop is None or not prop.writable:
        return None
    if isinstance(way, Flip):
        return ServiceToggle(prop) if prop.format is Format.BOOL else None
    if isinstance(way, PutPercent):
        value = percent_of(prop, way.percent)
    elif isinstance(way, PutNamed):
        value = next((found for name in way.names if (found := prop.named(name)) is not None), None)
    else:
        value = way.value if isinstance(way.value, bool) is (prop.format is Format.BOOL) else None
    return None if value is None else ServiceWrite(prop, prop.check(value))


def _target(call: _Call, seen: Capability, key: Key) -> Property | None:
    if key.scale is Scale.SWING:
        return seen.features.get("vertical_swing") or seen.features.get("horizontal_swing")
    if key.scale is Scale.HVAC:
        return seen.features.get("mode") or seen.features.get("on")
    for feature in key.features:
        prop = seen.features.get(feature)
        if prop is not None and prop.writable and (key.scale is not Scale.NAME or prop.values):
            return prop
    return None


def _keyed(call: _Call, seen: Capability, key: Key, name: str, value: Value | Sequence[Value]) -> list[Step]:
    if key.scale is Scale.HVAC:
        return _hvac(call, seen, name, value)
    if key.scale is Scale.SWING:
        return _swing(call, seen, name, value)
    prop = _target(call, seen, key)
    if prop is None:
        raise call.not_offered()
    if key.scale is Scale.NAME:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise call.wrong(name, value)
        text = str(shown(value))  # a list may name its values by numbers: `preset_mode: 30`
        # A purifier's presets may lie in its mode or in its levels: whichever lists the name.
        for feature in key.features:
            other = seen.features.get(feature)
            found = named(other, text) if other is not None and other.writable else None
            if other is not None and found is not None:
                return [ServiceWrite(other, other.check(found))]
        return [ServiceWrite(prop, prop.parse(text))]  # refused, saying what is accepted
    converted = _scaled(prop, key.scale, value)
    if converted is None:
        raise call.wrong(name, value)
    return [ServiceWrite(prop, prop.check(converted))]


def _scaled(prop: Property, scale: Scale, value: Value | Sequence[Value]) -> Value | None:
    if scale is Scale.RGB:
        colour = rgb_of(value)
        return None if colour is None else within(prop, colour)
    if scale is Scale.FLAG:
        return value if isinstance(value, bool) else None
    number = numeric(value)
    if number is None:
        return None
    if scale is Scale.MIRED:
        return within(prop, 1_000_000 / number) if number > 0 else None
    if scale is Scale.NUMBER:
        return within(prop, number)
    whole = {Scale.PERCENT: 100, Scale.BYTE: 255, Scale.FRACTION: 1}[scale]
    return percent_of(prop, number * 100 / whole)


def _hvac(call: _Call, seen: Capability, name: str, value: Value | Sequence[Value]) -> list[Step]:
    if not isinstance(value, str):
        raise call.wrong(name, value)
    if value == "off":
        return [_first_way(call, seen, (*OFF, Run("stop")))]
    steps = [step for step in (_way(call, seen, way) for way in ON) if step is not None]
    mode = seen.features.get("mode")
    found = named(mode, value) if mode is not None and mode.writable else None
    if mode is not None and found is not None:
        return [*steps, ServiceWrite(mode, found)]
    only_heats = call.spec.type_name in ("heater", "thermostat", "electric-blanket")
    if value == "heat" and only_heats and steps:  # it has no other mode than on
        return steps
    if mode is None or not mode.values:
        raise call.not_offered()
    return [ServiceWrite(mode, mode.parse(value))]  # refused, saying what is accepted


def _swing(call: _Call, seen: Capability, name: str, value: Value | Sequence[Value]) -> list[Step]:
    both = {axis: seen.features.get(f"{axis}_swing") for axis in ("vertical", "horizontal")}
    axes = {axis: prop for axis, prop in both.items() if prop is not None and prop.writable}
    wanted = {
        "off": (),
        "on": tuple(axes),
        "both": tuple(both),
        "vertical": ("vertical",),
        "horizontal": ("horizontal",),
    }
    turning = wanted.get(value) if isinstance(value, str) else None
    if turning is None:
        raise call.wrong(name, value)
    if not axes or any(axis not in axes for axis in turning):
        raise call.not_offered()
    return [ServiceWrite(prop, axis in turning) for axis, prop in axes.items()]
