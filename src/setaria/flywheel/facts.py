"""The kind of fact that says who got what by lot. Whatever room draws the lot writes it."""

from __future__ import annotations

from setaria.facts.kinds import Body, kind


@kind("experiment.assigned")
class Assigned(Body, frozen=True):
    """The household of the envelope was in a lot at the fact's time; the actor is the brand or the operator.

    `probability` is that of the arm that was drawn, not of being treated; None where only the stratum is known, in
    which all were drawn alike. `of` names what the lot was about (a product, a release), where that is of use.
    """

    experiment: str
    arm: str
    probability: float | None = None
    stratum: str = ""
    of: str = ""
