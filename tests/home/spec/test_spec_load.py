from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setaria.facts.refused import Refused
from setaria.home.spec import load as loading
from setaria.home.spec.formats import Access, Format
from setaria.home.spec.library import SHIPPED
from setaria.home.spec.load import load, model_of
from setaria.home.spec.model import Spec

SHARED = Path(__file__).parents[3].parent / "shared" / "data" / "miot_specs"
FILES = sorted([*SHIPPED.glob("*.json"), *SHARED.glob("*.json")])
HOLES = {"viomi.vacuum.v18", "viomi.vacuum.v19"}  # each has two actions whose results are no properties


def urn(kind: str, name: str) -> str:
    return f"urn:miot-spec-v2:{kind}:{name}:00000001:acme-one:1"


def document(*services: Any, **more: Any) -> bytes:
    return json.dumps({"type": urn("device", "light"), "services": list(services), **more}).encode()


def service(iid: int, name: str = "light", **entries: Any) -> dict[str, Any]:
    return {"iid": iid, "type": urn("service", name), **entries}


def entry(iid: int, name: str = "on", kind: str = "property", /, **more: Any) -> dict[str, Any]:
    return {"iid": iid, "type": urn(kind, name), **({"format": "bool"} if kind == "property" else {}), **more}


def unreadable(content: bytes) -> str:
    with pytest.raises(Refused) as caught:
        load(content, "acme.light.one")
    assert caught.value.code == "spec_unreadable"
    assert caught.value.details["file"] == "acme.light.one"
    return str(caught.value.details["why"])


def round_trips(spec: Spec) -> None:
    addresses = [prop.address for prop in spec.properties()]
    assert len(addresses) == len(set(addresses))
    for prop in spec.properties():
        assert spec.find_property(prop.address) is prop
        assert spec.property(prop.siid, prop.piid) is prop
    for action in spec.actions():
        assert spec.find_action(action.address) is action
        assert spec.action(action.siid, action.aiid) is action
    for event in spec.events():
        assert spec.find_event(event.address) is event
        assert spec.event(event.siid, event.eiid) is event
    for each in spec.services:
        assert spec.find_service(each.address) is each
        assert spec.service(each.siid) is each


def test_every_file_loads_whole_and_its_addresses_round_trip() -> None:
    assert len(FILES) >= 232
    for file in FILES:
        spec = load(file)
        raw = json.loads(file.read_text())
        listed = sum(len(each.get("properties") or ()) for each in raw["services"])
        assert len(list(spec.properties())) == listed, file.name
        assert bool(spec.faults) == (spec.model in HOLES), (file.name, spec.faults)
        assert spec.model == file.name.split("__")[1].removesuffix(".json")
        assert spec.type_name
        assert len(spec.type_code) == 8
        round_trips(spec)


def test_a_shipped_file_says_what_its_original_says() -> None:
    originals = sorted(SHARED.glob("*.json")) or sorted(SHIPPED.glob("*.json"))
    for file in originals:
        if file.name == "fan__dmaker.fan.p9.json":
            continue  # not shipped: rebuilt from the test data of a GPL program
        ours, theirs = load(SHIPPED / file.name), load(file)
        assert (ours.urn, ours.services, ours.source) == (theirs.urn, theirs.services, theirs.source), file.name


def test_repeated_names_are_counted_in_the_order_of_their_ids() -> None:
    spec = load(
        document(
            service(5, properties=[entry(1)]),
            service(2, properties=[entry(9), entry(3), entry(4, "mode")]),
            service(3, "fan", actions=[entry(1, "toggle", "action"), entry(2, "toggle", "action")]),
        )
    )
    assert [prop.address for prop in spec.properties()] == ["light.on", "light.mode", "light.on#2", "light#2.on"]
    assert spec.find_property("light.on").piid == 3
    assert spec.find_property("light#2.on").siid == 5
    assert [action.address for action in spec.actions()] == ["fan.toggle", "fan.toggle#2"]
    round_trips(spec)


def test_types_missing_or_odd_still_give_an_address() -> None:
    spec = load(
        document(
            {"iid": 2, "properties": [{"iid": 1, "format": "bool"}, entry(2, "My Name! #3")]},
            {"iid": 3, "type": "a.b", "properties": [entry(1, "pm2.5-density", format="float")]},
        )
    )
    assert [prop.address for prop in spec.properties()] == [
        "service-2.property-1",
        "service-2.my-name-3",
        "a-b.pm2.5-density",
    ]
    round_trips(spec)


def test_what_cannot_be_used_is_left_out_and_named() -> None:
    spec = load(
        document(
            service(
                2,
                properties=[
                    entry(1),
                    entry(1, "twice"),
                    entry(2, "tensor", format="tensor"),
                    {"type": urn("property", "no-id"), "format": "bool"},
                    entry(3, "level", format="uint8", **{"value-range": [9, 1, 1]}),
                    entry(
                        4,
                        "mode",
                        format="uint8",
                        **{"value-list": [{"value": "x"}, {"value": "2", "description": "B"}]},
                    ),
                    entry(
                        5, "many", format="uint8", **{"value-list": [{"value": n} for n in range(loading.VALUES + 1)]}
                    ),
                    "not an entry",
                ],
                actions=[entry(1, "go", "action", **{"in": [77]}), entry(2, "stop", "action", **{"in": None})],
                events=[entry(1, "rang", "event", arguments=[77])],
            ),
            {"type": urn("service", "no-id")},
            "not a service",
            service(2, "again"),
            service(4, "odd", properties={"iid": 1}),
        )
    )
    assert [prop.name for prop in spec.properties()] == ["on", "level", "mode", "many"]
    assert spec.find_property("light.level").range is None
    assert spec.find_property("light.mode").values == ((2, "B"),)
    assert [action.name for action in spec.actions()] == ["stop"]
    assert [event.arguments for event in spec.events()] == [(77,)]
    assert len(spec.faults) == 12


