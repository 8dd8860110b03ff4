"""BG/NBD, the peer of a back-test: how often households buy and whether they still do; nothing leads to anything.

A household buys at a Poisson rate, gamma(r, alpha) over households; after each purchase it falls silent for good with
a probability that is beta(a, b) over households. Seen of each: x repeat purchases, the last at t_x, both counted from
its first purchase, watched for T.

    L = Gamma(r + x) alpha^r / Gamma(r) * B(a, b + x) / B(a, b)
        * [(alpha + T)^-(r + x) + 1[x > 0] a / (b + x - 1) (alpha + t_x)^-(r + x)]

which is the density of the purchase times, so it compares with any point process that is conditional on the first.
Source: Fader, Hardie, Lee, Marketing Science 24(2), 2005, eq. 6 and 10; P(alive): Fader, Hardie, Lee, note 021, 2008.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from setaria.facts.refused import Refused
from setaria.flywheel.arrays import Floats, Whole
from setaria.flywheel.histories.histories import Histories

BOUND: Final = 12.0  # of the logarithms, times in units of the mean T: without churn a -> 0 or b -> infinity
START: Final = (-0.5, 0.0, 0.0, 0.5)
NODES: Final = 200
MOST_LOST: Final = 1e5  # times the rounding error may be multiplied; where a = 1 the expectation is 0 / 0


@dataclass(frozen=True, slots=True)
class Purchases:
    """A row for each household with a purchase; days count once however many purchases they hold. In days."""

    households: Whole  # index in the histories
    frequency: Floats  # x
    recency: Floats  # t_x
    age: Floats  # T

    def __len__(self) -> int:
        return len(self.households)


def purchases(histories: Histories, kinds: tuple[int, ...], until: float = np.inf) -> Purchases:
    """Of touchpoints `kinds` up to `until` (days since 1970), facts before a household's window among them.

    A household without a purchase so far has no row: BG/NBD says nothing about it.
    """
    end = np.minimum(histories.end, until)
    owner = histories.owner
    chosen = np.isin(histories.kinds, kinds) & (histories.times <= end[owner])
    who, days = owner[chosen], np.floor(histories.times[chosen])
    fresh = np.ones(len(who), dtype=np.bool_)
    fresh[1:] = (who[1:] != who[:-1]) | (days[1:] != days[:-1])
    who, days = who[fresh], days[fresh]
    households, begins, counts = np.unique(who, return_index=True, return_counts=True)
    first, last = days[begins], days[begins + counts - 1]
    age: Floats = np.maximum(np.floor(end[households]), last) - first
    return Purchases(households.astype(np.int64), (counts - 1).astype(np.float64), last - first, age)


@dataclass(frozen=True, slots=True)
class BgNbd:
    """r and alpha (days) of the purchase rates, a and b of the chance to fall silent."""

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float = float("nan")  # of all households fitted

    @staticmethod
    def fit(seen: Purchases) -> BgNbd:
        """Maximum likelihood, no penalty."""
        if not (seen.frequency > 0).any():
            raise Refused("flywheel_bg_nbd_no_repeat")
        from scipy.optimize import minimize

        unit = float(seen.age.mean())
        table = np.column_stack([seen.frequency, seen.recency / unit, seen.age / unit])
        rows, counts = np.unique(table, axis=0, return_counts=True)

        def lost(logs: Floats) -> tuple[float, Floats]:
            each, slopes = _likelihood(np.exp(logs), rows[:, 0], rows[:, 1], rows[:, 2])
            return float(-(counts @ each) / len(seen)), -(slopes @ counts) / len(seen)

        found = minimize(
            lost,
            START,
            jac=True,
            method="L-BFGS-B",
            bounds=[(-BOUND, BOUND)] * 4,
            options={"ftol": 1e-13, "gtol": 1e-8},
        )
        r, alpha, a, b = (float(each) for each in np.exp(found.x))
        made = BgNbd(r, alpha * unit, a, b)
        return BgNbd(made.r, made.alpha, made.a, made.b, float(made.log_likelihoods(seen).sum()))

    def log_likelihoods(self, seen: Purchases) -> Floats:
        """One a household, of its purchase times given the first."""
        parameters = np.array([self.r, self.alpha, self.a, self.b])
        return _likelihood(parameters, seen.frequency, seen.recency, seen.age)[0]

    def alive(self, seen: Purchases) -> Floats:
        """P(not yet silent at T | x, t_x, T)."""
        x = seen.frequency
        odds = (self.r + x) * np.log((self.alpha + seen.age) / (self.alpha + seen.recency))
        odds += np.log(self.a) - np.log(self.b + np.maximum(x, 1) - 1)
        return np.where(x > 0, np.exp(-np.logaddexp(0, odds)), 1.0)

    def expected(self, seen: Purchases, days: Floats | float) -> Floats:
        """E[purchases in the `days` after T | x, t_x, T].

        The paper's hypergeometric function after Euler's transformation: (1 - z)^(c - a - b) cancels its other factor,
        and what is left neither overflows nor cancels for a household of a thousand purchases.
        """
        from scipy.special import hyp2f1

        x = seen.frequency
        z = days / (self.alpha + seen.age + days)
        a, c = self.a, self.a + self.b + x - 1
        with np.errstate(all="ignore"):
            series = hyp2f1(c - self.r - x, a - 1, c, z)
            grown: Floats = c / (a - 1) * (1 - (1 - z) ** (a - 1) * series)
            lost = ~np.isfinite(grown) | (np.abs(c / (a - 1)) > MOST_LOST)  # a in the hundreds, or close to 1
        grown[lost] = self._grown(x[lost], z[lost])
        expected: Floats = grown * self.alive(seen)
        return expected

    def _grown(self, x: Floats, z: Floats) -> Floats:
        """Of households not silent at T: E[(1 - (1 + p z / (1 - z))^-(r + x)) / p], p beta(a, b + x), by quadrature."""
        from scipy.special import betaincinv

        nodes, weights = _nodes()
        grown = np.zeros(len(x))
        for count in np.unique(x):
            p = np.maximum(betaincinv(self.a, self.b + count, (nodes + 1) / 2), 1e-12)
            times = (z / (1 - z))[x == count, None]
            grown[x == count] = (-np.expm1(-(self.r + count) * np.log1p(p * times)) / p) @ weights / 2
        return grown


@cache
def _nodes() -> tuple[Floats, Floats]:
    """Gauss and Legendre's, on (-1, 1)."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return nodes, weights


