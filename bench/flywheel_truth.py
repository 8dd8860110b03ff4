"""Whether the flywheel's estimator finds what was simulated: coverage, what is taken for influence, a world of its own.

    python bench/flywheel_truth.py [--sets N] [--households N] [--workers N] [--group NAME ...] [--pool-only]

Half an hour to two hours; what is done stays in build/flywheel_truth, apart for each state of the estimator's code, and
is not done again. Not part of `make bench`.
"""

from __future__ import annotations

import os

os.environ |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import argparse
import hashlib
import json
import multiprocessing
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any, Final

import numpy as np

sys.path.append(str(Path(__file__).parents[1]))

import setaria
from bench.claims import Claims
from bench.flywheel_sets import GROUPS, ONE_SIDED, TWO_SIDED, Set, one_set
from bench.flywheel_truths import FLYWHEEL_NUMBER, KINDS
from setaria.flywheel.arrays import Floats

KEPT: Final = Path(__file__).parents[1] / "build" / "flywheel_truth"
ROOMS: Final = ("fit", "kernels", "simulate", "report/verdict.py", "answers/loops.py", "answers/value.py")
COVERAGE: Final = (0.93, 0.97)
SEEDS: Final = {"poisson": 3, "hawkes": 6, "promotion": 10, "world": 2}  # of each kind
ALL_SHARE: Final = 10  # a set with all components costs so many times as much: so many times fewer
FEWEST: Final = 1_000  # sets, for a verdict on coverage; of fewer it is judged up to two Monte Carlo errors
FEW_SETS: Final = ", few sets: up to two Monte Carlo errors"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--sets", type=int, default=FEWEST)
    options.add_argument("--households", type=int, default=5_000)
    options.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options.add_argument("--group", nargs="*", choices=tuple(GROUPS), default=tuple(GROUPS))
    options.add_argument("--pool-only", action="store_true", help="print what is there")
    asked = options.parse_args()
    folder = KEPT / f"{code()}-{asked.households}"
    folder.mkdir(parents=True, exist_ok=True)
    if not asked.pool_only:
        simulate_and_fit(folder, asked.group, asked.sets, asked.households, asked.workers)
    claims = Claims(f"the flywheel's estimator and the truth: {asked.households:,} households a set, {folder.name}")
    found = {group: kept(folder, group)[: count(group, asked.sets)] for group in asked.group}
    claims.note("claim | found | Monte Carlo error, sets and CPU seconds a set")
    for group, title in COVERED.items():
        if found.get(group):
            coverage(claims, group, title, found[group])
    for kind in KINDS:
        confounded(claims, kind, found.get(f"poisson {kind}", []), found.get(f"hawkes {kind}", []))
    if found.get("promotion"):
        promotion(claims, found["promotion"])
    if found.get("world"):
        world(claims, found["world"])
    claims.end()


def code() -> str:
    """What the estimator's files say, as a name."""
    room = Path(setaria.__file__).parent / "flywheel"
    files = [each for name in ROOMS for each in ([room / name] if name.endswith(".py") else (room / name).glob("*.py"))]
    files += Path(__file__).parent.glob("flywheel_truths.py")
    files += Path(__file__).parent.glob("flywheel_sets.py")
    return hashlib.sha256(b"".join(each.read_bytes() for each in sorted(files))).hexdigest()[:10]


