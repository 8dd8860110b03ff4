"""Facts going out and coming in as lines of CloudEvents 1.0 JSON, one event a line, UTF-8."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import BinaryIO, Final

import msgspec

from setaria.facts.fact import LARGEST_FACT, Fact, from_cloud_event, to_cloud_event
from setaria.facts.kinds import label_of, split_label
from setaria.facts.log import Batch, Cursor, Log, partition_of, start
from setaria.facts.refused import Refused

FACTS_A_STEP: Final = 1_000
BYTES_A_STEP: Final = 4 << 20
LARGEST_LINE: Final = 2 * LARGEST_FACT  # a fact's document, its envelope, and what escapes may add
MOST_TOLD: Final = 100
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

Progress = Callable[[int, int], None]


class Exported(msgspec.Struct, frozen=True):
    """`cursor` is where the next export goes on."""

    facts: int
    cursor: Cursor


class Imported(msgspec.Struct):
    """`unreadable` lines are counted; the first 100 are told with their refusals."""

    facts: int = 0
    doubled: int = 0
    unreadable: int = 0
    told: list[Refused] = []


async def export(
    log: Log,
    out: BinaryIO,
    since: Cursor | None = None,
    kinds: Collection[str] = (),
    progress: Progress | None = None,
) -> Exported:
    """Write what the log holds now beyond `since`. `kinds` are names, or beginnings that end in a dot; none is all.

    `progress` is told how far the log has been read, in facts, and how far it goes.
    """
    cursor = start(log.partitions) if since is None else since
    first, head = sum(cursor.seqs), await log.head()
    encoder = msgspec.json.Encoder()
    written = 0
    while any(seen < last for seen, last in zip(cursor.seqs, head.seqs, strict=True)):
        window = await log.read(cursor, FACTS_A_STEP)
        if not window:
            break
        for stored in window:
            if stored.seq > head.seqs[stored.partition]:
                continue
            cursor = cursor.moved(stored.partition, stored.seq)
            if _wanted(stored.fact, kinds):
                out.write(encoder.encode(to_cloud_event(stored.fact)) + b"\n")
                written += 1
        if all(stored.seq > head.seqs[stored.partition] for stored in window):
            break  # what was left before the head has been dropped meanwhile
        if progress is not None:
            progress(sum(cursor.seqs) - first, sum(head.seqs) - first)
    return Exported(written, cursor)


def _wanted(fact: Fact, kinds: Collection[str]) -> bool:
    if not kinds:
        return True
    name, _ = split_label(label_of(fact.body))
    return name in kinds or any(each.endswith(".") and name.startswith(each) for each in kinds)


def read_events(source: BinaryIO) -> Iterator[tuple[Fact | Refused, int]]:
    """Each line's fact, or why it has none, and the line's size in bytes. Blank lines are passed over.

    Refusals: event_line_too_long, event_line_unreadable; both name the line, counted from 1.
    """
    for number, line in _lines(source):
        if line is None:
            yield Refused("event_line_too_long", line=number, largest=LARGEST_LINE), LARGEST_LINE
        elif line.strip():
            yield _read_event(number, line), len(line)


def _lines(source: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    number = 0
    while line := source.readline(LARGEST_LINE + 1):
        number += 1
        if number == 1:
            line = line.removeprefix(BYTE_ORDER_MARK)
        if len(line) <= LARGEST_LINE:
            yield number, line
            continue
        while line and not line.endswith(b"\n"):
            line = source.readline(LARGEST_LINE)
        yield number, None


def _read_event(number: int, line: bytes) -> Fact | Refused:
    try:
        fact = from_cloud_event(msgspec.json.decode(line))
    except Refused as refused:
        why = str(refused.details.get("why") or refused)
    except (msgspec.DecodeError, RecursionError, OverflowError, ValueError) as error:
        why = str(error)
    else:
        if fact.time >= 0 and len(fact.id) == 16 and fact.aggregate:
            return fact
        why = "before 1970, or about nothing"
    return Refused("event_line_unreadable", line=number, why=why[:200])


async def import_events(
    log: Log, source: BinaryIO, *, merge: bool = False, strict: bool = False, progress: Progress | None = None
) -> Imported:
    """Append what is readable, in the order of its lines; facts that the log holds already are skipped.

    With `strict` the whole source (which must be seekable) is checked first, and its first unreadable line raised.
    Raises Refused("log_not_empty") unless `merge`. `progress` is told lines read; how many there are is not known: 0.
    """
    if not merge and any((await log.head()).seqs):
        raise Refused("log_not_empty")
    if strict:
        _check(source)
    done = Imported()
    waiting: list[Fact] = []
    size = 0
    for number, (found, line_size) in enumerate(read_events(source), 1):
        if isinstance(found, Refused):
            done.unreadable += 1
            if len(done.told) < MOST_TOLD:
                done.told.append(found)
            continue
        waiting.append(found)
        size += line_size
        if len(waiting) >= FACTS_A_STEP or size >= BYTES_A_STEP:
            await _append(log, waiting, done)
            waiting, size = [], 0
            if progress is not None:
                progress(number, 0)
    await _append(log, waiting, done)
    return done


def _check(source: BinaryIO) -> None:
    began = source.tell()
    for found, _ in read_events(source):
        if isinstance(found, Refused):
            raise found
    source.seek(began)


async def _append(log: Log, facts: list[Fact], done: Imported) -> None:
    lanes: dict[int, list[Fact]] = {}
    for fact in facts:
        lanes.setdefault(partition_of(fact.aggregate, log.partitions), []).append(fact)
    for partition, some in lanes.items():
        before = (await log.head()).seqs[partition]
        kept = await log.append(partition, Batch(facts=some)) - before
        done.facts += kept
        done.doubled += len(some) - kept
