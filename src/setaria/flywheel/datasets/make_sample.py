"""Writes the sample's two files: `python -m setaria.flywheel.datasets.make_sample FOLDER`. Seeded, so always the same.

Every fact begets Poisson many facts of other touchpoints, CHILDREN of them on average, after exponential delays; what
begins by itself comes at BASELINE, times the household's own gamma factor of variance VARIANCE.
"""

from __future__ import annotations

import csv
import gzip
import io
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

HOUSEHOLDS: Final = 800
DAYS: Final = 365
SEED: Final = 20250101
VARIANCE: Final = 0.8
ZONE: Final = ZoneInfo("Asia/Shanghai")
BEGIN: Final = datetime(2025, 1, 1, tzinfo=ZONE)

# Facts a household and year that nothing before them explains.
BASELINE: Final = {"visit": 1.6, "band": 0.15, "phone": 0.2, "accessory": 0.2, "linkage_use": 1.0, "vote": 0.3}
PROMOTIONS: Final = 4.0  # a household and year, more of them to those who buy more: so that a naive reading is wrong
# parent -> child: (expected children, mean delay in days)
CHILDREN: Final = {
    "promotion": {"visit": (0.12, 3.0)},
    "visit": {"band": (0.18, 5.0), "phone": (0.08, 9.0)},
    "band": {"accessory": (0.35, 20.0), "linkage_use": (1.1, 12.0), "phone": (0.10, 60.0)},
    "phone": {"accessory": (0.55, 10.0), "linkage_use": (1.6, 12.0), "band": (0.12, 40.0)},
    "accessory": {"linkage_use": (0.5, 10.0)},
    "linkage_use": {"vote": (0.14, 6.0), "accessory": (0.05, 25.0)},
    "vote": {"visit": (0.25, 12.0)},
}
PRICES: Final = {"band": (19900, 24900), "phone": (149900, 199900, 299900), "accessory": (2990, 4990, 9900)}
ROLES: Final = (("owner", 5), ("adult", 3), ("child", 1), ("elder", 1))
REFUNDED: Final = 0.03


class Event(NamedTuple):
    at: float
    household: str
    event: str
    amount: str
    order: str
    role: str


def moment(at: float) -> str:
    return (BEGIN.astimezone(UTC) + timedelta(days=at)).astimezone(ZONE).strftime("%Y-%m-%dT%H:%M:%S%z")


def arrivals(source: random.Random, rate: float) -> list[float]:
    """Times within the year of a Poisson process with so many a year."""
    times, at = [], source.expovariate(rate) if rate else 2.0
    while at < 1:
        times.append(at * DAYS)
        at += source.expovariate(rate)
    return times


def facts_of(source: random.Random, eagerness: float) -> list[tuple[float, str]]:
    waiting = [(at, kind) for kind, rate in BASELINE.items() for at in arrivals(source, rate * eagerness)]
    waiting += [(at, "promotion") for at in arrivals(source, PROMOTIONS * (0.5 + 0.5 * eagerness))]
    found: list[tuple[float, str]] = []
    while waiting:
        at, kind = waiting.pop()
        found.append((at, kind))
        for child, (count, delay) in CHILDREN[kind].items():
            for _ in arrivals(source, count):  # a Poisson number of them
                after = at + source.expovariate(1 / delay)
                if after < DAYS:
                    waiting.append((after, child))
    return sorted(found)


def household_events(source: random.Random, name: str) -> list[Event]:
    eagerness = source.gammavariate(1 / VARIANCE, VARIANCE)
    roles, weights = [role for role, _ in ROLES], [weight for _, weight in ROLES]
    events = []
    for number, (at, kind) in enumerate(facts_of(source, eagerness)):
        role = "" if kind == "promotion" else source.choices(roles, weights)[0]
        prices = PRICES.get(kind)
        if prices is None:
            events.append(Event(at, name, kind, "", "", role))
            continue
        order, cents = f"{name}-{number}", source.choice(prices)
        events.append(Event(at, name, kind, f"{cents / 100:.2f}", order, role))
        back = at + source.uniform(1, 14)
        if source.random() < REFUNDED and back < DAYS:
            events.append(Event(back, name, kind, f"-{cents / 100:.2f}", order, role))
    return events


def main(folder: Path) -> None:
    source = random.Random(SEED)  # noqa: S311  a simulation
    names = [f"h{number:03}" for number in range(HOUSEHOLDS)]
    events = sorted(event for name in names for event in household_events(source, name))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "household", "time", "event", "amount", "order", "role"])
    for number, event in enumerate(events, 1):
        writer.writerow([number, event.household, moment(event.at), *event[2:]])
    with (folder / "sample.csv.gz").open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(text.getvalue().encode())
    rows = "".join(f"{name},2025-01-01,2025-12-31\n" for name in names)
    (folder / "sample_households.csv").write_text("household,start,end\n" + rows, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
