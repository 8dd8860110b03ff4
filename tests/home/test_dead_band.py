from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setaria.home.dead_band import band_of, worth_keeping
from setaria.home.ports import Value
from setaria.home.spec.formats import Access, Format
from setaria.home.spec.model import Property

READ = Access.READ | Access.NOTIFY


def prop(
    name: str = "x",
    unit: str = "",
    format: Format = Format.FLOAT,  # noqa: A002  the specification's word
    access: Access = READ,
    values: tuple[tuple[Value, str], ...] = (),
) -> Property:
    return Property(2, 1, name, f"sensor.{name}", name, format, access, unit, None, values)


TEMPERATURE = prop("temperature", "celsius")


@pytest.mark.parametrize(
    ("name", "unit", "kept", "too_little", "enough"),
    [
        ("temperature", "celsius", 21.0, 21.09, 21.1),
        ("temperature", "celsius", 0.2, 0.3 - 0.01, 0.3),
        ("relative-humidity", "percentage", 50, 50.5, 51),
        ("pm2.5-density", "", 10, 11, 12),
        ("pm2.5-density", "microgram-per-cubic-metre", 500, 509, 510),
        ("illumination", "lux", 1000, 1049, 1050),
        ("illumination", "lux", 0, 0.5, 1),
        ("electric-power", "watt", 5, 5.9, 6),
        ("electric-power", "watt", 2000, 2039, 2040),
        ("surface", "celsius", 5.0, 5.05, 4.9),
        ("something", "volt", 230.0, 232.0, 233.0),
    ],
)
def test_the_table(name: str, unit: str, kept: float, too_little: float, enough: float) -> None:
    one = prop(name, unit)
    assert not worth_keeping(one, kept, too_little)
    assert worth_keeping(one, kept, enough)
    assert worth_keeping(one, kept, 2 * kept - enough), "downwards too"


@pytest.mark.parametrize(
    ("one", "kept", "value"),
    [
        (prop("on", format=Format.BOOL), False, True),
        (prop("temperature", "celsius", format=Format.STRING), "21.01", "21.02"),
        (prop("temperature", "celsius", Format.UINT8, values=((1, "low"), (2, "high"))), 1, 2),
        (prop("temperature", "celsius", access=READ | Access.WRITE), 21.0, 21.01),
        (prop("fault", "", Format.UINT8), 0, 1),
        (prop("total-clean-area"), 100.0, 100.01),
        (TEMPERATURE, None, 0.0),
    ],
)
def test_every_change_of_these(one: Property, kept: Value | None, value: Value) -> None:
    assert worth_keeping(one, kept, value)
    assert not worth_keeping(one, value, value)


def test_a_change_of_type_is_a_change() -> None:
    assert worth_keeping(TEMPERATURE, True, 1)
    assert worth_keeping(TEMPERATURE, 1, True)
    assert worth_keeping(TEMPERATURE, "1", 1)


def test_a_slow_drift_is_kept() -> None:
    kept, changes = 20.0, 0
    for step in range(1, 101):
        value = 20 + step * 0.03
        if worth_keeping(TEMPERATURE, kept, value):
            kept, changes = value, changes + 1
    assert 25 <= changes <= 31
    assert abs(kept - value) < 0.1


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9), st.sampled_from(["celsius", "watt", "lux", ""]))
def test_what_is_left_out_was_within_the_band(kept: float, value: float, unit: str) -> None:
    one = prop("x", unit)
    absolute, share = band_of(one)
    if worth_keeping(one, kept, value):
        assert kept != value
    else:
        assert abs(kept - value) <= max(absolute, share * abs(kept))
