"""Everyone a home may meet, and a request for every route there is, made from the table of routes itself."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import inspect
from tests.web.site_helpers import Reply, cookie_of, scope_of

from setaria.app import Hub
from setaria.facts.clock import DAY
from setaria.home import commands as c
from setaria.home.helpers import address_of
from setaria.rights import TABLE, Act, Grant, Principal, Role, Rule
from setaria.web.table import Route

THING: Final = "lamp"
ROOM: Final = "study"
PLACES: Final = {
    "thing": THING,
    "member": "child",
    "helper": "count",
    "scene": "calm",
}  # what is not named is not there
QUERY: Final = {"property": "light.on"}
PROGRAM_ACTS: Final = tuple(act for act in Act if TABLE[act][Role.PROGRAM] is Rule.GRANTED)


class Person(msgspec.Struct):
    """`principal` is made for the table of rights to judge, by hand; `member` or `token` is for coming in."""

    name: str
    principal: Principal | None
    member: str = ""
    token: str = ""


async def furnish(hub: Hub) -> dict[str, Person]:
    """A member of each role, guests who were lent nothing, one thing, everything; a program for each act, and one that
    has one thing; and nobody."""
    home, owner, end = hub.home, hub.owner, hub.clock.now() + DAY
    members = {"adult": "adult", "child": "child", "elder": "elder"}
    for member, role in members.items():
        await home.arrange(owner, c.SaveMember(member, member, role))
    for guest in ("guest", "lent", "lent_all"):
        await home.arrange(owner, c.SaveMember(guest, guest, "guest", end))
    some = (Act.HOME_SEE, Act.THING_CONTROL, Act.FACTS_READ)
    await home.arrange(owner, c.GiveGrant("one", "lent", tuple(map(str, some)), things=(THING,), until=end))
    await home.arrange(owner, c.GiveGrant("all", "lent_all", tuple(map(str, Act)), until=end))
    await home.arrange(owner, c.SaveHelper("count", "counter", "Count"))
    await home.arrange(owner, c.SaveScene("calm", "Calm", {address_of(home.structure.helpers["count"]): 1}))
    people = {"nobody": Person("nobody", None)}
    for member in ("owner", *members, "guest", "lent", "lent_all"):
        people[member] = Person(member, home.permits.principal(member), member)
    for act in PROGRAM_ACTS:
        people[f"program {act}"] = await _program(hub, (act,))
    people["program lent"] = await _program(hub, (Act.HOME_SEE, Act.THING_CONTROL), (THING,))
    return people


async def _program(hub: Hub, acts: tuple[Act, ...], things: tuple[str, ...] = ()) -> Person:
    token, value = await hub.accounts.issue_token(hub.owner, "walk", tuple(map(str, acts)), (), things, 0)
    who = f"program/{token}"
    grant = Grant(id=token, member=who, acts=acts, things=things, since=0, by="owner")
    return Person(f"program {acts[0]} {things}", Principal(who, Role.PROGRAM, (grant,)), token=value)


async def headers_of(hub: Hub, person: Person) -> dict[str, str]:
    """A new session each time: some routes end the one that asks."""
    if person.token:
        return {"Authorization": f"Bearer {person.token}"}
    return await cookie_of(hub, person.member) if person.member else {}


async def ask(app: Any, method: str, path: str, body: object, headers: Mapping[str, str]) -> Reply:
    """The answer, or as much of one that goes on as came with its first part."""
    content = b"" if body is None else msgspec.json.encode(body)
    typed = {"Content-Type": "application/json"} if content else {}
    sent: list[Any] = []
    asked, gone = False, asyncio.Event()

    async def receive() -> Any:
        nonlocal asked
        if not asked:
            asked = True
            return {"type": "http.request", "body": content, "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)
        if message["type"] == "http.response.body":
            gone.set()

    async with asyncio.timeout(30):
        await app(scope_of(method, path, content, {**typed, **headers}), receive, send)
    fields = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Reply(sent[0]["status"], fields, sent[1]["body"] if len(sent) > 1 else b"")


def path_of(route: Route) -> str:
    path = route.path
    for part in route.path.split("/"):
        if part.startswith("{"):
            path = path.replace(part, PLACES.get(part.strip("{}"), "nothing"))
    needed = _required(route.query) if route.query is not None else []
    return path + ("?" if needed else "") + "&".join(f"{name}={QUERY.get(name, 'x')}" for name in needed)


def _required(kind: type[Any]) -> list[str]:
    told = inspect.type_info(kind)
    assert isinstance(told, inspect.StructType)
    return [field.encode_name for field in told.fields if field.required]


def sample(kind: Any) -> Any:
    """The least that is of this type."""
    return _sample(inspect.type_info(kind))


def _sample(kind: inspect.Type) -> Any:
    if isinstance(kind, inspect.StructType):
        made = {field.encode_name: _sample(field.type) for field in kind.fields if field.required}
        return made if kind.tag_field is None else {kind.tag_field: kind.tag, **made}
    if isinstance(kind, inspect.UnionType):
        return _sample(kind.types[0])
    if isinstance(kind, inspect.IntType):
        return kind.ge or 0
    if isinstance(kind, inspect.EnumType):
        return next(iter(kind.cls)).value
    if isinstance(kind, inspect.ListType | inspect.VarTupleType | inspect.SetType | inspect.FrozenSetType):
        return [_sample(kind.item_type)] * (kind.min_length or 0)
    if isinstance(kind, inspect.TupleType):
        return [_sample(each) for each in kind.item_types]
    for known, value in (
        (inspect.StrType, "x"),
        (inspect.BoolType, True),
        (inspect.FloatType, 0.0),
        (inspect.DictType, {}),
        (inspect.AnyType, None),
        (inspect.NoneType, None),
        (inspect.BytesType, ""),
    ):
        if isinstance(kind, known):
            return value
    raise AssertionError(f"no sample of {kind}")
