"""The sample home, arranged the first time as its owner would: rooms, people, tokens, things, scenes, linkages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec

import setaria
from setaria.app import Hub
from setaria.cli.up.child import ReadyThing
from setaria.facts.refused import Refused
from setaria.home import commands as c
from setaria.home.ports import Found, Value
from setaria.simulated.sample_home import SAMPLE
from setaria.words import say

RADIO: Final = "miio"
HELPER: Final = "guest_mode"
SCENES: Final[Mapping[str, Mapping[str, Value]]] = {
    "evening": {
        "living_light/light.on": True,
        "living_light/light.brightness": 30,
        "living_light/light.color-temperature": 2700,
        "living_strip/light.on": True,
        "living_strip/light.brightness": 40,
    },
    "leaving": {
        "living_light/light.on": False,
        "living_strip/light.on": False,
        "bedroom_lamp/light.on": False,
        "kitchen_light/light.on": False,
        "living_fan/fan.on": False,
    },
    "film": {
        "living_light/light.on": False,
        "living_strip/light.on": True,
        "living_strip/light.brightness": 15,
        "living_curtain/curtain.target-position": 0,
    },
}


def find_examples() -> list[Path]:
    """The sample linkages: those of the installed package, else those of the checkout."""
    package = Path(setaria.__file__).parent
    for folder in (package / "simulated" / "linkages", package.parents[1] / "examples" / "linkages"):
        if found := sorted(folder.glob("*.yaml")):
            return found
    return []


def name_in(pair: tuple[str, str], language: str) -> str:
    return pair[0] if language == "zh-CN" else pair[1]


def is_new(hub: Hub) -> bool:
    """Whether nobody has arranged this home yet."""
    return not hub.home.structure.rooms and not hub.home.structure.things


async def arrange_household(hub: Hub, language: str) -> None:
    """Storeys, rooms, members and the guest switch. All are at home to begin with."""
    home = hub.home
    first = hub.owner
    name = name_in((SAMPLE.zh, SAMPLE.en), language)
    await home.arrange(first, c.DescribeHousehold(name, "Asia/Shanghai", 39.9, 116.4, language))
    for member in SAMPLE.members:
        named = name_in((member.zh, member.en), language)
        await home.arrange(first, c.SaveMember(member.id, named, member.role, language=language))
    if first.member not in {member.id for member in SAMPLE.members}:
        owner = home.permits.principal(SAMPLE.members[0].id)
        assert owner is not None
        await home.arrange(owner, c.RemoveMember(first.member))
    by = hub.owner
    for level, storey in enumerate(SAMPLE.storeys, 1):
        await home.arrange(by, c.SaveStorey(storey.id, name_in((storey.zh, storey.en), language), level))
    for room in SAMPLE.rooms:
        await home.arrange(by, c.SaveRoom(room.id, name_in((room.zh, room.en), language), room.storey))
    await home.arrange(by, c.SaveHelper(HELPER, "switch", say("cli.sample.guest_mode", language)))
    for member in SAMPLE.members:
        await home.say_presence(by, member.id, True)


def give_tokens(hub: Hub, things: Iterable[ReadyThing]) -> None:
    """As an owner imports a list of tokens: only those not known yet."""
    known = {thing.address for thing in hub.home.structure.things.values() if thing.radio == RADIO}
    for thing in things:
        if thing.did not in known:
            hub.home.give_secret(hub.owner, RADIO, thing.did, bytes.fromhex(thing.token))


class Adopter:
    """Adds what is found and stands in the plan, one after another."""

    def __init__(self, hub: Hub, things: Iterable[ReadyThing], language: str) -> None:
        self._hub = hub
        self._language = language
        self._plan = {thing.did: thing for thing in things}

    @property
    def missing(self) -> list[str]:
        added = {thing.address for thing in self._hub.home.structure.things.values()}
        return [did for did in self._plan if did not in added]

    async def adopt(self, found: Found) -> bool:
        """Whether it was added now. Raises Refused as `arrange` does."""
        thing = self._plan.get(found.address)
        home = self._hub.home
        if thing is None or found.needs or not found.model or home.structure.thing_at(RADIO, found.address):
            return False
        name = name_in((thing.name, thing.name_en), self._language)
        await home.arrange(self._hub.owner, c.AddThing(RADIO, thing.did, found.model, thing.id, name, thing.room))
        return True


async def save_scenes(hub: Hub, language: str) -> None:
    """Those whose things are all there."""
    structure = hub.home.structure
    for scene, targets in SCENES.items():
        if {address.partition("/")[0] for address in targets} <= structure.things.keys():
            command = c.SaveScene(scene, say(f"cli.sample.scene.{scene}", language), dict(targets))
            await hub.home.arrange(hub.owner, command)


async def save_linkages(hub: Hub, language: str) -> list[tuple[Path, str]]:
    """Saves the examples that fit this home; returns those that do not, with the code of what is wrong."""
    from setaria.home.linkage.check import check
    from setaria.home.linkage.parse import parse

    left: list[tuple[Path, str]] = []
    for path in find_examples():
        parsed, problems = parse(path.read_text(encoding="utf-8"))
        if not parsed and problems:
            left.append((path, problems[0].code))
        for each in parsed:
            checked = check(each, hub.home.arranged)
            if not checked.sound:
                left.append((path, next(p.code for p in checked.problems if p.severity == "error")))
                continue
            rule = checked.rule
            alias = say(f"cli.sample.linkage.{rule.id}", language)
            if not alias.startswith("cli."):
                rule = msgspec.structs.replace(rule, alias=alias)
            try:
                await hub.home.arrange(hub.owner, c.SaveLinkage(rule, hub.owner.member))
            except Refused as refused:
                left.append((path, refused.code))
    return left
