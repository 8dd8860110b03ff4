"""What miIO messages say: requests, replies and pushes as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeVar

import msgspec

from setaria.home.ports import Act, Value, Write
from setaria.radio.miio.codec import CodecError, Fault
from setaria.radio.miio.repair import repair

GET_PROPERTIES: Final = "get_properties"
SET_PROPERTIES: Final = "set_properties"
ACTION: Final = "action"
INFO: Final = "miIO.info"
SUBSCRIBE: Final = "miIO.sub"
CONFIGURE_WIFI: Final = "miIO.config_router"
PROPERTIES_CHANGED: Final = "properties_changed"
EVENT_OCCURRED: Final = "event_occured"  # sic, on the wire

VALUES: Final = (bool, int, float, str)  # the types of a Value; a tuple, as isinstance takes longer over a union

_T = TypeVar("_T")
_NOTHING: Final = msgspec.Raw()


class Envelope(msgspec.Struct):
    """Any message. A reply has no `method`; a field that was absent is an empty Raw."""

    id: int | None = None
    method: str | None = None
    result: msgspec.Raw = _NOTHING
    error: msgspec.Raw = _NOTHING
    params: msgspec.Raw = _NOTHING


class PropertyResult(msgspec.Struct, gc=False):
    """`siid` and `piid` are 0 where the device left them out; then the position in the request tells."""

    siid: int = 0
    piid: int = 0
    code: int = 0
    value: Any = None


class ActionResult(msgspec.Struct):
    code: int = 0
    out: list[Any] = []


class DeviceError(msgspec.Struct):
    code: int = 0
    message: str = ""


class PropertyChange(msgspec.Struct):
    siid: int
    piid: int
    value: Any = None
    did: str | int = ""


class Occurrence(msgspec.Struct):
    siid: int
    eiid: int
    arguments: list[Any] = []
    did: str | int = ""


class AccessPoint(msgspec.Struct):
    ssid: str | None = ""


class Info(msgspec.Struct):
    """`miIO.info`; `ap.ssid` is empty while the device is not in a Wi-Fi of others."""

    model: str = ""
    mac: str = ""
    fw_ver: str = ""
    hw_ver: str = ""
    ap: AccessPoint | None = None

    @property
    def in_wifi(self) -> bool:
        return self.ap is not None and bool(self.ap.ssid)


class RouterConfig(msgspec.Struct):
    """`miIO.config_router`: `uid` is the account that may claim the device (0: nobody), `gmt_offset` in seconds."""

    ssid: str
    passwd: str
    uid: int = 0
    gmt_offset: int = 0
    tz: str = ""


class Subscription(msgspec.Struct):
    """`miIO.sub`: `did` is the asker's virtual one; `update_ts` comes back in hello replies while it holds."""

    did: str
    update_ts: int
    sub_method: str = "."
    version: str = "2.0"


_ENVELOPE: Final = msgspec.json.Decoder(Envelope)
_PROPERTIES: Final = msgspec.json.Decoder(list[PropertyResult])
_ANYTHING: Final = msgspec.json.Decoder(dict[str, Any])
_BROKEN: Final = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


def parse(payload: bytes) -> dict[str, Any]:
    """Any message as a plain object. Raises CodecError(BAD_JSON, BAD_SHAPE)."""
    try:
        return _ANYTHING.decode(payload)
    except _BROKEN:
        return _repaired(payload)


def read_envelope(payload: bytes) -> Envelope:
    try:
        return _ENVELOPE.decode(payload)
    except _BROKEN:
        return _lax(msgspec.json.encode(_repaired(payload)), Envelope)


def read_properties(raw: msgspec.Raw) -> list[PropertyResult]:
    try:
        return _PROPERTIES.decode(raw)
    except _BROKEN:
        return _lax(raw, list[PropertyResult])


def read_action(raw: msgspec.Raw) -> ActionResult:
    return _lax(raw, ActionResult)


def read_error(raw: msgspec.Raw) -> DeviceError:
    return _lax(raw, DeviceError)


def read_info(raw: msgspec.Raw) -> Info:
    return _lax(raw, Info)


def read_code(raw: msgspec.Raw) -> int:
    """Replies that are one code: {"code": 0}, 0, "ok" or a list that begins with one of these. -1 if none of them."""
    found = _lax(raw, object) if raw else None
    if isinstance(found, list):
        found = found[0] if found else None
    if isinstance(found, dict):
        found = found.get("code", 0)
    if isinstance(found, str):
        return 0 if found.lower() == "ok" else -1
    return found if isinstance(found, int) else -1


def read_changes(raw: msgspec.Raw) -> list[PropertyChange]:
    """Entries that are no property (heartbeats share the method) are left out."""
    return list(_each(raw, PropertyChange))


def read_occurrences(raw: msgspec.Raw) -> list[Occurrence]:
    return list(_each(raw, Occurrence))


def read_arguments(arguments: Sequence[object]) -> list[tuple[int, Value]]:
    """Event arguments and action results: [{piid, value}, ...], or bare values, whose piid is then given as 0."""
    pairs: list[tuple[int, Value]] = []
    for argument in arguments:
        piid, value = 0, argument
        if isinstance(argument, dict):
            piid, value = argument.get("piid", 0), argument.get("value")
        if isinstance(value, VALUES) and isinstance(piid, int):
            pairs.append((piid, value))
    return pairs


def request(identity: int, method: str, params: bytes) -> bytes:
    """`params` is JSON already: what a poll asks is always the same, so it is written once."""
    return b'{"id":%d,"method":"%b","params":%b}' % (identity, method.encode(), params)


def acknowledgement(identity: int) -> bytes:
    return b'{"id":%d,"result":{"code":0}}' % identity


def get_param(did: str, address: tuple[int, int]) -> bytes:
    return msgspec.json.encode({"did": did, "siid": address[0], "piid": address[1]})


def set_params(did: str, writes: Iterable[Write]) -> bytes:
    return msgspec.json.encode(
        [{"did": did, "siid": write.siid, "piid": write.piid, "value": write.value} for write in writes]
    )


def action_params(did: str, act: Act) -> bytes:
    arguments = [{"piid": piid, "value": value} for piid, value in act.arguments]
    return msgspec.json.encode({"did": did, "siid": act.siid, "aiid": act.aiid, "in": arguments})


def _repaired(payload: bytes) -> dict[str, Any]:
    found = repair(payload)
    if not isinstance(found, dict):
        raise CodecError(Fault.BAD_SHAPE, "not an object")
    return found


def _lax(raw: bytes | msgspec.Raw, form: type[_T]) -> _T:
    try:
        return msgspec.json.decode(raw, type=form, strict=False)
    except _BROKEN as error:
        raise CodecError(Fault.BAD_SHAPE, str(error)) from None


def _each(raw: msgspec.Raw, form: type[_T]) -> Iterable[_T]:
    entries = _lax(raw, object) if raw else []
    for entry in entries if isinstance(entries, list) else [entries]:
        try:
            yield msgspec.convert(entry, form, strict=False)
        except msgspec.ValidationError:
            continue
