"""How people are told: their notifiers, as they ask for them, and the delivery of what the home has to say."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from setaria.facts.clock import Clock
from setaria.facts.fact import HUB, Actor, Fact
from setaria.facts.ids import IdSource, id_text
from setaria.facts.log import Log, Snapshot, Stored
from setaria.facts.refused import Refused
from setaria.facts.secrets import SecretStore
from setaria.facts.writer import Writer
from setaria.home.facts import MemberRemoved
from setaria.home.home import Home
from setaria.home.notifying import facts as f
from setaria.home.notifying.decide import AddNotifier, NotifierDecider, RemoveNotifier, RemoveNotifiersOf
from setaria.home.notifying.delivery import Delivery
from setaria.home.notifying.state import Known, Notifiers, evolve
from setaria.home.notifying.types import NotifierType, Settings
from setaria.home.ports import Done, Notifier, Unreachable
from setaria.rights import Act, Principal, Target

LONGEST_SETTING: Final = 2_000
SEALED: Final = "notifier/"  # and the id: the settings that stand in no fact
PUSH: Final = "push"

logger = logging.getLogger(__name__)


class Source(Protocol):
    """An SQLite log, read at once: nothing else runs yet."""

    def read_aggregate_now(self, key: str, snapshots: bool = True) -> tuple[Snapshot | None, list[Stored]]: ...


class Notifying:
    """`load`, then `start`. Whoever asks is asked for the right: one's own notifiers are part of one's profile, those
    of others belong to who manages members."""

    def __init__(
        self,
        home: Home,
        log: Log,
        writer: Writer,
        clock: Clock,
        ids: IdSource,
        secrets: SecretStore,
        types: Mapping[str, NotifierType],
        push_key: Callable[[], str],
    ) -> None:
        self.types = types
        self.state = Notifiers()
        self._home = home
        self._writer = writer
        self._ids = ids
        self._secrets = secrets
        self._push_key = push_key
        self._made: dict[str, Notifier] = {}
        self._changing = asyncio.Lock()
        self.delivery = Delivery(home, self.state, log, writer, clock, self.notifier)
        self._leaving: set[asyncio.Task[None]] = set()
        self._unlisten: Callable[[], None] | None = None

    def load(self, source: Source) -> None:
        """Raises Refused as the log does."""
        decider = NotifierDecider(self._home.household)
        snapshot, stored = source.read_aggregate_now(decider.key)
        if snapshot is not None and snapshot.form != decider.form:
            snapshot, stored = source.read_aggregate_now(decider.key, snapshots=False)
        if snapshot is not None:
            self.state.known.update(decider.thaw(decider.key, snapshot.state).known)
        for each in stored:
            evolve(self.state, each.fact)

    def start(self) -> None:
        self._unlisten = self._writer.listen(lambda facts, cursor: self.take_over(facts))
        self._sweep()
        for member in {each.member for each in self.state.known.values()} - self._home.structure.members.keys():
            self._leave(member)
        self.delivery.start()

    async def stop(self) -> None:
        await self.delivery.stop()
        await asyncio.gather(*self._leaving)
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None

    def take_over(self, facts: Sequence[Fact]) -> None:
        for fact in facts:
            evolve(self.state, fact)
            if isinstance(fact.body, f.NotifierRemoved):
                self._forget(fact.body.notifier)
                self.delivery.forget(fact.body.notifier)
            elif isinstance(fact.body, MemberRemoved) and self.state.of(fact.body.member):
                self._leave(fact.body.member)

    # What people ask.

    def seen_by(self, by: Principal) -> list[Known]:
        """One's own, or everybody's for who manages members."""
        try:
            self._home.permits.require(by, Act.MEMBER_MANAGE)
        except Refused:
            return self.state.of(by.member)
        return list(self.state.known.values())

    async def add(
        self, by: Principal, type_: str, member: str, name: str, settings: Settings, command_id: str = ""
    ) -> Known:
        """Raises Refused: not_allowed, not_found, notifier_type_unknown, setting_missing, setting_unknown,
        setting_unusable, and what the type refuses of its settings."""
        kind = self.types.get(type_)
        if kind is None or not kind.by_hand:
            known = ", ".join(each.type for each in self.types.values() if each.by_hand)
            raise Refused("notifier_type_unknown", type=type_[:20], known=known)
        return await self._add(by, kind, member or by.member, name, settings, command_id)

    async def subscribe(self, by: Principal, settings: Settings, name: str) -> Known:
        """The browser in front of which `by` sits, whoever it belonged to until now. A repeat changes nothing."""
        kind = self.types[PUSH]
        self._require(by, by.member)
        checked, _ = kind.check(_complete(kind, settings))
        async with self._changing:
            for each in list(self.state.known.values()):
                if each.type != PUSH or each.settings.get("browser") != checked["browser"]:
                    continue
                if each.member == by.member and self._settings(each) == checked:
                    return each
                await self._submit(RemoveNotifier(each.id, "moved"), by)
            return await self._add(by, kind, by.member, name, settings, "")

    async def remove(self, by: Principal, notifier: str, command_id: str = "") -> None:
        self._require(by, self._found(by, notifier).member)
        await self._submit(RemoveNotifier(notifier), by, command_id)

    async def test(self, by: Principal, notifier: str) -> None:
        """Send something now. Raises Refused: what the target said, notifier_unreachable, notifier_busy."""
        known = self._found(by, notifier)
        self._require(by, known.member)
        outcome = await self.delivery.test(known, id_text(self._ids.next()))
        if isinstance(outcome, Unreachable):
            raise Refused("notifier_unreachable", why=outcome.reason)
        if not isinstance(outcome, Done):
            raise outcome

    def push_key(self, by: Principal) -> str:
        self._require(by, by.member)
        return self._push_key()

    # Within.

    async def _add(
        self, by: Principal, kind: NotifierType, member: str, name: str, settings: Settings, command_id: str
    ) -> Known:
        self._require(by, member)
        if member not in self._home.structure.members:
            raise Refused("not_found", what="member", id=member[:80])
        complete = _complete(kind, settings)
        checked, shown = kind.check(complete)
        if kind.near(complete):
            self._home.permits.require(by, Act.MEMBER_MANAGE)
        sealed = {each.name for each in kind.fields if each.secret or each.sealed}
        notifier = id_text(self._ids.next())
        kept = {key: value for key, value in checked.items() if key in sealed}
        self._secrets.put(f"{SEALED}{notifier}", msgspec.json.encode(kept))
        open_ = {key: value for key, value in checked.items() if key not in sealed}
        try:
            answer = await self._submit(AddNotifier(notifier, kind.type, member, name, shown, open_), by, command_id)
        except BaseException:
            self._secrets.drop(f"{SEALED}{notifier}")
            raise
        body = answer[0].body
        assert isinstance(body, f.NotifierAdded)
        if body.notifier != notifier:  # asked for before, under the same command id
            self._secrets.drop(f"{SEALED}{notifier}")
        return Known(body.notifier, body.type, body.member, body.name, body.shown, body.settings)

    async def _submit(
        self, command: AddNotifier | RemoveNotifier, by: Principal, command_id: str = ""
    ) -> tuple[Fact, ...]:
        answer = await self._writer.submit(command, Actor(f"member/{by.member}", str(by.role)), command_id)
        self.take_over(answer.facts)  # whoever asks next finds it done; a second time changes nothing
        return answer.facts

    def _require(self, by: Principal, member: str) -> None:
        if member == by.member:
            self._home.permits.require(by, Act.PROFILE_EDIT, Target(member=member))
        else:
            self._home.permits.require(by, Act.MEMBER_MANAGE)

    def _found(self, by: Principal, notifier: str) -> Known:
        """Those of others are not even there for who may not see them."""
        known = next((each for each in self.seen_by(by) if each.id == notifier), None)
        if known is None:
            raise Refused("not_found", what="notifier", id=notifier[:80])
        return known

    def notifier(self, known: Known) -> Notifier:
        """Raises Refused("notifier_damaged") when its secrets are gone or cannot be read."""
        made = self._made.get(known.id)
        if made is None:
            kind = self.types.get(known.type)
            try:
                if kind is None:
                    raise KeyError(known.type)
                made = kind.make(self._settings(known))
            except (Refused, KeyError, msgspec.DecodeError) as error:
                raise Refused("notifier_damaged", name=known.name) from error
            self._made[known.id] = made
        return made

    def _settings(self, known: Known) -> dict[str, str]:
        sealed = self._secrets.get(f"{SEALED}{known.id}")
        return {**known.settings, **msgspec.json.decode(sealed or b"{}", type=dict[str, str])}

    def _forget(self, notifier: str) -> None:
        self._made.pop(notifier, None)
        try:
            self._secrets.drop(f"{SEALED}{notifier}")
        except (Refused, OSError):
            logger.warning("the secrets of notifier %s stay until the next start", notifier)

    def _leave(self, member: str) -> None:
        """Who leaves takes the notifiers along; what a crash or a full disk keeps from it comes at the next start."""

        async def leave() -> None:
            try:
                await self._writer.submit(RemoveNotifiersOf(member), HUB)
            except Refused as refused:
                logger.warning("the notifiers of %s stay until the next start: %s", member, refused)

        task = asyncio.create_task(leave(), name="leaving")
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    def _sweep(self) -> None:
        """Secrets whose notifier a crash kept from being added, or that could not be dropped."""
        for name in self._secrets.names():
            if name.startswith(SEALED) and name.removeprefix(SEALED) not in self.state.known:
                self._forget(name.removeprefix(SEALED))


def _complete(kind: NotifierType, settings: Settings) -> dict[str, str]:
    """Raises Refused: setting_missing, setting_unknown, setting_unusable."""
    names = {each.name for each in kind.fields}
    for name, value in settings.items():
        if name not in names:
            raise Refused("setting_unknown", setting=name[:40], type=kind.type)
        if len(value) > LONGEST_SETTING or not value.isprintable():
            raise Refused("setting_unusable", setting=name, longest=LONGEST_SETTING)
    given = {name: value.strip() for name, value in settings.items() if value.strip()}
    for field in kind.fields:
        if field.required and field.name not in given:
            raise Refused("setting_missing", setting=field.name)
    return given
