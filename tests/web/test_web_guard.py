"""Who is let in: hostile requests, each refused with its own code, with nothing changed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.web.site_helpers import PORT, Client, FakeRadio, reply_of, scope_of

from setaria.web.guard import LARGEST_BODY, Guard

WRITE = "/api/things/lamp/write"
GOOD = b'{"writes": {"light.on": true}}'
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "LocalHost"])
async def test_loopback_names_with_our_port_are_ours(client: Client, host: str) -> None:
    assert (await client.get("/api", Host=f"{host}:{PORT}")).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:8080",  # DNS rebinding: its name points at 127.0.0.1
        "127.0.0.1:8081",
        "127.0.0.1",
        "localhost.evil.example:8080",
        "127.0.0.1:8080@evil.example",
        "[::2]:8080",
        "",
    ],
)
async def test_foreign_hosts_are_refused(client: Client, host: str) -> None:
    reply = await client.get("/api/home", Host=host)
    assert (reply.status, reply.refused) == (403, "host_foreign")


async def test_two_hosts_are_refused(client: Client) -> None:
    twice = [("host", f"127.0.0.1:{PORT}"), ("host", f"127.0.0.1:{PORT}")]
    assert (await client.send("GET", "/api", headers=twice)).refused == "host_foreign"


@pytest.mark.parametrize(
    "origin", ["null", "https://evil.example", "http://127.0.0.1:9999", "https://127.0.0.1:8080", "http://localhost"]
)
async def test_foreign_origins_are_refused(client: Client, radio: FakeRadio, origin: str) -> None:
    reply = await client.send("POST", WRITE, GOOD, {**JSON, "Origin": origin})
    assert (reply.status, reply.refused) == (403, "origin_foreign")
    assert radio.writes == []


async def test_our_own_origin_is_let_in(client: Client, radio: FakeRadio) -> None:
    reply = await client.send("POST", WRITE, GOOD, {**JSON, "Origin": f"http://localhost:{PORT}"})
    assert reply.status == 200
    assert len(radio.writes) == 1


async def test_cross_site_requests_without_origin_are_refused(client: Client) -> None:
    assert (await client.get("/api/home", **{"Sec-Fetch-Site": "cross-site"})).refused == "origin_foreign"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_what_a_form_can_send_is_refused(client: Client, radio: FakeRadio, kind: str) -> None:
    reply = await client.send("POST", WRITE, GOOD, {"Content-Type": kind})
    assert (reply.status, reply.refused) == (415, "content_type_unfit")
    assert radio.writes == []


async def test_json_with_a_charset_is_json(client: Client) -> None:
    reply = await client.send("POST", WRITE, GOOD, {"Content-Type": "application/json; charset=utf-8"})
    assert reply.status == 200


async def test_a_body_at_the_limit_is_read_and_one_beyond_is_not(client: Client) -> None:
    padded = GOOD + b" " * (LARGEST_BODY - len(GOOD))
    assert (await client.send("POST", WRITE, padded, JSON)).status == 200
    reply = await client.send("POST", WRITE, padded + b" ", JSON)
    assert (reply.status, reply.refused) == (413, "body_too_large")


async def test_a_chunked_body_without_a_length_is_bounded_too(client: Client) -> None:
    part = b" " * 65_536
    reply = await client.send("POST", WRITE, [part] * 9, JSON)
    assert (reply.status, reply.refused) == (413, "body_too_large")
    assert (await client.send("POST", WRITE, [GOOD[:5], GOOD[5:]], JSON)).status == 200


async def test_a_chunked_body_needs_its_type_too(client: Client) -> None:
    assert (await client.send("POST", WRITE, [GOOD])).refused == "content_type_unfit"


@pytest.mark.parametrize("length", ["99999999999999999999999999", "-1", "1e3", "²"])
async def test_senseless_lengths_do_no_harm(client: Client, length: str) -> None:
    reply = await client.send("POST", WRITE, GOOD, {**JSON, "Content-Length": length})
    assert reply.status in (200, 413)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "body_unreadable"),
        (b"{", "body_unreadable"),
        (b"[" * 100_000 + b"]" * 100_000, "body_unfit"),
        (b'{"writes": ' + b'{"a":' * 50_000, "body_unfit"),
        (b'{"writes": {"light.on": "\xff\xfe"}}', "body_unreadable"),
        (b'{"writes": {"light.on": "\\ud800"}}', "body_unreadable"),
        (b'{"writes": {"light.on": true}} {}', "body_unreadable"),
        (b'{"writes": {"light.on": NaN}}', "body_unreadable"),
        (b'{"writes": {"light.on": 1e999}}', "body_unfit"),
        (b'{"writes": {"light.on": null}}', "body_unfit"),
        (b'{"writes": {"light.on": [1]}}', "body_unfit"),
        (b'{"writes": {}, "force": true}', "body_unfit"),
        (b'{"writes": {"light.brightness": ' + b"9" * 400 + b"}}", "value_out_of_range"),
        (b'{"writes": {"light.on": 1}}', "value_wrong_type"),
        (b'{"writes": {}}', "writes_unusable"),
        (b"null", "body_unfit"),
    ],
)
async def test_bodies_that_make_no_sense(client: Client, radio: FakeRadio, content: bytes, code: str) -> None:
    reply = await client.send("POST", WRITE, content, JSON)
    assert reply.refused == code
    assert 400 <= reply.status < 500
    assert radio.writes == []


async def test_a_deep_body_for_an_open_field_is_refused(client: Client) -> None:
    deep = b'{"command": "SaveRoom", "room": ' + b"[" * 60_000 + b"]" * 60_000 + b"}"
    assert (await client.send("POST", "/api/arrange", deep, JSON)).status == 400


async def test_a_long_address_is_refused(client: Client) -> None:
    assert (await client.get("/api/things/" + "a" * 9_000)).refused == "target_too_long"


async def test_a_body_that_does_not_come_in_time_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("setaria.web.guard.BODY_WITHIN", 0.01)
    guard = Guard(None, "en")
    guard.serve_port(PORT)
    sent: list[Any] = []

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    await guard(scope_of("POST", "/api", [b""], JSON), receive, send)
    assert (reply_of(sent).status, reply_of(sent).refused) == (408, "request_too_slow")


async def test_an_answer_that_does_not_come_in_time_is_given_up() -> None:
    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.Event().wait()

    guard = Guard(inner, "en", answer_within=0.01)
    guard.serve_port(PORT)
    reply = await Client(guard).get("/api")
    assert (reply.status, reply.refused) == (503, "request_too_long")


async def test_an_answer_that_has_begun_may_take_its_time() -> None:
    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await asyncio.sleep(0.05)
        await send({"type": "http.response.body", "body": b"{}"})

    guard = Guard(inner, "en", answer_within=0.01)
    guard.serve_port(PORT)
    assert (await Client(guard).get("/api")).body == b"{}"


async def test_refusals_are_in_the_language_asked_for(client: Client) -> None:
    english = (await client.get("/api/nothing", **{"Accept-Language": "en-GB"})).json()["refused"]
    chinese = (await client.get("/api/nothing", **{"Accept-Language": "zh-CN,zh;q=0.9"})).json()["refused"]
    assert english["sentence"] == "There is no /api/nothing here."
    assert chinese["sentence"] == "这里没有 /api/nothing。"
    assert chinese["next"]
