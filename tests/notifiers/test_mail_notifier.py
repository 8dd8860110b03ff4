"""E-mail, taken by aiosmtpd: in the clear at home, with STARTTLS, with TLS from the start."""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from hypothesis import given
from hypothesis import strategies as st
from tests.notifiers.counterparts import HOST, contexts, listening

from setaria.facts.refused import Refused
from setaria.home.ports import Done, Notification, Outcome, Unreachable
from setaria.notifiers.mail import Mail, check, letter

SAID = Notification("msg-1", 1_795_339_800_000_000, "Door", "前门 is open", "My home")


class Postbox:
    def __init__(self) -> None:
        self.letters: list[tuple[Envelope, EmailMessage]] = []
        self.answer = "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:  # noqa: N802  as aiosmtpd has it
        assert isinstance(envelope.content, bytes)
        parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        self.letters.append((envelope, parsed))
        return self.answer


def known(server: Any, session: Any, envelope: Any, mechanism: str, given: Any) -> AuthResult:
    fine = isinstance(given, LoginPassword) and (given.login, given.password) == (b"wei", b"word")
    return AuthResult(success=fine, handled=False)


@asynccontextmanager
async def serving(postbox: Postbox, tls: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[int]:
    """The port it answers on; `tls` is spoken from the start."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(postbox, hostname=HOST, **options), HOST, 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def sent(port: int, tls: ssl.SSLContext | None, said: Notification = SAID, **settings: str) -> Outcome:
    checked, _ = check({"host": HOST, "port": str(port), "recipient": "wei@example.com", **settings})
    return await Mail(checked, tls, within=3.0).send(said)


async def test_at_home_in_the_clear() -> None:
    postbox = Postbox()
    async with serving(postbox) as port:
        assert await sent(port, None, security="none", sender="hub@example.com") == Done()
    ((envelope, got),) = postbox.letters
    assert (envelope.mail_from, envelope.rcpt_tos) == ("hub@example.com", ["wei@example.com"])
    assert (got["Subject"], got["From"], got["To"]) == ("Door", "My home <hub@example.com>", "wei@example.com")
    assert got.get_content().strip() == "前门 is open"
    assert got["Message-ID"] == "<msg-1@setaria.invalid>"
    assert got["Date"].datetime.isoformat() == "2026-11-22T09:30:00+00:00"


async def test_with_starttls_and_a_password(tmp_path: Path) -> None:
    server, trusting = contexts(tmp_path)
    postbox = Postbox()
    options: dict[str, Any] = {
        "tls_context": server,
        "require_starttls": True,
        "authenticator": known,
        "auth_required": True,
    }
    async with serving(postbox, **options) as port:
        assert await sent(port, trusting, security="starttls", user="wei", password="word") == Done()
        found = await sent(port, trusting, security="starttls", user="wei", password="wrong")
        assert found == Refused("mail_sign_in_refused")
        assert await sent(port, None, security="starttls", user="wei", password="word") == Unreachable("tls")
    assert len(postbox.letters) == 1


async def test_with_tls_from_the_start(tmp_path: Path) -> None:
    server, trusting = contexts(tmp_path)
    postbox = Postbox()
    async with serving(postbox, server) as port:
        assert await sent(port, trusting, security="tls") == Done()
        assert await sent(port, None, security="tls") == Unreachable("tls")
    assert len(postbox.letters) == 1


async def test_a_server_without_starttls_gets_no_password() -> None:
    postbox = Postbox()
    async with serving(postbox) as port:
        assert await sent(port, None, security="starttls", user="wei", password="word") == Refused("mail_not_secure")
    assert postbox.letters == []


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("451 4.3.0 later", Unreachable("busy")),
        ("552 5.2.2 full", Refused("mail_refused", status=552)),
    ],
)
async def test_what_the_server_says(answer: str, outcome: Outcome) -> None:
    postbox = Postbox()
    postbox.answer = answer
    async with serving(postbox) as port:
        assert await sent(port, None, security="none") == outcome


async def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    began = time.monotonic()
    async with listening() as place:
        checked, _ = check({"host": HOST, "port": str(place.port), "security": "none", "recipient": "wei@example.com"})
        assert await Mail(checked, None, within=0.1).send(SAID) == Unreachable("timeout")
    assert time.monotonic() - began < 30


async def test_in_the_clear_only_at_home() -> None:
    with pytest.raises(Refused) as refused:
        check({"host": "8.8.8.8", "security": "none", "recipient": "wei@example.com"})
    assert refused.value.code == "target_insecure"
    checked, _ = check({"host": "no-such-name.invalid", "security": "none", "recipient": "wei@example.com"})
    assert await Mail(checked).send(SAID) == Unreachable("name")


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=100))
def test_no_message_becomes_a_header(title: str, message: str, household: str) -> None:
    texts = (each.encode(errors="replace").decode() for each in (title, message, household))
    title, message, household = texts
    settings, _ = check({"host": "mail.example", "recipient": "wei@example.com"})
    made = letter(settings, Notification("msg-1", 0, title, message, household))
    parsed = email.message_from_bytes(made.as_bytes(policy=email.policy.SMTP), policy=email.policy.default)
    assert set(parsed.keys()) == {
        "Subject",
        "From",
        "To",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "Content-Type",
        "Content-Transfer-Encoding",
        "MIME-Version",
    }
    assert parsed["To"].addresses[0].addr_spec == "wei@example.com"


def test_a_break_in_a_title_is_a_space() -> None:
    settings, _ = check({"host": "mail.example", "recipient": "wei@example.com"})
    made = letter(settings, Notification("msg-1", 0, "Fire\r\nBcc: all@example.com", "x", "Home"))
    assert made["Subject"] == "Fire Bcc: all@example.com"
    assert made["Bcc"] is None


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"recipient": "nobody"}, "mail_address_unusable"),
        ({"recipient": "a@b.example, c@d.example"}, "mail_address_unusable"),
        ({"recipient": "a@b.example\r\nBcc: x"}, "mail_address_unusable"),
        ({"recipient": "<a@b.example>"}, "mail_address_unusable"),
        ({"sender": "a b@c.example"}, "mail_address_unusable"),
        ({"security": "ssl"}, "mail_security_unknown"),
        ({"port": "0"}, "target_unusable"),
        ({"port": "70000"}, "target_unusable"),
        ({"port": "25x"}, "target_unusable"),
        ({"host": "mail example"}, "target_unusable"),
        ({"host": "u@mail.example"}, "target_unusable"),
        ({"user": "x" * 201}, "mail_sign_in_unusable"),
    ],
)
def test_what_is_no_mailbox(change: dict[str, str], code: str) -> None:
    with pytest.raises(Refused) as refused:
        check({"host": "mail.example", "recipient": "wei@example.com", **change})
    assert refused.value.code == code
