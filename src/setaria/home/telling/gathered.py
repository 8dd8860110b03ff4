"""The facts of one entry, and what they say together."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from setaria.facts.fact import Fact
from setaria.facts.ids import id_text
from setaria.facts.log import Cursor
from setaria.home import facts as f
from setaria.home.structure import Structure
from setaria.home.telling.about import things_of_run
from setaria.home.telling.entry import Doer, Entry, doer_id, doer_kind, entry_kind
from setaria.home.telling.facts import FactTeller, Sentence, kind_name
from setaria.home.telling.state import Tone
from setaria.home.telling.wording import Wording
from setaria.words import say


class Gathered(msgspec.Struct):
    """`fact` is the newest that tells it, at this place of the log; `mates` are as many more of the same news."""

    fact: Fact
    partition: int
    seq: int
    key: str
    facts: list[Fact]
    mates: int = 0
    answers: list[f.CommandEnded] = []
    failed: list[tuple[str, f.CommandEnded]] = []

    def answered(self, answers: Iterable[Fact]) -> None:
        for fact in answers:
            assert isinstance(fact.body, f.CommandEnded)
            self.facts.append(fact)
            self.answers.append(fact.body)
            if fact.body.outcome != "done":
                self.failed.append((fact.aggregate, fact.body))

    def at(self, partitions: int, beyond: int = 0) -> Cursor:
        """Its place; the other partitions, where its seq says nothing, from their ends."""
        ends = [1 << 61] * partitions
        ends[self.partition] = self.seq + beyond
        return Cursor(tuple(ends))

    def things(self, structure: Structure) -> list[str]:
        body = self.fact.body
        if isinstance(body, f.RunEnded | f.RunPaused | f.RunDeclined):
            return things_of_run(body, structure)
        what, _, name = self.fact.aggregate.partition("/")
        return [name] if what == "thing" else [each for each in (getattr(body, "thing", ""),) if each]


def entry_of(gathered: Gathered, wording: Wording) -> Entry:
    fact = gathered.fact
    teller = FactTeller(wording)
    sentence = _together(gathered, teller)
    things = gathered.things(wording.home.structure) if gathered.mates == 0 or "command" in kind_name(fact) else []
    what, _, owner = fact.aggregate.partition("/")
    name = kind_name(fact)
    kind = "failed" if isinstance(fact.body, f.RunEnded) and fact.body.outcome == "failed" else entry_kind(name)
    member = owner if what == "member" else str(getattr(fact.body, "member", ""))
    doer = doer_kind(fact.actor)
    linkage = owner if what == "linkage" else str(getattr(fact.body, "linkage", ""))
    if isinstance(fact.body, f.LinkageSaved):
        linkage = fact.body.rule.id
    took = getattr(fact.body, "took", 0) if isinstance(fact.body, f.RunEnded) else 0
    return Entry(
        id=id_text(fact.id),
        at=fact.time,
        kind=kind,
        tone=sentence.tone,
        text=sentence.text,
        because=sentence.because,
        actor=Doer(
            doer, doer_id(fact), teller.who(fact) if doer != "hub" else say("telling.who.hub", wording.language)
        ),
        thing=things[0] if things else "",
        linkage=linkage,
        member=member or (doer_id(fact) if doer == "member" else ""),
        run=str(getattr(fact.body, "run", "")),
        took=max([took, *(each.took for each in gathered.answers)]),
        facts=tuple(id_text(each.id) for each in gathered.facts),
    )


def _together(gathered: Gathered, teller: FactTeller) -> Sentence:
    fact = gathered.fact
    if gathered.mates and not isinstance(fact.body, f.CommandGiven):
        return _many(gathered, teller)
    sentence = teller.sentence(fact)
    if not gathered.failed:
        return sentence
    wording = teller.wording
    said = dict.fromkeys(_came_to(aggregate, body, fact, wording) for aggregate, body in gathered.failed)
    text = say("telling.outcome.came_to_nothing", wording.language, what=sentence.text, why=wording.joined([*said][:3]))
    return Sentence(text, Tone.CARE, sentence.because)


def _many(gathered: Gathered, teller: FactTeller) -> Sentence:
    """Of different things, how many; of one, what it is."""
    fact = gathered.fact
    things = {getattr(each.body, "thing", "") or each.aggregate for each in gathered.facts}
    alone = teller.sentence(fact)
    if len(things) == 1:
        return alone
    key = kind_name(fact).rpartition("_")[2]
    text = say(f"telling.fact.{key}_many", teller.language, count=len(things), who=teller.who(fact))
    return Sentence(text, alone.tone)


def _came_to(aggregate: str, body: f.CommandEnded, fact: Fact, wording: Wording) -> str:
    why = wording.outcome(body.outcome, body.code)
    if aggregate == fact.aggregate:
        return why
    return say("telling.outcome.of_thing", wording.language, name=wording.owner(aggregate), why=why)
