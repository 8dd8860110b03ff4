"""Which properties are asked for together: no more than the device can answer in one message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from setaria.radio.miio.codec import BLOCK, HEADER_SIZE, MESSAGE_LIMIT
from setaria.radio.miio.payload import GET_PROPERTIES, get_param, request

# What a message leaves to the entries of `params`, without header, padding and an envelope whose id has 4 digits.
ROOM: Final = MESSAGE_LIMIT - HEADER_SIZE - BLOCK - len(request(9999, GET_PROPERTIES, b"[]"))


class Batch(msgspec.Struct, frozen=True, gc=False):
    addresses: tuple[tuple[int, int], ...]
    params: bytes


class Batches:
    """The readable properties of one device, cut to `limit`; `shrink` halves it, `restore` forgets that."""

    __slots__ = ("_did", "_first_limit", "_readable", "cut", "limit")

    def __init__(self, did: str, readable: Sequence[tuple[int, int]], limit: int) -> None:
        if limit < 1:
            raise ValueError("a batch holds at least one property")
        self._did = did
        self._readable = tuple(readable)
        self._first_limit = limit
        self.limit = limit
        self.cut = self.split(self._readable)

    def split(self, addresses: Sequence[tuple[int, int]]) -> tuple[Batch, ...]:
        found: list[Batch] = []
        part: list[tuple[int, int]] = []
        entries: list[bytes] = []
        room = ROOM
        for address in addresses:
            entry = get_param(self._did, address)
            if part and (len(part) == self.limit or len(entry) >= room):
                found.append(Batch(tuple(part), b"[" + b",".join(entries) + b"]"))
                part, entries, room = [], [], ROOM
            part.append(address)
            entries.append(entry)
            room -= len(entry) + 1
        if part:
            found.append(Batch(tuple(part), b"[" + b",".join(entries) + b"]"))
        return tuple(found)

    def shrink(self, failed: Batch) -> tuple[Batch, ...]:
        """The batches to ask instead of `failed`: none when it was one property already."""
        if len(failed.addresses) == 1:
            return ()
        half = max(1, len(failed.addresses) // 2)
        if half < self.limit:
            self.limit = half
            self.cut = self.split(self._readable)
        return self.split(failed.addresses)

    def restore(self) -> None:
        if self.limit != self._first_limit:
            self.limit = self._first_limit
            self.cut = self.split(self._readable)
