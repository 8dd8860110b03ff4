"""What can happen, once: as the domains will name it, and as the flywheel counts it.

When a domain comes, the names of its kinds here become the real ones, and `facts` can drive its deciders.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import msgspec


class Leg(IntEnum):
    """How the brand earns. Experience is what stores sell: it sells nothing itself."""

    NONE = 0
    PRODUCT = 1
    EXPERIENCE = 2
    FANS = 3
    SERVICES = 4


class Part(IntEnum):
    """The part of the day in which a kind happens: later parts see what earlier ones did."""

    SENT = 0  # before 9
    TRIP = 1  # from 9
    SHOWN = 2  # 2 to 30 minutes after the trip began
    BOUGHT_THERE = 3  # 31 to 90 minutes after it began
    ANY = 4  # from 9 to 22
    LOT = 5  # at 7: before anything is sent


class Happens(msgspec.Struct, frozen=True):
    """`touchpoint` "" is none; `purchase_` is completed by the product's name. `receives` as in histories."""

    kind: str
    touchpoint: str = ""
    receives: bool = True
    leg: Leg = Leg.NONE
    part: Part = Part.ANY
    extra: str = ""  # what `extra` of a record means in the body of the fact


class K(IntEnum):
    VISITED = 0
    DEMO = 1
    PROMOTION = 2
    PROMOTION_LOT = 3
    GREETING = 4
    ORDER = 5
    STORE_ORDER = 6
    PLEDGE = 7
    LINKED = 8
    VOTED = 9
    RELEASE = 10
    RING_LOT = 11
    REPAIRED = 12
    GATHERING = 13
    PLAN = 14
    FAILED = 15
    ELDER = 16
    WORN = 17


ASSIGNED: Final = "experiment.assigned"  # who got what by lot, as setaria.flywheel.facts has it
CONTROL: Final = "control"
# By kind of lot: the experiment's name, and the arm of who was chosen.
LOTS: Final = {K.PROMOTION_LOT: ("promotion", "sent"), K.RING_LOT: ("release", "ring")}

TABLE: Final[dict[K, Happens]] = {
    K.VISITED: Happens("stores.visited", "visit_store", part=Part.TRIP),
    K.DEMO: Happens("stores.demo_given", "demo", part=Part.SHOWN),
    K.PROMOTION: Happens("market.promotion_sent", "promotion", receives=False, part=Part.SENT),
    K.PROMOTION_LOT: Happens(ASSIGNED, part=Part.LOT, extra="probability"),
    K.GREETING: Happens("market.greeting_sent", "greeting", receives=False, part=Part.SENT),
    K.ORDER: Happens("market.order_paid", "purchase_", leg=Leg.PRODUCT),
    K.STORE_ORDER: Happens("stores.order_paid", "purchase_", leg=Leg.EXPERIENCE, part=Part.BOUGHT_THERE),
    K.PLEDGE: Happens("market.pledge_charged", "purchase_", leg=Leg.FANS),
    K.LINKED: Happens("home.linkage_saved", "link", extra="linkages"),
    K.VOTED: Happens("community.voted", "vote"),
    K.RELEASE: Happens("releases.installed", "release", receives=False, part=Part.SENT, extra="level"),
    K.RING_LOT: Happens(ASSIGNED, part=Part.LOT, extra="probability"),
    K.REPAIRED: Happens("stores.repaired", "repair", leg=Leg.SERVICES),
    K.GATHERING: Happens("community.ticket_sold", "gathering", leg=Leg.FANS),
    K.PLAN: Happens("services.plan_paid", "plan", leg=Leg.SERVICES),
    K.FAILED: Happens("home.thing_failed"),
    K.ELDER: Happens("home.elder_started"),
    K.WORN: Happens("home.thing_removed"),
}

ROLES: Final = ("young", "adult", "elder")
# Who of a household acts, by kind: weights of young, adults, elders, where the household has such a member.
# An elder who has started (see things.elders_start) counts thrice.
ACTORS: Final[dict[K, tuple[float, float, float]]] = {
    K.VISITED: (2.0, 2.0, 1.0),
    K.DEMO: (2.0, 1.0, 1.0),
    K.ORDER: (3.0, 2.0, 0.3),
    K.STORE_ORDER: (1.0, 3.0, 0.6),
    K.PLEDGE: (6.0, 1.0, 0.1),
    K.LINKED: (8.0, 1.0, 0.2),
    K.VOTED: (8.0, 1.0, 0.2),
    K.REPAIRED: (1.0, 2.0, 1.0),
    K.GATHERING: (8.0, 1.0, 0.2),
    K.PLAN: (1.0, 2.0, 1.0),
    K.ELDER: (0.0, 0.0, 1.0),
}
