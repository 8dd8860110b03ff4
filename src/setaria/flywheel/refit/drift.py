"""What moved since the fit before, by more than either fit was unsure of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from setaria.flywheel.report.report import Report, Sentence, Value

MOST: Final = 12  # sentences; those that moved furthest are said


def drift(before: Report, after: Report) -> list[Sentence]:
    """A figure moved when each fit's value lies outside the other's interval: both rest on mostly the same facts.

    Figures without an interval are not compared.
    """
    moved = [*_verdict(before, after), *_touchpoints(before, after), *_number(before, after)]
    found = sorted([*_values(before, after), *_leads(before, after)], key=lambda each: -each[0])
    moved += [sentence for _, sentence in found[:MOST]]
    if len(found) > MOST:
        moved.append(Sentence("flywheel.refit.more_moved", {"count": len(found) - MOST}))
    since = {"date": {"date": before.source.fitted_at}}
    if not moved:
        return [Sentence("flywheel.refit.nothing_moved", since, "good")]
    return [Sentence("flywheel.refit.since", since), *moved]


def _verdict(before: Report, after: Report) -> Iterator[Sentence]:
    if before.identified != after.identified:
        key = "identified_now" if after.identified else "identified_no_more"
        yield Sentence(f"flywheel.refit.{key}", {}, "good" if after.identified else "bad")


def _touchpoints(before: Report, after: Report) -> Iterator[Sentence]:
    old, new = _names(before), _names(after)
    for key, names in (("came", new - old), ("gone", old - new)):
        if names:
            yield Sentence(f"flywheel.refit.touchpoints_{key}", {"names": sorted(names)})


def _number(before: Report, after: Report) -> Iterator[Sentence]:
    old, new = before.flywheel_number, after.flywheel_number
    if old is not None and new is not None and _distance(old, new):
        yield Sentence(f"flywheel.refit.number_{_way(old, new)}", _figures(old, new, ""), "careful")


def _values(before: Report, after: Report) -> Iterator[tuple[float, Sentence]]:
    for currency, values in after.values.items():
        known = {each.touchpoint: each for each in before.values.get(currency, [])}
        for each in values:
            if (was := known.get(each.touchpoint)) is not None:
                yield from _value(was, each, currency)


def _value(was: Value, now: Value, currency: str) -> Iterator[tuple[float, Sentence]]:
    details: dict[str, Any] = {"touchpoint": now.touchpoint}
    if was.value is not None and now.value is not None:
        if far := _distance(was.value, now.value):
            details |= _figures(was.value, now.value, currency)
            yield far, Sentence(f"flywheel.refit.value_{_way(was.value, now.value)}", details, "careful")
    elif was.value is not None:
        yield float("inf"), Sentence("flywheel.refit.value_unbounded", details, "bad")


def _leads(before: Report, after: Report) -> Iterator[tuple[float, Sentence]]:
    known = {(each.source, each.target): each for each in before.leads}
    for each in after.leads:
        was = known.get((each.source, each.target))
        if was is not None and (far := _distance(was.children, each.children)):
            details = {"source": each.source, "target": each.target, **_figures(was.children, each.children, "")}
            yield far, Sentence(f"flywheel.refit.lead_{_way(was.children, each.children)}", details, "careful")


def _distance(was: Any, now: Any) -> float:
    """In half widths of the wider interval; 0 when it did not move, or when nobody can say. Never for NaN."""
    outside = not was.low <= now.value <= was.high and not now.low <= was.value <= now.high
    half = max(was.high - was.low, now.high - now.low) / 2
    if not outside or not half >= 0 or half == float("inf"):
        return 0.0
    return abs(now.value - was.value) / half if half else float("inf")


def _way(was: Any, now: Any) -> str:
    return "up" if now.value > was.value else "down"


def _figures(was: Any, now: Any, currency: str) -> dict[str, Any]:
    more = {"currency": currency} if currency else {}
    return {
        name: {"estimate": [each.value, each.low, each.high], **more} for name, each in (("was", was), ("now", now))
    }


def _names(report: Report) -> set[str]:
    return {each.touchpoint for values in report.values.values() for each in values}
