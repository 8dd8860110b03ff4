"""The hub itself: what it is, how it fares, how to speak with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from setaria.facts.clock import SECOND
from setaria.facts.log import LogFaulty
from setaria.facts.refused import Refused
from setaria.home.ports import RadioHealth
from setaria.rights import Act
from setaria.web.answers import RefusalView, view_of
from setaria.web.table import OPEN, Call, Route

LINKS: Final = {
    "home": "/api/home",
    "things": "/api/things",
    "found": "/api/found",
    "linkages": "/api/linkages",
    "facts": "/api/facts",
    "live": "/api/live",
    "radios": "/api/radios",
    "health": "/api/health",
    "openapi": "/api/openapi.json",
}


class Index(msgspec.Struct, frozen=True):
    name: str
    version: str
    household: str
    cursor: str
    links: dict[str, str]


class Radios(msgspec.Struct, frozen=True):
    radios: list[RadioHealth]


class Health(msgspec.Struct, frozen=True):
    """`faulty` is why the last commit failed, `held` facts not durable yet, `lost` those that never will be; `cursor`
    is empty when the log cannot be read."""

    ok: bool
    faulty: RefusalView | None
    held: int
    lost: int
    cursor: str
    uptime_s: int


async def see_index(call: Call) -> Index:
    services = call.services
    cursor = (await services.log.head()).token
    return Index("setaria", services.version, services.home.household, cursor, LINKS)


async def see_radios(call: Call) -> Radios:
    return Radios([radio.health() for radio in call.services.home.radios.values()])


def routes(started: int, all_routes: Callable[[], Sequence[Route]]) -> tuple[Route, ...]:
    """`started` in ticks."""

    async def see_health(call: Call) -> Health:
        services = call.services
        faulty, cursor = services.writer.faulty, ""
        try:
            cursor = (await services.log.head()).token
        except LogFaulty as error:
            faulty = faulty or error.refusal
        except Refused as refused:
            faulty = faulty or refused
        told = None if faulty is None else view_of(faulty, call.language)
        uptime = (services.clock.ticks() - started) // SECOND
        return Health(told is None, told, services.writer.held, services.writer.lost, cursor, uptime)

    async def see_openapi(call: Call) -> msgspec.Raw:
        from setaria.web.openapi import document

        return document(tuple(all_routes()), call.services.version)

    return (
        Route("GET", "/api", see_index, Act.HOME_SEE, Index, "What this is, and where to go on"),
        Route("GET", "/api/openapi.json", see_openapi, OPEN, dict, "This document"),
        Route("GET", "/api/radios", see_radios, Act.HOME_SEE, Radios, "How each radio fares"),
        Route("GET", "/api/health", see_health, Act.HOME_SEE, Health, "How the hub fares"),
    )
