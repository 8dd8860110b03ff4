"""What happens to an SQLite log, and what the log makes of it."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from tests.facts.log_engines import Facts, Measured, Noted, read_all

from setaria.facts.clock import DAY, VirtualClock
from setaria.facts.ids import id_bytes
from setaria.facts.log import Batch, Cursor, LogFaulty, Stored
from setaria.facts.refused import Refused
from setaria.facts.sqlite import SqliteLog
from setaria.facts.sqlite_verify import salvage

ROOT = Path(__file__).parents[2]


async def filled(path: Path, clock: VirtualClock, facts: Facts, batches: int = 30) -> list[bytes]:
    log = await SqliteLog.open(path, clock)
    ids = []
    for _ in range(batches):
        some = facts.notes(50, text="n" * 100)
        ids += [fact.id for fact in some]
        await log.append(0, Batch(facts=some))
    await log.close()
    return ids


def refusal_of(path: Path, clock: VirtualClock, *, read_only: bool = False) -> Refused:
    with pytest.raises(Refused) as refusal:
        SqliteLog.open_now(path, clock, read_only=read_only)
    return refusal.value


@pytest.mark.parametrize("share", [0.0005, 0.01, 0.1, 0.3, 0.5, 0.75, 0.95, 0.999])
async def test_a_file_cut_short_is_refused_and_its_beginning_saved(
    tmp_path: Path, clock: VirtualClock, facts: Facts, share: float
) -> None:
    path = tmp_path / "log.db"
    ids = await filled(path, clock, facts)
    whole = path.read_bytes()
    cut = whole[: int(len(whole) * share)]
    path.write_bytes(cut)
    assert refusal_of(path, clock).code == "log_damaged"
    assert refusal_of(path, clock, read_only=True).code == "log_damaged"
    saved = [fact.id for fact in salvage(path)]
    assert saved == ids[: len(saved)], "a prefix, in its order"
    if share >= 0.5:
        assert len(saved) >= len(ids) * (share - 0.35)
    assert path.read_bytes() == cut, "nothing is written to a damaged file"


async def test_a_whole_file_is_saved_whole(tmp_path: Path, clock: VirtualClock, facts: Facts) -> None:
    ids = await filled(tmp_path / "log.db", clock, facts, 3)
    assert [fact.id for fact in salvage(tmp_path / "log.db")] == ids


@pytest.mark.parametrize("content", [b"x", b"garbage " * 1000, b"SQLite format 3\0" + b"\xff" * 5000, b"\0" * 4096])
def test_garbage_is_refused(tmp_path: Path, clock: VirtualClock, content: bytes) -> None:
    path = tmp_path / "log.db"
    path.write_bytes(content)
    assert refusal_of(path, clock).code == "log_damaged"
    assert refusal_of(path, clock, read_only=True).code == "log_damaged"
    assert list(salvage(path)) == []
    assert path.read_bytes() == content


async def test_garbage_within_the_file_is_found(tmp_path: Path, clock: VirtualClock, facts: Facts) -> None:
    path = tmp_path / "log.db"
    await filled(path, clock, facts)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 4096] = b"\xee" * 4096
    path.write_bytes(content)
    log = await SqliteLog.open(path, clock)
    assert (await log.verify()).faults
    await log.close()


async def test_a_log_of_a_newer_program_is_refused(tmp_path: Path, clock: VirtualClock, facts: Facts) -> None:
    path = tmp_path / "log.db"
    await filled(path, clock, facts, 1)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 77")
    connection.close()
    for read_only in (False, True):
        refused = refusal_of(path, clock, read_only=read_only)
        assert refused.code == "log_newer"
        assert refused.details["version"] == 77
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    await (await SqliteLog.open(path, clock)).close()


def test_a_missing_log_is_not_made_for_a_reader(tmp_path: Path, clock: VirtualClock) -> None:
    assert refusal_of(tmp_path / "log.db", clock, read_only=True).code == "log_missing"
    assert list(tmp_path.iterdir()) == []


HOLD = """
import sys
from pathlib import Path
from setaria.facts.clock import VirtualClock
from setaria.facts.sqlite import SqliteLog
log = SqliteLog.open_now(Path(sys.argv[1]), VirtualClock())
print("open", flush=True)
sys.stdin.read()
log.close_now()
"""

WRITE = """
import asyncio, sys
from pathlib import Path
from setaria.facts.clock import SystemClock
from setaria.facts.ids import IdSource, id_text
from setaria.facts.log import Batch
from setaria.facts.sqlite import SqliteLog
from setaria.facts.writer import Writer
from tests.facts.stock_decider import WEI, StockDecider, Take

async def main():
    clock = SystemClock()
    log = await SqliteLog.open(Path(sys.argv[1]), clock)
    writer = Writer(log, clock, IdSource(clock, log.last_known()[0]), [StockDecider(10**9)])
    writer.start()
    async def buy(number):
        while True:
            answer = await writer.submit(Take("s%d" % number), WEI)
            sys.stdout.write("".join(id_text(fact.id) + "\\n" for fact in answer.facts))
            sys.stdout.flush()
    await asyncio.gather(*(buy(number) for number in range(40)))

