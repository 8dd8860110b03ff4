"""Lists of device tokens, in the forms in which people have them.

    JSON    [{"did": "1", "token": "32 hex digits", "model": ..., "name": ..., "localip": ..., "mac": ...}, ...]
            {"1": "32 hex digits", ...}, and an object that holds such a list under "devices", "list" or "result"
    CSV     a line of column names, then one device a line; comma, semicolon or tab
    blocks  what token extractors print: NAME: / ID: / MAC: / IP: / TOKEN: / MODEL:, a block for each device

Names of fields are taken in any case. Bluetooth devices have an id that is no number and other keys; they are left out.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from setaria.facts.refused import Refused

TEXT_LIMIT: Final = 1024 * 1024
ENTRY_LIMIT: Final = 4096
FIELD_LIMIT: Final = 128

_TOKEN: Final = re.compile(r"[0-9a-fA-F]{32}", re.ASCII)
_DID: Final = re.compile(r"[0-9]{1,20}", re.ASCII)
_BLOCK_LINE: Final = re.compile(r"\s*([A-Za-z][A-Za-z _]{0,20}?)\s*:\s*(.*?)\s*", re.ASCII)
_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*m")
_LISTS: Final = ("devices", "list", "result")
_FIELDS: Final = {
    "did": "did",
    "id": "did",
    "deviceid": "did",
    "token": "token",
    "model": "model",
    "name": "name",
    "ip": "host",
    "host": "host",
    "localip": "host",
    "mac": "mac",
}


class TokenEntry(msgspec.Struct, frozen=True):
    """`token` is left out of what is printed."""

    did: str
    token: bytes
    model: str = ""
    name: str = ""
    host: str = ""
    mac: str = ""

    def __repr__(self) -> str:
        return f"TokenEntry(did={self.did!r}, model={self.model!r}, name={self.name!r}, host={self.host!r})"


_Record = tuple[int, Mapping[str, str]]


def read_token_list(text: str) -> list[TokenEntry]:
    """The devices of a list, each id once, the last one of equal ids.

    Raises Refused(token_list_too_long | token_list_unreadable | token_list_empty | token_list_line), the last with the
    `line` (in JSON: the entry, from 1) and the `field` that is wrong.
    """
    if len(text) > TEXT_LIMIT:
        raise Refused("token_list_too_long", limit=TEXT_LIMIT)
    text = text.removeprefix("\ufeff")
    found: dict[str, TokenEntry] = {}
    for line, record in _records(text):
        if not _DID.fullmatch(record.get("did", "")) and record.get("did", "").count("."):
            continue  # blt.3.xxxx: Bluetooth
        entry = _entry(line, record)
        found[entry.did] = entry
        if len(found) > ENTRY_LIMIT:
            raise Refused("token_list_too_long", limit=ENTRY_LIMIT)
    if not found:
        raise Refused("token_list_empty")
    return [*found.values()]


def _records(text: str) -> Iterator[_Record]:
    first = text.lstrip()[:1]
    if first in ("{", "["):
        return _json(text)
    head = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = next((mark for mark in ",;\t" if mark in head), "")
    names = {_field(name) for name in head.split(delimiter)} if delimiter else set()
    return _csv(text, delimiter) if "token" in names else _blocks(text)


def _json(text: str) -> Iterator[_Record]:
    try:
        found: Any = msgspec.json.decode(text.encode())
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        raise Refused("token_list_unreadable") from None
    if isinstance(found, dict):
        listed = next((found[name] for name in _LISTS if name in found), None)
        if isinstance(listed, dict):
            listed = next((listed[name] for name in _LISTS if name in listed), None)
        found = listed if isinstance(listed, list) else [{"did": did, "token": token} for did, token in found.items()]
    for line, entry in enumerate(found, 1):
        if not isinstance(entry, dict):
            raise Refused("token_list_line", line=line, field="did")
        yield line, _named((str(name), value) for name, value in entry.items())


def _csv(text: str, delimiter: str) -> Iterator[_Record]:
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    names: list[str] = []
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if names:
                yield reader.line_num, _named(zip(names, row, strict=False))
            else:
                names = row
    except csv.Error:
        raise Refused("token_list_line", line=reader.line_num, field="") from None


def _blocks(text: str) -> Iterator[_Record]:
    """A block ends where a field comes again, or at a line that is no field once it has a token."""
    record: dict[str, str] = {}
    start = 0
    for line, written in enumerate(text.splitlines(), 1):
        match = _BLOCK_LINE.fullmatch(_COLOURS.sub("", written))
        field = _field(match[1]) if match is not None else ""
        if record.get("token") and (not field or field in record):
            yield start, record
            record = {}
        if match is not None and field:
            start = start if record else line
            record[field] = match[2][:FIELD_LIMIT]
    if record.get("token"):
        yield start, record


def _named(pairs: Iterable[tuple[str, object]]) -> dict[str, str]:
    return {
        field: str(value).strip()[:FIELD_LIMIT]
        for name, value in pairs
        if value is not None and (field := _field(name))
    }


def _field(name: str) -> str:
    return _FIELDS.get(name.strip().strip('"').lower().replace("_", "").replace(" ", ""), "")


def _entry(line: int, record: Mapping[str, str]) -> TokenEntry:
    did, token = record.get("did", ""), record.get("token", "")
    if not _DID.fullmatch(did) or int(did) >= 2**64:
        raise Refused("token_list_line", line=line, field="did")
    if not _TOKEN.fullmatch(token):
        raise Refused("token_list_line", line=line, field="token")
    return TokenEntry(
        did=did,
        token=bytes.fromhex(token),
        model=record.get("model", ""),
        name=record.get("name", ""),
        host=record.get("host", ""),
        mac=record.get("mac", ""),
    )
