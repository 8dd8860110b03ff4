"""Money: a whole number of a currency's minor units. Floats never touch it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from setaria.facts.refused import Refused

MAX_AMOUNT: Final = 2**63 - 1
MAX_WEIGHTS: Final = 100_000

# ISO 4217: how many decimals the minor unit stands for.
_BY_EXPONENT: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    2: "AED ARS AUD BDT BGN BRL CAD CHF CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR KES KHR KZT LAK LKR MAD MMK "
    "MNT MOP MXN MYR NGN NOK NPR NZD PEN PHP PKR PLN QAR RON RSD RUB SAR SEK SGD THB TRY TWD UAH USD UYU UZS ZAR",
    3: "BHD IQD JOD KWD LYD OMR TND",
}
EXPONENTS: Final[Mapping[str, int]] = {code: digits for digits, codes in _BY_EXPONENT.items() for code in codes.split()}
# A currency without a symbol here is written with its code, as in `KWD 1.250`.
SYMBOLS: Final[Mapping[str, Mapping[str, str]]] = {
    "zh-CN": {"CNY": "¥", "USD": "US$", "EUR": "€", "GBP": "£", "JPY": "JP¥", "HKD": "HK$", "TWD": "NT$", "INR": "₹"},
    "en": {"CNY": "CN¥", "USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "HKD": "HK$", "TWD": "NT$", "INR": "₹"},
}
_AMOUNT: Final = re.compile(
    r"(?P<sign>[-+])?\s*(?P<before>[^\d\s.,+-]{1,3})?\s*(?P<whole>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.(?P<part>[0-9]+))?"
    r"\s*(?P<after>[^\d\s.,+-]{1,3})?"
)


class Money(msgspec.Struct, frozen=True, order=False, array_like=True):
    amount: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.amount) is not int:
            raise Refused("amount_not_whole")
        if not -MAX_AMOUNT <= self.amount <= MAX_AMOUNT:
            raise Refused("amount_too_large")
        if self.currency not in EXPONENTS:
            raise Refused("currency_unknown", currency=str(self.currency)[:16])

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self._same(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.amount <= self._same(other)

    def __gt__(self, other: Money) -> bool:
        return self.amount > self._same(other)

    def __ge__(self, other: Money) -> bool:
        return self.amount >= self._same(other)

    def times(self, count: int) -> Money:
        if type(count) is not int:
            raise Refused("amount_not_whole")
        return Money(self.amount * count, self.currency)

    def allocate(self, weights: Sequence[int]) -> tuple[Money, ...]:
        """Parts that add up to exactly this, each within one minor unit of its share.

        The largest remainders get the units left over (the Hamilton method); among equal ones the first.
        """
        total = _total(weights)
        sign, amount = (-1 if self.amount < 0 else 1), abs(self.amount)
        shares = [divmod(amount * weight, total) for weight in weights]
        left = amount - sum(whole for whole, _ in shares)
        lucky = set(sorted(range(len(weights)), key=lambda index: -shares[index][1])[:left])
        return tuple(Money(sign * (whole + (i in lucky)), self.currency) for i, (whole, _) in enumerate(shares))

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise Refused("currencies_differ", one=self.currency, other=other.currency)
        return other.amount


def _total(weights: Sequence[int]) -> int:
    whole = len(weights) <= MAX_WEIGHTS and all(type(weight) is int and weight >= 0 for weight in weights)
    total = sum(weights) if whole else 0
    if total == 0:
        raise Refused("weights_refused")
    return total


def format_money(money: Money, language: str) -> str:
    """`¥1,234.50`, `-CN¥1,234.50`, `KWD 1.250`."""
    digits = EXPONENTS[money.currency]
    whole, part = divmod(abs(money.amount), 10**digits)
    symbol = SYMBOLS.get(language, SYMBOLS["en"]).get(money.currency, money.currency + " ")
    decimals = f".{part:0{digits}}" if digits else ""
    return f"{'-' if money.amount < 0 else ''}{symbol}{whole:,}{decimals}"


def parse_money(text: str, language: str, currency: str) -> Money:
    """An amount as a person types it; `currency` if the text names none, and the only one it may name."""
    digits = EXPONENTS.get(currency)
    if digits is None:
        raise Refused("currency_unknown", currency=currency[:16])
    wrong = Refused("amount_not_understood", text=text[:40], digits=digits)
    # Full-width digits, commas and signs, as Chinese keyboards give them, become plain ones.
    match = _AMOUNT.fullmatch(unicodedata.normalize("NFKC", text[:64]).strip()) if len(text) <= 64 else None
    if match is None or (match["before"] and match["after"]):
        raise wrong
    named = match["before"] or match["after"]
    if named and _currency(named, language, currency) != currency:
        raise Refused("currencies_differ", one=currency, other=named)
    part = match["part"] or ""
    if len(part) > digits:
        raise wrong
    amount = int(match["whole"].replace(",", "") + part.ljust(digits, "0"))
    return Money(-amount if match["sign"] == "-" else amount, currency)


def _currency(named: str, language: str, expected: str) -> str:
    if named == "元":
        return "CNY"
    if named.upper() == expected:
        return expected
    symbols = SYMBOLS.get(language, SYMBOLS["en"])
    return next((code for code, symbol in symbols.items() if symbol == named), "")
