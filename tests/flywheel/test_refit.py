"""Fits made again: what moved is told, what is handed over is judged, the last few are kept; a hub needs no numpy."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

sys.path.append(str(Path(__file__).parents[2]))

from tests.flywheel.report_example import ENGLISH, HOSTILE, bare, example, unbounded

from setaria.facts.clock import DAY, SystemClock, VirtualClock
from setaria.facts.fact import Actor, Fact
from setaria.facts.ids import IdSource
from setaria.facts.log import Batch
from setaria.facts.refused import Refused
from setaria.facts.sqlite import SqliteLog
from setaria.flywheel.answers.experiments import compare, measured
from setaria.flywheel.facts import Assigned
from setaria.flywheel.histories.rows import RowsRead
from setaria.flywheel.parameters import Estimate
from setaria.flywheel.refit.__main__ import main
from setaria.flywheel.refit.about import Behind
from setaria.flywheel.refit.drift import drift
from setaria.flywheel.refit.keeping import KEPT, keep, kept, last_fitted
from setaria.flywheel.refit.log import LEAST_HOUSEHOLDS, fit_log, next_fit
from setaria.flywheel.refit.restore import LARGEST, restored
from setaria.flywheel.refit.shown import shown_report
from setaria.flywheel.report.report import Report, Sentence
from setaria.home import facts as f
from setaria.words import say

MEMBER = Actor("anna", "adult")
BRAND = Actor("brand", "brand")
REPORTS = {
    "example": example(),
    "english": example(ENGLISH, identified=False),
    "hostile": example(HOSTILE),
    "bare": bare(),
    "unbounded": unbounded(),
}


def keys(sentences: Sequence[Any]) -> list[str]:
    return [each.key.removeprefix("flywheel.refit.") for each in sentences]


def with_value(report: Report, place: int, value: float, half: float) -> Report:
    """The same but for one touchpoint's value."""
    changed = msgspec.structs.replace(report)
    values = list(report.values[report.currency])
    estimate = Estimate(value, value - half, value + half, half / 2)
    values[place] = msgspec.structs.replace(values[place], value=estimate)
    changed.values = {report.currency: values}
    return changed


def test_what_stays_within_its_intervals_has_not_moved() -> None:
    before = example()
    assert keys(drift(before, before)) == ["nothing_moved"]
    found = before.values["CNY"][0].value
    assert found is not None
    near = with_value(before, 0, found.value + (found.high - found.value) / 2, found.high - found.value)
    assert keys(drift(before, near)) == ["nothing_moved"]


def test_what_leaves_its_interval_is_told_and_the_furthest_first() -> None:
    before = example()
    values = before.values["CNY"]
    first, second = values[0].value, values[1].value
    assert first is not None
    assert second is not None
    after = with_value(with_value(before, 0, first.value * 1.2, 100.0), 1, second.value * 5, 100.0)
    told = drift(before, after)
    assert keys(told) == ["since", "value_up", "value_up"]
    assert [each.details["touchpoint"] for each in told[1:]] == [values[1].touchpoint, values[0].touchpoint]
    assert keys(drift(after, before))[1:] == ["value_down", "value_down"]


def test_a_wide_interval_around_the_new_value_is_no_move() -> None:
    """Outside the old interval, but the old value is well within the new one."""
    before = example()
    found = before.values["CNY"][0].value
    assert found is not None
    assert keys(drift(before, with_value(before, 0, found.value * 1.3, found.value))) == ["nothing_moved"]


def test_leads_the_number_touchpoints_and_the_verdict_are_compared() -> None:
    before, after = example(), example()
    after.identified = False
    after.flywheel_number = Estimate(0.9, 0.88, 0.92, 0.01)
    lead = after.leads[0]
    grown = Estimate(lead.children.value * 9, lead.children.low * 9, lead.children.high * 9, lead.children.error)
    after.leads = [msgspec.structs.replace(lead, children=grown), *after.leads[1:]]
    after.values = {
        "CNY": [*after.values["CNY"][:-1], msgspec.structs.replace(after.values["CNY"][-1], touchpoint="x")]
    }
    told = drift(before, after)
    found = keys(told)
    assert found == ["since", "identified_no_more", "touchpoints_came", "touchpoints_gone", "number_up", "lead_up"]
    assert told[-1].details["source"] == lead.source


