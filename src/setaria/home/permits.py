"""Rights in a home: principals made of its members and grants, asked of rights/, with what is certain kept at hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from setaria.facts.clock import MINUTE, Clock
from setaria.home.arranged import Arranged
from setaria.rights import Act, Principal, Role, Target, allowed, require, why
from setaria.words.format import minute_of_week

FOR_EVER: Final = 1 << 62  # microseconds
Ask = Callable[[Act, Target], bool]


class Permits:
    def __init__(self, arranged: Arranged, clock: Clock) -> None:
        self._arranged = arranged
        self._clock = clock
        self.zone = "UTC"
        self._certain: dict[tuple[str, str], bool] = {}

    def forget(self) -> None:
        """After any change of the arrangement."""
        self._certain.clear()

    def principal(self, member: str) -> Principal | None:
        """None for nobody, and for a guest whose time is over."""
        structure = self._arranged.structure
        known = structure.members.get(member)
        if known is None or (known.until and self._clock.now() >= known.until):
            return None
        grants = tuple(grant for grant in structure.grants.values() if grant.member == member)
        return Principal(member, Role(known.role), grants)

    def target(self, thing: str) -> Target:
        known = self._arranged.structure.things.get(thing)
        return Target(thing, known.room if known is not None else "", secure=self._arranged.secure(thing))

    def require(self, by: Principal, act: Act, target: Target | None = None) -> None:
        """Raises Refused("not_allowed")."""
        now = self._clock.now()
        require(by, act, target or Target(), now=now, minute=minute_of_week(now, self.zone))

    def asking(self, by: Principal) -> Ask:
        """For many questions at once: all are answered as of now."""
        now = self._clock.now()
        minute = minute_of_week(now, self.zone)
        return lambda act, target: allowed(by, act, target, now=now, minute=minute)

    def good_for(self, by: Principal) -> tuple[int, int]:
        """Now, and when, at the earliest, time alone may change what this principal is allowed."""
        now = self._clock.now()
        known = self._arranged.structure.members.get(by.member)
        edges = [FOR_EVER]
        if known is not None and known.until > now:
            edges.append(known.until)
        for grant in by.grants:
            edges += [edge for edge in (grant.since, grant.until or 0) if edge > now]
            if grant.windows:
                edges.append((now // MINUTE + 1) * MINUTE)  # looked at each minute: a day may have 23 hours
        return now, min(edges)

    def linkage_may(self, author: str, thing: str) -> bool:
        """Whether a linkage of this author may control a thing now; what a role alone decides is decided once."""
        key = (author, thing)
        certain = self._certain.get(key)
        if certain is not None:
            return certain
        principal = Principal(f"linkage of {author}", Role.LINKAGE, author=self.principal(author))
        now = self._clock.now()
        ruling = why(principal, Act.THING_CONTROL, self.target(thing), now=now, minute=minute_of_week(now, self.zone))
        if ruling.rule in ("role", "denied"):
            self._certain[key] = ruling.allowed
        return ruling.allowed
