"""Commands on their way to things, and what came of them: for people, who wait, and for linkages, which do not."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from setaria.facts.clock import Clock
from setaria.facts.fact import Actor
from setaria.facts.refused import Refused
from setaria.home import facts as f
from setaria.home.live import Live
from setaria.home.ports import Act, Done, Outcome, Radio, Unreachable, Write

OUTCOMES_KEPT: Final = 4_096  # of commands by people, for those who ask again


def code_of(outcome: Outcome) -> tuple[str, str]:
    """(outcome, code) as `home.command_ended` writes them."""
    if isinstance(outcome, Done):
        return "done", ""
    if isinstance(outcome, Unreachable):
        return "unreachable", outcome.reason
    detail = outcome.details.get("device_code")
    return "refused", outcome.code if detail is None else f"{outcome.code}:{detail}"


def outcome_of(ended: f.CommandEnded) -> Outcome:
    """`code_of` read backwards; an action's results are not kept."""
    if ended.outcome == "done":
        return Done()
    if ended.outcome == "unreachable":
        return Unreachable(ended.code)
    code, _, device_code = ended.code.partition(":")
    return Refused(code, device_code=int(device_code)) if device_code else Refused(code)


class Control:
    """Sends through the radio that a thing is on."""

    def __init__(self, live: Live, clock: Clock, radio_of: Callable[[str], Radio | None]) -> None:
        self._live = live
        self._clock = clock
        self._radio_of = radio_of
        self._outcomes: OrderedDict[str, asyncio.Future[Outcome]] = OrderedDict()

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
        """The same cause is sent once, however often it is asked for, and whoever stops waiting."""

        def told(outcome: Outcome) -> None:
            if isinstance(outcome, Done):
                self._confirmed(thing, writes)

        return await self._wait(thing, lambda radio, answer: radio.write(thing, writes, answer), cause, actor, told)

    async def wait_act(self, thing: str, act: Act, cause: str, actor: Actor) -> Outcome:
        return await self._wait(
            thing, lambda radio, answer: radio.act(thing, act, answer), cause, actor, lambda outcome: None
        )

    async def outcome_of(self, cause: str) -> Outcome | None:
        """What came, or comes, of a command that was sent before; None when that is no longer known."""
        known = self._outcomes.get(cause)
        return None if known is None else await asyncio.shield(known)

    def refuse(self, thing: str, refused: Refused, cause: str, actor: Actor) -> None:
        """Take down that something was not even sent."""
        self._ended(thing, refused, cause, actor, 0)

    async def _wait(
        self,
        thing: str,
        send: Callable[[Radio, Callable[[Outcome], None]], None],
        cause: str,
        actor: Actor,
        told: Callable[[Outcome], None],
    ) -> Outcome:
        radio = self._radio_of(thing)
        began = self._clock.ticks()
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def ended(outcome: Outcome) -> None:
            if not answer.done():
                told(outcome)
                self._ended(thing, outcome, cause, actor, self._clock.ticks() - began)
                answer.set_result(outcome)

        self._outcomes[cause] = answer
        while len(self._outcomes) > OUTCOMES_KEPT:
            self._outcomes.popitem(last=False)
        if radio is None:
            ended(Unreachable("no_radio"))
        else:
            send(radio, ended)
        return await asyncio.shield(answer)

    def _confirmed(self, thing: str, writes: Sequence[Write]) -> None:
        """A thing that said yes has the value; its own report comes later and changes nothing."""
        live = self._live.things.get(thing)
        if live is None:
            return
        self._live.observed(thing, [each for each in writes if live.reads(each)])

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
