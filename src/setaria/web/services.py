"""What the site serves: handed over by whoever wires the hub."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from setaria.facts.clock import Clock
from setaria.facts.log import Log
from setaria.facts.writer import Writer
from setaria.home.accounts.accounts import Accounts
from setaria.home.home import Home
from setaria.home.linkage.desk import LinkageDesk
from setaria.home.notifying.desk import Notifying
from setaria.home.upkeep.ports import Upkeep
from setaria.web.flywheel_desk import FlywheelDesk


class Services(msgspec.Struct, frozen=True, eq=False):
    """`language` is that of answers to who names none; `page` says at which address other devices of the home find the
    pages, or is empty."""

    home: Home
    writer: Writer
    log: Log
    clock: Clock
    desk: LinkageDesk
    version: str
    accounts: Accounts
    language: str = "zh-CN"
    notifying: Notifying | None = None
    upkeep: Upkeep | None = None
    page: Callable[[], str] = str
    flywheel: FlywheelDesk | None = None
