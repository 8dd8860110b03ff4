from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from setaria.facts.refused import Refused
from setaria.flywheel.answers import holdout
from setaria.flywheel.answers.experiments import Asked, Method, compare, draw, measure, mismatch, outcomes
from setaria.flywheel.answers.weighting import effect, interval, weights
from setaria.flywheel.histories.assignments import Assignment
from setaria.flywheel.histories.histories import Histories, Touchpoint
from setaria.flywheel.parameters import Estimate
from setaria.words import languages, refusal

METHODS: tuple[Method, ...] = ("horvitz_thompson", "hajek", "adjusted")
TOUCHPOINTS = (Touchpoint("promotion", receives=False), Touchpoint("visit"), Touchpoint("buy"))
Fact = tuple[float, int, int]


def made(*households: Sequence[Fact], start: float = 0.0, end: float = 100.0) -> Histories:
    facts = [fact for household in households for fact in sorted(household)]
    times, kinds, amounts = zip(*facts, strict=True) if facts else ((), (), ())
    return Histories(
        touchpoints=TOUCHPOINTS,
        households=np.array([f"h{each}" for each in range(len(households))], dtype=object),
        start=np.full(len(households), start),
        end=np.full(len(households), end),
        offsets=np.concatenate([[0], np.cumsum([len(each) for each in households])]).astype(np.int64),
        times=np.array(times, dtype=np.float64),
        kinds=np.array(kinds, dtype=np.int16),
        amounts=np.array(amounts, dtype=np.int64),
        currencies=("CNY",),
        currency=np.where(np.array(kinds) == 2, 0, -1).astype(np.int8),
    )


def simulated(seed: int, households: int = 400, lift: float = 1.0) -> tuple[Histories, list[Assignment]]:
    """Heavy buyers are treated with probability .8, others with .3; a treated one buys `lift` times more afterwards."""
    random = np.random.default_rng(seed)
    histories, assignments = [], []
    for each in range(households):
        heavy = each % 4 == 0
        probability = 0.8 if heavy else 0.3
        treated = random.random() < probability
        rate = 6.0 if heavy else 1.0
        before = random.random(random.poisson(rate)) * 30 + 20
        after = 50 + random.random(random.poisson(rate + lift * treated)) * 30
        histories.append([(float(time), 2, 100) for time in (*before, *after)])
        arm, chance = ("sent", probability) if treated else ("control", 1 - probability)
        assignments.append(Assignment("spring", f"h{each}", arm, 50.0, chance))
    return made(*histories), assignments


def refused(histories: Histories, assignments: Sequence[Assignment], **asked: object) -> Refused:
    with pytest.raises(Refused) as caught:
        measure(histories, assignments, Asked(**asked))  # type: ignore[arg-type]
    for language in languages():
        for sentence in refusal(caught.value, language):
            assert sentence
            assert "refused." not in sentence
            assert "…" not in sentence
    return caught.value


def test_outcomes_are_of_the_time_after_and_before() -> None:
    days = (39.9, 40.0, 49.0, 50.0, 50.1, 60.0, 60.1)
    histories = made([(day, 2, 10**place) for place, day in enumerate(days)], [(55.0, 1, 0), (56.0, 0, 0)])
    household, at = np.array([0, 1, -1]), np.full(3, 50.0)
    after, before = outcomes(histories, household, at, Asked(horizon=10))
    assert (after.tolist(), before.tolist()) == ([110_000, 0, 0], [110, 0, 0])
    after, _ = outcomes(histories, household, at, Asked(horizon=10, unit="facts"))
    assert after.tolist() == [2, 1, 0]
    after, _ = outcomes(histories, household, at, Asked(horizon=10, unit="facts", touchpoint="promotion"))
    assert after.tolist() == [0, 1, 0]


@pytest.mark.parametrize("method", METHODS)
def test_weights_undo_whom_the_lot_preferred(method: Method) -> None:
    histories, assignments = simulated(1, households=4000)
    (found,) = measure(histories, assignments, Asked(method=method))
    assert found.effect.low < 100 < found.effect.high
    assert found.households == 4000
    treated = {each.household for each in assignments if each.arm == "sent"}
    assert found.treated == len(treated)
    # The plain difference of means takes heavy buyers for an effect.
    after, _ = outcomes(histories, np.arange(4000), np.full(4000, 50.0), Asked())
    flags = np.array([f"h{each}" in treated for each in range(4000)])
    assert after[flags].mean() - after[~flags].mean() > 250


