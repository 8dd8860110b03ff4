"""Known dates, the moon, and what a span of days can support."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setaria.facts.refused import Refused
from setaria.flywheel.calendar import MAX_DAYS, MAX_FESTIVALS, Calendar
from setaria.flywheel.festivals import LUNAR, NAMES, black_friday, celebrated, lunar, qingming

EPOCH = date(1970, 1, 1)
SEASON = ("year_cos_1", "year_sin_1", "year_cos_2", "year_sin_2")
WEEKDAYS = ("tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTH = 29.530588853  # mean synodic month, days
NEW_MOON = date(2000, 1, 6).toordinal() + 14.34 / 24 + 8 / 24  # the mean one (Meeus, ch. 49), on China's clocks


def day(*of: int) -> int:
    return (date(*of) - EPOCH).days


def column(calendar: Calendar, name: str, *of: int) -> float:
    """How much higher than on the column's lowest day, with 1 the most."""
    values = calendar.features[:, calendar.names.index(name)]
    return float((values[day(*of) - calendar.first] - values.min()) / np.ptp(values))


@pytest.mark.parametrize(
    ("year", "expected"),
    [
        (2000, ((2, 5), (6, 6), (9, 12))),
        (2008, ((2, 7), (6, 8), (9, 14))),
        (2020, ((1, 25), (6, 25), (10, 1))),  # Mid-Autumn on National Day
        (2023, ((1, 22), (6, 22), (9, 29))),  # a leap second month
        (2024, ((2, 10), (6, 10), (9, 17))),
        (2025, ((1, 29), (5, 31), (10, 6))),  # a leap sixth month
        (2026, ((2, 17), (6, 19), (9, 25))),
        (2033, ((1, 31), (6, 1), (9, 8))),  # the year whose leap month many tables had wrong
        (2057, ((2, 4), (6, 6), (9, 13))),
    ],
)
def test_known_lunar_dates(year: int, expected: tuple[tuple[int, int], ...]) -> None:
    assert lunar(year) == tuple(date(year, *each) for each in expected)


@pytest.mark.parametrize(
    ("year", "expected"), [(2000, 4), (2003, 5), (2008, 4), (2019, 5), (2024, 4), (2025, 4), (2027, 5), (2060, 4)]
)
def test_known_qingming(year: int, expected: int) -> None:
    assert qingming(year) == date(year, 4, expected)


@pytest.mark.parametrize(
    ("year", "expected"), [(2013, 29), (2018, 23), (2019, 29), (2023, 24), (2024, 29), (2025, 28), (2030, 29)]
)
def test_known_black_friday(year: int, expected: int) -> None:
    assert black_friday(year) == date(year, 11, expected)


@pytest.mark.parametrize("year", sorted(LUNAR))
def test_every_lunar_date_has_the_moon_it_should(year: int) -> None:
    """Against the mean moon, which the true one leaves by 14 hours at most; a date is a whole day wide."""
    new_year, dragon_boat, mid_autumn = lunar(year)
    for festival, age in ((new_year, 0), (dragon_boat, 4), (mid_autumn, 14)):
        off = (festival.toordinal() - age + 0.5 - NEW_MOON + MONTH / 2) % MONTH - MONTH / 2
        assert abs(off) < 0.5 + 14.5 / 24
    assert (1, 21) <= (new_year.month, new_year.day) <= (2, 20)
    assert {(dragon_boat - new_year).days // 29, (mid_autumn - dragon_boat).days // 29} <= {3, 4, 5}


def test_two_years_have_every_column() -> None:
    calendar = Calendar.design(day(2024, 1, 1), day(2025, 12, 31))
    assert calendar.names == (*SEASON, *WEEKDAYS, *NAMES)
    assert calendar.features.shape == (731, 18)
    assert (calendar.first, calendar.last) == (day(2024, 1, 1), day(2025, 12, 31))
    assert np.abs(calendar.features.mean(axis=0)).max() < 1e-12
    assert np.linalg.cond(calendar.features) < 10


@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        ("sunday", (2024, 2, 11), (2024, 2, 12)),
        ("tuesday", (2024, 7, 2), (2024, 7, 1)),
        ("new_year", (2024, 2, 9), (2024, 2, 8)),  # from the eve
        ("new_year", (2024, 2, 16), (2024, 2, 17)),
        ("new_year_before", (2024, 2, 8), (2024, 2, 9)),
        ("new_year_after", (2024, 2, 24), (2024, 2, 25)),  # to the Lantern festival
        ("short_holiday", (2024, 4, 4), (2024, 4, 7)),
        ("short_holiday", (2024, 6, 10), (2024, 6, 12)),
        ("short_holiday", (2024, 9, 17), (2024, 9, 19)),
        ("long_holiday", (2024, 5, 1), (2024, 4, 30)),
        ("long_holiday", (2024, 10, 7), (2024, 10, 8)),
        ("june_sales", (2024, 6, 18), (2024, 6, 19)),
        ("november_sales", (2024, 11, 11), (2024, 11, 12)),
        ("winter_sales", (2024, 12, 12), (2024, 12, 13)),
        ("winter_sales", (2024, 11, 29), (2024, 12, 3)),
        ("winter_sales", (2024, 12, 25), (2024, 12, 27)),
    ],
)
def test_days_lie_in_their_column(name: str, inside: tuple[int, ...], outside: tuple[int, ...]) -> None:
    calendar = Calendar.design(day(2024, 1, 1), day(2024, 12, 31))
    assert column(calendar, name, *inside) == pytest.approx(1)
    assert column(calendar, name, *outside) == 0


