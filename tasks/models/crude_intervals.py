"""Intervals of a clinic's own (crude, unadjusted) figures."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tasks.models.numerics import distributions as stats

Floats = NDArray[np.float64]


def wilson_interval(successes: ArrayLike, trials: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """Score interval of a proportion (Wilson 1927); NaN where there are no trials.

    Args:
        successes, trials: arrays of one shape.
        level: coverage.

    Returns:
        Lower and upper ends, as proportions.
    """
    s, n = np.asarray(successes, dtype=float), np.asarray(trials, dtype=float)
    z2 = float(stats.norm.ppf(0.5 + level / 2.0)) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = (s + z2 / 2.0) / (n + z2)
        half = np.sqrt(z2) / (n + z2) * np.sqrt(s * (n - s) / n + z2 / 4.0)
        lower = np.where(s == 0, 0.0, centre - half)
        upper = np.where(s == n, 1.0, centre + half)
    empty = ~(n > 0)
    return np.where(empty, np.nan, lower), np.where(empty, np.nan, upper)


def poisson_interval(events: ArrayLike, exposure: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """Exact interval of a rate per unit of exposure (Garwood 1936); NaN where there is no exposure."""
    d, e = np.asarray(events, dtype=float), np.asarray(exposure, dtype=float)
    tail = (1.0 - level) / 2.0
    with np.errstate(divide="ignore", invalid="ignore"):
        lower = np.where(d > 0, stats.chi2.ppf(tail, 2.0 * np.maximum(d, 1e-300)) / 2.0, 0.0) / e
        upper = stats.chi2.ppf(1.0 - tail, 2.0 * d + 2.0) / 2.0 / e
    empty = ~(e > 0)
    return np.where(empty, np.nan, lower), np.where(empty, np.nan, upper)


def dispersion_of_counts(
    events: ArrayLike, squares: ArrayLike, exposure: ArrayLike, exposure_squares: ArrayLike
) -> float:
    """By how many times its squared mean a count's variance is above its mean, the same for all clinics.

    That of a negative binomial, 1/size, by factorial moments: of one record E[y(y − 1)] = (1 + dispersion)μ²
    (Johnson, Kemp & Kotz 2005, §5.1), of two of a clinic E[yy'] = μμ'. Clinics' sums of both are compared, so
    that few events of one clinic bias nothing. 0 where counts vary no more than a Poisson's.

    Args:
        events, squares: (K,) Σy and Σy² over each clinic's records.
        exposure, exposure_squares: (K,) Σe and Σe².
    """
    d, ss, e, ee = (np.asarray(each, dtype=float) for each in (events, squares, exposure, exposure_squares))
    between = e**2 - ee
    told = between > 1e-12 * e**2  # two records or more
    single = ss - d
    pairs = d**2 - ss
    expected = float((pairs[told] * ee[told] / between[told]).sum())
    return max(float(single[told].sum()) / expected - 1.0, 0.0) if expected > 0.0 else 0.0


def times_poisson(
    events: ArrayLike, exposure: ArrayLike, exposure_squares: ArrayLike, dispersion: float
) -> Floats:
    """(K,) how many times a Poisson's variance the sums of clinics' counts have: Σ(μ + dispersion·μ²) / Σμ.

    A record's own rate makes its variance grow with its exposure's square (Lawless 1987, Can J Stat 15:209).

    Args:
        events, exposure, exposure_squares: as for `dispersion_of_counts`.
        dispersion: of the counts.
    """
    d, e, ee = (np.asarray(each, dtype=float) for each in (events, exposure, exposure_squares))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(e > 0.0, 1.0 + dispersion * (d / e) * (ee / e), 1.0)


def mean_interval(
    n: ArrayLike, total: ArrayLike, total_squares: ArrayLike, level: float = 0.95
) -> tuple[Floats, Floats, Floats]:
    """Mean and its t interval (Student 1908) from n, Σy and Σy²; the interval is NaN below two values.

    Squares are best taken about a point near the mean, so that no digits cancel.
    """
    count, s, ss = (np.asarray(each, dtype=float) for each in (n, total, total_squares))
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = s / count
        variance = np.maximum(ss - s * mean, 0.0) / (count - 1.0)
        half = stats.t.ppf(0.5 + level / 2.0, np.maximum(count - 1.0, 1.0)) * np.sqrt(variance / count)
    half = np.where(count > 1, half, np.nan)
    return mean, mean - half, mean + half
