"""A hub, a linkage's word, and a program that is told: all of it at once, over real sockets."""

from __future__ import annotations

import asyncio
import base64
import hmac
import sys
from pathlib import Path

import msgspec

sys.path.append(str(Path(__file__).parents[3]))

from tests.notifiers.counterparts import HOST, listening
from tests.web.site_helpers import FakeRadio

from setaria.app import Hub, Settings

KEY = "correct horse battery"


async def test_a_webhook_is_told_what_the_home_says(tmp_path: Path) -> None:
    async with listening() as place:
        hub = Hub.open(Settings(tmp_path / "hub", language="en", port=0), [FakeRadio()])
        await hub.start()
        try:
            await asyncio.sleep(0.05)
            settings = {"url": f"http://{HOST}:{place.port}/hook", "key": KEY}
            known = await hub.notifying.add(hub.owner, "webhook", "", "Mine", settings)
            assert known.shown == f"http://{HOST}:{place.port}"
            hub.home.acting.notify((), "Laundry", "洗衣机 is done", "run-1")
            async with asyncio.timeout(5):
                await place.news.wait()
        finally:
            await hub.close()
    (got,) = place.got
    assert got.line == "POST /hook HTTP/1.1"
    document = msgspec.json.decode(got.body)
    assert document["data"] == {"title": "Laundry", "message": "洗衣机 is done", "household": "My home"}
    signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    expected = base64.b64encode(hmac.digest(KEY.encode(), signed, "sha256")).decode()
    assert got.headers["webhook-signature"] == f"v1,{expected}"
    assert KEY.encode() not in (tmp_path / "hub" / "log.db").read_bytes()
    assert b"/hook" not in (tmp_path / "hub" / "log.db").read_bytes()
