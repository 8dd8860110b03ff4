"""Linkages made by clicking alone are the rules that the examples' YAML makes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.journey

ADD = {
    "当": "添加触发",
    "如果": "添加条件",
    "就": "添加动作",
    "否则": "添加动作",
    "直到": "添加触发",
    "任一成立": "添加条件",
}
ADD |= {"都不成立": "添加条件"}


class Editor:
    """A new linkage, part by part, as a person would make it."""

    def __init__(self, page: Page, url: str, name: str) -> None:
        self.page = page
        page.goto(f"{url}/linkages/+new")
        page.get_by_label("名字", exact=True).fill(name)

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    def add(self, *place: str, kind: str, then: str = "") -> None:
        """`place` are the words before the lists, outermost first; `then` is picked after `kind`."""
        found: Locator = self.page.locator("main")
        for word in place:
            found = found.get_by_role("group", name=word, exact=True).first
        plain = re.sub(r"^\d+\. ", "", place[-1])
        found.get_by_role("button", name=ADD[plain], exact=True).last.click()
        self.dialog.get_by_role("button", name=re.compile(f"^{re.escape(kind)}")).first.click()
        if then:
            self.dialog.get_by_role("button", name=re.compile(f"^{re.escape(then)}")).first.click()

    def pick(self, label: str, choice: str, nth: int = 0) -> None:
        self.dialog.get_by_label(label, exact=True).nth(nth).select_option(label=choice)

    def press(self, label: str, *choices: str) -> None:
        group = self.dialog.get_by_role("group", name=re.compile(f"^{re.escape(label)}")).last
        for choice in choices:
            group.get_by_role("button", name=choice, exact=True).click()

    def write(self, label: str, text: str, nth: int = 0) -> None:
        self.dialog.get_by_label(label, exact=True).nth(nth).fill(text)

    def lasts(self, label: str, hours: int = 0, minutes: int = 0, seconds: int = 0) -> None:
        group = self.dialog.get_by_role("group", name=label, exact=True)
        for place, value in enumerate((hours, minutes, seconds)):
            group.get_by_role("spinbutton").nth(place).fill(str(value))

    def another(self, name: str = "再加一个") -> None:
        self.dialog.get_by_role("button", name=name, exact=True).last.click()

    def more(self) -> None:
        self.dialog.get_by_text("更多", exact=True).click()

    def done(self) -> None:
        self.dialog.get_by_role("button", name="完成", exact=True).click()
        expect(self.dialog).to_have_count(0)

    def how(self) -> None:
        self.page.locator("main").get_by_role("button", name="编辑", exact=True).click()

    def save(self) -> str:
        """Its id."""
        save = self.page.get_by_role("button", name="保存", exact=True)
        expect(save).to_be_enabled()
        save.click()
        self.page.wait_for_url(re.compile(r"/linkages/[^+]+$"))
        return self.page.url.rsplit("/", 1)[1]

    # What many of them begin with.

    def state(self, *place: str, thing: str, value: str, label: str = "变为", what: str = "") -> None:
        self.add(*place, kind="设备状态")
        self.pick("设备", thing)
        if what:
            self.pick("看什么", what)
        self.press(label, value)

    def operate(self, *place: str, things: tuple[str, ...], deed: str) -> None:
        self.add(*place, kind="操作设备或房间")
        for nth, thing in enumerate(things):
            if nth:
                self.another()
            self.pick("对什么", thing, nth)
        self.press("做什么", deed)


def night_motion_light(editor: Editor) -> None:
    editor.state("当", thing="厨房人体传感器", value="有动静")
    editor.done()
    editor.add("如果", kind="时间段或星期")
    editor.write("在此之后", "22:30")
    editor.write("在此之前", "06:30")
    editor.done()
    editor.operate("就", things=("厨房吸顶灯",), deed="打开")
    editor.dialog.get_by_role("spinbutton", name="亮度").fill("20")
    editor.done()
    editor.add("就", kind="等到某事发生")
    editor.lasts("最多等", 1)
    editor.done()
    editor.state("就", "直到", thing="厨房人体传感器", value="没有动静")
    editor.lasts("并且持续", minutes=2)
    editor.done()
    editor.operate("就", things=("厨房吸顶灯",), deed="关闭")
    editor.done()
    editor.how()
    editor.press("运行中又被触发时", "重新开始")
    editor.done()


def bedroom_switch_scene(editor: Editor) -> None:
    editor.add("当", kind="设备状态")
    editor.pick("设备", "卧室墙壁开关")
    editor.dialog.get_by_label("看什么", exact=True).select_option(value="bedroom_switch/switch#2.on")
    editor.press("变为", "开")
    editor.done()
    editor.add("就", kind="场景")
    editor.pick("场景", "晚间")
    editor.done()
    editor.operate("就", things=("客厅窗帘",), deed="关上")
    editor.done()


def purifier_pm25(editor: Editor) -> None:
    for name, bound, value, minutes in (("bad", "高于", "75", 1), ("good", "低于", "35", 10)):
        editor.add("当", kind="数值")
        editor.pick("设备", "空气净化器")
        editor.dialog.get_by_label("看什么", exact=True).select_option(
            value="living_purifier/environment.pm2.5-density"
        )
        editor.write(bound, value)
        editor.lasts("并且持续", minutes=minutes)
        editor.more()
        editor.write("它的名字", name)
        editor.done()
    editor.add("就", kind="分情况")
    editor.page.get_by_role("button", name="添加一种情况").click()
    for number, sets in ((1, (("on", "开"), ("mode", "自动"))), (2, (("mode", "睡眠"),))):
        editor.add("就", f"{number}. 如果", kind="由哪个触发")
        editor.dialog.get_by_role("group", name="由它触发").get_by_role("button").nth(number - 1).click()
        editor.done()
        choice = editor.page.get_by_role("group", name="就", exact=True).nth(number)
        choice.get_by_role("button", name="添加动作", exact=True).click()
        editor.dialog.get_by_role("button", name=re.compile("^设定值")).click()
        for nth, (prop, value) in enumerate(sets):
            if nth:
                editor.another("再设一个值")
            editor.pick("设备", "空气净化器", nth)
            address = f"living_purifier/air-purifier.{prop}"
            editor.dialog.get_by_label("看什么", exact=True).nth(nth).select_option(value=address)
            editor.press("值", value)
        editor.done()
    editor.how()
    editor.lasts("运行后休息", minutes=10)
    editor.done()


def kettle_in_the_morning(editor: Editor) -> None:
    editor.add("当", kind="到了时间")
    editor.write("时间", "06:40")
    editor.done()
    editor.add("如果", kind="时间段或星期")
    editor.press("在这些天", "周六", "周日")
    editor.done()
    editor.add("就", kind="等到某事发生")
    editor.lasts("最多等", 1, 30)
    editor.press("等不到时", "结束")
    editor.done()
    editor.state("就", "直到", thing="厨房人体传感器", value="有动静")
    editor.done()
    editor.add("就", kind="设定值")
    editor.pick("设备", "即热水壶")
    editor.dialog.get_by_label("看什么", exact=True).select_option(value="kitchen_kettle/kettle.target-temperature")
    editor.write("值", "60")
    editor.done()
    editor.how()
    editor.press("时间到了而网关没开", "跳过")
    editor.done()


def everybody_left(editor: Editor) -> None:
    editor.add("当", kind="所有人都出门了")
    editor.lasts("并且持续", minutes=5)
    editor.done()
    editor.add("如果", kind="辅助元素")
    editor.press("是", "关")
    editor.done()
    rooms = tuple(f"{room}的全部" for room in ("客厅", "卧室", "父母房", "厨房", "门厅"))
    editor.add("就", kind="操作设备或房间")
    for nth, room in enumerate(rooms):
        if nth:
            editor.another()
        editor.pick("对什么", room, nth)
    editor.dialog.get_by_label("做什么", exact=True).select_option(value="light.turn_off")
    editor.done()
    editor.operate("就", things=("客厅空调", "父母房电暖器"), deed="关闭")
    editor.done()
    editor.operate("就", things=("落地扇",), deed="关闭")
    editor.done()


def washing_done(editor: Editor) -> None:
    editor.add("当", kind="设备状态")
    editor.pick("设备", "洗衣机")
    editor.press("变为", "洗涤结束")
    editor.done()
    editor.add("就", kind="通知")
    editor.write("内容", "衣服洗好了，记得晾。")
    editor.done()
    editor.add("就", kind="设备的操作")
    editor.pick("设备", "小爱音箱")
    editor.dialog.get_by_label("做什么", exact=True).select_option(value="living_speaker/intelligent-speaker.play-text")
    editor.dialog.get_by_role("textbox").first.fill("衣服洗好了")
    editor.more()
    editor.dialog.get_by_label("失败也继续").check()
    editor.done()
    editor.add("就", kind="设定值")
    editor.pick("设备", "晾衣机")
    editor.dialog.get_by_label("看什么", exact=True).select_option(value="balcony_airer/light.on")
    editor.press("值", "开")
    editor.done()
    editor.add("就", kind="等一段时间")
    editor.lasts("多久", minutes=30)
    editor.done()
    editor.add("就", kind="满足才继续", then="设备状态")
    editor.pick("设备", "洗衣机")
    editor.press("是", "洗涤结束")
    editor.done()
    editor.add("就", kind="通知")
    editor.write("内容", "洗好的衣服还在洗衣机里。")
    editor.done()


def parents_heating(editor: Editor) -> None:
    temperature = "parents_heater/environment.temperature"

    def number(*place: str, bound: str, value: str) -> None:
        editor.add(*place, kind="数值")
        editor.pick("设备", "父母房电暖器")
        editor.dialog.get_by_label("看什么", exact=True).select_option(value=temperature)
        editor.write(bound, value)
        editor.done()

    editor.add("当", kind="到了时间")
    editor.write("时间", "20:30")
    editor.done()
    number("如果", bound="低于", value="20")
    editor.operate("就", things=("父母房电暖器",), deed="设定温度")
    editor.write("温度", "22")
    editor.done()
    editor.operate("就", things=("父母房电暖器",), deed="打开")
    editor.done()
    editor.add("就", kind="等到某事发生")
    editor.lasts("最多等", 2)
    editor.done()
    number("就", "直到", bound="高于", value="22")
    editor.operate("就", things=("父母房电暖器",), deed="关闭")
    editor.done()
    editor.how()
    editor.press("运行中又被触发时", "重新开始")
    editor.done()


def curtain_at_sunset(editor: Editor) -> None:
    editor.add("当", kind="日出日落")
    editor.lasts("提前或推迟", minutes=10)
    editor.done()
    editor.add("如果", kind="几个里有一个成立")
    for member in ("李伟", "王芳"):
        editor.add("如果", "任一成立", kind="有人在家")
        if member != "李伟":
            editor.press("这些人都在家", "李伟", member)
        editor.done()
    editor.operate("就", things=("客厅窗帘",), deed="关上")
    editor.done()
    editor.add("就", kind="如果、就、否则")
    editor.add("就", "如果", kind="公式")
    editor.write("公式", "{{ is_state('living_light', 'off') }}")
    editor.done()
    editor.operate("就", "就", things=("电视灯带",), deed="打开")
    editor.dialog.get_by_role("spinbutton", name="亮度").fill("40")
    editor.done()
    editor.how()
    editor.press("时间到了而网关没开", "不太晚就补上")
    editor.done()


def elder_no_motion(editor: Editor) -> None:
    editor.state("当", thing="父母房人体传感器", value="没有动静")
    editor.lasts("并且持续", 8)
    editor.done()
    editor.state("如果", thing="奶奶", value="在家", label="是")
    editor.done()
    editor.add("如果", kind="时间段或星期")
    editor.write("在此之后", "07:00")
    editor.write("在此之前", "22:00")
    editor.done()
    editor.add("就", kind="设备的操作")
    editor.pick("设备", "小爱音箱")
    editor.dialog.get_by_label("做什么", exact=True).select_option(value="living_speaker/intelligent-speaker.play-text")
    editor.dialog.get_by_role("textbox").first.fill("奶奶，您还好吗？")
    editor.more()
    editor.dialog.get_by_label("失败也继续").check()
    editor.done()
    editor.add("就", kind="通知")
    editor.press("告诉", "奶奶")
    editor.write("内容", "您还好吗？动一动就知道您没事。")
    editor.done()
    editor.add("就", kind="等到某事发生")
    editor.lasts("最多等", minutes=15)
    editor.done()
    editor.add("就", "直到", kind="设备状态")
    for nth, thing in enumerate(("父母房人体传感器", "厨房人体传感器", "客厅人体传感器")):
        if nth:
            editor.another()
        editor.pick("设备", thing, nth)
    editor.press("变为", "有动静")
    editor.done()
    editor.add("就", kind="如果、就、否则")
    editor.add("就", "如果", kind="前面没有等到")
    editor.add("就", "就", kind="通知")
    editor.press("告诉", "主人", "大人")
    editor.write("标题", "请看看奶奶")
    editor.write("内容", "奶奶的房间 8 小时没有动静，问她也没有回应。")
    editor.done()
    editor.how()
    editor.press("运行中又被触发时", "重新开始")
    editor.done()


def vacuum_when_away(editor: Editor) -> None:
    editor.add("当", kind="到了时间")
    editor.write("时间", "10:00")
    editor.another("再加一个时间")
    editor.write("时间", "14:30", 1)
    editor.done()
    editor.add("当", kind="有人回家或出门")
    editor.press("谁", "小满", "奶奶")
    editor.press("做什么", "出门")
    editor.done()
    editor.add("如果", kind="几个都不成立")
    editor.add("如果", "都不成立", kind="设备状态")
    for nth, member in enumerate(("李伟", "王芳", "小满")):
        if nth:
            editor.another()
        editor.pick("设备", member, nth)
    editor.press("是", "在家")
    editor.press("这些里", "任意一个")
    editor.done()
    editor.add("如果", kind="数值")
    editor.pick("设备", "扫地机器人")
    editor.dialog.get_by_label("看什么", exact=True).select_option(value="living_vacuum/battery.battery-level")
    editor.write("高于", "60")
    editor.done()
    editor.operate("就", things=("扫地机器人",), deed="开始")
    editor.done()
    editor.add("就", kind="等到某事发生")
    editor.lasts("最多等", 2)
    editor.done()
    editor.add("就", "直到", kind="有人回家或出门")
    editor.press("谁", "奶奶")
    editor.done()
    editor.add("就", kind="如果、就、否则")
    editor.state("就", "如果", thing="扫地机器人", value="清扫中", label="是")
    editor.press("是", "拖地中")
    editor.done()
    editor.operate("就", "就", things=("扫地机器人",), deed="回充")
    editor.done()
    editor.how()
    editor.press("时间到了而网关没开", "跳过")
    editor.lasts("运行后休息", 20)
    editor.done()


def door_light_at_night(editor: Editor) -> None:
    editor.state("当", thing="门磁", value="打开")
    editor.done()
    editor.add("如果", kind="日出日落")
    editor.press("在此之后", "日落")
    editor.lasts("提前或推迟", minutes=30)
    editor.press("哪个方向", "提前")
    editor.done()
    editor.state("如果", thing="门厅灯", value="关", label="是")
    editor.done()
    editor.operate("就", things=("门厅灯",), deed="打开")
    editor.dialog.get_by_role("spinbutton", name="亮度").fill("60")
    editor.done()
    editor.add("就", kind="等到某事发生")
    editor.lasts("最多等", minutes=15)
    editor.done()
    editor.state("就", "直到", thing="门磁", value="关上")
    editor.lasts("并且持续", minutes=2)
    editor.done()
    editor.operate("就", things=("门厅灯",), deed="关闭")
    editor.done()
    editor.how()
    editor.press("运行中又被触发时", "重新开始")
    editor.done()


def door_while_away(editor: Editor) -> None:
    editor.state("当", thing="门磁", value="打开")
    editor.done()
    editor.add("如果", kind="没人在家")
    editor.done()
    editor.add("就", kind="设定值")
    for nth, (prop, value) in enumerate((("on", "开"), ("recording-mode", ""))):
        if nth:
            editor.another("再设一个值")
        editor.pick("设备", "门厅摄像头", nth)
        address = f"door_camera/camera-control.{prop}"
        editor.dialog.get_by_label("看什么", exact=True).nth(nth).select_option(value=address)
        group = editor.dialog.get_by_role("group", name=re.compile("^值")).last
        (group.get_by_role("button", name=value, exact=True) if value else group.get_by_role("button").first).click()
    editor.done()
    editor.add("就", kind="通知")
    editor.write("标题", "门开了")
    editor.write("内容", "家里没人，门在 ")
    editor.dialog.get_by_role("button", name="时间", exact=True).click()
    message = editor.dialog.get_by_label("内容", exact=True)
    message.press("End")
    message.press_sequentially(" 打开了。")
    editor.done()
    editor.add("就", kind="操作设备或房间")
    editor.pick("对什么", "门厅的全部")
    editor.press("做什么", "打开 · 灯")
    editor.done()
    editor.how()
    editor.write("最多运行几次", "5")
    editor.done()


MADE: dict[str, Callable[[Editor], None]] = {
    each.__name__: each
    for each in (
        night_motion_light,
        bedroom_switch_scene,
        purifier_pm25,
        kettle_in_the_morning,
        everybody_left,
        washing_done,
        parents_heating,
        curtain_at_sunset,
        elder_no_motion,
        door_light_at_night,
        door_while_away,
        vacuum_when_away,
    )
}


def essence(part: Any) -> Any:
    """A rule without its name and without where its parts stand."""
    if isinstance(part, dict):
        return {
            key: essence(value)
            for key, value in part.items()
            if key not in ("path", "alias", "description", "source") and not (key == "id" and "triggers" in part)
        }
    return [essence(each) for each in part] if isinstance(part, list) else part


def rule_of(page: Page, url: str, linkage: str) -> Any:
    answer = page.request.get(f"{url}/api/linkages/{linkage}")
    assert answer.ok, answer.text()
    return essence(answer.json()["rule"])


@pytest.mark.parametrize("name", MADE)
def test_an_example_made_by_clicking(signed_in_page: Page, hub_url: str, name: str) -> None:
    editor = Editor(signed_in_page, hub_url, f"试做 {name}")
    MADE[name](editor)
    made = editor.save()
    try:
        assert rule_of(signed_in_page, hub_url, made) == rule_of(signed_in_page, hub_url, name)
    finally:
        signed_in_page.request.delete(f"{hub_url}/api/linkages/{made}", headers={"Origin": hub_url})


EXAMPLES = tuple(MADE)


def opened(page: Page, url: str, name: str) -> Locator:
    page.goto(f"{url}/linkages/{name}")
    card = page.locator("main")
    card.get_by_role("button", name="添加动作", exact=True).last.wait_for()
    return card


def saved(page: Page) -> None:
    page.get_by_role("button", name="保存", exact=True).click()
    expect(page.get_by_role("button", name="保存", exact=True)).to_have_count(0)


def undone(page: Page, url: str, name: str) -> None:
    answer = page.request.post(f"{url}/api/linkages/{name}/undo", headers={"Origin": url})
    assert answer.ok, answer.text()


def test_saving_an_example_changes_nothing_but_what_was_changed(signed_in_page: Page, hub_url: str) -> None:
    page = signed_in_page
    for name in EXAMPLES:
        before = rule_of(page, hub_url, name)
        opened(page, hub_url, name)
        page.get_by_label("说明", exact=True).fill("说明变了")
        page.get_by_label("说明", exact=True).press("Tab")
        saved(page)
        assert rule_of(page, hub_url, name) == before, name
        undone(page, hub_url, name)


def test_one_part_changed_leaves_the_others(signed_in_page: Page, hub_url: str) -> None:
    page, name = signed_in_page, "door_light_at_night"
    before = rule_of(page, hub_url, name)
    card = opened(page, hub_url, name)
    card.get_by_role("button", name="打开门厅灯").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("spinbutton", name="亮度").fill("35")
    dialog.get_by_role("button", name="完成", exact=True).click()
    expect(card.get_by_role("button", name="打开门厅灯（35 %）")).to_be_visible()
    page.keyboard.press("Control+z")
    expect(card.get_by_role("button", name="打开门厅灯（60 %）")).to_be_visible()
    page.keyboard.press("Control+Shift+z")
    saved(page)
    after = rule_of(page, hub_url, name)
    assert after["actions"][0]["data"] == {"brightness_pct": 35}
    after["actions"][0]["data"] = before["actions"][0]["data"]
    assert after == before
    undone(page, hub_url, name)


def test_a_sheet_opened_and_done_changes_nothing(signed_in_page: Page, hub_url: str) -> None:
    page = signed_in_page
    for name in ("elder_no_motion", "purifier_pm25", "door_while_away", "vacuum_when_away"):
        card = opened(page, hub_url, name)
        pills = card.locator(".pill > button")
        for place in range(pills.count()):
            pills.nth(place).click()
            page.get_by_role("dialog").get_by_role("button", name="完成", exact=True).click()
            expect(page.get_by_role("dialog")).to_have_count(0)
        expect(page.get_by_role("button", name="保存", exact=True)).to_have_count(0)


def test_text_and_sentences_are_the_same_linkage(signed_in_page: Page, hub_url: str) -> None:
    page, name = signed_in_page, "night_motion_light"
    opened(page, hub_url, name)
    page.get_by_role("button", name="文本 (YAML)").click()
    area = page.get_by_role("textbox", name="文本 (YAML)")
    text = area.input_value()
    assert text.startswith("# Up at night")
    area.fill(text.replace("entity_id: kitchen_light", "entity_id: kitchen_lamp", 1))
    problem = page.get_by_role("listitem").filter(has_text="kitchen_lamp")
    expect(problem).to_be_visible()
    expect(problem).to_contain_text("第 15 行")
    expect(page.get_by_role("button", name="保存", exact=True)).to_be_disabled()
    page.get_by_role("button", name="句子", exact=True).click()
    pill = page.locator(".pill.error")
    expect(pill).to_contain_text("kitchen_lamp")
    page.get_by_role("button", name="放弃修改").click()
    expect(page.locator(".pill.error")).to_have_count(0)


def test_what_no_form_knows_survives(signed_in_page: Page, hub_url: str) -> None:
    page = signed_in_page
    text = """
