"""A program of one's own, told by POST. Source: Standard Webhooks 1.0 (headers, signature and the form of the key)."""

from __future__ import annotations

import base64
import binascii
import hmac
from datetime import UTC, datetime
from typing import Final

import msgspec

from setaria.facts.clock import SECOND, Clock
from setaria.facts.refused import Refused
from setaria.home.notifying.types import Settings
from setaria.home.ports import Notification, Outcome
from setaria.notifiers.http import Http, outcome_of, target_of

SHORTEST_KEY: Final = 16  # characters
LONGEST_KEY: Final = 200
PREFIX: Final = "whsec_"


def check(settings: Settings) -> tuple[dict[str, str], str]:
    target = target_of(settings["url"])
    key_bytes(settings["key"])
    return {"url": settings["url"], "key": settings["key"]}, target.origin


def near(settings: Settings) -> bool:
    return not target_of(settings["url"]).secure


def key_bytes(key: str) -> bytes:
    """Base64 behind `whsec_`, else the characters themselves. Raises Refused("hook_key_unusable")."""
    if not SHORTEST_KEY <= len(key) <= LONGEST_KEY:
        raise Refused("hook_key_unusable", shortest=SHORTEST_KEY, longest=LONGEST_KEY)
    if not key.startswith(PREFIX):
        return key.encode()
    try:
        return base64.b64decode(key.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused("hook_key_unusable", shortest=SHORTEST_KEY, longest=LONGEST_KEY) from error


class Webhook:
    def __init__(self, http: Http, clock: Clock, settings: Settings) -> None:
        self._http = http
        self._clock = clock
        self._target = target_of(settings["url"])
        self._key = key_bytes(settings["key"])

    async def send(self, notification: Notification) -> Outcome:
        at = datetime.fromtimestamp(notification.at / SECOND, UTC).isoformat().replace("+00:00", "Z")
        data = {"title": notification.title, "message": notification.message, "household": notification.household}
        body = msgspec.json.encode({"type": "home.notified", "timestamp": at, "data": data})
        sent = str(self._clock.now() // SECOND)
        signed = f"{notification.id}.{sent}.".encode() + body
        signature = base64.b64encode(hmac.digest(self._key, signed, "sha256")).decode()
        headers = {
            "Content-Type": "application/json",
            "webhook-id": notification.id,
            "webhook-timestamp": sent,
            "webhook-signature": f"v1,{signature}",
        }
        return outcome_of(await self._http.post(self._target, headers, body), self._target)