def test_what_has_no_interval_is_not_compared_and_a_lost_bound_is_told() -> None:
    before, after = example(ENGLISH), unbounded()
    assert "value_unbounded" in keys(drift(before, after))
    before.flywheel_number = Estimate(0.2, math.nan, math.nan)
    assert not any(each.startswith("number") for each in keys(drift(before, after)))


def test_every_sentence_of_a_drift_has_words() -> None:
    told = drift(example(), unbounded()) + drift(example(), example())
    for sentence in told:
        for language in ("zh-CN", "en"):
            assert say(sentence.key, language) != sentence.key
    assert len(told) > 3


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_comes_back_as_it_was(name: str) -> None:
    """NaN is null in JSON."""
    document = msgspec.json.encode(REPORTS[name])
    assert msgspec.json.encode(restored(document)) == document


def test_what_a_reader_took_for_granted_comes_along() -> None:
    document = json.loads(msgspec.json.encode(example()))
    document["rows"]["understood"] = [{"key": "flywheel.understood_grain_exact", "details": {}, "tone": "plain"}]
    report = restored(json.dumps(document).encode())
    assert json.loads(msgspec.json.encode(report)) == document
    assert [each.text for each in shown_report(report, "en", [])[0].understood] == [
        say("flywheel.understood_grain_exact", "en")
    ]
    document["rows"]["understood"] = [3]
    with pytest.raises(Refused):
        restored(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"version": 99}, "flywheel_report_version"),
        ({"more": 1}, "flywheel_report_unfit"),
        ({"leads": [{"source": "a"}]}, "flywheel_report_unfit"),
        ({"leads": 3}, "flywheel_report_unfit"),
        ({"identified": "yes"}, "flywheel_report_unfit"),
        ({"weeks": [[1.0]]}, "flywheel_report_unfit"),
        ({"weeks": [[1.0, {f"t{place}": 1 for place in range(201)}]]}, "flywheel_report_names"),
    ],
)
def test_what_is_no_report_is_refused(change: dict[str, Any], code: str) -> None:
    document = json.loads(msgspec.json.encode(example()))
    with pytest.raises(Refused) as refused:
        restored(json.dumps({**document, **change}).encode())
    assert refused.value.code == code


@pytest.mark.parametrize("document", [b"", b"[]", b"{}", b"null", b"\xff", b"[" * 5_000, b'"x"'])
def test_rubbish_is_refused(document: bytes) -> None:
    with pytest.raises(Refused) as refused:
        restored(document)
    assert refused.value.code == "flywheel_report_unfit"


def test_too_long_a_report_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        restored(b" " * (LARGEST + 1))
    assert refused.value.code == "flywheel_report_large"


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_what_is_shown_is_in_words_and_has_a_csv_for_each_table(name: str, language: str) -> None:
    shown, files = shown_report(REPORTS[name], language, [])
    text = msgspec.json.encode(shown).decode()
    assert "flywheel.report." not in text
    assert {each.file for each in shown.tables} == files.keys()
    assert len(shown.tables) == len(files)
    for table in shown.tables:
        assert all(len(row) == len(table.columns) for row in table.rows)


def test_details_that_fit_no_form_are_refused() -> None:
    report = example()
    report.headline = [msgspec.structs.replace(report.headline[0], details={"roi": {"estimate": ["x"]}})]
    with pytest.raises(Refused) as refused:
        shown_report(report, "en", [])
    assert refused.value.code == "flywheel_report_unfit"


def test_doubt_stands_at_each_figure_that_the_model_makes() -> None:
    (table,) = [each for each in shown_report(example(identified=False), "en", [])[0].tables if each.name == "leads"]
    assert all(row[2][2:] == ["?"] for row in table.rows)
    (sure,) = [each for each in shown_report(example(), "en", [])[0].tables if each.name == "leads"]
    assert all(len(row[2]) == 2 for row in sure.rows)


