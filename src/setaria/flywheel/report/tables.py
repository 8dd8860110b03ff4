"""Every figure of a report as tables: the terminal prints them, the page sets them beside its pictures, CSV holds them.

A cell is text, a count (int), a number (float), None for "nothing to say", or one of the forms below.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from setaria.flywheel.histories.rows import RowsRead
from setaria.flywheel.parameters import Estimate
from setaria.flywheel.report.figures import Reader, clean
from setaria.flywheel.report.report import Explained, Report, Value
from setaria.words import say

ROLES: Final = ("owner", "adult", "child", "elder", "guest")
MOST_ROWS: Final = 2_000  # of one table


class Cash(NamedTuple):
    """An int is exact, a float an expectation; minor units."""

    minor: float
    currency: str


class Range(NamedTuple):
    """An estimate; with a currency, of minor units. `model`: it hangs on what the fit assumes."""

    estimate: Estimate
    currency: str | None = None
    model: bool = True


class Share(NamedTuple):
    value: float


class Days(NamedTuple):
    value: float


class Yes(NamedTuple):
    value: bool | None


Cell = str | int | float | Cash | Range | Share | Days | Yes | None


class Column(NamedTuple):
    key: str  # flywheel.report.column.KEY
    numeric: bool = True
    spread: bool = False  # a Range: three columns of CSV
    label: str = ""  # a name of the data's own, instead of words


@dataclass(slots=True)
class Table:
    name: str  # of its file, and its title's key: flywheel.report.table.NAME
    columns: list[Column]
    rows: list[list[Cell]] = field(default_factory=list)
    total: list[Cell] | None = None
    currency: str = ""  # where a report has several tables of this name

    def __bool__(self) -> bool:
        return bool(self.rows)

    def title(self, reader: Reader) -> str:
        title = reader.say(f"table.{self.name}")
        return f"{title} · {clean(self.currency, 8)}" if self.currency else title

    def head(self, reader: Reader) -> list[str]:
        return [clean(each.label) if each.label else reader.say(f"column.{each.key}") for each in self.columns]


def shown(cell: Cell, reader: Reader) -> str:
    """One line; a Range with its interval."""
    match cell:
        case None:
            return "–"
        case Cash(minor, currency):
            return reader.money(minor, currency) if isinstance(minor, int) else reader.expected(minor, currency)
        case Range(estimate, currency):
            return reader.estimate(estimate, currency)
        case Share(value):
            return reader.share(value)
        case Days(value):
            return reader.days(value)
        case Yes(value):
            return reader.say("unclear" if value is None else "yes" if value else "no")
        case str():
            return clean(cell, 200)
        case int():
            return f"{cell:,}"
        case float():
            return reader.number(cell)


def values_table(report: Report, currency: str) -> Table:
    values = report.values.get(currency, [])
    within = sorted({days for each in values for days in each.within})
    horizon = 90 if 90 in within else (within[0] if within else 0)
    columns = [Column("touchpoint", numeric=False), Column("count"), Column("direct"), Column("indirect", spread=True)]
    columns += [Column("within_90", spread=True)] if horizon == 90 else []
    costed = any(each.cost is not None for each in values)
    columns += [Column("cost"), Column("roi", spread=True), Column("marginal_roi", spread=True)] if costed else []
    table = Table("values", columns, currency=currency if len(report.values) > 1 else "")
    for each in values:
        row: list[Cell] = [
            each.touchpoint,
            each.count,
            Cash(float(each.mean), currency),
            _range(each.indirect, currency),
        ]
        row += [_range(each.within.get(90), currency)] if horizon == 90 else []
        if costed:
            cost = None if each.cost is None else Cash(float(each.cost), currency)
            row += [cost, _range(each.roi), _range(each.marginal_roi)]
        table.rows.append(row)
    if costed and not any(each.marginal_roi for each in values):
        table.columns.pop()
        table.rows = [row[:-1] for row in table.rows]
    return table


def horizons_table(report: Report, currency: str) -> Table:
    """The value of each touchpoint by 30, 90, 365 days and without end."""
    values: list[Value] = report.values.get(currency, [])
    days = sorted({each for value in values for each in value.within})
    columns = [Column("touchpoint", numeric=False)]
    columns += [Column("within", spread=True, label=f"{each}") for each in days] + [Column("for_ever", spread=True)]
    table = Table("horizons", columns, currency=currency if len(report.values) > 1 else "")
    for value in values:
        within = [_range(value.within.get(each), currency) for each in days]
        table.rows.append([value.touchpoint, *within, _range(value.value, currency)])
    return table


def leads_table(report: Report) -> Table:
    columns = [Column("source", numeric=False), Column("target", numeric=False), Column("children", spread=True)]
    columns += [Column("delay"), Column("led_facts"), Column("led_amount"), Column("sure", numeric=False)]
    table = Table("leads", columns)
    leads = sorted(report.leads, key=lambda each: (not each.sure, -abs(each.amount), -each.children.value))
    for each in leads[:MOST_ROWS]:
        amount = Cash(int(each.amount), report.currency)
        row: list[Cell] = [each.source, each.target, Range(each.children), Days(each.days), each.facts, amount]
        table.rows.append([*row, Yes(each.sure)])
    return table


EXPLAINED: Final = ("own", "repeat", "cross", "sent", "uncounted", "outside")


def explained_table(explained: Explained, reader: Reader) -> Table:
    columns = [Column("part", numeric=False), Column("amount"), Column("share")]
    table = Table("explained", columns, currency=explained.currency)
    whole = explained.total or math.nan
    for name in EXPLAINED:
        amount = int(getattr(explained, name))
        table.rows.append([reader.say(f"part.{name}"), Cash(amount, explained.currency), Share(amount / whole)])
    table.total = [reader.say("part.total"), Cash(explained.total, explained.currency), Share(1.0)]
    return table


def flow_table(explained: Explained, roots: bool = False) -> Table:
    """Earner by parent (or by first ancestor): each row adds up to the earner's counted amount."""
    flows = explained.roots if roots else explained.parents
    parents = list(dict.fromkeys(parent for by_parent in flows.values() for parent in by_parent))
    name = "roots" if roots else "parents"
    columns = [Column("earner", numeric=False)]
    columns += [Column("nothing_earlier" if not each else "parent", label=each) for each in parents]
    table = Table(name, [*columns, Column("together")], currency=explained.currency)
    for earner, by_parent in flows.items():
        cells: list[Cell] = [Cash(by_parent.get(each, 0), explained.currency) for each in parents]
        table.rows.append([earner, *cells, Cash(sum(by_parent.values()), explained.currency)])
    return table