def test_the_time_before_narrows_the_interval() -> None:
    histories, assignments = simulated(2, households=2000)
    widths = [measure(histories, assignments, Asked(method=method))[0].effect.error for method in METHODS]
    assert widths[0] > widths[1] > 1.2 * widths[2]


def test_hajek_and_horvitz_thompson_are_their_formulas() -> None:
    random = np.random.default_rng(3)
    y, arm, p = random.random(60), random.integers(0, 2, 60), random.uniform(0.2, 0.8, 60)
    cluster, t, c = np.arange(60), arm == 1, arm == 0
    weighted = [(y[each] / p[each]).sum() for each in (t, c)]
    plain = effect(y, arm, 1, p, None, cluster)
    assert plain.value == pytest.approx((weighted[0] - weighted[1]) / 60)
    influence = np.where(t, y / p, -y / p)
    assert plain.error == pytest.approx(influence.std(ddof=1) / np.sqrt(60))
    ratio = effect(y, arm, 1, p, np.ones((60, 1)), cluster)
    assert ratio.value == pytest.approx(weighted[0] / (1 / p[t]).sum() - weighted[1] / (1 / p[c]).sum())


@given(seed=st.integers(0, 10_000), designed=st.booleans())
def test_weights_and_effect_are_one_estimate(seed: int, designed: bool) -> None:
    random = np.random.default_rng(seed)
    n = 40
    y, p, before = random.normal(size=n), random.uniform(0.1, 0.9, n), random.normal(size=n)
    arm = np.concatenate([[0, 0, 0, 1, 1, 1], random.integers(0, 3, n - 6)])
    design = np.stack([np.ones(n), before], axis=1) if designed else None
    value = effect(y, arm, 1, p, design, np.arange(n)).value
    assert weights(arm, 1, p, design) @ y == pytest.approx(value, abs=1e-9)


def test_without_probabilities_the_difference_of_means_and_its_classical_error() -> None:
    histories = made(*([(55.0, 2, 100 + each)] for each in range(200)))
    assignments = [Assignment("x", f"h{each}", "control" if each < 100 else "sent", 50.0) for each in range(200)]
    (found,) = measure(histories, assignments, Asked(method="hajek"))
    variance = np.arange(100).var(ddof=1)
    assert found.effect.value == pytest.approx(100)
    assert found.effect.error == pytest.approx(np.sqrt(2 * variance / 100), rel=0.01)
    assert found.effect.high == pytest.approx(100 + stats.t.ppf(0.975, 99) * found.effect.error)


def test_strata_are_compared_within() -> None:
    random = np.random.default_rng(4)
    histories, assignments = [], []
    for each in range(1200):
        stratum = "heavy" if each % 3 == 0 else "light"
        treated = random.random() < (0.8 if stratum == "heavy" else 0.2)
        amount = (5000 if stratum == "heavy" else 100) + 50 * treated + int(random.integers(0, 40))
        histories.append([(55.0, 2, amount)])
        assignments.append(
            Assignment("x", f"h{each}", "sent" if treated else "control", 50.0, stratum=stratum)
        )  # fmt: skip
    (found,) = measure(made(*histories), assignments)
    assert found.effect.value == pytest.approx(50, abs=4)
    assert found.effect.error < 2