def test_what_is_written_loosely_is_understood() -> None:
    spec = load(
        b"\xef\xbb\xbf"
        + document(
            service(
                2,
                properties=[
                    entry(1, access=["read", "shout", "write"], unit="arcdegress", description=None),
                    entry(2, "level", format="UINT8", access=None, **{"value-range": [0, 10]}),
                    entry(3, "angle", format="uint16", **{"value-range": [0.0, 360.0, 1.5]}),
                ],
                events=None,
            ),
            description=None,
            type="urn:miot-spec-v2:device:light:0000A001:acme-one:1:0000C802:9",
        )
    )
    on, level, angle = spec.properties()
    assert (on.access, on.unit, on.description) == (Access.READ | Access.WRITE, "arcdegrees", "")
    assert (level.format, level.access, level.range) == (Format.UINT8, Access.NONE, (0, 10, 0))
    assert angle.range == (0, 360, 1.5)
    assert (spec.type_name, spec.type_code, spec.model, spec.faults) == ("light", "0000A001", "acme-one", ())


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"3", b'{"services": 3}', b'{"type": "x"}', b"\xff\xfe", b"[" * 10_000]
)
def test_what_is_no_spec_is_refused(content: bytes) -> None:
    assert unreadable(content)


def test_limits() -> None:
    assert "2097152" in unreadable(b" " * (loading.FILE_BYTES + 1))
    many = [service(n) for n in range(loading.SERVICES)]
    assert len(load(document(*many)).services) == loading.SERVICES
    assert "256" in unreadable(document(*many, service(999)))
    full = service(2, properties=[entry(n) for n in range(loading.PROPERTIES)])
    assert len(list(load(document(full)).properties())) == loading.PROPERTIES
    full["properties"].append(entry(9999))
    assert "4096" in unreadable(document(full))
    odd = load(document(*[service(2) for _ in range(250)]))
    assert len(odd.faults) == loading.FAULTS


@pytest.mark.parametrize("number", ["9" * 400, "9" * 5000, "1e400", "-1e400"])
def test_numbers_no_machine_holds_do_no_harm(number: str) -> None:
    for form in ("int32", "float", "bool", "string"):
        first = '{"iid": 1, "format": "F", "value-range": [0, N, 1], "value-list": [{"value": N}]}'
        entries = f'{first}, {{"iid": N, "format": "bool"}}'
        text = '{"services": [{"iid": N}, {"iid": 2, "properties": [P]}]}'.replace("P", entries).replace("F", form)
        code = None
        try:
            properties = list(load(text.replace("N", number).encode()).properties())
        except Refused as refused:
            code = refused.code
        else:
            assert [prop.range for prop in properties] == [None]
            assert form == "string" or properties[0].values == ()
        assert code in (None, "spec_unreadable")


@pytest.mark.parametrize("span", [[-3.4e38, 3.4e38, 0.1], [-1e99, 1e99, 1], [0, 100, 1e-300], [0, 3.4e38, 1]])
@pytest.mark.parametrize("form", ["float", "int32"])
def test_a_range_too_wide_or_too_fine_for_its_steps_binds_by_its_ends(span: list[float], form: str) -> None:
    spec = load(document(service(2, properties=[entry(1, format=form, **{"value-range": span})])))
    (prop,) = spec.properties()
    assert prop.check(12) == 12
    if form == "float" and span[2] != 1:
        assert prop.check(12.345) == 12.345


def test_a_file_that_is_too_large_or_missing_is_refused(tmp_path: Path) -> None:
    large = tmp_path / "light__acme.light.one.json"
    large.write_bytes(b" " * (loading.FILE_BYTES + 1))
    for file in (large, tmp_path / "none.json"):
        with pytest.raises(Refused) as caught:
            load(file)
        assert (caught.value.code, caught.value.details["file"]) == ("spec_unreadable", file.name)


def test_the_model_is_in_the_files_name() -> None:
    assert model_of(Path("x/light__acme.light.one.json")) == "acme.light.one"
    assert model_of(Path("acme.light.one.json")) == "acme.light.one"


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["iid", "type", "format", "access", "value-range", "value-list", "properties", "actions", "in", "unit"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)


@settings(deadline=None)
@given(st.lists(_json, max_size=5))
def test_any_services_load_and_what_loads_is_sound(services: list[Any]) -> None:
    round_trips(load(document(*services)))


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_load_or_are_refused(content: bytes) -> None:
    code = None
    try:
        load(content)
    except Refused as refused:
        code = refused.code
    assert code in (None, "spec_unreadable")
