"""The home: what there is, and what people do with it."""

from __future__ import annotations

from typing import Any, Final

from setaria.home.ports import Value
from setaria.home.sight import SHOWING
from setaria.home.structure import Thing
from setaria.rights import Act, Target
from setaria.web import describe, models
from setaria.web import views as v
from setaria.web.table import Body, Call, Handler, Route


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


async def see_home(call: Call) -> dict[str, Any]:
    """As HomeView, with the models encoded already."""
    home, by, at = call.services.home, call.by, call.services.clock.now()
    cursor = (await call.services.log.head()).token
    sight = home.sights.require(by)
    has_password = call.services.accounts.has_password
    things = home.sights.things(sight)
    return {
        "household": describe.household(home, sight.whole),
        "storeys": [v.StoreyView(each.id, each.name, each.level) for each in home.sights.storeys(sight)],
        "rooms": [v.RoomView(each.id, each.name, each.storey) for each in home.sights.rooms(sight)],
        "members": [describe.member(home, each, has_password(each.id)) for each in home.sights.members(sight)],
        "scenes": [describe.scene(each) for each in home.sights.scenes(by, sight)],
        "helpers": [describe.helper(home, each) for each in home.sights.helpers(sight)],
        "things": [describe.summary(home, each) for each in things],
        "models": models.of_things(home, things, call.language),
        "tiles": describe.tiles(home, by.member, sight),
        "me": by.member,
        "may": v.MayView(home.sights.operable(by, things), home.permits.asking(by)(Act.THING_MANAGE, Target())),
        "cursor": cursor,
        "at": at,
    }


async def see_things(call: Call) -> v.Things:
    home = call.services.home
    things = home.sights.things(home.sights.require(call.by))
    return v.Things([describe.summary(home, each) for each in things])


async def see_thing(call: Call) -> object:
    return describe.full(call.services.home, thing_of(call))


def thing_of(call: Call) -> Thing:
    """Raises Refused("not_found"), also for a thing that the caller may not see."""
    return call.services.home.sights.require_thing(call.by, call.parameters["thing"])


async def write(call: Call) -> v.Done:
    await call.services.home.write(call.by, call.parameters["thing"], call.body.writes, call.command)
    return v.Done()


async def act(call: Call) -> v.Outcome:
    body: ActBody = call.body
    done = await call.services.home.act(call.by, call.parameters["thing"], body.action, body.arguments, call.command)
    return v.Outcome("done", done.values)


async def see_scenes(call: Call) -> v.Scenes:
    sights = call.services.home.sights
    return v.Scenes([describe.scene(each) for each in sights.scenes(call.by, sights.require(call.by))])


async def set_scene(call: Call) -> v.Done:
    await call.services.home.set_scene(call.by, call.parameters["scene"])
    return v.Done()


async def see_helpers(call: Call) -> v.Helpers:
    home = call.services.home
    return v.Helpers([describe.helper(home, each) for each in home.sights.helpers(home.sights.require(call.by))])


async def operate_helper(call: Call) -> v.Done:
    body: OperateBody = call.body
    await call.services.home.operate_helper(call.by, call.parameters["helper"], body.operation, body.value)
    return v.Done()


async def see_members(call: Call) -> v.Members:
    home, has_password = call.services.home, call.services.accounts.has_password
    seen = home.sights.members(home.sights.require(call.by))
    return v.Members([describe.member(home, each, has_password(each.id)) for each in seen])


async def say_presence(call: Call) -> v.Done:
    await call.services.home.say_presence(call.by, call.parameters["member"], call.body.home)
    return v.Done()


def _seen(path: str, handler: Handler, answer: Any, summary: str) -> Route:
    """What each caller sees is for home/sight.py to say."""
    return Route("GET", path, handler, SHOWING, answer, summary, home_asks=True)


ROUTES: Final = (
    _seen("/api/home", see_home, v.HomeView, "The home at a glance, as far as the caller may see it"),
    _seen("/api/things", see_things, v.Things, "Every thing, in short"),
    _seen("/api/things/{thing}", see_thing, v.ThingFull, "One thing with its spec and values"),
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
    _seen("/api/scenes", see_scenes, v.Scenes, "Every scene"),
    Route("POST", "/api/scenes/{scene}/set", set_scene, Act.SCENE_RUN, v.Done, "Set a scene", home_asks=True),
    _seen("/api/helpers", see_helpers, v.Helpers, "Every helper"),
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
    _seen("/api/members", see_members, v.Members, "Every member"),
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