@pytest.mark.parametrize("method", METHODS)
def test_intervals_cover(method: Method) -> None:
    """Unequal probabilities, three arms, three waves of a household with an outcome of its own."""
    random = np.random.default_rng(5)
    households, waves, sets, covered = 120, 3, 600, 0
    cluster = np.repeat(np.arange(households), waves)
    n = len(cluster)
    for _ in range(sets):
        heavy = np.repeat(random.gamma(1.0, 1.0, households), waves)
        p = np.stack([0.2 + 0.5 * (heavy > 1), 0.3 - 0.1 * (heavy > 1), 0.5 - 0.4 * (heavy > 1)], axis=1)
        arm = (random.random(n)[:, None] > np.cumsum(p, axis=1)[:, :2]).sum(axis=1)
        before = random.poisson(3 * heavy).astype(np.float64)
        y = random.poisson(3 * heavy + 2.0 * (arm == 2)).astype(np.float64)
        design = None if method == "horvitz_thompson" else np.ones((n, 1))
        if method == "adjusted":
            design = np.stack([np.ones(n), before], axis=1)
        found = effect(y, arm, 2, p[np.arange(n), arm], design, cluster)
        shown = interval(found)
        covered += shown.low <= 2.0 <= shown.high
    assert 0.925 <= covered / sets <= 0.975


def test_every_arm_and_every_wave_and_the_model_beside() -> None:
    histories, assignments = simulated(6, households=300)
    three = [
        dataclass_replaced(each, arm="card" if each.arm == "sent" and int(each.household[1:]) % 2 else each.arm)
        for each in assignments
    ]
    three = [dataclass_replaced(each, probability=None) for each in three]
    again = [dataclass_replaced(each, at=65.0) for each in three]
    both = [*three, *again, *(dataclass_replaced(each, experiment="autumn", probability=None) for each in assignments)]
    model = Estimate(90.0, 80.0, 100.0)
    found = measure(histories, both, Asked(horizon=15, unit="facts"), {"spring: card": model})
    assert [each.name for each in found] == ["spring: card", "spring: sent", "autumn"]
    assert (found[0].model, found[1].model, found[0].unit) == (model, None, "facts")
    assert found[0].households == 300
    assert found[0].treated == 2 * sum(each.arm == "card" for each in three)


def dataclass_replaced(assignment: Assignment, **changes: object) -> Assignment:
    import msgspec

    return msgspec.structs.replace(assignment, **changes)


def test_a_ratio_that_the_lot_does_not_explain() -> None:
    histories, assignments = simulated(7)
    kept = [each for number, each in enumerate(assignments) if each.arm == "sent" or number % 2]
    assert refused(histories, kept).code == "flywheel_experiment_ratio"
    even = [dataclass_replaced(each, probability=0.5) for each in assignments]
    assert refused(histories, even).code == "flywheel_experiment_ratio"


def test_the_ratio_is_tested_by_chi_square() -> None:
    histories = made(*([] for _ in range(100)))
    arms = ["control"] * 40 + ["a"] * 45 + ["b"] * 15
    p = {"control": 0.5, "a": 0.3, "b": 0.2}
    index = {f"h{each}": each for each in range(100)}
    lot = draw(
        histories, index, "x", [Assignment("x", f"h{n}", a, 1.0, p[a]) for n, a in enumerate(arms)], Asked()
    )  # fmt: skip
    assert mismatch(lot) == pytest.approx(stats.chisquare([40, 45, 15], [50, 30, 20]).pvalue)
    assert mismatch(dataclasses.replace(lot, stated=False)) == 1.0


def test_the_ratio_test_is_calibrated_with_differing_probabilities() -> None:
    alarms = 0
    for seed in range(200):
        histories, assignments = simulated(1000 + seed, households=100)
        index = {str(name): place for place, name in enumerate(histories.households)}
        alarms += mismatch(draw(histories, index, "spring", assignments, Asked())) < 0.1
    assert alarms <= 35


