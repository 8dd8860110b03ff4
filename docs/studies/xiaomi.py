"""Runs the study of docs/study-xiaomi.md: `python docs/studies/xiaomi.py`, or some of its parts, or `picture` alone.

Reads xiaomi_figures.csv, writes xiaomi_results.json and the pictures; about ten minutes on one core for all.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from xiaomi_picture import draw

from setaria.flywheel.simulate.world.kinds import K, Leg
from setaria.flywheel.simulate.world.measures import Outcome, outcome, true_removal_effects
from setaria.flywheel.simulate.world.parameters import Brand, Peopled, WorldParameters
from setaria.flywheel.simulate.world.presets import preset
from setaria.flywheel.simulate.world.products import PHONE
from setaria.flywheel.simulate.world.run import Look, Run, simulate

HERE: Final = Path(__file__).parent
RESULTS: Final = HERE / "xiaomi_results.json"
YEARS: Final = range(2015, 2026)
YEAR: Final = 365.25
FIRST_DAY: Final = 16_436  # 1 January 2015
HOMES, PRESET_HOMES, DAYS = 4_000, 3_000, 730
SEEDS: Final = (1, 2, 3, 4)
REACHED_2015: Final = 0.15  # assumed: the sources give no number of users before 2018
DIFFERENT: Final = ("ecosystem_model", "early_model", "closed", "stores_for_sales", "without_fans")


def published() -> dict[str, dict[str, float]]:
    """Metric -> year -> value; 2025 is three quarters where they add up, else its last."""
    found: dict[str, dict[str, float]] = {}
    with (HERE / "xiaomi_figures.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            years = found.setdefault(row["metric"], {})
            year, value = row["year"] + (row["quarter"] if row["year"] != "2025" else ""), float(row["value"])
            years[year] = round(years.get(year, 0.0) + value, 3)
    return found


def reach(users: dict[str, float]) -> tuple[tuple[int, float], ...]:
    """The share of the world's households that the brand reaches, by published monthly users: given, not found."""
    last = users["2025"]
    known = [
        (2018.5, users["2018Q2"]),
        *((year + 1.0, users[str(year)]) for year in range(2019, 2025)),
        (2025.75, last),
    ]
    days = [(round((when - 2015) * YEAR), round(count / last, 4)) for when, count in known]
    return ((0, REACHED_2015), *days)


def by_year(run: Run) -> dict[str, dict[str, float]]:
    """Money in CNY per household of the world."""
    columns, count = run.columns, run.parameters.households
    bought = np.isin(columns.kind, [K.ORDER, K.STORE_ORDER, K.PLEDGE])
    years: dict[str, dict[str, float]] = {}
    advertised = 0
    for place, year in enumerate(YEARS):
        seen = (columns.day / YEAR).astype(int) == place
        if year == 2025:  # three quarters, as published
            seen &= columns.day < (place + 0.75) * YEAR
        look = last_look(run, place + (0.75 if year == 2025 else 1.0))
        phones = columns.amount[seen & bought & (columns.product == PHONE)].sum()
        things = columns.amount[seen & bought & (columns.product != PHONE)].sum()
        plans = columns.amount[seen & (columns.kind == K.PLAN)].sum()
        internet = plans + look.advertising - advertised
        advertised = look.advertising
        years[str(year)] = {
            "phone": phones / count / 100,
            "things": things / count / 100,
            "internet": internet / count / 100,
            "connected": look.things / count,
            "homes": look.homes / count,
            "five_share": look.five / max(look.homes, 1),
            "per_device": things / max(look.things, 1) / 100,
        }
    return {year: {name: round(float(value), 4) for name, value in row.items()} for year, row in years.items()}


def last_look(run: Run, years: float) -> Look:
    return min(run.looks, key=lambda look: abs(look.day - years * YEAR))


def study_years() -> dict[str, Any]:
    figures = published()
    people = Peopled(reach=reach(figures["mau_miui"]))
    days = round(len(YEARS) * YEAR) - 1
    run = simulate(WorldParameters(households=HOMES, days=days, first_day=FIRST_DAY, people=people), seed=1)
    return {"world": by_year(run), "reach": people.reach}


def shown(outcomes: list[Outcome]) -> dict[str, list[float]]:
    """Mean and standard error over seeds."""
    rows: list[dict[str, float]] = []
    for each in outcomes:
        homes = each.households
        rows.append(
            {
                **{leg.name.lower(): each.revenue[leg] / homes / 100 for leg in Leg if leg},
                "revenue": each.total / homes / 100,
                "gross_profit": each.gross_profit / homes / 100,
                "early_profit": each.early_profit / homes / 100,
                "later_share": each.later_share,
                "customers": each.customers / homes,
                "things_per_household": each.things / homes,
                "five": each.five / homes,
                "gone": each.gone / homes,
                "without_phone": each.without_phone / homes,
            }
        )
    means: dict[str, list[float]] = {}
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        means[name] = [round(float(values.mean()), 4), round(float(values.std(ddof=1) / len(values) ** 0.5), 4)]
    return means


def study_presets() -> dict[str, Any]:
    return {
        name: shown([outcome(simulate(preset(name, PRESET_HOMES, DAYS), seed)) for seed in SEEDS]) for name in DIFFERENT
    }


def study_removals() -> list[dict[str, Any]]:
    base = msgspec.structs.replace(preset("ecosystem_model", PRESET_HOMES, DAYS), brand=Brand(greeting_days=14))
    return [msgspec.to_builtins(each) for each in true_removal_effects(base, seeds=SEEDS[:3])]


def study_prices() -> list[dict[str, Any]]:
    """Five years of both models, and how much buyers mind the price."""
    rows = []
    for minding in (0.15, 0.6):
        for name in ("early_model", "ecosystem_model"):
            base = preset(name, 1_500, 5 * 365)
            behaviour = msgspec.structs.replace(base.behaviour, by_price=minding)
            world = msgspec.structs.replace(base, behaviour=behaviour)
            found = shown([outcome(simulate(world, seed)) for seed in SEEDS[:2]])
            rows.append({"preset": name, "by_price": minding, **found})
    return rows


PARTS: Final[dict[str, Callable[[], Any]]] = {
    "years": study_years,
    "presets": study_presets,
    "removals": study_removals,
    "prices": study_prices,
}


def main(asked: list[str]) -> None:
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    for name in asked or list(PARTS):
        if name != "picture":
            results[name] = PARTS[name]()
            RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            sys.stdout.write(f"{name}: done\n")
    for language in ("en", "zh-CN"):
        picture = draw(published(), results["years"]["world"], language)
        (HERE / f"xiaomi.{language}.svg").write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
