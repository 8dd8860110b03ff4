"""Browsers and programs at the door: cookies, tokens, and pages that are not ours."""

from __future__ import annotations

import asyncio

import pytest
from tests.web.site_helpers import HERE, PORT, Client, FakeRadio, Listening, Reply, cookie_of, session_value

from setaria.app import Hub
from setaria.facts.clock import DAY, HOUR
from setaria.home import commands as c
from setaria.rights import Act
from setaria.web import credentials
from setaria.web.credentials import COOKIE, LONGEST_COOKIES, SECURE_COOKIE
from setaria.web.devices import device_name
from setaria.web.guard import Guard, entrance
from setaria.web.qr import svg_of
from setaria.web.server import Site

ORIGIN = f"http://{HERE}:{PORT}"
JSON = {"Content-Type": "application/json"}
PASSWORD = "correct horse"
WRITE = "/api/things/lamp/write"
ON = {"writes": {"light.on": True}}


@pytest.fixture
def browser(site: Site) -> Client:
    """Nobody yet."""
    return Client(site.app)


def cookie(reply: Reply) -> str:
    """What the answer sets, and how."""
    value, _, rest = reply.headers["set-cookie"].partition(";")
    assert rest in (
        " Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict",
        " Path=/; Max-Age=0; HttpOnly; SameSite=Strict",
    )
    return value


def signed_in(value: str) -> dict[str, str]:
    return {"Cookie": value, "Origin": ORIGIN}


async def set_up(browser: Client, hub: Hub) -> str:
    body = {"code": hub.accounts.setup_code, "name": "Wei", "password": PASSWORD}
    reply = await browser.post("/api/session/setup", body)
    assert reply.status == 200, reply.body
    return cookie(reply)


def a_day_later(hub: Hub) -> None:
    """Each session's value has been the same for a day."""
    for life in hub.accounts.sessions._lives.values():
        life.renewed -= DAY


# Coming in and going.


async def test_from_the_first_visit_to_signing_out(browser: Client, hub: Hub) -> None:
    before = (await browser.get("/api/session")).json()
    nobody: dict[str, object] = {
        "state": "setup",
        "member": None,
        "acts": [],
        "household": "",
        "language": "en",
        "session": "",
    }
    assert before == nobody | {"pages": []}
    value = await set_up(browser, hub)
    told = (await browser.get("/api/session", **signed_in(value))).json()
    assert (told["state"], told["household"]) == ("signed_in", "My home")
    assert (told["member"]["id"], told["member"]["name"], told["member"]["sign_in"]) == ("owner", "Wei", True)
    assert told["acts"] == [str(act) for act in Act]
    assert (await browser.get("/api/session")).json()["state"] == "sign_in"
    assert (await browser.post(WRITE, ON, **signed_in(value))).status == 200
    gone = await browser.post("/api/session/sign-out", **signed_in(value))
    assert (gone.json()["state"], cookie(gone)) == ("sign_in", f"{COOKIE}=")
    assert (await browser.get("/api/home", **signed_in(value))).refused == "sign_in_needed"
    back = await browser.post("/api/session/sign-in", {"name": "wEi", "password": PASSWORD})
    assert (await browser.get("/api/home", **signed_in(cookie(back)))).status == 200


async def test_by_an_invitation(browser: Client, hub: Hub) -> None:
    owner = signed_in(await set_up(browser, hub))
    await hub.home.arrange(hub.owner, c.SaveMember("fang", "Fang", "child"))
    invitation = (await browser.post("/api/members/fang/invitation", {}, **owner)).json()
    assert invitation["path"] == f"/join#{invitation['code']}"
    assert invitation["qr"].startswith("<svg")
    joined = await browser.post("/api/session/join", {"code": invitation["code"], "password": PASSWORD})
    child = signed_in(cookie(joined))
    told = joined.json()
    assert (told["member"]["id"], "member.manage" in told["acts"], "thing.control" in told["acts"]) == (
        "fang",
        False,
        True,
    )
    assert (await browser.post("/api/members/owner/invitation", {}, **child)).refused == "not_allowed"
    sessions = (await browser.get("/api/sessions", **child)).json()["sessions"]
    assert [(each["member"], each["current"]) for each in sessions] == [("fang", True)]
    all_of_them = (await browser.get("/api/sessions", **owner)).json()["sessions"]
    assert {each["member"] for each in all_of_them} == {"owner", "fang"}
    await browser.send("DELETE", f"/api/sessions/{sessions[0]['id']}", headers=owner)
    assert (await browser.get("/api/home", **child)).refused == "sign_in_needed"
    members = (await browser.get("/api/members", **owner)).json()["members"]
    assert [(each["id"], each["sign_in"], each["of"]) for each in members] == [("owner", True, ""), ("fang", True, "")]


