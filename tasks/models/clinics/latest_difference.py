"""Whether the latest periods differ from the ones before: two weighted means and what months vary by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.models.numerics.distributions import t

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LatestDifference:
    """A stretch of latest periods beside the stretch before it.

    Attributes:
        latest, before: their means, each period weighing as its records (or exposure) do.
        difference: latest − before.
        lower, upper: the difference's 95% interval.
    """

    latest: float
    before: float
    difference: float
    lower: float
    upper: float


def latest_difference(
    values: Floats, weights: Floats, is_latest: NDArray[np.bool_], variance: float = 0.0, level: float = 0.95
) -> LatestDifference:
    """The difference between two stretches of periods, with periods varying by more than sampling alone.

    A period's value has variance φ/n. φ is estimated within both stretches together, and is no smaller than
    what sampling alone gives (quasi-likelihood: McCullagh & Nelder 1989, §4.5; of run charts: Laney 2002):

        φ = max(variance, Σ n (y − ȳ of its stretch)² / (T − 2)),    SE² = φ (1/N_latest + 1/N_before),

    and the interval is Student's with T − 2 degrees of freedom. Periods are taken for independent: where
    neighbours are alike it is too narrow.

    Args:
        values: (T,) values of the periods.
        weights: (T,) records or exposure, all positive.
        is_latest: (T,) which periods are the latest.
        variance: n times the variance of a value by sampling alone: p(1 − p) of a share, the rate itself of a
            rate, both in the square of the values' unit; 0 where nothing is known of it.
        level: coverage of the interval.

    Raises:
        ValueError: a stretch is empty, or there are fewer than 3 periods.
    """
    if len(values) < 3 or is_latest.all() or not is_latest.any():
        raise ValueError("two stretches of periods are compared, of at least three periods together")
    means, totals, scatter = [], [], 0.0
    for stretch in (is_latest, ~is_latest):
        y, n = values[stretch], weights[stretch]
        totals.append(float(n.sum()))
        means.append(float((n * y).sum() / n.sum()))
        scatter += float((n * (y - means[-1]) ** 2).sum())
    df = len(values) - 2
    phi = max(variance, scatter / df)
    half = float(t.ppf(0.5 + level / 2.0, df)) * np.sqrt(phi * (1.0 / totals[0] + 1.0 / totals[1]))
    difference = means[0] - means[1]
    return LatestDifference(means[0], means[1], difference, difference - half, difference + half)