def _likelihood(parameters: Floats, x: Floats, recency: Floats, age: Floats) -> tuple[Floats, Floats]:
    """Each household's, and its slopes (4 x households) in the logarithms of r, alpha, a, b."""
    from scipy.special import digamma, gammaln

    r, alpha, a, b = parameters
    alive = -(r + x) * np.log(alpha + age)
    silent = np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + recency)
    either = np.where(x > 0, np.logaddexp(alive, silent), alive)
    likelihood: Floats = (
        (gammaln(r + x) - gammaln(r) + r * np.log(alpha) + gammaln(a + b) + gammaln(b + x) - gammaln(b))
        - gammaln(a + b + x)
        + either
    )
    share = np.where(x > 0, np.exp(np.minimum(silent - either, 0.0)), 0.0)
    over = digamma(a + b) - digamma(a + b + x)
    slopes = np.stack(
        [
            digamma(r + x)
            - digamma(r)
            + np.log(alpha)
            - (1 - share) * np.log(alpha + age)
            - share * np.log(alpha + recency),
            r / alpha - (r + x) * ((1 - share) / (alpha + age) + share / (alpha + recency)),
            over + share / a,
            over + digamma(b + x) - digamma(b) - share / (b + np.maximum(x, 1) - 1),
        ]
    )
    return likelihood, slopes * parameters[:, None]
