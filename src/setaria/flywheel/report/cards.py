"""The page's cards, one a question, each with its picture, its table and its CSV."""

from __future__ import annotations

import math
from functools import partial
from html import escape
from typing import Final

from setaria.flywheel.report import parts, tables
from setaria.flywheel.report.charts.credits import credit_spans
from setaria.flywheel.report.charts.flow import flow, ribbons
from setaria.flywheel.report.charts.intervals import Row, interval_rows
from setaria.flywheel.report.charts.path import what_if_path
from setaria.flywheel.report.charts.points import predicted_and_happened
from setaria.flywheel.report.charts.ring import drawn_on_ring, ring
from setaria.flywheel.report.charts.share import Part, share_bar
from setaria.flywheel.report.charts.svg import COLOURS, colours
from setaria.flywheel.report.charts.values import brought, value_bars
from setaria.flywheel.report.charts.weeks import stacked_weeks
from setaria.flywheel.report.figures import Reader, clean
from setaria.flywheel.report.parts import MAIN, SIDE, WIDE, card, figures
from setaria.flywheel.report.report import Explained, Report, Specified
from setaria.flywheel.report.saying import (
    explained_share,
    headline,
    lot_sentences,
    missing_specifications,
    next_steps,
    number_shown,
    strongest_loop,
    two,
)
from setaria.flywheel.report.tables import EXPLAINED

PART_CLASSES: Final = {"sent": "by-brand"}
MOST_RANKED: Final = 6


def grid(report: Report, reader: Reader) -> str:
    """In the terminal's order; on a desk the explained share stands beside the answer."""
    colour = earners(report)
    earned = weeks(report, reader, colour) + flows(report, reader, colour)
    middle = columns(earned + loops(report, reader), leads(report, reader) + number(report, reader))
    proof = columns(budget(report, reader), back_test(report, reader))
    lots = measured(report, reader)
    return (
        f'<div class="grid">{lots}{answer(report, reader)}{values(report, reader)}{explained(report, reader)}{middle}'
        f"{verdict(report, reader)}{checks(report, reader)}{compared(report, reader)}{proof}{what_if(report, reader)}"
        f"{segments(report, reader)}{rows(report, reader)}{following(report, reader)}</div>"
    )


def columns(wide: str, slim: str) -> str:
    if wide and slim:
        return f'<div class="stack w7">{wide}</div><div class="stack w5">{slim}</div>'
    return f'<div class="stack w12">{wide}{slim}</div>' if wide or slim else ""


def earners(report: Report) -> dict[str, str]:
    """What earns most has a colour of its own, the same in every picture."""
    totals = {each.touchpoint: each.total for each in report.values.get(report.currency, []) if each.total > 0}
    return colours(sorted(totals, key=lambda name: -totals[name]))


def doubt_tag(report: Report, reader: Reader) -> str:
    return parts.tag(reader.say("identified_short"), "good") if report.identified else _doubt_tag(report, reader)


def _doubt_tag(report: Report, reader: Reader) -> str:
    return "" if report.identified else parts.tag(reader.say("doubt_short"), "careful")


def answer(report: Report, reader: Reader) -> str:
    said = headline(report, reader)
    aside = doubt_tag(report, reader)
    doubt = "" if report.identified else f'<p class="note">{escape(reader.say("doubt"))}</p>'
    class_ = "answer" if report.explained else "w12"
    best = parts.both(lambda width: _most_indirect(report, reader, width), MAIN)
    title = escape(reader.say("page.most_indirect"))
    ranked = f"<h3>{title}</h3>{best}{_no_end(report, report.currency, reader)}" if best else ""
    return card("answer", reader.say("page.answer"), parts.sentences(said), ranked, doubt, class_=class_, aside=aside)


def _no_end(report: Report, currency: str, reader: Reader) -> str:
    """Where the loops may not die out, values are those of the longest horizon, and that is said."""
    days = [max(each.within) for each in report.values.get(currency, []) if each.indirect is None and each.within]
    return f'<p class="note">{escape(reader.say("hint.no_end", days=max(days)))}</p>' if days else ""


def _most_indirect(report: Report, reader: Reader, width: float) -> str:
    found = [(each.touchpoint, more) for each in report.values.get(report.currency, []) if (more := brought(each))]
    found.sort(key=lambda each: -each[1].value)
    made = []
    for place, (name, more) in enumerate(found[:MOST_RANKED]):
        value, interval = reader.parts(more, report.currency, bare=True)
        shown = f"{value}{'' if report.identified else ' ?'}  {interval}"
        made.append(Row(clean(name), more, shown, strong=place == 0))
    return interval_rows(made, reader.say("page.most_indirect"), reader, width)


