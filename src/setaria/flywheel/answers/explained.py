"""The share of what was earned that earlier facts explain, to the cent; of every fact, and of the whole input.

m_i E[baseline_i / lambda_i | the household's whole history] was explained by nothing earlier; the rest by parents in
proportion to their part of the intensity, or by their first ancestors (Hawkes and Oakes 1974's branching, as its
posterior expectation: Zhuang, Ogata, Vere-Jones, JASA 97, 2002). In-sample: no fact after a household's end counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from setaria.flywheel.answers.shares import allocate
from setaria.flywheel.arrays import Floats, Whole
from setaria.flywheel.fit.fitted import Fitted
from setaria.flywheel.fit.flywheel import Expected
from setaria.flywheel.fit.marginal import Problem
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.histories.rows import RowsRead
from setaria.flywheel.kernels.credit import credit_pass
from setaria.flywheel.report.report import Explained

_AT_ONCE = 1 << 16  # facts whose weights are in memory


@dataclass(frozen=True, slots=True)
class Credit:
    """Whole minor units by currency, earner and who is credited. `parents` has one column more: nothing earlier."""

    parents: Whole  # currencies x D x (D + 1)
    roots: Whole  # currencies x D x D
    uncounted: Whole  # currencies x D: amounts of facts whose origin nobody asks for
    children: Floats  # D x (D + 1): expected facts, child by parent
    induced: Whole  # N: of each fact's amount, what earlier facts explain


def credit(problem: Problem, fitted: Fitted, expectations: Sequence[Expected]) -> Credit:
    first = problem.shards[0].histories
    types, currencies = first.types, len(first.currencies)
    parents = np.zeros((currencies, types, types + 1), dtype=np.int64)
    roots = np.zeros((currencies, types, types), dtype=np.int64)
    uncounted = np.zeros((currencies, types), dtype=np.int64)
    children = np.zeros((types, types + 1))
    induced = []
    model = problem.model(fitted.vector)
    for shard, expected in zip(problem.shards, expectations, strict=True):
        part = shard.histories
        by_parent, by_root = np.zeros((part.facts, types + 1)), np.zeros((part.facts, types))
        credit_pass(
            part.offsets,
            part.times,
            part.kinds,
            part.start,
            model.receiver,
            model.excitation,
            model.rates,
            model.jumps,
            expected.inverse,
            expected.own,
            by_parent,
            by_root,
        )
        counted = part.counted
        np.add.at(children, part.kinds[counted].astype(np.int64), by_parent[counted])
        mine = np.zeros(part.facts, dtype=np.int64)
        for c in range(currencies):
            earning = np.flatnonzero(counted & (part.currency == c) & (part.amounts != 0))
            for low in range(0, len(earning), _AT_ONCE):
                rows = earning[low : low + _AT_ONCE]
                given = allocate(by_parent[rows], part.amounts[rows], types)
                np.add.at(parents[c], part.kinds[rows].astype(np.int64), given)
                mine[rows] = part.amounts[rows] - given[:, types]
                np.add.at(roots[c], part.kinds[rows].astype(np.int64), allocate(by_root[rows], part.amounts[rows], 0))
            others = ~counted & (part.currency == c)
            np.add.at(uncounted[c], part.kinds[others].astype(np.int64), part.amounts[others])
        induced.append(mine)
    return Credit(parents, roots, uncounted, children, np.concatenate(induced))


def explained(histories: Histories, found: Credit, rows: RowsRead) -> list[Explained]:
    """One for each currency; the parts add up to what the input held."""
    names, sends = histories.names, ~histories.receivers
    made = []
    for c, code in enumerate(histories.currencies):
        table = found.parents[c]
        repeat = int(np.trace(table[:, :-1]))
        sent = int(table[:, :-1][:, sends].sum())
        outside = sum(each.bad + each.outside + each.refunds_alone for each in rows.amounts if each.currency == code)
        uncounted = int(found.uncounted[c].sum())
        made.append(
            Explained(
                currency=code,
                total=int(table.sum()) + uncounted + outside,
                own=int(table[:, -1].sum()),
                repeat=repeat,
                cross=int(table[:, :-1].sum()) - repeat - sent,
                sent=sent,
                uncounted=uncounted,
                outside=outside,
                parents=_named(table, (*names, ""), names),
                roots=_named(found.roots[c], names, names),
            )
        )
    return made


def _named(table: Whole, columns: Sequence[str], names: Sequence[str]) -> dict[str, dict[str, int]]:
    return {
        earner: {column: int(amount) for column, amount in zip(columns, row, strict=True) if amount}
        for earner, row in zip(names, table, strict=True)
        if row.any()
    }