def test_what_cannot_be_measured_is_refused() -> None:
    histories = made(*([(55.0, 2, 100)] for _ in range(6)))
    good = [Assignment("x", f"h{each}", "sent" if each % 2 else "control", 50.0, 0.5) for each in range(6)]

    def changed(**changes: object) -> list[Assignment]:
        return [*good[:-1], dataclass_replaced(good[-1], **changes)]

    cases: list[tuple[str, list[Assignment], dict[str, object]]] = [
        ("size", [], {}),
        ("one_arm", [each for each in good if each.arm == "control"], {}),
        ("no_control", [each for each in good if each.arm == "sent"], {}),
        ("no_control", good, {"control": "nobody"}),
        ("household_unknown", changed(household="h99"), {}),
        ("time", changed(at=float("nan")), {}),
        ("before_window", changed(at=-1.0), {}),
        ("doubled", [*good, good[0]], {}),
        ("probability", changed(probability=0.0), {}),
        ("probability", changed(probability=1.0), {}),
        ("probability", changed(probability=float("nan")), {}),
        ("probability", changed(probability=None), {}),
        ("probability", [dataclass_replaced(good[0], probability=None), *good[1:]], {}),
        (
            "stratum_one_arm",
            [dataclass_replaced(each, probability=None, stratum=each.household) for each in good],
            {},
        ),
        (
            "strata",
            [Assignment("x", f"h{each % 6}", "control", each / 20, stratum=str(each)) for each in range(501)],
            {},
        ),
        ("unfinished", good, {"horizon": 60.0}),
        ("horizon", good, {"horizon": 0.0}),
        ("horizon", good, {"horizon": float("nan")}),
        ("arms", [dataclass_replaced(good[0], at=each / 20, arm=f"arm{each}") for each in range(51)] + good, {}),
    ]
    for code, assignments, asked in cases:
        if code == "strata":
            assignments = [*assignments, *good]
            assignments = [dataclass_replaced(each, probability=None) for each in assignments]
        assert refused(histories, assignments, **asked).code == f"flywheel_experiment_{code}", code
    assert refused(histories, good, touchpoint="nothing").code == "flywheel_touchpoint_unknown"
    one = [good[0], dataclass_replaced(good[0], at=51.0), *(each for each in good if each.arm == "sent")]
    assert refused(histories, one).code == "flywheel_experiment_too_few"
    with pytest.raises(Refused, match="flywheel_no_households"):
        measure(made(), good)
    many = [dataclass_replaced(each, experiment=f"x{wave}") for wave in range(1001) for each in good]
    assert refused(histories, many).code == "flywheel_experiments_many"
    without = dataclasses.replace(histories, currencies=(), currency=np.full(6, -1, dtype=np.int8))
    assert refused(without, good).code == "flywheel_experiment_no_amounts"
    absent = changed(household="h99")
    assert measure(histories, absent, Asked(absent_is_zero=True))[0].effect.value == pytest.approx(-100 / 3)


def test_who_is_absent_was_watched_no_longer_than_the_others() -> None:
    """Else the newest of those without a history would count as done nothing, and those with one not at all."""
    histories = made(*([(day, 2, 100)] for day in (55.0, 56.0, 85.0, 86.0)), end=90.0)
    old = [Assignment("x", name, arm, 50.0) for name, arm in (("h0", "sent"), ("h1", "sent"), ("a", "control"))]
    old.append(Assignment("x", "b", "control", 50.0))
    new = [Assignment("x", name, arm, 80.0) for name, arm in (("h2", "sent"), ("h3", "sent"), ("c", "control"))]
    found = [measure(histories, [*old, *more], Asked(absent_is_zero=True))[0] for more in ([], new)]
    assert [each.households for each in found] == [4, 4]
    assert found[0].effect.value == pytest.approx(100.0)


def test_before_its_history_a_household_of_a_whole_log_did_nothing() -> None:
    histories = made(*([(55.0 + each, 2, 100)] for each in range(4)))
    opened = dataclasses.replace(histories, start=histories.times.copy())
    lot = [Assignment("x", f"h{each}", "sent" if each % 2 else "control", 50.0) for each in range(4)]
    assert refused(opened, lot).code == "flywheel_experiment_before_window"
    assert measure(opened, lot, Asked(absent_is_zero=True))[0].households == 4
    stated = dataclasses.replace(histories, start=np.full(4, 52.0))
    assert refused(stated, lot, absent_is_zero=True).code == "flywheel_experiment_before_window"


def test_who_asks_leniently_is_told_what_could_not_be_measured() -> None:
    histories, assignments = simulated(6, households=300)
    late = [dataclass_replaced(each, experiment="late", at=95.0) for each in assignments]
    found, told = compare(histories, [*late, *assignments], Asked(lenient=True))
    assert [each.name for each in found] == ["spring"]
    assert [(each.key, each.details["experiment"]) for each in told] == [
        ("refused.flywheel_experiment_unfinished", "late")
    ]
    assert refused(histories, [*late, *assignments]).code == "flywheel_experiment_unfinished"


