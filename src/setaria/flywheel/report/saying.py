"""What the terminal and the page alike say of a report: which number may be shown, and what to do next."""

from __future__ import annotations

import math
from typing import Final

from setaria.flywheel.report.figures import Reader, clean
from setaria.flywheel.report.report import Explained, Measured, Report, Sentence

SPECIFICATIONS: Final = 5
TONES: Final = ("plain", "good", "careful", "bad")
FEW_BAD: Final = 0.01  # of the rows: more is worth a look
UNLIKELY: Final = 0.05  # a chance below it is none


def number_shown(report: Report, reader: Reader) -> tuple[str, str, bool] | None:
    """The flywheel number, its interval in words, and whether it is only an upper limit.

    None without the specifications to set beside it: it is never shown alone.
    """
    number = report.flywheel_number
    if number is None or not report.specified:
        return None
    interval = reader.say("interval", low=two(number.low), high=two(number.high))
    bounded = not (math.isnan(number.low) or math.isnan(number.high))
    if any(each.sure for each in report.loops):
        return two(number.value), interval if bounded else reader.say("no_interval"), False
    return f"≤ {two(number.high)}" if bounded else two(number.value), reader.say("upper_limit"), True


def strongest_loop(report: Report) -> str:
    """By name, among those that are certain where any is."""
    sure = [each for each in report.loops if each.sure] or report.loops
    if not sure:
        return ""
    members = [clean(name, 24) for name in max(sure, key=lambda each: each.strength.value).members]
    return " → ".join([*members, *members[:1]])


def two(value: float) -> str:
    return f"{value:.2f}"


def missing_specifications(report: Report) -> int:
    return max(0, SPECIFICATIONS - len(report.specified))


def explained_share(explained: Explained) -> float:
    """Of the whole input: preceded and explained by earlier facts, of the household or of the brand."""
    return (explained.repeat + explained.cross + explained.sent) / explained.total if explained.total else float("nan")


def next_steps(report: Report) -> list[Sentence]:
    steps = []
    if not report.identified:
        steps.append(Sentence("flywheel.report.next.holdout", {}, "careful"))
    if report.rows.bad > FEW_BAD * max(report.rows.read, 1):
        steps.append(Sentence("flywheel.report.next.rows", {"count": report.rows.bad}, "careful"))
    if report.values and all(each.cost is None for values in report.values.values() for each in values):
        steps.append(Sentence("flywheel.report.next.costs"))
    if not report.values:
        steps.append(Sentence("flywheel.report.next.amounts"))
    if missing_specifications(report):
        steps.append(Sentence("flywheel.report.next.specifications", {"count": len(report.specified)}, "careful"))
    if report.source.simulated:
        steps.append(Sentence("flywheel.report.next.own_file"))
    return steps


def lot_sentences(report: Report, reader: Reader) -> list[tuple[str, str]]:
    """Of assignments by lot: how many were read, whether model and lots agree, what could not be measured and why."""
    said = [found for each in report.measured if (found := _agreement(each, reader))]
    said += [(reader.sentence(each), "careful") for each in report.unmeasured]
    rows = report.assigned
    if rows is not None:
        told = reader.say("assigned_line", facts=f"{rows.facts:,}", bad=f"{rows.bad:,}")
        said.insert(0, (told, "careful" if rows.bad else "plain"))
    return said


def _agreement(measured: Measured, reader: Reader) -> tuple[str, str] | None:
    if measured.agree is None:
        return None
    name = clean(measured.name)
    if measured.calibrated is None:
        return reader.say("lot_too_small", experiment=name), "plain"
    if measured.agree < UNLIKELY:
        return reader.say("lot_differs", experiment=name, chance=f"{measured.agree:.2g}"), "careful"
    return reader.say("lot_agrees", experiment=name, chance=f"{measured.agree:.2f}"), "good"


def headline(report: Report, reader: Reader) -> list[tuple[str, str]]:
    """Sentences and their tones; a sentence whose figures hang on the model says so when they are not identified.

    One that was measured by lot has `measured` among its details.
    """
    said = []
    for each in report.headline:
        doubt = "" if report.identified or each.details.get("measured") else " ?"
        said.append((reader.sentence(each) + doubt, each.tone if each.tone in TONES else "plain"))
    return said
