"""How each person is told: web push, a webhook, ntfy, e-mail."""

from __future__ import annotations

from typing import Final

import msgspec

from setaria.facts.refused import Refused
from setaria.home.notifying.desk import Notifying
from setaria.home.notifying.state import Known
from setaria.rights import Act
from setaria.web.table import Body, Call, Route
from setaria.web.views import Done
from setaria.words.catalogue import refusal, say

LONGEST_DEVICE: Final = 80
MOST_SETTINGS: Final = 20


class NotifierView(msgspec.Struct, frozen=True):
    """`shown` is whereto, without what is secret; `failing` why the last message did not arrive, or empty."""

    id: str
    type: str
    type_name: str
    member: str
    name: str
    shown: str
    failing: str


class FieldView(msgspec.Struct, frozen=True):
    name: str
    label: str
    secret: bool
    required: bool


class TypeView(msgspec.Struct, frozen=True):
    type: str
    name: str
    fields: list[FieldView]


class NotifiersView(msgspec.Struct, frozen=True):
    notifiers: list[NotifierView]
    types: list[TypeView]


class NotifierBody(Body, frozen=True):
    """`member` empty is oneself."""

    type: str
    name: str
    settings: dict[str, str]
    member: str = ""


class SubscriptionKeys(Body, frozen=True):
    p256dh: str
    auth: str


class SubscriptionBody(Body, frozen=True):
    """As PushSubscription.toJSON() has it, and what the browser calls itself."""

    endpoint: str
    keys: SubscriptionKeys
    device: str


class PushKeyView(msgspec.Struct, frozen=True):
    """`applicationServerKey`, base64url."""

    key: str


async def see_notifiers(call: Call) -> NotifiersView:
    desk = _desk(call)
    types = [
        TypeView(
            kind.type,
            say(f"notifiers.type.{kind.type}", call.language),
            [
                FieldView(
                    field.name, say(f"notifiers.{kind.type}.{field.name}", call.language), field.secret, field.required
                )
                for field in kind.fields
            ],
        )
        for kind in desk.types.values()
        if kind.by_hand
    ]
    return NotifiersView([_view(call, desk, each) for each in desk.seen_by(call.by)], types)


async def add_notifier(call: Call) -> NotifierView:
    body: NotifierBody = call.body
    if len(body.settings) > MOST_SETTINGS:
        raise Refused("too_many", what="settings", most=MOST_SETTINGS)
    desk = _desk(call)
    known = await desk.add(call.by, body.type, body.member, body.name, body.settings, call.command)
    return _view(call, desk, known)


async def remove_notifier(call: Call) -> Done:
    await _desk(call).remove(call.by, call.parameters["notifier"], call.command)
    return Done()


async def test_notifier(call: Call) -> Done:
    await _desk(call).test(call.by, call.parameters["notifier"])
    return Done()


async def see_push_key(call: Call) -> PushKeyView:
    return PushKeyView(_desk(call).push_key(call.by))


async def subscribe(call: Call) -> NotifierView:
    body: SubscriptionBody = call.body
    desk = _desk(call)
    settings = {"endpoint": body.endpoint, "p256dh": body.keys.p256dh, "auth": body.keys.auth}
    device = "".join(each for each in body.device if each.isprintable()).strip()[:LONGEST_DEVICE]
    known = await desk.subscribe(call.by, settings, device or say("notifiers.type.push", call.language))
    return _view(call, desk, known)


def _desk(call: Call) -> Notifying:
    desk = call.services.notifying
    if desk is None:
        raise Refused("not_served", what="notifiers")
    return desk


def _view(call: Call, desk: Notifying, known: Known) -> NotifierView:
    failing = desk.delivery.failing.get(known.id)
    sentence = "" if failing is None else refusal(failing, call.language)[0]
    name = say(f"notifiers.type.{known.type}", call.language)
    return NotifierView(known.id, known.type, name, known.member, known.name, known.shown, sentence)


# The desk asks for the right itself: for whose notifier it is.
ROUTES: Final = (
    Route(
        "GET", "/api/notifiers", see_notifiers, Act.PROFILE_EDIT, NotifiersView, "How people are told", home_asks=True
    ),
    Route(
        "POST",
        "/api/notifiers",
        add_notifier,
        Act.PROFILE_EDIT,
        NotifierView,
        "Add a way to be told",
        NotifierBody,
        home_asks=True,
    ),
    Route("DELETE", "/api/notifiers/{notifier}", remove_notifier, Act.PROFILE_EDIT, Done, "Remove one", home_asks=True),
    Route(
        "POST",
        "/api/notifiers/{notifier}/test",
        test_notifier,
        Act.PROFILE_EDIT,
        Done,
        "Send something by it now",
        home_asks=True,
    ),
    Route(
        "GET",
        "/api/push/key",
        see_push_key,
        Act.PROFILE_EDIT,
        PushKeyView,
        "The key a browser subscribes with",
        home_asks=True,
    ),
    Route(
        "POST",
        "/api/push",
        subscribe,
        Act.PROFILE_EDIT,
        NotifierView,
        "Have this browser told",
        SubscriptionBody,
        home_asks=True,
    ),
)
