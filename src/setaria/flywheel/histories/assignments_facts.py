"""Facts of the log to assignments by lot, by a declared table: which kinds say who got what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
import pyarrow as pa

from setaria.facts.fact import Fact
from setaria.facts.ids import id_text
from setaria.facts.kinds import label_of, split_label
from setaria.flywheel.histories.assignments import Assignments
from setaria.flywheel.histories.assignments_in import AssignmentsIn
from setaria.flywheel.histories.facts import reader_of
from setaria.flywheel.histories.histories import Grain

BLOCK: Final = 50_000


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """One row: facts of `kind` are assignments. Names of fields are of the fact's body.

    `named`: the experiment's name, where no field says it. `household`: the field, where the envelope names none.
    """

    kind: str
    experiment: str = "experiment"
    named: str = ""
    arm: str = "arm"
    probability: str = "probability"  # of the arm that was drawn
    stratum: str = "stratum"
    household: str = ""


# Later kinds of other rooms (draws, beta seats, rings) are rows more, here or given by the caller.
ASSIGNED: Final = (Drawn(kind="experiment.assigned"),)
_TYPES: Final[dict[str, Any]] = {"time": pa.timestamp("us", "UTC"), "probability": pa.float64()}
_COLUMNS: Final = ("experiment", "household", "arm", "time", "probability", "stratum")


def assignments_from_facts(
    facts: Iterable[Fact],
    table: Sequence[Drawn] = ASSIGNED,
    *,
    zone: str = "UTC",
    grain: Grain = "exact",
    now: int | None = None,
    merge: Mapping[str, str] | None = None,
) -> Assignments:
    """None where no fact is one. A fact that says none rightly is counted and listed by its id, as a bad row of a file
    is; nobody can correct a log, so nothing is refused."""
    by_kind = {row.kind: row for row in table}
    reader = AssignmentsIn(zone, grain, now, "", merge or {}, strict=False)
    rows: list[tuple[Any, ...]] = []
    places: list[str] = []
    for fact in facts:
        row = by_kind.get(split_label(label_of(fact.body))[0])
        if row is None:
            continue
        rows.append(_row(fact, row))
        places.append(id_text(fact.id))
        if len(rows) >= BLOCK:
            reader.take(_block(rows), places)
            rows, places = [], []
    if rows:
        reader.take(_block(rows), places)
    return reader.finish(some=False)


def set_aside(facts: Iterable[Fact], kept: list[Fact], table: Sequence[Drawn] = ASSIGNED) -> Iterator[Fact]:
    """All facts as they come; those that are assignments are also put into `kept`: one reading serves both."""
    kinds = {row.kind for row in table}
    for fact in facts:
        if split_label(label_of(fact.body))[0] in kinds:
            kept.append(fact)
        yield fact


def _row(fact: Fact, row: Drawn) -> tuple[Any, ...]:
    get = reader_of(fact)
    household = fact.household or (get(row.household) if row.household else None)
    chance = get(row.probability)
    if chance is not None:
        # What is no number is no probability: 0 is listed as a wrong one.
        chance = float(chance) if isinstance(chance, int | float) and not isinstance(chance, bool) else 0.0
    named = row.named or _text(get(row.experiment))
    return named, _text(household), _text(get(row.arm)), fact.time, chance, _text(get(row.stratum))


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _block(rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    columns = zip(*rows, strict=True)
    return pa.table(
        {
            name: pa.array(list(column), _TYPES.get(name, pa.string()))
            for name, column in zip(_COLUMNS, columns, strict=True)
        }
    )
