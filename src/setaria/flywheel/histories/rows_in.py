"""Blocks of an input to rows in one fixed form; bad rows stay behind, counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from setaria.facts.clock import DAY, MINUTE, SystemClock
from setaria.facts.refused import Refused
from setaria.flywheel.arrays import Bytes, Flags, Whole
from setaria.flywheel.histories import amounts as money
from setaria.flywheel.histories.histories import Grain
from setaria.flywheel.histories.layout import REQUIRED, Layout
from setaria.flywheel.histories.tally import CODES, Tally
from setaria.flywheel.histories.texts import names
from setaria.flywheel.histories.times import MISSING, UNREADABLE, Moments, Times
from setaria.money import EXPONENTS

MOST_KINDS: Final = 10_000  # names of touchpoints that are counted before rare ones are gathered
MOST_ROLES: Final = 100
ENOUGH: Final = 20  # rows at one same hour other than midnight, before it is taken for midnight elsewhere
DECIMALS: Final = np.array([EXPONENTS[code] for code in CODES], dtype=np.int64)

# In order: of a row with several, the first is told.
TROUBLES: Final = (
    "",
    "household_missing",
    "kind_missing",
    "time_missing",
    "time_unreadable",
    "time_before_1970",
    "time_future",
    "currency_unknown",
    "amount_unreadable",
    "amount_too_fine",
    "amount_too_large",
)
_CODE: Final = {name: code for code, name in enumerate(TROUBLES)}
_COLUMN: Final = {"household": "household", "kind": "kind", "time": "time", "currency": "currency", "amount": "amount"}
_OF_AMOUNT: Final = np.array([0, *(_CODE[f"amount_{each}"] for each in ("unreadable", "too_fine", "too_large"))])


@dataclass(slots=True)
class Seen:
    """What only the whole input knows, gathered block by block."""

    kinds: dict[str, int] = field(default_factory=dict)  # rows that are no refunds
    refund_kinds: dict[str, int] = field(default_factory=dict)
    roles: dict[str, int] = field(default_factory=dict)
    currencies: set[int] = field(default_factory=set)
    good: int = 0
    unlisted: bool = False  # a household that the table of households does not have
    first_local: int = 2**62
    last_local: int = -(2**62)
    last_utc: int = -(2**62)
    earliest_hour: int = DAY  # microseconds since local midnight
    latest_hour: int = -1

    def grain(self) -> tuple[Grain, int]:
        """And the microseconds to add to local times so that days begin at midnight."""
        hour = self.earliest_hour
        if hour != self.latest_hour or not self.good:
            return "exact", 0
        if hour == 0:
            return "day", 0
        spread = self.last_local - self.first_local >= DAY and self.good >= ENOUGH
        if spread and hour % (15 * MINUTE) == 0:
            return "day", DAY - hour if 2 * hour > DAY else -hour
        return "exact", 0


class RowsIn:
    """Takes blocks of the columns of a Layout, each renamed to what it is."""

    def __init__(self, layout: Layout, tally: Tally, listed: pa.Array | None = None) -> None:
        """`listed`: the names in the table of households, where there is one."""
        self.layout = layout
        self._listed = listed
        self.tally = tally
        self.seen = Seen()
        self.times = Times(layout.zone)
        self._latest = (SystemClock().now() if layout.now is None else layout.now) + DAY
        self._merge = resolved(layout.merge)

    def take(self, block: pa.Table, places: Whole) -> pa.Table:
        """The good rows: place, household, utc, local, kind, amount, currency, and basket, role, row where named."""
        columns = {name: _whole(block[name]) for name in block.column_names}
        household = self._merged(names(columns["household"], self.layout.household))
        kind = self._kinds(columns, len(block))
        when = self.times.read(columns["time"])
        amount, currency, wrong = self._amounts(columns, len(block))
        trouble = self._troubles(household, kind, when, wrong)
        good = trouble == 0
        self.tally.rows.read += len(block)
        self.tally.money("read", amount, currency)
        self._bad(columns, trouble, places, amount, currency)
        rows = pa.table(
            {
                "place": places,
                "household": household,
                "utc": when.utc,
                "local": when.local,
                "kind": kind,
                "amount": amount,
                "currency": currency,
                **{
                    what: names(columns[what], getattr(self.layout, what))
                    for what in ("basket", "role", "row")
                    if what in columns
                },
            }
        )
        rows = rows if good.all() else rows.filter(pa.array(good))
        self._look(rows)
        return rows

    def _merged(self, household: pa.DictionaryArray) -> pa.DictionaryArray:
        if not self._merge:
            return household
        prospects = pa.array(self._merge.keys(), pa.string())
        became = pa.array(self._merge.values(), pa.string())
        now = became.take(pc.index_in(household.dictionary, prospects))
        return pc.dictionary_encode(pc.coalesce(now, household.dictionary).take(household.indices))

    def _kinds(self, columns: Mapping[str, pa.Array], rows: int) -> pa.DictionaryArray:
        if not self.layout.touchpoint:
            return names(columns["kind"], self.layout.kind)
        only = pa.array([self.layout.touchpoint])
        return pa.DictionaryArray.from_arrays(np.zeros(rows, dtype=np.int32), only)

    def _amounts(self, columns: Mapping[str, pa.Array], rows: int) -> tuple[Whole, Bytes, Whole]:
        """Minor units, places in CODES, troubles."""
        nothing = np.full(rows, -1, dtype=np.int8)
        if "amount" not in columns:
            return np.zeros(rows, dtype=np.int64), nothing, np.zeros(rows, dtype=np.int64)
        currency = np.full(rows, CODES.index(self.layout.money), dtype=np.int64)
        if "currency" in columns:
            stated = names(columns["currency"], self.layout.currency)
            found = pc.fill_null(pc.index_in(pc.utf8_upper(stated.dictionary), pa.array(CODES)), -1).take(
                stated.indices
            )
            currency = pc.fill_null(found, CODES.index(self.layout.money)).to_numpy().astype(np.int64)
        known = currency >= 0
        decimals = np.where(known, DECIMALS[currency], 0) * (not self.layout.minor)
        read = money.minor_units(columns["amount"], decimals)
        wrong = np.where(read.present & ~known, _CODE["currency_unknown"], _OF_AMOUNT[read.wrong])
        readable = read.present & (wrong == 0)
        return np.where(readable, read.amounts, 0), np.where(readable, currency, nothing).astype(np.int8), wrong

    def _troubles(self, household: pa.Array, kind: pa.Array, when: Moments, wrong: Whole) -> Whole:
        return np.select(
            [
                ~household.is_valid().to_numpy(zero_copy_only=False),
                ~kind.is_valid().to_numpy(zero_copy_only=False),
                when.utc == MISSING,
                when.utc == UNREADABLE,
                (when.local < 0) | (when.utc < 0),
                when.utc > self._latest,
            ],
            list(range(1, 7)),
            wrong,
        )

    def _bad(self, columns: Mapping[str, pa.Array], trouble: Whole, places: Whole, amount: Whole, code: Bytes) -> None:
        bad = trouble > 0
        if not bad.any():
            return
        self.tally.rows.bad += int(bad.sum())
        self.tally.money("bad", amount, code, bad)
        for each in np.unique(trouble[bad]):
            name = TROUBLES[each]
            where = np.flatnonzero(trouble == each)
            listed = where[: max(0, self.tally.room(name))]
            column = columns.get(_COLUMN[name.split("_")[0]])
            shown = [""] * len(listed) if column is None else column.take(pa.array(listed)).to_pylist()
            texts = ["" if value is None else str(value) for value in shown]
            self.tally.trouble(name, len(where), zip(map(str, places[listed]), texts, strict=True))

    def _look(self, rows: pa.Table) -> None:
        seen = self.seen
        if not len(rows):
            return
        utc, local, amount = (rows[name].to_numpy() for name in ("utc", "local", "amount"))
        if self._listed is not None and not seen.unlisted:
            here = _whole(rows["household"]).dictionary.drop_null()
            seen.unlisted = not pc.all(pc.is_in(here, self._listed), min_count=0).as_py()
        _count(rows["kind"], amount >= 0, seen.kinds)
        if (amount < 0).any():
            _count(rows["kind"], amount < 0, seen.refund_kinds)
        if "role" in rows.column_names:
            _count(rows["role"], np.ones(len(rows), dtype=np.bool_), seen.roles)
            if len(seen.roles) > MOST_ROLES:
                raise Refused("flywheel_roles_many", count=len(seen.roles), most=MOST_ROLES, column=self.layout.role)
        if len(seen.kinds) > MOST_KINDS:
            raise Refused("flywheel_touchpoints_many", count=len(seen.kinds), most=MOST_KINDS, column=self.layout.kind)
        held = np.bincount(rows["currency"].to_numpy() + np.int64(1), minlength=1)
        seen.currencies.update(int(each) - 1 for each in np.flatnonzero(held) if each)
        seen.good += len(rows)
        hours = local % DAY
        seen.earliest_hour = min(seen.earliest_hour, int(hours.min()))
        seen.latest_hour = max(seen.latest_hour, int(hours.max()))
        seen.first_local = min(seen.first_local, int(local.min()))
        seen.last_local = max(seen.last_local, int(local.max()))
        seen.last_utc = max(seen.last_utc, int(utc.max()))


def _whole(column: pa.ChunkedArray) -> pa.Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    combined = column.combine_chunks()
    return combined if isinstance(combined, pa.Array) else pa.concat_arrays(combined.chunks)


def _count(column: pa.ChunkedArray, chosen: Flags, counts: dict[str, int]) -> None:
    encoded = _whole(column)
    codes = encoded.indices.fill_null(len(encoded.dictionary)).to_numpy()[chosen]
    found = np.bincount(codes, minlength=len(encoded.dictionary) + 1)
    for each in np.flatnonzero(found[:-1]):
        name = encoded.dictionary[each].as_py()
        counts[name] = counts.get(name, 0) + int(found[each])


def resolved(merge: Mapping[str, str]) -> dict[str, str]:
    """Each prospect -> its household, through whoever it was in between. Raises Refused("flywheel_merge_circle")."""
    found: dict[str, str] = {}
    for prospect in merge:
        passed = [prospect]
        while passed[-1] in merge and passed[-1] not in found:
            following = merge[passed[-1]]
            if following in passed:
                raise Refused("flywheel_merge_circle", prospect=str(prospect)[:40])
            passed.append(following)
        end = found.get(passed[-1], passed[-1])
        found.update(dict.fromkeys(passed[:-1], end))
    return found


def check_columns(layout: Layout, present: list[str]) -> None:
    """Raises Refused("flywheel_column_missing") or ("flywheel_column_twice")."""
    for what, name in layout.columns.items():
        if name not in present:
            raise Refused("flywheel_column_missing", column=name[:40], what=what, columns=present[:20])
        if present.count(name) > 1:
            raise Refused("flywheel_column_twice", column=name[:40])
    for what in REQUIRED:
        if what not in layout.columns and not (what == "kind" and layout.touchpoint):
            raise Refused("flywheel_column_missing", column="", what=what, columns=present[:20])
