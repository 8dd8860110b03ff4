"""From the world's facts to the measured effect, against the effect that the world really has."""

from __future__ import annotations

import msgspec
import numpy as np

from setaria.facts.fact import Actor, Fact, from_row, to_row
from setaria.facts.kinds import Unknown, kind_named
from setaria.flywheel.answers.expected_effects import doses_of
from setaria.flywheel.answers.experiments import Asked, compare, measure
from setaria.flywheel.facts import Assigned
from setaria.flywheel.histories.assignments_facts import assignments_from_facts
from setaria.flywheel.simulate.world.kinds import ASSIGNED
from setaria.flywheel.simulate.world.parameters import Behaviour, Brand, WorldParameters
from setaria.flywheel.simulate.world.record import Happening
from setaria.flywheel.simulate.world.run import Run, simulate

DAYS = 31


def run(share: float, households: int = 6_000) -> Run:
    """One wave on the first day, to this share by lot, and a promotion that moves people strongly."""
    brand = Brand(promotion_share=share, promotion_days=DAYS)
    return simulate(
        WorldParameters(households=households, days=DAYS, brand=brand, behaviour=Behaviour(by_boost=6.0)), seed=5
    )


def fact_of(happening: Happening, number: int) -> Fact:
    """As a log keeps it and gives it back."""
    body = Unknown(happening.kind, 1, msgspec.Raw(msgspec.json.encode(happening.body)))
    aggregate, actor = f"world/{happening.household}", Actor("brand", happening.role or "brand")
    written = Fact(
        number.to_bytes(16, "big"), happening.time, aggregate, happening.household, actor, body, happening.amount
    )
    return from_row(*to_row(written))


def test_the_lot_of_the_worlds_facts_measures_its_true_effect() -> None:
    lived = run(0.5)
    declared = kind_named(ASSIGNED)
    assert declared is not None
    assert declared.body is Assigned
    facts = [fact_of(each, number) for number, each in enumerate(lived.facts()) if each.kind == ASSIGNED]
    found = assignments_from_facts(facts)
    assert found.rows.bad == 0
    promoted = [each for each in found.given if each.experiment == "promotion"]
    assert len(promoted) == 6_000
    # The same luck with nobody and with nearly everybody sent a promotion.
    none, nearly_all = run(0.0), run(0.95)
    truth = (nearly_all.revenue - none.revenue) / 6_000 / 0.95
    histories = lived.histories()
    (measured,) = measure(histories, promoted, Asked())
    assert 0 < measured.effect.low < truth < measured.effect.high
    # Every promotion follows its lot, and none goes to the control.
    (comparison,), _ = compare(histories, promoted, Asked(method="hajek"))
    doses = doses_of(histories, [comparison], Asked())
    assert np.isclose(doses.doses[0, histories.names.index("promotion")].sum(), 1.0)
