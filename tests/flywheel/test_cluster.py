"""The shards on two worker processes: the same statistics as in this process, and a word for each way it can fail."""

from __future__ import annotations

import importlib
import logging
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from setaria import __version__
from setaria.facts.refused import Refused
from setaria.flywheel.fit import cluster as clusters
from setaria.flywheel.fit.cluster import DaskEngine
from setaria.flywheel.fit.decays import Decays
from setaria.flywheel.fit.engines import Engine, Shard, Source, Threads, running
from setaria.flywheel.fit.flywheel import Flywheel, problem_over
from setaria.flywheel.fit.marginal import Marginal
from setaria.flywheel.fit.naive import fit_naive
from setaria.flywheel.fit.survey import surveyed
from setaria.flywheel.histories.histories import Histories, Touchpoint
from setaria.flywheel.histories.shards import save
from setaria.flywheel.parameters import Parameters, Specification
from setaria.flywheel.simulate.branching import simulate

RATES = np.array([1 / 7])
SPECIFICATION = Specification(decays=(1 / 7,), calendar=False)
SHARED = Specification(decays=(1 / 7,), own=False, churn=False, calendar=False)
# Its processes are its own affair: sockets that close late, an event loop that is asked for in an old way.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    distributed: Any = pytest.importorskip("distributed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            worker_dashboard_address=None,
            silence_logs=logging.CRITICAL,
        ) as cluster:
            yield cluster.scheduler_address


@pytest.fixture(scope="module")
def parts() -> list[Histories]:
    excitation = np.array([[0.3, 0.1], [0.2, 0.2]])[:, :, None]
    made = simulate(
        Parameters(RATES, np.full(2, 0.01), excitation, shared_variance=0.8),
        touchpoints=(Touchpoint("visit"), Touchpoint("order")),
        households=120,
        seed=5,
        window=(200.0, 400.0),
        amounts=(0, 900),
    )
    return list(made.shards(25))


def statistics(engine: Engine, source: Source) -> Marginal:
    """At one vector, after a pass at another: what a worker keeps beside its shards matters."""
    with running(engine, source) as started:
        problem = problem_over(started, surveyed(started), SPECIFICATION, RATES)
        vector = problem.layout.vector(Parameters(RATES, np.full(2, 0.01), np.full((2, 2, 1), 0.1)))
        problem.evaluate(vector * 1.1, draws=1)
        return problem.evaluate(vector, draws=2, meat=squares)


def squares(part: Histories) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.ones((len(part), 2))


def test_the_statistics_are_those_of_this_process(address: str, parts: list[Histories], tmp_path: Path) -> None:
    local = statistics(Threads(1), parts)
    decays = Decays.of(RATES, "exact")
    naive = fit_naive(parts, decays)
    for source in (parts, save(parts, tmp_path / "shards")):
        far = statistics(DaskEngine(address), source)
        assert far.likelihood == pytest.approx(local.likelihood, rel=1e-9)
        for each in ("score", "information", "meat"):
            one, other = getattr(local, each), getattr(far, each)
            assert np.abs(one - other).max() <= 1e-9 * np.abs(one).max(), each
        assert fit_naive(source, decays, engine=DaskEngine(address)).theta == pytest.approx(naive.theta, rel=1e-9)


def test_a_fit_ends_where_that_of_this_process_does(address: str, parts: list[Histories]) -> None:
    local = Flywheel(SHARED, workers=1).fit(parts)
    far = Flywheel(SHARED, engine=DaskEngine(address)).fit(parts)
    assert far.vector == pytest.approx(local.vector, rel=1e-6, abs=1e-9)
    assert far.log_likelihood == pytest.approx(local.log_likelihood, rel=1e-9)
    assert far.influence is not None


def test_a_client_of_ones_own_stays_open_and_workers_forget(address: str, parts: list[Histories]) -> None:
    distributed: Any = importlib.import_module("distributed")
    with distributed.Client(address, set_as_default=False) as client:
        engine = DaskEngine(client)
        with running(engine, parts):
            assert list(engine.sums(numbered, None)) == list(range(len(parts)))
            assert list(engine.sums(seen, None, [2, 0])) == [1, 1]
            assert list(engine.sums(seen, None, [2])) == [2]  # what was kept is where it was
            assert sum(client.run(held).values()) == len(parts)
            with pytest.raises(ZeroDivisionError):
                list(engine.sums(fails, None))
        assert sum(client.run(held).values()) == 0
        assert client.status == "running"


def numbered(shard: Shard, nothing: None) -> int:
    return shard.number


def seen(shard: Shard, nothing: None) -> int:
    shard.kept["seen"] = shard.kept.get("seen", 0) + 1
    return int(shard.kept["seen"])


def fails(shard: Shard, nothing: None) -> int:
    raise ZeroDivisionError


def held() -> int:
    return sum(len(each) for each in clusters._held.values())


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(Refused) as refused:
        DaskEngine("tcp://127.0.0.1:1")
    assert refused.value.code == "flywheel_cluster_missing"


class NoFuture:
    def result(self, timeout: float) -> Any:
        raise TimeoutError

    def release(self) -> None: ...


class NoCluster:
    """A client whose workers are as told."""

    def __init__(self, workers: dict[str, int], version: str = __version__) -> None:
        self.workers = workers
        self.version = version

    def nthreads(self) -> dict[str, int]:
        return self.workers

    def run(self, function: Any, *arguments: Any, **options: Any) -> dict[str, str]:
        return dict.fromkeys(self.workers, self.version)

    def scatter(self, data: list[Any], **options: Any) -> list[Any]:
        return data

    def cancel(self, futures: list[Any]) -> None: ...

    def submit(self, *arguments: Any, **options: Any) -> NoFuture:
        return NoFuture()


def test_a_cluster_without_workers_is_refused(parts: list[Histories]) -> None:
    pytest.importorskip("distributed")
    with pytest.raises(Refused) as refused:
        DaskEngine(NoCluster({})).start(parts)
    assert refused.value.code == "flywheel_cluster_empty"


def test_workers_of_another_version_are_refused(parts: list[Histories]) -> None:
    pytest.importorskip("distributed")
    with pytest.raises(Refused) as refused:
        DaskEngine(NoCluster({"a": 1}, "0.0")).start(parts)
    assert refused.value.code == "flywheel_cluster_differs"
    assert refused.value.details["theirs"] == "0.0"


def test_a_worker_that_goes_away_ends_the_fit(parts: list[Histories]) -> None:
    pytest.importorskip("distributed")
    client = NoCluster({"a": 1, "b": 2})
    engine = DaskEngine(client)
    engine.start(parts)
    del client.workers["a"]
    with pytest.raises(Refused) as refused:
        list(engine.sums(numbered, None))
    assert refused.value.code == "flywheel_cluster_lost"
    assert refused.value.details["worker"] == "a"


def test_a_scheduler_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch, parts: list[Histories]) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(clusters, "REACH", 0.3)
    with pytest.raises(Refused) as refused:
        DaskEngine("tcp://127.0.0.1:1").start(parts)
    assert refused.value.code == "flywheel_cluster_unreachable"
