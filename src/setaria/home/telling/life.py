"""One thing's life: added, named and moved, linked, lost and found again, replaced. Newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from setaria.facts.fact import Fact
from setaria.facts.ids import id_text
from setaria.facts.log import Log, Stored, Wanted
from setaria.home import binding
from setaria.home import facts as f
from setaria.home.home import Home
from setaria.home.telling.entry import Entry
from setaria.home.telling.gathered import Gathered, entry_of
from setaria.home.telling.past import former_names, labels_of
from setaria.home.telling.state import reason_in_words
from setaria.home.telling.wording import Wording
from setaria.words import say
from setaria.words.format import duration

MOST: Final = 200  # entries, and of what was lost and found again
_ARRANGED: Final = (f.ThingAdded, f.ThingArranged, f.ThingReplaced, f.LinkageSaved, f.LinkageRemoved)
_MOST_ARRANGED: Final = 2_000


class Life(msgspec.Struct, frozen=True):
    entries: list[Entry]


async def life(home: Home, log: Log, thing: str, language: str) -> Life:
    head = await log.head()
    arranged = Wanted(labels=labels_of(_ARRANGED), aggregates=(f"home/{home.household}",))
    reach = Wanted(labels=labels_of([f.ThingLost, f.ThingReached]), aggregates=(f"thing/{thing}",))
    kept = _of_thing((await log.look_back(head, _MOST_ARRANGED, arranged)).found, home, thing)
    lost = _lost((await log.look_back(head, 2 * MOST, reach)).found)
    wording = Wording(home, language, await former_names(home, log, [each.fact for each in kept]))
    told = [entry_of(_gathered(each), wording) for each in kept]
    told = [_linked(entry, wording) for entry in told]
    told += [_reach(lost_at, found, wording) for lost_at, found in lost]
    return Life(sorted(told, key=lambda entry: entry.at, reverse=True)[:MOST])


def _gathered(stored: Stored) -> Gathered:
    return Gathered(stored.fact, stored.partition, stored.seq, "", [stored.fact])


def _of_thing(found: Sequence[Stored], home: Home, thing: str) -> list[Stored]:
    """Of each linkage, when it came to use the thing, and when it went."""
    kept: list[Stored] = []
    linked: set[str] = set()
    for stored in reversed(found):
        body = stored.fact.body
        if isinstance(body, f.LinkageSaved):
            names = binding.names(body.rule, thing, home.arranged)
            if names and body.rule.id not in linked:
                linked.add(body.rule.id)
                kept.append(stored)
            elif not names:
                linked.discard(body.rule.id)
        elif isinstance(body, f.LinkageRemoved):
            if body.linkage in linked:
                linked.discard(body.linkage)
                kept.append(stored)
        elif getattr(body, "thing", "") == thing:
            kept.append(stored)
    return kept


def _lost(found: Sequence[Stored]) -> list[tuple[Stored, Fact | None]]:
    """Each time it was lost, with when it was reached again. Being reached at a start is no news."""
    pairs: list[tuple[Stored, Fact | None]] = []
    reached: Fact | None = None
    for stored in found:  # newest first
        if isinstance(stored.fact.body, f.ThingReached):
            reached = stored.fact
        elif isinstance(stored.fact.body, f.ThingLost):
            pairs.append((stored, reached))
    return pairs


def _linked(entry: Entry, wording: Wording) -> Entry:
    if entry.kind != "linkage":
        return entry
    name = wording.name("linkage", entry.linkage)
    key = "linked" if entry.text and wording.knows("linkage", entry.linkage) else "linked_once"
    return msgspec.structs.replace(
        entry, kind="linked", text=say(f"telling.life.{key}", wording.language, name=name, what=entry.text)
    )


def _reach(stored: Stored, found: Fact | None, wording: Wording) -> Entry:
    entry = entry_of(_gathered(stored), wording)
    body = stored.fact.body
    if found is None or not isinstance(body, f.ThingLost):
        return entry
    why, time = reason_in_words(body.reason, wording.language), max(0, found.time - stored.fact.time)
    text = say("telling.life.found_again", wording.language, why=why, time=duration(time, wording.language))
    facts = (id_text(found.id), *entry.facts)
    return msgspec.structs.replace(entry, text=text, took=time, facts=facts)
