"""Who may do what, to what, when. Pure: the home and the operator supply principals and grants, which are facts."""

from __future__ import annotations

from setaria.rights.grants import Grant, covers
from setaria.rights.rule import Principal, Ruling, Target, allowed, may_give, require, why
from setaria.rights.table import TABLE, Act, Role, Rule

__all__ = [
    "TABLE",
    "Act",
    "Grant",
    "Principal",
    "Role",
    "Rule",
    "Ruling",
    "Target",
    "allowed",
    "covers",
    "may_give",
    "require",
    "why",
]