async def test_another_password_comes_with_another_cookie(browser: Client, hub: Hub) -> None:
    value = await set_up(browser, hub)
    body = {"current": PASSWORD, "password": "another one"}
    reply = await browser.post("/api/session/password", body, **signed_in(value))
    assert (reply.status, cookie(reply) != value) == (200, True)
    assert (await browser.get("/api/home", **signed_in(cookie(reply)))).status == 200


async def test_who_signs_in_anew_leaves_no_session_behind(browser: Client, hub: Hub) -> None:
    value = await set_up(browser, hub)
    body = {"name": "Wei", "password": PASSWORD}
    again = await browser.post("/api/session/sign-in", body, **signed_in(value))
    assert len(hub.accounts.state.sessions) == 1
    assert (await browser.get("/api/home", **signed_in(value))).refused == "sign_in_needed"
    assert (await browser.get("/api/home", **signed_in(cookie(again)))).status == 200


async def test_guessing_is_answered_with_429(browser: Client, hub: Hub) -> None:
    await set_up(browser, hub)
    replies = [await browser.post("/api/session/sign-in", {"name": "Wei", "password": "a wrong one"}) for _ in range(8)]
    assert [each.status for each in replies[:5]] == [401] * 5
    assert (replies[-1].status, replies[-1].refused) == (429, "sign_in_throttled")
    assert "set-cookie" not in replies[-1].headers


# Cookies that are not ours.


@pytest.mark.parametrize(
    "value",
    [
        "",
        f"{COOKIE}=",
        f"{COOKIE}={'A' * 43}",
        f"{COOKIE}={'A' * 10_240}",
        f"{COOKIE}={'é' * 43}",
        f"{COOKIE}",
        ";;;===;;;",
        f"other={'A' * 43}; {COOKIE}x=1",
    ],
)
async def test_forged_cookies_are_nobody(browser: Client, hub: Hub, value: str) -> None:
    await set_up(browser, hub)
    reply = await browser.get("/api/home", Cookie=value)
    assert (reply.status, reply.refused) == (401, "sign_in_needed")
    assert "set-cookie" not in reply.headers


async def test_altered_and_truncated_cookies_are_nobody(browser: Client, hub: Hub) -> None:
    value = await set_up(browser, hub)
    altered = value[:-5] + ("A" if value[-5] != "A" else "B") + value[-4:]
    for each in (altered, value[:-1], value + "A", value.swapcase(), value.replace(COOKIE, SECURE_COOKIE)):
        assert (await browser.get("/api/home", Cookie=each)).refused == "sign_in_needed", each
    assert (await browser.get("/api/home", Cookie=f"a=b; {value}; c=d")).status == 200
    assert (await browser.get("/api/home", Cookie=f"{COOKIE}={'A' * 43}; {value}")).status == 200
    assert (await browser.get("/api/home", Cookie=f"a={'b' * LONGEST_COOKIES}; {value}")).status == 401


async def test_anothers_cookie_is_anothers_right(browser: Client, hub: Hub) -> None:
    await set_up(browser, hub)
    await hub.home.arrange(hub.owner, c.SaveMember("fang", "Fang", "child"))
    theirs = await cookie_of(hub, "fang")
    assert (await browser.get("/api/session", **theirs)).json()["member"]["id"] == "fang"
    saving = {"command": "SaveMember", "member": "fang", "name": "Fang", "role": "owner"}
    assert (await browser.post("/api/arrange", saving, **theirs)).refused == "not_allowed"


