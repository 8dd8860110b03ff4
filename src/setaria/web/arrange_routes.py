"""Arranging the home: things found and their secrets, rooms, members, scenes, helpers."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from setaria.facts.fact import to_cloud_event
from setaria.facts.refused import Refused
from setaria.home import commands as c
from setaria.home.home import ARRANGING_NEEDS
from setaria.rights import Act
from setaria.web import finds
from setaria.web import views as v
from setaria.web.table import UNREADABLE, Body, Call, Route, unreadable

LONGEST_ADDRESS: Final = 128
LARGEST_SECRET: Final = 512  # bytes
MIIO: Final = "miio"
ARRANGING_ACTS: Final = tuple(act for act in Act if act in ARRANGING_NEEDS.values())
_HEX: Final = re.compile(rf"(?:[0-9a-fA-F]{{2}}){{1,{LARGEST_SECRET}}}")


class SecretBody(Body, frozen=True):
    """`token` in hexadecimal."""

    radio: str
    address: str
    token: str


class SecretsBody(Body, frozen=True):
    """`text` is a list of miIO tokens as an extractor prints it, as CSV or as JSON."""

    text: str


class SecretsTaken(msgspec.Struct, frozen=True):
    """How many different things have one: all of the list's, or it is refused."""

    taken: int


_fields: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def decode_command(document: bytes) -> c.Arrangement:
    """Raises Refused("body_unreadable" | "body_unfit" | "command_elsewhere")."""
    try:
        command = c.decode_arrangement(document)
        msgspec.msgpack.encode(command)  # integers beyond 64 bits are no fact
        given = _fields.decode(document).keys() - {"command", *command.__struct_fields__}
    except UNREADABLE as error:
        raise unreadable(error) from None
    if given:
        raise Refused("body_unfit", where="$", why=f"Object contains unknown field `{min(given)[:60]}`")
    if isinstance(command, c.SaveLinkage):  # a rule that nobody checked could not run
        raise Refused("command_elsewhere", command="SaveLinkage", path="/api/linkages")
    return command


async def arrange(call: Call) -> v.Facts:
    command = decode_command(call.scope["setaria.body"])
    answer = await call.services.home.arrange(call.by, command, call.command)
    return v.Facts([to_cloud_event(fact) for fact in answer.facts])


async def see_found(call: Call) -> v.FoundThings:
    home = call.services.home
    return v.FoundThings([finds.found(home, each, call.language) for each in home.finding.all()])


async def search(call: Call) -> v.Done:
    call.services.home.search(call.by)
    return v.Done()


async def give_secret(call: Call) -> v.Done:
    body: SecretBody = call.body
    home = call.services.home
    if body.radio not in home.radios:
        raise Refused("not_found", what="radio", id=body.radio[:80])
    if not 0 < len(body.address) <= LONGEST_ADDRESS or not body.address.isprintable():
        raise Refused("address_unfit", most=LONGEST_ADDRESS)
    if not _HEX.fullmatch(body.token) or (body.radio == MIIO and len(body.token) != 32):
        raise Refused("token_unfit")
    home.give_secret(call.by, body.radio, body.address, bytes.fromhex(body.token))
    return v.Done()


async def import_secrets(call: Call) -> SecretsTaken:
    from setaria.radio.miio.tokens import read_token_list

    tokens = {entry.did: entry.token for entry in read_token_list(call.body.text)}
    call.services.home.give_secrets(call.by, MIIO, tokens)
    return SecretsTaken(len(tokens))


def command_schema() -> Any:
    """What /api/arrange takes, for the OpenAPI document."""
    taken = [each for each in ARRANGING_NEEDS if each is not c.SaveLinkage]
    union: Any = taken[0]
    for each in taken[1:]:
        union = union | each
    return union


ROUTES: Final = (
    Route(
        "POST",
        "/api/arrange",
        arrange,
        tuple(dict.fromkeys(ARRANGING_NEEDS.values())),
        v.Facts,
        "Change the home's arrangement",
        command_schema(),
        home_asks=True,
        raw=True,
    ),
    Route("GET", "/api/found", see_found, Act.RADIO_MANAGE, v.FoundThings, "Things in sight, not in the home yet"),
    Route("POST", "/api/search", search, Act.RADIO_MANAGE, v.Done, "Look for things now"),
    Route("POST", "/api/secrets", give_secret, Act.RADIO_MANAGE, v.Done, "Give the token of a thing", SecretBody),
    Route(
        "POST",
        "/api/secrets/import",
        import_secrets,
        Act.RADIO_MANAGE,
        SecretsTaken,
        "Give a list of miIO tokens",
        SecretsBody,
    ),
)
