"""Amounts: no float error, and what is read adds up to the cent whatever the file holds."""

from __future__ import annotations

import decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setaria.flywheel.histories.amounts import FINE, TOO_FINE, TOO_LARGE, UNREADABLE, minor_units
from setaria.flywheel.histories.readers import from_arrow

NOW = 1_735_689_600_000_000  # 2025-01-01


def parse(values: Any, digits: int = 2) -> list[int | str | None]:
    """An amount, None for nothing, or the trouble."""
    column = values if isinstance(values, pa.Array) else pa.array(values)
    read = minor_units(column, np.full(len(column), digits))
    words = {UNREADABLE: "unreadable", TOO_FINE: "fine", TOO_LARGE: "large"}
    return [
        None if not present else amount if wrong == FINE else words[wrong]
        for amount, present, wrong in zip(read.amounts.tolist(), read.present, read.wrong.tolist(), strict=True)
    ]


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("12.3", 1230),
        ("12.30000", 1230),
        ("-0.05", -5),
        ("+7", 700),
        (" 1,234,567.89 ", 123456789),
        ("1.5e+03", 150000),
        ("2E-2", 2),
        (".5", 50),
        ("5.", 500),
        ("000", 0),
        ("0.000", 0),
        ("0E-8", 0),
        ("92233720368547758.07", 2**63 - 1),
        ("-92233720368547758.07", -(2**63) + 1),
        ("92233720368547758.08", "large"),
        ("1e30", "large"),
        ("1e999", "large"),
        ("1.005", "fine"),
        ("0.12345678901234567890123", "fine"),
        ("1,23", "unreadable"),
        ("12,50", "unreadable"),
        ("1.2.3", "unreadable"),
        (".", "unreadable"),
        ("-", "unreadable"),
        ("twelve", "unreadable"),
        ("inf", "unreadable"),
        ("１２", "unreadable"),
        ("", None),
        ("NaN", None),
        ("null", None),
    ],
)
def test_texts(text: str, amount: int | str | None) -> None:
    assert parse([text]) == [amount]


def test_floats_integers_and_decimals() -> None:
    assert parse([12.3, 0.1 + 0.2, 1.005, -0.29, float("nan"), float("inf"), 1e17, 4.35e12]) == [
        *(1230, 30, "fine", -29, None, "unreadable", "large", 435_000_000_000_000),
    ]
    assert parse([12.0000000001, 12.00001], 2) == [1200, "fine"]
    assert parse(pa.array([12.3, 0.07], pa.float32())) == [1230, 7]
    assert parse([5, -3, None, 2**62]) == [500, -300, None, "large"]
    assert parse(pa.array([2**63 + 1], pa.uint64()), 0) == ["large"]
    assert parse([decimal.Decimal("1.20"), decimal.Decimal("-3.456"), None]) == [120, "fine", None]
    assert parse(pa.array(["1.2", "1.2"]).dictionary_encode()) == [120, 120]
    assert parse([3, 3.0], 0) == [3, 3]
    assert parse(["1.250"], 3) == [1250]


@given(st.integers(-(10**13), 10**13), st.sampled_from([0, 2, 3]))
def test_every_amount_survives_as_text_float_and_decimal(amount: int, digits: int) -> None:
    exact = decimal.Decimal(amount).scaleb(-digits)
    wide = pa.array([exact], pa.decimal128(38, 8))
    assert parse([f"{exact:f}"], digits) == parse([float(exact)], digits) == parse(wide, digits) == [amount]


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "", "c"]),
        st.sampled_from(["2024-03-01", "2024-03-02", "2024-03-03", "2024-03-09", "2031-01-01", "1969-01-01", "x", ""]),
        st.sampled_from(["buy", "vote", "return", ""]),
        st.one_of(st.decimals(-200, 300, places=2).map(str), st.sampled_from(["", "x", "1.001", "1000000000000000"])),
        st.sampled_from(["CNY", "USD", "", "ZZZ"]),
        st.sampled_from([None, "o1", "o2"]),
        st.sampled_from([None, None, "1", "2"]),
    ),
    min_size=1,
    max_size=30,
)
NAMES = ("household", "time", "kind", "amount", "currency", "basket", "row")


@settings(max_examples=60, deadline=None)
@given(ROWS, st.sampled_from([None, "2024-03-02"]), st.booleans())
def test_money_and_rows_add_up_whatever_is_in_the_file(rows: list[Any], end: str | None, ids: bool) -> None:
    rows = [*rows, ("a", "2024-03-01", "vote", "", "", None, None)]  # one that can be read
    table = pa.table({name: pa.array([row[i] for row in rows], pa.string()) for i, name in enumerate(NAMES)})
    row = "row" if ids else ""
    histories = from_arrow(table, amount="amount", currency="currency", basket="basket", end=end, now=NOW, row=row)
    told = histories.rows
    alone = told.troubles.get("refund_alone", 0)
    assert told.read == told.facts + told.merged + told.refunds + alone + told.doubled + told.outside + told.bad
    assert told.facts == histories.facts
    for each in told.amounts:
        assert each.read == each.kept + each.bad + each.outside + each.refunds_alone
        code = histories.currencies.index(each.currency) if each.currency in histories.currencies else -1
        assert each.kept == (histories.total(code) if code >= 0 else 0)
        assert each.refunds_alone <= 0
    if not ids:  # against the text, summed by another way
        for named in ("CNY", "USD"):
            texts = [row[3] for row in rows if (row[4] or "CNY") == named]
            right = [text for text in texts if text not in ("", "x", "1.001")]
            total = sum(int(decimal.Decimal(text).scaleb(2)) for text in right)
            assert next((each.read for each in told.amounts if each.currency == named), 0) == total
    assert (histories.amounts >= 0).all()
    assert (histories.end >= histories.start).all()
    assert (np.diff(histories.times)[np.diff(histories.owner) == 0] >= 0).all()


@settings(max_examples=15, deadline=None)
@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(rows: list[Any], source: Any) -> None:
    rows = [(*row[:5], None, None) for row in rows] + [("a", "2024-03-01", "vote", "", "", None, None)]
    mixed = list(rows)
    source.shuffle(mixed)
    made = []
    for each in (rows, mixed):
        table = pa.table({name: pa.array([row[i] for row in each], pa.string()) for i, name in enumerate(NAMES)})
        made.append(from_arrow(table, amount="amount", currency="currency", now=NOW))
    for name in ("times", "kinds", "offsets", "start", "end"):
        assert getattr(made[0], name).tolist() == getattr(made[1], name).tolist()
    assert made[0].rows.amounts == made[1].rows.amounts