def values(report: Report, reader: Reader) -> str:
    made = []
    doubt = not report.identified
    for place, (currency, each) in enumerate(report.values.items()):
        table = tables.values_table(report, currency)
        bars = parts.both(partial(value_bars, each, currency, reader, doubt=doubt), WIDE)
        named = [("direct", reader.say("page.legend_direct")), ("indirect", reader.say("page.legend_indirect"))]
        key = parts.legend(named) + _no_end(report, currency, reader) if bars else ""
        content = f"{key}{bars}{parts.table(table, reader, doubt=doubt)}{parts.csv_of(table, reader) if table else ''}"
        horizons = figures(tables.horizons_table(report, currency), reader, doubt=doubt)
        made.append(
            card(
                f"values-{place}",
                table.title(reader),
                content + horizons if table else "",
                class_="w12 long",
                hint=reader.say("hint.values"),
                aside=_doubt_tag(report, reader),
            )
        )
    return "".join(made)


def explained(report: Report, reader: Reader) -> str:
    made = []
    for place, each in enumerate(report.explained):
        table = tables.explained_table(each, reader)
        share = reader.share(explained_share(each))
        mark = "" if report.identified else parts.doubted(reader)
        hero = f'<p class="hero">{escape(share)}{mark}<small>{escape(reader.say("page.share_label"))}</small></p>'
        bar = parts.both(partial(_share, each, reader), SIDE)
        swatches = [PART_CLASSES.get(name, name) for name in EXPLAINED]
        listed = parts.table(table, reader, swatches=swatches) + parts.csv_of(table, reader)
        coming = ""
        if each.to_come is not None:
            amount = reader.estimate(each.to_come, each.currency)
            coming = f'<p class="note">{escape(reader.say("to_come", amount=amount))}{mark}</p>'
        class_ = "whole" if place == 0 and report.headline else "w12"
        made.append(
            card(
                f"explained-{place}",
                reader.say("table.explained") if len(report.explained) == 1 else table.title(reader),
                *(hero, bar, listed, coming),
                class_=class_,
                hint=reader.say("hint.explained"),
                aside=_doubt_tag(report, reader),
            )
        )
    return "".join(made)


def _share(each: Explained, reader: Reader, width: float) -> str:
    made = []
    for name in EXPLAINED:
        amount = int(getattr(each, name))
        told = reader.money(amount, each.currency)
        made.append(Part(reader.say(f"part.{name}"), amount, PART_CLASSES.get(name, name), told))
    label = reader.say("page.picture", title=reader.say("table.explained"))
    return share_bar(made, label, width)


def weeks(report: Report, reader: Reader, colour: dict[str, str]) -> str:
    picture = parts.both(lambda width: stacked_weeks(report.weeks, colour, report.currency, reader, width), MAIN)
    if not picture:
        return ""
    named = [(class_, clean(name, 24)) for name, class_ in colour.items() if class_ != "c0"]
    if len(colour) > COLOURS:
        named.append(("c0", reader.say("part.others")))
    table = figures(tables.weeks_table(report, reader), reader)
    return card("weeks", reader.say("table.weeks"), parts.legend(named), picture, table)


def flows(report: Report, reader: Reader, colour: dict[str, str]) -> str:
    made = []
    for place, each in enumerate(report.explained):
        picture = parts.both(partial(flow, each, colour, reader), MAIN)
        if not picture:
            continue
        drawn = sum(ribbons(each, reader).values())
        note = reader.say(
            "hint.flow_drawn",
            drawn=reader.money(drawn, each.currency),
            own=reader.money(each.own, each.currency),
        )
        table = tables.flow_table(each)
        if len(report.explained) == 1:
            table.currency = ""
        roots = tables.flow_table(each, roots=True)
        made.append(
            card(
                f"flow-{place}",
                table.title(reader),
                picture,
                f'<p class="note">{escape(note)}</p>',
                figures(table, reader),
                figures(roots, reader),
                hint=reader.say("hint.flow"),
                aside=_doubt_tag(report, reader),
            )
        )
    return "".join(made)


