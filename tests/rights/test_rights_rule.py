from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from setaria.facts.refused import Refused
from setaria.rights import TABLE, Act, Grant, Principal, Role, Rule, Target, allowed, may_give, require, why

DAY = 86_400_000_000
acts = st.sampled_from(Act)
roles = st.sampled_from(Role)
times = st.integers(0, 100)
minutes = st.one_of(st.none(), st.integers(0, 10_079))
places = st.sampled_from(["", "a", "b"])
windows = st.lists(st.tuples(st.integers(0, 10_080), st.integers(0, 10_080)), max_size=2).map(tuple)
grants = st.builds(
    Grant,
    id=st.sampled_from("xyz"),
    member=st.sampled_from(["m", "n"]),
    acts=st.lists(acts, max_size=4).map(tuple),
    rooms=st.lists(st.sampled_from(["a", "b"]), max_size=1).map(tuple),
    things=st.lists(st.sampled_from(["a", "b"]), max_size=1).map(tuple),
    since=times,
    until=st.one_of(st.none(), times),
    windows=windows,
    by=st.just("o"),
)
targets = st.builds(Target, thing=places, room=places, member=st.sampled_from(["", "m", "n"]), secure=st.booleans())
people = st.builds(Principal, st.sampled_from(["m", "n", ""]), roles, st.lists(grants, max_size=3).map(tuple))
principals = st.one_of(people, people.map(lambda author: Principal("", Role.LINKAGE, (), author)))


def test_the_table_is_whole() -> None:
    assert set(TABLE) == set(Act)
    assert all(set(row) == set(Role) for row in TABLE.values())


@given(acts, targets, times, minutes, st.lists(grants, max_size=2))
def test_an_owner_is_never_locked_out(
    act: Act, target: Target, now: int, minute: int | None, held: list[Grant]
) -> None:
    assert allowed(Principal("o", Role.OWNER, tuple(held)), act, target, now=now, minute=minute)


@given(principals, acts, targets, times, minutes, st.data())
def test_removing_a_grant_never_adds_a_right(
    who: Principal, act: Act, target: Target, now: int, minute: int | None, data: st.DataObject
) -> None:
    holder = who.author or who
    fewer = tuple(grant for grant in holder.grants if data.draw(st.booleans()))
    less = msgspec.structs.replace(holder, grants=fewer)
    less = msgspec.structs.replace(who, author=less) if who.author else less
    if allowed(less, act, target, now=now, minute=minute):
        assert allowed(who, act, target, now=now, minute=minute)


@given(principals, acts, targets, times, minutes)
def test_expired_grants_never_allow(who: Principal, act: Act, target: Target, now: int, minute: int | None) -> None:
    holder = who.author or who
    bare = msgspec.structs.replace(holder, grants=())
    expired = tuple(msgspec.structs.replace(grant, until=min(grant.until or now, now)) for grant in holder.grants)
    stale = msgspec.structs.replace(holder, grants=expired)
    if who.author:
        bare, stale = (msgspec.structs.replace(who, author=author) for author in (bare, stale))
    assert why(stale, act, target, now=now, minute=minute) == why(bare, act, target, now=now, minute=minute)


@given(people, acts, targets, times, minutes)
def test_a_linkage_has_exactly_its_authors_rights_or_fewer(
    author: Principal, act: Act, target: Target, now: int, minute: int | None
) -> None:
    linkage = Principal("l", Role.LINKAGE, (), author)
    if allowed(linkage, act, target, now=now, minute=minute):
        assert allowed(author, act, target, now=now, minute=minute)
    elif TABLE[act][Role.LINKAGE] is Rule.AUTHOR and not target.secure and author.role is not Role.LINKAGE:
        assert not allowed(author, act, target, now=now, minute=minute)


def test_a_linkage_without_its_author_may_nothing() -> None:
    for author in (None, Principal("l", Role.LINKAGE)):
        linkage = Principal("l", Role.LINKAGE, (), author)
        assert not any(allowed(linkage, act, now=0) for act in Act)
    assert why(Principal("l", Role.LINKAGE), Act.THING_CONTROL, now=0).rule == "author_gone"


@given(acts, targets, times, minutes)
def test_a_guest_has_nothing_without_grants(act: Act, target: Target, now: int, minute: int | None) -> None:
    ruling = why(Principal("g", Role.GUEST), act, target, now=now, minute=minute)
    assert not ruling.allowed or (ruling.rule, target.member) == ("own", "g")


