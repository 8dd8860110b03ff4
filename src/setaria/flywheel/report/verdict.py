"""What the figures mean, in sentences: what to do more of, and what these facts can and cannot tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from setaria.flywheel.parameters import Estimate
from setaria.flywheel.report.figures import estimate_detail, money_detail
from setaria.flywheel.report.report import Check, Explained, Loop, Sentence, Specified, Value

SAME: Final = 0.05  # two flywheel numbers nearer than this agree
AS_GOOD: Final = 5e-4  # nats per fact: specifications this near the best foretell as well
_TOLD: Final = 3
# Checks without which nothing is identified: a model that foretells wrongly says nothing about causes.
DECISIVE: Final = ("placebo", "back_test", "rescaling", "bg_nbd")
TOLD: Final = ("mean_amount", "reversal")


def rivals(specified: Sequence[Specified], chosen: str) -> tuple[bool, list[Specified]]:
    """Whether the chosen specification foretells as well as the best, and those as good that disagree with it."""
    seen = [each for each in specified if each.held_out is not None]
    mine = next(each for each in specified if each.name == chosen)
    if not seen or mine.held_out is None:
        return True, []
    best = max(each.held_out for each in seen if each.held_out is not None)
    as_good = [each for each in seen if (each.held_out or 0.0) >= best - max(AS_GOOD, 2 * each.held_out_error)]
    good = mine in as_good
    number = mine.flywheel_number
    room = max(SAME, number.high - number.low)
    return good, [each for each in as_good if abs(each.flywheel_number.value - number.value) > room]


def verdict(
    specified: Sequence[Specified],
    chosen: str,
    number: Estimate,
    loops: Sequence[Loop],
    checks: Sequence[Check],
    converged: bool,
) -> tuple[bool, list[Sentence]]:
    """Whether the flywheel number and the values are identified, and why or why not.

    They are not where households that were not fitted are foretold better by another specification, where
    specifications that foretell as well disagree, where loops may not die out, where permuted causes seem to act, or
    where what happened later, or between facts, is not what the model says.
    """
    against = _against(specified, chosen, converged)
    if number.high >= 1:
        against.append(Sentence("flywheel.verdict.may_explode", {"number": estimate_detail(number)}, "bad"))
    against += [each.sentence for each in checks if each.passed is False and each.name in DECISIVE]
    said: list[Sentence] = []
    if against:
        low, high = _range(specified)
        said.append(Sentence("flywheel.report.verdict.not_identified", {"low": low, "high": high}, "bad"))
        said += against
        said.append(Sentence("flywheel.report.verdict.holdout", {}, "careful"))
    else:
        said.append(Sentence("flywheel.verdict.identified", {"number": estimate_detail(number)}, "good"))
    naive = next((each for each in specified if each.name == "naive"), None)
    if naive and chosen != "naive" and naive.flywheel_number.value - number.value > SAME:
        told = {"naive": naive.flywheel_number.value, "number": number.value}
        said.append(Sentence("flywheel.report.verdict.frailty", told))
    said += [each.sentence for each in checks if each.passed is False and each.name in TOLD]
    said.append(_loop(loops, number))
    said.append(Sentence("flywheel.report.verdict.assumed", {}, "careful"))
    return not against, said


def _against(specified: Sequence[Specified], chosen: str, converged: bool) -> list[Sentence]:
    said = []
    if not converged:
        said.append(Sentence("flywheel.verdict.not_converged", tone="bad"))
    if len(specified) < 2 or all(each.held_out is None for each in specified):
        said.append(Sentence("flywheel.verdict.not_compared", tone="careful"))
        return said
    good, others = rivals(specified, chosen)
    if not good:
        best = max(specified, key=lambda each: each.held_out if each.held_out is not None else float("-inf"))
        word = {"word": f"flywheel.report.specification.{best.name}"}
        said.append(
            Sentence("flywheel.verdict.rejected", {"better": word, "number": best.flywheel_number.value}, "bad")
        )
    for other in others[:1]:
        word = {"word": f"flywheel.report.specification.{other.name}"}
        said.append(
            Sentence("flywheel.verdict.disagree", {"other": word, "number": other.flywheel_number.value}, "bad")
        )
    return said


def _range(specified: Sequence[Specified]) -> tuple[float, float]:
    numbers = [each.flywheel_number.value for each in specified]
    return min(numbers), max(numbers)


def _loop(loops: Sequence[Loop], number: Estimate) -> Sentence:
    sure = [each for each in loops if each.sure]
    if not sure:
        return Sentence("flywheel.verdict.no_loop", {"high": number.high})
    members = " → ".join((*sure[0].members, sure[0].members[0]))
    return Sentence("flywheel.verdict.loop", {"members": members, "strength": estimate_detail(sure[0].strength)})


def headline(values: Sequence[Value], explained: Explained | None, currency: str) -> list[Sentence]:
    """What to do more of, in money and how sure: what pays back first where costs are known, else what brings most."""
    if explained is None or explained.total == 0:
        return [Sentence("flywheel.verdict.no_money", tone="careful")]
    said = [_costed(each) for each in sorted(values, key=lambda each: -(each.roi.low if each.roi else 0)) if each.roi]
    said = said[:_TOLD]
    for each in values:
        brings = each.indirect or each.within[365]
        if len(said) < _TOLD and each.roi is None and brings.low > 0:
            told = {"touchpoint": each.touchpoint, "value": estimate_detail(brings, currency)}
            said.append(Sentence("flywheel.report.headline.more_indirect", told, "good"))
    if not said:
        said.append(Sentence("flywheel.report.headline.nothing_sure", tone="careful"))
    led = explained.repeat + explained.cross + explained.sent
    shown = {
        "share": {"share": led / explained.total},
        "amount": money_detail(led, currency),
        "total": money_detail(explained.total, currency),
    }
    return [*said, Sentence("flywheel.report.headline.explained", shown)]


def _costed(each: Value) -> Sentence:
    assert each.roi is not None
    told = {"touchpoint": each.touchpoint, "roi": estimate_detail(each.roi)}
    if each.roi.low > 0:
        return Sentence("flywheel.report.headline.more", told, "good")
    if each.roi.high < 0:
        return Sentence("flywheel.verdict.less", told, "bad")
    return Sentence("flywheel.verdict.cost_unclear", told, "careful")