def test_power_is_what_simulation_finds() -> None:
    random = np.random.default_rng(8)
    n, share, spread, lift, correlation, sets = 80, 0.7, 3.0, 2.0, 0.6, 4000
    treated = np.arange(n) < n * share
    before = random.normal(0, 1, (sets, n))
    noise = correlation * before + np.sqrt(1 - correlation**2) * random.normal(0, 1, (sets, n))
    y = spread * noise + lift * treated
    for known, used in ((0.0, y), (correlation, y - spread * correlation * before)):
        found = float((stats.ttest_ind(used[:, treated], used[:, ~treated], axis=1).pvalue < 0.05).mean())
        assert holdout.power(n, lift, spread**2, share, known) == pytest.approx(found, abs=0.025)


def test_sizes_are_the_textbook_ones() -> None:
    # Cohen 1988, table 2.4.1 (two-sided .05, power .80): 26, 64 and 393 in each of two groups for d = .8, .5 and .2;
    # exactly, 393.4 for the last.
    assert [holdout.needed(d, 1.0).households for d in (0.8, 0.5)] == [52, 128]
    assert holdout.needed(0.2, 1.0).households in (786, 787, 788)
    large = holdout.needed(0.01, 4.0, share=0.9, correlation=0.5)
    z = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    assert large.households == pytest.approx(z**2 * 4.0 * 0.75 / (0.09 * 0.01**2), rel=1e-4)
    assert large.held == pytest.approx(0.1 * large.households, abs=1)
    assert large.treated + large.held == large.households
    assert holdout.power(large.households, 0.01, 4.0, 0.9, 0.5) >= 0.8
    assert holdout.power(large.households - 1, 0.01, 4.0, 0.9, 0.5) < 0.8


@pytest.mark.parametrize("households", [4, 30, 5000])
def test_the_effect_that_can_be_found_is_the_inverse(households: int) -> None:
    found = holdout.detectable(households, 7.0, share=0.8, correlation=0.3)
    assert holdout.power(households, found.effect, 7.0, 0.8, 0.3) == pytest.approx(0.8, abs=1e-6)
    assert holdout.needed(found.effect * 1.0001, 7.0, 0.8, 0.3).households <= households


def test_what_is_seen_of_the_outcome() -> None:
    random = np.random.default_rng(9)
    rates = random.gamma(2.0, 1.0, 2000)
    histories = made(*([(100 * each, 2, 10) for each in random.random(random.poisson(3 * rate))] for rate in rates))
    found = holdout.seen(histories, Asked(horizon=20, unit="facts"))
    # Poisson of mean .6 g with g gamma: mean 1.2, variance 1.2 + .36 * 2; correlation .72 / 1.92.
    assert found.mean == pytest.approx(1.2, abs=0.1)
    assert found.variance == pytest.approx(1.92, abs=0.25)
    assert found.correlation == pytest.approx(0.375, abs=0.06)
    assert holdout.seen(histories, Asked(horizon=60)).correlation == 0.0


def test_sizes_that_nobody_can_give() -> None:
    def code(call: object) -> str:
        with pytest.raises(Refused) as caught:
            call()  # type: ignore[operator]
        for language in languages():
            assert all(sentence and "…" not in sentence for sentence in refusal(caught.value, language))
        return caught.value.code.removeprefix("flywheel_holdout_")

    assert code(lambda: holdout.needed(0.0, 1.0)) == "effect"
    assert code(lambda: holdout.needed(1.0, 1.0, wanted=1.0)) == "effect"
    assert code(lambda: holdout.needed(1e-9, 1.0)) == "too_large"
    assert code(lambda: holdout.needed(1.0, float("nan"))) == "numbers"
    assert code(lambda: holdout.needed(1.0, 1.0, share=1.0)) == "numbers"
    assert code(lambda: holdout.detectable(3, 1.0)) == "too_few"
    assert code(lambda: holdout.seen(made([]), Asked())) == "too_short"