@pytest.mark.parametrize(
    ("role", "can", "cannot"),
    [
        (Role.CHILD, "thing.control scene.run home.see", "thing.secure thing.configure linkage.write camera.watch"),
        (Role.ELDER, "thing.control thing.secure camera.watch", "thing.configure linkage.write member.manage"),
        (Role.ADULT, "thing.configure linkage.write grant.give", "member.manage household.manage restore"),
        (Role.HUB, "thing.control backup radio.manage", "member.manage facts.consent linkage.write"),
        (Role.PROGRAM, "", "home.see thing.control facts.read"),
    ],
)
def test_roles(role: Role, can: str, cannot: str) -> None:
    assert [act for act in can.split() if not allowed(Principal("m", role), Act(act), now=0)] == []
    assert [act for act in cannot.split() if allowed(Principal("m", role), Act(act), now=0)] == []


@pytest.mark.parametrize("act", [Act.THING_CONTROL, Act.SCENE_RUN, Act.LINKAGE_RUN])
def test_what_operates_a_lock_is_a_matter_of_security(act: Act) -> None:
    child = Principal("c", Role.CHILD)
    assert allowed(child, act, Target("lamp"), now=0)
    ruling = why(child, act, Target("lock", secure=True), now=0)
    assert (ruling.allowed, ruling.rule, ruling.act) == (False, "denied", Act.THING_SECURE)


def grant(**changed: Any) -> Grant:
    fields: dict[str, Any] = {
        "id": "g1",
        "member": "g",
        "acts": (Act.THING_CONTROL,),
        "since": 0,
        "until": DAY,
        "by": "o",
    }
    return Grant(**({"by": "o"} | fields | changed))


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, True),
        ({"since": 10}, True),
        ({"since": 11}, False),
        ({"until": 11}, True),
        ({"until": 10}, False),
        ({"until": None}, False),
        ({"member": "other"}, False),
        ({"acts": (Act.SCENE_RUN,)}, False),
        ({"rooms": ("hall",)}, True),
        ({"rooms": ("bath",)}, False),
        ({"things": ("lamp",)}, True),
        ({"things": ("fan",)}, False),
        ({"things": ("fan",), "rooms": ("hall",)}, True),
        ({"windows": ((600, 660),)}, True),
        ({"windows": ((600, 659), (660, 700))}, False),
        ({"windows": ((10_000, 660),)}, True),
        ({"windows": ((10_000, 659),)}, False),
        ({"windows": ((659, 659),)}, False),
    ],
)
def test_a_guests_grant(changed: dict[str, Any], expected: bool) -> None:
    guest = Principal("g", Role.GUEST, (grant(**changed),))
    ruling = why(guest, Act.THING_CONTROL, Target("lamp", "hall"), now=10, minute=659)
    assert (ruling.allowed, ruling.grant) == (expected, "g1" if expected else "")


def test_a_grant_with_hours_needs_a_clock() -> None:
    guest = Principal("g", Role.GUEST, (grant(windows=((0, 10_080),)),))
    assert allowed(guest, Act.THING_CONTROL, now=1, minute=5)
    assert not allowed(guest, Act.THING_CONTROL, now=1, minute=None)


def test_a_grant_for_places_does_not_cover_the_home() -> None:
    guest = Principal("g", Role.GUEST, (grant(acts=(Act.SCENE_RUN,), rooms=("hall",)),))
    assert not allowed(guest, Act.SCENE_RUN, now=1)


def test_require_says_why() -> None:
    assert require(Principal("c", Role.CHILD), Act.FACTS_READ, Target(member="c"), now=0).rule == "own"
    with pytest.raises(Refused) as caught:
        require(Principal("c", Role.CHILD), Act.FACTS_READ, Target(member="d"), now=0)
    assert caught.value == Refused("not_allowed", act="facts.read", why="not_own")


def test_may_give() -> None:
    adult = Principal("o", Role.ADULT)
    assert may_give(adult, grant(), now=0)
    assert not may_give(adult, grant(by="other"), now=0)
    assert not may_give(adult, grant(acts=(Act.THING_CONTROL, Act.MEMBER_MANAGE)), now=0)
    assert not may_give(
        Principal("o", Role.ADULT, (grant(member="o", acts=(Act.BACKUP,)),)), grant(acts=(Act.BACKUP,)), now=1
    )
    assert not may_give(Principal("o", Role.CHILD), grant(), now=0)


@given(grants)
def test_grants_survive_storage(held: Grant) -> None:
    assert msgspec.json.decode(msgspec.json.encode(held), type=Grant) == held