async def test_over_https_the_cookie_is_bound_to_the_host(browser: Client, hub: Hub, site: Site) -> None:
    await set_up(browser, hub)
    value = await session_value(hub, "owner")

    guard = Guard(site._front, "en")
    guard.open(entrance((HERE,), PORT, secure=True))
    secure = Client(guard)
    assert (await secure.get("/api/home", Cookie=f"{COOKIE}={value}")).status == 401
    assert (await secure.get("/api/home", Cookie=f"{SECURE_COOKIE}={value}")).status == 200
    reply = await secure.post("/api/session/sign-in", {"name": "Wei", "password": PASSWORD})
    assert reply.headers["set-cookie"].startswith(f"{SECURE_COOKIE}=")
    assert reply.headers["set-cookie"].endswith("; Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict; Secure")


# Pages that are not ours.


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Origin": "https://evil.example"}, "origin_foreign"),
        ({"Origin": "null"}, "origin_foreign"),
        ({"Origin": f"http://{HERE}:9999"}, "origin_foreign"),
        ({"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"}, "origin_foreign"),
        ({}, "origin_missing"),
        ({"Origin": ORIGIN, "Content-Type": "text/plain"}, "content_type_unfit"),
        ({"Origin": ORIGIN, "Content-Type": "application/x-www-form-urlencoded"}, "content_type_unfit"),
        ({"Origin": ORIGIN, "Content-Type": "multipart/form-data"}, "content_type_unfit"),
    ],
)
async def test_a_foreign_page_changes_nothing(
    browser: Client, hub: Hub, radio: FakeRadio, headers: dict[str, str], code: str
) -> None:
    value = await set_up(browser, hub)
    reply = await browser.send("POST", WRITE, b'{"writes":{"light.on":true}}', {**JSON, "Cookie": value, **headers})
    assert (reply.status >= 400, reply.refused) == (True, code)
    assert radio.writes == []
    assert (await browser.get("/api/home", Cookie=value)).status == 200, "it was no reason to end the session"


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_every_method_that_changes_needs_our_page(browser: Client, hub: Hub, method: str) -> None:
    value = await set_up(browser, hub)
    for path in ("/api/session/sign-out", "/api/search", "/api/linkages/x", "/api/tokens/x"):
        reply = await browser.send(method, path, headers={"Cookie": value})
        assert reply.refused in ("origin_missing", "method_unknown"), path
    assert len(hub.accounts.state.sessions) == 1


async def test_nobody_is_signed_in_as_the_attacker_by_a_foreign_page(browser: Client, hub: Hub) -> None:
    await set_up(browser, hub)
    body = {"name": "Wei", "password": PASSWORD}
    reply = await browser.post("/api/session/sign-in", body, Origin="https://evil.example")
    assert (reply.refused, "set-cookie" in reply.headers) == ("origin_foreign", False)


# Another value a day.


async def test_requests_at_once_get_one_new_value_and_none_is_refused(browser: Client, hub: Hub) -> None:
    value = await set_up(browser, hub)
    assert "set-cookie" not in (await browser.get("/api/home", Cookie=value)).headers
    a_day_later(hub)
    replies = await asyncio.gather(*(browser.get("/api/home", Cookie=value) for _ in range(12)))
    assert {each.status for each in replies} == {200}
    [new] = [cookie(each) for each in replies if "set-cookie" in each.headers]
    assert new != value
    for each in (value, new, value):
        assert (await browser.get("/api/home", Cookie=each)).status == 200
    hub.accounts.sessions._old[hub.accounts.digests.of("session", value.partition("=")[2])].until = 0
    assert (await browser.get("/api/home", Cookie=value)).refused == "sign_in_needed"
    assert (await browser.get("/api/home", Cookie=new)).status == 200


async def test_a_refusal_brings_the_new_value_too(browser: Client, hub: Hub) -> None:
    value = await set_up(browser, hub)
    a_day_later(hub)
    reply = await browser.get("/api/things/nothing", Cookie=value)
    assert (reply.refused, cookie(reply) != value) == ("not_found", True)


async def test_live_updates_bring_a_new_value_too(browser: Client, hub: Hub, site: Site) -> None:
    value = await set_up(browser, hub)
    a_day_later(hub)
    seen: list[str] = []

    async def app(scope: object, receive: object, send: object) -> None:
        async def noting(message: dict[str, object]) -> None:
            headers = message.get("headers", [])
            assert isinstance(headers, list)
            seen.extend(value.decode() for name, value in headers if name == b"set-cookie")
            await send(message)  # type: ignore[operator]

        await site.app(scope, receive, noting)

    class Noted:
        services = site.services

        def __init__(self) -> None:
            self.app = app

    reader = Listening(Noted(), Cookie=value)  # type: ignore[arg-type]
    await reader.begun()
    assert len(seen) == 1
    await reader.leave()


