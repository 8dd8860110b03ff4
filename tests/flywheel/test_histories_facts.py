"""Histories of our own log."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from setaria.facts.fact import Actor, Fact, from_cloud_event
from setaria.facts.ids import id_text
from setaria.facts.kinds import Body, Unknown, all_kinds
from setaria.facts.refused import Refused
from setaria.flywheel.histories.facts import HOME, Merging, Told, from_facts, merges
from setaria.home import facts as home
from setaria.home.accounts import facts as accounts
from setaria.home.upkeep import facts as upkeep

DAY = 86_400_000_000
BEGIN = 1_735_689_600_000_000  # 2025-01-01
NOW = BEGIN + 300 * DAY
OWNER, ELDER, RUN = Actor("member/li", "owner"), Actor("member/nai", "elder"), Actor("linkage/hall", "linkage")


def fact(number: int, body: Body, actor: Actor = OWNER, household: str = "home", amount: int | None = None) -> Fact:
    return Fact(number.to_bytes(16, "big"), BEGIN + number * DAY + 1, "x", household, actor, body, amount)


def unknown(kind: str, **data: Any) -> Unknown:
    return Unknown(kind, 1, msgspec.Raw(msgspec.json.encode(data)))


def test_what_a_home_writes() -> None:
    facts = [
        fact(1, home.ThingAdded("lamp", "miio", "1", "yeelink.light.lamp22", "灯")),
        fact(2, accounts.MemberInvited("i", "nai", "d", 0)),
        fact(3, accounts.InvitationUsed("i", "nai"), ELDER),
        fact(4, home.Reading("light.on", True)),
        fact(5, home.RunEnded("r", 1, 0, 5, "done", {}, ()), RUN),
        fact(6, home.RunEnded("r", 1, 0, 5, "failed", {}, ()), RUN),
        fact(7, home.SceneSet("film"), ELDER),
        fact(8, home.CommandGiven({"light.on": True}), RUN),
        fact(9, home.CommandGiven({"light.on": True}), ELDER),
        fact(10, upkeep.VersionChanged("2", "1", "upgrade")),
    ]
    histories = from_facts(facts, now=NOW, sends=())
    names = [histories.names[kind] for kind in histories.kinds]
    assert names == [
        "thing_added:yeelink.light.lamp22",
        *("member_invited", "member_joined", "linkage_run", "scene_set", "thing_used", "release"),
    ]
    assert [each.name for each in histories.touchpoints if not each.receives] == ["release"]
    assert histories.roles is not None
    assert histories.references is not None
    assert [histories.role_names[role] for role in histories.roles][:4] == ["owner", "owner", "elder", "linkage"]
    assert histories.references.tolist()[0] == id_text((1).to_bytes(16, "big"))
    assert histories.times[0] == (BEGIN + DAY + 1) / DAY
    assert histories.rows.understood[0].details["other"] == 3  # type: ignore[attr-defined]


def test_the_table_names_kinds_and_fields_that_exist() -> None:
    declared = {each.name: each for each in all_kinds()}
    for row in HOME:
        fields = declared[row.kind].body.__struct_fields__
        assert {field for field in (row.mark, *row.where) if field} <= set(fields)


def test_money_marks_and_households_of_kinds_to_come() -> None:
    """The table is all that a later room has to add, even before this program knows its kinds."""
    table = (
        Told(kind="market.order_paid", touchpoint="order", mark="product", money=True, currency="currency"),
        Told(kind="market.order_refunded", touchpoint="refund", money=True, currency="currency"),
        Told(kind="stores.visited", touchpoint="visit", household="prospect"),
        Told(kind="stores.invited", touchpoint="promotion", receives=False, household="prospect"),
    )
    facts = [
        fact(1, unknown("stores.invited", prospect="p1"), household=""),
        fact(2, unknown("stores.visited", prospect="p1"), household=""),
        fact(3, unknown("market.order_paid", product="band", currency="CNY"), amount=24_900),
        fact(4, unknown("market.order_paid", product="phone", currency="USD"), amount=50_000),
        fact(5, unknown("market.order_refunded", currency="CNY"), amount=-4_900),
        fact(6, unknown("stores.visited"), household=""),
        fact(7, unknown("stores.merged", prospect="p1")),
    ]
    merge = merges(facts, [Merging("stores.merged", "prospect")])
    assert merge == {"p1": "home"}
    histories = from_facts(facts, table, now=NOW, merge=merge)
    assert histories.households.tolist() == ["home"]
    assert [histories.names[kind] for kind in histories.kinds] == ["promotion", "visit", "order:band", "order:phone"]
    assert histories.amounts.tolist() == [0, 0, 20_000, 50_000]
    assert histories.receivers.tolist() == [True, True, False, True]
    assert histories.rows.troubles == {"household_missing": 1}


def test_no_facts_and_a_table_at_odds_with_itself() -> None:
    with pytest.raises(Refused, match="flywheel_no_rows"):
        from_facts([], now=NOW)
    table = (Told(kind="a.b", touchpoint="x"), Told(kind="a.c", touchpoint="x", receives=False))
    with pytest.raises(Refused, match="flywheel_touchpoint_both"):
        from_facts([fact(1, unknown("a.b")), fact(2, unknown("a.c"))], table, now=NOW)


def test_facts_from_their_written_form() -> None:
    event = {
        "specversion": "1.0",
        "id": "01a20297-98d8-7000-8000-000000000007",
        "type": "home.scene_set",
        "subject": "x",
        "time": "2025-03-01T10:00:00Z",
        "source": "/household/h",
        "household": "h",
        "actor": "member/li",
        "actorrole": "owner",
        "data": {"scene": "film"},
    }
    assert from_facts([from_cloud_event(event)], now=NOW).households.tolist() == ["h"]
