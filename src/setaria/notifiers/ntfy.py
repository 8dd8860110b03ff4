"""ntfy, at ntfy.sh or on a server of one's own. Source: ntfy documentation, "Publish as JSON", "Access tokens"."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from setaria.facts.refused import Refused
from setaria.home.notifying.types import Settings
from setaria.home.ports import Notification, Outcome
from setaria.notifiers.http import Http, outcome_of, target_of

SERVER: Final = "https://ntfy.sh"
LONGEST_MESSAGE: Final = 4_096  # bytes: longer ones become attachments
MOST_TAGS: Final = 5
_TOPIC: Final = re.compile(r"[-_A-Za-z0-9]{1,64}")
_TOKEN: Final = re.compile(r"[-_A-Za-z0-9]{1,128}")
_TAG: Final = re.compile(r"[-_+A-Za-z0-9]{1,40}")


def check(settings: Settings) -> tuple[dict[str, str], str]:
    server = settings.get("server", "").rstrip("/") or SERVER
    target = target_of(server)
    checked = {"server": server, "topic": settings["topic"], "priority": settings.get("priority", "") or "3"}
    if not _TOPIC.fullmatch(settings["topic"]):
        raise Refused("ntfy_topic_unusable", topic=settings["topic"][:64])
    if checked["priority"] not in ("1", "2", "3", "4", "5"):
        raise Refused("ntfy_priority_unusable", priority=checked["priority"][:20])
    if target.path != "/":  # "Publish as JSON" goes to the root of the server
        raise Refused("target_unusable", target=server[:80])
    if token := settings.get("token", ""):
        if not _TOKEN.fullmatch(token):
            raise Refused("ntfy_token_unusable")
        checked["token"] = token
    if tags := [each.strip() for each in settings.get("tags", "").split(",") if each.strip()]:
        if len(tags) > MOST_TAGS or not all(map(_TAG.fullmatch, tags)):
            raise Refused("ntfy_tags_unusable", most=MOST_TAGS)
        checked["tags"] = ",".join(tags)
    return checked, target.origin


def near(settings: Settings) -> bool:
    return not target_of(settings.get("server", "") or SERVER).secure


class Ntfy:
    def __init__(self, http: Http, settings: Settings) -> None:
        self._http = http
        self._settings = settings
        self._target = target_of(settings["server"])

    async def send(self, notification: Notification) -> Outcome:
        message = notification.message.encode()[:LONGEST_MESSAGE].decode(errors="ignore")
        document: dict[str, Any] = {
            "topic": self._settings["topic"],
            "title": notification.title or notification.household,
            "message": message,
            "priority": int(self._settings["priority"]),
        }
        if tags := self._settings.get("tags"):
            document["tags"] = tags.split(",")
        headers = {"Content-Type": "application/json"}
        if token := self._settings.get("token"):
            headers["Authorization"] = f"Bearer {token}"
        return outcome_of(await self._http.post(self._target, headers, msgspec.json.encode(document)), self._target)
