"""What is sent over HTTP and what comes of it; addresses that must not be reached; programs that misbehave."""

from __future__ import annotations

import asyncio
import base64
import hmac
import ipaddress
import json
import socket
import time
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook as Receiver
from tests.notifiers.counterparts import HOST, listening

from setaria.facts.clock import SECOND, VirtualClock
from setaria.facts.refused import Refused
from setaria.home.ports import Done, Notification, Outcome, Unreachable
from setaria.notifiers import ntfy, webhook
from setaria.notifiers.http import LARGEST_HEAD, Http, is_private, outcome_of, resolve, target_of
from setaria.notifiers.ntfy import Ntfy
from setaria.notifiers.webhook import Webhook

NOW = time.time_ns() // 1000  # the receiver of others looks at the machine's clock
KEY = "whsec_" + base64.b64encode(b"k" * 24).decode()
SAID = Notification("msg-1", NOW, "Door", "前门 is\nopen", "Home")


async def hooked(port: int, key: str = KEY, within: float = 5.0) -> Outcome:
    settings, _ = webhook.check({"url": f"http://{HOST}:{port}/hook?a=1", "key": key})
    return await Webhook(Http(within=within), VirtualClock(NOW), settings).send(SAID)


async def test_a_receiver_by_others_believes_it() -> None:
    async with listening() as place:
        assert await hooked(place.port) == Done()
    (got,) = place.got
    assert got.line == "POST /hook?a=1 HTTP/1.1"
    assert got.headers["content-type"] == "application/json"
    told = Receiver(KEY).verify(got.body, got.headers)
    assert told["type"] == "home.notified"
    assert told["data"] == {"title": "Door", "message": "前门 is\nopen", "household": "Home"}
    changed = got.body.replace(b"Door", b"Deer")
    with pytest.raises(Exception, match="signature"):
        Receiver(KEY).verify(changed, got.headers)


async def test_a_key_of_plain_characters_signs_too() -> None:
    async with listening() as place:
        assert await hooked(place.port, "sixteen letters.") == Done()
    (got,) = place.got
    signed = f"msg-1.{NOW // SECOND}.".encode() + got.body
    expected = base64.b64encode(hmac.digest(b"sixteen letters.", signed, "sha256")).decode()
    assert got.headers["webhook-signature"] == f"v1,{expected}"


async def ntfied(port: int, **settings: str) -> Outcome:
    checked, _ = ntfy.check({"server": f"http://{HOST}:{port}", "topic": "our-home", **settings})
    return await Ntfy(Http(), checked).send(SAID)


async def test_ntfy_is_published_to_as_json() -> None:
    async with listening() as place:
        assert await ntfied(place.port) == Done()
        assert await ntfied(place.port, priority="5", tags="house, warning", token="tk_abc") == Done()
    plain, full = place.got
    assert plain.line == "POST / HTTP/1.1"
    assert "authorization" not in plain.headers
    message = {"topic": "our-home", "title": "Door", "message": "前门 is\nopen", "priority": 3}
    assert json.loads(plain.body) == message
    assert json.loads(full.body) == {**message, "priority": 5, "tags": ["house", "warning"]}
    assert full.headers["authorization"] == "Bearer tk_abc"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Done()),
        (204, Done()),
        (301, "notifier_redirects"),
        (307, "notifier_redirects"),
        (400, "notifier_answered"),
        (401, "notifier_answered"),
        (404, "notifier_answered"),
        (408, Unreachable("busy")),
        (429, Unreachable("busy")),
        (500, Unreachable("busy")),
    ],
)
async def test_what_an_answer_means(status: int, outcome: Any) -> None:
    async with listening() as place:
        place.answers = [status]
        found = await hooked(place.port)
        assert (found.code if isinstance(found, Refused) else found) == outcome
        assert len(place.got) == 1, "a redirect is not followed"


@pytest.mark.parametrize(
    ("raw", "outcome"),
    [
        (b"SSH-2.0-x\r\n\r\n", Unreachable("no_http")),
        (b"HTTP/1.1 2x0 OK\r\n\r\n", Unreachable("no_http")),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * LARGEST_HEAD + b"\r\n\r\n", Unreachable("no_http")),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 50, Unreachable("no_http")),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", Done()),
        (b"HTTP/1.1 200", Unreachable("connection")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + b"z" * 300_000, Done()),
    ],
)
async def test_a_program_that_speaks_strangely(raw: bytes, outcome: Outcome) -> None:
    async with listening() as place:
        place.raw = raw
        assert await hooked(place.port) == outcome


async def test_a_program_that_says_nothing_is_not_waited_for() -> None:
    async with listening() as place:
        place.silent = True
        assert await hooked(place.port, within=0.1) == Unreachable("timeout")


