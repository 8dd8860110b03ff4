from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from setaria.facts.clock import BUILT, DAY, HOUR, MINUTE, SECOND, VirtualClock
from setaria.facts.fact import HUB, Fact
from setaria.facts.ids import IdSource
from setaria.facts.kinds import Body, Keep, kind
from setaria.facts.log import Batch, LogFaulty, start
from setaria.facts.refused import Refused
from setaria.facts.sqlite import SqliteLog
from setaria.facts.writer import Writer
from setaria.home import retention
from setaria.home.facts import Reading, RunDeclined, Statistics, ThingReached
from setaria.home.retention import KEPT_RAW, Retention, Retired

TODAY = BUILT + 100 * DAY
OLD = TODAY - KEPT_RAW - 3 * DAY


class Place:
    def __init__(self, path: Path) -> None:
        self.clock = VirtualClock(TODAY + HOUR)
        self.log = SqliteLog.open_now(path / "log.db", self.clock)
        self.ids = IdSource(self.clock, self.log.last_known()[0], source=3)
        self.writer = Writer(self.log, self.clock, self.ids, household="h1")
        self.retention = Retention(self.log, self.writer, self.clock)

    def reading(self, time: int, value: Any, address: str = "sensor.temperature", thing: str = "thing/a") -> Fact:
        return Fact(self.ids.next(), time, thing, "h1", HUB, Reading(address, value))

    async def keep(self, *facts: Fact) -> None:
        await self.log.append(0, Batch(facts=list(facts)))

    async def facts(self) -> list[Fact]:
        cursor, found = start(1), list[Fact]()
        while window := await self.log.read(cursor, 1000):
            found += [each.fact for each in window]
            cursor = cursor.moved(0, window[-1].seq)
        return found

    async def statistics(self) -> dict[tuple[str, str, int, int], Statistics]:
        found = [fact for fact in await self.facts() if isinstance(fact.body, Statistics)]
        made = {
            (fact.aggregate, fact.body.property, fact.body.since, fact.body.width): fact.body
            for fact in found
            if isinstance(fact.body, Statistics)
        }
        assert len(made) == len(found), "none is there twice"
        return made

    async def readings(self) -> int:
        return sum(isinstance(fact.body, Reading) for fact in await self.facts())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


async def three_days(place: Place, days: int = 3) -> int:
    """Readings of two things over three whole days that are due; returns how many."""
    made = []
    for day in range(days):
        for number in range(40):
            time = OLD + day * DAY + number * 31 * MINUTE
            made.append(place.reading(time, 20 + number * 0.1))
            made.append(place.reading(time + 7, number % 2 == 0, "light.on", "thing/b"))
    await place.keep(*made)
    return len(made)


async def test_days_past_become_statistics_and_younger_ones_stay(place: Place) -> None:
    count = await three_days(place)
    younger = TODAY + HOUR - KEPT_RAW  # within the day that is not wholly past
    await place.keep(place.reading(younger, 1.0), place.reading(TODAY, 2.0))
    kept = Fact(place.ids.next(), OLD, "thing/a", "h1", HUB, ThingReached())
    await place.keep(kept)
    done = await place.retention.run_once()
    found = await place.statistics()
    assert done == Retired(3, len(found), count)
    assert await place.readings() == 2
    assert kept in await place.facts()
    assert {key for key, *_ in found} == {
        f"statistics/{thing}/{day}" for thing in "ab" for day in ("20260308", "20260309", "20260310")
    }
    for width in (5 * MINUTE, HOUR):
        assert sum(each.count for each in found.values() if each.width == width) == count
    assert (await place.log.verify()).faults == []
    assert await place.retention.run_once() == Retired()
    await place.log.close()


async def test_the_last_value_of_each_property_stays_known(place: Place) -> None:
    await three_days(place)
    before: dict[tuple[str, str], Any] = {}
    for fact in await place.facts():
        if isinstance(fact.body, Reading):
            before[fact.aggregate.partition("/")[2], fact.body.property] = fact.body.value
    await place.retention.run_once()
    after: dict[tuple[str, str], tuple[int, Any]] = {}
    for (key, address, _, _), body in (await place.statistics()).items():
        name = key.split("/")[1], address
        after[name] = max(after.get(name, (0, None)), (body.since + body.width, body.last))
    assert {name: value for name, (_, value) in after.items()} == before
    await place.log.close()


async def test_a_value_lasts_over_midnight(place: Place) -> None:
    await place.keep(place.reading(OLD + 23 * HOUR, 10.0), place.reading(OLD + DAY + 30 * MINUTE, 20.0))
    await place.retention.run_once()
    found = await place.statistics()
    assert found["statistics/a/20260309", "sensor.temperature", OLD + DAY, HOUR].mean == 15.0
    await place.log.close()


