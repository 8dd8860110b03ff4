from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from setaria.facts.refused import Refused
from setaria.home.ports import Act, Done, Reading, Write
from setaria.radio.miio import payload, results
from setaria.radio.miio.batches import Batches
from setaria.radio.miio.codec import READ_LIMIT, CodecError, Fault
from setaria.radio.miio.payload import PropertyResult
from setaria.radio.miio.repair import DEPTH_LIMIT, repair

text = st.text(st.characters(codec="utf-8"), max_size=12)
reals = st.floats(allow_nan=False, allow_infinity=False, width=32)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | text
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4))
objects = st.dictionaries(text, values, max_size=5)

BROKEN: list[tuple[bytes, Any]] = [
    (b'{"id":1,"result":["ok"],}', {"id": 1, "result": ["ok"]}),
    (b'{"id":1,,"result":["ok",],}', {"id": 1, "result": ["ok"]}),
    (b'{"id":1,"result":[,1,,2]}', {"id": 1, "result": [1, 2]}),
    (b'{"id":1,"result":0}\x00\x00', {"id": 1, "result": 0}),
    (b'{"id":1,"result":0}\x00rubbish}', {"id": 1, "result": 0}),
    (b'{"id":1,"result":0}{"id":2}', {"id": 1, "result": 0}),
    (b'{"id":1,"id":2}', {"id": 2}),
    (b'{"id":1,"id":2,}', {"id": 2}),
    (b'{"name":"a\\x","id":1}', {"name": "ax", "id": 1}),
    (b'{"name":"\\u00e9\\uZZ","id":1}', {"name": "éuZZ", "id": 1}),
    (b'{"name":"\xff\xfe","id":1}', {"name": "��", "id": 1}),
    (b'{"name":"a\nb","id":1}', {"name": "a\nb", "id": 1}),
    (b'{"value":,"id":1}', {"value": None, "id": 1}),
    (b'{"value":}', {"value": None}),
    (b'{"value":007,"other":-.5}', {"value": 7, "other": -0.5}),
    (b'{"value":NaN,"big":1e999}', {"value": "NaN", "big": "1e999"}),
    (b'{"value":otu_stat","id":1}', {"value": "otu_stat", "id": 1}),
    (b'{value:true,"id":1,}', {"value": True, "id": 1}),
    (b'{"big":123456789012345678901234567890,}', {"big": 1.2345678901234568e29}),
    (b'{"lone":"\\ud800",}', {"lone": "�"}),
]


@pytest.mark.parametrize(("broken", "meant"), BROKEN)
def test_broken_json_is_read_as_it_was_meant(broken: bytes, meant: dict[str, Any]) -> None:
    assert payload.parse(broken) == meant


@pytest.mark.parametrize("cut", [b'{"id":1', b'{"id":1,"name":"a', b"[", b"", b'{"a":{"b":[1,2', b'{"a":"\\'])
def test_what_was_cut_short_is_refused(cut: bytes) -> None:
    with pytest.raises(CodecError) as caught:
        payload.parse(cut)
    assert caught.value.fault is Fault.BAD_JSON


@pytest.mark.parametrize("other", [b"[]", b"1", b'"a"', b"nonsense"])
def test_what_is_no_object_is_refused(other: bytes) -> None:
    with pytest.raises(CodecError) as caught:
        payload.parse(other)
    assert caught.value.fault is Fault.BAD_SHAPE


@given(values)
def test_repair_reads_good_json_as_json_does(value: object) -> None:
    written = json.dumps(value).encode()
    if len(written) <= READ_LIMIT:
        assert repair(written) == json.loads(written)


