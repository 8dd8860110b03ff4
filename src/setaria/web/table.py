"""The form of a route. All routes stand in tables of these; the router and the OpenAPI document are made of them."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec

from setaria.facts.refused import Refused
from setaria.home.accounts.accounts import Caller
from setaria.rights import Act, Principal
from setaria.web.services import Services

MOST_PARAMETERS: Final = 20
EVENT_STREAM: Final = "text/event-stream"


class Unasked(enum.Enum):
    """For what has to be answered before anybody can have signed in, and tells nothing of the home."""

    OPEN = "open"


OPEN: Final = Unasked.OPEN
Right = Act | tuple[Act, ...] | Unasked


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a request carries; a field nobody knows is a mistake that must be heard of."""


class Query(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters behind the question mark."""


class Call:
    """One request, checked: `body` and `query` are of the types that the route names, or None."""

    __slots__ = (
        "body",
        "by",
        "caller",
        "command",
        "cookie",
        "language",
        "parameters",
        "query",
        "receive",
        "scope",
        "send",
        "services",
    )

    def __init__(self, services: Services, scope: Any, parameters: Mapping[str, str]) -> None:
        self.services = services
        self.scope = scope
        self.parameters = parameters
        self.language: str = scope["setaria.language"]
        self.command = ""
        self.body: Any = None
        self.query: Any = None
        self.by: Principal  # on a route that is open, only with a caller
        self.caller: Caller | None = None
        self.cookie: str | None = None  # to be set with the answer; empty takes it away
        self.receive: Any = None
        self.send: Any = None

    def again(self) -> Principal | None:
        """Who calls, as things stand now, for what lasts: None once it is over."""
        caller = None if self.caller is None else self.services.accounts.again(self.caller)
        return None if caller is None else caller.principal


Handler = Callable[[Call], Awaitable[Any]]


class Route(msgspec.Struct, frozen=True):
    """`right` is what the caller needs: one act, one of several, or OPEN. With `home_asks` the home itself asks for it,
    for the very thing or member concerned. A handler of a `stream` sends its own answer, of the type `media`; one that
    is `raw` decodes the body itself."""

    method: str
    path: str
    handler: Handler
    right: Right
    answer: Any
    summary: str
    body: Any = None
    query: type[Query] | None = None
    home_asks: bool = False
    stream: bool = False
    media: str = "application/json"
    raw: bool = False

    @property
    def acts(self) -> tuple[Act, ...]:
        """Any of them will do; none at all is OPEN."""
        if isinstance(self.right, Unasked):
            return ()
        return (self.right,) if isinstance(self.right, Act) else self.right


def unreadable(error: Exception) -> Refused:
    """What msgspec says of a body, as a refusal: values themselves are not repeated."""
    if isinstance(error, msgspec.ValidationError):
        why, _, where = str(error).partition(" - at `")
        return Refused("body_unfit", where=where.rstrip("`")[:120], why=why[:160])
    if isinstance(error, RecursionError):
        return Refused("body_unreadable", where="", why="too_deep")
    return Refused("body_unreadable", where="", why="not_json")


UNREADABLE: Final = (msgspec.DecodeError, RecursionError, UnicodeError, OverflowError, ValueError)