def test_the_last_few_are_kept_and_each_is_whole(tmp_path: Path) -> None:
    report, behind = example(), {"x": Behind("home.thing_added", {"model": "y"})}
    given = keep(report, tmp_path, 5)
    for time in range(KEPT + 2):
        keep(report, tmp_path, 10 + time, behind)
    names = [each.id for each in kept(tmp_path)]
    assert names[0] == given.id
    assert len(names) == KEPT + 1
    assert not [each for each in tmp_path.iterdir() if each.name.startswith(".")]
    newest = tmp_path / names[-1]
    assert msgspec.json.decode((newest / "facts.json").read_bytes(), type=dict[str, Behind]) == behind
    assert not (tmp_path / given.id / "facts.json").exists()
    shown = json.loads((newest / "shown.en.json").read_bytes())
    assert [each["tone"] for each in shown["drift"]] == ["good"]  # nothing moved between twins
    for name in kept(tmp_path)[-1].tables:
        assert (newest / "csv.zh-CN" / name).read_bytes().startswith(b"\xef\xbb\xbf")


def test_a_drift_is_told_against_the_fit_before_and_not_against_what_was_given(tmp_path: Path) -> None:
    first = example()
    found = first.values["CNY"][0].value
    assert found is not None
    keep(first, tmp_path, 10, {})
    keep(with_value(first, 0, found.value * 3, 10.0), tmp_path, 11)
    last = last_fitted(tmp_path)
    assert last is not None
    assert last[0].at == 10
    about = keep(with_value(first, 0, found.value * 2, 10.0), tmp_path, 12, {})
    shown = json.loads((tmp_path / about.id / "shown.en.json").read_bytes())
    assert "is worth more" in shown["drift"][1]["text"]


def test_nothing_is_left_of_a_report_that_cannot_be_shown(tmp_path: Path) -> None:
    report = example()
    report.verdict = [msgspec.structs.replace(report.headline[0], details={"roi": {"share": "x"}})]
    with pytest.raises(Refused):
        keep(report, tmp_path, 10, {})
    assert list(tmp_path.iterdir()) == []


def test_two_at_one_time_do_not_collide(tmp_path: Path) -> None:
    assert keep(example(), tmp_path, 10).id < keep(example(), tmp_path, 10).id


async def log_of(path: Path, households: int) -> None:
    """In each a lamp is added, and two days later removed."""
    clock = VirtualClock(1_790_000_000_000_000)
    ids = IdSource(clock)
    log = SqliteLog.open_now(path, clock)
    facts = []
    for number in range(households):
        added = f.ThingAdded(f"t{number}", "miio", str(number), "x.light.one", "Lamp")
        for day, body in ((0, added), (2, f.ThingRemoved(f"t{number}"))):
            time = clock.now() + (number % 50 + day) * DAY
            facts.append(Fact(ids.next(), time, f"thing/t{number}", f"h{number}", MEMBER, body))
    await log.append(0, Batch(facts))
    await log.close()


async def test_a_log_of_many_households_is_fitted_by_whoever_fits(tmp_path: Path) -> None:
    await log_of(tmp_path / "log.db", LEAST_HOUSEHOLDS)
    asked: list[Any] = []
    told: list[str] = []

    def analyse(histories: Any, **how: Any) -> Report:
        asked.append(histories)
        how["progress"]("flywheel.progress_answers", 0.5)
        return example()

    report, behind = fit_log(tmp_path / "log.db", lambda key, done: told.append(key), analyse=analyse)
    assert report.source.name == "owners-2026.csv"
    assert len(asked[0]) == LEAST_HOUSEHOLDS
    assert told == ["flywheel.refit.reading", "flywheel.progress_answers"]
    assert behind == {
        "thing_added:x.light.one": Behind("home.thing_added", {"model": "x.light.one"}),
        "thing_removed": Behind("home.thing_removed"),
    }


