"""The error of an effect by a mixed model: the model's own, or what units of rollout differ by, if more.

A model's own error is exact where what it takes to be alike is all that is alike. Where more is (patients who
come again, shocks of a clinic that last, a trend of its own), the error by units allows for it, but rests on
few of them. Of the two the one whose interval is wider counts, so that an interval holds what it says in
either case.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.models.estimating_equations.sandwich import ClusterScores, Covariance
from tasks.models.fit import Fit, Floats
from tasks.models.numerics import distributions as stats

CORRECTED: Covariance = "kauermann-carroll"


@dataclass(frozen=True, slots=True)
class Contrast:
    """A combination of coefficients with its error.

    Attributes:
        estimate: its value.
        se, df: its standard error and degrees of freedom.
        by_units: whether they are of the units' differences, and not the model's own.
    """

    estimate: float
    se: float
    df: float
    by_units: bool = False

    def half_width(self, level: float) -> float:
        """By how much an interval reaches to either side."""
        return quantile(level, self.df) * self.se

    @property
    def p(self) -> float:
        """Two-sided, against nothing."""
        t = abs(self.estimate / self.se)
        return 2.0 * float(stats.norm.sf(t) if np.isinf(self.df) else stats.t.sf(t, self.df))


def quantile(level: float, df: float) -> float:
    """By how many standard errors an interval reaches to either side."""
    tail = 0.5 + level / 2.0
    return float(stats.norm.ppf(tail) if np.isinf(df) else stats.t.ppf(tail, df))


def contrast_of(fit: Fit, scores: ClusterScores | None, weights: Floats, level: float) -> Contrast:
    """A combination of a fit's coefficients.

    Args:
        fit: any.
        scores: by unit of rollout, of a mixed model; None for fits whose errors are by unit already.
        weights: (p,) of the coefficients.
        level: of the intervals that are compared.
    """
    test = fit.test(weights[None, :])
    se = float(np.sqrt(weights @ fit.vcov.to_numpy() @ weights))
    own = Contrast(float(test.estimate.iloc[0]), se, test.df)
    return own if scores is None else wider(own, scores, weights, level)


def wider(own: Contrast, scores: ClusterScores, weights: Floats, level: float, rest: float = 0.0) -> Contrast:
    """The contrast with the error of the units' differences, where that gives the wider interval.

    Args:
        own: with the model's own error.
        scores: by unit of rollout.
        weights: (p,) of the coefficients.
        level: of the intervals that are compared.
        rest: variance that is not of the coefficients, which both have.
    """
    df = scores.degrees_of_freedom(CORRECTED, weights)
    variance = float(weights @ scores.covariance(CORRECTED) @ weights) + rest
    if not (np.isfinite(df) and variance > 0.0):
        return own
    units = Contrast(own.estimate, float(np.sqrt(variance)), df, by_units=True)
    return units if units.half_width(level) > own.half_width(level) else own
