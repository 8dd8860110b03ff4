from __future__ import annotations

import pytest

from setaria.home.linkage.fixed_catalogue import FixedCatalogue, FixedThing
from setaria.home.spec.library import SpecLibrary
from setaria.simulated.sample_home import SAMPLE


@pytest.fixture(scope="session")
def sample_catalogue() -> FixedCatalogue:
    """The sample home with a scene, a helper of each kind and a label."""
    library = SpecLibrary()
    return FixedCatalogue(
        [
            FixedThing(
                thing.id,
                library.get(thing.model),
                thing.room,
                (thing.zh, thing.en),
                ("night",) if "light" in thing.id else (),
            )
            for thing in SAMPLE.things
        ],
        {room.id: (room.zh, room.en) for room in SAMPLE.rooms},
        [member.id for member in SAMPLE.members],
        {"evening": ("living_light/light.on", "living_strip/light.on")},
        {"guest_mode": "switch", "openings": "counter", "tidy": "timer"},
    )
