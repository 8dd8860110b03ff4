"""The routes of notifications and of upkeep, as the pages and a browser's push manager use them."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.web.site_helpers import PORT, Client, cookie_of, owner_token, scope_of, with_token

from setaria.app import Hub
from setaria.facts import archive
from setaria.home import commands as c
from setaria.home.upkeep.facts import BackupMade, BackupRemoved, DataTaken
from setaria.notifiers.push import encode
from setaria.web.server import Services, Site

WORDS = "correct horse battery"
HOOK = {"url": "https://hooks.example/secret-path", "key": "sixteen letters."}


@pytest.fixture
async def site(services: Services, hub: Hub) -> AsyncIterator[Site]:
    import msgspec

    made = Site(msgspec.structs.replace(services, notifying=hub.notifying, upkeep=hub.upkeep), port=PORT)
    made.app.serve_port(PORT)
    yield made
    await made.stop()


async def download(site: Site, path: str) -> tuple[dict[str, str], bytes]:
    sent: list[Any] = []

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    await site.app(with_token(scope_of("GET", path, b"", {}), owner_token(site)), receive, send)
    assert sent[0]["status"] == 200
    assert sent[-1].get("more_body", False) is False
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return headers, b"".join(each.get("body", b"") for each in sent[1:])


async def test_a_notifier_comes_is_seen_and_goes(client: Client, hub: Hub) -> None:
    seen = (await client.get("/api/notifiers", **{"Accept-Language": "en"})).json()
    assert seen["notifiers"] == []
    assert [each["type"] for each in seen["types"]] == ["webhook", "ntfy", "email"]
    for each in seen["types"]:
        for field in each["fields"]:
            assert not field["label"].startswith("notifiers."), "every field has its words"
    assert seen["types"][0]["fields"][1] == {
        "name": "key",
        "label": "Signing key (16 characters or more)",
        "secret": True,
        "required": True,
    }
    body = {"type": "webhook", "member": "", "name": "Mine", "settings": HOOK}
    added = (await client.post("/api/notifiers", body)).json()
    assert (added["shown"], added["failing"], added["member"]) == ("https://hooks.example", "", "owner")
    assert "secret-path" not in str(added)
    assert (await client.get("/api/notifiers")).json()["notifiers"] == [added]
    assert (await client.send("DELETE", f"/api/notifiers/{added['id']}")).json() == {"outcome": "done"}
    assert (await client.get("/api/notifiers")).json()["notifiers"] == []
    assert (await client.send("DELETE", f"/api/notifiers/{added['id']}")).refused == "not_found"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"type": "webhook", "name": "x"}, "body_unfit"),
        ({"type": "webhook", "name": "x", "settings": {"url": 1}}, "body_unfit"),
        ({"type": "webhook", "name": "x", "settings": {"url": "https://x.example"}}, "setting_missing"),
        ({"type": "webhook", "name": "x", "settings": {**HOOK, "url": "http://1.1.1.1/"}}, "target_insecure"),
        ({"type": "webhook", "name": "x", "settings": {str(n): "" for n in range(21)}}, "too_many"),
        ({"type": "push", "name": "x", "settings": {}}, "notifier_type_unknown"),
    ],
)
async def test_what_cannot_be_added(client: Client, body: object, code: str) -> None:
    assert (await client.post("/api/notifiers", body)).refused == code


async def test_a_browser_subscribes(client: Client) -> None:
    key = (await client.get("/api/push/key")).json()["key"]
    assert len(key) == 87
    point = (
        ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    )
    keys = {"p256dh": encode(point), "auth": encode(b"a" * 16)}
    body = {"endpoint": "https://push.example/abc", "keys": keys, "device": "Chrome\n on Linux"}
    added = (await client.post("/api/push", body)).json()
    assert (added["type"], added["name"], added["shown"]) == ("push", "Chrome on Linux", "push.example")
    assert (await client.post("/api/push", body)).json()["id"] == added["id"], "a repeat adds nothing"
    bad = {**body, "keys": {**keys, "auth": "x"}}
    assert (await client.post("/api/push", bad)).refused == "subscription_unusable"


async def test_a_child_has_ones_own_and_no_more(client: Client, hub: Hub, site: Site) -> None:
    await hub.home.arrange(hub.owner, c.SaveMember("child", "Child", "child"))
    theirs = Client(site.app)
    headers = await cookie_of(hub, "child")
    mine = (await client.post("/api/notifiers", {"type": "webhook", "name": "x", "settings": HOOK})).json()["id"]
    assert (await theirs.get("/api/notifiers", **headers)).json()["notifiers"] == []
    assert (await theirs.send("DELETE", f"/api/notifiers/{mine}", b"", headers)).refused == "not_found"
    for member, code in (("owner", "not_allowed"), ("child", "")):
        body = {"type": "webhook", "member": member, "name": "x", "settings": HOOK}
        assert (await theirs.post("/api/notifiers", body, **headers)).refused == code
    near = {"type": "webhook", "name": "x", "settings": {**HOOK, "url": "http://127.0.0.1:8080/api"}}
    assert (await theirs.post("/api/notifiers", near, **headers)).refused == "not_allowed"
    for path in ("/api/upkeep", "/api/export", "/api/backups/x"):
        assert (await theirs.get(path, **headers)).refused == "not_allowed"
    for path in ("/api/upgrade", "/api/rollback", "/api/backups"):
        assert (await theirs.post(path, {}, **headers)).refused == "not_allowed"


async def test_a_backup_is_made_taken_away_and_deleted(client: Client, hub: Hub, site: Site, tmp_path: Path) -> None:
    made = (await client.post("/api/backups", {"passphrase": WORDS})).json()
    assert made["sealed"]
    assert (await client.get("/api/upkeep")).json()["backups"] == [made]
    headers, content = await download(site, f"/api/backups/{made['id']}")
    assert headers["content-disposition"] == f'attachment; filename="{made["id"]}.setaria"'
    assert int(headers["content-length"]) == len(content) == made["bytes"]
    (tmp_path / "taken").write_bytes(content)
    archive.restore(tmp_path / "taken", tmp_path / "new", WORDS)
    assert (await client.send("DELETE", f"/api/backups/{made['id']}")).json() == {"outcome": "done"}
    assert (await client.get(f"/api/backups/{made['id']}")).refused == "not_found"
    assert (await client.get("/api/backups/..%2Fkey")).refused in ("not_found", "route_unknown")
    await hub.writer.flush()
    told = [each.fact.body for each in await hub.log.latest("upkeep/home", 10)]
    assert [type(each) for each in reversed(told)] == [BackupMade, DataTaken, BackupRemoved], "the log tells who did"


async def test_what_a_backup_refuses(client: Client) -> None:
    assert (await client.post("/api/backups", {"passphrase": "short"})).refused == "passphrase_short"
    assert (await client.post("/api/backups", {"passphrase": "x" * 1_001})).refused == "passphrase_long"
    assert (await client.post("/api/backups", {})).refused == "body_unfit"


async def test_everything_is_exported(site: Site) -> None:
    headers, content = await download(site, "/api/export")
    assert headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(content)) as found:
        assert b"home.household_described" in found.read("facts.jsonl")


async def test_a_checkout_says_how_to_upgrade_it(client: Client) -> None:
    state = (await client.get("/api/upkeep", **{"Accept-Language": "en"})).json()
    assert state["can_upgrade"] is False
    assert state["why"].startswith("This Setaria runs from its source code. Fetch the newest source")
    assert (state["versions"], state["available"], state["doing"], state["changed"]) == ([], "", "", "")
    assert state["data_bytes"] > 10_000
    assert (await client.post("/api/upgrade", {"version": "9.9"})).refused == "upgrade_from_checkout"
    assert (await client.post("/api/rollback", {})).refused == "upgrade_from_checkout"
