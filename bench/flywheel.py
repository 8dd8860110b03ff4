"""What the flywheel's estimator claims, with tick 0.8.0.2 beside it on the same data: likelihood, optimum, CPU, memory.

    python bench/flywheel.py [--rounds N] [--facts MILLIONS] [--part NAME ...] [--plainly]

20,000 households, 12 types, about 600,000 facts of a flywheel number of .6. Counted is CPU time of one thread, from
histories in memory to the optimum; for the large set also reading its Parquet shards, again in each pass. Of tick:
SciPy's L-BFGS-B on its likelihood alone. Not counted are handing the data over to it, and its first evaluation, which
computes sums that it keeps. Compiling is printed apart: it is kept on disk.
"""

from __future__ import annotations

import os

os.environ |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np

sys.path.append(str(Path(__file__).parents[1]))

from bench import flywheel_peer as peer
from bench.claims import Claims, cpu_seconds
from bench.flywheel_data import HOUSEHOLDS, ONE_DECAY, SEED, THREE_DECAYS, Recipe, recipe, saved
from setaria.flywheel.arrays import Floats
from setaria.flywheel.fit.decays import Decays
from setaria.flywheel.fit.engines import Threads, running
from setaria.flywheel.fit.flywheel import Flywheel
from setaria.flywheel.fit.naive import Naive, Over, fit_naive
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.histories.shards import Shards, save
from setaria.flywheel.parameters import Specification
from setaria.flywheel.simulate.branching import simulate_shards

Made = TypeVar("Made")
PARTS: Final = ("compile", "one", "three", "frailty", "linear", "large")
NEAR: Final = 1e-8  # of tick's own optimum, per fact: from there on its search only polishes
SAME: Final = 1e-9  # nats per fact
SHARD: Final = 20_000  # households
A_FACT: Final = 29.5  # facts of a household, to begin with
FRAILTY: Final = Specification(decays=THREE_DECAYS, own=False, churn=False)
NONE: Final = "none: no such thing in tick"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument(
        "--rounds", type=int, default=8, help="fits of which the fastest counts: a short one is easily disturbed"
    )
    options.add_argument("--facts", type=float, default=20.0, help="of the large set, in millions")
    options.add_argument("--part", nargs="*", choices=PARTS, default=PARTS)
    options.add_argument("--plainly", action="store_true", help="tick's search with SciPy's defaults too: minutes")
    options.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    asked = options.parse_args()
    if asked.child:
        print(json.dumps(CHILDREN[asked.child[0]](asked.child[1])))
        return
    claims = Claims("the flywheel's estimator, beside tick 0.8.0.2")
    if "compile" in asked.part:
        compiling(claims)
    fit_naive([recipe().made(200)], _decays(ONE_DECAY))  # from here on all is compiled
    if "one" in asked.part:
        one_decay(claims, asked.rounds, asked.plainly)
    if "three" in asked.part:
        three_decays(claims, asked.rounds)
    if "frailty" in asked.part:
        frailty(claims, asked.rounds)
    if "linear" in asked.part:
        linear(claims, asked.rounds)
    if "large" in asked.part:
        large(claims, asked.facts)
    claims.end()


