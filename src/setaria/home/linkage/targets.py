"""Which things a service call means."""

from __future__ import annotations

from setaria.home.linkage.catalogue import Catalogue
from setaria.home.linkage.rule import ServiceStep

EVERY = "all"


def targets(step: ServiceStep, catalogue: Catalogue) -> list[str]:
    """The things a call means now, each once; `thing/service` is one part of a thing."""
    if EVERY in step.things:
        return list(catalogue.things())
    rooms = [thing for room in step.rooms for thing in catalogue.things_in(room)]
    labelled = [thing for label in step.labels for thing in catalogue.things_labelled(label)]
    return list(dict.fromkeys([*step.things, *rooms, *labelled]))
