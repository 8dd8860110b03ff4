"""What became of a world, and what each touchpoint truly brought."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
import numpy as np

from setaria.flywheel.arrays import Flags, Floats
from setaria.flywheel.simulate.world.kinds import TABLE, K, Leg
from setaria.flywheel.simulate.world.parameters import WorldParameters
from setaria.flywheel.simulate.world.people import EARLY
from setaria.flywheel.simulate.world.products import PHONE
from setaria.flywheel.simulate.world.run import Run, simulate


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one run; money in fen, over the whole run. Phones are things here. Service revenue includes advertising."""

    households: int
    revenue: dict[Leg, int]
    gross_profit: int  # cost of sales, repairs, gatherings, plans and advertising taken off; no rent, no salaries
    early_profit: int  # of it, until 90 days after a household's first purchase, and from those who never bought
    customers: int  # households that bought a product
    things: int  # working, of households still here
    five: int  # households still here with five working things and more, phones left out
    owners: int  # households still here with a working thing
    gone: int
    without_phone: int  # households still here with other things of the brand and without its phone

    @property
    def total(self) -> int:
        return sum(self.revenue.values())

    @property
    def later_share(self) -> float:
        return 1 - self.early_profit / self.gross_profit if self.gross_profit else float("nan")


def outcome(run: Run) -> Outcome:
    columns, end, brand = run.columns, run.end, run.parameters.brand
    leg = np.array([int(TABLE[kind].leg) for kind in K])[columns.kind]
    earned = {each: int(columns.amount[leg == each].sum()) for each in Leg if each}
    early_days, later_days = int(end.advertised.sum()), int(end.advertised_later.sum())
    earned[Leg.SERVICES] += (early_days + later_days) * brand.advertising
    profit = columns.amount - columns.cost
    first = end.first[columns.household]
    early = (first < 0) | (columns.day - first < EARLY)
    kept = brand.advertising * (1 - brand.service_cost)
    here = end.gone < 0
    others = end.own.sum(axis=0) - end.own[PHONE]
    return Outcome(
        households=run.parameters.households,
        revenue=earned,
        gross_profit=int(profit.sum()) + round(kept * (early_days + later_days)),
        early_profit=int(profit[early].sum()) + round(kept * early_days),
        customers=int((end.first >= 0).sum()),
        things=int(end.own[:, here].sum()),
        five=int((here & (others >= 5)).sum()),
        owners=int((here & (end.own > 0).any(axis=0)).sum()),
        gone=int((~here).sum()),
        without_phone=int((here & (others > 0) & (end.own[PHONE] == 0)).sum()),
    )


class Removal(msgspec.Struct, frozen=True):
    """Share of what households pay that is lost when a touchpoint does not exist; `error` over seeds, NaN with one."""

    touchpoint: str
    share: float
    error: float
    own: float  # share of what households pay that its own facts carry; the rest of `share` is what it leads to
    facts: float  # of it per household, where it exists


def without(parameters: WorldParameters, touchpoint: str) -> WorldParameters:
    return msgspec.structs.replace(parameters, without=parameters.without | {touchpoint})


def true_removal_effects(
    parameters: WorldParameters, touchpoints: Iterable[str] | None = None, seeds: Iterable[int] = (1,)
) -> list[Removal]:
    """Paired runs that share their luck, greatest loss first. Without a visit there is no demo either; and so on:
    what is removed takes with it all that can only follow it."""
    bases = [simulate(parameters, seed) for seed in seeds]
    names = [each.name for each in bases[0].touchpoints()[0]] if touchpoints is None else list(touchpoints)
    found = [_removal(bases, name) for name in names]
    return sorted(found, key=lambda each: -each.share)


def _removal(bases: list[Run], name: str) -> Removal:
    lost: Floats = np.array(
        [1 - simulate(without(base.parameters, name), base.seed).revenue / base.revenue for base in bases]
    )
    counted = sum(int(_of(base, name).sum()) for base in bases) / sum(base.parameters.households for base in bases)
    own = sum(int(base.columns.amount[_of(base, name)].sum()) for base in bases) / sum(base.revenue for base in bases)
    error = float(lost.std(ddof=1) / len(lost) ** 0.5) if len(lost) > 1 else float("nan")
    return Removal(name, float(lost.mean()), error, own, counted)


def _of(run: Run, name: str) -> Flags:
    """Which facts are of a touchpoint."""
    touchpoints, codes = run.touchpoints()
    names = [each.name for each in touchpoints]
    flags: Flags = codes == (names.index(name) if name in names else len(names))
    return flags