# Programs.


async def test_a_program_comes_in_by_its_token_until_it_is_revoked(browser: Client, hub: Hub, radio: FakeRadio) -> None:
    owner = signed_in(await set_up(browser, hub))
    body = {"name": "Home Assistant", "acts": ["home.see", "thing.control"], "things": ["lamp"]}
    issued = (await browser.post("/api/tokens", body, **owner)).json()
    bearer = {"Authorization": f"Bearer {issued['token']}"}
    assert (await browser.post(WRITE, ON, **bearer)).status == 200, "no Origin: no browser sends this by itself"
    assert len(radio.writes) == 1
    told = (await browser.get("/api/session", **bearer)).json()
    assert (told["state"], told["member"], told["acts"]) == ("signed_in", None, ["home.see", "thing.control"])
    assert (await browser.get("/api/tokens", **bearer)).refused == "not_allowed"
    [shown] = (await browser.get("/api/tokens", **owner)).json()["tokens"]
    assert (shown["name"], shown["by"], shown["things"], shown["used"] > 0) == (
        "Home Assistant",
        "owner",
        ["lamp"],
        True,
    )
    assert issued["token"] not in str(shown)
    assert (await browser.send("DELETE", f"/api/tokens/{issued['id']}", headers=owner)).status == 200
    reply = await browser.post(WRITE, ON, **bearer)
    assert (reply.status, reply.refused, reply.headers["www-authenticate"]) == (401, "token_void", "Bearer")
    assert len(radio.writes) == 1


async def test_what_a_program_does_is_told_as_its_deed(browser: Client, hub: Hub) -> None:
    owner = signed_in(await set_up(browser, hub))
    body = {"name": "Home Assistant", "acts": ["thing.control"]}
    issued = (await browser.post("/api/tokens", body, **owner)).json()
    await browser.post(WRITE, ON, Authorization=f"Bearer {issued['token']}")
    [fact] = [each for each in await hub.log.latest("thing/lamp", 5) if "CommandGiven" in str(each.fact.body)]
    assert (fact.fact.actor.who, fact.fact.actor.role) == (f"program/{issued['id']}", "program")


async def test_a_program_writes_no_linkage_that_does_what_it_may_not(browser: Client, hub: Hub) -> None:
    owner = signed_in(await set_up(browser, hub))
    text = "id: x\nalias: X\ntriggers: [{trigger: event, event_type: go}]\nactions: [{set: {lamp/light.on: true}}]"
    for acts, code in ((["linkage.write"], "not_allowed"), (["linkage.write", "thing.control"], "")):
        issued = (await browser.post("/api/tokens", {"name": "x", "acts": acts}, **owner)).json()
        reply = await browser.post("/api/linkages", {"text": text}, Authorization=f"Bearer {issued['token']}")
        assert ("" if reply.status == 200 else reply.refused) == code, reply.body
    assert hub.home.structure.linkages["x"].author == "owner"


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer x", "Basic b3duZXI6eA==", "Bearer setaria_" + "A" * 43, "Bearer é"]
)
async def test_a_bad_token_is_not_made_good_by_a_good_cookie(browser: Client, hub: Hub, given: str) -> None:
    value = await set_up(browser, hub)
    assert (await browser.get("/api/home", Cookie=value, Authorization=given)).refused == "token_void"


async def test_the_terminals_token_is_good_on_this_machine_only(site: Site, hub: Hub) -> None:
    for address, status in (("127.0.0.1", 200), ("::1", 200), ("127.9.9.9", 200), ("192.168.1.9", 401), ("", 401)):
        assert (await Client(site.app, hub.accounts.terminal.value, address).get("/api/home")).status == status, address


# What goes on.


async def test_live_updates_end_with_the_session(browser: Client, hub: Hub, site: Site) -> None:
    await set_up(browser, hub)
    value = await session_value(hub, "owner")
    reader = Listening(site, Cookie=f"{COOKIE}={value}")
    await reader.begun()
    caller = hub.accounts.by_cookie(value)
    assert caller is not None
    await hub.accounts.sign_out(caller)
    await reader.ended()


