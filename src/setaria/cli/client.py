"""A small client of the hub's HTTP API."""

from __future__ import annotations

import http.client
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from setaria.facts.refused import Refused

DEFAULT: Final = "http://127.0.0.1:8080"
CONNECT_WITHIN: Final = 5.0  # seconds
ANSWER_WITHIN: Final = 130.0  # the hub itself gives up before
SILENT_FOR: Final = 40.0  # live updates say something each 15 seconds
LARGEST_ANSWER: Final = 64 << 20
LONGEST_EVENT: Final = 4 << 20
RECONNECT_AFTER: Final = 1.0


class HubRefused(Refused):
    """What the hub refused, with the hub's own sentence for it."""

    def __init__(self, code: str, sentence: str, following: str, details: Mapping[str, object]) -> None:
        super().__init__(code, **details)
        self.sentence = sentence
        self.following = following


class _RefusalBody(msgspec.Struct, frozen=True):
    code: str
    details: dict[str, Any] = {}
    sentence: str = ""
    next: str = ""


class _RefusedAnswer(msgspec.Struct, frozen=True):
    refused: _RefusalBody


class Event(msgspec.Struct, frozen=True):
    """`name` is fact, state, reach, found or gap; `data` its JSON."""

    name: str
    data: Any


def hub_address(given: str = "") -> str:
    return given or os.environ.get("SETARIA_HUB", "") or DEFAULT


class Client:
    def __init__(self, address: str, language: str, token: Callable[[str], str] = lambda address: "") -> None:
        """`token` finds what to say to the hub at an address, or nothing. Raises Refused("option_unusable")."""
        parts = urlsplit(address if "//" in address else f"//{address}")
        try:
            self.host, self.port = parts.hostname or "", parts.port or 80
        except ValueError:
            self.host, self.port = "", 0
        if parts.scheme not in ("", "http") or not self.host:
            raise Refused("option_unusable", option="--hub", value=address[:80])
        self.address = f"http://{parts.netloc}"
        self.language = language
        self.token = token(self.address)

    def get(self, path: str, **query: str | int | bool) -> Any:
        shown = {name: str(value).lower() if isinstance(value, bool) else value for name, value in query.items()}
        return self.ask("GET", f"{path}?{urlencode(shown)}" if shown else path)

    def post(self, path: str, body: object | None = None) -> Any:
        return self.ask("POST", path, {} if body is None else body)

    def delete(self, path: str) -> Any:
        return self.ask("DELETE", path)

    def arrange(self, command: str, **fields: object) -> Any:
        """A command of home/commands.py. Fields that are None are left out."""
        given = {name: value for name, value in fields.items() if value is not None}
        return self.post("/api/arrange", {"command": command, **given})

    def ask(self, method: str, path: str, body: object | None = None) -> Any:
        """Raises Refused: no_hub, hub_silent, no_setaria, and whatever the hub refuses."""
        connection, answer = self._send(method, path, body, ANSWER_WITHIN)
        try:
            content = answer.read(LARGEST_ANSWER)
        except (OSError, http.client.HTTPException) as error:
            raise Refused("hub_silent", address=self.address) from error
        finally:
            connection.close()
        if answer.status >= 300:
            raise self._refused(answer.status, content)
        try:
            return msgspec.json.decode(content)
        except msgspec.DecodeError as error:
            raise Refused("no_setaria", address=self.address) from error

    def live(self, kinds: str = "", *, again: bool = True) -> Iterator[Event]:
        """Events as they come. A connection that breaks is made anew and goes on after the last fact, until there is no
        hub any more."""
        last = ""
        path = f"/api/live?{urlencode({'kinds': kinds})}" if kinds else "/api/live"
        while True:
            connection, answer = self._send("GET", path, None, SILENT_FOR, last)
            if answer.status != 200:
                raise self._refused(answer.status, answer.read(LARGEST_ANSWER))
            try:
                for event, cursor in _events(answer):
                    last = cursor or last
                    if event is not None:
                        yield event
            except (OSError, http.client.HTTPException):
                pass
            finally:
                connection.close()
            if not again:
                return
            time.sleep(RECONNECT_AFTER)

    def _send(
        self, method: str, path: str, body: object | None, within: float, last: str = ""
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=CONNECT_WITHIN)
        headers = {"Accept-Language": self.language, "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if last:
            headers["Last-Event-ID"] = last
        try:
            connection.connect()
        except (OSError, UnicodeError) as error:
            connection.close()
            raise Refused("no_hub", address=self.address) from error
        assert isinstance(connection.sock, socket.socket)
        connection.sock.settimeout(within)
        try:
            document = None if body is None else msgspec.json.encode(body)
            connection.request(method, quote(path, safe="/?=&%+,:#"), document, headers)
            return connection, connection.getresponse()
        except TimeoutError as error:
            connection.close()
            raise Refused("hub_silent", address=self.address) from error
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise Refused("no_setaria", address=self.address) from error

    def _refused(self, status: int, content: bytes) -> Refused:
        try:
            said = msgspec.json.decode(content, type=_RefusedAnswer).refused
        except msgspec.DecodeError:
            return Refused("no_setaria", address=self.address, status=status)
        if said.code == "sign_in_needed":
            return Refused("terminal_unknown", address=self.address)
        return HubRefused(said.code, said.sentence, said.next, said.details)


def _events(answer: http.client.HTTPResponse) -> Iterator[tuple[Event | None, str]]:
    """Server-sent events (HTML Living Standard, section 9.2) with the cursor that each carries, or ""."""
    name, cursor, data = "", "", list[str]()
    while line := answer.readline(LONGEST_EVENT):
        field, _, value = line.decode(errors="replace").rstrip("\r\n").partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "id":
            cursor = value
        elif field == "data":
            data.append(value)
        elif not field and not value:
            event = Event(name, msgspec.json.decode("\n".join(data))) if data else None
            if event is not None or cursor:
                yield event, cursor
            name, cursor, data = "", "", []
