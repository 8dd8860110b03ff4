"""The home: what there is, and what people do with it."""

from __future__ import annotations

from typing import Final

from setaria.facts.refused import Refused
from setaria.home.ports import Value
from setaria.home.structure import Thing
from setaria.rights import Act
from setaria.web import describe
from setaria.web import views as v
from setaria.web.table import Body, Call, Route


class WriteBody(Body, frozen=True):
    writes: dict[str, Value]


class ActBody(Body, frozen=True):
    """`arguments` by the address or the name of the property that each is."""

    action: str
    arguments: dict[str, Value] = {}


class OperateBody(Body, frozen=True):
    operation: str
    value: Value | None = None


class PresenceBody(Body, frozen=True):
    home: bool


async def see_home(call: Call) -> v.HomeView:
    home = call.services.home
    cursor = (await call.services.log.head()).token
    structure = home.structure
    return v.HomeView(
        describe.household(home),
        [v.StoreyView(each.id, each.name, each.level) for each in structure.storeys.values()],
        [v.RoomView(each.id, each.name, each.storey) for each in structure.rooms.values()],
        describe.members(home),
        describe.scenes(home),
        describe.helpers(home),
        describe.summaries(home),
        cursor,
    )


async def see_things(call: Call) -> v.Things:
    return v.Things(describe.summaries(call.services.home))


async def see_thing(call: Call) -> object:
    return describe.full(call.services.home, thing_of(call))


def thing_of(call: Call) -> Thing:
    """Raises Refused("not_found")."""
    wanted = call.parameters["thing"]
    thing = call.services.home.structure.things.get(wanted)
    if thing is None:
        raise Refused("not_found", what="thing", id=wanted[:80])
    return thing


async def write(call: Call) -> v.Done:
    await call.services.home.write(call.by, call.parameters["thing"], call.body.writes, call.command)
    return v.Done()


async def act(call: Call) -> v.Outcome:
    body: ActBody = call.body
    done = await call.services.home.act(call.by, call.parameters["thing"], body.action, body.arguments, call.command)
    return v.Outcome("done", done.values)


async def see_scenes(call: Call) -> v.Scenes:
    return v.Scenes(describe.scenes(call.services.home))


async def set_scene(call: Call) -> v.Done:
    await call.services.home.set_scene(call.by, call.parameters["scene"])
    return v.Done()


async def see_helpers(call: Call) -> v.Helpers:
    return v.Helpers(describe.helpers(call.services.home))


async def operate_helper(call: Call) -> v.Done:
    body: OperateBody = call.body
    await call.services.home.operate_helper(call.by, call.parameters["helper"], body.operation, body.value)
    return v.Done()


async def see_members(call: Call) -> v.Members:
    return v.Members(describe.members(call.services.home))


async def say_presence(call: Call) -> v.Done:
    await call.services.home.say_presence(call.by, call.parameters["member"], call.body.home)
    return v.Done()


ROUTES: Final = (
    Route("GET", "/api/home", see_home, Act.HOME_SEE, v.HomeView, "The whole home at a glance"),
    Route("GET", "/api/things", see_things, Act.HOME_SEE, v.Things, "Every thing, in short"),
    Route("GET", "/api/things/{thing}", see_thing, Act.HOME_SEE, v.ThingFull, "One thing with its spec and values"),
    Route(
        "POST",
        "/api/things/{thing}/write",
        write,
        Act.THING_CONTROL,
        v.Done,
        "Set properties, and wait for the thing's answer",
        WriteBody,
        home_asks=True,
    ),
    Route(
        "POST",
        "/api/things/{thing}/act",
        act,
        Act.THING_CONTROL,
        v.Outcome,
        "Have a thing do something, and wait for its answer",
        ActBody,
        home_asks=True,
    ),
    Route("GET", "/api/scenes", see_scenes, Act.HOME_SEE, v.Scenes, "Every scene"),
    Route("POST", "/api/scenes/{scene}/set", set_scene, Act.SCENE_RUN, v.Done, "Set a scene", home_asks=True),
    Route("GET", "/api/helpers", see_helpers, Act.HOME_SEE, v.Helpers, "Every helper"),
    Route(
        "POST",
        "/api/helpers/{helper}/operate",
        operate_helper,
        Act.THING_CONTROL,
        v.Done,
        "Operate a switch, a counter or a timer",
        OperateBody,
        home_asks=True,
    ),
    Route("GET", "/api/members", see_members, Act.HOME_SEE, v.Members, "Every member"),
    Route(
        "POST",
        "/api/members/{member}/presence",
        say_presence,
        Act.PROFILE_EDIT,
        v.Done,
        "Say that a member is at home, or not",
        PresenceBody,
        home_asks=True,
    ),
)
