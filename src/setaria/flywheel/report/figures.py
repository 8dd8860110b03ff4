"""Numbers as a reader of either language reads them: exact where they are counted, no digit too many where estimated.

The details of a `Sentence` may be plain JSON values or one of these forms, so that a sentence is put into words only
when its reader is known:

    {"money": 123456, "currency": "CNY"}       whole minor units, shown to the cent
    {"money": 1234.5, "currency": "CNY"}       an expectation of minor units, rounded
    {"estimate": [v, low, high]}               a number with its interval; with "currency" it is money
    {"share": 0.38}  {"days": 6.5}  {"date": 20045.0}
    {"word": "flywheel.…"}                     another sentence of the catalogue, without parameters

A float is shown with three digits, an integer with its thousands apart, text without control characters.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from setaria.flywheel.parameters import Estimate
from setaria.flywheel.report.report import Sentence
from setaria.money import EXPONENTS, MAX_AMOUNT, Money, format_money
from setaria.words import say

MAX_NAME: Final = 60  # characters of a touchpoint's name
LISTED: Final = 12  # values of one list in a sentence
# Control characters would speak to the terminal, and marks of direction would turn the words around them.
_UNSEEN: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff\ud800-\udfff]+"
)


def clean(text: str, most: int = MAX_NAME) -> str:
    shown = _UNSEEN.sub(" ", text).strip() or "…"
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def money_detail(minor: float, currency: str) -> dict[str, Any]:
    return {"money": minor, "currency": currency}


def estimate_detail(estimate: Estimate, currency: str = "") -> dict[str, Any]:
    shown: dict[str, Any] = {"estimate": [estimate.value, estimate.low, estimate.high]}
    return {**shown, "currency": currency} if currency else shown


def unit_of(currency: str) -> int:
    """Minor units in one of the currency; a code that is not known counts in hundredths."""
    return int(10 ** EXPONENTS.get(currency, 2))


@dataclass(frozen=True, slots=True)
class Reader:
    """Puts a report's figures into words of one language."""

    language: str

    def say(self, key: str, /, **parameters: object) -> str:
        return say(f"flywheel.report.{key}", self.language, **parameters)

    def sentence(self, sentence: Sentence) -> str:
        return say(sentence.key, self.language, **{name: self.detail(each) for name, each in sentence.details.items()})

    def detail(self, value: Any) -> object:
        if isinstance(value, Mapping):
            return self._formed(value)
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int):
            return f"{value:,}"
        if isinstance(value, float):
            return self.number(value)
        if isinstance(value, Sequence) and not isinstance(value, str):
            more = ["…"] if len(value) > LISTED else []
            return [self.detail(each) for each in value[:LISTED]] + more
        return clean(str(value), 120)

    def _formed(self, value: Mapping[str, Any]) -> str:
        currency = str(value.get("currency", ""))
        if "estimate" in value:
            parts = [math.nan if each is None else float(each) for each in value["estimate"]]
            return self.estimate(Estimate(*parts[:3]), currency if "currency" in value else None)
        if "money" in value:
            amount = value["money"]
            return self.money(amount, currency) if isinstance(amount, int) else self.expected(float(amount), currency)
        if "share" in value:
            return self.share(float(value["share"]))
        if "days" in value:
            return self.days(float(value["days"]))
        if "date" in value:
            return self.date(float(value["date"]))
        return say(str(value.get("word", "…")), self.language)

    def money(self, minor: int, currency: str) -> str:
        """To the cent."""
        if currency in EXPONENTS and -MAX_AMOUNT <= minor <= MAX_AMOUNT:
            return format_money(Money(minor, currency), self.language)
        whole, part = divmod(abs(minor), unit_of(currency))
        code = f"{clean(currency, 8)} " if currency else ""
        return f"{'-' if minor < 0 else ''}{code}{whole:,}.{part:02}"

    def expected(self, minor: float, currency: str) -> str:
        """An expectation: cents only below a hundred of the currency."""
        if not math.isfinite(minor):
            return self._unbounded(minor)
        unit = unit_of(currency)
        if abs(minor) < 99.995 * unit:
            return self.money(round(minor), currency)
        shown = self.money(round(minor / unit) * unit, currency)
        return shown.removesuffix(f".{0:0{EXPONENTS.get(currency, 2)}}") if unit > 1 else shown

    def number(self, value: float) -> str:
        """Two or three digits, and never more than three decimals."""
        if not math.isfinite(value):
            return self._unbounded(value)
        size = abs(value)
        if 0 < size < 0.0005:
            return "<0.001" if value > 0 else "-<0.001"
        decimals = 3 if size < 0.0995 else 2 if size < 9.995 else 1 if size < 99.95 else 0
        text = f"{value:,.{decimals}f}"
        return text[1:] if text.strip("-0.,") == "" and text.startswith("-") else text

    def _unbounded(self, value: float) -> str:
        return self.say("unknown") if math.isnan(value) else ("∞" if value > 0 else "-∞")

    def estimate(self, estimate: Estimate, currency: str | None = None) -> str:
        value, interval = self.parts(estimate, currency)
        return self.say("with_interval", value=value, interval=interval)

    def parts(self, estimate: Estimate, currency: str | None = None, *, bare: bool = False) -> tuple[str, str]:
        """The value, and its interval; `bare` leaves the currency to the value beside it."""

        def shown(figure: float, currency: str | None = currency) -> str:
            return self.number(figure) if currency is None else self.expected(figure, currency)

        if math.isnan(estimate.low) or math.isnan(estimate.high):
            return shown(estimate.value), self.say("no_interval")
        if not bare:
            return shown(estimate.value), self.say("interval", low=shown(estimate.low), high=shown(estimate.high))
        low, high = ("".join(re.findall(r"[-\d.,∞<]", shown(end))) for end in (estimate.low, estimate.high))
        return shown(estimate.value), self.say(
            "interval_signed" if "-" in low + high else "interval_bare", low=low, high=high
        )

    def share(self, value: float) -> str:
        if not math.isfinite(value):
            return self.say("unknown")
        percent = 100 * value
        if 0 < percent < 0.1:
            return "<0.1%"
        return f"{percent:.1f}%" if abs(percent) < 9.95 else f"{percent:,.0f}%"

    def days(self, value: float) -> str:
        if not math.isfinite(value):
            return self.say("unknown")
        count = f"{value:.1f}" if value < 9.95 and not value.is_integer() else f"{value:,.0f}"
        return self.say("day") if count in ("1", "1.0") else self.say("days", count=count)

    def date(self, days: float) -> str:
        """Days since 1970-01-01, as 2026-11-22 in any language."""
        if not math.isfinite(days) or not 0 <= days < 2_000_000:
            return self.say("unknown")
        return datetime.fromtimestamp(int(days) * 86_400, UTC).date().isoformat()

    def short(self, minor: float, currency: str) -> str:
        """For an axis: 1.2k, 3.4万."""
        major = minor / unit_of(currency)
        steps = ((1e8, "亿"), (1e4, "万")) if self.language == "zh-CN" else ((1e9, "bn"), (1e6, "m"), (1e3, "k"))
        for size, name in steps:
            if abs(major) >= size:
                return f"{major / size:.3g}{name}"
        return f"{major:,.0f}" if abs(major) >= 100 else f"{major:.3g}"
