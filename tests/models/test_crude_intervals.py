"""Intervals of a clinic's own figure hold its true one as often as they promise."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.models.crude_intervals import dispersion_of_counts, poisson_interval, times_poisson

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
