"""A radio without air, and a client that calls the site as ASGI, without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from setaria.app import Hub
from setaria.facts.fact import HUB
from setaria.home.accounts.codes import make_id, make_value
from setaria.home.accounts.commands import BeginSession, SignUp
from setaria.home.ports import Act, Answer, Done, Followed, Learnt, Observer, Outcome, RadioHealth, Write
from setaria.web.credentials import COOKIE
from setaria.web.server import Site

PORT = 8080
LAMP = "yeelink.light.lamp1"
TOKEN = "00112233445566778899aabbccddeeff"
HERE = "127.0.0.1"


def owner_token(site: Site) -> str:
    """With which the terminal acts, as the owner."""
    return site.services.accounts.terminal.value


class FakeRadio:
    """Answers everything with `outcome`; keeps what it was told."""

    name = "miio"

    def __init__(self) -> None:
        self.observer: Observer | None = None
        self.followed: dict[str, Followed] = {}
        self.writes: list[tuple[str, tuple[Write, ...]]] = []
        self.outcome: Outcome = Done()
        self.searches = 0

    async def start(self, observer: Observer) -> None:
        self.observer = observer

    async def stop(self) -> None:
        self.observer = None

    def search(self) -> None:
        self.searches += 1

    def follow(self, followed: Followed) -> None:
        self.followed[followed.thing] = followed

    def forget(self, thing: str) -> None:
        self.followed.pop(thing, None)

    def write(self, thing: str, writes: Sequence[Write], answer: Answer) -> None:
        self.writes.append((thing, tuple(writes)))
        asyncio.get_running_loop().call_soon(answer, self.outcome)

    def act(self, thing: str, act: Act, answer: Answer) -> None:
        asyncio.get_running_loop().call_soon(answer, self.outcome)

    def read(self, thing: str) -> None:
        pass

    def identify(self, address: str, location: str, secret: bytes, learnt: Learnt) -> None:
        asyncio.get_running_loop().call_soon(learnt, LAMP)

    def health(self) -> RadioHealth:
        return RadioHealth(self.name, True, len(self.followed), 0, 0, 0, {})


async def cookie_of(hub: Hub, member: str) -> dict[str, str]:
    """Headers with which a member asks as a browser does; a new session each time."""
    value = await session_value(hub, member)
    return {"Cookie": f"{COOKIE}={value}", "Origin": f"http://{HERE}:{PORT}"}


async def session_value(hub: Hub, member: str) -> str:
    """What the cookie of a new session holds, of a member who has a password that nobody knows."""
    accounts = hub.accounts
    session, value = make_id(), make_value()
    digest = accounts.digests.of("session", value)
    command: SignUp | BeginSession = BeginSession(session, member, digest, "")
    if not accounts.has_password(member):
        command = SignUp(member, "nobody", session, digest, "")
    await accounts._kept.submit(command, HUB)
    return value


class Reply(msgspec.Struct):
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def refused(self) -> str:
        """The code of the refusal that this is, or ""."""
        found = self.json()
        code: str = found["refused"]["code"] if isinstance(found, dict) and "refused" in found else ""
        return code


class Client:
    """Sends `token` with every request, unless it brings credentials of its own; `address` is where it is."""

    def __init__(self, app: Any, token: str = "", address: str = HERE) -> None:
        self.app = app
        self.token = token
        self.address = address

    async def get(self, path: str, **headers: str) -> Reply:
        return await self.send("GET", path, headers=headers)

    async def post(self, path: str, body: object = None, **headers: str) -> Reply:
        given = {"Content-Type": "application/json"} if body is not None else {}
        content = b"" if body is None else msgspec.json.encode(body)
        return await self.send("POST", path, content, {**given, **headers})

    async def send(
        self,
        method: str,
        path: str,
        content: bytes | Sequence[bytes] = b"",
        headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
    ) -> Reply:
        """`content` in parts is sent chunked, with no length."""
        chunks = [content] if isinstance(content, bytes) else list(content)
        sent: list[Any] = []

        async def receive() -> Any:
            if not chunks:
                await asyncio.Event().wait()
            return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = with_token(scope_of(method, path, content, headers), self.token)
        await self.app({**scope, "client": (self.address, 40_000)}, receive, send)
        return reply_of(sent)


def with_token(scope: dict[str, Any], token: str) -> dict[str, Any]:
    given = {name for name, _ in scope["headers"]}
    if token and not given & {b"authorization", b"cookie"}:
        scope["headers"].append((b"authorization", f"Bearer {token}".encode()))
    return scope


def scope_of(
    method: str, path: str, content: bytes | Sequence[bytes], headers: Mapping[str, str] | Sequence[tuple[str, str]]
) -> dict[str, Any]:
    pairs = list(headers.items()) if isinstance(headers, Mapping) else list(headers)
    given = {name.lower() for name, _ in pairs}
    if "host" not in given:
        pairs.append(("host", f"127.0.0.1:{PORT}"))
    if not isinstance(content, bytes):
        pairs.append(("transfer-encoding", "chunked"))
    elif content and "content-length" not in given:
        pairs.append(("content-length", str(len(content))))
    path, _, query = path.partition("?")
    return {
        "type": "http",
        "scheme": "http",
        "client": (HERE, 40_000),
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in pairs],
    }


def reply_of(sent: Sequence[Any]) -> Reply:
    assert [each["type"] for each in sent] == ["http.response.start", "http.response.body"]
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    assert headers["content-length"] == str(len(sent[1]["body"]))
    return Reply(sent[0]["status"], headers, sent[1]["body"])


class Listening:
    """A reader of /api/live, the owner unless `headers` say who else; one whose `reading` is cleared reads nothing."""

    def __init__(self, site: Site, path: str = "/api/live", **headers: str) -> None:
        self.chunks: list[bytes] = []
        self.status = 0
        self.reading = asyncio.Event()
        self.reading.set()
        self._news = asyncio.Event()
        self._gone = asyncio.Event()
        self._task = asyncio.create_task(
            site.app(with_token(scope_of("GET", path, b"", headers), owner_token(site)), self._receive, self._send),
            name="listening",
        )

    async def _receive(self) -> Any:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        await self.reading.wait()
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.chunks.append(message["body"])
        self._news.set()

    @property
    def text(self) -> str:
        return b"".join(self.chunks).decode()

    def events(self, name: str) -> list[Any]:
        found = []
        for block in self.text.split("\n\n"):
            lines = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
            if lines.get("event") == name:
                found.append(msgspec.json.decode(lines["data"]))
        return found

    @property
    def last_id(self) -> str:
        return [line[4:] for line in self.text.split("\n") if line.startswith("id: ")][-1]

    async def until(self, name: str, count: int = 1) -> list[Any]:
        async with asyncio.timeout(10):
            while len(found := self.events(name)) < count:
                self._news.clear()
                await self._news.wait()
        return found

    async def begun(self) -> None:
        """The replay is over: the first heartbeat has come."""
        async with asyncio.timeout(10):
            while b":\n\n" not in self.chunks:
                self._news.clear()
                await self._news.wait()

    async def leave(self) -> None:
        self._gone.set()
        self.reading.set()
        await self._task

    async def ended(self) -> None:
        async with asyncio.timeout(10):
            await self._task
