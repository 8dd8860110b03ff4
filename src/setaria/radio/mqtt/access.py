"""Who may come to the embedded broker, and which topics each may use.

Passwords are always made here, with 120 random bits: a salted hash that is quick to check is as hard to turn back as a
slow one, and a hundred devices that come back after a power cut do not hold the hub up.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from typing import Final

import msgspec

from setaria.facts.refused import Refused
from setaria.facts.secrets import SecretStore
from setaria.radio.mqtt.options import PREFIX
from setaria.radio.mqtt.topics import OURS, TASMOTA, covers

STORED: Final = "mqtt/client/"
BROKER_PASSWORD: Final = "mqtt/broker/password"  # noqa: S105  the name under which that of another broker is kept
HUB: Final = "setaria-hub"
MOST_CLIENTS: Final = 500
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")

# What each kind of counterpart needs; {name} is the client's own.
SORTS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "zigbee2mqtt": (("zigbee2mqtt/#", f"{PREFIX}/#"), ("zigbee2mqtt/#", f"{PREFIX}/#")),
    "tasmota": (
        ("stat/{name}/#", "tele/{name}/#", f"{TASMOTA}/#", f"{PREFIX}/#"),
        ("cmnd/{name}/#", "cmnd/tasmotas/#", f"{PREFIX}/status"),
    ),
    "esphome": (("{name}/#", f"{PREFIX}/#", "esphome/discover/#"), ("{name}/#", f"{PREFIX}/status", "esphome/#")),
    "any": (("#",), ("#",)),
}


class Client(msgspec.Struct, frozen=True):
    salt: bytes
    digest: bytes
    publishes: tuple[str, ...]
    subscribes: tuple[str, ...]
    sort: str = "any"
    added: int = 0  # UTC microseconds, 0 for not known


class Access:
    """The clients of one broker. Another process may add some: each is read when it comes."""

    def __init__(self, store: SecretStore, prefix: str = PREFIX) -> None:
        self._store = store
        self._reserved = (f"{prefix}/status", f"{OURS}/#")
        self.own_password = secrets.token_urlsafe(24)
        self._known: dict[str, Client] = {}

    def add(self, name: str, sort: str = "any", at: int = 0) -> str:
        """The password, shown this once; a client of the same name has a new one. Raises Refused:
        mqtt_client_unusable, mqtt_too_many."""
        if not _NAME.fullmatch(name) or name == HUB or sort not in SORTS:
            raise Refused("mqtt_client_unusable", name=name[:64], sorts=", ".join(SORTS))
        if name not in self.names() and len(self.names()) >= MOST_CLIENTS:
            raise Refused("mqtt_too_many", what="clients", most=MOST_CLIENTS)
        password = base64.b32encode(secrets.token_bytes(15)).decode().lower()
        salt = secrets.token_bytes(16)
        publishes, subscribes = (tuple(each.format(name=name) for each in some) for some in SORTS[sort])
        client = Client(salt, _digest(salt, password), publishes, subscribes, sort, at)
        self._store.put(STORED + name, msgspec.msgpack.encode(client))
        self._known.pop(name, None)
        return password

    def remove(self, name: str) -> None:
        """Raises Refused("not_found")."""
        if name not in self.names():
            raise Refused("not_found", what="mqtt client", id=name[:64])
        self._store.drop(STORED + name)
        self._known.pop(name, None)

    def names(self) -> list[str]:
        return [each.removeprefix(STORED) for each in self._store.names() if each.startswith(STORED)]

    def client(self, name: str) -> Client | None:
        return self._read(name)

    def sort_of(self, name: str) -> str:
        client = self._find(name)
        return client.sort if client is not None else ""

    def changed(self, name: str) -> bool:
        """Whether a client that was let in has been taken away since, or given a new password."""
        before, now = self._known.get(name), self._read(name)
        return before is not None and before != now

    def admit(self, name: str | None, password: str | None) -> bool:
        if not name or not password or len(name) > 128 or len(password) > 256:
            return False
        if name == HUB:
            return hmac.compare_digest(password.encode(), self.own_password.encode())
        self._known.pop(name, None)  # it may have been taken away, or given a new password, since
        client = self._find(name)
        return client is not None and hmac.compare_digest(_digest(client.salt, password), client.digest)

    def may_publish(self, name: str, topic: str) -> bool:
        if name == HUB:
            return True
        client = self._find(name)
        if client is None or topic.startswith("$") or any(covers(each, topic) for each in self._reserved):
            return False
        return any(covers(each, topic) for each in client.publishes)

    def may_subscribe(self, name: str, wanted: str) -> bool:
        if name == HUB:
            return True
        client = self._find(name)
        return client is not None and any(_includes(each, wanted) for each in client.subscribes)

    def _find(self, name: str) -> Client | None:
        known = self._known.get(name)
        if known is None:
            known = self._read(name)
            if known is not None:
                self._known[name] = known
        return known

    def _read(self, name: str) -> Client | None:
        stored = self._store.get(STORED + name) if _NAME.fullmatch(name) else None
        return None if stored is None else msgspec.msgpack.decode(stored, type=Client)


def _digest(salt: bytes, password: str) -> bytes:
    return hashlib.sha256(salt + password.encode()).digest()


def _includes(wide: str, narrow: str) -> bool:
    """Whether a filter takes everything that another takes."""
    if narrow.startswith("$"):
        return False
    wider, given = wide.split("/"), narrow.split("/")
    for at, part in enumerate(wider):
        if part == "#":
            return True
        if at >= len(given) or given[at] == "#" or part not in ("+", given[at]):
            return False
    return len(wider) == len(given)
