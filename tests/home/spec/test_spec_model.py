from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setaria.facts.refused import Refused
from setaria.home.ports import Value
from setaria.home.spec.formats import INTEGER_BOUNDS, Access, Format, unit_of
from setaria.home.spec.library import SpecLibrary
from setaria.home.spec.model import READING_BYTES, STRING_BYTES, Property, Range, slug

INTEGERS = sorted(INTEGER_BOUNDS)


def prop(form: Format, span: Range | None = None, values: tuple[tuple[Value, str], ...] = ()) -> Property:
    return Property(2, 1, "x", "s.x", "", form, Access.READ, "", span, values)


MODE = prop(Format.UINT8, values=((0, "Auto"), (2, "Go Charging"), (3, "睡眠")))
TARGET = prop(Format.FLOAT, (16, 31, 0.1))


def refusal(checked: Property, value: Value) -> Refused:
    with pytest.raises(Refused) as caught:
        checked.check(value)
    return caught.value


@pytest.mark.parametrize(
    ("checked", "value", "code"),
    [
        (prop(Format.BOOL), 1, "value_wrong_type"),
        (prop(Format.BOOL), "on", "value_wrong_type"),
        (prop(Format.UINT8), True, "value_wrong_type"),
        (prop(Format.UINT8), 1.5, "value_wrong_type"),
        (prop(Format.UINT8), "1", "value_wrong_type"),
        (prop(Format.UINT8), 256, "value_out_of_range"),
        (prop(Format.INT8), -129, "value_out_of_range"),
        (prop(Format.UINT8, (0, 100, 10)), 105, "value_out_of_range"),
        (prop(Format.UINT8, (0, 100, 10)), 15, "value_out_of_range"),
        (TARGET, 21.05, "value_out_of_range"),
        (TARGET, 15.9, "value_out_of_range"),
        (TARGET, math.nan, "value_wrong_type"),
        (TARGET, math.inf, "value_wrong_type"),
        (prop(Format.FLOAT), 10**400, "value_out_of_range"),
        (MODE, 1, "value_not_in_list"),
        (MODE, "Auto", "value_wrong_type"),
        (prop(Format.STRING), 3, "value_wrong_type"),
        (prop(Format.STRING), "\ud800", "value_wrong_type"),
        (prop(Format.STRING), "温" * (STRING_BYTES // 3 + 1), "value_too_long"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(checked: Property, value: Value, code: str) -> None:
    assert refusal(checked, value).code == code


@pytest.mark.parametrize(
    ("checked", "value", "sent"),
    [
        (prop(Format.BOOL), False, False),
        (prop(Format.UINT8), 7.0, 7),
        (prop(Format.UINT8, (0, 100, 10)), 30, 30),
        (prop(Format.FLOAT), 7, 7.0),
        (TARGET, 25, 25.0),
        (TARGET, 16.1 + 0.2, 16.3),
        (TARGET, 31, 31.0),
        (prop(Format.FLOAT, (0, 100, 30)), 100, 100.0),  # the highest is meant, off the grid or not
        (MODE, 2.0, 2),
        (prop(Format.STRING), "温" * (STRING_BYTES // 3), "温" * (STRING_BYTES // 3)),
        (prop(Format.UINT64, (0, 2**64 - 1, 1)), 2**63 + 1, 2**63 + 1),
    ],
)
def test_a_value_that_fits_is_sent_in_the_format(checked: Property, value: Value, sent: Value) -> None:
    result = checked.check(value)
    assert (result, type(result)) == (sent, type(sent))


def test_a_number_too_long_to_write_out_is_refused_like_any_other() -> None:
    assert refusal(prop(Format.UINT8), 10**5000).details["value"] == "…"


def test_a_refusal_says_what_is_accepted() -> None:
    assert refusal(MODE, 9).details["accepted"] == "0 Auto, 2 Go Charging, 3 睡眠"
    assert refusal(TARGET, 99).details == {"property": "s.x", "value": 99, "minimum": 16, "maximum": 31, "step": 0.1}


@pytest.mark.parametrize("written", ["Go Charging", "go charging", "go-charging", " GO_CHARGING "])
def test_a_listed_value_by_its_name(written: str) -> None:
    assert MODE.parse(written) == 2
    assert MODE.named(written) == 2


def test_a_name_that_is_not_listed() -> None:
    assert MODE.named("turbo") is None
    assert MODE.named("") is None
    with pytest.raises(Refused, match="value_not_in_list"):
        MODE.parse("turbo")
    assert MODE.parse("睡眠") == 3
    assert slug("睡眠 Mode!") == "睡眠-mode"


@pytest.mark.parametrize(
    ("form", "reported", "taken"),
    [
        (Format.BOOL, 1, True),
        (Format.BOOL, "off", False),
        (Format.BOOL, "ON", True),
        (Format.BOOL, 2, None),
        (Format.BOOL, "maybe", None),
        (Format.UINT8, "17", 17),
        (Format.UINT8, 300, 300),
        (Format.UINT8, 21.6, 22),
        (Format.UINT8, True, 1),
        (Format.UINT8, "on", 1),
        (Format.UINT8, [1], None),
        (Format.UINT8, None, None),
        (Format.FLOAT, "21.5", 21.5),
        (Format.FLOAT, 21, 21.0),
        (Format.FLOAT, "nan", None),
        (Format.FLOAT, math.inf, None),
        (Format.UINT8, 10**400, None),
        (Format.FLOAT, 10**400, None),
        (Format.FLOAT, 1e300, 1e300),
        (Format.UINT8, "9" * 5000, None),
        (Format.STRING, 5, "5"),
        (Format.STRING, True, "true"),
        (Format.STRING, {"a": 1}, None),
        (Format.STRING, "x" * (READING_BYTES + 1), None),
        (Format.STRING, "x" * READING_BYTES, "x" * READING_BYTES),
    ],
)
def test_readings_are_made_to_fit(form: Format, reported: object, taken: Value | None) -> None:
    result = prop(form).accept(reported)
    assert (result, type(result)) == (taken, type(taken))


def test_a_reading_of_a_listed_value_may_come_by_name() -> None:
    assert MODE.accept("go charging") == 2
    assert MODE.accept(77) == 77


@settings(deadline=None)
@given(st.sampled_from(INTEGERS), st.integers(-(2**70), 2**70))
def test_integers_are_bounded_by_their_format(form: Format, value: int) -> None:
    low, high = INTEGER_BOUNDS[form]
    if low <= value <= high:
        assert prop(form).check(value) == value
    else:
        assert refusal(prop(form), value).code == "value_out_of_range"


@settings(deadline=None)
@given(st.integers(-1000, 1000), st.integers(1, 50), st.integers(0, 200), st.integers(0, 250), st.booleans())
def test_exactly_the_grid_of_a_range_is_accepted(low: int, step: int, count: int, place: int, tenths: bool) -> None:
    scale = 10 if tenths else 1
    form = Format.FLOAT if tenths else Format.INT32
    checked = prop(
        form, (low / scale, (low + step * count) / scale, step / scale) if tenths else (low, low + step * count, step)
    )
    value: Value = (low + step * place) / scale if tenths else low + step * place
    if place <= count:
        assert checked.check(value) == pytest.approx(value)
    else:
        assert refusal(checked, value).code == "value_out_of_range"


@settings(deadline=None)
@given(st.sampled_from(list(Format)), st.booleans() | st.integers() | st.floats() | st.text(max_size=50))
def test_check_answers_or_refuses_and_its_answer_stands(form: Format, value: Value) -> None:
    try:
        sent = prop(form).check(value)
    except Refused:
        return
    assert prop(form).check(sent) == sent
    assert prop(form).accept(sent) == sent


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_TYPES = {Format.BOOL: bool, Format.FLOAT: float, Format.STRING: str}


@settings(deadline=None)
@given(st.sampled_from(list(Format)), _json)
def test_any_report_is_taken_in_the_format_or_not_at_all(form: Format, reported: object) -> None:
    taken = prop(form).accept(reported)
    assert taken is None or type(taken) is _TYPES.get(form, int)
    assert taken is None or prop(form).accept(taken) == taken


def test_unknown_addresses_are_refused_with_near_ones(library: SpecLibrary) -> None:
    spec = library.get("yeelink.light.lamp22")
    with pytest.raises(Refused) as caught:
        spec.find_property("lamp.brightness")
    assert caught.value.code == "unknown_property"
    near = str(caught.value.details["near"]).split(", ")
    assert near[0] == "light.brightness"
    assert len(near) <= 3
    for code, find in (("unknown_action", spec.find_action), ("unknown_event", spec.find_event)):
        with pytest.raises(Refused, match=code):
            find("x" * 100_000)
    assert spec.property(99, 1) is None


@pytest.mark.parametrize(
    ("written", "unit"),
    [
        (None, ""),
        ("none", ""),
        ("arcdegress", "arcdegrees"),
        ("hour", "hours"),
        ("w", "watt"),
        ("μg/m3", "microgram-per-cubic-metre"),
        ("µg/m3", "microgram-per-cubic-metre"),
        ("furlong", "furlong"),
    ],
)
def test_units_have_one_spelling(written: str | None, unit: str) -> None:
    assert unit_of(written) == unit
