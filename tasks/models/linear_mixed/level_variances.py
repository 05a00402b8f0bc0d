"""Every level's own residual variance, moderated toward that of all.

One residual variance for all makes a small clinic of very variable records look certain. A clinic's own
variance from a few records is a poor estimate itself. So the variances are taken for a sample from a scaled
inverse χ² distribution, whose centre and spread all clinics tell together (Smyth 2004, Stat Appl Genet Mol
Biol 3:3, §3):

    s_j² | σ_j² ~ σ_j² χ²(d_j)/d_j,   1/σ_j² ~ χ²(d_0)/(d_0 s_0²)
    σ_j² given s_j²: centred on s̃_j² = (d_0 s_0² + d_j s_j²)/(d_0 + d_j), with d_0 + d_j degrees of freedom

d_0 and s_0² are those under which the s_j² are likeliest: s_j²/s_0² ~ F(d_j, d_0).
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, special

from tasks.errors import EstimationError
from tasks.models.numerics.distributions import chi2
from tasks.records.moments import INTERCEPT, Moments

Floats = NDArray[np.float64]

SIGNIFICANT = 0.05
"""Below this p-value of no difference between clinics' variances each clinic has its own."""

_SMALLEST_DF, _LARGEST_DF = 0.1, 1e5
_FLOOR = 1e-6
"""No clinic's own variance counts as less than this share of the typical one: values may be rounded."""


@dataclass(frozen=True)
class LevelVariances:
    """Residual variances of a grouping factor's levels, in squared units of the outcome.

    Attributes:
        group: the factor.
        levels: (n,) its levels.
        rows: (n,) rows of each.
        own: (n,) s_j², each level's variance from its own rows; NaN where it has one row.
        own_df: (n,) d_j, rows less one.
        prior: s_0², the network's centre.
        prior_df: d_0; infinite where levels do not differ in variance.
        statistic: twice the log-likelihood ratio against one variance for all.
        inflation: (n,) by how much a level's rows are worth less because they are alike (a design effect of
            its own); None: they are independent.
    """

    group: str
    levels: tuple[Hashable, ...]
    rows: Floats
    own: Floats
    own_df: Floats
    prior: float
    prior_df: float
    statistic: float
    inflation: Floats | None = None

    @property
    def p_value(self) -> float:
        """Of no difference between the levels' variances, which is the edge of what is possible: ½χ²(1)."""
        return float(0.5 * special.chdtrc(1.0, self.statistic)) if self.statistic > 0.0 else 1.0

    @property
    def differ(self) -> bool:
        """Whether each level should have a variance of its own."""
        return self.p_value < SIGNIFICANT

    @property
    def df(self) -> Floats:
        """(n,) d_0 + d_j, the degrees of freedom that each moderated variance is known with."""
        return self.prior_df + self.own_df

    @property
    def moderated(self) -> Floats:
        """(n,) s̃_j²."""
        return _moderated(self.own, self.own_df, self.prior, self.prior_df)

    def as_one(self) -> LevelVariances:
        """One residual variance for all levels, and what rows are worth."""
        known = self.own_df > 0.0
        pooled = float(self.own_df[known] @ self.own[known] / self.own_df[known].sum())
        return replace(self, prior=pooled, prior_df=np.inf)

    def table(self) -> pd.DataFrame:
        """One row a level: rows, own SD, moderated SD, degrees of freedom."""
        return pd.DataFrame(
            {
                "rows": self.rows,
                "own_sd": np.sqrt(self.own),
                "moderated_sd": np.sqrt(self.moderated),
                "df": self.df,
            },
            index=pd.Index(self.levels, name=self.group),
        )


def moderated_variances(own: Floats, df: Floats) -> Floats:
    """(n,) variances moderated toward that of all, from each level's own and its degrees of freedom.

    Args:
        own: (n,) s_j²; NaN where there are no degrees of freedom.
        df: (n,) d_j.
    """
    prior, prior_df, _ = _prior(own, df)
    return _moderated(own, df, prior, prior_df)


