"""The kinds of notifier, to be read as the table it is: what a person fills in, and what is made of it."""

from __future__ import annotations

from collections.abc import Mapping

from setaria.facts.clock import Clock
from setaria.home.notifying.types import Field, NotifierType, Settings
from setaria.home.ports import Notifier
from setaria.notifiers import ntfy, push, webhook
from setaria.notifiers.http import Http
from setaria.notifiers.push import PushKey


def notifier_types(clock: Clock, key: PushKey, http: Http) -> Mapping[str, NotifierType]:
    """What leads to its target by itself, an address with a key in it or a topic, is sealed as a secret is."""
    kinds = (
        NotifierType(
            "push",
            (
                Field("endpoint", sealed=True),
                Field("p256dh", secret=True),
                Field("auth", secret=True),
                Field("browser", required=False),  # the digest by which a subscription is known again
            ),
            push.check,
            push.near,
            lambda settings: push.Push(http, clock, key, settings),
            by_hand=False,
        ),
        NotifierType(
            "webhook",
            (Field("url", sealed=True), Field("key", secret=True)),
            webhook.check,
            webhook.near,
            lambda settings: webhook.Webhook(http, clock, settings),
        ),
        NotifierType(
            "ntfy",
            (
                Field("topic", sealed=True),
                Field("server", required=False),
                Field("token", secret=True, required=False),
                Field("priority", required=False),
                Field("tags", required=False),
            ),
            ntfy.check,
            ntfy.near,
            lambda settings: ntfy.Ntfy(http, settings),
        ),
        NotifierType(
            "email",
            (
                Field("recipient"),
                Field("host"),
                Field("port", required=False),
                Field("security", required=False),
                Field("user", required=False),
                Field("password", secret=True, required=False),
                Field("sender", required=False),
            ),
            _check_mail,
            lambda settings: settings.get("security", "") == "none",
            _make_mail,
        ),
    )
    return {each.type: each for each in kinds}


# smtplib and what it takes are read when somebody wants mail: a start has no use for them.


def _check_mail(settings: Settings) -> tuple[dict[str, str], str]:
    from setaria.notifiers import mail

    return mail.check(settings)


def _make_mail(settings: Settings) -> Notifier:
    from setaria.notifiers import mail

    return mail.Mail(settings)
