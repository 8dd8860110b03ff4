"""Topics: what may be listened to, what may be published to, and what a filter covers."""

from __future__ import annotations

import re
from typing import Final

from setaria.facts.refused import Refused

LONGEST: Final = 1_024  # bytes; the standard allows 65,535
OURS: Final = "setaria"
TASMOTA: Final = "tasmota/discovery"
_NEVER: Final = re.compile(r"[\x00-\x1f\x7f+#\ud800-\udfff]")


def checked(topic: object, prefix: str) -> str:
    """One that a device may name as its own: no wildcard, nothing of the broker's, no announcement (it could be
    another's), nothing that is the hub's to say. Raises Refused("mqtt_topic_refused")."""
    if not isinstance(topic, str) or not topic or _NEVER.search(topic) or topic.startswith("$"):
        raise Refused("mqtt_topic_refused", topic=_shown(topic))
    announcing = topic.startswith(f"{prefix}/") and (topic.endswith("/config") or topic == f"{prefix}/status")
    ours = any(topic == each or topic.startswith(f"{each}/") for each in (OURS, TASMOTA))
    if announcing or ours or len(topic.encode()) > LONGEST:
        raise Refused("mqtt_topic_refused", topic=_shown(topic))
    return topic


def covers(wanted: str, topic: str) -> bool:
    """Whether a filter takes a topic (section 4.7): `#` and `+` do not take what begins with `$`."""
    if topic.startswith("$") and wanted[:1] in "+#":
        return False
    parts, given = wanted.split("/"), topic.split("/")
    for at, part in enumerate(parts):
        if part == "#":
            return True
        if at >= len(given) or part not in ("+", given[at]):
            return False
    return len(parts) == len(given)


def _shown(topic: object) -> str:
    return "".join(each if each.isprintable() else "?" for each in str(topic)[:80])
