"""Rights in a home: principals made of its members and grants, asked of rights/, with what is certain kept at hand."""

from __future__ import annotations

from setaria.facts.clock import Clock
from setaria.home.arranged import Arranged
from setaria.rights import Act, Principal, Role, Target, require, why
from setaria.words.format import minute_of_week


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
