"""Figures into the report's entries: values, leads, loops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Final

import numpy as np

from setaria.flywheel.answers import costs as costing
from setaria.flywheel.answers.attribution import main_currency
from setaria.flywheel.answers.explained import Credit
from setaria.flywheel.answers.horizon import HORIZONS, within
from setaria.flywheel.answers.loops import components, cycles, flywheel_number, strengths
from setaria.flywheel.answers.saturation import marginal_roi
from setaria.flywheel.answers.value import indirect, value
from setaria.flywheel.arrays import Flags, Floats
from setaria.flywheel.fit.fitted import Fitted
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.parameters import Estimate, Parameters
from setaria.flywheel.report.report import Lead, Loop, Value

_LEADS: Final = 60


def values(
    histories: Histories,
    fitted: Fitted,
    credit: Credit,
    costs: Mapping[str, float],
    elasticity: Mapping[str, Estimate],
) -> dict[str, list[Value]]:
    """Touchpoints by what one more fact of each brings beyond itself, in every currency; the costed first by return."""
    types, codes = histories.types, histories.currencies
    finite = dies_out(fitted)
    whole = fitted.estimates(value) if finite else []
    beyond = fitted.estimates(indirect, floor=0.0) if finite else []
    soon = {days: fitted.estimates(within(days)) for days in HORIZONS}
    counts = np.bincount(histories.kinds, minlength=types)
    made: dict[str, list[Value]] = {}
    for c, code in enumerate(codes):
        own = np.bincount(histories.kinds[histories.currency == c], minlength=types)
        returns = (
            {each.touchpoint: each for each in costing.returns(fitted, costs, histories.names, c)}
            if c == main_currency(histories)
            else {}
        )
        listed = []
        for d, touchpoint in enumerate(histories.touchpoints):
            at = c * types + d
            back = returns.get(touchpoint.name)
            listed.append(
                Value(
                    touchpoint=touchpoint.name,
                    receives=touchpoint.receives,
                    count=int(counts[d]),
                    total=int(histories.amounts[(histories.kinds == d) & (histories.currency == c)].sum())
                    if own[d]
                    else 0,
                    mean=float(fitted.mean_amounts[c, d]),
                    value=whole[at] if finite else None,
                    indirect=beyond[at] if finite else None,
                    within={days: figures[at] for days, figures in soon.items()},
                    cost=costs.get(touchpoint.name) if back else None,
                    roi=back.roi if back else None,
                    marginal_roi=marginal_roi(beyond[at], elasticity[touchpoint.name], back.cost)
                    if finite and back and touchpoint.name in elasticity
                    else None,
                    explained=int(credit.parents[c, :, d].sum()),
                    rooted=int(credit.roots[c, :, d].sum()),
                )
            )
        made[code] = sorted(listed, key=lambda each: -(each.indirect or each.within[365]).value)
    return made


def dies_out(fitted: Fitted) -> bool:
    """Whether the loops surely die out: the flywheel number's upper bound is below 1."""
    number = number_of(fitted)
    return fitted.parameters.flywheel_number < 1 and not number.high >= 1


def number_of(fitted: Fitted, loops: Sequence[Loop] | None = None) -> Estimate:
    """The flywheel number; an upper limit where `loops` are given and none is sure."""
    found = fitted.estimates(flywheel_number, floor=0.0)[0]
    if loops is None or any(each.sure for each in loops):
        return found
    return Estimate(found.value, 0.0, found.high, found.error)


def leads(histories: Histories, fitted: Fitted, credit: Credit) -> list[Lead]:
    """The strongest links; delays are means over the decays that carry them."""
    types, names = histories.types, histories.names
    excitation = fitted.parameters.excitation
    found = fitted.estimates(_branching, floor=0.0)
    delays = excitation @ (1.0 / fitted.parameters.decays)
    main = main_currency(histories)
    made = []
    for d in np.flatnonzero(histories.receivers):
        for s in range(types):
            estimate = found[d * types + s]
            if estimate.value <= 1e-6:
                continue
            amount = int(credit.parents[main, d, s]) if histories.currencies else 0
            days = float(delays[d, s] / excitation[d, s].sum())
            facts = round(float(credit.children[d, s]))
            made.append(Lead(names[s], names[d], estimate, days, estimate.low > 0, facts, amount))
    return sorted(made, key=lambda each: (not each.sure, -each.facts, each.source, each.target))[:_LEADS]


def _branching(parameters: Parameters, mean_amounts: Floats) -> Floats:
    return parameters.branching.reshape(-1)


def sure_links(histories: Histories, fitted: Fitted) -> Flags:
    """D x D, child by parent: links above 0 at 95 % for all of them together (Bonferroni).

    Only these can make a loop sure. The radius of a branching matrix that holds noise alone is not 0 and has no valid
    interval by derivatives, so a loop is not judged by its strength.
    """
    types = histories.types
    center, errors = fitted.one_step(_branching)
    tested = max(int(histories.receivers.sum()) * types, 1)
    level = NormalDist().inv_cdf(1 - 0.05 / tested)
    links: Flags = (center - level * errors > 0).reshape(types, types)
    return links


def _sure(links: Flags, members: Sequence[int]) -> bool:
    """Whether sure links lead round among the members: some power of their matrix comes back."""
    inside = links[np.ix_(members, members)].astype(np.float64)
    return bool(np.abs(np.linalg.eigvals(inside)).max(initial=0.0) > 0.5)


def loops(histories: Histories, fitted: Fitted) -> list[Loop]:
    round_trips = (ring for ring in cycles(fitted.parameters, most=6) if len(ring.members) > 1)
    rings = [*components(fitted.parameters), *round_trips]
    if not rings:
        return []
    estimates = fitted.estimates(strengths(rings), floor=0.0)
    names, links = histories.names, sure_links(histories, fitted)
    made = []
    for ring, estimate in zip(rings, estimates, strict=True):
        sure = _sure(links, ring.members)
        low = estimate.low if sure else 0.0
        made.append(
            Loop([names[m] for m in ring.members], Estimate(estimate.value, low, estimate.high, estimate.error), sure)
        )
    return made


def weeks(histories: Histories, currency: int) -> list[tuple[float, dict[str, int]]]:
    """Amounts of each week by touchpoint, Mondays first; every amount of the histories is in one of them."""
    chosen = (histories.currency == currency) & (histories.amounts != 0)
    week = np.floor((histories.times[chosen] - 4) / 7).astype(np.int64)  # 1970-01-05 was a Monday
    made = []
    kinds, amounts = histories.kinds[chosen], histories.amounts[chosen]
    for each in np.unique(week):
        here = week == each
        made.append(
            (
                float(each * 7 + 4),
                {histories.names[d]: int(amounts[here & (kinds == d)].sum()) for d in np.unique(kinds[here])},
            )
        )
    return made
