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
    values: Floats,
    weights: Floats,
    is_latest: NDArray[np.bool_],
    variance: float = 0.0,
    level: float = 0.95,
    *,
    alike: float = 0.0,
    places: NDArray[np.int64] | None = None,
    levels: NDArray[np.int64] | None = None,
) -> LatestDifference:
    """The difference between two stretches of periods, with periods varying by more than sampling alone.

    A period's value has variance φ/n, and √n times two values correlate by ρ to the power of the periods
    between them, R together. φ is estimated within both stretches, and is no smaller than what sampling alone
    gives (quasi-likelihood: McCullagh & Nelder 1989, §4.5; of run charts: Laney 2002). With M what takes each
    stretch's mean from √n y, and a the weights of the difference of means in terms of √n y,

        φ = max(variance, Σ n (y − ȳ of its stretch)² / tr(MR)),    SE² = φ aᵀRa,

    and the interval is Student's with tr(MR)²/tr(MRMR) degrees of freedom (Satterthwaite 1946, Biometrics
    Bull 2:110). Of independent periods, ρ = 0, these are T − 2, φ (1/N_latest + 1/N_before) and T − 2.

    Where a known event moved the level of the periods before, such as a program's start, what they vary by is
    taken about the level on either side of it; the difference is of the same means.

    Args:
        values: (T,) values of the periods.
        weights: (T,) records or exposure, all positive.
        is_latest: (T,) which periods are the latest.
        variance: n times the variance of a value by sampling alone: p(1 − p) of a share, the rate itself of a
            rate, both in the square of the values' unit; 0 where nothing is known of it.
        level: coverage of the interval.
        alike: ρ, how alike neighbouring periods are; 0 ≤ ρ < 1.
        places: (T,) of the periods in time; one after the other where left out.
        levels: (T,) numbers that differ where periods before the latest have different levels; one level
            where left out.

    Raises:
        ValueError: a stretch is empty, or there are fewer than 3 periods.
    """
    if len(values) < 3 or is_latest.all() or not is_latest.any():
        raise ValueError("two stretches of periods are compared, of at least three periods together")
    root = np.sqrt(weights)
    shares = np.array([np.where(stretch, root, 0.0) for stretch in (is_latest, ~is_latest)])
    totals = (shares**2).sum(axis=1)
    means = (shares @ (root * values)) / totals
    weighing = shares[0] / totals[0] - shares[1] / totals[1]
    of_level = np.where(is_latest, -1, 0) if levels is None else np.where(is_latest, levels.min() - 1, levels)
    each = np.where(of_level == np.unique(of_level)[:, None], root, 0.0)
    left_over = np.eye(len(values)) - (each.T / (each**2).sum(axis=1)) @ each
    at = np.arange(len(values)) if places is None else places
    likeness = float(alike) ** np.abs(np.subtract.outer(at, at))
    left = left_over @ likeness
    expected = float(np.trace(left))
    df = expected**2 / float(np.trace(left @ left))
    phi = max(variance, float(((left_over @ (root * values)) ** 2).sum()) / expected)
    half = float(t.ppf(0.5 + level / 2.0, df)) * np.sqrt(phi * float(weighing @ likeness @ weighing))
    latest, before = (float(mean) for mean in means)
    difference = latest - before
    return LatestDifference(latest, before, difference, difference - half, difference + half)
