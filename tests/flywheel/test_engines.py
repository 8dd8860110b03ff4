"""The same shards give the same digits wherever their sums are made, and no more of them are in memory than must be."""

from __future__ import annotations

import gc
import io
import threading
import weakref
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from setaria.facts.refused import Refused
from setaria.flywheel import warm
from setaria.flywheel.arrays import Floats
from setaria.flywheel.fit.decays import Decays
from setaria.flywheel.fit.engines import Shard, Source, Threads, plain, running
from setaria.flywheel.fit.flywheel import Expected, Flywheel, expected, expected_over, problem_of
from setaria.flywheel.fit.marginal import Marginal, Problem
from setaria.flywheel.fit.naive import fit_naive
from setaria.flywheel.fit.survey import Covariates, raw_covariates, surveyed
from setaria.flywheel.histories.histories import Histories, Touchpoint
from setaria.flywheel.histories.shards import Shards, save
from setaria.flywheel.kernels.features import exposures, linear_pass
from setaria.flywheel.kernels.latent import latent_pass
from setaria.flywheel.parameters import Parameters, Specification
from setaria.flywheel.simulate.branching import simulate

KERNELS: tuple[Any, ...] = (linear_pass, exposures, latent_pass)
RATES = np.array([1 / 7])
FULL = Specification(decays=(1 / 7,))
SHARED = Specification(decays=(1 / 7,), own=False, churn=False, calendar=False)


@pytest.fixture(scope="module")
def histories() -> Histories:
    truth = Parameters(
        decays=RATES,
        baseline=np.array([0.01, 0.01, 0.0]),
        excitation=np.array([[0.3, 0.1, 0.2], [0.0, 0.2, 0.1], [0.0, 0.0, 0.0]])[:, :, None],
        shared_variance=0.8,
        covariates=np.array([[0.2], [0.0], [0.0]]),
    )
    return simulate(
        truth,
        touchpoints=(Touchpoint("visit"), Touchpoint("order"), Touchpoint("promotion", receives=False)),
        households=250,
        seed=3,
        window=(200.0, 500.0),
        amounts=(0, 900, 0),
        sent=(0.0, 0.0, 0.01),
    )


@pytest.fixture(scope="module")
def parts(histories: Histories) -> list[Histories]:
    return list(histories.shards(60))


@pytest.fixture(scope="module")
def on_disk(parts: list[Histories], tmp_path_factory: pytest.TempPathFactory) -> Shards:
    return save(parts, tmp_path_factory.mktemp("engines") / "shards")


def two_passes(source: Source, workers: int, specification: Specification = FULL) -> Marginal:
    """At one vector, of a problem that has seen another: what is kept beside the shards matters."""
    problem, _ = problem_of(source, specification, RATES, workers)
    vector = a_vector(problem)
    problem.evaluate(vector * 1.1, draws=1)
    return problem.evaluate(vector, draws=2, meat=partial(ones, 2))


def a_vector(problem: Problem) -> Floats:
    shape = (3, 3, 1)
    return problem.layout.vector(Parameters(RATES, np.full(3, 0.01), np.full(shape, 0.1), shared_variance=0.6))


def ones(columns: int, part: Histories) -> Floats:
    return np.ones((len(part), columns))


def same(one: Marginal, other: Marginal) -> bool:
    return one.likelihood == other.likelihood and all(
        np.array_equal(getattr(one, each), getattr(other, each)) for each in ("score", "information", "meat")
    )


@pytest.mark.parametrize("workers", [2, 5])
def test_any_number_of_workers_gives_the_same_digits(parts: list[Histories], workers: int) -> None:
    assert same(two_passes(parts, 1), two_passes(parts, workers))
    decays = Decays.of(RATES, "exact")
    one, other = fit_naive(parts, decays), fit_naive(parts, decays, workers=workers)
    assert np.array_equal(one.theta, other.theta)
    assert one.log_likelihood == other.log_likelihood