id: by_hand
alias: 手写的
triggers: [{trigger: time, at: "05:00:00"}]
conditions: ["{{ states('living_light/light.brightness') > 3 }}"]
actions:
  - variables: {level: "{{ 3 + 4 }}"}
  - action: light.turn_on
    target: {entity_id: living_light}
    data: {brightness_pct: "{{ level }}", transition: 2}
  - repeat: {for_each: [1, 2], sequence: [{delay: "{{ repeat.item }}"}]}
"""
    answer = page.request.post(f"{hub_url}/api/linkages", data={"text": text}, headers={"Origin": hub_url})
    assert answer.ok, answer.text()
    before = rule_of(page, hub_url, "by_hand")
    card = opened(page, hub_url, "by_hand")
    card.get_by_role("button", name="添加动作", exact=True).last.click()
    page.get_by_role("dialog").get_by_role("button", name="到此为止").click()
    page.get_by_role("dialog").get_by_role("button", name="完成", exact=True).click()
    saved(page)
    after = rule_of(page, hub_url, "by_hand")
    assert after["actions"].pop()["type"] == "stop"
    assert after == before
    page.request.delete(f"{hub_url}/api/linkages/by_hand", headers={"Origin": hub_url})


def test_run_look_back_try_remove_and_bring_back(signed_in_page: Page, hub_url: str) -> None:
    page, name = signed_in_page, "bedroom_switch_scene"
    opened(page, hub_url, name)
    page.get_by_role("button", name="立即运行").click()
    expect(page.get_by_text("完成 · 李伟")).to_be_visible()
    page.get_by_role("button", name="用过去试一试").click()
    expect(page.get_by_role("dialog").get_by_text(re.compile("会运行 \\d+ 次"))).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="移除", exact=True).click()
    expect(page.locator(f'a[href="/linkages/{name}"]')).to_have_count(0)
    page.get_by_role("button", name="撤销", exact=True).click()
    expect(page.locator(f'a[href="/linkages/{name}"]')).to_have_count(1)
