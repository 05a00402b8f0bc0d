"""Intervals of a clinic's own figure hold its true one as often as they promise."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.models.crude_intervals import (
    common_levels,
    dispersion_of_counts,
    poisson_interval,
    times_poisson,
)

CLINICS = 2_000


@pytest.mark.parametrize("size", [0.5, 3.0])
@pytest.mark.parametrize("mean", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("n", [20, 100])
def test_a_rate_whose_records_vary_more_than_a_poissons_is_covered(n: int, mean: float, size: float) -> None:
    """By the exact interval alone it is in 49% of clinics (size 0.5, mean 4) to 95% (3, 0.3)."""
    rng = np.random.default_rng([n, int(10 * mean), int(10 * size)])
    years = rng.choice([1.0, 2.0, 3.0, 6.0, 12.0], (CLINICS, n))
    years /= years.mean()
    counts = rng.negative_binomial(size, size / (size + mean * years)).astype(float)
    events, exposure = counts.sum(axis=1), years.sum(axis=1)
    squares, spread = (counts**2).sum(axis=1), (years**2).sum(axis=1)
    dispersion = dispersion_of_counts(events, squares, exposure, spread)
    assert dispersion == pytest.approx(1.0 / size, rel=0.1)
    times = times_poisson(events, exposure, spread, dispersion)
    lower, upper = poisson_interval(events / times, exposure / times)
    covered = ((lower <= mean) & (mean <= upper)).mean()
    assert covered >= 0.93 - 0.005, covered


def test_records_that_vary_as_a_poissons_have_no_dispersion() -> None:
    counts = np.array([2.0, 3.0, 2.0, 3.0, 2.0])
    assert dispersion_of_counts([counts.sum()], [(counts**2).sum()], [5.0], [5.0]) == 0.0
    assert dispersion_of_counts([3.0, 0.0], [9.0, 0.0], [1.0, 4.0], [1.0, 4.0]) == 0.0  # nothing tells it
    assert times_poisson([6.0, 0.0], [3.0, 0.0], [3.0, 0.0], 0.5).tolist() == [2.0, 1.0]


def test_how_busy_a_period_is_is_told_by_clinics_that_were_open_in_others_too() -> None:
    # twice as busy in the second, though its mean of open clinics, 45, is under the first's, 60
    counts = [[60.0, 120.0], [np.nan, 10.0], [np.nan, 5.0]]
    assert common_levels(counts) == pytest.approx([2 / 3, 4 / 3])
    assert common_levels([[2.0, 4.0], [3.0, 6.0]]) == pytest.approx([2 / 3, 4 / 3])
    assert common_levels([[0.0, 0.0]]).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("size", [2.0, 10.0])
@pytest.mark.parametrize("periods", [6, 24])
def test_a_volume_whose_periods_vary_more_than_a_poissons_is_covered(periods: int, size: float) -> None:
    """Forty clinics of 2 to 300 records a period, busy periods and slow ones, three in ten opened late."""
    rng = np.random.default_rng([periods, int(10 * size)])
    held, by_poisson, clinics = [], [], 40
    for _ in range(60):
        busy = np.exp(rng.normal(0.0, 0.4, periods))
        busy /= busy.mean()
        levels = np.exp(rng.uniform(np.log(2.0), np.log(300.0), clinics))
        mean = np.outer(levels, busy)
        counts = rng.negative_binomial(size, size / (size + mean)).astype(float)
        opened = np.where(rng.random(clinics) < 0.3, rng.integers(1, periods - 2, clinics), 0)
        counts[np.arange(periods) < opened[:, None]] = np.nan
        common = np.where(np.isnan(counts), 0.0, common_levels(counts))
        events, exposure = np.nansum(counts, axis=1), common.sum(axis=1)
        squares, spread = np.nansum(counts**2, axis=1), (common**2).sum(axis=1)
        times = times_poisson(
            events, exposure, spread, dispersion_of_counts(events, squares, exposure, spread)
        )
        true = np.where(np.isnan(counts), 0.0, mean).sum(axis=1)
        for found, each in ((held, times), (by_poisson, 1.0)):
            lower, upper = poisson_interval(events / each, 1.0 / np.asarray(each))
            found.append(((lower <= true) & (true <= upper)).mean())
    assert np.mean(held) >= 0.93 - 0.01, np.mean(held)  # SE of 0.005
    assert np.mean(by_poisson) < 0.75