def compiling(claims: Claims) -> None:
    """In an empty cache, by a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        cold = _child("compile", "", NUMBA_CACHE_DIR=folder)
        warm = _child("compile", "", NUMBA_CACHE_DIR=folder)
    claims.note(
        f"compiled once, at installation, in CPU seconds: naive {cold['naive'] - warm['naive']:.1f},"
        f" with frailty {cold['frailty'] - warm['frailty']:.1f} more; not counted below"
    )


def one_decay(claims: Claims, rounds: int, plainly: bool) -> None:
    made = recipe(ONE_DECAY)
    histories = made.made()
    cpu, naive = _best(rounds, lambda: fit_naive([histories], _decays(ONE_DECAY)))
    claims.note(f"K = 1: {histories.facts:,} facts, flywheel number {made.truth.flywheel_number:.3f}")
    theirs = _asked(claims, histories, made, naive, search=True, plainly=plainly)
    search = theirs["search"]
    ours = naive.log_likelihood
    at_theirs = search["log_likelihood"] * histories.facts
    claims.claim(
        "optimum not below tick's, nats",
        f"{ours:,.6f} ({naive.gain_left:.1e} left by prediction)",
        f"{at_theirs:,.6f} (ours {ours - at_theirs:+.1e})",
        ours >= at_theirs,
    )
    claims.claim(
        "relative Frobenius error of G <= .02",
        f"{_off(_excitation(naive, made), made):.5f}",
        f"{_off(np.array(search['excitation']), made):.5f}",
        _off(_excitation(naive, made), made) <= 0.02,
    )
    near = next(at for at, value in search["trace"] if value >= search["log_likelihood"] - NEAR)
    claims.claim(
        f"CPU of the fit >= 40 times less (best of {rounds})",
        f"{cpu:.3f} s, {naive.passes} passes: {search['cpu'] / cpu:.1f} times less",
        f"{search['cpu']:.1f} s, {search['evaluations']} evaluations, {search['message'].lower()}",
        search["cpu"] / cpu >= 40,
    )
    claims.note(
        f"tick was within {NEAR:g} a fact of its optimum after {near:.1f} s: {near / cpu:.1f} times; not counted:"
        f" {theirs['weights']['cpu']:.2f} s of its first evaluation, {theirs['read']['cpu']:.2f} s of taking the data;"
        f" peak {theirs['peak'] / 2**20:,.0f} MiB"
    )
    if plainly:
        _told_plainly(claims, theirs["plainly"], cpu, ours, histories.facts)
    claims.claim("K = 1 in <= 0.5 CPU s", f"{cpu:.3f} s", f"{search['cpu']:.1f} s", cpu <= 0.5)


def _told_plainly(claims: Claims, theirs: dict[str, Any], cpu: float, ours: float, facts: int) -> None:
    claims.note(
        f"tick with SciPy's defaults and unscaled parameters: {theirs['cpu']:.1f} s, {theirs['evaluations']}"
        f" evaluations, {theirs['cpu'] / cpu:.1f} times; {ours - theirs['log_likelihood'] * facts:.1e} nats below ours,"
        f" {theirs['message'].lower()}"
    )


def three_decays(claims: Claims, rounds: int) -> None:
    """tick's likelihood only: its search takes minutes here."""
    made = recipe(THREE_DECAYS)
    histories = made.made()
    cpu, naive = _best(rounds, lambda: fit_naive([histories], _decays(THREE_DECAYS)))
    theirs = _asked(claims, histories, made, naive, search=False)
    once = min(each["cpu"] for each in theirs["given"])
    claims.claim(
        "K = 3 in <= 1.2 CPU s",
        f"{cpu:.3f} s, {naive.passes} passes, {histories.facts:,} facts",
        f"{once:.2f} s for one value of the likelihood",
        cpu <= 1.2,
    )


def _asked(
    claims: Claims, histories: Histories, made: Recipe, naive: Naive, *, search: bool, plainly: bool = False
) -> dict[str, Any]:
    """The likelihood at several parameters, ours and tick's: at the truth, our optimum, and three by lot."""
    random = np.random.default_rng(SEED)
    types = histories.types
    given = [
        (made.truth.baseline, made.truth.excitation),
        (naive.theta[:, 0], _excitation(naive, made)),
    ]
    for _ in range(3):
        excitation = random.exponential(0.4 / types, made.truth.excitation.shape)
        given.append((made.truth.baseline * random.uniform(0.2, 3.0, types), excitation))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "histories.npz"
        saved(histories, path)
        theirs = peer.ask(path, made.truth.decays, given, search=search, plainly=plainly)
    assert theirs["facts"] == histories.facts
    ours = [_likelihood(histories, made, *each) / histories.facts for each in given]
    apart = max(abs(mine - each["log_likelihood"]) for mine, each in zip(ours, theirs["given"], strict=True))
    claims.claim(
        f"K = {len(made.truth.decays)}: log-likelihood per fact within {SAME:g} at {len(given)} parameters",
        f"greatest difference {apart:.1e}; at the truth {ours[0]:.12f}",
        f"{theirs['given'][0]['log_likelihood']:.12f} (to its definition {theirs['checked']:.0e})",
        apart <= SAME,
    )
    return theirs


def _likelihood(histories: Histories, made: Recipe, baseline: Floats, excitation: Floats) -> float:
    theta = np.hstack([baseline[:, None], excitation.transpose(0, 2, 1).reshape(histories.types, -1)])
    with running(Threads(1), [histories]) as engine:
        over = Over(engine, _decays(tuple(made.truth.decays)))
        return float((over.sums(theta).likelihood - theta @ over.exposed().total).sum())


def frailty(claims: Claims, rounds: int) -> None:
    made = recipe(THREE_DECAYS, shared_variance=1.0, calendar=True)
    histories = made.made()
    Flywheel(FRAILTY, workers=1).fit(made.made(300))
    cpu, fitted = _best(min(rounds, 2), lambda: Flywheel(FRAILTY, workers=1, gain=1e-3).fit(histories))
    claims.claim(
        "K = 3, shared frailty, calendar, gain < .001 nats, sandwich: <= 15 CPU s",
        f"{cpu:.1f} s, {fitted.passes} passes, {fitted.gain_left:.1e} nats left by prediction",
        NONE,
        cpu <= 15 and fitted.gain_left < 1e-3 and fitted.influence is not None,
    )
    claims.note(
        f"{histories.facts:,} facts; calendar of {len(fitted.calendar.names)}; variance"
        f" {fitted.parameters.shared_variance:.3f} for {made.truth.shared_variance:.3f}; flywheel number"
        f" {fitted.parameters.flywheel_number:.4f} for {made.truth.flywheel_number:.4f}"
    )


