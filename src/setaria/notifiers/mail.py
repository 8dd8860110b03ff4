"""E-mail by a mailbox's own server. Sources: RFC 5321 (SMTP), RFC 3207 (STARTTLS), RFC 8314 (TLS from the start)."""

from __future__ import annotations

import asyncio
import re
import smtplib
import ssl
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Final

from setaria.facts.clock import SECOND
from setaria.facts.refused import Refused
from setaria.home.notifying.types import Settings
from setaria.home.ports import Done, Notification, Outcome, Unreachable
from setaria.notifiers.http import resolve, target_of

PORTS: Final = {"tls": "465", "starttls": "587", "none": "25"}
WITHIN: Final = 15.0  # seconds for each step
MOST_STEPS: Final = 4  # times that, for all of it
SHORTENED: Final = 120  # characters of a subject
OURS: Final = "setaria.invalid"  # RFC 2606: a hub has no name that others could look up
_ADDRESS: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*")
_PLAIN: Final = 200  # characters of a name or password


def check(settings: Settings) -> tuple[dict[str, str], str]:
    security = settings.get("security", "") or "tls"
    if security not in PORTS:
        raise Refused("mail_security_unknown", security=security[:20], known=", ".join(PORTS))
    port = settings.get("port", "") or PORTS[security]
    host = settings["host"].strip().lower()
    if not port.isascii() or not port.isdigit() or len(port) > 5 or not 0 < int(port) < 65_536:
        raise Refused("target_unusable", target=f"{host}:{port}"[:80])
    target_of(f"http{'s' * (security != 'none')}://{f'[{host}]' if ':' in host else host}:{port}")
    checked = {"host": host, "port": port, "security": security, "recipient": settings["recipient"].strip()}
    checked["sender"] = settings.get("sender", "").strip() or checked["recipient"]
    for name in ("recipient", "sender"):
        if len(checked[name]) > 254 or not _ADDRESS.fullmatch(checked[name]):
            raise Refused("mail_address_unusable", address=checked[name][:80])
    for name in ("user", "password"):
        if given := settings.get(name, ""):
            if len(given) > _PLAIN or not given.isprintable():
                raise Refused("mail_sign_in_unusable", longest=_PLAIN)
            checked[name] = given
    return checked, checked["recipient"]


class Mail:
    """`tls` replaces the machine's own certificate authorities."""

    def __init__(self, settings: Settings, tls: ssl.SSLContext | None = None, within: float = WITHIN) -> None:
        self._settings = settings
        self._tls = tls
        self._within = within

    async def send(self, notification: Notification) -> Outcome:
        host, port = self._settings["host"], int(self._settings["port"])
        session = _Session(self._settings, self._tls, self._within)
        try:
            async with asyncio.timeout(MOST_STEPS * self._within):
                if self._settings["security"] == "none":  # in the clear: to the very address that was checked
                    (host, *_) = await resolve(host, port, private=True)
                return await asyncio.to_thread(session.send, host, port, letter(self._settings, notification))
        except TimeoutError:
            return Unreachable("timeout")
        except Refused as refused:
            return Unreachable("name") if refused.code == "name_unknown" else refused
        finally:
            session.end()


class _Session:
    """One message, in a thread. `end`, from another, frees a thread that a slow server would hold."""

    def __init__(self, settings: Settings, tls: ssl.SSLContext | None, within: float) -> None:
        self._settings = settings
        self._tls = tls
        self._within = within
        self._server: smtplib.SMTP | None = None

    def send(self, host: str, port: int, message: EmailMessage) -> Outcome:
        security = self._settings["security"]
        try:
            tls = (self._tls or ssl.create_default_context()) if security != "none" else None
            if security == "tls":
                server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, OURS, timeout=self._within, context=tls)
            else:
                server = smtplib.SMTP(host, port, OURS, timeout=self._within)
            self._server = server
            with server:
                if security == "starttls":
                    server.starttls(context=tls)
                if user := self._settings.get("user"):
                    server.login(user, self._settings.get("password", ""))
                server.send_message(message)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            return why(error)
        return Done()

    def end(self) -> None:
        if self._server is not None:
            self._server.close()


def letter(settings: Settings, notification: Notification) -> EmailMessage:
    """Nothing of a message can become a header: what breaks a line becomes a space."""
    message = EmailMessage()
    title = " ".join((notification.title or notification.message).split())
    message["Subject"] = "".join(each for each in title if each.isprintable())[:SHORTENED] or notification.household
    message["From"] = Address(_name(notification.household), addr_spec=settings["sender"])
    message["To"] = Address(addr_spec=settings["recipient"])
    message["Date"] = datetime.fromtimestamp(notification.at / SECOND, UTC)
    message["Message-ID"] = f"<{notification.id}@{OURS}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday replies
    message.set_content(notification.message + "\n")
    return message


def _name(household: str) -> str:
    return "".join(each for each in " ".join(household.split()) if each.isprintable())[:SHORTENED]


def why(error: Exception) -> Outcome:
    """What an error of smtplib means; 4yz is for now, 5yz is for good (RFC 5321, section 4.2.1)."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return Refused("mail_sign_in_refused") if error.smtp_code >= 500 else Unreachable("busy")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return Refused("mail_not_secure")
    codes = [code for code, _ in error.recipients.values()] if isinstance(error, smtplib.SMTPRecipientsRefused) else []
    if isinstance(error, smtplib.SMTPResponseException):
        codes = [error.smtp_code]
    if codes:
        return Refused("mail_refused", status=max(codes)) if max(codes) >= 500 else Unreachable("busy")
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
        return Unreachable("timeout")
    return Unreachable("tls" if isinstance(error, ssl.SSLError) else "connection")
