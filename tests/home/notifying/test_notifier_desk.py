"""Whose notifiers one may see, add, remove and try; what stands in the log, and what does not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.home.notifying.notifying_place import NotifyingPlace

from setaria.facts.refused import Refused
from setaria.home.notifying.decide import MOST_A_MEMBER
from setaria.home.notifying.delivery import MOST_A_MINUTE
from setaria.home.ports import Unreachable


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[NotifyingPlace]:
    made = await NotifyingPlace(tmp_path).open()
    yield made
    await made.close()


async def refusal(work: object) -> str:
    with pytest.raises(Refused) as refused:
        await work  # type: ignore[misc]
    return refused.value.code


async def test_ones_own_and_those_of_others(place: NotifyingPlace) -> None:
    mine = await place.add("ling", "ling")
    desk, owner, adult, child = place.desk, place.by("wei"), place.by("ling"), place.by("bao")
    theirs = (await desk.add(owner, "fake", "bao", "Tablet", {"target": "bao"})).id
    assert {each.id for each in desk.seen_by(owner)} == {mine, theirs}
    assert [each.id for each in desk.seen_by(adult)] == [mine]
    assert [each.id for each in desk.seen_by(child)] == [theirs]
    assert await refusal(desk.add(adult, "fake", "bao", "x", {"target": "x"})) == "not_allowed"
    assert await refusal(desk.remove(child, mine)) == "not_found", "those of others are not even there"
    assert await refusal(desk.test(child, mine)) == "not_found"
    await desk.remove(child, theirs)
    await desk.remove(owner, mine)
    assert desk.state.known == {}


async def test_secrets_lie_beside_the_log_and_survive_a_restart(tmp_path: Path) -> None:
    place = await NotifyingPlace(tmp_path).open()
    notifier = await place.add("wei", "wei", word="hunter2hunter2")
    await place.close()
    assert b"hunter2" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    await place.open()
    assert place.desk._settings(place.desk.state.known[notifier]) == {"target": "wei", "word": "hunter2hunter2"}
    await place.close()


async def test_a_secret_without_its_notifier_is_swept_out(tmp_path: Path) -> None:
    place = await NotifyingPlace(tmp_path).open()
    place.secrets.put("notifier/gone", b"{}")
    place.secrets.put("thing/lamp/token", b"stays")
    await place.close()
    await place.open()
    assert "notifier/gone" not in place.secrets.names()
    assert "thing/lamp/token" in place.secrets.names()
    await place.close()


async def test_the_same_request_again_adds_nothing(place: NotifyingPlace) -> None:
    desk, by = place.desk, place.by("wei")
    first = await desk.add(by, "fake", "", "Mine", {"target": "x", "word": "a"}, "command-1")
    again = await desk.add(by, "fake", "", "Mine", {"target": "x", "word": "a"}, "command-1")
    assert again == first
    assert list(desk.state.known) == [first.id]
    assert [name for name in place.secrets.names() if name.startswith("notifier/")] == [f"notifier/{first.id}"]


@pytest.mark.parametrize(
    ("type_", "member", "name", "settings", "code"),
    [
        ("pigeon", "", "x", {}, "notifier_type_unknown"),
        ("push", "", "x", {"endpoint": "x"}, "notifier_type_unknown"),
        ("fake", "", "x", {}, "setting_missing"),
        ("fake", "", "x", {"target": "  "}, "setting_missing"),
        ("fake", "", "x", {"target": "x", "colour": "red"}, "setting_unknown"),
        ("fake", "", "x", {"target": "x\ny"}, "setting_unusable"),
        ("fake", "", "x", {"target": "x" * 2_001}, "setting_unusable"),
        ("fake", "", "", {"target": "x"}, "name_unusable"),
        ("fake", "", "n" * 81, {"target": "x"}, "name_unusable"),
        ("fake", "nobody", "x", {"target": "x"}, "not_found"),
    ],
)
async def test_what_cannot_be_added(
    place: NotifyingPlace, type_: str, member: str, name: str, settings: dict[str, str], code: str
) -> None:
    assert await refusal(place.desk.add(place.by("wei"), type_, member, name, settings)) == code
    assert place.desk.state.known == {}
    assert [each for each in place.secrets.names() if each.startswith("notifier/")] == []


async def test_programs_at_home_are_for_who_manages_members(place: NotifyingPlace) -> None:
    assert await refusal(place.desk.add(place.by("bao"), "fake", "", "x", {"target": "near"})) == "not_allowed"
    assert (await place.desk.add(place.by("wei"), "fake", "", "x", {"target": "near"})).member == "wei"


async def test_a_member_has_so_many(place: NotifyingPlace) -> None:
    for _ in range(MOST_A_MEMBER):
        await place.add("wei", "x")
    assert await refusal(place.desk.add(place.by("wei"), "fake", "", "x", {"target": "x"})) == "too_many"
    await place.add("ling", "x")


async def test_a_browser_subscribes_once_and_may_change_hands(place: NotifyingPlace) -> None:
    desk, wei, ling = place.desk, place.by("wei"), place.by("ling")
    first = await desk.subscribe(wei, {"endpoint": "https://push.example/1"}, "Phone")
    assert (await desk.subscribe(wei, {"endpoint": "https://push.example/1"}, "Phone")).id == first.id
    other = await desk.subscribe(wei, {"endpoint": "https://push.example/2"}, "Laptop")
    moved = await desk.subscribe(ling, {"endpoint": "https://push.example/1"}, "Phone")
    assert set(desk.state.known) == {other.id, moved.id}
    assert moved.member == "ling"
    assert desk.push_key(wei) == "key"


async def test_a_test_is_sent_at_once_and_says_what_came_of_it(place: NotifyingPlace) -> None:
    notifier = await place.add("wei", "wei")
    by = place.by("wei")
    await place.desk.test(by, notifier)
    assert place.sent[0][1].message == "If you can read this, “Mine” works."
    place.outcomes["wei"] = [Unreachable("tls")]
    assert await refusal(place.desk.test(by, notifier)) == "notifier_unreachable"
    assert place.desk.delivery.failing[notifier] == Refused("notifier_unreachable", why="tls")
    place.outcomes["wei"] = [Refused("mail_refused", status=550)]
    assert await refusal(place.desk.test(by, notifier)) == "mail_refused"
    codes = {await refusal(place.desk.test(by, notifier)) for _ in range(MOST_A_MINUTE)}
    assert codes == {"mail_refused", "notifier_busy"}
    assert len(place.sent) == MOST_A_MINUTE