def linear(claims: Claims, rounds: int) -> None:
    """By the fact and pass, so that a pass more for one of the two is not taken for a curve."""
    each: list[tuple[float, float, int]] = []
    for households in (HOUSEHOLDS, 2 * HOUSEHOLDS):
        histories = recipe(ONE_DECAY).made(households)
        cpu, naive = _best(rounds, lambda histories=histories: fit_naive([histories], _decays(ONE_DECAY)))  # type: ignore[misc]
        each.append((cpu, cpu / naive.passes / histories.facts * 1e9, histories.facts))
    (half, one, few), (whole, two, many) = each
    claims.claim(
        "cost linear: a fact and pass costs <= 1.15 times as much in twice the facts",
        f"{one:.1f} ns with {few:,}, {two:.1f} ns with {many:,}; the fits {half:.2f} and {whole:.2f} s",
        "not asked",
        two / one <= 1.15,
    )


def large(claims: Claims, millions: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        written = _child("write", json.dumps({"folder": folder, "facts": millions * 1e6}))
        told = _child("read", folder)
    size = f"{told['facts'] / 1e6:.1f} million facts in {told['shards']} shards of Parquet"
    small = millions < 20
    claims.claim(
        "20 million facts, K = 1: <= 15 CPU s",
        f"{told['cpu']:.1f} s, {told['passes']} passes, {size}",
        "not asked: all must be in memory",
        told["cpu"] <= 15 and not small,
    )
    claims.claim(
        "and <= 0.6 GB resident at most",
        f"{told['peak'] / 1e9:.2f} GB, {told['before'] / 1e9:.2f} of it before the fit",
        "not asked",
        told["peak"] <= 0.6e9 and not small,
    )
    claims.note(
        f"simulated and written in {written['cpu']:.0f} CPU s, {written['bytes'] / 1e6:.0f} MB; of the fit's CPU"
        f" {told['reading'] * told['passes']:.1f} s is reading the shards once a pass ({told['reading']:.2f} s each)"
    )


def child_compile(_: str) -> dict[str, float]:
    histories = recipe(THREE_DECAYS, shared_variance=1.0, calendar=True).made(300)
    began = cpu_seconds()
    fit_naive([histories], _decays(THREE_DECAYS))
    naive = cpu_seconds() - began
    Flywheel(FRAILTY, workers=1).fit(histories)
    return {"naive": naive, "frailty": cpu_seconds() - began - naive}


def child_write(asked: str) -> dict[str, float]:
    told = json.loads(asked)
    made, folder = recipe(ONE_DECAY), Path(told["folder"])
    households = int(told["facts"] / A_FACT)
    began = cpu_seconds()
    save(simulate_shards(made.truth, households=households, households_per_shard=SHARD, **made.options), folder)
    return {"cpu": cpu_seconds() - began, "bytes": sum(file.stat().st_size for file in folder.iterdir())}


def child_read(folder: str) -> dict[str, float]:
    fit_naive([recipe(ONE_DECAY).made(50)], _decays(ONE_DECAY))  # kernels from the cache
    shards = Shards(folder)
    facts = shards.meta.facts
    before = _peak()
    began = cpu_seconds()
    naive = fit_naive(shards, _decays(ONE_DECAY))
    cpu, peak = cpu_seconds() - began, _peak()
    began = cpu_seconds()
    for number in range(len(shards)):
        assert len(shards.lean(number))
    return {
        "facts": facts,
        "shards": len(shards),
        "cpu": cpu,
        "passes": naive.passes,
        "peak": peak,
        "before": before,
        "reading": cpu_seconds() - began,
    }


CHILDREN: Final[dict[str, Callable[[str], dict[str, float]]]] = {
    "compile": child_compile,
    "write": child_write,
    "read": child_read,
}


def _child(name: str, argument: str, **environment: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, __file__, "--child", name, argument],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=os.environ | environment,
    )
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0


def _best(rounds: int, work: Callable[[], Made]) -> tuple[float, Made]:
    """CPU seconds of the fastest, and what it made."""
    best, found = float("inf"), None
    for _ in range(max(rounds, 1)):
        began = cpu_seconds()
        made = work()
        took = cpu_seconds() - began
        if took < best:
            best, found = took, made
    assert found is not None
    return best, found


def _decays(rates: tuple[float, ...]) -> Decays:
    return Decays.of(np.array(rates), "exact")


def _excitation(naive: Naive, made: Recipe) -> Floats:
    types, _, decays = made.truth.excitation.shape
    return np.ascontiguousarray(naive.theta[:, 1:].reshape(types, decays, types).transpose(0, 2, 1))


def _off(excitation: Floats, made: Recipe) -> float:
    truth = made.truth.branching
    return float(np.linalg.norm(excitation.sum(axis=2) - truth) / np.linalg.norm(truth))


if __name__ == "__main__":
    main()
