"""Things that describe themselves: what they said is kept as facts, and said anew without anything moving."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.home.home_place import LIBRARY, Place

from setaria.home import commands as c
from setaria.home import facts as f
from setaria.home.ports import Found, Reading

MODEL = "setaria.switch.0123456789abcdef"


def spec(*names: str) -> bytes:
    def prop(number: int, name: str) -> dict[str, Any]:
        return {
            "iid": number,
            "type": f"urn:setaria-spec:property:{name}",
            "format": "bool",
            "access": ["read", "write", "notify"],
        }

    properties = [prop(number, name) for number, name in enumerate(names, 1)]
    service = {
        "iid": 2,
        "type": "urn:setaria-spec:service:switch",
        "properties": properties,
        "description": "左",
        "x-own-name": True,
    }
    return json.dumps({"type": "urn:setaria-spec:device:switch", "description": "x", "services": [service]}).encode()


async def add(place: Place) -> None:
    place.home.following.found(Found("fake", "d1", MODEL, "灯", spec=spec("on", "extra")))
    await place.arrange(c.AddThing("fake", "d1", MODEL, "plug", "灯"))


async def test_a_thing_that_describes_itself(tmp_path: Path) -> None:
    place = await Place(tmp_path).open()
    await place.settle_in()
    await add(place)
    live = place.home.live
    followed = place.radio.followed["plug"]
    assert (followed.spec, followed.secret) == (spec("on", "extra"), b"")
    live.observed("plug", [Reading(2, 1, True)])
    live.reached("plug")
    slot = live.slots["plug/switch.on"]
    place.home.following.found(Found("fake", "d1", MODEL, "灯", spec=spec("on", "extra", "more")))
    assert live.slots["plug/switch.on"] is slot
    assert (slot.value, live.things["plug"].reachable) == (True, True)
    assert "plug/switch.more" in live.slots
    place.home.following.found(Found("fake", "d1", MODEL, "灯", spec=spec("on")))
    assert "plug/switch.extra" not in live.slots
    told = await place.bodies(f.SpecDescribed, aggregate=f"spec/{MODEL}")
    assert [len(body.spec["services"][0]["properties"]) for body in told] == [2, 3, 1]
    await place.close()
    LIBRARY.drop(MODEL)  # which all tests have in common: the log alone shall tell
    again = Place(tmp_path, place.clock)
    await again.open(start=False)
    assert again.home.live.slots["plug/switch.on"].value is True
    assert again.home.live.things["plug"].spec.services[0].description == "左"
    await again.home.stop()
    await again.log.close()
    LIBRARY.drop(MODEL)
