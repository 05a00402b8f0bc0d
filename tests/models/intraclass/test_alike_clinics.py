"""Clinics that are exactly alike: F is 0, and the intraclass correlation the least that it can be."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from tasks.errors import EstimationError
from tasks.models import icc

LEAST = -1.0 / 79.0
"""R: (MSB − MSW) / (MSB + (n − 1) MSW) of anova(lm(sbp ~ clinic)) with four clinics of n = 80."""


@pytest.fixture(scope="module")
def alike() -> pd.DataFrame:
    rows = [(f"Clinic {clinic}", int(i % 4 == 0), 130.0 + i % 9) for clinic in "ABCD" for i in range(80)]
    return pd.DataFrame(rows, columns=["clinic", "fell", "sbp"])


def test_means_alike(alike: pd.DataFrame) -> None:
    """The likelihood's interval, from the estimate on: F has none."""
    found = icc("sbp", alike, groups="clinic")
    assert found.estimate == pytest.approx(LEAST, rel=1e-12)
    assert found.interval == "profile"
    likelihood = icc("sbp", alike, groups="clinic", method="reml")
    assert (found.lower, found.upper) == (found.estimate, likelihood.upper)
    assert found.components["f"] == 0.0
    assert found.components["reliability_of_means"] == -math.inf
    assert any("as a share of variance it is zero" in each for each in found.messages)


@pytest.mark.parametrize("interval", ["exact", "searle", "smith", "bootstrap"])
def test_an_f_of_zero_has_no_interval_which_is_said(alike: pd.DataFrame, interval: str) -> None:
    """F(θ) is 0 at every ratio θ, and P(F ≤ 0) is 0: no ratio is in an interval of any level."""
    found = icc("sbp", alike, groups="clinic", interval=interval, replicates=50)
    assert found.estimate == pytest.approx(LEAST, rel=1e-12)
    assert math.isnan(found.lower)
    assert math.isnan(found.upper)
    assert any("exactly alike (F is 0)" in each for each in found.messages)
    assert f"interval none ({interval})" in found.summary()


def test_means_alike_but_for_rounding_are_alike(alike: pd.DataFrame) -> None:
    thirds = alike.assign(sbp=alike["sbp"] / 3.0 + 0.1)
    found = icc("sbp", thirds, groups="clinic", interval="exact")
    assert found.components["f"] < 1e-20
    assert math.isnan(found.upper)
    assert icc("sbp", thirds, groups="clinic").interval == "profile"


def test_means_alike_by_likelihood_are_a_share_of_zero(alike: pd.DataFrame) -> None:
    found = icc("sbp", alike, groups="clinic", method="reml", interval="profile")
    assert found.estimate == 0.0
    assert found.lower == 0.0 < found.upper < 0.2


@pytest.mark.parametrize("method", ["fleiss-cuzick", "anova", "pairwise", "mak"])
def test_shares_alike(alike: pd.DataFrame, method: str) -> None:
    found = icc("fell", alike, groups="clinic", kind="binary", method=method)
    assert found.estimate == pytest.approx(LEAST, rel=1e-3)


@pytest.mark.parametrize("method", ["pairwise", "mak"])
def test_events_only_in_clinics_of_one_patient(method: str) -> None:
    rows = pd.DataFrame({"clinic": ["A", "B", "C", "C", "D", "D"], "fell": [1, 0, 0, 0, 0, 0]})
    with pytest.raises(EstimationError, match="clinics of two patients or more"):
        icc("fell", rows, groups="clinic", kind="binary", method=method)


@pytest.mark.slow
def test_rare_events_from_a_database_are_as_from_a_frame() -> None:
    """Where few clinics have both outcomes the database hands over a cell for each."""
    import duckdb

    rng = np.random.default_rng(5)
    clinic = np.repeat(np.arange(60), 58)
    high = rng.random(60) < 0.1
    fell = (rng.random(clinic.size) < np.where(high[clinic], 0.15, 0.0)).astype(int)
    rows = pd.DataFrame({"clinic": clinic, "fell": fell})
    relation = duckdb.from_df(rows)
    for method in ("fleiss-cuzick", "anova", "pairwise", "mak", "beta-binomial"):
        here = icc("fell", rows, groups="clinic", kind="binary", method=method)
        there = icc("fell", relation, groups="clinic", kind="binary", method=method)
        assert there.estimate == pytest.approx(here.estimate, rel=1e-10)
        assert (there.lower, there.upper) == pytest.approx((here.lower, here.upper), rel=1e-6)
        assert len(there.clinics) == 60
