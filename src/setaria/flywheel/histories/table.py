"""Rows in one fixed form to Histories."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from setaria.facts.clock import DAY
from setaria.facts.refused import Refused
from setaria.flywheel.arrays import Flags, Floats, Texts, Whole
from setaria.flywheel.histories.baskets import Lines, merged, ordered
from setaria.flywheel.histories.histories import Grain, Histories, Touchpoint
from setaria.flywheel.histories.layout import MOST_TOUCHPOINTS, OTHER, Layout
from setaria.flywheel.histories.refunds import settle
from setaria.flywheel.histories.rows_in import RowsIn, Seen
from setaria.flywheel.histories.tally import CODES, Tally
from setaria.flywheel.histories.windows import UNSTATED, Stated, tick_of


@dataclass(frozen=True, slots=True)
class Frame:
    """What all shards of one input share."""

    touchpoints: tuple[Touchpoint, ...]
    place: dict[str, int]  # of a kind among the touchpoints; -1 for kinds of refunds alone
    currencies: tuple[str, ...]
    role_names: tuple[str, ...]
    grain: Grain
    offset: int  # microseconds to add to local times so that days begin at midnight
    start: int  # ticks, or UNSTATED
    end: int

    def days(self, ticks: Whole) -> Floats:
        return ticks.astype(np.float64) if self.grain == "day" else ticks / DAY

    def dates(self, *ticks: int) -> list[str]:
        dates: list[str] = self.days(np.array(ticks)).astype("datetime64[D]").astype(str).tolist()
        return dates


def frame_of(reader: RowsIn) -> Frame:
    """Raises Refused when the input as a whole cannot be used."""
    layout, seen, rows = reader.layout, reader.seen, reader.tally.rows
    if not seen.good:
        most = max(reader.tally.troubles, key=lambda name: reader.tally.troubles[name], default="nothing")
        raise Refused("flywheel_no_rows", read=rows.read, bad=rows.bad, trouble=most)
    place, touchpoints = _touchpoints(seen, layout)
    found, offset = seen.grain()
    grain = layout.grain or found
    offset = offset if found == "day" and grain == "day" else 0
    start, end = int(UNSTATED), seen.last_utc if grain == "exact" else (seen.last_local + offset) // DAY
    if layout.end is not None:
        end = tick_of(layout.end, layout.zone, grain, offset, end=True)
    if layout.start is not None:
        start = tick_of(layout.start, layout.zone, grain, offset, end=False)
    currencies = tuple(CODES[code] for code in sorted(seen.currencies))
    frame = Frame(touchpoints, place, currencies, tuple(sorted(seen.roles)), grain, offset, start, end)
    if layout.start is not None and end <= start:
        first, last = frame.dates(start, end)
        raise Refused("flywheel_period_contradicts", start=first, end=last)
    return frame


def _touchpoints(seen: Seen, layout: Layout) -> tuple[dict[str, int], tuple[Touchpoint, ...]]:
    unknown = [name for name in layout.sends if name not in seen.kinds]
    if unknown:
        raise Refused("flywheel_sends_unknown", name=unknown[0][:40], known=sorted(seen.kinds)[:20])
    rare = {name for name, count in seen.kinds.items() if count < layout.rare and name not in layout.sends}
    kept = sorted(seen.kinds.keys() - rare | ({OTHER} if rare else set()))
    if len(kept) > MOST_TOUCHPOINTS:
        raise Refused("flywheel_touchpoints_many", count=len(kept), most=MOST_TOUCHPOINTS, column=layout.kind)
    index = {name: place for place, name in enumerate(kept)}
    place = dict.fromkeys(seen.refund_kinds, -1) | index | dict.fromkeys(rare, index.get(OTHER, -1))
    return place, tuple(Touchpoint(name, name not in layout.sends) for name in kept)


def histories_of(rows: pa.Table, frame: Frame, stated: Stated, layout: Layout, tally: Tally) -> Histories:
    """Of the rows of whole households. `tally` is added to, not finished."""
    households, owner = _households(rows["household"], stated.households)
    start, end, covariates = _windows(households, frame, stated)
    lines, ids = _lines(rows, owner, frame)
    lines = _once(lines, tally)
    outside = lines.tick > end[lines.household]
    tally.rows.outside += int(outside.sum())
    tally.money("outside", lines.amount, lines.currency.astype(np.int8), outside)
    lines = lines.at(np.flatnonzero(~outside) if outside.any() else None)
    back = (lines.amount < 0) & (lines.currency >= 0)
    orders = lines.at(np.flatnonzero(~back) if back.any() else None)
    facts = merged(orders)
    tally.rows.merged += len(orders) - len(facts)
    tally.rows.facts += len(facts)
    if back.any():
        _refund(facts, lines.at(np.flatnonzero(back)), tally, ids, households)
    facts = facts.at(ordered(facts.household, facts.tick, facts.kind))
    tally.money("kept", facts.amount, facts.currency.astype(np.int8))
    offsets = np.searchsorted(facts.household, np.arange(len(households) + 1)).astype(np.int64)
    start = _started(start, end, offsets, facts, households, tally)
    index = np.full(len(CODES) + 1, -1, dtype=np.int8)
    index[[CODES.index(code) for code in frame.currencies]] = np.arange(len(frame.currencies))
    return Histories(
        touchpoints=frame.touchpoints,
        households=households,
        start=frame.days(start),
        end=frame.days(end),
        offsets=offsets,
        times=frame.days(facts.tick),
        kinds=facts.kind.astype(np.int16),
        amounts=facts.amount,
        currencies=frame.currencies,
        currency=index[facts.currency],
        grain=frame.grain,
        day_shift=frame.offset,
        covariates=covariates,
        covariate_names=stated.covariate_names,
        roles=facts.role.astype(np.int8) if frame.role_names else None,
        role_names=frame.role_names,
        references=None if ids is None else ids[facts.row],
        simulated=layout.simulated,
        name=layout.name,
    )


def _households(column: pa.ChunkedArray, more: Texts) -> tuple[Texts, Whole]:
    """All names in order, and each row's among them."""
    encoded = _encoded(column)
    codes = encoded.indices.to_numpy()
    used = encoded.dictionary.take(pa.array(np.flatnonzero(np.bincount(codes, minlength=1))))
    everyone = pc.unique(pa.concat_arrays([used, pa.array(more, pa.string())]))
    everyone = everyone.take(pc.sort_indices(everyone))
    place = pc.fill_null(pc.index_in(encoded.dictionary, everyone), -1).to_numpy().astype(np.int64)
    return everyone.to_numpy(zero_copy_only=False), place[codes]