@given(objects, st.data())
def test_damaged_json_is_read_or_refused_and_nothing_else(value: dict[str, object], data: st.DataObject) -> None:
    damaged = bytearray(json.dumps(value).encode()[:READ_LIMIT])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        damaged[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
        if not damaged:
            break
    for read in (payload.parse, payload.read_envelope):
        try:
            found = read(bytes(damaged))
        except CodecError:
            continue
        msgspec.json.encode(found)


def test_size_and_depth_are_bounded() -> None:
    with pytest.raises(CodecError) as caught:
        repair(b" " * (READ_LIMIT + 1))
    assert caught.value.fault is Fault.OVERSIZED
    assert repair(b"[" * DEPTH_LIMIT + b"]" * DEPTH_LIMIT) is not None
    with pytest.raises(CodecError) as caught:
        repair(b"[" * (DEPTH_LIMIT + 2) + b"]" * (DEPTH_LIMIT + 2))
    assert caught.value.fault is Fault.BAD_JSON
    with pytest.raises(CodecError):
        payload.read_envelope(b'{"result":' + b"[" * 2000)


def test_envelopes() -> None:
    reply = payload.read_envelope(b'{"id":7,"result":[{"siid":2,"piid":1,"code":0,"value":21.5}],"exe_time":10}')
    assert (reply.id, reply.method) == (7, None)
    assert payload.read_properties(reply.result) == [PropertyResult(2, 1, 0, 21.5)]
    lax = payload.read_envelope(b'{"id":"7","result":[{"siid":"2","piid":1.0,"value":true}],}')
    assert lax.id == 7
    assert payload.read_properties(lax.result) == [PropertyResult(2, 1, 0, True)]
    assert payload.read_envelope(b'{"result":["ok"]}').id is None
    with pytest.raises(CodecError) as caught:
        payload.read_envelope(b'{"id":[1]}')
    assert caught.value.fault is Fault.BAD_SHAPE


@pytest.mark.parametrize(
    ("raw", "code"),
    [(b'["ok"]', 0), (b'{"code":0}', 0), (b'{"code":-7}', -7), (b"0", 0), (b'["error"]', -1), (b"[]", -1), (b"", -1)],
)
def test_replies_that_are_one_code(raw: bytes, code: int) -> None:
    assert payload.read_code(msgspec.Raw(raw)) == code


def test_pushes_leave_out_what_is_no_property() -> None:
    params = msgspec.Raw(
        b'[{"did":"1","siid":2,"piid":1,"value":5},{"name":"heartbeat"},4,{"siid":2,"piid":3,"value":"x","tid":9}]'
    )
    assert [(change.piid, change.value) for change in payload.read_changes(params)] == [(1, 5), (3, "x")]
    occurrence = payload.read_occurrences(
        msgspec.Raw(b'{"did":1,"siid":3,"eiid":1,"arguments":[{"piid":1,"value":2}]}')
    )
    assert payload.read_arguments(occurrence[0].arguments) == [(1, 2)]
    assert payload.read_arguments([5, "a", None, {"piid": "x", "value": 1}, [1]]) == [(0, 5), (0, "a")]


def test_what_is_asked() -> None:
    asked = json.loads(payload.request(12, payload.GET_PROPERTIES, Batches("9", [(2, 1), (3, 4)], 15).cut[0].params))
    assert asked == {
        "id": 12,
        "method": "get_properties",
        "params": [{"did": "9", "siid": 2, "piid": 1}, {"did": "9", "siid": 3, "piid": 4}],
    }
    assert json.loads(payload.set_params("9", [Write(2, 1, "灯")])) == [
        {"did": "9", "siid": 2, "piid": 1, "value": "灯"}
    ]
    assert json.loads(payload.action_params("9", Act(2, 1, ((3, True),)))) == {
        "did": "9",
        "siid": 2,
        "aiid": 1,
        "in": [{"piid": 3, "value": True}],
    }
    assert json.loads(payload.acknowledgement(3)) == {"id": 3, "result": {"code": 0}}


def test_partly_refused_writes_say_which() -> None:
    writes = [Write(2, 1, True), Write(2, 2, 300), Write(3, 1, 1)]
    assert results.set_outcome(writes, [PropertyResult(2, 1, 0), PropertyResult(2, 2, 1)]) == Done()
    partly = [PropertyResult(2, 1), PropertyResult(0, 0, -4005), PropertyResult(3, 1, -4002)]
    assert results.set_outcome(writes, partly) == Refused(
        "device_refused",
        device_code=-4005,
        reason="value_invalid",
        refused=[[2, 2, -4005], [3, 1, -4002]],
        done=1,
    )
    assert results.reason(-123456) == "unknown"


def test_readings_leave_out_what_was_refused_and_place_what_has_no_address() -> None:
    asked = [(2, 1), (2, 2), (2, 3)]
    answered = [PropertyResult(2, 1, 0, 1), PropertyResult(2, 2, -4001), PropertyResult(2, 3, 0, None)]
    assert results.readings(asked, answered) == [Reading(2, 1, 1)]
    assert results.readings(asked, [PropertyResult(value=n) for n in range(3)]) == [
        Reading(2, 1, 0),
        Reading(2, 2, 1),
        Reading(2, 3, 2),
    ]
    assert results.readings(asked, [PropertyResult(value=1)]) == []
