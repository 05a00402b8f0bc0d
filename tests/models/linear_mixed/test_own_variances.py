"""Every level its own residual variance: moderated as Smyth (2004) has it, and weighted exactly."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import optimize, stats

from tasks.errors import EstimationError
from tasks.models import lmm, shrink, with_own_variances
from tasks.models.linear_mixed.level_variances import _log_f, level_variances

Floats = NDArray[np.float64]


def network(seed: int, clinics: int = 30, prior_df: float = 4.0) -> pd.DataFrame:
    """Clinics of 4 to 60 rows whose residual variances are inverse χ² about 1."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(4, 61, clinics)
    spread = np.ones(clinics)
    if np.isfinite(prior_df):
        spread = np.sqrt(prior_df / rng.chisquare(prior_df, clinics))
    clinic = np.repeat(np.arange(clinics), sizes)
    x = rng.normal(size=len(clinic))
    effects = rng.normal(0.0, 0.5, clinics)
    y = 10.0 + 0.3 * x + effects[clinic] + spread[clinic] * rng.normal(size=len(clinic))
    return pd.DataFrame({"y": y, "x": x, "clinic": [f"c{each:02}" for each in clinic]})


def test_a_moderated_variance_is_the_average_weighted_by_degrees_of_freedom() -> None:
    fit = with_own_variances(lmm("y ~ x + (1 | clinic)", network(1)))
    found = fit.variances
    assert found is not None
    worked = (found.prior_df * found.prior + found.own_df * found.own) / (found.prior_df + found.own_df)
    np.testing.assert_allclose(found.moderated, worked, rtol=1e-12)
    assert np.all((found.moderated - found.prior) * (found.moderated - found.own) <= 0.0)


def test_own_variances_are_of_rows_about_their_clinics_line() -> None:
    frame = pd.DataFrame({"y": [1.0, 3.0, 10.0, 10.0, 16.0], "clinic": ["a", "a", "b", "b", "b"]})
    fit = lmm("y ~ 1 + (1 | clinic)", frame)
    found = level_variances(fit.moments, fit.coef, "clinic")
    # a: 1, 3 about 2 is 1 + 1; b: 10, 10, 16 about 12 is 4 + 4 + 16
    np.testing.assert_allclose(found.own, [2.0 / 1.0, 24.0 / 2.0])
    np.testing.assert_array_equal(found.own_df, [1.0, 2.0])


def test_the_density_of_f_is_scipys() -> None:
    x, d1 = np.array([0.1, 1.0, 7.0]), np.array([1.0, 9.0, 250.0])
    for d2 in (0.5, 8.0, 4_000.0):
        np.testing.assert_allclose(_log_f(x, d1, d2), stats.f.logpdf(x, d1, d2), rtol=1e-9)


def test_the_prior_is_the_likeliest() -> None:
    fit = with_own_variances(lmm("y ~ x + (1 | clinic)", network(2, clinics=200)))
    found = fit.variances
    assert found is not None

    def distance(parameters: Floats) -> float:
        centre, df = np.exp(parameters)
        return -float(np.sum(stats.f.logpdf(found.own / centre, found.own_df, df) - np.log(centre)))

    reference = np.exp(optimize.minimize(distance, [0.0, 1.0], method="Nelder-Mead", tol=1e-12).x)
    np.testing.assert_allclose([found.prior, found.prior_df], reference, rtol=1e-4)
    assert found.prior_df == pytest.approx(4.0, rel=0.5)
    assert found.differ


@pytest.mark.before_release
@pytest.mark.slow
def test_equal_variances_stay_one() -> None:
    found = [with_own_variances(lmm("y ~ x + (1 | clinic)", network(s, prior_df=np.inf))) for s in range(40)]
    differ = [each.variances is not None and each.variances.differ for each in found]
    assert sum(differ) <= 5  # of 40 at the 5% level, 5 or fewer in 97% of such trials


@pytest.mark.slow
def test_the_weighted_fit_is_generalised_least_squares() -> None:
    """Against the restricted likelihood of the whole covariance matrix, written out."""
    frame = network(3, clinics=8)
    fit = with_own_variances(lmm("y ~ x + (1 | clinic)", frame))
    assert fit.variances is not None and fit.moments.precision is not None
    clinic = pd.Categorical(frame["clinic"]).codes
    ones = clinic[:, None] == clinic[None, :]
    design = np.column_stack([np.ones(len(frame)), frame["x"]])
    y = frame["y"].to_numpy()
    noise = fit.moments.precision[clinic]
    np.testing.assert_allclose(noise.mean(), 1.0, rtol=1e-12)
    np.testing.assert_allclose(
        noise * fit.variances.moderated[clinic], noise[0] * fit.variances.moderated[clinic[0]], rtol=1e-5
    )

    def criterion(log_variances: Floats) -> tuple[float, Floats]:
        between, within = np.exp(log_variances)
        covariance = np.diag(within / noise) + between * ones
        inverse = np.linalg.inv(covariance)
        information = design.T @ inverse @ design
        beta = np.linalg.solve(information, design.T @ inverse @ y)
        residual = y - design @ beta
        logs = np.linalg.slogdet(covariance)[1] + np.linalg.slogdet(information)[1]
        return float(logs + residual @ inverse @ residual), beta

    start = np.log([fit.varcomp.variance("clinic").iloc[0], fit.sigma2])
    best = optimize.minimize(
        lambda v: criterion(v)[0], start, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12}
    )
    np.testing.assert_allclose(np.exp(best.x), np.exp(start), rtol=1e-5)
    np.testing.assert_allclose(criterion(start)[1], fit.coef.to_numpy(), rtol=1e-9)


def test_two_grouping_factors_are_refused() -> None:
    frame = network(4)
    frame["region"] = frame["clinic"].str[-1]
    with pytest.raises(EstimationError, match="one grouping factor"):
        with_own_variances(lmm("y ~ x + (1 | clinic) + (1 | region)", frame))


@pytest.mark.parametrize("worth", [2.0, 20.0, 100.0])
def test_rows_that_are_alike_leave_means_known_as_well_as_was_asked(worth: float) -> None:
    """Means of 24 clinics of 180 rows, known by σ²·f/180, though their rows are worth 43 rows at f = 100."""
    rng = np.random.default_rng(9)
    clinic = np.repeat(np.arange(24), 180)
    data = pd.DataFrame({"clinic": clinic, "month": np.tile(np.arange(12), 360), "y": rng.normal(size=4320)})
    fit = lmm("y ~ C(month) + (1 | clinic)", data)
    weighed = with_own_variances(fit, dict.fromkeys(range(24), worth))
    own_sd = shrink(weighed, "clinic").table["own_sd"].to_numpy()
    assert own_sd == pytest.approx(np.full(24, fit.sigma * np.sqrt(worth / 180)), rel=0.01)
