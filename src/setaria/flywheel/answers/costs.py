"""What touchpoints cost, and what comes back.

    indirect_s = val_s - m_s,   val = (I - G^T)^-1 m      what one more fact of s brings, its own amount left out
    ROI_s      = (indirect_s - c_s) / c_s                 c_s: cost of one fact
    break-even = indirect_s                               the cost at which nothing is won or lost

Intervals are those of the fit (delta method, household-clustered). They hold costs for exact.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final, Protocol

import msgspec
import numpy as np

from setaria.facts.refused import Refused
from setaria.flywheel.answers.value import indirect
from setaria.flywheel.arrays import Floats
from setaria.flywheel.fit.fitted import Figures
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.parameters import Estimate, Parameters
from setaria.money import EXPONENTS

MAX_BYTES: Final = 1 << 20
MAX_ROWS: Final = 10_000
# The heads that a file may have, in any case.
HEADS: Final[Mapping[str, tuple[str, ...]]] = {
    "touchpoint": ("touchpoint", "type", "触点"),
    "each": ("cost", "cost per fact", "cost_per_fact", "单次成本", "成本"),
    "total": ("total", "total cost", "total_cost", "总成本"),
    "currency": ("currency", "货币"),
}


class Estimating(Protocol):
    """What of a fit is needed here."""

    @property
    def parameters(self) -> Parameters: ...

    def estimates(self, figures: Figures) -> list[Estimate]: ...


class Return(msgspec.Struct, frozen=True):
    """Minor units. `roi` is None where a fact costs nothing; both are where the loops may not die out."""

    touchpoint: str
    cost: float  # of one fact
    roi: Estimate | None
    break_even: Estimate | None


def read_costs(path: Path, histories: Histories, currency: int) -> dict[str, float]:
    """From a CSV file with a head: touchpoint, cost (of one fact) or total (over the histories), currency if any."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Refused("flywheel_file_unreadable", path=path.name, why=str(error.strerror)[:160]) from error
    if len(data) > MAX_BYTES:
        raise Refused("flywheel_costs_too_large", most=MAX_ROWS)
    try:
        rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error):
        raise Refused("flywheel_costs_not_text") from None
    return costs_of(rows, histories, currency)


def costs_of(rows: Iterable[Mapping[str, str | None]], histories: Histories, currency: int) -> dict[str, float]:
    """Touchpoint -> minor units of one fact. Amounts are in major units, as people write them: 12.50."""
    names = histories.names
    counts = np.bincount(histories.kinds, minlength=len(names))
    code = histories.currencies[currency]
    found: dict[str, float] = {}
    for number, row in enumerate(rows, 1):
        if number > MAX_ROWS:
            raise Refused("flywheel_costs_too_large", most=MAX_ROWS)
        cells = {head: _cell(row, head) for head in HEADS}
        name = cells["touchpoint"]
        if number == 1 and not any(_is(head, "touchpoint") for head in row):
            raise Refused("flywheel_costs_head", found=[str(head) for head in row])
        if name not in names:
            raise Refused("flywheel_cost_touchpoint_unknown", row=number, touchpoint=name, known=list(names))
        if name in found:
            raise Refused("flywheel_cost_doubled", row=number, touchpoint=name)
        if cells["currency"] and cells["currency"].upper() != code:
            raise Refused("flywheel_cost_currency", row=number, currency=cells["currency"], main=code)
        if bool(cells["each"]) == bool(cells["total"]):
            raise Refused("flywheel_cost_unclear", row=number, touchpoint=name)
        amount = _minor(cells["each"] or cells["total"], code, number)
        count = int(counts[names.index(name)])
        if cells["total"] and not count:
            raise Refused("flywheel_cost_without_facts", row=number, touchpoint=name)
        found[name] = amount if cells["each"] else amount / count
    return found


def _cell(row: Mapping[str, str | None], head: str) -> str:
    return next((value.strip() for key, value in row.items() if _is(key, head) and isinstance(value, str)), "")


def _is(found: object, head: str) -> bool:
    return str(found).strip().lower() in HEADS[head]


def _minor(text: str, code: str, row: int) -> float:
    try:
        amount = Decimal(text.replace(",", ""))
    except InvalidOperation:
        raise Refused("flywheel_cost_not_understood", row=row, text=text[:40]) from None
    if not amount.is_finite() or abs(amount) > 10**15:
        raise Refused("flywheel_cost_not_understood", row=row, text=text[:40])
    if amount < 0:
        raise Refused("flywheel_cost_negative", row=row, text=text[:40])
    return float(amount.scaleb(EXPONENTS.get(code, 2)))


def indirect_figures(currency: int) -> Figures:
    """D minor units in one currency."""

    def figures(parameters: Parameters, mean_amounts: Floats) -> Floats:
        return indirect(parameters, mean_amounts[currency : currency + 1])

    return figures


def returns(fitted: Estimating, costs: Mapping[str, float], names: Sequence[str], currency: int) -> list[Return]:
    """One entry for each touchpoint with a cost, in the order of `names`."""
    if fitted.parameters.flywheel_number >= 1:
        return [Return(name, costs[name], None, None) for name in names if name in costs]
    values = fitted.estimates(indirect_figures(currency))
    return [
        Return(name, costs[name], roi(values[place], costs[name]), values[place])
        for place, name in enumerate(names)
        if name in costs
    ]


def roi(value: Estimate, cost: float) -> Estimate | None:
    """(value - cost) / cost, which is linear in the value, so that its interval is exact."""
    if cost <= 0:
        return None
    return Estimate(value.value / cost - 1, value.low / cost - 1, value.high / cost - 1, value.error / cost)
