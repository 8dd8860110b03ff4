"""What people type, and what they are told."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from setaria.cli.exits import Exit, exit_of
from setaria.cli.hub import HubOptions, options_parser, parse
from setaria.cli.language import language_of
from setaria.cli.people import moment
from setaria.cli.places import data_folder, parse_address
from setaria.cli.resolve import assignment, find, named, plain_value, value_for
from setaria.cli.tree import build, walk
from setaria.cli.up.picture import fitted, short_name, split
from setaria.cli.up.sample import SCENES, find_examples
from setaria.facts.refused import Refused
from setaria.home.ports import Value
from setaria.home.spec.library import SpecLibrary
from setaria.home.telling.state import in_words, value_in_words
from setaria.simulated.sample_home import SAMPLE
from setaria.words import languages, say

LIBRARY = SpecLibrary()
MODELS = {thing.id: thing.model for thing in SAMPLE.things}


def described(model: str) -> list[dict[str, Any]]:
    """Properties as the API tells them."""
    import msgspec

    from setaria.web.describe import spec_view

    view = msgspec.to_builtins(spec_view(LIBRARY.get(model)))
    return [prop for service in view["services"] for prop in service["properties"]]


def words(thing: str, values: dict[str, Value], language: str = "en") -> list[str]:
    return [word.text for word in in_words(LIBRARY.get(MODELS[thing]), values, language)]


@pytest.mark.parametrize(
    ("wanted", "address"),
    [
        ("light.on", "light.on"),
        ("on", "light.on"),
        ("color_temperature", "light.color-temperature"),
        ("color-temperature", "light.color-temperature"),
        ("亮度", "light.brightness"),
        ("BRIGHTNESS", "light.brightness"),
        ("nothing", None),
    ],
)
def test_a_property_is_found_by_address_feature_or_name(wanted: str, address: str | None) -> None:
    found = find(described("yeelink.light.colorc"), wanted)
    assert (None if found is None else found["address"]) == address


@pytest.mark.parametrize(
    ("prop", "text", "value"),
    [
        ("on", "on", True),
        ("on", "关", False),
        ("on", "0", False),
        ("brightness", "40", 40),
        ("brightness", "40.5", 40.5),
        ("brightness", "a lot", "a lot"),
        ("mode", "colour", 1),
        ("mode", "2", 2),
    ],
)
def test_a_value_takes_the_form_of_its_property(prop: str, text: str, value: Value) -> None:
    found = find(described("yeelink.light.colorc"), prop)
    assert found is not None
    told = value_for(found, text)
    assert (told, type(told)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", True),
        ("False", False),
        ("7", 7),
        ("-7.5", -7.5),
        ("1e3", 1000.0),
        ("auto", "auto"),
        ("", ""),
        ("nan", "nan"),
    ],
)
def test_a_plain_value(text: str, value: Value) -> None:
    told = plain_value(text)
    assert (told, type(told)) == (value, type(value))


@given(st.text(max_size=60))
def test_any_text_is_some_value(text: str) -> None:
    value = plain_value(text)
    assert value == value  # not NaN, which JSON could not carry


def test_an_assignment_needs_both_sides() -> None:
    assert assignment("light.on=a=b") == ("light.on", "a=b")
    for wrong in ("light.on", "=1", ""):
        with pytest.raises(Refused, match="option_unusable"):
            assignment(wrong)


def test_a_name_that_two_have_is_refused_with_their_ids() -> None:
    things = [{"id": "a", "name": "灯"}, {"id": "b", "name": "灯"}, {"id": "c", "name": "扇"}]
    assert named(things, "扇", "thing")["id"] == "c"
    assert named(things, "a", "thing")["id"] == "a"
    with pytest.raises(Refused) as refused:
        named(things, "灯", "thing")
    assert refused.value == Refused("name_ambiguous", name="灯", ids="a, b")
    with pytest.raises(Refused, match="not_found"):
        named(things, "d", "thing")


@pytest.mark.parametrize(
    ("thing", "values", "told"),
    [
        ("living_light", {"light.on": True, "light.brightness": 60, "light.color-temperature": 4000}, "on 60% 4000K"),
        ("living_light", {"light.on": False, "light.brightness": 60}, "off"),
        ("living_light", {}, ""),
        ("living_curtain", {"curtain.current-position": 100, "curtain.status": 0}, "open"),
        ("living_curtain", {"curtain.current-position": 40, "curtain.status": 2}, "40% open closing"),
        ("living_vacuum", {"vacuum.status": 6, "battery.battery-level": 92}, "charging 92%"),
        ("living_purifier", {"air-purifier.on": True, "environment.pm2.5-density": 38.0}, "on PM2.5 38"),
        ("bedroom_switch", {"switch.on": True, "switch#2.on": False}, "on off"),
        ("door_contact", {"magnet-sensor.contact-state": False, "battery.battery-level": 9}, "open battery 9%"),
        ("balcony_washer", {"washer.status": 2, "washer.left-time": 12}, "running 12 min left"),
        ("balcony_washer", {"washer.status": 1, "washer.left-time": 0}, "standby"),
    ],
)
def test_a_thing_in_words(thing: str, values: dict[str, Value], told: str) -> None:
    assert " ".join(words(thing, values)) == told


def test_a_value_alone_in_words() -> None:
    spec = LIBRARY.get(MODELS["bedroom_switch"])
    assert value_in_words(spec, "switch#2.on", True, "zh-CN") == "开"
    assert value_in_words(spec, "no.such", 3, "en") == "3"


@given(st.sampled_from(SAMPLE.things), st.data())
def test_words_never_fail(thing: Any, data: st.DataObject) -> None:
    spec = LIBRARY.get(thing.model)
    value = st.one_of(st.booleans(), st.integers(-5, 300), st.floats(-1e6, 1e6), st.text(max_size=5))
    values = {prop.address: data.draw(value) for prop in list(spec.properties())[:12]}
    for language in languages():
        assert all(not word.text.startswith("cli.") for word in in_words(spec, values, language))


def test_what_the_sample_home_sets_is_there() -> None:
    for targets in SCENES.values():
        for address, value in targets.items():
            thing, _, rest = address.partition("/")
            prop = LIBRARY.get(MODELS[thing]).find_property(rest)
            assert prop.writable
            prop.parse(value)


def test_the_examples_are_found() -> None:
    assert {"bedroom_switch_scene.yaml", "night_motion_light.yaml"} <= {path.name for path in find_examples()}


@pytest.mark.parametrize(
    ("arguments", "variables", "language"),
    [
        (["--lang", "zh", "things"], {}, "zh-CN"),
        (["things", "--lang=en"], {"SETARIA_LANG": "zh"}, "en"),
        (["things"], {"SETARIA_LANG": "zh-CN", "LANG": "en_GB.UTF-8"}, "zh-CN"),
        (["things"], {"LANG": "zh_CN.UTF-8"}, "zh-CN"),
        (["things"], {"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, "en"),
        (["act", "x", "y", "--", "--lang=zh"], {}, "en"),
        (["--lang"], {}, "en"),
    ],
)
def test_the_language(
    arguments: list[str], variables: dict[str, str], language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SETARIA_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert language_of(arguments) == language


def test_the_hub_reads_its_options() -> None:
    given_ = [
        "--data",
        "/d",
        "--port=81",
        "--broadcast",
        "1.2.3.4:5",
        "--broadcast",
        "1.2.3.5",
        "--no-mdns",
        "--lang",
        "en",
    ]
    assert parse(given_) == HubOptions(Path("/d"), 81, ("1.2.3.4:5", "1.2.3.5"), False, "en")
    assert parse([]) == HubOptions()
    for wrong in (["--port", "x"], ["--nothing"], ["--por", "1"], ["stray"]):
        with pytest.raises(Refused, match="option_unusable"):
            parse(wrong)


def test_the_two_ways_to_the_hub_take_the_same_options() -> None:
    (command,) = (each for path, each in walk(build("en")) if path == ("hub",))
    offered = {option for param in command.params for option in (*param.opts, *param.secondary_opts)}
    taken = {option for action in options_parser()._actions for option in action.option_strings}
    assert offered == taken | {"--json", "--hub"}  # these two are every command's


@pytest.mark.parametrize(
    ("text", "address"), [("10.0.0.255:1234", ("10.0.0.255", 1234)), ("10.0.0.255", ("10.0.0.255", 54321))]
)
def test_an_address(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "lamp", "10.0.0.1:0", "10.0.0.1:99999", "10.0.0.1:x", "::1"])
def test_no_address(text: str) -> None:
    with pytest.raises(Refused, match="option_unusable"):
        parse_address(text)


@pytest.mark.parametrize(
    ("text", "until"),
    [
        ("3d", "2026-11-25T20:00"),
        ("12h", "2026-11-23T08:00"),
        ("2 天", "2026-11-24T20:00"),
        ("2026-12-01", "2026-12-02T00:00"),
        ("2026-12-01 18:30", "2026-12-01T18:30"),
        ("21:15", "2026-11-22T21:15"),
        ("07:00", "2026-11-23T07:00"),
    ],
)
def test_until_when(text: str, until: str) -> None:
    zone = ZoneInfo("Asia/Shanghai")
    now = datetime(2026, 11, 22, 20, 0, tzinfo=zone)
    assert moment(text, "Asia/Shanghai", now) == datetime.fromisoformat(until).replace(tzinfo=zone).timestamp() * 1e6


@pytest.mark.parametrize("text", ["", "soon", "25:00", "3x", "2026-13-01"])
def test_until_nonsense(text: str) -> None:
    with pytest.raises(Refused, match="option_unusable"):
        moment(text, "UTC", datetime(2026, 11, 22, tzinfo=ZoneInfo("UTC")))


def test_the_sample_folder_is_read_when_there_is_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SETARIA_DATA", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    assert data_folder(None) == tmp_path / "share/setaria"
    (tmp_path / "var/sample").mkdir(parents=True)
    (tmp_path / "var/sample/log.db").touch()
    assert data_folder(None) == Path("var/sample")
    assert data_folder(tmp_path) == tmp_path
    monkeypatch.setenv("SETARIA_DATA", "/elsewhere")
    assert data_folder(None) == Path("/elsewhere")


def test_exits() -> None:
    assert [exit_of(code) for code in ("no_hub", "thing_unreachable", "option_unusable", "log_full")] == [
        Exit.NO_HUB,
        Exit.UNREACHABLE,
        Exit.USAGE,
        Exit.REFUSED,
    ]


def test_every_command_and_option_has_its_help() -> None:
    for language in languages():
        for path, command in walk(build(language)):
            assert not str(command.short_help).startswith("cli."), path
            assert say(f"cli.help.{'.'.join(path)}.example" if path else "cli.help.example", language).startswith(
                "setaria"
            )
            for param in command.params:
                assert not str(param.help).startswith("cli."), (path, param.name)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=12), st.integers(1, 8))
def test_columns_hold_all_in_order(heights: list[int], count: int) -> None:
    columns = split(heights, count)
    assert [place for column in columns for place in column] == list(range(len(heights)))
    assert len(columns) <= count
    tallest = max(sum(heights[place] for place in column) for column in columns)
    assert tallest <= max(max(heights), -(-sum(heights) // count) + max(heights))


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=40), st.integers(0, 40))
def test_a_fitted_line_fits(text: str, width: int) -> None:
    assert fitted(Text(text), width).cell_len <= width


def test_a_room_is_not_said_twice() -> None:
    assert short_name("客厅窗帘", "客厅") == "窗帘"
    assert short_name("Living room light", "Living room") == "Light"
    assert short_name("客厅", "客厅") == "客厅"
