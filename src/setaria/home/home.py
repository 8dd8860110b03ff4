"""A home that runs: the arrangement, the state, the radios and the linkages, joined.

Everything that may be refused for want of a right is asked here, with the principal who asks: the web, the terminal and
linkages come through the same doors.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Final

import msgspec

from setaria.facts.clock import SECOND, Clock, Timer
from setaria.facts.decider import Answer
from setaria.facts.fact import HUB, Actor, Fact
from setaria.facts.ids import IdSource, id_text
from setaria.facts.log import Log, LogFaulty
from setaria.facts.refused import Refused
from setaria.facts.secrets import SecretStore
from setaria.facts.writer import Writer
from setaria.home import binding
from setaria.home import commands as c
from setaria.home import facts as f
from setaria.home.acting import Acting
from setaria.home.actors import actor_of, author_of
from setaria.home.arranged import Arranged
from setaria.home.control import Control, outcome_of, raise_unless_done
from setaria.home.following import Following
from setaria.home.helpers import Helpers
from setaria.home.linkage.engine import Engine
from setaria.home.linkage.world import World
from setaria.home.live import Live
from setaria.home.permits import Permits
from setaria.home.ports import Act as ActCommand
from setaria.home.ports import Done, Outcome, Radio, Unreachable, Value, Write
from setaria.home.presence import Presence
from setaria.home.sight import Sights
from setaria.home.spec.library import SpecLibrary
from setaria.home.structure import ARRANGING, Linkage, Structure, Thing, evolve
from setaria.home.zone import zone_of
from setaria.rights import Act, Grant, Principal, Role, Target, may_give

ARRANGING_NEEDS: Final[Mapping[type, Act]] = {
    c.DescribeHousehold: Act.HOUSEHOLD_MANAGE,
    c.SaveStorey: Act.THING_MANAGE,
    c.RemoveStorey: Act.THING_MANAGE,
    c.SaveRoom: Act.THING_MANAGE,
    c.RemoveRoom: Act.THING_MANAGE,
    c.SaveMember: Act.MEMBER_MANAGE,
    c.RemoveMember: Act.MEMBER_MANAGE,
    c.GiveGrant: Act.GRANT_GIVE,
    c.EndGrant: Act.GRANT_GIVE,
    c.AddThing: Act.THING_MANAGE,
    c.ArrangeThing: Act.THING_MANAGE,
    c.ReplaceThing: Act.THING_MANAGE,
    c.RemoveThing: Act.THING_MANAGE,
    c.SaveScene: Act.SCENE_WRITE,
    c.RemoveScene: Act.SCENE_WRITE,
    c.SaveHelper: Act.THING_MANAGE,
    c.RemoveHelper: Act.THING_MANAGE,
    c.SavePresenceSource: Act.MEMBER_MANAGE,
    c.RemovePresenceSource: Act.MEMBER_MANAGE,
    c.ArrangeTiles: Act.PROFILE_EDIT,  # of oneself
    c.SaveLinkage: Act.LINKAGE_WRITE,
    c.UndoLinkage: Act.LINKAGE_WRITE,
    c.SwitchLinkage: Act.LINKAGE_WRITE,
    c.RemoveLinkage: Act.LINKAGE_WRITE,
}


FACTS_LOOKED_BACK: Final = 2_000
logger = logging.getLogger(__name__)


class Home:
    """Call `load` with what the log says (home/loading.py), then `start`."""

    def __init__(
        self,
        household: str,
        writer: Writer,
        clock: Clock,
        ids: IdSource,
        specs: SpecLibrary,
        secrets: SecretStore,
        radios: Sequence[Radio] = (),
        log: Log | None = None,
    ) -> None:
        """Without `log` it is forgotten at the end what came of commands, should they be asked for again."""
        self.household = household
        self.structure = Structure()
        self.clock = clock
        self.specs = specs
        self.live = Live(writer, clock.now)
        self.arranged = Arranged(self.structure, specs)
        self.permits = Permits(self.arranged, clock)
        self.sights = Sights(self.arranged, self.permits)
        self.following = Following(self.arranged, self.live, secrets, radios)
        self.radios = self.following.radios
        self.finding = self.following.finding
        self.following.on_described = self._described
        self.control = Control(self.live, clock, self.following.radio_of)
        self.helpers = Helpers(self.live, clock, household)
        self.presence = Presence(self.live, clock)
        self.acting = Acting(self)
        self.world = World(self.live, clock, self.acting, self.arranged)
        self.engine = Engine(self.world, ids)
        self._writer = writer
        self._log = log
        self._ids = ids
        self._taken = b""  # the id of the last fact of the arrangement that was taken over
        self._took = asyncio.Event()
        self.unbound: dict[str, tuple[str, ...]] = {}
        self._unlisten: Callable[[], None] | None = None
        self._waiting: Timer | None = None

    # Starting and stopping.

    def follow_structure(self, structure: Structure) -> None:
        """Take an arrangement over whole, before anything runs."""
        self.structure = self.arranged.structure = structure
        self._place()
        for thing in structure.things.values():
            self._add_live(thing)
        for helper in structure.helpers.values():
            self.helpers.save(helper)
        for member in structure.members:
            self.presence.add_member(member)
        self.presence.sources(structure.presence_sources)

    def arm(self) -> None:
        last_change = binding.last_change(self.arranged)
        for linkage in self.structure.linkages.values():
            self._arm(linkage, last_change)

    async def start(self) -> None:
        """Linkages go on where they were; then the radios begin to look for things."""
        self._taken = self._ids.next()  # what is older is in the structure already
        self._unlisten = self._writer.listen(lambda facts, cursor: self.take_over(facts))
        self._resume()
        await self.following.start()
        self.presence.start()
        self.engine.started()

    def _resume(self) -> None:
        """What waits for a date goes on once the date is known: a board without a battery wakes up in 1970."""
        if self.clock.trusted():
            self.helpers.resume()
            self.engine.resume()
        else:
            self._waiting = self.clock.call_at(self.clock.ticks() + SECOND, self._resume)

    async def stop(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
        await self.presence.stop()
        self.engine.close()
        self.helpers.close()
        await self.following.stop()
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None
            self._took.set()

    async def flush(self) -> None:
        """Wait until what was recorded is durable. Raises Refused: log_full and the like."""
        try:
            await self._writer.flush()
        except LogFaulty as faulty:
            raise faulty.refusal from faulty

    # What people ask.

    async def arrange(self, by: Principal, command: c.Arrangement, command_id: str = "") -> Answer:
        """Raises Refused: not_allowed, or what home/decide.py refuses."""
        if isinstance(command, c.SaveMember) and command.member == by.member:
            known = self.structure.members.get(command.member)
            same = known is not None and (known.role, known.until) == (command.role, command.until)
            self.permits.require(by, Act.PROFILE_EDIT if same else Act.MEMBER_MANAGE, Target(member=by.member))
        else:
            about = Target(member=by.member) if isinstance(command, c.ArrangeTiles) else None
            self.permits.require(by, ARRANGING_NEEDS[type(command)], about)
        if isinstance(command, c.SaveLinkage):
            self._require_author(by, command)
        if isinstance(command, c.SaveScene):
            command = msgspec.structs.replace(command, targets=self._checked_targets(command.targets))
        if isinstance(command, c.GiveGrant):
            self._require_own(by, command)
        if isinstance(command, c.AddThing | c.ReplaceThing):
            self.following.keep_spec(command.model)
        answer = await self._writer.submit(command, actor_of(by), command_id)
        while self._unlisten is not None and answer.facts and answer.facts[-1].id > self._taken:
            await self._took.wait()  # whoever asks next finds it done
        return answer

    def _require_author(self, by: Principal, command: c.SaveLinkage) -> None:
        """Nobody writes in another's name, and no program by a linkage what it may not do itself."""
        if command.author != author_of(by):
            raise Refused("not_allowed", act=str(Act.LINKAGE_WRITE), why="not_own")
        if by.role is Role.PROGRAM:
            for thing in binding.operated(command.rule, self.arranged):
                self.permits.require(by, Act.THING_CONTROL, self.permits.target(thing))

    def _require_own(self, by: Principal, command: c.GiveGrant) -> None:
        """Nobody gives what is not theirs."""
        acts = tuple(Act(each) for each in command.acts if each in set(Act))  # what is none is refused by itself
        grant = Grant(id=command.grant, member=command.member, acts=acts, since=command.since, by=by.member)
        if not may_give(by, grant, now=self.clock.now()):
            raise Refused("not_allowed", act=str(Act.GRANT_GIVE), why="not_own")

    async def write(self, by: Principal, thing: str, writes: Mapping[str, Value], command_id: str = "") -> Done:
        """`writes` by address within the thing. Raises Refused: not_found, not_allowed, unknown_property, value_…,
        property_not_writable, device_refused, thing_unreachable."""
        spec = self._spec(thing)
        self.permits.require(by, Act.THING_CONTROL, self.permits.target(thing))
        if not writes or len(writes) > 50:
            raise Refused("writes_unusable", most=50)
        checked: list[Write] = []
        named: dict[str, Value] = {}
        for address, value in writes.items():
            found = spec.find_property(address)
            if not found.writable:
                raise Refused("property_not_writable", property=address, thing=thing)
            named[found.address] = found.parse(value)
            checked.append(Write(found.siid, found.piid, named[found.address]))
        command = c.ControlThing(thing, named)
        return await self._send(
            command, by, command_id, lambda cause: self.control.wait_write(thing, checked, cause, actor_of(by))
        )

    async def act(
        self, by: Principal, thing: str, action: str, arguments: Mapping[str, Value] | None = None, command_id: str = ""
    ) -> Done:
        """`arguments` by the address of the property that each is. Raises as `write` does, and unknown_action,
        argument_missing."""
        spec = self._spec(thing)
        self.permits.require(by, Act.THING_CONTROL, self.permits.target(thing))
        found = spec.find_action(action)
        given = dict(arguments or {})
        ordered: list[tuple[int, Value]] = []
        service = found.address.rpartition(".")[0]
        for piid in found.inputs:
            known = spec.property(found.siid, piid)
            if known is None:
                continue
            names = (known.address, known.address.removeprefix(f"{service}."), known.name)
            name = next((each for each in names if each in given), None)
            if name is None:
                raise Refused("argument_missing", action=action, argument=known.name)
            ordered.append((piid, known.parse(given.pop(name))))
        if given:
            raise Refused("argument_unknown", action=action, argument=next(iter(given))[:80])
        command = c.ControlThing(thing, {}, found.address, {str(piid): value for piid, value in ordered})
        act = ActCommand(found.siid, found.aiid, tuple(ordered))
        return await self._send(
            command, by, command_id, lambda cause: self.control.wait_act(thing, act, cause, actor_of(by))
        )

    async def _send(
        self,
        command: c.ControlThing,
        by: Principal,
        command_id: str,
        send: Callable[[str], Awaitable[Outcome]],
    ) -> Done:
        """Take the wish down, then send it, once for one command id. A log that is full must not leave people in the
        dark: then it is sent all the same, and they are told that it could not be written down."""
        before = self._ids.next()
        try:
            answer = await self._writer.submit(command, actor_of(by), command_id)
        except Refused as refused:
            if refused.code not in ("log_full", "log_faulty"):
                raise
            body = f.CommandGiven(command.writes, command.action, command.arguments)
            held = self.record(f"thing/{command.thing}", body, actor_of(by))
            raise_unless_done(await send(id_text(held.id)), command.thing)
            raise Refused("done_not_kept", thing=command.thing, why=refused.code) from refused
        cause = id_text(answer.facts[0].id)
        outcome = await self.control.outcome_of(cause)
        if outcome is None and answer.facts[0].id > before:
            outcome = await send(cause)
        if outcome is None:
            outcome = await self._outcome_of_before(command.thing, cause)
        return raise_unless_done(outcome, command.thing)

    async def _outcome_of_before(self, thing: str, cause: str) -> Outcome:
        """Of a command sent before the last start, or long ago."""
        if self._log is not None:
            for stored in await self._log.latest(f"thing/{thing}", FACTS_LOOKED_BACK):
                body = stored.fact.body
                if isinstance(body, f.CommandEnded) and body.cause == cause:
                    return outcome_of(body)
        return Unreachable("asked_before")

    async def set_scene(self, by: Principal, scene: str) -> None:
        """Send every target; what a thing refuses is told by its facts."""
        known = self.structure.scenes.get(scene)
        if known is None:
            raise Refused("not_found", what="scene", id=scene[:80])
        things = {address.partition("/")[0] for address in known.targets} - {"helper"}
        self._require_for_each(by, Act.SCENE_RUN, things)
        for thing in things:
            self.permits.require(by, Act.THING_CONTROL, self.permits.target(thing))
        self.acting.scene(scene, "", actor_of(by))
        await self.flush()

    def _require_for_each(self, by: Principal, act: Act, things: Collection[str]) -> None:
        """Whoever was lent a room may run what operates nothing outside it."""
        for target in map(self.permits.target, things) if things else (Target(),):
            self.permits.require(by, act, target)

    async def operate_helper(self, by: Principal, helper: str, operation: str, value: Value | None = None) -> None:
        self.permits.require(by, Act.THING_CONTROL)
        self.helpers.operate(helper, operation, value, actor_of(by))
        await self.flush()

    async def run_linkage(self, by: Principal, linkage: str) -> str:
        """Its actions, now, whatever its triggers and conditions say; returns the run's id."""
        armed = self.engine.armed.get(linkage)
        if armed is None:
            raise Refused("not_found", what="linkage", id=linkage[:80])
        self._require_for_each(by, Act.LINKAGE_RUN, binding.operated(armed.rule, self.arranged))
        run = self.engine.run_now(linkage, by.member)
        await self.flush()
        return run

    async def say_presence(self, by: Principal, member: str, home: bool) -> None:
        if member not in self.structure.members:
            raise Refused("not_found", what="member", id=member[:80])
        self.permits.require(by, Act.PROFILE_EDIT, Target(member=member))
        self.presence.say(member, home, "person", actor_of(by))
        await self.flush()

    def give_secret(self, by: Principal, radio: str, address: str, secret: bytes) -> None:
        self.give_secrets(by, radio, {address: secret})

    def give_secrets(self, by: Principal, radio: str, secrets: Mapping[str, bytes]) -> None:
        """By address; all are kept, or none."""
        self.permits.require(by, Act.RADIO_MANAGE)
        self.following.give_secrets(radio, secrets)

    def search(self, by: Principal) -> None:
        self.permits.require(by, Act.RADIO_MANAGE)
        for radio in self.radios.values():
            radio.search()

    # What the log tells.

    def take_over(self, facts: Sequence[Fact]) -> None:
        """Facts of the arrangement that are durable. What cannot be put into effect must not keep the rest from it."""
        arranging = [fact for fact in facts if type(fact.body) in ARRANGING]
        if not arranging:
            return
        try:
            for fact in arranging:
                evolve(self.structure, fact)
                self._put_into_effect(fact.body)
        finally:
            self._taken = max(self._taken, arranging[-1].id)
            took, self._took = self._took, asyncio.Event()
            took.set()

    def _put_into_effect(self, body: Any) -> None:
        try:
            self._arranged_by(body)
        except Exception:
            logger.exception("putting %s into effect", type(body).__name__)

    def _arranged_by(self, body: Any) -> None:
        if isinstance(body, f.TilesArranged):
            return
        self.permits.forget()
        self.acting.forget()
        if isinstance(body, f.LinkageSaved):
            self._arm(self.structure.linkages[body.rule.id], binding.last_change(self.arranged))
        elif isinstance(body, f.LinkageSwitched):
            self.engine.switch(body.linkage, body.enabled)
        elif isinstance(body, f.LinkageRemoved):
            self.engine.disarm(body.linkage, "removed")
            self.engine.memory.forget(body.linkage)
            self.unbound.pop(body.linkage, None)
        else:
            self._rearranged(body)
            if isinstance(body, f.ThingAdded | f.ThingReplaced):
                self._bind_anew(body.thing)
            self.engine.home_changed()

    def _rearranged(self, body: Any) -> None:
        if isinstance(body, f.ThingAdded | f.ThingReplaced):
            thing = self.structure.things[body.thing]
            self._add_live(thing)
            self.following.follow_anew(thing)
        elif isinstance(body, f.ThingRemoved):
            self.live.remove_thing(body.thing)
            self.following.forget(body.thing)
        elif isinstance(body, f.HelperSaved):
            self.helpers.save(self.structure.helpers[body.helper])
        elif isinstance(body, f.HelperRemoved):
            self.helpers.remove(body.helper)
        elif isinstance(body, f.MemberSaved):
            self.presence.add_member(body.member)
        elif isinstance(body, f.MemberRemoved):
            self.presence.remove_member(body.member)
            self.presence.sources(self.structure.presence_sources)
        elif isinstance(body, f.PresenceSourceSaved | f.PresenceSourceRemoved):
            self.presence.sources(self.structure.presence_sources)
        elif isinstance(body, f.HouseholdDescribed):
            self._place()

    # Within.

    def _place(self) -> None:
        household = self.structure.household
        self.world.zone = zone_of(household.zone)
        self.permits.zone = household.zone
        self.world.latitude, self.world.longitude = household.latitude, household.longitude

    def _arm(self, linkage: Linkage, last_change: int) -> None:
        """`unbound` then tells what it names that its things do not have."""
        rule = linkage.rule
        if rule is None:
            return
        self.unbound.pop(linkage.id, None)
        if last_change > linkage.saved:
            rule, missing = binding.bound(rule, self.arranged)
            if missing:
                self.unbound[linkage.id] = missing
        self.engine.arm(rule, linkage.author, linkage.revision, linkage.enabled, linkage.saved)

    def _described(self, thing: str) -> None:
        """A thing has said what else it has, or has no more."""
        self.permits.forget()
        self.acting.forget()
        self._bind_anew(thing)
        self.engine.home_changed()

    def _bind_anew(self, thing: str) -> None:
        """Runs under way end: what they would still do was meant for the device that was there."""
        last_change = binding.last_change(self.arranged)
        for linkage in self.structure.active_linkages():
            if linkage.rule is not None and binding.names(linkage.rule, thing, self.arranged):
                self._arm(linkage, last_change)

    def _add_live(self, thing: Thing) -> None:
        spec = self.arranged.spec_of(thing.id)
        if spec is not None:
            self.live.add_thing(thing.id, thing.radio, spec)

    def _spec(self, thing: str) -> Any:
        if thing not in self.structure.things:
            raise Refused("not_found", what="thing", id=thing[:80])
        return self.specs.get(self.structure.things[thing].model)

    def _checked_targets(self, targets: Mapping[str, Value]) -> dict[str, Value]:
        checked: dict[str, Value] = {}
        for address, value in targets.items():
            owner, _, rest = address.partition("/")
            if owner == "helper":
                checked[address] = self.helpers.checked(address, value)
                continue
            found = self._spec(owner).find_property(rest)
            if not found.writable:
                raise Refused("property_not_writable", property=rest, thing=owner)
            checked[f"{owner}/{found.address}"] = found.parse(value)
        return checked

    def record(self, aggregate: str, body: Any, actor: Actor = HUB) -> Fact:
        return self._writer.record(aggregate, body, actor)
