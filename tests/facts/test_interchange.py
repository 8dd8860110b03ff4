from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.facts.log_engines import Facts, Measured, Noted, read_all

from setaria.facts import interchange
from setaria.facts.clock import VirtualClock
from setaria.facts.fact import Fact, to_cloud_event
from setaria.facts.interchange import LARGEST_LINE, Imported, export, import_events, read_events
from setaria.facts.log import Batch, Cursor
from setaria.facts.refused import Refused
from setaria.facts.sqlite import SqliteLog


@pytest.fixture
def log(tmp_path: Path, clock: VirtualClock) -> SqliteLog:
    return SqliteLog.open_now(tmp_path / "log.db", clock)


@pytest.fixture
def other(tmp_path: Path, clock: VirtualClock) -> SqliteLog:
    return SqliteLog.open_now(tmp_path / "other.db", clock)


def lines_of(*facts: Fact) -> bytes:
    return b"".join(msgspec.json.encode(to_cloud_event(fact)) + b"\n" for fact in facts)


async def facts_in(log: SqliteLog) -> list[Fact]:
    return [each.fact for each in await read_all(log)]


async def test_what_goes_out_comes_in(
    log: SqliteLog, other: SqliteLog, facts: Facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interchange, "FACTS_A_STEP", 7)
    for _ in range(6):
        await log.append(0, Batch(facts=[*facts.notes(5), facts(Measured(3)), facts(Noted("灯"), household="")]))
    out, told = io.BytesIO(), list[tuple[int, int]]()
    done = await export(log, out, progress=lambda done, total: told.append((done, total)))
    assert done.facts == 42
    assert done.cursor == await log.head()
    assert told[-1] == (42, 42)
    out.seek(0)
    assert await import_events(other, out) == Imported(facts=42)
    assert await facts_in(other) == await facts_in(log)
    await log.append(0, Batch(facts=facts.notes(2)))
    more = io.BytesIO()
    assert (await export(log, more, done.cursor)).facts == 2
    await log.close()
    await other.close()


async def test_an_export_ends_where_the_log_ended_when_it_began(log: SqliteLog, facts: Facts) -> None:
    await log.append(0, Batch(facts=facts.notes(3)))
    read = log.read

    async def and_more(after: Cursor, limit: int) -> Any:
        await log.append(0, Batch(facts=facts.notes(1)))
        return await read(after, limit)

    log.read = and_more  # type: ignore[method-assign]
    out = io.BytesIO()
    done = await export(log, out)
    assert done.facts == 3
    assert done.cursor == Cursor((3,))
    await log.close()


async def test_kinds_are_chosen_by_name_or_beginning(log: SqliteLog, facts: Facts) -> None:
    await log.append(0, Batch(facts=[facts(Noted("a")), facts(Measured(1)), facts(Noted("b"))]))
    for kinds, count in ((("logtest.noted",), 2), (("logtest.",), 3), (("logtest",), 0), (("shop.",), 0), ((), 3)):
        assert (await export(log, io.BytesIO(), kinds=kinds)).facts == count
    await log.close()


async def test_late_facts_keep_their_place_and_doubled_ones_are_skipped(log: SqliteLog, facts: Facts) -> None:
    first, second, third = facts.notes(3)
    late = facts(Noted("late"), time=1)
    source = io.BytesIO(lines_of(third, late, first, third, second, first))
    assert await import_events(log, source) == Imported(facts=4, doubled=2)
    assert await facts_in(log) == [third, late, first, second]
    source.seek(0)
    with pytest.raises(Refused) as refusal:
        await import_events(log, source)
    assert refusal.value == Refused("log_not_empty")
    assert await import_events(log, source, merge=True) == Imported(doubled=6)
    await log.close()


async def test_one_bad_line_loses_nothing_else(log: SqliteLog, facts: Facts) -> None:
    first, second, third = facts.notes(3)
    source = io.BytesIO(
        b"\xef\xbb\xbf"
        + lines_of(first)
        + b"{nonsense\n\n"
        + lines_of(second)
        + b"x" * (LARGEST_LINE + 5)
        + b"\n"
        + lines_of(third).rstrip(b"\n")
    )
    done = await import_events(log, source)
    assert (done.facts, done.unreadable) == (3, 2)
    assert [(each.code, each.details["line"]) for each in done.told] == [
        ("event_line_unreadable", 2),
        ("event_line_too_long", 5),
    ]
    assert await facts_in(log) == [first, second, third]
    await log.close()


async def test_strict_takes_all_or_nothing(log: SqliteLog, facts: Facts) -> None:
    good = lines_of(*facts.notes(5))
    with pytest.raises(Refused) as refusal:
        await import_events(log, io.BytesIO(good + b"bad\n" + good), strict=True)
    assert refusal.value.details["line"] == 6
    assert await facts_in(log) == []
    assert (await import_events(log, io.BytesIO(good), strict=True)).facts == 5
    await log.close()


async def test_told_lines_are_bounded(log: SqliteLog) -> None:
    done = await import_events(log, io.BytesIO(b"bad\n" * 5_000))
    assert done.unreadable == 5_000
    assert len(done.told) == 100
    await log.close()


class Endless(io.RawIOBase):
    """A line that never ends within 64 MiB; remembers the largest piece asked for."""

    def __init__(self) -> None:
        self.left = 64 << 20
        self.largest = 0

    def readline(self, size: int | None = -1, /) -> bytes:
        assert size is not None
        assert size > 0
        size = min(size, self.left)
        self.largest = max(self.largest, size)
        self.left -= size
        return b"y" * size


def test_an_endless_line_is_read_in_pieces() -> None:
    source = Endless()
    found = list(read_events(source))  # type: ignore[arg-type]
    assert [each.code for each, _ in found if isinstance(each, Refused)] == ["event_line_too_long"]
    assert source.largest <= LARGEST_LINE + 1


def event(facts: Facts, **changes: object) -> bytes:
    made = to_cloud_event(facts(Noted("x"))) | changes
    return json.dumps({name: value for name, value in made.items() if value is not None}).encode()


@pytest.mark.parametrize(
    "changes",
    [
        {"specversion": "0.3"},
        {"id": "no uuid"},
        {"id": 7},
        {"id": None},
        {"time": "yesterday"},
        {"time": "2026-01-01T00:00:00"},
        {"time": "1969-12-31T23:59:59Z"},
        {"type": None},
        {"subject": None},
        {"subject": ""},
        {"data": {"text": 5}},
        {"data": []},
        {"kindversion": "two"},
        {"kindversion": 0},
        {"kindversion": -1},
        {"amount": "much"},
        {"data": {"text": "x" * (1 << 20)}},
    ],
)
def test_what_is_wrong_with_an_event_is_told_with_its_line(facts: Facts, changes: dict[str, object]) -> None:
    ((found, _),) = read_events(io.BytesIO(event(facts, **changes)))
    assert isinstance(found, Refused)
    assert found.code == "event_line_unreadable"
    assert found.details["line"] == 1
    assert found.details["why"]


@pytest.mark.parametrize("line", [b"[" * 100_000, b"null", b"[]", b'"x"', b"5", b"{}", b"\xff\xfe", b'{"id": 1e999}'])
def test_other_json_is_no_event(line: bytes) -> None:
    ((found, _),) = read_events(io.BytesIO(line))
    assert isinstance(found, Refused)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_give_facts_or_refusals(content: bytes) -> None:
    for found, _ in read_events(io.BytesIO(content)):
        assert isinstance(found, Fact | Refused)