def test_the_days_before_new_year_rise() -> None:
    calendar = Calendar.design(day(2024, 1, 1), day(2024, 12, 31))
    rising = [column(calendar, "new_year_before", 2024, 1, 25 + n) for n in range(7)]
    assert column(calendar, "new_year_before", 2024, 1, 24) == 0
    assert rising == pytest.approx(np.arange(7) / 14)


@pytest.mark.parametrize(
    ("first", "last", "names"),
    [
        ((2023, 7, 5), (2023, 7, 5), ()),
        ((2023, 7, 5), (2023, 7, 17), ()),  # a weekday once only
        ((2023, 7, 5), (2023, 7, 18), WEEKDAYS),
        ((2023, 7, 5), (2023, 9, 20), WEEKDAYS),
        ((2023, 7, 5), (2023, 10, 2), (*WEEKDAYS, "short_holiday")),  # National Day is two days long here
        ((2023, 7, 5), (2024, 4, 2), (*WEEKDAYS, *(each for each in NAMES if each != "june_sales"))),
        ((2023, 7, 5), (2024, 6, 25), (*WEEKDAYS, *NAMES)),
        ((2023, 7, 5), (2024, 6, 29), (*SEASON, *WEEKDAYS, *NAMES)),
    ],
)
def test_columns_need_days(first: tuple[int, ...], last: tuple[int, ...], names: tuple[str, ...]) -> None:
    assert Calendar.design(day(*first), day(*last)).names == names


@settings(max_examples=60, deadline=None)
@given(st.integers(-800_000, 2_900_000), st.integers(1, 1500))
def test_any_days_give_a_sound_design(first: int, days: int) -> None:
    calendar = Calendar.design(first, first + days - 1)
    assert calendar.features.shape == (days, len(calendar.names))
    assert len(calendar.names) <= 18
    assert np.isfinite(calendar.features).all()
    if calendar.names:
        assert np.abs(calendar.features.mean(axis=0)).max() < 1e-10
        assert np.linalg.matrix_rank(calendar.features) == len(calendar.names)


def test_own_festivals_and_what_they_repeat() -> None:
    launch = (date(2024, 8, 6), date(2024, 8, 6))  # one day is enough of a caller's own
    own = {"launch": [launch], "again": [launch], "all": [(date(2023, 1, 1), date(2025, 1, 1))], "never": []}
    calendar = Calendar.design(day(2024, 7, 1), day(2024, 8, 31), festivals=own)
    assert calendar.names == (*WEEKDAYS, "launch")
    assert column(calendar, "launch", 2024, 8, 6) == 1
    assert calendar.features[:, -1].max() == pytest.approx(1 - 1 / 62)


def test_own_festivals_beside_the_built_in() -> None:
    first, last = date(2024, 1, 1), date(2024, 12, 31)
    own = {**celebrated(first, last), "fan_day": [(date(2024, 4, 6), date(2024, 4, 9))]}
    names = Calendar.design((first - EPOCH).days, (last - EPOCH).days, festivals=own).names
    assert names == (*SEASON, *WEEKDAYS, *NAMES, "fan_day")


def test_no_calendar() -> None:
    calendar = Calendar.none(100, 199)
    assert (calendar.features.shape, calendar.names, calendar.last) == ((100, 0), (), 199)


def test_a_forecast_keeps_the_columns_of_the_fit() -> None:
    first, cut, last = day(2024, 1, 1), day(2024, 9, 30), day(2025, 6, 30)
    fitted = Calendar.design(first, cut)
    longer = Calendar.design(first, last, over=(first, cut))
    assert longer.names == fitted.names
    assert "november_sales" not in longer.names
    np.testing.assert_array_equal(longer.features[: cut - first + 1], fitted.features)
    assert column(longer, "new_year", 2025, 1, 29) == pytest.approx(1)


def test_refusals() -> None:
    with pytest.raises(Refused, match="flywheel_calendar_days") as refused:
        Calendar.design(10, 9)
    assert refused.value.details == {"first": "1970-01-11", "last": "1970-01-10"}
    with pytest.raises(Refused, match="flywheel_calendar_days"):
        Calendar.none(0, 10_000_000)
    with pytest.raises(Refused, match="flywheel_calendar_days"):
        Calendar.none(0, MAX_DAYS)
    with pytest.raises(Refused, match="flywheel_calendar_days"):
        Calendar.design(0, 99, over=(50, 100))
    with pytest.raises(Refused, match="flywheel_calendar_festival_ends"):
        Calendar.design(0, 99, festivals={"back": [(EPOCH + timedelta(9), EPOCH + timedelta(8))]})
    with pytest.raises(Refused, match="flywheel_calendar_festivals"):
        Calendar.design(0, 99, festivals={str(number): [] for number in range(MAX_FESTIVALS + 1)})
    assert len(Calendar.design(0, MAX_DAYS - 1).names) == 18


def test_what_the_days_before_a_cut_support() -> None:
    calendar = Calendar.design(day(2024, 1, 1), day(2025, 3, 31))
    assert set(SEASON) < set(calendar.names)
    names = [[calendar.names[each] for each in calendar.known_by(day(*cut))] for cut in ((2024, 12, 31), (2024, 9, 30))]
    assert names[0] == list(calendar.names)
    assert set(names[0]) - set(names[1]) == {*SEASON, "november_sales", "winter_sales"}
    assert list(calendar.known_by(day(2023, 12, 31))) == []
