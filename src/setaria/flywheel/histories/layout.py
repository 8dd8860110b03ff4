"""How an input is to be read: which column is what, and the rules that the columns cannot say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final, TypedDict

import msgspec

from setaria.facts.refused import Refused
from setaria.flywheel.histories.histories import Grain
from setaria.money import EXPONENTS

MOST_TOUCHPOINTS: Final = 64
OTHER: Final = "other"

# A date stands for its whole day; an integer is UTC microseconds, as everywhere in the log.
Moment = str | int | date | datetime


class How(TypedDict, total=False):
    """The fields of `Layout`, for readers that take them by keyword."""

    household: str
    time: str
    kind: str
    amount: str
    currency: str
    basket: str
    role: str
    row: str
    touchpoint: str
    money: str
    minor: bool
    zone: str
    grain: Grain | None
    start: Moment | None
    end: Moment | None
    windows: Any
    sends: tuple[str, ...]
    rare: int
    merge: Mapping[str, str]
    now: int | None
    name: str
    simulated: bool


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """First names of columns, then rules. An empty name: there is no such column."""

    household: str = "household"
    time: str = "time"
    kind: str = "kind"
    amount: str = ""  # major units (12.5 is 1250 minor units of CNY) unless `minor`; negative is a refund
    currency: str = ""  # codes of ISO 4217
    basket: str = ""  # order or basket id: its lines are one fact, and a refund finds its order by it
    role: str = ""  # the actor's role
    row: str = ""  # an id of the row; a second row with it is dropped

    touchpoint: str = ""  # every row is of this touchpoint: there is no column of kinds
    money: str = "CNY"  # the currency of amounts that name none
    minor: bool = False
    zone: str = "UTC"  # of times that name none, and of days
    grain: Grain | None = None  # None: days if every time is a midnight of one zone
    start: Moment | None = None  # of all households; None: each one's first fact
    end: Moment | None = None  # None: the last time of the whole input
    windows: Any = None  # a table household, start, end, covariates...: Arrow, pandas, Polars, or a path of CSV/Parquet
    sends: tuple[str, ...] = ()  # touchpoints that the brand sends
    rare: int = 0  # touchpoints with fewer rows are gathered as OTHER
    merge: Mapping[str, str] = {}  # prospect -> the household (or prospect) it became
    now: int | None = None  # UTC microseconds; None: the machine's clock
    name: str = ""
    simulated: bool = False

    def __post_init__(self) -> None:
        if self.money not in EXPONENTS:
            raise Refused("currency_unknown", currency=self.money[:16])

    @property
    def columns(self) -> dict[str, str]:
        """What a column is -> its name in the input."""
        named = {each: getattr(self, each) for each in COLUMNS}
        if self.touchpoint:
            named["kind"] = ""
        return {what: name for what, name in named.items() if name}


COLUMNS: Final = ("household", "time", "kind", "amount", "currency", "basket", "role", "row")
REQUIRED: Final = ("household", "time", "kind")