def test_a_whole_fit_is_the_same_with_any_number_of_workers(histories: Histories) -> None:
    one, other = Flywheel(SHARED, workers=1).fit(histories), Flywheel(SHARED, workers=3).fit(histories)
    assert np.array_equal(one.vector, other.vector)
    assert one.influence is not None
    assert other.influence is not None
    assert np.array_equal(one.influence.covariance, other.influence.covariance)


def test_shards_on_disk_give_the_digits_of_shards_in_memory(parts: list[Histories], on_disk: Shards) -> None:
    assert same(two_passes(parts, 1), two_passes(on_disk, 2))
    decays = Decays.of(RATES, "exact")
    assert np.array_equal(fit_naive(parts, decays).theta, fit_naive(on_disk, decays, workers=2).theta)
    memory, disk = Flywheel(SHARED).fit(parts), Flywheel(SHARED).fit(on_disk)
    assert np.array_equal(memory.vector, disk.vector)
    assert np.array_equal(memory.mean_amounts, disk.mean_amounts)
    assert memory.counted == disk.counted


class Watched:
    """Reads like `Shards`, and counts what is in memory."""

    def __init__(self, parts: Sequence[Histories]) -> None:
        self.parts = parts
        self.reads = self.alive = self.most = 0
        self.lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, number: int) -> Histories:
        made = self.parts[number].take(np.arange(len(self.parts[number]), dtype=np.int64))
        with self.lock:
            self.reads += 1
            self.alive += 1
            self.most = max(self.most, self.alive)
        weakref.finalize(made.times, self.gone)
        return made

    def gone(self) -> None:
        with self.lock:
            self.alive -= 1


@pytest.mark.parametrize("workers", [1, 2])
def test_no_more_shards_are_in_memory_than_workers(parts: list[Histories], workers: int) -> None:
    source = Watched([*parts, *parts])
    fit_naive(source, Decays.of(RATES, "exact"), workers=workers)
    problem, _ = problem_of(source, FULL, RATES, workers)
    before = source.reads
    problem.evaluate(a_vector(problem), draws=1)
    assert source.reads - before == len(source)  # each once a pass
    assert 1 <= source.most <= workers
    gc.collect()
    assert source.alive == 0


def test_what_is_kept_beside_a_shard_belongs_to_one_problem(parts: list[Histories]) -> None:
    engine = Threads(1)
    with running(engine, parts):
        assert all(not shard.kept for shard in engine.shards)
    fresh, _ = problem_of(parts, FULL, RATES)
    first = fresh.evaluate(a_vector(fresh), draws=1)
    again = fresh.evaluate(a_vector(fresh), draws=1)
    other = fresh.part(range(len(parts)))
    assert same(first, other.evaluate(a_vector(fresh), draws=1))
    assert again.likelihood == pytest.approx(first.likelihood, abs=0.05)  # a grid that lies better, no other number


def test_a_part_of_a_problem_adds_up_with_the_rest(parts: list[Histories]) -> None:
    problem, _ = problem_of(parts, SHARED, RATES)
    vector = a_vector(problem)
    some, rest = problem.part(range(2)), problem.part(range(2, len(parts)))
    assert some.households + rest.households == problem.households
    value = some.evaluate(vector, draws=-1).likelihood + rest.evaluate(vector, draws=-1).likelihood
    assert value == pytest.approx(problem.evaluate(vector, draws=-1).likelihood, rel=1e-12)
    assert some.exposed().total + rest.exposed().total == pytest.approx(problem.exposed().total)


def test_the_survey_of_parts_is_that_of_the_whole(histories: Histories, parts: list[Histories]) -> None:
    problem, names = problem_of(parts, FULL, RATES)
    assert names == ("x1", "sent promotion")
    standard = np.vstack([problem.covariates(part) for part in parts])
    assert standard.mean(axis=0) == pytest.approx(np.zeros(2), abs=1e-12)
    assert standard.std(axis=0) == pytest.approx(np.ones(2))
    survey = problem.survey
    assert survey.households == len(histories)
    assert survey.counted == int(histories.counted.sum())
    assert (survey.start, survey.end) == (histories.start.min(), histories.end.max())
    orders = histories.amounts[histories.kinds == 1]
    assert survey.mean_amounts[0] == pytest.approx([0.0, orders.mean(), 0.0])
    bare = Covariates.of(survey, Specification(sent_means=False))
    assert bare.names == ("x1",)
    assert bare(histories).shape == (len(histories), 1)
    assert raw_covariates(histories).shape == (len(histories), 2)


