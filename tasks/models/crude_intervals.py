"""Intervals of a clinic's own (crude, unadjusted) figures."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tasks.models.numerics import distributions as stats

Floats = NDArray[np.float64]

_ROUNDS, _SETTLED = 1000, 1e-10


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
    single, expected = _by_twos(events, squares, exposure, exposure_squares)
    return max(single / expected - 1.0, 0.0) if expected > 0.0 else 0.0


def moved_by_a_count(
    largest: int,
    events: ArrayLike,
    squares: ArrayLike,
    exposure: ArrayLike,
    exposure_squares: ArrayLike,
) -> float:
    """By how much a dispersion moves where one record's count is from 0 to `largest`; infinite without any.

    And as much is taken from another record, of their average: sums are known.

    Args:
        largest: of the counts that no figure may tell.
        events, squares, exposure, exposure_squares: as for `dispersion_of_counts`.
    """
    _, expected = _by_twos(events, squares, exposure, exposure_squares)
    d, e, ee = (np.asarray(each, dtype=float) for each in (events, exposure, exposure_squares))
    records = float((e[ee > 0.0] ** 2 / ee[ee > 0.0]).sum())
    usual = float(d.sum()) / records if records > 0.0 else 0.0
    return largest * (largest + 2.0 * usual) / expected if expected > 0.0 else np.inf


def _by_twos(
    events: ArrayLike, squares: ArrayLike, exposure: ArrayLike, exposure_squares: ArrayLike
) -> tuple[float, float]:
    """Σy(y − 1) of records, and what it would be of a Poisson's, by products of two records of a clinic."""
    d, ss, e, ee = (np.asarray(each, dtype=float) for each in (events, squares, exposure, exposure_squares))
    between = e**2 - ee
    told = between > 1e-12 * e**2  # two records or more
    single = ss - d
    pairs = d**2 - ss
    return float(single[told].sum()), float((pairs[told] * ee[told] / between[told]).sum())


def common_levels(counts: ArrayLike) -> Floats:
    """(M,) how busy each period was for all clinics alike, 1 on average: the Poisson model's maximum.

    A count is a clinic's level times its period's; both are had by fitting each margin in turn (Deming &
    Stephan 1940, Ann Math Stat 11:427). Periods' means would not do: clinics that opened late are in the
    later ones only.

    Args:
        counts: (K, M) of clinics' periods; NaN where a clinic was closed.
    """
    table = np.asarray(counts, dtype=float)
    open_in, events = ~np.isnan(table), np.nan_to_num(table)
    levels = np.ones(table.shape[1])
    for _ in range(_ROUNDS):
        clinics = _over(events.sum(axis=1), open_in @ levels)
        before, levels = levels, _over(events.sum(axis=0), clinics @ open_in)
        levels = _over(levels, np.full(len(levels), levels.mean()))
        if np.abs(levels - before).max() < _SETTLED:
            break
    return levels


def _over(sums: Floats, of: Floats) -> Floats:
    return np.divide(sums, of, out=np.zeros_like(sums), where=of > 0.0)


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
