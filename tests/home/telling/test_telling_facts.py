"""Every kind of fact as a sentence: none forgotten, none that fails, in both languages."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.home.home_place import LAMP, Place

import setaria.app  # all kinds
import setaria.home.notifying.facts
from setaria.facts.fact import Actor, Fact
from setaria.facts.kinds import Body, Kind, Unknown, all_kinds
from setaria.home import facts as f
from setaria.home.home import Home
from setaria.home.linkage.rule import Rule
from setaria.home.telling.about import about_linkage, about_member, about_thing
from setaria.home.telling.facts import NOT_TOLD, FactTeller
from setaria.home.telling.gathered import Gathered, entry_of
from setaria.home.telling.trace import trace_sentences
from setaria.home.telling.wording import Wording

assert setaria.app
assert setaria.home.notifying.facts

OURS = sorted(
    (each for each in all_kinds() if each.name.partition(".")[0] not in ("logtest", "stocktest")),
    key=lambda kind: kind.name,
)
TOLD = [each for each in OURS if each.name not in NOT_TOLD and each.name.startswith("home.")]
RULE = Rule(id="hall", alias="Hall light", triggers=(), actions=())
ADDRESSES = ("lamp/light.on", "lamp/light.brightness", "member/wei.home", "helper/x.on", "none/a.b", "", "/", "é/…")
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["wei", "lamp", *ADDRESSES]),
)
STEPS = st.one_of(
    VALUES,
    st.dictionaries(
        st.one_of(
            st.sampled_from(
                [
                    "scene",
                    "message",
                    "act",
                    "until",
                    "completed",
                    "helper",
                    "operation",
                    "set",
                    "stop",
                    "event",
                    "turns",
                    "cancelled",
                    "refused",
                    "notify",
                    "missed",
                    "why",
                ]
            ),
            st.sampled_from(ADDRESSES),
        ),
        st.one_of(VALUES, st.lists(VALUES, max_size=3)),
        max_size=4,
    ),
)
TRIGGERS = st.dictionaries(
    st.sampled_from(["platform", "entity_id", "to", "event", "id", "for"]),
    st.one_of(VALUES, st.sampled_from(["state", "numeric_state", "zone", "event", "person", "time", "sun"])),
)
TRACES = st.lists(st.tuples(st.sampled_from(["action/0", "condition/0", ""]), STEPS, st.integers(0, 1 << 40))).map(
    tuple
)
SPECIAL: dict[str, st.SearchStrategy[Any]] = {
    "trace": TRACES,
    "trigger": TRIGGERS,
    "rule": st.just(RULE),
    "threads": st.just(()),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    async def made() -> Home:
        place = await Place(tmp_path_factory.mktemp("telling")).open()
        await place.settle_in()
        await place.add("lamp", LAMP, "1", "living", {"light.on": False})
        await place.close()
        return place.home

    return asyncio.run(made())


def bodies(kind: Kind) -> st.SearchStrategy[Body]:
    """Anything that the kind can hold."""
    fields = msgspec.structs.fields(kind.body)
    return st.builds(kind.body, **{each.name: typed(each.name, each.type) for each in fields})


def typed(name: str, wanted: Any) -> st.SearchStrategy[Any]:
    if name in SPECIAL and wanted is not int:
        return SPECIAL[name]
    if wanted == dict[str, Any]:
        return st.dictionaries(st.text(max_size=5), VALUES, max_size=3)
    if wanted is str:
        return st.one_of(st.text(max_size=30), st.sampled_from(["wei", "lamp", *ADDRESSES, "done", "refused"]))
    return st.from_type(wanted)


def facts_of(kind: Kind) -> st.SearchStrategy[Fact]:
    who = st.sampled_from(
        ["member/wei", "member/gone", "linkage", "linkage/hall", "run/00", "hub", "radio/x", "token/t"]
    )
    actors = st.builds(Actor, who, st.sampled_from(["owner", "linkage", "hub", "thing", "program", ""]))
    aggregates = st.sampled_from(
        ["thing/lamp", "home/home", "linkage/hall", "member/wei", "helper/x", "accounts/home", ""]
    )
    times = st.integers(0, 1 << 60)
    return st.builds(
        Fact, st.binary(min_size=16, max_size=16), times, aggregates, st.just("home"), actors, bodies(kind)
    )


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_every_kind_is_told_or_it_is_said_why_not(home: Home, kind: Kind, language: str) -> None:
    if kind.name in NOT_TOLD:
        assert NOT_TOLD[kind.name]
        return
    body = next(iter_examples(kind))
    fact = Fact(bytes(16), 1, "thing/lamp", "home", Actor("member/wei", "owner"), body)
    text = FactTeller(Wording(home, language)).sentence(fact).text
    assert text
    assert kind.name not in text, "it has no words of its own"
    assert "telling." not in text
    assert "…" not in text, "a parameter is missing"


def iter_examples(kind: Kind) -> Iterator[Body]:
    plain: dict[type, Any] = {str: "wei", int: 5, bool: True, float: 1.5}
    special = {
        "rule": RULE,
        "trigger": {"platform": "person", "id": "wei"},
        "trace": ((("action/0"), {"scene": "s"}, 3),),
    }
    values = {}
    for each in msgspec.structs.fields(kind.body):
        if each.name in special and each.type is not int:
            values[each.name] = special[each.name]
        elif each.type in plain:
            values[each.name] = plain[each.type]
        elif each.default is msgspec.NODEFAULT and each.default_factory is msgspec.NODEFAULT:
            values[each.name] = {} if "dict" in str(each.type) else () if "tuple" in str(each.type) else True
    yield kind.body(**values)


def test_what_is_not_told_is_known_to_be_a_kind() -> None:
    assert set(NOT_TOLD) <= {each.name for each in OURS}


def test_a_kind_that_nobody_knows_is_named(home: Home) -> None:
    body = Unknown("garden.watered", 1, msgspec.Raw(b'{"thing":"lamp"}'))
    fact = Fact(bytes(16), 1, "garden/1", "home", Actor("member/wei", "owner"), body)
    assert FactTeller(Wording(home, "en")).sentence(fact).text == "李伟: garden.watered"
    assert about_thing(fact, "lamp", home.structure)
    assert not about_member(fact, "fang")


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.name)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_telling_never_raises(home: Home, kind: Kind, data: st.DataObject) -> None:
    fact = data.draw(facts_of(kind))
    ended = [
        Fact(bytes(16), 1, "thing/lamp", "home", fact.actor, f.CommandEnded("x", "refused", "device_refused:-1", 5))
    ]
    for language in ("en", "zh-CN"):
        gathered = Gathered(fact, 0, 1, "", [fact], mates=data.draw(st.integers(0, 1)))
        if data.draw(st.booleans()):
            gathered.answered(ended)
        entry = entry_of(gathered, Wording(home, language))
        assert entry.text
        msgspec.json.encode(entry)
    for about in (about_member(fact, "wei"), about_thing(fact, "lamp", home.structure), about_linkage(fact, "hall")):
        assert about in (True, False)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(trace=TRACES, trigger=TRIGGERS, began=st.integers(0, 1 << 60))
def test_a_trace_is_told_whatever_it_holds(home: Home, trace: Any, trigger: Any, began: int) -> None:
    told = trace_sentences(home, trace, trigger, "en", began=began, rule=RULE)
    assert told[0].path == "trigger"
    msgspec.json.encode(told)
