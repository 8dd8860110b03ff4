"""The share of what was earned that earlier facts explain, to the cent; of every fact, and of the whole input.

m_i E[baseline_i / lambda_i | the household's whole history] was explained by nothing earlier; the rest by parents in
proportion to their part of the intensity, or by their first ancestors (Hawkes and Oakes 1974's branching, as its
posterior expectation: Zhuang, Ogata, Vere-Jones, JASA 97, 2002). In-sample: no fact after a household's end counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from setaria.flywheel.answers.shares import allocate
from setaria.flywheel.arrays import Flags, Floats, Whole
from setaria.flywheel.fit.fitted import Fitted
from setaria.flywheel.fit.flywheel import Expected
from setaria.flywheel.fit.marginal import Problem
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.histories.rows import RowsRead
from setaria.flywheel.kernels.credit import credit_pass
from setaria.flywheel.kernels.latent_data import Model
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
    # By the role of the fact's and of the parent's actor, each with one more at its end for none known; as above there
    # is a last column for nothing earlier.
    by_role: Whole  # currencies x (R + 1) x (R + 2)
    children_by_role: Floats  # (R + 1) x (R + 2)


def credit(problem: Problem, fitted: Fitted, expectations: Sequence[Expected]) -> Credit:
    first = problem.shards[0].histories
    types, roles, currencies = first.types, len(first.role_names) + 1, len(first.currencies)
    made = Credit(
        np.zeros((currencies, types, types + 1), dtype=np.int64),
        np.zeros((currencies, types, types), dtype=np.int64),
        np.zeros((currencies, types), dtype=np.int64),
        np.zeros((types, types + 1)),
        np.zeros(sum(shard.histories.facts for shard in problem.shards), dtype=np.int64),
        np.zeros((currencies, roles, roles + 1), dtype=np.int64),
        np.zeros((roles, roles + 1)),
    )
    model, low = problem.model(fitted.vector), 0
    for shard, posterior in zip(problem.shards, expectations, strict=True):
        part = shard.histories
        _add(made, part, model, posterior, made.induced[low : low + part.facts])
        low += part.facts
    return made


def _add(made: Credit, part: Histories, model: Model, posterior: Expected, induced: Whole) -> None:
    types, kinds, counted = part.types, part.kinds.astype(np.int64), part.counted
    by_parent = _weights(part, model, posterior, kinds, types)
    np.add.at(made.children, kinds[counted], by_parent[counted])
    for c, rows in _earning(part, counted):
        given = allocate(by_parent[rows], part.amounts[rows], types)
        np.add.at(made.parents[c], kinds[rows], given)
        induced[rows] = part.amounts[rows] - given[:, types]
    by_root = _weights(part, model, posterior, kinds, types, lineage=True)
    for c, rows in _earning(part, counted):
        np.add.at(made.roots[c], kinds[rows], allocate(by_root[rows, :types], part.amounts[rows], 0))
    if part.roles is not None:
        unknown = len(part.role_names)
        roles = np.where(part.roles < 0, unknown, part.roles).astype(np.int64)
        by_role = _weights(part, model, posterior, roles, unknown + 1)
        np.add.at(made.children_by_role, roles[counted], by_role[counted])
        for c, rows in _earning(part, counted):
            # What nothing earlier explains is what it is by touchpoint, to the last unit.
            given = allocate(by_role[rows, :-1], induced[rows], unknown)
            own = part.amounts[rows] - induced[rows]
            np.add.at(made.by_role[c], roles[rows], np.column_stack([given, own]))
    for c in range(len(part.currencies)):
        others = ~counted & (part.currency == c)
        np.add.at(made.uncounted[c], kinds[others], part.amounts[others])


def _weights(
    part: Histories, model: Model, posterior: Expected, groups: Whole, many: int, *, lineage: bool = False
) -> Floats:
    """N x (many + 1), as `credit_pass` fills them."""
    credited = np.zeros((part.facts, many + 1))
    credit_pass(
        part.offsets,
        part.times,
        part.kinds,
        part.start,
        model.receiver,
        model.excitation,
        model.rates,
        model.jumps,
        posterior.inverse,
        posterior.own,
        groups,
        lineage,
        credited,
    )
    return credited


def _earning(part: Histories, counted: Flags) -> Iterator[tuple[int, Whole]]:
    """A currency and some of the counted facts that bear an amount in it, until all were had."""
    for c in range(len(part.currencies)):
        earning = np.flatnonzero(counted & (part.currency == c) & (part.amounts != 0))
        for low in range(0, len(earning), _AT_ONCE):
            yield c, earning[low : low + _AT_ONCE]


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
