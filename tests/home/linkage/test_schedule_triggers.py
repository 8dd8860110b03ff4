"""Times of day, patterns and the sun, through changes of clocks, jumps of the clock and nights without a hub."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.home.linkage.engine_bench import BEIJING, Bench

from setaria.facts.clock import DAY, HOUR, SECOND
from setaria.home import facts as f
from setaria.home.linkage import rule as r
from setaria.home.linkage.fixed_catalogue import FixedCatalogue
from setaria.home.linkage.occurrences import last_due, matching, next_due

HELSINKI = ("Europe/Helsinki", 60.17, 24.94)
UTSJOKI = ("Europe/Helsinki", 69.91, 27.03)
BERLIN = ("Europe/Berlin", 52.52, 13.40)
SAY = "actions: [{action: notify.notify, data: {message: '%s'}}]\n"
NOW = SAY % '{{ now().strftime("%m-%d %H:%M:%S") }}'


def times(
    catalogue: FixedCatalogue, trigger: str, start: str, end: str, place: tuple[str, float, float] = BEIJING
) -> list[str]:
    """When a trigger fires, in local time."""
    bench = Bench(catalogue, start, place)
    bench.save(f"id: a\ntriggers: [{trigger}]\n{NOW}")
    bench.until(end)
    assert bench.outcomes() == ["done"] * len(bench.messages())
    return [message.removesuffix(":00") for message in bench.messages()]


def test_times_of_day(sample_catalogue: FixedCatalogue) -> None:
    found = times(
        sample_catalogue, "{trigger: time, at: ['07:00:00', '12:00:00']}", "2026-06-01 12:00", "2026-06-03 08:00"
    )
    assert found == ["06-02 07:00", "06-02 12:00", "06-03 07:00"]


def test_weekdays(sample_catalogue: FixedCatalogue) -> None:
    trigger = "{trigger: time, at: '23:30:00', weekday: [mon, sat]}"
    found = times(sample_catalogue, trigger, "2026-06-01 12:00", "2026-06-09 12:00")
    assert found == ["06-01 23:30", "06-06 23:30", "06-08 23:30"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("minutes: '/20'", ["06-01 12:20", "06-01 12:40", "06-01 13:00", "06-01 13:20"]),
        ("minutes: 5", ["06-01 12:05", "06-01 13:05"]),
        ("hours: 13, minutes: '/15'", ["06-01 13:00", "06-01 13:15"]),
        ("hours: '/13'", ["06-01 13:00"]),
        ("hours: 12, minutes: 1, seconds: '/25'", ["06-01 12:01", "06-01 12:01:25", "06-01 12:01:50"]),
    ],
)
def test_patterns(sample_catalogue: FixedCatalogue, pattern: str, found: list[str]) -> None:
    trigger = f"{{trigger: time_pattern, {pattern}}}"
    assert times(sample_catalogue, trigger, "2026-06-01 12:00", "2026-06-01 13:29") == found


@pytest.mark.parametrize(
    ("text", "most", "numbers"),
    [("*", 3, [0, 1, 2]), ("2", 3, [2]), ("3", 3, []), ("/2", 5, [0, 2, 4]), ("/0", 5, []), ("x", 5, []), ("", 5, [])],
)
def test_matching(text: str, most: int, numbers: list[int]) -> None:
    assert matching(text, most) == numbers


# The sun. Almanac times (timeanddate.com): Beijing on 1 June 2026 4:47-19:36, Helsinki on 21 June 3:54-22:50.


def test_the_sun_in_beijing(sample_catalogue: FixedCatalogue) -> None:
    trigger = "{trigger: sun, event: sunset, offset: '-00:30:00'}"
    (found,) = times(sample_catalogue, trigger, "2026-06-01 12:00", "2026-06-02 12:00")
    assert "06-01 19:05:00" < found < "06-01 19:08:00"


def test_the_sun_in_helsinki(sample_catalogue: FixedCatalogue) -> None:
    (up,) = times(sample_catalogue, "{trigger: sun, event: sunrise}", "2026-06-21 00:30", "2026-06-22 00:30", HELSINKI)
    (down,) = times(sample_catalogue, "{trigger: sun, event: sunset}", "2026-06-21 00:30", "2026-06-22 00:30", HELSINKI)
    assert "06-21 03:52:00" < up < "06-21 03:57:00"
    assert "06-21 22:47:00" < down < "06-21 22:53:00"


def test_no_sunset_in_utsjoki_in_june(sample_catalogue: FixedCatalogue) -> None:
    trigger = "{trigger: sun, event: sunset}"
    assert times(sample_catalogue, trigger, "2026-06-10 12:00", "2026-07-10 12:00", UTSJOKI) == []
    bench = Bench(sample_catalogue, "2026-06-21 12:00", UTSJOKI)
    due = next_due(r.SunTrigger(event="sunset"), bench.clock.now(), bench.world)
    assert due is not None
    assert bench.moment("2026-07-20 00:00") < due < bench.moment("2026-08-05 00:00")


@pytest.mark.parametrize(("day", "night"), [("06-21", False), ("12-21", True)])
@pytest.mark.parametrize("hour", [1, 9, 12, 15, 23])
def test_conditions_where_the_sun_stays(sample_catalogue: FixedCatalogue, day: str, night: bool, hour: int) -> None:
    bench = Bench(sample_catalogue, f"2026-{day} {hour:02}:00", UTSJOKI)
    for name, after, before in (("night", "sunset", "sunrise"), ("day", "sunrise", "sunset")):
        bench.save(
            f"id: {name}\ntriggers: [{{trigger: event, event: go}}]\n"
            f"conditions: [{{condition: sun, after: {after}, before: {before}}}]\n{SAY % name}"
        )
    bench.fire("go", {}, "test")
    assert bench.messages() == ["night" if night else "day"]


@pytest.mark.parametrize("offset", ["-30:00:00", "-12:00:00", "11:00:00", "30:00:00"])
def test_large_offsets_fire_once_a_day(sample_catalogue: FixedCatalogue, offset: str) -> None:
    trigger = f"{{trigger: sun, event: sunset, offset: '{offset}'}}"
    found = times(sample_catalogue, trigger, "2026-06-01 12:00", "2026-06-11 12:00")
    assert len(found) == len({each[:5] for each in found}) == 10


# Clocks change. Berlin: 29 March 2026, 02:00 -> 03:00; 25 October 2026, 03:00 -> 02:00.


def test_a_skipped_time_fires_at_the_jump(sample_catalogue: FixedCatalogue) -> None:
    trigger = "{trigger: time, at: '02:30:00'}"
    found = times(sample_catalogue, trigger, "2026-03-28 12:00", "2026-03-30 12:00", BERLIN)
    assert found == ["03-29 03:00", "03-30 02:30"]


def test_a_doubled_time_fires_once(sample_catalogue: FixedCatalogue) -> None:
    trigger = "{trigger: time, at: '02:30:00'}"
    bench = Bench(sample_catalogue, "2026-10-24 12:00", BERLIN)
    bench.save(f"id: a\ntriggers: [{trigger}]\n{NOW}")
    bench.until("2026-10-26 12:00")
    dues = [body.trigger["due"] for body in bench.ended()]
    first = bench.moment("2026-10-25 02:00") + HOUR // 2
    assert dues == [first, first + 25 * HOUR]


def test_a_pattern_goes_on_evenly(sample_catalogue: FixedCatalogue) -> None:
    bench = Bench(sample_catalogue, "2026-10-25 01:45", BERLIN)
    bench.save(f"id: a\ntriggers: [{{trigger: time_pattern, minutes: '/30'}}]\n{NOW}")
    bench.wait(3 * 3600)
    dues = [body.trigger["due"] for body in bench.ended()]
    assert len(dues) == 6
    assert {after - before for before, after in itertools.pairwise(dues)} == {HOUR // 2}


triggers = st.one_of(
    st.builds(
        r.TimeTrigger,
        at=st.lists(st.integers(0, 86_399).map(lambda n: n * SECOND), min_size=1, max_size=3).map(tuple),
        weekdays=st.sets(st.integers(0, 6), min_size=1).map(lambda found: tuple(sorted(found))),
    ),
    st.builds(
        r.PatternTrigger,
        hours=st.sampled_from(["*", "3", "/5"]),
        minutes=st.sampled_from(["*", "0", "30", "/7"]),
        seconds=st.sampled_from(["0", "15", "/20"]),
    ),
    st.builds(
        r.SunTrigger, event=st.sampled_from(["sunrise", "sunset"]), offset=st.integers(-6, 6).map(lambda n: n * HOUR)
    ),
)


@settings(max_examples=150, deadline=None)
@given(
    trigger=triggers,
    place=st.sampled_from([BEIJING, BERLIN, UTSJOKI, ("Australia/Lord_Howe", -31.5, 159.0), ("UTC", 0.0, 0.0)]),
    day=st.integers(0, 364),
    second=st.integers(0, 86_399),
)
def test_the_next_is_the_last_of_those_after_it(
    sample_catalogue: FixedCatalogue, trigger: r.Trigger, place: tuple[str, float, float], day: int, second: int
) -> None:
    bench = _bench(sample_catalogue, place)
    after = bench.moment("2026-01-01 00:00") + day * DAY + second * SECOND
    due = next_due(trigger, after, bench.world)
    if due is None:
        return
    assert due > after
    if due - after < 7 * DAY:
        assert last_due(trigger, due, bench.world) == due
        before = last_due(trigger, due - 1, bench.world)
        assert before is None or before <= after
    between = next_due(trigger, (after + due) // 2, bench.world)
    assert between == due


_benches: dict[str, Bench] = {}


def _bench(catalogue: FixedCatalogue, place: tuple[str, float, float]) -> Bench:
    return _benches.setdefault(place[0] + str(place[1]), Bench(catalogue, place=place))


# Jumps of the clock.


@pytest.mark.parametrize(
    ("missed", "fires"),
    [("", False), ("missed: skip\n", False), ("missed: run\n", True), ("missed: {within: '01:00:00'}\n", False)],
)
def test_a_jump_forward_is_time_missed(sample_catalogue: FixedCatalogue, missed: str, fires: bool) -> None:
    bench = Bench(sample_catalogue)
    bench.save(f"id: a\n{missed}triggers: [{{trigger: time, at: '13:00:00'}}]\n{SAY % 'x'}")
    bench.wait(100)
    bench.clock.set(bench.clock.now() + 3 * HOUR)
    bench.wait(60)
    assert bench.messages() == (["x"] if fires else [])
    assert bench.declined() == ([] if fires else ["missed"])
    bench.until("2026-06-02 14:00")
    assert len(bench.messages()) == 1 + fires


def test_a_small_step_forward_is_met(sample_catalogue: FixedCatalogue) -> None:
    bench = Bench(sample_catalogue)
    bench.save(f"id: a\ntriggers: [{{trigger: time, at: '12:00:20'}}]\n{SAY % 'x'}")
    bench.wait(18)
    bench.clock.set(bench.clock.now() + 3 * SECOND)
    bench.wait(30)
    assert bench.messages() == ["x"]


@pytest.mark.parametrize("back", [1, 3, 60, 1800, 3599])
@pytest.mark.parametrize(
    "trigger", ["time, at: '12:30:00'", "time_pattern, minutes: 30", "sun, event: sunset, offset: '-07:06:00'"]
)
def test_a_jump_back_fires_nothing_twice(sample_catalogue: FixedCatalogue, back: int, trigger: str) -> None:
    bench = Bench(sample_catalogue)
    bench.save(f"id: a\ntriggers: [{{trigger: {trigger}}}]\n{SAY % 'x'}")
    bench.until("2026-06-01 12:31")
    before = len(bench.messages())
    assert before == 1
    bench.clock.set(bench.clock.now() - back * SECOND)
    bench.until("2026-06-01 12:40")
    assert len(bench.messages()) == 1
    bench.until("2026-06-02 12:40")
    assert len(bench.messages()) == (25 if "pattern" in trigger else 2)


def test_a_jump_far_back_does_not_wait_for_the_old_date(sample_catalogue: FixedCatalogue) -> None:
    bench = Bench(sample_catalogue)
    bench.save(f"id: a\ntriggers: [{{trigger: time, at: '13:00:00'}}]\n{SAY % 'x'}")
    bench.clock.set(bench.clock.now() - 40 * DAY)
    bench.wait(2 * 3600)
    assert bench.messages() == ["x"]


# A clock that is not known.


def test_times_wait_for_a_trusted_clock(sample_catalogue: FixedCatalogue) -> None:
    bench = Bench(sample_catalogue)
    real = bench.clock.now()
    bench.clock.set(bench.moment("2026-01-01 12:00"), trusted=False)
    bench.save(f"id: a\nmissed: run\ntriggers: [{{trigger: time, at: '13:00:00'}}]\n{SAY % 'x'}")
    bench.wait(2 * 3600)
    assert bench.sent == []
    bench.clock.set(real)
    bench.wait(1800)
    assert bench.sent == []  # what the wrong date passed over was never due
    bench.until("2026-06-01 13:00")
    assert bench.messages() == ["x"]
    assert bench.declined() == []


# While the hub is off.


@pytest.mark.parametrize(
    ("missed", "messages", "declined"),
    [
        ("", 0, 0),
        ("missed: skip\n", 0, 0),
        ("missed: run\n", 1, 0),
        ("missed: {within: '02:00:00'}\n", 1, 0),
        ("missed: {within: '00:10:00'}\n", 0, 1),
    ],
)
def test_due_while_the_hub_was_off(sample_catalogue: FixedCatalogue, missed: str, messages: int, declined: int) -> None:
    bench = Bench(sample_catalogue)
    bench.save(f"id: a\n{missed}triggers: [{{trigger: time, at: '13:00:00'}}]\n{SAY % 'x'}")
    bench.until("2026-06-01 12:30")
    bench.restart(off=3600 * 1.5)
    assert len(bench.messages()) == messages
    assert len(bench.declined()) == declined
    bench.restart(off=60)  # and it is not made up for twice
    bench.wait(3600)
    assert len(bench.messages()) == messages
    assert len(bench.declined()) == declined


def test_several_missed_times_are_made_up_for_once(sample_catalogue: FixedCatalogue) -> None:
    bench = Bench(sample_catalogue)
    bench.save(f"id: a\nmissed: run\ntriggers: [{{trigger: time_pattern, seconds: '/10'}}]\n{SAY % 'x'}")
    bench.wait(30)
    bench.taken()
    bench.restart(off=86_400 * 3)
    assert bench.messages() == ["x"]
    assert bench.ended()[-1].trigger["due"] == bench.clock.now() // (10 * SECOND) * (10 * SECOND)


def test_a_linkage_saved_after_the_time_makes_nothing_up(sample_catalogue: FixedCatalogue) -> None:
    bench = Bench(sample_catalogue, "2026-06-01 08:00")
    bench.save("id: b\ntriggers: [{trigger: event, event: go}]\nactions: [{stop: x}]\n")
    bench.fire("go", {}, "test")
    bench.until("2026-06-01 14:00")
    bench.save(f"id: a\nmissed: run\ntriggers: [{{trigger: time, at: '13:00:00'}}]\n{SAY % 'x'}")
    bench.restart(off=60)
    bench.wait(3600)
    assert bench.messages() == []


def test_what_fired_before_the_crash_is_not_made_up_for(sample_catalogue: FixedCatalogue) -> None:
    bench = Bench(sample_catalogue)
    bench.save(f"id: a\nmissed: run\ntriggers: [{{trigger: time, at: '13:00:00'}}]\n{SAY % 'x'}")
    bench.until("2026-06-01 13:00")
    bench.restart()
    assert bench.messages() == ["x"]
    bench.restart(lost=1)
    assert bench.messages() == ["x", "x"]  # the fact was lost: repeated once
    bench.restart(off=60)
    assert bench.messages() == ["x", "x"]


def test_disarmed_times_leave_nothing_behind(sample_catalogue: FixedCatalogue) -> None:
    bench = Bench(sample_catalogue)
    for _ in range(300):
        bench.save(f"id: a\ntriggers: [{{trigger: time, at: '13:00:00'}}]\n{SAY % 'x'}")
    schedule = bench.engine._schedule
    assert len(schedule._entries) == 1
    assert len(schedule._dues) < 100
    bench.until("2026-06-01 13:01")
    assert bench.messages() == ["x"]
    assert bench.bodies(f.RunDeclined) == []


def test_another_zone(sample_catalogue: FixedCatalogue) -> None:
    """The household moves: times of day are those of the new place."""
    from zoneinfo import ZoneInfo

    bench = Bench(sample_catalogue)
    bench.save(f"id: a\ntriggers: [{{trigger: time, at: '13:00:00'}}]\n{SAY % 'x'}")
    bench.world.zone = ZoneInfo("Europe/Berlin")
    bench.engine.home_changed()
    bench.until("2026-06-01 18:59")
    assert bench.messages() == []
    bench.until("2026-06-01 19:00")
    assert bench.messages() == ["x"]