asyncio.run(main())
"""


def child(program: str, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
    )


def test_a_second_process_is_told_who_holds_the_log(tmp_path: Path, clock: VirtualClock) -> None:
    path = tmp_path / "log.db"
    with child(HOLD, path) as holder:
        assert holder.stdin
        assert holder.stdout
        assert holder.stdout.readline() == "open\n"
        assert refusal_of(path, clock) == Refused("log_in_use", path=str(path), process=str(holder.pid))
        SqliteLog.open_now(path, clock, read_only=True).close_now()
        holder.stdin.close()
        holder.wait(10)
    SqliteLog.open_now(path, clock).close_now()


async def test_what_was_acknowledged_survives_sigkill(tmp_path: Path, clock: VirtualClock) -> None:
    path = tmp_path / "log.db"
    acknowledged: list[str] = []
    for lines in (40, 173, 400):
        with child(WRITE, path) as killed:
            assert killed.stdout
            acknowledged += [killed.stdout.readline().strip() for _ in range(lines)]
            killed.send_signal(signal.SIGKILL)
            rest = killed.stdout.read().splitlines(keepends=True)
            acknowledged += [line.strip() for line in rest if line.endswith("\n")]
        log = await SqliteLog.open(path, clock)
        kept = [each.fact.id for each in await read_all(log)]
        assert len(set(kept)) == len(kept)
        assert {id_bytes(text) for text in acknowledged} <= set(kept)
        assert len(kept) <= len(acknowledged) + 40 * (len(acknowledged) > 0) * 3
        assert (await log.verify()).faults == []
        await log.close()


async def test_a_reader_beside_a_writer(tmp_path: Path, clock: VirtualClock, facts: Facts) -> None:
    path = tmp_path / "log.db"
    log = await SqliteLog.open(path, clock)
    await log.append(0, Batch(facts=facts.notes(5)))
    reader = await SqliteLog.open(path, clock, read_only=True)
    await log.append(0, Batch(facts=facts.notes(5)))
    assert await read_all(reader) == await read_all(log)
    assert len(await read_all(reader)) == 10
    with pytest.raises(LogFaulty) as faulty:
        await reader.append(0, Batch(facts=facts.notes(1)))
    assert faulty.value.refusal == Refused("log_read_only")
    await reader.close()
    await log.close()
    alone = await SqliteLog.open(path, clock, read_only=True)
    assert len(await read_all(alone)) == 10
    await alone.close()


async def test_a_window_is_one_moment_of_the_log(
    tmp_path: Path, clock: VirtualClock, facts: Facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that is committed between the reading of two tables must not be seen by half: a cursor would pass it."""
    log = await SqliteLog.open(tmp_path / "log.db", clock)
    await log.append(0, Batch(facts=[facts(Noted("one")), facts(Measured(1))]))
    late = [facts(Noted("two")), facts(Measured(2))]
    loop = asyncio.get_running_loop()
    tables = ["facts", *sorted(log._tables)]
    between: list[object] = []

    class Watched:
        """The connection, with a commit by the writer before its second table is read."""

        def __init__(self, inner: sqlite3.Connection) -> None:
            self.inner = inner

        def __getattr__(self, name: str) -> object:
            return getattr(self.inner, name)

        def execute(self, statement: str, values: tuple[object, ...] = ()) -> sqlite3.Cursor:
            if f"FROM {tables[1]} WHERE seq > ?" in statement and not between:
                between.append(asyncio.run_coroutine_threadsafe(log.append(0, Batch(facts=late)), loop).result(10))
            return self.inner.execute(statement, values)

    inner = log._read
    log._read = Watched(inner)  # type: ignore[assignment]
    first = await log.read(Cursor((0,)), 100)
    log._read = inner
    assert between
    cursor = Cursor((first[-1].seq,))
    second: list[Stored] = await log.read(cursor, 100)
    assert [each.fact.body for each in [*first, *second]] == [Noted("one"), Measured(1), Noted("two"), Measured(2)]
    await log.close()


async def test_a_seq_is_not_given_twice_though_the_newest_were_dropped(
    tmp_path: Path, clock: VirtualClock, facts: Facts
) -> None:
    path = tmp_path / "log.db"
    log = await SqliteLog.open(path, clock)
    await log.append(0, Batch(facts=[facts(Noted("kept")), *(facts(Measured(number)) for number in range(5))]))
    head = await log.head()
    assert await log.drop_readings((clock.now() // DAY + 2) * DAY) == 5
    assert await log.head() == head
    await log.close()
    log = await SqliteLog.open(path, clock)
    assert await log.append(0, Batch(facts=[facts(Noted("next"))])) > head.seqs[0]
    assert [each.fact.body for each in await log.read(head, 10)] == [Noted("next")]
    assert (await log.verify()).faults == []
    await log.close()


async def test_readings_are_dropped_while_others_read(tmp_path: Path, clock: VirtualClock, facts: Facts) -> None:
    log = await SqliteLog.open(tmp_path / "log.db", clock)
    for day in range(8):
        await log.append(0, Batch(facts=[facts(Measured(n), time=clock.now() + day * DAY + n) for n in range(200)]))
    drops = [log.drop_readings((clock.now() // DAY + day) * DAY) for day in range(1, 9)]
    await asyncio.gather(*drops, *(read_all(log) for _ in range(10)))
    assert await read_all(log) == []
    await log.close()


async def test_a_copy_is_a_whole_log(tmp_path: Path, clock: VirtualClock, facts: Facts) -> None:
    log = await SqliteLog.open(tmp_path / "log.db", clock)
    await log.append(0, Batch(facts=facts.notes(100)))
    await log.copy_to(tmp_path / "copy.db")
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("copy")) == ["copy.db"]
    copy = await SqliteLog.open(tmp_path / "copy.db", clock)
    assert await read_all(copy) == await read_all(log)
    with pytest.raises(LogFaulty) as faulty:
        await log.copy_to(tmp_path / "nowhere" / "copy.db")
    assert faulty.value.refusal.code == "log_faulty"
    await copy.close()
    await log.close()
