"""Intervals for the intraclass correlation of a continuous outcome.

`exact` (Wald 1940; Harville & Fenech 1985) has its stated coverage whatever the sizes and covariates when
effects and residuals are normal; with equal sizes it is Searle's F interval. `searle` uses n0 where sizes
differ and is then approximate. `smith` is a large-sample normal interval. `bootstrap` resamples clinics and
assumes neither normality nor equal variances within, and needs some thirty clinics.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tasks.models.intraclass.one_way import Anova, OneWay, between_at
from tasks.models.numerics import distributions as stats
from tasks.models.numerics.profile_interval import root

Floats = NDArray[np.float64]

_ROUNDING = 1e-12
"""F below which level means are the same but for rounding."""


def exact(data: OneWay, table: Anova, level: float) -> tuple[float, float]:
    """The exact interval for the ICC of a normal one-way random model, balanced or not, adjusted or not.

    At the true ratio θ the quadratic form between, divided by its degrees of freedom and by the mean square
    within, has an F distribution; the interval is every θ whose F is not extreme. It can end below zero,
    where the data say that levels differ less than chance would make them; it never goes below
    −1/(max n − 1), the smallest correlation that levels of that size can have. Where levels are exactly alike
    no θ is in it: both ends are NaN.

    Source: Wald (1940), Ann Math Stat 11:96; Harville & Fenech (1985), Biometrics 41:137.
    """
    if table.ms_within <= 0.0:
        return 1.0, 1.0
    if are_all_alike(table):
        return math.nan, math.nan
    tail = (1.0 - level) / 2.0
    upper_f = float(stats.f.isf(tail, table.df_between, table.df_within))
    lower_f = float(stats.f.ppf(tail, table.df_between, table.df_within))
    return _ratio_where(data, table, upper_f), _ratio_where(data, table, lower_f)


def are_all_alike(table: Anova) -> bool:
    """Whether level means are all the same: F is then 0 at every ratio, which none of them makes likely."""
    return table.ms_between <= _ROUNDING * table.ms_within and table.ms_within > 0.0


def _ratio_where(data: OneWay, table: Anova, quantile: float) -> float:
    """The ICC at which F(θ) equals a quantile; F falls steadily as θ grows."""

    def excess(rho: float) -> float:
        form = between_at(data, rho / (1.0 - rho))
        return math.log(form / table.df_between / table.ms_within / quantile)

    lowest = -1.0 / (float(data.n.max()) - 1.0)
    low, high = lowest * (1.0 - 1e-9), 1.0 - 1e-12
    if excess(low) <= 0.0:
        return lowest
    if excess(high) >= 0.0:
        return 1.0
    return root(excess, low, high)


def searle(table: Anova, level: float) -> tuple[float, float]:
    """Searle's F interval with n0 for the size; exact when all sizes are equal; NaN where levels are alike.

    Source: Searle (1971), Linear Models, §9.9b; with n0 Donner (1986), Int Stat Rev 54:67.
    """
    if table.ms_within <= 0.0:
        return 1.0, 1.0
    if are_all_alike(table):
        return math.nan, math.nan
    tail = (1.0 - level) / 2.0
    low = table.f / float(stats.f.isf(tail, table.df_between, table.df_within))
    high = table.f / float(stats.f.ppf(tail, table.df_between, table.df_within))
    return (low - 1.0) / (low + table.n0 - 1.0), (high - 1.0) / (high + table.n0 - 1.0)


def smith_se(n: Floats, n0: float, icc: float) -> float:
    """Large-sample standard error of the ANOVA ICC with unequal sizes (normal outcomes).

    NaN where its variance comes out negative, as it can for an ICC below zero.
    Source: Smith (1957), Ann Hum Genet 21:363; as in Donner & Koval (1982).
    """
    k, n_obs = len(n), float(n.sum())
    squares, cubes = float(np.sum(n**2)), float(np.sum(n**3))
    within = (1.0 + icc * (n0 - 1.0)) ** 2 / (n_obs - k)
    between = (k - 1.0) * (1.0 - icc) * (1.0 + icc * (2.0 * n0 - 1.0))
    between += icc**2 * (squares - 2.0 * cubes / n_obs + (squares / n_obs) ** 2)
    variance = 2.0 * (1.0 - icc) ** 2 / n0**2 * (within + between / (k - 1.0) ** 2)
    return math.sqrt(variance) if variance >= 0.0 else float("nan")


def smith(data: OneWay, table: Anova, level: float) -> tuple[float, float]:
    """Estimate ± z standard errors; ends can leave −1 to 1, which says that the approximation fails.

    NaN where levels are exactly alike: at the least correlation there is, the error comes out as zero.
    """
    if are_all_alike(table):
        return math.nan, math.nan
    half = float(stats.norm.isf((1.0 - level) / 2.0)) * smith_se(data.n, table.n0, table.icc)
    return table.icc - half, table.icc + half


def bootstrap(
    data: OneWay,
    estimate: Callable[[OneWay], float],
    level: float,
    replicates: int,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Cluster bootstrap: whole clinics are drawn with replacement, and their moments re-used.

    The interval is bias-corrected and accelerated, the acceleration from leaving out a clinic at a time.
    Replicates whose ICC cannot be estimated (all drawn clinics the same one) are drawn again.

    Source: Efron (1987), JASA 82:171; for the ICC Ukoumunne et al. (2003), Stat Med 22:3805.
    """
    draws = np.empty(replicates)
    for i in range(replicates):
        chosen = rng.integers(0, data.k, data.k)
        while np.all(chosen == chosen[0]):
            chosen = rng.integers(0, data.k, data.k)
        draws[i] = estimate(data.drawn(chosen))
    everyone = np.arange(data.k)
    without = np.array([estimate(data.drawn(np.delete(everyone, j))) for j in range(data.k)])
    return bca(draws, estimate(data), without, level)


def bca(draws: Floats, centre: float, without: Floats, level: float) -> tuple[float, float]:
    """Bias-corrected and accelerated ends from bootstrap draws and leave-one-out values (Efron 1987)."""
    below = (np.sum(draws < centre) + 0.5 * np.sum(draws == centre)) / len(draws)
    bias = float(stats.norm.ppf(np.clip(below, 0.5 / len(draws), 1.0 - 0.5 / len(draws))))
    spread = without.mean() - without
    scale = float(np.sum(spread**2)) ** 1.5
    acceleration = float(np.sum(spread**3)) / (6.0 * scale) if scale > 0.0 else 0.0
    z = bias + stats.norm.ppf([(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    at = stats.norm.cdf(bias + z / (1.0 - acceleration * z))
    lower, upper = (float(np.quantile(draws, float(each))) for each in np.atleast_1d(at))
    return lower, upper