def _moderated(own: Floats, df: Floats, prior: float, prior_df: float) -> Floats:
    if np.isinf(prior_df):
        return np.full(len(own), prior)
    of_rows = np.where(df > 0.0, df * np.nan_to_num(own), 0.0)
    return np.asarray((prior_df * prior + of_rows) / (prior_df + df))


def level_variances(moments: Moments, coef: pd.Series, group: str) -> LevelVariances:
    """The levels' variances about their own means, covariates' effects taken as given.

    Args:
        moments: of the model's columns, the outcome last.
        coef: the covariates' coefficients.
        group: a grouping factor of the moments.

    Raises:
        EstimationError: no level has two rows, or none varies.
    """
    codes = moments.codes[:, moments.factors.index(group)]
    levels = moments.levels[moments.factors.index(group)]
    products = _summed(moments.unweighted().products, codes, len(levels))
    names = [name for name in coef.index if name != INTERCEPT]
    residual = np.zeros(len(moments.columns))
    residual[moments.position(*names)] = -coef.loc[names].to_numpy()
    residual[-1] += 1.0
    rows = products[:, 0, 0]
    sums = products[:, 0, :] @ residual
    squares = np.einsum("a,jab,b->j", residual, products, residual) - sums**2 / rows
    df = np.maximum(rows - 1.0, 0.0)
    if not np.any(df > 0.0):
        raise EstimationError(
            f"no level of {group} has two rows, so none has a variance of its own",
            hint="use one variance for all",
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        own = np.where(df > 0.0, np.maximum(squares, 0.0) / df, np.nan)
    prior, prior_df, statistic = _prior(own, df)
    return LevelVariances(group, tuple(levels), rows, own, df, prior, prior_df, statistic)


def weighted_by(moments: Moments, variances: LevelVariances) -> Moments:
    """The moments with each level's rows weighted by one over its variance; weights average 1 over rows.

    Rows that are alike count for fewer besides, in the number of rows as well.
    """
    codes = moments.codes[:, moments.factors.index(variances.group)]
    precision = 1.0 / variances.moderated
    precision *= variances.rows.sum() / float(precision @ variances.rows)
    if variances.inflation is not None:
        precision /= variances.inflation
    return moments.weighted(precision[codes])


def _prior(own: Floats, df: Floats) -> tuple[float, float, float]:
    """s_0², d_0 and twice the log-likelihood ratio against d_0 = ∞."""
    known = df > 0.0
    pooled = float(own[known] @ df[known] / df[known].sum())
    if not pooled > 0.0:
        raise EstimationError("no level varies, so there is no variance to compare")
    s2, d = np.maximum(own[known], _FLOOR * pooled) / pooled, df[known]
    # with one variance for all, the pooled one is the likeliest
    one = float(np.sum(chi2.logpdf(s2 * d, d) + np.log(d)))

    def distance(parameters: Floats) -> float:
        centre, log_df = parameters
        return -float(np.sum(_log_f(s2 * np.exp(-centre), d, np.exp(log_df)) - centre))

    bounds = [(-20.0, 20.0), (np.log(_SMALLEST_DF), np.log(_LARGEST_DF))]
    starts = (np.array([0.0, np.log(each)]) for each in (3.0, 30.0, 1e3))
    found = min(
        (optimize.minimize(distance, start, bounds=bounds, method="L-BFGS-B") for start in starts),
        key=lambda each: float(each.fun),
    )
    statistic = 2.0 * (-float(found.fun) - one)
    if statistic <= 0.0 or found.x[1] > np.log(0.9 * _LARGEST_DF):
        return pooled, float("inf"), 0.0
    return pooled * float(np.exp(found.x[0])), float(np.exp(found.x[1])), statistic


def _log_f(x: Floats, d1: Floats, d2: float) -> Floats:
    """Log density of F(d1, d2) at x."""
    half1, half2 = 0.5 * d1, 0.5 * d2
    return np.asarray(
        half1 * np.log(d1 / d2)
        + (half1 - 1.0) * np.log(x)
        - (half1 + half2) * np.log1p(d1 * x / d2)
        - special.betaln(half1, half2)
    )


def _summed(products: Floats, codes: NDArray[np.int64], k: int) -> Floats:
    summed = np.zeros((k, *products.shape[1:]))
    np.add.at(summed, codes, products)
    return summed