def leads(report: Report, reader: Reader) -> str:
    if not report.leads:
        return ""
    listed = next(iter(report.values.values()), [])
    counts = {each.touchpoint: each.count for each in listed}
    sent = frozenset(each.touchpoint for each in listed if not each.receives)
    picture = parts.both(lambda width: ring(report.leads, counts, sent, reader, width), SIDE)
    names = drawn_on_ring(report.leads)
    every = {name for each in report.leads for name in (each.source, each.target)}
    named = [("node", reader.say("page.legend_done"))]
    named += [("sent", reader.say("page.legend_sent"))] if sent & set(names) else []
    left_out = reader.say("hint.ring_left_out", count=len(names)) if len(every) > len(names) else ""
    note = f'<p class="note">{escape(reader.say("hint.ring"))} {escape(left_out)}</p>'
    table = figures(tables.leads_table(report), reader, doubt=not report.identified)
    return card(
        "leads",
        reader.say("table.leads"),
        *(picture, parts.legend(named), note, table),
        hint=reader.say("hint.leads"),
        aside=_doubt_tag(report, reader),
    )


def number(report: Report, reader: Reader) -> str:
    """Never without the specifications beside it."""
    shown = number_shown(report, reader)
    if shown is None:
        withheld = (
            "" if report.flywheel_number is None else f'<p class="note">{escape(reader.say("number_withheld"))}</p>'
        )
        return card("number", reader.say("column.flywheel_number"), withheld)
    value, interval, limit = shown
    mark = "" if report.identified else parts.doubted(reader)
    hero = f'<p class="hero">{escape(value)}{mark}<small>{escape(interval)}</small></p>'
    ends = "".join(f"<span>{escape(reader.say(key))}</span>" for key in ("page.turn_off", "page.turn_on"))
    turn = f'<p class="gauge">{ends}</p>'
    missing, loop = missing_specifications(report), strongest_loop(report)
    turning = f'<p class="note">{escape(reader.say("strongest_loop", loop=loop))}</p>' if loop else ""
    few = f'<p class="note">{escape(reader.say("specifications_missing", count=missing))}</p>' if missing else ""
    specified = f"<h3>{escape(reader.say('table.specified'))}</h3>"
    picture = parts.both(lambda width: _specifications(report.specified, reader, width), SIDE)
    table = figures(tables.specified_table(report, reader), reader, doubt=not report.identified)
    return card(
        "number",
        reader.say("column.flywheel_number"),
        *(hero, _gauge(report), turn, turning, specified, picture, few, table),
        hint=reader.say("hint.limit" if limit else "hint.number"),
        aside=_doubt_tag(report, reader),
    )


def _gauge(report: Report) -> str:
    number = report.flywheel_number
    value = 0.0 if number is None or not math.isfinite(number.value) else min(max(number.value, 0.0), 1.0)
    return (
        '<figure><svg viewBox="0 0 412 9" class="picture" aria-hidden="true">'
        '<rect width="412" height="9" rx="4.5" class="track"/>'
        f'<rect width="{412 * value:.1f}" height="9" rx="4.5" class="fill"/></svg></figure>'
    )


def _specifications(specified: list[Specified], reader: Reader, width: float) -> str:
    made = []
    for place, each in enumerate(specified):
        number = each.flywheel_number
        shown = f"{two(number.value)}  {two(number.low)}–{two(number.high)}"
        name = reader.say(f"specification.{each.name}")
        made.append(Row(name, number, shown, strong=place == len(specified) - 1))
    label = reader.say("page.picture", title=reader.say("table.specified"))
    return interval_rows(made, label, reader, width, (0.0, 1.0))


def loops(report: Report, reader: Reader) -> str:
    table = tables.loops_table(report)
    if not table:
        return ""
    shown = parts.table(table, reader, doubt=not report.identified)
    return card(
        "loops",
        table.title(reader),
        *(shown, parts.csv_of(table, reader)),
        hint=reader.say("hint.loops"),
        aside=_doubt_tag(report, reader),
    )


def verdict(report: Report, reader: Reader) -> str:
    said = [(reader.sentence(each), parts.tone_of(each)) for each in report.verdict]
    how = f'<h3>{escape(reader.say("page.how"))}</h3><p class="hint">{escape(reader.say("page.how_text"))}</p>'
    aside = doubt_tag(report, reader)
    class_ = "w6 equal" if report.checks else "w12"
    return card(
        "verdict", reader.say("table.verdict"), parts.sentences(said) if said else "", how, class_=class_, aside=aside
    )


def checks(report: Report, reader: Reader) -> str:
    said = []
    for each in report.checks:
        tone = "plain" if each.passed is None else "good" if each.passed else "bad"
        name = reader.say(f"check.{each.name}")
        said.append((f"{name}{reader.say('colon')}{reader.sentence(each.sentence)}", tone))
    class_ = "w6 equal" if report.verdict else "w12"
    return card("checks", reader.say("table.checks"), parts.sentences(said), class_=class_)


