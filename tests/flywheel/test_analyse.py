"""From histories to a report and back: what everything else shows."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping

import msgspec
import numpy as np
import pytest
from tests.flywheel.fit_worlds import truth, world

from setaria.facts.refused import Refused
from setaria.flywheel.analyse import FAST, analyse
from setaria.flywheel.parameters import Estimate, Specification
from setaria.flywheel.report.report import Report
from setaria.words import say

RATES = (1 / 7,)


@pytest.fixture(scope="module")
def report() -> Report:
    histories = world(truth(types=3, number=0.3, shared=0.8, mu=0.006), 400, sends=0)
    return analyse(histories, specification=Specification(decays=RATES), costs={"type 0": 100.0})


def test_everything_is_in_the_report(report: Report) -> None:
    assert [each.name for each in report.specified] == ["naive", "shared", "own", "churn", "calendar"]
    assert report.source.simulated
    assert {each.touchpoint for each in report.values["CNY"]} == {"type 0", "type 1", "type 2"}
    (money,) = report.explained
    assert money.own + money.repeat + money.cross + money.sent + money.uncounted + money.outside == money.total
    assert money.total == sum(amount for _, week in report.weeks for amount in week.values())
    assert money.to_come is not None
    assert money.to_come.value > 0
    for each in report.compared:
        assert sum(each.credits.values()) == money.total - money.uncounted - money.outside, each.method
    assert any(each.roi is not None for each in report.values["CNY"])
    assert report.headline
    assert {each.name for each in report.checks} >= {"back_test", "placebo", "rescaling", "reversal", "mean_amount"}


def estimates(found: object) -> Iterator[Estimate]:
    if isinstance(found, Estimate):
        yield found
    elif isinstance(found, msgspec.Struct):
        yield from estimates(msgspec.structs.astuple(found))
    elif isinstance(found, Mapping):
        yield from estimates(tuple(found.values()))
    elif isinstance(found, list | tuple):
        for each in found:
            yield from estimates(each)


def test_every_estimate_lies_within_its_interval(report: Report) -> None:
    found = list(estimates(report))
    assert len(found) >= 30
    assert all(each.low <= each.value <= each.high for each in found)


def test_every_sentence_is_in_both_languages(report: Report) -> None:
    for each in (*report.headline, *report.verdict, *report.differences, *(check.sentence for check in report.checks)):
        for language in ("zh-CN", "en"):
            assert say(each.key, language, **dict.fromkeys(each.details, "x")) != each.key


def test_it_can_be_written_and_read_again(report: Report) -> None:
    written = msgspec.json.encode(report)
    assert b"NaN" not in written
    assert msgspec.json.encode(msgspec.json.decode(written)) == written


def test_a_naive_answer_is_not_identified_where_households_differ() -> None:
    histories = world(truth(number=0.0, shared=1.5, mu=0.006), 900)
    naive = Specification(decays=RATES, shared=False, own=False, churn=False, calendar=False)
    found = analyse(histories, specification=naive)
    assert not found.identified
    assert any(each.key == "flywheel.verdict.rejected" for each in found.verdict)


def test_two_specifications_are_no_verdict() -> None:
    histories = world(truth(number=0.2, shared=0.8, mu=0.006), 60)
    found = analyse(histories, specification=msgspec.structs.replace(FAST, decays=RATES))
    assert [each.name for each in found.specified] == ["naive", "shared"]


def test_explosive_loops_have_no_value_without_end() -> None:
    parameters = truth(types=2, number=0.99, mu=0.01)
    found = analyse(world(parameters, 150), specification=msgspec.structs.replace(FAST, decays=RATES))
    assert found.flywheel_number is not None
    assert found.flywheel_number.high >= 1
    assert all(each.value is None for each in found.values["CNY"])
    assert any(each.key == "flywheel.verdict.may_explode" for each in found.verdict)
    assert all(np.isfinite(each.within[90].value) for each in found.values["CNY"])


def test_one_household_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        analyse(world(truth(mu=0.05), 1))
    assert refused.value.code == "flywheel_one_household"


def test_the_room_is_read_late() -> None:
    script = "import sys, setaria.flywheel; assert 'numpy' not in sys.modules; assert setaria.flywheel.Flywheel"
    subprocess.run([sys.executable, "-c", script], check=True)