def specified_table(report: Report, reader: Reader) -> Table:
    columns = [Column("specification", numeric=False), Column("flywheel_number", spread=True)]
    table = Table("specified", [*columns, Column("log_likelihood"), Column("held_out")])
    for each in report.specified:
        name = reader.say(f"specification.{each.name}")
        likelihood = f"{each.log_likelihood:,.0f}" if math.isfinite(each.log_likelihood) else None
        held = None if each.held_out is None else f"{each.held_out:.4f}"
        table.rows.append([name, Range(each.flywheel_number), likelihood, held])
    return table


def loops_table(report: Report) -> Table:
    columns = [Column("loop", numeric=False), Column("strength", spread=True), Column("sure", numeric=False)]
    table = Table("loops", columns)
    for each in report.loops:
        round_trip = [clean(name) for name in each.members]
        table.rows.append([" → ".join([*round_trip, *round_trip[:1]]), Range(each.strength), Yes(each.sure)])
    return table


def checks_table(report: Report, reader: Reader) -> Table:
    columns = [Column("check", numeric=False), Column("passed", numeric=False), Column("figure"), Column("against")]
    table = Table("checks", [*columns, Column("says", numeric=False)])
    for each in report.checks:
        name = reader.say(f"check.{each.name}")
        table.rows.append([name, Yes(each.passed), each.figure, each.against, reader.sentence(each.sentence)])
    return table


def back_test_table(report: Report) -> Table:
    table = Table("back_test", [Column("predicted"), Column("happened")])
    for each in report.checks:
        if each.name == "back_test":
            table.rows += [[float(point[0]), float(point[1])] for point in each.points[:MOST_ROWS] if len(point) >= 2]
    return table


