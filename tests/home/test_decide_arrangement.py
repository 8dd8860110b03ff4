"""What people arrange: every command, every refusal, and what no order of commands may break."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from setaria.facts.clock import BUILT, DAY, HOUR, SECOND
from setaria.facts.decider import Asked
from setaria.facts.fact import HUB, Actor, Fact, from_row, to_row
from setaria.facts.refused import Refused
from setaria.home import commands as c
from setaria.home import decide as decide_module
from setaria.home import facts as f
from setaria.home.decide import decide
from setaria.home.deciders import ArrangementDecider
from setaria.home.linkage.rule import Rule
from setaria.home.naming import id_for
from setaria.home.structure import REMOVED_KEPT, REVISIONS_KEPT, Linkage, Structure, evolve

WEI = Actor("member/wei", "owner")
NOW = BUILT + DAY
DECIDER = ArrangementDecider("home")


def rule(name: str = "dusk", alias: str = "黄昏", enabled: bool = True) -> Rule:
    return Rule(id=name, alias=alias, triggers=(), actions=(), enabled=enabled)


class Arrangement:
    """A structure with the facts that made it."""

    def __init__(self) -> None:
        self.state = Structure()
        self.facts: list[Fact] = []
        self.now = NOW

    def do(self, *commands: Any, by: Actor = WEI) -> Arrangement:
        for command in commands:
            self.now += SECOND
            for body in decide(self.state, Asked(command, by, self.now, "home")):
                fact = Fact(len(self.facts).to_bytes(16, "big"), self.now, "home/home", "home", by, body)
                evolve(self.state, fact)
                self.facts.append(fact)
        return self

    def refused(self, command: Any, by: Actor = WEI) -> Refused:
        before = msgspec.msgpack.encode(self.state)
        with pytest.raises(Refused) as refused:
            decide(self.state, Asked(command, by, self.now, "home"))
        assert msgspec.msgpack.encode(self.state) == before
        return refused.value


def lived_in() -> Arrangement:
    return Arrangement().do(
        c.DescribeHousehold("李家"),
        c.SaveMember("wei", "李伟", "owner"),
        c.SaveMember("mei", "梅姨", "guest", NOW + 2 * DAY),
        c.SaveStorey("ground", "一层", 1),
        c.SaveRoom("living", "客厅", "ground"),
        c.SaveRoom("door", "门厅"),
        c.AddThing("miio", "1", "yeelink.light.colorc", "lamp", "灯", "living"),
        c.AddThing("miio", "2", "miot.door.06131", "lock", "锁", "door"),
        c.SaveHelper("openings", "counter", "开门次数", 3),
        c.SaveScene("evening", "晚上", {"lamp/light.on": True, "helper/openings.count": 0}),
        c.GiveGrant("visit", "mei", ("thing.control",), ("living",), ("lock",)),
        c.SavePresenceSource("wei", "network", "192.168.1.2"),
        c.SaveLinkage(rule(), "wei"),
    )


def test_a_home_is_set_up() -> None:
    state = lived_in().state
    assert state.household.name == "李家"
    assert state.rooms["living"].storey == "ground"
    assert (state.things["lamp"].room, state.things["lamp"].added) == ("living", NOW + 7 * SECOND)
    assert state.scenes["evening"].targets["lamp/light.on"] is True
    assert state.grants["visit"].by == "wei"
    assert state.grants["visit"].since == NOW + 11 * SECOND
    assert state.grants["visit"].until == NOW + 2 * DAY, "what is lent to a guest ends with the visit"
    assert [each.address for each in state.presence_sources] == ["192.168.1.2"]
    assert state.linkages["dusk"].revision == 1
    assert state.thing_at("miio", "2") == state.things["lock"]
    assert state.thing_at("ble", "2") is None


def test_what_is_arranged_anew_replaces_what_was() -> None:
    home = lived_in().do(
        c.ArrangeThing("lamp", labels=("night", "night", "reading")),
        c.ArrangeThing("lamp", name="  主  灯 "),
        c.SaveRoom("living", "大客厅"),
        c.SaveHelper("openings", "counter", "开门"),
        c.SaveMember("wei", "李伟伟", "owner", language="en"),
        c.SwitchLinkage("dusk", False),
        c.ReplaceThing("lamp", "miio", "9", "yeelink.light.lamp22"),
        c.EndGrant("visit"),
        c.RemovePresenceSource("wei", "network", "192.168.1.2"),
        c.RemoveScene("evening"),
        c.RemoveHelper("openings"),
    )
    state = home.state
    lamp = state.things["lamp"]
    assert (lamp.name, lamp.room, lamp.labels) == ("主 灯", "living", ("night", "reading"))
    assert (lamp.address, lamp.model, lamp.added) == ("9", "yeelink.light.lamp22", NOW + 7 * SECOND)
    replaced = next(each.body for each in home.facts if isinstance(each.body, f.ThingReplaced))
    assert (replaced.was_model, replaced.was_address) == ("yeelink.light.colorc", "1")
    assert state.rooms["living"].storey == ""
    assert not state.linkages["dusk"].enabled
    assert [*state.grants, *state.presence_sources, *state.scenes, *state.helpers] == []
    home.do(c.ReplaceThing("lamp", "miio", "9", "yeelink.light.lamp22"))  # the same again is no conflict with itself


def test_what_goes_takes_along_what_hangs_on_it() -> None:
    home = lived_in().do(c.RemoveStorey("ground"), c.RemoveRoom("living"))
    assert home.state.things["lamp"].room == ""
    assert home.state.grants["visit"].rooms == ()
    assert home.state.grants["visit"].things == ("lock",)
    home.do(c.RemoveThing("lock"))
    assert not home.state.grants, "a grant that has lost all its places would hold everywhere"
    home.do(c.GiveGrant("again", "mei", ("thing.control",), things=("lamp",)), c.RemoveMember("mei"))
    assert not home.state.grants
    assert home.state.scenes["evening"].targets, "scenes keep what is gone: its place may be taken again"


def test_tiles_are_arranged_for_oneself() -> None:
    home = lived_in().do(c.ArrangeTiles(("lamp", "lamp", "gone"), ("lock", "lamp"), ("lock", "gone", "lamp")))
    mei = Actor("member/mei", "guest")
    home.do(c.ArrangeTiles(hidden=("lock",)), by=mei)
    tiles = home.state.tiles
    assert (tiles["wei"].pinned, tiles["wei"].hidden, tiles["wei"].order) == (("lamp",), ("lock",), ("lock", "lamp"))
    assert tiles["mei"].hidden == ("lock",)
    assert DECIDER.thaw("home/home", DECIDER.freeze(home.state)).tiles == tiles
    home.do(c.RemoveThing("lock"))
    assert tiles["wei"].lists == (("lamp",), (), ("lamp",))
    assert tiles["mei"].lists == ((), (), ())
    home.do(c.EndGrant("visit"), c.RemoveMember("mei"))
    assert home.state.tiles.keys() == {"wei"}
    assert home.refused(c.ArrangeTiles(), by=mei).code == "not_found"
    many = tuple(f"t{number}" for number in range(decide_module.MOST_TILES + 1))
    assert home.refused(c.ArrangeTiles(order=many)).code == "too_many"
    home.do(c.ArrangeTiles(order=many[:-1]))


REFUSALS: list[tuple[Any, str]] = [
    (c.DescribeHousehold(""), "name_unusable"),
    (c.DescribeHousehold("x", zone="Asia/Atlantis"), "time_zone_unknown"),
    (c.DescribeHousehold("x", zone="../../etc/passwd"), "time_zone_unknown"),
    (c.DescribeHousehold("x", zone=""), "time_zone_unknown"),
    (c.DescribeHousehold("x", latitude=90.1), "place_unusable"),
    (c.DescribeHousehold("x", longitude=float("nan")), "place_unusable"),
    (c.DescribeHousehold("x", language="fr"), "language_unknown"),
    (c.SaveStorey("Ground", "x"), "id_unusable"),
    (c.SaveStorey("helper", "x"), "id_unusable"),
    (c.SaveStorey("a" * 64, "x"), "id_unusable"),
    (c.SaveStorey("up", "x" * 81), "name_unusable"),
    (c.SaveStorey("up", "a\x07b"), "name_unusable"),
    (c.SaveStorey("up", "x", 1 << 70), "level_unusable"),
    (c.RemoveStorey("up"), "not_found"),
    (c.SaveRoom("study", "x", "attic"), "not_found"),
    (c.RemoveRoom("study"), "not_found"),
    (c.SaveMember("wei", "x", "king"), "role_unknown"),
    (c.SaveMember("wei", "x", "adult"), "last_owner"),
    (c.SaveMember("bo", "x", "guest"), "guest_needs_end"),
    (c.SaveMember("bo", "x", "guest", NOW), "guest_needs_end"),
    (c.SaveMember("bo", "x", "adult", NOW + DAY), "only_guests_end"),
    (c.SaveMember("bo", "x", "guest", 1 << 80), "time_unusable"),
    (c.SaveMember("bo", "x", "adult", language="tlh"), "language_unknown"),
    (c.RemoveMember("bo"), "not_found"),
    (c.RemoveMember("wei"), "last_owner"),
    (c.GiveGrant("g", "bo", ("thing.control",)), "not_found"),
    (c.GiveGrant("g", "mei", ("thing.control",), rooms=("study",)), "not_found"),
    (c.GiveGrant("g", "mei", ("thing.control",), things=("toaster",)), "not_found"),
    (c.GiveGrant("g", "mei", ()), "grant_acts_unknown"),
    (c.GiveGrant("g", "mei", ("thing.eat",)), "grant_acts_unknown"),
    (c.GiveGrant("g", "mei", ("thing.control",), until=NOW), "grant_already_over"),
    (c.GiveGrant("g", "mei", ("thing.control",), since=NOW + 2 * HOUR, until=NOW + HOUR), "grant_already_over"),
    (c.GiveGrant("g", "mei", ("thing.control",), since=-1), "time_unusable"),
    (c.GiveGrant("g", "mei", ("thing.control",), windows=((0, 10_081),)), "grant_windows_unusable"),
    (c.GiveGrant("g", "mei", ("thing.control",), windows=((0, 1),) * 51), "grant_windows_unusable"),
    (c.GiveGrant("G", "mei", ("thing.control",)), "id_unusable"),
    (c.EndGrant("g"), "not_found"),
    (c.AddThing("miio", "1", "x.y.z"), "thing_already_added"),
    (c.AddThing("miio", "3", "x.y.z", "lamp"), "id_taken"),
    (c.AddThing("miio", "3", "x.y.z", room="study"), "not_found"),
    (c.AddThing("miio", "", "x.y.z"), "address_unusable"),
    (c.AddThing("miio", "3", "x" * 254), "address_unusable"),
    (c.AddThing("miio", "3", "x.y.z", "Lamp"), "id_unusable"),
    (c.ArrangeThing("toaster"), "not_found"),
    (c.ArrangeThing("lamp", room="study"), "not_found"),
    (c.ArrangeThing("lamp", name=" "), "name_unusable"),
    (c.ArrangeThing("lamp", labels=("Night",)), "id_unusable"),
    (c.ArrangeThing("lamp", labels=tuple(f"l{n}" for n in range(21))), "too_many"),
    (c.ReplaceThing("toaster", "miio", "9", "x.y.z"), "not_found"),
    (c.ReplaceThing("lamp", "miio", "2", "x.y.z"), "thing_already_added"),
    (c.ReplaceThing("lamp", "miio", "9\n", "x.y.z"), "address_unusable"),
    (c.RemoveThing("toaster"), "not_found"),
    (c.SaveScene("s", "x", {}), "scene_unusable"),
    (c.SaveScene("s", "x", {f"lamp/l.{n}": 1 for n in range(501)}), "scene_unusable"),
    (c.SaveScene("s", "x", {"toaster/toaster.on": True}), "not_found"),
    (c.SaveScene("s", "x", {"helper/tea.on": True}), "not_found"),
    (c.RemoveScene("s"), "not_found"),
    (c.SaveHelper("h", "clock", "x"), "helper_type_unknown"),
    (c.SaveHelper("openings", "switch", "x"), "id_taken"),
    (c.SaveHelper("h", "counter", "x", -1), "helper_initial_unusable"),
    (c.SaveHelper("h", "counter", "x", 1 << 31), "helper_initial_unusable"),
    (c.RemoveHelper("h"), "not_found"),
    (c.SavePresenceSource("bo", "network", "x"), "not_found"),
    (c.SavePresenceSource("wei", "crystal", "x"), "presence_source_unknown"),
    (c.SavePresenceSource("wei", "network", ""), "address_unusable"),
    (c.SavePresenceSource("wei", "network", "x" * 254), "address_unusable"),
    (c.RemovePresenceSource("wei", "network", "x"), "not_found"),
    (c.SaveLinkage(rule("Dusk"), "wei"), "id_unusable"),
    (c.SaveLinkage(rule("dawn", ""), "wei"), "name_unusable"),
    (c.SaveLinkage(rule("dawn"), "bo"), "not_found"),
    (c.UndoLinkage("dawn"), "not_found"),
    (c.SwitchLinkage("dawn", True), "not_found"),
    (c.RemoveLinkage("dawn"), "not_found"),
]


@pytest.mark.parametrize(("command", "code"), REFUSALS, ids=lambda value: getattr(value, "__class__", str).__name__)
def test_what_cannot_be_is_refused_and_changes_nothing(command: Any, code: str) -> None:
    assert lived_in().refused(command).code == code


def test_a_member_in_whose_name_linkages_act_cannot_go() -> None:
    home = lived_in().do(c.SaveMember("fang", "王芳", "owner"))
    refused = home.refused(c.RemoveMember("wei"))
    assert (refused.code, refused.details["linkages"]) == ("member_has_linkages", "dusk")
    home.do(c.RemoveLinkage("dusk"), c.RemoveMember("wei"))
    assert home.refused(c.RemoveMember("fang")).code == "last_owner"
    fang = Actor("member/fang", "owner")
    home.do(c.UndoLinkage("dusk"), by=fang)
    assert home.state.linkages["dusk"].author == "fang", "nobody acts in the name of one who has left"


def test_a_removed_linkage_cannot_be_switched_or_removed_again() -> None:
    home = lived_in().do(c.RemoveLinkage("dusk"))
    assert home.refused(c.SwitchLinkage("dusk", True)).code == "not_found"
    assert home.refused(c.RemoveLinkage("dusk")).code == "not_found"


@pytest.mark.parametrize(
    ("table", "make"),
    [
        ("storeys", lambda n: c.SaveStorey(f"s{n}", "x")),
        ("rooms", lambda n: c.SaveRoom(f"r{n}", "x")),
        ("members", lambda n: c.SaveMember(f"m{n}", "x", "adult")),
        ("grants", lambda n: c.GiveGrant(f"g{n}", "mei", ("thing.control",))),
        ("things", lambda n: c.AddThing("miio", f"a{n}", "x.y.z")),
        ("scenes", lambda n: c.SaveScene(f"s{n}", "x", {"lamp/light.on": True})),
        ("helpers", lambda n: c.SaveHelper(f"h{n}", "switch", "x")),
        ("presence_sources", lambda n: c.SavePresenceSource("wei", "network", f"a{n}")),
        ("linkages", lambda n: c.SaveLinkage(rule(f"l{n}"), "wei")),
    ],
)
def test_there_is_room_for_so_many_and_no_more(
    table: str, make: Callable[[int], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = lived_in()
    monkeypatch.setitem(decide_module.MOST, table, len(getattr(home.state, table)) + 1)
    home.do(make(1))
    refused = home.refused(make(2))
    assert (refused.code, refused.details["what"]) == ("too_many", table)
    if table != "things":
        home.do(make(1))  # what is there can still be changed


def test_removed_linkages_take_no_room_and_are_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    home = lived_in()
    monkeypatch.setitem(decide_module.MOST, "linkages", 2)
    for number in range(REMOVED_KEPT + 5):
        home.do(c.SaveLinkage(rule(f"l{number}"), "wei"), c.RemoveLinkage(f"l{number}"))
    assert len(home.state.linkages) == REMOVED_KEPT + 1
    assert home.refused(c.UndoLinkage("l0")).code == "not_found"
    home.do(c.UndoLinkage(f"l{REMOVED_KEPT + 4}"))
    assert home.refused(c.UndoLinkage(f"l{REMOVED_KEPT + 3}")).code == "too_many"


def test_undo_walks_back_through_the_revisions() -> None:
    home = lived_in().do(*(c.SaveLinkage(rule(alias=name), "wei") for name in ("two", "three")))
    seen = []
    for _ in range(2):
        home.do(c.UndoLinkage("dusk"))
        linkage = home.state.linkages["dusk"]
        assert linkage.rule is not None
        seen.append((linkage.rule.alias, linkage.revision))
    assert seen == [("two", 4), ("黄昏", 5)]
    home.do(c.UndoLinkage("dusk"))
    assert home.state.linkages["dusk"].rule is None, "before the first there was nothing"
    assert home.state.active_linkages() == []
    home.do(c.UndoLinkage("dusk"))
    assert home.state.linkages["dusk"].rule == rule()


def test_undo_brings_back_what_was_removed_as_it_was() -> None:
    home = lived_in().do(
        c.SaveLinkage(rule(alias="two"), "wei"), c.SwitchLinkage("dusk", False), c.RemoveLinkage("dusk")
    )
    home.do(c.UndoLinkage("dusk"))
    linkage = home.state.linkages["dusk"]
    assert (linkage.rule, linkage.enabled, linkage.revision) == (rule(alias="two"), False, 3)
    home.do(c.UndoLinkage("dusk"))
    assert home.state.linkages["dusk"].rule == rule()


def test_a_linkage_saved_after_its_removal_is_a_new_one() -> None:
    home = lived_in().do(c.SwitchLinkage("dusk", False), c.RemoveLinkage("dusk"), c.SaveLinkage(rule(), "wei"))
    assert home.state.linkages["dusk"].enabled
    home.do(c.SwitchLinkage("dusk", False), c.SaveLinkage(rule(alias="edited"), "wei"))
    assert not home.state.linkages["dusk"].enabled, "an edit does not switch it on"


def test_revisions_kept_are_bounded() -> None:
    home = lived_in().do(*(c.SaveLinkage(rule(alias=f"r{n}"), "wei") for n in range(3 * REVISIONS_KEPT)))
    assert len(home.state.linkages["dusk"].earlier) == REVISIONS_KEPT


def test_nothing_to_undo() -> None:
    home = Arrangement()
    home.state.linkages["x"] = Linkage("x", None, "wei", 3)
    assert home.refused(c.UndoLinkage("x")).code == "nothing_to_undo"


@pytest.mark.parametrize(
    ("model", "room", "taken", "expected"),
    [
        ("yeelink.light.colorc", "living", (), "living_light"),
        ("zhimi.airp.mb5", "", (), "purifier"),
        ("zhimi.airp.mb5", "", ("purifier",), "purifier_2"),
        ("zhimi.airp.mb5", "", ("purifier", "purifier_2"), "purifier_3"),
        ("lumi.hub.v1", "", (), "thing_hub"),
        ("x.3d-printer.v1", "", (), "thing_3d_printer"),
        ("", "", (), "thing"),
        ("x.小爱.v1", "living", (), "living_thing"),
        ("x." + "long" * 40, "living", (), ("living_" + "long" * 40)[:56]),
    ],
)
def test_ids_are_made_of_room_and_model(model: str, room: str, taken: tuple[str, ...], expected: str) -> None:
    assert id_for(model, room, taken) == expected


@given(st.text(max_size=80), st.sampled_from(["", "living", "a" * 63]))
@settings(max_examples=200)
def test_every_model_gives_an_id_that_can_be_used(model: str, room: str) -> None:
    home = Arrangement().do(c.SaveRoom("living", "x"), c.SaveRoom("a" * 63, "x"))
    given_model = "".join(each for each in model if each.isprintable()) or "x"
    home.do(c.AddThing("miio", "1", given_model, room=room), c.AddThing("miio", "2", given_model, room=room))
    assert len(home.state.things) == 2


# Whatever people do, in whatever order.

IDS = st.sampled_from(["wei", "fang", "a", "b", "lamp"])
PLACES = st.lists(IDS, max_size=2).map(tuple)
COMMANDS: st.SearchStrategy[Any] = st.one_of(
    st.builds(c.SaveStorey, IDS, st.just("x")),
    st.builds(c.RemoveStorey, IDS),
    st.builds(c.SaveRoom, IDS, st.just("x"), st.one_of(st.just(""), IDS)),
    st.builds(c.RemoveRoom, IDS),
    st.builds(
        c.SaveMember,
        IDS,
        st.just("x"),
        st.sampled_from(["owner", "owner", "adult", "child", "guest"]),
        st.sampled_from([0, NOW + 9 * DAY]),
    ),
    st.builds(c.RemoveMember, IDS),
    st.builds(c.GiveGrant, IDS, IDS, st.just(("thing.control",)), PLACES, PLACES),
    st.builds(c.EndGrant, IDS),
    st.builds(c.AddThing, st.just("miio"), IDS, st.just("x.light.v1"), st.one_of(st.just(""), IDS), st.just("x")),
    st.builds(c.ArrangeThing, IDS, st.one_of(st.none(), st.just("y")), st.one_of(st.none(), st.just(""), IDS)),
    st.builds(c.ReplaceThing, IDS, st.just("miio"), IDS, st.just("y.light.v2")),
    st.builds(c.RemoveThing, IDS),
    st.builds(c.SaveScene, IDS, st.just("x"), st.dictionaries(IDS.map(lambda t: f"{t}/light.on"), st.booleans())),
    st.builds(c.RemoveScene, IDS),
    st.builds(c.SaveHelper, IDS, st.sampled_from(["switch", "counter"]), st.just("x")),
    st.builds(c.RemoveHelper, IDS),
    st.builds(c.SavePresenceSource, IDS, st.just("network"), IDS),
    st.builds(c.RemovePresenceSource, IDS, st.just("network"), IDS),
    st.builds(c.SaveLinkage, st.builds(rule, IDS, IDS, st.booleans()), IDS),
    st.builds(c.UndoLinkage, IDS),
    st.builds(c.SwitchLinkage, IDS, st.booleans()),
    st.builds(c.RemoveLinkage, IDS),
)


def check_invariants(state: Structure, had_owner: bool) -> None:
    members = set(state.members)
    assert not had_owner or any(each.role == "owner" for each in state.members.values())
    assert {each.storey for each in state.rooms.values()} <= {"", *state.storeys}
    assert {each.room for each in state.things.values()} <= {"", *state.rooms}
    at = [(each.radio, each.address) for each in state.things.values()]
    assert len(at) == len(set(at))
    for grant in state.grants.values():
        assert grant.member in members
        assert set(grant.rooms) <= set(state.rooms)
        assert set(grant.things) <= set(state.things)
    assert {each.member for each in state.presence_sources} <= members
    assert {each.author for each in state.active_linkages()} <= members
    for table in ("storeys", "rooms", "members", "grants", "things", "scenes", "helpers", "linkages"):
        assert all(key == each.id for key, each in getattr(state, table).items())
        assert len(getattr(state, table)) <= decide_module.MOST[table]


@given(st.lists(COMMANDS, max_size=60), st.integers(0, 60))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_order_of_commands_breaks_a_home(commands: list[Any], frozen_at: int) -> None:
    home = Arrangement()
    places: dict[str, bool] = {}
    had_owner = False
    from_snapshot: Structure | None = None
    seen = 0
    for number, command in enumerate(commands):
        grants = {key: bool(each.rooms or each.things) for key, each in home.state.grants.items()}
        try:
            home.do(command)
        except Refused:
            continue
        finally:
            if number == frozen_at:
                from_snapshot = DECIDER.thaw(DECIDER.key, DECIDER.freeze(home.state))
                seen = len(home.facts)
        had_owner = had_owner or any(each.role == "owner" for each in home.state.members.values())
        check_invariants(home.state, had_owner)
        if not isinstance(command, c.GiveGrant):
            places = {key: bool(each.rooms or each.things) for key, each in home.state.grants.items()}
            assert all(grants[key] is somewhere for key, somewhere in places.items()), "a grant never grows"
    rebuilt = Structure()
    for fact in home.facts:
        DECIDER.evolve(rebuilt, from_row(*to_row(fact)))
    assert rebuilt == home.state
    if from_snapshot is not None:
        for fact in home.facts[seen:]:
            DECIDER.evolve(from_snapshot, from_row(*to_row(fact)))
        assert from_snapshot == home.state
        assert list(from_snapshot.linkages) == list(home.state.linkages)


def test_the_hub_itself_can_arrange_before_there_is_anybody() -> None:
    home = Arrangement().do(c.DescribeHousehold("x"), c.SaveMember("wei", "x", "owner"), by=HUB)
    assert list(home.state.members) == ["wei"]
