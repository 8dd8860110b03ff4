"""The picture, drawn anew only when something changed and at most four times a second."""

from __future__ import annotations

import asyncio
import functools
import os
import sys
from collections.abc import Sequence
from typing import Final

from rich.console import Console, ConsoleDimensions, Group
from rich.live import Live

from setaria.app import Hub
from setaria.cli.lan import addresses, said_of_setup, setup_address
from setaria.cli.serve import Ending
from setaria.cli.up.happenings import Happenings
from setaria.cli.up.picture import Frame, Picture
from setaria.words import say

BETWEEN: Final = 0.25  # seconds
A_MINUTE: Final = 60.0
NOTE_SHOWN: Final = 30.0  # seconds: about ports that are others than asked for


async def show_picture(
    hub: Hub,
    happenings: Happenings,
    changed: asyncio.Event,
    ending: Ending,
    address: str,
    notes: Sequence[str],
) -> None:
    console = Console(highlight=False)
    picture = Picture(hub.home, happenings, happenings.language)
    loop = asyncio.get_running_loop()
    began = loop.time()
    stop = say("cli.up.stop", happenings.language)

    @functools.lru_cache(maxsize=1)
    def code(setup: str) -> list[str]:
        from setaria.cli.qr import qr_lines

        return qr_lines(setup)

    def drawn() -> Group:
        width, height = os.get_terminal_size(sys.stdout.fileno())  # rich believes COLUMNS, which may be stale
        console.size = ConsoleDimensions(width, height)
        note = "  ".join(notes) if loop.time() - began < NOTE_SHOWN else ""
        setup = setup_address(hub, address)
        told = said_of_setup(setup, happenings.language)
        scanned = code(setup) if setup.startswith("https:") else ()
        lines = picture.lines(width, height, Frame(addresses(hub, address), note, stop, told, scanned))
        return Group(*lines)

    with Live(drawn(), console=console, screen=True, auto_refresh=False, redirect_stdout=False) as live:
        waiting = asyncio.create_task(ending.wait())
        try:
            while not waiting.done():
                changed.clear()
                live.update(drawn(), refresh=True)
                if await ending.within(BETWEEN):
                    break
                await _first(waiting, changed, A_MINUTE - hub.clock.now() / 1e6 % A_MINUTE)
        finally:
            waiting.cancel()


async def _first(waiting: asyncio.Task[None], changed: asyncio.Event, seconds: float) -> None:
    """Until the end, a change, or the next minute."""
    change = asyncio.create_task(changed.wait())
    try:
        await asyncio.wait({waiting, change}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        change.cancel()