def compared_table(report: Report, reader: Reader) -> Table:
    """Touchpoints down, methods across, each method's column adds up to the same total."""
    most: dict[str, int] = {}
    for each in report.compared:
        for name, amount in each.credits.items():
            most[name] = max(most.get(name, 0), amount)
    names = sorted(most, key=lambda name: (not name, -most[name]))  # what nothing earlier explains stands last
    columns = [Column("touchpoint", numeric=False)]
    columns += [Column("method", label=reader.say(f"method.{each.method}")) for each in report.compared]
    table = Table("compared", columns)
    for name in names:
        cells: list[Cell] = [Cash(each.credits.get(name, 0), report.currency) for each in report.compared]
        table.rows.append([name or reader.say("column.nothing_earlier"), *cells])
    totals: list[Cell] = [Cash(sum(each.credits.values()), report.currency) for each in report.compared]
    table.total = [reader.say("part.total"), *totals]
    return table


def measured_table(report: Report, reader: Reader) -> Table:
    columns = [Column("experiment", numeric=False), Column("effect", spread=True), Column("model_says", spread=True)]
    both = any(each.calibrated is not None for each in report.measured)
    columns += [Column("calibrated", spread=True)] if both else []
    columns += [Column("outcome", numeric=False), Column("horizon"), Column("treated"), Column("households")]
    table = Table("measured", columns)
    for each in report.measured:
        currency = report.currency if each.unit == "amount" else None
        said: list[Cell] = [None if each.model is None else Range(each.model, currency)]
        if both:
            said.append(None if each.calibrated is None else Range(each.calibrated, currency, model=False))
        counts = f"outcome.{each.unit}_of" if each.outcome else f"outcome.{each.unit}"
        outcome = reader.say(counts, touchpoint=clean(each.outcome) if each.outcome else "")
        days = Days(each.days) if each.days > 0 else None
        row: list[Cell] = [each.name, Range(each.effect, currency, model=False), *said]
        table.rows.append([*row, outcome, days, each.treated, each.households])
    return table


def what_if_table(report: Report) -> Table:
    columns = [Column("what_if", numeric=False), Column("scale"), Column("horizon"), Column("before"), Column("after")]
    table = Table("what_if", [*columns, Column("change", spread=True)])
    for each in report.what_if:
        last = Days(each.days[-1]) if each.days else None
        before = Cash(float(each.before[-1]), report.currency) if each.before else None
        after = Cash(float(each.after[-1]), report.currency) if each.after else None
        row: list[Cell] = [each.name, Share(each.scale), last, before, after]
        table.rows.append([*row, Range(each.change, report.currency)])
    return table


def budget_table(report: Report) -> Table:
    columns = [Column("touchpoint", numeric=False), Column("now"), Column("advised"), Column("gain", spread=True)]
    table = Table("budget", columns)
    for each in report.budget:
        now, advised = (Cash(float(amount), report.currency) for amount in (each.now, each.advised))
        table.rows.append([each.touchpoint, now, advised, Range(each.gain, report.currency)])
    return table


def segments_table(report: Report, reader: Reader) -> Table:
    columns = [Column("by", numeric=False), Column("segment", numeric=False), Column("households"), Column("facts")]
    table = Table("segments", [*columns, Column("direct"), Column("induced")])
    for each in report.segments[:MOST_ROWS]:
        direct, induced = Cash(each.direct, report.currency), Cash(each.induced, report.currency)
        named = _role(each.name, reader) if each.by == "role" else each.name or reader.say("unknown")
        table.rows.append([reader.say(f"by.{each.by}"), named, each.households, each.facts, direct, induced])
    return table


def handed_table(report: Report, reader: Reader) -> Table:
    """What one role begins and another goes on with; nothing earlier has no role."""
    columns = [Column("begun_by", numeric=False), Column("gone_on_by", numeric=False), Column("amount")]
    table = Table("handed", [*columns, Column("expected_facts")])
    for each in report.handed[:MOST_ROWS]:
        parent = reader.say("column.nothing_earlier") if each.parent is None else _role(each.parent, reader)
        amount = Cash(each.amount, report.currency)
        table.rows.append([parent, _role(each.child, reader), amount, round(each.facts)])
    return table


