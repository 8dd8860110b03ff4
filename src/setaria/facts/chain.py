"""The hash chain that `verify` follows: one digest a batch, over its kept facts and the digest before it.

Readings are left out, so that a chain stays whole when they are dropped after 31 days.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from setaria.facts.fact import Row


def digest(previous: bytes, rows: Iterable[Row]) -> bytes:
    """32 bytes over the partition's digest so far (b"" before the first) and the rows of one batch, in seq order."""
    parts = [previous]
    for fact_id, time, aggregate, kind, document in rows:
        parts += (fact_id, time.to_bytes(8, "big", signed=True), aggregate.encode(), kind.encode(), document)
    return sha256(b"".join(parts)).digest()
