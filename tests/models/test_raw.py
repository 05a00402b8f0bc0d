"""Intervals of a clinic's own figure hold its true one as often as they promise."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.models.raw import poisson_interval, times_poisson

NETWORKS = 4_000


@pytest.mark.parametrize("size", [0.5, 3.0])
@pytest.mark.parametrize("mean", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("n", [20, 100])
def test_a_rate_whose_records_vary_more_than_a_poissons_is_covered(n: int, mean: float, size: float) -> None:
    """By the exact interval alone it is in 49% of networks (size 0.5, mean 4) to 95% (3, 0.3)."""
    rng = np.random.default_rng([n, int(10 * mean), int(10 * size)])
    years = rng.uniform(0.5, 1.5, (NETWORKS, n))
    counts = rng.negative_binomial(size, size / (size + mean * years)).astype(float)
    events, exposure = counts.sum(axis=1), years.sum(axis=1)
    times = times_poisson(np.full(NETWORKS, n), events, exposure, (counts**2 / years).sum(axis=1))
    lower, upper = poisson_interval(events / times, exposure / times)
    covered = ((lower <= mean) & (mean <= upper)).mean()
    assert covered >= 0.93 - 0.0035, covered


def test_records_that_vary_as_a_poissons_are_worth_what_they_are() -> None:
    counts = np.array([2.0, 3.0, 2.0, 3.0, 2.0])
    assert times_poisson([5], [counts.sum()], [5.0], [(counts**2).sum()]) == [1.0]
    assert np.isnan(times_poisson([1], [3.0], [1.0], [9.0])).all()