async def test_a_log_with_assignments_has_its_experiments_measured(tmp_path: Path) -> None:
    """What cannot be measured yet is told of: a refit must not fail for an experiment that is not over."""
    await log_of(tmp_path / "log.db", LEAST_HOUSEHOLDS)
    clock = VirtualClock(1_790_000_000_000_000)
    ids = IdSource(clock)
    log = SqliteLog.open_now(tmp_path / "log.db", clock)
    facts = []
    for number in range(LEAST_HOUSEHOLDS):
        arm, home = ("sent", "control")[number % 2], f"h{number}"
        time = clock.now() + (number % 50 + 1) * DAY
        facts.append(Fact(ids.next(), time, "experiment/x", home, BRAND, Assigned("x", arm, 0.5)))
    facts.append(Fact(ids.next(), clock.now(), "experiment/x", "", BRAND, Assigned("x", "sent", 0.5)))
    await log.append(0, Batch(facts))
    await log.close()
    seen: list[Any] = []

    def analyse(histories: Any, **how: Any) -> Report:
        seen.append((histories, how["assignments"], how["asked"]))
        return example()

    fit_log(tmp_path / "log.db", analyse=analyse)
    ((histories, assignments, asked),) = seen
    assert (len(assignments), assignments.rows.troubles) == (LEAST_HOUSEHOLDS, {"household_missing": 1})
    assert (asked.unit, asked.lenient, asked.absent_is_zero) == ("facts", True, True)
    found, told = compare(histories, assignments.given, asked)
    assert (found, [each.key for each in told]) == ([], ["refused.flywheel_experiment_unfinished"])
    found, _ = compare(histories, assignments.given, msgspec.structs.replace(asked, horizon=2.0))
    assert measured(found, asked)[0].effect.value == 0.0  # each removes its lamp, whatever the arm


def test_a_report_of_experiments_comes_back_and_is_shown() -> None:
    report = example(ENGLISH)
    details = {"experiment": "late", "days": "30"}
    report.unmeasured = [Sentence("refused.flywheel_experiment_unfinished", details, "careful")]
    report.assigned = RowsRead(read=10, facts=9, bad=1, troubles={"arm_missing": 1})
    again = restored(msgspec.json.encode(report))
    assert (again.unmeasured, again.assigned) == (report.unmeasured, report.assigned)
    shown, files = shown_report(again, "en", [])
    assert [shown.lots[0].text, shown.lots[-1].text] == [
        "Assignments read: 9; rows that could not be used: 1.",
        "“late” has not been watched for 30 days after the assignment in every arm.",
    ]
    assert shown.tables[0].name == "measured"
    assert {"measured.csv", "assigned_troubles.csv"} <= files.keys()


@pytest.mark.parametrize("households", [1, LEAST_HOUSEHOLDS - 1])
async def test_a_single_household_is_refused_calmly(tmp_path: Path, households: int) -> None:
    await log_of(tmp_path / "log.db", households)
    with pytest.raises(Refused) as refused:
        fit_log(tmp_path / "log.db")
    assert refused.value.code == "flywheel_households_few"
    assert refused.value.details["households"] == households


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_process_keeps_a_given_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = tmp_path / "report.json"
    given.write_bytes(msgspec.json.encode(example()))
    assert main(["--given", str(given), "--keep", str(tmp_path / "kept")]) == 0
    (told,) = lines(capsys)
    assert [each.id for each in kept(tmp_path / "kept")] == [told["kept"]]


def test_the_process_says_why_it_cannot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "report.json").write_text("{}")
    assert main(["--given", str(tmp_path / "report.json"), "--keep", str(tmp_path / "kept")]) == 1
    assert lines(capsys)[-1]["refused"]["code"] == "flywheel_report_unfit"
    assert main([str(tmp_path / "none.db"), "--keep", str(tmp_path / "kept")]) == 1
    assert lines(capsys)[-1]["refused"]["code"] == "log_missing"
    assert not (tmp_path / "kept").exists()


def test_what_was_fitted_lately_is_not_fitted_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    now = SystemClock().now()
    keep(example(), tmp_path, now, {})
    assert main([str(tmp_path / "none.db"), "--keep", str(tmp_path), "--every", "weekly"]) == 0
    assert lines(capsys) == [{"due": next_fit(now, "weekly")}]
    keep(example(), tmp_path, now, None)  # what was given is no fit of this log
    assert main([str(tmp_path / "none.db"), "--keep", str(tmp_path), "--every", "daily"]) == 0


def test_what_a_hub_reads_of_it_needs_no_numpy() -> None:
    """The package itself, and what tells whether a fit is due."""
    program = "import sys, setaria.flywheel.refit, setaria.web.server; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
