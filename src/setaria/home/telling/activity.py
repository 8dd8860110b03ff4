"""What happened in the home, newest first, each thing told once: facts gathered into entries.

A linkage's run is one entry, with its waits, what its things answered and whom it told; so are a person's command and
its answer. The same kind of news within ten seconds shares one (`mates`). An entry stands where its newest telling
fact stands; a page is a walk back over the log from there. What a page took from beyond its end goes with the cursor,
so that the next page does not tell it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any, Final

import msgspec

from setaria.facts.clock import SECOND
from setaria.facts.fact import Fact
from setaria.facts.ids import id_text
from setaria.facts.kinds import Body, all_kinds
from setaria.facts.log import Cursor, Log, Stored, Wanted
from setaria.facts.refused import Refused
from setaria.home import facts as f
from setaria.home.home import Home
from setaria.home.telling.about import Filter
from setaria.home.telling.entry import Entry
from setaria.home.telling.facts import NOT_TOLD, kind_name
from setaria.home.telling.gathered import Gathered, entry_of
from setaria.home.telling.past import former_names, labels_of
from setaria.home.telling.wording import Wording

MOST_ENTRIES: Final = 200
A_READ: Final = 250
MOST_LOOKS: Final = 10  # at the log for one page, of up to MOST_LOOKED_AT facts each
TOGETHER: Final = 10 * SECOND
MOST_OPEN: Final = 20  # news that go on beyond a page's end
MOST_FACTS: Final = 200  # named by one entry
MOST_THINGS: Final = 64  # asked for what they answered to the runs of a page
MOST_COMPLETED: Final = 50  # runs that waited, of one page
BEYOND: Final = 300  # facts read beyond a page's end for what belongs to its entries
SINCE: Final = 5_000  # seqs: how far newer than a page answers to its commands are looked for
WAITED: Final = SECOND  # a run that took longer has waited
ENDED: Final = labels_of([f.CommandEnded])


class Activity(msgspec.Struct, frozen=True):
    """Newest first. Go on with before = `next`, "" at the beginning of time; a page may be empty and yet have one."""

    entries: list[Entry]
    next: str


class _Place(msgspec.Struct):
    """Where a page begins, and by the news's key the last fact that the page before took of it."""

    cursor: Cursor
    taken: dict[str, bytes] = {}

    @property
    def token(self) -> str:
        return ".".join([self.cursor.token, *(f"{key}{fact_id.hex()}" for key, fact_id in self.taken.items())])

    @classmethod
    def parse(cls, token: str, partitions: int) -> _Place:
        """Raises Refused("cursor_unreadable")."""
        cursor, *taken = token.split(".")
        place = cls(Cursor.parse(cursor, partitions))
        try:
            place.taken = {each[:8]: bytes.fromhex(each[8:]) for each in taken}
        except ValueError:
            raise Refused("cursor_unreadable", token=token[:80]) from None
        if len(taken) > MOST_OPEN or any(len(each) != 40 for each in taken):
            raise Refused("cursor_unreadable", token=token[:80])
        return place


def labels(names: Iterable[str]) -> tuple[str, ...]:
    """Every version of these kinds, as the log writes them."""
    wanted = set(names)
    return labels_of(each.body for each in all_kinds() if each.name in wanted)


async def activity(home: Home, log: Log, language: str, before: str, limit: int, wanted: Filter) -> Activity:
    """Raises Refused("cursor_unreadable")."""
    assert 1 <= limit <= MOST_ENTRIES
    place = _Place.parse(before, log.partitions) if before else _Place(await log.head())
    page = _Page(home, log, limit, wanted, place)
    if before:
        await page.look_ahead()
    await page.read()
    await page.look_beyond()
    await page.complete()
    facts = [gathered.fact for gathered in page.entries]
    wording = Wording(home, language, await former_names(home, log, facts))
    return Activity([entry_of(each, wording) for each in page.entries], page.next)


