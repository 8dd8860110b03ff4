"""From what the home says to who is told: lanes, retries, restarts, bounds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.home.notifying.notifying_place import NotifyingPlace

from setaria.facts.clock import HOUR, MINUTE, SECOND
from setaria.facts.fact import HUB
from setaria.facts.refused import Refused
from setaria.home import commands as c
from setaria.home.notifying.delivery import MOST_A_MINUTE, MOST_WAITING
from setaria.home.ports import Done, Unreachable


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[NotifyingPlace]:
    made = await NotifyingPlace(tmp_path).open()
    yield made
    await made.close()


async def test_everybody_who_lives_here_or_who_is_named(place: NotifyingPlace) -> None:
    for member in ("wei", "bao", "visitor"):
        await place.add(member, member)
    place.say("all")
    assert sorted(await place.told(2)) == [("bao", "all"), ("wei", "all")], "a guest does not live here"
    place.say("you", "visitor", "nobody")
    assert (await place.told(3))[2:] == [("visitor", "you")]


async def test_each_of_ones_notifiers_is_told(place: NotifyingPlace) -> None:
    await place.add("wei", "first")
    await place.add("wei", "second")
    place.say("x", "wei")
    assert sorted(await place.told(2)) == [("first", "x"), ("second", "x")]
    assert place.sent[0][1].id == place.sent[1][1].id


async def test_one_that_is_down_holds_up_no_other_and_is_tried_again(place: NotifyingPlace) -> None:
    down = await place.add("wei", "down")
    await place.add("wei", "up")
    place.outcomes["down"] = [Unreachable("timeout"), Unreachable("busy"), Done()]
    place.say("one")
    place.say("two")
    assert sorted(await place.told(3)) == [("down", "one"), ("up", "one"), ("up", "two")]
    assert place.desk.delivery.failing[down] == Refused("notifier_unreachable", why="timeout")
    place.clock.advance(4 * SECOND)
    assert len(await place.told(3)) == 3, "not before its time"
    place.clock.advance(2 * SECOND)
    assert (await place.told(4))[3:] == [("down", "one")]
    place.clock.advance(16 * SECOND)
    assert (await place.told(6))[4:] == [("down", "one"), ("down", "two")], "in order"
    assert place.desk.delivery.failing == {}
    assert await place.undelivered() == []


async def test_what_is_refused_is_not_tried_again(place: NotifyingPlace) -> None:
    notifier = await place.add("wei", "no")
    place.outcomes["no"] = [Refused("notifier_answered", target="x", status=401), Done()]
    place.say("one")
    place.say("two")
    assert await place.told(2) == [("no", "one"), ("no", "two")]
    (noted,) = await place.undelivered()
    assert (noted.notifier, noted.member, noted.reason, noted.count) == (notifier, "wei", "refused", 1)


async def test_a_notifier_that_breaks_harms_no_other(place: NotifyingPlace) -> None:
    broken = await place.add("wei", "broken")
    await place.add("wei", "fine")
    place.outcomes["broken"] = []  # an IndexError within
    place.say("x")
    await place.until(lambda: broken in place.desk.delivery.failing)
    assert ("fine", "x") in await place.told(2)
    assert place.desk.delivery.failing[broken] == Refused("notifier_unreachable", why="fault")


async def test_a_browser_that_is_gone_is_removed(place: NotifyingPlace) -> None:
    known = await place.desk.subscribe(place.by("ling"), {"endpoint": "https://push.example/a"}, "Phone")
    place.outcomes["https://push.example/a"] = [Refused("notifier_gone")]
    place.say("x")
    await place.until(lambda: known.id not in place.desk.state.known)
    place.say("y")
    assert len(await place.told(1)) == 1
    assert [name for name in place.secrets.names() if name.startswith("notifier/")] == []
    assert place.desk.delivery.failing == {}


async def test_a_restart_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    place = await NotifyingPlace(tmp_path).open()
    await place.add("wei", "down")
    await place.add("ling", "up")
    place.outcomes["down"] = [Unreachable("timeout")]
    place.say("one")
    assert sorted(await place.told(2)) == [("down", "one"), ("up", "one")]
    place.say("two")
    await place.told(3)
    await place.close(crash=True)
    place.outcomes["down"] = [Done()]
    place.sent.clear()
    await place.open()
    assert await place.told(2) == [("down", "one"), ("down", "two")]
    await place.close()
    place.sent.clear()
    await place.open()
    place.say("three", "ling")
    assert await place.told(1) == [("up", "three")]
    await place.close()


async def test_what_was_said_while_the_delivery_was_off_is_told_unless_it_is_old(tmp_path: Path) -> None:
    place = await NotifyingPlace(tmp_path).open()
    notifier = await place.add("wei", "wei")
    await place.close()
    await place.open()
    await place.desk.delivery.stop()
    place.say("old", ago=HOUR + MINUTE)
    place.say("young", ago=HOUR - MINUTE)
    await place.settle()
    await place.close(crash=True)
    await place.open()
    assert await place.told(1) == [("wei", "young")]
    (noted,) = await place.undelivered()
    assert (noted.notifier, noted.reason) == (notifier, "late")
    await place.close()


async def test_what_waits_for_an_hour_is_noted_and_given_up(place: NotifyingPlace) -> None:
    await place.add("wei", "down")
    place.outcomes["down"] = [Unreachable("timeout")]
    place.say("x")
    await place.told(1)
    for _ in range(80):
        place.clock.advance(MINUTE)
        await place.settle()
    (noted,) = await place.undelivered()
    assert (noted.reason, noted.count) == ("late", 1)
    assert 6 <= len(place.sent) <= 10, "ever more slowly"
    assert place.desk.delivery._lanes == {}


async def test_a_linkage_gone_wild_sends_no_thousand_mails(place: NotifyingPlace) -> None:
    await place.add("wei", "wei")
    await place.add("ling", "ling")
    for number in range(1_000):
        place.say(str(number), "wei")
    place.say("calm", "ling")
    told = await place.told(MOST_A_MINUTE + 1)
    assert [message for target, message in told if target == "wei"] == [str(each) for each in range(MOST_A_MINUTE)]
    assert ("ling", "calm") in told, "nobody else pays for it"
    place.clock.advance(MINUTE + SECOND)
    told = await place.told(MOST_A_MINUTE + 2)
    assert told[-1] == ("wei", "970 more messages came within a minute and were held back. They are under Activity.")
    (noted,) = await place.undelivered()
    assert (noted.member, noted.reason, noted.count) == ("wei", "too_many", 970)
    place.say("again", "wei")
    assert (await place.told(MOST_A_MINUTE + 3))[-1] == ("wei", "again")


async def test_what_is_held_back_at_the_end_is_noted(tmp_path: Path) -> None:
    place = await NotifyingPlace(tmp_path).open()
    await place.add("wei", "wei")
    for number in range(MOST_A_MINUTE + 5):
        place.say(str(number))
    await place.told(MOST_A_MINUTE)
    await place.close()
    await place.open()
    assert [(each.reason, each.count) for each in await place.undelivered()] == [("too_many", 5)]
    assert len(place.sent) == MOST_A_MINUTE
    await place.close()


async def test_a_lane_is_bounded(place: NotifyingPlace) -> None:
    await place.add("wei", "down")
    place.outcomes["down"] = [Unreachable("timeout")]
    for number in range(MOST_WAITING + 20):
        place.say(str(number))
        if number % MOST_A_MINUTE == MOST_A_MINUTE - 1:
            await place.settle()
            place.clock.advance(MINUTE)
    await place.settle()
    (lane,) = place.desk.delivery._lanes.values()
    assert len(lane) == MOST_WAITING
    full = [each for each in await place.undelivered() if each.reason == "full"]
    assert len(full) == 20
    assert lane[0].notification.message == "0", "the one under way stays"
    assert lane[1].notification.message == "21"


async def test_who_leaves_takes_the_notifiers_along(place: NotifyingPlace) -> None:
    await place.add("ling", "ling", word="secret")
    answer = await place.writer.submit(c.RemoveMember("ling"), HUB)
    assert answer.facts
    await place.until(lambda: not place.desk.state.known)
    place.say("x")
    await place.settle()
    assert place.sent == []
    assert [name for name in place.secrets.names() if name.startswith("notifier/")] == []


async def test_a_home_that_is_new_to_this_is_not_told_its_past(tmp_path: Path) -> None:
    place = NotifyingPlace(tmp_path)
    await place.open()
    await place.add("wei", "wei")
    await place.settle()
    place.log._write.execute("DELETE FROM snapshots WHERE aggregate = 'view/notifications'")
    await place.desk.delivery.stop()
    place.log._write.execute("DELETE FROM snapshots WHERE aggregate = 'view/notifications'")
    place.say("past")
    await place.settle()
    await place.close(crash=True)
    await place.open()
    place.say("now")
    assert await place.told(1) == [("wei", "now")]
    assert await place.undelivered() == []
    await place.close()
