"""Shocks that last are told from those that come anew, and from a program that starts."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.models.clinics.lasting_shocks import LONGEST, lasting_shocks

MONTHS, RECORDS, SHOCK = 12, 15, 0.3


def residuals(rng: np.random.Generator, clinics: int, lasting: float) -> np.ndarray:
    """(K, 12) means of 15 records with SD 1, and shocks of SD 0.3 that last."""
    shock = rng.normal(0.0, SHOCK, (clinics, MONTHS))
    for month in range(1, MONTHS):
        shock[:, month] = lasting * shock[:, month - 1] + np.sqrt(1.0 - lasting**2) * shock[:, month]
    return np.asarray(shock + rng.normal(0.0, 1.0 / np.sqrt(RECORDS), shock.shape))


def weights(clinics: int) -> np.ndarray:
    return np.full((clinics, MONTHS), float(RECORDS))


def test_what_they_add_to_a_clinics_mean_is_what_they_do() -> None:
    """Of 40 clinics the mean's variance is σ²/T² Σ ρ^|s − t|: 0.181² at ρ = 0.7; as if anew it is 0.071²."""
    rng = np.random.default_rng(1)
    found = [lasting_shocks(residuals(rng, 40, 0.7), weights(40)) for _ in range(40)]
    assert all(each is not None for each in found)
    apart = np.abs(np.subtract.outer(np.arange(MONTHS), np.arange(MONTHS)))
    truth = SHOCK**2 * float((0.7**apart).mean())
    assert np.sqrt(truth) == pytest.approx(0.181, abs=0.001)
    assert np.mean([each.lasting for each in found if each]) == pytest.approx(0.7, abs=0.05)
    assert np.mean([each.strength for each in found if each]) == pytest.approx(SHOCK, abs=0.03)
    # near the longest that can be told the variance has a long tail upwards
    assert np.median([each.of_mean.mean() for each in found if each]) == pytest.approx(truth, rel=0.15)


def test_shocks_that_come_anew_are_not_taken_to_last() -> None:
    rng = np.random.default_rng(2)
    found = [lasting_shocks(residuals(rng, 30, 0.0), weights(30)) for _ in range(60)]
    assert sum(each is not None for each in found) <= 7  # of 60 at the 5% level, 7 or fewer in 98%


def test_a_program_that_starts_is_no_shock() -> None:
    """An effect of 1.2 and more from the fourth to the eleventh month on: without it, months are alike."""
    rng = np.random.default_rng(3)
    since = np.arange(MONTHS)[None, :] - (3 + np.arange(32) % 8)[:, None]
    running = (since >= 0).astype(float)
    effect = running * (1.2 + 0.05 * since)
    known = (running, running.cumsum(axis=1))
    unknown, told = 0, 0
    for _ in range(20):
        seen = residuals(rng, 32, 0.0) + effect
        seen = seen - seen.mean(axis=0) - seen.mean(axis=1, keepdims=True)
        unknown += lasting_shocks(seen, weights(32)) is not None
        told += lasting_shocks(seen, weights(32), known) is not None
    assert unknown == 20
    assert told <= 3  # of 20 at the 5% level, 3 or fewer in 98%


def test_months_without_records_and_few_months_do_no_harm() -> None:
    rng = np.random.default_rng(4)
    seen, weight = residuals(rng, 40, 0.8), weights(40)
    weight[:3] = 0.0
    weight[3:20, 4:7] = 0.0
    found = lasting_shocks(np.where(weight > 0.0, seen, 0.0), weight)
    assert found is not None and 0.4 < found.lasting <= LONGEST
    assert (found.of_mean[:3] == 0.0).all() and (found.of_mean[3:] > 0.0).all()
    assert lasting_shocks(seen[:, :2], weights(40)[:, :2]) is None


def test_clinics_of_one_month_each_have_no_neighbouring_months() -> None:
    assert lasting_shocks(np.ones((4, 4)), np.eye(4)) is None