def _role(name: str, reader: Reader) -> str:
    return say(f"cli.role.{name}", reader.language) if name in ROLES else name or reader.say("unknown")


def together_table(report: Report) -> Table:
    columns = [Column("touchpoint", numeric=False), Column("together_with", numeric=False), Column("count")]
    table = Table("together", [*columns, Column("ratio")])
    for each in report.together[:MOST_ROWS]:
        table.rows.append([each.one, each.other, each.count, float(each.ratio)])
    return table


def weeks_table(report: Report, reader: Reader) -> Table:
    names = list(dict.fromkeys(name for _, amounts in report.weeks for name in amounts))
    columns = [Column("week", numeric=False), *(Column("touchpoint", label=name) for name in names)]
    table = Table("weeks", columns)
    for day, amounts in report.weeks[:MOST_ROWS]:
        cells: list[Cell] = [Cash(amounts.get(name, 0), report.currency) for name in names]
        table.rows.append([reader.date(day), *cells])
    return table


def rows_table(report: Report, reader: Reader) -> Table:
    rows = report.rows
    table = Table("rows", [Column("rows_what", numeric=False), Column("rows_count")])
    for name in ("read", "facts", "merged", "refunds", "doubled", "outside", "bad"):
        count = int(getattr(rows, name))
        if count or name in ("read", "facts", "bad"):
            table.rows.append([reader.say(f"rows.{name}"), count])
    return table


def troubles_table(report: Report, reader: Reader) -> Table:
    return _troubles("troubles", report.rows, reader)


def assigned_troubles_table(report: Report, reader: Reader) -> Table:
    """Of the rows that were to say who got what by lot."""
    return _troubles("assigned_troubles", report.assigned or RowsRead(), reader)


def _troubles(name: str, rows: RowsRead, reader: Reader) -> Table:
    columns = [Column("trouble", numeric=False), Column("rows_count"), Column("examples", numeric=False)]
    table = Table(name, columns)
    for trouble, count in sorted(rows.troubles.items(), key=lambda each: -each[1]):
        examples = [each for each in rows.examples if each.trouble == trouble][:3]
        places = [
            f"{clean(each.place, 24)}: {clean(each.shown, 40)}" if each.shown else each.place for each in examples
        ]
        table.rows.append([say(f"flywheel.row_{trouble}", reader.language), count, "; ".join(places)])
    return table


def amounts_table(report: Report, reader: Reader) -> Table:
    """What the file holds, to the cent, and where it went."""
    columns = [Column("currency", numeric=False), Column("kept"), Column("bad_rows"), Column("after_end")]
    table = Table("amounts", [*columns, Column("refunds_alone"), Column("input")])
    for each in report.rows.amounts:
        cells = [Cash(each.kept, each.currency), Cash(each.bad, each.currency), Cash(each.outside, each.currency)]
        more = [Cash(each.refunds_alone, each.currency), Cash(each.read, each.currency)]
        table.rows.append([each.currency or reader.say("no_currency"), *cells, *more])
    return table


def all_tables(report: Report, reader: Reader) -> list[Table]:
    """Those that hold something, in the report's order."""
    made = [measured_table(report, reader)]
    for currency in report.values:
        made += [values_table(report, currency), horizons_table(report, currency)]
    for explained in report.explained:
        made += [explained_table(explained, reader), flow_table(explained), flow_table(explained, roots=True)]
    made += [weeks_table(report, reader), leads_table(report), loops_table(report), specified_table(report, reader)]
    made += [checks_table(report, reader), back_test_table(report), compared_table(report, reader)]
    made += [what_if_table(report), budget_table(report), segments_table(report, reader)]
    made += [
        handed_table(report, reader),
        together_table(report),
        rows_table(report, reader),
        troubles_table(report, reader),
    ]
    made += [amounts_table(report, reader), assigned_troubles_table(report, reader)]
    return [each for each in made if each]


def _range(estimate: Estimate | None, currency: str | None = None) -> Range | None:
    return None if estimate is None else Range(estimate, currency)