async def test_live_updates_end_with_the_token(browser: Client, hub: Hub, site: Site) -> None:
    name, token = await hub.accounts.issue_token(hub.owner, "x", ("home.see",), (), (), 0)
    reader = Listening(site, Authorization=f"Bearer {token}")
    await reader.begun()
    await hub.accounts.revoke_token(hub.owner, name)
    await reader.ended()


async def test_live_updates_end_with_the_member(browser: Client, hub: Hub, site: Site) -> None:
    await hub.home.arrange(hub.owner, c.SaveMember("fang", "Fang", "adult"))
    reader = Listening(site, **await cookie_of(hub, "fang"))
    await reader.begun()
    await hub.home.arrange(hub.owner, c.RemoveMember("fang"))
    await reader.ended()


async def test_live_updates_end_with_a_guests_time(hub: Hub, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "LOOK_AGAIN", 0.01)
    end = hub.clock.now() + HOUR
    await hub.home.arrange(hub.owner, c.SaveMember("mei", "Mei", "guest", end))
    await hub.home.arrange(hub.owner, c.GiveGrant("all", "mei", ("home.see",), until=end))
    reader = Listening(site, **await cookie_of(hub, "mei"))
    await reader.begun()
    monkeypatch.setattr(hub.clock, "now", lambda: end)
    await reader.ended()


# Sharing, rights, grants.


async def test_sharing_a_thing_with_another_household(browser: Client, hub: Hub) -> None:
    owner = signed_in(await set_up(browser, hub))
    body = {"name": "Ms Wang", "of": "The Wangs", "until": hub.clock.now() + DAY}
    shared = (await browser.post("/api/things/lamp/share", body, **owner)).json()
    assert set(shared) == {"member", "code", "path", "qr", "until"}
    joined = await browser.post("/api/session/join", {"code": shared["code"], "password": PASSWORD})
    guest = signed_in(cookie(joined))
    assert joined.json()["member"]["of"] == "The Wangs"
    assert joined.json()["acts"] == ["home.see", "thing.control", "profile.edit", "facts.export"]
    assert [each["id"] for each in (await browser.get("/api/things", **guest)).json()["things"]] == ["lamp"]
    assert (await browser.post(WRITE, ON, **guest)).status == 200
    [grant] = (await browser.get("/api/grants", **owner)).json()["grants"]
    assert (grant["member"], grant["things"], grant["by"]) == (shared["member"], ["lamp"], "owner")
    late = {**body, "until": 1}
    assert (await browser.post("/api/things/lamp/share", late, **owner)).refused == "guest_needs_end"
    assert (await browser.post("/api/things/nothing/share", body, **owner)).refused == "not_found"


async def test_the_rights_are_told_in_the_asked_language(client: Client) -> None:
    told = (await client.get("/api/rights", **{"Accept-Language": "zh-CN"})).json()
    assert [each["act"] for each in told["acts"]] == [str(act) for act in Act]
    roles = {each["role"]: each for each in told["roles"]}
    assert roles["guest"]["name"] == "客人"
    assert "thing.control" in roles["guest"]["grantable"]
    assert "thing.control" in roles["child"]["allowed"]
    assert "thing.secure" not in roles["child"]["allowed"] + roles["child"]["grantable"]


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (
            "Mozilla/5.0 (Linux; Android 14; 22081212C) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36",
            "Chrome, Android",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1",
            "Safari, iPhone",
        ),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0", "Firefox, Linux"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/130.0 Safari/537.36 Edg/130.0", "Edge, Windows"),
        ("Mozilla/5.0 (Linux; Android 14) Chrome/116 MicroMessenger/8.0", "WeChat, Android"),
        ("curl/8.5.0", "curl"),
        ("", ""),
        ("<script>" * 1_000, ""),
    ],
)
def test_devices_have_short_names(agent: str, name: str) -> None:
    assert device_name(agent) == name


def test_a_qr_code_has_no_style_of_its_own() -> None:
    drawn = svg_of("https://192.168.1.5:8443/join#ABCD-EFGH-JKMN-PQRS")
    assert drawn.startswith("<svg ")
    assert "style" not in drawn
    assert "<script" not in drawn
