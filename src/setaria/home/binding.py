"""Linkages name properties and actions by address; what they are bound to follows the thing that is there now.

A linkage is bound when it is saved. When another device has taken a thing's place since, the same address may lie under
other numbers, or nowhere: (0, 0) then, which no spec has and nothing is sent to.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from setaria.facts.refused import Refused
from setaria.home.arranged import Arranged
from setaria.home.linkage.rule import ActStep, Assignment, EventTrigger, Ref, Rule, SceneStep, ServiceStep
from setaria.home.linkage.stored import changed
from setaria.home.linkage.targets import targets
from setaria.home.spec.model import Spec


def last_change(arranged: Arranged) -> int:
    """When a thing last came or was replaced: linkages saved later are bound as they should be."""
    return max((max(each.added, each.replaced) for each in arranged.structure.things.values()), default=0)


def bound(rule: Rule, arranged: Arranged) -> tuple[Rule, tuple[str, ...]]:
    """The rule bound anew, and the addresses that its things do not have."""
    missing: dict[str, None] = {}

    def bind(part: Any) -> Any:
        if isinstance(part, Ref) and (part.siid or part.piid):
            ids = _property_ids(part.address, arranged)
            if ids == (0, 0):
                missing[part.address] = None
            return part if ids in (None, (part.siid, part.piid)) else Ref(part.address, *ids)
        if isinstance(part, ActStep):
            spec = arranged.spec_of(part.thing)
            if spec is None:
                return part
            siid, aiid = _action_ids(part, spec)
            if (siid, aiid) == (0, 0):
                missing[part.address] = None
            return part if (siid, aiid) == (part.siid, part.aiid) else replace(part, siid=siid, aiid=aiid)
        return part

    return changed(rule, bind), tuple(missing)


def _property_ids(address: str, arranged: Arranged) -> tuple[int, int] | None:
    """None when nothing is known of the thing."""
    thing, _, place = address.partition("/")
    spec = arranged.spec_of(thing)
    if spec is None:
        return None
    try:
        found = spec.find_property(place)
    except Refused:
        return 0, 0
    return found.siid, found.piid


def _action_ids(step: ActStep, spec: Spec) -> tuple[int, int]:
    """Arguments are kept by number: an action that takes others is not the one that was meant."""
    try:
        found = spec.find_action(step.address.removeprefix(f"{step.thing}/"))
    except Refused:
        return 0, 0
    same = tuple(found.inputs) == tuple(piid for piid, _ in step.arguments)
    return (found.siid, found.aiid) if same else (0, 0)


def operated(rule: Rule, arranged: Arranged) -> set[str]:
    """The things that a rule's steps act on."""
    found: set[str] = set()

    def look(part: Any) -> Any:
        match part:
            case Assignment():
                found.add(part.ref.address.partition("/")[0])
            case ActStep():
                found.add(part.thing)
            case ServiceStep():
                found.update(each.partition("/")[0] for each in targets(part, arranged))
            case SceneStep():
                found.update(each.partition("/")[0] for each in arranged.scene_writes(part.scene))
        return part

    changed(rule.actions, look)
    return found


def names(rule: Rule, thing: str, arranged: Arranged) -> bool:
    """Whether the rule listens to, reads or acts on this thing."""
    found = False

    def look(part: Any) -> Any:
        nonlocal found
        match part:
            case Ref():
                found = found or part.address.startswith(f"{thing}/")
            case ActStep() | EventTrigger():
                found = found or part.thing == thing
            case ServiceStep():
                found = found or any(each.partition("/")[0] == thing for each in targets(part, arranged))
        return part

    changed(rule, look)
    return found
