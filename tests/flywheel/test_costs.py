"""Costs, saturation over dose, and the budget that follows from both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
import pytest

from setaria.facts.refused import Refused
from setaria.flywheel.answers.budget import Spend, advise, allocated
from setaria.flywheel.answers.costs import costs_of, indirect_figures, read_costs, returns
from setaria.flywheel.answers.saturation import Saturation, baseline_of, doses, expected, marginal_roi, saturation
from setaria.flywheel.arrays import Floats
from setaria.flywheel.fit.fitted import Figures
from setaria.flywheel.histories.histories import Grain, Histories, Touchpoint
from setaria.flywheel.parameters import Estimate, Parameters
from setaria.flywheel.report.figures import Reader
from setaria.flywheel.report.report import Sentence
from setaria.words import languages, refusal

TOUCHPOINTS = (Touchpoint("promotion", receives=False), Touchpoint("visit"), Touchpoint("buy"))


def made(households: Sequence[Sequence[tuple[float, int]]], end: float = 200.0, grain: Grain = "exact") -> Histories:
    facts = [fact for household in households for fact in sorted(household)]
    times, kinds = (np.array(column) for column in zip(*facts, strict=True)) if facts else (np.zeros(0), np.zeros(0))
    return Histories(
        touchpoints=TOUCHPOINTS,
        households=np.array([f"h{each}" for each in range(len(households))], dtype=object),
        start=np.zeros(len(households)),
        end=np.full(len(households), end),
        offsets=np.concatenate([[0], np.cumsum([len(each) for each in households])]).astype(np.int64),
        times=times.astype(np.float64),
        kinds=kinds.astype(np.int16),
        amounts=np.where(kinds == 2, 100, 0).astype(np.int64),
        currencies=("JPY", "CNY"),
        currency=np.where(kinds == 2, 1, -1).astype(np.int8),
        grain=grain,
    )


@dataclass(frozen=True)
class FakeFit:
    """A fit whose amounts alone are uncertain, independently of each other."""

    parameters: Parameters
    amounts: Floats
    errors: Floats
    asked: list[int] = field(default_factory=list)

    def estimates(self, figures: Figures) -> list[Estimate]:
        values = np.atleast_1d(figures(self.parameters, self.amounts))
        slope = np.stack(
            [
                np.atleast_1d(figures(self.parameters, self.amounts + step)) - values
                for step in np.eye(self.amounts.size).reshape(-1, *self.amounts.shape)
            ],
            axis=1,
        )
        error = np.sqrt((slope**2) @ self.errors.ravel() ** 2)
        return [
            Estimate(float(v), float(v - 1.96 * e), float(v + 1.96 * e), float(e))
            for v, e in zip(values, error, strict=True)
        ]


def fit(promotion: float = 0.2, visit: float = 0.1, error: float = 1.0) -> FakeFit:
    """A promotion leads to `promotion` purchases, a visit to `visit`, of 100 +- error each."""
    excitation = np.zeros((3, 3, 1))
    excitation[2, 0, 0], excitation[2, 1, 0] = promotion, visit
    parameters = Parameters(np.ones(1), np.array([0, 0.1, 0.1]), excitation)
    amounts, errors = np.zeros((2, 3)), np.zeros((2, 3))
    amounts[1, 2], errors[1, 2] = 100.0, error
    return FakeFit(parameters, amounts, errors)


def spoken(sentences: Sequence[Sentence]) -> list[str]:
    for sentence in sentences:
        for language in languages():
            text = Reader(language).sentence(sentence)
            assert text != sentence.key
            assert "…" not in text
    return [sentence.key.removeprefix("flywheel.budget_") for sentence in sentences]


HISTORIES = made([[(1.0, 0), (2.0, 0), (3.0, 2)], [(1.0, 0), (5.0, 0)]])


def test_costs_are_read_in_minor_units_of_one_fact(tmp_path: Path) -> None:
    file = tmp_path / "costs.csv"
    file.write_text(
        '\ufeffTouchpoint, cost ,total,currency\npromotion,,1.20,CNY\nvisit,0.005,,\nbuy,"1,000",,cny\n', "utf-8"
    )
    assert read_costs(file, HISTORIES, 1) == {"promotion": 30.0, "visit": 0.5, "buy": 100_000.0}
    file.write_text("触点,单次成本\nvisit,12\n", "utf-8")
    assert read_costs(file, HISTORIES, 0) == {"visit": 12.0}
    assert read_costs(file, HISTORIES, 1) == {"visit": 1200.0}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("touchpoint,cost\nvisit,-1\n", "cost_negative"),
        ("touchpoint,cost\nnothing,1\n", "cost_touchpoint_unknown"),
        ("touchpoint,cost,currency\nvisit,1,USD\n", "cost_currency"),
        ("touchpoint,cost\nvisit,1\nvisit,1\n", "cost_doubled"),
        ("touchpoint,cost,total\nvisit,1,1\n", "cost_unclear"),
        ("touchpoint,cost\nvisit,\n", "cost_unclear"),
        ("touchpoint,total\nvisit,1\n", "cost_without_facts"),
        ("touchpoint,cost\nvisit,much\n", "cost_not_understood"),
        ("touchpoint,cost\nvisit,nan\n", "cost_not_understood"),
        ("touchpoint,cost\nvisit,1e30\n", "cost_not_understood"),
        ("name,cost\nvisit,1\n", "costs_head"),
        ("touchpoint,cost\n" + "x" * (1 << 20), "costs_too_large"),
        ("touchpoint,cost\n" + "x" * (1 << 18), "costs_not_text"),  # one cell larger than CSV may have
        (b"touchpoint,cost\n\xff\xfe,1\n", "costs_not_text"),
    ],
)
def test_costs_that_cannot_be_used(tmp_path: Path, text: str | bytes, code: str) -> None:
    file = tmp_path / "costs.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(Refused) as caught:
        read_costs(file, HISTORIES, 1)
    assert caught.value.code == f"flywheel_{code}"
    for language in languages():
        assert all(sentence and "…" not in sentence for sentence in refusal(caught.value, language))


def test_a_file_has_no_more_rows_than_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("setaria.flywheel.answers.costs.MAX_ROWS", 2)
    rows = [{"touchpoint": name, "cost": "1"} for name in HISTORIES.names]
    assert costs_of(rows[:2], HISTORIES, 1) == {"promotion": 100.0, "visit": 100.0}
    with pytest.raises(Refused) as caught:
        costs_of(rows, HISTORIES, 1)
    assert caught.value.code == "flywheel_costs_too_large"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        read_costs(tmp_path / "costs.csv", HISTORIES, 1)
    assert caught.value.code == "flywheel_file_unreadable"


def test_returns_are_linear_in_the_indirect_value() -> None:
    found = returns(fit(), {"visit": 5.0, "promotion": 40.0, "buy": 0.0}, HISTORIES.names, 1)
    assert [each.touchpoint for each in found] == ["promotion", "visit", "buy"]
    promotion, visit, buy = found
    assert promotion.break_even is not None
    assert promotion.break_even.value == pytest.approx(20)
    assert promotion.roi is not None
    assert msgspec.structs.astuple(promotion.roi) == pytest.approx((-0.5, -0.5 - 0.0098, -0.5 + 0.0098, 0.005))
    assert visit.roi is not None
    assert visit.roi.value == pytest.approx(1.0)
    assert buy.roi is None
    assert fit().estimates(indirect_figures(0))[0].value == 0.0


def test_where_loops_do_not_die_out_there_is_no_return() -> None:
    explosive = fit()
    explosive.parameters.excitation[2, 2, 0] = 1.1
    assert [(each.roi, each.break_even) for each in returns(explosive, {"visit": 5.0}, HISTORIES.names, 1)] == [
        (None, None)
    ]


def sent(seed: int, power: float, households: int = 600, rate: float = 0.08) -> tuple[Histories, Parameters]:
    """Promotions whose n-th within 30 days leads to n^power - (n - 1)^power purchases, at rates that differ."""
    random = np.random.default_rng(seed)
    rows = []
    for _ in range(households):
        times = np.sort(random.random(random.poisson(200 * rate * random.gamma(1.0))) * 200)
        facts = [(float(each), 0) for each in times]
        for place, time in enumerate(times):
            n = place + 1 - np.searchsorted(times, time - 30)
            children = random.poisson(0.8 * (n**power - (n - 1) ** power))
            facts += [(float(each), 2) for each in time + random.exponential(3.0, children) if each <= 200]
        rows.append([*facts, *((float(each), 2) for each in random.random(random.poisson(200 * 0.02)) * 200)])
    histories = made(rows)
    # What a fit without doses says: the mean effect.
    mine = np.flatnonzero(histories.kinds == 0)
    n = doses(histories, mine)
    excitation = np.zeros((3, 3, 1))
    excitation[2, 0, 0] = 0.8 * float((n**power - (n - 1.0) ** power).mean())
    return histories, Parameters(np.array([1 / 3]), np.array([0, 0, 0.02]), excitation)


def test_doses_are_counted_over_the_past_window() -> None:
    histories = made([[(0.0, 0), (5.0, 0), (5.0, 0), (30.0, 0), (35.1, 0), (36.0, 2)], [(36.0, 0)]])
    assert doses(histories, np.flatnonzero(histories.kinds == 0)).tolist() == [1, 2, 2, 4, 2, 1]


@pytest.mark.parametrize("grain", ["exact", "day"])
def test_expectations_are_those_of_the_intensity(grain: Grain) -> None:
    random = np.random.default_rng(3)
    rows = [
        [(float(t), int(k)) for t, k in zip(random.integers(0, 60, 25), random.integers(0, 3, 25), strict=True)]
        for _ in range(4)
    ]
    histories = made(rows, end=60.0, grain=grain)
    decays = np.array([0.5, 1 / 7])
    parameters = Parameters(decays, np.array([0, 0.1, 0.2]), random.random((3, 3, 2)))
    mine = np.flatnonzero(histories.kinds == 0)
    label = np.minimum(doses(histories, mine), 3) - 1
    base = parameters.baseline[histories.kinds]
    shares, others, exposure = expected(histories, parameters, 0, mine, label, 3, base)
    quick = np.exp(-decays)
    jump = (1 - quick) ** 2 / (decays * quick) if grain == "day" else decays
    classes = dict(zip(mine.tolist(), label.tolist(), strict=True))
    for row, fact in enumerate(np.flatnonzero(histories.counted).tolist()):
        slow = np.zeros(3)
        rest = float(parameters.baseline[histories.kinds[fact]])
        for each in range(int(histories.offsets[histories.owner[fact]]), fact):
            lag = float(histories.times[fact] - histories.times[each])
            if lag > 0:
                part = float(
                    (parameters.excitation[histories.kinds[fact], histories.kinds[each]] * jump) @ np.exp(-decays * lag)
                )
                if each in classes:
                    slow[classes[each]] += part
                else:
                    rest += part
        assert np.allclose(shares[row], slow)
        assert others[row] == pytest.approx(rest)
    for fact, place in classes.items():
        only = np.zeros((3, 2))
        lag = histories.end[0] - histories.times[fact]
        if grain == "day":
            only = sum(
                (parameters.excitation[1:, 0] * jump * np.exp(-decays * n) for n in range(1, int(lag) + 1)), only[1:]
            )
        else:
            only = parameters.excitation[1:, 0] * (1 - np.exp(-decays * lag))
        exposure[histories.owner[fact], place] -= only.sum()
    assert np.allclose(exposure, 0)


@pytest.mark.parametrize("power", [0.4, 1.0])
def test_saturation_is_found_where_it_is(power: float) -> None:
    histories, parameters = sent(11, power)
    found = saturation(histories, parameters, "promotion")
    assert [(each.dose, each.more) for each in found.doses] == [(1, False), (2, False), (3, False), (4, True)]
    assert sum(each.facts for each in found.doses) == int((histories.kinds == 0).sum())
    assert found.elasticity is not None
    assert found.elasticity.low - 0.1 < power < found.elasticity.high + 0.1
    assert found.elasticity.error < 0.15
    assert found.saturates is (True if power < 1 else False)  # noqa: SIM210  None is a third answer
    if power < 1:
        assert found.doses[0].effect.low > 1 > found.doses[-1].effect.high
    else:
        assert all(each.effect.low - 0.1 < 1 < each.effect.high + 0.1 for each in found.doses)


def test_promotions_sent_to_heavy_buyers_need_the_baseline_of_the_fit() -> None:
    random = np.random.default_rng(6)
    rows, factors = [], random.gamma(1.0, 1.0, 300)
    for factor in factors:
        times = random.random(random.poisson(200 * 0.06 * factor)) * 200
        rows.append([(float(each), 0) for each in times])
        rows[-1] += [(float(each), 2) for each in random.random(random.poisson(200 * 0.1 * factor)) * 200]
        rows[-1] += [(float(each + random.exponential(3.0)), 2) for each in times if random.random() < 0.5]
    histories = made([[each for each in row if each[0] <= 200] for row in rows])
    excitation = np.zeros((3, 3, 1))
    excitation[2, 0, 0] = 0.5
    parameters = Parameters(np.array([1 / 3]), np.array([0, 0, 0.1]), excitation, shared_variance=1.0)
    with pytest.raises(ValueError, match="baseline"):
        saturation(histories, parameters, "promotion")
    inverse = np.full(histories.facts, 2.0)
    base = baseline_of(0.1 * factors[histories.owner] * inverse, inverse)
    found = saturation(histories, parameters, "promotion", base).elasticity
    blind = Parameters(parameters.decays, parameters.baseline, excitation)
    plain = saturation(histories, blind, "promotion").elasticity
    assert found is not None
    assert plain is not None
    assert found.low < 1 < found.high
    assert plain.low > 1.1


def test_a_dose_that_does_not_vary_tells_nothing() -> None:
    random = np.random.default_rng(1)
    rows = [[(float(each), 0) for each in (10.0, 60.0, 110.0)] for _ in range(100)]
    rows = [[*row, *((float(each), 2) for each in random.random(3) * 200)] for row in rows]
    parameters = fit().parameters
    found = saturation(made(rows), parameters, "promotion")
    assert [(each.dose, each.facts) for each in found.doses] == [(1, 300)]
    assert (found.curve, found.elasticity, found.saturates) == ("", None, None)
    assert found.present == 1.0
    assert saturation(made([[(1.0, 2)]]), parameters, "promotion") == Saturation("promotion", [], 0.0)
    with pytest.raises(Refused) as caught:
        saturation(made(rows), parameters, "nothing")
    assert caught.value.code == "flywheel_touchpoint_unknown"


def test_the_marginal_return_is_that_of_one_more() -> None:
    found = marginal_roi(Estimate(30, 20, 40, 5), Estimate(0.5, 0.3, 0.7, 0.1), 10.0)
    assert found is not None
    assert found.value == pytest.approx(0.5)
    assert found.error == pytest.approx(np.hypot(0.5 * 5, 30 * 0.1) / 10)
    assert marginal_roi(Estimate(30, 20, 40, 5), Estimate(0.5, 0.3, 0.7, 0.1), 0.0) is None


def test_allocation_is_the_best_there_is() -> None:
    random = np.random.default_rng(4)
    for _ in range(20):
        worth, now, power = random.uniform(1, 100, 4), random.uniform(1, 50, 4), random.uniform(0.1, 0.9, 4)
        found = allocated(worth, now, power, 0.5, 2.0)
        assert now @ found == pytest.approx(now.sum(), rel=1e-9)
        assert np.all((found >= 0.5 - 1e-12) & (found <= 2.0 + 1e-12))
        # As the sum is concave, these (Karush, Kuhn, Tucker) are met by the best and by nothing else.
        marginal = worth * power * found ** (power - 1) / now
        least, most = found < 0.5 + 1e-9, found > 2.0 - 1e-9
        inner = marginal[~least & ~most]
        assert inner.size
        assert np.allclose(inner, inner[0], rtol=1e-6)
        assert np.all(marginal[least] <= inner[0])
        assert np.all(marginal[most] >= inner[0])
    assert allocated(worth, now, power, 1.0, 2.0).tolist() == [1.0] * 4


def spends(power: float = 0.5, error: float = 0.05, cost: float = 10.0) -> list[Spend]:
    elasticity = Estimate(power, power - 1.96 * error, power + 1.96 * error, error)
    return [Spend("promotion", 0, 1000.0, cost, elasticity), Spend("visit", 1, 1000.0, 10.0, elasticity)]


def test_money_moves_to_where_one_more_brings_more() -> None:
    found = advise(fit(0.2, 0.1), spends(), 1, "CNY", identified=True)
    assert spoken(found.words) == ["gain"]
    promotion, visit = found.budget
    assert (promotion.now, visit.now) == (10_000.0, 10_000.0)
    assert promotion.advised == pytest.approx(15_000)  # the other one's bound
    free = advise(fit(0.2, 0.1), spends(), 1, "CNY", identified=True, low=0.1)
    # Equal marginal returns: 20 x^-.5 = 10 y^-.5 with x + y = 2.
    assert [each.advised for each in free.budget] == pytest.approx([16_000, 4_000])
    assert promotion.advised + visit.advised == pytest.approx(20_000)
    assert found.gain is not None
    x, y = promotion.advised / 10_000, visit.advised / 10_000
    assert found.gain.value == pytest.approx(20_000 * (x**0.5 - 1) + 10_000 * (y**0.5 - 1))
    assert found.gain.value == pytest.approx(promotion.gain.value + visit.gain.value)


def test_the_interval_of_the_gain_is_that_of_draws() -> None:
    random = np.random.default_rng(5)
    made_of = fit(0.2, 0.1, error=10.0)
    found = advise(made_of, spends(), 1, "CNY", identified=True)
    scale = np.array([each.advised / each.now for each in found.budget])
    amounts, power = random.normal(100, 10, 20_000), random.normal(0.5, 0.05, (20_000, 2))
    gains = 1000 * np.stack([0.2 * amounts, 0.1 * amounts], axis=1) * (scale**power - 1)
    assert found.gain is not None
    assert found.gain.error == pytest.approx(float(gains.sum(axis=1).std()), rel=0.05)


def test_what_cannot_be_supported_is_said_and_not_moved() -> None:
    good = fit()
    assert spoken(advise(good, spends(), 1, "CNY", identified=False).words) == ["cannot_not_identified"]
    assert spoken(advise(good, [], 1, "CNY", identified=True).words) == ["cannot_no_costs"]
    explosive = fit()
    explosive.parameters.excitation[2, 2, 0] = 1.1
    assert spoken(advise(explosive, spends(), 1, "CNY", identified=True).words) == ["cannot_explosive"]
    one, other = spends()
    fixed = msgspec.structs.replace(one, elasticity=None)
    assert spoken(advise(good, [fixed, other], 1, "CNY", identified=True).words) == ["cannot_too_few", "held_dose"]
    useless = fit(promotion=0.2, visit=0.1, error=80.0)
    assert spoken(advise(useless, spends(), 1, "CNY", identified=True).words) == [
        "cannot_too_few", "held_value", "held_value"
    ]  # fmt: skip
    vague = msgspec.structs.replace(one, elasticity=Estimate(0.3, -0.2, 0.8, 0.25))
    found = advise(good, [vague, other], 1, "CNY", identified=True)
    assert spoken(found.words) == ["cannot_too_few", "held_elasticity"]
    assert (found.budget, found.gain) == ([], None)


def test_a_good_budget_stays_and_a_straight_line_is_said() -> None:
    assert spoken(advise(fit(0.2, 0.2), spends(), 1, "CNY", identified=True).words) == ["stay"]
    straight = advise(fit(0.2, 0.1), spends(power=1.0), 1, "CNY", identified=True)
    assert spoken(straight.words) == ["gain", "no_saturation", "no_saturation"]
    assert [each.advised for each in straight.budget] == pytest.approx([15_000, 5_000])
    unsure = advise(fit(0.2, 0.17), spends(error=0.2), 1, "CNY", identified=True)
    assert spoken(unsure.words)[0] == "gain_unsure"
    with pytest.raises(Refused) as caught:
        advise(fit(), spends(), 1, "CNY", identified=True, low=0.0)
    assert caught.value.code == "flywheel_budget_bounds"
