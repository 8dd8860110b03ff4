"""The rules by which rows become histories."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from setaria.facts.clock import DAY
from setaria.facts.refused import Refused
from setaria.flywheel.histories.baskets import ordered
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.histories.layout import REQUIRED
from setaria.flywheel.histories.readers import from_arrow
from setaria.flywheel.histories.rows import EXAMPLES
from setaria.words import languages, say

NOW = 1_735_689_600_000_000  # 2025-01-01


def read(rows: list[tuple[Any, ...]], names: str = "household time kind amount", **how: Any) -> Histories:
    columns = names.split()
    table = pa.table({name: [row[i] for row in rows] for i, name in enumerate(columns)})
    given: dict[str, Any] = {name: name for name in columns if name not in REQUIRED}
    return from_arrow(table, **{"now": NOW, **given, **how})


def day(text: str) -> float:
    return (datetime.date.fromisoformat(text) - datetime.date(1970, 1, 1)).days


def shown(histories: Histories) -> list[tuple[str, str, str, int]]:
    """(household, day, touchpoint, amount) of every fact."""
    days = histories.times.astype("datetime64[D]").astype(str)
    owners = histories.households[histories.owner]
    names = np.array(histories.names)[histories.kinds]
    return list(zip(owners, days, names, histories.amounts.tolist(), strict=True))


def test_unsorted_rows_are_put_in_order() -> None:
    rows = [("b", "2024-03-02", "buy", "2"), ("a", "2024-03-05", "buy", "3.5"), ("b", "2024-03-01", "visit", "")]
    histories = read(rows)
    assert shown(histories) == [
        ("a", "2024-03-05", "buy", 350),
        ("b", "2024-03-01", "visit", 0),
        ("b", "2024-03-02", "buy", 200),
    ]
    assert (histories.grain, histories.currencies, histories.currency.tolist()) == ("day", ("CNY",), [0, -1, 0])
    again = read(rows[::-1])
    assert shown(again) == shown(histories)
    assert (histories.rows.read, histories.rows.facts, histories.rows.bad) == (3, 3, 0)


def test_the_first_fact_opens_the_window_and_is_not_counted() -> None:
    histories = read(
        [("a", "2024-03-01", "visit"), ("a", "2024-03-04", "buy"), ("b", "2024-03-09", "buy")], "household time kind"
    )
    assert histories.start.tolist() == [day("2024-03-01"), day("2024-03-09")]
    assert histories.end.tolist() == [day("2024-03-09")] * 2
    assert histories.counted.tolist() == [False, True, False]
    assert histories.rows.troubles == {"window_empty": 1}  # b was seen on the last day only


def test_lines_of_a_basket_are_one_fact() -> None:
    rows = [
        ("a", "2024-03-01T10:00:00", "buy", "1.00", None),
        ("a", "2024-03-01T10:00:00", "buy", "2.00", None),  # the same instant
        ("a", "2024-03-01T10:00:00", "visit", "", None),  # another touchpoint
        ("a", "2024-03-02T10:00:00", "buy", "4.00", "x"),
        ("a", "2024-03-02T10:05:00", "buy", "8.00", "x"),  # the same basket
        ("a", "2024-03-02T10:05:00", "buy", "16.00", "y"),
        ("b", "2024-03-02T10:05:00", "buy", "32.00", "x"),  # another household
    ]
    histories = read(rows, "household time kind amount basket")
    assert sorted(each[3] for each in shown(histories)) == [0, 300, 1200, 1600, 3200]
    assert (histories.rows.facts, histories.rows.merged) == (5, 2)
    assert histories.times.tolist() == [*sorted(histories.times[:4].tolist()), histories.times[4]]


def test_currencies_are_kept_apart_even_in_one_basket() -> None:
    rows = [
        ("a", "2024-03-01", "buy", "1.00", "CNY"),
        ("a", "2024-03-01", "buy", "2.00", " usd"),
        ("a", "2024-03-01", "buy", "", ""),  # joins one of them
        ("a", "2024-03-02", "buy", "500", "JPY"),
        ("a", "2024-03-03", "buy", "1.234", "KWD"),
        ("a", "2024-03-04", "buy", "3", ""),
        ("a", "2024-03-04", "buy", "3", "XXX"),
    ]
    histories = read(rows, "household time kind amount currency", money="EUR")
    assert histories.currencies == ("CNY", "EUR", "JPY", "KWD", "USD")
    assert [histories.total(index) for index in range(5)] == [100, 300, 500, 1234, 200]
    assert (histories.facts, histories.rows.merged, histories.rows.troubles) == (5, 1, {"currency_unknown": 1})


def test_a_row_told_twice_is_read_once() -> None:
    rows = [("a", "2024-03-01", "buy", "1", 7), ("a", "2024-03-01", "buy", "1", 8), ("a", "2024-03-01", "buy", "1", 7)]
    histories = read(
        [*rows, ("a", "2024-03-02", "buy", "1", None), ("a", "2024-03-03", "buy", "1", None)],
        "household time kind amount row",
    )
    assert (histories.rows.doubled, histories.rows.merged, histories.facts) == (1, 1, 3)
    assert histories.rows.amounts[0].read == histories.total(0) == 400
    assert histories.references is not None
    assert histories.references.tolist() == ["7", "", ""]


def test_bad_rows_are_counted_and_listed_with_what_they_hold() -> None:
    nan, far = float("nan"), 4_102_444_800.0
    rows: list[tuple[Any, ...]] = [
        ("a", 1_700_000_000.0, "buy", "1"),
        (None, 1_700_000_000.0, "buy", "1"),
        ("  ", 1_700_000_000.0, "buy", "1"),
        ("a", 1_700_000_000.0, "", "2"),
        ("a", nan, "buy", "4"),
        ("a", float("inf"), "buy", "8"),
        ("a", -5.0, "buy", "16"),
        ("a", far, "buy", "32"),
        ("a", NOW / 1e6 + 80_000, "buy", "64"),  # within a day of now: clocks differ
        ("a", 1_700_000_001.0, "buy", "many"),
        ("a", 1_700_000_001.0, "buy", "1.001"),
        ("a", 1_700_000_001.0, "buy", "99999999999999999999"),
    ]
    histories = read(rows)
    assert histories.rows.troubles == {
        "amount_too_fine": 1,
        "amount_too_large": 1,
        "amount_unreadable": 1,
        "household_missing": 2,
        "kind_missing": 1,
        "time_before_1970": 1,
        "time_future": 1,
        "time_missing": 1,
        "time_unreadable": 1,
    }
    assert (histories.rows.read, histories.rows.bad, histories.facts) == (12, 10, 2)
    assert [(each.place, each.shown) for each in histories.rows.examples if each.trouble.startswith("amount")] == [
        ("11", "1.001"),
        ("12", "99999999999999999999"),
        ("10", "many"),
    ]
    money = histories.rows.amounts[0]
    assert (money.read, money.kept, money.bad) == (12_900, 6_500, 6_400)
    for language in languages():
        assert all(say(f"flywheel.row_{each}", language) != f"flywheel.row_{each}" for each in histories.rows.troubles)


def test_no_more_examples_than_are_promised() -> None:
    rows = [("a", "2024-03-01", "buy", "1"), *[("a", "yesterday", "buy", "1")] * (EXAMPLES + 9)]
    histories = read(rows)
    assert histories.rows.troubles == {"time_unreadable": EXAMPLES + 9, "window_empty": 1}
    assert [each.place for each in histories.rows.examples if each.trouble == "time_unreadable"] == [
        str(2 + i) for i in range(EXAMPLES)
    ]


@pytest.mark.parametrize(
    ("refund", "kept"),
    [
        (("2024-03-04", "buy", "-3", None), [500, 100]),  # the last that has enough
        (("2024-03-04", "buy", "-7", None), [200, 0]),  # none has: the last ones, 4 and then 3
        (("2024-03-02", "buy", "-3", None), [200, 400]),  # nothing later than itself
        (("2024-03-04", "buy", "-3", "one"), [200, 400]),  # the order that it names
        (("2024-03-04", "buy", "-6", "one"), [0, 300]),  # which has not enough: the rest elsewhere
        (("2024-03-04", "return", "-3", None), [500, 100]),  # a kind that only refunds reverses any
    ],
)
def test_a_refund_reverses_an_order_and_is_no_event(refund: tuple[Any, ...], kept: list[int]) -> None:
    orders = [
        ("a", "2024-03-01", "buy", "5", "one"),
        ("a", "2024-03-03", "buy", "4", "two"),
        ("b", "2024-03-01", "buy", "9", "x"),
    ]
    histories = read([*orders, ("a", *refund)], "household time kind amount basket")
    assert histories.amounts.tolist() == [*kept, 900]
    assert (histories.names, histories.rows.refunds, histories.rows.facts) == (("buy",), 1, 3)


def test_refunds_without_an_order_stand_alone() -> None:
    rows = [
        ("a", "2024-03-01", "buy", "-2", "CNY"),  # before anything
        ("a", "2024-03-02", "buy", "5", "CNY"),
        ("a", "2024-03-03", "visit", "-1", "CNY"),  # another touchpoint
        ("a", "2024-03-03", "visit", "0", "CNY"),
        ("a", "2024-03-04", "buy", "-1", "USD"),  # another currency
        ("a", "2024-03-05", "buy", "-9", "CNY"),  # 4 more than there was
    ]
    histories = read(rows, "household time kind amount currency")
    assert histories.rows.troubles == {"refund_alone": 3, "refund_partly": 1}
    assert [(each.currency, each.read, each.kept, each.refunds_alone) for each in histories.rows.amounts] == [
        ("CNY", -700, 0, -700),
        ("USD", -100, 0, -100),
    ]
    assert histories.rows.refunds == 1


def test_facts_around_stated_windows() -> None:
    rows = [(who, f"2024-03-{at:02}", "buy", "1") for who in "ab" for at in (1, 5, 10, 15)]
    histories = read(rows, start="2024-03-05", end="2024-03-10")
    assert histories.start.tolist() == [day("2024-03-04")] * 2  # so that the fifth is watched
    assert histories.counted.tolist() == [False, True, True] * 2
    assert (histories.rows.outside, histories.rows.amounts[0].outside, histories.rows.amounts[0].kept) == (2, 200, 600)
    exact = read(
        [(who, f"{when}T12:00:00", kind, amount) for who, when, kind, amount in rows],
        start="2024-03-05",
        end="2024-03-10",
    )
    assert exact.grain == "exact"
    assert exact.counted.tolist() == histories.counted.tolist()
    assert (exact.end - exact.start).round(6).tolist() == [6, 6]


def test_a_table_of_households_keeps_those_without_facts() -> None:
    windows = pa.table(
        {
            "household": ["a", "b", "c"],
            "start": ["2024-01-01", None, "2024-02-01"],
            "end": ["2024-12-01", "2024-06-01", None],
            "age": [30, None, 50],
            "city": ["Wuhan", "Wuhan", "Xi'an"],
        }
    )
    rows = [
        ("a", "2024-03-01", "buy", "1"),
        ("b", "2024-03-01", "buy", "1"),
        ("b", "2024-07-01", "buy", "1"),
        ("d", "2024-07-09", "buy", "1"),
    ]
    histories = read(rows, windows=windows)
    assert histories.households.tolist() == ["a", "b", "c", "d"]
    assert histories.start.tolist() == [day("2023-12-31"), day("2024-03-01"), day("2024-01-31"), day("2024-07-09")]
    assert histories.end.tolist() == [day("2024-12-01"), day("2024-06-01"), day("2024-07-09"), day("2024-07-09")]
    assert np.diff(histories.offsets).tolist() == [1, 1, 0, 1]
    assert histories.covariate_names == ("age", "age?", "city=?")  # Xi'an says no more than these do
    assert histories.covariates.tolist() == [[-1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 1, 1]]
    assert histories.rows.outside == 1


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"start": "2024-03-05", "end": "2024-03-04"}, "flywheel_period_contradicts"),
        ({"start": "2024-05-05"}, "flywheel_period_contradicts"),  # after the last fact
        ({"start": "2024-04-01", "end": "2024-05-01"}, "flywheel_window_without_facts"),
        ({"start": "soon"}, "flywheel_window_unreadable"),
        ({"zone": "Mars/Olympus"}, "flywheel_zone_unknown"),
        ({"sends": ("promotoin",)}, "flywheel_sends_unknown"),
        ({"time": "when"}, "flywheel_column_missing"),
        ({"time": "amount"}, "flywheel_no_rows"),
        ({"money": "QQQ"}, "currency_unknown"),
        ({"merge": {"a": "b", "b": "a"}}, "flywheel_merge_circle"),
        (
            {"windows": pa.table({"household": ["a"], "start": ["2024-03-03"], "end": ["2024-03-02"]})},
            "flywheel_window_contradicts",
        ),
        ({"windows": pa.table({"household": ["a", "a"]})}, "flywheel_window_twice"),
        ({"windows": pa.table({"home": ["a"]})}, "flywheel_column_missing"),
        ({"windows": pa.table({"household": ["a", None]})}, "flywheel_window_household_missing"),
        ({"windows": pa.table({"household": ["a"], "x": [[1]]})}, "flywheel_covariate"),
    ],
)
def test_what_cannot_be_is_refused(how: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as refused:
        read([("a", "2024-03-01", "buy", "x"), ("a", "2024-03-02", "buy", "1")], **how)
    assert refused.value.code == code


def test_days_of_another_zone_are_days() -> None:
    rows = [("a", f"2024-03-{at:02}T16:00:00Z", "buy") for at in range(1, 25)]
    guessed = read(rows, "household time kind")
    told = read(rows, "household time kind", zone="Asia/Shanghai")
    for histories in (guessed, told):
        assert histories.grain == "day"
        assert histories.times.tolist() == [day("2024-03-02") + i for i in range(24)]
    assert read(rows, "household time kind", grain="exact").times[0] == pytest.approx(
        day("2024-03-01") + 16 / 24, abs=1e-9
    )
    assert read(rows[:3], "household time kind").grain == "exact"  # too few to be sure


def test_a_zone_with_summer_time_still_has_days() -> None:
    rows = [("a", f"2024-{month:02}-{at:02}", "buy") for month in (3, 11) for at in range(1, 15)]
    assert read(rows, "household time kind", zone="America/New_York").times[-1] == day("2024-11-14")


def test_prospects_become_households() -> None:
    rows = [
        ("cookie", "2024-03-01", "visit"),
        ("guest", "2024-03-02", "visit"),
        ("li", "2024-03-03", "buy"),
        ("wang", "2024-03-03", "buy"),
    ]
    histories = read(rows, "household time kind", merge={"cookie": "guest", "guest": "li"})
    assert [each[:3] for each in shown(histories)][:3] == [
        ("li", "2024-03-01", "visit"),
        ("li", "2024-03-02", "visit"),
        ("li", "2024-03-03", "buy"),
    ]
    assert histories.start[0] == day("2024-03-01")


def test_what_the_brand_sends_is_a_source_only() -> None:
    rows = [("a", "2024-03-01", "buy"), ("a", "2024-03-02", "promotion"), ("a", "2024-03-03", "buy")]
    histories = read(rows, "household time kind", sends=("promotion",))
    assert histories.receivers.tolist() == [True, False]
    assert histories.counted.tolist() == [False, False, True]


def test_too_many_touchpoints_are_refused_or_gathered() -> None:
    rows = [("a", f"2024-03-{at % 28 + 1:02}", f"kind {at % 70:02}") for at in range(100)]
    with pytest.raises(Refused, match="flywheel_touchpoints_many"):
        read(rows, "household time kind")
    histories = read(rows, "household time kind", rare=2)
    assert (histories.types, histories.names[-1], "kind 29" in histories.names) == (31, "other", True)
    assert histories.facts == sum(np.bincount(histories.kinds))


def test_one_touchpoint_without_a_column_a_kind_seen_once_and_no_purchases() -> None:
    rows = [("a", "2024-03-01"), ("a", "2024-03-02")]
    assert read(rows, "household time", touchpoint="visit").names == ("visit",)
    once = read(
        [("a", "2024-03-01", "visit"), ("a", "2024-03-02", "visit"), ("a", "2024-03-02", "vote")], "household time kind"
    )
    assert once.currencies == ()
    assert once.rows.amounts == []
    assert np.bincount(once.kinds).tolist() == [2, 1]


def test_roles() -> None:
    histories = read(
        [("a", "2024-03-01", "visit", "elder"), ("a", "2024-03-02", "visit", None)], "household time kind role"
    )
    assert histories.roles is not None
    assert (histories.role_names, histories.roles.tolist()) == (("elder",), [0, -1])


def test_one_household_with_a_million_rows() -> None:
    """Refunds too: finding their orders must not cost the square of the rows."""
    rows = 1_000_000
    source = np.random.default_rng(1)
    table = pa.table(
        {
            "household": pa.DictionaryArray.from_arrays(np.zeros(rows, dtype=np.int32), ["a"]),
            "time": source.integers(0, 365 * DAY, rows) + NOW - 400 * DAY,
            "kind": pa.DictionaryArray.from_arrays(source.integers(0, 2, rows).astype(np.int32), ["buy", "vote"]),
            "amount": source.integers(-5, 20, rows),
        }
    )
    histories = from_arrow(table, amount="amount", minor=True, now=NOW)
    assert len(histories) == 1
    assert (np.diff(histories.times) >= 0).all()
    assert histories.total(0) == int(table["amount"].to_numpy().sum())
    assert histories.rows.refunds > 150_000


@given(st.lists(st.tuples(*[st.integers(0, 2**40) | st.integers(0, 3)] * 3), max_size=20))
def test_the_order_is_that_of_tuples(rows: list[tuple[int, int, int]]) -> None:
    """Also where the keys together need more than 63 bits."""
    keys = [np.array([row[i] for row in rows], dtype=np.int64) for i in range(3)]
    order = ordered(*keys)
    indices = range(len(rows)) if order is None else order.tolist()
    assert list(indices) == sorted(range(len(rows)), key=lambda i: rows[i])


def test_amounts_that_a_sum_cannot_hold_are_refused() -> None:
    with pytest.raises(Refused, match="flywheel_amounts_too_large"):
        read([("a", "2024-03-01", "buy", "9e16"), ("a", "2024-03-02", "buy", "9e16")])


def test_what_was_understood_is_said_in_both_languages() -> None:
    histories = read([("a", 1_700_000_000_000, "buy", 1.5), ("a", 1_700_000_000_001, "back", -1.5)])
    told = histories.rows.understood  # type: ignore[attr-defined]
    assert {"flywheel.understood_time_epoch", "flywheel.understood_refund_kinds"} <= {each.key for each in told}
    for language in languages():
        sentences = [say(each.key, language, **each.details) for each in told]
        assert not any("…" in text or text.startswith("flywheel.") for text in sentences)
    assert say(told[0].key, "en", **told[0].details) == "“time” counts milliseconds since 1970 UTC."
