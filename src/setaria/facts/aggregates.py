"""The states a writer decides against: read back on demand, kept in a bounded cache."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from setaria.facts.decider import Decider
from setaria.facts.fact import Fact
from setaria.facts.log import Log, Snapshot, Stored
from setaria.facts.refused import Refused

MOST_AGGREGATES: Final = 10_000
FACTS_BEFORE_SNAPSHOT: Final = 200
FACTS_A_STEP: Final = 2_000

logger = logging.getLogger(__name__)


class _Held:
    __slots__ = ("decider", "since_snapshot", "state")

    def __init__(self, decider: Decider[Any], state: Any, since_snapshot: int) -> None:
        self.decider = decider
        self.state = state
        self.since_snapshot = since_snapshot


class Aggregates:
    def __init__(self, log: Log, deciders: Mapping[str, Decider[Any]], most: int = MOST_AGGREGATES) -> None:
        """`deciders` by the first part of the aggregate key."""
        self._log = log
        self._deciders = deciders
        self._most = most
        self.stateful = tuple(f"{first}/" for first, decider in deciders.items() if decider.form)
        self._held: OrderedDict[str, _Held] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    async def load(self, keys: Iterable[str], pinned: Iterable[str] = ()) -> None:
        """Bring these into the cache; they stay there at least until the next `load`.

        `pinned` are those whose facts are on their way into the log: reading them back now would miss those facts.
        What cannot be rebuilt is not `held` afterwards, and spoils nothing for the others.
        """
        wanted = set(keys)
        missing = [key for key in wanted if key not in self._held]
        for key in [each for each in missing if not self._decider_of(each).form]:
            self._held[key] = self._rebuild(key, None, [])
            missing.remove(key)
        if missing:
            found = await self._read(missing)
            outdated = [key for key, (snapshot, _) in found.items() if self._unknown(key, snapshot)]
            if outdated:
                found |= await self._read(outdated, snapshots=False)
            for key, (snapshot, stored) in found.items():
                try:
                    self._held[key] = self._rebuild(key, snapshot, [each.fact for each in stored])
                except Exception:
                    logger.exception("the state of %s cannot be rebuilt", key)
        wanted.update(pinned)
        wanted.intersection_update(self._held)  # a commit that failed meanwhile has dropped its own
        for key in wanted:
            self._held.move_to_end(key)
        while len(self._held) > max(self._most, len(wanted)):
            self._held.popitem(last=False)

    def _decider_of(self, key: str) -> Decider[Any]:
        return self._deciders[key.partition("/")[0]]

    async def _read(self, keys: list[str], snapshots: bool = True) -> dict[str, tuple[Snapshot | None, list[Stored]]]:
        try:
            return await self._log.read_aggregates(keys, snapshots)
        except Refused as refused:
            if len(keys) == 1:
                logger.warning("the facts of %s cannot be read: %s", keys[0], refused)
                return {}
        found: dict[str, tuple[Snapshot | None, list[Stored]]] = {}
        for key in keys:
            found |= await self._read([key], snapshots)
        return found

    def _unknown(self, key: str, snapshot: Snapshot | None) -> bool:
        return snapshot is not None and snapshot.form != self._decider_of(key).form

    def holds(self, key: str) -> bool:
        return key in self._held

    def decider(self, key: str) -> Decider[Any]:
        return self._held[key].decider

    def _rebuild(self, key: str, snapshot: Snapshot | None, facts: list[Fact]) -> _Held:
        decider = self._decider_of(key)
        state = decider.create(key) if snapshot is None else decider.thaw(key, snapshot.state)
        for fact in facts:
            decider.evolve(state, fact)
        return _Held(decider, state, len(facts))

    def state(self, key: str) -> Any:
        return self._held[key].state

    def evolve(self, key: str, facts: Iterable[Fact]) -> None:
        held = self._held[key]
        for fact in facts:
            held.decider.evolve(held.state, fact)
            held.since_snapshot += 1

    def snapshots(self, keys: Iterable[str]) -> list[Snapshot]:
        """Of those that have gathered enough facts since their last."""
        due = []
        for key in keys:
            held = self._held[key]
            if not held.decider.form or held.since_snapshot < FACTS_BEFORE_SNAPSHOT:
                continue
            held.since_snapshot = 0
            try:
                due.append(Snapshot(key, 0, held.decider.form, held.decider.freeze(held.state)))
            except Exception:  # a snapshot only saves time
                logger.exception("the state of %s cannot be frozen", key)
        return due

    def drop(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._held.pop(key, None)
