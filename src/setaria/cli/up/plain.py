"""One line for each thing that happens, for pipes and logs."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Final

from setaria.app import Hub
from setaria.cli.lan import said
from setaria.cli.serve import Ending
from setaria.cli.up.happenings import Happenings
from setaria.words import say
from setaria.words.format import clock

SETTLED: Final = 1.0  # seconds in which a line may still grow: how long the things took to answer


async def show_lines(
    hub: Hub,
    happenings: Happenings,
    changed: asyncio.Event,
    ending: Ending,
    address: str,
    notes: Sequence[str],
) -> None:
    language = happenings.language
    name = hub.home.structure.household.name
    things = len(hub.home.structure.things)
    for note in (
        say("cli.hub.ready", language, name=name, address=address, things=things),
        *said(hub, address, language),
        *notes,
    ):
        _put(note)
    told = 0
    while not await ending.within(SETTLED):
        changed.clear()
        told = _tell(hub, happenings, told)
    _tell(hub, happenings, told)


def _tell(hub: Hub, happenings: Happenings, told: int) -> int:
    zone = hub.home.structure.household.zone
    for line in happenings.lines:
        if line.number > told:
            _put(f"{clock(line.time, zone)}  {happenings.text(line)}")
            told = line.number
    return told


def _put(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