class _Page:
    def __init__(self, home: Home, log: Log, limit: int, wanted: Filter, place: _Place) -> None:
        self._home = home
        self._log = log
        self._limit = limit
        self._filter = wanted
        self._place = place
        untold = [name for name in NOT_TOLD if name != "home.command_ended"]
        if not wanted.linkage:
            untold.append("home.run_declined")
        self._untold = frozenset(untold)
        self._looking = wanted.looking(home.household, home.structure, labels(untold))
        self._answers: dict[str, list[Fact]] = {}  # what commands came to, by cause, until what caused them is met
        self._runs: dict[str, Gathered] = {}
        self._news: dict[str, Gathered] = {}  # by key, the newest entry that may still take more
        self.entries: list[Gathered] = []
        self._last = b"\xff" * 16  # the id of the last fact that was walked over
        self.next = ""

    async def look_ahead(self) -> None:
        """Answers newer than the page, to commands and runs on it."""
        at = self._place.cursor
        ahead = Cursor(tuple(seq + SINCE for seq in at.seqs))
        look = await self._log.look_back(ahead, A_READ, Wanted(labels=ENDED))
        for stored in look.found:
            if stored.seq > at.seqs[stored.partition]:
                self._answer(stored.fact)

    async def read(self) -> None:
        cursor = self._place.cursor
        for _ in range(MOST_LOOKS):
            look = await self._log.look_back(cursor, A_READ, self._looking)
            for stored in look.found:
                if self._take(stored) and len(self.entries) > self._limit:
                    self.entries.pop()  # it is the next page's first
                    self._end(cursor)
                    return
                cursor = cursor.moved(stored.partition, stored.seq - 1)
                self._last = stored.fact.id
            cursor = look.reached
            if not any(cursor.seqs):
                self._place = _Place(cursor)
                return
        self._end(cursor)

    def _end(self, cursor: Cursor) -> None:
        self._place = _Place(cursor, dict(self._place.taken))
        self.next = self._place.token

    def _take(self, stored: Stored) -> bool:
        """Whether the fact began an entry."""
        fact = stored.fact
        if self._belongs(fact) or not self._filter.wants(fact, self._home.structure):
            return False
        key = news_key(fact)
        if key:
            taken = self._place.taken.get(key)
            if taken is not None and fact.id >= taken:
                return False  # the page before told it
            self._place.taken.pop(key, None)
        gathered = Gathered(fact, stored.partition, stored.seq, key, [fact])
        self._join_answers(gathered)
        self.entries.append(gathered)
        if len(self.entries) > self._limit:
            return True
        if key:
            self._news[key] = gathered
        if isinstance(fact.body, f.RunEnded | f.RunPaused):
            self._runs[fact.body.run] = gathered
        return True

    def _belongs(self, fact: Fact) -> bool:
        """Whether the fact is part of an entry, told already or never by itself."""
        body = fact.body
        if isinstance(body, f.CommandEnded):
            self._answer(fact)
            return True
        if isinstance(body, f.RunPaused) and not self._waits(body):
            self._join_run(body.run, fact)
            return True
        what, _, run = fact.actor.who.partition("/")
        if what == "run":
            self._join_run(run, fact)
            return True
        by_linkage = fact.actor.role == "linkage" and not fact.aggregate.startswith("linkage/")
        return by_linkage or kind_name(fact) in self._untold or self._joined(fact)

    def _joined(self, fact: Fact) -> bool:
        """Whether it is more of some news."""
        gathered = self._news.get(news_key(fact))
        if gathered is None or not 0 <= gathered.fact.time - fact.time < TOGETHER:
            return False
        if len(gathered.facts) >= MOST_FACTS or not self._filter.wants(fact, self._home.structure):
            return False
        gathered.mates += 1
        gathered.facts.append(fact)
        for answer in self._answers.pop(id_text(fact.id), ()):
            gathered.facts.append(answer)
        return True

    def _waits(self, body: f.RunPaused) -> bool:
        """Whether it is the last that is known of a run that has not ended."""
        _, last = self._home.engine.memory.paused.get(body.run, ("", None))
        return last is not None and _encode(last) == _encode(body)

    def _join_run(self, run: str, fact: Fact) -> None:
        gathered = self._runs.get(run)
        if gathered is not None and len(gathered.facts) < MOST_FACTS and fact not in gathered.facts:
            gathered.facts.append(fact)

    def _answer(self, fact: Fact) -> None:
        """Newer than what it answers; to a run that waited it may also be older than the run's end."""
        assert isinstance(fact.body, f.CommandEnded)
        gathered = self._runs.get(fact.body.cause)
        if gathered is not None:
            gathered.answered([fact])
        else:
            self._answers.setdefault(fact.body.cause, []).append(fact)

    def _join_answers(self, gathered: Gathered) -> None:
        body = gathered.fact.body
        cause = body.run if isinstance(body, f.RunEnded | f.RunPaused) else id_text(gathered.fact.id)
        gathered.answered(self._answers.pop(cause, ()))

    async def look_beyond(self) -> None:
        """Past the page's end for what belongs to its entries; what is taken of news goes with the cursor."""
        if not self.next:
            return
        carried = {key: each for key, each in self._place.taken.items() if each <= self._last}
        open_news = list(self._news.items())[-(MOST_OPEN - len(carried)) :] if len(carried) < MOST_OPEN else []
        self._news = dict(open_news)
        counted = {key: len(gathered.facts) for key, gathered in open_news}
        look = await self._log.look_back(self._place.cursor, BEYOND, self._looking)
        for stored in look.found:
            self._belongs(stored.fact)
        taken = {
            key: min(fact.id for fact in gathered.facts if news_key(fact) == key)
            for key, gathered in open_news
            if len(gathered.facts) > counted[key]
        }
        self._place.taken = {**carried, **taken}
        self.next = self._place.token

    async def complete(self) -> None:
        """The earlier facts of runs that waited, and, where the walk did not come by them, what things answered."""
        runs = [each for each in self.entries if isinstance(each.fact.body, f.RunEnded | f.RunPaused)]
        waited = [each for each in runs if _waited(each.fact.body)]
        for gathered in waited[:MOST_COMPLETED]:
            await self._join_pauses(gathered)
        await self._join_failures(runs if self._looking.narrow else waited)

    async def _join_pauses(self, gathered: Gathered) -> None:
        body: Any = gathered.fact.body
        before = Wanted(labels=labels_of([f.RunPaused]), aggregates=(gathered.fact.aggregate,))
        look = await self._log.look_back(gathered.at(self._log.partitions), A_READ, before)
        for stored in look.found:
            if isinstance(stored.fact.body, f.RunPaused) and stored.fact.body.run == body.run:
                self._join_run(body.run, stored.fact)

    async def _join_failures(self, runs: Sequence[Gathered]) -> None:
        structure = self._home.structure
        things = list(dict.fromkeys(thing for each in runs for thing in each.things(structure)))[:MOST_THINGS]
        if not things:
            return
        answers = Wanted(labels=ENDED, aggregates=tuple(f"thing/{each}" for each in things))
        look = await self._log.look_back(runs[0].at(self._log.partitions, SINCE), BEYOND, answers)
        known = {fact.id for each in runs for fact in each.facts}
        for stored in look.found:
            if stored.fact.id not in known:
                self._answer(stored.fact)


def _waited(body: Body) -> bool:
    return isinstance(body, f.RunPaused) or (isinstance(body, f.RunEnded) and body.took >= WAITED)


_encode = msgspec.json.Encoder().encode


def news_key(fact: Fact) -> str:
    """What shares an entry has the same; "" for what never does. A slider that is dragged is one command."""
    body = fact.body
    parts: tuple[object, ...] = ()
    if isinstance(body, f.ThingReached | f.ThingLost):
        parts = (kind_name(fact),)
    elif isinstance(body, f.ThingAdded):
        parts = (kind_name(fact), fact.actor.who)
    elif isinstance(body, f.CommandGiven) and body.writes:
        parts = (kind_name(fact), fact.actor.who, fact.aggregate, *sorted(body.writes))
    return blake2b("\n".join(map(str, parts)).encode(), digest_size=4).hexdigest() if parts else ""