async def test_the_carried_value_outlives_days_without_a_change(place: Place) -> None:
    await place.keep(place.reading(OLD, 10.0), place.reading(OLD, True, "light.on"))
    await place.retention.run_once()
    await place.keep(place.reading(OLD + DAY + 1, False, "light.on"))
    await place.retention.run_once()
    await place.keep(place.reading(OLD + 2 * DAY + 30 * MINUTE, 20.0))
    await place.retention.run_once()
    found = await place.statistics()
    assert found["statistics/a/20260310", "sensor.temperature", OLD + 2 * DAY, HOUR].mean == 15.0
    await place.log.close()


class Killed(BaseException):
    pass


async def test_stopped_between_any_two_steps_nothing_is_doubled_or_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "FACTS_A_BATCH", 40)
    whole = Place(tmp_path / "whole")
    await three_days(whole, 2)
    await whole.retention.run_once()
    expected = await whole.statistics()
    await whole.log.close()
    for steps in range(1, 200):
        folder = tmp_path / f"{steps}"
        place = Place(folder)
        await three_days(place, 2)
        finished = await _killed_after(place, steps)
        await place.log.close()
        again = Place(folder)
        await again.retention.run_once()
        assert await again.readings() == 0
        assert await again.statistics() == expected
        await again.log.close()
        if finished:
            break
    assert finished, "every step was tried"
    assert steps > 20


async def _killed_after(place: Place, steps: int) -> bool:
    """Each write counts as two steps: killed just before it, or just after."""
    left = steps

    def step() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed

    def counted(write: Callable[..., Any]) -> Callable[..., Any]:
        async def counting(*arguments: Any) -> Any:
            step()
            done = await write(*arguments)
            step()
            return done

        return counting

    place.log.append = counted(place.log.append)  # type: ignore[method-assign]
    place.log.drop_readings = counted(place.log.drop_readings)  # type: ignore[method-assign]
    try:
        await place.retention.run_once()
    except Killed:
        return False
    return True


async def test_readings_are_kept_while_statistics_cannot_be_written(place: Place) -> None:
    count = await three_days(place)
    append = place.log.append

    async def full(partition: int, batch: Batch) -> int:
        raise LogFaulty(Refused("log_full", path="x"))

    place.log.append = full  # type: ignore[method-assign]
    with pytest.raises(LogFaulty):
        await place.retention.run_once()
    assert await place.readings() == count
    place.retention.start()
    await place.clock.run(SECOND)
    await asyncio.sleep(0.05)
    place.log.append = append  # type: ignore[method-assign]
    await place.clock.run(HOUR)
    await _until(place, 0)
    await place.retention.stop()
    await place.log.close()


async def _until(place: Place, readings: int) -> None:
    for _ in range(1_000):
        if await place.readings() == readings:
            return
        await asyncio.sleep(0.002)
    raise AssertionError(f"{await place.readings()} readings are left")


async def test_it_runs_at_once_and_then_each_day(place: Place) -> None:
    await three_days(place)
    await place.keep(place.reading(TODAY, 2.0))
    place.retention.start()
    await _until(place, 1)
    for _ in range(33):
        await asyncio.sleep(0.01)
        await place.clock.run(DAY)
    await _until(place, 0)
    await place.retention.stop()
    await place.log.close()


async def test_a_clock_that_is_not_believed_drops_nothing(place: Place) -> None:
    count = await three_days(place)
    place.clock.set(TODAY + 400 * DAY, trusted=False)
    assert await place.retention.run_once() == Retired()
    assert await place.readings() == count
    await place.log.close()


async def test_more_readings_than_fit_are_read_in_parts(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "MOST_READINGS", 10)
    await place.keep(*(place.reading(OLD + n * MINUTE, n) for n in range(300)))
    await place.retention.run_once()
    found = await place.statistics()
    assert sum(each.count for each in found.values() if each.width == HOUR) == 300
    assert sum(each.count for each in found.values() if each.width == 5 * MINUTE) == 300
    await place.log.close()


async def test_readings_that_came_late_are_put_in_order(place: Place) -> None:
    await place.keep(place.reading(OLD + 30 * MINUTE, 20.0), place.reading(OLD, 10.0))
    await place.retention.run_once()
    hour = (await place.statistics())["statistics/a/20260308", "sensor.temperature", OLD, HOUR]
    assert (hour.mean, hour.last) == (15.0, 20.0)
    await place.log.close()


@kind("retentiontest.passing", keep=Keep.READING)
class Passing(Body, frozen=True):
    """Kept as readings are, without statistics."""


async def test_other_kinds_that_are_kept_31_days_just_go(place: Place) -> None:
    await place.keep(Fact(place.ids.next(), OLD, "linkage/x", "h1", HUB, Passing()))
    assert await place.retention.run_once() == Retired(1, 0, 1)
    assert await place.facts() == []
    await place.log.close()


async def test_why_a_linkage_did_not_run_is_kept(place: Place) -> None:
    declined = Fact(place.ids.next(), OLD, "linkage/x", "h1", HUB, RunDeclined(1, "busy", {}))
    await place.keep(declined)
    assert await place.retention.run_once() == Retired()
    assert [each.body for each in await place.facts()] == [declined.body]
    await place.log.close()
