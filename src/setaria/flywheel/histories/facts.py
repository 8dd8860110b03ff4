"""Facts of the log to Histories, by a declared table: which kinds are touchpoints, and of what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Unpack

import msgspec
import numpy as np
import pyarrow as pa

from setaria.facts.fact import Fact
from setaria.facts.ids import id_text
from setaria.facts.kinds import Unknown, label_of, split_label
from setaria.facts.refused import Refused
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.histories.layout import How, Layout
from setaria.flywheel.histories.readers import Block, made
from setaria.flywheel.histories.tally import Tally

BLOCK: Final = 50_000
PEOPLE: Final = ("owner", "adult", "child", "elder", "guest")


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One row: facts of `kind` are touchpoint `touchpoint`. Names of fields are of the fact's body.

    `mark`: the field that says of what (a product): each of its values is a touchpoint of its own, "touchpoint:value".
    `where`: only facts whose fields have these values. `roles`: only facts of actors in one of them.
    `household`: the field with the household or prospect, where the fact's envelope names none.
    `money`: whether the fact's amount is money; `currency`: the field that says in what.
    """

    kind: str
    touchpoint: str
    receives: bool = True
    mark: str = ""
    where: Mapping[str, str] = {}
    roles: tuple[str, ...] = ()
    household: str = ""
    money: bool = False
    currency: str = ""


class Merging(msgspec.Struct, frozen=True):
    """A kind of fact by which a prospect becomes (part of) a household."""

    kind: str
    prospect: str
    household: str = ""  # the field; empty: the envelope's


# What a home writes today. Later kinds of other rooms are rows more, here or given by the caller.
HOME: Final = (
    Told(kind="home.thing_added", touchpoint="thing_added", mark="model"),
    Told(kind="home.thing_replaced", touchpoint="thing_replaced", mark="model"),
    Told(kind="home.thing_removed", touchpoint="thing_removed"),
    Told(kind="home.linkage_saved", touchpoint="linkage_made"),
    Told(kind="home.run_ended", touchpoint="linkage_run", where={"outcome": "done"}),
    Told(kind="home.scene_set", touchpoint="scene_set", roles=PEOPLE),
    Told(kind="home.command_given", touchpoint="thing_used", roles=PEOPLE),
    Told(kind="home.member_invited", touchpoint="member_invited"),
    Told(kind="home.invitation_used", touchpoint="member_joined"),
    Told(kind="home.version_changed", touchpoint="release", receives=False, where={"how": "upgrade"}),
)


def from_facts(facts: Iterable[Fact], table: Sequence[Told] = HOME, **how: Unpack[How]) -> Histories:
    """`how`: the rules of a Layout; its columns are given. Facts of other kinds are counted as such. Raises Refused."""
    by_kind: dict[str, list[Told]] = {}
    for row in table:
        by_kind.setdefault(row.kind, []).append(row)
    sent: dict[str, bool] = {}
    other = [0]
    blocks = list(_blocks(facts, by_kind, sent, other))
    columns = {"household": "household", "time": "time", "kind": "kind", "role": "role", "row": "row"}
    money = {"amount": "amount", "currency": "currency", "minor": True} if any(row.money for row in table) else {}
    sends = tuple(sorted({name for name, yes in sent.items() if yes} | set(how.get("sends", ()))))
    layout = Layout(**{**how, **columns, **money, "sends": sends})  # type: ignore[arg-type]
    tally = Tally()
    named = ((pa.table({what: block[name] for what, name in layout.columns.items()}), at) for block, at in blocks)
    tally.understood("facts", kinds=sorted(by_kind), other=other[0])
    return made(named, layout, tally)


def merges(facts: Iterable[Fact], table: Sequence[Merging]) -> dict[str, str]:
    """The `merge` of a Layout: prospect -> household, the last fact of each prospect counts."""
    by_kind = {row.kind: row for row in table}
    found: dict[str, str] = {}
    for fact in facts:
        row = by_kind.get(split_label(label_of(fact.body))[0])
        if row is not None:
            get = reader_of(fact)
            prospect = get(row.prospect)
            household = get(row.household) if row.household else fact.household
            if prospect and household and prospect != household:
                found[str(prospect)] = str(household)
    return found


def _blocks(
    facts: Iterable[Fact], by_kind: Mapping[str, list[Told]], sent: dict[str, bool], other: list[int]
) -> Iterator[Block]:
    names = ("household", "time", "kind", "amount", "currency", "role", "row")
    columns: dict[str, list[Any]] = {name: [] for name in names}
    at = 0

    def block() -> Block:
        types = {"time": pa.timestamp("us", "UTC"), "amount": pa.int64()}
        table = pa.table({name: pa.array(columns[name], types.get(name, pa.string())) for name in names})
        return table, np.arange(at - len(table) + 1, at + 1)

    for fact in facts:
        rows = by_kind.get(split_label(label_of(fact.body))[0])
        told = None if rows is None else next((row for row in rows if _is(fact, row)), None)
        if told is None:
            other[0] += 1
            continue
        at += 1
        for name, value in zip(names, _row(fact, told, sent), strict=True):
            columns[name].append(value)
        if len(columns["time"]) >= BLOCK:
            yield block()
            columns = {name: [] for name in names}
    yield block()


def _is(fact: Fact, told: Told) -> bool:
    if told.roles and fact.actor.role not in told.roles:
        return False
    get = reader_of(fact)
    return all(str(get(field)) == value for field, value in told.where.items())


def _row(fact: Fact, told: Told, sent: dict[str, bool]) -> tuple[Any, ...]:
    get = reader_of(fact)
    of = get(told.mark) if told.mark else None
    kind = told.touchpoint if of in (None, "") else f"{told.touchpoint}:{of}"
    if sent.setdefault(kind, not told.receives) is told.receives:
        raise Refused("flywheel_touchpoint_both", name=kind)
    household = fact.household or (get(told.household) if told.household else "") or ""
    amount, currency = None, None
    if told.money:
        amount = fact.amount if fact.amount is not None else fact.body.amount()
        currency = get(told.currency) if told.currency else None
    return str(household), fact.time, kind, amount, currency, fact.actor.role, id_text(fact.id)


def reader_of(fact: Fact) -> Any:
    """What reads a field of the body, also of a kind that this program does not know."""
    if isinstance(fact.body, Unknown):
        data = msgspec.json.decode(fact.body.data)
        return (data if isinstance(data, dict) else {}).get
    return lambda field: getattr(fact.body, field, None)
