"""From the log to a home as it stood: the arrangement, then a snapshot of the state, then what came after."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final, Protocol

import msgspec

from setaria.facts.fact import Fact
from setaria.facts.log import Batch, Log, LogFaulty, Snapshot, Stored
from setaria.facts.refused import Refused
from setaria.home import facts as f
from setaria.home.deciders import ArrangementDecider
from setaria.home.home import Home
from setaria.home.linkage import memory
from setaria.home.spec.library import BROUGHT
from setaria.home.structure import Structure

SNAPSHOT: Final = "view/home"
FORM: Final = "home/2"
FACTS_A_STEP: Final = 4_000


logger = logging.getLogger(__name__)


class Source(Protocol):
    """An SQLite log, read at once: nothing else runs yet."""

    def read_aggregate_now(self, key: str, snapshots: bool = True) -> tuple[Snapshot | None, list[Stored]]: ...

    def read_now(self, after: int, limit: int) -> list[Stored]: ...


class _Frozen(msgspec.Struct, array_like=True):
    live: bytes
    linkages: bytes
    timers: dict[str, int]


def load_structure(source: Source, household: str) -> Structure:
    decider = ArrangementDecider(household)
    snapshot, stored = source.read_aggregate_now(decider.key)
    if snapshot is not None and snapshot.form != decider.form:
        snapshot, stored = source.read_aggregate_now(decider.key, snapshots=False)
    structure = decider.create(decider.key) if snapshot is None else decider.thaw(decider.key, snapshot.state)
    for each in stored:
        decider.evolve(structure, each.fact)
    return structure


def load(home: Home, source: Source, use_snapshot: bool = True) -> int:
    """Bring `home` to the state that the log tells; returns how many facts were replayed."""
    structure = load_structure(source, home.household)
    _load_specs(home, source, structure)
    home.follow_structure(structure)
    after = 0
    saved, _ = source.read_aggregate_now(SNAPSHOT)
    home.helpers.blank()
    if use_snapshot and saved is not None and saved.form == FORM and _thaw(home, saved.state):
        after = saved.seq
    replayed = 0
    while stored := source.read_now(after, FACTS_A_STEP):
        apply(home, (each.fact for each in stored))
        replayed += len(stored)
        after = stored[-1].seq
    home.helpers.complete()
    home.arm()
    return replayed


def _load_specs(home: Home, source: Source, structure: Structure) -> None:
    """Of things that describe themselves, what they said last."""
    for model in {each.model for each in structure.things.values() if each.model.startswith(BROUGHT)}:
        _, stored = source.read_aggregate_now(f"spec/{model}")
        bodies = [each.fact.body for each in stored if isinstance(each.fact.body, f.SpecDescribed)]
        if bodies:
            home.specs.put(model, msgspec.json.encode(bodies[-1].spec))


def apply(home: Home, facts: Iterable[Fact]) -> None:
    remembering = home.engine.memory
    for fact in facts:
        kind = type(fact.body)
        if kind is f.Reading:
            home.live.apply(fact)
        elif kind in _OF_LINKAGES:
            remembering.apply(fact.aggregate.partition("/")[2], fact.body, fact.time)
        elif kind in _OF_STATE:
            home.live.apply(fact)
        elif kind in _OF_HELPERS:
            home.helpers.apply(fact)
        elif isinstance(fact.body, f.ThingAdded | f.ThingReplaced):
            home.live.forget(fact.body.thing)
        elif isinstance(fact.body, f.LinkageRemoved):
            remembering.forget(fact.body.linkage)
        elif isinstance(fact.body, f.MemberRemoved):
            home.live.forget(f"member/{fact.body.member}")


def freeze(home: Home) -> bytes:
    frozen = _Frozen(home.live.freeze(), home.engine.memory.freeze(), dict(home.helpers.dues))
    return msgspec.msgpack.encode(frozen)


def _thaw(home: Home, state: bytes) -> bool:
    """False, and nothing changed, when it cannot be read."""
    try:
        frozen = msgspec.msgpack.decode(state, type=_Frozen)
        linkages = memory.thaw(frozen.linkages)
        home.live.thaw(frozen.live)
    except msgspec.DecodeError:
        logger.exception("the snapshot cannot be read; the facts are")
        return False
    home.engine.remember(linkages)
    home.helpers.dues = {helper: due for helper, due in frozen.timers.items() if helper in home.structure.helpers}
    return True


async def save_snapshot(home: Home, log: Log) -> None:
    """Stamped with the last durable fact: what the state holds beyond it is replayed, and replaying changes nothing.

    What it holds must be durable before it is: a state that runs ahead of the log could not be rebuilt from it.
    """
    try:
        head = (await log.head()).seqs[0]
        if head == 0:
            return
        frozen = freeze(home)
        await home.flush()
        await log.append(0, Batch(snapshots=[Snapshot(SNAPSHOT, head, FORM, frozen)]))
    except (LogFaulty, Refused):
        return  # the next one will do


_OF_HELPERS: Final = frozenset({f.HelperSet, f.HelperSaved, f.HelperRemoved})
_OF_LINKAGES: Final = frozenset({f.RunEnded, f.RunDeclined, f.RunPaused, f.RunQueued, f.HoldBegan, f.HoldEnded})
_OF_STATE: Final = frozenset({f.Statistics, f.ThingReached, f.ThingLost, f.ThingLocated, f.PresenceChanged})
