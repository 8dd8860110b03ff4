"""A virtual day of the sample home: repeatable, lived in, and faster on demand."""

from __future__ import annotations

from collections.abc import Sequence

from setaria.facts.clock import DAY, HOUR, MINUTE, SECOND, VirtualClock
from setaria.home.ports import Value
from setaria.home.spec.library import SpecLibrary
from setaria.home.spec.model import Event, Property
from setaria.simulated.assembly import SimulatedHome, token_of
from setaria.simulated.clocks import FastClock
from setaria.simulated.sample_home import SAMPLE, many

LIBRARY = SpecLibrary()
MONDAY = 20_409 * DAY - 8 * HOUR  # 2025-11-17, midnight in China


def trace(seed: int, days: int = 1, start: int = MONDAY) -> list[tuple[int, str, str, object]]:
    clock = VirtualClock(start)
    home = SimulatedHome(SAMPLE.things, LIBRARY, clock, seed)
    told: list[tuple[int, str, str, object]] = []
    for did, thing in home.things.items():
        slug = home.placed[did].id

        def reported(prop: Property, value: Value, slug: str = slug) -> None:
            told.append((clock.ticks(), slug, prop.address, value))

        def happened(event: Event, given: Sequence[tuple[int, Value]], slug: str = slug) -> None:
            told.append((clock.ticks(), slug, event.address, tuple(given)))

        thing.reported, thing.happened = reported, happened
    clock.advance(days * DAY)
    return told


def test_the_same_seed_gives_the_same_day_and_another_seed_another() -> None:
    first = trace(5)
    assert len(first) > 300
    assert first == trace(5)
    assert first != trace(6)


def test_a_day_shows_that_people_live_there() -> None:
    told = trace(5)
    slugs = {slug for _, slug, _, _ in told}
    assert {"kitchen_motion", "living_motion", "door_lock", "door_contact", "door_camera", "living_purifier"} <= slugs
    opened = [at for at, slug, address, value in told if slug == "door_contact" and "contact" in address and not value]
    assert 4 <= len(opened) <= 20
    night = [at for at, slug, _, _ in told if slug == "living_motion" and at < 4 * HOUR]
    day = [at for at, slug, _, _ in told if slug == "living_motion" and 12 * HOUR < at < 22 * HOUR]
    assert len(night) < len(day)


def test_a_weekend_differs_from_a_weekday() -> None:
    clock = VirtualClock(MONDAY)
    home = SimulatedHome((), LIBRARY, clock, 5)
    worker = home.residents["worker"]
    away: list[int] = []
    for _ in range(7):
        clock.advance(11 * HOUR)
        away.append(not worker.home)
        clock.advance(13 * HOUR)
    assert sum(away) == 5, away
    weekend = [home.world.weekend(20_409 + day) for day in range(7)]
    assert sum(weekend) == 2


def test_light_follows_the_sun() -> None:
    clock = VirtualClock(MONDAY)
    home = SimulatedHome((), LIBRARY, clock, 5)
    room = home.world.room("living")
    clock.advance(2 * HOUR)
    assert room.daylight == 0
    clock.advance(10 * HOUR)
    assert room.daylight > 50


def test_a_fast_clock_runs_a_minute_in_a_second() -> None:
    real = VirtualClock(MONDAY)
    fast = FastClock(real, 60.0)
    fired: list[int] = []
    fast.call_at(fast.ticks() + 10 * MINUTE, lambda: fired.append(fast.ticks()))
    start = fast.now()
    real.advance(9 * SECOND)
    assert fired == []
    real.advance(2 * SECOND)
    assert fired == [10 * MINUTE]
    assert fast.now() - start == 11 * MINUTE


def test_the_sample_home_is_whole() -> None:
    rooms = {room.id for room in SAMPLE.rooms}
    assert {room.zh for room in SAMPLE.rooms} == {"客厅", "卧室", "父母房", "厨房", "门厅", "阳台"}
    assert len(SAMPLE.things) >= 22
    assert (
        len({thing.id for thing in SAMPLE.things}) == len({thing.did for thing in SAMPLE.things}) == len(SAMPLE.things)
    )
    for thing in SAMPLE.things:
        assert thing.room in rooms
        assert thing.zh
        assert thing.en
        spec = LIBRARY.get(thing.model)
        assert any(prop.readable for prop in spec.properties()), thing.model
    assert {member.zh: member.role for member in SAMPLE.members} == {
        "李伟": "owner",
        "王芳": "adult",
        "小满": "child",
        "奶奶": "elder",
    }


def test_many_things_cover_the_models_evenly_and_tokens_follow_from_the_seed() -> None:
    things = many(219, 1, LIBRARY)
    assert things == many(219, 1, LIBRARY) != many(219, 2, LIBRARY)
    readable = sum(prop.readable for thing in things for prop in LIBRARY.get(thing.model).properties())
    assert 3_300 < readable < 3_700
    assert len({thing.model for thing in things}) == 219
    assert len({thing.did for thing in many(1_000, 1, LIBRARY)}) == 1_000
    assert token_of(1, "5") == token_of(1, "5") != token_of(2, "5")
    assert len(token_of(1, "5")) == 16
