"""A whole, plausible report that no fit has made, for whatever shows one."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import msgspec
import numpy as np

from setaria.flywheel.histories.rows import Amounts, BadRow, RowsRead
from setaria.flywheel.parameters import Estimate
from setaria.flywheel.report.figures import estimate_detail, money_detail
from setaria.flywheel.report.report import (
    Budget,
    Check,
    Compared,
    Explained,
    Handed,
    Lead,
    Loop,
    Measured,
    Report,
    Segment,
    Sentence,
    Source,
    Specified,
    Together,
    Value,
    WhatIf,
)
from setaria.money import Money

CHINESE = (
    "门店体验",
    "手环购买",
    "周五更新",
    "投票许愿",
    "联动使用",
    "线下聚会",
    "净化器购买",
    "滤芯购买",
    "配件购买",
    "推广短信",
    "上门维修",
    "课程",
)
ENGLISH = (
    *("Store visit", "Band bought", "Friday release", "Vote", "Linkage used", "Gathering", "Purifier bought"),
    *("Filter bought", "Accessory bought", "Promotion", "Repair visit", "Lesson"),
)
HOSTILE = (
    *(
        '<script>alert("1")</script>',
        "</svg><img src=x onerror=alert(2)>",
        "[red]not red[/red]",
        "\x1b[31mred\x1b[0m\x07",
    ),
    *("=1+1", "'\"><b>bold</b>", "&amp;", "a" * 300, "\u202egnihtemos", "]]>", "{name}", "--><style>*{display:none}"),
)
SENT = (2, 9)
MEANS = (0, 22_900, 0, 0, 0, 0, 129_900, 19_900, 8_900, 0, 12_000, 9_900)
COUNTS = (18_204, 6_120, 26_311, 31_077, 88_412, 4_018, 2_204, 5_911, 7_020, 21_400, 1_102, 2_415)
# (source, target, expected children, mean delay in days)
LEADS = (
    *((0, 1, 0.14, 9.0), (0, 6, 0.031, 21.0), (0, 0, 0.05, 34.0), (1, 4, 1.9, 12.0), (1, 8, 0.31, 40.0)),
    *((4, 3, 0.11, 6.0), (4, 8, 0.012, 30.0), (4, 4, 0.32, 2.5), (3, 5, 0.04, 11.0), (3, 4, 0.35, 5.0)),
    *((5, 0, 0.27, 8.0), (5, 1, 0.12, 15.0), (6, 7, 1.3, 160.0), (7, 7, 0.42, 170.0), (2, 4, 0.21, 1.5)),
    *(
        (2, 3, 0.09, 3.0),
        (9, 0, 0.03, 2.0),
        (9, 8, 0.008, 1.5),
        (10, 11, 0.1, 20.0),
        (11, 4, 0.6, 4.0),
        (8, 4, 0.2, 6.0),
    ),
)
OUTSIDE = 12_350 + 28_900 - 3_300  # bad rows, rows after the end, refunds without an order
SPECIFICATIONS = ("naive", "shared", "own", "churn", "calendar")


def about(value: float, error: float) -> Estimate:
    low, high = max(0.0, value - 1.96 * error), max(0.0, value + 1.96 * error)
    return Estimate(value, low, high, error)


def signed(value: float, error: float) -> Estimate:
    return Estimate(value, value - 1.96 * error, value + 1.96 * error, error)


def split(total: int, weights: Sequence[int]) -> list[int]:
    return [part.amount for part in Money(total, "CNY").allocate(list(weights))]


def example(names: Sequence[str] = CHINESE, *, identified: bool = True, currency: str = "CNY") -> Report:
    chance = random.Random(4)
    types = len(names)
    matrix = np.zeros((types, types))
    for source, target, children, _ in LEADS:
        matrix[target, source] = children
    matrix *= 0.9
    means = np.array(MEANS, dtype=float)
    values = np.linalg.solve(np.eye(types) - matrix.T, means)
    number = float(np.max(np.abs(np.linalg.eigvals(matrix))))
    money = [count * mean + chance.randrange(100) * (mean > 0) for count, mean in zip(COUNTS, MEANS, strict=True)]
    report = Report(
        source=Source(
            *("owners-2026.csv", 20_180.0, 20_544.0, 12_840, sum(COUNTS), sum(COUNTS) - 12_840, types, "day"),
            *([currency], True, 20_544.5),
        ),
        rows=_rows(sum(money), currency),
        currency=currency,
        identified=identified,
        values={currency: _values(names, values, money, identified)},
        leads=_leads(names, money),
        explained=[_explained(names, money, currency)],
        flywheel_number=about(number, 0.021),
        loops=[
            Loop([names[4], names[3]], about(0.51, 0.02), True),
            Loop([names[0], names[1], names[4], names[3], names[5]], about(number, 0.021), True),
            Loop([names[7]], about(0.38, 0.03), True),
            Loop([names[10], names[11]], about(0.02, 0.04), False),
        ],
        together=[Together(names[1], names[8], 1_204, 6.2), Together(names[6], names[7], 912, 11.4)],
    )
    report.specified = _specified(number, values, identified)
    _words(report, names, values)
    report.checks = _checks(names)
    _further(report, names, money)
    report.weeks = _weeks(names, money, chance)
    return report


def _rows(total: int, currency: str) -> RowsRead:
    amounts = Amounts(currency, read=total + OUTSIDE, kept=total, bad=12_350, outside=28_900, refunds_alone=-3_300)
    return RowsRead(
        *(214_690, sum(COUNTS), 402, 61, 12, 9, 12),
        troubles={"time_unreadable": 7, "amount_unreadable": 4, "household_missing": 1},
        examples=[
            BadRow("1204", "time_unreadable", "31/02/2026"),
            BadRow("88112", "time_unreadable", "yesterday"),
            BadRow("90421", "amount_unreadable", "12,5O"),
            BadRow("170003", "household_missing"),
        ],
        amounts=[amounts],
    )


def _values(names: Sequence[str], values: np.ndarray, money: Sequence[int], identified: bool) -> list[Value]:
    made = []
    for index, name in enumerate(names):
        value, mean = float(values[index]), float(MEANS[index])
        indirect, error = value - mean, (0.06 if identified else 0.5) * (value - mean) + 40
        cost = {2: 35.0, 9: 90.0, 5: 4_500.0, 0: 900.0}.get(index)
        made.append(
            Value(
                *(
                    name,
                    index not in SENT,
                    COUNTS[index],
                    money[index],
                    mean,
                    about(value, error),
                    about(indirect, error),
                ),
                within={
                    days: about(mean + indirect * share, error) for days, share in ((30, 0.4), (90, 0.7), (365, 0.96))
                },
                cost=cost,
                roi=None if cost is None else signed((indirect - cost) / cost, error / cost),
                explained=round(indirect * COUNTS[index] * 0.4),
                rooted=round(value * COUNTS[index] * 0.5),
            )
        )
    return sorted(made, key=lambda each: -(each.value.value if each.value else 0.0))


def _leads(names: Sequence[str], money: Sequence[int]) -> list[Lead]:
    made = []
    for source, target, children, days in LEADS:
        value, error = children * 0.9, 0.004 + 0.05 * children
        facts = round(value * COUNTS[source])
        amount = round(facts * MEANS[target])
        made.append(Lead(names[source], names[target], about(value, error), days, value > 1.96 * error, facts, amount))
    return made


def _explained(names: Sequence[str], money: Sequence[int], currency: str) -> Explained:
    matrix = {(source, target): children * 0.9 for source, target, children, _ in LEADS}
    parents: dict[str, dict[str, int]] = {}
    roots: dict[str, dict[str, int]] = {}
    sums = dict.fromkeys(("own", "repeat", "cross", "sent"), 0)
    uncounted = 0
    for earner, name in enumerate(names):
        if not money[earner]:
            continue
        first = money[earner] // 9
        uncounted += first
        weights = [round(1_000 * matrix.get((source, earner), 0) * COUNTS[source]) for source in range(len(names))]
        rest = max(1_000 * COUNTS[earner] - sum(weights), 400 * COUNTS[earner])
        *led, own = split(money[earner] - first, [*weights, rest])
        parents[name] = {names[source]: amount for source, amount in enumerate(led) if amount} | {"": own}
        half = [amount // 2 for amount in led]
        roots[name] = {names[s]: amount for s, amount in enumerate(half) if amount} | {"": own + sum(led) - sum(half)}
        sums["own"] += own
        for source, amount in enumerate(led):
            sums["repeat" if source == earner else "sent" if source in SENT else "cross"] += amount
    total = sum(sums.values()) + uncounted + OUTSIDE
    to_come = Estimate(48_200_000.0, 44_100_000.0, 52_300_000.0, 2_092_000.0)
    return Explained(
        currency, total, **sums, uncounted=uncounted, outside=OUTSIDE, parents=parents, roots=roots, to_come=to_come
    )


def _specified(number: float, values: np.ndarray, identified: bool) -> list[Specified]:
    found = (0.83, 0.79, 0.78, 0.78, number) if not identified else (0.93, number + 0.03, number + 0.01, number, number)
    made = []
    for index, (name, each) in enumerate(zip(SPECIFICATIONS, found, strict=True)):
        held = -3.41 + 0.02 * index
        made.append(Specified(name, about(each, 0.02), -604_112.0 + 900 * index, held, [float(v) for v in values]))
    return made


def _words(report: Report, names: Sequence[str], values: np.ndarray) -> None:
    (explained,) = report.explained
    first, second = report.values[report.currency][:2]
    best = max(
        (each for each in report.values[report.currency] if each.roi),
        key=lambda each: each.roi.value if each.roi else 0,
    )
    assert first.value is not None
    assert second.indirect is not None
    assert best.roi is not None
    report.headline = [
        Sentence(
            "flywheel.report.headline.more",
            {"touchpoint": best.touchpoint, "roi": estimate_detail(best.roi)},
            "good" if report.identified else "careful",
        ),
        Sentence(
            "flywheel.report.headline.worth",
            {
                "touchpoint": first.touchpoint,
                "value": estimate_detail(first.value, report.currency),
                "direct": money_detail(first.mean, report.currency),
            },
        ),
        Sentence(
            "flywheel.report.headline.explained",
            {
                "share": {"share": (explained.repeat + explained.cross + explained.sent) / explained.total},
                "amount": money_detail(explained.repeat + explained.cross + explained.sent, report.currency),
                "total": money_detail(explained.total, report.currency),
            },
        ),
    ]
    if report.identified:
        report.verdict = [
            Sentence("flywheel.report.verdict.identified", {}, "good"),
            Sentence("flywheel.report.verdict.frailty", {"naive": 0.93, "number": 0.62}, "plain"),
            Sentence("flywheel.report.verdict.assumed", {}, "careful"),
        ]
    else:
        report.verdict = [
            Sentence("flywheel.report.verdict.not_identified", {"low": 0.6, "high": 0.83}, "bad"),
            Sentence("flywheel.report.verdict.holdout", {}, "careful"),
        ]


def _checks(names: Sequence[str]) -> list[Check]:
    chance = random.Random(7)
    base = [40 * 1.5**step for step in range(12)]
    points = [[each, each * chance.uniform(0.9, 1.12)] for each in base]
    key = "flywheel.report.says"
    return [
        Check("held_out", True, -3.33, -3.41, Sentence(f"{key}.held_out", {"gain": 0.08}, "good")),
        Check("bg_nbd", True, 3_214.0, 3_301.0, Sentence(f"{key}.bg_nbd", {"off": 0.031, "other": 0.042}, "good")),
        Check("rescaling", None, 0.018, 0.02, Sentence(f"{key}.rescaling", {"distance": 0.018}, "plain")),
        Check("placebo", True, 0.004, 0.05, Sentence(f"{key}.placebo", {"number": 0.004}, "good")),
        Check("reversal", False, 0.31, 0.2, Sentence(f"{key}.reversal", {"touchpoint": names[4]}, "bad")),
        Check("back_test", True, 0.94, 1.0, Sentence(f"{key}.back_test", {"ratio": 0.94, "weeks": 8}, "good"), points),
        Check("mean_amount", None, 1.04, 1.0, Sentence(f"{key}.mean_amount", {"ratio": 1.04}, "careful")),
    ]


def _further(report: Report, names: Sequence[str], money: Sequence[int]) -> None:
    (explained,) = report.explained
    total = sum(sum(each.values()) for each in explained.parents.values())
    for place, method in enumerate(
        ("flywheel_parent", "flywheel_root", "last_touch", "first_touch", "linear", "markov", "shapley")
    ):
        weights = [1 + COUNTS[i] * (1 + (i * 7 + place * 5) % 11) for i in range(len(names))]
        report.compared.append(Compared(method, dict(zip(names, split(total, weights), strict=True))))
    days = [float(day) for day in range(0, 366, 15)]
    before = [520_000.0 * day for day in days]
    for index, fall in ((0, 0.28), (2, 0.09), (4, 0.17)):
        after = [amount * (1 - fall * (1 - math.exp(-day / 60))) for amount, day in zip(before, days, strict=True)]
        change = signed(after[-1] - before[-1], 0.05 * before[-1] * fall)
        report.what_if.append(WhatIf(names[index], 0.0, days, before, after, change))
    report.measured = [
        Measured(
            *("holdout-2026-05", 12_840, 11_556, signed(310.0, 120.0), "amount", signed(344.0, 60.0), 90.0),
            calibrated=signed(337.0, 118.0),
            agree=0.62,
        ),
        Measured(
            *("ring-1", 4_000, 2_000, signed(0.021, 0.012), "facts", signed(0.07, 0.01), 30.0, names[0]),
            calibrated=signed(0.028, 0.016),
            agree=0.002,
        ),
    ]
    report.segments = [
        Segment("role", "adult", 9_020, 130_000, 41_000_000, 22_000_000),
        Segment("role", "elder", 2_204, 21_000, 3_100_000, 4_800_000),
        Segment("entry", names[0], 6_611, 80_000, 21_000_000, 19_000_000),
    ]
    report.handed = [
        Handed(None, "adult", 71_204.4, 31_000_000),
        Handed("adult", "adult", 52_011.0, 18_400_000),
        Handed("child", "elder", 9_120.2, 4_300_000),
        Handed("", "elder", 0.4, 0),
    ]
    report.budget = [Budget(names[9], 25_680_000.0, 31_000_000.0, signed(4_100_000.0, 1_900_000.0))]
    report.budget_words = [Sentence("flywheel.report.budget.cannot", {"touchpoint": names[5]}, "careful")]


def _weeks(names: Sequence[str], money: Sequence[int], chance: random.Random) -> list[tuple[float, dict[str, int]]]:
    weeks: list[tuple[float, dict[str, int]]] = []
    for week in range(52):
        grows = 0.7 + 0.6 * week / 52 + 0.25 * math.exp(-((week - 45) ** 2) / 8)
        amounts = {
            names[i]: round(each / 52 * grows * chance.uniform(0.93, 1.07)) for i, each in enumerate(money) if each
        }
        weeks.append((20_180.0 + 7 * week, amounts))
    return weeks


def bare() -> Report:
    """What is left when nothing could be said: one touchpoint, no amounts, no number."""
    return Report(
        source=Source("empty.csv", 20_000.0, 20_001.0, 1, 1, 0, 1, "exact", []),
        rows=RowsRead(read=1, facts=1),
        currency="",
    )


def unbounded() -> Report:
    """Loops that may not die out: no infinite horizon, no interval."""
    report = example(ENGLISH, identified=False)
    nan = math.nan
    report.flywheel_number = Estimate(1.02, 0.98, 1.06, 0.02)
    report.values = {
        report.currency: [
            msgspec.structs.replace(each, value=None, indirect=None, within={90: Estimate(1e5, nan, nan)}, roi=None)
            for each in report.values[report.currency]
        ]
    }
    return report