def back_test(report: Report, reader: Reader) -> str:
    points = next((each.points for each in report.checks if each.name == "back_test"), [])
    drawn = parts.both(lambda width: predicted_and_happened(points, reader, min(width, 380.0)), SIDE)
    table = figures(tables.back_test_table(report), reader)
    hint = reader.say("hint.back_test")
    return card("back-test", reader.say("table.back_test"), drawn, table, hint=hint) if drawn else ""


def compared(report: Report, reader: Reader) -> str:
    table = tables.compared_table(report, reader)
    picture = parts.both(lambda width: credit_spans(report.compared, report.currency, reader, width), WIDE)
    if not picture:
        return ""
    named = [
        ("point strong", "method.flywheel_parent"),
        ("point root", "method.flywheel_root"),
        ("point other", "page.others"),
    ]
    key = parts.legend([(class_, reader.say(text)) for class_, text in named])
    why = parts.sentences([(reader.sentence(each), parts.tone_of(each)) for each in report.differences])
    why = why or f'<p class="note">{escape(reader.say("hint.why_compared"))}</p>'
    return card(
        "compared",
        reader.say("table.compared"),
        *(key, picture, why, figures(table, reader)),
        hint=reader.say("hint.compared"),
    )


def what_if(report: Report, reader: Reader) -> str:
    made = []
    mark = "" if report.identified else parts.doubted(reader)
    for each in report.what_if[:6]:
        picture = parts.both(partial(what_if_path, each, report.currency, reader), 330.0)
        key = "what_if.title_removed" if each.scale == 0 else "what_if.title_scaled"
        title = escape(reader.say(key, name=clean(each.name), scale=reader.share(each.scale)))
        change = escape(reader.estimate(each.change, report.currency))
        made.append(f"<div><h3>{title}</h3><p>{change}{mark}</p>{picture}</div>")
    table = tables.what_if_table(report)
    if not table:
        return ""
    named = [("bar", reader.say("page.as_it_is")), ("indirect", reader.say("page.without"))]
    return card(
        "what-if",
        reader.say("table.what_if"),
        *(parts.legend(named), f'<div class="multiples">{"".join(made)}</div>'),
        figures(table, reader, doubt=not report.identified),
        hint=reader.say("hint.what_if"),
        aside=_doubt_tag(report, reader),
    )


def measured(report: Report, reader: Reader) -> str:
    """What was decided by lot stands before what the model says."""
    table, bad = tables.measured_table(report, reader), tables.assigned_troubles_table(report, reader)
    said = lot_sentences(report, reader)
    if not table and not said:
        return ""
    shown = parts.table(table, reader, doubt=not report.identified) + parts.csv_of(table, reader) if table else ""
    listed = f"<h3>{escape(bad.title(reader))}</h3>{parts.table(bad, reader)}{parts.csv_of(bad, reader)}" if bad else ""
    hint = reader.say("hint.measured") if table else ""
    return card("measured", table.title(reader), shown, parts.sentences(said), listed, class_="w12 lot", hint=hint)


def budget(report: Report, reader: Reader) -> str:
    table = tables.budget_table(report)
    said = [(reader.sentence(each), parts.tone_of(each)) for each in report.budget_words]
    shown = parts.table(table, reader, doubt=not report.identified) + parts.csv_of(table, reader) if table else ""
    return card("budget", table.title(reader), parts.sentences(said), shown, aside=_doubt_tag(report, reader))


def segments(report: Report, reader: Reader) -> str:
    made = (
        tables.segments_table(report, reader),
        tables.handed_table(report, reader),
        tables.together_table(report),
    )
    wide, *slim = (
        card(
            table.name,
            table.title(reader),
            parts.table(table, reader) + parts.csv_of(table, reader) if table else "",
            hint=reader.say(f"hint.{table.name}"),
        )
        for table in made
    )
    return columns(wide, "".join(slim))


def rows(report: Report, reader: Reader) -> str:
    counted = tables.rows_table(report, reader)
    line = reader.say("comma").join(f"{row[0]} {row[1]:,}" for row in counted.rows)
    made = [f'<p class="note">{escape(line)}</p>']
    made += [
        f"<h3>{escape(table.title(reader))}</h3>{parts.table(table, reader)}{parts.csv_of(table, reader)}"
        for table in (tables.amounts_table(report, reader), tables.troubles_table(report, reader))
        if table
    ]
    return card("rows", counted.title(reader), *made, hint=reader.say("hint.rows"))


def following(report: Report, reader: Reader) -> str:
    said = [(reader.sentence(each), parts.tone_of(each)) for each in next_steps(report)]
    return card("next", reader.say("next_title"), parts.sentences(said)) if said else ""