def _windows(households: Texts, frame: Frame, stated: Stated) -> tuple[Whole, Whole, Floats]:
    start = np.full(len(households), frame.start)
    end = np.full(len(households), frame.end)
    covariates = np.tile(stated.unknown, (len(households), 1))
    if len(stated.households):
        where = pc.index_in(pa.array(stated.households, pa.string()), pa.array(households, pa.string())).to_numpy()
        start[where] = np.where(stated.start == UNSTATED, start[where], stated.start)
        end[where] = np.where(stated.end == UNSTATED, end[where], stated.end)
        covariates[where] = stated.covariates
    wrong = np.flatnonzero((start != UNSTATED) & (end <= start))
    if len(wrong):
        first, last = frame.dates(start[wrong[0]], end[wrong[0]])
        raise Refused("flywheel_window_contradicts", household=households[wrong[0]][:40], start=first, end=last)
    return start, end, covariates


def _lines(rows: pa.Table, owner: Whole, frame: Frame) -> tuple[Lines, Texts | None]:
    place = _codes(rows["kind"], frame.place)
    local = rows["local"].to_numpy()
    tick = rows["utc"].to_numpy() if frame.grain == "exact" else (local + frame.offset) // DAY
    nothing = np.broadcast_to(np.int64(-1), len(rows))
    role_places = {name: index for index, name in enumerate(frame.role_names)}
    role = _codes(rows["role"], role_places) if frame.role_names else nothing
    ids, row = None, nothing
    if "row" in rows.column_names:
        encoded = _encoded(rows["row"])
        ids = np.append(encoded.dictionary.to_numpy(zero_copy_only=False), "")
        row = encoded.indices.fill_null(-1).to_numpy().astype(np.int64)
    basket = nothing
    if "basket" in rows.column_names:
        basket = _encoded(rows["basket"]).indices.fill_null(-1).to_numpy().astype(np.int64)
    currency = rows["currency"].to_numpy().astype(np.int64)
    return Lines(owner, place, tick, basket, currency, rows["amount"].to_numpy(), role, row), ids


