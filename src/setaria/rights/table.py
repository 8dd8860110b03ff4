"""Role x act -> rule, to be read as the table it is."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final


class Role(enum.StrEnum):
    OWNER = "owner"
    ADULT = "adult"
    CHILD = "child"
    ELDER = "elder"
    GUEST = "guest"
    LINKAGE = "linkage"
    HUB = "hub"
    PROGRAM = "program"


class Act(enum.StrEnum):
    HOME_SEE = "home.see"
    CAMERA_WATCH = "camera.watch"
    THING_CONTROL = "thing.control"
    THING_SECURE = "thing.secure"  # operate what guards the home: locks, cameras, doors
    THING_CONFIGURE = "thing.configure"
    THING_MANAGE = "thing.manage"  # add, remove, move to another room
    LINKAGE_WRITE = "linkage.write"
    LINKAGE_RUN = "linkage.run"
    SCENE_WRITE = "scene.write"
    SCENE_RUN = "scene.run"
    PROFILE_EDIT = "profile.edit"
    GRANT_GIVE = "grant.give"
    MEMBER_MANAGE = "member.manage"
    HOUSEHOLD_MANAGE = "household.manage"
    FACTS_READ = "facts.read"
    FACTS_EXPORT = "facts.export"
    FACTS_CONSENT = "facts.consent"  # what may leave the home
    BACKUP = "backup"
    RESTORE = "restore"
    RADIO_MANAGE = "radio.manage"
    RELEASE_INSTALL = "release.install"
    COMMUNITY_VOTE = "community.vote"
    MARKET_BUY = "market.buy"


class Rule(enum.StrEnum):
    ALLOW = "allow"
    DENY = "deny"  # whatever is granted
    OWN = "own"  # about oneself, or by grant
    GRANTED = "granted"
    AUTHOR = "author"  # as whoever wrote the linkage, now


_RULES: Final = {"A": Rule.ALLOW, "-": Rule.DENY, "o": Rule.OWN, "g": Rule.GRANTED, "w": Rule.AUTHOR}
_ROLES: Final = (
    Role.OWNER, Role.ADULT, Role.CHILD, Role.ELDER, Role.GUEST, Role.LINKAGE, Role.HUB, Role.PROGRAM,
)  # fmt: skip
_ROWS: Final = {
    #                     own adu chi eld gue lin hub pro
    Act.HOME_SEE:         "A   A   A   A   g   w   A   g",
    Act.CAMERA_WATCH:     "A   A   -   A   g   -   -   g",
    Act.THING_CONTROL:    "A   A   A   A   g   w   A   g",
    Act.THING_SECURE:     "A   A   -   A   g   w   A   g",
    Act.THING_CONFIGURE:  "A   A   -   -   -   -   A   g",
    Act.THING_MANAGE:     "A   A   -   -   -   -   -   g",
    Act.LINKAGE_WRITE:    "A   A   -   -   -   -   -   g",
    Act.LINKAGE_RUN:      "A   A   A   A   g   w   A   g",
    Act.SCENE_WRITE:      "A   A   -   -   -   -   -   g",
    Act.SCENE_RUN:        "A   A   A   A   g   w   A   g",
    Act.PROFILE_EDIT:     "A   o   o   o   o   -   -   -",
    Act.GRANT_GIVE:       "A   A   -   -   -   -   -   -",
    Act.MEMBER_MANAGE:    "A   -   -   -   -   -   -   -",
    Act.HOUSEHOLD_MANAGE: "A   -   -   -   -   -   -   -",
    Act.FACTS_READ:       "A   A   o   o   -   -   A   g",
    Act.FACTS_EXPORT:     "A   o   o   o   o   -   -   g",
    Act.FACTS_CONSENT:    "A   -   -   -   -   -   -   -",
    Act.BACKUP:           "A   g   -   -   -   -   A   g",
    Act.RESTORE:          "A   -   -   -   -   -   -   -",
    Act.RADIO_MANAGE:     "A   A   -   -   -   -   A   g",
    Act.RELEASE_INSTALL:  "A   A   -   -   -   -   A   g",
    Act.COMMUNITY_VOTE:   "A   A   -   A   -   -   -   -",
    Act.MARKET_BUY:       "A   A   g   A   -   -   -   -",
}  # fmt: skip

TABLE: Final[Mapping[Act, Mapping[Role, Rule]]] = {
    act: {role: _RULES[letter] for role, letter in zip(_ROLES, row.split(), strict=True)} for act, row in _ROWS.items()
}
