"""A resident's day: when he wakes, which rooms he goes through, when he is away. A weekend differs from a weekday."""

from __future__ import annotations

from random import Random
from typing import Final

import msgspec

from setaria.facts.clock import DAY, SECOND, Timer
from setaria.simulated.world import Room, World

HOUR: Final = 3_600
DOOR: Final = "door"
_RESTLESS_S: Final = 7_200.0  # mean time between two stirrings of a sleeper
_ACTIVE_S: Final = 200.0  # and between two movements of someone awake
_DOOR_OPEN_S: Final = 8


class Habit(msgspec.Struct, frozen=True):
    """One part of a day. `hour` is when it begins, with a standard deviation of `spread` minutes; room "" is away."""

    hour: float
    spread: float
    room: str
    asleep: bool = False


class Habits(msgspec.Struct, frozen=True):
    weekday: tuple[Habit, ...]
    weekend: tuple[Habit, ...]


_EVENING: Final = (
    Habit(18.9, 15, "kitchen"),
    Habit(19.8, 10, "living"),
    Habit(21.4, 15, "balcony"),
    Habit(21.7, 10, "living"),
    Habit(22.9, 25, "bedroom"),
    Habit(23.3, 20, "bedroom", asleep=True),
)
_MORNING: Final = (Habit(0.0, 0, "bedroom", asleep=True), Habit(6.9, 12, "bedroom"), Habit(7.3, 6, "kitchen"))
_HOME_DAY: Final = (
    Habit(0.0, 0, "bedroom", asleep=True),
    Habit(8.6, 35, "bedroom"),
    Habit(9.2, 15, "kitchen"),
    Habit(10.0, 20, "living"),
    Habit(14.2, 30, ""),
    Habit(17.2, 30, "living"),
)

WORKING: Final = Habits(
    weekday=(*_MORNING, Habit(7.9, 5, "living"), Habit(8.3, 6, ""), Habit(18.4, 15, "living"), *_EVENING),
    weekend=(*_HOME_DAY, *_EVENING),
)
ELDER: Final = Habits(
    weekday=(
        Habit(0.0, 0, "parents", asleep=True),
        Habit(5.6, 15, "parents"),
        Habit(6.2, 8, "kitchen"),
        Habit(8.6, 15, ""),
        Habit(10.4, 20, "kitchen"),
        Habit(12.6, 15, "parents", asleep=True),
        Habit(14.2, 15, "living"),
        Habit(17.3, 15, "kitchen"),
        Habit(19.4, 10, "living"),
        Habit(21.0, 15, "parents"),
        Habit(21.4, 15, "parents", asleep=True),
    ),
    weekend=(
        Habit(0.0, 0, "parents", asleep=True),
        Habit(5.9, 15, "parents"),
        Habit(6.6, 10, "kitchen"),
        Habit(9.0, 20, "living"),
        Habit(11.0, 15, "kitchen"),
        Habit(13.0, 15, "parents", asleep=True),
        Habit(14.6, 20, "balcony"),
        Habit(15.4, 20, "living"),
        Habit(19.6, 15, "parents"),
        Habit(21.4, 15, "parents", asleep=True),
    ),
)


class Resident:
    """Walks about in `world`, tells the rooms of each movement, and opens the door on the way out and in."""

    def __init__(self, name: str, habits: Habits, world: World, random: Random) -> None:
        self.name = name
        self.world = world
        self.room: Room | None = None
        self.asleep = False
        self._habits = habits
        self._random = random
        self._plan: list[tuple[int, Habit]] = []
        self._next: Timer | None = None
        self._stir: Timer | None = None
        self._begin()

    @property
    def home(self) -> bool:
        return self.room is not None

    def go(self, room: str, asleep: bool = False) -> None:
        """Leave what he was at, room "" for the world outside; his plan goes on from there."""
        was_home = self.home
        if self.room is not None:
            self.room.occupants.discard(self.name)
        self.room = self.world.room(room) if room else None
        self.asleep = asleep
        if was_home != self.home:
            self._through_the_door()
        if self.room is not None:
            self.room.occupants.add(self.name)
            self.room.motion()
        self._stir_later()

    def stop(self) -> None:
        for timer in (self._next, self._stir):
            if timer is not None:
                timer.cancel()

    def _begin(self) -> None:
        day, second = self.world.local()
        self._plan_day(day)
        past = [habit for at, habit in self._plan if at <= second]
        self._plan = [(at, habit) for at, habit in self._plan if at > second]
        if past and past[-1].room:
            self.room = self.world.room(past[-1].room)
            self.room.occupants.add(self.name)
            self.asleep = past[-1].asleep
        self._stir_later()
        self._wait()

    def _plan_day(self, day: int) -> None:
        habits = self._habits.weekend if self.world.weekend(day) else self._habits.weekday
        at = 0
        self._plan = []
        for habit in habits:
            wished = int(habit.hour * HOUR + self._random.gauss(0.0, habit.spread * 60.0)) if habit.spread else 0
            at = min(max(at + 120, wished), 24 * HOUR - 1) if habit.hour else 0
            self._plan.append((at, habit))

    def _wait(self) -> None:
        _, second = self.world.local()
        if self._plan:
            wait = max(0, self._plan[0][0] - second) * SECOND
            self._next = self.world.clock.call_at(self.world.clock.ticks() + wait, self._move)
        else:
            wait = DAY - (self.world.clock.now() + self.world.offset) % DAY
            self._next = self.world.clock.call_at(self.world.clock.ticks() + wait, self._midnight)

    def _midnight(self) -> None:
        self._plan_day(self.world.local()[0])
        # Whoever sleeps sleeps on: midnight is nothing that happens to him.
        self._plan = [(at, habit) for at, habit in self._plan if at > 0]
        self._wait()

    def _move(self) -> None:
        _, habit = self._plan.pop(0)
        self.go(habit.room, habit.asleep)
        self._wait()

    def _stir_later(self) -> None:
        if self._stir is not None:
            self._stir.cancel()
            self._stir = None
        if self.room is not None:
            mean = _RESTLESS_S if self.asleep else _ACTIVE_S
            wait = int(self._random.expovariate(1.0 / mean) * SECOND)
            self._stir = self.world.clock.call_at(self.world.clock.ticks() + wait, self._stirred)

    def _stirred(self) -> None:
        if self.room is not None:
            self.room.motion()
        self._stir_later()

    def _through_the_door(self) -> None:
        hall = self.world.room(DOOR)
        hall.motion()
        hall.door(True)
        clock = self.world.clock
        clock.call_at(clock.ticks() + _DOOR_OPEN_S * SECOND, lambda: hall.door(False))
