"""Facts as CloudEvents 1.0 (structured JSON): there and back, and what is refused on the way in."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.facts.log_engines import Dimmed, Facts, Noted

from setaria.facts.clock import BUILT, DAY, VirtualClock
from setaria.facts.fact import LARGEST_FACT, Actor, Fact, from_cloud_event, to_cloud_event, to_row
from setaria.facts.ids import id_text
from setaria.facts.kinds import Unknown
from setaria.facts.refused import Refused

ID = bytes.fromhex("019b76da8000700080000000000000ff")


def event(**changes: Any) -> dict[str, Any]:
    """A complete one; a change to None leaves the attribute out."""
    complete = {
        "specversion": "1.0",
        "id": id_text(ID),
        "source": "/household/h1",
        "type": "logtest.noted",
        "subject": "lamp",
        "time": "2026-01-01T00:00:00.000001Z",
        "kindversion": 1,
        "actor": "member/wei",
        "actorrole": "owner",
        "household": "h1",
        "data": {"text": "x"},
    }
    return {name: value for name, value in (complete | changes).items() if value is not None}


def test_every_attribute_stands_where_the_specification_says() -> None:
    fact = Fact(ID, BUILT + 1, "lamp", "h1", Actor("member/wei", "owner"), Dimmed(5, "%"), 250)
    assert to_cloud_event(fact) == {
        "specversion": "1.0",
        "id": id_text(ID),
        "source": "/household/h1",
        "type": "logtest.dimmed",
        "subject": "lamp",
        "time": "2026-01-01T00:00:00.000001Z",
        "datacontenttype": "application/json",
        "kindversion": 3,
        "actor": "member/wei",
        "actorrole": "owner",
        "household": "h1",
        "amount": 250,
        "data": {"brightness": 5, "unit": "%"},
    }


def test_outside_a_home_there_is_no_household() -> None:
    outside = to_cloud_event(Fact(ID, BUILT, "sale/1", "", Actor("hub", "hub"), Noted("x")))
    assert outside["source"] == "/operator"
    assert "household" not in outside
    assert "amount" not in outside


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(
    st.builds(
        Fact,
        st.binary(min_size=16, max_size=16),
        st.integers(0, BUILT + 80_000 * DAY // 10),
        texts,
        texts,
        st.builds(Actor, texts, texts),
        st.builds(Noted, texts) | st.builds(Dimmed, st.integers(-(1 << 63), (1 << 63) - 1), texts),
        st.none() | st.integers(-(1 << 63), (1 << 63) - 1),
    )
)
def test_a_fact_comes_back_as_it_went(fact: Fact) -> None:
    wire = msgspec.json.encode(to_cloud_event(fact))
    assert from_cloud_event(msgspec.json.decode(wire)) == fact


def test_a_kind_that_nobody_knows_comes_back_untouched() -> None:
    data = {"b": [1, None, {"c": "é"}], "a": 1}
    foreign = from_cloud_event(event(type="maker.something", kindversion=4, data=data))
    assert isinstance(foreign.body, Unknown)
    assert (foreign.body.kind, foreign.body.version) == ("maker.something", 4)
    again = to_cloud_event(foreign)
    assert (again["type"], again["kindversion"], again["data"]) == ("maker.something", 4, data)


def test_an_old_version_is_lifted() -> None:
    lifted = from_cloud_event(event(type="logtest.dimmed", kindversion=1, data={"level": 5}))
    assert lifted.body == Dimmed(5, "lux")
    assert to_cloud_event(lifted)["kindversion"] == 3


@pytest.mark.parametrize(
    ("time", "microseconds"),
    [
        ("2026-01-01T00:00:00Z", BUILT),
        ("2026-01-01T08:00:00+08:00", BUILT),
        ("2026-01-01T00:00:00.25Z", BUILT + 250_000),
        ("2025-12-31T23:59:59.999999+00:00", BUILT - 1),
    ],
)
def test_times_are_read_with_their_zone_to_the_microsecond(time: str, microseconds: int) -> None:
    assert from_cloud_event(event(time=time)).time == microseconds


def test_what_may_be_left_out() -> None:
    fact = from_cloud_event(event(kindversion=None, actor=None, actorrole=None, household=None))
    assert fact == Fact(ID, BUILT + 1, "lamp", "", Actor("/household/h1", ""), Noted("x"))


@pytest.mark.parametrize(
    "changes",
    [
        *({name: None} for name in ("specversion", "id", "type", "subject", "time")),
        {"specversion": "0.3"},
        {"id": "no-uuid"},
        {"id": 5},
        {"time": "2026-01-01T00:00:00"},
        {"time": "yesterday"},
        {"time": 5},
        {"kindversion": "two"},
        {"kindversion": []},
        {"amount": "much"},
    ],
    ids=str,
)
def test_an_event_that_is_none_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        from_cloud_event(event(**changes))
    assert refused.value.code in ("cloud_event_unreadable", "fact_unreadable")


@pytest.mark.parametrize("data", [{}, {"text": 5}, [], "x"])
def test_a_body_that_its_kind_does_not_know_is_refused(data: object) -> None:
    with pytest.raises(Refused) as refused:
        from_cloud_event(event(data=data))
    assert refused.value.code == "fact_unreadable"


@pytest.mark.parametrize("data", [{}, {"unit": "%"}, []])
def test_an_old_body_that_cannot_be_lifted_is_refused(data: object) -> None:
    with pytest.raises(Refused) as refused:
        from_cloud_event(event(type="logtest.dimmed", kindversion=1, data=data))
    assert refused.value.code == "fact_unreadable"


@pytest.mark.parametrize("version", [0, -1])
def test_a_version_that_never_was_is_refused(version: int) -> None:
    with pytest.raises(Refused):
        from_cloud_event(event(type="logtest.dimmed", kindversion=version, data={"level": 5}))


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts, st.lists, max_leaves=4)
)
def test_no_value_of_any_attribute_does_worse_than_a_refusal(value: object) -> None:
    for name in event():
        wrong = event()
        wrong[name] = value
        try:
            to_row(from_cloud_event(wrong))
        except Refused:
            continue


def test_an_event_that_is_too_large_is_refused(facts: Facts, clock: VirtualClock) -> None:
    large = to_cloud_event(facts(Noted("x" * LARGEST_FACT)))
    with pytest.raises(Refused) as refused:
        from_cloud_event(large)
    assert refused.value.code == "fact_too_large"
