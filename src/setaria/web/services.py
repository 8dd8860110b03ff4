"""What the site serves: handed over by whoever wires the hub."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from setaria.facts.clock import Clock
from setaria.facts.log import Log
from setaria.facts.writer import Writer
from setaria.home.home import Home
from setaria.home.linkage.desk import LinkageDesk
from setaria.rights import Principal


class Services(msgspec.Struct, frozen=True, eq=False):
    """`language` is that of answers to who names none.

    `owner` says in whose name a request on the loopback interface acts; it may raise Refused("no_owner").
    """

    home: Home
    writer: Writer
    log: Log
    clock: Clock
    desk: LinkageDesk
    version: str
    owner: Callable[[], Principal]
    language: str = "zh-CN"
