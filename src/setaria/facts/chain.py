"""The hash chain that `verify` follows: one digest a batch, over its kept facts and the digest before it.

Readings are left out, so that a chain stays whole when they are dropped after 31 days.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from setaria.facts.fact import Row


def digest(previous: bytes, rows: Iterable[Row]) -> bytes:
    """32 bytes of BLAKE2b (RFC 7693) over the partition's digest so far and the rows of one batch, in seq order.

    `previous` is b"" before the first. Lengths stand before what varies in length: no byte can change its field.
    """
    parts = [previous]
    for fact_id, time, aggregate, kind, document in rows:
        words = f"{len(aggregate)},{len(kind)},{len(document)}:{aggregate}{kind}"
        parts += (fact_id, time.to_bytes(8, "big", signed=True), words.encode(), document)
    return blake2b(b"".join(parts), digest_size=32).digest()
