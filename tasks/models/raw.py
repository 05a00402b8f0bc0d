"""Intervals of a clinic's own, unadjusted figures."""

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


def times_poisson(n: ArrayLike, events: ArrayLike, exposure: ArrayLike, squares: ArrayLike) -> Floats:
    """How many times a Poisson's variance counts have, for intervals; 1 or more, NaN below two records.

    Pearson's χ² about the clinic's own rate over its degrees of freedom (McCullagh & Nelder 1989, §4.5.2),
    times (t / z)² of a 95% interval, for it is itself an estimate from that many records.

    Args:
        n, events, exposure: records, their sum and their exposure, arrays of one shape.
        squares: Σ y² / e over the records.
    """
    count, d, e, ss = (np.asarray(each, dtype=float) for each in (n, events, exposure, squares))
    more = np.maximum(count - 1.0, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        pearson = (ss * e / d - d) / more
    wider = (stats.t.ppf(0.975, more) / stats.norm.ppf(0.975)) ** 2
    times = np.where(d > 0, np.maximum(pearson * wider, 1.0), 1.0)  # no event tells of no variation
    return np.where(count > 1, times, np.nan)


def mean_interval(
    n: ArrayLike, total: ArrayLike, total_squares: ArrayLike, level: float = 0.95
) -> tuple[Floats, Floats, Floats]:
    """Mean and its t interval from n, Σy and Σy²; the interval is NaN below two values.

    Squares are best taken about a point near the mean, so that no digits cancel.
    """
    count, s, ss = (np.asarray(each, dtype=float) for each in (n, total, total_squares))
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = s / count
        variance = np.maximum(ss - s * mean, 0.0) / (count - 1.0)
        half = stats.t.ppf(0.5 + level / 2.0, np.maximum(count - 1.0, 1.0)) * np.sqrt(variance / count)
    half = np.where(count > 1, half, np.nan)
    return mean, mean - half, mean + half
