"""Commands on their way to things, and what came of them: for people, who wait, and for linkages, which do not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from setaria.facts.clock import Clock
from setaria.facts.fact import Actor
from setaria.facts.refused import Refused
from setaria.home import facts as f
from setaria.home.live import Live
from setaria.home.ports import Act, Done, Outcome, Radio, Reading, Unreachable, Write


def code_of(outcome: Outcome) -> tuple[str, str]:
    """(outcome, code) as `home.command_ended` writes them."""
    if isinstance(outcome, Done):
        return "done", ""
    if isinstance(outcome, Unreachable):
        return "unreachable", outcome.reason
    detail = outcome.details.get("device_code")
    return "refused", outcome.code if detail is None else f"{outcome.code}:{detail}"


class Control:
    """Sends through the radio that a thing is on."""

    def __init__(self, live: Live, clock: Clock, radio_of: Callable[[str], Radio | None]) -> None:
        self._live = live
        self._clock = clock
        self._radio_of = radio_of

    def write(self, thing: str, writes: Sequence[Write], cause: str, actor: Actor) -> None:
        """Without waiting; only what went wrong becomes a fact of its own."""
        radio = self._radio_of(thing)
        if radio is None:
            self._ended(thing, Unreachable("no_radio"), cause, actor, 0)
            return
        began = self._clock.ticks()

        def answered(outcome: Outcome) -> None:
            if isinstance(outcome, Done):
                self._confirmed(thing, writes)
            else:
                self._ended(thing, outcome, cause, actor, self._clock.ticks() - began)

        radio.write(thing, writes, answered)

    def act(self, thing: str, act: Act, cause: str, actor: Actor) -> None:
        radio = self._radio_of(thing)
        if radio is None:
            self._ended(thing, Unreachable("no_radio"), cause, actor, 0)
            return
        began = self._clock.ticks()

        def answered(outcome: Outcome) -> None:
            if not isinstance(outcome, Done):
                self._ended(thing, outcome, cause, actor, self._clock.ticks() - began)

        radio.act(thing, act, answered)

    async def wait_write(self, thing: str, writes: Sequence[Write], cause: str, actor: Actor) -> Outcome:
        outcome = await self._wait(thing, lambda radio, answer: radio.write(thing, writes, answer), cause, actor)
        if isinstance(outcome, Done):
            self._confirmed(thing, writes)
        return outcome

    async def wait_act(self, thing: str, act: Act, cause: str, actor: Actor) -> Outcome:
        return await self._wait(thing, lambda radio, answer: radio.act(thing, act, answer), cause, actor)

    async def _wait(
        self, thing: str, send: Callable[[Radio, Callable[[Outcome], None]], None], cause: str, actor: Actor
    ) -> Outcome:
        radio = self._radio_of(thing)
        began = self._clock.ticks()
        if radio is None:
            outcome: Outcome = Unreachable("no_radio")
        else:
            answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
            send(radio, lambda told: None if answer.done() else answer.set_result(told))
            outcome = await answer
        self._ended(thing, outcome, cause, actor, self._clock.ticks() - began)
        return outcome

    def _confirmed(self, thing: str, writes: Sequence[Write]) -> None:
        """A thing that said yes has the value; its own report comes later and changes nothing."""
        live = self._live.things.get(thing)
        if live is None:
            return
        readable = [
            Reading(each.siid, each.piid, each.value)
            for each in writes
            if (known := live.spec.property(each.siid, each.piid)) is not None and known.readable
        ]
        self._live.observed(thing, readable)

    def _ended(self, thing: str, outcome: Outcome, cause: str, actor: Actor, took: int) -> None:
        word, code = code_of(outcome)
        self._live.record(f"thing/{thing}", f.CommandEnded(cause, word, code, took), actor)


def raise_unless_done(outcome: Outcome, thing: str) -> Done:
    """For callers that answer people: Refused as it is, Unreachable as Refused("thing_unreachable")."""
    if isinstance(outcome, Done):
        return outcome
    if isinstance(outcome, Unreachable):
        raise Refused("thing_unreachable", thing=thing, why=outcome.reason)
    raise outcome
