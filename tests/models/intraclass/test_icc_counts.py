"""The ICC of counts that vary more than a Poisson model allows."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from tasks.errors import EstimationError
from tasks.models import icc


def bed_days(seed: int, clinics: int, stays: int, size: float, sd: float) -> pd.DataFrame:
    """Counts of mean 10 at the typical clinic, gamma-Poisson within it."""
    rng = np.random.default_rng(seed)
    clinic = np.repeat(np.arange(clinics), stays)
    mean = 10.0 * np.exp(rng.normal(0.0, sd, clinics)[clinic])
    return pd.DataFrame(
        {"clinic": clinic, "days": rng.poisson(mean * rng.gamma(size, 1.0 / size, len(clinic)))}
    )


@pytest.mark.published
def test_as_lme4_has_it() -> None:
    """lme4 1.1-31, glmer.nb of the same rows: variance 0.00416, theta 1.92738, intercept 2.33208.

    Its alternation between theta and the rest stops 0.003 below the maximum of the likelihood, hence 1%.
    """
    found = icc(
        "days",
        bed_days(5, 30, 40, 2.0, 0.1),
        groups="clinic",
        kind="count",
        family="negative-binomial",
        nodes=1,
    )
    assert found.name == "observed-scale ICC of the negative binomial mixed model"
    assert found.components["loglik"] > -3972.40956354
    assert found.components["dispersion"] == pytest.approx(1.0 / 1.92738324571, rel=1e-3)
    assert found.estimate == pytest.approx(0.00670641926, rel=1e-2)
    assert found.lower <= found.estimate <= found.upper


@pytest.mark.before_release
@pytest.mark.slow
def test_the_truth_is_found_and_a_poisson_model_takes_scatter_for_clinics() -> None:
    """True ICC in closed form: m²(e^v − 1) / (m + m²(e^v − 1) + m² e^v / size), m = 10 e^(v/2)."""
    size, sd = 2.0, 0.3
    mean = 10.0 * math.exp(sd**2 / 2.0)
    between = mean**2 * math.expm1(sd**2)
    truth = between / (mean + between + mean**2 * math.exp(sd**2) / size)
    networks = [bed_days(seed, 80, 30, size, sd) for seed in range(5)]
    own = [icc("days", each, groups="clinic", kind="count", family="negative-binomial") for each in networks]
    assert sum(each.lower < truth < each.upper for each in own) >= 4
    assert np.mean([each.estimate for each in own]) == pytest.approx(truth, rel=0.15)
    anova = [icc("days", each, groups="clinic", kind="count", method="anova") for each in networks]
    for one, other in zip(own, anova, strict=True):  # which assumes no family
        assert one.estimate == pytest.approx(other.estimate, rel=0.15)
    poisson = icc("days", networks[0], groups="clinic", kind="count")
    assert poisson.lower > 2.0 * truth


def test_a_family_that_counts_do_not_have() -> None:
    with pytest.raises(EstimationError, match="counts are poisson or negative-binomial"):
        icc("days", bed_days(1, 5, 5, 2.0, 0.1), groups="clinic", kind="count", family="binomial")
