"""tick 0.8.0.2 on the data of bench/flywheel_data.py: its likelihood, and SciPy's L-BFGS-B on it.

Imported, `ask` runs this file by a Python that has tick, which it makes in build/tick when there is none (another may
be named in SETARIA_TICK_PYTHON). Run, it reads from standard input what `ask` writes and answers in JSON. tick has no
frailty and no calendar, and its windows begin at 0.
"""

from __future__ import annotations

import importlib
import itertools
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ROOT: Final = Path(__file__).parents[1]
PLACE: Final = ROOT / "build" / "tick"
NEEDS: Final = ("tick==0.8.0.2", "numpydoc", "six")
ONE_THREAD: Final = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
LEAST_BASELINE: Final = 1e-6  # of a type's rate: its logarithm is taken
START_SHARE: Final = 0.3  # of the facts have a parent, at the start of the search
TOLERANCE: Final = 1e-12  # of SciPy's L-BFGS-B, relative: the search ends when a step gains less


def python() -> Path:
    """subprocess.CalledProcessError where tick cannot be installed (wheels: CPython 3.11 to 3.13, Linux x86-64)."""
    if named := os.environ.get("SETARIA_TICK_PYTHON"):
        return Path(named)
    ready = PLACE / "ready"
    if not ready.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", PLACE], check=True)
        pip = (PLACE / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        subprocess.run([*pip, *NEEDS], check=True)
        ready.touch()
    return PLACE / "bin" / "python"


def ask(
    data: Path, decays: Floats, given: list[tuple[Floats, Floats]], *, search: bool = True, plainly: bool = False
) -> dict[str, Any]:
    """What tick says of a file that `flywheel_data.saved` wrote; `given` are (baseline D, excitation D x D x K).

    checked: greatest difference to a likelihood by the definition, on a small set. facts. read: cpu and wall seconds
    to hand the data over. given: of each, log_likelihood per fact, and cpu. weights: cpu of the first evaluation, which
    also computes the decayed sums. search: log_likelihood per fact, baseline, excitation, evaluations, cpu and wall of
    the optimisation alone, message, and trace, [cpu, log-likelihood per fact] of each evaluation. plainly: as search,
    with coefficients in tick's units and SciPy's own options, which takes minutes. peak: bytes.
    """
    asked = {
        "data": str(data.resolve()),
        "decays": list(decays),
        "given": [{"baseline": baseline.tolist(), "excitation": excitation.tolist()} for baseline, excitation in given],
        "search": search,
        "plainly": plainly,
    }
    done = subprocess.run(
        [str(python()), "-P", "-W", "ignore", __file__],
        input=json.dumps(asked),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=os.environ | ONE_THREAD,
    )
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


class Tick:
    """Its coefficients: baselines (D), then children [child, parent], or [child, parent, decay] with several decays.

    Its likelihood counts from a Poisson process of one fact a day and type: D x all days more than ours.
    """

    def __init__(self, decays: Floats, realizations: list[list[Floats]], ends: Floats) -> None:
        models = importlib.import_module("tick.hawkes.model")
        several = len(decays) > 1
        made = models.ModelHawkesSumExpKernLogLik if several else models.ModelHawkesExpKernLogLik
        self.model = made(np.array(decays) if several else float(decays[0]), n_threads=1)
        # Its own `fit` hands the data over three times, and with several decays the first time without the ends.
        importlib.import_module("tick.hawkes.model.base").ModelHawkes.fit(self.model, realizations, end_times=ends)
        self.facts = sum(len(times) for realization in realizations for times in realization)
        self.shape = (len(realizations[0]), len(realizations[0]), len(decays))
        self.unit = self.shape[0] * float(ends.sum()) / self.facts

    def flat(self, baseline: Floats, excitation: Floats) -> Floats:
        return np.concatenate([baseline, excitation.ravel()])

    def split(self, coefficients: Floats) -> tuple[Floats, Floats]:
        types = self.shape[0]
        return coefficients[:types], coefficients[types:].reshape(self.shape)

    def log_likelihood(self, coefficients: Floats) -> float:
        """Per fact."""
        return -float(self.model.loss(coefficients)) - self.unit

    def slopes(self, coefficients: Floats) -> Floats:
        slopes: Floats = -self.model.grad(coefficients)
        return slopes


def by_definition(
    decays: Floats, baseline: Floats, excitation: Floats, realizations: list[list[Floats]], ends: Floats
) -> float:
    """Log-likelihood of all facts, from every pair of facts."""
    total = 0.0
    for realization, end in zip(realizations, ends, strict=True):
        total -= float(baseline.sum() * end)
        for child, times in enumerate(realization):
            for time_ in times:
                intensity = baseline[child]
                for parent, sources in enumerate(realization):
                    since = time_ - sources[sources < time_]
                    intensity += float(
                        (excitation[child, parent] * decays * np.exp(-np.outer(since, decays))).sum(axis=(0, 1))
                    )
                total += float(np.log(intensity))
        for parent, sources in enumerate(realization):
            left = -np.expm1(-np.outer(end - sources, decays))  # facts x K
            total -= float((excitation[:, parent, :].sum(axis=0) * left).sum())
    return total


def checked(decays: Floats) -> float:
    """The greatest difference per fact over a few parameters, with unequal ends and an empty realization."""
    random = np.random.default_rng(1)
    ends = np.array([40.0, 25.0, 60.0, 33.0])
    counts = [[7, 0, 5], [0, 0, 0], [12, 9, 1], [1, 0, 0]]
    realizations = [
        [np.sort(random.uniform(0, end - 3, count)) for count in row] for end, row in zip(ends, counts, strict=True)
    ]
    tick = Tick(decays, realizations, ends)
    worst = 0.0
    for _ in range(4):
        baseline, excitation = random.uniform(0.01, 0.2, 3), random.uniform(0, 0.4, (3, 3, len(decays)))
        theirs = tick.log_likelihood(tick.flat(baseline, excitation))
        ours = by_definition(decays, baseline, excitation, realizations, ends) / tick.facts
        worst = max(worst, abs(theirs - ours))
    return worst


def opened(path: str) -> tuple[list[list[Floats]], Floats]:
    with np.load(path) as file:
        times, kinds, offsets, ends, types = (file[name] for name in ("times", "kinds", "offsets", "ends", "types"))
    realizations = [
        [times[low:high][kinds[low:high] == kind] for kind in range(int(types))]
        for low, high in itertools.pairwise(offsets)
    ]
    return realizations, ends


def searched(
    tick: Tick, realizations: list[list[Floats]], ends: Floats, tolerance: float | None = None
) -> dict[str, Any]:
    """From Poisson rates and a weak matrix; baselines in units of their type's rate, which L-BFGS-B needs.

    Without a tolerance: from the same place as plainly as it can be called.
    """
    minimize: Callable[..., Any] = importlib.import_module("scipy.optimize").minimize
    types, _, decays = tick.shape
    rates = np.array([sum(len(each[kind]) for each in realizations) for kind in range(types)]) / float(ends.sum())
    units = tick.flat(rates, np.ones(tick.shape))
    start = tick.flat(np.full(types, 1 - START_SHARE), np.full(tick.shape, START_SHARE / (types * decays)))
    if tolerance is None:
        start, units = start * units, np.ones_like(units)
    bounds = [(LEAST_BASELINE, None)] * types + [(0.0, None)] * (types * types * decays)
    trace: list[tuple[float, float]] = []
    began, cpu = time.perf_counter(), time.process_time()

    def lost(scaled: Floats) -> tuple[float, Floats]:
        value, slopes = tick.log_likelihood(scaled * units), tick.slopes(scaled * units)
        trace.append((time.process_time() - cpu, value))
        return -value, -slopes * units

    options = {} if tolerance is None else {"ftol": tolerance, "gtol": 1e-9, "maxiter": 2_000, "maxfun": 4_000}
    found = minimize(lost, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - began
    baseline, excitation = tick.split(found.x * units)
    return {
        "log_likelihood": -float(found.fun),
        "baseline": baseline.tolist(),
        "excitation": excitation.tolist(),
        "evaluations": len(trace),
        "cpu": cpu,
        "wall": wall,
        "message": str(found.message),
        "trace": trace,
    }


def main() -> None:
    asked = json.load(sys.stdin)
    decays = np.array(asked["decays"])
    answer: dict[str, Any] = {"checked": checked(decays)}
    realizations, ends = opened(asked["data"])
    wall, cpu = time.perf_counter(), time.process_time()
    tick = Tick(decays, realizations, ends)
    answer["read"] = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    answer["facts"] = tick.facts
    cpu = time.process_time()
    types, _, count = tick.shape
    tick.log_likelihood(tick.flat(np.full(types, 0.01), np.full(tick.shape, 0.5 / types / count)))
    answer["weights"] = {"cpu": time.process_time() - cpu}
    answer["given"] = []
    for each in asked["given"]:
        cpu = time.process_time()
        value = tick.log_likelihood(tick.flat(np.array(each["baseline"]), np.array(each["excitation"])))
        answer["given"].append({"log_likelihood": value, "cpu": time.process_time() - cpu})
    if asked["search"]:
        answer["search"] = searched(tick, realizations, ends, TOLERANCE)
    if asked["plainly"]:
        answer["plainly"] = searched(tick, realizations, ends)
    answer["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
