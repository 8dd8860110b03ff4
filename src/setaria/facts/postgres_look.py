"""Looking back over a PostgreSQL log, newest first over all partitions, and finding one fact by its id."""

from __future__ import annotations

from typing import Any, Final

from setaria.facts.fact import from_row
from setaria.facts.log import MOST_LOOKED_AT, MOST_OF_AGGREGATES, Cursor, Look, Stored, Wanted, partition_of

_FLOOR: Final = "SELECT seq FROM facts WHERE partition = $1 AND seq <= $2 ORDER BY seq DESC OFFSET $3 LIMIT 1"
_FLOOR_OF: Final = """
SELECT seq FROM facts WHERE partition = $1 AND seq <= $2 AND aggregate = ANY($4::text[])
ORDER BY seq DESC OFFSET $3 LIMIT 1
"""
_WINDOW: Final = """
SELECT seq, id, time, aggregate, kind, document FROM facts
WHERE partition = $1 AND seq <= $2 AND seq >= $3
  AND (cardinality($4::text[]) = 0 OR kind = ANY($4)) AND kind <> ALL($5::text[])
  AND ($6 OR aggregate = ANY($7::text[])
       OR EXISTS (SELECT 1 FROM unnest($8::bytea[]) AS name WHERE position(name IN document) > 0))
ORDER BY seq DESC LIMIT $9
"""
_OF_AGGREGATES: Final = """
SELECT seq, id, time, aggregate, kind, document FROM facts
WHERE partition = $1 AND seq <= $2 AND seq >= $3 AND aggregate = ANY($6::text[])
  AND (cardinality($4::text[]) = 0 OR kind = ANY($4)) AND kind <> ALL($5::text[])
ORDER BY seq DESC LIMIT $7
"""
_FIND: Final = """
(SELECT partition, seq, id, time, aggregate, kind, document FROM facts WHERE partition = ANY($2::int[]) AND id = $1)
UNION ALL
(SELECT partition, seq, id, time, aggregate, kind, document FROM readings WHERE partition = ANY($2::int[]) AND id = $1)
LIMIT 1
"""


async def look_back(connection: Any, at: Cursor, limit: int, wanted: Wanted) -> Look:
    partitions = range(len(at.seqs))
    if wanted.indexed:
        partitions_of = {partition_of(each, len(at.seqs)) for each in wanted.aggregates}
        looks = {each: await _in_partition(connection, each, at.seqs[each], limit, wanted) for each in partitions_of}
    else:
        looks = {each: await _in_partition(connection, each, at.seqs[each], limit, wanted) for each in partitions}
    return _merged(looks, at, limit)


async def _in_partition(
    connection: Any, partition: int, at: int, limit: int, wanted: Wanted
) -> tuple[list[Stored], int]:
    """What was found, and the last seq that was looked at (0: all of them)."""
    labels, without = list(wanted.labels), list(wanted.without)
    aggregates = list(wanted.aggregates)
    if wanted.indexed:
        floor = await connection.fetchval(_FLOOR_OF, partition, at, MOST_OF_AGGREGATES - 1, aggregates) or 0
        rows = await connection.fetch(_OF_AGGREGATES, partition, at, floor, labels, without, aggregates, limit)
    else:
        floor = await connection.fetchval(_FLOOR, partition, at, MOST_LOOKED_AT - 1) or 0
        naming = [text.encode() for text in wanted.naming]
        rows = await connection.fetch(
            _WINDOW, partition, at, floor, labels, without, not wanted.narrow, aggregates, naming, limit
        )
    found = [Stored(partition, seq, from_row(*values)) for seq, *values in rows]
    return found, (found[-1].seq if len(found) >= limit else floor)


def _merged(looks: dict[int, tuple[list[Stored], int]], at: Cursor, limit: int) -> Look:
    """Newest first by id. A partition that has not been looked through to its beginning holds the others back once
    what was found in it is used up: its next may be newer than theirs."""
    waiting = {partition: list(reversed(found)) for partition, (found, _) in looks.items()}
    seqs = [at.seqs[each] if each in looks else 0 for each in range(len(at.seqs))]
    merged: list[Stored] = []
    while len(merged) < limit:
        spent = [each for each, found in waiting.items() if not found]
        for each in spent:
            seqs[each] = max(0, looks[each][1] - 1)
        if any(seqs[each] for each in spent) or len(spent) == len(waiting):
            break
        newest = max((each for each, found in waiting.items() if found), key=lambda each: waiting[each][-1].fact.id)
        stored = waiting[newest].pop()
        merged.append(stored)
        seqs[newest] = stored.seq - 1
    for each, found in waiting.items():
        if not found:
            seqs[each] = max(0, looks[each][1] - 1)
    return Look(merged, Cursor(tuple(seqs)))


async def find(connection: Any, fact_id: bytes, partitions: int) -> Stored | None:
    row = await connection.fetchrow(_FIND, fact_id, list(range(partitions)))
    return None if row is None else Stored(row[0], row[1], from_row(*list(row)[2:]))
