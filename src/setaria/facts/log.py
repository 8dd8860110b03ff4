"""The log: what every engine offers, in the words of the design.

A log has one or more partitions; an aggregate's facts all lie in one. Within a partition `seq` rises without holes as
it is written (holes appear where readings were dropped). A `Cursor` says how far a reader has come in each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol
from zlib import crc32

import msgspec

from setaria.facts.fact import Fact
from setaria.facts.refused import Refused


class Stored(NamedTuple):
    partition: int
    seq: int
    fact: Fact


class Cursor(msgspec.Struct, frozen=True):
    """How far one has read: the last seq of each partition. Its token is opaque to everyone else."""

    seqs: tuple[int, ...]

    @property
    def token(self) -> str:
        return "-".join(f"{seq:x}" for seq in self.seqs)

    @classmethod
    def parse(cls, token: str, partitions: int) -> Cursor:
        """Raises Refused("cursor_unreadable")."""
        try:
            seqs = tuple(int(part, 16) for part in token.split("-"))
        except ValueError:
            seqs = ()
        if len(token) > 17 * partitions or len(seqs) != partitions or any(not 0 <= seq < 1 << 62 for seq in seqs):
            raise Refused("cursor_unreadable", token=token[:80])
        return cls(seqs)

    def moved(self, partition: int, seq: int) -> Cursor:
        return Cursor((*self.seqs[:partition], seq, *self.seqs[partition + 1 :]))


class SavedAnswer(msgspec.Struct, frozen=True):
    """The answer to a command, kept so that the same command id gives it again. `expires` 0 keeps it for ever."""

    command: str
    answer: bytes
    expires: int = 0


class Snapshot(msgspec.Struct, frozen=True):
    """An aggregate's state after `seq`; in a Batch, `seq` 0 means as of the batch's last fact.

    `form` names the layout of `state`: one that its reader does not know is ignored, and the facts are read instead.
    """

    aggregate: str
    seq: int
    form: str
    state: bytes


class Batch(msgspec.Struct):
    """What one transaction writes."""

    facts: list[Fact] = []
    answers: list[SavedAnswer] = []
    snapshots: list[Snapshot] = []


class LogFaulty(Exception):  # noqa: N818
    """A commit failed as a whole: nothing of the batch is in the log. `refusal` says why to whoever waits."""

    def __init__(self, refusal: Refused) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


class Verdict(msgspec.Struct):
    """What `verify` found. `faults` are empty when every fact reads back and every digest agrees."""

    facts: int = 0
    readings: int = 0
    digests: int = 0
    faults: list[str] = []


MOST_LOOKED_AT: Final = 20_000  # kept facts, for one look back (of each partition)
MOST_OF_AGGREGATES: Final = 2_000  # of them, where only those of some aggregates are


class Wanted(msgspec.Struct, frozen=True):
    """Which kept facts one looks for; what is empty asks nothing.

    `labels` and `without` are kinds as the log writes them (`home.notified/1`). Beyond that a fact is wanted that is of
    one of `aggregates`, or that names one of `naming` anywhere in its document.
    """

    labels: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    aggregates: tuple[str, ...] = ()
    naming: tuple[str, ...] = ()

    @property
    def indexed(self) -> bool:
        """Whether where the aggregates lie says where to look, and no other fact need be touched."""
        return bool(self.aggregates) and not self.naming

    @property
    def narrow(self) -> bool:
        """Whether facts are left out for what they are about."""
        return bool(self.aggregates or self.naming)


ANYTHING: Final = Wanted()


class Look(NamedTuple):
    """Go on at `reached`; nothing is left when that is the start of the log."""

    found: list[Stored]
    reached: Cursor


class Log(Protocol):
    """Opened by its class's `open`; every method may raise LogFaulty. Reads never see a part of a batch."""

    @property
    def partitions(self) -> int: ...

    @property
    def owned(self) -> Sequence[int]:
        """The partitions this process may append to."""

    async def append(self, partition: int, batch: Batch) -> int:
        """Write all or nothing, durably, and return the last seq. A fact whose id is there already is skipped."""

    async def read(self, after: Cursor, limit: int) -> list[Stored]:
        """Up to `limit` facts beyond the cursor, each partition in its order. Empty when there are none yet."""

    async def read_aggregates(
        self, keys: Sequence[str], snapshots: bool = True
    ) -> dict[str, tuple[Snapshot | None, list[Stored]]]:
        """For each key its snapshot and the kept facts after it (readings belong to no aggregate's state).

        Without `snapshots` all its facts, for a state whose snapshot is of a form that is no longer known.
        """

    async def answers(self, commands: Sequence[str]) -> dict[str, bytes]: ...

    async def head(self) -> Cursor: ...

    async def last_id(self) -> bytes:
        """The id of the newest fact, or b"" in an empty log."""

    def on_append(self, told: Callable[[], None]) -> Callable[[], None]:
        """Have `told` called, on the event loop, soon after facts became readable; the result undoes it."""

    async def readings(self, aggregate: str, since: int, until: int, limit: int) -> list[Stored]:
        """Raw readings of one aggregate in [since, until) UTC microseconds, oldest first."""

    async def latest(self, aggregate: str, limit: int) -> list[Stored]:
        """The newest facts of one aggregate, readings among them, newest first."""

    async def look_back(self, at: Cursor, limit: int, wanted: Wanted = ANYTHING) -> Look:
        """Kept facts at or before the cursor, newest first: no readings. `head()` is where to begin.

        At most `limit` of them, and of at most MOST_LOOKED_AT, so fewer may be found than there are.
        Partitions are told apart by their facts' ids, each in its own order.
        """

    async def find(self, fact_id: bytes) -> Stored | None:
        """A fact by its id; None when there is none, or it was a reading that has been dropped."""

    async def readings_held(self, before: int) -> list[tuple[int, str]]:
        """(start of the day, aggregate) of all raw readings in whole UTC days that end at or before `before`."""

    async def drop_readings(self, before: int) -> int:
        """Drop raw readings of whole UTC days that end at or before `before`; returns how many."""

    async def verify(self, progress: Callable[[int, int], None] | None = None) -> Verdict: ...

    async def close(self) -> None: ...


def partition_of(aggregate: str, partitions: int) -> int:
    """Stable for ever: it decides where an aggregate's facts lie."""
    return crc32(aggregate.encode()) % partitions


def start(partitions: int) -> Cursor:
    return Cursor((0,) * partitions)
