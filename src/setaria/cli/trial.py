"""`python -m setaria.cli.trial FOLDER`: whether this version can open a copy of a home's data, and answer.

Nothing is started that would act: no radio, no linkage, no message to anybody.
"""

from __future__ import annotations

import asyncio
import os
import sys
import urllib.request
from pathlib import Path
from typing import Final

import msgspec

WITHIN: Final = 20.0  # seconds for the answer


def ask(folder: Path) -> bool:
    """The question is asked over the wire, as the terminal would."""
    token, address = (folder / "terminal").read_text("ascii").split()
    request = urllib.request.Request(f"{address}/api/health", headers={"Authorization": f"Bearer {token}"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=WITHIN) as answer:  # noqa: S310  our own address
        return bool(msgspec.json.decode(answer.read(65_536)).get("ok"))


async def attempt(folder: Path) -> int:
    from setaria.app import Hub, Settings

    hub = Hub.open(Settings(folder, port=0, miio=False, mdns=False), [])
    await hub.serve()
    return 0 if await asyncio.to_thread(ask, folder) else 1


def main() -> int:
    try:
        status = asyncio.run(attempt(Path(sys.argv[1])))
    except Exception as error:  # whatever it is, the version is not fit
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        status = 1
    sys.stderr.flush()
    os._exit(status)  # a copy needs no clean end


if __name__ == "__main__":
    main()