def count(group: str, sets: int) -> int:
    kind = group.split()[0]
    return SEEDS.get(kind) or (max(sets // ALL_SHARE, 1) if group == "all" else sets)


def kept(folder: Path, group: str) -> list[Set]:
    """By seed. A line that was being written when the run ended is left out."""
    path = folder / f"{group.replace(' ', '_')}.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    made = {each["seed"]: each for line in lines if line.endswith("}") for each in [json.loads(line)]}
    return [made[seed] for seed in sorted(made)]


def simulate_and_fit(folder: Path, groups: Sequence[str], sets: int, households: int, workers: int) -> None:
    """All that is not there yet, a set of each group in turn, so that a run cut short says something of each."""
    todo = []
    for group in groups:
        done = {each["seed"] for each in kept(folder, group)}
        many = count(group, sets)
        todo += [(seed / many, group, seed) for seed in range(many) if seed not in done]
    began = time.monotonic()
    if todo:
        one_set(todo[0][1], todo[0][2], min(households, 200))  # compiles before there are several
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        waiting = {pool.submit(one_set, group, seed, households): group for _, group, seed in sorted(todo)}
        for number, each in enumerate(as_completed(waiting), start=1):
            group, found = waiting[each], each.result()
            with (folder / f"{group.replace(' ', '_')}.jsonl").open("a") as file:
                file.write(json.dumps(found, default=float) + "\n")
            if "error" in found:
                print(f"  {group} {found['seed']}: {found['error']}", file=sys.stderr, flush=True)
            if number % 20 == 0 or number == len(todo):
                print(f"  {number} of {len(todo)}, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


COVERED: Final = {
    "loops": "rho .4, shared frailty, calendar",
    "all": "rho .4, other truths, all components",
    "no loops": "rho 0, shared frailty, calendar",
}
NUMBER: Final = ("truth", "value", "low", "high", "center", "error")


def coverage(claims: Claims, group: str, title: str, found: list[Set]) -> None:
    failed = [each for each in found if "error" in each]
    fine = [each for each in found if "error" not in each]
    enough = len(fine) >= FEWEST
    still = sum(not each["converged"] for each in fine)
    claims.note(
        f"{title}: {len(found)} sets, {len(failed)} failed, {still} not converged; a set"
        f" {np.mean([each['cpu'] for each in found]):.1f} CPU s, {np.mean([each['facts'] for each in fine]):,.0f} facts"
    )
    claims.claim(f"{title}: every fit succeeds", f"{len(failed) + still} do not", "", not failed and not still)
    numbers = np.array([each["number"] for each in fine])
    if group == "no loops":
        true, value, _, _, center, error = numbers.T
        _share(claims, "one-sided 95 % upper limit of rho", np.maximum(center + ONE_SIDED * error, value) >= true, 0.93)
        _said(claims, "rho", numbers)
        loops = np.array([each["loops"] > 0 for each in fine])
        _share(claims, "the report is sure of no loop where there is none", ~loops, 0.93)
    else:
        _both(claims, "rho", numbers, enough)
    by_type: dict[int, list[list[float]]] = {}
    for each in fine:
        for d, one in enumerate(each["values"]):
            by_type.setdefault(0 if group == "all" else d, []).append(one)
    for d, values in by_type.items():
        _both(claims, "values" if group == "all" else f"value of type {d + 1}", np.array(values), enough)
    _kinds(claims, fine)


def _kinds(claims: Claims, fine: list[Set]) -> None:
    """The Monte Carlo error is of sets, for the parameters of one set are not independent."""
    for kind in dict.fromkeys(name for each in fine for name in each["kinds"]):
        rows = np.array([each["kinds"][kind] for each in fine if kind in each["kinds"]])
        many, shown, inside, z, squares, off = rows.sum(axis=0)
        share = shown / many
        shares = rows[:, 1] / rows[:, 0]
        high = 1.0 if kind == "A = 0" else COVERAGE[1]
        room = _room(shares)
        claims.claim(
            f"{kind}: {COVERAGE[0]:.0%}-{high:.0%}{FEW_SETS if room else ''}",
            f"{share:.2%}; one-step interval {inside / many:.2%}, z {z / many:+.3f}, its square {squares / many:.3f},"
            f" of the optimum {off / many:+.3f}",
            f"± {_error(shares):.2%}, {many:,.0f} of them",
            COVERAGE[0] - room <= share <= high + room,
        )


def _both(claims: Claims, name: str, numbers: Floats, enough: bool) -> None:
    true, _, low, high, _, _ = numbers.T
    within = (low <= true) & (true <= high)
    claims.claim(
        f"{name}: interval of 95 % covers {COVERAGE[0]:.0%}-{COVERAGE[1]:.0%}{'' if enough else FEW_SETS}",
        f"{within.mean():.2%}",
        f"± {_error(within):.2%}, {len(within)} of them",
        COVERAGE[0] - _room(within) <= within.mean() <= COVERAGE[1] + _room(within),
    )
    _said(claims, name, numbers)


def _said(claims: Claims, name: str, numbers: Floats) -> None:
    true, value, _, _, center, error = numbers.T
    z = (center - true) / error
    claims.note(
        f"  {name}: estimate {np.mean(value - true):+.5g}, one-step {np.mean(center - true):+.5g} off; spread"
        f" {np.std(center - true):.5g}, stated {np.mean(error):.5g}; too low {np.mean(z < -TWO_SIDED):.1%}, too high"
        f" {np.mean(z > TWO_SIDED):.1%}"
    )


def _share(claims: Claims, name: str, flags: Any, least: float) -> None:
    claims.claim(
        f"{name}: >= {least:.0%}",
        f"{flags.mean():.2%}",
        f"± {_error(flags):.2%}, {len(flags)} sets",
        flags.mean() >= least,
    )


def _room(each: Any) -> float:
    """Two Monte Carlo errors where there are too few sets to say more."""
    return 2 * _error(each) if len(each) < FEWEST else 0.0


def _error(each: Any) -> float:
    return float(np.std(each) / max(len(each), 1) ** 0.5)


def confounded(claims: Claims, kind: str, poisson: list[Set], hawkes: list[Set]) -> None:
    for each in [*poisson, *hawkes]:
        if "error" in each:
            claims.claim(f"{kind}: every fit succeeds", f"seed {each['seed']}: {each['error'][:80]}", "", False)
    poisson = [each for each in poisson if "error" not in each]
    hawkes = [each for each in hawkes if "error" not in each]
    if poisson:
        on = [each["numbers"][each["on"]]["value"] for each in poisson]
        without = [each["apart"] if kind == "baskets" else each for each in poisson]
        name = "on" if kind == "baskets" else "off"  # lines apart, though the specification is the same
        off = [each["numbers"][each[name]]["value"] for each in without]
        every = ", ".join(f"{each['numbers']['calendar']['value']:.3f}" for each in poisson)
        claims.claim(
            f"Poisson with {kind}: rho <= .03 with the component on",
            ", ".join(f"{number:.3f}" for number in on),
            f"off {', '.join(f'{number:.3f}' for number in off)}; all components {every}",
            max(on) <= 0.03,
        )
        said = [each["identified"][each[name]] for each in without]
        claims.claim(
            f"Poisson with {kind}: off, the verdict says not identified",
            f"{len(said) - sum(said)} of {len(said)}",
            f"on, identified in {sum(each['identified'][each['on']] for each in poisson)},"
            f" with all components in {sum(each['identified']['calendar'] for each in poisson)}",
            not any(said),
        )
    if hawkes:
        numbers = np.array([each["number"]["value"] for each in hawkes])
        inside = [each["number"]["low"] <= FLYWHEEL_NUMBER <= each["number"]["high"] for each in hawkes]
        claims.claim(
            f"Hawkes .4 with {kind}: .40 ± .03 over seeds",
            f"{numbers.mean():.3f}, {numbers.min():.3f} to {numbers.max():.3f}",
            f"± {_error(numbers):.3f}, {len(numbers)} sets; {sum(inside)} intervals hold .4",
            abs(numbers.mean() - FLYWHEEL_NUMBER) <= 0.03,
        )


def promotion(claims: Claims, found: list[Set]) -> None:
    fine = [each for each in found if "error" not in each]
    for name in ("with means", "without"):
        effects = np.array([each[name]["effect"]["value"] for each in fine])
        shown = [each[name]["value"] for each in fine]
        held = np.array([each["low"] <= 0 <= each["high"] for each in shown])
        text = (
            f"{effects.mean():+.4f}, at most {np.abs(effects).max():.4f}; {held.sum()} of {len(held)} intervals hold 0"
        )
        if name == "without":
            claims.note(f"the same without the households' means of what is sent: {text}")
            continue
        claims.claim(
            "a null promotion targeted at heavy buyers: effect < .02, no value",
            text,
            f"± {_error(effects):.4f}, {len(fine)} of {len(found)} sets",
            len(fine) == len(found) and bool(np.abs(effects).max() < 0.02) and bool(held.mean() >= 0.9),
        )


def world(claims: Claims, found: list[Set]) -> None:
    for each in found:
        if "error" in each:
            claims.claim("world (b)", each["error"][:80], "", False)
            continue
        names = [name for name in each["names"] if name in each["true"]]
        true = np.array([each["true"][name][0] for name in names])
        ranks: dict[str, float] = {}
        for rung, shares in each["removal"].items():
            mine = np.array([shares[each["names"].index(name)] for name in names])
            ranks[rung] = _spearman(true, mine)
        identified = each["identified"]["calendar"]
        claims.claim(
            f"world (b), {each['preset']}: ranking of {len(names)} touchpoints by removal >= .8, or not identified",
            f"{ranks['calendar']:.2f}, {'identified' if identified else 'not identified'}",
            ", ".join(f"{rung} {rank:.2f}" for rung, rank in ranks.items()),
            ranks["calendar"] >= 0.8 or not identified,
        )


def _spearman(one: Floats, other: Floats) -> float:
    first, second = (np.argsort(np.argsort(each)) for each in (one, other))
    return float(np.corrcoef(first, second)[0, 1])


if __name__ == "__main__":
    main()
