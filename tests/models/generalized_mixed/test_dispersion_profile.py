"""The interval of a share in which the dispersion stands beside the SD of clinics."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import optimize

from tasks.models import icc
from tasks.models.generalized_mixed.dense_likelihood import DenseLikelihood
from tasks.models.generalized_mixed.dispersion_profile import figure_interval
from tasks.models.generalized_mixed.glmm import glmm_from_cells
from tasks.models.generalized_mixed.glmm_cells import ArrangedCells
from tasks.models.numerics.profile_interval import allowed_fall
from tasks.records import cells_for

MEAN = 20.0


def days(sd: float, size: float, clinics: int = 12, stays: int = 15, mean: float = 6.0) -> pd.DataFrame:
    """Gamma-Poisson counts; clinics' means are lognormal."""
    rng = np.random.default_rng(2)
    clinic = np.repeat(np.arange(clinics), stays)
    means = mean * np.exp(rng.normal(0.0, sd, clinics))[clinic]
    return pd.DataFrame(
        {"clinic": clinic, "days": rng.poisson(means * rng.gamma(size, 1.0 / size, clinic.size))}
    )


def share(variance: float, dispersion: float) -> float:
    """(e^v − 1) / (e^v − 1 + 1/m + d e^v), the ICC of counts of mean m."""
    between = math.expm1(variance)
    return between / (between + 1.0 / MEAN + dispersion * math.exp(variance))


@pytest.mark.slow
@pytest.mark.parametrize(("sd", "size"), [(1.0, 1.0), (2.0, 0.5), (0.6, 4.0)])
def test_the_best_likelihood_with_that_share_has_fallen_by_as_much_as_is_allowed(
    sd: float, size: float
) -> None:
    """By a search over SDs and intercepts for each share, the dispersion what the share leaves of it."""
    design, cells = cells_for("days ~ 1 + (1 | clinic)", days(sd, size), collapse=False)
    fit = glmm_from_cells(design, cells, "negative-binomial")
    arranged = ArrangedCells.of(design, cells, "negative-binomial")
    dense = DenseLikelihood(arranged.scalar(9))

    def fall(wanted: float) -> float:
        def lost(at: np.ndarray) -> float:
            variance = math.exp(2.0 * at[0])
            dispersion = (math.expm1(variance) * (1.0 / wanted - 1.0) - 1.0 / MEAN) / math.exp(variance)
            if dispersion <= 0.0:
                return math.inf
            return -dense.evaluate(np.array([math.exp(at[0]), at[1], -math.log(dispersion)]), 0).value

        begin = [math.log(float(fit.varcomp.sd("clinic").iloc[0])), float(fit.coef.iloc[0])]
        found = optimize.minimize(lost, begin, method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-8})
        return float(fit.loglik or math.nan) + float(found.fun)

    for end in figure_interval(design, cells, fit, share, 0.95):
        assert fall(end) == pytest.approx(allowed_fall(0.95, 12), rel=2e-3)


@pytest.mark.slow
def test_clinics_that_differ_tenfold_leave_the_dispersion_uncertain() -> None:
    """A share of 1/(1 + d), whatever the SD: with the dispersion held its interval had no width."""
    found = icc("days", days(3.5, 0.2, mean=2.0), groups="clinic", kind="count", family="negative-binomial")
    assert found.estimate == pytest.approx(1.0 / (1.0 + found.components["dispersion"]), rel=1e-2)
    assert found.lower < 0.8 * found.estimate
    assert found.upper > 1.2 * found.estimate


@pytest.mark.slow
def test_a_share_that_may_be_nothing_begins_at_nothing() -> None:
    found = icc("days", days(0.0, 1.0), groups="clinic", kind="count", family="negative-binomial")
    assert found.lower == 0.0
    assert found.lower <= found.estimate < found.upper < 0.5
