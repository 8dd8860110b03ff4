"""A Home Assistant service as a step: resolved against each target's spec, once where its data is literal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from setaria.facts.refused import Refused
from setaria.home.linkage import rule as r
from setaria.home.linkage.run import Op, Run, Thread
from setaria.home.linkage.targets import targets
from setaria.home.linkage.world import World
from setaria.home.ports import Act, Value, Write
from setaria.home.spec.homeassistant import ServiceAct, ServiceToggle, Step, translate


def service_op(
    step: r.ServiceStep, world: World, after: int, value_of: Callable[[Any, World], Callable[[Run], Any]]
) -> Op:
    literal = not any(_has_formula(each) for each in step.data.values())
    data = {name: value_of(each, world) for name, each in step.data.items()}
    resolved: dict[str, tuple[Step, ...]] | None = None
    if literal:
        try:
            resolved = _resolve(step, world, step.data)
        except Refused:
            resolved = None  # the step says so each time it runs
    path = step.path

    def op(run: Run, thread: Thread) -> int:
        per_thing = resolved
        if per_thing is None:
            per_thing = _resolve(step, world, {key: each(run) for key, each in data.items()})
        shown: dict[str, Value] = {}
        for target, steps in per_thing.items():
            if not world.effects.may(run.author, target):
                raise Refused("not_allowed", act="thing.control", why=run.author, thing=target)
            _send(run, target, steps, shown)
        run.note(path, shown)
        return after

    return op


def _resolve(step: r.ServiceStep, world: World, data: Mapping[str, Any]) -> dict[str, tuple[Step, ...]]:
    """By thing. Of a room's or a label's things, those that do not offer the service are passed over."""
    found: dict[str, tuple[Step, ...]] = {}
    for target in targets(step, world.catalogue):
        thing, _, part = target.partition("/")
        spec = world.catalogue.spec_of(thing)
        if spec is None:
            raise Refused("not_found", what="thing", id=thing)
        try:
            found[thing] = (*found.get(thing, ()), *translate(spec, step.service, data, part))
        except Refused as refused:
            if refused.code == "service_not_offered" and target not in step.things:
                continue
            raise
    return found


def _send(run: Run, thing: str, steps: tuple[Step, ...], shown: dict[str, Value]) -> None:
    """Writes that follow one another go out together."""
    effects = run.world.effects
    writes: list[Write] = []
    for each in steps:
        if isinstance(each, ServiceAct):
            if writes:
                effects.write(thing, tuple(writes), run.id)
                writes = []
            shown[f"{thing}/{each.action.address}"] = True
            effects.act(thing, Act(each.action.siid, each.action.aiid, each.arguments), run.id)
            continue
        value = _toggled(run, thing, each) if isinstance(each, ServiceToggle) else each.value
        shown[f"{thing}/{each.property.address}"] = value
        writes.append(Write(each.property.siid, each.property.piid, value))
    if writes:
        effects.write(thing, tuple(writes), run.id)


def _toggled(run: Run, thing: str, step: ServiceToggle) -> bool:
    slot = run.world.slot(f"{thing}/{step.property.address}")
    return not (slot is not None and slot.value)


def _has_formula(value: object) -> bool:
    if isinstance(value, Mapping):
        return value.get("type") == "formula" or any(_has_formula(each) for each in value.values())
    if isinstance(value, list | tuple):
        return any(_has_formula(each) for each in value)
    return isinstance(value, r.Formula)