async def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    assert await hooked(port) == Unreachable("connection")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nothing",
        "//x.example/",
        "file:///etc/passwd",
        "gopher://x.example/",
        "http://",
        "https:///path",
        "https://user:word@x.example/",
        "https://x.example:0/",
        "https://x.example:99999/",
        "https://x.example:/p#fragment",
        "https://x.example/ space",
        "https://x.example/\r\nHost: y",
        "https://exämple.org/",
        "https://-x.example/",
        "https://" + "a" * 2_000 + ".example/",
        "https://[::1/",
    ],
)
def test_what_is_no_target(url: str) -> None:
    with pytest.raises(Refused) as refused:
        target_of(url)
    assert refused.value.code == "target_unusable"


@pytest.mark.parametrize(
    "url",
    [
        "http://8.8.8.8/",
        "http://169.254.169.254/latest/meta-data",
        "http://[fe80::1]/",
        "http://0.0.0.0/",
        "http://[::]/",
        "http://[::ffff:8.8.8.8]/",
        "http://100.64.0.1/",
        "http://224.0.0.1/",
    ],
)
def test_nothing_goes_out_of_the_home_in_the_clear(url: str) -> None:
    with pytest.raises(Refused) as refused:
        target_of(url)
    assert refused.value.code == "target_insecure"
    assert target_of(url.replace("http:", "https:")).secure


@pytest.mark.parametrize(
    "url", ["http://192.168.1.5:8123/api", "http://127.0.0.1/", "http://[fd00::1]:80/", "http://nas/"]
)
def test_at_home_http_will_do(url: str) -> None:
    assert not target_of(url).secure
    with pytest.raises(Refused):
        target_of(url, secure=True)


def test_addresses_written_in_other_ways_are_no_way_round() -> None:
    assert is_private(ipaddress.ip_address("::ffff:192.168.1.1"))
    assert not is_private(ipaddress.ip_address("::ffff:1.1.1.1"))
    for name in ("2130706433", "0x7f.1", "127.1"):  # looked up as names; what comes of it is checked
        assert target_of(f"http://{name}/").host == name


async def test_a_name_that_leads_elsewhere_is_not_followed_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name is checked by what it resolves to each time, so that one that is pointed elsewhere later gains nothing."""
    loop = asyncio.get_running_loop()

    async def getaddrinfo(host: str, port: int, **_: object) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in ("10.0.0.1", "8.8.8.8")]

    monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
    found = await Http().post(target_of("http://nas.example/"), {}, b"")
    assert found == Refused("target_insecure", target="nas.example")
    assert await resolve("nas.example", 443, private=False) == ["10.0.0.1", "8.8.8.8"]


async def test_a_name_nobody_knows() -> None:
    assert await Http().post(target_of("http://no-such-name.invalid/"), {}, b"") == Unreachable("name")


async def test_no_header_can_be_smuggled_in() -> None:
    async with listening() as place:
        target = target_of(f"http://{HOST}:{place.port}/")
        assert await Http().post(target, {"X": "a\r\nEvil: b"}, b"") == Unreachable("no_http")
        assert place.got == []


@pytest.mark.parametrize("key", ["", "short", "whsec_not-base64-at-all!", "k" * 201])
def test_what_is_no_signing_key(key: str) -> None:
    with pytest.raises(Refused) as refused:
        webhook.check({"url": "https://x.example/", "key": key})
    assert refused.value.code == "hook_key_unusable"


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"topic": "with space"}, "ntfy_topic_unusable"),
        ({"topic": "x" * 65}, "ntfy_topic_unusable"),
        ({"topic": "x", "priority": "6"}, "ntfy_priority_unusable"),
        ({"topic": "x", "priority": "high"}, "ntfy_priority_unusable"),
        ({"topic": "x", "token": "tk_\u00e4"}, "ntfy_token_unusable"),
        ({"topic": "x", "tags": "a,b,c,d,e,f"}, "ntfy_tags_unusable"),
        ({"topic": "x", "tags": "a b"}, "ntfy_tags_unusable"),
        ({"topic": "x", "server": "https://x.example/path"}, "target_unusable"),
        ({"topic": "x", "server": "http://8.8.8.8"}, "target_insecure"),
    ],
)
def test_what_ntfy_would_not_take(settings: dict[str, str], code: str) -> None:
    with pytest.raises(Refused) as refused:
        ntfy.check(settings)
    assert refused.value.code == code


def test_an_answer_that_is_an_outcome_already_stays_one() -> None:
    assert outcome_of(Unreachable("tls"), target_of("https://x.example")) == Unreachable("tls")
