"""The kinds of fact about how people are told. Aggregates: `notifiers/<household>` for which notifiers there are (one
state), `notifier/<id>` for what became of messages."""

from __future__ import annotations

from setaria.facts.kinds import Body, kind


@kind("home.notifier_added")
class NotifierAdded(Body, frozen=True):
    """`settings` are those that are no secret; the others lie in the store of secrets. `shown` tells it from others."""

    notifier: str
    type: str
    member: str
    name: str
    shown: str = ""
    settings: dict[str, str] = {}


@kind("home.notifier_removed")
class NotifierRemoved(Body, frozen=True, gc=False):
    """reason: asked, gone (the target is no more), left (its member has), moved (the browser is another's now)."""

    notifier: str
    reason: str = "asked"


@kind("home.notifications_undelivered")
class NotificationsUndelivered(Body, frozen=True, gc=False):
    """reason: late, refused, too_many (in a minute), full (too many wait). `first` is the first one's fact."""

    notifier: str
    member: str
    reason: str
    first: str
    count: int = 1
