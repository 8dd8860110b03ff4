"""What has been announced, by whom, and which devices come of it. Without I/O.

An entity belongs to the topic that announced it first; another may only take it over when that one has said
`migrate_discovery`, or has taken it back. Devices are told by any name they have in common.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import msgspec

from setaria.facts.refused import Refused
from setaria.radio.mqtt.announcing import Announcement, Device, Entity

MOST_DEVICES: Final = 1_000
MOST_ENTITIES: Final = 10_000
MOST_BYTES: Final = 16 << 20  # of all payloads kept
MOST_OF_ONE: Final = 256 * 1024
MOST_FINDINGS: Final = 200


class Known(msgspec.Struct):
    """One device: what its topics announced, payloads as they came."""

    device: Device
    entities: dict[str, Entity] = {}
    payloads: dict[str, bytes] = {}

    @property
    def size(self) -> int:
        return sum(map(len, self.payloads.values()))


class Finding(msgspec.Struct, frozen=True):
    """What could not be used: `about` is a topic, an entity or a device; `at` when it was so last, UTC microseconds."""

    refused: Refused
    about: str
    at: int


class Registry:
    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self.devices: dict[str, Known] = {}
        self.findings: OrderedDict[tuple[str, str], Finding] = OrderedDict()
        self._aliases: dict[str, str] = {}
        self._by_topic: dict[str, tuple[str, tuple[str, ...]]] = {}  # topic -> (address, keys of entities)
        self._owners: dict[str, str] = {}
        self._migrating: set[str] = set()
        self._bytes = 0

    def find(self, refused: Refused, about: str) -> None:
        """Keep what could not be used, for people to look at; the oldest goes first."""
        self.findings[refused.code, about[:200]] = Finding(refused, about[:200], self._now())
        self.findings.move_to_end((refused.code, about[:200]))
        while len(self.findings) > MOST_FINDINGS:
            self.findings.popitem(last=False)

    def announce(self, told: Announcement, payload: bytes) -> set[str]:
        """The addresses of the devices that changed. Raises Refused("mqtt_too_many")."""
        address = next((self._aliases[each] for each in told.device.aliases if each in self._aliases), "")
        address = address or told.device.address
        known = self.devices.get(address)
        if known is not None and known.payloads.get(told.topic) == payload:
            return set()
        self._check_room(told, known, payload)
        changed = self._replaceable(told, address)
        if known is None:
            known = self.devices[address] = Known(told.device)
        else:
            known.device = _richer(known.device, told.device)
        for alias in told.device.aliases:
            self._aliases.setdefault(alias, address)
        keys = []
        for entity in told.entities:
            owner = self._owners.get(entity.key)
            if owner is not None and owner != told.topic:
                if owner not in self._migrating:
                    self.find(Refused("mqtt_entity_doubled", entity=entity.key[:80], topic=told.topic), told.topic)
                    continue
                changed |= self._disown(entity.key, owner)
            self._owners[entity.key] = told.topic
            known.entities[entity.key] = entity
            keys.append(entity.key)
        known.payloads[told.topic] = payload
        self._bytes += len(payload)
        self._by_topic[told.topic] = (address, tuple(keys))
        return changed | {address}

    def withdraw(self, topic: str) -> set[str]:
        self._migrating.discard(topic)
        for finding in [each for each in self.findings if each[1] == topic]:
            del self.findings[finding]
        address, keys = self._by_topic.pop(topic, ("", ()))
        known = self.devices.get(address)
        if known is None:
            return set()
        for key in keys:
            if self._owners.get(key) == topic:
                del self._owners[key]
                known.entities.pop(key, None)
        self._bytes -= len(known.payloads.pop(topic, b""))
        if not known.entities and not known.payloads:
            del self.devices[address]
            self._aliases = {alias: each for alias, each in self._aliases.items() if each != address}
        return {address}

    def migrate(self, topic: str) -> None:
        if topic in self._by_topic:
            self._migrating.add(topic)

    def _replaceable(self, told: Announcement, address: str) -> set[str]:
        """What this topic announced before goes, without the device being gone for it."""
        before, keys = self._by_topic.get(told.topic, ("", ()))
        if before and before != address:
            return self.withdraw(told.topic)
        known = self.devices.get(before)
        if known is not None:
            for key in keys:
                known.entities.pop(key, None)
                self._owners.pop(key, None)
            self._bytes -= len(known.payloads.pop(told.topic, b""))
        return set()

    def _disown(self, key: str, owner: str) -> set[str]:
        address, keys = self._by_topic[owner]
        rest = tuple(each for each in keys if each != key)
        known = self.devices.get(address)
        if known is not None:
            known.entities.pop(key, None)
            if not rest:
                self._bytes -= len(known.payloads.pop(owner, b""))
        if rest:
            self._by_topic[owner] = (address, rest)
        else:
            del self._by_topic[owner]
            self._migrating.discard(owner)
        return {address}

    def _check_room(self, told: Announcement, known: Known | None, payload: bytes) -> None:
        if known is None and len(self.devices) >= MOST_DEVICES:
            raise Refused("mqtt_too_many", what="devices", most=MOST_DEVICES)
        if len(self._owners) + len(told.entities) > MOST_ENTITIES:
            raise Refused("mqtt_too_many", what="entities", most=MOST_ENTITIES)
        if self._bytes + len(payload) > MOST_BYTES or (known and known.size + len(payload) > MOST_OF_ONE):
            raise Refused("mqtt_too_many", what="bytes", most=MOST_OF_ONE)


def _richer(before: Device, now: Device) -> Device:
    """Each message may say something the others did not; the last word counts."""
    return Device(
        before.address,
        tuple(dict.fromkeys((*before.aliases, *now.aliases)))[:32],
        now.name or before.name,
        now.maker or before.maker,
        now.model or before.model,
        now.area or before.area,
    )
