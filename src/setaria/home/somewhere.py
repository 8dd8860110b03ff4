"""Whether somebody has a right at all: everywhere, about themselves, or in a place that a grant names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from setaria.home.permits import Permits
from setaria.rights import Act, Principal, Target

IMPLIED: Final = {Act.HOME_SEE: (Act.THING_CONTROL, Act.CAMERA_WATCH)}  # by which a thing is in sight too (sight.py)


def acts_somewhere(permits: Permits, by: Principal, wanted: Iterable[Act] = Act) -> list[Act]:
    """Those of `wanted`."""
    ask = permits.asking(by)
    lent = [permits.target(each) for grant in by.grants for each in grant.things]
    lent += [Target(room=each) for grant in by.grants for each in grant.rooms]
    places = [Target(), Target(member=by.member), *lent]
    return [act for act in wanted if any(ask(each, at) for each in (act, *IMPLIED.get(act, ())) for at in places)]
