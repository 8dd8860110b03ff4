"""What the radio keeps of one device it talks with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from setaria.facts.clock import SECOND
from setaria.facts.refused import Refused
from setaria.home.ports import Unreachable
from setaria.radio.miio.alarms import NEVER
from setaria.radio.miio.codec import Keys
from setaria.radio.miio.link import Location
from setaria.radio.miio.payload import Info
from setaria.radio.miio.session import Session

CHALLENGE_EVERY: Final = 5 * SECOND

InfoLearnt = Callable[[Info | Refused | Unreachable], None]


class Talk:
    """A session and where its device is; `thing` is "" while a device is only asked what it is."""

    __slots__ = ("alarm", "challenged_at", "learnt", "location", "reached", "session", "thing")

    def __init__(self, session: Session, location: Location | None, thing: str = "") -> None:
        self.session: Final = session
        self.location = location
        self.thing: Final = thing
        self.learnt: InfoLearnt | None = None
        self.reached = False
        self.challenged_at = -CHALLENGE_EVERY
        self.alarm = NEVER

    @property
    def due(self) -> int:
        return self.session.due


def device_id_of(address: str) -> int:
    if not (address.isascii() and address.isdigit() and len(address) <= 20 and int(address) < 2**64):
        raise Refused("miio_address_invalid", address=address[:64])
    return int(address)


def keys_of(token: bytes) -> Keys:
    try:
        return Keys(token)
    except ValueError:
        raise Refused("miio_token_invalid", size=len(token)) from None
