"""The latest periods against those before, on tables that can be worked by head."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from tasks.models.clinics.latest_difference import latest_difference


def test_the_scatter_of_periods_gives_the_interval() -> None:
    # before 4, 6, 5, 5 with weights of 10: mean 5, scatter 10 (1 + 1) = 20; latest 8, 10: mean 9, scatter 20;
    # φ = 40 / (6 − 2) = 10, SE² = 10 (1/20 + 1/40) = 0.75
    values = np.array([4.0, 6.0, 5.0, 5.0, 8.0, 10.0])
    found = latest_difference(values, np.full(6, 10.0), np.arange(6) >= 4)
    assert (found.latest, found.before, found.difference) == (9.0, 5.0, 4.0)
    half = stats.t.ppf(0.975, 4) * math.sqrt(0.75)
    assert found.lower == pytest.approx(4.0 - half)
    assert found.upper == pytest.approx(4.0 + half)


def test_periods_weigh_as_their_records_do() -> None:
    # 1 of 10 and 9 of 30 are 10 of 40
    found = latest_difference(
        np.array([0.1, 0.3, 0.5]), np.array([10.0, 30.0, 20.0]), np.array([False, False, True])
    )
    assert found.before == pytest.approx(10 / 40)
    assert found.latest == 0.5


def test_sampling_alone_is_the_least_that_is_believed() -> None:
    # periods as alike as can be: φ is what a share of a half varies by, SE² = 0.25 (1/100 + 1/300)
    found = latest_difference(np.full(4, 0.5), np.full(4, 100.0), np.arange(4) == 3, variance=0.25)
    half = stats.t.ppf(0.975, 2) * math.sqrt(0.25 * (1 / 100 + 1 / 300))
    assert found.upper - found.difference == pytest.approx(half)


@pytest.mark.parametrize("overdispersed", [False, True])
def test_nothing_changed_is_found_to_have_as_often_as_promised(overdispersed: bool) -> None:
    rng = np.random.default_rng(5)
    networks, missed = 4000, 0
    for _ in range(networks):
        n = rng.integers(40, 200, 12)
        p = rng.beta(30, 70, 12) if overdispersed else np.full(12, 0.3)
        share = rng.binomial(n, p) / n
        mean = float((n * share).sum() / n.sum())
        found = latest_difference(share, n.astype(float), np.arange(12) >= 9, variance=mean * (1 - mean))
        missed += not found.lower <= 0.0 <= found.upper
    # 5% with a Monte Carlo SE of 0.34
    assert missed / networks < 0.05 + 3 * math.sqrt(0.05 * 0.95 / networks)
    assert missed / networks > 0.01


def test_periods_that_are_alike_widen_the_interval_by_what_they_share() -> None:
    """Two of weight 1 before, one after, ρ = ½: a = (−½, −½, 1), aᵀRa = 1.5 + ½·½ − ½ − ¼ = 1."""
    values = np.array([1.0, 3.0, 7.0])
    found = latest_difference(values, np.ones(3), np.arange(3) == 2, alike=0.5)
    # scatter 2 of the first two, tr(MR) = 1 − ½, and one degree of freedom
    half = stats.t.ppf(0.975, 1) * math.sqrt(2.0 / 0.5 * 1.0)
    assert found.upper - found.difference == pytest.approx(half)
    apart = latest_difference(
        values, np.ones(3), np.arange(3) == 2, alike=0.5, places=np.array([0, 40, 80], dtype=np.int64)
    )
    assert apart.upper == pytest.approx(latest_difference(values, np.ones(3), np.arange(3) == 2).upper)


def test_a_known_change_of_level_is_not_what_periods_vary_by() -> None:
    # before: 1, 3 about 2 and 11, 13 about 12, mean 7; latest 15, 17 about 16. φ = 6 / (6 − 3) = 2, and
    # SE² = 2 (1/2 + 1/4)
    values = np.array([1.0, 3.0, 11.0, 13.0, 15.0, 17.0])
    levels = np.array([0, 0, 1, 1, 1, 1])
    found = latest_difference(values, np.ones(6), np.arange(6) >= 4, levels=levels)
    assert (found.latest, found.before, found.difference) == (16.0, 7.0, 9.0)
    assert found.upper - found.difference == pytest.approx(stats.t.ppf(0.975, 3) * math.sqrt(1.5))
    whole = latest_difference(values, np.ones(6), np.arange(6) >= 4)
    assert whole.upper - whole.difference == pytest.approx(
        stats.t.ppf(0.975, 4) * math.sqrt((104 + 2) / 4 * 0.75)
    )


@pytest.mark.slow
@pytest.mark.parametrize("rho", [0.4, 0.7])
def test_alike_periods_are_found_to_have_changed_as_seldom_as_promised(rho: float) -> None:
    """Twelve months with AR(1) shocks of known likeness; taken for independent, many are called changed."""
    rng = np.random.default_rng(6)
    networks, missed, naive = 4000, 0, 0
    for _ in range(networks):
        shocks = rng.normal(size=12)
        for month in range(1, 12):
            shocks[month] = rho * shocks[month - 1] + math.sqrt(1 - rho**2) * shocks[month]
        latest = np.arange(12) >= 9
        found = latest_difference(shocks, np.ones(12), latest, alike=rho)
        missed += not found.lower <= 0.0 <= found.upper
        alone = latest_difference(shocks, np.ones(12), latest)
        naive += not alone.lower <= 0.0 <= alone.upper
    assert missed / networks < 0.05 + 3 * math.sqrt(0.05 * 0.95 / networks)
    assert naive / networks > 0.12


def test_two_stretches_are_needed() -> None:
    for is_latest in (np.array([True, True, True]), np.array([False, False, False])):
        with pytest.raises(ValueError, match="two stretches"):
            latest_difference(np.ones(3), np.ones(3), is_latest)
