"""The form in which the kinds of notifier are declared (the table itself: notifiers/table.py)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from setaria.home.ports import Notifier

Settings = Mapping[str, str]


class Field(msgspec.Struct, frozen=True):
    """What a person fills in; its label is `notifiers.TYPE.NAME` in the catalogue.

    A `secret` is not shown while it is typed. What is `sealed`, secrets always, stands in no fact.
    """

    name: str
    secret: bool = False
    required: bool = True
    sealed: bool = False


class NotifierType(msgspec.Struct, frozen=True):
    """`check` returns settings as they are kept and what is shown of them, or raises Refused.

    `near` says that the settings lead to a program on the home's own network, in the clear: only who manages members
    may ask for that. A type that is not `by_hand` is added by a browser for itself.
    """

    type: str
    fields: tuple[Field, ...]
    check: Callable[[Settings], tuple[dict[str, str], str]]
    near: Callable[[Settings], bool]
    make: Callable[[Settings], Notifier]
    by_hand: bool = True