def _encoded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    whole = column.unify_dictionaries().combine_chunks()
    return whole if isinstance(whole, pa.Array) else pa.concat_arrays(whole.chunks)


def _codes(column: pa.ChunkedArray, places: dict[str, int]) -> Whole:
    encoded = _encoded(column)
    lookup = np.array([places.get(name, -1) for name in encoded.dictionary.to_pylist()] + [-1], dtype=np.int64)
    codes: Whole = lookup[encoded.indices.fill_null(-1).to_numpy()]
    return codes


def _once(lines: Lines, tally: Tally) -> Lines:
    """Without rows whose id the household has had already: what is told twice is read once, its amount too."""
    named = lines.row >= 0
    if not named.any():
        return lines
    where = np.flatnonzero(named)
    keys = lines.household[where] * (int(lines.row.max()) + 1) + lines.row[where]
    _, first = np.unique(keys, return_index=True)
    again = named.copy()
    again[where[first]] = False
    if not again.any():
        return lines
    tally.rows.doubled += int(again.sum())
    tally.money("read", -lines.amount, lines.currency.astype(np.int8), again)
    return lines.at(np.flatnonzero(~again))


def _refund(facts: Lines, refunds: Lines, tally: Tally, ids: Texts | None, households: Texts) -> None:
    """Lowers the amounts of `facts`: of the order that is named, else of the touchpoint's last orders before."""
    need = -refunds.amount
    baskets = int(max(facts.basket.max(initial=0), refunds.basket.max(initial=0))) + 1
    kinds = int(facts.kind.max(initial=0)) + 1

    def group(lines: Lines, part: Whole, parts: int, chosen: Flags) -> Whole:
        return np.where(chosen, (lines.household * parts + part) * len(CODES) + lines.currency, -1)

    for each, parts in (("basket", baskets), ("kind", kinds)):
        sides = [(lines, getattr(lines, each)) for lines in (facts, refunds)]
        groups = [group(lines, part, parts, (part >= 0) & (lines.currency >= 0)) for lines, part in sides]
        settle(facts.amount, groups[0], facts.tick, need, groups[1], refunds.tick)
    # A kind that only ever refunds ("return") may reverse an order of any touchpoint.
    groups = [group(facts, facts.kind * 0, 1, facts.currency >= 0), group(refunds, need * 0, 1, refunds.kind < 0)]
    settle(facts.amount, groups[0], facts.tick, need, groups[1], refunds.tick)
    alone, partly = need == -refunds.amount, (need > 0) & (need < -refunds.amount)
    tally.rows.refunds += int((~alone).sum())
    tally.money("refunds_alone", -need, refunds.currency.astype(np.int8))
    for name, chosen in (("refund_alone", alone), ("refund_partly", partly)):
        where = np.flatnonzero(chosen)
        listed = where[: max(0, tally.room(name))]
        places = [
            str(ids[refunds.row[i]]) if ids is not None else str(households[refunds.household[i]]) for i in listed
        ]
        tally.trouble(name, len(where), ((place, str(-int(need[i]))) for place, i in zip(places, listed, strict=True)))


def _started(start: Whole, end: Whole, offsets: Whole, facts: Lines, households: Texts, tally: Tally) -> Whole:
    """With each one's first fact where nothing is stated; households without any time are listed."""
    some = offsets[:-1] < offsets[1:]
    first = np.where(some, facts.tick[np.minimum(offsets[:-1], max(0, len(facts) - 1))], end) if len(facts) else end
    start = np.where(start == UNSTATED, np.minimum(first, end), start)
    empty = np.flatnonzero(end <= start)
    listed = empty[: max(0, tally.room("window_empty"))]
    tally.trouble("window_empty", len(empty), ((str(households[each]), "") for each in listed))
    return start
