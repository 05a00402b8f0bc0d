"""An ICC's interval comes from the family of its estimate, and holds it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tasks.models import ICC, icc

CONTINUOUS = ("anova", "reml", "ml")
BINARY = ("fleiss-cuzick", "anova", "pairwise", "mak", "beta-binomial", "latent", "observed")


def network(seed: int, clinics: int, largest: int, sd: float) -> pd.DataFrame:
    """Clinics of 2 to `largest` records; with sd = 0 they do not differ."""
    rng = np.random.default_rng(seed)
    sizes = np.append(rng.integers(2, 12, clinics - 1), largest)
    clinic = np.repeat(np.arange(clinics), sizes)
    level = sd * rng.normal(size=clinics)[clinic]
    chance = 1.0 / (1.0 + np.exp(1.0 - level))
    return pd.DataFrame(
        {
            "clinic": clinic,
            "sbp": 130.0 + 10.0 * level + 10.0 * rng.normal(size=len(clinic)),
            "fell": (rng.random(len(clinic)) < chance).astype(int),
            "visits": rng.poisson(3.0 * np.exp(level)),
        }
    )


def held(found: ICC) -> bool:
    return bool(found.lower <= found.estimate <= found.upper)


@pytest.mark.before_release
@pytest.mark.slow
@pytest.mark.parametrize("sd", [0.0, 0.1, 0.6])
@pytest.mark.parametrize("seed", range(8))
def test_the_default_interval_holds_the_estimate(seed: int, sd: float) -> None:
    rows = network(seed, clinics=8, largest=(11, 60)[seed % 2], sd=sd)
    for method in CONTINUOUS:
        assert held(icc("sbp", rows, groups="clinic", method=method)), method
    for method in BINARY:
        assert held(icc("fell", rows, groups="clinic", kind="binary", method=method)), method
    for family in ("poisson", "negative-binomial"):
        assert held(icc("visits", rows, groups="clinic", kind="count", family=family)), family


def level_clinics() -> pd.DataFrame:
    """Means all alike in clinics of 6 and 3: F = 0."""
    rows = [(f"Clinic {i}", 130.0 + (j % 3)) for i, n in enumerate((6, 3, 3, 6)) for j in range(n)]
    return pd.DataFrame(rows, columns=["clinic", "sbp"])


@pytest.mark.parametrize("method", ["reml", "ml"])
def test_a_likelihood_s_zero_is_the_end_of_its_own_interval(method: str) -> None:
    """The exact interval of the same records, of another family, has no ends at F = 0."""
    found = icc("sbp", level_clinics(), groups="clinic", method=method)
    assert found.interval == "profile"
    assert found.estimate == 0.0
    assert found.lower == 0.0 < found.upper < 1.0
    assert np.isnan(found.conf_int("exact")).all()


def test_an_estimate_by_moments_below_zero_is_in_its_interval() -> None:
    """Four clinics of 20 events in 80: Fleiss & Cuzick's 1 − (4 · 20·60/80) / (316 · 3/16) = −0.0127."""
    rows = pd.DataFrame(
        [(clinic, int(i % 4 == 0)) for clinic in "ABCD" for i in range(80)], columns=["clinic", "fell"]
    )
    found = icc("fell", rows, groups="clinic", kind="binary")
    assert found.estimate == pytest.approx(1.0 - 60.0 / (316.0 * 3.0 / 16.0), rel=1e-12)
    assert found.lower == found.estimate
    assert found.upper == found.conf_int("profile")[1] > 0.0
    assert any("begins at the estimate" in each for each in found.messages)
