from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from setaria.facts.refused import Refused
from setaria.money import EXPONENTS, MAX_AMOUNT, MAX_WEIGHTS, Money, format_money, parse_money

amounts = st.integers(-(10**15), 10**15)
weights = st.lists(st.integers(0, 10**6), min_size=1, max_size=20).filter(any)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: Money(1.0, "CNY"), "amount_not_whole"),  # type: ignore[arg-type]
        (lambda: Money(True, "CNY"), "amount_not_whole"),
        (lambda: Money(1, "XXX"), "currency_unknown"),
        (lambda: Money(MAX_AMOUNT + 1, "CNY"), "amount_too_large"),
        (lambda: Money(MAX_AMOUNT, "CNY") + Money(1, "CNY"), "amount_too_large"),
        (lambda: Money(1, "CNY") + Money(1, "USD"), "currencies_differ"),
        (lambda: Money(1, "CNY") < Money(1, "USD"), "currencies_differ"),
        (lambda: Money(1, "CNY").times(1.5), "amount_not_whole"),  # type: ignore[arg-type]
        (lambda: Money(1, "CNY").allocate([]), "weights_refused"),
        (lambda: Money(1, "CNY").allocate([0, 0]), "weights_refused"),
        (lambda: Money(1, "CNY").allocate([1, -1, 5]), "weights_refused"),
        (lambda: Money(1, "CNY").allocate([0.5, 0.5]), "weights_refused"),  # type: ignore[list-item]
        (lambda: Money(1, "CNY").allocate([1] * (MAX_WEIGHTS + 1)), "weights_refused"),
    ],
)
def test_refused(make: Any, code: str) -> None:
    with pytest.raises(Refused) as caught:
        make()
    assert caught.value.code == code


def test_floats_are_refused_when_read() -> None:
    assert msgspec.json.decode(b'[150,"CNY"]', type=Money) == Money(150, "CNY")
    for data in (b'[1.5,"CNY"]', b'["1","CNY"]'):
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(data, type=Money)


@given(amounts, amounts)
def test_arithmetic_is_that_of_integers(a: int, b: int) -> None:
    one, other = Money(a, "CNY"), Money(b, "CNY")
    assert (one + other).amount == a + b
    assert one - other == one + -other
    assert (one < other, one <= other, one > other, one >= other) == (a < b, a <= b, a > b, a >= b)
    assert one.times(3) == one + one + one


@given(amounts, weights)
def test_allocation_adds_up_and_is_fair(amount: int, shares: list[int]) -> None:
    parts = Money(amount, "CNY").allocate(shares)
    assert sum(part.amount for part in parts) == amount
    total = sum(shares)
    for part, weight in zip(parts, shares, strict=True):
        assert abs(part.amount * total - amount * weight) < total
        assert weight or part.amount == 0


@pytest.mark.parametrize(
    ("amount", "shares", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (-100, [1, 1, 1], [-34, -33, -33]),
        (5, [3, 7], [2, 3]),
        (1, [1, 2], [0, 1]),
        (0, [1, 2], [0, 0]),
    ],
)
def test_largest_remainder(amount: int, shares: list[int], parts: list[int]) -> None:
    assert [part.amount for part in Money(amount, "CNY").allocate(shares)] == parts


@pytest.mark.parametrize(
    ("money", "language", "text"),
    [
        (Money(123_450, "CNY"), "zh-CN", "¥1,234.50"),
        (Money(123_450, "CNY"), "en", "CN¥1,234.50"),
        (Money(-5, "USD"), "en", "-$0.05"),
        (Money(-5, "USD"), "zh-CN", "-US$0.05"),
        (Money(1_234, "JPY"), "en", "¥1,234"),
        (Money(1_250, "KWD"), "en", "KWD 1.250"),
        (Money(0, "CHF"), "xx", "CHF 0.00"),
    ],
)
def test_format(money: Money, language: str, text: str) -> None:
    assert format_money(money, language) == text


@given(amounts, st.sampled_from(sorted(EXPONENTS)), st.sampled_from(["zh-CN", "en"]))
def test_what_is_written_is_read_back(amount: int, currency: str, language: str) -> None:
    money = Money(amount, currency)
    assert parse_money(format_money(money, language), language, currency) == money


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        ("12", "CNY", 1200),
        (" 12.5 元 ", "CNY", 1250),
        ("¥12.05", "CNY", 1205),
        ("￥１２．０５", "CNY", 1205),
        ("1，234", "CNY", 123_400),
        ("cny 3", "CNY", 300),
        ("3 CNY", "CNY", 300),
        ("+3", "CNY", 300),
        ("1.234", "KWD", 1234),
        ("7", "JPY", 7),
    ],
)
def test_parse(text: str, currency: str, amount: int) -> None:
    assert parse_money(text, "zh-CN", currency) == Money(amount, currency)


@pytest.mark.parametrize(
    ("text", "currency", "code"),
    [
        ("", "CNY", "amount_not_understood"),
        ("abc", "CNY", "amount_not_understood"),
        ("1.234", "CNY", "amount_not_understood"),
        ("7.5", "JPY", "amount_not_understood"),
        ("1,23", "CNY", "amount_not_understood"),
        ("1e5", "CNY", "amount_not_understood"),
        ("¥1元", "CNY", "amount_not_understood"),
        ("9" * 65, "CNY", "amount_not_understood"),
        ("9" * 30, "CNY", "amount_too_large"),
        ("$5", "CNY", "currencies_differ"),
        ("5 元", "USD", "currencies_differ"),
        ("5 usd", "CNY", "currencies_differ"),
        ("5", "ABC", "currency_unknown"),
    ],
)
def test_parse_refuses(text: str, currency: str, code: str) -> None:
    with pytest.raises(Refused) as caught:
        parse_money(text, "en", currency)
    assert caught.value.code == code


@given(st.text(max_size=70))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse_money(text, "zh-CN", "CNY")
    except Refused as refused:
        found = refused.code  # type: ignore[assignment]
    assert isinstance(found, (Money, str))


def test_exponents_of_iso_4217() -> None:
    assert [EXPONENTS[code] for code in ("JPY", "KRW", "CNY", "USD", "KWD", "BHD")] == [0, 0, 2, 2, 3, 3]
    assert all(len(code) == 3 and code.isupper() for code in EXPONENTS)
