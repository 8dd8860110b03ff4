"""The API's OpenAPI document, from which the interface's types are made: `python ui/describe.py ui/openapi.json`."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

import msgspec

from setaria.app import Hub, Settings
from setaria.web.openapi import describe


async def document_of_a_hub() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        hub = Hub.open(Settings(Path(folder), port=0, miio=False))
        try:
            await hub.start()
            await hub.serve()
            assert hub.site is not None
            document = describe(hub.site.routes, "")
        finally:
            await hub.close()
    return msgspec.json.format(msgspec.json.encode(document, order="deterministic"), indent=1) + b"\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(asyncio.run(document_of_a_hub()))
