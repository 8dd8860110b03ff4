from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setaria.facts.clock import BUILT, DAY, HOUR, MILLISECOND, MINUTE, SECOND
from setaria.words import format as words_format
from setaria.words import languages

EVENING = BUILT + 15 * HOUR + 30 * MINUTE  # 2026-01-01 15:30 UTC, a Thursday


@pytest.mark.parametrize(
    ("microseconds", "english", "chinese"),
    [
        (0, "0 ms", "0 毫秒"),
        (350 * MILLISECOND, "350 ms", "350 毫秒"),
        (90 * SECOND, "1 min 30 s", "1 分 30 秒"),
        (2 * SECOND + 300 * MILLISECOND, "2 s", "2 秒"),
        (HOUR, "1 h", "1 小时"),
        (25 * HOUR + SECOND, "1 d 1 h", "1 天 1 小时"),
        (DAY + SECOND, "1 d", "1 天"),
        (-90 * SECOND, "-1 min 30 s", "-1 分 30 秒"),
    ],
)
def test_duration(microseconds: int, english: str, chinese: str) -> None:
    assert words_format.duration(microseconds, "en") == english
    assert words_format.duration(microseconds, "zh-CN") == chinese


def test_times_are_local() -> None:
    assert words_format.when(EVENING, "Asia/Shanghai", "zh-CN") == "2026年1月1日 23:30"
    assert words_format.when(EVENING, "Asia/Shanghai", "en") == "1 January 2026, 23:30"
    assert words_format.when(EVENING, "Europe/Berlin", "en") == "1 January 2026, 16:30"
    assert words_format.weekday(EVENING, "Asia/Shanghai", "zh-CN") == "星期四"
    assert words_format.minute_of_week(EVENING, "Asia/Shanghai") == 3 * 1440 + 23 * 60 + 30
    assert words_format.minute_of_week(EVENING, "UTC") == 3 * 1440 + 15 * 60 + 30


@pytest.mark.parametrize("zone", ["", "No/Where", "../../etc/passwd", "/etc/passwd", "\x00", "a" * 300])
def test_an_unknown_zone_is_utc(zone: str) -> None:
    assert words_format.clock(EVENING, zone) == "15:30"


@given(st.integers(), st.sampled_from(languages()))
def test_no_time_raises(now: int, language: str) -> None:
    assert words_format.when(now, "Asia/Shanghai", language)
    assert words_format.duration(now, language)
