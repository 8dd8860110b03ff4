"""A simulated home without its wires: a world, its residents, and things that behave."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from random import Random

from setaria.facts.clock import Clock
from setaria.home.spec.library import SpecLibrary
from setaria.simulated.behaviour import behave
from setaria.simulated.behaviour.base import Behaviour
from setaria.simulated.resident import ELDER, WORKING, Resident
from setaria.simulated.sample_home import SampleThing
from setaria.simulated.thing import SimulatedThing
from setaria.simulated.world import World


class SimulatedHome:
    """All that happens in it follows from `seed` and what it is asked. `still` leaves out behaviours and residents."""

    def __init__(
        self, things: Sequence[SampleThing], library: SpecLibrary, clock: Clock, seed: int, *, still: bool = False
    ) -> None:
        self.seed = seed
        self.placed = {thing.did: thing for thing in things}
        self.world = World(clock, _random(seed, "world"))
        self.things: dict[str, SimulatedThing] = {}
        self.behaviours: dict[str, list[Behaviour]] = {}
        self.residents: dict[str, Resident] = {}
        for placed in self.placed.values():
            spec = library.get(placed.model)
            did = placed.did
            thing = SimulatedThing(spec, did, token_of(seed, did), clock, _random(seed, did))
            self.things[did] = thing
            if not still:
                self.behaviours[did] = behave(thing, self.world.room(placed.room))
        if not still:
            for name, habits in (("worker", WORKING), ("elder", ELDER)):
                self.residents[name] = Resident(name, habits, self.world, _random(seed, name))

    def stop(self) -> None:
        self.world.stop()
        for resident in self.residents.values():
            resident.stop()
        for behaviours in self.behaviours.values():
            for behaviour in behaviours:
                behaviour.stop()


def token_of(seed: int, did: str) -> bytes:
    """16 bytes, the same for the same seed and thing: nothing secret is kept for a simulation."""
    return hashlib.sha256(f"setaria:{seed}:{did}".encode()).digest()[:16]


def _random(seed: int, name: str) -> Random:
    return Random(f"{seed}:{name}")  # noqa: S311  a simulation
