"""Coming in, staying in and going, over a real log and a clock that is moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.home.home_place import Place

from setaria.facts.clock import DAY, HOUR, MINUTE, SECOND
from setaria.facts.decider import Command
from setaria.facts.fact import to_cloud_event
from setaria.facts.refused import Refused
from setaria.home import commands as c
from setaria.home.accounts import facts as f
from setaria.home.accounts.accounts import Caller, SignedIn
from setaria.home.accounts.commands import CloseAccount
from setaria.home.accounts.decide import MOST_SESSIONS
from setaria.home.accounts.owner_code import LEFT_GOOD_FOR, WRONG_TRIES, leave_code
from setaria.home.accounts.sessions import OLD_GOOD_FOR, RENEWED_AFTER, UNUSED_FOR
from setaria.home.accounts.sharing import share
from setaria.rights import Act, Role, Target, allowed

HERE = "192.168.1.5"
PASSWORD = "correct horse"


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    made = await Place(tmp_path).open()
    await made.settle_in()
    yield made
    await made.close()


async def set_up(place: Place, name: str = "李伟") -> SignedIn:
    accounts = place.accounts
    return await place.done(accounts.set_up(accounts.setup_code, name, PASSWORD, "Chrome, Android", HERE))


async def join(place: Place, member: str) -> SignedIn:
    code, _ = await place.done(place.accounts.invite(place.owner, member, DAY))
    return await place.done(place.accounts.join(code, PASSWORD, "", HERE))


async def sign_in(place: Place, name: str, password: str = PASSWORD, address: str = HERE) -> SignedIn:
    return await place.done(place.accounts.sign_in(name, password, "", address))


async def refused(place: Place, waiting: object) -> str:
    return (await place.refused(waiting)).code  # type: ignore[arg-type]


def who(place: Place, value: str) -> str:
    caller = place.accounts.by_cookie(value)
    return "" if caller is None else caller.principal.member


async def reopened(place: Place) -> Place:
    await place.close()
    return await place.open()


# The first owner.


async def test_the_first_owner_comes_in_by_the_code_of_the_terminal(place: Place) -> None:
    accounts = place.accounts
    code = accounts.setup_code
    assert accounts.is_new
    assert code == accounts.setup_code, "it stays the same"
    assert await refused(place, accounts.set_up("AAAA-AAAA", "", PASSWORD, "", HERE)) == "code_wrong"
    assert await refused(place, accounts.set_up(code, "", "short", "", HERE)) == "password_unusable"
    signed_in = await place.done(accounts.set_up(code.lower().replace("-", " "), "小伟", PASSWORD, "", HERE))
    assert who(place, signed_in.value) == "wei"
    assert place.home.structure.members["wei"].name == "小伟"
    assert (accounts.is_new, accounts.setup_code) == (False, "")
    assert await refused(place, accounts.set_up(code, "", PASSWORD, "", HERE)) == "code_wrong"


async def test_two_who_know_the_code_are_one_owner(place: Place) -> None:
    accounts, code = place.accounts, place.accounts.setup_code
    both = (accounts.set_up(code, "", PASSWORD, "", HERE), accounts.set_up(code, "", "another one", "", "10.0.0.1"))
    first, second = await place.done(asyncio.gather(*both, return_exceptions=True))
    assert isinstance(first, SignedIn)
    assert second == Refused("code_wrong")


async def test_a_code_that_was_mistaken_ten_times_is_another(place: Place) -> None:
    accounts = place.accounts
    code = accounts.setup_code
    for number in range(WRONG_TRIES):
        assert accounts.setup_code == code
        assert await refused(place, accounts.set_up("22222222", "", PASSWORD, "", f"10.0.0.{number}")) == "code_wrong"
    assert accounts.setup_code != code
    assert await refused(place, accounts.set_up(code, "", PASSWORD, "", HERE)) == "code_wrong"


async def test_an_owner_who_forgot_comes_in_by_a_code_left_beside_the_log(place: Place) -> None:
    old = await set_up(place)
    code, until = leave_code(place.secrets, place.clock.now())
    assert until == place.clock.now() + LEFT_GOOD_FOR
    accounts = place.accounts
    assert await refused(place, accounts.set_up(code, "nobody", "a new password", "", HERE)) == "owner_unknown"
    new = await place.done(accounts.set_up(code, "WEI", "a new password", "", HERE))
    assert who(place, new.value) == "wei"
    assert who(place, old.value) == "", "whoever had the old password is out"
    assert await refused(place, accounts.set_up(code, "wei", PASSWORD, "", HERE)) == "code_wrong"
    assert await refused(place, accounts.sign_in("wei", PASSWORD, "", HERE)) == "sign_in_wrong"


async def test_a_code_left_beside_the_log_does_not_wait_for_ever(place: Place) -> None:
    await set_up(place)
    code, _ = leave_code(place.secrets, place.clock.now())
    await place.run(LEFT_GOOD_FOR)
    assert await refused(place, place.accounts.set_up(code, "wei", PASSWORD, "", HERE)) == "code_wrong"
    code, _ = leave_code(place.secrets, place.clock.now())
    for number in range(WRONG_TRIES):
        await refused(place, place.accounts.set_up("22222222", "", PASSWORD, "", f"10.0.0.{number}"))
    assert await refused(place, place.accounts.set_up(code, "wei", PASSWORD, "", HERE)) == "code_wrong"


# Signing in.


@pytest.mark.parametrize("name", ["wei", "WEI", "李伟", "  李伟 "])
async def test_by_name_or_id(place: Place, name: str) -> None:
    await set_up(place)
    assert who(place, (await sign_in(place, name)).value) == "wei"


async def test_names_are_compared_however_they_are_typed(place: Place) -> None:
    await set_up(place)
    await place.arrange(c.SaveMember("fang", "Andr\u00e9 STRASSE", "adult"))
    await join(place, "fang")
    assert who(place, (await sign_in(place, "andre\u0301 straße")).value) == "fang"


async def test_a_namesake_does_not_keep_anyone_out(place: Place) -> None:
    await set_up(place)
    await join(place, "fang")
    await place.done(place.accounts.change_password(Caller(place.who("fang")), PASSWORD, "fang's own"))
    await place.arrange(c.SaveMember("fang", "李伟", "adult"))
    assert who(place, (await sign_in(place, "李伟")).value) == "wei"
    assert who(place, (await sign_in(place, "李伟", "fang's own")).value) == "fang"


@pytest.mark.parametrize("name", ["nobody", "fang", "mei", "", "x" * 10_000, "\ud800", "\0"])
async def test_who_has_no_password_is_told_what_everyone_is(place: Place, name: str) -> None:
    await set_up(place)
    assert await refused(place, place.accounts.sign_in(name, PASSWORD, "", HERE)) == "sign_in_wrong"


async def test_guessing_a_name_is_throttled_wherever_it_comes_from(place: Place) -> None:
    await set_up(place)
    codes = [
        await refused(place, place.accounts.sign_in("wei", "a wrong one", "", f"10.0.0.{number}"))
        for number in range(12)
    ]
    assert codes[:5] == ["sign_in_wrong"] * 5
    assert "sign_in_throttled" in codes
    assert await refused(place, place.accounts.sign_in("wei", PASSWORD, "", HERE)) == "sign_in_throttled"
    await place.run(MINUTE)
    assert who(place, (await sign_in(place, "wei")).value) == "wei"


async def test_one_address_cannot_try_many_names(place: Place) -> None:
    await set_up(place)
    codes = [
        await refused(place, place.accounts.sign_in(f"name{number}", "a wrong one", "", HERE)) for number in range(30)
    ]
    assert codes.count("sign_in_wrong") < 20
    assert codes[-1] == "sign_in_throttled"
    assert who(place, (await sign_in(place, "wei", address="192.168.1.6")).value) == "wei"


async def test_many_guesses_at_once_are_many_guesses(place: Place) -> None:
    await set_up(place)
    tries = [place.accounts.sign_in("wei", "a wrong one", "", HERE) for _ in range(15)]
    answers = await place.done(asyncio.gather(*tries, return_exceptions=True))
    told = [each.code for each in answers if isinstance(each, Refused)]
    assert told.count("sign_in_wrong") == 6
    assert told.count("sign_in_throttled") == 9


@pytest.mark.parametrize("jump", [-400 * DAY, 400 * DAY])
async def test_a_clock_that_jumps_neither_locks_out_nor_lets_in(place: Place, jump: int) -> None:
    owner = await set_up(place)
    for _ in range(7):
        await place.refused(place.accounts.sign_in("wei", "a wrong one", "", "10.0.0.1"))
    place.clock.set(place.clock.now() + jump)
    assert await refused(place, place.accounts.sign_in("wei", PASSWORD, "", "10.0.0.1")) == "sign_in_throttled"
    assert who(place, owner.value) == "wei", "a session goes on"
    await place.run(MINUTE)
    assert who(place, (await sign_in(place, "wei")).value) == "wei"


@pytest.mark.parametrize("jump", [-400 * DAY, 400 * DAY])
async def test_an_invitation_is_good_for_its_time_whatever_the_date(place: Place, jump: int) -> None:
    await set_up(place)
    code, _ = await place.done(place.accounts.invite(place.owner, "fang", HOUR))
    place.clock.set(place.clock.now() + jump)
    await place.run(HOUR - SECOND)
    late, _ = await place.done(place.accounts.invite(place.owner, "nainai", 15 * MINUTE))
    assert who(place, (await place.done(place.accounts.join(code, PASSWORD, "", HERE))).value) == "fang"
    await place.run(15 * MINUTE)
    assert await refused(place, place.accounts.join(late, PASSWORD, "", HERE)) == "code_wrong"


# Sessions.


@pytest.mark.parametrize(
    "value", ["", "x", "A" * 43, "A" * 42, "A" * 44, "é" * 43, "A" * 10_240, "../" * 15, "A" * 42 + "\0"]
)
async def test_a_forged_value_is_nobody(place: Place, value: str) -> None:
    await set_up(place)
    assert who(place, value) == ""


async def test_an_altered_value_is_nobody(place: Place) -> None:
    value = (await set_up(place)).value
    for at in range(0, 43, 6):
        other = "B" if value[at] == "A" else "A"
        assert who(place, value[:at] + other + value[at + 1 :]) == ""
    assert who(place, value[:-1]) == ""


async def test_a_session_outlasts_a_restart(place: Place) -> None:
    signed_in = await set_up(place)
    place = await reopened(place)
    assert who(place, signed_in.value) == "wei"
    assert not place.accounts.is_new
    assert who(place, (await sign_in(place, "wei")).value) == "wei"


async def test_its_value_is_another_each_day_and_the_old_one_good_for_a_minute(place: Place) -> None:
    signed_in = await set_up(place)
    accounts = place.accounts
    assert await place.done(accounts.renew(signed_in.caller)) == ""
    await place.run(RENEWED_AFTER)
    asked = [accounts.renew(signed_in.caller) for _ in range(8)]
    values = await place.done(asyncio.gather(*asked))
    [new] = [each for each in values if each]
    assert who(place, signed_in.value) == "wei", "requests under way go on"
    assert who(place, new) == "wei"
    await place.run(OLD_GOOD_FOR - SECOND)
    assert who(place, signed_in.value) == "wei"
    await place.run(SECOND)
    assert who(place, signed_in.value) == ""
    assert who(place, new) == "wei"
    assert len(await place.bodies(f.SessionRenewed)) == 1


async def test_a_browser_that_never_got_the_new_value_is_not_locked_out(place: Place) -> None:
    signed_in = await set_up(place)
    await place.run(RENEWED_AFTER)
    assert await place.done(place.accounts.renew(signed_in.caller))  # and the answer is lost
    await place.run(HOUR)
    assert who(place, signed_in.value) == "wei"
    place = await reopened(place)
    assert who(place, signed_in.value) == "", "but only until the hub starts again"


async def test_a_request_beside_the_renewal_does_not_start_the_old_values_minute(place: Place) -> None:
    signed_in = await set_up(place)
    await place.run(RENEWED_AFTER)
    renewing = asyncio.ensure_future(place.accounts.renew(signed_in.caller))
    await asyncio.sleep(0)
    assert who(place, signed_in.value) == "wei"  # not durable yet: this is still the value there is
    assert await place.done(renewing)
    await place.run(HOUR)
    assert who(place, signed_in.value) == "wei"


async def test_a_log_that_is_full_signs_nobody_out(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    signed_in = await set_up(place)
    await place.run(RENEWED_AFTER)

    async def full(*_: object) -> None:
        raise Refused("log_full")

    with monkeypatch.context() as context:
        context.setattr(place.writer, "submit", full)
        assert await place.done(place.accounts.renew(signed_in.caller)) == ""
    assert who(place, signed_in.value) == "wei"
    new = await place.done(place.accounts.renew(signed_in.caller))
    assert (who(place, new), who(place, signed_in.value)) == ("wei", "wei")


async def test_a_session_that_is_used_now_and_then_goes_on_and_an_unused_one_ends(place: Place) -> None:
    used, unused = await set_up(place), await sign_in(place, "wei")
    for _ in range(4):
        await place.run(UNUSED_FOR // 4)
        assert who(place, used.value) == "wei"
    assert who(place, unused.value) == ""
    assert [each.id for each, _ in place.accounts.sessions_for(place.owner)] == [used.caller.session]
    await place.run(UNUSED_FOR)
    assert who(place, used.value) == ""


async def test_being_used_is_no_fact(place: Place) -> None:
    signed_in = await set_up(place)
    before = len(await place.facts())
    for _ in range(100):
        assert who(place, signed_in.value) == "wei"
        await place.run(MINUTE)
    assert len(await place.facts()) == before


async def test_after_a_restart_a_day_of_renewal_is_what_is_known_of_the_last_use(place: Place) -> None:
    signed_in = await set_up(place)
    await place.run(20 * DAY)
    new = await place.done(place.accounts.renew(signed_in.caller))
    place = await reopened(place)
    await place.run(20 * DAY)
    assert who(place, new) == "wei"
    await place.run(20 * DAY)
    place = await reopened(place)
    assert who(place, new) == ""


async def test_signing_out_and_being_signed_out(place: Place) -> None:
    here, there = await set_up(place), await sign_in(place, "wei")
    await place.done(place.accounts.sign_out(here.caller))
    assert (who(place, here.value), who(place, there.value)) == ("", "wei")
    fang = await join(place, "fang")
    assert await refused(place, place.accounts.end_session(place.who("fang"), there.caller.session)) == "not_found", (
        "not another's"
    )
    await place.done(place.accounts.end_session(place.owner, fang.caller.session))
    assert who(place, fang.value) == ""


async def test_another_password_ends_the_other_sessions(place: Place) -> None:
    here, there = await set_up(place), await sign_in(place, "wei")
    assert await refused(place, place.accounts.change_password(here.caller, "a wrong one", "x" * 9)) == "password_wrong"
    assert await refused(place, place.accounts.change_password(here.caller, PASSWORD, "short")) == "password_unusable"
    new = await place.done(place.accounts.change_password(here.caller, PASSWORD, "a new password"))
    assert who(place, there.value) == ""
    assert (who(place, new), who(place, here.value)) == ("wei", "wei")
    await place.run(OLD_GOOD_FOR)
    assert (who(place, new), who(place, here.value)) == ("wei", "")
    assert await refused(place, place.accounts.sign_in("wei", PASSWORD, "", HERE)) == "sign_in_wrong"
    await sign_in(place, "wei", "a new password")


async def test_one_member_has_only_so_many(place: Place) -> None:
    first = await set_up(place)
    for _ in range(MOST_SESSIONS):
        await sign_in(place, "wei")
    assert who(place, first.value) == ""
    assert len(place.accounts.state.sessions) == MOST_SESSIONS


async def test_who_is_removed_is_out_and_an_id_given_anew_inherits_nothing(place: Place) -> None:
    await set_up(place)
    fang = await join(place, "fang")
    code, _ = await place.done(place.accounts.invite(place.owner, "fang", DAY))
    await place.arrange(c.RemoveMember("fang"))
    assert who(place, fang.value) == ""
    await place.arrange(c.SaveMember("fang", "Another", "adult"))
    await place.run(SECOND)
    assert who(place, fang.value) == ""
    assert not place.accounts.has_password("fang")
    assert await refused(place, place.accounts.join(code, PASSWORD, "", HERE)) == "code_wrong"
    assert await refused(place, place.accounts.sign_in("fang", PASSWORD, "", HERE)) == "sign_in_wrong"


async def test_who_is_removed_is_out_even_while_the_account_cannot_be_closed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_up(place)
    fang = await join(place, "fang")
    submit = place.writer.submit

    async def reluctant(command: Command, *rest: Any) -> Any:
        if isinstance(command, CloseAccount):
            raise Refused("log_full")
        return await submit(command, *rest)

    monkeypatch.setattr(place.writer, "submit", reluctant)
    await place.arrange(c.RemoveMember("fang"))
    await place.arrange(c.SaveMember("fang", "Another", "adult"))
    assert place.accounts.has_password("fang")
    assert who(place, fang.value) == ""
    monkeypatch.setattr(place.writer, "submit", submit)
    await place.run(2 * SECOND)
    assert not place.accounts.has_password("fang")


async def test_who_was_removed_while_the_hub_ended_is_out_after_it(place: Place) -> None:
    await set_up(place)
    fang = await join(place, "fang")
    await place.accounts.stop()  # nobody closes the account
    await place.arrange(c.RemoveMember("fang"))
    place = await reopened(place)
    await place.run(SECOND)
    await place.arrange(c.SaveMember("fang", "Another", "adult"))
    assert who(place, fang.value) == ""
    assert not place.accounts.has_password("fang")


async def test_a_guest_is_out_when_the_stay_is_over(place: Place) -> None:
    await set_up(place)
    mei = await join(place, "mei")
    assert who(place, mei.value) == "mei"
    await place.run(48 * HOUR)
    assert who(place, mei.value) == ""
    assert await refused(place, place.accounts.sign_in("mei", PASSWORD, "", HERE)) == "sign_in_wrong"


async def test_another_role_holds_at_once(place: Place) -> None:
    await set_up(place)
    fang = await join(place, "fang")
    await place.arrange(c.SaveMember("fang", "fang", "child"))
    caller = place.accounts.by_cookie(fang.value)
    assert caller is not None
    assert caller.principal.role is Role.CHILD


async def test_an_invitation_is_for_one_use_and_the_last_one_counts(place: Place) -> None:
    await set_up(place)
    accounts = place.accounts
    first, _ = await place.done(accounts.invite(place.owner, "fang", DAY))
    second, _ = await place.done(accounts.invite(place.owner, "fang", DAY))
    assert await refused(place, accounts.join(first, PASSWORD, "", HERE)) == "code_wrong"
    both = [accounts.join(second, PASSWORD, "", HERE), accounts.join(second, "another one", "", HERE)]
    answers = await place.done(asyncio.gather(*both, return_exceptions=True))
    assert sorted(type(each).__name__ for each in answers) == ["Refused", "SignedIn"]
    assert len(place.accounts.passwords._store.names()) == 3, "the key, two hashes, and nothing left over"


@pytest.mark.parametrize("lasts", [0, 15 * MINUTE - 1, 7 * DAY + 1])
async def test_how_long_an_invitation_may_wait(place: Place, lasts: int) -> None:
    assert await refused(place, place.accounts.invite(place.owner, "fang", lasts)) == "invitation_length"


@pytest.mark.parametrize("member", ["fang", "xiaoman", "mei"])
async def test_only_an_owner_invites(place: Place, member: str) -> None:
    assert await refused(place, place.accounts.invite(place.who(member), "nainai", DAY)) == "not_allowed"


# Tokens for programs.


async def issue(place: Place, *acts: Act, by: str = "wei", until: int = 0) -> tuple[str, str]:
    given = tuple(map(str, acts))
    return await place.done(place.accounts.issue_token(place.who(by), "A program", given, (), (), until))


def program(place: Place, token: str) -> Caller | None:
    return place.accounts.by_bearer(token, loopback=False)


async def test_a_token_is_for_its_acts_and_its_places(place: Place) -> None:
    await place.add("lamp", "yeelink.light.colorc", "1", "living")
    acts = (str(Act.THING_CONTROL),)
    _, token = await place.done(place.accounts.issue_token(place.owner, "HA", acts, ("living",), (), 0))
    caller = program(place, token)
    assert caller is not None
    now = place.clock.now()
    assert allowed(caller.principal, Act.THING_CONTROL, Target("lamp", "living"), now=now)
    assert not allowed(caller.principal, Act.THING_CONTROL, Target("other", "door"), now=now)
    assert not allowed(caller.principal, Act.HOME_SEE, Target("lamp", "living"), now=now)
    assert place.accounts.used(caller.token) == now


async def test_a_revoked_token_is_void_at_once(place: Place) -> None:
    name, token = await issue(place, Act.HOME_SEE)
    caller = program(place, token)
    assert caller is not None
    changes: list[bool] = []
    place.accounts.on_change(lambda: changes.append(place.accounts.again(caller) is None))
    await place.done(place.accounts.revoke_token(place.owner, name))
    assert program(place, token) is None
    assert changes == [True]


async def test_a_token_ends_when_it_says(place: Place) -> None:
    _, token = await issue(place, Act.HOME_SEE, until=place.clock.now() + HOUR)
    assert program(place, token) is not None
    await place.run(HOUR)
    assert program(place, token) is None
    assert (
        await refused(place, place.accounts.issue_token(place.owner, "x", ("home.see",), (), (), place.clock.now()))
        == "token_already_over"
    )


async def test_a_token_outlasts_a_restart_and_not_its_issuer(place: Place) -> None:
    _, token = await issue(place, Act.HOME_SEE, by="fang")
    place = await reopened(place)
    assert program(place, token) is not None
    await place.arrange(c.RemoveMember("fang"))
    assert program(place, token) is None


async def test_a_token_has_never_more_than_its_issuer_may_give(place: Place) -> None:
    name, token = await issue(place, Act.HOME_SEE, Act.LINKAGE_WRITE, by="fang")
    await place.arrange(c.SaveMember("fang", "fang", "child"))
    caller = program(place, token)
    assert caller is not None
    assert caller.principal.grants[0].acts == ()
    await place.arrange(c.SaveMember("fang", "fang", "adult"))
    caller = program(place, token)
    assert caller is not None
    assert caller.principal.grants[0].acts == (Act.HOME_SEE, Act.LINKAGE_WRITE)
    assert name in place.accounts.state.tokens


@pytest.mark.parametrize(
    ("by", "acts", "code"),
    [
        ("fang", ("backup",), "not_allowed"),  # not an adult's by role
        ("xiaoman", ("home.see",), "not_allowed"),
        ("nainai", ("home.see",), "not_allowed"),
        ("mei", ("home.see",), "not_allowed"),
        ("wei", ("member.manage",), "token_acts_unfit"),
        ("wei", ("grant.give",), "token_acts_unfit"),
        ("wei", ("profile.edit", "home.see"), "token_acts_unfit"),
        ("wei", (), "token_acts_unfit"),
        ("wei", ("nonsense",), "token_acts_unfit"),
    ],
)
async def test_what_no_token_is_issued_for(place: Place, by: str, acts: tuple[str, ...], code: str) -> None:
    assert await refused(place, place.accounts.issue_token(place.who(by), "x", acts, (), (), 0)) == code


async def test_another_adults_tokens_are_not_ones_own(place: Place) -> None:
    name, _ = await issue(place, Act.HOME_SEE)
    assert place.accounts.tokens_for(place.who("fang")) == []
    assert await refused(place, place.accounts.revoke_token(place.who("fang"), name)) == "not_found"


async def test_the_terminal_speaks_for_an_owner_and_from_here_only(place: Place, tmp_path: Path) -> None:
    accounts = place.accounts
    caller = accounts.by_bearer(accounts.terminal.value, loopback=True)
    assert caller is not None
    assert caller.principal.member == "wei"
    assert accounts.by_bearer(accounts.terminal.value, loopback=False) is None
    assert accounts.by_bearer(accounts.terminal.value[:-1], loopback=True) is None
    accounts.terminal.write(tmp_path, "http://127.0.0.1:8080")
    assert (tmp_path / "terminal").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "terminal").read_text() == f"{accounts.terminal.value}\nhttp://127.0.0.1:8080\n"
    before = accounts.terminal.value
    place = await reopened(place)
    assert place.accounts.by_bearer(before, loopback=True) is None, "each start has its own"
    accounts.terminal.remove(tmp_path)
    assert not (tmp_path / "terminal").exists()


# Sharing with another household.


async def test_sharing_a_thing(place: Place) -> None:
    await place.add("lamp", "yeelink.light.colorc", "1", "living")
    await place.add("fan", "yeelink.light.colorc", "2", "living")
    until = place.clock.now() + 3 * DAY
    shared = await place.done(share(place.home, place.accounts, place.owner, "lamp", "王姐", "王家", until))
    guest = place.home.structure.members[shared.member]
    assert (guest.role, guest.of, guest.until) == ("guest", "王家", until)
    signed_in = await place.done(place.accounts.join(shared.code, PASSWORD, "", HERE))
    by = signed_in.caller.principal
    now = place.clock.now()
    assert allowed(by, Act.THING_CONTROL, place.home.permits.target("lamp"), now=now)
    assert not allowed(by, Act.THING_CONTROL, place.home.permits.target("fan"), now=now)
    await place.run(3 * DAY)
    assert who(place, signed_in.value) == ""


async def test_sharing_is_all_or_nothing(place: Place) -> None:
    before = set(place.home.structure.members)
    until = place.clock.now() + DAY
    sharing = share(place.home, place.accounts, place.owner, "nothing", "王姐", "王家", until)
    assert await refused(place, sharing) == "not_found"
    assert set(place.home.structure.members) == before
    late = share(place.home, place.accounts, place.owner, "nothing", "王姐", "王家", place.clock.now())
    assert await refused(place, late) == "guest_needs_end"


async def test_only_a_guest_belongs_to_another_household(place: Place) -> None:
    saving = place.home.arrange(place.owner, c.SaveMember("fang", "fang", "adult", of="王家"))
    assert await refused(place, saving) == "only_guests_of"


# What is written down.


async def test_no_code_token_or_password_is_in_any_fact(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    setup = place.accounts.setup_code
    signed_in = await set_up(place)
    code, _ = await place.done(place.accounts.invite(place.owner, "fang", DAY))
    joined = await place.done(place.accounts.join(code, "another password", "", HERE))
    _, token = await issue(place, Act.HOME_SEE)
    await place.refused(place.accounts.sign_in("wei", "a wrong password", "", HERE))
    written = b"".join(msgspec.json.encode(to_cloud_event(fact)) for fact in await place.facts()).decode()
    secrets = [
        setup,
        signed_in.value,
        code,
        joined.value,
        token.removeprefix("setaria_"),
        place.accounts.terminal.value,
    ]
    for secret in [*secrets, PASSWORD, "another password", "a wrong password", "argon2"]:
        assert secret not in written
        assert secret not in caplog.text
    kinds = {type(fact.body) for fact in await place.facts(aggregate="accounts/home")}
    assert {f.PasswordSet, f.MemberInvited, f.InvitationUsed, f.SessionBegan, f.TokenIssued} <= kinds


async def test_the_accounts_are_rebuilt_from_the_log(place: Place) -> None:
    await set_up(place)
    await join(place, "fang")
    for _ in range(3):
        await sign_in(place, "wei")
    await issue(place, Act.HOME_SEE)
    before = msgspec.to_builtins(place.accounts.state)
    place = await reopened(place)
    assert msgspec.to_builtins(place.accounts.state) == before
