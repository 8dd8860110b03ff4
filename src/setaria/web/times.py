"""Times as a query gives them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from setaria.facts.refused import Refused

LATEST: Final = 1 << 53  # microseconds: beyond the year 2200
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST: Final = 40


def parse_time(written: str, zone: tzinfo, name: str) -> int:
    """UTC microseconds from such a number or ISO 8601; without an offset in the home's zone. Raises
    Refused("time_unreadable")."""
    refused = Refused("time_unreadable", name=name, given=written[:_LONGEST])
    if len(written) > _LONGEST:
        raise refused
    if written.isascii() and written.isdigit():
        time = int(written)
    else:
        try:
            moment = datetime.fromisoformat(written.replace(" ", "+") if "T" in written else written)  # a + unescaped
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=zone)
            time = (moment - _EPOCH) // timedelta(microseconds=1)
        except (ValueError, OverflowError):
            raise refused from None
    if not 0 <= time <= LATEST:
        raise refused
    return time
