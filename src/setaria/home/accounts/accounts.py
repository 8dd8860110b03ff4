"""The accounts of a home, joined: who is it that asks, and everything that changes the answer."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable
from typing import Final

import msgspec

from setaria.facts.clock import DAY, MINUTE, Clock
from setaria.facts.decider import Command
from setaria.facts.refused import Refused
from setaria.facts.secrets import SecretStore
from setaria.facts.writer import Writer
from setaria.home import commands as home_commands
from setaria.home.accounts import commands as c
from setaria.home.accounts import programs, throttle
from setaria.home.accounts.codes import (
    BEARER,
    INVITATION_LETTERS,
    Digests,
    is_value,
    make_code,
    make_id,
    make_value,
    read_code,
)
from setaria.home.accounts.kept import Kept, Source
from setaria.home.accounts.owner_code import OwnerCode
from setaria.home.accounts.passwords import Passwords, readable
from setaria.home.accounts.sessions import Sessions
from setaria.home.accounts.state import AccountsState, Invitation, Session, Token
from setaria.home.accounts.terminal import TerminalToken
from setaria.home.actors import actor_of
from setaria.home.decide import LATEST
from setaria.home.home import Home
from setaria.home.structure import Member
from setaria.rights import Act, Principal, Role

SHORTEST_INVITATION: Final = 15 * MINUTE
LONGEST_INVITATION: Final = 7 * DAY
MOST_NAMESAKES: Final = 4
LONGEST_NAME: Final = 80
LONGEST_DEVICE: Final = 80


class Caller(msgspec.Struct, frozen=True):
    """Who asks, as they may at this moment; `session` or `token` says by which, the terminal has neither."""

    principal: Principal
    session: str = ""
    token: str = ""


class SignedIn(msgspec.Struct, frozen=True):
    """`value` is for the cookie."""

    caller: Caller
    value: str


class Accounts:
    """`load` with the log, then `start`; before that nobody is let in."""

    def __init__(self, home: Home, writer: Writer, clock: Clock, store: SecretStore) -> None:
        self._home = home
        self._clock = clock
        self.passwords = Passwords(store)
        self.digests = Digests(store)
        self.sessions = Sessions(clock, self.digests)
        self.terminal = TerminalToken()
        self._owner_code = OwnerCode(store, self.digests, clock)
        self._by_name = throttle.by_name(clock)
        self._by_address = throttle.by_address(clock)
        self._invited_until: dict[str, int] = {}  # ticks, by invitation, of those made since the start
        self._token_used: dict[str, int] = {}
        self._tokens: dict[str, Token] = {}  # by digest
        self._claiming = asyncio.Lock()
        self._kept = Kept(home, writer, clock, self._index, self.passwords.forget)

    # Starting and stopping.

    def load(self, source: Source) -> None:
        self._kept.load(source)

    def start(self) -> None:
        self._kept.start()
        self.passwords.forget_all_but(set(self.state.passwords.values()))

    async def stop(self) -> None:
        await self._kept.stop()
        self.passwords.close()

    @property
    def state(self) -> AccountsState:
        """As far as it is durable; to be read only."""
        return self._kept.state

    def on_change(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Have `changed` called after anything that may change who a caller is or what they may; the result undoes
        it."""
        return self._kept.on_change(changed)

    # Who asks.

    def by_cookie(self, value: str) -> Caller | None:
        session = self.sessions.find(value)
        return None if session is None else self._of_session(session)

    def by_bearer(self, given: str, *, loopback: bool) -> Caller | None:
        """`loopback` says that it comes from this machine."""
        if not given.startswith(BEARER) or len(given) > 200:
            return None
        if self.terminal.is_it(given):
            return Caller(self.first_owner()) if loopback else None
        value = given.removeprefix(BEARER)
        token = self._tokens.get(self.digests.of("token", value)) if is_value(value) else None
        if token is None:
            return None
        self._token_used[token.id] = self._clock.now()
        return self._of_token(token)

    def again(self, caller: Caller) -> Caller | None:
        """The same caller as of now; None when the session, the token or the member is gone."""
        if caller.session:
            session = self.state.sessions.get(caller.session)
            return self._of_session(session) if session is not None and self.sessions.use(session.id) else None
        if caller.token:
            token = self.state.tokens.get(caller.token)
            return None if token is None else self._of_token(token)
        principal = self._principal(caller.principal.member)
        return None if principal is None else Caller(principal)

    def _of_session(self, session: Session) -> Caller | None:
        principal = self._principal(session.member)
        return None if principal is None else Caller(principal, session=session.id)

    def _of_token(self, token: Token) -> Caller | None:
        issuer = self._principal(token.by)
        now = self._clock.now()
        if issuer is None or (token.until and now >= token.until):
            return None
        return Caller(programs.principal_of(token, issuer, now), token=token.id)

    def _principal(self, member: str) -> Principal | None:
        return None if member in self._kept.leaving else self._home.permits.principal(member)

    def first_owner(self) -> Principal:
        """In whose name the terminal speaks. Raises Refused("no_owner")."""
        for member in self._owners():
            if principal := self._principal(member.id):
                return principal
        raise Refused("no_owner")

    def _owners(self) -> list[Member]:
        return [each for each in self._home.structure.members.values() if each.role == Role.OWNER]

    def has_password(self, member: str) -> bool:
        return member in self.state.passwords

    def used(self, token: str) -> int:
        """When it was used last since the hub started, in UTC microseconds; else 0."""
        return self._token_used.get(token, 0)

    # The first owner, and one who has forgotten.

    @property
    def is_new(self) -> bool:
        """While no owner has a password."""
        return not any(self.has_password(each.id) for each in self._owners())

    @property
    def setup_code(self) -> str:
        """For the terminal to print; empty once there is an owner with a password."""
        return self._owner_code.shown() if self.is_new else ""

    async def set_up(self, code: str, name: str, password: str, device: str, address: str) -> SignedIn:
        """The first owner, who is called `name` then; or, by a code left beside the log, an owner of that name. Raises
        Refused: code_wrong, password_unusable, owner_unknown, sign_in_throttled…"""
        self._by_address.enter(address)
        async with self._claiming:
            new = self.is_new
            if not ((new and self._owner_code.is_shown(code)) or self._owner_code.is_left(code)):
                raise Refused("code_wrong")
            self._by_address.undo(address)
            owner = self._owner_named(name, new)
            readable(password)
            if new and name.strip():
                await self._call_owner(owner, name)
            secret = await self.passwords.keep(password)
            signed_in = await self._sign_up(owner.id, secret, device)
            self._owner_code.use()
            return signed_in

    def _owner_named(self, name: str, new: bool) -> Member:
        owners = self._owners()
        named = [each for each in owners if _is_called(each, _plain(name))]
        if named:
            return named[0]
        if owners and (new or (len(owners) == 1 and not name.strip())):
            return owners[0]
        raise Refused("owner_unknown", name=name[:LONGEST_NAME])

    async def _call_owner(self, owner: Member, name: str) -> None:
        principal = self._principal(owner.id)
        if principal is not None and not _is_called(owner, _plain(name)):
            command = home_commands.SaveMember(owner.id, name, owner.role, owner.until, owner.language)
            await self._home.arrange(principal, command)

    # Coming in and going.

    async def sign_in(self, name: str, password: str, device: str, address: str) -> SignedIn:
        """`name` is a member's, or its id. Raises Refused: sign_in_wrong, sign_in_throttled, sign_in_busy."""
        plain = _plain(name)
        named = sorted(
            (each.id for each in self._home.structure.members.values() if _is_called(each, plain)),
            key=lambda each: each != plain,
        )
        named = [each for each in named if self.has_password(each) and self._principal(each)][:MOST_NAMESAKES]
        key = named[0] if named else f"name {plain}"
        self._by_address.enter(address)
        self._by_name.enter(key)
        for member in named or [""]:
            if await self.passwords.is_right(self.state.passwords.get(member, ""), password):
                self._by_name.forgive(key)
                self._by_address.undo(address)
                return await self._begin(member, device)
        raise Refused("sign_in_wrong")

    async def _begin(self, member: str, device: str) -> SignedIn:
        session, value = make_id(), make_value()
        command = c.BeginSession(session, member, self.digests.of("session", value), device[:LONGEST_DEVICE])
        return await self._signed_in(command, member, session, value)

    async def _sign_up(self, member: str, secret: str, device: str, invitation: str = "") -> SignedIn:
        before = self.state.passwords.get(member, "")
        session, value = make_id(), make_value()
        digest = self.digests.of("session", value)
        command = c.SignUp(member, secret, session, digest, device[:LONGEST_DEVICE], invitation)
        try:
            signed_in = await self._signed_in(command, member, session, value)
        except Refused:
            self.passwords.forget(secret)
            raise
        if before:
            self.passwords.forget(before)
        return signed_in

    async def _signed_in(self, command: Command, member: str, session: str, value: str) -> SignedIn:
        principal = self._principal(member)
        if principal is None:
            raise Refused("sign_in_wrong")
        await self._kept.submit(command, actor_of(principal))
        return SignedIn(Caller(principal, session=session), value)

    async def renew(self, caller: Caller) -> str:
        """Another value for the cookie, if it is time for one; else empty. Nobody is refused for want of one."""
        session = self.state.sessions.get(caller.session)
        if session is None or not self.sessions.is_due(session):
            return ""
        value = make_value()
        self.sessions.renewing(session)
        try:
            command = c.RenewSession(session.id, session.digest, self.digests.of("session", value))
            await self._kept.submit(command, actor_of(caller.principal))
        except Refused:
            self.sessions.not_renewed(session)
            return ""
        return value

    async def sign_out(self, caller: Caller) -> None:
        if caller.session in self.state.sessions:
            await self._kept.submit(c.EndSession(caller.session, "signed_out"), actor_of(caller.principal))

    async def end_session(self, by: Principal, session: str) -> None:
        """One's own; an owner anybody's. Raises Refused("not_found")."""
        known = self.state.sessions.get(session)
        if known is None or known.id not in {each.id for each, _ in self.sessions_for(by)}:
            raise Refused("not_found", what="session", id=session[:80])
        await self._kept.submit(c.EndSession(session, "ended"), actor_of(by))

    def sessions_for(self, by: Principal) -> list[tuple[Session, int]]:
        """Those that this member may see, with the date of the last use."""
        seen = self.sessions.alive(self.state.sessions.values())
        return [(each, at) for each, at in seen if by.role is Role.OWNER or each.member == by.member]

    async def change_password(self, caller: Caller, current: str, password: str) -> str:
        """Another value for the cookie, or empty without a session; all other sessions end. Raises Refused:
        password_wrong, password_unusable, sign_in_throttled, sign_in_busy."""
        member = caller.principal.member
        before = self.state.passwords.get(member, "")
        self._by_name.enter(member)
        if not await self.passwords.is_right(before, current):
            raise Refused("password_wrong")
        self._by_name.forgive(member)
        secret, value = await self.passwords.keep(password), make_value()
        session = self.state.sessions.get(caller.session)
        if session is not None:
            self.sessions.renewing(session, at_once=True)
        digest = self.digests.of("session", value)
        try:
            command = c.ChangePassword(member, secret, caller.session, digest)
            await self._kept.submit(command, actor_of(caller.principal))
        except Refused:
            self.passwords.forget(secret)
            if session is not None:
                self.sessions.not_renewed(session)
            raise
        self.passwords.forget(before)
        return value if session is not None else ""

    # Invitations.

    async def invite(self, by: Principal, member: str, lasts: int) -> tuple[str, int]:
        """The code, and until when it is good. Raises Refused: not_allowed, not_found, invitation_length."""
        self._home.permits.require(by, Act.MEMBER_MANAGE)
        known = self._home.structure.members.get(member)
        if known is None or self._principal(member) is None:
            raise Refused("not_found", what="member", id=member[:80])
        if not SHORTEST_INVITATION <= lasts <= LONGEST_INVITATION:
            raise Refused("invitation_length", minutes=SHORTEST_INVITATION // MINUTE, days=LONGEST_INVITATION // DAY)
        now = self._clock.now()
        lasts = min(lasts, known.until - now) if known.until else lasts
        invitation, code = make_id(), make_code(INVITATION_LETTERS)
        self._invited_until = {
            each.id: self._invited_until[each.id]
            for each in self.state.invitations.values()
            if each.id in self._invited_until
        }
        self._invited_until[invitation] = self._clock.ticks() + lasts
        command = c.Invite(invitation, member, self.digests.of("invitation", code), now + lasts)
        await self._kept.submit(command, actor_of(by))
        return code, now + lasts

    async def join(self, code: str, password: str, device: str, address: str) -> SignedIn:
        """Raises Refused: code_wrong, password_unusable, sign_in_throttled…"""
        self._by_address.enter(address)
        digest = self.digests.of("invitation", read_code(code))
        found = [each for each in self.state.invitations.values() if each.digest == digest]
        if not found or not self._is_good(found[0]) or self._principal(found[0].member) is None:
            raise Refused("code_wrong")
        self._by_address.undo(address)
        secret = await self.passwords.keep(password)
        return await self._sign_up(found[0].member, secret, device, found[0].id)

    def _is_good(self, invitation: Invitation) -> bool:
        until = self._invited_until.get(invitation.id)
        if until is not None:
            return self._clock.ticks() < until
        return self._clock.now() < invitation.until

    # Tokens for programs.

    async def issue_token(
        self,
        by: Principal,
        name: str,
        acts: tuple[str, ...],
        rooms: tuple[str, ...],
        things: tuple[str, ...],
        until: int,
    ) -> tuple[str, str]:
        """Its id, and the token, which is shown this once. Raises Refused: not_allowed, token_acts_unfit, not_found,
        name_unusable, token_already_over, too_many."""
        self._home.permits.require(by, Act.GRANT_GIVE)
        now = self._clock.now()
        programs.check_acts(by, acts, now)
        if until and not now < until < LATEST:
            raise Refused("token_already_over")
        programs.check_places(self._home.structure, rooms, things)
        token, value = make_id(), make_value()
        digest = self.digests.of("token", value)
        named = programs.checked_name(name)
        kept = tuple(dict.fromkeys(acts))
        await self._kept.submit(c.IssueToken(token, named, digest, kept, rooms, things, until, by.member), actor_of(by))
        return token, BEARER + value

    def tokens_for(self, by: Principal) -> list[Token]:
        return [each for each in self.state.tokens.values() if by.role is Role.OWNER or each.by == by.member]

    async def revoke_token(self, by: Principal, token: str) -> None:
        """One that one issued; an owner any. Raises Refused("not_found")."""
        if token not in {each.id for each in self.tokens_for(by)}:
            raise Refused("not_found", what="token", id=token[:80])
        await self._kept.submit(c.RevokeToken(token), actor_of(by))

    def _index(self, state: AccountsState) -> None:
        self.sessions.take(state)
        self._tokens = {each.digest: each for each in state.tokens.values()}
        self._token_used = {key: at for key, at in self._token_used.items() if key in state.tokens}


def _plain(name: str) -> str:
    """As two names are compared."""
    return unicodedata.normalize("NFC", " ".join(name[:LONGEST_NAME].split()).casefold())


def _is_called(member: Member, plain: str) -> bool:
    return plain != "" and plain in (member.id, _plain(member.name))
