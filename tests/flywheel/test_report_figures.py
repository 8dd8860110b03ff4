"""Figures in words, and the tables that the terminal, the page and CSV share."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.flywheel.report_example import CHINESE, ENGLISH, HOSTILE, bare, example, unbounded

from setaria.flywheel.parameters import Estimate
from setaria.flywheel.report.figures import Reader, clean, estimate_detail, money_detail
from setaria.flywheel.report.report import Explained, Report, Sentence
from setaria.flywheel.report.saying import headline, next_steps, number_shown, strongest_loop
from setaria.flywheel.report.tables import (
    EXPLAINED,
    Cash,
    all_tables,
    explained_table,
    shown,
)
from setaria.flywheel.report.tables_csv import csv_text, file_name
from setaria.flywheel.report.terminal import shares
from setaria.words import languages, say

EN, ZH = Reader("en"), Reader("zh-CN")


def test_one_day_is_no_days() -> None:
    assert [EN.days(each) for each in (1.0, 1.04, 1.1, 0.2, 45.0)] == [
        "1 day",
        "1 day",
        "1.1 days",
        "0.2 days",
        "45 days",
    ]
    assert ZH.days(1.0) == "1 天"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((0.0, "0.000"), (-0.0, "0.000"), (0.00012, "<0.001"), (0.0123, "0.012"), (0.1234567890123, "0.12")),
        *((3.14159, "3.14"), (31.4159, "31.4"), (31415.9, "31,416"), (-0.5, "-0.50")),
        *((math.inf, "∞"), (math.nan, "unknown")),
    ],
)
def test_a_number_has_no_digit_too_many(value: float, text: str) -> None:
    assert EN.number(value) == text


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (1234.5678901234, "CNY", "CN¥12.35"),
        (123456.789, "CNY", "CN¥1,235"),
        (9_999.4, "CNY", "CN¥99.99"),
        (9_999.6, "CNY", "CN¥100"),
        (-123456.0, "USD", "-$1,235"),
        (5_000.0, "JPY", "¥5,000"),
        (1_234_567.0, "KWD", "KWD 1,235"),
        (1234.0, "", "12.34"),
        (123_400.0, "XXX", "XXX 1,234"),
        (math.nan, "CNY", "unknown"),
    ],
)
def test_an_expectation_of_money_is_rounded(minor: float, currency: str, text: str) -> None:
    assert EN.expected(minor, currency) == text


def test_counted_money_is_exact_in_the_language_of_its_reader() -> None:
    assert ZH.money(123_456_789, "CNY") == "¥1,234,567.89"
    assert EN.money(-5, "CNY") == "-CN¥0.05"
    assert EN.money(2**70, "CNY").startswith("CNY 11,805,916,207,174,113,034.24")


@given(st.floats(allow_nan=True, allow_infinity=True), st.sampled_from(["CNY", "JPY", "KWD", "", "\x1b[0m"]))
def test_figures_never_raise(value: float, currency: str) -> None:
    for reader in (EN, ZH):
        texts = [reader.expected(value, currency), reader.number(value), reader.share(value), reader.days(value)]
        texts += [reader.date(value), reader.estimate(Estimate(value, value, value), currency)]
        assert all(text and "\x1b" not in text for text in texts)


def test_an_interval_that_is_not_there_is_said() -> None:
    assert EN.estimate(Estimate(1.0, math.nan, math.nan)) == "1.00 (no interval)"
    assert EN.estimate(Estimate(100.0, 50.0, math.inf), "CNY") == "CN¥1.00 (CN¥0.50 to ∞)"
    assert EN.parts(Estimate(100_000.0, 50_000.0, 150_000.0), "CNY", bare=True) == ("CN¥1,000", "500–1,500")
    assert EN.parts(Estimate(-0.5, -1.0, 0.25), bare=True) == ("-0.50", "-1.00 to 0.25")


def test_the_details_of_a_sentence_are_put_into_words_late() -> None:
    details = {
        "touchpoint": "a\x1b[31m\u202eb",
        "value": estimate_detail(Estimate(12_345.678, 10_000.0, 15_000.0), "CNY"),
        "direct": money_detail(1234, "CNY"),
    }
    text = EN.sentence(Sentence("flywheel.report.headline.worth", details))
    assert text == "One “a [31m b” is expected to be worth CN¥123 (CN¥100 to CN¥150); CN¥12.34 of it is its own."
    assert ZH.detail({"word": "flywheel.report.specification.naive"}) == "什么都不管"
    assert EN.detail([1_000, 0.12345, {"share": 0.5}, {"days": 2.5}, {"date": 0.0}]) == [
        *("1,000", "0.12", "50%", "2.5 days", "1970-01-01")
    ]
    assert EN.detail({"estimate": [1.0, None, None]}) == "1.00 (no interval)"


@given(st.text())
def test_names_are_clean(name: str) -> None:
    shown = clean(name)
    assert shown
    assert len(shown) <= 60
    assert not any(ord(each) < 32 or 0x7F <= ord(each) < 0xA0 or 0x202A <= ord(each) <= 0x202E for each in shown)


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=8), st.integers(10, 160))
def test_the_cells_of_a_bar_add_up(amounts: list[int], cells: int) -> None:
    drawn = shares(amounts, cells)
    assert sum(drawn) == (cells if sum(amounts) else 0)
    assert all(count > 0 for count, amount in zip(drawn, amounts, strict=True) if amount)


@pytest.mark.parametrize("names", [CHINESE, ENGLISH, HOSTILE])
def test_the_example_adds_up_to_the_cent(names: tuple[str, ...]) -> None:
    report = example(names)
    (explained,), (amounts,) = report.explained, report.rows.amounts
    assert explained.total == sum(int(getattr(explained, part)) for part in EXPLAINED) == amounts.read
    table = explained_table(explained, EN)
    assert sum(int(cell.minor) for row in table.rows for cell in row if isinstance(cell, Cash)) == explained.total
    assert len({sum(each.credits.values()) for each in report.compared}) == 1


def test_every_table_has_its_words_and_a_name_of_its_own() -> None:
    for language in languages():
        reader = Reader(language)
        tables = all_tables(example(), reader)
        assert len(tables) > 15
        assert max(Counter(map(file_name, tables)).values()) == 1
        for table in tables:
            texts = [table.title(reader), *table.head(reader)]
            assert not [text for text in texts if text.startswith("flywheel.")], table.name
            assert {len(row) for row in [*table.rows, *([table.total] if table.total else [])]} == {len(table.columns)}


def test_csv_is_plain_whole_and_harmless() -> None:
    report = example(HOSTILE)
    for table in all_tables(report, EN):
        text = csv_text(table, EN)
        rows = list(csv.reader(io.StringIO(text)))
        assert {len(row) for row in rows} == {len(rows[0])}, table.name
        assert len(rows) == 1 + len(table.rows) + (table.total is not None)
        assert not any(cell[:1] in ("=", "@", "+") for row in rows for cell in row), table.name
        assert "\x1b" not in text
    (explained,) = report.explained
    *parts, total = list(csv.reader(io.StringIO(csv_text(explained_table(explained, EN), EN))))[1:]
    assert round(100 * sum(float(row[1]) for row in parts)) == round(100 * float(total[1])) == explained.total


def test_csv_holds_bounds_in_columns_of_their_own() -> None:
    table = next(each for each in all_tables(example(ENGLISH), EN) if each.name == "specified")
    head, naive, *_ = list(csv.reader(io.StringIO(csv_text(table, EN))))
    assert head[:4] == ["Specification", "Flywheel number", "Flywheel number low", "Flywheel number high"]
    assert naive[:2] == ["'+ households differ" if naive[0].startswith("'") else "Naive", "0.93"]


def with_loops(sure: bool) -> Report:
    report = example()
    report.loops = [type(each)(each.members, each.strength, sure) for each in report.loops]
    return report


def test_the_flywheel_number_is_never_shown_alone() -> None:
    assert number_shown(with_loops(True), EN) == ("0.39", "0.35 to 0.43", False)
    assert number_shown(with_loops(False), EN) == ("≤ 0.43", "at most: no loop is certain", True)
    report = example()
    report.specified = []
    assert number_shown(report, EN) is None
    assert number_shown(bare(), EN) is None
    assert strongest_loop(example(ENGLISH)) == "Linkage used → Vote → Linkage used"


def test_a_headline_that_is_not_identified_says_so() -> None:
    assert not any(text.endswith("?") for text, _ in headline(example(), EN))
    report = example(identified=False)
    assert all(text.endswith(" ?") for text, _ in headline(report, EN))
    report.headline = [Sentence("flywheel.report.headline.nothing_sure", {"measured": True}, "careful")]
    assert headline(report, EN) == [("Nothing can be advised with certainty yet.", "careful")]


def test_what_to_do_next_depends_on_what_is_missing() -> None:
    keys = [each.key.rsplit(".", 1)[1] for each in next_steps(example(identified=False))]
    assert keys == ["holdout", "own_file"]
    assert [each.key.rsplit(".", 1)[1] for each in next_steps(bare())] == ["holdout", "amounts", "specifications"]
    report = example()
    report.rows.bad = report.rows.read // 2
    assert next_steps(report)[0].key == "flywheel.report.next.rows"
    assert all(say(each.key, "zh-CN") != each.key for each in next_steps(unbounded()))


def test_an_empty_total_has_no_share() -> None:
    nothing = explained_table(Explained("CNY", 0, 0, 0, 0, 0, 0, 0), EN)
    assert {shown(row[2], EN) for row in nothing.rows} == {"unknown"}
