"""Coming in, staying in, going: the session of whoever asks, and what others there are."""

from __future__ import annotations

from typing import Final

import msgspec

from setaria.home.accounts.accounts import Caller, SignedIn
from setaria.home.somewhere import acts_somewhere
from setaria.rights import Act, Target
from setaria.web import describe
from setaria.web import views as v
from setaria.web.credentials import address_of
from setaria.web.devices import device_name
from setaria.web.table import OPEN, Body, Call, Route


class SetupBody(Body, frozen=True):
    """`code` as the terminal printed it; `name` is what the owner wants to be called."""

    code: str
    name: str
    password: str


class JoinBody(Body, frozen=True):
    """`code` as the invitation has it."""

    code: str
    password: str


class SignInBody(Body, frozen=True):
    """`name` is a member's name or id."""

    name: str
    password: str


class PasswordBody(Body, frozen=True):
    current: str
    password: str


class SessionAnswer(msgspec.Struct, frozen=True):
    """`state`: setup (no owner has a password yet), sign_in or signed_in. `acts` are those that are allowed at least
    somewhere. `pages` are those that not every hub has, and that are for this person. Nothing of the home is told
    before it is signed in."""

    state: str
    member: v.MemberView | None
    acts: list[Act]
    household: str
    language: str
    session: str
    pages: list[str] = []


class SessionView(msgspec.Struct, frozen=True):
    """`seen` is when it was used last, to the minute; `current` says that it is the one that asks."""

    id: str
    member: str
    device: str
    began: int
    seen: int
    current: bool


class Sessions(msgspec.Struct, frozen=True):
    sessions: list[SessionView]


def answer(call: Call, caller: Caller | None) -> SessionAnswer:
    accounts, home = call.services.accounts, call.services.home
    if caller is None:
        state = "setup" if accounts.is_new else "sign_in"
        return SessionAnswer(state, None, [], "", call.language, "")
    member = home.structure.members.get(caller.principal.member)
    shown = None if member is None else describe.member(home, member, accounts.has_password(member.id))
    language = (shown.language if shown is not None else "") or call.language
    acts = acts_somewhere(home.permits, caller.principal)
    household, pages = home.structure.household.name, _pages(call, caller)
    return SessionAnswer("signed_in", shown, acts, household, language, caller.session, pages)


def _pages(call: Call, caller: Caller) -> list[str]:
    desk, may = call.services.flywheel, call.services.home.permits.asking(caller.principal)
    return ["flywheel"] if desk is not None and desk.offered and may(Act.FACTS_READ, Target()) else []


def _device(call: Call) -> str:
    return device_name(call.scope["setaria.headers"].get(b"user-agent", b"").decode("latin-1"))


def _signed_in(call: Call, signed_in: SignedIn) -> SessionAnswer:
    call.cookie = signed_in.value
    return answer(call, signed_in.caller)


async def see_session(call: Call) -> SessionAnswer:
    return answer(call, call.caller)


async def set_up(call: Call) -> SessionAnswer:
    body: SetupBody = call.body
    accounts = call.services.accounts
    return _signed_in(call, await accounts.set_up(body.code, body.name, body.password, _device(call), address_of(call)))


async def join(call: Call) -> SessionAnswer:
    body: JoinBody = call.body
    accounts = call.services.accounts
    return _signed_in(call, await accounts.join(body.code, body.password, _device(call), address_of(call)))


async def sign_in(call: Call) -> SessionAnswer:
    """Whoever was signed in here before is not any more: the browser has one cookie."""
    body: SignInBody = call.body
    accounts = call.services.accounts
    signed_in = await accounts.sign_in(body.name, body.password, _device(call), address_of(call))
    if call.caller is not None and call.caller.session:
        await accounts.sign_out(call.caller)
    return _signed_in(call, signed_in)


async def sign_out(call: Call) -> SessionAnswer:
    if call.caller is not None:
        await call.services.accounts.sign_out(call.caller)
    call.cookie = ""
    return answer(call, None)


async def change_password(call: Call) -> v.Done:
    body: PasswordBody = call.body
    assert call.caller is not None
    _require_self(call)
    value = await call.services.accounts.change_password(call.caller, body.current, body.password)
    call.cookie = value or call.cookie
    return v.Done()


async def see_sessions(call: Call) -> Sessions:
    _require_self(call)
    own = "" if call.caller is None else call.caller.session
    return Sessions(
        [
            SessionView(each.id, each.member, each.device, each.began, seen, each.id == own)
            for each, seen in call.services.accounts.sessions_for(call.by)
        ]
    )


async def end_session(call: Call) -> v.Done:
    _require_self(call)
    await call.services.accounts.end_session(call.by, call.parameters["session"])
    if call.caller is not None and call.caller.session == call.parameters["session"]:
        call.cookie = ""
    return v.Done()


def _require_self(call: Call) -> None:
    call.services.home.permits.require(call.by, Act.PROFILE_EDIT, Target(member=call.by.member))


ROUTES: Final = (
    Route("GET", "/api/session", see_session, OPEN, SessionAnswer, "Who asks, and what they may"),
    Route("POST", "/api/session/setup", set_up, OPEN, SessionAnswer, "The first owner comes in", SetupBody),
    Route("POST", "/api/session/join", join, OPEN, SessionAnswer, "Come in by an invitation", JoinBody),
    Route("POST", "/api/session/sign-in", sign_in, OPEN, SessionAnswer, "Sign in", SignInBody),
    Route("POST", "/api/session/sign-out", sign_out, OPEN, SessionAnswer, "Sign out"),
    Route(
        "POST",
        "/api/session/password",
        change_password,
        Act.PROFILE_EDIT,
        v.Done,
        "Change one's password; one's other sessions end",
        PasswordBody,
        home_asks=True,
    ),
    Route(
        "GET",
        "/api/sessions",
        see_sessions,
        Act.PROFILE_EDIT,
        Sessions,
        "One's own sessions; to an owner everyone's",
        home_asks=True,
    ),
    Route("DELETE", "/api/sessions/{session}", end_session, Act.PROFILE_EDIT, v.Done, "End a session", home_asks=True),
)
