"""Flywheel: a report is shown by whoever owns the home, read, opened down to its facts, and taken away again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Browser, Page, StorageState, expect
from tests.browser.running import Opened, RunningHub
from tests.browser.test_accessible import LOOKS, Look, context_of, examine, settle
from tests.flywheel.report_example import CHINESE, ENGLISH, HOSTILE, bare, example, unbounded

from setaria.flywheel.refit.about import Behind
from setaria.flywheel.refit.keeping import keep, kept
from setaria.flywheel.report.report import Report

pytestmark = pytest.mark.journey


@pytest.fixture
def folder(hub: RunningHub) -> Iterator[Path]:
    """Where this hub keeps its reports; empty before and after."""
    made = hub.folder / "flywheel"
    _empty(made)
    yield made
    _empty(made)


def _empty(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


def written(folder: Path, report: Report) -> Path:
    path = folder / "report.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report)))
    return path


def choose(page: Page, path: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="看一份报告").click()
    chooser.value.set_files(path)


def test_from_nothing_to_a_report_and_back(open_page: Opened, folder: Path, tmp_path: Path) -> None:
    page = open_page("/flywheel")
    expect(page.get_by_role("heading", name="还没有报告")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("只属于一个家庭")
    choose(page, written(tmp_path, example()))
    expect(page.get_by_text("模拟数据。")).to_be_visible()
    expect(page.get_by_role("main").get_by_role("listitem").first).to_contain_text("多做「门店体验」")
    expect(page.get_by_role("main")).to_contain_text("12,840 个家庭")
    page.reload()
    page.get_by_role("button", name="移除这份报告").click()
    expect(page.get_by_role("heading", name="还没有报告")).to_be_visible()
    assert kept(folder) == []


def test_a_file_that_is_no_report_is_refused_in_words(open_page: Opened, folder: Path, tmp_path: Path) -> None:
    page = open_page("/flywheel")
    path = tmp_path / "other.json"
    for text, said in (
        ("household,time\n", "不是 JSON"),
        ('{"version": 1}', "这不是飞轮报告"),
        ('{"version": 9}', "第 9 版"),
    ):
        path.write_text(text)
        choose(page, path)
        expect(page.get_by_text(re.compile(said)).first).to_be_visible()
    expect(page.get_by_role("heading", name="还没有报告")).to_be_visible()
    assert kept(folder) == []


def test_a_single_household_is_told_calmly(open_page: Opened, folder: Path) -> None:
    page = open_page("/flywheel", language="en")
    page.get_by_role("button", name="Fit now").click()
    told = page.get_by_role("status").filter(has_text="household")
    expect(told).to_contain_text("a fit needs at least 30", timeout=120_000)
    expect(told).to_contain_text("show its report here")


def test_values_by_horizon_and_by_what_follows(open_page: Opened, folder: Path) -> None:
    keep(example(ENGLISH), folder, 10)
    page = open_page("/flywheel", language="en")
    values = page.locator(".panel").filter(has=page.get_by_role("heading", name="What one more fact is worth"))
    row = values.get_by_role("listitem").filter(has_text="Purifier bought")
    expect(row).to_contain_text("CN¥1,658")
    expect(row).to_contain_text("1,614–1,703")
    page.get_by_role("button", name="30 days").click()
    expect(row).to_contain_text("CN¥1,449")
    page.get_by_role("button", name="No limit").click()
    expect(row).to_contain_text("CN¥1,673")
    page.get_by_role("button", name="Only what follows").click()
    expect(row).to_contain_text("CN¥374")


def test_a_touchpoint_opens_down_to_its_facts(open_page: Opened, folder: Path) -> None:
    """Of a fit of this very log the facts are there; of a file they are elsewhere, and that is said."""
    keep(example(), folder, 10, {CHINESE[0]: Behind("home.thing_added")})
    page = open_page("/flywheel")
    page.get_by_role("button", name=re.compile(f"^{CHINESE[0]}")).first.click()
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_role("heading", name=CHINESE[0], exact=True)).to_be_visible()
    expect(sheet).to_contain_text("72.25–93.28")
    fact = sheet.locator("details").first
    fact.locator("summary").click()
    expect(fact).to_contain_text("home.thing_added")
    sheet.get_by_role("button", name=re.compile(f"^{CHINESE[1]}")).first.click()
    expect(page.get_by_role("dialog", name=f"{CHINESE[0]} → {CHINESE[1]}")).to_contain_text("平均相隔")
    page.keyboard.press("Escape")
    page.get_by_role("button", name=re.compile(f"^{CHINESE[6]}")).first.click()
    expect(page.get_by_role("dialog")).to_contain_text("不在这份日志里")


def test_each_table_has_its_csv(open_page: Opened, folder: Path) -> None:
    about = keep(example(), folder, 10)
    page = open_page("/flywheel")
    links = page.locator("a[download]")
    expect(links.first).to_be_visible()
    page.get_by_role("button", name="最初那一件").click()
    offered = set(links.evaluate_all("(all) => all.map((each) => each.download)"))
    assert offered | {"parents-CNY.csv"} == set(about.tables)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV: 什么带来什么").click()
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    assert text.startswith("先,后,")


def test_the_number_never_stands_alone(open_page: Opened, folder: Path) -> None:
    report = example()
    keep(report, folder, 10)
    page = open_page("/flywheel")
    card = page.locator(".panel").filter(has=page.get_by_role("heading", name="飞轮值", exact=True))
    for name in ("什么都不管", "＋ 家庭差异", "＋ 各有偏好", "＋ 悄悄离开", "＋ 日历", "最强的循环"):
        expect(card).to_contain_text(name)
    report.specified = []
    keep(report, folder, 20)
    page.reload()
    expect(card).to_contain_text("这里不显示")
    expect(card).not_to_contain_text("0.39")


@pytest.mark.parametrize("report", [bare(), unbounded(), example(HOSTILE)], ids=["bare", "unbounded", "hostile"])
@pytest.mark.parametrize("width", [320, 1280])
def test_odd_reports_are_shown_without_a_fault(open_page: Opened, folder: Path, report: Report, width: int) -> None:
    """Names are text: nothing of them runs, and nothing runs over the edge. `open_page` fails on any complaint."""
    keep(report, folder, 10)
    page = open_page("/flywheel", width=width)
    expect(page.get_by_role("heading", name="读到的行").first).to_be_visible()
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    assert page.locator("main script, main img, main b:text-is('bold')").count() == 0


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
def test_nothing_stands_in_the_way(
    hub: RunningHub, owner: StorageState, browser: Browser, folder: Path, look: Look
) -> None:
    context = context_of(browser, look, owner)
    page = context.new_page()
    problems: list[str] = []
    page.goto(hub.url + "/flywheel")
    page.get_by_role("heading", name="还没有报告").wait_for()
    settle(page)
    problems += examine(page, "no report", look)
    keep(example(identified=False), folder, 10)
    page.reload()
    page.get_by_role("heading", name="检验").wait_for()
    for each in page.locator("main details").all():
        each.evaluate("(details) => (details.open = true)")
    settle(page)
    problems += examine(page, "a report", look)
    page.get_by_role("button", name=re.compile(f"^{CHINESE[0]}")).first.click()
    page.locator("dialog[open] h2").wait_for()
    problems += examine(page, "a touchpoint", look)
    context.close()
    assert not problems, "\n".join(problems)


def test_a_child_has_no_such_page_in_the_menu(open_page: Opened, folder: Path) -> None:
    """As the session tells; who comes by the address is told that it is not for them."""
    page = open_page("/")
    expect(page.get_by_role("link", name="飞轮").first).to_be_visible()
    session = page.evaluate("fetch('/api/session').then((answer) => answer.json())")
    told = json.dumps({**session, "pages": []})
    page.route("**/api/session", lambda route: route.fulfill(body=told, content_type="application/json"))
    page.reload()
    expect(page.get_by_role("link", name="设置").first).to_be_visible()
    expect(page.get_by_role("link", name="飞轮")).to_have_count(0)