def test_expectations_may_be_used_where_the_shard_is(parts: list[Histories]) -> None:
    fitted = Flywheel(SHARED, workers=1).fit(parts, intervals=False)
    problem, _ = problem_of(parts, SHARED, RATES, 2)
    everything, whole = expected(fitted, problem)
    small, again = expected_over(fitted, problem.part(range(len(parts))), own_share)
    assert small == [own_share(part, each) for part, each in zip(parts, everything, strict=True)]
    assert np.array_equal(whole.factors, again.factors)
    assert len(whole.frailty) == sum(len(part) for part in parts)


def own_share(part: Histories, expectations: Expected) -> float:
    return float(expectations.own[part.counted].sum())


def test_nothing_to_fit_is_refused(histories: Histories) -> None:
    with pytest.raises(Refused) as refused:
        Flywheel(SHARED).fit(histories.part(0, 0))
    assert refused.value.code == "flywheel_no_households"
    engine = Threads(2)
    engine.start([histories.part(0, 1), histories.part(1, 1)])
    assert [each.households for each in surveyed(engine)] == [1, 0]


def test_a_task_that_fails_fails_the_sum(parts: list[Histories]) -> None:
    engine = Threads(2)
    engine.start(parts)
    with pytest.raises(ZeroDivisionError):
        list(engine.sums(fails_on, 1))
    assert list(engine.sums(numbered, None, [3, 1])) == [3, 1]


def fails_on(shard: Shard, number: int) -> int:
    if shard.number == number:
        raise ZeroDivisionError
    return 0


def numbered(shard: Shard, nothing: None) -> int:
    return shard.number


def test_kernels_run_without_the_gil() -> None:
    assert all(kernel.targetoptions["nogil"] for kernel in KERNELS)


def test_read_only_arrays_do_not_compile_a_kernel_again(parts: list[Histories], on_disk: Shards) -> None:
    decays = Decays.of(RATES, "exact")
    fit_naive(parts, decays)
    two_passes(parts, 1)
    before = [len(each.signatures) for each in KERNELS]
    assert not on_disk[0].times.flags.writeable  # else this says nothing
    fit_naive(on_disk, decays)
    two_passes(on_disk, 1)
    assert before == [len(each.signatures) for each in KERNELS]


def test_plain_copies_only_what_is_not_plain() -> None:
    array = np.arange(6.0).reshape(2, 3)
    assert plain(array) is array
    turned = array.T
    assert plain(turned).flags.c_contiguous
    array.flags.writeable = False
    assert plain(array).flags.writeable


def test_installing_does_not_fail_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    out = io.StringIO()
    warm.main(out)
    assert "nothing to compile" in out.getvalue()


def test_kernels_of_other_sources_go_after_a_month(tmp_path: Path) -> None:
    (tmp_path / "kernels-one" / "deep").mkdir(parents=True)
    (tmp_path / "kernels-one" / "deep" / "kept.nbi").write_bytes(b"")
    (tmp_path / "other").mkdir()
    made = (tmp_path / "kernels-one" / "deep" / "kept.nbi").stat().st_mtime
    warm.clear_old(tmp_path, made + warm.MONTH - 60)
    assert (tmp_path / "kernels-one").exists()
    warm.clear_old(tmp_path, made + warm.MONTH + 60)
    assert [each.name for each in tmp_path.iterdir()] == ["other"]


def test_lean_shards_keep_all_that_a_likelihood_needs(on_disk: Shards) -> None:
    whole, lean = on_disk[1], on_disk.lean(1)
    for column in ("start", "end", "offsets", "times", "kinds", "covariates"):
        assert np.array_equal(getattr(whole, column), getattr(lean, column)), column
    assert len(lean) == len(whole)
    assert not lean.amounts.any()
    assert whole.amounts.any()
