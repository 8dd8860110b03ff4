"""All that a world assumes. Nothing here is estimated from data unless its comment says so (docs/study-xiaomi.md)."""

from __future__ import annotations

import msgspec

from setaria.flywheel.simulate.world.products import CATALOGUE, Product


class Peopled(msgspec.Struct, frozen=True):
    """Who lives there. Shares are of households."""

    with_young: float = 0.35  # an enthusiast who starts things
    with_elders: float = 0.40
    fans: float = 0.12  # among households with young members: thrice as likely as among others
    spending: int = 36_000  # fen a month for such things, median; log-normal
    spending_spread: float = 0.7
    saved_months: float = 9.0  # a budget holds at most so much
    taste_spread: float = 0.8  # log-normal, per household and product
    near_store: float = 0.4
    phone_before: float = 0.20  # have the brand's phone on the first day
    neighbours: int = 4  # of each household: half on a ring, half anywhere
    reach: tuple[tuple[int, float], ...] = ((0, 1.0),)  # day, share of households that have come within reach by then
    things_of_others: float = 1.0  # mean number of connectable things of other brands in a home


class Behaviour(msgspec.Struct, frozen=True):
    """How people decide. A chance "per day" is at its fullest; what scales it stands in people.py and things.py."""

    need_fades: float = 45.0  # days
    knowledge_fades: float = 240.0
    boost_fades: float = 10.0
    spark_fades: float = 7.0
    shopping: float = 0.10  # per day: looks into a purchase at all
    # utility of buying = need, knowledge, trust (satisfaction - 1/2), boost, push; less price in months of spending
    by_need: float = 3.0
    by_knowledge: float = 1.5
    by_trust: float = 2.0
    by_boost: float = 0.8
    by_price: float = 0.15
    reluctance: float = 6.0
    fan_premium: float = 1.0  # what a fan's liking adds to a pledge
    need_by_link: float = 0.10  # needs arise so much more often per linkage
    linking: float = 0.02  # per day and household with something left to link
    need_after_link: float = 0.20  # for the product of the brand that would join
    elder_starts: float = 0.01  # per day, once something is linked
    voting: float = 0.006
    repairing: float = 0.12  # per day, of a broken thing
    giving_up: float = 0.02
    plan: float = 0.004
    talking: float = 0.02
    told_knowledge: float = 0.15
    told_need: float = 0.12
    told_doubt: float = 0.03
    gathering: float = 0.25  # of fans nearby
    settling: float = 30.0  # days in which satisfaction follows quality in use
    fault_hurts: float = 0.08
    repair_heals: float = 0.06
    wish_heals: float = 0.05
    release_heals: float = 0.004
    gathering_heals: float = 0.05
    leaving: float = 1 / 2_500  # per day at satisfaction .6
    leaving_by_satisfaction: float = 7.0  # exponent


class Stores(msgspec.Struct, frozen=True):
    visiting: float = 0.014  # per day of a household near one, on a weekday, wanting nothing
    far: float = 0.25  # of that, when the store is far
    demo: float = 0.55  # of visits
    push: float = 0.0  # utility that the seller's words add, on the day of the visit
    closing: float = 0.35  # looks into a purchase there and then
    shown_knowledge: float = 0.5  # a demo closes this share of what is not yet known
    shown_need: float = 0.30


class Brand(msgspec.Struct, frozen=True):
    """`margins`: None is each product's own. Sent things go out before 9 in the morning, and people act after."""

    margins: float | None = None
    passes_on: float = 1.0  # share of learning that lowers prices
    partner_part: float = 0.5  # of a partner's product's margin goes to the partner
    open: bool = True
    range_open: float = 0.90  # share of households whose need a partner's product meets
    range_closed: float = 0.60  # and the brand's own replacement
    locked_in: float = 0.5  # in a closed ecosystem, leaving with linked things is so much rarer
    plan_price: int = 2_700  # fen for `plan_days`
    plan_days: int = 90
    advertising: int = 13  # fen per active phone and day: 47 CNY a year, 30.1 bn CNY over 641 million users in 2023
    service_cost: float = 0.25  # of plans and advertising: gross margin of Internet services was 74.2 % in 2023
    promotion_days: int = 28
    promotion_share: float = 0.30  # by lot among all who can be reached
    targeted: float = 1.0  # the chance of those who bought in the last half year is so many times that
    greeting_days: int = 0  # a greeting that does nothing goes to heavy buyers every so many days; 0 is never
    train_days: int = 7  # on Fridays
    ring: float = 0.10  # by lot: who gets a release a week before the others
    train_repairs: float = 0.012  # of the faults left in a product's software, by a train without votes
    voted_repairs: float = 0.035  # more, when votes said what to repair
    quorum: float = 0.002  # votes per household of the world at which that is reached
    gathering_days: int = 60
    ticket: int = 9_900
    ticket_cost: float = 0.6
    crowdfund_days: int = 90
    premium: float = 0.30
    goal: float = 0.002  # pledges per household of the world
    repair_fee: float = 0.25  # of the price, after a year
    repair_cost: int = 4_000
    batch_days: int = 45  # a batch covers the sales of so many days


class WorldParameters(msgspec.Struct, frozen=True):
    """`without`: touchpoints that do not exist in this world. `products` must begin as CATALOGUE does."""

    households: int = 5_000
    days: int = 730
    first_day: int = 19_723  # since 1970-01-01: Monday, 1 January 2024; the world's clock is UTC
    products: tuple[Product, ...] = CATALOGUE
    people: Peopled = Peopled()
    behaviour: Behaviour = Behaviour()
    stores: Stores = Stores()
    brand: Brand = Brand()
    without: frozenset[str] = frozenset()
    weekend: float = 1.5  # visits and shopping at weekends
    shopping_days: tuple[tuple[int, int, int], ...] = ((6, 16, 3), (11, 9, 3))  # month, day, how many days
    shopping_rush: float = 2.0

    def has(self, touchpoint: str) -> bool:
        return touchpoint not in self.without
