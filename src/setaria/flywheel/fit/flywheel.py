"""`Flywheel().fit(histories)`."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
from scipy import linalg

from setaria.flywheel.arrays import Floats
from setaria.flywheel.calendar import Calendar
from setaria.flywheel.fit.decays import Decays
from setaria.flywheel.fit.engines import Engine, Shard, Source, Threads, added, running
from setaria.flywheel.fit.fitted import Fitted, Influence
from setaria.flywheel.fit.layout import Layout
from setaria.flywheel.fit.marginal import PRIOR, At, Marginal, Problem, posteriors
from setaria.flywheel.fit.naive import Naive, climb_naive
from setaria.flywheel.fit.newton import FINER, Climbed, climb
from setaria.flywheel.fit.quadratic import even, inverse
from setaria.flywheel.fit.survey import Covariates, Survey, surveyed
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.parameters import DECAYS, Parameters, Specification

Told = Callable[[str, float], None]
_SHARDS = 32  # enough for balance, and the same for any number of workers, so that they give the same digits
_LEAST = 512  # households of a shard
_MANY = 4_000  # households from which on
_FEW = 8  # one of so many shards finds most of the way
_DRAWN = 10_000  # posterior draws in the final information, all households together
_FAR_LESS = 0.25


@dataclass(frozen=True, slots=True)
class Expected:
    """Of each fact (N; zero where it is not counted): E[1 / lambda] and the chance that nothing earlier led to it."""

    inverse: Floats
    own: Floats


_Answer = TypeVar("_Answer")


class Flywheel:
    """The estimator: a mutually exciting point process with what makes households differ taken out.

    lambda_hd(t) = u_h w_hd mu_d exp(calendar_d . c(t) + covariates_d . x_h) 1[alive] + sum_sk A[d,s,k] beta_k R_hsk(t)

    (Hawkes, Biometrika 58, 1971; frailties as in Xu, Duan, Whinston, Management Science 60(6), 2014; silent churn as in
    Fader, Hardie, Lee, Marketing Science 24(2), 2005; household means of what is sent as in Mundlak, Econometrica
    46(1), 1978.)
    """

    def __init__(
        self,
        specification: Specification | None = None,
        *,
        workers: int | None = None,
        gain: float = 1e-2,
        engine: Engine | None = None,
    ) -> None:
        """Without an engine: so many threads of this process, also over `Shards`, of which each then holds one."""
        self.specification = specification or Specification()
        self.engine = engine or Threads(workers or min(os.cpu_count() or 1, 8))
        self.gain = gain

    def fit(
        self,
        histories: Histories | Source,
        *,
        start: Fitted | None = None,
        intervals: bool = True,
        told: Told | None = None,
    ) -> Fitted:
        """Raises Refused where there is nothing to fit."""
        with running(self.engine, _parts(histories)) as engine:
            return self._fit(engine, start, intervals, told)

    def _fit(self, engine: Engine, start: Fitted | None, intervals: bool, told: Told | None) -> Fitted:
        rates = np.array(self.specification.decays or DECAYS[:3], dtype=np.float64)
        problem = problem_over(engine, surveyed(engine), self.specification, rates)
        layout, specification = problem.layout, self.specification
        begun = start.parameters if start else parameters_of(climb_naive(engine, problem.decays), layout, rates)
        begun = replace(begun, baseline=np.maximum(begun.baseline, _least_baseline(problem.survey)))
        vector = layout.vector(shrunk(begun, None if start else specification))
        if start is None:
            vector = approached(problem, vector)
        if start is None and problem.households >= _MANY:
            # Most of the way is found on a few shards; all of them are asked for the last steps only.
            some = problem.part(range(max(1, len(problem.surveys) // _FEW)))
            vector = climb(some, vector, gain=1.0).vector
        found = climb(problem, vector, gain=self.gain, told=_heard(told))
        fitted = Fitted(
            specification,
            layout.parameters(found.vector, rates),
            problem.survey.mean_amounts,
            found.at.likelihood,
            problem.survey.counted,
            layout,
            problem.calendar,
            found.vector,
            problem.covariates.names,
            passes=found.passes,
            gain_left=found.gain_left,
            converged=found.gain_left < max(self.gain, 1e-2),
        )
        return replace(fitted, influence=influence(problem, found, fitted)) if intervals else fitted


def _parts(histories: Histories | Source) -> Source:
    if not isinstance(histories, Histories):
        return histories
    return list(histories.shards(max(_LEAST, -(-len(histories) // _SHARDS))))


def problem_of(
    parts: Source, specification: Specification, rates: Floats, workers: int = 1
) -> tuple[Problem, tuple[str, ...]]:
    """The marginal likelihood over these parts with threads of this process, and the names of its covariates."""
    engine = Threads(workers)
    engine.start(parts)
    problem = problem_over(engine, surveyed(engine), specification, rates)
    return problem, problem.covariates.names


def problem_over(engine: Engine, surveys: list[Survey], specification: Specification, rates: Floats) -> Problem:
    """The marginal likelihood over the shards of an engine that was started."""
    total = added(replace(each) for each in surveys)
    covariates = Covariates.of(total, specification)
    calendar = calendar_of(total, specification)
    layout = Layout(
        receivers=total.receivers,
        types=len(total.touchpoints),
        decays=len(rates),
        features=len(calendar.names),
        covariates=len(covariates.names),
        shared=specification.shared,
        churn=specification.churn,
        own=specification.own,
    )
    return Problem(engine, surveys, layout, Decays.of(rates, total.grain), calendar, covariates)


def approached(problem: Problem, vector: Floats) -> Floats:
    """The vector, from where the climb ends without silent churn, which is far cheaper.

    From far away churn takes what the households' factor will explain, and a climb may end where neither is.
    """
    layout = problem.layout
    if not layout.churn:
        return vector
    lasting = problem.lasting()
    rates = problem.decays.rates
    found = climb(lasting, lasting.layout.vector(layout.parameters(vector, rates)), gain=1.0)
    return layout.vector(lasting.layout.parameters(found.vector, rates))


def _heard(told: Told | None) -> Callable[[int, float], None] | None:
    if told is None:
        return None
    return lambda passed, promised: told("flywheel.progress_fit", passed / (passed + 6.0))


def parameters_of(naive: Naive, layout: Layout, rates: Floats) -> Parameters:
    excitation = naive.theta[:, 1:].reshape(layout.types, layout.decays, layout.types).transpose(0, 2, 1)
    return Parameters(rates, naive.theta[:, 0], np.ascontiguousarray(excitation))


def shrunk(begun: Parameters, fresh: Specification | None) -> Parameters:
    """Where frailty comes in, less is left to excitation: a start half way is nearer.

    The household's variance begins high: near 0 its likelihood is flat, and excitation takes what belongs to it.
    """
    if fresh is None or not (fresh.shared or fresh.own):
        return begun
    shared = 1.0 if fresh.shared and not fresh.own else 0.0
    return replace(begun, excitation=begun.excitation * 0.6, baseline=begun.baseline * 1.5, shared_variance=shared)


def _least_baseline(survey: Survey) -> Floats:
    """A tenth of what would explain all facts: on its logarithm, a start at nothing is hardly ever left."""
    days = survey.households * max(survey.end - survey.start, 1e-9)
    receives = np.array([each.receives for each in survey.touchpoints])
    least: Floats = np.where(receives, 0.1 * survey.kinds / days, 0.0)
    return least


def calendar_of(survey: Survey, specification: Specification) -> Calendar:
    first, last = int(np.floor(survey.start)), int(np.floor(survey.end)) + 1
    return Calendar.design(first, last) if specification.calendar else Calendar.none(first, last)


def influence(problem: Problem, found: Climbed, fitted: Fitted) -> Influence:
    """One unconstrained Newton step, and the sandwich H^-1 B H^-1 with B over households (Liang, Zeger 1986)."""
    layout = problem.layout
    draws = max(2, -(-_DRAWN // max(problem.households, 1))) if layout.hyper else 0
    final = problem.evaluate(found.vector, draws=draws, meat=partial(amount_scores, fitted.mean_amounts))
    final = replace(final, information=_drawn_enough(problem, found, final, draws))
    size = layout.size
    held = (found.vector[layout.blocks :] <= layout.lower()[layout.blocks :] + 1e-6) | (
        found.vector[layout.blocks :] >= layout.upper()[layout.blocks :] - 1e-6
    )
    free = np.concatenate([np.ones(layout.blocks, dtype=np.bool_), ~held])
    information = _expected_at_bounds(problem, found, final)[np.ix_(free, free)]
    bread = np.zeros((size, size))
    bread[np.ix_(free, free)] = inverse(no_less_than_the_prior(information, layout.blocks))
    amounts = fitted.mean_amounts.size
    turn = np.zeros((size + amounts, size + amounts))
    turn[:size, :size] = bread
    turn[size:, size:] = np.diag(np.tile(1.0 / np.maximum(problem.survey.kinds, 1), len(fitted.mean_amounts)))
    vector = np.concatenate([found.vector + bread @ final.score, fitted.mean_amounts.reshape(-1)])
    return Influence(vector, turn @ final.meat @ turn, turn)


def _drawn_enough(problem: Problem, found: Climbed, final: Marginal, draws: int) -> Floats:
    """The information, with more draws where it says far less of something than the scores' outer products do.

    They say alike of a model that holds. What is drawn has a long tail: one household can take more from a direction
    than all others gave.
    """
    layout, information = problem.layout, final.information
    if not layout.own and not layout.churn:
        return information
    some = (np.diag(information) > 0) & (np.diag(final.meat)[: layout.size] > 0)
    at = np.ix_(some, some)
    scores = final.meat[: layout.size, : layout.size][at]
    scores = scores + 1e-9 * np.diag(np.diag(scores))  # of fewer households than parameters
    for enough in (_FAR_LESS, 0.0):
        if linalg.eigh(information[at], scores, eigvals_only=True, subset_by_index=(0, 0))[0] > enough:
            break
        draws *= FINER
        information = problem.evaluate(found.vector, draws=draws).information
    return information


def _expected_at_bounds(problem: Problem, found: Climbed, final: Marginal) -> Floats:
    """The information, with what was expected in place of what was seen where an excitation is held at 0.

    There fewer facts were seen than the baseline foretells, a share of `seen`, and the information they carry is too
    small by that share (for counts: k c^2 / n^2 where c^2 / n is expected); a step with it would overshoot without end.
    """
    layout = problem.layout
    total = problem.exposed().total[1:]
    information = final.information.copy()
    scale = np.ones(layout.size)
    for r in range(len(layout.receivers)):
        at = np.arange(layout.size)[layout.excitation_slice(r)]
        held = (found.vector[at] <= 0) & (final.score[at] < 0) & (total > 0)
        seen = np.clip(1 + final.score[at] / np.maximum(total, 1e-300), 0.02, 1.0)
        scale[at[held]] = 1 / np.sqrt(seen[held])
        few = held & (seen < 0.1)
        information[at[few], at[few]] = np.maximum(information[at[few], at[few]], total[few] ** 2 / 3 * seen[few])
        nothing = total <= 0
        information[at[nothing], at[nothing]] = 1e12
    return information * np.outer(scale, scale)


def no_less_than_the_prior(information: Floats, blocks: int) -> Floats:
    """`information`, rows and columns from `blocks` on (variances, churn) raised to what their prior alone says.

    Of a variance the data may say nothing, but not less: on a ridge between two of its optima the observed information
    vanishes, and with it all that hangs on it. Raised where the rest is held at its best (Schur's complement).
    """
    inner, across, hyper = information[:blocks, :blocks], information[:blocks, blocks:], information[blocks:, blocks:]
    if not len(hyper):
        return information
    values, vectors = np.linalg.eigh(even(hyper - across.T @ inverse(inner) @ across))
    made = information.copy()
    made[blocks:, blocks:] += (vectors * np.maximum(PRIOR - values, 0.0)) @ vectors.T
    return made


def amount_scores(mean_amounts: Floats, part: Histories) -> Floats:
    """H x (currencies D): each household's influence on the mean amounts, without the division by all facts."""
    currencies, types = mean_amounts.shape
    made = np.zeros((len(part), currencies, types))
    owner, kinds = part.owner, part.kinds.astype(np.int64)
    counts = np.zeros((len(part), types))
    np.add.at(counts, (owner, kinds), 1.0)
    for c in range(currencies):
        chosen = part.currency == c
        np.add.at(made[:, c], (owner[chosen], kinds[chosen]), part.amounts[chosen].astype(np.float64))
        made[:, c] -= mean_amounts[c] * counts
    return made.reshape(len(part), -1)


def expected(fitted: Fitted, problem: Problem) -> tuple[list[Expected], Fitted]:
    """For each shard, what credit is given by; and the fit with each household's factor and chance of being alive."""
    return expected_over(fitted, problem, _itself)


def expected_over(
    fitted: Fitted, problem: Problem, answer: Callable[[Histories, Expected], _Answer]
) -> tuple[list[_Answer], Fitted]:
    """As `expected`, keeping of each shard no more than what `answer` makes of it, where the shard is."""
    answers, means = [], []
    for made, kept in problem.each(_expected, fitted.vector, answer):
        answers.append(made)
        means.append(kept)
    all_means = np.vstack(means)
    count = len(problem.layout.receivers)
    factors = np.ones((len(all_means), problem.layout.types))
    living = np.repeat(all_means[:, 1:2], problem.layout.types, axis=1)
    factors[:, problem.layout.receivers] = all_means[:, 3 : 3 + count]
    living[:, problem.layout.receivers] = all_means[:, 3 + count :]
    return answers, replace(fitted, frailty=all_means[:, 0], alive=all_means[:, 1], factors=factors, living=living)


def _expected(shard: Shard, at: At) -> tuple[Any, Floats]:
    histories = shard.histories
    found = posteriors(shard, at)
    return at.more(histories, Expected(found.inverse, found.own)), found.kept


def _itself(histories: Histories, expected: Expected) -> Expected:
    return expected
